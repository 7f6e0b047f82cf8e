"""Training of the xec networks: configuration, loader, loop, objectives, schedules and tracking."""
