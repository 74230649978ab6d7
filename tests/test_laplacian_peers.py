"""Laplacians beside folx, under jax.jit: the same values, in no more than 1.3 times the time."""

import pytest

from .benchmarks.laplacian import DTYPES, PROGRAMS, compare

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("name", PROGRAMS)
def test_time_and_values_of_laplacians(name):
    pytest.importorskip("folx")
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        times = [compare(name, dtype) for dtype in DTYPES[name]]
    finally:
        jax.config.update("jax_enable_x64", before)

    for row in times if name == "network" else ():
        assert row["funcgrad"] <= 1.3 * row["folx"]
