"""Calls of Python functions from a program: an effect of values, and one of their cotangents."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.companions import Codegen
from ..core.effects import program_around, silent
from ..core.trace import Primitive
from .dependences import Keeping
from .linear import Batched, Linear, axis_to_front

# of each vmap from the outermost: its size, and which operands have its axis, in front of others
Batches = tuple[tuple[int, tuple[bool, ...]], ...]


class Callback(Primitive):
    """A call of ``target``, a function of copies of the operands; it has no results.

    Under vmap it is called for each example in order, unless no operand differs between examples.
    """

    differentiable = False
    has_effect = True

    @override
    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        program = program_around(args)
        if program is not None:
            return program.process(self, args, params)
        return super().bind(*args, **params)

    @override
    def run(self, *args: Any, target: Any, batches: Batches) -> tuple[Any, ...]:
        if not silent.get():
            for row in examples(args, batches):
                target([x.copy() if isinstance(x, np.ndarray) else x for x in row])
        return ()

    @override
    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        return ()

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return True  # it has no results

    @override
    def batch(
        self, args: Any, axes: Any, size: int, /, *, target: Any, batches: Batches
    ) -> Batched:
        values, batches = with_axis(args, axes, size, batches)
        return self.bind(*values, target=target, batches=batches), ()


class CotangentCallback(Linear, Codegen, Keeping):
    """The identity, which calls ``target`` with the cotangent in reverse mode."""

    @override
    def run(self, x: Any, **params: Any) -> tuple[Any, ...]:
        return (x,)

    @override
    def infer(self, x: Aval, **params: Any) -> tuple[Aval, ...]:
        return (x,)

    @override
    def transpose(self, ct: Any, x: Any, **params: Any) -> Any:
        callback_p.bind(ct, **params)
        return ct

    @override
    def batch(
        self, args: Any, axes: Any, size: int, /, *, target: Any, batches: Batches
    ) -> Batched:
        values, batches = with_axis(args, axes, size, batches)
        return self.bind(*values, target=target, batches=batches), (0,)

    def decompose(self, x: Any, **params: Any) -> Any:
        return (x,)

    def lower(self, build: Any, x: Any, **params: Any) -> Any:
        return x


def with_axis(
    args: Sequence[Any], axes: Sequence[int | None], size: int, batches: Batches
) -> tuple[list[Any], Batches]:
    """The operands with the axis of one more vmap in front, and all vmaps."""
    values = [x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True)]
    return values, ((size, tuple([d is not None for d in axes])), *batches)


def examples(args: Sequence[Any], batches: Batches) -> Iterator[Sequence[Any]]:
    """Yield the operands of each example, in the order of nested loops."""
    if not batches:
        yield args
        return
    (size, flags), *rest = batches
    for i in range(size):
        row = [x[i] if flag else x for x, flag in zip(args, flags, strict=True)]
        yield from examples(row, tuple(rest))


callback_p = Callback("debug_callback")
cotangent_callback_p = CotangentCallback("debug_cotangent_callback")
