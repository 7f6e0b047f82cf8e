"""Speed of xec as a ratio to a limit that is measured in the same run: ``hatch run bench``."""
