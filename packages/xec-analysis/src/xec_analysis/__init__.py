"""Plots and numbers of the xec reconstruction: resolution, baselines, event display and the demo."""
