"""Fuzzers: what strangers can write, into the same stages as an app's, for as long as you like (`make fuzz`)."""
