"""Figures of merit of a regressor's predictions, each with its statistical error."""
