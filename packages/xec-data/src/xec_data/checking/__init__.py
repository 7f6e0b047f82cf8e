"""The check of a file: what it holds and what it can be used for."""
