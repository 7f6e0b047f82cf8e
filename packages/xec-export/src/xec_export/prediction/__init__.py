"""Predictions of an exported network or a checkpoint, for arrays and for ROOT files."""
