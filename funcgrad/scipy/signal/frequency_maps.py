"""Filters moved to other frequencies, and analog filters made digital.

Source: Oppenheim & Schafer 2010, "Discrete-time signal processing", section 7.2 and appendix B.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.operand import operand
from ..floating import as_floating
from .prototypes import Roots
from .representations import coefficients, normalize


def _roots(who: str, z: Any, p: Any) -> tuple[Any, Any, int]:
    """Zeros, poles, and the number of zeros at infinity."""
    z, p = (np.atleast_1d(as_floating(x)) for x in (z, p))
    degree = shape_of(p)[0] - shape_of(z)[0]
    if degree < 0:
        raise ShapeError(
            f"{who}: there must be as many poles as zeros: got {shape_of(p)[0]} and "
            f"{shape_of(z)[0]}; add poles"
        )
    return z, p, degree


def _ratio(z: Any, p: Any) -> Any:
    """prod(z) / prod(p), which is real."""
    return (np.prod(z) / np.prod(p)).real


@answering
def lp2lp_zpk(z: Any, p: Any, k: Any, wo: Any = 1.0) -> Roots:
    """Lowpass filter of another cutoff, by zeros, poles and gain: s -> s / wo.

    Args:
        z, p, k: zeros [n], poles [m >= n] and gain of an analog lowpass filter of cutoff 1.
        wo: the cutoff, in radians per second.

    >>> print(lp2lp_zpk(np.array([]), np.array([-1.0]), 1.0, 3.0))
    (array([], dtype=float64), array([-3.]), 3.0)
    """
    z, p, degree = _roots("lp2lp_zpk", z, p)
    return z * wo, p * wo, operand(k) * wo**degree


@answering
def lp2hp_zpk(z: Any, p: Any, k: Any, wo: Any = 1.0) -> Roots:
    """Highpass filter of a lowpass filter: s -> wo / s; see :func:`lp2lp_zpk`.

    >>> print(lp2hp_zpk(np.array([]), np.array([-1.0]), 1.0, 3.0)[:2])
    (array([0.]), array([-3.]))
    """
    z, p, degree = _roots("lp2hp_zpk", z, p)
    return np.concatenate([wo / z, np.zeros(degree)]), wo / p, operand(k) * _ratio(-z, -p)


@answering
def lp2bp_zpk(z: Any, p: Any, k: Any, wo: Any = 1.0, bw: Any = 1.0) -> Roots:
    """Bandpass filter of a lowpass filter: s -> (s**2 + wo**2) / (bw s); see :func:`lp2lp_zpk`.

    Args:
        wo, bw: center and width of the passband, in radians per second.

    >>> print(lp2bp_zpk(np.array([]), np.array([-1.0]), 1.0, 1.0, 2.0)[1])
    [-1.+0.j -1.+0.j]
    """
    z, p, degree = _roots("lp2bp_zpk", z, p)
    zeros = np.concatenate([_split(z * bw / 2, wo), np.zeros(degree)])
    return zeros, _split(p * bw / 2, wo), operand(k) * bw**degree


def _split(x: Any, wo: Any) -> Any:
    """The solutions s of s**2 - 2 x s + wo**2 = 0."""
    half = np.sqrt(x**2 - wo**2 + 0j)
    return np.concatenate([x + half, x - half])


@answering
def lp2bs_zpk(z: Any, p: Any, k: Any, wo: Any = 1.0, bw: Any = 1.0) -> Roots:
    """Bandstop filter of a lowpass filter: s -> bw s / (s**2 + wo**2); see :func:`lp2bp_zpk`.

    >>> print(lp2bs_zpk(np.array([]), np.array([-1.0]), 1.0, 1.0, 2.0)[0])
    [ 0.+1.j -0.-1.j]
    """
    z, p, degree = _roots("lp2bs_zpk", z, p)
    center = np.ones(degree) * (1j * wo)
    zeros = np.concatenate([_split(bw / 2 / z, wo), center, -center])
    return zeros, _split(bw / 2 / p, wo), operand(k) * _ratio(-z, -p)


@answering
def bilinear_zpk(z: Any, p: Any, k: Any, fs: Any) -> Roots:
    """Digital filter of an analog one: s -> 2 fs (z - 1) / (z + 1).

    Args:
        z, p, k: zeros [n], poles [m >= n] and gain of an analog filter.
        fs: sampling frequency.

    >>> print(bilinear_zpk(np.array([]), np.array([-2.0]), 1.0, 1.0))
    (array([-1.]), array([0.]), np.float64(0.25))
    """
    z, p, degree = _roots("bilinear_zpk", z, p)
    twice = 2.0 * fs
    zeros = np.concatenate([(twice + z) / (twice - z), -np.ones(degree)])
    return zeros, (twice + p) / (twice - p), operand(k) * _ratio(twice - z, twice - p)


# of polynomials


def _substituted(c: Any, up: Sequence[Any], down: Sequence[Any], most: int) -> Any:
    """Coefficients of sum_j c_j up**j down**(most - j), c_j that of the power j."""
    n = shape_of(c)[0]
    powers = [[np.ones(1)], [np.ones(1)]]
    for row, factor in zip(powers, (up, down), strict=True):
        base = np.stack([operand(x) * 1.0 for x in factor])
        for _ in range(most):
            row.append(np.convolve(row[-1], base))
    terms = [c[n - 1 - j] * np.convolve(powers[0][j], powers[1][most - j]) for j in range(n)]
    size = max(shape_of(t)[0] for t in terms)
    wide = [np.concatenate([np.zeros(size - shape_of(t)[0]), t]) for t in terms]
    return sum(wide[1:], wide[0])


def _moved(who: str, b: Any, a: Any, up: Sequence[Any], down: Sequence[Any]) -> tuple[Any, Any]:
    b, a = coefficients(who, "b", b), coefficients(who, "a", a)
    most = max(shape_of(b)[0], shape_of(a)[0]) - 1
    return normalize(_substituted(b, up, down, most), _substituted(a, up, down, most))


@answering
def lp2lp(b: Any, a: Any, wo: Any = 1.0) -> tuple[Any, Any]:
    """Lowpass filter of another cutoff: s -> s / wo.

    Args:
        b, a: numerator and denominator of an analog lowpass filter of cutoff 1.
        wo: the cutoff, in radians per second.

    >>> lp2lp(np.array([1.0]), np.array([1.0, 1.0]), 3.0)
    (array([3.]), array([1., 3.]))
    """
    return _moved("lp2lp", b, a, [1.0, 0.0], [wo])


@answering
def lp2hp(b: Any, a: Any, wo: Any = 1.0) -> tuple[Any, Any]:
    """Highpass filter of a lowpass filter: s -> wo / s; see :func:`lp2lp`.

    >>> lp2hp(np.array([1.0]), np.array([1.0, 1.0]), 3.0)
    (array([1., 0.]), array([1., 3.]))
    """
    return _moved("lp2hp", b, a, [wo], [1.0, 0.0])


@answering
def lp2bp(b: Any, a: Any, wo: Any = 1.0, bw: Any = 1.0) -> tuple[Any, Any]:
    """Bandpass filter of a lowpass filter: s -> (s**2 + wo**2) / (bw s); see :func:`lp2lp`.

    >>> lp2bp(np.array([1.0]), np.array([1.0, 1.0]), 1.0, 2.0)
    (array([2., 0.]), array([1., 2., 1.]))
    """
    return _moved("lp2bp", b, a, [1.0, 0.0, wo**2], [bw, 0.0])


@answering
def lp2bs(b: Any, a: Any, wo: Any = 1.0, bw: Any = 1.0) -> tuple[Any, Any]:
    """Bandstop filter of a lowpass filter: s -> bw s / (s**2 + wo**2); see :func:`lp2lp`.

    >>> lp2bs(np.array([1.0]), np.array([1.0, 1.0]), 1.0, 2.0)
    (array([1., 0., 1.]), array([1., 2., 1.]))
    """
    return _moved("lp2bs", b, a, [bw, 0.0], [1.0, 0.0, wo**2])


@answering
def bilinear(b: Any, a: Any, fs: Any = 1.0) -> tuple[Any, Any]:
    """Digital filter of an analog one: s -> 2 fs (z - 1) / (z + 1).

    Args:
        b, a: numerator and denominator of an analog filter.
        fs: sampling frequency.

    >>> bilinear(np.array([2.0]), np.array([1.0, 2.0]))
    (array([0.5, 0.5]), array([1., 0.]))
    """
    return _moved("bilinear", b, a, [2.0 * fs, -2.0 * fs], [1.0, 1.0])
