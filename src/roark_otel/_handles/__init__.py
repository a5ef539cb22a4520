"""A conversation that the app describes itself, written as spans."""
