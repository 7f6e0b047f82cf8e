"""The detector itself: sensors, faces, coordinates, the fiducial volume, an as-built survey."""
