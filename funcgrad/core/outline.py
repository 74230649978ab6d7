"""Values as text: on one line where it fits, else nested, and on at most one screen.

Arrays are shown by dtype and shape, functions by their names. A class with a method
``__outline__() -> (name, parts)``, the parts pairs of a name or "" and a value, is shown as a call.
"""

import inspect
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from .avals import PYTHON_SCALARS, aval_of, is_arraylike, is_foreign, shape_of
from .errors import shown

WIDTH, LINES = 100, 40  # of a screen
SHORT = 40  # characters of a part of a brief text
NAMED = (types.FunctionType, types.BuiltinFunctionType, type, np.ufunc, type(np.dot))
FIRST, LAST = 12, 6  # parts that are shown of many
INDENT = 4

T = TypeVar("T", bound=type)


@dataclass(frozen=True, slots=True)
class Part:
    """The text of a value; of one with parts, the text before and behind them.

    ``line`` is the whole on one line, None if that is longer than a screen is wide.
    """

    opening: str
    parts: tuple[tuple[str, "Part"], ...] = ()
    closing: str = ""
    size: int = 0  # elements of arrays
    nbytes: int = 0
    line: str | None = None


def outline(value: Any) -> str:
    """The text of a value, with fewer levels where it would not fit a screen.

    >>> print(outline({"w": np.zeros((2, 3)), "rate": 0.1}))
    {'w': f64[2,3], 'rate': 0.1}
    """
    part = part_of(value)
    for depth in range(_depth(part), 0, -1):
        lines = list(_lines(part, "", depth, 0, whole=depth > 1))
        if len(lines) <= LINES:
            break
    else:
        return part.line or part.opening + part.closing
    return "\n".join(lines)


def brief(value: Any) -> str:
    """The text of a value on one line, with long parts left out."""
    part = part_of(value)
    texts = (name + _brief(inner) for name, inner in part.parts)
    return part.opening + ", ".join(texts) + part.closing


def outlined(cls: T) -> T:
    """Let the repr of a class of named tuples be brief: such a state holds trees like the model."""
    cls.__repr__ = brief  # type: ignore[method-assign,assignment]
    return cls


def amount(nbytes: int) -> str:
    """A number of bytes with a unit.

    >>> amount(1536)
    '1.5 kB'
    """
    left = float(nbytes)
    for unit in ("B", "kB", "MB"):
        if left < 1024:
            return f"{left:.{0 if unit == 'B' else 1}f} {unit}"
        left /= 1024
    return f"{left:.1f} GB"


def parts_of_call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[str, list[tuple[str, Any]]]:
    """A call as parts: arguments that differ from their defaults, and numbers that are not 0."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    named = list[tuple[str, Any]]()
    for name, value in bound.arguments.items():
        parameter = bound.signature.parameters[name]
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            named += [("", x) for x in value]
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named += value.items()
        elif name == "fun":
            named.append(("", value))
        elif value is not parameter.default or (type(value) in (int, float) and value):
            named.append((name, value))
    return function.__name__, named


def parts_of(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    """The text before the parts of a value, the labelled parts, and the text behind; or None."""
    kind = type(value)
    if hasattr(kind, "__outline__"):
        name, parts = value.__outline__()
        return f"{name}(", [(f"{n}=" if n else "", x) for n, x in parts], ")"
    if kind is dict:
        return "{", [(f"{k!r}: ", x) for k, x in value.items()], "}"
    if kind is list:
        return "[", [("", x) for x in value], "]"
    if kind is tuple:
        return "(", [("", x) for x in value], ",)" if len(value) == 1 else ")"
    if isinstance(value, tuple) and hasattr(kind, "_fields") and _is_plain(kind):
        return f"{kind.__name__}(", [(f"{n}=", getattr(value, n)) for n in kind._fields], ")"
    return None


def part_of(value: Any) -> Part:
    """The text of a value and of its parts."""
    parts = parts_of(value)
    return _leaf(value) if parts is None else _node(*parts)


def _is_plain(kind: type) -> bool:
    """Whether the repr of a class of named tuples is the one that Python wrote, or brief."""
    return kind.__repr__ is brief or kind.__repr__.__module__ == "collections"


def _brief(part: Part) -> str:
    short = part.line is not None and len(part.line) <= SHORT
    return str(part.line) if short else f"{part.opening}...{part.closing}"


def _leaf(value: Any) -> Part:
    size = 0
    ours = hasattr(type(value), "_trace") or not is_foreign(value)
    if ours and is_arraylike(value) and type(value) not in PYTHON_SCALARS:
        known = isinstance(value, np.ndarray | np.generic) and not value.ndim
        text, size = str(value) if known else str(aval_of(value)), math.prod(shape_of(value))
    elif isinstance(value, NAMED):
        text = getattr(value, "__qualname__", value.__name__).rpartition("<locals>.")[2]
    else:
        text = shown(value)
    nbytes = value.nbytes if isinstance(value, np.ndarray) else 0
    return Part(text, size=size, nbytes=nbytes, line=text if "\n" not in text else None)


def _node(opening: str, values: Sequence[tuple[str, Any]], closing: str) -> Part:
    parts = tuple((name, part_of(x)) for name, x in values)
    texts = [None if part.line is None else name + part.line for name, part in parts]
    whole = [text for text in texts if text is not None]
    line = opening + ", ".join(whole) + closing
    fits = len(whole) == len(texts) and len(line) <= WIDTH
    size, nbytes = (sum(getattr(part, field) for _, part in parts) for field in ("size", "nbytes"))
    return Part(opening, parts, closing, size, nbytes, line if fits else None)


def _depth(part: Part) -> int:
    """How many levels of parts do not fit one line."""
    if part.line is not None or not part.parts:
        return 0
    return 1 + max(_depth(inner) for _, inner in part.parts)


def _lines(part: Part, name: str, depth: int, indent: int, whole: bool = True) -> Iterator[str]:
    """Yield the lines of a part, with at most so many levels of parts."""
    space = " " * indent
    if part.line is not None and len(space + name + part.line) < WIDTH:
        yield space + name + part.line
    elif not part.parts:
        yield from (space + name + part.opening).split("\n")
    elif depth == 0:
        yield f"{space}{name}{part.opening}...{part.closing}  # {part.size:,} elements"
    else:
        yield space + name + part.opening
        hidden = 0 if whole else len(part.parts) - FIRST - LAST
        for i, (label, inner) in enumerate(part.parts):
            if hidden > 1 and FIRST <= i < FIRST + hidden:
                if i == FIRST:
                    yield f"{space}{' ' * INDENT}...  # {hidden} more"
                continue
            *most, last = _lines(inner, label, depth - 1, indent + INDENT)
            text, comment, count = last.partition("  # ")
            yield from [*most, f"{text},{comment}{count}"]
        yield space + part.closing
