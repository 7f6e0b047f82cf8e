"""Conventional estimators, which a network has to beat."""
