"""Laws of decompositions: running one equals running the primitive, to the end of elementary ones.

The rows are those of ``support/cases.py``. A decomposition knows nothing of values, so what a
primitive raises or warns of because of values is not among the laws.
"""

import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import jvp, losses, nn
from funcgrad.core.avals import aval_of
from funcgrad.core.errors import MissingRuleError
from funcgrad.core.jaxpr import check_jaxpr, eval_jaxpr, programs_in
from funcgrad.core.registry import primitives
from funcgrad.ops.elementary import ELEMENTARY, REFUSED
from funcgrad.ops.elementwise import Elementwise
from funcgrad.ops.kernels import complex_of, repeated
from funcgrad.transforms.decomposition import decompose_jaxpr
from funcgrad.transforms.jaxprs import trace_to_jaxpr

from .support.cases import C128, CASES, F64
from .support.compare import assert_same
from .support.rules import rows, turn_of
from .support.turns import in_full, share

F32 = np.dtype("f4")
OWN = dict(primitives)  # before a test or an example in a docstring adds its own

# the other primitives agree to the last bit
ULPS = 16  # the same arithmetic in another order, or another form

decomposed_rows = rows(lambda name, case: primitives[name].decompose is not None)


def test_every_primitive_is_elementary_or_decomposes_or_is_refused():
    has = {name for name, prim in OWN.items() if prim.decompose is not None}
    left = set(OWN) - has - ELEMENTARY - REFUSED.keys()

    assert not left
    assert not ELEMENTARY - set(OWN)
    assert not (has & ELEMENTARY or has & REFUSED.keys())


def is_literal(x):
    """Whether an operand is a Python scalar, which a program has as a literal."""
    return not isinstance(x, np.ndarray | np.generic)


def whole_program(prim, operands, params):
    """The primitive as a program of its arrays in elementary primitives, and these arrays."""
    arrays = [x for x in operands if not is_literal(x)]

    def body(values):
        rest = iter(values)
        return list(prim.bind(*[x if is_literal(x) else next(rest) for x in operands], **params))

    program, consts = trace_to_jaxpr("law", body, [aval_of(x) for x in arrays])
    return decompose_jaxpr(program), [*consts, *arrays]


def primitives_of(jaxpr):
    for eqn in jaxpr.eqns:
        yield eqn.prim.name
        for inner in programs_in(eqn.params):
            yield from primitives_of(inner)


def dtypes_of(case):
    return (F64, F32, C128) if case.complex else (F64, F32)


def tolerance(name, operands):
    """Units in the last place of the operands, as a share of 1."""
    kinds = [np.finfo(x.dtype).eps for x in map(np.asarray, operands) if x.dtype.kind in "fc"]
    return ULPS * float(max(kinds, default=0))


@decomposed_rows
def test_running_the_decomposition_equals_running_the_primitive(name, case):
    prim = primitives[name]
    for dtype in dtypes_of(case):
        operands = case.operands(dtype)
        slack = tolerance(name, operands)
        with np.errstate(all="ignore"):
            want = tuple(prim.run(*operands, **case.params))

            got = tuple(prim.decompose(*operands, **case.params))

        assert_same(want, got, slack, slack, note=dtype)


@in_full
@decomposed_rows
def test_a_program_decomposes_to_elementary_primitives(name, case, full):
    prim = primitives[name]
    for dtype in dtypes_of(case) if full else share(dtypes_of(case), turn_of(name, case), 2):
        operands = case.operands(dtype)
        slack = tolerance(name, operands)

        program, arrays = whole_program(prim, operands, case.params)

        check_jaxpr(program)
        assert set(primitives_of(program)) <= ELEMENTARY
        with np.errstate(all="ignore"):
            want = tuple(prim.run(*operands, **case.params))
            got = eval_jaxpr(program, (), arrays)
        assert_same(want, got, slack, slack, note=dtype)


# primitives without rows in the table, which rules bind to values that belong together

