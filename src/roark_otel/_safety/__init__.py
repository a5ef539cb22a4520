"""Keeps the app and this package safe from each other: broad `except`s, threads, hooks, late imports, ids in logs."""
