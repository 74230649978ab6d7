"""Filters that multiply the Fourier transform of an array."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.lazy import answering
from ...ops.operand import operand
from ...special import j1
from ..floating import as_floating
from .borders import check_output, check_per_axis


def _frequencies(shape: tuple[int, ...], n: int, axis: int) -> list[Any]:
    """The frequencies along each axis, [..., N, ...], of a real transform along one if n >= 0."""
    found = []
    for d, size in enumerate(shape):
        real = n >= 0 and d == axis % len(shape)
        f = np.arange(size) / n if real else np.fft.fftfreq(size)
        found.append(f.reshape(-1, *[1] * (len(shape) - 1 - d)))
    return found


def _each(who: str, name: str, value: Any, rank: int) -> list[Any]:
    listed = isinstance(value, (list, tuple)) or shape_of(operand(value))
    values = [value[k] for k in range(len(value))] if listed else [value] * rank
    check_per_axis(who, name, values, rank)
    return values


def _product(
    who: str, name: str, x: Any, value: Any, n: int, axis: int, output: Any,
    rule: Callable[[Any, Any], Any],
) -> Any:  # fmt: skip
    check_output(who, output)
    x = as_floating(x)
    values = _each(who, name, value, len(shape_of(x)))
    for f, v in zip(_frequencies(shape_of(x), n, axis), values, strict=True):
        x = x * rule(f, operand(v))
    return x


@answering
def fourier_gaussian(
    input: Any, sigma: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Any:
    """The transform of an array after a Gaussian filter, differentiable in ``sigma``.

    Args:
        input: transform of an array.
        sigma: standard deviation, or one for each axis.
        n: -1, or the length of a real transform along ``axis``.
        output: must be None.

    >>> print(fourier_gaussian(np.ones(3), 1.0).round(4))
    [1.     0.1116 0.1116]
    """
    rule = lambda f, s: np.exp(-2 * (np.pi * f * s) ** 2)
    return _product("fourier_gaussian", "sigma", input, sigma, n, axis, output, rule)


@answering
def fourier_uniform(input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:
    """The transform of an array after a mean of windows; see :func:`fourier_gaussian`.

    Args:
        size: the length of the windows, or one for each axis.

    >>> print(fourier_uniform(np.ones(4), 2.0).round(4))
    [1.     0.6366 0.     0.6366]
    """
    rule = lambda f, s: np.sinc(f * s)
    return _product("fourier_uniform", "size", input, size, n, axis, output, rule)


@answering
def fourier_shift(input: Any, shift: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:
    """The transform of a moved array; see :func:`fourier_gaussian`.

    Args:
        shift: the distance in elements, or one for each axis.

    >>> print(fourier_shift(np.ones(2), 1.0).real.round(9))
    [ 1. -1.]
    """
    rule = lambda f, s: np.exp(-2j * np.pi * f * s)
    return _product("fourier_shift", "shift", input, shift, n, axis, output, rule)


@answering
def fourier_ellipsoid(
    input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Any:
    """The transform of an array after a mean of ellipsoids, of 1 to 3 axes.

    Args:
        input, n, axis, output: see :func:`fourier_gaussian`.
        size: the length of the ellipsoid's axes, or one for each.

    >>> print(fourier_ellipsoid(np.ones((1, 4)), 2.0).round(4))
    [[1.     0.7217 0.1812 0.7217]]
    """
    check_output("fourier_ellipsoid", output)
    x = as_floating(input)
    rank = len(shape_of(x))
    if rank > 3:
        raise ValueError(f"fourier_ellipsoid: input must have at most 3 axes: got {rank}")
    sizes = _each("fourier_ellipsoid", "size", size, rank)
    squares = [
        (f * operand(s)) ** 2
        for f, s in zip(_frequencies(shape_of(x), n, axis), sizes, strict=True)
    ]
    squared = sum(squares[1:], squares[0])
    at_0 = squared == 0
    r = math.pi * np.sqrt(np.where(at_0, 1.0, squared))
    if rank == 1:
        factor = np.sin(r) / r
    elif rank == 2:
        factor = 2 * j1(r) / r
    else:
        factor = 3 * (np.sin(r) - r * np.cos(r)) / r**3
    return x * np.where(at_0, 1.0, factor)
