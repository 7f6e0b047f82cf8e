"""Displays of single events."""
