"""Comparison of inpainters with estimators that need no network."""
