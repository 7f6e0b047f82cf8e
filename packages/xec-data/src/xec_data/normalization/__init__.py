"""Normalization of photon counts and times."""
