"""Rules for gradients of what is normalized by its sum, as by softmax."""

from collections.abc import Sequence

from ..core.avals import Shape
from ..core.jaxpr import Atom, Eqn, Literal
from ..ops.elementwise import add, div, mul, neg, quotient, sub
from ..ops.structure import broadcast_p, reshape_p, sum_p
from .rewrite import Builder
from .zero_sums import Layout, Sums

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
    """p (g - sum(g p)) if ``ratio`` is g / S and ``rest`` sum(g p / S), but for its sign."""
    build = sums.build
    first, total = build.maker(ratio), _signed_sum(sums, rest, sign)
    if first is None or first.prim not in _RATIOS or total is None:
        return None
    (g, s), scaled, axes = first.ins, build.maker(total.ins[0]), total.params["axes"]
    if scaled is None or scaled.prim not in _RATIOS or not _same(sums, scaled.ins[1], s):
        return None
    p = _normalized(sums, scaled.ins[0], g, u, s)
    if p is None or g.aval.dtype != p.aval.dtype or set(axes) & set(sums.aligned(s.aval.shape)):
        return None
    kept = tuple([1 if d in axes else n for d, n in enumerate(u.aval.shape)])
    along = build(reshape_p, build(sum_p, scaled.ins[0], axes=axes), shape=kept)
    return build(mul, p, build(sub, g, along))


def _signed_sum(sums: Sums, x: Atom, wanted: int) -> Eqn | None:
    """The sum along axes of an array that ``x``, broadcast to its shape, is, but for the sign."""
    sign, layout = 1, sums.aligned(x.aval.shape)
    while (made := sums.build.maker(x)) is not None:
        (*_, x) = made.ins
        if made.prim in (reshape_p, broadcast_p):
            layout = sums.before(made, layout)
        elif made.prim is neg or (made.prim is sub and _is_zero(made.ins[0])):
            sign = -sign
        else:
            same = made.prim is sum_p and x.aval.shape == sums.shape and sign == wanted
            return made if same and layout == _left(sums.shape, made.params["axes"]) else None
    return None


def _left(shape: Shape, axes: Sequence[int]) -> Layout:
    """The layout of a sum along axes."""
    return tuple([None if n == 1 else d for d, n in enumerate(shape) if d not in axes])


def _is_zero(x: Atom) -> bool:
    return isinstance(x, Literal) and x.value == 0


def _normalized(sums: Sums, product: Atom, g: Atom, u: Atom, s: Atom) -> Atom | None:
    """p if ``product`` is g p and p is u / s."""
    made = sums.build.maker(product)
    if made is None or made.prim is not mul or g not in made.ins:
        return None
    p = made.ins[1] if made.ins[0] is g else made.ins[0]
    by = sums.build.maker(p)
    if by is None or by.prim not in _RATIOS or by.ins[0] is not u:
        return None
    return p if _same(sums, by.ins[1], s) else None


def _same(sums: Sums, x: Atom, y: Atom) -> bool:
    """Whether operands are one value, and broadcast along the same axes."""
    return x is y or _value(sums, x) == _value(sums, y)


def _value(sums: Sums, x: Atom) -> tuple[Atom, Layout]:
    layout = sums.aligned(x.aval.shape)
    while (made := sums.build.maker(x)) is not None and made.prim is reshape_p:
        layout, x = sums.before(made, layout), made.ins[0]
    return x, tuple([axis for axis in layout if axis is not None])
