"""Elementwise functions that are not one primitive, and those that are not ufuncs."""

import operator
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops import bessel, compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.structure import cast
from .aliasing import apart, as_array, as_scalar, gives, is_scalar, viewed
from .dispatch import NO_DERIVATIVE, NO_VALUE, implements, no_out
from .ufunc_methods import call_ufunc


@implements("sign")
def sign(x: Any) -> Any:
    """Sign -1, 0 or 1, of complex numbers x/|x|; see numpy.sign."""
    return ew.unit(operand(x))


@implements("divmod")
def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient and remainder; see numpy.divmod."""
    x, y = operand(x), operand(y)
    return compare.floor_divide.as_ufunc(x, y), ew.mod.as_ufunc(x, y)


@implements("modf")
def modf(x: Any) -> tuple[Any, Any]:
    """Fractional and integral part; see numpy.modf."""
    x = operand(x)
    if not is_inexact(dtype_of(x)):
        x = cast(x, np.modf(np.zeros(1, dtype_of(x)))[0].dtype)
    return ew.fraction(x), compare.trunc(x)


@implements("frexp")
def frexp(x: Any) -> tuple[Any, Any]:
    """Mantissa and exponent; see numpy.frexp."""
    x = strong(operand(x))
    exponent = compare.exponent(x)
    return ew.ldexp(x, -exponent), exponent


@implements("real")
def real(val: Any) -> Any:
    """Real part; see numpy.real."""
    val = operand(val)
    return viewed(ew.real(val), val, ew.real, {}) if ew.is_complex(val) else val


@implements("imag")
def imag(val: Any) -> Any:
    """Imaginary part; see numpy.imag."""
    val = operand(val)
    if ew.is_complex(val):
        return viewed(ew.imag(val), val, ew.imag, {})
    zeros = np.zeros(shape_of(val), dtype_of(val))
    if aval_of(val).weak:  # a Python scalar gives a Python scalar
        return zeros.item()
    zeros.flags.writeable = False
    return zeros[()] if isinstance(val, Tracer) and is_scalar(val) else zeros


@implements("angle")
def angle(z: Any, deg: bool = False) -> Any:
    """Phase in radians, or degrees; see numpy.angle."""
    z = operand(z)
    phase = ew.arctan2(*(ew.imag(z), ew.real(z)) if ew.is_complex(z) else (0, z))
    return ew.mul(phase, 180 / np.pi) if deg else phase


@implements("sinc")
def sinc(x: Any) -> Any:
    """sin(pi x)/(pi x), and 1 at 0; see numpy.sinc."""
    return ew.sinc(operand(x))


@implements("i0")
@gives(as_array)
def i0(x: Any) -> Any:
    """Modified Bessel function of order 0; see numpy.i0."""
    x = operand(x)
    if ew.is_complex(x):
        raise DtypeError("numpy.i0: not defined for complex numbers; pass x.real")
    return bessel.i0(x if is_inexact(dtype_of(x)) else cast(x, np.dtype(np.float64)))


def clip(
    a: Any,
    min: Any = None,
    max: Any = None,
    out: Any = None,
    *,
    a_min: Any = None,
    a_max: Any = None,
    **options: Any,
) -> Any:
    """Values limited to bounds, each of which is optional; see numpy.clip.

    Raises:
        ValueError: if bounds are given by both of their names.

    >>> clip([1, 5, 9], 4)
    array([4, 5, 9])
    """
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError("clip: bounds are given as min and max, or as a_min and a_max, not both")
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return np.clip(operand(a), low, high, out, **options)


@implements("clip")
def _numpy_clip(
    a: Any,
    a_min: Any = NO_VALUE,
    a_max: Any = NO_VALUE,
    out: Any = None,
    *,
    min: Any = NO_VALUE,
    max: Any = NO_VALUE,
    **kwargs: Any,
) -> Any:
    """Rule of numpy.clip; the derivative is 1 inside and on the bounds."""
    no_out("clip", out)
    a = operand(a)
    if (a_min is NO_VALUE) != (a_max is NO_VALUE):
        raise TypeError(
            f"clip: {'a_min' if a_min is NO_VALUE else 'a_max'} is missing; write None for no bound"
        )
    if a_min is not NO_VALUE and not (min is NO_VALUE and max is NO_VALUE):
        raise ValueError("clip: bounds are given as min and max, or as a_min and a_max, not both")
    low, high = (min, max) if a_min is NO_VALUE else (a_min, a_max)
    low, high = (None if bound is NO_VALUE else bound for bound in (low, high))
    return _clipped(a, low, high, kwargs)


def _clipped(a: Any, low: Any, high: Any, kwargs: dict[str, Any]) -> Any:
    """Values within bounds, each of which may be None."""
    if kwargs:  # options of a ufunc: dtype=, casting=, ...
        bounds = tuple(bound for bound in (low, high) if bound is not None)
        return call_ufunc("numpy.clip", _LIMITS[low is None, high is None], (a, *bounds), kwargs)
    if low is None and high is None:
        return apart(strong(a), a)
    if dtype_of(a).kind == "f":
        low = np.array(-np.inf, dtype_of(a)) if low is None else low
        high = np.array(np.inf, dtype_of(a)) if high is None else high
    if low is None:  # integers have no infinity, and no derivative
        return ew.minimum(a, operand(high))
    if high is None:
        return ew.maximum(a, operand(low))
    return ew.clip(a, operand(low), operand(high))


@implements("round", "around", status=NO_DERIVATIVE)
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """Round half to even; the derivative is zero; see numpy.round."""
    no_out("round", out)
    a, decimals = strong(operand(a)), operator.index(decimals)
    if dtype_of(a).kind in "iu" and decimals >= 0:
        return apart(a, a)
    if decimals == 0:
        return compare.rint(a)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return ew.div(compare.rint(ew.mul(a, scale)), scale)
    return cast(ew.mul(compare.rint(ew.div(a, scale)), scale), dtype_of(a))


@implements("fix", status=NO_DERIVATIVE)
def fix(x: Any, out: Any = None) -> Any:
    """Round towards zero; the derivative is zero; see numpy.fix."""
    no_out("fix", out)
    return compare.trunc(operand(x))


@implements("nan_to_num")
@gives(as_scalar)
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Replace nan and infinities by constants; see numpy.nan_to_num."""
    x = strong(operand(x))
    if not is_inexact(dtype_of(x)):
        return apart(x, x) if copy else x
    if not copy and shape_of(x) and not isinstance(x, np.ndarray):
        x[...] = nan_to_num(x, True, nan, posinf, neginf)
        return x
    for filler in (nan, posinf, neginf):
        if filler is not None and ew.is_complex(filler):
            raise DtypeError(f"nan_to_num: the fillers of both parts must be real: got {filler}")
    limits = np.finfo(dtype_of(x))
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    if ew.is_complex(x):
        parts = [nan_to_num(p, copy, nan, posinf, neginf) for p in (ew.real(x), ew.imag(x))]
        return ew.add(parts[0], ew.mul(parts[1], 1j))
    infinite = ew.where(compare.gt(x, 0), high, low)
    finite = ew.where(compare.isinf(x), infinite, ew.where(compare.isnan(x), nan, x))
    return cast(finite, dtype_of(x))


_CLIP = np._core.umath.clip  # type: ignore[attr-defined]  # what ndarray.clip calls
_LIMITS = {  # (lower bound is missing, upper bound is missing) -> ufunc
    (False, False): _CLIP, (True, False): np.minimum, (False, True): np.maximum,
    (True, True): np.positive,
}  # fmt: skip

overrides[_CLIP] = _numpy_clip
