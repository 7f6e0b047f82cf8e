"""The benchmark: networks, conventional estimators, likelihood fit and bound on fixed simulated events."""
