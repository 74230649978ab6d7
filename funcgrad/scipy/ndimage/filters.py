"""Correlations with small arrays, and filters made of them."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...core.trace import is_concrete
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from ..signal.convolution import correlate as _correlate
from .borders import check_mode, check_output, check_per_axis, extended


def _weights(who: str, weights: Any, rank: int, x: Any) -> Any:
    w = as_floating(weights)
    if len(shape_of(w)) != rank or not all(shape_of(w)):
        raise ShapeError(
            f"{who}: weights must have {rank} axes, and elements: got {aval_of(w)}"
            "; give one axis for each of the input"
        )
    return (
        cast(w, np.result_type(dtype_of(x), dtype_of(w)))
        if dtype_of(w).kind == "c"
        else (cast(w, dtype_of(x)))
    )


@answering
def correlate1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Correlation along an axis with a vector.

    Args:
        input: array; integers give float64.
        weights: shape [k].
        axis: the axis.
        output: must be None.
        mode, cval: the continuation beyond borders, as in SciPy: "reflect", "constant" by ``cval``,
            "nearest", "mirror" or "wrap".
        origin: int, the shift of the weights.

    >>> print(correlate1d(np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0])))
    [0. 3. 2. 1.]
    """
    check_output("correlate1d", output)
    check_mode("correlate1d", mode)
    x = as_floating(input)
    w = _weights("correlate1d", weights, 1, x)
    axis = axis_of(axis, len(shape_of(x)))
    k, n = shape_of(w)[0], shape_of(x)[axis]
    before = k // 2 + operator.index(origin)
    _check_origin("correlate1d", k, origin)
    if not n:
        return x
    wide = extended(x, axis, before, k - 1 - before, mode, cval)
    lead = (slice(None),) * axis
    total: Any = 0
    for j in range(k):
        total = total + w[j] * wide[(*lead, slice(j, j + n))]
    return total


@answering
def convolve1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Convolution along an axis with a vector; see :func:`correlate1d`.

    >>> print(convolve1d(np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0])))
    [0. 1. 2. 3.]
    """
    w = operand(weights)
    origin = -origin - (1 if shape_of(w)[0] % 2 == 0 else 0)
    return correlate1d(input, w[::-1], axis, output, mode, cval, origin)


@answering
def correlate(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    origin: int | Sequence[int] = 0,
) -> Any:  # fmt: skip
    """Correlation with an array of equal rank; see :func:`correlate1d`.

    >>> print(correlate(np.eye(3), np.ones((1, 3)), mode="constant"))
    [[1. 1. 0.]
     [1. 1. 1.]
     [0. 1. 1.]]
    """
    check_output("correlate", output)
    check_mode("correlate", mode)
    x = as_floating(input)
    rank = len(shape_of(x))
    w = _weights("correlate", weights, rank, x)
    origins = [origin] * rank if isinstance(origin, int) else list(origin)
    for axis, (k, shift) in enumerate(zip(shape_of(w), origins, strict=True)):
        before = k // 2 + shift
        _check_origin("correlate", k, shift)
        x = extended(x, axis, before, k - 1 - before, mode, cval)
    return _correlate(x, np.conj(w) if dtype_of(w).kind == "c" else w, "valid")


@answering
def convolve(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    origin: int | Sequence[int] = 0,
) -> Any:  # fmt: skip
    """Convolution with an array of equal rank; see :func:`correlate1d`.

    >>> print(convolve(np.array([0.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0]), mode="constant"))
    [1. 2. 3.]
    """
    w = operand(weights)
    shape = shape_of(w)
    origins = [origin] * len(shape) if isinstance(origin, int) else list(origin)
    shifts = [-o - (1 if k % 2 == 0 else 0) for o, k in zip(origins, shape, strict=True)]
    return correlate(input, w[(slice(None, None, -1),) * len(shape)], output, mode, cval, shifts)


def _check_origin(who: str, k: int, origin: int) -> None:
    if not 0 <= k // 2 + origin <= k - 1:
        raise ValueError(
            f"{who}: the origin must keep the center within the {k} weights: got {origin}"
        )


@answering
def gaussian_filter1d(
    input: Any, sigma: Any, axis: int = -1, order: int = 0, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, truncate: float = 4.0, *, radius: int | None = None,
) -> Any:  # fmt: skip
    """Gaussian filter along an axis, differentiable in ``sigma`` too.

    Args:
        input, axis, output, mode, cval: see :func:`correlate1d`.
        sigma: standard deviation, in elements; under jit and vmap ``radius`` must be given.
        order: int, the derivative of the Gaussian.
        truncate: the reach of the filter, in standard deviations.
        radius: int, the reach in elements.

    >>> print(gaussian_filter1d(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), 0.5).round(3))
    [0.    0.106 0.787 0.106 0.   ]
    """
    if radius is None:
        if not is_concrete(sigma):
            raise ValueError(
                f"gaussian_filter1d: a traced sigma needs a radius: got {aval_of(sigma)}"
            )
        radius = int(truncate * float(stop_gradient(sigma)) + 0.5)
    weights = _gaussian(operand(sigma), order, radius)
    return correlate1d(input, weights[::-1], axis, output, mode, cval)


def _gaussian(sigma: Any, order: int, radius: int) -> Any:
    x = np.arange(-radius, radius + 1, dtype=float)
    phi = np.exp(-0.5 * x**2 / sigma**2)
    phi = phi / np.sum(phi)
    powers: list[Any] = [1.0] + [0.0] * order  # of the polynomial that multiplies the Gaussian
    for _ in range(order):
        slope = [(k + 1) * p for k, p in enumerate(powers[1:])] + [0.0]
        lowered = [0.0] + [-p / sigma**2 for p in powers[:-1]]
        powers = [a + b for a, b in zip(slope, lowered, strict=True)]
    total: Any = 0.0
    for k, p in enumerate(powers):
        total = total + p * x**k
    return total * phi


@answering
def gaussian_filter(
    input: Any, sigma: Any, order: int | Sequence[int] = 0, output: Any = None,
    mode: str | Sequence[str] = "reflect", cval: Any = 0.0, truncate: float = 4.0, *,
    radius: Any = None, axes: Sequence[int] | None = None,
) -> Any:  # fmt: skip
    """Gaussian filter along all or some axes; see :func:`gaussian_filter1d`.

    Args:
        sigma, order, mode, radius: one for all axes, or one for each.

    >>> print(gaussian_filter(np.eye(2), 1.0).round(3))
    [[0.542 0.458]
     [0.458 0.542]]
    """
    x = as_floating(input)
    axes = range(len(shape_of(x))) if axes is None else axes
    listed = isinstance(sigma, (list, tuple)) or shape_of(operand(sigma))
    each = lambda v: list(v) if isinstance(v, (list, tuple)) else [v] * len(axes)
    sigmas = [sigma[k] for k in range(len(axes))] if listed else [sigma] * len(axes)
    check_per_axis("gaussian_filter", "sigma", [*sigma] if listed else sigmas, len(axes))
    if any(is_concrete(s) and float(stop_gradient(s)) < 0 for s in sigmas):
        raise ValueError(
            f"gaussian_filter: sigma must not be negative: got {sigma}; write sigma=1.0"
        )
    rows = zip(axes, sigmas, each(order), each(mode), each(radius), strict=True)
    for axis, s, o, m, r in rows:
        if not is_concrete(s) or float(stop_gradient(s)) > 1e-15:
            x = gaussian_filter1d(x, s, axis, o, output, m, cval, truncate, radius=r)
    return x


@answering
def uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Mean over windows along an axis; see :func:`correlate1d`.

    >>> print(uniform_filter1d(np.array([0.0, 3.0, 0.0, 0.0]), 3))
    [1. 1. 1. 0.]
    """
    return correlate1d(input, np.full(size, 1 / size), axis, output, mode, cval, origin)


