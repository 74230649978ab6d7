"""Errors for names that the library lacks, with the counterpart of another library's name."""

import functools
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from dis import opname
from types import FrameType, ModuleType, NoneType
from typing import Any, NamedTuple

import numpy as np

from .errors import UnsupportedError
from .registry import SPECIAL, is_of_special, load

_SHORT = {"np": "numpy", "fg": "funcgrad"}  # how the table abbreviates
_PARTS = (
    "nn", "losses", "optim", "random", "io", "data", "train", "debug", "numpy", "lax", "special",
    "linalg", "tree", "sparse",
)  # fmt: skip
_OF_SCIPY = (
    "linalg", "integrate", "interpolate", "ndimage", "optimize", "signal", "sparse.linalg", "stats",
)  # fmt: skip


class Counterpart(NamedTuple):
    """A name of another library, and ours: None if there is none; the words may be empty."""

    peer: str
    ours: str | None
    words: str

    @property
    def use(self) -> str:
        """The cure of an error message."""
        if self.ours is None:
            return f"it has no counterpart: {self.words}"
        home, _, name = self.ours.rpartition(".")
        return f"use {f'{home}.' if self.words.startswith(name) else ''}{self.words or self.ours}"

    @property
    def imported(self) -> str:
        """The cure of an error message, with the line that imports it."""
        home, _, name = (self.ours or "").rpartition(".")
        if not home.startswith("funcgrad"):
            return self.use
        while not isinstance(value_of(home), ModuleType):  # a method of a distribution
            home, _, name = home.rpartition(".")
        return f"write `from {home} import {name}`" + (f": {self.words}" if self.words else "")


@functools.lru_cache(1)
def rows() -> dict[str, Counterpart]:
    """The table of counterparts, by the names of other libraries."""
    found = {}
    for line in filter(None, load("funcgrad.peers").ROWS.splitlines()):
        peer, ours, *words = line.split(None, 2)
        found[peer] = Counterpart(peer, _long(ours), words[0] if words else "")
    return found


def _long(ours: str) -> str | None:
    first, _, rest = ours.partition(".")
    return None if ours == "-" else ".".join([_SHORT[first], *[rest] * bool(rest)])


def value_of(path: str) -> Any:
    """The value at a dotted path of the library or of NumPy, None if there is none."""
    value: Any = np if path.partition(".")[0] == "numpy" else load("funcgrad")
    for name in path.split(".")[1:]:
        value = getattr(value, name, None)
    return value


def counterpart(peer: str) -> Counterpart | None:
    """Ours for the full name of another library, None if the name is not known.

    A name of SciPy that we have too comes first, then the table, then names that are the same.
    """
    same, row = _same(peer), rows().get(peer)
    first, second = (same, row) if peer.startswith("scipy.") else (row, same)
    return first or second


def _same(peer: str) -> Counterpart | None:
    spaces = load("funcgrad.peers").SPACES
    parts = peer.split(".")
    for n in range(len(parts) - 1, 0, -1):
        homes = spaces.get(".".join(parts[:n]), "").split()
        for home in map(_long, homes):
            ours = ".".join([home or "", *parts[n:]])
            if not isinstance(value_of(ours), (ModuleType, NoneType)):
                return Counterpart(peer, ours, "")
    return None


def _kin(name: str) -> Iterator[Counterpart]:
    """Rows of a name in other libraries."""
    for peer, row in rows().items():
        home, _, last = peer.rpartition(".")
        if last == name and home not in ("math", "cmath"):
            yield row


def _classes() -> list[str]:
    return " ".join(load("funcgrad.peers").KINDS.values()).split()


def counterpart_in(module: str, name: str) -> Counterpart | None:
    """Ours for a name that was asked of one of our modules: the one nearest to the module."""
    row = min(_kin(name), key=lambda row: _distance(row, module), default=None)
    same = _public(name, _PARTS)
    return same or row or _space(name) or _public(name, [f"scipy.{part}" for part in _OF_SCIPY])


def _public(name: str, parts: Iterable[str]) -> Counterpart | None:
    """A name of ours, in the first of these modules that has it."""
    for home in map(load, (f"funcgrad.{part}" for part in parts)):
        if name in home.__all__ and not isinstance(getattr(home, name), ModuleType):
            ours = f"{home.__name__}.{name}"
            return Counterpart(ours, ours, "")
    return None


