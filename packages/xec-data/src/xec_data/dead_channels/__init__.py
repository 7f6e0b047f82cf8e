"""Sources of dead channels: text, ROOT files, databases."""
