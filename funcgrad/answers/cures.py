"""Cures for messages of ours that end with the value that came: what to write in its place.

They are read from the words of the message and the argument that it is about, after a call failed.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from inspect import Parameter
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import shown

_FAULT = re.compile(r"(?s)[\w.]+(?:\(.*?\))?: (.+?) must (.+?): got (.*)")
_NUMBER = r"(-?[\d.]+)"
_SCALARS = (bool, int, float, np.generic, type(None))
_SYNONYMS = {
    "avg": "mean", "average": "mean", "same": "SAME", "valid": "VALID", "minimum": "min",
    "maximum": "max", "bilinear": "linear", "auto": "", "cuda": "", "gpu": "",
}  # fmt: skip


class Fault(NamedTuple):
    """What a message of ours says, and the argument that it is about, if it is one."""

    what: str
    want: str
    got: str
    name: str  # of the argument, or ""
    value: Any  # of the argument, or None
    default: Any


def cure(words: str, given: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> str | None:
    """The cure for a message without one; None if it has one, or none is known.

    Args:
        words: the message.
        given: the arguments of the call by name.
        parameters: those of the function.
    """
    found = _FAULT.fullmatch(words)
    if found is None or ";" in found[3]:
        return None
    what, want, got = found.groups()
    name = next((n for n in (what.removeprefix("the ").split()[0], what) if n in given), "")
    if not name:
        same = [n for n, x in given.items() if shown(x) == got or _aval(x) == got]
        name = same[0] if len(same) == 1 else ""
    default = parameters[name].default if name else None
    fault = Fault(what, want, got, name, given.get(name), default)
    return next(filter(None, (rule(fault) for rule in _RULES)), None)


def written(name: str, value: Any) -> str:
    """The words that ask for a value: of an argument by its name."""
    return f"write {name}={value!r}" if name else f"write {value!r}"


def _aval(x: Any) -> str:
    return str(aval_of(x)) if hasattr(x, "dtype") and is_arraylike(x) else ""


def nearest(x: Any, options: Sequence[str], default: Any = None) -> str:
    """The option that was probably meant by a value that is none of them."""
    text = str(x).lower()
    text = _SYNONYMS.get(text, text).lower()
    lowered = {o.lower(): o for o in options}
    inside = [o for o in lowered if text and _begins(o, text)]
    near = [text] if text in lowered else inside or get_close_matches(text, lowered, 1, 0.6)
    if near:
        return lowered[near[0]]
    return default if isinstance(default, str) and default in options else options[0]


def _begins(option: str, text: str) -> bool:
    return option.startswith(text) or (len(option) > 2 and text.startswith(option))


def _of_options(f: Fault) -> str | None:
    options = re.findall(r"'([^']+)'", f.want)
    if not options and (one_of := re.search(r"one of ([\w ,-]+)$", f.want)):
        options = re.split(r", | or ", one_of[1])
    return written(f.name, nearest(f.value, options, f.default)) if options else None


def _bounds(want: str) -> tuple[float, float, str] | None:
    """The least and the largest number that a message allows, and the brackets of the interval."""
    number = rf"(?:at least|>=|from|of at least|least) {_NUMBER}|{_NUMBER} or (?:more|greater)"
    if found := re.search(rf"in ([\[(]){_NUMBER}, {_NUMBER}([\])])", want):
        return float(found[2]), float(found[3]), found[1] + found[4]
    if found := re.search(rf"from {_NUMBER} to {_NUMBER}", want):
        return float(found[1]), float(found[2]), "[]"
    if found := re.search(number, want):
        return float(found[1] or found[2]), math.inf, "[)"
    if found := re.search(rf"> {_NUMBER}|larger than {_NUMBER}", want):
        return float(found[1] or found[2]), math.inf, "()"
    if "positive" in want:
        return 0.0, math.inf, "()"
    return (0.0, math.inf, "[)") if re.search("not be negative|nonnegative", want) else None


def _of_numbers(f: Fault) -> str | None:
    """A number in the bounds that the message names."""
    whole = re.search(r"\bint\b|integer", f.want) is not None and "float" not in f.want
    limits = _bounds(f.want)
    is_other = not f.name or "integers" in f.want or not isinstance(f.value, (*_SCALARS, str))
    if is_other or (limits is None and not whole):
        return None
    low, high, ends = limits or (-math.inf, math.inf, "()")
    for x in _candidates(f.value, f.default, low, high, whole):
        inside = low < x < high or (x == low and ends[0] == "[") or (x == high and ends[1] == "]")
        if inside and math.isfinite(x) and not (whole and x != int(x)):
            return written(f.name, int(x) if whole else x)
    return None


def _candidates(x: Any, default: Any, low: float, high: float, whole: bool) -> Iterator[Any]:
    """Numbers that may have been meant by ``x``, the likeliest first."""
    number = _number(x)
    if x is None and not isinstance(default, (int, float)):
        return
    if number is not None:
        yield int(number) if whole else number
        yield -number
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        yield default
    if number is not None and high == 1 and 2 <= number <= 100:
        yield number / 100  # per cent
    if not whole and math.isfinite(low + high):
        yield (low + high) / 2
    is_count = whole or isinstance(x, int)
    yield int(low) if is_count and math.isfinite(low) else low
    yield low + 1


def _number(x: Any) -> float | None:
    """A scalar, or the text of one, as a number that the user wrote; None if it is none."""
    try:
        number = float(x)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else int(number) if number == round(number, 0) else number


def _of_several(f: Fault) -> str | None:
    """One integer for each of several axes."""
    count = re.search(r"or (\d+) of them|(\d+) integers or pairs", f.want)
    if count is None or not isinstance(f.value, (list, tuple)):
        return None
    wanted = int(count[1] or count[2])
    return f"write {f.name}={tuple([*f.value, *[1] * wanted][:wanted])}"


def _of_flags(f: Fault) -> str | None:
    flag = f.default if isinstance(f.default, bool) else True
    return written(f.name, flag) if f.want == "be True or False" else None


def _of_shapes(f: Fault) -> str | None:
    """An array of the shape that the message names."""
    if open_shape := re.search(r"shape (\[.*?\])$", f.want):
        return f"give an array of shape {open_shape[1]}"
    found = re.search(r"(?:shape|primal|shape of)\D*?(?:[\w]+\[([\d,]*)\]|\(([\d, ]*)\))", f.want)
    if found is None:
        return None
    lengths = tuple([int(n) for n in re.findall(r"\d+", found[1] or found[2] or "")])
    came = re.match(r"\w+\[([\d,]*)\]", f.got)
    size = math.prod(int(n) for n in came[1].split(",") if n) if came else -1
    if size == math.prod(lengths):
        return f"reshape it: {f.name or 'x'}.reshape{lengths}" if lengths else "write x.item()"
    return f"give an array of shape {lengths}" if lengths else "give a scalar"


# the words of the requirement: the cure, where x stands for the argument, and whether it serves
_BY_WORDS: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("integers", "convert it: {x}.astype(int)", lambda x: hasattr(x, "dtype")),
    ("an integer", "convert it: {x}.astype(int)", lambda x: hasattr(x, "dtype")),
    ("a scalar", "write {x}[0]", lambda x: shape_of(x) == (1,)),
    ("a scalar", "reduce it by sum or mean", lambda x: shape_of(x) != ()),
    ("a vector", "write {x}[None]", lambda x: shape_of(x) == ()),
    ("a vector", "write {x}.ravel()", lambda x: len(shape_of(x)) > 1),
    ("a matri", "write {x}[:, None]", lambda x: len(shape_of(x)) == 1),
    ("square", "cut it to its leading square, or see linalg.lstsq", lambda x: True),
    ("real", "take {x}.real", lambda x: dtype_of(x).kind == "c"),
    ("complex", "convert it: {x}.astype(complex)", lambda x: dtype_of(x).kind in "iufb"),
    ("finite", "select by np.isfinite first", lambda x: True),
    ("ascend", "sort it: {x}[np.argsort({x})], and the values with it", lambda x: True),
    ("monoton", "sort it: np.sort({x})", lambda x: True),
    ("increasing", "sort it: {x}[np.argsort({x})], and the values with it", lambda x: True),
)  # fmt: skip


def _of_kinds(f: Fault) -> str | None:
    """The conversion of an array to the kind that the message names."""
    x = f.value
    is_ordered = re.search("ascend|monoton|increas|finite", f.want) is not None
    if is_ordered and isinstance(x, (list, tuple)):
        x = np.asarray(x)
    if (not hasattr(x, "dtype") and not isinstance(x, float)) or not is_arraylike(x):
        return "give a pair, as (0.0, 1.0)" if "a pair" in f.want else None
    for words, told, serves in _BY_WORDS:
        if words in f.want and serves(x):
            return told.format(x=f.name or "x")
    return None


_PAIR = re.compile(r"\w+\[([\d,]*)\]\D*?\w+\[([\d,]*)\]")


def _of_pairs(f: Fault) -> str | None:
    """Two arrays that should agree in shape, rank or length."""
    if not re.match(r"have (?:the )?(?:same|equal|as many)|be (?:the same|equal)", f.want):
        return None
    found = _PAIR.search(f.got)
    a, b = ([int(n) for n in t.split(",") if n] for t in (found.groups() if found else ("", "")))
    if found and len(a) != len(b) and math.prod(a) == math.prod(b):
        return f"reshape one: y.reshape{tuple(a)}"
    if "rank" in f.what:
        return "add an axis to one: x[None]"
    return (
        "give both the same number of rows"
        if "rows" in f.want + f.what
        else "cut the longer one: x[:n]"
    )


_RULES: tuple[Callable[[Fault], str | None], ...] = (
    _of_several, _of_options, _of_flags, _of_numbers, _of_pairs, _of_shapes, _of_kinds,
)  # fmt: skip
