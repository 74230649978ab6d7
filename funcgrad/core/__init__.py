"""Floor 0: what a program is. Nothing here knows a primitive by name."""
