"""Finished calls, one file each, claimed under a lock, until Roark has them."""
