"""Trainings, predictions and notebooks as jobs of SLURM."""
