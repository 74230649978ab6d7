"""NumPy's names for traced values, and the functions that autograd adds to them."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .... import numpy as ours
from ....core import tree
from ....core.avals import dtype_of, shape_of
from ....core.trace import Tracer

# functions that NumPy runs unless an argument is traced, so that they give plain arrays
_CREATION = frozenset({
    "arange", "array", "asanyarray", "asarray", "ascontiguousarray", "empty", "eye", "full",
    "geomspace", "identity", "linspace", "logspace", "ones", "tri", "zeros",
})  # fmt: skip
_JOINING = frozenset({"column_stack", "concatenate", "dstack", "hstack", "stack", "vstack"})
_LIKE = {"zeros_like": 0, "ones_like": 1, "empty_like": 0}


def found(name: str) -> Any:
    """The value of a name of autograd.numpy."""
    if name in _OWN:
        return _OWN[name]
    if name in _CREATION:
        return _created(name)
    if name in _JOINING:
        return _joining(name)
    if name in _LIKE:
        return _like(name, _LIKE[name])
    try:
        return getattr(ours, name)
    except AttributeError:
        if name.startswith("__") or not hasattr(np, name):
            raise AttributeError(f"module 'autograd.numpy' has no attribute {name!r}") from None
        return getattr(np, name)


def __getattr__(name: str) -> Any:
    return found(name)


def _holds_traced(values: Iterable[Any]) -> bool:
    return any(isinstance(x, Tracer) for x in tree.leaves(list(values)))


def _joining(name: str) -> Callable[..., Any]:
    function = getattr(ours, name)

    @functools.wraps(function)
    def join(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        arrays = arrays if hasattr(arrays, "__getitem__") else list(arrays)
        return function(arrays, *args, **kwargs)

    join.__doc__ = f"See numpy.{name}; the arrays may come from any iterable."
    return join


def _created(name: str) -> Callable[..., Any]:
    plain, traced = getattr(np, name), getattr(ours, name)

    @functools.wraps(plain)
    def create(*args: Any, **kwargs: Any) -> Any:
        function = traced if _holds_traced((*args, *kwargs.values())) else plain
        return function(*args, **kwargs)

    create.__doc__ = f"See numpy.{name}."
    return create


def _like(name: str, value: int) -> Callable[..., Any]:
    plain = getattr(np, name)

    @functools.wraps(plain)
    def create(a: Any, dtype: Any = None, order: str = "K", **options: Any) -> Any:
        if not isinstance(a, Tracer):
            return plain(a, dtype, order, **options)
        return np.full(options.get("shape") or shape_of(a), value, dtype or dtype_of(a))

    create.__doc__ = f"See numpy.{name}."
    return create


@functools.wraps(np.where)
def where(condition: Any, *args: Any, **kwargs: Any) -> Any:
    """See numpy.where; of Python scalars and lists alone it gives such."""
    if "condition" in kwargs:
        raise TypeError("where: condition is given twice")
    values = [*args, *[kwargs.pop(k) for k in ("x", "y")[len(args) :] if k in kwargs]]
    if kwargs or len(values) not in (0, 2):
        raise ValueError("where: give both x and y, or neither")
    result = ours.where(condition, *values)
    plain = all(
        isinstance(x, (bool, int, float, complex)) for x in tree.leaves([condition, values])
    )
    return result.tolist() if values and plain else result


def concatenate_args(axis: int, *args: Any) -> Any:
    """The arrays ``args``, joined along an axis."""
    return np.concatenate(args, axis)


def array_from_args(array_args: Any, array_kwargs: Any, *args: Any) -> Any:
    """The array of the items ``args``."""
    return found("array")(args, *array_args, **array_kwargs)


def make_diagonal(d: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Matrices with the last axis on the diagonal, for axis1=-1 and axis2=-2."""
    if (offset, axis1, axis2) != (0, -1, -2):
        raise NotImplementedError("make_diagonal: only offset=0, axis1=-1, axis2=-2 is supported")
    return d[..., None] * np.eye(shape_of(d)[-1], dtype=dtype_of(d))


def metadata(a: Any) -> tuple[tuple[int, ...], int, Any, bool]:
    """Shape, rank, dtype of an array, and whether that is complex."""
    dtype = dtype_of(a)
    return shape_of(a), len(shape_of(a)), dtype, dtype.kind == "c"


_OWN: dict[str, Any] = {
    "array_from_args": array_from_args,
    "concatenate_args": concatenate_args,
    "make_diagonal": make_diagonal,
    "metadata": metadata,
    "row_stack": lambda tup: np.vstack(tup),
    "where": where,
}
