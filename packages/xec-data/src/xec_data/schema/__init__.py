"""Content of an event file: branches, units, validity."""
