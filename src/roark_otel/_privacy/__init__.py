"""Pure: what may leave the process. Masked words, patterns, the app's `redact` hook."""
