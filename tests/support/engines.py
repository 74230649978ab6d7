"""Tests that run with XLA in place of the NumPy source, and those among them that must differ.

``--engine xla`` runs them with the backend "jax" for each ``jit`` without one, and ``--sample 600``
a fixed sample. They compare compiled programs with eager code; files about the passes and the
memory of NumPy source are not among them, and single tests of its text are expected to fail. A test
whose program is refused in words, such as a reverse pass of a while loop, is reported as an
expected failure, and so are those of ``UNLIKE``: one of these that passes fails, unless it is a
last digit that differs. The report ends with the share of tests that pass, and the reasons of the
rest.
"""

import re
import zlib
from collections import Counter

import pytest

# files of tests
FILES = (
    "checkpoint", "compiled_indexing", "compiled_layout", "compiled_products",
    "compiled_reductions", "compiled_rerolling", "compiled_shifts", "compiled_softmax", "control",
    "custom", "jit", "jit_cache", "jit_calls", "jit_dtypes", "jit_key", "nested_closures",
    "nesting", "short_loops", "untaken_paths",
)  # fmt: skip

# words of an error by which a program is refused, up to the reason
_REFUSALS = re.compile(
    "XLA has no reverse derivative of a loop of unknown length|it has no form in JAX: [^;\n]*"
)

# rows of test_jit.py that a sample leaves out: XLA takes a minute for their thousands of equations
_LONG = re.compile(
    r"\[(betaincc?|betainc_slope|beta|beta_density|gammaincc?|gammainc_slope|polygamma_difference|"
    r"bessel_moment|bessel_ratio|random_binomial|owens_t|sine_integral|cosine_integral|fresnel_.|"
    r"gammaincc?inv|betaincc?inv|hyp\d\w+|amplitude|ellip[ke]inc|[ij]ve?|airy)-"
)

_WARNINGS = "XLA gives no warnings, and raises no FloatingPointError"
_ORDER = "XLA joins constant factors, x * a * b -> x * (a * b), which may overflow"
_POWER = "a Python integer to a negative power is a float, where the dtype of the program is int"
_TEXT = "it reads NumPy source"
_DIGIT = "XLA joins a product and a sum, so that the last digit differs"
_VECTORS = "eigenvectors may have another phase, and few digits where eigenvalues are near"
_HALF = "NumPy rounds the norm of a transform of half precision to half precision"
_VALUES = "jit::test_a_compiled_primitive_gives_the_values_and_dtypes_of_numpy"
_SOFTMAX = "compiled_softmax::test_what_no_shift_changes_has_no_derivative_by_the_maximum"

