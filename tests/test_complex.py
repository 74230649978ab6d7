"""Complex numbers through everything, by JAX's convention: dL/dx - i dL/dy of a real loss.

Every row of the tables of plain NumPy is evaluated again with complex numbers in place of its
real inputs: all of them, or every other. What NumPy accepts is held against NumPy and against
central differences along both parts; what NumPy refuses must be refused.
"""

import ast
import re
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import DtypeError
from funcgrad.core.jaxpr import check_jaxpr

from .support import composed
from .support.compare import arrays, assert_derivatives, assert_same, floats
from .support.expressions import CASES, CONSTANTS, INPUTS, NO_DIFFERENCES, ROWS, compiled
from .support.rows import narrowed, split

RNG = np.random.default_rng(5)
PARTS = {k: RNG.uniform(0.2, 0.9, np.shape(x)) for k, x in INPUTS.items()}
Z = np.array([0.4 + 1.1j, -1.3 + 0.2j, 0.9 - 0.7j])
X = np.array([0.4, -1.3, 0.9])

# complex in other ways than by its inputs
OTHERS = """
    v ** 2j  np.power(v, z)  z ** v  2j ** v  np.float_power(v, 2j)  z ** 0  z ** -1  z ** i
    np.full_like(z, v)  np.linspace(v, z, 3)  np.where(rows, v, z)  np.select([rows], [v], z)
    np.choose([0, 1, 0], [v, z])  np.trapezoid(v, dx=1j)  np.diff(v, prepend=z[0])
    np.average(v, weights=z)  np.average(z, weights=z, returned=True)  np.polyint(v, 1, 1j)
    np.cov(z, v)  np.corrcoef(z, v)  np.correlate(v, z, 'full')  np.convolve(z, v)
    np.vdot(v, z)  np.vecdot(z, v)  v @ z  np.kron(z, v)  np.interp(v, np.sort(a)[1:], z)
    np.gradient(z, 1j)  np.clip(z, 0j, 1 + 1j)  np.maximum(z, v)  np.sort(z)  np.median(z)
    np.round(z, 1)  np.angle(z, True)  np.linalg.norm(z, np.inf)  np.linalg.norm(zm, np.inf)
    np.geomspace(z, v, 3)  np.piecewise(z, [rows], [lambda q: q * 2, 1.0])  abs(z) ** 3
    np.var(z, dtype=float)  np.std(z, dtype=complex)  np.nanvar(z)  np.sqrt(-p + 0j)
    np.log(-p + 0j)  np.arccos(p * 2 + 0j)  np.arcsin(-3 * p - 0j)  np.arccosh(-p + 0j)
    np.exp(1j * np.angle(z)) * abs(z)  np.einsum('i,j', v, z)  z.conj() @ z  (z * z.conj()).real
    np.nan_to_num(z / (v != v[0]), posinf=2)  np.sinc(z)  np.unwrap(np.angle(zm), axis=0)"""

BY_VALUE = ("Weights must be", "Quantiles must be")  # errors of numbers, which no program knows


def cases():
    """Yield each row, with the names of its inputs that are to be complex."""
    seen = [row for _, row in CASES + composed.CASES]
    for turn, row in enumerate(dict.fromkeys(seen)):
        names = sorted(names_of(row) & set(INPUTS))
        real = [k for k in names if not np.iscomplexobj(INPUTS[k])]
        found = dict.fromkeys((tuple(real), tuple(names[::2]), tuple(names[1::2])))
        found = [chosen for chosen in found if set(chosen) & set(real)]
        slow = found[1 + turn % 2 :][:1] if len(found) == 3 else []  # the halves take turns
        for chosen in found:
            marks = pytest.mark.slow if chosen in slow else ()
            yield pytest.param(row, chosen, id=f"{row}-{','.join(chosen)}", marks=marks)
    for row in split(OTHERS):
        yield pytest.param(row, (), id=row)


def names_of(row):
    return {node.id for node in ast.walk(ast.parse(row.strip())) if isinstance(node, ast.Name)}


def turned(row, chosen):
    """Return a row as a function, and its inputs, the chosen ones complex."""
    function, inputs = compiled(row)
    names = [next(k for k, v in INPUTS.items() if v is x) for x in inputs]
    make = lambda k, x: (x + 1j * PARTS[k])[()] if k in chosen and not np.iscomplexobj(x) else x
    return function, [make(k, x) for k, x in zip(names, inputs, strict=True)]


