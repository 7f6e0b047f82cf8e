"""Check of a file: its content and what it can be used for."""
