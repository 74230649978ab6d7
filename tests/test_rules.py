"""Laws between the rules of every primitive, over the table in ``support/cases.py``."""

import itertools

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.linalg
import funcgrad.losses
import funcgrad.nn
import funcgrad.optim
import funcgrad.random
import funcgrad.scipy
import funcgrad.special
from funcgrad.core.avals import PYTHON_SCALARS, Aval, aval_of
from funcgrad.core.errors import MissingRuleError
from funcgrad.core.jaxpr import check_jaxpr
from funcgrad.core.registry import primitives
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.ops.elementwise import Elementwise

from .support.cases import C128, CASES, F64
from .support.compare import assert_same, pairing, slope
from .support.rules import (
    BY_VALUE,
    derived_rows,
    every_row,
    has_derivative,
    ignores_complex_warning,
    normal_like,
    outcome,
    problems,
    program,
    rows,
    some_problems,
    subsets,
    turn_of,
)
from .support.turns import in_full, in_one, share

OWN = dict(primitives)  # before a test or an example in a docstring adds its own

# primitives without a row in the table, and where they are tested
HOLDERS = {
    "scan": "test_control", "cond": "test_control", "while": "test_control",
    "checkpoint": "test_checkpoint", "jit": "test_jit", "linear_solve": "test_implicit",
    "custom_jvp": "test_custom", "custom_vjp": "test_custom", "custom_batch": "test_custom",
    "checked_jit": "test_debug", "jit_in_c": "test_c", "jit_by_cost": "test_c_auto",
    "jit_by_jax": "test_bridge",
    **dict.fromkeys(("checkpointed_scan", "checkpointed_while", "reversal", "sweep",
                     "while_reversal"), "test_checkpointed_loops"),
}  # fmt: skip
EFFECTS = dict.fromkeys(("debug_callback", "debug_cotangent_callback"), "test_debug_callbacks")
# bound only to what belongs together: a Hermitian matrix, or the parts of a decomposition
MATRICES = dict.fromkeys((
    "hermitian_part", "matrix_function", "sqrtm", "lyapunov", "slopes_of_eigenvalues",
    "spectral_gradient",
    "turned_diagonal", "singular_gradient", "slopes_of_singular_values", "turned_singular",
    "slopes_of_general_eigenvalues", "inverse_of_eigenvectors", "inverse_of_qr_factor",
    "inverse_of_regular", "singular_matrices",
), "test_linalg_degenerate") | dict.fromkeys((
    "general_function", "schur", "real_schur", "hessenberg", "column_pivots", "cholesky_banded",
), "test_scipy_linalg")  # fmt: skip
MATRICES |= dict.fromkeys(("betaincinv", "betainccinv"), "test_special_names")  # slow
# bound to a value of a function and its own operands; test_higher_orders
OF_VALUES = {"power_log", "cosine", "beta_slope"}
NUMBERS = {"weaken"}  # it gives Python's own numbers, which have no dtype; test_control
# only the compiler makes them; test_jit
BITS = {
    "mask32", "mask64", "keep", "blend", "blocks", "overlapping_blocks", "swapped", "weighted",
    "elements", "unpadded", "wrapped", "c_kernel",
}  # fmt: skip
# what marks derivatives in programs that are staged, and masks them; test_untaken_paths
MARKS = {
    "start", "seed", "settle", "live", "resume", "check", "after", "hide", "constant", "absent",
}  # fmt: skip
COLLECTIVES = {
    "psum", "pmax", "pmin", "all_gather", "psum_scatter", "all_to_all", "ppermute",
}  # fmt: skip  # test_collectives

TRANSPOSED = {
    "qr", "lu", "ldl", "pinv", "lstsq", "polar", "cholesky_banded",
}  # fmt: skip

