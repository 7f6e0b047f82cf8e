"""Dead channels on the way to predictions: which sensors are dead, and what stands in for their readings."""
