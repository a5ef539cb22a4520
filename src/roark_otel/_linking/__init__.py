"""Pure: finished conversation in, call out."""
