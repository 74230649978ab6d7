"""The law of zero cotangents: elements that lie on no path stay 0, also times nan or infinity.

A derivative is the sum over the paths of a program of the products of local derivatives. An
element that a selection did not take lies on no path, but an array holds a 0 for it, and 0 times
an infinite or undefined local derivative is nan. So a linear map of tangents or cotangents first
runs without masks. Only if a result is not finite, it runs again under the trace of this file,
where each tangent or cotangent has a mask of the elements that lie on a path.

``seeds.py`` decides when.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.buffers import settled
from ..core.companions import inlined
from ..core.jaxpr import eval_jaxpr
from ..core.trace import MARK, ConcreteTracer, Primitive, Trace
from ..ops.choice import gate, hide
from ..ops.paths import path_mask
from ..ops.reduce import any_p
from ..ops.structure import broadcast_to


class PathTracer(ConcreteTracer):
    """A tangent or cotangent, and a mask of its elements that lie on a path."""

    __slots__ = ()
    live = MARK

    def __init__(self, trace: "Paths", value: Any, live: Any) -> None:
        self._trace = trace
        self.value = value
        self._mark = live
        self._memory = None

    def __float__(self) -> float:
        return float(self.value)  # the bwd of a custom_vjp may branch on it

    def __int__(self) -> int:
        return int(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def item(self, *args: Any) -> Any:
        return self.value.item(*args)


class Paths(Trace):
    """Keep elements of tangents and cotangents that lie on no path at 0.

    With ``selects=False``, elements that are 0 in a seed are 0 in value only: the derivative with
    respect to the seed is that of the map without masks.
    """

    __slots__ = ("selects",)

    def __init__(self, origin: object, selects: bool = True) -> None:
        super().__init__(origin)
        self.selects = selects

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        if (program := inlined(prim, params)) is not None:
            return eval_jaxpr(program, (), args)
        if prim.holds.is_open:  # a function with a custom rule
            return prim.run(*args, **params)
        values, live = zip(*map(self.split, args), strict=True)
        if not prim.differentiable:
            return prim.bind(*values, **params)
        if prim.holds.mask_in_trace is not None:
            outs, masks = prim.holds.mask_in_trace(self, values, live, **params)
            pairs = zip(outs, masks, strict=True)
            return [y if mask is None else self.output(y, mask) for y, mask in pairs]
        if prim.masking.on_paths is None:
            outs, masks = _one_mask(prim, values, live, params)
        else:
            outs, masks = prim.masking.on_paths(values, live, **params)
        if prim in (gate, hide) and live[0] is not None:
            # they keep zeros; a gate for each gate would double their number with each map inside
            return [PathTracer(self, outs[0], masks[0])]
        return [self.output(y, mask) for y, mask in zip(outs, masks, strict=True)]

    def output(self, y: Any, live: Any) -> Any:
        """An output with its mask; None: all elements lie on a path."""
        if not is_inexact(dtype_of(y)):
            return y
        if live is None:
            return PathTracer(self, y, np.ones(shape_of(y), bool))
        if not (isinstance(live, np.ndarray) and live.all()):
            y = (gate if self.selects else hide)(y, live)
        return PathTracer(self, y, live)

    def split(self, x: Any) -> tuple[Any, Any]:
        """A value and its mask, None for an ordinary operand."""
        if isinstance(x, PathTracer) and x._trace is self:
            return x.value, x.live
        return settled(x), None


def _one_mask(prim: Primitive, args: Any, live: Any, params: Any) -> tuple[Any, Any]:
    """One mask for all elements: the outputs lie on a path if any element of the operands does."""
    outs = prim.bind(*args, **params)
    some: Any = np.zeros((), bool)
    for mask in live:
        if mask is not None:
            some = np.logical_or(some, any_p(mask, axes=tuple(range(len(shape_of(mask))))))
    return outs, [broadcast_to(some, shape_of(y)) for y in outs]


def traces_for(origin: object, variable: bool) -> list[Paths]:
    """The traces of one linear map, the outermost first; ``variable``: whether a seed is variable.

    A seed is variable if another derivative may be taken with respect to it.
    """
    return [*([Paths(origin, selects=False)] if variable else []), Paths(origin)]


def seeded(traces: Sequence[Paths], seed: Any, variable: bool) -> Any:
    """A seed with its masks: its elements that are 0 lie on no path."""
    given = path_mask(seed, None)
    for trace in traces:
        whole = trace.selects and variable
        seed = PathTracer(trace, seed, np.ones(shape_of(given), bool) if whole else given)
    return seed


def masks_of(traces: Sequence[Paths | None], x: Any) -> list[Any]:
    """The masks of a value; all True for a trace to which it does not belong."""
    found = {}
    while isinstance(x, PathTracer):
        found[x._trace] = x.live
        x = x.value
    return [found[t] if t in found else np.ones(shape_of(x), bool) for t in traces]


def resume(traces: Sequence[Paths], x: Any, *masks: Any) -> Any:
    """A value of a map with its masks, unless it has them already."""
    for trace, mask in zip(traces, masks, strict=True):
        x = _with_mask(trace, x, mask)
    return x


def _with_mask(trace: Paths, x: Any, mask: Any) -> Any:
    """A value with the mask of a trace, inside the masks of inner traces."""
    if isinstance(x, PathTracer) and x._trace is trace:
        return x
    if isinstance(x, PathTracer) and x._trace.serial > trace.serial:
        return PathTracer(cast(Paths, x._trace), _with_mask(trace, x.value, mask), x.live)
    return PathTracer(trace, x, mask)


def unmasked(traces: Sequence[Paths], x: Any) -> Any:
    """A result without its masks."""
    for trace in reversed(traces):
        x = trace.split(x)[0]
    return x
