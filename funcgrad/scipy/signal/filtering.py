"""Recursive filters, by SciPy's names."""

from typing import Any

import numpy as np

from ...control.loops import scan
from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.structure import cast
from ..floating import as_floating


@answering
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Output of a rational filter, differentiable in its coefficients and in the signal.

    Args:
        b, a: coefficients of the numerator and the denominator, vectors.
        x: signal, shape [..., N, ...].
        axis: the axis of N.
        zi: the initial state, with max(len(a), len(b)) - 1 elements along the axis, or None.

    Returns:
        y; with ``zi`` also the final state.

    >>> lfilter(np.array([1.0]), np.array([1.0, -0.5]), np.array([1.0, 0.0, 0.0]))
    array([1.  , 0.5 , 0.25])
    """
    b, a, x = (as_floating(v) for v in (b, a, x))
    for name, v in (("b", b), ("a", a)):
        if len(shape_of(v)) != 1 or not shape_of(v)[0]:
            raise ShapeError(f"lfilter: {name} must be a vector: got {aval_of(v)}")
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, 0)
    size = max(shape_of(a)[0], shape_of(b)[0])
    dtype = np.result_type(*map(dtype_of, (b, a, x)))
    padded = lambda v: np.concatenate([v, np.zeros(size - shape_of(v)[0], dtype_of(v))])
    b, a = padded(b) / a[0], padded(a) / a[0]
    rest = (-1, *[1] * (len(shape_of(x)) - 1))
    start = np.zeros((size - 1, *shape_of(x)[1:]), dtype)
    if zi is not None:
        given = (
            np.moveaxis(as_floating(zi), axis, 0)
            if len(shape_of(operand(zi))) > 1
            else as_floating(zi)
        )
        start = start + (
            given if len(shape_of(given)) == len(shape_of(x)) else np.reshape(given, rest)
        )
    start, x = cast(start, dtype), cast(x, dtype)

    def step(state: Any, now: Any) -> tuple[Any, Any]:
        if size == 1:
            return state, b[0] * now
        y = b[0] * now + state[0]
        shifted = np.concatenate([state[1:], np.zeros_like(state[:1])])
        return shifted + np.reshape(b[1:], rest) * now - np.reshape(a[1:], rest) * y, y

    last, y = scan(step, start, x)
    y = np.moveaxis(y, 0, axis)
    return y if zi is None else (y, np.moveaxis(last, 0, axis))


@answering
def lfilter_zi(b: Any, a: Any) -> Any:
    """The state of a filter whose output to a constant signal of 1 is constant.

    Args:
        b, a: see :func:`lfilter`.

    >>> lfilter_zi(np.array([1.0]), np.array([1.0, -0.5]))
    array([1.])
    """
    b, a = (as_floating(v) for v in (b, a))
    size = max(shape_of(a)[0], shape_of(b)[0])
    padded = lambda v: np.concatenate([v, np.zeros(size - shape_of(v)[0])])
    b, a = padded(b) / a[0], padded(a) / a[0]
    companion = np.concatenate([-a[1:, None], np.eye(size - 1, size - 2)], axis=1)
    right = b[1:] - a[1:] * b[0]
    return np.linalg.solve(np.eye(size - 1) - companion, right)


@answering
def filtfilt(b: Any, a: Any, x: Any, axis: int = -1, padlen: int | None = None) -> Any:
    """A filter applied forward and backward, without a shift of phase.

    Args:
        b, a, x, axis: see :func:`lfilter`.
        padlen: int, the number of elements by which the signal is extended, with odd symmetry.

    >>> filtfilt(np.array([0.5, 0.5]), np.array([1.0]), np.arange(9.0))[:3].round(9)
    array([0., 1., 2.])
    """
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, 0)
    size = max(shape_of(operand(b))[0], shape_of(operand(a))[0])
    n = 3 * size if padlen is None else padlen
    if n >= shape_of(x)[0]:
        raise ValueError(
            f"filtfilt: the signal must be longer than padlen = {n}: got {aval_of(x)}"
            "; pass padlen=0"
        )
    if n:
        before, after = 2 * x[:1] - x[n:0:-1], 2 * x[-1:] - x[-2 : -n - 2 : -1]
        x = np.concatenate([before, x, after])
    zi = np.reshape(lfilter_zi(b, a), (-1, *[1] * (len(shape_of(x)) - 1))) if size > 1 else None
    for _ in range(2):
        x = (lfilter(b, a, x, 0) if zi is None else lfilter(b, a, x, 0, zi * x[:1])[0])[::-1]
    x = x[n : shape_of(x)[0] - n] if n else x
    return np.moveaxis(x, 0, axis)


@answering
def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Output of a chain of filters of second order.

    Args:
        sos: coefficients, shape [sections, 6]: those of the numerator, then the denominator.
        x, axis: see :func:`lfilter`.
        zi: the initial states, shape [sections, ..., 2, ...], or None.

    >>> sosfilt(np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]), np.array([1.0, 0.0, 0.0]))
    array([1.  , 0.5 , 0.25])
    """
    sos = as_floating(sos)
    if len(shape_of(sos)) != 2 or shape_of(sos)[1] != 6:
        raise ShapeError(f"sosfilt: sos must be [sections, 6]: got {aval_of(sos)}")
    y = as_floating(x)
    states: list[Any] = []
    for k in range(shape_of(sos)[0]):
        start = None if zi is None else operand(zi)[k]
        found = lfilter(sos[k, :3], sos[k, 3:], y, axis, start)
        y, last = found if zi is not None else (found, None)
        states.append(last)
    return y if zi is None else (y, np.stack(states))
