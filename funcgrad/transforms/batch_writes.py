"""Writes in place under vmap, into one array of all examples, whose batch axis is the first."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.buffers import Buffer
from ..core.companions import NO_VIEWING
from ..core.memory import Steps, View, give_content
from ..core.trace import Primitive, Tracer
from ..ops.index import Index, getitem_p, indexed_shape
from ..ops.layout import in_c_order, is_contiguous, strides_of
from ..ops.structure import axis_to_front, batch_at_front, expand_dims
from .batch_tracers import BatchTracer, WrittenBatch
from .owned_arrays import avals_of, can_follow, is_writable, kept, new_copy, put
from .snapshots import aliases


def is_written(trace: Any, x: Any) -> bool:
    """Whether a value lies in an array of this trace; a written one may be of a vmap around."""
    return type(x) is WrittenBatch and x._trace is trace


def process_written(trace: Any, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
    """Apply an operation to copies of written arrays; of one that takes a view, copy the result."""
    reads = prim.viewing is not NO_VIEWING
    given = [_readable(trace, x, reads) if is_written(trace, x) else x for x in args]
    outs = trace.process(prim, tuple(given), params)
    for y in outs if reads else ():
        if type(y) is BatchTracer and aliases(y.value, given[0].value):
            y.value = kept(y.value)
    return outs


def _readable(trace: Any, x: WrittenBatch, reads: bool) -> BatchTracer:
    """A written array as an operand, in its order in memory."""
    y = BatchTracer(trace, x.value if reads else kept(x.value), 0)
    if type(x._memory) is View:
        trace.lay_out(y, strides_of(x))
    return y


def batch_writer(
    trace: Any, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Index
) -> Callable[[], None] | None:
    """Give a function that writes ``view[index] = value``, where steps lead from x to the view.

    None: the index may move the batch axis, or the examples are not in C order.
    """
    apart = len(arrays) > 1 or (arrays and any(type(e) is int for e in index))
    if apart or not can_follow(steps) or any(isinstance(a, Tracer) for a in arrays):
        return None
    y, axis = (x.value, None) if type(x) is Buffer else trace.split(x)
    v, v_axis = trace.split(value)
    if not is_writable(y) or not is_writable(v) or not is_contiguous(x.shape, strides_of(x)):
        return None
    if v_axis is not None:
        v = _aligned(axis_to_front(v, v_axis), x, steps, index, arrays)
    if not is_written(trace, x):
        y = batch_at_front(y, axis, trace.size)
        y = np.array(y, order="C") if isinstance(y, np.ndarray) else in_c_order(new_copy(y))

    def write() -> None:
        trace.writes = True
        key = (slice(None), *index.with_arrays(arrays))
        array = put(y, steps_in_batch(steps, trace.size), key, v)
        give_content(x, WrittenBatch(trace, array, 0))

    return write


def _aligned(v: Any, x: Any, steps: Steps, index: Index, arrays: Sequence[Any]) -> Any:
    """Values of all examples, with axes to broadcast to the elements ``view[index]`` of each."""
    shape = avals_of(x, steps)[-1].shape
    rank = len(indexed_shape(shape, index, [a.shape for a in arrays]))
    return expand_dims(v, tuple(range(1, rank + 2 - len(shape_of(v)))))


def steps_in_batch(steps: Steps, size: int) -> Steps:
    """The steps that lead to the view in all examples."""
    return [
        (prim, {"index": Index((slice(None), *params["index"]))})
        if prim is getitem_p
        else (prim, prim.batched_params(size, **params) if params else params)  # none of real, imag
        for prim, params in steps
    ]