# rules that are absent by decision, each with its reason
JOINT = "it gives outputs and derivative together, by push and pull"
ABSENT = {
    ("blocks", "batch"): "it is made when no transform is left",
    ("c_kernel", "batch"): "it is made when no transform is left",
    ("unpadded", "batch"): "it is made when no transform is left",
    ("wrapped", "batch"): "it is made when no transform is left",
    ("swapped", "batch"): "it is made when no transform is left",
    ("overlapping_blocks", "batch"): "it is made when no transform is left",
    ("check", "batch"): "it is made when no transform is left",
    ("after", "batch"): "it is made when no transform is left",
    ("constant", "jvp"): "it has no operands",
    ("constant", "vjp"): "it has no operands",
    ("constant", "batch"): "it has no operands",
    ("cumprod", "vjp"): "its transpose is that of the doubling scan that its jvp writes down",
    **{(name, "vjp"): "its jvp is transposed" for name in TRANSPOSED},
    **{(name, "jvp"): JOINT for name in HOLDERS},
    ("custom_vjp", "jvp"): "its rule says nothing of forward mode, which raises",
    **{(name, "batch"): "its functions run in vmap's own trace, by map_in" for name in
       ("custom_jvp", "custom_vjp", "custom_batch", "linear_solve")},
}  # fmt: skip
NO_DERIVATIVE = {
    ("where", 0): "a condition",
    ("ldexp", 1): "an integer exponent",
    ("gate", 1): "a condition",
    ("hide", 1): "a condition",
    ("power_log", 0): "the power, of which the others are the derivatives",
    ("cosine", 2): "the distance, of which the others are the derivatives",
    ("beta_slope", 0): "an order",
    ("beta_slope", 1): "an order",
    ("beta_slope", 2): "the value, of which the others are the derivatives",
    ("power_slope", 0): "an order",
    ("power_slope", 1): "an order",
    ("sinc_derivative", 0): "an order",
    ("hazard_in_tail", 0): "an order",
    ("copysign", 1): "its sign alone is read",
    ("heaviside", 0): "its sign alone is read",
    ("nextafter", 1): "its order alone is read",
    **{("wins", i): "compared only" for i in (1, 2, 3)},
}

# primitives that only the library binds, to arrays that it has checked and made fit
INTERNAL = {
    "power_slope",
    "sinc_derivative",
    "wins",
    "random_remainder",
    "binary_cross_entropy",
    "binary_cross_entropy_slope",
    "hazard_in_tail",
    "sigmoid_binary_cross_entropy",
}
# of many operands and slow; by_blocks gives their dtypes, as it does gammainc's
SLOW = {
    "betainc", "betaincc", "betainc_slope", "beta_density",
    "gammainc_slope", "polygamma_difference", "hyp0f1", "hyp1f1", "hyp2f1",
    "hyp1f1_slope", "hyp2f1_slope", "elliprf", "elliprd", "elliprj", "ellipkinc", "ellipeinc",
    "amplitude", "owens_t", "gammaincinv", "gammainccinv", "jv", "yv", "ive", "kve", "airy",
    "expn", "faddeeva", "complex_polygamma", "lambertw", "kelvin_first", "kelvin_second", "struve",
    "modstruve",
}  # fmt: skip


F32, C64 = np.dtype("f4"), np.dtype("c8")
SAME = [(d,) for d in ("?", "i1", "u1", "i4", "i8", "f2", "f4", "f8", "c8", "c16")]
MIXED = [("f4", "f8"), ("f8", "f4"), ("f4", "c8"), ("c8", "f8"), ("i8", "f4"), ("f4", "i4"),
         ("?", "f8"), ("u1", "i1"), ("i4", "c8"), ("?", "i1")]  # fmt: skip
PAIRS = [("f4", "f8"), ("f8", "f4"), ("f8", "c16"), ("c8", "f4"), ("f4", "c16")]
STEP = 6e-6  # about the cube root of float64's epsilon


elementwise = pytest.mark.parametrize(
    "name",
    [n for n in CASES if isinstance(primitives.get(n), Elementwise) and n not in INTERNAL | SLOW],
)
smooth_rows = rows(lambda name, case: has_derivative(name, case) and case.smooth)
free_rows = rows(lambda name, case: not primitives[name].differentiable and len(case.free) > 0)
mixed_rows = rows(lambda name, case: has_derivative(name, case) and len(case.free) > 1)


def pulled(function, weights):
    """Return the function that pulls these weights back through ``function``."""
    return lambda *xs: fg.vjp(function, *xs)[1](weights)


# the registry


def test_every_primitive_has_a_row():
    known = [
        *CASES,
        *HOLDERS,
        *EFFECTS,
        *MATRICES,
        *OF_VALUES,
        *COLLECTIVES,
        *NUMBERS,
        *BITS,
        *MARKS,
    ]
    assert sorted(OWN) == sorted(known)


