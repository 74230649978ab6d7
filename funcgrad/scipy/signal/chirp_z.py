"""The z-transform on spirals, and the Fourier transform of a range of frequencies.

Source: Bluestein 1970, "A linear filtering approach to the computation of the discrete Fourier
transform" (IEEE Trans. Audio Electroacoust. 18).
"""

from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ..fft.spectral_transforms import next_fast_len
from ..floating import as_floating


def _ratio(m: int, w: Any) -> Any:
    return np.exp(-2j * np.pi / m) if w is None else operand(w) + 0j


@answering
def czt_points(m: int, w: Any = None, a: Any = 1 + 0j) -> Any:
    """Points of the z-transform: a w**-k for k < m.

    Args:
        m: int, the number of points.
        w: ratio of neighbouring points, by default exp(-2 pi i / m).
        a: the first point.

    >>> print(czt_points(2).round(9).real)
    [ 1. -1.]
    """
    return operand(a) * _ratio(m, w) ** -np.arange(m)


@answering
def czt(x: Any, m: int | None = None, w: Any = None, a: Any = 1 + 0j, *, axis: int = -1) -> Any:
    """The z-transform of a signal at points of a spiral: sum_n x[n] z**-n.

    Args:
        x: signal, shape [..., N, ...].
        m, w, a: see :func:`czt_points`; m is N by default.
        axis: the axis of N.

    >>> print(czt(np.array([1.0, 2.0, 3.0])).round(9)[0])
    (6-0j)
    """
    x = as_floating(x)
    n = shape_of(x)[axis]
    return CZT(n, m, w, a)(x, axis=axis)


@answering
def zoom_fft(
    x: Any, fn: Any, m: int | None = None, *, fs: Any = 2, endpoint: bool = False, axis: int = -1,
) -> Any:  # fmt: skip
    """The Fourier transform of a signal at frequencies of a range.

    Args:
        x: signal, shape [..., N, ...].
        fn: the first and the last frequency, or the last one.
        m: int, the number of frequencies, by default N.
        fs: sampling frequency.
        endpoint: whether the last frequency is one of them.
        axis: the axis of N.

    >>> print(abs(zoom_fft(np.ones(4), [0.0, 1.0], 2)).round(9))
    [4. 0.]
    """
    x = as_floating(x)
    return ZoomFFT(shape_of(x)[axis], fn, m, fs=fs, endpoint=endpoint)(x, axis=axis)


@answering
class CZT:
    """The z-transform of signals of N points at points of a spiral; see :func:`czt`.

    Args:
        n: int, the length of signals.
        m, w, a: see :func:`czt_points`; m is n by default.

    >>> print(CZT(3)(np.ones(3)).round(9)[0].real)
    3.0
    """

    def __init__(self, n: int, m: int | None = None, w: Any = None, a: Any = 1 + 0j) -> None:
        self.n, self.m = int(n), int(n if m is None else m)
        if self.n < 1 or self.m < 1:
            raise ValueError(f"CZT: n and m must be positive: got {n} and {m}")
        self.w, self.a = w, a
        k = np.arange(max(self.n, self.m))
        if w is None:
            self._half = np.exp(-1j * np.pi * (k**2 % (2 * self.m)) / self.m)
        else:
            self._half = (operand(w) + 0j) ** (k**2 / 2)
        self._size = next_fast_len(self.n + self.m - 1)
        both = np.concatenate([self._half[self.n - 1 : 0 : -1], self._half[: self.m]])
        self._kernel = np.fft.fft(1 / both, self._size)
        self._weights = (operand(a) + 0j) ** -k[: self.n] * self._half[: self.n]

    def __call__(self, x: Any, *, axis: int = -1) -> Any:
        """The transform [..., m, ...] of signals [..., n, ...]."""
        x = as_floating(x)
        axis = axis_of(axis, len(shape_of(x)))
        if shape_of(x)[axis] != self.n:
            raise ShapeError(f"CZT: x must have {self.n} elements along axis {axis}: got "
                             f"{aval_of(x)}")  # fmt: skip
        x = np.moveaxis(x, axis, -1) * self._weights
        y = np.fft.ifft(self._kernel * np.fft.fft(x, self._size))
        y = y[..., self.n - 1 : self.n + self.m - 1] * self._half[: self.m]
        return np.moveaxis(y, -1, axis)

    def points(self) -> Any:
        """The points of the transform."""
        return czt_points(self.m, self.w, self.a)


@answering
class ZoomFFT(CZT):
    """The Fourier transform of signals of n points at a range of frequencies; see :func:`zoom_fft`.

    Args:
        n: int, the length of signals.
        fn, m, fs, endpoint: see :func:`zoom_fft`.

    >>> print(ZoomFFT(4, [0.0, 1.0], 2)(np.ones(4)).round(9).real)
    [ 4. -0.]
    """

    def __init__(
        self, n: int, fn: Any, m: int | None = None, *, fs: Any = 2, endpoint: bool = False
    ) -> None:
        m = int(n if m is None else m)
        low, high = (0.0, fn) if not isinstance(fn, (list, tuple)) and not shape_of(
            operand(fn)) else (fn[0], fn[1])  # fmt: skip
        low, high, fs = operand(low), operand(high), operand(fs)
        step = (high - low) / (fs * (m - 1 if endpoint else m))
        super().__init__(n, m, np.exp(-2j * np.pi * step), np.exp(2j * np.pi * low / fs))
