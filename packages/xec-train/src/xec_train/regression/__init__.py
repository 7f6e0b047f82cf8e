"""The objective ``regression``: losses, weights of events, results."""
