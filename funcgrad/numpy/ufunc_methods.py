"""Methods and options of ufuncs for traced arrays: reduce, accumulate, outer, dtype=, ..."""

import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import shown
from ..core.registry import is_of_special, load, overrides
from ..core.trace import Tracer
from ..ops import elementwise as ew
from ..ops.operand import operand, strong
from ..ops.structure import broadcast_to, cast, reshape
from . import cumulative as scans, reductions
from .aliasing import apart, copied_in
from .dispatch import NO_VALUE, Casting, check_out, no_out, unsupported
from .joining import concatenate, stack
from .reductions import initial_as, is_given, where_mask
from .shapes import moveaxis


def ufunc_method(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc with options, or a ufunc method, to traced arrays.

    Raises:
        MutationError: for ``out=`` of an ndarray, which cannot hold traced values.
        UnsupportedError: for a ufunc without a rule, or an option that cannot be differentiated.
    """
    package = "scipy.special" if is_of_special(ufunc) else "numpy"
    who = f"{package}.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    out = kwargs.pop("out", None)
    if out is not None:
        return _into(who, out, ufunc, method, inputs, kwargs)
    if method == "at":
        return overrides["ufunc_at"](ufunc, *inputs)
    if method == "__call__":
        return call_ufunc(who, ufunc, inputs, kwargs)
    return METHODS[method](who, ufunc, *inputs, **kwargs)


def _into(
    who: str, out: Any, ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict[str, Any]
) -> Any:
    """Apply a ufunc with ``out=``: its results are written there, where ``where=`` is true."""
    targets = out if isinstance(out, tuple) else (out,)
    if not any(isinstance(x, Tracer) for x in targets):
        no_out(who, out)
    casting = kwargs.get("casting", "same_kind")
    where = kwargs.pop("where", True) if method == "__call__" else True
    found = ufunc_method(ufunc, method, inputs, kwargs)
    results = found if isinstance(found, tuple) else (found,)
    for x, y in zip(targets, results, strict=True):
        if x is not None:
            if method != "__call__":
                check_out(who, x, y)
            overrides["store"](x, y, ufunc.__name__, casting, where)
    results = tuple(y if x is None else x for x, y in zip(targets, results, strict=True))
    return results if isinstance(found, tuple) else results[0]


def _function(who: str, ufunc: np.ufunc) -> Callable[..., Any]:
    function = overrides.get(ufunc)
    if function is None:
        raise load("funcgrad.core.missing").without_rule(ufunc)
    return function


def call_ufunc(who: str, ufunc: np.ufunc, inputs: tuple, kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc with options: dtype=, casting=, axes=, ...; raise for unsupported ones."""
    function, inputs = _function(who, ufunc), tuple(map(operand, inputs))
    chosen = kwargs.pop("where", True)
    if chosen is not True and not (isinstance(chosen, np.bool_) and chosen):
        raise unsupported(who, "where=", "write numpy.where(mask, f(x), x)")  # else undefined
    _, order = kwargs.pop("subok", None), kwargs.pop("order", "K")
    axes = {name: kwargs.pop(name) for name in ("axes", "axis", "keepdims") if name in kwargs}
    kinds = loop_of(ufunc, inputs, **kwargs) if kwargs else None
    if kinds is not None:
        inputs = tuple(map(cast, inputs, kinds))
    y = _along_core_axes(who, ufunc, function, inputs, **axes) if axes else function(*inputs)
    results = y if ufunc.nout > 1 else (y,)
    if kinds is not None:
        results = tuple(map(cast, results, kinds[ufunc.nin :]))
    if order in ("C", "F"):
        results = tuple([copied_in(y, y, order) for y in results])
    return results if ufunc.nout > 1 else results[0]


def loop_of(
    ufunc: np.ufunc,
    inputs: tuple,
    dtype: Any = None,
    signature: Any = NO_VALUE,
    casting: Casting = "same_kind",
) -> tuple[np.dtype, ...]:
    """Dtypes of operands and results in which NumPy computes.

    Raises:
        TypeError: NumPy's own, where no loop fits or the casting rule forbids it.
    """
    kinds = [type(aval.dtype.type(0).item()) if aval.weak else aval.dtype
             for aval in map(aval_of, inputs)]  # fmt: skip
    if signature is not NO_VALUE and dtype is not None:
        raise TypeError("cannot specify both 'signature' and 'dtype'")
    if signature is NO_VALUE:
        asked = None if dtype is None else np.dtype(dtype)
        loop = (*[None] * ufunc.nin, *[asked] * ufunc.nout)
    elif isinstance(signature, str):
        left, _, right = signature.partition("->")
        if (len(left), len(right)) != (ufunc.nin, ufunc.nout):
            raise ValueError(
                f"signature= must name {ufunc.nin} operands and {ufunc.nout} results: "
                f"got {shown(signature)}"
            )
        loop = tuple(map(np.dtype, left + right))  # type: ignore[arg-type]
    else:
        loop = tuple(signature)  # all None means no signature, as in NumPy
    given = (np.dtype(bool) if kind is bool else kind for kind in kinds)
    return ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), signature=loop, casting=casting)


