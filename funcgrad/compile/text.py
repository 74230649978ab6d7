"""What generated source is made of: comments, names of files, and values as Python expressions.

Nothing of the user's comes into the text but through ``quote``, ``literal`` and ``names.label``.
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

LONGEST = 200  # characters of a quoted line


def quote(text: str) -> str:
    """Return text as one line of printable characters, for comments, titles and file names.

    Python ends lines and comments at other characters than ``str.splitlines`` and editors do, so
    that a character that does not print is written as its escape.

    >>> quote("a\\fb")
    'a\\\\x0cb'
    """
    text = str.__str__(text)
    text = f"{text[:LONGEST]}..." if len(text) > LONGEST else text
    return "".join([c if c.isprintable() else ascii(c)[1:-1] for c in text])


def literal(value: Any) -> str:
    """Return a static value as an expression that gives it back, type and sign of zero included.

    Raises:
        FuncgradError: if it is of another type than None, bool, int, float, complex, str or tuple,
            a subclass of these say: its ``repr`` may be any text.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return repr(value)
    if kind is int:
        return repr(value) if abs(value) < 1 << 64 else hex(value)  # of many digits Python refuses
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if kind is complex:
        return _complex(value, literal(value.real), literal(value.imag))
    if kind is tuple:
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    raise FuncgradError(f"a value of {kind.__name__} has no text of its own")


def _complex(value: complex, real: str, imag: str) -> str:
    """Return a complex number as text: ``-0+1j`` is the sum of the integer 0 and 1j."""
    finite = math.isfinite(value.real) and math.isfinite(value.imag)
    zero = value.real == 0 and math.copysign(1, value.real) == 1 and value.imag > 0
    if finite and value.imag and (value.real or zero):
        return repr(value)
    return f"complex({real}, {imag})"


def lengths(shape: Iterable[Any]) -> str:
    """Return a shape, or axes, as a tuple of plain integers."""
    return literal(tuple(map(operator.index, shape)))


def keywords(given: Mapping[str, str]) -> list[str]:
    """Return expressions as the keyword arguments of a call, whatever their names."""
    words = [f"{name}={x}" for name, x in given.items() if is_name(name)]
    rest = [f"{literal(name)}: {x}" for name, x in given.items() if not is_name(name)]
    return [*words, f"**{{{', '.join(rest)}}}"] if rest else words


def operand(atom: Literal, near: Sequence[Aval], writer: Any) -> str:
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
    """Return a Python scalar as text, with NumPy's names for what is not finite."""
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
    """Return a place or a step as text: a plain integer, None or a truth value."""
    plain = entry is None or type(entry) is bool
    return literal(entry if plain else operator.index(entry))
