"""Filters of windows: least-squares polynomials, medians, and Wiener's."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, real_dtype, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops.operand import operand, strong
from ...ops.reduce import axis_of
from ...ops.structure import cast
from ..floating import as_floating
from ..ndimage.filters import correlate1d
from ..ndimage.ranks import ranked
from .convolution import correlate


def _fit(n: int, polyorder: int, pos: float) -> np.ndarray:
    """The matrix from n samples to the coefficients of their polynomial around ``pos``."""
    return np.linalg.pinv(np.vander(np.arange(n) - pos, polyorder + 1, increasing=True))


def _check_lengths(window_length: int, polyorder: int) -> None:
    if not 0 <= polyorder < window_length:
        raise ValueError(
            f"savgol_coeffs: polyorder must be less than window_length = {window_length}: got "
            f"{polyorder}"
        )


@answering
def savgol_coeffs(
    window_length: int, polyorder: int, deriv: int = 0, delta: Any = 1.0, pos: int | None = None,
    use: str = "conv",
) -> Any:  # fmt: skip
    """Coefficients of Savitzky's and Golay's filter: of a polynomial through a window's samples.

    Args:
        window_length: int, the number of coefficients.
        polyorder: int, the degree of the polynomial.
        deriv: int, the order of the derivative that is taken.
        delta: spacing of the samples.
        pos: int, the place at which the polynomial is evaluated, by default the middle.
        use: "conv", for convolution, or "dot", for products with the samples in order.

    Source: Savitzky & Golay 1964, "Smoothing and differentiation of data by simplified least
    squares procedures" (Anal. Chem. 36).

    >>> print(savgol_coeffs(3, 1).round(4))
    [0.3333 0.3333 0.3333]
    """
    _check_lengths(window_length, polyorder)
    if use not in ("conv", "dot"):
        raise ValueError(f"savgol_coeffs: use must be 'conv' or 'dot': got {shown(use)}")
    middle = (window_length - 1) / 2 if pos is None else pos
    if not 0 <= middle < window_length:
        raise ValueError(f"savgol_coeffs: pos must be within the window: got {pos}; leave it out")
    if deriv > polyorder:
        return np.zeros(window_length)
    row = _fit(window_length, polyorder, middle)[deriv] * math.factorial(deriv)
    return (row[::-1] if use == "conv" else row) / operand(delta) ** deriv


@answering
def savgol_filter(
    x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: Any = 1.0, axis: int = -1,
    mode: str = "interp", cval: Any = 0.0,
) -> Any:  # fmt: skip
    """Samples smoothed by polynomials through windows, or derivatives of these.

    Args:
        x: samples, shape [..., N, ...].
        window_length, polyorder, deriv, delta: see :func:`savgol_coeffs`.
        axis: the axis of N.
        mode: "interp", polynomials of the first and last window near the ends; or a continuation:
            "mirror", "constant" by ``cval``, "nearest" or "wrap".

    >>> print(savgol_filter(np.arange(5.0) ** 2, 3, 2).round(9) + 0.0)
    [ 0.  1.  4.  9. 16.]
    """
    if mode not in ("mirror", "constant", "nearest", "wrap", "interp"):
        raise ValueError(
            f"savgol_filter: mode must be 'interp', 'mirror', 'constant', 'nearest' or 'wrap': got "
            f"{shown(mode)}"
        )
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    kind = real_dtype(dtype_of(x))
    weights = cast(savgol_coeffs(window_length, polyorder, deriv, delta, None, "dot"), kind)
    n, half, odd = shape_of(x)[axis], window_length // 2, window_length % 2
    inner = correlate1d(
        x, weights, axis, None, "nearest" if mode == "interp" else mode, cval, odd - 1
    )
    if mode != "interp":
        return inner
    x, inner = np.moveaxis(x, axis, 0), np.moveaxis(inner, axis, 0)
    if window_length > n:
        raise ShapeError(
            f"savgol_filter: window_length must be at most {n} for mode='interp': got "
            f"{window_length}; write mode='nearest'"
        )
    matrix = _end_matrix(window_length, polyorder, deriv) / operand(delta) ** deriv
    first, last = (
        np.tensordot(cast(matrix, kind), side, axes=1)
        for side in (x[:window_length], x[n - window_length :])
    )
    whole = np.concatenate([first[:half], inner[half : n - half], last[half + odd :]])
    return np.moveaxis(whole, 0, axis)


def _end_matrix(n: int, polyorder: int, deriv: int) -> np.ndarray:
    """The values of a window's polynomial at its samples, as a matrix."""
    t = np.arange(n) - (n - 1) / 2
    fit = _fit(n, polyorder, (n - 1) / 2)
    rows = [
        math.perm(k, deriv) * t ** (k - deriv) if k >= deriv else 0 * t
        for k in range(polyorder + 1)
    ]
    return np.stack(rows, axis=1) @ fit


