"""Boundary value problems by collocation on an adaptive mesh."""
