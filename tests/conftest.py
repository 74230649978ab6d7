"""What several test files share."""

import gc
import os
import shutil
import tempfile
from collections import Counter

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


def pytest_sessionstart(session):
    """Keep temporary files of tests and of their processes in a folder, removed at the end."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # of tmp_path
    folder = tempfile.mkdtemp(prefix="funcgrad-tests-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    session.config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


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
        reason = engines.refusal(err) if pyfuncitem.config.getoption("--engine") else None
        if reason:
            pytest.xfail(reason)
        raise


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--engine"):
        engines.report(terminalreporter)


@pytest.fixture
def jax():
    """Give JAX with 64-bit numbers, for one test; it is 32 bits for the others."""
    module = pytest.importorskip("jax")
    with module.enable_x64(True):
        yield module


# laws of which the quick suite meets every other row of a table, the slow suite all; two laws that
# stand side by side leave out different rows, and further laws of each row are in the quick suite
EVERY_OTHER = {
    "test_array_api.py": ("test_two_dtypes_meet_",),
    "test_at.py": ("test_an_update_in_a_loop_", "test_each_update_has_its_derivatives"),
    "test_compiled_products.py": ("test_a_compiled_einsum_", "test_a_compiled_stack_of_products_"),
    "test_complex.py": ("test_second_derivatives_are_", "test_derivatives_are_central_"),
    "test_control.py": ("test_a_number_stays_weak_",),
    "test_decompositions.py": ("test_a_program_decomposes_", "test_what_has_no_row_"),
    "test_fft.py": (
        "test_precision_stays_", "test_a_compiled_pullback_", "test_a_batch_is_a_loop",
    ),
    "test_higher_orders.py": ("test_derivatives_to_order_2_",),
    "test_indexing.py": ("test_a_random_index_reads_", "test_a_random_index_is_written_"),
    "test_jit.py": (
        "test_compiled_derivatives_", "test_a_compiled_primitive_", "test_a_compiled_batch_",
        "test_a_compiled_program_",
    ),
    "test_mutation.py": ("test_a_derivative_is_right_or_refused",),
    "test_numpy.py": ("test_second_derivatives_are_", "test_gradients_are_central_"),
    "test_numpy_composed.py": (
        "test_second_derivatives_are_", "test_a_whole_quantile_", "test_a_reduction_over_an_empty_",
    ),
    "test_precision.py": ("test_updates_of_extreme_",),
    "test_rules.py": (
        "test_derivatives_staged_", "test_second_derivatives_in_", "test_jvp_of_a_gradient_",
    ),
}  # fmt: skip
# the same of one row in so many, of laws that compile or take differences of second order
ONE_IN = {"test_complex.py": 3, "test_jit.py": 3, "test_numpy.py": 3}
# the same, but the first row of each group is always met: the parameter that names the group, laws
FURTHER_ROWS = {
    "test_complex.py": ("row", ("test_numpy_is_law", "test_vmap_is_a_loop")),
    "test_numpy.py": ("family", ("test_one_tracer_", "test_the_program_is_well_typed_")),
    "test_numpy_composed.py": (
        "family", ("test_one_tracer_", "test_the_program_is_well_typed_", "test_vmap_is_a_loop"),
    ),
    "test_rules.py": ("name", (
        "test_derivatives_of_single_", "test_infer_says_", "test_a_staged_program_",
        "test_values_and_derivatives_do_not_depend_", "test_a_batch_is_a_loop_",
        "test_linear_transpose_is_",
    )),
}  # fmt: skip


def place_of(item, laws):
    """The place of a test's law among these laws, None if it is not one of them."""
    return next((i for i, law in enumerate(laws) if item.name.startswith(law)), None)


@pytest.hookimpl(tryfirst=True)  # before the slow tests are left out
def pytest_collection_modifyitems(items, config):
    """Mark as slow the rows that the tables above leave out; choose the tests of an engine."""
    met, begun = Counter(), set()
    for item in items:
        file = item.path.name
        if file not in EVERY_OTHER:
            continue
        place, law = place_of(item, EVERY_OTHER[file]), item.nodeid.partition("[")[0]
        count = 2 if place is None else ONE_IN.get(file, 2)
        if place is None and file in FURTHER_ROWS:
            parameter, laws = FURTHER_ROWS[file]
            place = place_of(item, laws)
            if place is not None and (law, group := item.callspec.params[parameter]) not in begun:
                begun.add((law, group))
                continue
        if place is None or item.get_closest_marker("slow"):
            continue
        if (met[law] + place) % count:
            item.add_marker("slow")
        met[law] += 1
    if config.getoption("--engine"):
        own = engines.chosen(items, config.getoption("--sample"))
        kept = set(own)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
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
