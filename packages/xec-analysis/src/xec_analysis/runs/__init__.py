"""Plots of trainings: what a finished run draws, curves of one or several."""
