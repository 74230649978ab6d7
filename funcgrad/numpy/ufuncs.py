"""What ufuncs and their methods mean to a tracer, and the elementwise functions beside them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError, MutationError
from ..core.registry import overrides
from ..ops import bessel, compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.structure import broadcast_to, cast, reshape
from . import reductions, scans
from .reductions import given
from .shapes import moveaxis, stack
from .table import NO_DERIVATIVE, NO_VALUE, check_cast, implements, no_out, unsupported


@implements("sign")
def sign(x: Any) -> Any:
    """Return -1, 0 or 1, for complex numbers x/|x|; see numpy.sign."""
    x = operand(x)
    if not ew.is_complex(x):
        return ew.sign(x)
    return ew.where(compare.isfinite(x), ew.unit(x), ew.sign(x))


@implements("divmod")
def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """Return quotient and remainder; see numpy.divmod."""
    x, y = operand(x), operand(y)
    return compare.floor_divide(x, y), ew.mod(x, y)


@implements("modf")
def modf(x: Any) -> tuple[Any, Any]:
    """Return fractional and integral part; see numpy.modf."""
    x = operand(x)
    if not is_inexact(dtype_of(x)):
        x = cast(x, np.modf(np.zeros(1, dtype_of(x)))[0].dtype)
    whole = compare.trunc(x)
    rest = ew.where(compare.isinf(x), 0, ew.sub(x, ew.where(compare.isinf(x), 0, whole)))
    return ew.copysign(rest, x), whole


@implements("frexp")
def frexp(x: Any) -> tuple[Any, Any]:
    """Return mantissa and exponent; see numpy.frexp."""
    x = operand(x)
    exponent = compare.exponent(x)
    return ew.ldexp(x, -exponent), exponent


@implements("real")
def real(val: Any) -> Any:
    """Return the real part; see numpy.real."""
    val = operand(val)
    return ew.real(val) if ew.is_complex(val) else val


@implements("imag")
def imag(val: Any) -> Any:
    """Return the imaginary part; see numpy.imag."""
    val = operand(val)
    return ew.imag(val) if ew.is_complex(val) else np.zeros(shape_of(val), dtype_of(val))


@implements("angle")
def angle(z: Any, deg: bool = False) -> Any:
    """Return the phase in radians, or degrees; see numpy.angle."""
    z = operand(z)
    phase = ew.arctan2(*(ew.imag(z), ew.real(z)) if ew.is_complex(z) else (0, z))
    return ew.mul(phase, 180 / np.pi) if deg else phase


@implements("sinc")
def sinc(x: Any) -> Any:
    """Return sin(pi x)/(pi x), and 1 at 0; see numpy.sinc."""
    return ew.sinc(operand(x))


@implements("i0")
def i0(x: Any) -> Any:
    """Return the modified Bessel function of order 0; see numpy.i0."""
    x = operand(x)
    if ew.is_complex(x):
        raise DtypeError("numpy.i0: not defined for complex numbers: take the real part before")
    return bessel.i0(x if is_inexact(dtype_of(x)) else cast(x, np.dtype(np.float64)))


@implements("clip")
def clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **kwargs: Any,
) -> Any:
    """Limit the values; the derivative is 1 inside and on the bounds; see numpy.clip."""
    no_out("clip", out)
    a = operand(a)
    low, high = a_min if min is None else min, a_max if max is None else max
    if low is None and high is None:
        return a
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
    a = operand(a)
    if dtype_of(a).kind in "iu" and decimals >= 0:
        return a
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
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Replace what is not finite by numbers, whose derivative is zero; see numpy.nan_to_num."""
    x = operand(x)
    if not is_inexact(dtype_of(x)):
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


# ufunc methods and options


def ufunc_method(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict[str, Any]) -> Any:
    """Return what a ufunc call with options, or a ufunc method, means to tracers.

    Raises:
        MutationError: for ``at`` and ``out=``, which write into an array.
        UnsupportedError: for a ufunc without a rule, or an option that cannot be differentiated.
    """
    who = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    no_out(who, kwargs.pop("out", None))
    if method == "at":
        name = _UPDATES.get(ufunc.__name__)
        cure = f"funcgrad.at(x)[i].{name}(v)" if name else "funcgrad.at(x)[i].apply(function)"
        raise MutationError(f"{who}: {NOT_IN_PLACE}; write x = {cure}")
    if method == "__call__":
        return _call(who, ufunc, inputs, kwargs)
    return METHODS[method](who, ufunc, *inputs, **kwargs)


