"""What is open is kept as bytes: attributes are cut down to what is new in them, and joined again without loss."""
