"""Tests of what may leave the process."""