def test_every_absent_rule_is_declared(capsys):
    lacking = {
        (name, rule)
        for name, prim in OWN.items()
        for rule in ("run", "infer", "jvp", "vjp", "batch")
        if not has_rule(prim, rule) and (prim.differentiable or rule not in ("jvp", "vjp"))
    }
    without = {name for name, _ in lacking}
    free = sum(not prim.differentiable for prim in OWN.values())
    with capsys.disabled():
        print(f"\n{len(OWN)} primitives, {free} without a derivative by nature")
        print(
            f"{len(without)} lack: {', '.join(sorted(f'{name}.{rule}' for name, rule in lacking))}"
        )

    assert lacking == set(ABSENT)
    transposed = {(name, "vjp") for name in ("cumprod", *TRANSPOSED)}
    alone = {(name, rule) for name, rule in lacking if name in BITS | MARKS}
    for name, rule in lacking - transposed - alone:
        joint = {
            "jvp": "value_and_jvp",
            "vjp": "value_and_vjp",
            "batch": "batch_in_trace",
            "run": "over",
        }
        assert getattr(OWN[name], joint[rule], None) is not None


def has_rule(prim, rule):
    return getattr(type(prim), rule) is not getattr(Primitive, rule)


def test_every_operand_without_derivative_is_declared():
    got = {
        (name, i)
        for name, prim in OWN.items()
        if isinstance(prim, Elementwise) and prim.differentiable
        for i, rule in enumerate(prim.rules)
        if rule is None
    }

    assert got == set(NO_DERIVATIVE)


# derivatives


@derived_rows
def test_transpose_is_the_adjoint_of_jvp(name, case):
    for function, xs, ts, _ in problems(name, case):
        outs, pushed = fg.jvp(function, xs, ts)
        weights = normal_like(outs)
        want = pairing(weights, pushed)
        got = pairing(fg.vjp(function, *xs)[1](weights), ts)

        # the same products, added in another order; a cast to float32 rounds at other places
        assert got == pytest.approx(want, rel=1e-12 if case.smooth else 1e-5, abs=1e-12)


@smooth_rows
def test_jvp_is_the_limit_of_differences(name, case):
    for function, xs, ts, _ in problems(name, case):
        want = slope(function, xs, ts, STEP)
        got = fg.jvp(function, xs, ts)[1]

        # rounding 1e-16 / STEP, and STEP**2
        assert_same(want, got, 1e-7, 1e-7, dtypes=False)


# LAPACK skips zeros, and stops at nan: it spreads by the order of operations
IN_LAPACK = "funcgrad.ops.linalg."
SPECIAL = [
    pytest.param(name, case, id=f"{name}-{i}",
                 marks=() if turn_of(name, case) % 16 == 0 else pytest.mark.slow)
    for name, cases in CASES.items()
    for i, case in enumerate(cases)
    if name in OWN and not OWN[name].__module__.startswith(IN_LAPACK) and has_derivative(name, case)
    and np.prod(case.params.get("shape", ())) < 1000
]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), SPECIAL)
def test_both_modes_are_finite_at_the_same_places_where_operands_are_not(name, case):
    operands = case.operands(F64)
    for number in (np.nan, np.inf, -np.inf):
        function, xs = program(name, case, [with_first(x, number) for x in operands], case.free)
        real = lambda *xs, f=function: [y for y in f(*xs) if aval_of(y).dtype.kind == "f"]
        every = tuple(range(len(xs)))
        with np.errstate(all="ignore"):
            try:
                forward = fg.tree.leaves(fg.jacfwd(real, every)(*xs))
            except ValueError:  # outside of the domain: of the value, too
                with pytest.raises(ValueError):
                    function(*xs)
                continue
            reverse = fg.tree.leaves(fg.jacrev(real, every)(*xs))

        for a, b in zip(forward, reverse, strict=True):
            np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
            np.testing.assert_allclose(a[np.isfinite(a)], b[np.isfinite(b)], 1e-9, 1e-9)


