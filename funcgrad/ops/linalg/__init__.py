"""The primitives of linear algebra, a factorisation a file."""