RNG = np.random.default_rng(3)
MATRIX = RNG.normal(size=(2, 4, 4))
HERMITIAN = MATRIX + MATRIX.mT
POSITIVE = MATRIX @ MATRIX.mT
VECTOR, TRUTHS = RNG.normal(size=4), np.array([True, False, True, False])
EQUAL = np.array([[1.0, 1.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0]])  # as eigenvalues
SINGULAR = np.diag([1.0, 2.0, 3.0, 0.0])
NAN_IN_BLOCK = HERMITIAN + np.where(np.arange(4) == 1, np.nan, 0)
BLOCK = HERMITIAN[0] * (np.arange(4) < 3)
ALONE = [
    ("power_log", (np.array([0.0, 8.0, 1.0]), np.array([0.0, 2.0, 1.0]), 3.0), {}),
    ("cosine", (np.array([3.0, 0.0]), np.array([4.0, 0.0]), np.array([5.0, 0.0])), {}),
    *[("beta_slope", (j, k, np.array([0.5, 2.0]), np.array([2.0, 0.5]), np.array([1.0, 1.0])), {})
      for j, k in ((1, 0), (1, 1))],
    *[("hide", (VECTOR, TRUTHS), {}), ("absent", (VECTOR,), {"shape": (2,), "dtype": F32})],
    *[("mask32", (TRUTHS,), {}), ("mask64", (TRUTHS,), {}), ("after", (VECTOR, True), {})],
    ("keep", (VECTOR, -TRUTHS.astype(np.int64)), {}),
    ("blend", (-TRUTHS.astype(np.int64), VECTOR, 2 * VECTOR), {}),
    ("hermitian_part", (HERMITIAN,), {"who": "sqrtm"}),
    *[("sqrtm", (x,), {"who": "sqrtm", "fixed_rank": False})
      for x in (POSITIVE, SINGULAR, -POSITIVE)],
    *[("lyapunov", (p, q), {"who": "sqrtm", "fixed_rank": fixed})
      for p in (POSITIVE, SINGULAR) for q in (HERMITIAN, SINGULAR) for fixed in (False, True)],
    *[("singular_matrices", (x,), {}) for x in (POSITIVE, SINGULAR)],
    ("spectral_gradient", (HERMITIAN, EQUAL, MATRIX, VECTOR), {"uplo": "L"}),
    ("singular_gradient", (HERMITIAN, MATRIX, EQUAL, MATRIX[0], VECTOR), {}),
    *[("slopes_of_eigenvalues", (EQUAL, p), {})
      for p in (HERMITIAN, HERMITIAN[0], 0 * MATRIX, NAN_IN_BLOCK)],
    *[("turned_diagonal", (EQUAL, p, c, VECTOR), {})
      for p in (HERMITIAN, SINGULAR, NAN_IN_BLOCK, 0 * MATRIX) for c in (np.ones(4), VECTOR)],
    *[(name, (x,), {}) for x in (MATRIX, np.stack([SINGULAR, MATRIX[0]]), np.nan * MATRIX)
      for name in ("inverse_of_eigenvectors", "inverse_of_qr_factor", "inverse_of_regular")],
    *[("schur", (x,), {}) for x in (MATRIX, np.diag([1.0, 2.0, 2.0]), MATRIX * 1j + HERMITIAN)],
    *[("hessenberg", (x,), {}) for x in (MATRIX, SINGULAR, MATRIX[:, :2, :2] + 1j)],
    *[("column_pivots", (x,), {}) for x in (MATRIX[:, :3], SINGULAR, MATRIX * 1j, 0 * MATRIX)],
    # equal values, and what is not finite, of those that have rows
    *[("equal_values", (x,), {}) for x in (EQUAL, EQUAL + 0j, EQUAL * np.nan)],
    ("negligible_values", (np.array([3.0, 1e-20, 0.0]),), {}),
    *[("taint", (EQUAL[0] > 1, x, MATRIX), {"whole": whole, "who": "eigh"})
      for x in (MATRIX, 0 * MATRIX) for whole in (False, True)],
    ("undefined", (EQUAL[0] > 1, MATRIX), {"who": "eigh"}),
    ("inverse_of_values", (EQUAL - 1, EQUAL == 1, EQUAL), {"order": 0}),
    ("near_values", (MATRIX * 1e-9, MATRIX > 0, EQUAL), {"order": 1}),
    *[("pinv", (x, 1e-12), {"hermitian": h}) for x, h in ((SINGULAR, False), (HERMITIAN, True))],
    *[(name, (SINGULAR,), {}) for name in ("slogdet", "det", "cofactor", "inverse_if_any")],
    *[("norm", (x,), {"axes": (0,), "dtype": F64})
      for x in (1e300 * VECTOR, 1e-300 * VECTOR, 0 * VECTOR, np.nan * VECTOR, VECTOR - np.inf)],
    *[(name, (np.array([[1.0, np.nan, 3.0, 3.0, 0.0]]),), {"axis": 1})
      for name in ("argcummax", "argcummin", "nanargmax", "nanargmin", "cumprod")],
    *[("searchsorted", (np.array([0.0, 1, 1, 2, np.nan]), np.array([np.nan, -1, 1, 2, 3])),
       {"side": side}) for side in ("left", "right")],
]  # fmt: skip


