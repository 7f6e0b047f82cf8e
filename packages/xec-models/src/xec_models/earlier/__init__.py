"""Checkpoints of the earlier system xec-ml-wl."""
