"""The anchor of a network: a conventional reconstruction in torch, and the readings around its point."""
