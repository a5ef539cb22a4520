"""Pure: what is open, without reading a word of it. A log of bytes for each group of spans, and when it is due."""
