"""What a derivative reads later of arrays to which the user can write meanwhile.

Of a small array a copy is recorded: the user may refill it, as NumPy code does. A large one is
recorded as it is, with its fingerprint; when that has changed where an operation reads the array
again, or when the derivative is there, it would be wrong, and MutatedError is raised. Nothing is
done to the user's arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, aval_of, check_operand
from ..core.errors import MutatedError
from ..core.fingerprint import fingerprint
from ..core.lines import user_line
from ..core.ownership import copied
from ..core.trace import Primitive, Tracer
from .arguments import Place, described

TINY = 1 << 14  # bytes: up to these a copy costs less than to look for one that there is
SMALL = 1 << 18  # bytes: up to these a copy costs less than two fingerprints
BRIEF = 1 << 22  # the same of a copy that is soon free again

OUTPUT, RESIDUAL = -1, -2  # in place of an operand's position


@dataclass(frozen=True, slots=True)
class WatchedArray:
    """A large array, its fingerprint, and the operation that read it first."""

    array: np.ndarray
    fingerprint: tuple[tuple[bytes, ...], ...]
    role: str
    line: str


class Snapshots:
    """What one trace has recorded of arrays that are not its own.

    Of arrays up to ``limit`` bytes these are copies: of all, where what is recorded outlives the
    function that the trace runs.
    """

    __slots__ = ("copies", "limit", "origin", "watched")

    def __init__(self, origin: object, limit: float = SMALL) -> None:
        self.origin = origin
        self.limit = limit
        self.copies: dict[Any, np.ndarray] = {}  # by the memory that they are copies of
        self.watched: dict[Any, WatchedArray] = {}

    def take(self, x: Any, prim: Primitive | None = None, operand: int = 0) -> Any:
        """Return what to record of an operand that the derivative will read again."""
        if isinstance(x, Tracer):  # an outer transform's, which may wrap an array of the user's
            return x._trace.rewrapped(x, lambda y: self.take(y, prim, operand))
        if type(x) is not np.ndarray or x.dtype.hasobject:
            x = plain(x)
        if not isinstance(x, np.ndarray):
            return x
        if x.nbytes <= TINY:
            return x.copy("K")
        about = x.__array_interface__
        key = about["data"][0], x.shape, x.strides, about["typestr"]
        if x.nbytes <= self.limit:
            return self.copy(key, x)
        found = self.watched.get(key)
        if found is None:
            self.watched[key] = WatchedArray(x, fingerprint(x), _role(prim, operand), user_line())
        elif fingerprint(x, tables=1) != found.fingerprint[:1]:
            raise self.mutated(found)  # here, because it may be changed back before the check
        return x

    def lend(self, x: Any, prim: Primitive, operand: int) -> Any:
        """Return an operand for a function of the user's own, which may write to it."""
        if isinstance(x, np.ndarray) and x.nbytes <= self.limit:
            return x.copy("K")
        return self.take(x, prim, operand)

    def copy(self, key: Any, x: np.ndarray) -> np.ndarray:
        """Return a copy, the same one as long as the array has the same bytes."""
        found = self.copies.get(key)
        if found is None or not _same(found, x):
            found = self.copies[key] = x.copy("K")
        return found

    def check(self) -> None:
        """Raise if an array has changed since it was recorded."""
        for found in self.watched.values():
            if fingerprint(found.array) != found.fingerprint:
                raise self.mutated(found)

    def mutated(self, found: WatchedArray) -> MutatedError:
        at = f", at {found.line}" if found.line else ""
        before = (
            f"{self.origin}: an array was changed that the derivative reads again: "
            f"{aval_of(found.array)}"
        )
        after = f", {found.role}{at}; write the new values into another array"
        error = MutatedError(before + after)
        error.array, error.words = found.array, (before, after)
        return error


def with_argument(
    error: MutatedError, fun: Any, places: Sequence[Place], values: Sequence[Any]
) -> MutatedError:
    """Return the error, which names the argument and tree path if the array is one of these."""
    if error.array is None:
        return error
    for place, value in zip(places, values, strict=True):
        for path, x in tree.leaves_with_path(value):
            array = _array_in(x)
            if isinstance(array, np.ndarray) and np.may_share_memory(array, error.array):
                before, after = error.words
                return MutatedError(f"{before}, {described(fun, place, path)}{after}")
    return error


def plain(x: Any) -> Any:
    """Return a value, an array as an ndarray proper, which a memory map is not."""
    if not isinstance(x, np.ndarray):
        return x
    check_operand(x)
    return np.asarray(x)


def is_shared(x: Any, limit: int = TINY) -> bool:
    """Return whether a value is, or wraps, an array that is too large to be copied at sight."""
    while isinstance(x, Tracer):
        x = x._trace.shared(x)
    return isinstance(x, np.ndarray) and x.nbytes > limit


def overlap(x: Any, y: Any) -> bool:
    """Return whether a value views the memory of another."""
    if type(x) is np.ndarray and type(y) is np.ndarray and x.base is None:
        return x is y  # nearly always
    x, y = _array_in(x), _array_in(y)
    if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
        return False
    return x is y or (x.base is not None and np.may_share_memory(x, y))


def _array_in(x: Any) -> Any:
    while isinstance(x, Tracer):
        x = getattr(x, "value", None)
    return x


def lent(x: Any) -> Any:
    """Return a value that is recorded for the user's own code: a copy, or watched if large."""
    return copied(x) if isinstance(x, np.ndarray) and x.nbytes <= SMALL else x


def marks_of(values: Sequence[Any]) -> list[np.ndarray | None]:
    """Return by what to know values again."""
    known = (np.ndarray, np.generic, *PYTHON_SCALARS)
    return [np.array(x) if isinstance(x, known) else None for x in values]


def check_repeated(origin: object, before: Sequence[Any], outs: Sequence[Any]) -> None:
    """Raise if a function that ran again has not the outputs that it had before."""
    pairs = zip(before, marks_of(outs), strict=True)
    if not all(x is None or (y is not None and _close(x, y)) for x, y in pairs):
        raise MutatedError(
            f"{origin}: its derivative is not finite, so the function ran again, for the paths "
            f"that lead there, and its outputs are others now; give it as arguments what it reads, "
            f"and do not write to that"
        )


def _close(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether outputs are the same but for rounding, and for what is not finite."""
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    tolerance = np.sqrt(np.finfo(x.dtype).eps) if x.dtype.kind in "fc" else 0.0
    both = np.isfinite(x) & np.isfinite(y)
    return bool(np.allclose(x[both], y[both], rtol=tolerance, atol=tolerance))


def _role(prim: Primitive | None, operand: int) -> str:
    if prim is None or operand >= 0:
        return "an argument" if prim is None else f"operand {operand} of {prim}"
    return {OUTPUT: "an output", RESIDUAL: "a residual"}[operand] + f" of {prim}"


def _same(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether an array has the bytes that its copy has, where that is soon known."""
    if x.strides != y.strides or not (y.flags.c_contiguous or y.flags.f_contiguous):
        return False
    words = f"u{x.itemsize}" if x.itemsize in (1, 2, 4, 8) else None
    if words is None:
        return x.tobytes("A") == y.tobytes("A")
    return bool((x.view(words) == y.view(words)).all())
