"""Every setting with its variable, its default and its check; the key and its rotation."""
