"""Rules for gradients of arrays that are normalized by their sum, as by softmax."""

from collections.abc import Sequence
from typing import Any

from ..core.avals import Shape
from ..core.jaxpr import Atom, Eqn
from ..ops.contract import vecdot_p
from ..ops.elementwise import add, div, mul, neg, quotient, sub
from ..ops.structure import broadcast_p, reshape_p, sum_p
from .rewrite import Builder
from .zero_sums import Layout, Sums, is_zero

_RATIOS = (div, quotient)


def gradient_of_normalized(build: Builder, eqn: Eqn) -> Atom | None:
    """(g / S - sum(g p / S)) u = p (g - sum(g p)) where p = u / S is known: two divisions less."""
    for inner, u in (eqn.ins, eqn.ins[::-1]):
        made = build.maker(inner)
        if made is None or made.prim not in (add, sub) or u.aval != eqn.outs[0].aval:
            continue
        sign, pairs = (1, (made.ins,)) if made.prim is sub else (-1, (made.ins, made.ins[::-1]))
        for ratio, rest in pairs:
            found = _slope(Sums(build, u.aval.shape, ()), ratio, rest, sign, u)
            if found is not None:
                return found
    return None


def _slope(sums: Sums, ratio: Atom, rest: Atom, sign: int, u: Atom) -> Atom | None:
    """p (g - sum(g p)) if ``ratio`` is g / S and ``rest`` sum(g p) / S, but for its sign."""
    build, first = sums.build, sums.build.maker(ratio)
    found = _sum_over(sums, rest, sign)
    if first is None or first.prim not in _RATIOS or found is None:
        return None
    (g, s), (factors, along, divisor) = first.ins, found
    if g not in factors or divisor != _value(sums, s, sums.aligned(s.aval.shape)):
        return None
    p = factors[1] if factors[0] is g else factors[0]
    by = build.maker(p)
    if by is None or by.prim not in _RATIOS or by.ins[0] is not u or g.aval.dtype != p.aval.dtype:
        return None
    if divisor != _value(sums, by.ins[1], sums.aligned(by.ins[1].aval.shape)):
        return None
    return build(mul, p, build(sub, g, along()))


def _sum_over(sums: Sums, x: Atom, wanted: int) -> Any:
    """Of sum(a b) / S: (a, b), what builds sum(a b) with axes of length 1, and the value of S.

    None if ``x``, broadcast to the shape of the arrays, is none, or has another sign.
    """
    build, sign, layout = sums.build, 1, sums.aligned(x.aval.shape)
    divisor: Any = None
    while (made := build.maker(x)) is not None:
        x = made.ins[-1]
        if made.prim in (reshape_p, broadcast_p):
            layout = sums.before(made, layout)
        elif made.prim is neg or (made.prim is sub and is_zero(made.ins[0])):
            sign = -sign
        elif made.prim in _RATIOS and divisor is None:
            divisor = _value(sums, x, sums.within(made, 1, layout))
            x, layout = made.ins[0], sums.within(made, 0, layout)
        else:
            break
    if made is None or made.prim not in (sum_p, vecdot_p) or sign != wanted:
        return None
    rank = len(sums.shape)
    axes = made.params["axes"] if made.prim is sum_p else (rank - 1,)
    if made.ins[0].aval.shape != sums.shape or layout != _left(sums.shape, axes):
        return None
    kept = tuple([1 if d in axes else n for d, n in enumerate(sums.shape)])
    if made.prim is vecdot_p:
        return made.ins, lambda: build(reshape_p, made.outs[0], shape=kept), divisor
    product = build.maker(made.ins[0])
    if divisor is None and product is not None and product.prim in _RATIOS:
        s = product.ins[1]
        divisor, inner = _value(sums, s, sums.aligned(s.aval.shape)), product.ins[0]
        if set(axes) & set(divisor[1]):
            return None
        product = build.maker(inner)
    if divisor is None or product is None or product.prim is not mul:
        return None
    total = lambda: build(sum_p, product.outs[0], axes=axes)
    return product.ins, lambda: build(reshape_p, total(), shape=kept), divisor


def _left(shape: Shape, axes: Sequence[int]) -> Layout:
    """The layout of a sum along axes."""
    return tuple([None if n == 1 else d for d, n in enumerate(shape) if d not in axes])


def _value(sums: Sums, x: Atom, layout: Layout) -> tuple[Atom, Layout]:
    """An operand without its reshapes, and the axes along which it lies."""
    while (made := sums.build.maker(x)) is not None and made.prim is reshape_p:
        layout, x = sums.before(made, layout), made.ins[0]
    return x, tuple([axis for axis in layout if axis is not None])
