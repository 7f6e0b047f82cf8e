"""The encoder: readings to one token for each face."""
