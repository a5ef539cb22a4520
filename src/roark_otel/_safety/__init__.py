"""What keeps the app safe from us: the one broad `except`, threads, late imports, ids in logs."""
