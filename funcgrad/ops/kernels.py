"""Elementwise functions that NumPy lacks, computed in blocks that fit the cache.

A kernel is a function of real arrays of one length, all float64 or all float32. A block stays in
the cache, so that a polynomial of degree 20 reads memory once. A kernel takes tracers too, and so
is its own decomposition: it uses another form for some elements by ``masked_update``, and loops by
``repeated``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import broadcast_shapes
from ..core.registry import primitives
from ..core.trace import Tracer
from .families import idled, masked_update as masked_update

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
    function.least = np.float16  # type: ignore[attr-defined]
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

    function.kernels = kernel, None  # type: ignore[attr-defined]
    function.least = np.complex64  # type: ignore[attr-defined]
    return function


def _repeated(
    step: Callable[..., Any],
    state: Sequence[Any],
    first: int,
    end: Any,
    stride: int = 1,
    going: Callable[..., Any] | None = None,
) -> Sequence[Any]:
    """``repeated`` of arrays."""
    for k in range(first, int(end), stride):
        state = step(k, *state)
        if going is not None and not going(*state).any():
            break
    return state


class Repeated:
    """The state after ``state = step(k, *state)`` for each k; of tracers a ``while`` loop.

    Args:
        step: keeps the shapes and dtypes of the state; k is a float where the loop is staged.
        state: arrays or tracers.
        first: of k, as in ``range``.
        end: of k; it may be traced.
        stride: of k.
        going: a function of a state; the loop ends when no element of its result is true.
    """

    __slots__ = ()
    __wrapped__ = staticmethod(_repeated)  # the form that a file without this library holds

    def __call__(
        self,
        step: Callable[..., Any],
        state: Sequence[Any],
        first: int,
        end: Any,
        stride: int = 1,
        going: Callable[..., Any] | None = None,
    ) -> Sequence[Any]:
        if not isinstance(end, Tracer) and not range(first, int(end), stride):
            return state
        if _is_traced((*state, end)):
            return _staged(step, state, (first, end, stride), going, True)
        state, rest = step(first, *state), (first + stride, end, stride)
        if _is_traced(state):  # by values that the step closes over
            go = True if going is None else np.any(going(*state))
            return _staged(step, state, rest, going, go)
        if going is not None and not going(*state).any():
            return state
        return _repeated(step, state, *rest, going)


repeated = Repeated()


def _is_traced(state: Sequence[Any]) -> bool:
    return any(isinstance(x, Tracer) for x in state)


def _staged(step: Any, state: Any, limits: tuple[int, Any, int], going: Any, go: Any) -> Any:
    first, end, stride = limits
    within = lambda k: k < end if stride > 0 else k > end

    def turn(k: Any, go: Any, *state: Any) -> Sequence[Any]:
        state = tuple(step(k, *state))
        return k + stride, go if going is None else np.any(going(*state)), *state

    goes_on = lambda k, go, *state: np.logical_and(go, within(k))
    start = [np.asarray(float(first)), go, *state]
    return primitives["while"].steps(goes_on, turn, start)[2:]


def masked_updates(
    ys: Sequence[Any], mask: Any, function: Callable[..., Any], *xs: Any, idle: float | None = None
) -> Sequence[Any]:
    """``masked_update`` of a function with several results."""
    if type(mask) is np.ndarray and not mask.any():
        return ys
    if all(type(x) is np.ndarray for x in (*ys, mask, *xs)):
        for y, new in zip(ys, function(*[x[mask] for x in xs]), strict=True):
            y[mask] = new
        return ys
    news = function(*idled(mask, xs, idle))
    return [np.where(mask, new, y) for y, new in zip(ys, news, strict=True)]


def complex_of(x: Any, y: Any) -> Any:
    """x + iy, also where they are infinite; of tracers without the sign of y = -0."""
    if type(x) is type(y) is np.ndarray:
        z = np.empty(x.shape, complex)
        z.real, z.imag = x, y
        return z
    infinite = np.isinf(y)
    large = np.where(y > 0, complex(0, np.inf), complex(0, -np.inf))
    return x + np.where(infinite, large, 1j * np.where(infinite, 0, y))


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
