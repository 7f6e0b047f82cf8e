"""The detector in pictures and tables."""
