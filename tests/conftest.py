"""What several test files share."""

import gc
import os

import pytest

from .support import engines

pytest.register_assert_rewrite("tests.support.compare", "tests.support.processes")


def pytest_addoption(parser):
    engines.add_options(parser)


def pytest_configure(config):
    if config.getoption("--engine"):
        os.environ["FUNCGRAD_BACKEND"] = "jax"  # before the library is imported


def pytest_ignore_collect(collection_path, config):
    """Leave out the files that no engine runs."""
    name = collection_path.stem
    if config.getoption("--engine") and name.startswith("test_"):
        return name.removeprefix("test_") not in engines.FILES or None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect tests without the garbage collector, and keep it from looking at them again.

    It would walk 2 million objects that stay, a hundred times.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)  # rather than 700: tests make much that stays until they end
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def what_stays_is_frozen():
    """Keep the garbage collector from looking again at what a file leaves: modules, caches."""
    yield
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Expect the failure of a test whose program an engine refuses."""
    try:
        return (yield)
    except Exception as err:
        if pyfuncitem.config.getoption("--engine") and engines.REFUSED in str(err):
            pytest.xfail(engines.REFUSED)
        raise


@pytest.fixture
def jax():
    """Give JAX with 64-bit numbers, for one test; it is 32 bits for the others."""
    module = pytest.importorskip("jax")
    with module.enable_x64(True):
        yield module


# laws that take long and hold for rows of a table: the quick suite meets every other row, the slow
# suite all; the other laws of a row are in the quick suite
EVERY_OTHER = {
    "test_complex.py": ("test_second_derivatives_are_", "test_derivatives_are_central_"),
    "test_numpy.py": ("test_second_derivatives_are_", "test_gradients_are_central_"),
    "test_numpy_composed.py": ("test_second_derivatives_are_",),
    "test_rules.py": (
        "test_derivatives_staged_", "test_second_derivatives_in_", "test_jvp_of_a_gradient_",
    ),
    "test_jit.py": (
        "test_compiled_derivatives_", "test_a_compiled_primitive_", "test_a_compiled_batch_",
        "test_a_compiled_program_",
    ),
    "test_decompositions.py": ("test_a_program_decomposes_", "test_what_has_no_row_"),
    "test_higher_orders.py": ("test_derivatives_to_order_2_",),
    "test_mutation.py": ("test_a_derivative_is_right_or_refused",),
}  # fmt: skip


@pytest.hookimpl(tryfirst=True)  # before the slow tests are left out
def pytest_collection_modifyitems(items, config):
    """Mark every other row of the laws above as slow; choose the tests of an engine."""
    met = {}
    for item in items:
        laws = EVERY_OTHER.get(item.path.name, ())
        if item.name.startswith(laws) and laws and item.get_closest_marker("slow") is None:
            law = item.nodeid.partition("[")[0]
            met[law] = met.get(law, 0) + 1
            if met[law] % 2 == 0:
                item.add_marker("slow")
    if config.getoption("--engine"):
        own = engines.chosen(items, config.getoption("--sample"))
        config.hook.pytest_deselected(items=[item for item in items if item not in set(own)])
        items[:] = own


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
