"""Programs that run the whole chain: the demo and the study of pre-training."""
