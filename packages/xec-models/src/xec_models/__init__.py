"""Neural networks for the MEG II liquid-xenon detector: encoder, regressor, checkpoints and load_model."""
