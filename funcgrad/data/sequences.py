"""Sequences: padding of ragged ones to an array, and windows of a time series."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..ops.operand import asarray
from ..random import RangeError
from .rows import integer


@answering
def pad_sequences(
    sequences: Sequence[Any],
    length: int | None = None,
    *,
    value: Any = 0,
    side: str = "right",
    truncate: bool = False,
    multiple: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Pad sequences to one array [B, L, ...], with a mask [B, L] that is False at padding.

    Args:
        sequences: B arrays [length, ...] that differ only in length.
        length: L, by default the length of the longest.
        value: scalar, the padding; the dtype is promoted with it, as in NumPy.
        side: "right" or "left", the side of the padding.
        truncate: whether longer sequences are cut on that side; otherwise they raise.
        multiple: L is rounded up to a multiple of it, for fewer shapes under jit.

    Raises:
        ShapeError: if the sequences differ in more than their length.
        RangeError: if a sequence is longer than ``length``, or there are no sequences.

    >>> array, mask = pad_sequences([[1, 2, 3], [4]])
    >>> array.tolist(), mask.tolist()
    ([[1, 2, 3], [4, 0, 0]], [[True, True, True], [True, False, False]])
    """
    who, arrays = "pad_sequences", [asarray(s) for s in sequences]
    if side not in ("right", "left"):
        raise ValueError(f"{who}: side must be 'right' or 'left': got {shown(side)}")
    _check_alike(who, arrays)
    # an empty list has no dtype of its own
    dtypes = {a.dtype for a in arrays if a.size} or {a.dtype for a in arrays}
    longest = max(map(len, arrays))
    width = longest if length is None else integer(who, "length", length, 0)
    width += -width % integer(who, "multiple", multiple, 1)
    if longest > width and not truncate:
        raise RangeError(
            f"{who}: length must be at least {longest}, the longest sequence: got {length}; "
            f"use truncate=True to cut it"
        )
    out = np.full((len(arrays), width, *arrays[0].shape[1:]), value, np.result_type(*dtypes, value))
    mask = np.zeros((len(arrays), width), bool)
    for i, a in enumerate(arrays):
        n = min(len(a), width)
        span = slice(0, n) if side == "right" else slice(width - n, width)
        out[i, span] = a[:n] if side == "right" else a[len(a) - n :]
        mask[i, span] = True
    return out, mask


@answering
def windows(
    series: Any, length: int, horizon: int = 1, stride: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Windows [n, length, ...] of a time series, and the steps after each [n, horizon, ...].

    Both are read-only views of the series; a ``Loader`` copies batches.

    Args:
        series: array [T, ...].
        length: int, the steps of a window.
        horizon: int, the steps after a window, 0 for none.
        stride: int, the steps between the starts of windows.

    Raises:
        RangeError: if the series is shorter than ``length + horizon``.

    >>> x, y = windows(np.arange(6), length=3, horizon=1, stride=2)
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [2, 3, 4]], [[3], [5]])
    """
    who, series = "windows", asarray(series)
    length, horizon = integer(who, "length", length, 1), integer(who, "horizon", horizon, 0)
    stride = integer(who, "stride", stride, 1)
    if not series.ndim:
        raise ShapeError(
            f"{who}: series must have a time axis: got {aval_of(series)}; give np.atleast_1d(x)"
        )
    if len(series) < length + horizon:
        raise RangeError(
            f"{who}: series must have at least length + horizon = {length + horizon} steps: got "
            f"{len(series)}"
            "; shorten length"
        )
    views = np.lib.stride_tricks.sliding_window_view(series, length + horizon, axis=0)
    pieces = np.moveaxis(views, -1, 1)[::stride]
    return pieces[:, :length], pieces[:, length:]


def _check_alike(who: str, arrays: list[np.ndarray]) -> None:
    if not arrays:
        raise RangeError(f"{who}: the list of sequences is empty: give at least one")
    for i, a in enumerate(arrays):
        if not a.ndim:
            raise ShapeError(
                f"{who}: a sequence must have a time axis: got {aval_of(a)} at {i}; write "
                f"{who}([x]) for one sequence"
            )
        if a.shape[1:] != arrays[0].shape[1:]:
            raise ShapeError(
                f"{who}: sequences must differ only in length: got "
                f"{aval_of(arrays[0])} at 0 and {aval_of(a)} at {i}; give all "
                f"the same axes after the first"
            )
