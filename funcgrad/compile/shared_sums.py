"""Rules for sums of which parts are known: factors that do not vary, and sums that cancel."""

from ..core.avals import Aval
from ..core.jaxpr import Atom, Eqn, Literal, Var
from ..ops.elementwise import add, div, mul, neg, quotient
from ..ops.structure import reshape_p, sum_p
from .rewrite import Builder
from .zero_sums import Sums

LARGE_SUM = 2048  # elements from which on a sum takes more time than 0 c
_FAR = 400  # equations that are searched for an equal product


def sum_of_multiples(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_i c x_i = c sum_i x_i and sum_i x_i / c = (sum_i x_i) / c for a c without i."""
    (x,), axes, out = eqn.ins, eqn.params["axes"], eqn.outs[0].aval
    made = build.maker(x)
    if made is None or out.dtype.char not in "fd" or x.aval.dtype != out.dtype:
        return None  # float16 would overflow early
    sums = Sums(build, x.aval.shape, axes)
    if made.prim in (div, quotient):
        total, c = made.ins
        fits = _is_fixed(sums, c) and total.aval == x.aval and build.read_once(x)
        return _scaled(sums, made.prim, total, c) if fits else None
    for a, c in (made.ins, made.ins[::-1]) if made.prim is mul else ():
        if _is_fixed(sums, c):
            fits = a.aval == x.aval and build.read_once(x)
            return _scaled(sums, mul, a, c) if fits else None
        inner = build.maker(c)
        for b, factor in (inner.ins, inner.ins[::-1]) if inner and inner.prim is mul else ():
            if _is_fixed(sums, factor) and (known := _product(build, a, b, x)) is not None:
                return _scaled(sums, mul, known, factor)
    return None


def _is_fixed(sums: Sums, c: Atom) -> bool:
    """Whether a value of one sum at least is the same for all its terms."""
    return isinstance(c, Var) and sums.axes.isdisjoint(sums.aligned(c.aval.shape))


def _scaled(sums: Sums, prim: object, x: Atom, c: Atom) -> Atom:
    """The sums of ``x``, times or over ``c``."""
    total = sums.build(sum_p, x, axes=tuple(sorted(sums.axes)))
    return sums.build(prim, total, _without_axes(sums, c))


def _without_axes(sums: Sums, c: Atom) -> Atom:
    """A value that is fixed along the axes of the sums, without these axes."""
    lead = len(sums.shape) - c.aval.ndim
    shape = [n for d, n in enumerate(c.aval.shape, lead) if d not in sums.axes]
    return sums.build(reshape_p, c, shape=tuple(shape))


def _product(build: Builder, a: Atom, b: Atom, like: Atom) -> Atom | None:
    """The product of two values, if the program computes it already."""
    for eqn in reversed(build.eqns[-_FAR:]):
        if eqn.prim is mul and {*eqn.ins} == {a, b} and eqn.outs[0].aval == like.aval:
            return eqn.outs[0]
    return None


def zero_sum(build: Builder, eqn: Eqn) -> Atom | None:
    """A sum in a derivative that cancels, as that of x - mean(x), is 0 c for its fixed values c.

    0 c is not finite where the mean, say, is not. The sum may be one of two terms.
    """
    (x,), out, axes = eqn.ins, eqn.outs[0].aval, eqn.params["axes"]
    if not eqn.is_derivative or out.dtype.kind != "f" or x.aval.dtype != out.dtype:
        return None
    if x.aval.size < LARGE_SUM:
        return None
    sums = Sums(build, x.aval.shape, axes)
    zero, made = _zero(sums, x, out), build.maker(x)
    if zero is not None or made is None or made.prim is not add:
        return zero
    for rest, part in (made.ins, made.ins[::-1]):
        if rest.aval == x.aval and (zero := _zero(sums, part, out)) is not None:
            return build(add, build(sum_p, rest, axes=axes), zero)
    return None


def _zero(sums: Sums, x: Atom, out: Aval) -> Atom | None:
    """0 c if the sum of a value cancels, for the values c that it holds fixed."""
    if sums.total(sums.polynomial(x, sums.aligned(x.aval.shape))):
        return None
    build, fixed = sums.build, _fixed_operands(sums, x)
    if not fixed or any(c.aval.dtype != out.dtype for c in fixed):
        return None
    total, *terms = (build(mul, _without_axes(sums, c), 0.0) for c in fixed)
    for term in terms:
        total = build(add, total, term)
    return total if total.aval == out else None


def _fixed_operands(sums: Sums, x: Atom) -> list[Atom]:
    """The values that are the same for all terms, among those that are added and multiplied.

    And their divisors: where the sum S of infinite terms is one, 1 / S is 0.
    """
    found: list[Atom] = []
    stack = [x]
    while stack:
        made = sums.build.maker(stack.pop())
        for a in made.ins if made is not None and made.prim in Sums.LINEAR else ():
            if not _is_fixed(sums, a):
                stack.append(a)
            elif a not in found:
                found += [a, *_divisor(sums.build, a)]
    return found


def _divisor(build: Builder, c: Atom) -> list[Atom]:
    """In a list the divisor of a quotient, with its shape; an empty list for other values."""
    made = build.maker(c)
    while made is not None and made.prim in (reshape_p, neg):
        made = build.maker(made.ins[0])
    if made is None or made.prim not in (div, quotient) or isinstance(made.ins[1], Literal):
        return []
    s, shape = made.ins[1], c.aval.shape
    return [build(reshape_p, s, shape=shape)] if s.aval.size == c.aval.size else []
