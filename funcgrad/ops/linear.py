"""Two base classes: linear primitives, and primitives that compute into given buffers."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Axes, Shape, dtype_of, shape_of
from ..core.companions import Masking
from ..core.registry import primitives
from ..core.trace import Primitive
from .paths import Gaps, Masked, reached_mask


def as_array(x: Any) -> np.ndarray:
    """A scalar or an array as an array; np.asarray without its checks."""
    return x if type(x) is np.ndarray else np.asarray(x)


def zeros_like(aval: Any) -> np.ndarray:
    """Zeros with the shape and dtype of an aval, an array or a tracer."""
    return np.zeros(shape_of(aval), dtype_of(aval))


def drop_axes(shape: Shape, axes: Axes) -> Shape:
    """The shape without the given axes."""
    return tuple(n for d, n in enumerate(shape) if d not in axes)


def axis_to_front(x: Any, axis: int) -> Any:
    """``x`` with one axis moved to the front."""
    rank = len(shape_of(x))
    if axis == 0:
        return x
    return primitives["transpose"](x, perm=(axis, *(d for d in range(rank) if d != axis)))


# the result of a batch rule: outputs, and the batch axis of each
Batched: TypeAlias = tuple[Sequence[Any], Sequence[int | None]]


class Linear(Primitive, Masking):
    """Linear in its first operand, constant in the others: its own jvp."""

    pads: ClassVar[bool] = False  # True: some results depend on no element of the operand

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        return self.bind(tangents[0], *primals[1:], **params)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        return [self.transpose(cts[0], *ins, **params), *[None] * (len(ins) - 1)]

    def transpose(self, ct: Any, x: Any, *others: Any, **params: Any) -> Any:
        """The cotangent of ``x``; only the shape and dtype of ``x`` are known."""
        raise self.missing("transpose")

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {0}

    def on_paths(self, args: Any, live: Any, **params: Any) -> Masked:
        return self.bind(*args, **params), (reached_mask(self, live[0], *args[1:], **params),)

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        return (gaps[0] or self.pads,), False

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        (x,), (d,) = args, axes
        return self.bind(axis_to_front(x, d), **self.batched_params(size, **params)), (0,)

    def batched_params(self, size: int, **params: Any) -> dict[str, Any]:
        """The parameters for an operand with a new leading axis."""
        return params


class InBuffers(Primitive):
    """Computed by ``into`` in given output and scratch buffers; ``scratch`` gives their avals."""

    @override
    def run(self, *ins: Any, **params: Any) -> tuple[Any, ...]:
        ins = tuple(map(as_array, ins))
        avals = [Aval(x.shape, x.dtype) for x in ins]
        outs = [np.empty(a.shape, a.dtype) for a in self.infer(*avals, **params)]
        work: Any = [np.empty(a.shape, a.dtype) for a in self.codegen.scratch(*avals, **params)]
        if self.codegen.plan is not None:
            work = self.codegen.plan(work, *(x.shape for x in ins), **params)
        self.codegen.into(outs, work, *ins, **params)
        return tuple(outs)