KEY = {"philox": np.array([1, 2], np.uint64), "threefry2x32": np.array([1, 2], np.uint32)}
MANY = {"shape": (400,), "dtype": F64}
WORDS = {i: primitives["random_bits"](k, shape=(1,), dtype=np.dtype("u4"), impl=i)[0]
         for i, k in KEY.items()}  # fmt: skip
DRAWS = [
    (name, (key, *(np.full(400, p) for p in given)), {**params, "impl": impl})
    for impl, key in KEY.items()
    for name, given, params in [
        ("random_poisson", (3.0,), MANY), ("random_poisson", (300.0,), MANY),
        ("random_binomial", (30.0, 0.2), MANY), ("random_binomial", (300.0, 0.6), MANY),
        ("random_poisson", (3.0,), {"shape": (400,), "dtype": np.dtype("i4")}),
        ("random_poisson", (np.nan,), {"shape": (400,), "dtype": np.dtype("i4")}),
        ("random_gamma", (0.1,), {**MANY, "log": True}),
        ("random_gamma", (0.1,), {"shape": (400,), "dtype": F32, "log": False}),
        # a word that equals the first of the probability, so that the next decides
        *[("random_below", ((WORDS[impl] + rest) / 2**32,), {"shape": (400,), "dtype": F32})
          for rest in (0.1, 0.5, 0.9)],
        # enough words for some that are too small to fill the digits of their number
        *[(f"random_{law}", (), {"shape": (1 << 17,), "dtype": dtype})
          for law, dtype in (("exponential", F32), ("gumbel", F32), ("cauchy", np.dtype("f2")))],
        *[(f"random_{law}", (), {"shape": (400,), "dtype": dtype})
          for law in ("uniform", "normal") for dtype in (F64, F32, np.dtype("f2"))],
    ]
]  # fmt: skip


