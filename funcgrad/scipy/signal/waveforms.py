"""Waveforms, differentiable in times and parameters."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import shown
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating

_METHODS = {
    "linear": "linear", "lin": "linear", "li": "linear", "quadratic": "quadratic",
    "quad": "quadratic", "q": "quadratic", "logarithmic": "logarithmic", "log": "logarithmic",
    "lo": "logarithmic", "hyperbolic": "hyperbolic", "hyp": "hyperbolic",
}  # fmt: skip


def _cycle(t: Any) -> Any:
    """The place within a period of 2 pi."""
    return np.mod(t, 2 * np.pi)


@answering
def sawtooth(t: Any, width: Any = 1) -> Any:
    """Waveform of period 2 pi that rises from -1 to 1, and falls.

    Args:
        t: times.
        width: the share of the period in which it rises, in [0, 1].

    >>> print(sawtooth(np.array([0.0, np.pi / 2]), 0.5))
    [-1.  0.]
    """
    t, w = as_floating(t), operand(width) * 1.0
    place = _cycle(t)
    rising = stop_gradient(place) < stop_gradient(w) * 2 * np.pi
    up = place / (np.pi * np.where(w > 0, w, 1.0)) - 1
    down = (np.pi * (w + 1) - place) / (np.pi * np.where(w < 1, 1 - w, 1.0))
    y = np.where(rising, up, down)
    return np.where(np.logical_and(w >= 0, w <= 1), y, np.nan)


@answering
def square(t: Any, duty: Any = 0.5) -> Any:
    """Waveform of period 2 pi that is 1, then -1; its derivatives are 0.

    Args:
        t: times.
        duty: the share of the period in which it is 1.

    >>> print(square(np.array([0.0, 4.0])))
    [ 1. -1.]
    """
    t, w = as_floating(t), operand(duty) * 1.0
    y = np.where(_cycle(t) < w * 2 * np.pi, 1.0, -1.0)
    return np.where(np.logical_and(w >= 0, w <= 1), y, np.nan)


@answering
def gausspulse(
    t: Any, fc: Any = 1000, bw: Any = 0.5, bwr: Any = -6, tpr: Any = -60, retquad: bool = False,
    retenv: bool = False,
) -> Any:  # fmt: skip
    """Sine in a Gaussian envelope.

    Args:
        t: times; or "cutoff", for the time at which the envelope falls to ``tpr`` decibels.
        fc: frequency.
        bw: bandwidth, as a share of ``fc``, at ``bwr`` decibels.
        bwr, tpr: levels in decibels.
        retquad, retenv: whether to give the part of quadrature, and the envelope, too.

    >>> print(gausspulse(np.array([0.0, 0.001]), fc=500).round(4))
    [ 1.     -0.7999]
    """
    fc, bw = operand(fc) * 1.0, operand(bw) * 1.0
    a = -((np.pi * fc * bw) ** 2) / (4 * np.log(10 ** (operand(bwr) / 20)))
    if isinstance(t, str):
        if t != "cutoff":
            raise ValueError(f"gausspulse: t must be times or 'cutoff': got {shown(t)}")
        return np.sqrt(-np.log(10 ** (operand(tpr) / 20)) / a)
    t = as_floating(t)
    envelope = np.exp(-a * t * t)
    found = [envelope * np.cos(2 * np.pi * fc * t)]
    found += [envelope * np.sin(2 * np.pi * fc * t)] if retquad else []
    found += [envelope] if retenv else []
    return tuple(found) if len(found) > 1 else found[0]


@answering
def chirp(
    t: Any, f0: Any, t1: Any, f1: Any, method: str = "linear", phi: Any = 0,
    vertex_zero: bool = True, *, complex: bool = False,
) -> Any:  # fmt: skip
    """Cosine whose frequency goes from one to another.

    Args:
        t: times.
        f0, f1: frequencies at times 0 and ``t1``.
        method: "linear", "quadratic", "logarithmic" or "hyperbolic".
        phi: phase at time 0, in degrees.
        vertex_zero: whether the vertex of a quadratic frequency is at time 0, or at ``t1``.
        complex: whether to give exp(i phase).

    >>> print(chirp(np.array([0.0, 1.0]), 1.0, 1.0, 2.0).round(9))
    [ 1. -1.]
    """
    kind = _METHODS.get(method)
    if kind is None:
        raise ValueError(f"chirp: method must be linear, quadratic, ...: got {shown(method)}")
    t, f0, t1, f1 = as_floating(t), *(operand(x) * 1.0 for x in (f0, t1, f1))
    phase = 2 * np.pi * _turns(kind, t, f0, t1, f1, vertex_zero) + operand(phi) * (np.pi / 180)
    return np.exp(1j * phase) if complex else np.cos(phase)


def _turns(kind: str, t: Any, f0: Any, t1: Any, f1: Any, vertex_zero: bool) -> Any:
    """The integral of the frequency from 0 to t."""
    if kind == "linear":
        return f0 * t + 0.5 * (f1 - f0) / t1 * t * t
    if kind == "quadratic":
        bend = (f1 - f0) / t1**2
        return f0 * t + bend * t**3 / 3 if vertex_zero else (
            f1 * t + bend * ((t1 - t) ** 3 - t1**3) / 3
        )  # fmt: skip
    same = stop_gradient(f0) == stop_gradient(f1)
    if kind == "logarithmic":
        beta = t1 / np.where(same, 1.0, np.log(f1 / f0))
        return np.where(same, f0 * t, beta * f0 * ((f1 / f0) ** (t / t1) - 1))
    sing = -f1 * t1 / np.where(same, 1.0, f0 - f1)
    return np.where(same, f0 * t, -sing * f0 * np.log(np.abs(1 - t / sing)))


@answering
def sweep_poly(t: Any, poly: Any, phi: Any = 0) -> Any:
    """Cosine whose frequency is a polynomial of time.

    Args:
        t: times.
        poly: coefficients, the highest power first.
        phi: phase at time 0, in degrees.

    >>> print(sweep_poly(np.array([0.0, 0.5]), np.array([1.0])).round(9))
    [ 1. -1.]
    """
    poly = poly.coeffs if isinstance(poly, np.poly1d) else as_floating(poly)
    turns = np.polyval(np.polyint(poly), as_floating(t))
    return np.cos(2 * np.pi * turns + operand(phi) * (np.pi / 180))


@answering
def unit_impulse(shape: int | Sequence[int], idx: Any = None, dtype: Any = float) -> Any:
    """Array of zeros with a 1.

    Args:
        shape: int or ints.
        idx: int or ints, the place of the 1; "mid" for the center, None for the first element.
        dtype: dtype of the result.

    >>> print(unit_impulse(3, "mid"))
    [0. 1. 0.]
    """
    out = np.zeros(shape, dtype)
    if idx is None:
        idx = (0,) * out.ndim
    elif isinstance(idx, str):
        if idx != "mid":
            raise ValueError(f"unit_impulse: idx must be ints, 'mid' or None: got {shown(idx)}")
        idx = tuple(n // 2 for n in out.shape)
    elif np.ndim(idx) == 0:
        idx = (operator.index(idx),) * out.ndim
    out[tuple(idx)] = 1
    return out
