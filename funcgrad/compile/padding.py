"""Sums of shifted paddings, the derivatives of slices, as sums of slices of one padded array.

An addition to the part of an array starts an inner loop for each row. Slices of one array are added
as shifts of its flat elements, see ``shifts.py``.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from ..ops.assign import add_at_p
from ..ops.elementwise import add, mul, neg, sub
from ..ops.index import Index, getitem_p, scatter_add_p
from .algebra import finite
from .index_rules import ranges_of
from .rewrite import Builder, rewritten
from .weighted import unpadded_p


def slices_of_padded(jaxpr: Jaxpr) -> Jaxpr:
    """Replace runs of additions of one value at several places by sums of slices.

    x + pad(a v) at i + pad(b v) at j = x + a z[k] + b z[l], where z is v among zeros.
    """
    heads = _continued(jaxpr)
    return rewritten(jaxpr, lambda build, eqn: _sum_of_slices(build, eqn, heads))


def _continued(jaxpr: Jaxpr) -> set[Var]:
    """The sums to which only an addition of the same value at another place adds."""
    makers: dict[Atom, Eqn] = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    reads: dict[Atom, int] = {}
    for atom in (*(a for eqn in jaxpr.eqns for a in eqn.ins), *jaxpr.outvars):
        reads[atom] = reads.get(atom, 0) + 1
    found = set[Var]()
    for eqn in jaxpr.eqns:
        if eqn.prim is not add_at_p or not _is_padding(eqn):
            continue
        before = makers.get(eqn.ins[0])
        if before is None or reads[eqn.ins[0]] > 1 or not _is_padding(before):
            continue
        pair = _padded(eqn), _padded(before)
        for plain in (True, False):
            one, other = (_factors(makers.get, v, plain)[0] for v in pair)
            if one is other:
                found.update(before.outs)
    return found


def _is_padding(eqn: Eqn) -> bool:
    """Whether an equation adds most elements of an array at slices without steps."""
    if eqn.prim not in (add_at_p, scatter_add_p) or len(eqn.ins) > 1 + (eqn.prim is add_at_p):
        return False
    out, v = eqn.outs[0].aval, _padded(eqn).aval
    if v.dtype != out.dtype or v.ndim != out.ndim or v.size * 2 < out.size:
        return False
    index = eqn.params["index"]
    if any(type(e) is not slice or (e.step or 1) != 1 for e in index):
        return False
    return v.shape == tuple([len(r) for r in ranges_of(index, out.shape)])


def _padded(eqn: Eqn) -> Atom:
    return eqn.ins[1 if eqn.prim is add_at_p else 0]


def _factors(maker: Any, v: Atom, plain: bool) -> tuple[Atom, Atom | None]:
    """A value as another one times a number, which is a literal if ``plain``."""
    eqn = maker(v)
    if eqn is not None and eqn.prim is neg:
        return eqn.ins[0], Literal(-1)
    if eqn is not None and eqn.prim is mul:
        for x, a in (eqn.ins, eqn.ins[::-1]):
            number = (
                finite(a) if isinstance(a, Literal) else not plain and a.aval.dtype.char in "fd"
            )
            if number and not a.aval.shape and x.aval == v.aval and x.aval.shape:
                return x, a
    return v, None


def _common(build: Builder, run: Sequence[Eqn]) -> list[tuple[Atom, Atom]] | None:
    """The values that are padded as one value times numbers."""
    for plain in (True, False):
        found = [_factors(build.maker, _padded(eqn), plain) for eqn in run]
        if all(v is found[0][0] for v, _ in found):
            return [(v, a or Literal(1)) for v, a in found]
    return None


def _sum_of_slices(build: Builder, eqn: Eqn, heads: set[Var]) -> Sequence[Atom] | None:
    """The last sum of a run, as a sum of slices."""
    if eqn.prim is not add_at_p or eqn.outs[0] in heads:
        return None
    run = [eqn]
    while run[-1].prim is add_at_p and run[-1].ins[0] in heads:
        inner = build.maker(run[-1].ins[0])
        if inner is None:
            return None
        run.append(inner)
    run.reverse()
    factors = _common(build, run) if len(run) > 1 else None
    if factors is None:
        return None
    total = run[0].ins[0] if run[0].prim is add_at_p else None
    shape = eqn.outs[0].aval.shape
    v = factors[0][0]
    starts = [[r.start for r in ranges_of(e.params["index"], shape)] for e in run]
    low, high = ([f(s) for s in zip(*starts, strict=True)] for f in (min, max))
    whole = tuple([n + b - a for n, a, b in zip(shape, low, high, strict=True)])
    if math.prod(whole) > 2 * math.prod(shape):
        return None
    at = Index(slice(b, b + n) for b, n in zip(high, v.aval.shape, strict=True))
    z = build(scatter_add_p, v, shape=whole, index=at)
    parts = []
    for (_, factor), start in zip(factors, starts, strict=True):
        places = zip(high, start, shape, strict=True)
        index = Index(slice(b - s, b - s + n) for b, s, n in places)
        parts.append((build(getitem_p, z, index=index), factor))
    weights = [factor for _, factor in parts]
    if all(isinstance(a, Literal) for a in weights):
        return (_weighted_sum(build, total, parts),)
    y = _weighted_sum(build, None, parts)
    y = build(unpadded_p, y, v, *weights, starts=tuple(map(tuple, starts)))
    return (y if total is None else build(add, total, y),)


def _weighted_sum(build: Builder, total: Atom | None, parts: Sequence[tuple[Atom, Atom]]) -> Atom:
    """total + the sum of weights times parts; parts of one weight are added first."""
    for weight, equal in itertools.groupby(parts, key=lambda part: _number(part[1])):
        part = functools.reduce(lambda x, y: build(add, x, y), (x for x, _ in equal))
        if total is not None and weight == -1:
            total = build(sub, total, part)
            continue
        part = part if weight == 1 else build(mul, part, weight)
        total = part if total is None else build(add, total, part)
    assert total is not None
    return total


def _number(weight: Atom) -> Any:
    return weight.value if isinstance(weight, Literal) else weight
