"""Special functions: those of funcgrad, and of integer order those of SciPy, with rules."""

from typing import Any

import numpy as np

from ....core.registry import load
from ....scipy import special as ours
from ..rules import defjvp, defvjp
from ..tracer import primitive
from .names import found


def _slope(fun: Any, *slopes: Any) -> None:
    """Define both rules of an elementwise primitive by its derivatives, None for none."""
    defvjp(fun, *[s and _pulled(s, i) for i, s in enumerate(slopes)])
    defjvp(fun, *[s and _pushed(s) for s in slopes])


def _pulled(slope: Any, place: int) -> Any:
    return lambda ans, *args: lambda g: _summed(g * slope(ans, *args), np.shape(args[place]))


def _pushed(slope: Any) -> Any:
    return lambda g, ans, *args: g * slope(ans, *args)


def _summed(g: Any, shape: Any) -> Any:
    extra = np.ndim(g) - len(shape)
    g = np.sum(g, axis=tuple(range(extra))) if extra else g
    long = tuple([d for d, n in enumerate(shape) if n == 1 and np.shape(g)[d] != 1])
    return np.sum(g, axis=long, keepdims=True) if long else g


def _scipys(name: str) -> Any:
    """SciPy's function as a primitive."""

    def call(*args: Any) -> Any:
        return getattr(load("scipy.special"), name)(*args)

    call.__name__ = name
    return primitive(call)


jn, yn, iv, ive = map(_scipys, ("jn", "yn", "iv", "ive"))
rgamma, _erf, _erfc = map(_scipys, ("rgamma", "erf", "erfc"))
# Source: Abramowitz & Stegun, 9.1.27 and 9.6.26
_slope(jn, None, lambda y, n, x: (jn(n - 1, x) - jn(n + 1, x)) / 2)
_slope(yn, None, lambda y, n, x: (yn(n - 1, x) - yn(n + 1, x)) / 2)
_slope(iv, None, lambda y, n, x: (iv(n - 1, x) + iv(n + 1, x)) / 2)
_slope(ive, None, lambda y, n, x: (ive(n - 1, x) + ive(n + 1, x)) / 2 - np.sign(x) * y)
_slope(_erf, lambda y, x: 2 / np.sqrt(np.pi) * np.exp(-x * x))
_slope(_erfc, lambda y, x: -2 / np.sqrt(np.pi) * np.exp(-x * x))
_slope(rgamma, lambda y, x: -y * ours.digamma(x))


def erf(x: Any) -> Any:
    """The error function, of complex values too."""
    return _erf(x) if np.iscomplexobj(x) else ours.erf(x)


def erfc(x: Any) -> Any:
    """1 - erf(x), of complex values too."""
    return _erfc(x) if np.iscomplexobj(x) else ours.erfc(x)


def j0(x: Any) -> Any:
    """The Bessel function of the first kind, of order 0."""
    return jn(0, x)


def j1(x: Any) -> Any:
    """The Bessel function of the first kind, of order 1."""
    return jn(1, x)


def y0(x: Any) -> Any:
    """The Bessel function of the second kind, of order 0."""
    return yn(0, x)


def y1(x: Any) -> Any:
    """The Bessel function of the second kind, of order 1."""
    return yn(1, x)


def __getattr__(name: str) -> Any:
    return found(ours, "scipy.special", name)
