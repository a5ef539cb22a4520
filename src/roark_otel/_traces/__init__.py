"""The spans of conversations go to Roark too, without content where that is off."""