def _function(who: str, ufunc: np.ufunc) -> Callable[..., Any]:
    function = overrides.get(ufunc)
    if function is None:
        raise unsupported(who, "this ufunc", "write it with functions that are")
    return function


def _call(who: str, ufunc: np.ufunc, inputs: tuple, kwargs: dict[str, Any]) -> Any:
    if kwargs.pop("where", True) is not True:  # elsewhere NumPy's result is not even defined
        raise unsupported(who, "where=", "write numpy.where(mask, f(x), x)")
    if kwargs.pop("signature", None) is not None:
        raise unsupported(who, "signature=", "convert the operands by astype")
    function, dtype, axes = _function(who, ufunc), kwargs.pop("dtype", None), kwargs.pop("axes", ())
    casting = kwargs.pop("casting", "same_kind")
    for ignored in ("order", "subok"):
        kwargs.pop(ignored, None)
    if kwargs and ufunc.__name__ != "vecdot":
        raise unsupported(who, f"{', '.join(kwargs)}=", "move the axes, and leave it out")
    if dtype is not None:
        inputs = tuple(map(operand, inputs))
        for x in inputs:
            check_cast(who, x, dtype, casting)
        inputs = tuple(cast(x, dtype) for x in inputs)
    return _moved(function, inputs, axes) if axes else function(*inputs, **kwargs)


def _moved(function: Callable[..., Any], inputs: tuple, axes: Any) -> Any:
    """Apply a generalized ufunc to axes that are not the last: ``axes`` lists them by operand."""
    places = [d if isinstance(d, tuple) else (d,) for d in axes]
    ends = [tuple(range(-len(place), 0)) for place in places]
    n = len(inputs)  # the result may have no axes to list
    each = zip(inputs, places[:n], ends[:n], strict=True)
    y = function(*(moveaxis(operand(x), place, end) for x, place, end in each))
    if len(places) == n:
        return y
    return moveaxis(y, ends[-1], places[-1])


