"""Readings of dead channels, estimated from the others."""
