"""What several test files share."""

import pytest

pytest.register_assert_rewrite("tests.support.compare", "tests.support.processes")


@pytest.fixture
def jax():
    """Give JAX with 64-bit numbers, for one test; it is 32 bits for the others."""
    module = pytest.importorskip("jax")
    with module.enable_x64(True):
        yield module
