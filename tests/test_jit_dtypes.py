"""jit(f)(x) has the value, dtype, weak type and sign of f(x): operators, ufuncs, programs."""

import itertools
import operator

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.avals import aval_of

from .support.compare import assert_same
from .support.programs import ruled_forward, ruled_reverse

DTYPES = ("?", "i1", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
UNARY = {name: getattr(operator, name) for name in ("neg", "pos", "abs", "invert")}
BINARY = {
    **{name: getattr(operator, name) for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "and_", "or_", "xor", "lshift",
        "rshift", "lt", "le", "eq", "ne", "gt", "ge")},
    "divmod": divmod,
}  # fmt: skip
UFUNCS = {n: u for n, u in vars(np).items() if isinstance(u, np.ufunc) and u.signature is None}
EXPONENTS = (0, 1, 2, 3, -1, 0.5, 2.0, 1.0, -1.0, 1.5, True, 2 + 0j, np.int8(2), np.float32(2),
             np.uint8(2), np.bool_(True))  # fmt: skip
POWERS = {
    **{f"x**{n!r}": lambda x, n=n: x**n for n in EXPONENTS},
    **{f"{n!r}**x": lambda x, n=n: n**x for n in EXPONENTS},
    **{f"power(x, {n!r})": lambda x, n=n: np.power(x, n) for n in EXPONENTS},
}


def operands(value):
    """Return a value as an array, an array of no axes and a scalar of each dtype, and Python's."""
    found = {kind.__name__: kind(value) for kind in (bool, int, float, complex)}
    for dtype in DTYPES:
        array = np.array([value, 1, 2]).astype(dtype)
        found |= {f"{dtype}[3]": array, f"{dtype}[]": np.array(array[0]), dtype: array[0]}
    return found


def check(functions, xs):
    """Compare the functions that take these operands, as one program."""
    taken = {}
    with np.errstate(all="ignore"):
        for name, f in functions.items():
            try:
                taken[name] = f(*xs)
            except (TypeError, ValueError, ArithmeticError):
                continue
        got = fg.jit(lambda *xs: {name: functions[name](*xs) for name in taken})(*xs)
    for name, want in taken.items():
        halves = any(np.asarray(w).dtype == np.float16 for w in fg.tree.leaves(want))
        rtol = 1e-2 if halves else 1e-5  # powers by products
        assert_same(want, got[name], rtol, note=(name, xs))


SQUARE = {"x**2"}  # of a truth NumPy's scalar has int64, its array without axes int8


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", [3, 0])
@pytest.mark.parametrize("kind", operands(0))
def test_functions_of_one_operand_keep_dtype_and_weak_type(kind, value):
    x = operands(value)[kind]
    functions = UNARY | {n: u for n, u in UFUNCS.items() if u.nin == 1}
    powers = {n: f for n, f in POWERS.items() if not (kind == "?[]" and n in SQUARE)}
    check(functions | (powers if value else {}), (x,))


FEW = ("bool", "int", "float", "complex", "?[3]", "i1", "u8[]", "f2[3]", "f4", "f8[3]", "c8[3]")
BINARY |= {n: u for n, u in UFUNCS.items() if u.nin == 2}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pair", list(itertools.product(FEW, FEW)), ids=" ".join)
def test_functions_of_two_operands_keep_dtype_and_weak_type(pair):
    check(BINARY, [operands(2)[kind] for kind in pair])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", operands(0))
def test_functions_of_two_operands_keep_dtype_and_weak_type_of_all(kind):
    for other in operands(0):
        xs = operands(2)[kind], operands(2)[other]
        if not (type(xs[0]) is complex and type(xs[1]) is np.float64):  # Python's own sum is weak
            check(BINARY, xs)


def test_truths_and_whole_numbers_are_pythons():
    f = lambda a, b: (a + b, a * b, -a, +b, ~a, a < b, (a < b) * 2.0, 2**100 + b, a**70)
    want = f(True, 3)

    assert want == fg.jit(f)(True, 3)
    assert list(map(type, want)) == list(map(type, fg.jit(f)(True, 3)))
    narrow = lambda x, y: (x > 0) * 2.0 * y
    y = np.ones(2, np.float32)
    assert narrow(1.0, y).dtype == fg.jit(narrow)(1.0, y).dtype == np.float32


FUNCTIONS = {
    "isposinf": np.isposinf, "isneginf": np.isneginf, "iscomplex": np.iscomplex,
    "clip without bounds": lambda x: np.clip(x * 1, None, None),
    "full_like": lambda x: np.full_like(x, x), "fftn along no axis": np.fft.fftn,
    "ifftn along no axis": np.fft.ifftn, "convolve": lambda x: np.convolve(x, x),
    "polymul": lambda x: np.polymul(x, x),
}  # fmt: skip


