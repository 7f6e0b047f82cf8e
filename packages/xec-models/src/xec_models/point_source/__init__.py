"""The light of a point in the xenon, and the point that explains the counts of an event best."""
