"""Calibration runs: spectra of photons of one energy, fitted; peak and resolution per patch and depth."""
