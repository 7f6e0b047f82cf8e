"""Grids on which networks see the sensors: the fine grid of the outer face, the hexagonal faces."""
