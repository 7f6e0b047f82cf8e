"""Exact solid angles of the sensors."""
