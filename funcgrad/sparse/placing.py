"""The elements of a sparse matrix, from the bands of the results of a program."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.jaxpr import ClosedJaxpr
from ..ops.convert import project
from ..ops.elementwise import add
from ..ops.index import ARRAY, Index, concatenate_p, getitem_p
from ..ops.structure import reshape
from .bands import Band, Bands, Lost, Padded, data_key
from .following import follow
from .structure import Pattern


class _Source(NamedTuple):
    """A band of the rows of a matrix."""

    elements: np.ndarray  # int, numbers of elements of the pattern
    places: np.ndarray  # int, of these elements in the data
    data: Any


def by_bands(
    closed: ClosedJaxpr, xs: Sequence[Any], pattern: Pattern, symmetric: bool, most: int, trace: Any
) -> tuple[Sequence[Any], Any]:
    """The outputs of a program, and the elements of its Jacobian; None if bands do not give them.

    ``symmetric``: an element may be read as the one mirrored. ``most``: bands of a value.
    """
    parts, start = [], 0
    for x in xs:
        aval = aval_of(x)
        numbers = np.arange(start, start + aval.size).reshape(aval.shape)
        parts.append(Bands([Band(numbers, aval.dtype.type(1))]))
        start += aval.size
    constants = [None] * len(closed.consts)
    args = (*closed.consts, *xs)
    pairs = follow(closed.jaxpr, args, (*constants, *parts), most, trace)
    outs = [y for y, _ in pairs]
    if any(isinstance(part, Lost) for _, part in pairs):
        return outs, None
    sources = _sources(pairs, pattern)
    layers = _layers(sources, pattern.nnz)
    mirror = _mirrored(pattern) if symmetric and len(layers) == 1 else None
    dtype = np.result_type(*map(dtype_of, outs))
    terms = [_gathered(own, pattern.nnz, mirror, dtype) for own in layers]
    return outs, functools.reduce(add, terms)


def _layers(sources: Sequence[_Source], count: int) -> list[list[_Source]]:
    """The bands such that in each layer an element is read once; it is the sum over the layers."""
    layers: list[list[_Source]] = [[]]
    met = np.zeros(count, np.intp)  # how often elements were read
    for source in sources:
        times = met[source.elements]
        for k in np.unique(times):
            part = times == k
            layers += [[] for _ in range(k + 1 - len(layers))]
            layers[k].append(_Source(source.elements[part], source.places[part], source.data))
        met[source.elements] += 1
    return layers


def _sources(pairs: Sequence[tuple[Any, Any]], pattern: Pattern) -> list[_Source]:
    found, start = [], 0
    for y, part in pairs:
        size = aval_of(y).size
        for columns, data, _ in part.items if part is not None else ():
            flat = columns.reshape(-1)
            rows = np.flatnonzero(flat >= 0)
            keys = (rows + start) * pattern.shape[1] + flat[rows]
            numbers = np.minimum(np.searchsorted(pattern.flat, keys), max(pattern.nnz - 1, 0))
            kept = pattern.flat[numbers] == keys if pattern.nnz else np.zeros(len(keys), bool)
            places = rows[kept]
            if isinstance(data, Padded):
                places, data = data.places().reshape(-1)[places], data.data
            found.append(_Source(numbers[kept], places, data))
        start += size
    return found


def _mirrored(pattern: Pattern) -> np.ndarray:
    """The number of the element (j, i) for each element (i, j) of a symmetric pattern."""
    mirror = np.empty(pattern.nnz, np.intp)
    mirror[pattern.order] = np.arange(pattern.nnz)
    return mirror


def _gathered(sources: Sequence[_Source], count: int, mirror: np.ndarray | None, dtype: Any) -> Any:
    """The elements, read from the data of the bands, each of which is stored once."""
    used = _used(sources, count, mirror)
    pieces: list[Any] = []
    starts: dict[Any, int] = {}
    total, places = 0, np.full(count, -1)
    for source in used:
        single = not shape_of(source.data)
        key = data_key(source.data)
        if key not in starts:
            starts[key] = total
            pieces.append(project(source.data, dtype))
            total += math.prod(shape_of(source.data))
        places[source.elements] = starts[key] + (0 if single else source.places)
    if mirror is not None:
        places = np.where(places < 0, places[mirror], places)
    if (places < 0).any():
        places = np.where(places < 0, total, places)
        pieces.append(np.zeros(1, dtype))
    if not pieces:
        return np.zeros(0, dtype)
    flat = _flat(pieces)
    if len(places) == shape_of(flat)[0] and np.array_equal(places, np.arange(len(places))):
        return flat
    return getitem_p(flat, places, index=Index((ARRAY,)))


def _flat(pieces: Sequence[Any]) -> Any:
    """The elements of arrays, one array after another."""
    if len({shape_of(x)[1:] for x in pieces}) > 1 or not shape_of(pieces[0]):
        pieces = [reshape(x, (-1,)) for x in pieces]
    return reshape(pieces[0] if len(pieces) == 1 else concatenate_p(*pieces, axis=0), (-1,))


def _used(sources: Sequence[_Source], count: int, mirror: np.ndarray | None) -> list[_Source]:
    """The bands that give all elements, or their mirror images; those of few numbers first."""
    known = np.zeros(count, bool)
    found = []
    for source in sorted(sources, key=lambda s: bool(shape_of(s.data))):
        if known[source.elements].all():
            continue
        found.append(source)
        known[source.elements] = True
        if mirror is not None:
            known[mirror[source.elements]] = True
    return found
