"""Output files of the commands, and what the commands print about them."""
