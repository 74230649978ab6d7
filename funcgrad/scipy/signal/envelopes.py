"""Envelopes of signals, and analytic signals of two variables."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, real_dtype, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops import elementwise as ew
from ...ops.reduce import axis_of
from ...ops.structure import cast
from ..floating import as_floating
from .resampling import resample


@answering
def envelope(
    z: Any, bp_in: tuple[int | None, int | None] = (1, None), *, n_out: int | None = None,
    squared: bool = False, residual: str | None = "lowpass", axis: int = -1,
) -> Any:  # fmt: skip
    """Envelope of the part of a signal in a band, and the rest.

    Args:
        z: signal, real or complex, shape [..., N, ...].
        bp_in: the first coefficient of the Fourier transform in the band, and that after the last;
            None for the least and the greatest.
        n_out: int, the number of points of the result, by default N.
        squared: whether to give the square.
        residual: "lowpass", the part below the band; "all", the part outside; or None.
        axis: the axis of N.

    Returns:
        Envelope and rest [2, ..., N, ...], or the envelope alone.

    >>> print(envelope(np.cos(np.pi / 2 * np.arange(8.0))).round(9) + 0.0)
    [[1. 1. 1. 1. 1. 1. 1. 1.]
     [0. 0. 0. 0. 0. 0. 0. 0.]]
    """
    z = as_floating(z)
    axis = axis_of(axis, len(shape_of(z)))
    z = np.moveaxis(z, axis, -1)
    n = shape_of(z)[-1]
    size = n if n_out is None else int(n_out)
    low = -(n // 2) if bp_in[0] is None else bp_in[0]
    high = (n + 1) // 2 if bp_in[1] is None else bp_in[1]
    if not -(n // 2) <= low < high <= (n + 1) // 2:
        raise ValueError(f"envelope: bp_in must ascend within -{n // 2} and {(n + 1) // 2}: got "
                         f"{bp_in}")  # fmt: skip
    if residual not in ("lowpass", "all", None):
        raise ValueError(f"envelope: residual must be 'lowpass', 'all' or None: got "
                         f"{shown(residual)}")  # fmt: skip
    freqs, real = np.fft.fftfreq(n, 1 / n).round(), not ew.is_complex(z)
    s = np.fft.fft(z)
    kind = real_dtype(dtype_of(s))
    inside = (freqs >= low) & (freqs < high)
    weight = np.where(inside, 1.0, 0.0)
    if real:
        middle = freqs == -n / 2  # of which a real signal has one coefficient
        weight = np.where(freqs > 0, 2.0, np.where((freqs < 0) & ~middle, 0.0, 1.0)) * inside
    order = np.argsort(freqs, kind="stable")
    band = (s * cast(weight, kind))[..., order[inside[order]]]
    base = np.fft.ifft(band, size) * (size / n)
    found = base.real**2 + base.imag**2 if squared else np.abs(base)
    found = np.moveaxis(found, -1, axis)
    if residual is None:
        return found
    kept = ~inside if residual == "all" else freqs < low
    if real:
        rest = resample(np.fft.irfft((s * cast(kept, kind))[..., : n // 2 + 1], n), size, axis=-1)
    else:
        rest = resample(s * cast(kept, kind), size, axis=-1, domain="freq")
    return np.stack([found, np.moveaxis(rest, -1, axis)])


@answering
def hilbert2(x: Any, N: Any = None, axes: tuple[int, int] = (-2, -1)) -> Any:  # noqa: N803
    """Analytic signal of a real signal of two variables.

    Args:
        x: signal with two axes at least.
        N: int or two ints, the lengths of transforms.
        axes: the two axes.

    >>> print(hilbert2(np.ones((2, 2))).real)
    [[1. 1.]
     [1. 1.]]
    """
    x = as_floating(x)
    if len(shape_of(x)) < 2 or ew.is_complex(x):
        raise ShapeError(f"hilbert2: x must be real and have two axes: got {aval_of(x)}")
    shape = [shape_of(x)[d] for d in axes] if N is None else [N] * 2 if np.ndim(N) == 0 else [*N]
    s = np.fft.fft2(x, shape, axes)
    for n, d in zip(shape, axes, strict=True):
        weight = np.zeros(n)
        weight[: (n + 1) // 2] = 2
        weight[0] = 1
        place = [1] * len(shape_of(x))
        place[d] = n
        s = s * cast(weight.reshape(place), real_dtype(dtype_of(s)))
    return np.fft.ifft2(s, axes=axes)
