"""Pure: which conversation a span belongs to (`ownership`), and when it has ended (`machine`)."""
