"""Reading of ROOT files into arrays."""
