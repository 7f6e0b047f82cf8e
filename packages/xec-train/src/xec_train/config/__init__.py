"""The configuration of a training: its sections, its files, its flags and its errors."""
