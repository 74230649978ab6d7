"""Arguments that a transform does not trace: a function may write into them, as into copies.

It gets a small array as a copy, which costs no more than a view, and a larger one as a read-only
view. If it writes into a view, it runs again with copies. If it writes a traced value into such an
argument, or into an array made of one, it runs again with buffers. The transform remembers this for
its next call.
"""

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from ..core.buffers import Buffer, own, returned
from ..core.errors import MutatedError, MutationError
from ..core.explanations import is_refused_write, is_traced_write
from ..core.trace import Tracer, running
from ..core.tree import handler_of
from .typevars import R

_SMALL = 1 << 14  # bytes up to which a copy costs no more than a view

_ATOMS = frozenset({type(None), bool, int, float, complex, str, np.float64})


def unchanged(x: Any) -> Any:
    """An argument itself, for a function that writes into none."""
    return x


def protected(x: Any) -> Any:
    """An argument, with copies of small arrays and read-only views of others."""
    if isinstance(x, np.ndarray):
        if x.nbytes <= _SMALL:
            return x.copy("K")
        # ufunc.at of NumPy 2.4 with an index of one axis writes into it nevertheless
        y = x[...]
        y.setflags(write=False)
        return y
    if type(x) in _ATOMS:
        return x
    return _own(x) if isinstance(x, Tracer) else _with_parts(protected, x)


def with_copies(x: Any) -> Any:
    """An argument, with copies of its arrays."""
    if isinstance(x, np.ndarray):
        return x.copy("K")
    return _own(x) if isinstance(x, Tracer) else _with_parts(with_copies, x)


def with_buffers(x: Any) -> Any:
    """An argument, with buffers in place of floating arrays, and copies of others."""
    if type(x) in (np.ndarray, np.memmap) and x.dtype.kind in "fc":
        return Buffer(np.array(x))
    return with_copies(x) if isinstance(x, (np.ndarray, Tracer)) else _with_parts(with_buffers, x)


def _own(x: Any) -> Any:
    """A copy of a traced array, in its layout, that belongs to the transforms that run now."""
    y = own(x)
    if x._memory is not None and y._memory is not None:
        y._memory.strides = x
    return y


def _with_parts(change: Callable[[Any], Any], x: Any) -> Any:
    """A node of a tree with ``change`` applied to its children; itself if they stay the same.

    Dictionaries keep their order.
    """
    handler = handler_of(x)
    if handler is None:
        return x
    if isinstance(x, dict):
        changed = {key: change(part) for key, part in x.items()}
        if all(map(is_, changed.values(), x.values())):
            return x
        y = x.copy()
        y.update(changed)
        return y
    given, aux = handler.flatten(x)
    children = tuple(given)
    parts = [change(part) for part in children]
    return x if all(map(is_, parts, children)) else handler.unflatten(aux, parts)


def holds_arrays(x: Any) -> bool:
    """Whether an argument is or holds an array that may be written into."""
    found = []

    def note(part: Any) -> Any:
        if isinstance(part, (np.ndarray, Tracer)):
            found.append(part)
            return part
        return _with_parts(note, part)

    note(x)
    return bool(found)


class Handing:
    """How a function gets arguments that are not traced, by whether it wrote into them before."""

    __slots__ = ("hand",)

    def __init__(self) -> None:
        self.hand: Callable[[Any], Any] = protected

    def run(self, function: Callable[..., R], given: Callable[[], Any], *args: Any) -> R:
        """``function(hand, *args)``, again where it writes into what ``hand`` gives.

        Args:
            function: a whole run of the transform, which applies ``hand`` to each argument that it
                does not trace.
            given: gives these arguments; without an array among them nothing runs twice.
        """
        outer = running.get()
        while True:
            hand, escaped = self.hand, outer and outer.escaped
            try:
                return function(hand, *args)
            except Exception as err:
                again = _after(hand, err)
                if again is None or not holds_arrays(given()):
                    raise
                if outer is not None and outer.escaped != escaped:
                    raise _not_repeated().with_traceback(err.__traceback__) from None
            if self.hand is hand:  # not changed by another thread
                self.hand = again


def _after(hand: Callable[[Any], Any], err: Exception) -> Callable[[Any], Any] | None:
    """How to hand arguments after an error, None if it is not of a write."""
    if hand is protected and is_refused_write(err):
        return with_copies
    written = is_traced_write(err) or (hand is with_copies and isinstance(err, MutatedError))
    return with_buffers if written and hand is not with_buffers else None


def _not_repeated() -> MutationError:
    return MutationError(
        "a function that writes into an argument that is not traced runs again with a copy of it, "
        "but this one has written into an array made outside too, and would do so twice; write "
        "into a copy of that, x = x.copy()"
    )


def handing_of(origin: object) -> Handing:
    """How the function of a transform, named by its origin, gets arguments."""
    return origin if isinstance(origin, Handing) else Handing()


def handed(fun: Callable[..., R], args: Sequence[Any]) -> R:
    """``fun(*args)`` of arguments that are not traced."""
    return owning(fun)(*args)


def owning(fun: Callable[..., R]) -> Callable[..., R]:
    """The function of arguments that are not traced, for several calls."""
    handing = Handing()
    return lambda *args: handing.run(lambda hand: fun(*map(hand, args)), lambda: args)


def called(fun: Callable[..., Sequence[Any]], args: Sequence[Any]) -> list[Any]:
    """The results of a function of leaves that are not traced, of which they are no views."""
    return handed(lambda *xs: list(map(returned, fun(*xs))), args)