@pytest.mark.parametrize(("name", "operands", "params"), [*ALONE, *DRAWS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_has_no_row_decomposes_too(name, operands, params):
    prim = primitives[name]
    program, arrays = whole_program(prim, operands, params)
    with np.errstate(all="ignore"):
        want = tuple(prim.run(*operands, **params))

        got = eval_jaxpr(program, (), arrays)
        alone = tuple(prim.decompose(*operands, **params))

    assert set(primitives_of(program)) <= ELEMENTARY
    slack = max([1e-12, *(tolerance(name, [y]) for y in want)])
    assert_same(want, got, slack, slack)
    assert_same(want, alone, slack, slack)


# loops that end when all elements have converged

UNIT = np.linspace(0.02, 0.98, 7)
SIGNED = np.array([-8.5, -1.0, -0.2, 0.3, 2.0, 9.0, 30.0])
ORDERS = np.array([0.0, 0.3, 1.0, 2.5, 7.0, 26.0, 40.0])
PLANE = SIGNED[:, None] + 1j * SIGNED
ITERATED = [
    *[(name, (ORDERS, np.abs(SIGNED[:, None]))) for name in ("jv", "yv", "ive", "kve")],
    *[(name, (0.3, np.abs(SIGNED))) for name in ("jv", "yv", "ive", "kve")],
    *[("airy", (k, SIGNED)) for k in range(4)],
    *[(name, (ORDERS - 3, np.abs(SIGNED[:, None]))) for name in ("struve", "modstruve")],
    ("elliprj", (UNIT, 1 - UNIT, 0.5, SIGNED[:, None])),
    ("expn", (ORDERS // 1 - 3, np.abs(SIGNED[:, None]))),
    ("hyp1f1", (SIGNED, ORDERS + 0.4, SIGNED[:, None])),
    *[("hyp2f1", (*abc, np.array([-2.0, 0.2, 0.6, 0.99])))
      for abc in ((-0.7, 2.3, 1.5), (1.0, 2.0, 3.0))],
    ("gammaincinv", (ORDERS + 0.1, UNIT[:, None])),
    pytest.param("betainccinv", (ORDERS[:3] + 0.5, 3.0, UNIT[:, None]), marks=pytest.mark.slow),
    *[("faddeeva", (n, PLANE)) for n in (0, 3)],
    *[("complex_polygamma", (n, PLANE)) for n in (-1, 0, 2)],
    *[("lambertw", (k, PLANE)) for k in (-1, 0, 1)],
    ("complex_erfc", (PLANE,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operands"), ITERATED)
def test_elements_that_a_form_leaves_out_change_no_other(name, operands):
    prim = primitives[name]
    program, arrays = whole_program(prim, operands, {})
    with np.errstate(all="ignore"):
        want = prim.run(*operands)

        got = eval_jaxpr(program, (), arrays)

    # quantiles: sums in another order, in a tail that is divided by its slope
    slack = 1e-12 if name.endswith("inv") else tolerance(name, want)
    assert_same(want, tuple(got), slack, slack)


@pytest.mark.parametrize("going", [None, lambda y, term: np.abs(term) > 1e-3])
def test_a_loop_of_tracers_takes_the_steps_of_one_on_arrays(going):
    def series(x, first, end, stride):
        step = lambda k, y, term: (y + term * x / k, term * x / k)
        return repeated(step, (np.ones_like(x), np.ones_like(x)), first, end, stride, going)[0]

    x = np.array([0.1, 0.5, 3.0])
    for limits in ((1, 6, 1), (7, 2, -2), (1, 2, 1), (3, 3, 1)):
        assert_same(series(x, *limits), fg.jit(lambda x, k=limits: series(x, *k))(x))
        traced = fg.jit(lambda x, end, k=limits: series(x, k[0], end, k[2]))
        assert_same(series(x, *limits), traced(x, limits[1]))


def test_complex_numbers_of_tracers_have_infinite_parts():
    parts = np.array([0.0, 1.5, np.inf, -np.inf, np.nan])
    x, y = map(np.ravel, np.meshgrid(parts, parts))
    want = complex_of(x, y)

    with np.errstate(invalid="ignore"):
        assert_same(want, fg.jit(complex_of)(x, y))


# special values

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 40.0, -40.0, 1e300, 5e-324]
OWN_VALUES = {"binary_cross_entropy": [0.0, 1.0, 0.5, 5e-324, 1 - 2.0**-53]}  # it refuses others
elementwise = pytest.mark.parametrize(
    "name",
    [
        n
        for n in CASES
        if isinstance(OWN.get(n), Elementwise) and OWN[n].decompose and CASES[n][0].free
    ],
)


def special_operands(name, case, dtype):
    """Operands in which special values of those that are free meet."""
    free = case.free
    values = OWN_VALUES.get(name, SPECIAL if len(free) < 3 else SPECIAL[:8])
    with np.errstate(over="ignore"):
        rows = np.array(list(itertools.product(values, repeat=len(free)))).astype(dtype)
    rest = iter(rows.T.reshape(len(free), -1, 1, 1))  # beside masks and vectors that are given
    return [next(rest) if i in free else case.shapes[i].value for i in case.places]


@elementwise
@pytest.mark.parametrize("dtype", [F64, F32])
def test_special_values_come_out_alike(name, dtype):
    prim, case = OWN[name], CASES[name][0]
    operands = special_operands(name, case, dtype)
    program, arrays = whole_program(prim, operands, case.params)
    with np.errstate(all="ignore"):
        want = prim.run(*operands, **case.params)

        got = eval_jaxpr(program, (), arrays)

    assert_same(tuple(want), got, ulps=4 * ULPS, signs=True)


# derivatives

# by the equation that the result solves, not of its computation
IMPLICIT = {"random_gamma", "random_wald", "sylvester"}
first_rows = pytest.mark.parametrize(
    "name",
    [
        name
        for name, cases in CASES.items()
        if OWN[name].decompose is not None
        and OWN[name].differentiable
        and cases[0].free
        and name not in IMPLICIT
    ],
)


@first_rows
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of forms that are not selected
def test_the_derivative_of_the_decomposition_is_that_of_the_primitive(name):
    prim, case = OWN[name], CASES[name][0]
    operands, directions = case.operands(F64), case.operands(F64, seed="tangents")
    xs, ts = ([v[i] for i in case.free] for v in (operands, directions))

    def derivative(rule):
        def function(*xs):
            given = dict(zip(case.free, xs, strict=True))
            return tuple(rule(*[given.get(i, x) for i, x in enumerate(operands)], **case.params))

        return jvp(function, tuple(xs), tuple(ts))[1]

    want = derivative(prim.bind)

    got = derivative(prim.decompose)

    assert_same(want, got, 1e-9, 1e-9, kinds=False)  # of a fitted polynomial


# programs


@fg.custom_jvp
def cubed(x):
    return x**3


cubed.defjvp(lambda xs, ts: (cubed(*xs), 3 * xs[0] ** 2 * ts[0]))


def layered(w, x):
    """A function that nests jit, scan, cond, while, checkpoint and a custom rule."""
    step = lambda h, row: (np.tanh(h @ w) + nn.gelu(row), nn.softmax(h))
    h, rows = fg.lax.scan(fg.checkpoint(step), x[0], x)
    h = fg.lax.cond(h.sum() > 0, lambda h: nn.sigmoid(h), lambda h: cubed(h), h)
    h = fg.lax.while_loop(lambda h: np.linalg.norm(h) > 1.5, lambda h: h - 0.3 * nn.silu(h), h)
    return np.mean(fg.jit(np.var)(rows)) + np.linalg.det(w) * losses.huber(h, x[0])


PROGRAMS = {
    "value": layered,
    "gradient": fg.grad(layered),
    "tangent": lambda w, x: fg.jvp(lambda w: layered(w, x), (w,), (w,))[1],
    "batch": lambda w, x: fg.vmap(layered, in_axes=(0, None))(np.stack([w, 2 * w]), x),
    "step": fg.jit(lambda w, x: w - 0.1 * fg.grad(layered)(w, x)),
    "draws": lambda w, x: (
        fg.random.gamma(fg.random.key(0), x**2) + fg.random.normal(fg.random.key(1), (4, 3))
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_decompose_with_what_they_hold(name):
    function, rng = PROGRAMS[name], np.random.default_rng(0)
    args = rng.normal(size=(3, 3)), rng.normal(size=(4, 3))
    program, consts = trace_to_jaxpr("law", lambda xs: [function(*xs)], list(map(aval_of, args)))

    whole = decompose_jaxpr(program)

    check_jaxpr(whole)
    assert set(primitives_of(whole)) <= ELEMENTARY
    assert_same((function(*args),), eval_jaxpr(whole, (), [*consts, *args]), 1e-11, 1e-11)


def test_what_does_not_decompose_says_why():
    twice, half = (lambda x: 2 * x), (lambda f, b: b / 2)
    solve = lambda b: fg.lax.custom_linear_solve(twice, b, half, symmetric=True)
    program, _ = trace_to_jaxpr("law", lambda xs: [solve(*xs)], [aval_of(VECTOR)])

    with pytest.raises(MissingRuleError, match=r"linear_solve has no decomposition: its solver"):
        decompose_jaxpr(program)


@pytest.mark.parametrize("name", ["gammainc_slope", "betainc_slope"])
def test_slopes_decompose_where_some_operands_are_constants(name):
    a, x = 0.5 + np.arange(5.0), 0.1 + 0.15 * np.arange(5.0)
    orders, rest = ((1,), (a, x)) if name == "gammainc_slope" else ((1, 0), (a, a + 1, x))
    want = primitives[name].run(*orders, *rest)
    for k, given in enumerate(rest):
        parts = lambda t, k=k: primitives[name].decompose(*orders, *rest[:k], t, *rest[k + 1 :])

        with np.errstate(all="ignore"):
            got = fg.jit(parts)(given)
        assert_same(want, got, 1e-13)
