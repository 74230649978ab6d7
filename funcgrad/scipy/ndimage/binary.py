"""Binary morphology, connected regions and distances: constants, without derivatives.

Elements that are not 0 are True. A fixed number of iterations runs under ``jit`` and ``vmap`` too;
what repeats until nothing changes needs known values.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ConcretizationError, ShapeError, shown
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.operand import operand, strong
from .borders import check_output
from .ranks import Origin, elements, window_of


@answering
def generate_binary_structure(rank: int, connectivity: int) -> np.ndarray:
    """The neighbours of an element, with at most ``connectivity`` different indices.

    >>> print(generate_binary_structure(1, 1))
    [ True  True  True]
    """
    if rank < 1:
        return np.ones((), bool)
    steps = np.abs(np.indices([3] * rank) - 1).sum(axis=0)
    return steps <= max(connectivity, 1)


@answering
def iterate_structure(structure: Any, iterations: int, origin: Any = None) -> Any:
    """A structure dilated by itself.

    Args:
        structure: array of bools.
        iterations: int, how often.
        origin: int or ints; if given, the new ones are returned too.

    >>> print(iterate_structure(np.ones(3), 2))
    [ True  True  True  True  True]
    """
    structure = np.asarray(structure)
    if iterations < 2:
        return structure.copy()
    more = iterations - 1
    shape = [k + more * (k - 1) for k in structure.shape]
    out = np.zeros(shape, bool)
    place = tuple(slice(more * (k // 2), more * (k // 2) + k) for k in structure.shape)
    out[place] = structure != 0
    out = binary_dilation(out, structure, iterations=more)
    if origin is None:
        return out
    origins = [origin] * structure.ndim if np.ndim(origin) == 0 else list(origin)
    return out, [iterations * o for o in origins]


def _bools(x: Any) -> Any:
    return strong(operand(x)) != 0


def _structure(who: str, x: Any, structure: Any) -> np.ndarray:
    rank = len(shape_of(x))
    if structure is None:
        return generate_binary_structure(rank, 1)
    found = np.asarray(structure) != 0
    if found.ndim != rank or not found.size:
        raise ShapeError(f"{who}: structure must have {rank} axes: got shape {found.shape}")
    return found


def _repeated(who: str, x: Any, step: Any, iterations: int, mask: Any) -> Any:
    """A step ``iterations`` times, or, for less than 1, until nothing changes."""
    limit = None if mask is None else _bools(mask)
    original, done = x, 0
    while iterations < 1 or done < iterations:
        new = step(x)
        new = new if limit is None else np.where(limit, new, original)
        if iterations < 1:
            values = known(new), known(x)
            if values[0] is None or values[1] is None:
                raise ConcretizationError(
                    f"{who}: how often it repeats depends on values, which are not known under jit "
                    f"and vmap; pass iterations"
                )
            if np.array_equal(*values):
                return new
        x, done = new, done + 1
    return x


@answering
def binary_erosion(
    input: Any, structure: Any = None, iterations: int = 1, mask: Any = None, output: Any = None,
    border_value: int = 0, origin: Origin = 0, brute_force: bool = False, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Whether all elements of the structure around each element are True.

    Args:
        input: array.
        structure: array of bools; by default the nearest neighbours.
        iterations: int, how often; less than 1 until nothing changes.
        mask: array of bools, the elements that may change.
        output: must be None.
        border_value: the value beyond the borders.
        origin: int, or one for each axis, the shift of the structure.
        brute_force: ignored, for compatibility with SciPy.
        axes: must be None.

    >>> print(binary_erosion(np.array([0, 1, 1, 1, 0])))
    [False False  True False False]
    """
    _check("binary_erosion", output, axes)
    x = _bools(input)
    found = _structure("binary_erosion", x, structure)
    window, shifts = window_of("binary_erosion", x, None, found, origin)
    border = bool(border_value)
    step = lambda x: np.all(
        elements("binary_erosion", x, window, shifts, "constant", border), axis=0
    )
    return _repeated("binary_erosion", x, step, iterations, mask)


def _check(who: str, output: Any, axes: Any) -> None:
    check_output(who, output)
    if axes is not None:
        raise ValueError(f"{who}: axes must be None: got {shown(axes)}; give a structure for all")


