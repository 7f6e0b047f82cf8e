"""Measurement of a training: phases of a step, profile, system metrics."""
