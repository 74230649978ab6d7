"""Windows without parameters, and sums of cosines."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ....core.lazy import answering
from ....ops.operand import operand


def window(M: int, sym: bool, rule: Callable[[int], Any]) -> Any:  # noqa: N803
    """The first M values of a rule for M points, or, of a periodic window, for M + 1."""
    m = operator.index(M)
    if m < 0:
        raise ValueError(f"M must not be negative: got {m}; write M=8")
    return np.ones(m) if m <= 1 else rule(m + (not sym))[:m]


def centered(m: int) -> Any:
    return np.arange(m) - (m - 1) / 2


@answering
def boxcar(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Rectangular window.

    >>> print(boxcar(3))
    [1. 1. 1.]
    """
    return window(M, sym, np.ones)


@answering
def triang(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Triangular window without zeros at its ends.

    >>> print(triang(3))
    [0.5 1.  0.5]
    """
    return window(M, sym, lambda m: 1 - np.abs(centered(m)) * 2 / (m + m % 2))


@answering
def parzen(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Parzen's window, of cubic pieces.

    >>> print(parzen(3).round(4))
    [0.0741 1.     0.0741]
    """

    def rule(m: int) -> Any:
        x = np.abs(centered(m)) / (m / 2)
        outer = np.abs(centered(m)) > (m - 1) / 4
        return np.where(outer, 2 * (1 - x) ** 3, 1 - 6 * x**2 + 6 * x**3)

    return window(M, sym, rule)


@answering
def bohman(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Bohman's window.

    >>> print(bohman(3).round(4))
    [0. 1. 0.]
    """

    def rule(m: int) -> Any:
        x = np.abs(np.linspace(-1, 1, m)[1:-1])
        inner = (1 - x) * np.cos(np.pi * x) + np.sin(np.pi * x) / np.pi
        return np.concatenate([[0.0], inner, [0.0]])

    return window(M, sym, rule)


@answering
def general_cosine(M: int, a: Any, sym: bool = True) -> Any:  # noqa: N803
    """Sum of cosines.

    Args:
        M: int, the number of points.
        a: coefficients, shape [n].
        sym: whether the window is symmetric.

    >>> print(general_cosine(3, np.array([0.5, 0.5])))
    [0. 1. 0.]
    """
    a = operand(a) if not isinstance(a, (list, tuple)) else a

    def rule(m: int) -> Any:
        t = np.linspace(-np.pi, np.pi, m)
        rows = [a[k] * np.cos(k * t) for k in range(len(a))]
        return sum(rows[1:], rows[0])

    return window(M, sym, rule)


@answering
def general_hamming(M: int, alpha: Any, sym: bool = True) -> Any:  # noqa: N803
    """Window alpha - (1 - alpha) cos(2 pi n / (M - 1)).

    >>> print(general_hamming(3, 0.6))
    [0.2 1.  0.2]
    """
    return general_cosine(M, [alpha, 1 - alpha], sym)


@answering
def hann(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Hann's window, a raised cosine.

    >>> print(hann(3))
    [0. 1. 0.]
    """
    return general_hamming(M, 0.5, sym)


@answering
def hamming(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Hamming's window.

    >>> print(hamming(3))
    [0.08 1.   0.08]
    """
    return general_hamming(M, 0.54, sym)


@answering
def blackman(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Blackman's window.

    >>> print(blackman(5).round(4) + 0.0)
    [0.   0.34 1.   0.34 0.  ]
    """
    return general_cosine(M, [0.42, 0.5, 0.08], sym)


@answering
def nuttall(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Nuttall's window of four terms.

    >>> print(nuttall(3).round(6))
    [3.63e-04 1.00e+00 3.63e-04]
    """
    return general_cosine(M, [0.3635819, 0.4891775, 0.1365995, 0.0106411], sym)


@answering
def blackmanharris(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Blackman's and Harris's window of four terms.

    >>> print(blackmanharris(3).round(6))
    [6.e-05 1.e+00 6.e-05]
    """
    return general_cosine(M, [0.35875, 0.48829, 0.14128, 0.01168], sym)


@answering
def flattop(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Window whose transform is flat around 0.

    >>> print(flattop(3).round(6))
    [-4.21e-04  1.00e+00 -4.21e-04]
    """
    terms = [0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368]
    return general_cosine(M, terms, sym)


@answering
def bartlett(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Triangular window with zeros at its ends.

    >>> print(bartlett(5))
    [0.  0.5 1.  0.5 0. ]
    """
    return window(M, sym, lambda m: 1 - np.abs(centered(m)) * 2 / (m - 1))


@answering
def barthann(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Sum of Bartlett's and Hann's windows.

    >>> print(barthann(3).round(9) + 0.0)
    [0. 1. 0.]
    """

    def rule(m: int) -> Any:
        x = np.abs(np.arange(m) / (m - 1) - 0.5)
        return 0.62 - 0.48 * x + 0.38 * np.cos(2 * np.pi * x)

    return window(M, sym, rule)


@answering
def cosine(M: int, sym: bool = True) -> Any:  # noqa: N803
    """Half of a period of a sine.

    >>> print(cosine(3).round(9))
    [0.5 1.  0.5]
    """
    return window(M, sym, lambda m: np.sin(np.pi / m * (np.arange(m) + 0.5)))


@answering
def lanczos(M: int, *, sym: bool = True) -> Any:  # noqa: N803
    """Main lobe of a sinc function.

    >>> print(lanczos(3).round(9))
    [0. 1. 0.]
    """
    return window(M, sym, lambda m: np.sinc(centered(m) * 2 / (m - 1)))
