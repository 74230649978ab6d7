"""Batching: each value stands for one example, and carries an axis along which all of them lie."""

import functools
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of, check_operand, is_arraylike, shape_of
from ..core.axes import Axis, bind_axis
from ..core.errors import ClosureError, ShapeError
from ..core.integers import whole
from ..core.pickling import picklable
from ..core.trace import AbstractTracer, ConcreteTracer, Primitive, Trace, Tracer, pointed
from ..ops.index import Index, concatenate_p, getitem_p
from ..ops.operand import stacked
from ..ops.structure import axis_to_front, batch_at_front, sum_p, transpose_p
from .arguments import Origin, Place, check_alive, check_callable, described
from .nans import active


class BatchTracer(AbstractTracer):
    """The values of all examples, and the axis that counts them."""

    __slots__ = ("axis", "value")
    value: Any
    axis: int

    def __init__(self, trace: "Batch", value: Any, axis: int) -> None:
        self._trace = trace
        self.value = value
        self.axis = axis

    @property
    def aval(self) -> Aval:
        aval = aval_of(self.value)
        return Aval((*aval.shape[: self.axis], *aval.shape[self.axis + 1 :]), aval.dtype)

    def __repr__(self) -> str:
        return f"Traced({self.value!r}, batched along axis {self.axis})"

    def __str__(self) -> str:
        return str(self.value)

    @override
    def unknown(self) -> str:
        return (
            f"{self.aval}, which differs from example to example in {self._trace.origin}; for a "
            f"choice write numpy.where"
        )


class Batch(Trace):
    """Run each operation once for all examples."""

    __slots__ = ("name", "size")

    def __init__(self, origin: object, size: int, name: Hashable = None) -> None:
        super().__init__(origin)
        self.size = size
        self.name = name  # by which collectives know the axis of the examples

    @override
    def shared(self, x: Any) -> Any:
        return x.value

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> BatchTracer:
        return BatchTracer(self, change(x.value), x.axis)

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        pairs = [self.split(x) for x in args]
        values, axes = [x for x, _ in pairs], [d for _, d in pairs]
        if prim.holds.batch_in_trace is not None:
            outs, out_axes = prim.holds.batch_in_trace(self, values, axes, **params)
        else:
            outs, out_axes = prim.batch(values, axes, self.size, **params)
        return [
            self.whole(y) if d is None else BatchTracer(self, y, d)
            for y, d in zip(outs, out_axes, strict=True)
        ]

    def whole(self, y: Any) -> Any:
        """Return a value that all examples share, with the axis if a younger trace made it.

        So it is met here first, beside values that differ.
        """
        if isinstance(y, Tracer) and y._trace.serial > self.serial:
            return BatchTracer(self, batch_at_front(y, None, self.size), 0)
        return y

    def split(self, x: Any) -> tuple[Any, int | None]:
        """Return a value and its batch axis, None for what is the same in all examples."""
        if isinstance(x, BatchTracer) and x._trace is self:
            return x.value, x.axis
        if isinstance(x, np.ndarray):
            check_operand(x)
        return check_alive(x), None


def batched(
    trace: Batch, fun: Callable[..., Any], values: Sequence[Any], axes: Sequence[int | None]
) -> list[tuple[Any, int | None]]:
    """Run a function of leaves in a trace; return its outputs, each with its batch axis."""
    tracers = [
        x if d is None else BatchTracer(trace, x, d) for x, d in zip(values, axes, strict=True)
    ]
    with named(trace):
        return [trace.split(y) for y in pointed(fun, *tracers)]


def named(trace: Batch) -> AbstractContextManager[Any]:
    """Bind the name of the examples' axis, if it has one."""
    if trace.name is None:
        return nullcontext()
    return bind_axis(trace.name, Axis(trace.size, BatchTracer(trace, np.arange(trace.size), 0)))


def run_in(
    trace: Batch, fun: Callable[..., Any], values: Sequence[Any], axes: Sequence[int | None]
) -> list[tuple[Any, int | None]]:
    """Run a function in a trace, or in another like it if that one's function has returned."""
    if not trace.dead:
        pairs = [(x, d) if d is not None else trace.split(trace.whole(x))
                 for x, d in zip(values, axes, strict=True)]  # fmt: skip
        return batched(trace, fun, [x for x, _ in pairs], [d for _, d in pairs])
    again = Batch(trace.origin, trace.size, trace.name)
    try:
        return batched(again, fun, values, axes)
    finally:
        again.dead = True


def of_all(
    trace: Batch, fun: Callable[..., Sequence[Any]], axes: Sequence[int | None]
) -> Callable[..., list[Any]]:
    """Return a function of all examples, given where their axis lies in its operands."""

    def all_of(*values: Any) -> list[Any]:
        pairs = run_in(trace, fun, values, axes)
        check_within(trace, [y for y, _ in pairs])
        return [batch_at_front(y, d, trace.size) for y, d in pairs]

    return all_of


