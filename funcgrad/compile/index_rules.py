"""Rules for reads and writes at an index."""

from collections.abc import Sequence
from typing import Any

from ..core.avals import Aval
from ..core.jaxpr import Atom, Eqn
from ..ops.assign import add_at_p, set_at_p
from ..ops.elementwise import add
from ..ops.index import concatenate_p, scatter_add_p
from ..ops.structure import reshape_p
from .rewrite import Builder


def reshaped(build: Builder, eqn: Eqn) -> Atom | None:
    """An index, or its transpose, that selects every element once is a reshape."""
    (x, *arrays), out = eqn.ins, eqn.outs[0].aval
    whole = (out if eqn.prim is scatter_add_p else x.aval).shape
    if arrays or x.aval.size != out.size or not (x.aval.shape and out.shape):
        return None  # most often
    if not _selects_all(eqn.params["index"], whole):
        return None
    return build(reshape_p, x, shape=out.shape)


def _selects_all(index: Sequence[object], shape: Sequence[int]) -> bool:
    """Whether a basic index takes every element, in order; axes of length 1 may come and go."""
    lengths = iter(shape)
    for entry in index:
        if entry is None or entry is Ellipsis:
            continue
        n = next(lengths)
        if type(entry) is not slice:
            if n != 1:
                return False
        elif range(n)[entry] != range(n):
            return False
    return True


def to_part(build: Builder, eqn: Eqn) -> Atom | None:
    """x + scatter(v) = x with v added at its index, or set there where x is zero."""
    for x, y in (eqn.ins, eqn.ins[::-1]):
        inner = build.maker(y)
        out = eqn.outs[0].aval
        if inner is None or inner.prim is not scatter_add_p or not x.aval == y.aval == out:
            continue
        (v, *arrays), index = inner.ins, inner.params["index"]
        if not out.shape or v.aval.dtype != out.dtype:
            continue
        if not arrays and _is_zero_at(build, x, index, out.shape):
            return build(set_at_p, x, v, index=index)
        return build(add_at_p, x, v, *arrays, index=index)
    return None


