"""A value as C names it: a few elements in registers, or elements of memory.

Views cost nothing. NumPy computes each on a stand-in: an array of the expressions of the elements,
or an array that is never read, whose address and strides are those of the view in elements.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..core.avals import Aval, Shape
from .literals import NotInCError, number

TINY = 4  # elements up to which a value is kept in registers
_BASE = np.zeros(1, np.int8)
_START = _BASE.ctypes.data


class Memory:
    """An array of C, and how many live values lie in it.

    ``owned``: no value outside this program lies in it, so that equations may write over it.
    """

    __slots__ = ("aval", "free", "name", "owned", "references")

    def __init__(
        self, name: str, aval: Aval, owned: bool = False, free: Callable[[], None] | None = None
    ) -> None:
        self.name, self.aval, self.owned, self.free = name, aval, owned, free
        self.references = 0

    @property
    def root(self) -> "Memory":
        """The array in which it lies: another one, if it is a pointer into that."""
        return self


class Value:
    """A value: ``items`` are the expressions of its elements; where it is None, they are in memory.

    ``number``: the value of a literal, whose text depends on the dtype beside it.
    """

    __slots__ = ("aval", "layout", "memory", "number")

    def __init__(
        self, aval: Aval, layout: np.ndarray, memory: Memory | None = None, number: Any = None
    ) -> None:
        self.aval, self.layout, self.memory, self.number = aval, layout, memory, number

    @property
    def in_registers(self) -> bool:
        return self.memory is None

    @property
    def items(self) -> list[str]:
        """The expressions of the elements, in C order; of memory by constant indices."""
        if self.memory is None:
            return list(self.layout.ravel())
        places = np.full(self.layout.shape, self.offset)
        for d, (n, stride) in enumerate(zip(self.layout.shape, self.strides, strict=True)):
            places += (np.arange(n) * stride).reshape(
                [-1 if e == d else 1 for e in range(places.ndim)]
            )
        return [f"{self.memory.name}[{place}]" for place in places.ravel()]

    @property
    def offset(self) -> int:
        return self.layout.ctypes.data - _START

    @property
    def strides(self) -> tuple[int, ...]:
        return self.layout.strides

    @property
    def last(self) -> int:
        """The place of its last element in its memory."""
        return self.offset + sum(
            (n - 1) * s for n, s in zip(self.layout.shape, self.strides, strict=True) if s > 0
        )

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie in C order without gaps."""
        expected = 1
        if not self.aval.size:
            return True
        for n, stride in zip(reversed(self.layout.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != expected:
                return False
            expected *= n
        return True

    @property
    def is_one(self) -> bool:
        """Whether it is one element, or one that is repeated."""
        pairs = zip(self.layout.shape, self.layout.strides, strict=True)
        return self.aval.size > 0 and all(n == 1 or not stride for n, stride in pairs)

    def at(self, *indices: str) -> str:
        """The expression of an element, at index expressions."""
        assert self.memory is not None
        return f"{self.memory.name}[{place(self.offset, self.strides, indices)}]"

    def viewed(self, change: Callable[[Any], Any]) -> "Value":
        """The view that a function of an array makes."""
        layout = change(self.layout)
        return Value(Aval(layout.shape, self.aval.dtype), layout, self.memory)

    def reshaped(self, shape: Shape) -> "Value":
        """The same elements in another shape; in memory they must be contiguous."""
        if self.memory is None:
            return self.viewed(lambda a: a.reshape(shape))
        assert self.contiguous
        return Value(Aval(tuple(shape), self.aval.dtype), stand_in(shape, self.offset), self.memory)

    def transposed(self, perm: Sequence[int]) -> "Value":
        return self.viewed(lambda a: a.transpose(perm))

    def repeated(self, shape: Shape, axes: Sequence[int]) -> "Value":
        """The value repeated along new axes."""
        index = (*[None if d in axes else slice(None) for d in range(len(shape))], Ellipsis)
        return self.viewed(lambda a: np.broadcast_to(a[index], shape))

    def broadcast(self, shape: Shape) -> "Value":
        """The value broadcast to a shape by NumPy's rules."""
        return self.viewed(lambda a: np.broadcast_to(a, shape))


def place(offset: int, strides: Sequence[int], indices: Sequence[str]) -> str:
    """The index expression of an element."""
    terms = []
    for index, stride in zip(indices, strides, strict=True):
        if stride and index != "0":
            plain = index.isidentifier() or index.isdecimal()
            factor = index if plain or stride == 1 else f"({index})"
            terms.append(factor if stride == 1 else f"{stride}*{factor}")
    if offset or not terms:
        terms.append(str(offset))
    return " + ".join(terms).replace("+ -", "- ")


def stand_in(shape: Shape, offset: int = 0, strides: Sequence[int] | None = None) -> np.ndarray:
    """An array, never read, whose address and strides are those of elements of memory."""
    if strides is None:
        lengths = [max(n, 1) for n in shape]
        strides = [math.prod(lengths[d + 1 :]) for d in range(len(shape))]
    flat = as_strided(_BASE, (2,), (offset,))[1:] if offset else _BASE
    return as_strided(flat, tuple(shape), tuple(strides), writeable=False)


def in_memory(memory: Memory, aval: Aval) -> Value:
    """The whole of a C array as a value."""
    return Value(Aval(aval.shape, aval.dtype), stand_in(aval.shape), memory)


def registers(aval: Aval, items: Sequence[str]) -> Value:
    """A value of these expressions, one for each element."""
    layout = np.empty(len(items), object)
    layout[:] = list(items)
    return Value(aval, layout.reshape(aval.shape))


def constant(value: Any, aval: Aval) -> Value:
    """A literal."""
    try:
        text = number(value, aval.dtype)
    except NotInCError:
        text = ""  # a Python integer; its text is made beside an operand of a wider dtype
    made = registers(aval, [text])
    made.number = value
    return made
