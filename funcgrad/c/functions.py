"""Elementwise functions in C: one table, an expression a primitive.

In an expression ``{0}`` and ``{1}`` are the operands, atoms or in parentheses, in the dtype that
NumPy computes in, ``{f}`` is the suffix of the C library for it, ``{t}`` its type, ``{n}`` the end
of a name of our own. A function that ``helpers.py`` or a file in ``elementary/`` defines is written
in front of the program.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..ops.bits import Mask
from ..ops.convert import Convert
from ..ops.families import PYTHON_TYPES, Elementwise
from . import complexes
from .elementary import NAMES
from .literals import NotInCError, ctype, label_of, number, part_of, suffix
from .values import Value, registers

# fmt: off
_OF_ALL = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "neg": "-{0}", "pos": "{0}",
    "square": "{0} * {0}", "sign": "sign_{n}({0})", "conj": "{0}", "real": "{0}", "imag": "0",
    "eq": "{0} == {1}", "ne": "{0} != {1}", "lt": "{0} < {1}", "le": "{0} <= {1}",
    "gt": "{0} > {1}", "ge": "{0} >= {1}",
    "logical_and": "{0} && {1}", "logical_or": "{0} || {1}", "logical_not": "!{0}",
    "logical_xor": "!{0} != !{1}",
    "mod": "mod_{n}({0}, {1})", "floor_divide": "floor_divide_{n}({0}, {1})",
}
_OF_ONE = "sqrt floor ceil trunc rint"  # of the C library, each an instruction
_OF_FLOATS = {
    "div": "{0} / {1}", "quotient": "{0} / {1}", "reciprocal": "1 / {0}",
    "abs": "fabs{f}({0})", "fabs": "fabs{f}({0})",
    "maximum": "maximum_{n}({0}, {1})", "minimum": "minimum_{n}({0}, {1})",
    "fmax": "fmax_{n}({0}, {1})", "fmin": "fmin_{n}({0}, {1})",
    "isfinite": "isfinite({0})", "isinf": "isinf({0})", "isnan": "isnan({0})",
    "signbit": "signbit({0}) != 0", "spacing": "spacing_{n}({0})",
    **{name: f"{name.replace('arc', 'a')}_{{n}}({{0}})" for name in NAMES},
    "root": "sqrt{f}({0})", "tailed_tanh": "tanh_{n}({0})", "tailed_sigmoid": "sigmoid_{n}({0})",
    "logaddexp": "logaddexp_{n}({0}, {1})",
    "pow": "pow_{n}({0}, {1})", "arctan2": "atan2_{n}({0}, {1})", "hypot": "hypot_{n}({0}, {1})",
    **{name: f"{name}{{f}}({{0}})" for name in _OF_ONE.split()},
    **{name: f"{name}{{f}}({{0}}, {{1}})" for name in ("fmod", "copysign", "nextafter")},
    "deg2rad": "{0} * {radian}", "radians": "{0} * {radian}",
    "rad2deg": "{0} * {degree}", "degrees": "{0} * {degree}",
}
_OF_INTEGERS = {
    "pow": "pow_{n}({0}, {1})", "gcd": "gcd_{n}({0}, {1})", "lcm": "lcm_{n}({0}, {1})",
    "bitwise_count": "bitwise_count_{n}({0})",
    "abs": "abs_{n}({0})", "maximum": "maximum_{n}({0}, {1})", "minimum": "minimum_{n}({0}, {1})",
    "fmax": "fmax_{n}({0}, {1})", "fmin": "fmin_{n}({0}, {1})",
    "fmod": "fmod_{n}({0}, {1})",
    "isfinite": "true", "isinf": "false", "isnan": "false",
    "floor": "{0}", "ceil": "{0}", "trunc": "{0}", "rint": "{0}",
    "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}",
    "invert": "~{0}", "left_shift": "left_shift_{n}({0}, {1})",
    "right_shift": "right_shift_{n}({0}, {1})",
}
_OF_BOOLEANS = {
    "add": "{0} || {1}", "mul": "{0} && {1}", "maximum": "{0} || {1}", "minimum": "{0} && {1}",
    "bitwise_and": "{0} && {1}", "bitwise_or": "{0} || {1}", "bitwise_xor": "{0} != {1}",
    "invert": "!{0}", "abs": "{0}", "square": "{0}", "isfinite": "true", "isinf": "false",
    "isnan": "false", "fmax": "{0} || {1}", "fmin": "{0} && {1}", "floor": "{0}", "ceil": "{0}",
    "trunc": "{0}",
}
_WRAPPING = {  # signed integers, see helpers.py
    "add": "add_{n}({0}, {1})", "sub": "sub_{n}({0}, {1})", "mul": "mul_{n}({0}, {1})",
    "neg": "neg_{n}({0})", "square": "mul_{n}({0}, {0})",
}
# selections, whose condition keeps its dtype: the operands that are cast to that of the result
_SELECTIONS = {
    "where": ("{0} ? {1} : {2}", (1, 2)), "blend": ("{0} ? {1} : {2}", (1, 2)),
    "gate": ("{1} ? {0} : 0", (0,)), "hide": ("{1} ? {0} : 0", (0,)),
    "keep": ("{1} ? {0} : 0", (0,)),
    "wins": ("{1} == {3} ? {0} * {half} : {1} == {2} ? {0} : 0", (0,)),
}
# fmt: on
_FEW = (2, 3, 4)  # exponents of powers that are products
_UNORDERED = frozenset({"sub", "neg", "sign", "mod", "floor_divide"})  # not of booleans


@functools.lru_cache(4096)
def loop_dtypes(prim: Any, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    """The dtypes to which a ufunc casts its operands, Python types for weak ones.

    Raises:
        NotInCError: if NumPy compares them without a common dtype.
    """
    function = prim.function
    if not isinstance(function, np.ufunc):
        y = prim.infer(*[_aval(k) for k in kinds])[0].dtype
        wide = [np.dtype(k) for k in kinds if y.kind != "c" and np.dtype(k).kind == "c"]
        return (*wide, y)[:1] * len(kinds)  # a part is computed in the dtype of the operand
    found = function.resolve_dtypes((*kinds, *[None] * function.nout))[: len(kinds)]
    if len(set(found)) > 1:
        raise NotInCError(f"{prim.name} of operands with different dtypes")
    return tuple(found)


def _aval(kind: Any) -> Aval:
    weak = isinstance(kind, type)
    return Aval((), np.dtype(kind), weak)


def kinds_of(values: Sequence[Any]) -> tuple[Any, ...]:
    """The dtypes of operands, Python types for weak ones."""
    avals = [x.aval for x in values]  # a boolean is as strong as an array
    return tuple([PYTHON_TYPES[a.dtype.kind] if a.weak and a.dtype.kind != "b" else a.dtype
                  for a in avals])  # fmt: skip


def template(prim: Any, dtype: np.dtype) -> str:
    """The expression of a primitive that computes in a dtype.

    Raises:
        NotInCError: if it is not in the table.
    """
    name = prim.name
    if dtype.kind == "b":
        found = _OF_BOOLEANS.get(name) or (None if name in _UNORDERED else _OF_ALL.get(name))
    elif dtype.kind == "c":
        found = complexes.EXPRESSIONS.get(name)
    else:
        found = (_OF_FLOATS if dtype.kind == "f" else _OF_INTEGERS).get(name) or _OF_ALL.get(name)
    if found is None or dtype.kind not in "biufc" or dtype.char == "e":
        raise NotInCError(f"{name} of {dtype.name} is not written in C")
    return found


def is_in_table(prim: Any, of_complex: bool = False) -> bool:
    """Whether the table has an elementwise primitive: of complex numbers, or of another dtype."""
    real = (_OF_ALL, _OF_FLOATS, _OF_INTEGERS, _OF_BOOLEANS)
    rows = (complexes.EXPRESSIONS,) if of_complex else real
    known = (
        prim.name in _SELECTIONS
        or prim.name in ("exponent", "ldexp")
        or any(prim.name in row for row in rows)
    )
    return isinstance(prim, (Convert, Mask)) or known


def is_elementwise(prim: Any) -> bool:
    """Whether the table may have the primitive."""
    return isinstance(prim, (Elementwise, Convert))


def expression(
    prim: Any, ins: Sequence[Value], texts: Sequence[str], out: Aval, params: Any
) -> str:
    """The expression of an element of the result.

    Args:
        prim: an elementwise primitive, or a cast.
        ins: its operands.
        texts: the expression of an element of each.
        out: the aval of the result.
        params: the parameters of the primitive.

    Raises:
        NotInCError: if C has no such expression.
    """
    if out.weak and out.dtype.kind == "i":
        raise NotInCError("Python integers have no bounds")
    if isinstance(prim, Convert):
        return cast(texts[0], ins[0], out.dtype)
    if isinstance(prim, Mask):
        return f"{_operand(texts[0], ins[0], ins[0].aval.dtype)} ? -1 : 0"
    if prim.name == "ldexp":
        x, k = (_operand(t, x, d) for t, x, d in zip(texts, ins, (out.dtype, np.dtype(np.int64)),
                                                     strict=True))  # fmt: skip
        return f"ldexp_{label_of(out.dtype)}({x}, {k})"
    if prim.name == "exponent":
        dtype = np.result_type(ins[0].aval.dtype, np.float32)
        return f"binary_exponent_{label_of(dtype)}({_operand(texts[0], ins[0], dtype)})"
    if prim.name in _SELECTIONS:
        text, chosen = _SELECTIONS[prim.name]
        if prim.name == "wins" and out.dtype.kind == "c":
            raise NotInCError("wins of complex numbers is not written in C")
        cast_ins = [_operand(t, x, out.dtype) if i in chosen else _operand(t, x, x.aval.dtype)
                    for i, (t, x) in enumerate(zip(texts, ins, strict=True))]  # fmt: skip
        return text.format(*cast_ins, half=number(0.5, out.dtype) if "half" in text else "")
    dtypes = loop_dtypes(prim, kinds_of(ins))
    given = [_operand(t, x, d) for t, x, d in zip(texts, ins, dtypes, strict=True)]
    dtype = dtypes[0]
    if prim.name == "pow" and dtype.kind == "i" and not _is_positive(ins[1]):
        raise NotInCError("an integer power whose exponent may be negative is not written in C")
    text = _power(prim, dtype, ins) or template(prim, dtype)
    if wraps(dtype) and not _is_near(ins, prim.name):
        text = _WRAPPING.get(prim.name, text)
    if dtype == np.uint16 and prim.name in ("mul", "square"):
        text = f"1u * {text}"  # not in int, which would overflow
    text = text.format(
        *given, f=suffix(dtype), n=label_of(dtype), t=ctype(dtype),
        radian=number(np.pi / 180, np.dtype(float)) + suffix(dtype),
        degree=number(180 / np.pi, np.dtype(float)) + suffix(dtype),
    )  # fmt: skip
    small = out.dtype.kind in "iu" and out.dtype.itemsize < 4  # C computes in int
    return f"({ctype(out.dtype)})({text})" if small else text


def _power(prim: Any, dtype: np.dtype, ins: Sequence[Value]) -> str:
    """The template of a power that is a product of few factors; else ""."""
    if prim.name != "pow" or dtype.kind != "f" or ins[1].number not in _FEW:
        return ""
    return " * ".join(["{0}"] * int(ins[1].number))


def cast(text: str, x: Value, dtype: np.dtype) -> str:
    """The expression of an element in another dtype, by the rules of NumPy's astype."""
    if x.number is not None:
        return number(dtype.type(x.number) if dtype.kind in "bfc" else x.number, dtype)
    have = x.aval.dtype
    if have == dtype:
        return text
    if have.kind == "c" and dtype.kind not in "bc":
        part = part_of(have)
        return cast(f"creal{suffix(part)}({text})", registers(Aval((), part), [text]), dtype)
    if dtype.kind == "b":
        return f"{text} != 0"
    if have.kind == "b" and dtype.kind != "c":  # a cast of a comparison is not vectorised by gcc
        return f"({text} ? {number(dtype.type(1), dtype)} : {number(dtype.type(0), dtype)})"
    if have.kind == "f" and dtype.kind in "iu" and dtype.itemsize < 4:
        return f"({ctype(dtype)})(int32_t){text}"
    if have.kind == "f" and dtype.kind == "u":
        wide = dtype.itemsize == 8
        return f"as_uint64_{label_of(have)}({text})" if wide else f"(uint32_t)(int64_t){text}"
    return f"({ctype(dtype)}){text}"


