"""Checkpoint files and run directories."""
