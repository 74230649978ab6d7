"""Values, indices and comments as Python text.

The user's text enters generated source only through ``literal``, and ``label`` and ``quote`` of
``names.py``.
"""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, Aval
from ..core.errors import FuncgradError
from ..core.jaxpr import Literal
from ..ops.index import ARRAY
from .names import is_name


def literal(value: Any) -> str:
    """A static value as an expression of the same value, type and sign of zero.

    Raises:
        FuncgradError: if its type is not None, bool, int, float, complex, str or tuple; the
            ``repr`` of a subclass may be any text.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return repr(value)
    if kind is int:
        return repr(value) if abs(value) < 1 << 64 else hex(value)  # Python limits decimal digits
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if kind is complex:
        return _complex(value, literal(value.real), literal(value.imag))
    if kind is tuple:
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    raise FuncgradError(f"a value of {kind.__name__} has no literal")


def _complex(value: complex, real: str, imag: str) -> str:
    """A complex number as text; ``-0+1j`` would be the sum of the integer 0 and 1j."""
    finite = math.isfinite(value.real) and math.isfinite(value.imag)
    zero = value.real == 0 and math.copysign(1, value.real) == 1 and value.imag > 0
    if finite and value.imag and (value.real or zero):
        return repr(value)
    return f"complex({real}, {imag})"


def lengths(shape: Iterable[Any]) -> str:
    """A shape, or axes, as a tuple of integers."""
    return literal(tuple(map(operator.index, shape)))


def keywords(given: Mapping[str, str]) -> list[str]:
    """Expressions as keyword arguments of a call; a name may be any string."""
    words = [f"{name}={x}" for name, x in given.items() if is_name(name)]
    rest = [f"{literal(name)}: {x}" for name, x in given.items() if not is_name(name)]
    return [*words, f"**{{{', '.join(rest)}}}"] if rest else words


def operand(atom: Literal, near: Sequence[Aval], writer: Any) -> str:
    """A scalar operand as text.

    ``near`` are the avals of the other operands: beside an array of its dtype a NumPy scalar is
    written as a Python scalar, to which promotion gives that dtype.
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
    """The Python scalar of a NumPy scalar, with the fewest digits that round to it."""
    exact = value.item()
    if isinstance(exact, float) and math.isfinite(exact):
        short = float(str(value))
        return short if value.dtype.type(short) == value else exact
    return exact


def number(value: Any, writer: Any) -> str:
    """A Python scalar as text; inf and nan by NumPy's names."""
    if type(value) is float and not math.isfinite(value):
        name = "nan" if math.isnan(value) else "inf"
        return f"{'-' if value == -math.inf else ''}{writer.numpy(name)}"
    if type(value) is complex:
        return _complex(value, number(value.real, writer), number(value.imag, writer))
    return literal(value)


def index(entries: Sequence[Any], arrays: Sequence[Any]) -> str:
    """An index as it stands between brackets; ``arrays`` take the places of ``ARRAY``."""
    rest = iter(arrays)
    parts = [str(next(rest)) if e is ARRAY else _entry(e) for e in entries]
    return ", ".join(parts) or "()"


def _entry(entry: Any) -> str:
    if type(entry) is not slice:
        return "..." if entry is Ellipsis else _place(entry)
    start, stop = ("" if v is None else _place(v) for v in (entry.start, entry.stop))
    return f"{start}:{stop}" + ("" if entry.step in (None, 1) else f":{_place(entry.step)}")


def _place(entry: Any) -> str:
    """An integer, None or bool of an index as text."""
    plain = entry is None or type(entry) is bool
    return literal(entry if plain else operator.index(entry))
