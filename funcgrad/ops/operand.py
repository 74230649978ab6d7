"""Conversion of arguments to arrays: scalars, and nested lists, also of tracers."""

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import (
    PYTHON_SCALARS,
    Aval,
    aval_of,
    check_class,
    check_operand,
    dtype_of,
    shape_of,
)
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.flat_iterator import elements
from ..core.frames import shorten
from ..core.lazy import answering
from ..core.registry import overrides
from ..core.trace import Tracer
from .dependences import Keeping
from .index import concatenate_p
from .structure import Batched, Linear, cast, expand_dims, strip_weak_type

_MAX_RANK = 64  # NumPy's


def asarray(obj: Any, dtype: Any = None) -> Any:
    """An array, a tracer, or a nested list of them as one array.

    >>> asarray([1, 2, 3])
    array([1, 2, 3])
    """
    if isinstance(obj, Tracer):
        return obj if dtype is None else cast(obj, dtype)
    if isinstance(obj, (list, tuple)) and holds_tracer(obj):
        try:
            whole = _stacked(obj)
        except ValueError as err:
            shorten(err)
            raise
        return whole if dtype is None else cast(whole, dtype)
    _check_classes(obj)
    return np.asarray(obj, dtype)


def _check_classes(obj: Any) -> None:
    """Raise if a nested list holds a masked array or another array class that is not supported."""
    if not isinstance(obj, (list, tuple)):
        check_class(obj)
        return
    for part in nested_lists(obj):
        if any(issubclass(kind, np.ndarray) for kind in set(map(type, part))):
            for x in part:
                check_class(x)


def holds_tracer(obj: Any, level: int = 0) -> bool:
    """Whether a nested list holds a tracer at any depth."""
    if not isinstance(obj, (list, tuple)):
        return isinstance(obj, Tracer)
    if level > 8:  # the list may contain itself
        return any(isinstance(x, Tracer) for part in nested_lists(obj) for x in part)
    for x in obj:
        if isinstance(x, Tracer):
            return True
        if isinstance(x, (list, tuple)) and holds_tracer(x, level + 1):
            return True
    return False


def nested_lists(obj: Any) -> Iterator[Any]:
    """Yield a list and the lists nested in it, each once."""
    found, seen = [obj], {id(obj)}
    for part in found:  # grows during iteration
        yield part
        for x in part:
            if isinstance(x, (list, tuple)) and id(x) not in seen:
                seen.add(id(x))
                found.append(x)


def operand(x: Any) -> Any:
    """An operand of a primitive: lists become arrays, Python scalars stay weak."""
    if isinstance(x, Tracer) or type(x) in PYTHON_SCALARS:
        return x
    if isinstance(x, np.ndarray):
        check_operand(x)
        return x
    return asarray(elements(x))


overrides["operand"] = operand


def integer_tuple(shape: Any) -> tuple[int, ...]:
    """A shape or axes, one integer or a sequence, as a tuple."""
    try:
        return (operator.index(shape),)
    except TypeError:  # the error below is NumPy's
        if not isinstance(shape, (tuple, list, Tracer)) and hasattr(shape, "__array__"):
            shape = np.asarray(shape)
        return tuple(operator.index(n) for n in shape)


def integers(x: Any) -> Any:
    """An operand as integers; booleans become 0 and 1."""
    if isinstance(x, Tracer):
        return cast(x, np.dtype(np.intp)) if x.dtype.kind == "b" else x
    array = np.asarray(operand(x))
    none = not array.size and not isinstance(x, np.ndarray)  # an empty list has no dtype
    objects = array.dtype.hasobject  # elements with __index__
    return array.astype(np.intp) if none or objects or array.dtype.kind == "b" else array


def _stacked(obj: Any, rank: int = 0) -> Any:
    if not isinstance(obj, (list, tuple)):
        return obj
    if rank == _MAX_RANK:
        raise ValueError(
            f"array: a list has more than {_MAX_RANK} levels, the most axes of an array, or "
            f"contains itself; flatten it"
        )
    return stacked([operand(_stacked(part, rank + 1)) for part in obj])


def stacked(parts: Sequence[Any]) -> Any:
    """Arrays, tracers or scalars of one shape, stacked along a new first axis."""
    shapes = {shape_of(part) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            f"array: the elements of a list must have one shape: got {sorted(shapes)}; "
            f"pad them to it"
        )
    return concatenate_p(*(expand_dims(strong(part), (0,)) for part in parts), axis=0)


def strong(x: Any) -> Any:
    """A Python scalar, or a tracer of one, as an array without weak type; others unchanged."""
    if type(x) in PYTHON_SCALARS:
        return np.asarray(x)
    return x if shape_of(x) else strip_weak_type(x)


def cast_assigned(x: Any, dtype: np.dtype) -> Any:
    """A value cast as in an assignment to an array of this dtype.

    Raises:
        OverflowError, ValueError: NumPy's, if a Python scalar is out of range of the dtype.
    """
    if isinstance(x, Tracer) or hasattr(x, "dtype") or holds_tracer(x):
        return cast(strong(operand(x)), dtype)
    _check_classes(x)
    return np.array(x, dtype)


def half_in_single(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function to compute float16 arguments in float32.

    The result is float16, unless an array among the arguments is wider. Python scalars, traced or
    not, do not count. Errors name the function.
    """
    fun = answering(fun)

    @functools.wraps(fun)
    def in_single(*args: Any, **kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()) if kwargs else args:
            if getattr(x, "dtype", None) is _HALF:
                break
        else:  # nearly always
            return fun(*args, **kwargs)
        arrays = [x for x in (*args, *kwargs.values()) if hasattr(x, "dtype")]
        dtypes = {x.dtype for x in arrays if not aval_of(x).weak}
        single = lambda x: cast(x, np.float32) if getattr(x, "dtype", None) is _HALF else x
        y = fun(*map(single, args), **{k: single(x) for k, x in kwargs.items()})
        if any(d.kind in "fc" and d != _HALF for d in dtypes):
            return y
        return tree.map(lambda x: cast(x, _HALF) if dtype_of(x).kind == "f" else x, y)

    return in_single


_HALF = np.dtype(np.float16)


def promote_weak(parts: Sequence[Any]) -> list[Any]:
    """The parts, with Python scalars cast to the common dtype."""
    dtype = common_dtype(parts)
    whole = [np.asarray(x, dtype) if type(x) in PYTHON_SCALARS else x for x in parts]
    return [cast(x, dtype) if aval_of(x).weak else x for x in whole]


def common_dtype(parts: Sequence[Any]) -> np.dtype:
    """The dtype to which NumPy promotes arrays, tracers and scalars."""
    avals = map(aval_of, parts)
    return np.result_type(*(a.dtype.type(0).item() if a.weak else a.dtype for a in avals))


class Weaken(Linear, Codegen, Keeping):
    """A scalar as a Python scalar: it takes the dtype of the array that it meets."""

    @override
    def run(self, x: Any) -> tuple[Any, ...]:
        return (x if type(x) in PYTHON_SCALARS or x.shape else x.item(),)

    @override
    def infer(self, x: Aval) -> tuple[Aval, ...]:
        return (x if x.shape else aval_of(np.zeros((), x.dtype).item()),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Any:
        return tangents

    @override
    def transpose(self, ct: Any, x: Any) -> Any:
        return ct

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        return args, axes  # a batch of scalars is an array

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        w.assign(outs[0], str(ins[0]) if ins[0].aval.weak else f"{ins[0]}.item()")

    def in_c(self, w: Any, x: Any) -> Any:
        return w.cast(x, w.out.dtype)


weaken_p = Weaken("weaken")
