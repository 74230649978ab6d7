"""associative_scan: prefixes of an associative operation, in O(log n) steps."""

from collections.abc import Callable, Sequence
from typing import Any

from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.lazy import answering
from ..core.ownership import unaliased
from ..ops.index import Index, concatenate_p, getitem_p
from ..ops.reduce import axis_of, flip
from ..ops.structure import expand_dims, reshape
from ..transforms.arguments import check_callable, flatten_like
from ..transforms.nans import debugging
from ..transforms.untraced import owning


@answering
def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Prefix scan: combine all elements up to each place along an axis, by an associative function.

    associative_scan : ((a, a) -> a) -> [a] -> [a]

    Args:
        fn: an associative function of two trees like ``elems``, vectorized along the axis.
        elems: a tree of arrays of equal length along ``axis``.
        reverse: whether to scan from the end: flip, scan and flip back.
        axis: the axis along which to combine.

    Raises:
        ShapeError: if the lengths differ.
        TreeError: if the structure of the output of ``fn`` differs from that of ``elems``, where a
            tuple or list may replace a NamedTuple.

    Source: Blelloch 1990, "Prefix sums and their applications", section 1.3: about 2 n operations
    in 2 log n calls of ``fn``.

    >>> import numpy as np
    >>> associative_scan(np.multiply, np.arange(1.0, 5.0))
    array([ 1.,  2.,  6., 24.])
    """
    if (check := debugging.get().check) is not None:
        return check.call(associative_scan, (fn, elems, reverse, axis))
    check_callable("associative_scan", fn)
    leaves, treedef = tree.flatten(elems)
    for x in leaves:
        if not is_arraylike(x) or not shape_of(x):
            got = aval_of(x) if is_arraylike(x) else type(x).__name__
            raise ShapeError(
                f"associative_scan: elems must be arrays with an axis: got {got}"
                "; give np.atleast_1d(x)"
            )
    axes = [axis_of(axis, len(shape_of(x))) for x in leaves]
    lengths = {shape_of(x)[d] for x, d in zip(leaves, axes, strict=True)}
    if len(lengths) > 1:
        raise ShapeError(
            f"associative_scan: elems differ in length along axis {axis}: {lengths}"
            "; cut them to one length"
        )

    join = owning(lambda a, b: fn(tree.unflatten(treedef, a), tree.unflatten(treedef, b)))

    def combine(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        ys = _flatten_like(treedef, join(a, b))
        for y, x in zip(ys, a, strict=True):
            if shape_of(y) != shape_of(x) or dtype_of(y) != dtype_of(x):
                kind = ShapeError if shape_of(y) != shape_of(x) else DtypeError
                raise kind(
                    f"associative_scan: fn must return the shape and dtype of its operands, "
                    f"{aval_of(x)}: got {aval_of(y)}; vectorize it along the axis"
                )
        return ys

    turn = lambda xs: [flip(x, d) for x, d in zip(xs, axes, strict=True)] if reverse else xs
    taken = set(map(id, leaves))
    prefixes = turn(_prefixes(combine, turn(leaves), axes))
    return tree.unflatten(treedef, [unaliased(y, taken) for y in prefixes])


def _flatten_like(want: tree.TreeDef, out: Any) -> list[Any]:
    """The leaves of the output of ``fn``, where sequences of equal length are interchangeable."""
    leaves, got = tree.flatten(out)
    pairs = zip(want.nodes, got.nodes, strict=False)
    if len(want.nodes) == len(got.nodes) and all(a == b or _sequences(a, b) for a, b in pairs):
        return leaves
    return flatten_like("associative_scan", "the output of fn", want, out)


def _sequences(a: Any, b: Any) -> bool:
    """Whether two nodes of trees are tuples, lists or NamedTuples of equal length."""
    if a is None or b is None:  # a leaf
        return False
    return a[2] == b[2] and all(issubclass(node[0], (tuple, list)) for node in (a, b))


def _prefixes(combine: Any, xs: list[Any], axes: list[int]) -> list[Any]:
    """The prefixes: those that end at odd places are the prefixes of the combined pairs."""
    n = shape_of(xs[0])[axes[0]] if xs else 0
    if n < 2:
        return xs

    def every(ys: Sequence[Any], start: int, stop: int, step: int) -> list[Any]:
        key = slice(start, stop, step)
        return [
            getitem_p(y, index=Index((*[slice(None)] * d, key)))
            for y, d in zip(ys, axes, strict=True)
        ]

    pairs = combine(every(xs, 0, n - 1, 2), every(xs, 1, n, 2))
    odd = _prefixes(combine, pairs, axes)
    before = every(odd, 0, (n - 1) // 2, 1)
    even = every(xs, 0, 1, 1)
    if n > 2:
        later = combine(before, every(xs, 2, n, 2))
        rows = zip(even, later, axes, strict=True)
        even = [concatenate_p(a, b, axis=d) for a, b, d in rows]
    return [_interleaved(a, b, d) for a, b, d in zip(even, odd, axes, strict=True)]


def _interleaved(a: Any, b: Any, axis: int) -> Any:
    """Interleave the slices of ``a`` and ``b``; ``a`` has as many as ``b``, or one more."""
    shape, n = shape_of(b), shape_of(b)[axis]
    head = getitem_p(a, index=Index((*[slice(None)] * axis, slice(0, n))))
    both = concatenate_p(expand_dims(head, (axis + 1,)), expand_dims(b, (axis + 1,)), axis=axis + 1)
    both = reshape(both, (*shape[:axis], 2 * n, *shape[axis + 1 :]))
    rest = getitem_p(a, index=Index((*[slice(None)] * axis, slice(n, None))))
    return concatenate_p(both, rest, axis=axis)
