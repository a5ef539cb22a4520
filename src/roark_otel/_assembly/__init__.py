"""Pure: the rows of spans in, calls out, or why there is none."""
