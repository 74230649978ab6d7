"""What test files share: comparison, small programs, cases of primitives, expressions of NumPy."""
