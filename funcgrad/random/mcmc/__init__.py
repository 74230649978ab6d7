"""Markov chain Monte Carlo: Hamiltonian samplers over trees, and diagnostics of their draws."""