@pytest.mark.parametrize("x", [-1.5, 2, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_of_numpys_makes_of_a_python_scalar_is_no_python_scalar(name, x):
    f = FUNCTIONS[name]
    for use in (lambda y: ~y if y.dtype == bool else +y, lambda y: y * np.ones(2, "f4")):
        want = np.asarray(use(f(x)))
        got = np.asarray(fg.jit(lambda x, use=use: use(f(x)))(x))

        assert (got.dtype, got.tolist()) == (want.dtype, want.tolist())


@pytest.mark.parametrize("kind", DTYPES)
def test_convolutions_add_in_the_dtype_of_their_operands(kind):
    a, v = np.array([1, 0, 100]).astype(kind), np.array([1, 3]).astype(kind)
    for f in (np.convolve, np.correlate, np.polymul):
        want, got = f(a, v), fg.jit(f)(a, v)

        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


# fmt: off
EXPRESSIONS = {
    "x + 1": lambda x: x + 1,        "x * 2.0": lambda x: x * 2.0,   "x / 2": lambda x: x / 2,
    "1 * x": lambda x: 1 * x,        "x * x": lambda x: x * x * 1,    "-x": lambda x: 0 - x,
    "sum": lambda x: np.sum(x),      "mean": lambda x: np.mean(x),   "sin": lambda x: np.sin(x),
    "where": lambda x: np.where(x > 0, x, 0),                        "abs": lambda x: np.abs(x),
    "f4 + x": lambda x: np.ones(2, "f4") + x,                        "x > 0": lambda x: x > 0,
    "float64 * x": lambda x: np.float64(2) * x,                      "max": lambda x: np.max(x),
    "dot": lambda x: np.dot(x, x),   "stack": lambda x: np.stack([x, x]),
    "x // 2": lambda x: x // 2,
}
# fmt: on
VALUES = [np.array([1, 2], d) for d in "?bBhHiIlLefd"] + [np.ones(2, "F"), np.ones(2, "D")]
VALUES += [d(1) for d in (bool, int, float, complex, np.int8, np.float32, np.float64, np.bool_)]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_dtypes_are_those_of_eager_code(name):
    f = EXPRESSIONS[name]
    for x in VALUES:
        try:
            want = aval_of(f(x))
        except TypeError:
            continue
        got = aval_of(fg.jit(f)(x))

        assert (got.shape, got.dtype) == (want.shape, want.dtype), aval_of(x)


# results of single programs

M = np.random.default_rng(0).normal(size=(400, 500))
X = np.array([1.5, -2.0, 3.0])
U, I8 = np.array([1, 2, 200], np.uint8), np.array([-128, 1], np.int8)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda a: np.exp(np.sort(a)[::-1]) * 2, (M,)),
        (lambda a: (lambda d: np.sin(d + d[::-1]) * 2)(a * 2), (M,)),
        (lambda a, i: (a * 2)[i] + 1, (M[:4], 2)),
        (lambda a: lax.fori_loop(0, 3, lambda i, c: c + (c * 2)[i], a), (M[:3, :4],)),
        (lambda f, u: f + (-u), (np.ones(3, "f4"), U)),
        (lambda f, u: (-f) * (-u), (np.ones(3, "f4"), U)),
        (lambda u: (u * 2) * 0.5, (U,)),
        (lambda a: (a * np.uint8(200)) * np.uint8(200), (X,)),
        (lambda c, a: np.where(c, a, np.float64(0.1)), (X, X.astype("f4"))),
        (lambda n: lax.fori_loop(0, n, lambda i, c: c * 2, np.int8(30)), (np.int8(2),)),
        (lambda a: lax.scan(lambda c, r: (c * c + 1, c), np.float32(1.1), a), (np.ones(3, "f4"),)),
        (lambda a: a / np.float32(0.1), (X,)),
        (lambda a: np.sum(np.broadcast_to(a, (100_000,))), (np.float16(0.01),)),
        (lambda a: np.copysign(a, np.array([-0.0, 0.0])), (np.ones(2),)),
        (lambda u: np.clip(u, -1, 1), (U,)),
        (lambda u, e: np.einsum("i,i->", u, e), (np.array([141, 181], "u1"), np.ones(1, "i1"))),
        (lambda a: np.floor(a / 49), (np.array([49.0, 98.0]),)),
        (lambda z: (np.exp(z).imag * 2, z.real), (X + 1j,)),
    ],
)
def test_values_and_dtypes_are_those_of_eager_code(f, args):
    want, got = fg.tree.leaves(f(*args)), fg.tree.leaves(fg.jit(f)(*args))
    for w, g in zip(want, got, strict=True):
        assert np.asarray(w).dtype == np.asarray(g).dtype
        np.testing.assert_allclose(g, w, rtol=1e-6 if w.dtype.itemsize < 8 else 1e-12)
        np.testing.assert_array_equal(np.signbit(np.real(g)), np.signbit(np.real(w)))


