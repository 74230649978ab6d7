"""Jacobians as bands: each element of a value travels with its derivatives by a few inputs.

A band has for each element of a value the number of one input, and the derivative by it. A stencil
has a band for each of its points, often with the same derivatives, so that a program needs fewer
operations than by passes over colours, which multiply zeros too. Operations in which an element
depends on many inputs, such as contractions and loops, are not followed.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core.avals import Shape, dtype_of, shape_of
from ..core.trace import Tracer
from ..ops.elementwise import add, where
from ..ops.structure import broadcast_to


class Band(NamedTuple):
    """The derivatives of the elements of a value, each by one input."""

    columns: np.ndarray  # int, of the shape of the value: the number of the input, -1 for none
    data: Any  # of the same shape, or a scalar
    clean: bool = True  # whether data is 0 where there is no input


class Padded:
    """Data in zeros, which are made where they are needed."""

    __slots__ = ("data", "fill", "whole")

    def __init__(self, data: Any, fill: Callable[[Any], Any]) -> None:
        self.data, self.fill, self.whole = data, fill, None

    def made(self) -> Any:
        if self.whole is None:
            self.whole = self.fill(self.data)
        return self.whole

    def places(self) -> np.ndarray:
        """Of each element the place of its number in the data, -1 for 0."""
        numbers = np.arange(1, 1 + math.prod(shape_of(self.data)))
        return np.asarray(self.fill(numbers.reshape(shape_of(self.data)))) - 1


class Bands(NamedTuple):
    """All derivatives of a value; ``gap``: some may lie on no path, see ops/paths.py."""

    items: Sequence[Band]
    gap: bool = False


class Lost:
    """In place of bands, where an element depends on more inputs than bands follow."""


LOST = Lost()
Part: TypeAlias = Bands | Lost | None  # None: a constant


class UnfollowedError(Exception):
    """An operation has no bands."""


def data_key(data: Any) -> Any:
    if isinstance(data, Tracer) or shape_of(data):
        return id(data)
    return dtype_of(data), np.asarray(data).tobytes()


def scalar(data: Any) -> Any:
    """A known array of equal elements as a scalar."""
    if isinstance(data, Tracer) or not np.size(data):
        return data
    data = np.asarray(data)
    first = data[(0,) * data.ndim]
    return first if (data == first).all() else data


def made(band: Band) -> Band:
    """The band with its data as one array."""
    return band._replace(data=band.data.made()) if isinstance(band.data, Padded) else band


def holes(columns: np.ndarray) -> bool:
    return bool((columns < 0).any())


def whole(band: Band, shape: Shape) -> Any:
    return broadcast_to(band.data, shape)


def _cleaned(band: Band) -> Any:
    """Data that are 0 where there is no input."""
    band = made(band)
    if band.clean:
        return band.data
    return where(band.columns >= 0, band.data, dtype_of(band.data).type(0))


def _cleaner(band: Band) -> Band:
    """The band with 0 where there is no input, if its data are known."""
    band = made(band)
    known = not isinstance(band.data, Tracer)
    return Band(band.columns, _cleaned(band)) if known else band


def summed(terms: Sequence[Band]) -> list[Band]:
    """The sum of bands; those with the same inputs become one."""
    sums: dict[Any, Any] = {}

    def plus(x: Any, y: Any) -> Any:
        key = data_key(x), data_key(y)
        if key not in sums:
            sums[key] = x, y, add(x, y)  # the operands too: a key may hold their identity
        return sums[key][-1]

    found: list[Band] = []
    for new in terms:
        for k, old in enumerate(found):
            if (total := _together(old, new, plus)) is not None:
                found[k] = total
                break
        else:
            found.append(new)
    return found


def _together(a: Band, b: Band, plus: Callable[[Any, Any], Any]) -> Band | None:
    """The sum of two bands as one, None where an element depends on different inputs."""
    if a.columns is b.columns or np.array_equal(a.columns, b.columns):
        a, b = _cleaner(a), _cleaner(b)
        return Band(a.columns, plus(a.data, b.data), a.clean and b.clean)
    both = (a.columns >= 0) & (b.columns >= 0)
    if not both.any() or (a.columns != b.columns)[both].any():
        return None
    return Band(np.maximum(a.columns, b.columns), plus(_cleaned(a), _cleaned(b)))
