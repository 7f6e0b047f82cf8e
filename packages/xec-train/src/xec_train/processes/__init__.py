"""Training in several processes: launchers, collectives, sharding."""
