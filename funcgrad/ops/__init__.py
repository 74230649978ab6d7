"""Floor 1: the primitives, a family a file, each with all its rules in one place."""
