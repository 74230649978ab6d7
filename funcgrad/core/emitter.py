"""The interface that a primitive's ``codegen`` is written against: a writer of source.

``Codegen.emit`` and ``Codegen.view`` take an emitter and values, which name operands and outputs
in its text. ``compile/writer.py`` is the emitter of NumPy source.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np

from .avals import Aval
from .jaxpr import Jaxpr, Var


class Value(Protocol):
    """An operand or output as the source names it; ``str`` gives its name.

    ``static``: it lies in the workspace, at the same place in every call. ``allocated``: it has
    memory. ``contiguous``: its elements lie in C order without gaps; certain if it is static.
    """

    text: str
    aval: Aval
    static: bool
    allocated: bool
    contiguous: bool

    def reshaped(self, shape: Sequence[int]) -> str: ...
    def transposed(self, perm: Sequence[int]) -> str: ...
    def indexed(self, entries: Sequence[Any], arrays: Sequence[Any]) -> str: ...
    def repeated(self, shape: Sequence[int], axes: Sequence[int]) -> str: ...


V = TypeVar("V", bound=Value)


class Memory(Protocol[V]):
    """The memory of the values of a function."""

    def buffer(self, aval: Aval, hint: str = "") -> V:
        """Bytes of the workspace as an array."""

    def fresh(self, aval: Aval, hint: str = "") -> V:
        """An output outside the workspace, without memory yet."""

    def scratch(self, *avals: Aval) -> AbstractContextManager[list[V]]:
        """Lend buffers for the lines of one operation."""

    def free(self, value: V) -> None:
        """Give the bytes of a buffer back."""

    def retain(self, value: V) -> None:
        """Count one more value that lies in these bytes."""

    def release(self, value: V) -> None:
        """Count one value less; the bytes of the last one are free."""

    def bits(self, value: V, dtype: np.dtype) -> str:
        """The elements of an array viewed as another dtype of the same size."""


class Emitter(Protocol[V]):
    """The lines of one function, and the memory of its values."""

    @property
    def memory(self) -> Memory[V]: ...

    def line(self, text: str, aval: Aval | None = None) -> None:
        """Write a line, with the aval of the array that it fills as a comment."""

    def indented(self, head: str) -> AbstractContextManager[None]:
        """Write the head of a block; lines in the context are its body."""

    def token(self, hint: str = "") -> str:
        """A new name, which is chosen when the text is complete; ``hint`` is proposed for it."""

    def study(self, jaxpr: Jaxpr) -> None:
        """Learn the names of the variables of a program from its source lines."""

    def known(self, var: Var) -> str:
        """The user's name for a variable, "" where it has none."""

    def numpy(self, name: str) -> str:
        """The name of a NumPy function, which is imported."""

    def dtype(self, dtype: np.dtype) -> str:
        """A dtype as an expression."""

    def bind(self, value: Any, hint: str = "") -> str:
        """A name for an object that has no text."""

    def made(self, expression: str, hint: str) -> str:
        """A name for an object that an expression makes, once for the module."""

    def param(self, value: Any) -> str:
        """A static parameter as an expression."""

    def as_tuple(self, items: Sequence[Any]) -> str:
        """The expression of a tuple of these expressions."""

    def value(
        self,
        text: str,
        aval: Aval,
        contiguous: bool = True,
        owned: bool = False,
        certain: bool = False,
    ) -> V:
        """A value by its name.

        ``owned``: its memory is its own, and equations may reuse it. ``certain``: that it is
        contiguous is no estimate.
        """

    def is_lent(self, value: V) -> bool:
        """Whether an operand lies in the workspace, and nothing reads it after the equation."""

    def rows(self, stack: V, reverse: bool) -> str:
        """The elements along the first axis of an array, in order or from the last."""

    def scalar(self, value: V) -> str:
        """A value of shape () as a scalar, never an array."""

    def array(self, value: V) -> V:
        """A value that can be indexed: a Python scalar as an array."""

    # statements that fill an output

    def allocate(self, out: V) -> str:
        """The name of an output, for which memory is allocated if it has none."""

    def call(self, function: str, args: Sequence[Any], out: V, keyword: bool = False) -> None:
        """Write a call that fills ``out``, its last argument where it has memory."""

    def assign(self, out: V, expression: str) -> None:
        """Write an expression, whose value is a new array, into ``out``."""

    def assign_view(self, out: V, expression: str, scalar: bool = False) -> None:
        """Write an expression, whose value aliases another array, into ``out``: it is copied."""

    def copy(self, out: V, value: V) -> None:
        """Write the elements of a value into ``out``."""

    # kernels

    def elementwise(self, prim: Any, ins: Sequence[V], out: V) -> None:
        """Apply the function of an elementwise primitive."""

    def convert(self, x: V, dtype: np.dtype, out: V) -> None:
        """Cast to a dtype."""

    def broadcast(self, x: V, axes: Sequence[int], out: V) -> None:
        """Repeat along new axes."""

    def reduce(self, ufunc: np.ufunc, x: V, axes: Sequence[int], out: V) -> None:
        """Reduce along axes by a ufunc."""

    def accumulate(self, name: str, x: V, axis: int, out: V, reverse: bool = False) -> None:
        """Accumulate along an axis by the ufunc of this name."""

    def matmul(self, a: V, b: V, out: V) -> None:
        """Multiply matrices, or stacks of them."""

    def concatenate(self, xs: Sequence[V], axis: int, out: V) -> None:
        """Join along an axis."""

    def gather(self, x: V, at: Any, arrays: Sequence[V], out: V) -> None:
        """Read at index arrays."""

    def scatter_add(self, x: V, at: Any, arrays: Sequence[V], out: V) -> None:
        """Add into zeros at an index."""

    def set_at(self, x: V, v: V, at: Any, arrays: Sequence[V], out: V) -> None:
        """Copy ``x``, and set the elements at an index."""

    def add_at(self, x: V, v: V, at: Any, arrays: Sequence[V], out: V) -> None:
        """Copy ``x``, and add to the elements at an index."""

    # programs

    def repeated(self, turns: int) -> AbstractContextManager[None]:
        """The lines of the context run so often."""

    def block(self, jaxpr: Jaxpr, ins: Sequence[V], targets: Sequence[V | None]) -> list[V]:
        """Write a program on these values; return its outputs, in their targets where given."""

    def not_finite(self, xs: Sequence[V]) -> str:
        """The condition that an element of the values is not finite."""

    def fall_back_if(self, condition: str) -> None:
        """Write a check; where it holds, the fallback is called in place of the function."""
