"""The sensors of the MEG II liquid-xenon photon detector: positions, faces, index maps, coordinates, solid angles, and the xec command."""
