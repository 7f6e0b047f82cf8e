"""Graphs of lower precision, and what that costs."""
