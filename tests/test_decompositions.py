"""Laws of decompositions: running one equals running the primitive, to the end of elementary ones.

The rows are those of ``support/cases.py``. A decomposition knows nothing of values, so what a
primitive raises or warns of because of values is not among the laws.
"""

import itertools

import numpy as np
import pytest

from funcgrad import jvp
from funcgrad.core.avals import aval_of
from funcgrad.core.jaxpr import check_jaxpr, eval_jaxpr, programs_in
from funcgrad.core.registry import primitives
from funcgrad.ops.elementary import ELEMENTARY, REFUSED
from funcgrad.ops.elementwise import Elementwise
from funcgrad.transforms.decomposition import decompose_jaxpr
from funcgrad.transforms.jaxprs import trace_to_jaxpr

from .support.cases import C128, CASES, F64
from .support.compare import assert_same
from .support.rules import rows

F32 = np.dtype("f4")
OWN = dict(primitives)  # before a test or an example in a docstring adds its own

# the other primitives agree to the last bit
ULPS = 16  # the same arithmetic in another order, or another form

TO_DO = {
    "inv", "inverse_if_any", "solve", "pinv", "lstsq", "equal_values", "taint", "undefined",
    "near_values", "inverse_of_values", "det", "cofactor", "slogdet", "inverse_of_regular",
    "slopes_of_eigenvalues", "turned_diagonal", "eig_of_rules", "eigvals",
    "inverse_of_eigenvectors", "eigh_of_rules", "fixed_eigh", "spectral_gradient", "eigvalsh",
    "expm_squarings", "hermitian_part", "permutation_of_pivots", "inverse_of_qr_factor",
    "lyapunov", "sqrtm", "polar", "singular_matrices", "negligible_values", "svd_of_rules",
    "fixed_svd", "singular_gradient", "svdvals", "random_seed", "random_uniform", "random_normal",
    "random_exponential", "random_gumbel", "random_laplace", "random_logistic", "random_cauchy",
    "random_below", "random_remainder", "random_poisson", "random_binomial", "random_geometric",
    "random_gamma", "random_wald", "jit", "checked_jit", "checkpoint", "name", "custom_jvp",
    "custom_vjp", "custom_batch", "start", "seed", "settle", "live", "resume", "check", "after",
    "blocks", "overlapping_blocks",
}  # fmt: skip

decomposed_rows = rows(lambda name, case: primitives[name].decompose is not None)


def test_every_primitive_is_elementary_or_decomposes_or_is_refused():
    has = {name for name, prim in OWN.items() if prim.decompose is not None}
    left = set(OWN) - has - ELEMENTARY - REFUSED.keys() - TO_DO

    assert not left
    assert not ELEMENTARY - set(OWN)
    assert not (has & ELEMENTARY or has & REFUSED.keys() or has & TO_DO)


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


@decomposed_rows
def test_a_program_decomposes_to_elementary_primitives(name, case):
    prim = primitives[name]
    for dtype in dtypes_of(case):
        operands = case.operands(dtype)
        slack = tolerance(name, operands)

        program, arrays = whole_program(prim, operands, case.params)

        check_jaxpr(program)
        assert set(primitives_of(program)) <= ELEMENTARY
        with np.errstate(all="ignore"):
            want = tuple(prim.run(*operands, **case.params))
            got = eval_jaxpr(program, (), arrays)
        assert_same(want, got, slack, slack, note=dtype)


# special values

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 40.0, -40.0, 1e300, 5e-324]
OWN_VALUES = {"binary_cross_entropy": [0.0, 1.0, 0.5, 5e-324, 1 - 2.0**-53]}  # it refuses others
elementwise = pytest.mark.parametrize(
    "name",
    [n for n in CASES if isinstance(OWN.get(n), Elementwise) and OWN[n].decompose is not None],
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

first_rows = pytest.mark.parametrize(
    "name",
    [
        name
        for name, cases in CASES.items()
        if OWN[name].decompose is not None and OWN[name].differentiable and cases[0].free
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
