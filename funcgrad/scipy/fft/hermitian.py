"""Transforms of Hermitian arrays of several axes, and the largest fast lengths."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.lazy import answering
from ...ops.operand import operand
from .spectral_transforms import irfftn, next_fast_len, rfftn

_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


@answering
def hfftn(
    x: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
    norm: str | None = None, overwrite_x: bool = False, workers: Any = None, *, plan: Any = None,
) -> Any:  # fmt: skip
    """Real transform of a Hermitian array, of which half of the last axis is given.

    Args:
        x: complex array.
        s: lengths of the result along ``axes``.
        axes: the axes, by default all, or the last ones.
        norm: None or "backward", "ortho", or "forward".
        overwrite_x, workers, plan: ignored, for compatibility with SciPy.

    >>> print(hfftn(np.array([[1.0, 2.0]])))
    [[ 3. -1.]]
    """
    return irfftn(np.conj(operand(x)), s, axes, _SWAPPED.get(norm, norm))


@answering
def hfft2(
    x: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1),
    norm: str | None = None, overwrite_x: bool = False, workers: Any = None, *, plan: Any = None,
) -> Any:  # fmt: skip
    """Real transform of a Hermitian array over two axes; see :func:`hfftn`.

    >>> print(hfft2(np.array([[1.0, 2.0]])))
    [[ 3. -1.]]
    """
    return hfftn(x, s, axes, norm)


@answering
def ihfftn(
    x: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
    norm: str | None = None, overwrite_x: bool = False, workers: Any = None, *, plan: Any = None,
) -> Any:  # fmt: skip
    """Inverse of :func:`hfftn`: half of the Hermitian transform of a real array.

    >>> print(ihfftn(np.array([[5.0, -3.0]])).real)
    [[1. 4.]]
    """
    return np.conj(rfftn(x, s, axes, _SWAPPED.get(norm, norm)))


@answering
def ihfft2(
    x: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1),
    norm: str | None = None, overwrite_x: bool = False, workers: Any = None, *, plan: Any = None,
) -> Any:  # fmt: skip
    """Inverse of :func:`hfft2`; see :func:`ihfftn`.

    >>> print(ihfft2(np.array([[5.0, -3.0]])).real)
    [[1. 4.]]
    """
    return ihfftn(x, s, axes, norm)


@answering
def prev_fast_len(target: int, real: bool = False) -> int:
    """The largest length of at most ``target`` with no prime factor above 11, or 5 if real.

    >>> prev_fast_len(97)
    96
    """
    n = int(target)
    if n < 1:
        raise ValueError(f"prev_fast_len: target must be positive: got {target}; write 1")
    while next_fast_len(n, real) != n:
        n -= 1
    return n
