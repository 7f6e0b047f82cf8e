"""Recovery of dead channels in ROOT files."""