def check_within(trace: Batch, ys: Sequence[Any]) -> None:
    """Raise if results are values of a transform within vmap, whose axis vmap does not see."""
    if any(_hides(trace, y) for y in ys):
        raise ClosureError(
            f"a function with a rule of your own closes over a value of a transform within "
            f"{trace.origin}; make it an argument of the function that has the rule"
        )


def _hides(trace: Batch, y: Any) -> bool:
    """Return whether a value of this vmap lies under one of a transform within."""
    under = y
    while isinstance(under, ConcreteTracer):
        under = under.value
    return under is not y and isinstance(under, Tracer) and under._trace is trace


def gathered(ct: Any, axis: int | None, want: int | None, size: int) -> Any:
    """Return the cotangents of all examples as that of their operand; a shared one gets the sum."""
    if ct is None:
        return None
    if want is None:
        return ct * size if axis is None else sum_p(axis_to_front(ct, axis), axes=(0,))
    ct = batch_at_front(ct, axis, size)
    rest = range(want + 1, len(ct.shape))
    return transpose_p(ct, perm=(*range(1, want + 1), 0, *rest)) if want else ct


def by_loop(
    prim: Primitive, args: Sequence[Any], axes: Sequence[int | None], size: int, /, **params: Any
) -> tuple[Sequence[Any], Sequence[int | None]]:
    """Run a primitive example by example: the ``batch`` rule of last resort.

    >>> class Loop(Primitive):
    ...     run = lambda self, x: (np.sort(x),)
    ...     batch = by_loop
    >>> vmap(Loop("loop_sort"))(np.array([[2.0, 1.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    if size == 0:
        raise ShapeError(f"{prim}: a loop over examples needs at least one: got none")

    def example(x: Any, d: int | None, i: int) -> Any:
        return x if d is None else getitem_p(x, index=Index((*[slice(None)] * d, i)))

    rows = [
        prim.bind(*(example(x, d, i) for x, d in zip(args, axes, strict=True)), **params)
        for i in range(size)
    ]
    return [stacked(column) for column in zip(*rows, strict=True)], [0] * len(rows[0])


@picklable
def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable = None,
    axis_size: int | None = None,
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that applies ``fun`` to every example at once.

    vmap : (a -> b) -> [a] -> [b]

    Args:
        fun: a function of one example: of arrays, or of trees of arrays.
        in_axes: which axis of the arguments counts the examples: an integer, None for an
            argument that all share, or a tuple with one entry an argument, each of which may be
            a tree that is a prefix of the argument. Keyword arguments have it at axis 0.
        out_axes: where that axis goes in the output: an integer, None for an output that is the
            same for all, or a tree that is a prefix of the output.
        axis_name: what collectives (``lax.psum``, ...) in ``fun`` call the axis of the examples.
        axis_size: the number of examples, needed only where no argument has such an axis.
        chunk_size: how many examples to do at once, all by default; fewer need less memory.

    Values that do not depend on the batch stay plain, so Python may branch on them.

    Raises:
        ShapeError: if arguments disagree on the number of examples, naming each.
        ConcretizationError: if ``fun`` needs the number behind a batched value.

    >>> vmap(lambda x, y: x @ y)(np.ones((3, 2)), np.ones((3, 2)))
    array([2., 2., 2.])
    """
    check_callable("vmap", fun)
    chunk_size = whole(chunk_size)
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size must be at least 1: got {chunk_size}")
    if chunk_size is not None and axis_name is not None:
        raise ValueError("vmap: axis_name needs all examples at once: leave chunk_size out")

    @functools.wraps(fun)
    def batched(*args: Any, **kwargs: Any) -> Any:
        if (check := active()) is not None:
            again = vmap(fun, in_axes, out_axes, axis_name, axis_size, chunk_size=chunk_size)
            return check.call(again, args, kwargs)  # itself would be a reference cycle
        leaves, treedef = tree.flatten((args, kwargs))
        axes = _axes(fun, in_axes, args, kwargs)
        size = _size(fun, args, kwargs, axes, axis_size)
        step = max(size, 1) if chunk_size is None else chunk_size
        parts = []
        for start in range(0, max(size, 1), step):
            stop = min(start + step, size)
            chunk = [_chunk(x, d, start, stop, size) for x, d in zip(leaves, axes, strict=True)]
            trace = Batch(Origin("vmap", fun), stop - start, axis_name)
            parts.append(_run(trace, fun, treedef, chunk, axes, out_axes))
        return _apart(parts[0][0], leaves) if len(parts) == 1 else _joined(parts)

    return batched


def _apart(out: Any, leaves: Sequence[Any]) -> Any:
    """Return the output with copies of what shares memory with the arguments."""
    arrays = [x for x in leaves if isinstance(x, np.ndarray)]
    shared = lambda y: isinstance(y, np.ndarray) and any(np.may_share_memory(y, x) for x in arrays)
    return tree.map(lambda y: y.copy() if shared(y) else y, out)


