"""Keeps the app safe from this package: the one broad `except`, threads, late imports, ids in logs."""