# the start of a test's name, after that of its file -> why its result is not that of NumPy
UNLIKE = {
    "compiled_products::test_products_of_many_rows_are_made_by_blocks_of_rows[1024]": _TEXT,
    "compiled_products::test_products_of_many_rows_are_made_by_blocks_of_rows[1500]": _TEXT,
    "compiled_products::test_a_large_sum_of_products_is_one_einsum": _TEXT,
    "compiled_reductions::test_partial_results_of_one_reduction_lie_apart": _TEXT,
    "compiled_shifts::test_blocks_of_big_arrays": _TEXT,
    "compiled_shifts::test_weighted_neighbours_are_correlated": _TEXT,
    "compiled_shifts::test_rolls": _DIGIT,
    "compiled_shifts::test_several_rolls_are_slices_of_one_copy": _TEXT,
    "compiled_shifts::test_sums_of_paddings_are_slices_of_one": _TEXT,
    "compiled_shifts::test_a_view_that_nothing_reads_is_not_written": _TEXT,
    **dict.fromkeys(
        [f"{_SOFTMAX}[{how}]" for how in
         ("the maximum itself", "differences", "another sum", "the other axis")], _TEXT),
    "compiled_softmax::test_the_gradient_of_attention_needs_two_arrays_of_its_scores": _TEXT,
    "jit::test_a_transposed_matrix_of_all_steps_is_copied_before_the_loop": _TEXT,
    f"{_VALUES}[eigh_of_rules-0": _VECTORS,
    f"{_VALUES}[eig-0": _VECTORS,
    f"{_VALUES}[eig_of_rules-0": _VECTORS,
    f"{_VALUES}[eig_of_rules-1": _VECTORS,
    f"{_VALUES}[fixed_eigh-0": _VECTORS,
    "jit::test_a_compiled_batch_equals_an_eager_one[eig-0": _VECTORS,
    "jit::test_a_compiled_batch_equals_an_eager_one[eig-2": _VECTORS,
    "jit::test_a_compiled_batch_equals_an_eager_one[eig_of_rules-0": _VECTORS,
    **dict.fromkeys([f"{_VALUES}[norm-{k}" for k in (2, 4)],
        "a sum in single precision has another order"),
    f"{_VALUES}[fft-2": _HALF,
    f"{_VALUES}[rfft-1": _HALF,
    "jit_calls::test_warnings_are_those_of_numpy": _WARNINGS,
    "jit_calls::test_what_is_outside_of_a_block_of_errstate_warns": _WARNINGS,
    "jit_calls::test_an_exception_inside_leaves_the_function_usable": _WARNINGS,
    "jit_dtypes::test_scalar_overflow_of_integers_warns_as_numpy_does": _WARNINGS,
    "jit_dtypes::test_algebra_does_not_leave_the_range_of_a_dtype[f": _ORDER,
    "jit_dtypes::test_algebra_does_not_leave_the_range_of_a_dtype[/f": _ORDER,
    "jit_dtypes::test_algebra_does_not_leave_the_range_of_a_dtype[longdouble]":
        "JAX has no long double",
    "jit_dtypes::test_algebra_does_not_leave_the_range_of_a_dtype[power]":
        "XLA takes subnormal numbers for 0",
    "jit_dtypes::test_truths_and_whole_numbers_are_pythons": "integers of XLA have 64 bits",
    "jit_dtypes::test_zero_keeps_its_sign": "XLA takes x + 0 for x, also where x is -0",
    "jit_dtypes::test_functions_of_one_operand_keep_dtype_and_weak_type[bool-3]": _POWER,
    "jit_dtypes::test_functions_of_one_operand_keep_dtype_and_weak_type[int-3]": _POWER,
    "jit_dtypes::test_values_and_dtypes_are_those_of_eager_code[<lambda>-args16]":
        "XLA writes a division by a constant as a product with its reciprocal",
}  # fmt: skip


def add_options(parser):
    """Add the options of pytest."""
    group = parser.getgroup("engines")
    group.addoption("--engine", choices=["xla"], help="compile with XLA in place of NumPy source")
    group.addoption("--sample", type=int, help="run a fixed sample of as many of its tests")


def chosen(items, sample):
    """The tests that run with XLA; those of the table are expected to fail."""
    own = [item for item in items if item.get_closest_marker("slow") is None]
    if sample is not None:
        names = [item.nodeid for item in own if not _LONG.search(item.nodeid)]
        order = sorted((zlib.crc32(name.encode()), name) for name in names)
        kept = {name for _, name in order[:sample]}
        own = [item for item in own if item.nodeid in kept]
    for item in own:
        name = f"{item.path.stem.removeprefix('test_')}::{item.name}"
        for start, reason in UNLIKE.items():
            if name.startswith(start):
                # digits depend on the numbers that the tests before have drawn
                loose = reason in (_DIGIT, _VECTORS)
                item.add_marker(pytest.mark.xfail(reason=reason, strict=not loose))
    return own


def refusal(err):
    """The words by which an engine refuses a program, None where the error is another."""
    found = _REFUSALS.search(str(err))
    return found and found[0]


def report(reporter):
    """Write the share of tests that pass, and the reasons of the others."""
    count = lambda kind: len(reporter.stats.get(kind, []))
    passed, expected, failed = count("passed") + count("xpassed"), count("xfailed"), count("failed")
    reasons = Counter(
        r.wasxfail.removeprefix("reason: ") for r in reporter.stats.get("xfailed", [])
    )
    differ = sum(n for r, n in reasons.items() if r != _TEXT and not _REFUSALS.search(r))
    share = lambda others: f"{passed / max(passed + failed + others, 1):.2%}"
    reporter.section("programs by XLA")
    reporter.line(
        f"{passed} pass, {share(expected)} of all and {share(differ)} of those that compare "
        f"results of XLA; {failed} fail, {expected} are expected to fail:"
    )
    for reason, n in reasons.most_common():
        reporter.line(f"{n:5} {reason}")