def _run(
    trace: Batch,
    fun: Callable[..., Any],
    treedef: tree.TreeDef,
    leaves: Any,
    axes: Any,
    out_axes: Any,
) -> tuple[Any, list[int | None]]:
    """Return the output for one chunk of examples, and the batch axis of each of its leaves."""
    out: Any = None

    def on_leaves(*tracers: Any) -> list[Any]:
        nonlocal out
        args, kwargs = tree.unflatten(treedef, tracers)
        out = fun(*args, **kwargs)
        return tree.leaves(out)

    try:
        pairs = batched(trace, on_leaves, leaves, axes)
    finally:
        trace.dead = True
    size, paths = trace.size, [path for path, _ in tree.leaves_with_path(out)]
    out_tree = tree.structure(out)
    wanted = tree.broadcast_prefix(out_axes, out, lambda d: d is None, "vmap: out_axes")
    placed = [
        _placed(path, y, d, want, size)
        for path, (y, d), want in zip(paths, pairs, wanted, strict=True)
    ]
    return tree.unflatten(out_tree, [y for y, _ in placed]), [d for _, d in placed]


def _placed(path: Any, y: Any, axis: int | None, want: int | None, size: int) -> tuple[Any, Any]:
    """Return an output with its batch axis where it is wanted."""
    where = f" at {tree.keystr(path)}" if path else ""
    if not is_arraylike(y):
        return y, None
    if want is None:
        if axis is not None:
            raise ShapeError(
                f"vmap: out_axes is None for the output{where}, which differs from example to "
                f"example: got {aval_of(y)}; give it an axis, or reduce over the examples outside"
            )
        return y, None
    y = batch_at_front(y, axis, size)
    rank, want = len(shape_of(y)), whole(want)
    if not isinstance(want, int) or not -rank <= want < rank:
        raise ShapeError(
            f"vmap: out_axes is {want!r} for the output{where}, which has {rank} axes with that of "
            f"the examples: choose one from {-rank} to {rank - 1}"
        )
    want %= rank
    if want:
        y = transpose_p(y, perm=(*range(1, want + 1), 0, *range(want + 1, rank)))
    repeats = isinstance(y, np.ndarray) and 0 in y.strides  # as broadcasting gives it
    return (y.copy() if repeats else y), want


def _places(args: Any, kwargs: Any) -> list[tuple[Place, Any, Any]]:
    """Return each leaf of a call with its argument and its path there."""
    places: list[tuple[Place, Any, Any]] = []
    for place, value in (*enumerate(args), *((k, kwargs[k]) for k in sorted(kwargs))):
        places += [(place, path, x) for path, x in tree.leaves_with_path(value)]
    return places


def _axes(fun: Any, in_axes: Any, args: Any, kwargs: Any) -> list[int | None]:
    """Return the batch axis of each leaf of a call, counted from the front."""
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ValueError(
            f"vmap: in_axes must have one entry a positional argument: got {len(in_axes)} for "
            f"{len(args)}; keyword arguments are mapped over axis 0"
        )
    given = tree.broadcast_prefix(in_axes, args, lambda d: d is None, "vmap: in_axes")
    places = _places(args, kwargs)
    given += [0] * (len(places) - len(given))
    axes: list[int | None] = []
    for (place, path, x), axis in zip(places, given, strict=True):
        rank, axis = len(shape_of(x)) if is_arraylike(x) else 0, whole(axis)
        if axis is None or not is_arraylike(x):
            axes.append(None)
        elif not isinstance(axis, int) or not -rank <= axis < rank:
            raise ShapeError(
                f"vmap: {described(fun, place, path)} has no axis {axis!r} to map over: got "
                f"{aval_of(x)}; give in_axes None for what all examples share"
            )
        else:
            axes.append(axis % rank)
    return axes


def _size(fun: Any, args: Any, kwargs: Any, axes: Sequence[int | None], given: int | None) -> int:
    """Return the number of examples, on which all mapped axes must agree."""
    rows = [
        (place, path, axis, shape_of(x)[axis])
        for (place, path, x), axis in zip(_places(args, kwargs), axes, strict=True)
        if axis is not None
    ]
    given = whole(given)
    sizes = {n for *_, n in rows} | ({given} if given is not None else set())
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError("vmap: no argument has an axis to map over: give axis_size")
    told = [f"{described(fun, place, path)} has axis {d} of {n}" for place, path, d, n in rows]
    told += [f"axis_size is {given}"] if given is not None else []
    raise ShapeError(f"vmap: the mapped axes differ in length: {'; '.join(told)}")


def _chunk(x: Any, axis: int | None, start: int, stop: int, size: int) -> Any:
    """Return the examples of one chunk."""
    if axis is None or (start, stop) == (0, size):
        return x
    return getitem_p(x, index=Index((*[slice(None)] * axis, slice(start, stop))))


def _joined(parts: Sequence[tuple[Any, list[int | None]]]) -> Any:
    """Return the outputs of all chunks as one."""
    columns = zip(*(tree.leaves(out) for out, _ in parts), strict=True)
    joined = [
        ys[0] if d is None else concatenate_p(*ys, axis=d)
        for ys, d in zip(columns, parts[0][1], strict=True)
    ]
    return tree.unflatten(tree.structure(parts[0][0]), joined)
