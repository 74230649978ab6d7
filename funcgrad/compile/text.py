"""Numbers and parameters as Python expressions."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, Aval
from ..core.errors import FuncgradError
from ..core.jaxpr import Literal


def literal(atom: Literal, near: Sequence[Aval], writer: Any) -> str:
    """Return a number as text, in its own dtype unless what is near gives it the same.

    ``near`` are the avals of the other operands: beside an array of its dtype a NumPy number is
    written as Python's.
    """
    value = atom.value
    if type(value) in PYTHON_SCALARS:
        return number(value, writer)
    value = np.asarray(value)[()]
    if value.dtype.itemsize > (16 if value.dtype.kind == "c" else 8):
        return writer.bind(value)
    plain = any(a.dtype == value.dtype and not a.weak for a in near)
    if plain:
        return number(_shortest(value), writer)
    return f"{writer.dtype(value.dtype)}({number(_shortest(value), writer)})"


def _shortest(value: Any) -> Any:
    """Return Python's number for NumPy's, with as few digits as give it back."""
    exact = value.item()
    if isinstance(exact, float) and math.isfinite(exact):
        short = float(str(value))
        return short if value.dtype.type(short) == value else exact
    return exact


def number(value: Any, writer: Any) -> str:
    """Return one of Python's numbers as text."""
    if isinstance(value, float) and not math.isfinite(value):
        name = "nan" if math.isnan(value) else "inf"
        return f"{'-' if value == -math.inf else ''}{writer.numpy(name)}"
    if isinstance(value, complex) and not (math.isfinite(value.real) and math.isfinite(value.imag)):
        return f"complex({number(value.real, writer)}, {number(value.imag, writer)})"
    return repr(value)


def parameter(value: Any) -> str:
    """Return a static parameter as text.

    Raises:
        FuncgradError: if it has no text that gives it back.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return repr(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if type(value) is tuple:
        inner = ", ".join(map(parameter, value))
        return f"({inner}{',' if len(value) == 1 else ''})"
    raise FuncgradError(f"a parameter has no text: got {value!r}")


def index(entries: Sequence[Any], arrays: Sequence[Any], placeholder: Any) -> str:
    """Return an index as it stands between brackets: of integers, slices, None and arrays."""
    rest = iter(arrays)
    parts = [str(next(rest)) if e is placeholder else _entry(e) for e in entries]
    return ", ".join(parts) or "()"


def _entry(entry: Any) -> str:
    if type(entry) is not slice:
        return "..." if entry is Ellipsis else str(entry)
    start, stop = ("" if v is None else str(v) for v in (entry.start, entry.stop))
    return f"{start}:{stop}" + ("" if entry.step in (None, 1) else f":{entry.step}")
