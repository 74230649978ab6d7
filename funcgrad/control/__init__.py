"""Floor 4: control flow, as primitives that hold programs."""
