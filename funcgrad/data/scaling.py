"""Scaling of features, with statistics of the training data kept as a tree."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of, dtype_of, is_inexact
from ..core.errors import DtypeError
from ..core.lazy import answering, unknown
from ..core.nodes import register_dataclass
from ..ops.operand import asarray, operand
from ..ops.structure import cast
from ..random import RangeError
from .rows import count_rows


@register_dataclass
@dataclass(frozen=True, slots=True)
class Scaler:
    """A shift and a scale for each feature: ``scaler(x)`` is ``(x - shift) / scale + offset``.

    It is a tree: ``fg.io`` saves it, and it works under ``grad`` and ``jit``.

    Args:
        shift: a tree of arrays, of the structure of the data.
        scale: a tree like ``shift``, without zeros.
        offset: float, the scaled value of ``shift``.

    >>> scaler = Scaler(np.array([1.0]), np.array([2.0]))
    >>> scaler(np.array([[5.0]])), scaler.inverse(scaler(np.array([[5.0]])))
    (array([[2.]]), array([[5.]]))
    """

    __getattr__ = unknown("object")

    shift: Any
    scale: Any
    offset: float = field(default=0.0, metadata={"static": True})

    @answering
    def __call__(self, x: Any) -> Any:
        """Scale data of the same structure."""
        scaled = lambda m, s, x: (_like(x, m) - m) / s + self.offset
        return tree.map(scaled, self.shift, self.scale, x)

    @answering
    def inverse(self, x: Any) -> Any:
        """Map scaled data, or predictions of them, back to the original units."""
        restored = lambda m, s, x: (_like(x, m) - self.offset) * s + m
        return tree.map(restored, self.shift, self.scale, x)


@answering
def standardizer(arrays: Any, axis: int | tuple[int, ...] = 0) -> Scaler:
    """The scaler that gives each feature mean 0 and standard deviation 1.

    Fit it on training data only. A constant feature becomes 0.

    Args:
        arrays: an array [N, ...] or a tree of arrays; integers are scaled to float32.
        axis: the axes of the statistics, by default the rows; (0, 1, 2) for image channels.

    Raises:
        RangeError: if there are no rows, or a nan or inf.

    >>> x = np.array([[1.0, 7.0], [3.0, 7.0]])
    >>> standardizer(x)(x)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    count_rows("standardizer", arrays)

    def fit(x: Any) -> tuple[Any, Any]:
        x, dtype = _numbers("standardizer", x)
        wide = {"axis": axis, "keepdims": True, "dtype": np.promote_types(dtype, np.float64)}
        # the computed mean of equal elements may differ from them by rounding
        mean = np.where(_constant(x, axis), x.min(axis=axis, keepdims=True), x.mean(**wide))
        return _fitted(mean, x.std(**wide), x, axis, dtype)

    return _scaler(fit, arrays)


@answering
def min_max_scaler(
    arrays: Any, low: float = 0.0, high: float = 1.0, axis: int | tuple[int, ...] = 0
) -> Scaler:
    """The scaler that maps the range of each feature to [low, high].

    A constant feature becomes ``low``.

    Args:
        arrays: an array [N, ...] or a tree of arrays; integers are scaled to float32.
        low: float, less than ``high``.
        high: float.
        axis: the axes of minimum and maximum, by default the rows.

    Raises:
        RangeError: if ``low >= high``, or there are no rows, or a nan or inf.

    >>> x = np.array([[1.0], [2.0], [5.0]])
    >>> min_max_scaler(x)(x).ravel()
    array([0.  , 0.25, 1.  ])
    """
    count_rows("min_max_scaler", arrays)
    if not low < high:
        raise RangeError(
            f"min_max_scaler: low must be less than high: got {low} and {high}; exchange them"
        )

    def fit(x: Any) -> tuple[Any, Any]:
        x, dtype = _numbers("min_max_scaler", x)
        wide = np.promote_types(dtype, np.float64)
        least, most = (f(axis=axis, keepdims=True).astype(wide) for f in (x.min, x.max))
        scale = np.where(most == least, 1, (most - least) / (high - low))
        return _fitted(least, scale, x, axis, dtype)

    return _scaler(fit, arrays, float(low))


def _numbers(who: str, x: Any) -> tuple[np.ndarray, np.dtype[Any]]:
    """An array, and the dtype of its scaled values."""
    x = asarray(x)
    if x.dtype.kind not in "biuf":
        raise DtypeError(
            f"{who}: features must be real numbers: got {x.dtype}"
            "; encode texts by np.unique(x, return_inverse=True)[1]"
        )
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not np.isfinite(x).all():
        count = np.count_nonzero(~np.isfinite(x))
        cure = "fill missing values, or drop their rows"
        raise RangeError(
            f"{who}: features must be finite: got {count} nan or inf in {aval_of(x)}; {cure}"
        )
    return x, x.dtype if is_inexact(x.dtype) else np.dtype(np.float32)


def _fitted(shift: Any, scale: Any, x: Any, axis: Any, dtype: Any) -> tuple[Any, Any]:
    """Shift and scale in the given dtype, without leading axes of length 1."""
    scale = np.where(_constant(x, axis), 1, scale).astype(dtype)
    scale[scale == 0] = 1  # underflow in the cast
    shift = shift.astype(dtype)
    while shift.ndim and shift.shape[0] == 1:
        shift, scale = shift[0], scale[0]
    return shift, scale


def _constant(x: np.ndarray, axis: Any) -> np.ndarray:
    return x.max(axis=axis, keepdims=True) == x.min(axis=axis, keepdims=True)


def _scaler(fit: Any, arrays: Any, offset: float = 0.0) -> Scaler:
    leaves, treedef = tree.flatten(arrays)
    shifts, scales = zip(*map(fit, leaves), strict=True)
    return Scaler(tree.unflatten(treedef, shifts), tree.unflatten(treedef, scales), offset)


def _like(x: Any, like: Any) -> Any:
    """Cast integers to the dtype of the scaler."""
    x = operand(x)
    return x if is_inexact(dtype_of(x)) else cast(x, dtype_of(like))
