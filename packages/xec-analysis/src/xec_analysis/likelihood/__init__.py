"""The likelihood of point events in the simulation's own model: information, bound and scoring."""
