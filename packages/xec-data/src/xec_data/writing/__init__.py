"""Arrays to ROOT and CSV files."""
