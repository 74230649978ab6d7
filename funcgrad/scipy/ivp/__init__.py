"""Initial value problems: steps of several methods, events, and derivatives of the solution."""
