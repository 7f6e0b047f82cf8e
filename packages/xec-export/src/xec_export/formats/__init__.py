"""The forms of files that a network is exported to."""