@answering
def uniform_filter(
    input: Any, size: int | Sequence[int] = 3, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """Mean over windows; see :func:`correlate1d`.

    >>> print(uniform_filter(9 * np.eye(3), mode="constant")[1, 1].round(9))
    3.0
    """
    x = as_floating(input)
    rank = len(shape_of(x))
    sizes = [size] * rank if isinstance(size, int) else [*size]
    check_per_axis("uniform_filter", "size", sizes, rank)
    if any(k < 1 for k in sizes):
        raise ValueError(f"uniform_filter: size must be at least 1: got {size}; write size=3")
    for axis, k in enumerate(sizes):
        x = uniform_filter1d(x, k, axis, output, mode, cval, origin) if k > 1 else x
    return x


@answering
def laplace(input: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0) -> Any:
    """Sum of second differences along all axes; see :func:`correlate1d`.

    >>> print(laplace(np.array([0.0, 1.0, 4.0, 9.0]))[1:3])
    [2. 2.]
    """
    x = as_floating(input)
    rows = [
        correlate1d(x, np.array([1.0, -2.0, 1.0]), d, output, mode, cval)
        for d in range(len(shape_of(x)))
    ]
    return sum(rows[1:], rows[0])


@answering
def sobel(
    input: Any, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0
) -> Any:
    """Differences along an axis, smoothed along the others; see :func:`correlate1d`.

    >>> print(sobel(np.arange(4.0))[1:3])
    [2. 2.]
    """
    return _edges(input, axis, output, mode, cval, np.array([1.0, 2.0, 1.0]))


@answering
def prewitt(
    input: Any, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0
) -> Any:
    """Differences along an axis, averaged along the others; see :func:`correlate1d`.

    >>> print(prewitt(np.arange(4.0))[1:3])
    [2. 2.]
    """
    return _edges(input, axis, output, mode, cval, np.ones(3))


def _edges(x: Any, axis: int, output: Any, mode: str, cval: Any, smooth: np.ndarray) -> Any:
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    y = correlate1d(x, np.array([-1.0, 0.0, 1.0]), axis, output, mode, cval)
    for d in range(len(shape_of(x))):
        y = correlate1d(y, smooth, d, output, mode, cval) if d != axis else y
    return y
