"""Pure: the values that stages hand to one another, and the checks they share."""
