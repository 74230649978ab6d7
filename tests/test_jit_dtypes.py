"""jit(f)(x) has the value, dtype and weak type of f(x): every operator and ufunc by dtype."""

import itertools
import operator

import numpy as np
import pytest

import funcgrad as fg

from .support.compare import assert_same

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
