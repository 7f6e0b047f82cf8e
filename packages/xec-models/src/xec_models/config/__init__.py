"""The configuration of networks and tasks."""
