"""The iterator ``x.flat`` of a traced array: it reads copies, and writes into the array."""

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from .registry import overrides


class FlatIterator:
    """The elements of an array along one axis, in C order; see numpy.flatiter.

    NumPy's functions take it as an array of one axis.
    """

    __slots__ = ("base",)
    __hash__ = None  # type: ignore[assignment]  # == is elementwise

    def __init__(self, base: Any) -> None:
        self.base = base

    def copy(self) -> Any:
        """The elements in a new array."""
        return overrides["elements"](self.base)

    def __getitem__(self, index: Any) -> Any:
        y = overrides[operator.getitem](self.copy(), index)
        return overrides[np.copy](y) if np.shape(y) else y

    def __setitem__(self, index: Any, value: Any) -> None:
        overrides["set_elements"](self.base, index, value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.copy())

    def __len__(self) -> int:
        return self.base.size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.copy(), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(elements, inputs), **options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return func(*map(elements, args), **kwargs)

    def __lt__(self, other: Any) -> Any:
        return self.copy() < other

    def __le__(self, other: Any) -> Any:
        return self.copy() <= other

    def __gt__(self, other: Any) -> Any:
        return self.copy() > other

    def __ge__(self, other: Any) -> Any:
        return self.copy() >= other

    def __eq__(self, other: Any) -> Any:
        return self.copy() == other

    def __ne__(self, other: Any) -> Any:
        return self.copy() != other


def elements(x: Any) -> Any:
    """The elements of an iterator, and of those in a list; other values are returned."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(elements, x)) if any(type(v) is FlatIterator for v in x) else x
    return x.copy() if type(x) is FlatIterator else x
