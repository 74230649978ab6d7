"""Batching: a tracer stands for one example, and its value has a batch axis for all of them."""

import functools
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import aval_of, check_operand
from ..core.axes import Axis, bind_axis
from ..core.buffers import as_given, no_trace, returned, settled
from ..core.companions import NO_PROGRAMS
from ..core.errors import ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from ..core.memory import Owner, Steps, View
from ..core.pickling import picklable
from ..core.trace import Primitive, Trace, Tracer, running, serials
from ..ops.index import Index, concatenate_p, getitem_p
from ..ops.layout import Strides, contiguous, gives_c_order, has_own_order, is_contiguous
from ..ops.operand import stacked
from ..ops.strides import Asked, Order, order_of, strides_by_order
from ..ops.structure import batch_at_front
from .arguments import Origin, check_alive, check_callable, warn_at_user_line
from .batch_axes import batch_axes, batch_size, move_batch_axis
from .batch_tracers import BatchTracer, WrittenBatch
from .batch_writes import batch_writer, is_written, process_written, steps_in_batch
from .nans import debugging
from .options import check_batching
from .owned_arrays import can_follow, part_of
from .untraced import handing_of, unchanged


class Batch(Trace):
    """Run each operation once for all examples."""

    writes_in_place = runs_for_all = True

    __slots__ = ("layouts", "name", "size", "writes")

    def __init__(self, origin: object, size: int, name: Hashable = None) -> None:
        super().__init__(origin)
        self.size = size
        self.layouts: dict[
            int, Order
        ] = {}  # of results whose examples may be in another order than C
        self.name = name  # the name of the batch axis for collectives
        self.writes = False  # whether an array is written in place

    @override
    def position(self, x: Any) -> int:
        return x._note

    @override
    def strides(self, x: Any) -> Strides:
        return strides_by_order(self.layouts.get(x._note), x.shape)

    @override
    def order(self, x: Any) -> Order:
        return self.layouts.get(x._note)

    @override
    def shared(self, x: Any) -> Any:
        return x.value

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> BatchTracer:
        y = BatchTracer(self, change(x.value), x.axis)
        if self.is_strided(x):
            self.layouts[y._note] = order_of(x)
        return y

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        if self.writes and any(is_written(self, x) for x in args):
            return process_written(self, prim, args, params)
        pairs = [self.split(x) for x in args]
        values, axes = [x for x, _ in pairs], [d for _, d in pairs]
        if prim.holds.batch_in_trace is not None:
            outs, out_axes = prim.holds.batch_in_trace(self, values, axes, **params)
        else:
            outs, out_axes = prim.batch(values, axes, self.size, **params)
        results = [
            self.with_axis(y) if d is None else BatchTracer(self, y, d)
            for y, d in zip(outs, out_axes, strict=True)
        ]
        if has_own_order(prim, len(args)) or any(map(self.is_strided, args)):
            self.follow(results, prim, args, params)
        return results

    @override
    def write(
        self, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Index
    ) -> Callable[[], None] | None:
        return batch_writer(self, x, steps, value, arrays, index)

    @override
    def reread(self, x: Any, steps: Steps) -> Any:
        if type(x) is not WrittenBatch or not can_follow(steps):
            return super().reread(x, steps)
        return WrittenBatch(self, part_of(x.value, steps_in_batch(steps, self.size)), 0)

    def follow(self, results: Sequence[Any], prim: Primitive, args: tuple, params: dict) -> None:
        """Note on what the strides of one example of each result depend."""
        if prim.holds is not NO_PROGRAMS:  # whose results are in C order
            return
        avals = [aval_of(x) for x in args]
        operands: Sequence[Order] | None = None
        for i, y in enumerate(results):
            if type(y) is not BatchTracer or len(shape := y.shape) < 2:
                continue
            if not gives_c_order(prim, avals, shape):
                operands = operands or [order_of(x) for x in args]
                self.layouts[y._note] = Asked(operands, avals, prim, params, i, shape)

    @override
    def lay_out(self, x: Any, strides: Strides) -> None:
        self.layouts.pop(x._note, None)
        if not is_contiguous(x.shape, strides):
            self.layouts[x._note] = strides

    def is_strided(self, x: Any) -> bool:
        """Whether an operand may be in another order than C."""
        if type(x) is BatchTracer:
            memory, layouts = x._memory, x._trace.layouts  # type: ignore[attr-defined]
            noted = type(memory) is View or (memory is not None and memory.strides is not None)
            return noted or x._note in layouts
        if type(x) is np.ndarray:
            return x.ndim > 1 and not x.flags.c_contiguous
        return isinstance(x, Tracer) and len(x.shape) > 1

    def with_axis(self, y: Any) -> Any:
        """A value that all examples share, with the batch axis if it is of an inner trace.

        With the axis it is batched here, before the inner trace processes operations on it.
        """
        if isinstance(y, Tracer) and y._trace.serial > self.serial:
            return BatchTracer(self, batch_at_front(y, None, self.size), 0)
        return y

    def split(self, x: Any) -> tuple[Any, int | None]:
        """A value and its batch axis, None where all examples share it."""
        if isinstance(x, BatchTracer) and x._trace is self:
            return x.value, x.axis
        if isinstance(x, Tracer):
            return settled(check_alive(x)), None
        if isinstance(x, np.ndarray):
            check_operand(x)
        return x, None


