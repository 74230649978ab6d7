"""The elements of a buffer outside of it: copies that operations use, ndarrays of the same memory.

The ``_note`` of a buffer that owns its memory is a pair: a copy of its elements, None where they
may have changed since, and weak references to the ndarrays that share them.
"""

from typing import Any
from weakref import ref

import numpy as np

from .errors import MutationError
from .memory import note_outside, owner_of
from .trace import running


class Exported:
    """The elements of a buffer, as an ndarray is made of them; it lives as long as that."""

    __slots__ = ("__array_interface__", "__weakref__", "array")

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


def exported(x: Any, array: np.ndarray) -> np.ndarray:
    """An ndarray that is, or is a view of, the elements of a buffer."""
    holder, owner = Exported(array), owner_of(x)
    owner._note = None, (*_alive(owner), ref(holder))
    return np.asarray(holder)


def _alive(owner: Any) -> tuple[Any, ...]:
    _, others = owner._note or (None, ())
    return tuple([r for r in others if r() is not None])


def changed(x: Any) -> None:
    """Forget the copy of a buffer that operations use, since it may be written into."""
    owner = owner_of(x)
    if owner._note is not None:
        owner._note = None, owner._note[1]


def written(x: Any) -> None:
    """Forget the copy of a buffer that is written; note it in the transforms that run."""
    changed(x)
    trace, owner = running.get(), owner_of(x)
    if trace is not None and trace.around:
        note_outside(trace, owner._trace, owner._mark)


def kept_copy(x: Any) -> np.ndarray:
    """A copy of a buffer that owns its memory; the same one until its elements may change."""
    copy, others = x._note or (None, ())
    if copy is None:
        copy = x.value.copy("K")
        if not _alive(x):
            x._note = copy, others
    return copy


def check_unshared(x: Any) -> None:
    """Raise if an ndarray has the memory of a buffer into which a traced value is written.

    Raises:
        ValueError: NumPy's, if the buffer is read-only.
    """
    if not x.value.flags.writeable:
        raise ValueError("assignment destination is read-only")
    if _alive(x):
        raise MutationError(
            f"a traced value written into an array would not reach an ndarray with the same "
            f"memory, made by numpy.asarray or a view of NumPy's: got {x.aval}; make that of a "
            f"copy: numpy.asarray(x.copy())"
        )
