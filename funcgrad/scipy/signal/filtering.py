"""Recursive filters, by SciPy's names."""

import math
from typing import Any

import numpy as np

from ...control.loops import scan
from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import UnsupportedError
from ...core.lazy import answering
from ...numpy.indexing import known, take
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.structure import cast
from ..floating import as_floating
from .convolution import convolve
from .representations import coefficients, sections_of

_SHORTEST, _LONGEST = 32, 256  # blocks


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
    b, a, x = coefficients("lfilter", "b", b), coefficients("lfilter", "a", a), as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, 0)
    size = max(shape_of(a)[0], shape_of(b)[0])
    dtype = np.result_type(*map(dtype_of, (b, a, x)))
    finite = shape_of(a)[0] == 1
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

    if finite:
        last, y = _finite(b, x, start)
    else:
        # states of filters of higher order are so large that powers of their matrix lose all digits
        blocks = 2 <= size <= 3 and shape_of(x)[0] >= 4 * _SHORTEST
        last, y = (_in_blocks if blocks else _recursive)(b, a, x, start)
    y = np.moveaxis(y, 0, axis)
    return y if zi is None else (y, np.moveaxis(last, 0, axis))


def _recursive(b: Any, a: Any, x: Any, start: Any) -> tuple[Any, Any]:
    """The final state and the output, sample by sample."""
    rest = (-1, *[1] * (len(shape_of(x)) - 1))

    def step(state: Any, now: Any) -> tuple[Any, Any]:
        state, y = _next(b, a, rest, state, now)
        return state, y

    return scan(step, start, x)  # type: ignore[no-any-return]


def _next(b: Any, a: Any, rest: tuple[int, ...], state: Any, now: Any) -> tuple[Any, Any]:
    """The next state of the transposed direct form II, and the output."""
    y = b[0] * now + state[0]
    shifted = np.concatenate([state[1:], np.zeros_like(state[:1])])
    return shifted + np.reshape(b[1:], rest) * now - np.reshape(a[1:], rest) * y, y