def _along_core_axes(
    who: str,
    ufunc: np.ufunc,
    function: Callable[..., Any],
    inputs: tuple,
    axes: Any = NO_VALUE,
    axis: Any = NO_VALUE,
    keepdims: Any = NO_VALUE,
) -> Any:
    """Apply a generalized ufunc along axes that are not the last.

    ``axes`` lists the core axes of each operand, and of the result where it has any. ``axis`` is
    the core axis of all operands; ``keepdims`` keeps it in the result.
    """
    stays = keepdims is True
    if keepdims is not NO_VALUE and not isinstance(keepdims, bool):
        raise TypeError(f"{who}: keepdims must be True or False: got {shown(keepdims)}")
    if not (axis is NO_VALUE and keepdims is NO_VALUE) and ufunc.signature != "(n),(n)->()":
        raise TypeError(f"{who}: axis= and keepdims= need a single shared core dimension")
    if axis is not NO_VALUE:
        if axes is not NO_VALUE:
            raise TypeError(f"{who}: axes= and axis= cannot both be given")
        axes = [(operator.index(axis),)] * (ufunc.nin + stays)
    if axes is NO_VALUE:
        axes = [(-1,)] * (ufunc.nin + stays) if stays else None
    if axes is None:
        return function(*inputs)
    core_axes = _core_axes(who, ufunc, inputs, axes, stays)
    n = len(inputs)
    ends = [tuple(range(-len(d), 0)) for d in core_axes]
    each = zip(inputs, core_axes[:n], ends[:n], strict=True)
    y = function(*(moveaxis(operand(x), core, end) for x, core, end in each))
    y = reductions.expand_dims(y, (len(shape_of(y)),)) if stays else y
    return moveaxis(y, ends[-1], core_axes[-1])