@answering
def order_filter(a: Any, domain: Any, rank: int) -> Any:
    """The element of a rank among those of a window, with zeros beyond the borders.

    Args:
        a: array.
        domain: array of equal rank and odd lengths, whose nonzero elements are the window.
        rank: int, 0 for the least.

    >>> print(order_filter(np.array([3.0, 1.0, 2.0]), np.ones(3), 2))
    [3. 3. 2.]
    """
    a, domain = strong(operand(a)), np.asarray(domain)
    if domain.ndim != len(shape_of(a)) or not all(k % 2 for k in domain.shape):
        raise ShapeError(
            f"order_filter: domain must have odd lengths, and axes as a: got {aval_of(a)} and "
            f"{aval_of(domain)}"
        )
    return ranked("order_filter", a, domain != 0, int(rank), "constant", 0.0)


@answering
def medfilt(volume: Any, kernel_size: int | Sequence[int] = 3) -> Any:
    """The median of each window, with zeros beyond the borders.

    Args:
        volume: array.
        kernel_size: int, or one for each axis, odd.

    >>> print(medfilt(np.array([1.0, 9.0, 2.0, 3.0])))
    [1. 2. 3. 2.]
    """
    x = strong(operand(volume))
    rank = len(shape_of(x))
    sizes = [kernel_size] * rank if isinstance(kernel_size, int) else [int(k) for k in kernel_size]
    return order_filter(x, np.ones(sizes), math.prod(sizes) // 2)


@answering
def medfilt2d(input: Any, kernel_size: int | Sequence[int] = 3) -> Any:
    """The median of each window of a matrix; see :func:`medfilt`.

    >>> print(medfilt2d(np.eye(3)).sum())
    0.0
    """
    x = strong(operand(input))
    if len(shape_of(x)) != 2:
        raise ShapeError(f"medfilt2d: input must be a matrix: got {aval_of(x)}; use medfilt")
    return medfilt(x, kernel_size)


@answering
def wiener(im: Any, mysize: int | Sequence[int] | None = None, noise: Any = None) -> Any:
    """Wiener's filter: means of windows, nearer to the samples where these vary more.

    Args:
        im: array.
        mysize: int, or one for each axis, the lengths of windows; by default 3.
        noise: variance of the noise, by default the mean of the windows' variances.

    Source: Lim 1990, "Two-dimensional signal and image processing", section 9.2.

    >>> print(wiener(np.array([1.0, 2.0, 1.0, 4.0]), 3, 0.1).round(4))
    [1.     1.7    1.0857 3.9192]
    """
    x = as_floating(im)
    rank = len(shape_of(x))
    size = 3 if mysize is None else mysize
    sizes = [size] * rank if isinstance(size, int) else [int(k) for k in size]
    ones, count = np.ones(sizes, real_dtype(dtype_of(x))), math.prod(sizes)
    mean = correlate(x, ones, "same") / count
    variance = correlate(x**2, ones, "same") / count - mean**2
    noise = np.mean(variance) if noise is None else operand(noise)
    flat = variance < noise
    near = (x - mean) * (1 - noise / np.where(flat, 1.0, variance)) + mean
    return np.where(flat, mean, near)
