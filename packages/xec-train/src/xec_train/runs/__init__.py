"""A training as a run: preparation, run directory, what is shown and what is left behind."""
