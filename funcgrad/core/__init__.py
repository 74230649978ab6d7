"""Floor 0: programs, primitives and traces. Nothing here knows a primitive by name."""