def _core_axes(
    who: str, ufunc: np.ufunc, inputs: tuple, axes: Any, stays: bool
) -> list[tuple[int, ...]]:
    """Core axes of each operand and of the result; a vector lacks the optional axis."""
    if not isinstance(axes, list):
        raise TypeError(f"{who}: axes= must be a list of tuples: got {type(axes).__name__}")
    core_axes = [d if isinstance(d, tuple) else (operator.index(d),) for d in axes]
    parts = re.findall(r"\(([^)]*)\)", str(ufunc.signature))
    names = [part.split(",") if part else [] for part in parts]
    for x, core in zip(inputs, list(names), strict=False):
        absent = {name for name in core if "?" in name and len(shape_of(x)) < len(core)}
        names = [[name for name in each if name not in absent] for each in names]
    ranks = [len(each) for each in names]
    ranks[-1] += stays
    if len(core_axes) == ufunc.nin and (stays or not ranks[-1]):
        core_axes.append(core_axes[0] if stays else ())
    if [len(d) for d in core_axes] != ranks:
        raise ValueError(f"{who}: axes= must have {ranks} entries for the operands: got {axes}")
    return core_axes


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
    options = {"initial": initial} if is_given(initial) else {}
    if options and dtype is not None:
        options["initial"] = reductions.initial_as(initial, np.dtype(dtype))
    if where is not True and where is not NO_VALUE:
        options["where"] = where_mask(where, shape_of(a))
    if dtype is not None and ufunc in _TRUTHS:
        _reduction_dtype(ufunc, a, dtype)  # NumPy's error unless it is bool
    if known is not None and not (ufunc in _TRUTHS and "initial" in options):
        y = known(a, axis=axis, keepdims=keepdims, **options)
        return y if dtype is None or ufunc in _TRUTHS else cast(y, dtype)
    rank = len(shape_of(a))
    axes = () if axis in (0, -1) and not rank else reductions.axes_of(axis, rank)
    if len(axes) > 1 and ufunc.identity is None and ufunc not in _REORDERABLE:
        raise ValueError(
            f"reduction operation {ufunc.__name__!r} is not reorderable, so at most one axis may "
            f"be specified"
        )
    mask = options.get("where")
    mask = None if mask is None else broadcast_to(mask, shape_of(a))
    a, result = _reduction_dtype(ufunc, a, dtype)
    rows, masks = _merge_axes(a, axes), _merge_axes(mask, axes)
    function = _function(who, ufunc)
    if ufunc in _ASSOCIATIVE and len(rows) > 1 and initial is not None:
        rows, masks = _tree_reduce(function, ufunc, rows, masks), None
    y = _reduce_in_order(function, ufunc, rows, masks, initial, result)
    return reductions.expand_dims(y, axes) if keepdims else y


def _reduction_dtype(ufunc: np.ufunc, x: Any, dtype: Any) -> tuple[Any, np.dtype]:
    """Array in the dtype in which NumPy reduces it, and the dtype of the result.

    Raises:
        TypeError: NumPy's, if the ufunc has no loop for it.
    """
    x = strong(operand(x))
    asked: Any = {} if dtype is None else {"signature": (np.dtype(dtype), None, None)}
    kinds: Any = (None, dtype_of(x), None)
    result, dtype, _ = ufunc.resolve_dtypes(kinds, reduction=True, casting="unsafe", **asked)
    if dtype.hasobject:
        return x, dtype_of(x)
    return x if dtype == dtype_of(x) else cast(x, dtype), result


def _accumulation_dtype(who: str, ufunc: np.ufunc, x: Any, dtype: Any) -> Any:
    """Array in the dtype in which NumPy accumulates.

    Raises:
        TypeError: if the result has another dtype than the array, as for ldexp.
    """
    x, result = _reduction_dtype(ufunc, x, dtype)
    if result.kind != dtype_of(x).kind and ufunc not in _TRUTHS:
        raise unsupported(who, "a result of another dtype", "write a loop")
    return x


def _merge_axes(x: Any, axes: tuple[int, ...]) -> Any:
    """Array with these axes merged into a first axis."""
    if x is None:
        return None
    x = moveaxis(x, axes, tuple(range(len(axes))))
    return reshape(x, (math.prod(shape_of(x)[: len(axes)]), *shape_of(x)[len(axes) :]))


def _tree_reduce(function: Callable[..., Any], ufunc: np.ufunc, rows: Any, mask: Any) -> Any:
    """Reduction of rows by halves, in log2(n) equations.

    The order of rounding differs from NumPy's, which reduces from left to right.
    """
    if mask is not None:
        rows = ew.where(mask, rows, cast(operand(ufunc.identity), dtype_of(rows)))
    while (count := shape_of(rows)[0]) > 1:
        half = count // 2
        joined = function(rows[:half], rows[half : 2 * half])
        rows = concatenate([joined, rows[2 * half :]]) if count % 2 else joined
    return rows


