"""Conventional estimators as a reference for networks."""
