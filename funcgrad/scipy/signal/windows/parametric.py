"""Windows of a parameter, in which they are differentiable."""

import operator
from typing import Any

import numpy as np

from ....core.avals import shape_of
from ....core.errors import shown
from ....core.lazy import answering
from ....ops.operand import operand
from ....ops.stop_gradient import stop_gradient
from .plain import centered, window


@answering
def tukey(M: int, alpha: Any = 0.5, sym: bool = True) -> Any:  # noqa: N803
    """Tukey's window: constant, with cosines at its ends.

    Args:
        M: int, the number of points.
        alpha: the share of the cosines, from 0, a rectangle, to 1, Hann's window.
        sym: whether the window is symmetric.

    >>> print(tukey(5, 0.5).round(9))
    [0. 1. 1. 1. 0.]
    """
    alpha = operand(alpha) * 1.0
    share = np.clip(alpha, 1e-300, 1.0)

    def rule(m: int) -> Any:
        ends = np.minimum(np.arange(m), np.arange(m)[::-1]) / (m - 1)
        slope = (1 - np.cos(2 * np.pi * ends / share)) / 2
        inside = np.logical_or(ends > stop_gradient(share) / 2, stop_gradient(alpha) <= 0)
        return np.where(inside, 1.0, slope)

    return window(M, sym, rule)


@answering
def kaiser(M: int, beta: Any, sym: bool = True) -> Any:  # noqa: N803
    """Kaiser's window, by the modified Bessel function of order 0.

    Args:
        M: int, the number of points.
        beta: shape parameter; 0 gives a rectangle.
        sym: whether the window is symmetric.

    >>> print(kaiser(3, 2.0).round(4))
    [0.4387 1.     0.4387]
    """
    beta = operand(beta) * 1.0

    def rule(m: int) -> Any:
        x = centered(m) * 2 / (m - 1)
        return np.i0(beta * np.sqrt(1 - x**2)) / np.i0(beta)

    return window(M, sym, rule)


