"""What a network can learn: a table of objectives, each behind the same protocol."""
