"""The style of all plots: colours, sizes, symbols and units."""
