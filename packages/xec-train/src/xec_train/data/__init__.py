"""From files to batches: what is read, in which order, by which process."""
