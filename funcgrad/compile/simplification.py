"""Algebraic simplification: the identities of ``algebra.py``, and rules beyond patterns.

A rule takes a builder and an equation with simplified operands, and returns an atom that replaces
its output, or None. ``Builder.replaces`` compares the avals of both.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, broadcast_shapes
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal
from ..ops.assign import add_at_p, set_at_p
from ..ops.bits import blend, keep
from ..ops.elementwise import add, div, mul, quotient, where
from ..ops.families import Elementwise
from ..ops.index import scatter_add_p
from ..ops.structure import (
    broadcast_p,
    convert_p,
    reshape_p,
    sum_p,
    transpose_p,
    truncate_p,
)
from .algebra import BY_PRIM, SAME, applied, finite, folded
from .rewrite import Builder, rewritten


def simplify(jaxpr: Jaxpr) -> Jaxpr:
    """Apply the table of identities and the rules below to each equation."""
    return rewritten(jaxpr, _step)


def _step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    if len(eqn.outs) != 1:
        return None
    atom = _simpler(build, eqn)
    if atom is None:
        return None
    made = build.maker(atom)
    if made is not None and build.eqns and made is build.eqns[-1]:
        build.eqns.pop()  # the new equation may be simplified further
        again = _step(build, made)
        if again is not None:
            return again
        build.add(made)
    return (atom,)


def _simpler(build: Builder, eqn: Eqn) -> Atom | None:
    """The replacement by the first rule that applies, of those whose needs are met."""
    for rule, *terms in rules_of(eqn, build.makers):
        found = build.by_rule(eqn, rule, eqn, *terms)
        if found is not None:
            return found
    return None


def rules_of(eqn: Eqn, makers: Mapping[Atom, Eqn]) -> list[tuple[Any, ...]]:
    """The rules that may apply to an equation, each with its terms: those whose needs are met."""
    made: set[Any] = {makers[a].prim if a in makers else type(a) for a in eqn.ins}
    if len(set(eqn.ins)) < len(eqn.ins):
        made.add(SAME)
    rows = BY_PRIM.get(eqn.prim, ())
    default = ELEMENTWISE if isinstance(eqn.prim, Elementwise) else ()
    rules = [r for r in RULES.get(eqn.prim, default) if r not in NEEDS or NEEDS[r] in made]
    found: list[tuple[Any, ...]] = [(applied, *terms) for needs, *terms in rows if needs <= made]
    return [*found, *((rule,) for rule in rules)]


# rules beyond patterns


def _division(build: Builder, eqn: Eqn) -> Atom | None:
    """x / a = x (1 / a) for a power of two; for other a, floor(x / a) may differ."""
    (x, a), dtype = eqn.ins, eqn.outs[0].aval.dtype
    if not isinstance(a, Literal) or not finite(a) or x.aval.dtype != dtype or not x.aval.shape:
        return None
    if dtype.kind != "f" or isinstance(a.value, complex) or abs(np.frexp(a.value)[0]) != 0.5:
        return None
    inverse = folded(lambda number: dtype.type(1) / number, dtype, a.value)
    return build(mul, x, inverse)


def _by_number(build: Builder, eqn: Eqn) -> Atom | None:
    """quotient(t, a) = t / a for a literal a other than 0."""
    (t, a) = eqn.ins
    if not isinstance(a, Literal) or not finite(a) or not a.value:
        return None
    return build(div, t, a)


def _same_choice(build: Builder, eqn: Eqn) -> Atom | None:
    """where(c, x, x) = x."""
    return eqn.ins[1] if eqn.ins[1] is eqn.ins[2] else None


def _no_op(build: Builder, eqn: Eqn) -> Atom | None:
    """A reshape, cast, transpose or broadcast to the same aval is the identity."""
    (x,), (out,) = eqn.ins, eqn.outs
    if x.aval != out.aval:
        return None
    moves = eqn.prim is transpose_p and list(eqn.params["perm"]) != sorted(eqn.params["perm"])
    return None if moves else x


def _twice(build: Builder, eqn: Eqn) -> Atom | None:
    """Two reshapes are the second one; two transposes are their composition."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not eqn.prim:
        return None
    x = inner.ins[0]
    if eqn.prim is reshape_p:
        return build(reshape_p, x, shape=eqn.params["shape"])
    first, second = inner.params["perm"], eqn.params["perm"]
    perm = tuple(first[d] for d in second)
    if list(perm) == sorted(perm):
        return x
    return build(transpose_p, x, perm=perm)


def _moves_ones(build: Builder, eqn: Eqn) -> Atom | None:
    """A transpose that moves only axes of length 1 is a reshape."""
    x, perm = eqn.ins[0], eqn.params["perm"]
    moved = [d for d in perm if x.aval.shape[d] != 1]
    if moved != sorted(moved) or list(perm) == sorted(perm):
        return None
    return build(reshape_p, x, shape=eqn.outs[0].aval.shape)


def _cast_number(build: Builder, eqn: Eqn) -> Atom | None:
    """cast(broadcast(scalar)) = broadcast(cast(scalar))."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not broadcast_p or inner.ins[0].aval.shape:
        return None
    number = build(eqn.prim, inner.ins[0], dtype=eqn.params["dtype"])
    return build(broadcast_p, number, **inner.params)


def _still_repeated(build: Builder, eqn: Eqn) -> Atom | None:
    """A reshape, transpose or broadcast of a broadcast scalar is a broadcast of it."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not broadcast_p or inner.ins[0].aval.shape:
        return None
    shape = eqn.outs[0].aval.shape
    if not shape:
        return inner.ins[0]
    return build(broadcast_p, inner.ins[0], shape=shape, axes=tuple(range(len(shape))))


