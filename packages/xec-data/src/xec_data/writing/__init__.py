"""Writing of ROOT and CSV files."""
