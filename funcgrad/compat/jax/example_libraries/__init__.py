"""``jax.example_libraries``: optimizers and layers of few lines, for JAX's arrays."""
