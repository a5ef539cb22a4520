"""What is open, without reading a word of it: a log of bytes for each group of spans, and when it is due. Pure."""
