"""Floor 3: the interpreters, all of one shape."""
