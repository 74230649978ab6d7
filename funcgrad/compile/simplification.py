"""Algebraic simplification: the identities of ``algebra.py``, and rules beyond patterns.

A rule takes a builder and an equation with simplified operands, and returns an atom that replaces
its output, or None. ``Builder.replaces`` compares the avals of both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, broadcast_shapes
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal
from ..ops.assign import add_at_p, set_at_p
from ..ops.bits import blend, keep
from ..ops.contract import matmul
from ..ops.elementwise import add, div, mul, neg, quotient, square, sub, where
from ..ops.families import Elementwise
from ..ops.index import getitem_p, scatter_add_p
from ..ops.reduce import max_p, min_p
from ..ops.structure import (
    broadcast_p,
    convert_p,
    reshape_p,
    sum_p,
    transpose_p,
    truncate_p,
)
from .algebra import BY_PRIM, SAME, applied, finite, folded
from .index_rules import reshaped, same_place, to_joined, to_part, to_parts, to_whole
from .product_rules import (
    large_sum_of_product,
    product_of_scaled,
    product_of_transposed,
    scaled_product,
    stack_of_vectors,
    sum_of_product,
    sum_of_products,
    sum_of_squares,
)
from .rewrite import Builder, rewritten
from .shared_sums import sum_of_multiples, zero_sum
from .softmax_rules import gradient_of_normalized
from .sum_rules import (
    cast_of_count,
    is_moderate,
    reduction_of_transposed,
    sum_of_one,
    sum_of_repeated,
    sum_of_scaled,
    sum_of_sum,
)
from .zero_sums import without_shift


def simplify(jaxpr: Jaxpr) -> Jaxpr:
    """Apply the table of identities and the rules below to each equation."""
    return rewritten(jaxpr, _step)


def _step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    rules = rules_of(eqn, build.makers) if len(eqn.outs) == 1 else ()
    atom = _simpler(build, eqn, rules) if rules else None
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


def _simpler(build: Builder, eqn: Eqn, rules: Sequence[tuple[Any, ...]]) -> Atom | None:
    """The replacement by the first rule that applies."""
    for rule, *terms in rules:
        found = build.by_rule(eqn, rule, eqn, *terms)
        if found is not None:
            return found
    return None


def rules_of(eqn: Eqn, makers: Mapping[Atom, Eqn]) -> list[tuple[Any, ...]]:
    """The rules that may apply to an equation, each with its terms: those whose needs are met."""
    found = WITH_NEEDS.get(eqn.prim, OF_ELEMENTWISE if isinstance(eqn.prim, Elementwise) else None)
    if found is None:
        return []
    rows, asked = found
    ins = eqn.ins
    made: list[Any] = [makers[a].prim if a in makers else type(a) for a in ins]
    if len(ins) == 2 and ins[0] is ins[1]:
        made.append(SAME)
    if asked and asked.isdisjoint(made):
        return []  # most often
    if Literal in made:
        made += [a.value for a in ins if isinstance(a, Literal)]
    given = set(made)
    return [row for needs, row in rows if needs <= given]


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
    if not out.size:  # NumPy computes nothing, and f of the operand might warn
        return None
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


def _scaled_factor(build: Builder, eqn: Eqn) -> Atom | None:
    """(x y) a = (x a) y for a literal a and an x with fewer elements."""
    for inner, a in (eqn.ins, eqn.ins[::-1]):
        made = build.maker(inner)
        if made is None or made.prim is not mul or not isinstance(a, Literal) or not finite(a):
            continue
        if not build.read_once(inner):
            return None
        small, large = sorted(made.ins, key=lambda x: x.aval.size)
        out = eqn.outs[0].aval
        if isinstance(small, Literal) or not is_moderate(a) or small.aval.size == large.aval.size:
            return None
        if out.dtype.kind != "f" or {x.aval.dtype for x in made.ins} != {out.dtype}:
            return None
        return build(mul, build(mul, small, a), large)
    return None


def _negated(build: Builder, eqn: Eqn) -> Atom | None:
    """(-x) y = -(x y) and (-x) / y = -(x / y): two signs in a chain of factors cancel."""
    out = eqn.outs[0].aval
    for i, a in enumerate(eqn.ins if eqn.prim is mul else eqn.ins[:1]):
        made = build.maker(a)
        if made is None or made.prim is not neg or a.aval != out or out.dtype.kind != "f":
            continue
        if build.read_once(a) and eqn.ins[1 - i].aval.dtype == out.dtype:
            ins = (*eqn.ins[:i], made.ins[0], *eqn.ins[i + 1 :])
            return build(neg, build(eqn.prim, *ins))
    return None


def _reshaped_later(build: Builder, eqn: Eqn) -> Atom | None:
    """f(reshape(x), reshape(y)) = reshape(f(x, y)) for x and y of one shape."""
    makers = [build.maker(a) for a in eqn.ins if a.aval.shape]
    sources = [m.ins[0] for m in makers if m is not None and m.prim is reshape_p]
    shape = eqn.outs[0].aval.shape
    if len(sources) < len(makers) or len({x.aval.shape for x in sources}) != 1:
        return None
    if not sources[0].aval.shape or any(a.aval.shape not in ((), shape) for a in eqn.ins):
        return None
    rest = iter(sources)
    ins = [next(rest) if a.aval.shape else a for a in eqn.ins]
    return build(reshape_p, build(eqn.prim, *ins, **eqn.params), shape=shape)


def _without_ones(build: Builder, eqn: Eqn) -> Atom | None:
    """Drop leading axes of length 1 from an operand: NumPy adds them."""
    ins = list(eqn.ins)
    for i, a in enumerate(ins):
        made = build.maker(a)
        if made is None or made.prim is not reshape_p or not made.ins[0].aval.shape:
            continue
        source = made.ins[0].aval.shape
        lead = len(a.aval.shape) - len(source)
        if lead > 0 and a.aval.shape == (*[1] * lead, *source):
            ins[i] = made.ins[0]
    changed = ins != list(eqn.ins)
    return build(eqn.prim, *ins, **eqn.params) if changed else None


ELEMENTWISE: tuple[Any, ...] = (_reshaped_later, _without_ones, _unrepeated)
# fmt: off
RULES: dict[Any, tuple[Any, ...]] = {
    add:         (to_whole, to_part, to_parts, without_shift, *ELEMENTWISE),
    mul:         (_scaled_factor, scaled_product, gradient_of_normalized, _negated, *ELEMENTWISE),
    div:         (_division, scaled_product, _negated, *ELEMENTWISE),
    quotient:    (_by_number, _negated),
    reshape_p:   (_no_op, _still_repeated, _twice),
    transpose_p: (_no_op, _still_repeated, _twice, _moves_ones),
    convert_p:   (_no_op, _cast_number, cast_of_count),
    truncate_p:  (_no_op,),
    broadcast_p: (_no_op, _still_repeated),
    sum_p:       (sum_of_one, sum_of_repeated, zero_sum, sum_of_multiples, sum_of_products,
                  sum_of_product, sum_of_squares, large_sum_of_product, sum_of_scaled, sum_of_sum,
                  reduction_of_transposed),
    matmul:      (product_of_transposed, product_of_scaled, stack_of_vectors),
    max_p:       (reduction_of_transposed,),
    min_p:       (reduction_of_transposed,),
    getitem_p:   (reshaped,),
    scatter_add_p: (reshaped,),
    add_at_p:    (same_place,),
    set_at_p:    (to_joined,),
    keep:        (),  # bits of full arrays
    blend:       (_same_choice,),
    where:       (_same_choice, *ELEMENTWISE),
}
NEEDS: dict[Any, Any] = {  # the primitive that must have made an operand, or one, or Literal
    without_shift: (keep, where),
    same_place: scatter_add_p, to_whole: scatter_add_p, to_part: scatter_add_p, to_parts: add_at_p,
    _division: Literal, scaled_product: matmul, product_of_scaled: (mul, div),
    gradient_of_normalized: (add, sub),
    _by_number: Literal, sum_of_multiples: (mul, div, quotient), zero_sum: (sub, mul, div, add),
    _scaled_factor: Literal, _negated: neg,
    _reshaped_later: reshape_p, _without_ones: reshape_p,
    _unrepeated: broadcast_p, _still_repeated: broadcast_p, _cast_number: broadcast_p,
    sum_of_repeated: broadcast_p, sum_of_products: matmul, sum_of_sum: sum_p,
    sum_of_product: mul, sum_of_squares: square, large_sum_of_product: (mul, square, reshape_p),
    reduction_of_transposed: transpose_p, cast_of_count: sum_p,
}
# fmt: on


def _rows(table: Any, rules: Any) -> tuple[list[tuple[frozenset[Any], Any]], frozenset[Any]]:
    """The rules of a primitive with their needs; all needs, none if a rule has none."""
    rows: list[tuple[frozenset[Any], Any]] = [(n, (applied, *terms)) for n, *terms in table]
    for rule in rules:
        given = NEEDS.get(rule)
        choices = given if isinstance(given, tuple) else (given,)
        rows += [(frozenset() if p is None else frozenset([p]), (rule,)) for p in choices]
    asked = frozenset().union(*(needs for needs, _ in rows))
    return rows, asked if all(needs for needs, _ in rows) else frozenset()


OF_ELEMENTWISE = _rows((), ELEMENTWISE)
WITH_NEEDS = {
    p: _rows(BY_PRIM.get(p, ()), RULES.get(p, ELEMENTWISE if isinstance(p, Elementwise) else ()))
    for p in {*BY_PRIM, *RULES}
}