@answering
def binary_dilation(
    input: Any, structure: Any = None, iterations: int = 1, mask: Any = None, output: Any = None,
    border_value: int = 0, origin: Origin = 0, brute_force: bool = False, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Whether an element of the mirrored structure around each element is True.

    Args: see :func:`binary_erosion`.

    >>> print(binary_dilation(np.array([0, 0, 1, 0, 0])))
    [False  True  True  True False]
    """
    _check("binary_dilation", output, axes)
    x = _bools(input)
    found = _structure("binary_dilation", x, structure)
    window, shifts = window_of("binary_dilation", x, None, found, origin)
    window = window[(slice(None, None, -1),) * window.ndim]
    shifts = [-o - (k % 2 == 0) for o, k in zip(shifts, window.shape, strict=True)]
    border = bool(border_value)
    step = lambda x: np.any(
        elements("binary_dilation", x, window, shifts, "constant", border), axis=0
    )
    return _repeated("binary_dilation", x, step, iterations, mask)


@answering
def binary_opening(
    input: Any, structure: Any = None, iterations: int = 1, output: Any = None,
    origin: Origin = 0, mask: Any = None, border_value: int = 0, brute_force: bool = False, *,
    axes: Any = None,
) -> Any:  # fmt: skip
    """Erosion, then dilation; see :func:`binary_erosion`.

    >>> print(binary_opening(np.array([1, 0, 1, 1, 1, 0])))
    [False False  True  True  True False]
    """
    rest = (structure, iterations, mask, output, border_value, origin, brute_force)
    return binary_dilation(binary_erosion(input, *rest, axes=axes), *rest, axes=axes)


@answering
def binary_closing(
    input: Any, structure: Any = None, iterations: int = 1, output: Any = None,
    origin: Origin = 0, mask: Any = None, border_value: int = 0, brute_force: bool = False, *,
    axes: Any = None,
) -> Any:  # fmt: skip
    """Dilation, then erosion; see :func:`binary_erosion`.

    >>> print(binary_closing(np.array([0, 1, 1, 0, 1, 1, 0])))
    [False  True  True  True  True  True False]
    """
    rest = (structure, iterations, mask, output, border_value, origin, brute_force)
    return binary_erosion(binary_dilation(input, *rest, axes=axes), *rest, axes=axes)


@answering
def binary_hit_or_miss(
    input: Any, structure1: Any = None, structure2: Any = None, output: Any = None,
    origin1: Origin = 0, origin2: Origin | None = None, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Whether the elements of one structure are True, and those of another False.

    Args:
        structure1, structure2: arrays of bools; the second is the complement by default.
        origin1, origin2: their shifts.

    >>> print(binary_hit_or_miss(np.array([0, 1, 0, 1, 1]), np.array([0, 1, 0])))
    [False  True False False False]
    """
    _check("binary_hit_or_miss", output, axes)
    x = _bools(input)
    first = _structure("binary_hit_or_miss", x, structure1)
    second = ~first if structure2 is None else _structure("binary_hit_or_miss", x, structure2)
    hit = binary_erosion(x, first, origin=origin1)
    window, shifts = window_of("binary_hit_or_miss", x, None, second,
                               origin1 if origin2 is None else origin2)  # fmt: skip
    missed = np.any(elements("binary_hit_or_miss", x, window, shifts, "constant", False), axis=0)
    return np.logical_and(hit, np.logical_not(missed))


@answering
def binary_propagation(
    input: Any, structure: Any = None, mask: Any = None, output: Any = None, border_value: int = 0,
    origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Dilation within a mask until nothing changes; see :func:`binary_dilation`.

    >>> print(binary_propagation(np.array([1, 0, 0, 0]), mask=np.array([1, 1, 0, 1])))
    [ True  True False False]
    """
    return binary_dilation(input, structure, -1, mask, output, border_value, origin, axes=axes)


@answering
def binary_fill_holes(
    input: Any, structure: Any = None, output: Any = None, origin: Origin = 0, *, axes: Any = None
) -> Any:
    """True also where the border cannot be reached; see :func:`binary_dilation`.

    >>> print(binary_fill_holes(np.array([0, 1, 0, 1, 0])[None] * np.ones((1, 1)))[0])
    [False  True False  True False]
    """
    x = _bools(input)
    outside = binary_dilation(np.zeros_like(x), structure, -1, np.logical_not(x), output, 1, origin,
                              axes=axes)  # fmt: skip
    return np.logical_not(outside)


# regions and distances


@answering
def label(input: Any, structure: Any = None, output: Any = None) -> tuple[np.ndarray, int]:
    """Numbers of the connected regions of nonzero elements, whose values must be known.

    Args:
        input: array.
        structure: array of bools [3, ...], the neighbours, symmetric; by default the nearest.
        output: must be None.

    Returns:
        Labels, 0 where the array is 0, and the number of regions.

    >>> print(label(np.array([1, 1, 0, 1])))
    (array([1, 1, 0, 2], dtype=int32), 2)
    """
    check_output("label", output)
    x = _values("label", input)
    near = _structure("label", x, structure)
    if near.shape != (3,) * x.ndim or not np.array_equal(near, np.flip(near)):
        raise ShapeError(
            f"label: structure must be symmetric, with 3 elements along each axis: got shape "
            f"{near.shape}"
        )
    number = np.arange(x.size).reshape(x.shape)
    ends: list[tuple[np.ndarray, np.ndarray]] = []
    for place in np.argwhere(near)[: int(near.sum()) // 2]:
        shift = [int(i) - 1 for i in place]
        one = tuple(slice(max(-s, 0), n + min(-s, 0)) for s, n in zip(shift, x.shape, strict=True))
        two = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(shift, x.shape, strict=True))
        both = x[one] & x[two]
        ends.append((number[one][both], number[two][both]))
    roots = _roots(x.size, ends)
    names, found = np.unique(roots.reshape(x.shape)[x], return_inverse=True)
    out = np.zeros(x.shape, np.int32)
    out[x] = found + 1
    return out, len(names)


def _roots(n: int, ends: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The least element that is connected to each one, by hooking and shortcuts.

    Source: Shiloach & Vishkin 1982, "An O(log n) parallel connectivity algorithm" (J. Algorithms
    3).
    """
    root = np.arange(n)
    a, b = (np.concatenate([e[k] for e in ends] or [np.zeros(0, int)]) for k in range(2))
    while True:
        low, high = np.minimum(root[a], root[b]), np.maximum(root[a], root[b])
        if np.array_equal(low, high):
            return root
        np.minimum.at(root, high, low)
        while not np.array_equal(root, root[root]):
            root = root[root]


def _values(who: str, x: Any) -> np.ndarray:
    values = known(operand(x))
    if values is None:
        raise ConcretizationError(
            f"{who}: it needs values, which are not known under jit and vmap; call it outside"
        )
    return np.asarray(values) != 0


@answering
def distance_transform_edt(
    input: Any, sampling: Any = None, return_distances: bool = True, return_indices: bool = False,
    distances: Any = None, indices: Any = None,
) -> Any:  # fmt: skip
    """Euclidean distance of each nonzero element to the nearest 0, of known values.

    Args:
        input: array.
        sampling: spacing of elements, or one for each axis.
        return_distances, return_indices: whether to give distances, and the indices of the nearest
            zeros [rank, ...].
        distances, indices: must be None.

    Source: Felzenszwalb & Huttenlocher 2012, "Distance transforms of sampled functions" (Theory
    Comput. 8): one axis after another.

    >>> print(distance_transform_edt(np.array([0, 1, 1, 1, 0])))
    [0. 1. 2. 1. 0.]
    """
    check_output("distance_transform_edt", distances if indices is None else indices)
    x = _values("distance_transform_edt", input)
    steps = np.broadcast_to(1.0 if sampling is None else np.asarray(sampling, float), (x.ndim,))
    squared = np.where(x, np.inf, 0.0)
    nearest = np.indices(x.shape)
    for axis, step in enumerate(steps):
        squared, source = _lowered(np.moveaxis(squared, axis, -1), step * step)
        squared = np.moveaxis(squared, -1, axis)
        source = np.moveaxis(source, -1, axis)
        nearest = np.stack([np.take_along_axis(i, source, axis) for i in nearest])
    found = [np.sqrt(squared)] if return_distances else []
    found += [nearest.astype(np.int32)] if return_indices else []
    return found[0] if len(found) == 1 else tuple(found)


def _lowered(f: np.ndarray, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """min over q of f[q] + weight (p - q)**2 along the last axis, and the first q that gives it."""
    n = f.shape[-1]
    best, source = np.full(f.shape, np.inf), np.zeros(f.shape, int)
    place = np.arange(n)
    for q in range(n):
        value = f[..., q : q + 1] + weight * (place - q) ** 2
        lower = value < best
        best = np.where(lower, value, best)
        source = np.where(lower, q, source)
    return best, source


@answering
def distance_transform_cdt(
    input: Any, metric: Any = "chessboard", return_distances: bool = True,
    return_indices: bool = False, distances: Any = None, indices: Any = None,
) -> Any:  # fmt: skip
    """Number of steps from each nonzero element to the nearest 0, of known values.

    Args:
        input: array.
        metric: "chessboard", where steps may be diagonal, or "taxicab"; or a structure.
        return_distances: must be True.
        return_indices, distances, indices: must be False and None.

    >>> print(distance_transform_cdt(np.array([0, 1, 1, 1, 0])))
    [0 1 2 1 0]
    """
    if return_indices or not return_distances or distances is not None or indices is not None:
        raise ValueError("distance_transform_cdt: it gives distances alone: got other options; use "
                         "distance_transform_edt for indices")  # fmt: skip
    x = _values("distance_transform_cdt", input)
    kinds = {"chessboard": x.ndim, "taxicab": 1, "cityblock": 1, "manhattan": 1}
    if isinstance(metric, str) and metric not in kinds:
        raise ValueError(f"distance_transform_cdt: metric must be 'chessboard' or 'taxicab': got "
                         f"{shown(metric)}")  # fmt: skip
    near = generate_binary_structure(x.ndim, kinds[metric]) if isinstance(metric, str) else metric
    out, left = np.where(x, -1, 0).astype(np.int32), x
    for step in itertools.count(1):
        inner = np.asarray(binary_erosion(left, near, border_value=1))
        if np.array_equal(inner, left):  # nothing is left, or there is no 0
            return out
        out[left & ~inner] = step
        left = inner
