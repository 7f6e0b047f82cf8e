"""Curves of one training or of several, and the plots at the end of a training."""
