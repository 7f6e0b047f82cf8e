"""Output files made of the events of other files, and copies of trees."""
