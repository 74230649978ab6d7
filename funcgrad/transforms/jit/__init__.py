"""jit: staging a function once for each signature, and running what was compiled of it."""
