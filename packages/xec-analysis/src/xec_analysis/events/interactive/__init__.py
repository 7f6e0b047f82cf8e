"""The interactive display of events: one HTML page that needs nothing else."""
