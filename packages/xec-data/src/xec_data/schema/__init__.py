"""What an event file holds: branches, units, and when a value is invalid."""