def _reduce(
    who: str,
    ufunc: np.ufunc,
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    no_out(who, out)
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    known = _REDUCTIONS.get(ufunc)
    options = {name: v for name, v in (("initial", initial), ("where", where)) if given(v)}
    if known is not None and not (ufunc in _TRUTHS and "initial" in options):
        y = known(a, axis=axis, keepdims=keepdims, **options)
        return y if dtype is None or ufunc in _TRUTHS else cast(y, dtype)
    rank = len(shape_of(a))
    axes = reductions.axes_of(axis, rank)
    if len(axes) > 1 and ufunc.identity is None and ufunc not in _REORDERABLE:
        raise ValueError(
            f"reduction operation {ufunc.__name__!r} is not reorderable, so at most one axis may "
            f"be specified"
        )
    mask = None if where is True else broadcast_to(cast(operand(where), bool), shape_of(a))
    a = _running(ufunc, a, dtype)
    rows, masks = _rows(a, axes), _rows(mask, axes)
    y = _folded(_function(who, ufunc), ufunc, rows, masks, initial)
    return reductions.expand_dims(y, axes) if keepdims else y


def _running(ufunc: np.ufunc, x: Any, dtype: Any) -> Any:
    """Return an array in the dtype in which NumPy reduces it.

    Raises:
        TypeError: NumPy's own, where the ufunc has no loop for it.
    """
    x = strong(operand(x))
    if dtype is None:
        dtype = ufunc.resolve_dtypes((None, dtype_of(x), None), reduction=True)[1]  # type: ignore[arg-type]
    return x if dtype in (object, dtype_of(x)) else cast(x, dtype)


def _rows(x: Any, axes: tuple[int, ...]) -> Any:
    """Return an array with these axes as one in front."""
    if x is None:
        return None
    x = moveaxis(x, axes, tuple(range(len(axes))))
    return reshape(x, (math.prod(shape_of(x)[: len(axes)]), *shape_of(x)[len(axes) :]))


def _folded(
    function: Callable[..., Any], ufunc: np.ufunc, rows: Any, mask: Any, initial: Any
) -> Any:
    """Return what applying a function of two from the left makes of the rows, as NumPy does."""
    start = initial if given(initial) else None if initial is None else ufunc.identity
    if start is None and mask is not None:
        raise ValueError(
            f"reduction operation {ufunc.__name__!r} does not have an identity, so to use a where "
            f"mask one has to specify 'initial'"
        )
    count, *kept = shape_of(rows)
    if not count:
        if start is None:
            raise ValueError(
                f"zero-size array to reduction operation {ufunc.__name__} which has no identity"
            )
        return broadcast_to(cast(operand(start), dtype_of(rows)), tuple(kept))
    parts = list(rows)
    if given(initial) and ew.is_complex(start) and not ew.is_complex(rows):
        start = cast(operand(start), dtype_of(rows))  # which warns, as NumPy does
    if mask is not None or given(initial) or (count == 1 and start is not None):
        parts = [start, *parts]
    y = parts[0]
    masks = [True] * count if mask is None else list(mask)
    for chosen, part in zip(masks[count + 1 - len(parts) :], parts[1:], strict=True):
        y = function(y, part) if chosen is True else ew.where(chosen, function(y, part), y)
    return y


def _fold(function: Callable[..., Any], xs: Any) -> list[Any]:
    """Return all partial results of applying a function of two from the left."""
    rest = iter(xs)
    results = [next(rest)]
    for x in rest:
        results.append(function(results[-1], x))
    return results


def _accumulate(
    who: str, ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None
) -> Any:
    no_out(who, out)
    x = operand(array) if dtype is None else cast(operand(array), dtype)
    known = _SCANS.get(ufunc)
    if known is not None:
        y = known(x, axis=axis)
        return y if dtype is None else cast(y, dtype)  # small integers would grow
    x = _running(ufunc, x, dtype)
    if not shape_of(x)[axis]:
        return x
    return moveaxis(stack(_fold(_function(who, ufunc), moveaxis(x, axis, 0))), 0, axis)


def _outer(who: str, ufunc: np.ufunc, a: Any, b: Any, **kwargs: Any) -> Any:
    a, b = strong(operand(a)), strong(operand(b))
    a = reshape(a, (*shape_of(a), *[1] * len(shape_of(b))))
    return _call(who, ufunc, (a, b), kwargs)


def _reduceat(
    who: str,
    ufunc: np.ufunc,
    array: Any,
    indices: Any,
    axis: int = 0,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    no_out(who, out)
    x = moveaxis(_running(ufunc, array, dtype), axis, 0)
    starts = [int(i) for i in np.asarray(indices)]
    for i in starts:
        if not 0 <= i < len(x):
            raise IndexError(f"index {i} out-of-bounds in {who} [0, {len(x)})")
    stops = [*starts[1:], len(x)]
    parts = [
        _reduce(who, ufunc, x[start:stop], 0, dtype) if start < stop else x[start]
        for start, stop in zip(starts, stops, strict=True)
    ]
    return moveaxis(stack(parts), 0, axis)


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "reduceat": _reduceat,
}
_REDUCTIONS: dict[Any, Any] = {
    np.add: reductions.sum,
    np.multiply: reductions.prod,
    np.maximum: reductions.max,
    np.minimum: reductions.min,
    np.logical_and: reductions.all,
    np.logical_or: reductions.any,
}
NOT_IN_PLACE = "it changes an array in place"
_TRUTHS = frozenset({np.logical_and, np.logical_or})
_REORDERABLE = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
_UPDATES = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
    "power": "power", "minimum": "min", "maximum": "max",
}  # fmt: skip
_SCANS: dict[Any, Any] = {
    np.add: scans.cumsum,
    np.multiply: scans.cumprod,
    np.maximum: scans.cummax,
    np.minimum: scans.cummin,
}

overrides[np.ufunc] = ufunc_method
overrides[np._core.umath.clip] = clip  # type: ignore[attr-defined]  # what ndarray.clip calls
