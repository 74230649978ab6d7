"""Terms of derivatives that are zero: sums that cancel, as those of a softmax by its maximum.

exp(x - m) / sum(exp(x - m)) does not depend on m. Its derivative by m is a sum along an axis that
cancels only as algebra. ``Sums`` writes an expression as a polynomial in values and in sums of
products. Factors that do not vary along the axes are taken out of the sums: then the terms cancel.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from ..core.avals import Shape
from ..core.jaxpr import Atom, Eqn, Literal
from ..ops.bits import keep
from ..ops.contract import matmul, vecdot_p
from ..ops.elementwise import add, div, mul, neg, quotient, sub, where
from ..ops.structure import broadcast_p, reshape_p, sum_p
from .rewrite import Builder

Layout: TypeAlias = tuple[int | None, ...]  # the axis of each dimension, None for a length of 1
Monomial: TypeAlias = frozenset[tuple[Any, int]]  # values, or sums of them, and their exponents
Polynomial: TypeAlias = dict[Monomial, float]

_ONE: Monomial = frozenset()
_TERMS, _DEPTH = 16, 8  # of a polynomial, of the equations between values along the axes
_EXACT = 1e-9  # of the coefficients, which are rounded


def without_shift(build: Builder, eqn: Eqn) -> Atom | None:
    """a + d + where(x = max x, E, 0) = a + d if E = c - sum d is 0, as in the slope of softmax.

    Where E is not finite because of one element, the sums and maxima that make E zero are not
    finite either, and so are all elements of d that they scale.
    """
    out = eqn.outs[0].aval
    if out.dtype.kind != "f":
        return None
    for d, term in (eqn.ins, eqn.ins[::-1]):
        chosen = None if d.aval != out else _chosen(build.maker(term))
        if chosen is None:
            continue
        sums = Sums(build, out.shape, ())
        atom, layout = _shared(sums, chosen, sums.aligned(chosen.aval.shape))
        terms = [_unsigned(build, x) for x in _terms(build, d)]
        for total in filter(_is_sum, map(build.maker, _terms(build, atom))):
            sums = Sums(build, out.shape, total.params["axes"])
            known = any(_unsigned(build, total.ins[0]) is x for x in terms)
            if known and not sums.polynomial(atom, layout):
                return d
    return None


def _chosen(made: Eqn | None) -> Atom | None:
    """x in where(c, x, 0)."""
    if made is None or made.prim not in (keep, where):
        return None
    if made.prim is keep:
        return made.ins[0]
    return made.ins[1] if is_zero(made.ins[2]) else None


def is_zero(x: Atom) -> bool:
    """Whether an atom is the literal 0."""
    return isinstance(x, Literal) and not np.shape(x.value) and bool(x.value == 0)


def _shared(sums: "Sums", atom: Atom, layout: Layout) -> tuple[Atom, Layout]:
    """What the elements that equal an extremum share: E in where(ties = 0, nan, E / ties)."""
    while (eqn := sums.build.maker(atom)) is not None:
        if eqn.prim in (reshape_p, broadcast_p):
            layout = sums.before(eqn, layout)
        elif eqn.prim is where and isinstance(eqn.ins[1], Literal) and np.isnan(eqn.ins[1].value):
            layout = sums.within(eqn, 2, layout)
            atom = eqn.ins[2]
            continue
        elif eqn.prim is div and eqn.ins[0].aval == eqn.outs[0].aval:
            pass
        else:
            break
        atom = eqn.ins[0]
    return atom, layout


def _terms(build: Builder, atom: Atom) -> Iterator[Atom]:
    """An atom, and the terms of which it is the sum."""
    stack = [atom]
    while stack:
        yield (atom := stack.pop())
        eqn = build.maker(atom)
        if eqn is not None and eqn.prim in (add, sub, neg, reshape_p, broadcast_p):
            stack += eqn.ins


def _is_sum(eqn: Eqn | None) -> TypeGuard[Eqn]:
    return eqn is not None and eqn.prim is sum_p


def _unsigned(build: Builder, x: Atom) -> Atom:
    made = build.maker(x)
    return x if made is None or made.prim is not neg else made.ins[0]


class Sums:
    """Polynomials of expressions, with sums along axes.

    Args:
        build: the program.
        shape: of the arrays whose axes count; others are broadcast to it.
        axes: the axes of the sums.
    """

    LINEAR = frozenset({add, sub, mul, div, quotient, neg})

    def __init__(self, build: Builder, shape: Shape, axes: Sequence[int]) -> None:
        self.build, self.shape = build, shape
        self.axes = frozenset(axes)
        self.known: dict[Any, Polynomial] = {}  # a value is the same polynomial wherever it stands

    def aligned(self, shape: Shape) -> Layout:
        """The layout of an operand that NumPy broadcasts."""
        lead = len(self.shape) - len(shape)
        return tuple([None if n == 1 else lead + d for d, n in enumerate(shape)])

    def within(self, eqn: Eqn, i: int, layout: Layout) -> Layout:
        """The layout of an operand of an elementwise operation whose output has ``layout``."""
        shape = eqn.ins[i].aval.shape
        own = layout[len(layout) - len(shape) :]
        return tuple([None if n == 1 else axis for n, axis in zip(shape, own, strict=True)])

    def before(self, eqn: Eqn, layout: Layout) -> Layout:
        """The layout of the operand of a reshape or broadcast whose output has ``layout``.

        Raises:
            ValueError: if it does more than add and drop axes of length 1, and repeat.
        """
        shape, out = eqn.ins[0].aval.shape, eqn.outs[0].aval.shape
        if eqn.prim is broadcast_p:
            kept = [axis for d, axis in enumerate(layout) if d not in eqn.params["axes"]]
            return tuple([None if n == 1 else d for n, d in zip(shape, kept, strict=True)])
        if [n for n in shape if n != 1] != [n for n in out if n != 1]:
            raise ValueError("axes are joined or split")
        rest = iter([axis for axis, n in zip(layout, out, strict=True) if n != 1])
        return tuple([None if n == 1 else next(rest) for n in shape])

    def polynomial(self, atom: Atom, layout: Layout, depth: int = _DEPTH) -> Polynomial:
        """An expression as a polynomial, without the terms that cancel.

        Raises:
            ValueError: if it has too many terms.
        """
        if isinstance(atom, Literal):
            return _nonzero({_ONE: float(atom.value)})  # TypeError for arrays and complex numbers
        key = atom, layout
        if key not in self.known:
            depth = _DEPTH if self.axes.isdisjoint(layout) else depth - 1
            eqn = self.build.maker(atom)
            found = None if eqn is None or not depth else self._expanded(eqn, layout, depth)
            self.known[key] = {frozenset([(key, 1)]): 1.0} if found is None else _nonzero(found)
        return self.known[key]

    def _expanded(self, eqn: Eqn, layout: Layout, depth: int) -> Polynomial | None:
        prim = eqn.prim
        if prim in self.LINEAR:
            terms = [
                self.polynomial(x, self.within(eqn, i, layout), depth)
                for i, x in enumerate(eqn.ins)
            ]
            if prim is neg:
                return _product(terms[0], {_ONE: -1.0})
            if prim in (add, sub):
                sign = -1.0 if prim is sub else 1.0
                return _sum([terms[0], _product(terms[1], {_ONE: sign})])
            if prim is mul:
                return _product(*terms)
            return None if len(terms[1]) != 1 else _product(terms[0], _inverse(terms[1]))
        if prim in (reshape_p, broadcast_p):
            return self.polynomial(eqn.ins[0], self.before(eqn, layout), depth)
        if prim is sum_p and eqn.ins[0].aval.dtype == eqn.outs[0].aval.dtype:
            return self._total(eqn, layout, depth)
        if prim is vecdot_p or (prim is matmul and eqn.outs[0].aval.ndim == 1):
            return self._contraction(eqn, layout, depth)
        return None

    def _contraction(self, eqn: Eqn, layout: Layout, depth: int) -> Polynomial | None:
        """The polynomial of a sum of products along one axis, the last but for v A."""
        if len(self.axes) != 1:
            return None
        (axis,), (x, y) = self.axes, eqn.ins
        first = x.aval.ndim < y.aval.ndim  # v A: the sum is along the first axis of A
        full = (axis, *layout) if first else (*layout, axis)
        if x.aval.shape[-1] != self.shape[axis]:
            return None
        own = [full if a.aval.ndim > 1 or not layout else (axis,) for a in (x, y)]
        return self.total(_product(*map(self.polynomial, (x, y), own, [depth, depth])))

    def _total(self, eqn: Eqn, layout: Layout, depth: int) -> Polynomial | None:
        """The polynomial of a sum along the axes, None for one along others."""
        (x,), summed = eqn.ins, eqn.params["axes"]
        rest, along = iter(layout), iter(sorted(self.axes))
        axes = [next(along, None) if d in summed else next(rest) for d in range(x.aval.ndim)]
        if {axes[d] for d in summed} != self.axes:
            return None
        if any(x.aval.shape[d] != self.shape[axes[d] or 0] for d in summed):
            return None
        return self.total(self.polynomial(x, tuple(axes), depth))

    def total(self, terms: Polynomial) -> Polynomial:
        """The sum along the axes, from which factors that do not vary are taken out."""
        found: list[Polynomial] = []
        for monomial, number in terms.items():
            varying = frozenset([factor for factor in monomial if self._varies(factor[0])])
            if varying:
                outside = dict(monomial - varying)
                within = ("sum", varying)
                outside[within] = outside.get(within, 0) + 1
                found.append({frozenset([f for f in outside.items() if f[1]]): number})
            else:
                count = int(np.prod([self.shape[d] for d in self.axes]))
                found.append({monomial: number * count})
        return _nonzero(_sum(found))

    def _varies(self, value: Any) -> bool:
        return value[0] != "sum" and not self.axes.isdisjoint(value[1])


def _nonzero(terms: Polynomial) -> Polynomial:
    return {monomial: x for monomial, x in terms.items() if x}


def _sum(polynomials: Sequence[Polynomial]) -> Polynomial:
    """The sum of polynomials; coefficients that cancel up to rounding are zero."""
    parts: dict[Monomial, list[float]] = {}
    for terms in polynomials:
        for monomial, x in terms.items():
            parts.setdefault(monomial, []).append(x)
    if len(parts) > _TERMS:
        raise ValueError("too many terms")
    totals = {monomial: (sum(xs), max(map(abs, xs))) for monomial, xs in parts.items()}
    return {m: 0.0 if abs(x) <= _EXACT * largest else x for m, (x, largest) in totals.items()}


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    return _sum([{_times(m, n): x * y} for m, x in a.items() for n, y in b.items()])


def _times(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for value, power in b:
        powers[value] = powers.get(value, 0) + power
    return frozenset([factor for factor in powers.items() if factor[1]])


def _inverse(terms: Mapping[Monomial, float]) -> Polynomial:
    ((monomial, x),) = terms.items()
    return {frozenset([(value, -power) for value, power in monomial]): 1 / x}
