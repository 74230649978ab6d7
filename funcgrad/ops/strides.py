"""Strides of results that are found when they are asked, and not before.

Only a view or a write asks for strides. Until then a result holds the known strides of its
operands, and neither their values nor its own.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.avals import Aval, Shape, aval_of
from ..core.memory import Steps, View
from ..core.trace import ConcreteTracer, Primitive, Tracer
from .layout import (
    Strides,
    contiguous,
    has_own_order,
    is_contiguous,
    strides_in_elements,
    strides_made,
    strides_of,
    through,
)


class Asked:
    """The strides of a result of an operation, or of a view: of its operands until it is asked."""

    __slots__ = ("avals", "operands", "params", "place", "prim", "shape", "steps", "strides")

    def __init__(
        self,
        operands: Sequence["Order"],
        avals: Sequence[Aval],
        prim: Primitive | None = None,
        params: Any = None,
        place: int = 0,
        shape: Shape = (),
        steps: Steps = (),
    ) -> None:
        self.operands: Sequence[Order] | None = operands  # None: it was asked
        self.avals = avals
        self.prim, self.params, self.place, self.shape = prim, params, place, shape
        self.steps = steps  # of a view, from the owner of its memory, the only operand
        self.strides: Strides | None = None  # None: C order

    def settle(self) -> None:
        """Find the strides, given those of the operands."""
        pairs = list(zip(self.operands or (), self.avals, strict=True))
        given = [settled_strides(x, aval.shape) for x, aval in pairs]
        if self.prim is None:
            layout = through(self.steps, self.avals[0], given[0] or contiguous(self.avals[0].shape))
            self.strides = None if layout.flags.c_contiguous else strides_in_elements(layout)
        elif any(x is not None for x in given) or has_own_order(self.prim, len(given)):
            known = [x or contiguous(a.shape) for x, a in zip(given, self.avals, strict=True)]
            found = strides_made(self.prim, self.params, self.avals, known, self.place, self.shape)
            self.strides = None if is_contiguous(self.shape, found) else found
        self.operands = self.prim = self.params = None
        self.avals = ()


# None: C order; a tracer: of which its trace is asked
Order: TypeAlias = Strides | Asked | Tracer | None


def settled_strides(order: Order, shape: Shape) -> Strides | None:
    """The strides of an operand, if those that wait are found; None: C order."""
    if order is None or isinstance(order, Asked):
        return None if order is None else order.strides
    strides = order if type(order) is tuple else strides_of(order)
    return None if is_contiguous(shape, strides) else strides


def strides_by_order(order: Order, shape: Shape) -> Strides:
    """The strides of an array of a shape."""
    waiting = [order] if isinstance(order, Asked) else []
    while waiting:  # without recursion, since programs may be long
        last = waiting[-1]
        operands = last.operands or ()
        missing = [x for x in operands if isinstance(x, Asked) and x.operands is not None]
        if missing:
            waiting += missing
            continue
        if last.operands is not None:
            last.settle()
        waiting.pop()
    return settled_strides(order, shape) or contiguous(shape)


def order_of(x: Any) -> Order:
    """What is known of the strides of an operand."""
    while isinstance(x, Tracer):
        memory = x._memory
        if type(memory) is View:
            if isinstance(noted := x._trace.order(x), Asked):
                return noted
            owner = memory.owner
            return Asked((order_of(owner),), (aval_of(owner),), steps=memory.steps)
        if memory is not None and memory.strides is not None:
            x = memory.strides
            if type(x) is tuple:
                return x
        elif isinstance(x, ConcreteTracer):
            x = x.value
        else:
            return x._trace.order(x)
    strided = isinstance(x, np.ndarray) and not x.flags.c_contiguous
    return strides_in_elements(x) if strided else None
