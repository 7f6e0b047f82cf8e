"""Losses of the tasks and of reconstructed readings: one table."""
