"""Training in several processes: launchers, the group of processes, sharding."""
