"""Snapshots: protection of residuals against changes in place of the user's arrays.

A small array is copied: the user may refill it, as NumPy code does. A large one is recorded
without a copy, with its fingerprint. If the fingerprint has changed when an operation reads the
array again, or when the derivative is complete, the derivative would be wrong, and MutatedError is
raised. The user's arrays are never modified.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, aval_of, check_operand
from ..core.errors import MutatedError
from ..core.fingerprint import fingerprint
from ..core.jaxpr import user_line
from ..core.ownership import copied
from ..core.trace import Primitive, Tracer
from .places import Place, argument_name

TINY = 1 << 14  # bytes up to which a copy costs less than the look-up of an earlier one
SMALL = 1 << 18  # bytes up to which a copy costs less than two fingerprints
BRIEF = 1 << 22  # the same for a short-lived copy

OUTPUT, RESIDUAL = -1, -2  # in place of an operand's position


@dataclass(frozen=True, slots=True)
class WatchedArray:
    """A large array, its fingerprint, and the operation that read it first."""

    array: np.ndarray
    fingerprint: tuple[tuple[bytes, ...], ...]
    role: str
    line: str


class Snapshots:
    """The arrays, not its own, that one trace has recorded.

    Arrays up to ``limit`` bytes are copied; the limit is infinite if the records outlive the
    function that the trace runs.
    """

    __slots__ = ("copies", "limit", "origin", "watched")

    def __init__(self, origin: object, limit: float = SMALL) -> None:
        self.origin = origin
        self.limit = limit
        self.copies: dict[Any, np.ndarray] = {}  # by the memory of the original
        self.watched: dict[Any, WatchedArray] = {}

    def take(self, x: Any, prim: Primitive | None = None, operand: int = 0) -> Any:
        """Copy or watch an operand that the derivative will read again."""
        if isinstance(x, Tracer):  # of an outer transform, which may wrap an array of the user's
            return x._trace.rewrapped(x, lambda y: self.take(y, prim, operand))
        if type(x) is not np.ndarray or x.dtype.hasobject:
            x = as_ndarray(x)
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
            raise self.mutated(found)  # now, because it may be changed back before ``check``
        return x

    def take_for_user(self, x: Any, prim: Primitive, operand: int) -> Any:
        """Copy or watch an operand of a user function, which may write to it."""
        if isinstance(x, np.ndarray) and x.nbytes <= self.limit:
            return x.copy("K")
        return self.take(x, prim, operand)

    def copy(self, key: Any, x: np.ndarray) -> np.ndarray:
        """Copy an array, once as long as its bytes stay the same."""
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
            f"{self.origin}: an array was changed in place that the derivative reads again: "
            f"{aval_of(found.array)}"
        )
        after = f", {found.role}{at}; write the new values to another array"
        error = MutatedError(before + after)
        error.array, error.words = found.array, (before, after)
        return error


def with_argument(
    error: MutatedError, fun: Any, places: Sequence[Place], values: Sequence[Any]
) -> MutatedError:
    """Add to the error the argument and tree path of the changed array, if it is an argument."""
    if error.array is None:
        return error
    for place, value in zip(places, values, strict=True):
        for path, x in tree.leaves_with_path(value):
            array = _array_in(x)
            if isinstance(array, np.ndarray) and np.may_share_memory(array, error.array):
                before, after = error.words
                return MutatedError(f"{before}, {argument_name(fun, place, path)}{after}")
    return error


def as_ndarray(x: Any) -> Any:
    """Convert a subclass of ndarray, such as a memory map, to ndarray; other values stay."""
    if not isinstance(x, np.ndarray):
        return x
    check_operand(x)
    return np.asarray(x)


def is_shared(x: Any, limit: int = TINY) -> bool:
    """Whether a value is, or wraps, an array larger than ``limit`` bytes."""
    while isinstance(x, Tracer):
        x = x._trace.shared(x)
    return isinstance(x, np.ndarray) and x.nbytes > limit


def aliases(x: Any, y: Any) -> bool:
    """Whether ``x`` aliases ``y``."""
    if type(x) is np.ndarray and type(y) is np.ndarray and x.base is None:
        return x is y  # the common case
    x, y = _array_in(x), _array_in(y)
    if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
        return False
    return x is y or (x.base is not None and np.may_share_memory(x, y))


def _array_in(x: Any) -> Any:
    while isinstance(x, Tracer):
        x = getattr(x, "value", None)
    return x


def copy_for_user(x: Any) -> Any:
    """A recorded value for user code: a copy if it is small; a large one is watched."""
    return copied(x) if isinstance(x, np.ndarray) and x.nbytes <= SMALL else x


def concrete_copies(values: Sequence[Any]) -> list[np.ndarray | None]:
    """Copies of concrete values, None for others, by which a second run is compared."""
    known = (np.ndarray, np.generic, *PYTHON_SCALARS)
    return [np.array(x) if isinstance(x, known) else None for x in values]


def check_repeated(origin: object, before: Sequence[Any], outs: Sequence[Any]) -> None:
    """Raise if a second run of a function has given other outputs."""
    pairs = zip(before, concrete_copies(outs), strict=True)
    if not all(x is None or (y is not None and _close(x, y)) for x, y in pairs):
        raise MutatedError(
            f"{origin}: the function ran twice, because its derivative was not finite, and its "
            f"outputs differ; make it a pure function of its arguments"
        )


def _close(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether outputs are equal up to rounding, where both are finite."""
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
    """Whether an array has the bytes of its copy; False if the layout makes a comparison slow."""
    if x.strides != y.strides or not (y.flags.c_contiguous or y.flags.f_contiguous):
        return False
    words = f"u{x.itemsize}" if x.itemsize in (1, 2, 4, 8) else None
    if words is None:
        return x.tobytes("A") == y.tobytes("A")
    return bool((x.view(words) == y.view(words)).all())
