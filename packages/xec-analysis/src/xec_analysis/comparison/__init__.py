"""Trainings and predictions beside each other: what differs, what is better, and by how many errors."""
