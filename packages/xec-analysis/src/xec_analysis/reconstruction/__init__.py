"""Reconstructed readings of masked autoencoders and inpainters."""
