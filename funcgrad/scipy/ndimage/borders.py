"""The continuation of arrays beyond their borders."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ShapeError, shown

MODES = (
    "reflect", "grid-mirror", "constant", "grid-constant", "nearest", "mirror", "grid-wrap", "wrap",
)  # fmt: skip


def check_per_axis(who: str, name: str, values: Sequence[Any], rank: int) -> None:
    """Raise unless there is one value for each axis."""
    if len(values) != rank:
        raise ShapeError(
            f"{who}: {name} must be a number, or one for each of {rank} axes: got {len(values)}; "
            f"write one number for all"
        )


def check_mode(who: str, mode: Any) -> None:
    if mode not in MODES:
        raise ValueError(f"{who}: mode must be one of {', '.join(MODES)}: got {shown(mode)}")


def check_output(who: str, output: Any) -> None:
    if output is not None:
        raise ValueError(f"{who}: output must be None: got {type(output).__name__}")


def folded(i: np.ndarray, n: int, mode: str) -> np.ndarray:
    """The index of each place, which may lie outside; -1 where the constant is meant."""
    if mode in ("constant", "grid-constant"):
        return np.where((i < 0) | (i >= n), -1, i)
    if mode == "nearest":
        return np.clip(i, 0, n - 1)
    if mode in ("wrap", "grid-wrap"):
        return np.mod(i, n)
    if mode == "mirror":
        if n == 1:
            return i * 0
        i = np.mod(i, 2 * n - 2)
        return np.where(i >= n, 2 * n - 2 - i, i)
    i = np.mod(i, 2 * n)
    return np.where(i >= n, 2 * n - 1 - i, i)


def extended(x: Any, axis: int, before: int, after: int, mode: str, cval: Any) -> Any:
    """An array with more elements along an axis, on both sides."""
    n = shape_of(x)[axis]
    i = folded(np.arange(-before, n + after), n, mode)
    y = np.take(x, np.maximum(i, 0), axis=axis)
    if np.all(i >= 0):
        return y
    inside = (i >= 0).reshape(-1, *[1] * (len(shape_of(x)) - 1 - axis))
    return np.where(inside, y, cval)