def outcome(function, *args):
    """Return what a function gives, or its error."""
    try:
        return function(*args)
    except (TypeError, ValueError, IndexError, AttributeError) as err:
        return err


each_case = pytest.mark.parametrize(("row", "chosen"), list(cases()))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of both sides
@each_case
class TestRow:
    def test_numpy_is_law(self, row, chosen):
        function, inputs = turned(row, chosen)
        for args, rtol in ((inputs, 1e-11), ([narrowed(x, "f") for x in inputs], 5e-5)):
            want = outcome(function, *args)
            tape = outcome(lambda *xs: fg.vjp(function, *xs)[0], *args)
            staged = outcome(lambda *xs: fg.make_jaxpr(function)(*xs), *args)
            if isinstance(want, Exception):
                assert isinstance(tape, Exception)
                assert isinstance(staged, Exception) or str(want).startswith(BY_VALUE)
                continue

            assert_same(arrays(want), arrays(tape), rtol, rtol)
            check_jaxpr(staged.jaxpr)
            with np.errstate(all="ignore"):
                assert_same(arrays(want), arrays(staged(*args)), rtol, rtol)
            if row.startswith(("np.interp", "np.polydiv")):
                return  # a sample that is met, or a remainder of 0, is one by rounding

    def test_derivatives_are_central_differences(self, row, chosen):
        function, inputs = turned(row, chosen)
        if isinstance(outcome(function, *inputs), Exception):
            return
        narrows = re.search(r"32|64|'f4'", row)
        smooth = not (row.startswith(NO_DIFFERENCES) or narrows)

        assert_derivatives(
            function, inputs, smooth=smooth, rtol=1e-6 if narrows else 1e-10, atol=3e-6
        )

    def test_second_derivatives_are_central_differences(self, row, chosen):
        function, inputs = turned(row, chosen)
        if isinstance(outcome(function, *inputs), Exception):
            return
        if any(np.isnan(x).any() for x in inputs) or re.search(r"32|64|'f4'|nan_to_num", row):
            return  # beside nan, and after a cast to single precision, differences are noise
        inexact = lambda *args: floats(tree.leaves(function(*args)))
        if inexact(*inputs) and not row.startswith(NO_DIFFERENCES):
            fg.check_grads(inexact, inputs, order=2, rtol=2e-3, atol=2e-4)

    def test_vmap_is_a_loop(self, row, chosen):
        function, inputs = turned(row, chosen)
        if isinstance(outcome(function, *inputs), Exception):
            return
        batch = [np.stack([x, x * 1.1]) for x in map(np.asarray, inputs)]
        want = [arrays(function(*(x[b] for x in batch))) for b in range(2)]
        got = arrays(fg.vmap(function)(*batch))

        for part, *each in zip(got, *want, strict=True):
            assert part.dtype == each[0].dtype
            assert np.allclose(part, np.stack(each), rtol=1e-10, atol=1e-10, equal_nan=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", [row for _, row in CASES][::3])
def test_compiled_derivatives_are_the_eager_ones(row):
    function, inputs = turned(row, INPUTS)
    if isinstance(outcome(function, *inputs), Exception):
        return

    def derivative(*xs):
        pushed = floats(tree.leaves(fg.jvp(function, xs, xs)[1]))
        y, pull = fg.vjp(lambda *xs: floats(tree.leaves(function(*xs))), *xs)
        return pushed, pull(y)

    want, got = derivative(*inputs), fg.jit(derivative)(*inputs)
    assert_same(arrays(want), arrays(got), 1e-10, 1e-10)


# warnings

LOSSES = """
    z.astype(float)  z.astype(np.int8)  np.astype(z, 'f4')  np.sum(z, dtype=float)
    np.mean(z, dtype=float)  np.add.reduce(z, dtype=float)  np.cumsum(z, dtype=float)
    z.prod(dtype=float)  np.var(z, dtype=float)  np.full_like(x, z[0])  np.insert(v, 1, z[0])
    np.pad(v, 1, constant_values=z[0])  np.add(z, 1, dtype=float, casting='unsafe')
    np.concatenate([z, v], dtype=float, casting='unsafe')  np.interp(z[0], [0, 1.0], v[:2])"""


@pytest.mark.parametrize("row", split(LOSSES))
def test_an_imaginary_part_that_is_lost_warns_as_in_numpy(row):
    function, inputs = compiled(row)
    with pytest.warns(np.exceptions.ComplexWarning):
        function(*inputs)
    for call in (lambda *xs: fg.vjp(function, *xs), fg.jit(function), fg.make_jaxpr(function)):
        with pytest.warns(np.exceptions.ComplexWarning) as seen:
            call(*inputs)
        assert all(__file__ in w.filename or "string" in w.filename for w in seen)


def test_what_no_one_asked_to_be_real_does_not_warn():
    loss = lambda x, z: np.sum(abs(x * z + np.concatenate([x, z])[:3]) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for transform in (lambda f: f, fg.jit):
            gradient = transform(fg.grad(loss, argnums=(0, 1)))(X, Z)
            transform(lambda x, z: fg.hvp(lambda x: loss(x, z), (x,), (x,)))(X, Z)
            Z.astype(bool), fg.jit(lambda z: z.astype(bool))(Z)

        assert [g.dtype for g in gradient] == [float, complex]


# the sides of a cut, and other edges

CUTS = {  # on which axis, and beyond which number
    "sqrt": ("real", 0), "log": ("real", 0), "log1p": ("real", -1), "log2": ("real", 0),
    "log10": ("real", 0), "arcsin": ("real", -1), "arccos": ("real", 1), "arctanh": ("real", 1),
    "arccosh": ("real", -1), "arcsinh": ("imag", 1), "arctan": ("imag", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CUTS)
def test_on_a_cut_a_derivative_is_that_of_the_side_which_the_zero_is_signed_for(name):
    axis, bound = CUTS[name]
    function = getattr(np, name)
    for far in (bound - 0.5, -bound - 0.5, bound + 0.5):
        for side in (0.0, -0.0):
            at = complex(far, side) if axis == "real" else complex(side, far)
            step = np.copysign(1e-9, side)
            beside = at + (1j * step if axis == "real" else step)
            for order in (1, 2):
                derivative = function
                for _ in range(order):
                    derivative = fg.grad(derivative, holomorphic=True)
                want, got = derivative(np.complex128(beside)), derivative(np.complex128(at))

                assert np.isclose(want, got, rtol=1e-7)  # the step over the distance to the pole


EDGES = {  # a derivative that differences do not see, and what it is
    "np.abs": 0, "np.sign": 0, "np.square": 0, "np.real": 1, "np.imag": -1j, "np.conj": 1,
    "np.angle": 0, "np.linalg.norm": 0, "np.std": 0, "np.var": 0,
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_derivatives_at_zero(name):
    function = eval(f"lambda z: np.real({name}(z))", {"np": np})

    assert fg.grad(function)(0j) == fg.jit(fg.grad(function))(0j) == EDGES[name]
    if name != "np.angle":  # of which the slope grows without bound
        assert np.isfinite(fg.vjp(fg.grad(function), 0j)[1](1 + 1j)[0])


def test_the_derivative_of_a_phase_has_no_length():
    z = Z[0]
    pushed = fg.jvp(np.sign, (z,), (1j * z,))[1], fg.jvp(np.sign, (z,), (z,))[1]

    assert np.allclose(pushed, [1j * z / abs(z), 0])  # it turns, and does not grow
    assert np.allclose(fg.jvp(fg.lax.sign, (z,), (1j * z,))[1], pushed[0])


# transforms


def test_the_gradient_of_a_real_loss_is_the_descent_direction_conjugated():
    loss = lambda z: np.sum(abs(z - (1 + 2j)) ** 2)
    z = Z
    for _ in range(60):
        z = z - 0.2 * np.conj(fg.grad(loss)(z))

    assert np.allclose(z, 1 + 2j)


def test_holomorphic_derivatives_are_complex_derivatives():
    f = lambda z: np.exp(z) * z
    want, second = (Z + 1) * np.exp(Z), (Z + 2) * np.exp(Z)
    hessian = np.zeros((3, 3, 3), complex)
    hessian[range(3), range(3), range(3)] = second

    for jacobian in (fg.jacfwd, fg.jacrev):
        assert np.allclose(jacobian(f, holomorphic=True)(Z), np.diag(want))
        assert np.allclose(fg.jit(jacobian(f, holomorphic=True))(Z), np.diag(want))
        assert jacobian(f, holomorphic=True)(Z.astype("F")).dtype == np.complex64
    value, gradient = fg.value_and_grad(lambda z: f(z).sum(), holomorphic=True)(Z)
    assert np.isclose(value, f(Z).sum()) and np.allclose(gradient, want)
    assert np.allclose(fg.hessian(f, holomorphic=True)(Z), hessian)
    assert np.allclose(fg.vmap(fg.grad(f, holomorphic=True))(Z), want)


@pytest.mark.parametrize("jacobian", [fg.jacfwd, fg.jacrev, fg.hessian])
def test_jacobians_of_complex_numbers_ask_for_holomorphic(jacobian):
    with pytest.raises(DtypeError, match="holomorphic"):
        jacobian(lambda z: z * 2)(Z)
    with pytest.raises(DtypeError, match="arguments must be complex"):
        jacobian(lambda x: x * 2, holomorphic=True)(X)
    with pytest.raises(DtypeError, match="output must be complex"):
        jacobian(abs, holomorphic=True)(Z)


def test_a_complex_output_of_real_numbers_has_a_jacobian_forward_alone():
    f = lambda x: np.exp(1j * x)

    assert np.allclose(fg.jacfwd(f)(X), np.diag(1j * f(X)))
    with pytest.raises(DtypeError, match=r"jacrev: a complex output .* use jacfwd"):
        fg.jacrev(f)(X)


def test_gradients_of_complex_outputs_ask_for_holomorphic():
    with pytest.raises(DtypeError, match="holomorphic"):
        fg.grad(lambda z: z.sum())(Z)
    with pytest.raises(DtypeError, match="holomorphic"):
        fg.grad(lambda x: (x * 1j).sum())(X)
    with pytest.raises(DtypeError, match="complex"):
        fg.grad(lambda z: abs(z).sum(), holomorphic=True)(Z)


def test_tangents_and_cotangents_have_the_dtype_of_what_they_belong_to():
    with pytest.raises(DtypeError):
        fg.jvp(np.sin, (X,), (Z,))
    with pytest.raises(DtypeError):
        fg.vjp(abs, Z)[1](Z)
    with pytest.raises(DtypeError):
        fg.vjp(np.sin, Z)[1](Z.astype("F"))


def test_linear_transpose_is_not_conjugated():
    a = np.outer(Z, Z) + np.diag(Z)
    (got,) = fg.linear_transpose(lambda z: a @ z, Z)(Z)
    (real,) = fg.linear_transpose(lambda x: a @ x, X)(Z)

    assert np.allclose(got, a.T @ Z)
    assert np.allclose(real, (a.T @ Z).real) and real.dtype == float


def rotated(z, n):
    return fg.lax.scan(lambda c, _: (c * 1j + 0.1 * c**2, abs(c)), z, None, length=n)


def looped(z):
    return fg.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * (1 + 0.5j)), (0, z))[1]


def branched(z):
    flag = z.imag.sum() > 0
    return fg.lax.cond(flag, lambda z: z**2, lambda z: z * 1j, z), fg.lax.cond(
        flag, lambda z: abs(z), lambda z: z.imag, z
    )


@fg.custom_jvp
def doubled(z):
    return 2 * z


@doubled.defjvp
def _doubled_jvp(primals, tangents):
    return doubled(*primals), 2 * tangents[0]


@fg.custom_vjp
def mirrored(z):
    return z * z


mirrored.defvjp(lambda z: (z * z, z), lambda z, ct: (ct * 2 * z,))

HOLDERS = {
    "scan": lambda z: rotated(z, 3),
    "fori": lambda z: fg.lax.fori_loop(0, 3, lambda i, c: c * (0.5 + 1j) + i, z),
    "cond": branched,
    "custom_jvp": lambda z: doubled(np.sin(z)),
    "checkpoint": lambda z: fg.checkpoint(lambda z: np.exp(z) * abs(z))(z),
    "associative_scan": lambda z: fg.lax.associative_scan(np.multiply, z),
    "jit": lambda z: fg.jit(lambda z: z * np.conj(z) + z**3)(z),
    "at": lambda z: fg.at(fg.at(z)[0].multiply(1j * z[1]))[1:].set(z[:2] ** 2),
    "map": lambda z: fg.lax.map(lambda w: np.sin(w) * abs(w), z),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_programs_carries_complex_numbers(name):
    function = HOLDERS[name]
    fg.check_grads(function, (Z,), order=2, rtol=1e-4, atol=1e-5)
    batch = np.stack([Z, -Z, 1j * Z])
    want = [arrays(function(z)) for z in batch]
    got = arrays(fg.vmap(function)(batch))
    eager, compiled_ = (arrays(f(Z)) for f in (function, fg.jit(function)))

    assert all(np.allclose(y, np.stack(ys)) for y, *ys in zip(got, *want, strict=True))
    assert all(map(np.allclose, eager, compiled_))
    assert [y.dtype for y in eager] == [y.dtype for y in compiled_]


def test_a_rule_for_reverse_mode_sees_complex_cotangents():
    fg.check_grads(mirrored, (Z,), order=2, modes=("rev",))


def test_a_while_loop_pushes_complex_tangents():
    fg.check_grads(looped, (Z,), order=2, modes=("fwd",))


def test_attributes_of_a_complex_tracer():
    def f(z):
        assert z.dtype == complex and z.real.dtype == z.imag.dtype == abs(z).dtype == float
        return z.conj() * z.real + 1j * z.imag * abs(z) + z.conjugate()

    assert np.allclose(fg.jit(f)(Z), f(Z))
    fg.check_grads(f, (Z,), order=2)


@pytest.mark.peers
@pytest.mark.parametrize("row", split(ROWS["complex"]))
def test_gradients_are_those_of_jax(row, jax):
    function, inputs = compiled(row)
    names = [next(k for k, v in INPUTS.items() if v is x) for x in inputs]
    theirs = eval(f"lambda {', '.join(names)}: {row}", {**CONSTANTS, "np": jax.numpy})
    loss = lambda f: lambda *xs: sum((abs(y) ** 2).sum() for y in tree.leaves(f(*xs)))
    places = tuple(range(len(inputs)))
    try:
        want = jax.grad(loss(theirs), argnums=places)(*inputs)
    except (TypeError, AttributeError):
        pytest.skip("JAX refuses this row")

    for a, b in zip(want, fg.grad(loss(function), argnums=places)(*inputs), strict=True):
        rtol = 1e-6 if "complex64" in row else 1e-9
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)


FAR = [
    (complex(np.inf, 0), 1), (complex(-np.inf, 3), -1), (complex(2, np.inf), 1j),
    (3e-310 + 4e-310j, 0.6 + 0.8j), (5e-324 + 0j, 1), (-5e-324j, -1j), (3e307 - 4e307j, 0.6 - 0.8j),
    (0j, 0),
]  # fmt: skip


@pytest.mark.parametrize("function", ["abs", "norm"])
def test_the_size_of_an_extreme_number_has_a_slope(function):
    f = np.abs if function == "abs" else lambda z: np.linalg.norm(z[..., None], axis=-1)
    rows = [(z, u) for z, u in FAR if function == "abs" or np.isfinite(z)]
    z, direction = np.array(rows).T  # some elements beside others
    total = lambda z: np.sum(f(z))
    for x, u in [(z, direction), *((z[i : i + 1], direction[i : i + 1]) for i in range(len(z)))]:
        for gradient in (fg.grad(total), fg.jit(fg.grad(total)), fg.vmap(fg.grad(f))):
            np.testing.assert_allclose(gradient(x), np.conj(u), rtol=1e-12)
        for along in (1, 1j):
            got = fg.jvp(f, (x,), (np.full(x.shape, along + 0j),))[1]
            np.testing.assert_allclose(got, np.real(np.conj(u) * along), rtol=1e-12)


def test_a_standalone_file_holds_directions():
    z, direction = np.array(FAR).T

    def total(z):
        return np.sum(np.abs(z))

    compiled = fg.jit(fg.grad(total))
    module: dict = {}
    exec(compiled.source(z, standalone=True), module)
    np.testing.assert_allclose(module["total"](z), np.conj(direction), rtol=1e-12)


def test_directions_have_derivatives_of_all_orders_in_both_modes():
    z = np.array([0.3 - 1.2j, 2.0 + 0.1j, -0.7 - 0.4j])
    fg.check_grads(np.abs, (z,), order=3)
    fg.check_grads(np.sign, (z,), order=2)
    parts = lambda x: np.sum(np.sin(np.abs(x[0] + 1j * x[1])) ** 2)
    plain = lambda x: np.sum(np.sin(np.hypot(x[0], x[1])) ** 2)
    x = np.array([z.real, z.imag])
    for transform in (
        fg.hessian,
        lambda f: fg.jit(fg.hessian(f)),
        lambda f: fg.jacrev(fg.jacrev(f)),
    ):
        np.testing.assert_allclose(transform(parts)(x), transform(plain)(x), rtol=1e-9, atol=1e-12)