def batched(
    trace: Batch,
    fun: Callable[..., Any],
    values: Sequence[Any],
    axes: Sequence[int | None],
    hand: Callable[[Any], Any] = unchanged,
) -> list[tuple[Any, int | None]]:
    """Run a function of leaves in a trace: its outputs, each with its batch axis.

    ``hand`` gives it the leaves that all examples share.
    """
    tracers = [
        hand(x) if d is None else BatchTracer(trace, settled(x), d)
        for x, d in zip(values, axes, strict=True)
    ]
    before = running.get()
    try:
        running.set(trace)
        with bind_axis_name(trace):
            return [trace.split(returned(y)) for y in warn_at_user_line(fun, *tracers)]
    finally:
        running.set(before)


def bind_axis_name(trace: Batch) -> AbstractContextManager[Any]:
    """Bind the name of the batch axis, if it has one."""
    if trace.name is None:
        return nullcontext()
    return bind_axis(trace.name, Axis(trace.size, BatchTracer(trace, np.arange(trace.size), 0)))


def batched_again(
    trace: Batch,
    fun: Callable[..., Any],
    values: Sequence[Any],
    axes: Sequence[int | None],
) -> list[tuple[Any, int | None]]:
    """``batched``, once more if the function writes into leaves that all examples share."""
    others = lambda: [x for x, d in zip(values, axes, strict=True) if d is None]
    return handing_of(trace.origin).run(
        lambda hand: batched(trace, fun, values, axes, hand), others
    )


