"""Higher transcendental functions: Bessel, exponential integrals, hypergeometric, elliptic, ..."""
