"""Bijectors to Cholesky factors, and from these to matrices."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...core.nodes import register_dataclass
from .bijector import Bijector, as_real, softplus


@register_dataclass
@dataclass(frozen=True, slots=True)
class CorrelationCholesky(Bijector):
    """Cholesky factors L of correlation matrices; shape [..., K (K - 1) / 2] to [..., K, K].

    Row i of L has norm 1: L_ij = z_ij sqrt((1 - z_i1^2) ... (1 - z_i(j-1)^2)), z = tanh(x), and x
    fills the lower triangle row by row. The determinant is that of L's strict lower triangle.

    Source: Lewandowski, Kurowicka & Joe 2009, "Generating random correlation matrices"; Stan
    reference manual, "Cholesky factors of correlation matrices".

    >>> L = CorrelationCholesky().forward(np.array([0.5, -1.0, 2.0]))
    >>> print(np.diagonal(L @ L.T))
    [1. 1. 1.]
    """

    @override
    def forward(self, x: Any) -> Any:
        x = as_real(self, x, 1)
        z = _lower(self, np.tanh(x), 1)
        _, before = self._logs(x)
        return (z + np.eye(shape_of(z)[-1], dtype=z.dtype)) * np.exp(before / 2)

    @override
    def inverse(self, y: Any) -> Any:
        y = _square(self, as_real(self, y, 2))
        tails = np.flip(np.cumsum(np.flip(y**2, -1), axis=-1), -1)
        rows, columns = np.tril_indices(shape_of(y)[-1], -1)
        # tanh(x) = L / sqrt(L^2 + tail): sinh(x) = L / sqrt(tail)
        return np.arcsinh(y[..., rows, columns] / np.sqrt(tails[..., rows, columns + 1]))

    @override
    def log_det(self, x: Any) -> Any:
        own, before = self._logs(as_real(self, x, 1))
        rows, columns = np.tril_indices(shape_of(own)[-1], -1)
        return np.sum((own + before / 2)[..., rows, columns], axis=-1)

    def _logs(self, x: Any) -> tuple[Any, Any]:
        """log(1 - z_ij^2), and the sum of those to the left; shape [..., K, K]."""
        own = _lower(self, 2 * (math.log(2) - x - softplus(-2 * x)), 1)  # -2 log cosh x
        return own, np.cumsum(own, axis=-1) - own


@register_dataclass
@dataclass(frozen=True, slots=True)
class CovarianceCholesky(Bijector):
    """Cholesky factors L of covariance matrices; shape [..., K (K + 1) / 2] to [..., K, K].

    x fills the lower triangle row by row; its diagonal is exp(x). The determinant is that of L's
    lower triangle; of the matrix L L^T it is that of ``Chain(CholeskyOuterProduct(), ...)``.

    >>> print(CovarianceCholesky().forward(np.array([0.0, 2.0, 0.0])))
    [[1. 0.]
     [2. 1.]]
    """

    @override
    def forward(self, x: Any) -> Any:
        lower = _lower(self, as_real(self, x, 1), 0)
        diagonal = np.eye(shape_of(lower)[-1], dtype=bool)
        return np.where(diagonal, np.exp(np.where(diagonal, lower, 0)), lower)

    @override
    def inverse(self, y: Any) -> Any:
        y = _square(self, as_real(self, y, 2))
        diagonal = np.eye(shape_of(y)[-1], dtype=bool)
        rows, columns = np.tril_indices(shape_of(y)[-1])
        return np.where(diagonal, np.log(np.where(diagonal, y, 1)), y)[..., rows, columns]

    @override
    def log_det(self, x: Any) -> Any:
        return np.trace(_lower(self, as_real(self, x, 1), 0), axis1=-2, axis2=-1)


@register_dataclass
@dataclass(frozen=True, slots=True)
class CholeskyOuterProduct(Bijector):
    """The matrix L L^T of a Cholesky factor L with a positive diagonal; shape [..., K, K].

    The determinant is that of lower triangles.

    >>> print(CholeskyOuterProduct().inverse(4 * np.eye(2)))
    [[2. 0.]
     [0. 2.]]
    """

    @override
    def forward(self, x: Any) -> Any:
        x = _square(self, as_real(self, x, 2))
        return x @ x.mT

    @override
    def inverse(self, y: Any) -> Any:
        return np.linalg.cholesky(_square(self, as_real(self, y, 2)))

    @override
    def log_det(self, x: Any) -> Any:
        x = _square(self, as_real(self, x, 2))
        k = shape_of(x)[-1]
        powers = np.arange(k, 0, -1).astype(x.dtype)  # 2^K L_11^K L_22^(K-1) ... L_KK
        diagonal = np.diagonal(x, axis1=-2, axis2=-1)
        return np.sum(powers * np.log(diagonal), axis=-1) + k * math.log(2)


def _lower(bijector: Bijector, x: Any, gap: int) -> Any:
    """Lower triangles from vectors, row by row, with ``gap`` diagonals left out."""
    n = shape_of(x)[-1]
    k = (math.isqrt(8 * n + 1) - 1) // 2
    if k * (k + 1) // 2 != n:
        raise ShapeError(
            f"{type(bijector).__name__}: the last axis must have the length of a lower triangle, "
            f"0, 1, 3, 6, 10, ...: got {aval_of(x)}"
        )
    k += gap
    places = np.full((k, k), n)
    places[np.tril_indices(k, -gap)] = np.arange(n)
    padded = np.concatenate([x, np.zeros((*shape_of(x)[:-1], 1), x.dtype)], axis=-1)
    return padded[..., places]


def _square(bijector: Bijector, y: Any) -> Any:
    if shape_of(y)[-1] != shape_of(y)[-2]:
        raise ShapeError(f"{type(bijector).__name__}: matrices must be square: got {aval_of(y)}")
    return y
