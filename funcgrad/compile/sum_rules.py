"""Rules for sums and extrema along axes."""

import math

import numpy as np

from ..core.jaxpr import Atom, Eqn, Literal
from ..ops.elementwise import add, mul, neg
from ..ops.structure import broadcast_p, convert_p, sum_p, transpose_p
from .rewrite import Builder


def sum_of_one(build: Builder, eqn: Eqn) -> Atom | None:
    """A sum of one element is x + 0: NumPy's sum of -0.0 is 0.0."""
    (x,), (out,) = eqn.ins, eqn.outs
    if x.aval != out.aval:
        return None
    return _not_minus_0(build, x) if out.aval.dtype.kind in "fc" else x


def sum_of_repeated(build: Builder, eqn: Eqn) -> Atom | None:
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
    y = _not_minus_0(build, build(mul, inner.ins[0], count))
    return build(broadcast_p, y, shape=rest, axes=places) if places else y


def sum_of_scaled(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_i -x_i = -sum_i x_i, and sum_i a x_i = a sum_i x_i for a literal a."""
    inner = build.maker(eqn.ins[0])
    out = eqn.outs[0].aval
    if inner is None or out.dtype.kind != "f" or inner.outs[0].aval.size == out.size:
        return None
    if not build.read_once(eqn.ins[0]):
        return None
    if inner.prim is neg:
        return _not_minus_0(build, build(neg, build(sum_p, inner.ins[0], axes=eqn.params["axes"])))
    if inner.prim is not mul:
        return None
    for x, a in (inner.ins, inner.ins[::-1]):
        if isinstance(a, Literal) and is_moderate(a) and x.aval == eqn.ins[0].aval:
            total = build(sum_p, x, axes=eqn.params["axes"])
            return _not_minus_0(build, build(mul, total, a))
    return None


def sum_of_sum(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_i sum_j x_ij = sum_ij x_ij."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not sum_p or not build.read_once(eqn.ins[0]):
        return None
    x, first = inner.ins[0], inner.params["axes"]
    if x.aval.dtype != eqn.outs[0].aval.dtype:
        return None
    left = [d for d in range(x.aval.ndim) if d not in first]
    axes = (*first, *(left[d] for d in eqn.params["axes"]))
    return build(sum_p, x, axes=tuple(sorted(axes)))


def _not_minus_0(build: Builder, x: Atom) -> Atom:
    """x + 0: no sum is -0.0."""
    return build(add, x, 0.0)


def is_moderate(a: Literal) -> bool:
    """Whether a factor moves numbers little towards overflow and underflow."""
    return not isinstance(a.value, (bool, np.bool_)) and 2.0**-16 <= abs(a.value) <= 2.0**16


def reduction_of_transposed(build: Builder, eqn: Eqn) -> Atom | None:
    """A reduction of a transpose is one along the axes before it, which are contiguous."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not transpose_p:
        return None
    perm, axes = inner.params["perm"], eqn.params["axes"]
    y = build(eqn.prim, inner.ins[0], axes=tuple(sorted(perm[d] for d in axes)))
    left = [d for k, d in enumerate(perm) if k not in axes]  # of x, in the order of the result
    order = tuple([sorted(left).index(d) for d in left])
    return build(transpose_p, y, perm=order) if list(order) != sorted(order) else y


def cast_of_count(build: Builder, eqn: Eqn) -> Atom | None:
    """The number of true elements as a float is a sum of floats, by BLAS."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not sum_p or inner.ins[0].aval.dtype.kind != "b":
        return None
    x, dtype = inner.ins[0], eqn.outs[0].aval.dtype
    count = x.aval.size // max(eqn.outs[0].aval.size, 1)
    if dtype.char not in "fd" or count > 2 ** np.finfo(dtype).nmant:  # such counts are exact
        return None
    return build(sum_p, build(convert_p, x, dtype=dtype), **inner.params)
