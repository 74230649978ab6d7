"""Dtypes and numbers in C."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, dtype_name
from ..core.errors import FuncgradError

WIDTH = 100  # columns of a line

_TYPES = {
    "bool": "bool", "float32": "float", "float64": "double",
    "complex64": "float complex", "complex128": "double complex",
    **{f"{u}int{n}": f"{u}int{n}_t" for u in ("", "u") for n in (8, 16, 32, 64)},
}  # fmt: skip


class NotInCError(FuncgradError):
    """An operation that cannot be written in C; the text names it and says why.

    ``line``: the user's line, where it is known.
    """

    line = ""


def ctype(dtype: np.dtype) -> str:
    """The C type of an element.

    Raises:
        NotInCError: if it has none.
    """
    name = _TYPES.get(dtype.name) if dtype.isnative else None
    if name is None:
        raise NotInCError(f"{dtype_name(dtype)} has no type in C")
    return name


def is_written(aval: Aval) -> bool:
    """Whether an array can be written in C: its dtype has a type, and an int counts its bytes."""
    small = aval.size * aval.dtype.itemsize < 1 << 31
    return small and aval.dtype.isnative and aval.dtype.name in _TYPES


def suffix(dtype: np.dtype) -> str:
    """The suffix of a function of the C library for this dtype: f of float."""
    return "f" if dtype.char in "fF" else ""


def part_of(dtype: np.dtype) -> np.dtype:
    """The dtype of the parts of complex numbers; of real ones their own."""
    return np.dtype(dtype.char.lower()) if dtype.kind == "c" else dtype


def label_of(dtype: np.dtype) -> str:
    """The end of the name of a function for this dtype: double, complex_double, int32, ..."""
    words = ctype(dtype).removesuffix("_t").split()
    return "_".join(reversed(words))


def number(value: Any, dtype: np.dtype) -> str:
    """A number as a constant of a dtype.

    Raises:
        NotInCError: if an integer is out of the range of the dtype.
    """
    if dtype.kind == "b":
        return "true" if value else "false"
    if dtype.kind in "iu":
        return _integer(int(value), dtype)
    if dtype.kind == "c":
        return _complex(complex(value), dtype)
    with np.errstate(all="ignore"):
        exact = dtype.type(value)
    if np.isnan(exact):
        return "NAN" if dtype.char == "f" else "(double)NAN"
    if np.isinf(exact):
        return f"{'-' if exact < 0 else ''}INFINITY"
    text = repr(float(exact)) if dtype.char == "d" else str(exact)
    text = text if any(c in text for c in ".en") else f"{text}.0"
    return f"{text}{suffix(dtype)}"


def _complex(value: complex, dtype: np.dtype) -> str:
    part = part_of(dtype)
    if not value.imag and not math.copysign(1, value.imag) < 0:
        return f"({ctype(dtype)}){number(value.real, part)}"
    parts = ", ".join([number(x, part) for x in (value.real, value.imag)])
    return f"complex_{ctype(part)}({parts})"


def static_complex(value: complex, dtype: np.dtype) -> str:
    """A complex number in a table, where no function can be called; signs of zeros are kept.

    Raises:
        NotInCError: if a part is not finite.
    """
    if not np.isfinite(value):
        raise NotInCError("a constant whose parts are not finite is an operand")
    part = part_of(dtype)
    re, im = number(value.real, part), number(abs(value.imag), part)
    if math.copysign(1, value.imag) < 0:
        return f"{re} - {im}*I"
    is_negative_zero = part.type(value.real) == 0 and math.copysign(1, value.real) < 0
    return f"-({number(0, part)} - {im}*I)" if is_negative_zero else f"{re} + {im}*I"


def _integer(value: int, dtype: np.dtype) -> str:
    info = np.iinfo(dtype)
    if not info.min <= value <= info.max:
        raise NotInCError(f"{value} is out of the range of {dtype_name(dtype)}")
    if value == -(1 << 63):
        return "INT64_MIN"
    if abs(value) < 1 << 31:
        return str(value)
    return f"{'U' if dtype.kind == 'u' else ''}INT64_C({value})"


def plain(text: str) -> str:
    """Text for a comment, in ASCII."""
    text = text.encode("ascii", "backslashreplace").decode()
    return text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def braced(head: str, items: Sequence[str]) -> list[str]:
    """The definition of an array, in lines of 100 columns."""
    short = f"{head}{{{', '.join(items)}}};"
    if len(short) <= WIDTH:
        return [short]
    indent = " " * (len(head) - len(head.lstrip()))
    lines = textwrap.wrap(f"{', '.join(items)},", WIDTH - len(indent) - 4)
    return [f"{head}{{", *[f"{indent}    {line}" for line in lines], f"{indent}}};"]
