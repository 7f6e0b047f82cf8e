"""The regressor: heads, predictions and their metrics."""
