"""Searches for good values of a configuration: studies of optuna, whose trials are trainings."""
