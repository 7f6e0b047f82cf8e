"""Which readings the outputs of a regressor follow, and which faces its fusion looks at."""