def with_first(x, number):
    """An operand of real numbers, whose first element is another."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.size == 0:
        return x
    x = x.copy()
    x.flat[0] = number
    return x


@in_full
@smooth_rows
def test_jvp_of_a_gradient_is_the_limit_of_its_differences(name, case, full):
    for function, xs, ts, _ in some_problems(name, case, full):
        gradient = pulled(function, normal_like(function(*xs)))
        want = slope(gradient, xs, ts, STEP)
        got = fg.jvp(gradient, xs, ts)[1]

        assert_same(want, got, rtol=1e-6, atol=1e-6)  # as above; the second derivatives are larger


@in_full
@smooth_rows
def test_second_derivatives_in_reverse_are_adjoint_to_those_forward(name, case, full):
    for function, xs, ts, _ in some_problems(name, case, full, begin=1):
        gradient = pulled(function, normal_like(function(*xs)))
        cts, pushed = normal_like(xs), fg.jvp(gradient, xs, ts)[1]
        want = pairing(cts, pushed)
        got = pairing(fg.vjp(gradient, *xs)[1](cts), ts)

        assert got == pytest.approx(want, rel=1e-11, abs=1e-11)  # sums in another order


@in_full
@derived_rows
def test_derivatives_staged_equal_derivatives_eager(name, case, full):
    for function, xs, ts, _ in some_problems(name, case, full):
        pull = pulled(function, normal_like(function(*xs)))
        derivative = lambda *xs, f=function, g=pull, ts=ts: (fg.jvp(f, xs, ts)[1], g(*xs))
        closed = fg.make_jaxpr(derivative)(*xs)
        check_jaxpr(closed.jaxpr)
        pushed, back = derivative(*xs)

        assert_same([*pushed, *back], [*closed(*xs)], rtol=1e-14, atol=1e-14)


@in_full
@ignores_complex_warning
@mixed_rows
def test_derivatives_have_the_shapes_and_dtypes_of_what_they_belong_to(name, case, full):
    found = [pair for pair in PAIRS if case.complex or "c" not in "".join(pair)]
    turns = share(found, turn_of(name, case), min(len(CASES[name]), 2))
    for pair in found if full else turns:
        operands, directions = case.operands(*pair), case.operands(*pair, seed="t")
        assert_avals_of_derivatives(name, case, operands, directions)


def assert_avals_of_derivatives(name, case, operands, directions):
    for chosen in subsets(case.free):
        function, xs = program(name, case, operands, chosen)
        ts = [directions[i] for i in chosen]
        outs, pushed = fg.jvp(function, xs, ts)
        weights = normal_like(outs)
        back = fg.vjp(function, *xs)[1](weights)

        assert list(map(aval_of, outs)) == list(map(aval_of, function(*xs)))
        assert list(map(aval_of, pushed)) == list(map(aval_of, outs))
        assert list(map(aval_of, back)) == list(map(aval_of, xs))
        # float32 somewhere on the way
        assert pairing(back, ts) == pytest.approx(pairing(weights, pushed), rel=2e-5, abs=2e-5)


@derived_rows
def test_derivatives_of_single_precision_stay_single(name, case):
    for dtype in (F32, C64) if case.complex else (F32,):
        function, xs = program(name, case, case.operands(dtype), case.free)
        outs, pushed = fg.jvp(function, xs, normal_like(xs))
        back = fg.vjp(function, *xs)[1](normal_like(outs))

        assert list(map(aval_of, pushed)) == list(map(aval_of, function(*xs)))
        assert list(map(aval_of, back)) == list(map(aval_of, xs))


# shapes and dtypes


@every_row
def test_infer_says_what_run_does(name, case):
    prim = primitives[name]
    for dtypes in SAME + MIXED[: 99 * (len(case.free) > 1)]:
        operands = case.operands(*dtypes)
        want = outcome(prim.run, *operands, **case.params)
        got = outcome(prim.infer, *map(aval_of, operands), **case.params)

        if want is not ValueError and (name, *dtypes) not in BY_VALUE:
            assert got == want, dtypes


@ignores_complex_warning
@every_row
def test_a_staged_program_gives_the_values_and_dtypes_of_numpy(name, case):
    prim = primitives[name]
    for dtypes in [("f4",), ("c16",), ("i4",), ("?",), ("f4", "f8")]:
        operands = case.operands(*dtypes)
        refused = outcome(prim.run, *operands, **case.params) in (TypeError, ValueError)
        if refused or (name, *dtypes) in BY_VALUE:
            continue
        arrays = [i for i, x in enumerate(operands) if type(x) not in PYTHON_SCALARS]
        function, xs = program(name, case, operands, arrays)
        with np.errstate(all="ignore"):
            closed, want = fg.make_jaxpr(function)(*xs), function(*xs)
            got = closed(*xs)
        check_jaxpr(closed.jaxpr)

        assert list(map(aval_of, got)) == list(map(aval_of, want)) == list(closed.out_avals)
        assert all(
            map(lambda a, b: np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"), want, got)
        )


@elementwise
def test_python_numbers_are_weak_on_either_side(name):
    prim = primitives[name]
    choices = [1, 0.5, 1 + 1j, True, *(np.ones(s, d) for s in [(2,), ()] for d in "?bifdF")]
    for xs in itertools.product(choices, repeat=len(CASES[name][0].shapes)):
        want = outcome(prim.run, *xs)
        got = outcome(prim.infer, *map(aval_of, xs))

        assert got == want, xs


@rows(lambda name, case: case.shapes == ((),))
def test_a_python_number_is_an_operand_like_any_other(name, case):
    prim = primitives[name]
    for x in (0.5, 1, True):
        want = outcome(prim.run, x, **case.params)
        got = outcome(prim.infer, aval_of(x), **case.params)

        assert got == want


@rows(lambda name, case: any(np.shape(x) == () for x in case.operands(F64)))
def test_a_python_number_stands_for_an_array_of_one(name, case):
    prim, operands = primitives[name], case.operands(F64)
    numbers = [x.item() if isinstance(x, np.ndarray) and not x.shape else x for x in operands]
    places = [i for i in case.free if type(numbers[i]) not in PYTHON_SCALARS]

    run = lambda xs: prim.run(*xs, **case.params)
    assert_same(run(operands), run(numbers), 1e-12, 1e-12, dtypes=False)  # bool becomes int
    if not places or not prim.differentiable:
        return
    f, xs = program(name, case, operands, places)
    g, _ = program(name, case, numbers, places)
    ts = normal_like(xs)
    assert_same(fg.jvp(f, xs, ts)[1], fg.jvp(g, xs, ts)[1], 1e-12, 1e-12)
    cts = normal_like(f(*xs))
    assert_same(pulled(f, cts)(*xs), pulled(g, cts)(*xs), 1e-12, 1e-12)


@elementwise
def test_python_numbers_are_weak_under_derivatives(name):
    case = CASES[name][0]
    operands = case.operands(F32)
    for i in case.free if has_derivative(name, case) else ():
        others = [j for j in case.free if j != i]
        xs = [x.flat[0].item() if j in others else x for j, x in enumerate(operands)]
        function, (x,) = program(name, case, xs, (i,))
        (y,), (t,) = fg.jvp(function, (x,), (np.ones_like(x),))
        mirrored, numbers = program(name, case, xs, others)
        cts = fg.vjp(function, x)[1]((t,)) + fg.vjp(mirrored, *numbers)[1]((t,))

        assert aval_of(y) == aval_of(t) == aval_of(function(x)[0])
        assert list(map(aval_of, cts)) == [aval_of(x), *[Aval((), F64)] * len(others)]


@every_row
def test_values_and_derivatives_do_not_depend_on_strides(name, case):
    plain = case.operands(F64)
    for turn in (np.asfortranarray, backwards):
        turned = [turn(x) if i in case.free and np.ndim(x) else x for i, x in enumerate(plain)]
        functions = [program(name, case, xs, case.free) for xs in (plain, turned)]
        with np.errstate(all="ignore"):
            want, got = ([*map(np.asarray, f(*xs))] for f, xs in functions)

        assert_same(want, got, rtol=1e-14, atol=1e-14)
        if has_derivative(name, case):
            weights = normal_like(want)
            want, got = (fg.vjp(f, *xs)[1](weights) for f, xs in functions)
            assert_same(want, got, rtol=1e-13, atol=1e-13)


def backwards(x):
    """Return the same numbers with negative strides."""
    flip = (slice(None, None, -1),) * x.ndim
    return x[flip].copy()[flip]


# linearity


FREE = {f"{name}-{i}": (name, case) for name, cases in CASES.items()
        for i, case in enumerate(cases) if name in primitives and len(case.free) > 0}  # fmt: skip


@in_one(FREE)
def test_what_claims_to_be_linear_is(row):
    name, case = FREE[row]
    prim, dtype = primitives[name], C128 if case.complex else F64
    claimed = [s for s in subsets(case.free) if prim.is_linear(frozenset(s))]
    x, y = case.operands(dtype, seed="x"), case.operands(dtype, seed="y")
    for chosen in claimed:
        function, xs = program(name, case, x, chosen)
        ys, zeros = [y[i] for i in chosen], [0 * y[i] for i in chosen]
        (origin,) = function(*zeros)
        parts = [function(*values)[0] - origin for values in (xs, ys)]
        whole = function(*(2 * a - 3 * b for a, b in zip(xs, ys, strict=True)))[0] - origin

        assert_same(
            [2 * parts[0] - 3 * parts[1]],
            [whole],
            rtol=1e-13 if case.smooth else 1e-5,
            atol=1e-13 if case.smooth else 1e-5,
        )
        # beside a constant operand of its group it is affine; the largest group is linear
        assert any(set(chosen) < set(s) for s in claimed) or not np.any(origin)


@derived_rows
def test_linear_transpose_is_the_adjoint_where_the_primitive_is_linear(name, case):
    for function, xs, ts, chosen in problems(name, case):
        transpose = fg.linear_transpose(function, *xs)
        if not primitives[name].is_linear(frozenset(chosen)):
            with pytest.raises(MissingRuleError, match="linear_transpose: the function is not"):
                transpose(normal_like(function(*xs)))
            continue
        zeros = [0 * t for t in ts]
        outs = [a - b for a, b in zip(function(*ts), function(*zeros), strict=True)]
        weights = normal_like(map(np.asarray, outs))
        got = pairing(transpose(weights), ts)

        assert got == pytest.approx(pairing(weights, outs), rel=1e-12 if case.smooth else 1e-5)


# without derivatives


@free_rows
def test_what_has_no_derivative_gives_plain_values(name, case):
    function, xs = program(name, case, case.operands(F64), case.free)
    seen = []

    def watched(*values):
        seen.extend(function(*values))
        return sum(np.sum(v) for v in values)

    with np.errstate(all="ignore"):
        fg.jvp(watched, xs, xs)
        fg.grad(watched)(*xs)
        want = function(*xs)

    assert len(seen) == 2 * len(want) and not any(isinstance(y, Tracer) for y in seen)
    assert all(np.array_equal(a, b) for a, b in zip(seen, want * 2, strict=True))


# one more axis

NOWHERE = np.zeros(0, int)


@every_row
def test_a_batch_is_a_loop_over_its_examples(name, case):
    prim = primitives[name]
    if not has_rule(prim, "batch"):
        return
    examples = [case.operands(F64, seed=str(i)) for i in range(2)]
    arrays = [i for i, x in enumerate(examples[0]) if type(x) not in PYTHON_SCALARS]
    some = subsets(arrays)[-1:] if name in INTERNAL else subsets(arrays)
    for chosen, last in itertools.product(some, (False, True)):
        axes = [
            (np.ndim(x) if last else 0) if i in chosen else None for i, x in enumerate(examples[0])
        ]
        args = [
            x if d is None else np.stack([x, y], d) for x, y, d in zip(*examples, axes, strict=True)
        ]
        singles = [
            [x if d is None else e for x, e, d in zip(examples[0], one, axes, strict=True)]
            for one in examples
        ]
        with np.errstate(all="ignore"):
            wants = [prim.run(*one, **case.params) for one in singles]
            outs, out_axes = prim.batch(args, axes, 2, **case.params)
            none = [
                x if d is None else np.take(x, NOWHERE, d) for x, d in zip(args, axes, strict=True)
            ]
            empty, empty_axes = prim.batch(none, axes, 0, **case.params)
        for y, d, want in zip(empty, empty_axes, wants[0], strict=True):
            assert d is None or (0, *np.shape(want)) == np.moveaxis(np.asarray(y), d, 0).shape
        for k, (y, d) in enumerate(zip(outs, out_axes, strict=True)):
            for i, want in enumerate(wants):
                got = y if d is None else np.take(y, i, d)

                assert aval_of(np.asarray(got)) == aval_of(np.asarray(want[k]))
                assert_same([want[k]], [got], rtol=1e-13, atol=1e-13)  # products in another order
