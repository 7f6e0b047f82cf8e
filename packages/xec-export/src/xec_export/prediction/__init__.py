"""Predictions of an exported network or a checkpoint, also for whole ROOT files."""
