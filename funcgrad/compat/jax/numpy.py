"""``jax.numpy``: NumPy's names with JAX's dtypes, keywords and promotion."""

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import numpy as ours
from ...core.avals import dtype_of, shape_of
from ...core.lazy import kept as _kept
from ...core.trace import Tracer
from ...numpy.at import at as _at
from ...random.keys import Key
from . import promotion, sizes
from .arguments import IGNORED, axes_of, keywords
from .array_type import Array
from .arrays import (
    apply_ufunc,
    holds_traced,
    lowered,
    raised,
)
from .config import as_dtype, canonicalize_dtype
from .creation import (
    array as array,
    asarray as asarray,
    ascontiguousarray as ascontiguousarray,
    astype as astype,
    c_ as c_,
    copy as copy,
    empty_like as empty_like,
    full as full,
    full_like as full_like,
    mgrid as mgrid,
    ogrid as ogrid,
    ones_like as ones_like,
    r_ as r_,
    zeros_like as zeros_like,
)
from .keys import KeyArray, KeyDtype
from .scalars import ABSENT, SCALARS, dtype_in
from .subscripts import sums_of_ellipsis
from .vectorizing import vectorize as vectorize
from .weak_types import STRONG, is_weak, operands_in, weakened

ndarray = Array
# functions whose arguments from this position on have a common dtype; -1: those of the first list
_COMMON = {
    "dot": 0, "matmul": 0, "vdot": 0, "inner": 0, "outer": 0, "tensordot": 0,
    "kron": 0, "cross": 0, "einsum": 1, "concatenate": -1, "stack": -1, "hstack": -1,
    "vstack": -1, "dstack": -1, "column_stack": -1, "append": 0, "clip": 0, "convolve": 0,
    "correlate": 0, "vecdot": 0, "polyval": 0, "interp": 0,
}  # fmt: skip
_CREATION = frozenset({
    "arange", "empty", "eye", "full", "geomspace", "identity", "linspace", "logspace", "ones",
    "tri", "zeros",
})  # fmt: skip
_LIKE = {"zeros_like": 0, "ones_like": 1, "empty_like": 0}


def __getattr__(name: str) -> Any:
    if name in SCALARS:
        return SCALARS[name]
    if name in ABSENT:
        return ABSENT[name]
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        value = getattr(np, name) if name in _CREATION or name in _LIKE else getattr(ours, name)
    except AttributeError:
        raise AttributeError(f"module 'jax.numpy' has no attribute {name!r}") from None
    return _kept(__name__, name, wrapped(name, value, getattr(np, name, None)))


def wrapped(name: str, value: Any, plain: Any) -> Any:
    """A name of NumPy's for JAX's arrays."""
    if isinstance(plain, np.ufunc):
        return _Ufunc(name, plain)
    if not callable(value) or isinstance(value, type):
        return value
    return function(name, value, plain)


class _Ufunc:
    """A ufunc of JAX's arrays."""

    def __init__(self, name: str, ufunc: np.ufunc) -> None:
        self.ufunc, self.__name__, self.__doc__ = ufunc, name, f"See numpy.{name}."
        self.nin, self.nout, self.identity = ufunc.nin, ufunc.nout, ufunc.identity

    def __call__(self, *args: Any, **options: Any) -> Any:
        kwargs = {k: v for k, v in options.items() if v is not None and k not in IGNORED}
        names = [k for k in ("x", "x1", "x2", "y") if k in kwargs]
        return apply_ufunc(self.ufunc, (*args, *[kwargs.pop(k) for k in names]), kwargs)

    def __getattr__(self, method: str) -> Any:
        if method not in ("reduce", "accumulate", "outer", "reduceat", "at"):
            raise AttributeError(method)
        return lambda x, *args, **kwargs: apply_ufunc(self.ufunc, (x, *args), kwargs, method)

    def __repr__(self) -> str:
        return f"<jax.numpy.{self.__name__}>"


def function(name: str, value: Callable[..., Any], plain: Any = None) -> Callable[..., Any]:
    """A function of NumPy for JAX's arrays, with its keywords of JAX that mean nothing here."""
    place = _COMMON.get(name)

    @functools.wraps(value)
    def call(*args: Any, **kwargs: Any) -> Any:
        low = lowered(tuple([dtype_in(x) for x in axes_of(name, args)]))
        kwargs = lowered({k: dtype_in(v) for k, v in keywords(name, kwargs).items()})
        if place is not None:
            low = _in_common(low, place, args)
        own = plain is None or holds_traced((low, kwargs)) or "descending" in kwargs
        fun = value if own else plain
        with np.errstate(all="ignore"):
            found = raised(fun(*low, **kwargs))
        return found if name in STRONG else weakened(found, tuple(operands_in(args)))

    call.__module__, call.__doc__ = "jax.numpy", f"See numpy.{name}."
    return call


