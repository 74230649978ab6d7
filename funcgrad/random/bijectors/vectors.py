"""Bijectors of vectors, on the last axis."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import shape_of
from ...core.nodes import register_dataclass
from .bijector import Bijector, as_real, softplus


@register_dataclass
@dataclass(frozen=True, slots=True)
class Ordered(Bijector):
    """Increasing vectors: y_1 = x_1, y_k = y_(k-1) + exp(x_k); shape [..., K] to [..., K].

    >>> print(Ordered().forward(np.array([1.0, 0.0, 0.0])))
    [1. 2. 3.]
    """

    @override
    def forward(self, x: Any) -> Any:
        x = as_real(self, x, 1)
        return np.cumsum(np.concatenate([x[..., :1], np.exp(x[..., 1:])], axis=-1), axis=-1)

    @override
    def inverse(self, y: Any) -> Any:
        y = as_real(self, y, 1)
        return np.concatenate([y[..., :1], np.log(np.diff(y, axis=-1))], axis=-1)

    @override
    def log_det(self, x: Any) -> Any:
        return np.sum(as_real(self, x, 1)[..., 1:], axis=-1)


@register_dataclass
@dataclass(frozen=True, slots=True)
class Simplex(Bijector):
    """Vectors of positive numbers of sum 1, by breaking a stick; shape [..., K - 1] to [..., K].

    Of the rest of the stick, y_k takes sigmoid(x_k - log(K - k)), so that 0 maps to equal parts.
    The determinant is that of the first K - 1 elements.

    Source: Stan reference manual, "Unit simplex".

    >>> print(Simplex().forward(np.zeros(3)))
    [0.25 0.25 0.25 0.25]
    """

    @override
    def forward(self, x: Any) -> Any:
        taken, left = self._logs(x)
        rest = np.cumsum(left, axis=-1)
        before = np.concatenate([np.zeros_like(rest[..., :1]), rest], axis=-1)
        return np.exp(before + np.concatenate([taken, np.zeros_like(rest[..., :1])], axis=-1))

    @override
    def inverse(self, y: Any) -> Any:
        y = as_real(self, y, 1)
        after = np.flip(np.cumsum(np.flip(y, -1), axis=-1), -1)[..., 1:]
        return np.log(y[..., :-1]) - np.log(after) + self._offsets(after)

    @override
    def log_det(self, x: Any) -> Any:
        taken, left = self._logs(x)
        rest = np.cumsum(left, axis=-1)  # log((1 - z_1) ... (1 - z_k))
        return np.sum(taken + rest, axis=-1)  # dy_k/dx_k = rest_(k-1) z_k (1 - z_k)

    def _logs(self, x: Any) -> tuple[Any, Any]:
        """Logs of the part z of the rest that each element takes, and of 1 - z."""
        x = as_real(self, x, 1)
        u = x - self._offsets(x)
        return -softplus(-u), -softplus(u)

    @staticmethod
    def _offsets(x: Any) -> Any:
        return np.log(np.arange(shape_of(x)[-1], 0, -1)).astype(x.dtype)
