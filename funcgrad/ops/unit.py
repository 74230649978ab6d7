"""The unit x/|x| of complex numbers, which is in the derivative of |x|."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import dtype_of
from ..core.registry import primitives
from .families import Elementwise


def _unit(x: Any) -> Any:
    """x/|x|, 0 at 0; np.sign, which is slower, for infinite and subnormal numbers."""
    if not np.iscomplexobj(x):
        return np.sign(x)
    size = np.absolute(x)
    tiny = np.finfo(size.dtype).tiny
    smallest, largest = (f.reduce(size, None, initial=1) for f in (np.minimum, np.maximum))
    if tiny <= smallest and largest < np.inf:  # nearly always
        return np.divide(x, size)  # of a Python scalar too NumPy's number
    x = np.asarray(x)
    plain = (size >= tiny) & (size < np.inf)
    y = np.zeros_like(x)
    np.divide(x, size, out=y, where=plain)
    rest = ~plain & (size != 0)
    with np.errstate(invalid="ignore"):
        y[rest] = np.sign(x[rest])
    return y[()]


def _turned(t: Any, x: Any, factor: Any, along: Any) -> Any:
    """``factor`` times the part of t orthogonal to a direction, over its length; 0 at 0."""
    if dtype_of(x).kind != "c":
        return 0 * t
    size = np.abs(x)
    return 1j * factor * (np.imag(along * t) / np.where(size == 0, np.inf, size))


class Unit(Elementwise):
    """x/|x| of complex numbers; only the part of a tangent orthogonal to x changes it."""

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (x,), (t,), (y,) = primals, tangents, outs
        return (None if t is None else _turned(t, x, y, np.conj(y)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (y,), (x,) = cts, outs, ins
        return (_turned(ct, x, np.conj(y), y),)


unit_p = Unit("unit", _unit, lambda t, y, x: t, decompose=lambda x: primitives["sign"](x))