def _space(name: str) -> Counterpart | None:
    """The module that has the names of another library's module."""
    for space, homes in load("funcgrad.peers").SPACES.items():
        if "." in space and space.rpartition(".")[2] == name:
            ours = _long(homes.split()[0])
            return Counterpart(space, ours, f"{ours}, which has its functions")
    return None


def _distance(row: Counterpart, module: str) -> tuple[bool, bool]:
    """How far a row is from a module: rows of its functions come first, those of methods last."""
    return row.peer.rpartition(".")[0] in _classes(), not (row.ours or "").startswith(f"{module}.")


def attribute(who: str, name: str, asking: FrameType) -> Exception:
    """The error for a name that a public module lacks, with the counterpart it has.

    It is an ImportError where it is imported.
    """
    words = f"module {who!r} has no attribute {name!r}"
    own = "" if name.startswith("_") else near(name, dir(load(who)), 0.8)
    row = None if name.startswith("_") else counterpart_in(who, name)
    if row is None or (own and row.peer == row.ours):  # a near name here, or the same elsewhere
        return AttributeError(words + (own or near(name, dir(load(who)))), name=name)
    told = (
        f"{words}: it is {row.peer}; {row.use}" if row.peer != row.ours else f"{words}; {row.use}"
    )
    return ImportError(told, name=who) if imports(asking) else AttributeError(told, name=name)


def imports(asking: FrameType) -> bool:
    """Whether a frame runs ``from module import name``, which would hide an AttributeError."""
    return opname[asking.f_code.co_code[asking.f_lasti]] == "IMPORT_FROM"


def member(kind: str, name: str, known: Iterable[str] = ()) -> str:
    """The end of an error message for an attribute that an array, a model or an optimizer lacks."""
    for home in load("funcgrad.peers").KINDS[kind].split():
        row = rows().get(f"{home}.{name}")
        if row is not None:
            return f": it is {row.peer}; {row.use}"
        if same := _same(f"{home}.{name.removesuffix('_')}"):
            written = "x[...] = " * name.endswith("_")
            return f": it is {home}.{name}; use {written}{same.ours}(x)"
    if kind == "model" and callable(getattr(load("funcgrad.nn"), name, None)):
        return f"; use funcgrad.nn.{name}(model, ...)"
    return near(name, known)


def near(name: str, known: Iterable[str], least: float = 0.75) -> str:
    """The end of an error message for a name that is nearly one of those known."""
    public = [] if name[0] == "_" else [x for x in known if x[0] != "_"]
    same = [x for x in public if x.lower() == name.lower()]
    found = same or get_close_matches(name, public, 1, least)
    return f"; use {found[0]}" if found else ""


# NumPy's modules that are refused as a whole
_REFUSED = {
    "numpy.lib.recfunctions": "traced arrays are not structured",
    "numpy.polynomial.polynomial": "it takes the coefficients as Python scalars",
}


def why_refused(function: Any) -> str:
    """Why a NumPy function without an override cannot take traced arrays."""
    module = str(getattr(function, "__module__", ""))
    return _REFUSED.get(module, "traced arrays do not support this function")


def unsupported_function(function: Any) -> UnsupportedError:
    """The error for a NumPy function without an override."""
    return UnsupportedError(
        f"{function.__module__}.{function.__name__}: {why_refused(function)}; compute it outside "
        f"the traced function"
    )


def full_name(ufunc: np.ufunc) -> str:
    """The name of a ufunc with its module, if it is NumPy's or SciPy's."""
    module = "numpy" if getattr(np, ufunc.__name__, None) is ufunc else SPECIAL
    known = module == "numpy" or is_of_special(ufunc)
    return f"{module}.{ufunc.__name__}" if known else f"the ufunc {ufunc.__name__}"


def without_rule(ufunc: np.ufunc, method: str = "") -> UnsupportedError:
    """The error for a ufunc without a rule, with the nearest one of ours."""
    who = full_name(ufunc)
    row = counterpart(who)
    cure = "give it a rule by funcgrad.custom_jvp" if row is None else row.imported
    if row is None and who.startswith("numpy."):
        cure = "compute it outside the traced function"
    return UnsupportedError(f"{who}{method}: it has no rule for traced arrays; {cure}")
