"""Elementwise functions that NumPy lacks, computed in blocks that fit the cache.

A kernel is a function of real arrays of one length, all float64 or all float32. A block stays in
the cache, so that a polynomial of degree 20 reads memory once. A kernel takes tracers too, and so
is its own decomposition: it uses another form for some elements by ``masked_update``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import broadcast_shapes
from .families import masked_update as masked_update

BLOCK = 32768


def by_blocks(
    f64: Callable[..., Any],
    f32: Callable[..., Any] | None = None,
    scalar: Callable[[float], float] | None = None,
) -> Any:
    """A function of real arrays that applies a kernel to blocks.

    Operands broadcast, and are promoted to a floating dtype as by NumPy. ``f32`` is the kernel for
    float32 and float16; without it they are computed in float64. ``scalar`` computes one Python
    float, in a twentieth of the time.
    """

    def function(*xs: Any, out: Any = None) -> Any:
        xs = tuple([x if type(x) in (bool, int, float) else np.asarray(x) for x in xs])
        dtype = np.result_type(np.result_type(*xs), np.float16)
        if dtype.kind != "f" or dtype.itemsize > 8:
            raise TypeError(f"a special function takes real arrays: got {np.result_type(*xs)}")
        double = f32 is None or dtype.itemsize == 8
        kernel: Any = f64 if double else f32
        inner = np.float64 if double else np.float32
        shape = broadcast_shapes(*map(np.shape, xs))
        if scalar is not None and shape == () and out is None:
            number = scalar(float(xs[0]))
            if dtype.itemsize == 8:  # errstate takes longer than all else here
                return dtype.type(number)
            with np.errstate(over="ignore"):
                return dtype.type(number)
        y = np.empty(shape, dtype) if out is None else out
        flat, rows = y.reshape(-1), [flattened(np.asarray(x), shape) for x in xs]
        with np.errstate(all="ignore"):  # inf and nan are results here, as in scipy
            for i in range(0, flat.size, BLOCK):
                block = [x[i : i + BLOCK].astype(inner, copy=False) for x in rows]
                flat[i : i + BLOCK] = kernel(*block)
        return y[()]

    function.kernels = f64, f32  # type: ignore[attr-defined]
    return function


def without_decomposition(f64: Callable[..., Any]) -> Any:
    """``by_blocks`` of a kernel that takes arrays alone: its loops end when they have converged."""
    function = by_blocks(f64)
    del function.kernels
    return function


def complex_blocks(kernel: Callable[..., Any]) -> Any:
    """A function of complex or real arrays that applies a kernel of complex128 arrays to blocks."""

    def function(*xs: Any, out: Any = None) -> Any:
        weak = (bool, int, float, complex)
        xs = tuple([x if type(x) in weak else np.asarray(x) for x in xs])
        dtype = np.result_type(np.result_type(*xs), np.complex64)
        if dtype.kind != "c" or dtype.itemsize > 16:
            raise TypeError(f"a special function takes complex arrays: got {np.result_type(*xs)}")
        shape = broadcast_shapes(*map(np.shape, xs))
        y = np.empty(shape, dtype) if out is None else out
        flat, rows = y.reshape(-1), [flattened(np.asarray(x), shape) for x in xs]
        with np.errstate(all="ignore"):  # inf and nan are results here, as in scipy
            for i in range(0, flat.size, BLOCK):
                block = [x[i : i + BLOCK].astype(np.complex128, copy=False) for x in rows]
                flat[i : i + BLOCK] = kernel(*block)
        return y[()]

    return function


def flattened(x: Any, shape: tuple[int, ...]) -> Any:
    """An array broadcast to a shape, flattened; a view for one element."""
    if x.shape == shape:
        return x.reshape(-1)
    if x.size == 1:
        return np.broadcast_to(x.reshape(1), (np.empty(shape, bool).size,))
    return np.broadcast_to(x, shape).reshape(-1)


def polynomial(coefficients: Sequence[float], v: Any) -> Any:
    """A polynomial by Horner's rule; coefficients from the highest power on."""
    if type(v) is not np.ndarray:
        p: Any = coefficients[0]
        for c in coefficients[1:]:
            p = p * v + c
        return p
    p = np.full_like(v, coefficients[0])
    for c in coefficients[1:]:
        p *= v
        p += c
    return p


def rational(above: Sequence[float], below: Sequence[float], v: Any) -> Any:
    """The quotient of two polynomials; coefficients from the highest power on."""
    return polynomial(above, v) / polynomial(below, v)
