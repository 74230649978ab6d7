"""Elementary functions in C: of the files in ``elementary/``, the definitions that a program calls.

The files are C, in the order of ``_FILES``: definitions, each with its comment, and an empty line
between two. They call no function of the C library but sqrt, fabs, copysign and fma, which are
instructions, so loops over them are vectorised, and every compiler gives the same bits.
"""

import functools
import re
from collections.abc import Iterable
from pathlib import Path

_FOLDER = Path(__file__).with_name("elementary")
_FILES = (
    "bits", "exponential", "logarithm", "hyperbolic", "trigonometric", "inverse", "power", "error",
    "generators",
)  # fmt: skip
# functions of one argument, by NumPy's names
NAMES = (
    "exp", "exp2", "expm1", "sigmoid", "log", "log1p", "log2", "log10", "tanh", "sinh", "cosh",
    "arcsinh", "arccosh", "arctanh", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "cbrt",
    "erf", "erfc",
)  # fmt: skip
_WORD = re.compile(r"\w+")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NAME = re.compile(
    r"^#define (\w+)|^\} (\w+);$|^(?:static|INLINED) (?:const )?\w+ (\w+)[(\[]", re.MULTILINE
)


@functools.lru_cache(1)
def _parts() -> dict[str, str]:
    """The definitions by name, each after those that it needs."""
    found = {}
    for file in _FILES:
        text = (_FOLDER / f"{file}.c").read_text(encoding="ascii")
        for part in text.strip().split("\n\n"):
            name = _NAME.search(part)
            if name:
                found[next(filter(None, name.groups()))] = part
    return found


def uncommented(text: str) -> str:
    """Text without comments, which may name functions too."""
    return _COMMENT.sub("", text)


def elementary(lines: Iterable[str]) -> list[str]:
    """The definitions of the elementary functions that the lines call, with their dependencies."""
    parts = _parts()
    found: set[str] = set()
    left = [*lines]
    while left:
        new = {word for word in _WORD.findall(uncommented(left.pop())) if word in parts} - found
        found |= new
        left += [parts[name] for name in new]
    return [text for name, text in parts.items() if name in found]
