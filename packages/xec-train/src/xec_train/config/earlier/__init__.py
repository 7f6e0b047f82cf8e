"""Configurations and flags of the earlier system xec-ml-wl: what takes their place, and their conversion."""
