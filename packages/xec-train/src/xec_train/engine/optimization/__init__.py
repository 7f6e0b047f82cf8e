"""Optimization: gradients, optimizers, schedules, averaged weights."""
