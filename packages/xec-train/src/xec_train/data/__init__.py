"""Batches of events from files: order, reading processes, shared memory."""
