"""How long networks train until they are as good as the conventional reconstruction."""