def _is_positive(x: Value) -> bool:
    """Whether an integer is known not to be negative."""
    return x.aval.dtype.kind in "bu" or (x.number is not None and x.number >= 0)


def _is_near(ins: Sequence[Value], name: str) -> bool:
    """Whether a 64-bit integer and a small constant are added, as in a counter."""
    known = [x.number for x in ins if x.number is not None]
    wide = all(x.aval.dtype.itemsize == 8 for x in ins)
    return wide and name in ("add", "sub") and any(abs(k) < 1 << 31 for k in known)


def wraps(dtype: np.dtype) -> bool:
    """Whether operations of a dtype are functions, as those of C may overflow."""
    return dtype.kind == "i" and dtype.itemsize >= 4


def sum_of(terms: Sequence[str], dtype: np.dtype) -> str:
    """The expression of a sum of elements of a dtype."""
    if not wraps(dtype):
        return " + ".join(terms)
    join = lambda a, b: f"add_{label_of(dtype)}({a}, {b})"
    return functools.reduce(join, terms)


def product(factors: Sequence[str], dtype: np.dtype) -> str:
    """The expression of the product of two elements of a dtype."""
    a, b = factors
    if dtype.kind == "c" or wraps(dtype):
        return f"mul_{label_of(dtype)}({a}, {b})"
    if dtype.kind == "b":
        return f"({a} & {b})"
    small = dtype.kind in "iu" and dtype.itemsize < 4  # not in int, in which sums would overflow
    return f"({ctype(dtype)})(1u * {a} * {b})" if small else f"{a} * {b}"


def _operand(text: str, x: Value, dtype: np.dtype) -> str:
    """An operand in the dtype that NumPy computes in."""
    if x.number is not None:
        text = number(x.number, dtype)
    elif x.aval.dtype != dtype:
        text = cast(text, x, dtype)
    return f"({text})" if text.startswith(("-", "(")) or " " in text.split("[")[0] else text