@answering
def kaiser_bessel_derived(M: int, beta: Any, *, sym: bool = True) -> Any:  # noqa: N803
    """Window of the modified cosine transform, by sums of Kaiser's window.

    Args:
        M: int, the number of points, even.
        beta: see :func:`kaiser`.
        sym: must be True.

    >>> print(kaiser_bessel_derived(4, 2.0).round(4))
    [0.4834 0.8754 0.8754 0.4834]
    """
    if not sym or M % 2:
        raise ValueError(f"kaiser_bessel_derived: M must be even and sym True: got {M}, {sym}")
    sums = np.cumsum(kaiser(M // 2 + 1, beta))
    half = np.sqrt(sums[:-1] / sums[-1])
    return np.concatenate([half, half[::-1]])


@answering
def gaussian(M: int, std: Any, sym: bool = True) -> Any:  # noqa: N803
    """Gaussian window of standard deviation ``std``, in points.

    >>> print(gaussian(3, 1.0).round(4))
    [0.6065 1.     0.6065]
    """
    return window(M, sym, lambda m: np.exp(-(centered(m) ** 2) / (2 * operand(std) ** 2)))


@answering
def general_gaussian(M: int, p: Any, sig: Any, sym: bool = True) -> Any:  # noqa: N803
    """Window exp(-|n / sig|**(2 p) / 2).

    >>> print(general_gaussian(3, 1.0, 1.0).round(4))
    [0.6065 1.     0.6065]
    """
    rule = lambda m: np.exp(-0.5 * np.abs(centered(m) / operand(sig)) ** (2 * operand(p)))
    return window(M, sym, rule)


@answering
def exponential(M: int, center: Any = None, tau: Any = 1.0, sym: bool = True) -> Any:  # noqa: N803
    """Window exp(-|n - center| / tau); a symmetric one has its center in the middle.

    >>> print(exponential(3, tau=2.0).round(4))
    [0.6065 1.     0.6065]
    """
    if sym and center is not None:
        raise ValueError(f"exponential: a symmetric window takes no center: got {shown(center)}")

    def rule(m: int) -> Any:
        middle = (m - 1) / 2 if center is None else operand(center)
        return np.exp(-np.abs(np.arange(m) - middle) / operand(tau))

    return window(M, sym, rule)


@answering
def chebwin(M: int, at: Any, sym: bool = True) -> Any:  # noqa: N803
    """Dolph's and Chebyshev's window, whose side lobes have one height.

    Args:
        M: int, the number of points.
        at: attenuation of the side lobes, in decibels.
        sym: whether the window is symmetric.

    >>> print(chebwin(3, 60.0).round(4))
    [0.501 1.    0.501]
    """
    at = operand(at) * 1.0

    def rule(m: int) -> Any:
        n = m - 1
        x = np.cosh(np.arccosh(10 ** (np.abs(at) / 20)) / n) * np.cos(np.pi * np.arange(m) / m)
        size = np.abs(x)
        sign = np.where(x > 0, 1, 2 * (m % 2) - 1)  # of the polynomial of degree n
        inner = np.cos(n * np.arccos(np.clip(x, -1, 1)))
        p = np.where(size > 1, sign * np.cosh(n * np.arccosh(np.maximum(size, 1))), inner)
        if m % 2:
            w = np.fft.fft(p).real[: (m + 1) // 2]
            w = np.concatenate([w[:0:-1], w])
        else:
            w = np.fft.fft(p * np.exp(1j * np.pi / m * np.arange(m))).real[: m // 2 + 1]
            w = np.concatenate([w[:0:-1], w[1:]])
        return w / np.max(w)

    return window(M, sym, rule)


@answering
def taylor(
    M: int, nbar: int = 4, sll: Any = 30, norm: bool = True, sym: bool = True,  # noqa: N803
) -> Any:  # fmt: skip
    """Taylor's window, of nearly equal side lobes near the main lobe.

    Args:
        M: int, the number of points.
        nbar: int, the number of side lobes of equal height.
        sll: their suppression, in decibels.
        norm: whether the middle of the window is 1.
        sym: whether the window is symmetric.

    >>> print(taylor(3).round(4))
    [0.4669 1.     0.4669]
    """
    a = np.arccosh(10 ** (operand(sll) / 20)) / np.pi
    wide = nbar**2 / (a**2 + (nbar - 0.5) ** 2)
    k = np.arange(1, nbar)
    unequal = ~np.eye(nbar - 1, dtype=bool)
    top = np.prod(1 - k[:, None] ** 2 / wide / (a**2 + (k - 0.5) ** 2), axis=1)
    below = np.prod(np.where(unequal, 1 - k[:, None] ** 2 / k**2, 1.0), axis=1)
    terms = -((-1.0) ** k) * top / (2 * below)

    def rule(m: int) -> Any:
        wave = lambda n: (
            1
            + 2 * np.sum(terms * np.cos(2 * np.pi * k * (n[..., None] - m / 2 + 0.5) / m), axis=-1)
        )
        w = wave(np.arange(m))
        return w / wave(np.asarray((m - 1) / 2)) if norm else w

    return window(M, sym, rule)


@answering
def dpss(
    M: int, NW: Any, Kmax: int | None = None, sym: bool = True, norm: Any = None,  # noqa: N803
    return_ratios: bool = False,
) -> Any:  # fmt: skip
    """Slepian's sequences, which concentrate energy in a band, differentiable in ``NW``.

    Args:
        M: int, the number of points.
        NW: half of the time-bandwidth product.
        Kmax: int, how many sequences, or None for one without a first axis.
        sym: whether the windows are symmetric.
        norm: 2 for energy 1, the default with ``Kmax``; "approximate", the default without, for
            maximum 1 at any M; or "subsample".
        return_ratios: whether to give the shares of energy in the band too.

    Source: Percival & Walden 1993, "Spectral analysis for physical applications", chapter 8.

    >>> print(dpss(3, 1.0).round(4))
    [0.5931 1.     0.5931]
    """
    norm = norm if norm is not None else (2 if Kmax is not None else "approximate")
    if norm not in (2, "approximate", "subsample"):
        raise ValueError(f"dpss: norm must be 2, 'approximate' or 'subsample': got {shown(norm)}")
    m = operator.index(M) + (not sym)
    nw, count = operand(NW) * 1.0, 1 if Kmax is None else int(Kmax)
    k = np.arange(m)
    side = k[1:] * (m - k[1:]) / 2
    main = ((m - 1 - 2 * k) / 2) ** 2 * np.cos(2 * np.pi * nw / m)
    _, vectors = np.linalg.eigh(main * np.eye(m) + np.diag(side, 1) + np.diag(side, -1))
    w = vectors.T[::-1][:count]
    w = w * _signs(stop_gradient(w))[:, None]
    lag = k[:, None] - k
    ratios = np.sum(w * (w @ (2 * nw / m * np.sinc(2 * nw / m * lag))), axis=1)
    if norm != 2:
        w = w / np.max(w) * _correction(m, nw, w[0], norm)
    w = w[:, : operator.index(M)]
    w, ratios = (w[0], ratios[0]) if Kmax is None else (w, ratios)
    return (w, ratios) if return_ratios else w


def _signs(w: Any) -> Any:
    """The factors that make means of symmetric sequences positive, and begin others so."""
    m = shape_of(w)[1]
    first = np.argmax(w * w > max(1e-7, 1 / m), axis=1)
    start = np.take_along_axis(w, first[:, None], axis=1)[:, 0]
    even = np.arange(shape_of(w)[0]) % 2 == 0
    return np.where(np.where(even, np.sum(w, axis=1), start) < 0, -1.0, 1.0)


def _correction(m: int, nw: Any, first: Any, norm: str) -> Any:
    """The maximum between the two middle points of an even window."""
    if m % 2:
        return 1.0
    if norm == "approximate":
        return m**2 / (m**2 + nw)
    s = np.fft.rfft(first)
    turned = -(1 - 1 / m) * np.arange(1, m // 2 + 1)
    s = np.concatenate([s[:1], 2 * s[1:] * np.exp(-1j * np.pi * turned)])
    return np.max(first) / np.sum(s.real) * m
