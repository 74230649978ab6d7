"""Buffers: writable arrays of no transform, until a traced value is written into one.

NumPy programs allocate an array and fill it. Inside a transform the elements may be traced values,
which an ndarray cannot hold. A buffer holds an ndarray and behaves as one. When a traced value is
written into it, it becomes an array of that value's trace, and so do its views.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from .memory import Owner, snapshot
from .registry import overrides
from .trace import ConcreteTracer, Primitive, Trace, Tracer, serials


class NoTrace(Trace):
    """The trace of buffers: it is outside all others, and runs NumPy."""

    __slots__ = ()

    @override
    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        return prim.run(*map(plain, args), **params)

    @override
    def position(self, x: Any) -> int:
        return x._mark


class Buffer(ConcreteTracer):
    """A writable array, which holds an ndarray until a traced value is written into it."""

    __slots__ = ()

    def __init__(self, array: np.ndarray) -> None:
        self._trace = no_trace
        self.value = array
        self._mark = next(serials)  # later than all traces that run now
        self._memory = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype, copy=copy)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __repr__(self) -> str:
        return repr(self.value)


no_trace = NoTrace("no transform")
no_trace.serial = 0


def plain(x: Any) -> Any:
    """The ndarray of a buffer; other values are returned."""
    return x.value if isinstance(x, Buffer) else x


def settled(x: Any) -> Any:
    """A value of an outer trace, or a buffer, as it is now: later writes do not change it."""
    if not isinstance(x, Tracer):
        return x
    return x.value.copy() if isinstance(x, Buffer) else snapshot(x)


def fresh_copy(x: Any) -> Any:
    """A copy of a traced array, which is a new array of the transforms that run now."""
    if isinstance(x, Buffer):
        return Buffer(x.value.copy())
    y = snapshot(x)
    if not overrides["is_scalar"](x):
        y._memory = Owner()
        y._memory.born = no_trace, next(serials)
    return y


def own(x: Any) -> Any:
    """A traced array as a function that may write into it takes it: a copy."""
    return fresh_copy(x) if isinstance(x, Tracer) else x
