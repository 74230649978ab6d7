"""The elementary primitives by functions of the Array API standard, version 2024.12.

The standard promotes no integers to floating-point numbers, and gives booleans no arithmetic:
operands are cast to NumPy's common dtype first, booleans to uint8. ``program.py`` casts each result
to the dtype of its aval.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...compile.cse import cse
from ...compile.passes import passed
from ...compile.program import first_passed
from ...core.dead_code import dce
from ...core.jaxpr import Jaxpr
from ...core.registry import entering
from ...ops.windows import Window
from ..lowering import lowered, operand_dtype
from .namespaces import LackError, Operation

Form = Callable[..., Any]
FORMS: dict[str, Form] = {}  # the name of a primitive -> its form
form = entering(FORMS)


_NAMES = "psum pmax pmin all_gather psum_scatter all_to_all ppermute"
# primitives that are refused by name
LACKING = {
    "eig": "it has eigenvalues of symmetric matrices alone",
    "lu": "it solves systems, and has no LU factors",
    **dict.fromkeys(_NAMES.split(), "it has no collectives; leave out the named axis"),
    **dict.fromkeys(
        ("random_bits", "random_split", "random_fold_in"),
        "it has no generator; pass the key as an array of NumPy",
    ),
}

# Elementwise operations


def by_elements(apply: Callable[..., Any], keep: Sequence[int] = (), truths: bool = False) -> Form:
    """The form of a function of an operation and its cast operands; ``keep`` are not cast.

    ``truths``: whether the function takes booleans.
    """

    def applied(at: Operation, *xs: Any) -> Any:
        dtype = operand_dtype([a for i, a in enumerate(at.ins) if i not in keep], at.dtype)
        if dtype.kind == "b" and not truths:
            dtype = np.dtype(np.uint8)
        return apply(at, *[at.array(x, at.ins[i].dtype if i in keep else dtype)
                           for i, x in enumerate(xs)])  # fmt: skip

    return applied


def _named(name: str, truths: bool = False) -> Form:
    return by_elements(lambda at, *xs: at(name, *xs), truths=truths)


def _by_order(name: str) -> Form:
    return by_elements(lambda at, *xs: at(name, *in_order(at, *xs)))


def in_order(at: Operation, *xs: Any) -> tuple[Any, ...]:
    """The same operands.

    Raises:
        LackError: if they are complex.
    """
    if any(a.dtype.kind == "c" for a in at.ins):
        raise LackError("the Array API standard gives complex numbers no order")
    return xs


_SAME = """
    sqrt hypot exp expm1 log log2 log10 log1p sin cos tan sinh cosh tanh floor ceil
    trunc isfinite isinf isnan signbit copysign nextafter abs sign
"""
_RENAMED = """
    add:add sub:subtract mul:multiply div:divide neg:negative pos:positive arcsin:asin arccos:acos
    arctan:atan arctan2:atan2 arcsinh:asinh arccosh:acosh arctanh:atanh rint:round
"""
_OF_ORDER = """
    maximum:maximum minimum:minimum lt:less le:less_equal gt:greater ge:greater_equal
"""
_OF_TRUTHS = """
    eq:equal ne:not_equal invert:bitwise_invert bitwise_and:bitwise_and bitwise_or:bitwise_or
    bitwise_xor:bitwise_xor
