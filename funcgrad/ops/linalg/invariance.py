"""Whether a program is invariant under a change of basis of eigenspaces and singular spaces.

The vectors of equal eigenvalues are an arbitrary basis of their space. A function of them has a
derivative if it depends on the space only: if all of them enter, with equal weights, sums over
vectors of products of two, such as the projection V V*. Values do not show this: a cotangent of 0
does not mean that a vector is unused. So a rule looks at the operations of the tape that read the
vectors.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.registry import primitives
from ...core.trace import Tracer

# one operation of a tape: the primitive, the numbers of its inputs (None for a constant), the
# number of its first output, the values of inputs and outputs, the parameters
Record = Sequence[Any]
# the number of a value -> the operations that read it; None: it is an output of the function
Uses = Callable[[int], Sequence[Record] | None]

_INVERSE = "inverse"


@dataclass(frozen=True)
class Columns:
    """A value that is linear in each of several vectors, which lie along one axis.

    Args:
        kind: ``"u"`` or ``"v"``, the columns of U or V; or ``"inverse"``, the rows of V^-1.
        conjugate: whether they are conjugated.
        axis: the axis of the vectors, negative.
        which: the index of each.
        weight: the factor of each; None for 1.
        squared: whether it is the product of each vector with itself.
    """

    kind: str
    conjugate: bool
    axis: int
    which: np.ndarray
    weight: Any = None
    squared: bool = False

    def times(self, weight: Any) -> "Columns":
        both = weight if self.weight is None else self.weight * weight
        return replace(self, weight=both)


@dataclass
class VectorUses:
    """The uses of vectors: sums over products of two, and all other uses.

    Args:
        sums: for each sum the kinds of its two factors, and the weight of every vector.
        rest: kind -> the mask of vectors with another use.
    """

    sums: list[tuple[frozenset[str], Any]] = field(default_factory=list)
    rest: dict[str, np.ndarray] = field(default_factory=dict)


def vector_uses(uses: Uses | None, roots: dict[int, Columns], counts: dict[str, int]) -> VectorUses:
    """The uses of vectors, given the outputs that hold them, by their numbers on the tape."""
    found = VectorUses(rest={kind: np.zeros(n, bool) for kind, n in counts.items()})
    if uses is None:
        for x in roots.values():
            _other_use(found, x)
        return found
    known: dict[int, Columns] = {}
    waiting: list[tuple[int, Record]] = []
    queued: set[int] = set()

    def put(number: int, x: Columns) -> None:
        known[number] = x
        records = uses(number)
        if records is None:
            _other_use(found, x)
        for record in records or ():
            if record[2] not in queued:  # the numbers of operands are smaller than those of outputs
                queued.add(record[2])
                heapq.heappush(waiting, (record[2], record))

    for number, x in roots.items():
        put(number, x)
    while waiting:
        first, record = heapq.heappop(waiting)
        y = _used(record, [known.get(i) for i in record[1]], found, counts)
        if y is not None:
            put(first, y)
    return found


def mixed_pairs(uses: Uses | None, number: int, count: int) -> Any:
    """The mask of pairs of columns of V between which the program distinguishes."""
    root = Columns("v", False, -1, np.arange(count))
    found = vector_uses(uses, {number: root}, {"v": count})
    rest = found.rest["v"]
    mixed = rest[None, :] | rest[:, None]
    for _, weights in found.sums:
        mixed = primitives["logical_or"](mixed, unequal(weights))
    return mixed


class MixedPairs(NamedTuple):
    """The singular vectors between which a program distinguishes; see ``Svd``.

    Args:
        pairs: pairs among the first k, of U or of V.
        both: pairs whose products are of a column of U and its column of V: not a sum over a space
            where the singular value is 0.
        signs: vectors of which both columns have another use, so that their common sign may matter.
        left, right: vectors of the first k that are distinguished from the orthogonal complement.
        rest_left, rest_right: whether the columns that ``full`` adds are distinguished.
    """

    pairs: Any
    both: Any
    signs: Any
    left: Any
    right: Any
    rest_left: Any
    rest_right: Any


def mixed_in_svd(uses: Uses | None, first: int, left: int, right: int, k: int) -> MixedPairs:
    """The columns of U (``left`` many) and V (``right`` many) that are distinguished."""
    counts = {"u": left, "v": right}
    roots = {
        first: Columns("u", False, -1, np.arange(left)),
        first + 2: Columns("v", True, -2, np.arange(right)),
    }
    found = vector_uses(uses, roots, counts)
    logical_or, ne = primitives["logical_or"], primitives["ne"]
    pairs: Any = np.zeros((k, k), bool)
    both: Any = np.zeros(k, bool)
    distinct: dict[str, Any] = {}
    rest_distinct: dict[str, Any] = {}
    for kind, rest in found.rest.items():
        pairs = pairs | rest[:k, None] | rest[None, :k]
        distinct[kind], rest_distinct[kind] = rest[:k], np.atleast_2d(rest[k:].any())
    for kinds, weights in found.sums:
        pairs = logical_or(pairs, unequal(weights[..., :k]))
        if len(kinds) > 1:
            both = logical_or(both, ne(weights[..., :k], 0))
            continue
        (kind,) = kinds
        outside = weights[..., k : k + 1] if counts[kind] > k else 0
        distinct[kind] = logical_or(distinct[kind], ne(weights[..., :k], outside))
        if counts[kind] > k:
            changed = primitives["any"](ne(weights[..., k:], outside), axes=(0,))
            rest_distinct[kind] = logical_or(rest_distinct[kind], changed)
    pairs_of = logical_or(both[..., None, :], both[..., :, None])
    signs = found.rest["u"][:k] & found.rest["v"][:k]
    return MixedPairs(
        pairs,
        pairs_of,
        signs,
        logical_or(distinct["u"], both),
        logical_or(distinct["v"], both),
        rest_distinct["u"],
        rest_distinct["v"],
    )


def unequal(weights: Any) -> Any:
    """The mask of pairs of vectors with unequal weights."""
    return primitives["ne"](weights[..., None, :], weights[..., :, None])


def _other_use(found: VectorUses, x: Columns) -> None:
    kind = "v" if x.kind == _INVERSE else x.kind
    found.rest[kind][x.which] = True


def _used(
    record: Record, xs: list[Columns | None], found: VectorUses, counts: dict[str, int]
) -> Columns | None:
    """The result of an operation on vectors, if it is linear in each; else add to ``found``."""
    prim, ins, _, values, outs, params = record
    rule = _RULES.get(getattr(prim, "name", ""))
    y = None if rule is None else rule(Operation(prim, xs, ins, values, outs), **(params or {}))
    if isinstance(y, Columns):
        return y
    if y is not None:
        kinds, which, weight = y
        found.sums.append((kinds, _by_index(which, weight, counts[min(kinds)])))
        return None
    for x in filter(None, xs):
        _other_use(found, x)
    return None


def _by_index(which: np.ndarray, weight: Any, count: int) -> Any:
    """The weight of every vector, 0 for absent ones."""
    places = (which[:, None] == np.arange(count)).astype(float)
    return places.sum(0) if weight is None else primitives["matmul"](weight, places)


# the rules of operations: they give Columns, or a sum over vectors, or None


class Operation(NamedTuple):
    """An operation that reads vectors: its operands are ``xs``, None for those without vectors."""

    prim: Any
    xs: Sequence[Columns | None]
    ins: Sequence[int | None]
    values: Sequence[Any]
    outs: Sequence[Any]

    def one(self) -> Columns:
        """The only operand with vectors."""
        (x,) = (x for x in self.xs if x is not None)
        return x


def _cast(op: Operation, **params: Any) -> Any:
    is_complex = [dtype_of(x).kind == "c" for x in (op.values[0], op.outs[0])]
    return op.xs[0] if is_complex[1] or not is_complex[0] else None


def _conj(op: Operation) -> Any:
    x = op.one()
    return replace(x, conjugate=not x.conjugate)


def _moved(op: Operation, **params: Any) -> Any:
    """Find the vectors by moving an array of their indices."""
    x = op.xs[0]
    if x is None or any(isinstance(a, Tracer) for a in op.values[1:]):
        return None
    places = np.broadcast_to(_along(x, np.arange(len(x.which))), shape_of(op.values[0]))
    (moved,) = op.prim.run(places, *op.values[1:], **params)
    for axis in range(-moved.ndim, 0) if moved.size else ():
        line = np.moveaxis(moved, axis, -1).reshape(-1, moved.shape[axis])[:1].ravel()
        y = replace(x, axis=axis, which=x.which[line])
        if line.size > 1 and (moved == _along(y, line)).all():
            return y if x.weight is None else replace(y, weight=x.weight[..., line])
    return None


def _along(x: Columns, vector: Any) -> Any:
    return vector.reshape(-1, *(1,) * (-x.axis - 1))


def _mul(op: Operation) -> Any:
    x, y = op.xs
    if x is not None and y is not None:
        return _squared(op, x, y)
    x, i = op.one(), 1 if y is None else 0
    other, rank = op.values[i], len(shape_of(op.outs[0]))
    shape = (1,) * (rank - len(shape_of(other))) + tuple(shape_of(other))
    if len(x.which) != shape_of(op.outs[0])[x.axis] or shape[x.axis] == 1:
        return x if len(x.which) == shape_of(op.outs[0])[x.axis] else None
    if op.ins[i] is not None or any(n != 1 for d, n in enumerate(shape) if d != rank + x.axis):
        return None
    return x.times(primitives["reshape"](other, shape=(len(x.which),)))


def _power(op: Operation, **params: Any) -> Any:
    n = op.values[1] if len(op.values) > 1 else 2
    two = isinstance(n, (int, float, np.ndarray, np.generic)) and np.ndim(n) == 0 and n == 2
    return _squared(op, op.xs[0], op.xs[0]) if op.xs[0] is not None and two else None


def _squared(op: Operation, x: Columns, y: Columns) -> Any:
    if x.axis != y.axis or not _match(op, x, y) or x.kind != y.kind:
        return None
    z = replace(x, squared=True)
    return z if y.weight is None else z.times(y.weight)


def _match(op: Operation, x: Columns, y: Columns) -> bool:
    """Whether a sum of products of two may be a sum over a space."""
    if not np.array_equal(x.which, y.which) or x.squared or y.squared:
        return False
    if _INVERSE in (x.kind, y.kind):
        return x.kind != y.kind and x.conjugate == y.conjugate
    return dtype_of(op.outs[0]).kind != "c" or x.conjugate != y.conjugate


def _sum_of(op: Operation, x: Columns, y: Columns) -> Any:
    if not _match(op, x, y):
        return None
    z = x if y.weight is None else x.times(y.weight)
    return frozenset("v" if a.kind == _INVERSE else a.kind for a in (x, y)), z.which, z.weight


def _sum(op: Operation, *, axes: Any) -> Any:
    x = op.one()
    place = len(shape_of(op.values[0])) + x.axis
    if place in axes:
        return (frozenset({x.kind}), x.which, x.weight) if x.squared else None
    return replace(x, axis=x.axis + sum(d > place for d in axes))


def _matmul(op: Operation) -> Any:
    (x, y), (a_rank, b_rank) = op.xs, (len(shape_of(v)) for v in op.values)
    if x is not None and y is not None:
        summed = x.axis == -1 and y.axis == (-1 if b_rank == 1 else -2)
        return _sum_of(op, x, y) if summed else None
    z = op.one()
    if y is None:
        return _weighted(op, z) if z.axis == -1 else replace(z, axis=z.axis + (b_rank == 1))
    if b_rank == 1 or z.axis == -2:
        return None
    return replace(z, axis=z.axis + (a_rank == 1 and z.axis < -1))


def _weighted(op: Operation, x: Columns) -> Any:
    """Columns times a constant diagonal matrix."""
    matrix, n = op.values[1], len(x.which)
    if op.ins[1] is not None or not isinstance(matrix, np.ndarray) or matrix.shape != (n, n):
        return None
    weights = np.diagonal(matrix)
    return x.times(weights) if np.array_equal(matrix, np.diag(weights)) else None


def _einsum(op: Operation, *, names: tuple[str, ...], out: str) -> Any:
    rows = zip(op.xs, names, strict=True)
    given = [(x, axes[x.axis]) for x, axes in rows if x is not None]
    letter = given[0][1]
    count = sum(axes.count(letter) for axes in names)
    if any(other != letter for _, other in given) or count != len(given):
        return None
    if len(given) == 2 and letter not in out:
        return _sum_of(op, given[0][0], given[1][0])
    if len(given) > 1 or letter not in out:
        return None
    return replace(given[0][0], axis=out.index(letter) - len(out))


def _inverse(op: Operation) -> Any:
    x, n = op.one(), shape_of(op.values[0])[-1]
    whole = x.axis == -1 and x.weight is None and np.array_equal(x.which, np.arange(n))
    if not whole or x.kind != "v" or x.squared:
        return None
    return replace(x, kind=_INVERSE, axis=-2)


_RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("pos", "neg", "convert"), _cast),
    **dict.fromkeys(("getitem", "transpose", "reshape", "broadcast"), _moved),
    **dict.fromkeys(("pow", "square"), _power),
    "conj": _conj,
    "mul": _mul,
    "sum": _sum,
    "matmul": _matmul,
    "einsum": _einsum,
    "inv": _inverse,
}