def _sum_of_one(build: Builder, eqn: Eqn) -> Atom | None:
    """A sum of one element is x + 0: NumPy's sum of -0.0 is 0.0."""
    (x,), (out,) = eqn.ins, eqn.outs
    if x.aval != out.aval:
        return None
    return build(add, x, 0.0) if out.aval.dtype.kind in "fc" else x


def _sum_of_repeated(build: Builder, eqn: Eqn) -> Atom | None:
    """A sum over broadcast axes is the value times their length."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not broadcast_p or eqn.outs[0].aval.dtype.kind != "f":
        return None  # an infinite complex number times a count is nan
    axes, new = set(eqn.params["axes"]), inner.params["axes"]
    if not axes <= set(new):
        return None
    shape = inner.params["shape"]
    count = math.prod(shape[d] for d in axes)
    if not 0 < count <= 2 ** np.finfo(eqn.outs[0].aval.dtype).nmant:
        return None  # such counts are exact
    rest = tuple(n for d, n in enumerate(shape) if d not in axes)
    left = [d for d in new if d not in axes]
    places = tuple(d - sum(a < d for a in axes) for d in left)
    y = build(add, build(mul, inner.ins[0], count), 0.0)  # no sum is -0.0
    return build(broadcast_p, y, shape=rest, axes=places) if places else y


def _unrepeated(build: Builder, eqn: Eqn) -> Atom | None:
    """Drop the broadcast of an operand where NumPy broadcasts it, or where all are broadcast."""
    makers = [build.maker(a) for a in eqn.ins]
    if not any(m is not None and m.prim is broadcast_p for m in makers):
        return None
    out = eqn.outs[0].aval
    atoms = [_narrow(build, a, m) for a, m in zip(eqn.ins, makers, strict=True)]
    try:
        shape = broadcast_shapes(*(a.aval.shape for a in atoms))
    except ValueError:
        return None
    if shape == out.shape:
        return build(eqn.prim, *atoms, **eqn.params)
    return _computed_once(build, eqn, atoms, out)


def _computed_once(build: Builder, eqn: Eqn, atoms: Sequence[Atom], out: Aval) -> Atom | None:
    """f(broadcast(x)) = broadcast(f(x)) for an elementwise f."""
    y = _strong(build, build(eqn.prim, *atoms, **eqn.params))
    have = y.aval.shape
    lead = len(out.shape) - len(have)
    wide = [d for d, n in enumerate(have) if n != out.shape[lead + d]]
    kept = tuple(n for d, n in enumerate(have) if d not in wide)
    y = build(reshape_p, y, shape=kept) if wide else y
    axes = (*range(lead), *(lead + d for d in wide))
    return build(broadcast_p, y, shape=out.shape, axes=axes)


def _narrow(build: Builder, atom: Atom, maker: Eqn | None) -> Atom:
    """An operand before its broadcast, with axes of length 1 where they are needed."""
    if maker is None or maker.prim is not broadcast_p:
        return atom
    shape, axes = maker.params["shape"], maker.params["axes"]
    x = _strong(build, maker.ins[0])  # a broadcast is not weak
    if tuple(axes) == tuple(range(len(axes))):
        return x  # NumPy adds leading axes
    inner = tuple(1 if d in axes else n for d, n in enumerate(shape))
    lead = next(d for d in range(len(inner) + 1) if d not in axes)
    return build(reshape_p, x, shape=inner[lead:])


def _strong(build: Builder, x: Atom) -> Atom:
    """A Python scalar as the NumPy scalar of its dtype."""
    if not x.aval.weak:
        return x
    if isinstance(x, Literal):
        return Literal(x.aval.dtype.type(x.value))
    return build(convert_p if x.aval.dtype.kind in "fc" else truncate_p, x, dtype=x.aval.dtype)


def _to_part(build: Builder, eqn: Eqn) -> Atom | None:
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
        if arrays or 4 * v.aval.size < out.size:
            return build(add_at_p, x, v, *arrays, index=index)
    return None


def _to_parts(build: Builder, eqn: Eqn) -> Atom | None:
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


ELEMENTWISE: tuple[Any, ...] = (_unrepeated,)
# fmt: off
RULES: dict[Any, tuple[Any, ...]] = {
    add:         (_to_part, _to_parts, _unrepeated),
    div:         (_division, _unrepeated),
    quotient:    (_by_number, _unrepeated),
    reshape_p:   (_no_op, _still_repeated, _twice),
    transpose_p: (_no_op, _still_repeated, _twice, _moves_ones),
    convert_p:   (_no_op, _cast_number),
    truncate_p:  (_no_op,),
    broadcast_p: (_no_op, _still_repeated),
    sum_p:       (_sum_of_one, _sum_of_repeated),
    keep:        (),  # bits of full arrays
    blend:       (_same_choice,),
    where:       (_same_choice, _unrepeated),
}
NEEDS: dict[Any, Any] = {  # the primitive that must have made an operand, or Literal
    _to_part: scatter_add_p, _to_parts: add_at_p, _division: Literal, _by_number: Literal,
    _unrepeated: broadcast_p, _still_repeated: broadcast_p, _cast_number: broadcast_p,
    _sum_of_repeated: broadcast_p,
}
# fmt: on
