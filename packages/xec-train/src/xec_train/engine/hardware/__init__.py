"""Device, precision and compilation of a network."""
