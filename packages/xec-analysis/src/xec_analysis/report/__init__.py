"""`xec report`: everything about a run or file of predictions in one page, section by section."""
