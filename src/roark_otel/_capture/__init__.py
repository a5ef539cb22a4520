"""App threads: which spans count, a compact copy of each, a queue without a lock."""
