"""Faults on purpose: what must survive them is tried from outside."""
