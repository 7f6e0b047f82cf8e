"""The inpainter: local features, heads, network."""
