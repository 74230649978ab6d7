"""What several test files share."""

import pytest

pytest.register_assert_rewrite("tests.support.compare", "tests.support.processes")


@pytest.fixture
def jax():
    """Give JAX with 64-bit numbers, for one test; it is 32 bits for the others."""
    module = pytest.importorskip("jax")
    with module.enable_x64(True):
        yield module


# files whose small loops stand for long ones
LOOPS = {
    "test_control", "test_fuzz", "test_implicit", "test_lost_derivatives", "test_nested_closures",
    "test_nesting", "test_precision", "test_untaken_paths", "test_untaken_paths_nested",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def loops_by_their_rules(request):
    """Run loops of few steps by the rules of loops in these files, and not step by step."""
    if request.module.__name__.rpartition(".")[2] not in LOOPS:
        yield
        return
    from funcgrad.control import body

    before, body.SHORT = body.SHORT, 0
    yield
    body.SHORT = before
