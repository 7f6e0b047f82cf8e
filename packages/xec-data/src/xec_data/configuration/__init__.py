"""Parts that the configurations of all packages share."""