def _in_blocks(b: Any, a: Any, x: Any, start: Any) -> tuple[Any, Any]:
    """The same by blocks of the root of the length, of which each is a product of matrices.

    The responses to a unit input and to unit states, in a block, give the output of a block by its
    inputs and its first state. A loop over blocks finds these states.
    """
    n, order, shape = shape_of(x)[0], shape_of(start)[0], shape_of(x)
    length = min(max(math.isqrt(n), _SHORTEST), _LONGEST)
    first = n % length
    start, head = _recursive(b, a, x[:first], start)
    dtype = dtype_of(x)
    impulse = np.zeros((length, order + 1), dtype)
    impulse[0, 0] = 1
    units = np.eye(order, order + 1, 1, dtype)

    def step(state: Any, now: Any) -> tuple[Any, Any]:
        state, y = _next(b, a, (-1, 1), state, now)
        return state, (y, state[:, 0])

    through, (outputs, states) = scan(step, units, impulse)
    delay = np.arange(length)[:, None] - np.arange(length)
    response = np.where(delay >= 0, take(outputs[:, 0], np.maximum(delay, 0), axis=0), 0)
    blocks = np.reshape(x[first:], (n // length, length, -1))
    entering = states[::-1].T @ blocks

    def move(state: Any, found: Any) -> tuple[Any, Any]:
        return through[:, 1:] @ state + found, state

    last, before = scan(move, np.reshape(start, (order, -1)), entering)
    y = np.reshape(response @ blocks + outputs[:, 1:] @ before, (n - first, *shape[1:]))
    return np.reshape(last, shape_of(start)), np.concatenate([head, y])


def _finite(b: Any, x: Any, start: Any) -> tuple[Any, Any]:
    """The final state and the output of a filter without a denominator: a convolution."""
    n, k = shape_of(x)[0], shape_of(start)[0]
    whole = np.moveaxis(convolve(x, cast(b, dtype_of(x)), axes=((0,), (0,))), -1, 0)
    head = whole[:k] + start
    whole = np.concatenate([head, whole[k:]])
    return whole[n:], whole[:n]


@answering
def lfilter_zi(b: Any, a: Any) -> Any:
    """The state of a filter whose output to a constant signal of 1 is constant.

    Args:
        b, a: see :func:`lfilter`.

    >>> lfilter_zi(np.array([1.0]), np.array([1.0, -0.5]))
    array([1.])
    """
    b, a = coefficients("lfilter_zi", "b", b), coefficients("lfilter_zi", "a", a)
    size = max(shape_of(a)[0], shape_of(b)[0])
    padded = lambda v: np.concatenate([v, np.zeros(size - shape_of(v)[0])])
    b, a = padded(b) / a[0], padded(a) / a[0]
    companion = np.concatenate([-a[1:, None], np.eye(size - 1, size - 2)], axis=1)
    right = b[1:] - a[1:] * b[0]
    return np.linalg.solve(np.eye(size - 1) - companion, right)


@answering
def filtfilt(
    b: Any, a: Any, x: Any, axis: int = -1, padtype: str | None = "odd",
    padlen: int | None = None, method: str = "pad", irlen: Any = None,
) -> Any:  # fmt: skip
    """A filter applied forward and backward, without a shift of phase.

    Args:
        b, a, x, axis: see :func:`lfilter`.
        padtype: the symmetry by which the signal is extended: "odd", "even", "constant" or None.
        padlen: int, the number of elements by which it is extended, at both ends.
        method: "pad"; Gustafsson's is not supported.
        irlen: must be None, it is of Gustafsson's method.

    >>> filtfilt(np.array([0.5, 0.5]), np.array([1.0]), np.arange(9.0))[:3].round(9)
    array([0., 1., 2.])
    """
    if method != "pad" or irlen is not None:
        raise UnsupportedError(f"filtfilt: method must be 'pad', without irlen: got {method!r}")
    b, a, x = coefficients("filtfilt", "b", b), coefficients("filtfilt", "a", a), as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    size = max(shape_of(b)[0], shape_of(a)[0])
    x, edge = _widened("filtfilt", np.moveaxis(x, axis, 0), size, padtype, padlen)
    zi = np.reshape(lfilter_zi(b, a), (-1, *[1] * (len(shape_of(x)) - 1))) if size > 1 else None
    for _ in range(2):
        x = (lfilter(b, a, x, 0) if zi is None else lfilter(b, a, x, 0, zi * x[:1])[0])[::-1]
    return np.moveaxis(x[edge : shape_of(x)[0] - edge], 0, axis)


def _widened(
    who: str, x: Any, taps: int, padtype: str | None, padlen: int | None
) -> tuple[Any, int]:
    """A signal [N, ...] continued at both ends, and the number of new elements at each."""
    if padtype not in ("odd", "even", "constant", None):
        raise ValueError(
            f"{who}: padtype must be 'odd', 'even', 'constant' or None: got {padtype!r}"
        )
    n = 0 if padtype is None else 3 * taps if padlen is None else int(padlen)
    if not 0 <= n < shape_of(x)[0]:
        raise ValueError(
            f"{who}: the signal must be longer than padlen = {n}: got {aval_of(x)}; pass padlen=0"
        )
    if not n:
        return x, 0
    before, after = x[n:0:-1], x[-2 : -n - 2 : -1]
    if padtype == "constant":
        before, after = before * 0 + x[:1], after * 0 + x[-1:]
    if padtype == "odd":
        before, after = 2 * x[:1] - before, 2 * x[-1:] - after
    return np.concatenate([before, x, after]), n


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
    sos = sections_of("sosfilt", sos)
    y = as_floating(x)
    states: list[Any] = []
    for k in range(shape_of(sos)[0]):
        start = None if zi is None else operand(zi)[k]
        found = lfilter(sos[k, :3], sos[k, 3:], y, axis, start)
        y, last = found if zi is not None else (found, None)
        states.append(last)
    return y if zi is None else (y, np.stack(states))


@answering
def sosfilt_zi(sos: Any) -> Any:
    """The states of a chain of filters whose output to a constant signal of 1 is constant.

    Args:
        sos: coefficients, shape [sections, 6].

    Returns:
        States [sections, 2]; see :func:`sosfilt`.

    >>> sosfilt_zi(np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]))
    array([[1., 0.]])
    """
    sos = sections_of("sosfilt_zi", sos)
    rows, scale = [], 1.0
    for k in range(shape_of(sos)[0]):
        rows.append(scale * lfilter_zi(sos[k, :3], sos[k, 3:]))
        scale = scale * np.sum(sos[k, :3]) / np.sum(sos[k, 3:])
    return np.stack(rows)


@answering
def sosfiltfilt(
    sos: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None
) -> Any:
    """A chain of filters applied forward and backward, without a shift of phase.

    Args:
        sos, x, axis: see :func:`sosfilt`.
        padtype, padlen: see :func:`filtfilt`.

    >>> sosfiltfilt(np.array([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]]), np.arange(9.0))[:3].round(9)
    array([0., 1., 2.])
    """
    sos, x = sections_of("sosfiltfilt", sos), as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    n = shape_of(sos)[0]
    taps = 2 * n + 1 - min(_zeros_in(sos[:, 2]), _zeros_in(sos[:, 5]))
    x, edge = _widened("sosfiltfilt", np.moveaxis(x, axis, 0), taps, padtype, padlen)
    zi = np.reshape(sosfilt_zi(sos), (n, 2, *[1] * (len(shape_of(x)) - 1)))
    for _ in range(2):
        x = sosfilt(sos, x, 0, zi * x[:1])[0][::-1]
    return np.moveaxis(x[edge : shape_of(x)[0] - edge], 0, axis)


def _zeros_in(x: Any) -> int:
    """How many elements are known to be 0."""
    values = known(x)
    return 0 if values is None else int(np.sum(values == 0))


@answering
def lfiltic(b: Any, a: Any, y: Any, x: Any = None) -> Any:
    """The state of a filter after given outputs and inputs.

    Args:
        b, a: see :func:`lfilter`.
        y, x: earlier outputs and inputs, the last one first.

    >>> lfiltic(np.array([1.0]), np.array([1.0, -0.5]), np.array([2.0]))
    array([1.])
    """
    b, a, y = (coefficients("lfiltic", name, v) for name, v in (("b", b), ("a", a), ("y", y)))
    x = np.zeros(0) if x is None else np.reshape(as_floating(x), (-1,))
    m, n = shape_of(b)[0] - 1, shape_of(a)[0] - 1
    b, a, size = b / a[0], a / a[0], max(m, n)
    padded = lambda v, k: np.concatenate([v, np.zeros(max(k - shape_of(v)[0], 0))])[:k]
    x, y, b, a = padded(x, m), padded(y, n), padded(b, size + 1), padded(a, size + 1)
    x, y = padded(x, size), padded(y, size)
    place = np.arange(1, size + 1)[:, None] + np.arange(size)
    inside = place <= size
    hankel = lambda c: np.where(inside, c[np.where(inside, place, 0)], 0.0)
    return hankel(b) @ x - hankel(a) @ y


@answering
def deconvolve(signal: Any, divisor: Any) -> tuple[Any, Any]:
    """Quotient and remainder of polynomials: signal = convolve(divisor, quotient) + remainder.

    Args:
        signal, divisor: vectors.

    >>> deconvolve(np.array([1.0, 3.0, 5.0, 3.0]), np.array([1.0, 1.0]))
    (array([1., 2., 3.]), array([0., 0., 0., 0.]))
    """
    num = coefficients("deconvolve", "signal", signal)
    den = coefficients("deconvolve", "divisor", divisor)
    n, d = shape_of(num)[0], shape_of(den)[0]
    if d > n:
        return np.zeros(0), num
    impulse = np.zeros(n - d + 1)
    impulse[0] = 1
    quotient = lfilter(num, den, impulse)
    return quotient, num - np.convolve(den, quotient)
