"""Programs of a run: assembly, training, results, profile, fine-tuning, display."""