@answering
def by_loop(
    prim: Primitive, args: Sequence[Any], axes: Sequence[int | None], size: int, /, **params: Any
) -> tuple[Sequence[Any], Sequence[int | None]]:
    """Apply a primitive to one example at a time: the fallback for a missing ``batch`` rule.

    >>> class Loop(Primitive):
    ...     run = lambda self, x: (np.sort(x),)
    ...     batch = by_loop
    >>> vmap(Loop("loop_sort"))(np.array([[2.0, 1.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    if size == 0:
        raise ShapeError(f"{prim}: a loop over examples needs one: got none; give one at least")

    def example(x: Any, d: int | None, i: int) -> Any:
        return x if d is None else getitem_p(x, index=Index((*[slice(None)] * d, i)))

    rows = [
        prim.bind(*(example(x, d, i) for x, d in zip(args, axes, strict=True)), **params)
        for i in range(size)
    ]
    return [stacked(column) for column in zip(*rows, strict=True)], [0] * len(rows[0])


@picklable
@answering
def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable = None,
    axis_size: int | None = None,
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Vectorize a function of one example over a batch axis.

    vmap : (a -> b) -> [a] -> [b]

    Args:
        fun: a function of one example: of arrays, or of trees of arrays.
        in_axes: the batch axis of the arguments: an integer, None for an argument that all
            examples share, or a tuple with one entry for each argument, which may be a tree that
            is a prefix of the argument. Keyword arguments are batched along axis 0.
        out_axes: the batch axis of the output: an integer, None for an output that all examples
            share, or a tree that is a prefix of the output.
        axis_name: the name of the batch axis for collectives (``lax.psum``, ...) in ``fun``.
        axis_size: the number of examples, needed only where no argument has a batch axis.
        chunk_size: how many examples run at once, all by default; fewer need less memory.

    Raises:
        ShapeError: if arguments differ in the number of examples.
        ConcretizationError: if ``fun`` needs the value of an array that depends on the batch.

    >>> vmap(lambda x, y: x @ y)(np.ones((3, 2)), np.ones((3, 2)))
    array([2., 2., 2.])
    """
    check_callable("vmap", fun)
    chunk_size = whole(chunk_size)
    check_batching(in_axes, out_axes, axis_name, chunk_size)
    origin = Origin("vmap", fun)

    @functools.wraps(fun)
    def batched(*args: Any, **kwargs: Any) -> Any:
        if (check := debugging.get().check) is not None:
            again = vmap(fun, in_axes, out_axes, axis_name, axis_size, chunk_size=chunk_size)
            return check.call(again, args, kwargs)  # ``batched`` itself would be a reference cycle
        leaves, treedef = tree.flatten((args, kwargs))
        axes = batch_axes(fun, in_axes, args, kwargs)
        size = batch_size(fun, args, kwargs, axes, axis_size)
        step = max(size, 1) if chunk_size is None else chunk_size
        parts = []
        for start in range(0, max(size, 1), step):
            stop = min(start + step, size)
            chunk = [_chunk(x, d, start, stop, size) for x, d in zip(leaves, axes, strict=True)]
            trace = Batch(origin, stop - start, axis_name)
            parts.append(_run(trace, fun, treedef, chunk, axes, out_axes))
        return _copy_aliases(parts[0][0], leaves) if len(parts) == 1 else _concatenate_chunks(parts)

    return batched


def _copy_aliases(out: Any, leaves: Sequence[Any]) -> Any:
    """Copy outputs that alias arguments; traced ones are new arrays in C order."""
    arrays = [x for x in leaves if isinstance(x, np.ndarray)]

    def alone(y: Any) -> Any:
        if isinstance(y, Tracer) and y._memory is None and y.shape:
            y._memory = Owner(contiguous(y.shape))
            y._memory.born = no_trace, next(serials)
        shared = isinstance(y, np.ndarray) and any(np.may_share_memory(y, x) for x in arrays)
        return as_given(y.copy() if shared else y, leaves)

    return tree.map(alone, out)


def _run(
    trace: Batch,
    fun: Callable[..., Any],
    treedef: tree.TreeDef,
    leaves: Any,
    axes: Any,
    out_axes: Any,
) -> tuple[Any, list[int | None]]:
    """The output for one chunk of examples, and the batch axis of each of its leaves."""
    out: Any = None

    def on_leaves(*tracers: Any) -> list[Any]:
        nonlocal out
        args, kwargs = tree.unflatten(treedef, tracers)
        out = fun(*args, **kwargs)
        return tree.leaves(out)

    try:
        pairs = batched_again(trace, on_leaves, leaves, axes)
    finally:
        trace.dead = True
    size, paths = trace.size, [path for path, _ in tree.leaves_with_path(out)]
    out_tree = tree.structure(out)
    wanted = tree.broadcast_prefix(out_axes, out, lambda d: d is None, "vmap: out_axes")
    placed = [
        move_batch_axis(path, y, d, want, size)
        for path, (y, d), want in zip(paths, pairs, wanted, strict=True)
    ]
    return tree.unflatten(out_tree, [y for y, _ in placed]), [d for _, d in placed]


def _chunk(x: Any, axis: int | None, start: int, stop: int, size: int) -> Any:
    """The examples of one chunk."""
    if axis is None or (start, stop) == (0, size):
        return x
    return getitem_p(x, index=Index((*[slice(None)] * axis, slice(start, stop))))


def _concatenate_chunks(parts: Sequence[tuple[Any, list[int | None]]]) -> Any:
    """Concatenate the outputs of all chunks."""
    columns = zip(*(tree.leaves(out) for out, _ in parts), strict=True)
    joined = [
        ys[0] if d is None else concatenate_p(*ys, axis=d)
        for ys, d in zip(columns, parts[0][1], strict=True)
    ]
    return tree.unflatten(tree.structure(parts[0][0]), joined)
