"""Rules of the user's own: the decorators, and the primitives that hold the rules."""
