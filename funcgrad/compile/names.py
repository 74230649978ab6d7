"""Names of values: those of the user's variables, where they are known.

While lines are written a name is a token. The names are chosen when the text is complete, because
a buffer is named after the last of the values that lie in it: for ``h = tanh(x @ w + b)`` it is h.
"""

import builtins
import keyword
import linecache
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Eqn, Jaxpr, Var

LONGEST_NAME = 60  # characters of a name
LONGEST_LINE = 200  # characters of a quoted line
CELL = re.compile(r".*[/\\]ipykernel_\w+[/\\]\w+\.py")  # IPython's file of a notebook's cell
TOKEN = re.compile("\0(\\d+)\0")
_ASSIGNED = re.compile(r"\s*([A-Za-z]\w*)\s*[-+*/@]?=(?!=)")
OF_NUMPY = frozenset(dir(np))  # names that generated source may import
# names that generated source uses itself
RESERVED = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "arena", "spaces", "space",
             "workspace", "main", "np", "numpy", "primitive", "share", "local", "free", "constants",
             "given", "wanted", "fixed", "run", "parts", "settings", "quiet"}  # fmt: skip


def label(text: str) -> str:
    """Text as an identifier: ``params['w1']`` becomes ``params_w1``.

    It is normalised, because Python identifies names that are equal in Unicode's form NFKC.
    """
    text = unicodedata.normalize("NFKC", text[:LONGEST_NAME])
    name = re.sub(r"_+", "_", "".join([c if f"a{c}".isidentifier() else "_" for c in text]))
    name = name.strip("_")
    if keyword.iskeyword(name):  # "lambda"
        return f"{name}_"
    return name if not name or name.isidentifier() else f"_{name}"


def quote(text: str) -> str:
    """Text as one line of printable characters, for comments, titles and file names.

    Other characters are escaped: Python, ``str.splitlines`` and editors end lines at different
    ones.

    >>> quote("a\\fb")
    'a\\\\x0cb'
    """
    text = str.__str__(text)
    text = f"{text[:LONGEST_LINE]}..." if len(text) > LONGEST_LINE else text
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else ascii(c)[1:-1] for c in text])


def is_name(text: str) -> bool:
    """Whether text is an identifier in normal form that can be assigned to."""
    plain = type(text) is str and text.isidentifier() and not keyword.iskeyword(text)
    return plain and text != "__debug__" and unicodedata.normalize("NFKC", text) == text


def line_of(source: str) -> str:
    """The text of a line, which is given as ``file:number``."""
    filename, _, number = source.rpartition(":")
    return linecache.getline(filename, int(number)).strip() if number.isdecimal() else ""


class Names:
    """Tokens of names, and the hints by which each name is chosen."""

    def __init__(self) -> None:
        self.hints: list[list[str]] = []
        self.known: dict[Var, str] = {}
        self.located: dict[str, str] = {}  # source of an equation -> its text

    def token(self, hint: str = "") -> str:
        """A new name, which is chosen when the text is complete; ``hint`` is proposed for it."""
        self.hints.append([hint])
        return f"\0{len(self.hints) - 1}\0"

    def add(self, token: str, hint: str) -> None:
        """Add the hint of another value that shares a name."""
        self.hints[int(token[1:-1])].append(hint)

    def study(self, jaxpr: Jaxpr, inputs: Sequence[str] = ()) -> None:
        """Learn the names of inputs, and of the variables to which source lines assign."""
        self.known.update(zip(jaxpr.invars, inputs, strict=False))
        last = {eqn.source: eqn for eqn in jaxpr.eqns if not eqn.is_derivative}
        for source, eqn in last.items():
            found = _ASSIGNED.match(line_of(source)) if source else None
            if found and len(eqn.outs) == 1:
                self.known[eqn.outs[0]] = found.group(1)

    def carry(self, invars: Sequence[Var], outvars: Sequence[Any]) -> None:
        """Name the values that a loop carries as those that a step gives for them."""
        for var, out in zip(invars, outvars, strict=True):
            if isinstance(out, Var) and not self.hint(var) and self.hint(out):
                self.known[var] = self.hint(out)

    def hint(self, var: Var) -> str:
        """The user's name for a value, ``d_`` and a name for its cotangent, or ""."""
        if var in self.known:
            return self.known[var]
        if var.of is not None and var.of in self.known:
            return f"d_{self.known[var.of]}"
        return ""

    def location(self, eqn: Eqn) -> str:
        """The file and line of the user's code from which an equation comes, and its text."""
        found = self.located.get(eqn.source)
        if found is None:
            filename, _, number = eqn.line.rpartition(":")
            where = f"{os.path.basename(CELL.sub('cell', filename))}:{number}"
            text = f"{where}  {line_of(eqn.line)}".rstrip()
            found = quote(f"derivative of {text}" if eqn.is_derivative else text)
            self.located[eqn.source] = found
        return found

    def resolved(self, text: str, taken: Iterable[str], same: Mapping[str, str]) -> str:
        """The text with each token replaced by a name; ``same`` gives some that of another."""
        used = {*RESERVED, *taken}
        names: dict[str, str] = {}
        counts: dict[str, int] = {}
        count = 0
        parts = TOKEN.split(text)  # text and tokens in turn
        for token in dict.fromkeys(parts[1::2]):
            first = same[f"\0{token}\0"][1:-1] if f"\0{token}\0" in same else token
            if first in names:
                names[token] = names[first]
                continue
            spoken = [hint for hint in self.hints[int(token)] if hint]
            if spoken:
                name = TOKEN.sub(lambda m: names.get(m.group(1), "t"), spoken[-1])
                name = unused(name, used, counts)
            else:
                while (name := f"t{count}") in used:
                    count += 1
            used.add(name)
            names[token] = names[first] = name
        parts[1::2] = [names[token] for token in parts[1::2]]
        return "".join(parts)


def unused(name: str, used: set[str], counts: dict[str, int] | None = None) -> str:
    """The name, with a number behind it if it is used already; ``counts`` are the last ones."""
    name = label(name) or "t"
    if name not in used:
        return name
    count = 2 if counts is None else counts.get(name, 2)
    while f"{name}_{count}" in used:
        count += 1
    if counts is not None:
        counts[name] = count
    return f"{name}_{count}"


class Globals:
    """Functions imported from NumPy, and objects that have no text."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.imports: set[str] = set()  # from NumPy
        self.bound: dict[Any, tuple[str, Any]] = {}  # id -> name, object
        self.made: dict[str, str] = {}  # expression -> name
        self.dtypes: dict[np.dtype, str] = {}

    def numpy(self, name: str) -> str:
        """The name of one of NumPy's functions, which is imported."""
        self.imports.add(name)
        return name

    def dtype(self, dtype: np.dtype) -> str:
        """A dtype as an expression."""
        found = self.dtypes.get(dtype)
        if found is None:
            name = "bool_" if dtype.kind == "b" else dtype.name
            found = self.numpy(name) if dtype.isnative else self.bind(dtype, dtype.name)
            self.dtypes[dtype] = found
        return found

    def bind(self, value: Any, hint: str = "") -> str:
        """A name for an object that has no text: the module is given it as a constant."""
        key = id(value)
        if key not in self.bound:
            self.bound[key] = (self.names.token(label(hint) or "constant"), value)
        return self.bound[key][0]

    def constant(self, expression: str, hint: str) -> str:
        """The name of a value that is made once for the module, and only read."""
        if expression not in self.made:
            self.made[expression] = self.names.token(hint)
        return self.made[expression]
