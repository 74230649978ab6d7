"""Arrays from scalars, lists and other arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import numpy as ours
from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...random.keys import Key
from .arrays import ConcreteArray, concrete, holds_traced, lowered, raised
from .config import as_dtype, canonicalize_dtype
from .keys import KeyArray
from .weak_types import is_weak

_LIKE = {"zeros_like": 0, "ones_like": 1, "empty_like": 0}


def array(
    object: Any, dtype: Any = None, copy: bool = True, order: str = "K", ndmin: int = 0, **_: Any
) -> Any:
    """An array of a scalar, an array, or nested lists of them."""
    if isinstance(object, KeyArray):
        return object
    if isinstance(object, (list, tuple)) and object and isinstance(object[0], KeyArray):
        return KeyArray(Key(np.stack([each.key.data for each in object]), object[0].key.impl))
    dtype = None if dtype is None else canonicalize_dtype(as_dtype(dtype))
    done = isinstance(object, ConcreteArray) and not ndmin
    if done and (dtype is None or (dtype == object.dtype and not object.weak)):
        return object
    low = lowered(object)
    weak = is_weak(object) and dtype is None
    if holds_traced(low):
        made = raised(ours.array(low, dtype, ndmin=ndmin))
        made.weak = weak
        return made
    return concrete(np.array(low, dtype, ndmin=ndmin), weak)


def asarray(a: Any, dtype: Any = None, order: Any = None, **options: Any) -> Any:
    """See :func:`array`."""
    return array(a, dtype)


ascontiguousarray = copy = asarray


def made(x: Any) -> Any:
    """A tree with arrays in place of Python scalars."""
    scalar = lambda leaf: type(leaf) in (bool, int, float, complex)
    return tree.map(lambda leaf: array(leaf) if scalar(leaf) else leaf, x)


def _like(name: str, value: Any) -> Callable[..., Any]:
    def create(x: Any, dtype: Any = None, shape: Any = None, **_: Any) -> Any:
        low, weak = lowered(x), is_weak(x) and dtype is None
        low = low if hasattr(low, "dtype") else np.asarray(low)  # or a ShapeDtypeStruct
        dtype = canonicalize_dtype(dtype_of(low) if dtype is None else as_dtype(dtype))
        return concrete(np.full(shape_of(low) if shape is None else shape, value, dtype), weak)

    create.__name__ = name
    return create


zeros_like, ones_like, empty_like = (_like(name, value) for name, value in _LIKE.items())


def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None, **_: Any) -> Any:
    """An array of one value, in the shape and dtype of another."""
    low, weak = lowered(a), is_weak(a) and dtype is None
    dtype = canonicalize_dtype(dtype_of(low) if dtype is None else as_dtype(dtype))
    made = full(shape_of(low) if shape is None else shape, fill_value, dtype)
    made.weak = weak
    return made


def full(shape: Any, fill_value: Any, dtype: Any = None, **_: Any) -> Any:
    """An array of one value, which may be traced."""
    value = asarray(fill_value, dtype)
    made = raised(np.broadcast_to(lowered(value), shape))
    made.weak = value.weak
    return made


def astype(x: Any, dtype: Any, copy: bool = False, **_: Any) -> Any:
    """The array in another dtype."""
    return asarray(x).astype(float if dtype is None else dtype)


class Grid:
    """An object that is indexed by ranges, such as ``mgrid``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, ranges: Any) -> Any:
        return raised(getattr(ours, self.name)[lowered(ranges)])


mgrid, ogrid, r_, c_ = map(Grid, ("mgrid", "ogrid", "r_", "c_"))