def test_a_choice_of_one_value_from_itself_is_that_value():
    f = lambda x: np.where(x > 0, np.sin(x), np.sin(x)) + 0.5

    np.testing.assert_array_equal(fg.jit(f)(X), f(X))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x * 100 * 100, np.array([1, 2, 3], np.int8)),
        (lambda x: (-x) * 3, np.array([1, 2, 3], np.uint8)),
        (lambda x: x * 300 * 300, np.array([0.001], np.float16)),
        (lambda x: x * 1e30 * 1e30, np.array([1e-30], np.float32)),
        (lambda x: x / 1e-5, np.array([0.1], np.float16)),
        (lambda x: x / 1e-40, np.array([1e-10], np.float32)),
        (lambda x: np.sum(np.broadcast_to(x, (0, 2)), 0), np.array([np.inf, np.nan])),
        (lambda x: x * np.longdouble(0.1), np.ones(2, np.longdouble)),
        (lambda x: x**-5, np.array([1e62])),
    ],
    ids=["int8", "uint8", "f2", "f4", "/f2", "/f4", "empty", "longdouble", "power"],
)
def test_algebra_does_not_leave_the_range_of_a_dtype(f, x):
    want, got = f(x), fg.jit(f)(x)

    assert want.dtype == got.dtype
    np.testing.assert_allclose(got, want, rtol=64 * np.finfo(np.float16).eps if x.dtype == "f2"
                               else 1e-5)  # fmt: skip


def test_zero_keeps_its_sign():
    z = np.array([0.0, -0.0, 1.0])
    for f in (lambda x: np.where(x > 0, x * 1.0, -0.0), lambda x: np.copysign(1.0 + x, z),
              lambda x: x * 0.0 + 0, lambda x: 0 - x * 0.0):  # fmt: skip
        np.testing.assert_array_equal(np.signbit(fg.jit(f)(X)), np.signbit(f(X)))


def test_scalar_overflow_of_integers_warns_as_numpy_does():
    f = lambda x: x + x
    for g in (f, fg.jit(f)):
        with pytest.warns(RuntimeWarning, match="overflow"):
            g(np.int8(100))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("hold", [ruled_forward, ruled_reverse, fg.checkpoint, fg.jit])
def test_a_program_of_numbers_alone_has_a_derivative(hold, shape, dtype):
    slope = hold(fg.grad(lambda x: np.sum(np.real(x))))
    x, zero = np.ones(shape, dtype), np.zeros(shape, dtype)
    back = lambda f: lambda x: fg.vjp(f, x)[1](x)[0]
    ways = [back(fg.jit(slope)), fg.jit(back(slope)), back(fg.checkpoint(slope)),
            back(fg.jit(fg.checkpoint(slope))), back(lambda x: fg.lax.map(slope, x[None])[0]),
            lambda x: fg.vmap(back(fg.jit(slope)))(x[None])[0]]  # fmt: skip

    for way in ways:
        got = way(x)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, zero)


@pytest.mark.parametrize("x", [3 + 4j, 3.0, np.complex64(3 + 4j), np.ones(2, complex)])
def test_a_sign_is_a_number_of_numpys_compiled_too(x):
    got = fg.jit(np.sign)(x)

    assert type(got) is type(np.sign(x))
    np.testing.assert_allclose(got, np.sign(x), rtol=2e-7)  # a quotient, rounded otherwise


def test_a_cotangent_of_an_element_of_foreign_byte_order_is_compiled():
    slope = fg.grad(lambda x: np.stack([x[0, 0] * 2, x[1, 1], -x[0, 1]]) @ np.ones(3))
    x = np.arange(6.0).reshape(2, 3).astype(">f8")

    np.testing.assert_array_equal(fg.jit(slope)(x), slope(x))


@pytest.mark.parametrize("mode", ["maximum", "minimum", "mean", "median"])
@pytest.mark.parametrize(
    "x",
    [
        np.array([[3, 2**62 + 5], [2**62 + 9, 7]]),
        np.array([[3, 2**64 - 5], [2**64 - 9, 7]], np.uint64),
        np.array([[True, False], [False, False], [False, True]]),
    ],
)
def test_statistics_of_large_integers_and_of_booleans_pad_as_numpys_do(x, mode):
    padded = lambda x: np.pad(x, ((1, 1), (2, 0)), mode)

    np.testing.assert_array_equal(fg.jit(padded)(x), padded(x), strict=True)