"""
FORMS |= {name: _named(name) for name in _SAME.split()}
for _text, _entered in (
    (_RENAMED, _named), (_OF_ORDER, _by_order), (_OF_TRUTHS, lambda name: _named(name, True)),
):  # fmt: skip
    for _ours, _, _theirs in (_pair.partition(":") for _pair in _text.split()):
        FORMS[_ours] = _entered(_theirs)
FORMS["where"] = by_elements(
    lambda at, c, x, y: at("where", at.array(c, bool), x, y), keep=[0], truths=True
)


def _logical(name: str) -> Form:
    return lambda at, *xs: at(
        name, *[_truth(at, x, a.dtype) for x, a in zip(xs, at.ins, strict=True)]
    )


def _truth(at: Operation, x: Any, dtype: np.dtype) -> Any:
    x = at.array(x, dtype)
    return x if dtype.kind == "b" else x != 0


for _name in ("logical_and", "logical_or", "logical_xor", "logical_not"):
    FORMS[_name] = _logical(_name)


def _of_complex(name: str) -> Form:
    def apply(at: Operation, x: Any) -> Any:
        (x,) = at.own(x)
        if at.ins[0].dtype.kind == "c":
            return at(name, x)
        return at("zeros_like", x) if name == "imag" else x

    return apply


for _name in ("real", "imag", "conj"):
    FORMS[_name] = _of_complex(_name)


def _is_float(at: Operation) -> bool:
    return at.dtype.kind in "fc"


def _by_divisor(name: str) -> Form:
    """A quotient or remainder, which NumPy defines as 0 for an integer divisor of 0."""

    def divide(at: Operation, x: Any, y: Any) -> Any:
        if _is_float(at):
            return _quotient(at, name, x, y)
        none = y == 0
        y = at("where", none, at("ones_like", y), y)
        z = _quotient(at, name, x, y)
        return at("where", none, at("zeros_like", z), z)

    return by_elements(divide)


def _quotient(at: Operation, name: str, x: Any, y: Any) -> Any:
    if name != "fmod":
        return at(name, x, y)
    if at.dtype.kind == "u":
        return at("remainder", x, y)
    z = at("remainder", at("abs", x), at("abs", y))
    return at("copysign", z, x) if _is_float(at) else at("where", x < 0, -z, z)


FORMS["mod"], FORMS["fmod"] = _by_divisor("remainder"), _by_divisor("fmod")
FORMS["floor_divide"] = _by_divisor("floor_divide")


def _shift(name: str) -> Form:
    """A shift; one by as many bits as the integer has leaves 0, or its sign."""

    def shift(at: Operation, x: Any, n: Any) -> Any:
        far = (n < 0) | (n >= at.dtype.itemsize * 8)
        rest = at("zeros_like", x)
        if name == "bitwise_right_shift" and at.dtype.kind == "i":
            rest = at("where", x < 0, rest - 1, rest)
        return at("where", far, rest, at(name, x, at("where", far, at("zeros_like", n), n)))

    return by_elements(shift)


FORMS["left_shift"] = _shift("bitwise_left_shift")
FORMS["right_shift"] = _shift("bitwise_right_shift")


@form("pow")
def _pow(at: Operation, x: Any, n: Any) -> Any:
    x, n = at.array(x, at.dtype), at.array(n, at.dtype)
    if at.dtype.kind == "i" and bool(at("any", n < 0)):
        raise ValueError("Integers to negative integer powers are not allowed.")
    return at("pow", x, n)


def _two(at: Operation, n: Any) -> Any:
    """2**n."""
    return at("pow", at("full_like", n, 2.0), n)


@by_elements
def _exponent(at: Operation, x: Any) -> Any:
    """The n for which x = m 2**n, 1/2 <= |m| < 1."""
    there = at("isfinite", x) & (x != 0)
    x = at("where", there, at("abs", x), at("ones_like", x) / 2)
    n = at("floor", at("log2", x)) + 1
    half = at("floor", n / 2)
    m = x / _two(at, half) / _two(at, n - half)
    one = at("ones_like", n)
    n = at("where", m >= 1, n + one, at("where", m < 0.5, n - one, n))
    return at("where", there, n, at("zeros_like", n))


def _ldexp(at: Operation, x: Any, n: Any) -> Any:
    n = at.array(n, at.dtype)
    half = at("floor", n / 2)
    return x * _two(at, half) * _two(at, n - half)


def _bit_count(at: Operation, x: Any) -> Any:
    kind = at.ins[0].dtype
    x = at("abs", x) if kind.kind == "i" else x
    one, total = at("ones_like", x), at("zeros_like", x)
    for _ in range(kind.itemsize * 8 - (kind.kind == "i")):
        total = total + (x & one)
        x = at("bitwise_right_shift", x, one)
    return total


def _gcd(at: Operation, x: Any, y: Any) -> Any:
    """Source: Euclid, Elements VII.2."""
    x, y = at("broadcast_arrays", at("abs", x), at("abs", y)) if at.dtype.kind == "i" else (x, y)
    while bool(at("any", y != 0)):
        one = at("where", y == 0, at("ones_like", y), y)
        x, y = at("where", y == 0, x, y), at("where", y == 0, y, at("remainder", x, one))
    return x


def _lcm(at: Operation, x: Any, y: Any) -> Any:
    d = _gcd(at, x, y)
    z = at("floor_divide", x, at("where", d == 0, at("ones_like", d), d)) * y
    return at("abs", z) if at.dtype.kind == "i" else z


def _spacing(at: Operation, x: Any) -> Any:
    size = at("abs", x)
    return at("copysign", at("nextafter", size, at("full_like", x, float("inf"))) - size, x)


FORMS |= {
    "exponent": _exponent, "ldexp": by_elements(_ldexp, keep=[1]),
    "bitwise_count": by_elements(_bit_count), "gcd": by_elements(_gcd), "lcm": by_elements(_lcm),
    "spacing": by_elements(_spacing),
    "exp2": by_elements(lambda at, x: at("pow", at("full_like", x, 2.0), x)),
    "cbrt": by_elements(lambda at, x: at("copysign", at("pow", at("abs", x), 1 / 3), x)),
}  # fmt: skip

# Casts and structure


@form("convert", "truncate")
def _convert(at: Operation, x: Any, *, dtype: np.dtype) -> Any:
    if at.ins[0].dtype.kind == "c" and dtype.kind != "c":
        x = (x != 0) if dtype.kind == "b" else at("real", x)
    return at.array(x, dtype)


@form("constant")
def _constant(at: Operation, *, array: Any) -> Any:
    return array.value


@form("weaken", "stop_gradient")
def _identity(at: Operation, x: Any) -> Any:
    return x


@form("broadcast")
def _broadcast(at: Operation, x: Any, *, shape: Sequence[int], axes: Sequence[int]) -> Any:
    own = [1 if d in axes else n for d, n in enumerate(shape)]
    return at("broadcast_to", at("reshape", x, tuple(own)), tuple(shape))


FORMS["reshape"] = lambda at, x, *, shape: at("reshape", x, tuple(shape))
FORMS["transpose"] = lambda at, x, *, perm: at("permute_dims", x, tuple(perm))
FORMS["concatenate"] = lambda at, *xs, axis: at(
    "concat", [at.array(x, at.dtype) for x in xs], axis=axis
)

# Reductions and order


def _countable(at: Operation, x: Any) -> Any:
    """An operand whose elements have an order: booleans as integers."""
    in_order(at)
    return at.array(x, np.uint8 if at.ins[0].dtype.kind == "b" else at.ins[0].dtype)


def _total(name: str) -> Form:
    def reduce(at: Operation, x: Any, *, axes: Sequence[int]) -> Any:
        x = at.array(x, at.dtype)
        return at(name, x, axis=tuple(axes), dtype=x.dtype) if axes else x

    return reduce


def _extremum(name: str) -> Form:
    return lambda at, x, *, axes: (
        at(name, _countable(at, x), axis=tuple(axes)) if axes else at.own(x)[0]
    )


def _all_or_any(name: str) -> Form:
    def reduce(at: Operation, x: Any, *, axes: Sequence[int]) -> Any:
        x = _truth(at, x, at.ins[0].dtype)
        return at(name, x, axis=tuple(axes)) if axes else x

    return reduce


FORMS |= {name: _total(name) for name in ("sum", "prod")}
FORMS |= {name: _extremum(name) for name in ("max", "min")}
FORMS |= {name: _all_or_any(name) for name in ("any", "all")}


@form("cumsum")
def _cumsum(at: Operation, x: Any, *, axis: int, reverse: bool) -> Any:
    turn = (lambda x: at("flip", x, axis=axis)) if reverse else (lambda x: x)
    return turn(at("cumulative_sum", turn(at.array(x, at.dtype)), axis=axis))


for _name in ("argmax", "argmin"):
    FORMS[_name] = lambda at, x, *, axis, name=_name: at(name, _countable(at, x), axis=axis)


@form("argsort", "argpartition")
def _argsort(at: Operation, x: Any, *, axis: int, **params: Any) -> Any:
    return at("argsort", _countable(at, x), axis=axis, stable=True)


# Contraction


@form("matmul")
def _matmul(at: Operation, a: Any, b: Any) -> Any:
    dtype = np.dtype(np.uint8) if at.dtype.kind == "b" else at.dtype
    return at("matmul", at.array(a, dtype), at.array(b, dtype))


@form("conv_general_dilated")
def _conv(at: Operation, x: Any, w: Any, *, windows: Sequence[Window], groups: int) -> Any:
    """A sum of products, one for each element of the kernel.

    Position j of a result meets position (j result + k step - offset) / source of the operand.
    """
    x, w = at.array(x, at.dtype), at.array(w, at.dtype)
    shape = at.outs[0].shape
    total = at.array(np.zeros(shape), at.dtype)
    if 0 in (*x.shape, *w.shape, *shape):
        return total
    for axis in range(len(windows)):  # a position beside the operand reads this row of zeros
        row = [1 if d == axis + 1 else n for d, n in enumerate(x.shape)]
        x = at("concat", [x, at.array(np.zeros(row), at.dtype)], axis=axis + 1)
    for place in itertools.product(*[range(window[2]) for window in windows]):
        part = x
        for axis, (k, window) in enumerate(zip(place, windows, strict=True)):
            part = at("take", part, at.array(_sources(k, window), np.int64), axis=axis + 1)
        total = total + _grouped(at, part, w[(*place, ...)], groups)
    return total


def _sources(k: int, window: Window) -> np.ndarray:
    """The positions in an operand that the k-th element of a kernel meets; n for none."""
    n, m, _, source, offset, result, step = window
    place, rest = np.divmod(np.arange(m) * result + k * step - offset, source)
    return np.where((rest == 0) & (place >= 0) & (place < n), place, n)


def _grouped(at: Operation, x: Any, w: Any, groups: int) -> Any:
    """[..., C] and [C/g, O] -> [..., O]."""
    if groups == 1:
        return at("matmul", x, w)
    lead, each, outs = tuple(x.shape[:-1]), w.shape[0], w.shape[1] // groups
    x = at("reshape", x, (*lead, groups, 1, each))
    w = at("permute_dims", at("reshape", w, (each, groups, outs)), (1, 0, 2))
    return at("reshape", at("matmul", x, w), (*lead, groups * outs))


def in_forms(jaxpr: Jaxpr) -> Jaxpr:
    """A program without constants in primitives that have forms, or are refused when they run."""
    has_form = lambda name: name in FORMS or name in LACKING
    program = lowered(first_passed(jaxpr), has_form, "the Array API standard")
    return passed(program, (cse, dce))