def _reduce_in_order(
    function: Callable[..., Any],
    ufunc: np.ufunc,
    rows: Any,
    mask: Any,
    initial: Any,
    result: np.dtype,
) -> Any:
    """Reduction of rows by a binary function from left to right, as in NumPy."""
    start = initial if is_given(initial) else None if initial is None else ufunc.identity
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
        return broadcast_to(cast(strong(operand(start)), dtype_of(rows)), tuple(kept))[()]
    parts = list(rows)
    start = initial_as(start, result) if is_given(initial) else start
    if mask is not None or is_given(initial) or (count == 1 and start is not None):
        parts = [start, *parts]
    y = parts[0] if parts[0] is start else cast(parts[0], result)
    masks = [True] * count if mask is None else list(mask)
    for chosen, part in zip(masks[count + 1 - len(parts) :], parts[1:], strict=True):
        y = function(y, part) if chosen is True else ew.where(chosen, function(y, part), y)
    return y


def _in_order(function: Callable[..., Any], xs: Any) -> list[Any]:
    """All partial results of a reduction by a binary function from left to right."""
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
    if axis is None:
        if len(shape_of(x)) != 1:
            raise ValueError(f"{who}: accumulate does not allow multiple axes")
        axis = 0
    known = _SCANS.get(ufunc)
    if known is not None:
        y = known(x, axis=axis)
        return y if dtype is None else cast(y, dtype)  # small integers would grow
    x = _accumulation_dtype(who, ufunc, x, dtype)
    if not shape_of(x)[axis]:
        return apart(x, x)
    function, rows = _function(who, ufunc), moveaxis(x, axis, 0)
    doubles = ufunc in _ASSOCIATIVE
    rows = _doubling_scan(function, rows) if doubles else stack(_in_order(function, rows))
    return apart(moveaxis(rows, 0, axis), x)


def _doubling_scan(function: Callable[..., Any], rows: Any) -> Any:
    """All partial results, by a scan that doubles its step."""
    step = 1
    while step < shape_of(rows)[0]:
        rows = concatenate([rows[:step], function(rows[:-step], rows[step:])])
        step *= 2
    return rows


def _outer(who: str, ufunc: np.ufunc, a: Any, b: Any, **kwargs: Any) -> Any:
    a, b = strong(operand(a)), strong(operand(b))
    a = reshape(a, (*shape_of(a), *[1] * len(shape_of(b))))
    return call_ufunc(who, ufunc, (a, b), kwargs)


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
    x = moveaxis(_accumulation_dtype(who, ufunc, array, dtype), axis, 0)
    starts = [int(i) for i in np.asarray(indices)]
    for i in starts:
        if not 0 <= i < len(x):
            raise IndexError(f"index {i} out-of-bounds in {who} [0, {len(x)})")
    if not starts:
        return moveaxis(x[:0], 0, axis)
    stops = [*starts[1:], len(x)]
    parts = [
        _reduce(who, ufunc, x[start:stop], 0, dtype) if start < stop else x[start]
        for start, stop in zip(starts, stops, strict=True)
    ]
    return moveaxis(stack(parts), 0, axis)


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce, "accumulate": _accumulate, "outer": _outer, "reduceat": _reduceat,
}  # fmt: skip
_REDUCTIONS: dict[Any, Any] = {
    np.add: reductions.sum,
    np.multiply: reductions.prod,
    np.maximum: reductions.max,
    np.minimum: reductions.min,
    np.logical_and: reductions.all,
    np.logical_or: reductions.any,
}
_TRUTHS = frozenset({np.logical_and, np.logical_or})
_ASSOCIATIVE = frozenset({np.logaddexp, np.logaddexp2, np.hypot})  # they have an identity
_REORDERABLE = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
_SCANS: dict[Any, Any] = {
    np.add: scans.cumsum,
    np.multiply: scans.cumprod,
    np.maximum: scans.cummax,
    np.minimum: scans.cummin,
}

overrides[np.ufunc] = ufunc_method
