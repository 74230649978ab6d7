"""JAX's factorizations, Fourier transforms, windows and largest elements by this library's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.lax import FftType

from .. import lax
from ..core.errors import UnsupportedError
from ..core.registry import primitives


def lu(eqn: Any, a: Any) -> Any:
    """The factors, LAPACK's pivots and the permutation."""
    return primitives["lu"].bind(a)


def permutation(eqn: Any, pivots: Any, *, permutation_size: int) -> Any:
    """The permutation of rows by LAPACK's pivots."""
    return primitives["permutation_of_pivots"](pivots, size=permutation_size)


def qr(eqn: Any, a: Any, *, full_matrices: bool, pivoting: bool, **params: Any) -> Any:
    """The factors.

    Raises:
        UnsupportedError: with pivots.
    """
    if pivoting:
        raise UnsupportedError("from_jax: qr has pivots; leave out pivoting=True")
    return np.linalg.qr(a, "complete" if full_matrices else "reduced")


def svd(
    eqn: Any, a: Any, *, full_matrices: bool, compute_uv: bool, subset_by_index: Any = None,
    **params: Any,
) -> Any:  # fmt: skip
    """The singular values first."""
    _check_whole("svd", subset_by_index)
    if not compute_uv:
        return [np.linalg.svd(a, compute_uv=False)]
    u, s, vh = np.linalg.svd(a, full_matrices)
    return s, u, vh


def eigh(eqn: Any, a: Any, *, lower: bool, subset_by_index: Any = None, **params: Any) -> Any:
    """The eigenvectors first."""
    _check_whole("eigh", subset_by_index)
    values, vectors = np.linalg.eigh(a, "L" if lower else "U")
    return vectors, values


def _check_whole(name: str, subset: Any) -> None:
    if subset is not None:
        raise UnsupportedError(f"from_jax: {name} computes a part; leave out subset_by_index")


_TRANSFORMS: dict[Any, Any] = {
    FftType.FFT: np.fft.fftn, FftType.IFFT: np.fft.ifftn, FftType.RFFT: np.fft.rfftn,
    FftType.IRFFT: np.fft.irfftn,
}  # fmt: skip


def fft(eqn: Any, x: Any, *, fft_type: Any, fft_lengths: Sequence[int]) -> Any:
    """A transform along the last axes."""
    axes = tuple(range(-len(fft_lengths), 0))
    return _TRANSFORMS[FftType(fft_type)](x, tuple(fft_lengths), axes)


def top_k(eqn: Any, x: Any, *, k: int, axis: int = -1, **params: Any) -> Any:
    """The largest elements along an axis, and their indices."""
    values, indices = lax.top_k(np.moveaxis(x, axis, -1), k)
    return np.moveaxis(values, -1, axis), np.moveaxis(indices, -1, axis)


def windows(start: float, function: Any) -> Any:
    """The rule of a reduction of windows."""

    def rule(eqn: Any, x: Any, **params: Any) -> Any:
        least = np.iinfo(x.dtype) if x.dtype.kind in "iu" else None
        bound = start if least is None or start == 0 else least.min if start < 0 else least.max
        return lax.reduce_window(x, bound, function, **params)

    return rule