def _in_common(args: tuple[Any, ...], place: int, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Lowered arguments in their common dtype; those given are weak or not."""
    if place < 0:
        parts = args[0] if isinstance(args[0], (list, tuple)) else list(args[0])
        weak = list(builtins.map(is_weak, given[0]))
        return (promotion.alike(parts, weak), *args[1:]) if parts else args
    rest = list(args[place:])
    some = [i for i, x in enumerate(rest) if _is_inexact_or_array(x)]
    weak = [is_weak(given[place + i]) for i in some]
    for i, x in zip(some, promotion.alike([rest[i] for i in some], weak), strict=True):
        rest[i] = x
    return (*args[:place], *rest)


def _is_inexact_or_array(x: Any) -> bool:
    return isinstance(x, (Tracer, np.ndarray, np.generic, float, complex))


# dtypes


def dtype(x: Any, *rest: Any) -> np.dtype[Any]:
    """The dtype of a scalar type or a name."""
    return as_dtype(x)


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """See numpy.issubdtype; a key has no dtype of NumPy's."""
    if isinstance(arg1, KeyDtype) or getattr(arg2, "of_keys", False):
        return isinstance(arg1, KeyDtype) and getattr(arg2, "of_keys", False)
    return np.issubdtype(dtype_in(arg1), dtype_in(arg2))


def promote_types(a: Any, b: Any) -> np.dtype[Any]:
    """The common dtype of two, by JAX's rules."""
    return promotion.promote([as_dtype(a), as_dtype(b)])


def result_type(*args: Any) -> np.dtype[Any]:
    """The common dtype of arrays, scalars and dtypes, by JAX's rules."""
    args = tuple([x if x is not None else float for x in builtins.map(dtype_in, lowered(args))])
    values = [np.empty((), x) if isinstance(x, (type, np.dtype, str)) else x for x in args]
    found = promotion.common_dtype(values)
    if found is None:
        found = canonicalize_dtype(np.result_type(*[np.asarray(x) for x in values]))
    return found


def finfo(x: Any) -> np.finfo[Any]:
    """See numpy.finfo."""
    return np.finfo(as_dtype(x))


def iinfo(x: Any) -> Any:
    """See numpy.iinfo."""
    return np.iinfo(as_dtype(x))


def isscalar(element: Any) -> bool:
    """Whether a value is a scalar, or an array without axes."""
    return np.isscalar(element) or (hasattr(element, "ndim") and element.ndim == 0)


def shape(a: Any) -> tuple[int, ...]:
    """The shape of an array or a nested list."""
    return shape_of(lowered(asarray(a)))


def ndim(a: Any) -> int:
    """The number of axes."""
    return len(shape(a))


def size(a: Any, axis: int | None = None) -> int:
    """The number of elements, or the length of an axis."""
    return int(np.prod(shape(a), dtype=int)) if axis is None else shape(a)[axis]


# functions with arguments of their own


def clip(arr: Any = None, min: Any = None, max: Any = None, **named: Any) -> Any:
    """See numpy.clip."""
    arr = named.get("a", named.get("x", arr))
    low, high = named.get("a_min", min), named.get("a_max", max)
    arr = arr if low is None else maximum(low, arr)
    return asarray(arr) if high is None else minimum(high, arr)


def where(
    condition: Any, x: Any = None, y: Any = None, *, size: int | None = None, fill_value: Any = None
) -> Any:
    """See numpy.where; without ``x`` and ``y`` the indices, as :func:`nonzero`."""
    if x is None and y is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    if isinstance(x, KeyArray) and isinstance(y, KeyArray):
        mask = asarray(condition)[..., None]
        return KeyArray(
            Key(lowered(where(mask, raised(x.key.data), raised(y.key.data))), x.key.impl)
        )
    low = promotion.alike([lowered(x), lowered(y)], [is_weak(x), is_weak(y)])
    mask = lowered(asarray(condition) != 0)
    found = (ours if holds_traced((mask, low)) else np).where(mask, *low)
    return weakened(raised(found), (asarray(x), asarray(y)))


def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Indices of the elements that are not 0; ``size`` of them, if given, with ``fill_value``."""
    x = lowered(asarray(a))
    return raised(np.nonzero(x) if size is None else sizes.nonzero(x, size, fill_value))


def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Indices into the flat array of the elements that are not 0."""
    return nonzero(asarray(a).ravel(), size=size, fill_value=fill_value)[0]


def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Indices of the elements that are not 0, one row each."""
    return stack(nonzero(a, size=size, fill_value=fill_value), axis=-1)


def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, *, size: int | None = None,
    fill_value: Any = None, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """Sorted elements without repetition; with ``size``, so many, filled with the smallest."""
    asked = (return_index, return_inverse, return_counts)
    if size is None:
        return _unique(ar, *asked, axis, equal_nan=equal_nan)
    values, *rest = sizes.unique(lowered(asarray(ar)), axis, size, lowered(fill_value))
    chosen = [x for x, wanted in zip(rest, asked, strict=True) if wanted]
    return raised((values, *chosen) if chosen else values)


_unique = function("unique", ours.unique, np.unique)


def bincount(x: Any, weights: Any = None, minlength: int = 0, *, length: int | None = None) -> Any:
    """See numpy.bincount; ``length`` is that of the result."""
    if length is None:
        return _bincount(x, weights, minlength)
    return raised(sizes.bincount(lowered(asarray(x)), lowered(weights), length))


_bincount = function("bincount", ours.bincount, np.bincount)


_histogram = function("histogram", ours.histogram, np.histogram)


def histogram(a: Any, bins: Any = 10, range: Any = None, weights: Any = None, **rest: Any) -> Any:
    """See numpy.histogram; the counts are floating."""
    counts, edges = _histogram(a, bins, range, weights=weights, **rest)
    return counts.astype(result_type(a if weights is None else weights, float)), edges


def _cumulative(name: str) -> Callable[..., Any]:
    run = function(name, getattr(ours, name), getattr(np, name))

    def call(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        a = asarray(a)
        return run(a, axis, dtype=a.dtype if dtype is None and a.dtype.kind in "iu" else dtype)

    call.__name__, call.__doc__ = name, f"See numpy.{name}; integers keep their dtype."
    return call


cumsum, cumprod = _cumulative("cumsum"), _cumulative("cumprod")


def repeat(
    a: Any,
    repeats: Any,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    **_: Any,
) -> Any:
    """See numpy.repeat; ``total_repeat_length`` is the length of the result."""
    if total_repeat_length is None:
        return _repeat(a, repeats, axis)
    x, repeats = lowered((asarray(a), repeats))
    return raised(sizes.repeat(x, repeats, axis, total_repeat_length))


_repeat = function("repeat", ours.repeat, np.repeat)


def take(
    a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str | None = None,
    fill_value: Any = None, **_: Any,
) -> Any:  # fmt: skip
    """See numpy.take; with mode "fill" an index out of range gives ``fill_value``."""
    x, i = lowered(asarray(a)), lowered(asarray(indices))
    if mode == "fill":
        x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
        index = (slice(None),) * (axis % len(shape_of(x))) + (i,)
        return raised(_at(x)[index].get(mode="fill", fill_value=fill_value))
    out_of_range: Any = mode if mode in ("clip", "wrap") else "raise"
    return weakened(raised(ours.take(x, i, axis=axis, mode=out_of_range)), (a,))


def take_along_axis(
    arr: Any, indices: Any, axis: int | None = -1, mode: str | None = None, fill_value: Any = None
) -> Any:
    """See numpy.take_along_axis; with mode "fill" an index out of range gives ``fill_value``."""
    x, i = lowered((asarray(arr), asarray(indices)))
    if mode not in ("clip", "fill"):
        return weakened(raised(ours.take_along_axis(x, i, axis)), (arr,))
    x, i, axis = (np.ravel(x), np.ravel(i), 0) if axis is None else (x, i, axis)
    n = shape_of(x)[axis]
    found = ours.take_along_axis(x, np.clip(i, -n, n - 1), axis)
    if mode == "fill":
        fill = np.nan if fill_value is None and dtype_of(x).kind in "fc" else fill_value or 0
        found = np.where((i >= -n) & (i < n), found, fill)
    return raised(found)


def fill_diagonal(a: Any, val: Any, wrap: bool = False, *, inplace: bool = True) -> Any:
    """The array with another diagonal; see numpy.fill_diagonal."""
    if inplace:
        raise TypeError("fill_diagonal: arrays of compat.jax are immutable; write inplace=False")
    x, value = lowered((asarray(a), val))
    if wrap and len(shape_of(x)) == 2:
        i = np.arange(0, np.size(x), shape_of(x)[1] + 1)
        return raised(np.reshape(_at(np.ravel(x))[i].set(value), shape_of(x)))
    i = np.arange(builtins.min(shape_of(x)))
    return weakened(raised(_at(x)[(i,) * len(shape_of(x))].set(value)), (a,))


def einsum(subscripts: Any, *operands: Any, **options: Any) -> Any:
    """See numpy.einsum."""
    options = {k: v for k, v in options.items() if k in ("optimize",) and isinstance(v, bool)}
    return _einsum(sums_of_ellipsis(subscripts, operands), *operands, **options)


_einsum = function("einsum", ours.einsum, np.einsum)


def set_printoptions(*args: Any, **kwargs: Any) -> None:
    """See numpy.set_printoptions."""
    np.set_printoptions(*args, **kwargs)


printoptions = np.printoptions

maximum, minimum = _Ufunc("maximum", np.maximum), _Ufunc("minimum", np.minimum)
squeeze = function("squeeze", ours.squeeze, np.squeeze)
_stack = function("stack", ours.stack, np.stack)


def stack(arrays: Any, axis: int = 0, out: None = None, dtype: Any = None) -> Any:
    """See numpy.stack."""
    if builtins.any(isinstance(x, KeyArray) for x in arrays):
        return array(list(arrays))
    return _stack(arrays, axis=axis, dtype=dtype)


def iscomplexobj(x: Any) -> bool:
    """Whether the dtype of an array, or a dtype, is complex."""
    return np.dtype(result_type(x)).kind == "c"


def isrealobj(x: Any) -> bool:
    """Whether the dtype of an array, or a dtype, is not complex."""
    return not iscomplexobj(x)