def same_place(build: Builder, eqn: Eqn) -> Atom | None:
    """scatter(u) with v added at the same index = scatter(u + v)."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not scatter_add_p or not build.read_once(eqn.ins[0]):
        return None
    (u, *arrays), (_, v, *others) = inner.ins, eqn.ins
    same = inner.params["index"] == eqn.params["index"] and not arrays and not others
    if not same or u.aval != v.aval or not u.aval.shape:
        return None
    return build(scatter_add_p, build(add, u, v), **inner.params)


def to_whole(build: Builder, eqn: Eqn) -> Atom | None:
    """scatter(u) + scatter(v) = [u v], where both fill one axis; x + both = x + [u v].

    So the derivative of a roll is a roll. A sum with x pays along an inner axis, where parts of
    rows would be added.
    """
    for x, y in (eqn.ins, eqn.ins[::-1]):
        first, second = build.maker(x), build.maker(y)
        if first is None or second is None or second.prim is not scatter_add_p:
            continue
        if first.prim not in (add_at_p, scatter_add_p) or not x.aval == y.aval == eqn.outs[0].aval:
            continue
        before, u = (first.ins[0], first.ins[1]) if first.prim is add_at_p else (None, first.ins[0])
        plain = len(first.ins) == 1 + (before is not None) and len(second.ins) == 1
        if not plain or not build.read_once(x):
            continue
        v, shape = second.ins[0], eqn.outs[0].aval.shape
        axis = filled_axis(first.params["index"], second.params["index"], shape)
        if axis is None or (before is not None and axis == 0) or u.aval.dtype != v.aval.dtype:
            continue
        if not u.aval.ndim == v.aval.ndim == len(shape) or u.aval.dtype != x.aval.dtype:
            continue
        starts = range(shape[axis])[first.params["index"][axis]].start
        whole = build(concatenate_p, *((u, v) if starts == 0 else (v, u)), axis=axis)
        return whole if before is None else build(add, before, whole)
    return None


def filled_axis(one: Sequence[Any], other: Sequence[Any], shape: Sequence[int]) -> int | None:
    """The axis that two indices of slices fill together, if they take all of the others."""
    found = None
    if not all(type(e) is slice for e in (*one, *other)):
        return None
    places = zip(shape, ranges_of(one, shape), ranges_of(other, shape), strict=True)
    for axis, (n, a, b) in enumerate(places):
        if a == b == range(n):
            continue
        low, high = sorted((a, b), key=lambda r: r.start)
        if found is not None or not low or not high or low.step != 1 or high.step != 1:
            return None
        if low.start != 0 or low.stop != high.start or high.stop != n:
            return None
        found = axis
    return found


def ranges_of(index: Sequence[Any], shape: Sequence[int]) -> list[range]:
    """The places that an index of slices takes along each axis."""
    entries = (*index, *[slice(None)] * (len(shape) - len(index)))
    return [range(n)[e] for e, n in zip(entries, shape, strict=True)]


def to_joined(build: Builder, eqn: Eqn) -> Atom | None:
    """Zeros in which parts are set that fill one axis are these parts, joined."""
    shape, out = eqn.outs[0].aval.shape, eqn.outs[0].aval
    parts: dict[range, Atom] = {}
    cut: int | None = None
    at: Eqn | None = eqn
    while at is not None and at.prim in (set_at_p, scatter_add_p) and len(parts) < _WRITES:
        index, whole = at.params["index"], at.prim is scatter_add_p
        v, axis = at.ins[-1], _cut_axis(index, shape)
        if len(at.ins) != (1 if whole else 2) or axis is None or v.aval.ndim != len(shape):
            return None
        place = range(shape[axis])[index[axis]]
        if cut not in (None, axis) or place.step != 1 or v.aval.dtype != out.dtype:
            return None
        if any(not _apart(place, other) for other in parts) or len(place) != v.aval.shape[axis]:
            return None
        cut, parts[place] = axis, v
        if whole:
            ordered = sorted(parts, key=lambda r: r.start)
            filled = sum(map(len, parts)) == shape[axis]
            return build(concatenate_p, *(parts[r] for r in ordered), axis=axis) if filled else None
        if not build.read_once(at.ins[0]):
            return None
        at = build.maker(at.ins[0])
    return None


def _cut_axis(index: Sequence[Any], shape: Sequence[int]) -> int | None:
    """The only axis of which an index of slices does not take all elements."""
    if not all(type(e) is slice for e in index):
        return None
    cut = [d for d, e in enumerate(index) if range(shape[d])[e] != range(shape[d])]
    return cut[0] if len(cut) == 1 else None


def to_parts(build: Builder, eqn: Eqn) -> Atom | None:
    """x + y, where few elements were added to zeros in y = these elements added in x."""
    for x, y in (eqn.ins, eqn.ins[::-1]):
        inner = build.maker(y)
        if inner is not None and _is_scattered(build, inner, eqn.outs[0].aval):
            y, v, *arrays = inner.ins
            return build(add_at_p, build(add, x, y), v, *arrays, **inner.params)
    return None


def _is_scattered(build: Builder, eqn: Eqn, out: Aval) -> bool:
    """Whether an equation adds to few elements of an array of zeros."""
    if eqn.prim is not add_at_p:
        return False
    while eqn.prim is add_at_p and eqn.ins[1].aval.size * 4 < out.size:
        inner = build.maker(eqn.ins[0])
        if inner is None or eqn.outs[0].aval != out:
            return False
        eqn = inner
    return eqn.prim is scatter_add_p and eqn.outs[0].aval == out


def _is_zero_at(build: Builder, atom: Atom, index: Any, shape: Sequence[int]) -> bool:
    """Whether a value is zero at an index: made of zeros by a few writes to disjoint slices."""
    for _ in range(_WRITES):  # not by all writes of a loop that was unrolled: they are quadratic
        eqn = build.maker(atom)
        if eqn is None or eqn.prim not in (set_at_p, scatter_add_p):
            return False
        plain = len(eqn.ins) == (1 if eqn.prim is scatter_add_p else 2)
        if not plain or not _disjoint(eqn.params["index"], index, shape):
            return False
        if eqn.prim is scatter_add_p:
            return True
        atom = eqn.ins[0]
    return False


_WRITES = 32


def _disjoint(first: Sequence[Any], second: Sequence[Any], shape: Sequence[int]) -> bool:
    """Whether two indices of slices and integers are disjoint along some axis."""
    if not all(type(e) in (slice, int) for e in (*first, *second)):
        return False
    for a, b, n in zip(first, second, shape, strict=False):
        one, other = (range(n)[e] if type(e) is slice else range(n)[e : e + 1 or n] for e in (a, b))
        if _apart(one, other):
            return True
    return False


def _apart(one: range, other: range) -> bool:
    """Whether two ranges are disjoint: by their bounds, or by interleaved steps."""
    if not one or not other:
        return True
    if max(min(one[0], one[-1]), min(other[0], other[-1])) > min(
        max(one[0], one[-1]), max(other[0], other[-1])
    ):
        return True
    # at most as many integers as the shorter range has are tried
    short, long = sorted((one, other), key=len)
    return abs(long.step) > 1 and len(short) <= 4096 and not any(k in long for k in short)
