"""Multivariate distributions."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...linalg import solve_triangular
from ...ops.linalg.matrices import hermitian
from ...ops.operand import strong
from ...special import gammaln, xlogy
from .distribution import LOG_2PI
from .frozen import Freezable
from .parts import floating


class MultivariateNormal(Freezable):
    """Multivariate normal distribution with SciPy's parameters.

    ``x`` has shape [..., D], ``mean`` [D] or []; ``cov`` is a matrix [D, D], of which the lower
    triangle is read, the variances [D], or a scalar.

    >>> from funcgrad.scipy.stats import multivariate_normal
    >>> print(multivariate_normal.logpdf(np.zeros(2), np.ones(2), np.eye(2)).round(6))
    -2.837877
    """

    name = "multivariate_normal"

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Logarithm of the density.

        Args:
            x, mean, cov: see the class.
            allow_singular: whether the covariance may be singular; the density is then that on
                its range, and the logarithm -inf elsewhere.

        Raises:
            LinAlgError: if the covariance is not positive definite, without ``allow_singular``.
        """
        x, mean, cov = vectors(x, mean, cov)
        gap = x - mean
        if allow_singular:
            return _singular(gap, cov)
        lower = np.linalg.cholesky(cov)
        flat = np.reshape(gap, (-1, shape_of(gap)[-1]))
        white = np.reshape(solve_triangular(lower, flat.T, lower=True).T, shape_of(gap))
        log_det = 2 * np.log(np.diagonal(lower)).sum()
        return -(np.square(white).sum(axis=-1) + log_det + shape_of(gap)[-1] * LOG_2PI) / 2

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Density."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def entropy(self, mean: Any = None, cov: Any = 1) -> Any:
        """Differential entropy, in nats."""
        _, _, cov = vectors(0.0 if mean is None else mean, mean, cov)
        n = shape_of(cov)[-1]
        log_det = 2 * np.log(np.diagonal(np.linalg.cholesky(cov))).sum()
        return (n * (1 + LOG_2PI) + log_det) / 2


def vectors(x: Any, mean: Any, cov: Any) -> tuple[Any, Any, Any]:
    """Points [..., D], the mean, and the covariance [D, D]."""
    x, mean, cov = floating(x, 0 if mean is None else mean, cov)
    size = max(shape_of(cov)[-1:] + shape_of(mean)[-1:] + (1,))
    if size == 1 and shape_of(cov) == shape_of(mean) == ():
        size = (shape_of(x) or (1,))[-1]
    if len(shape_of(cov)) < 2:
        cov = np.eye(size, dtype=cov.dtype) * cov
    if shape_of(cov) != (size, size):
        raise ShapeError(
            f"multivariate_normal: cov must have shape [{size}, {size}]: got {aval_of(cov)}"
            "; give one row for each element of x"
        )
    if size > 1 and shape_of(x)[-1:] != (size,):
        raise ShapeError(
            f"multivariate_normal: x must be [..., {size}]: got {aval_of(x)}; give the elements of "
            f"each point along its last axis"
        )
    x = x if shape_of(x) and shape_of(x)[-1] == size else strong(x)[..., None]
    return x, mean, cov


def _singular(gap: Any, cov: Any) -> Any:
    # without eigenvectors, which have no derivative for equal variances
    cov = hermitian(cov, "L")
    values = np.linalg.eigvalsh(cov)
    rtol = (1e3 if cov.dtype == np.float32 else 1e6) * np.finfo(cov.dtype).eps  # as SciPy's
    kept = values > rtol * np.max(np.abs(values))
    inverse = np.linalg.pinv(cov, rtol, hermitian=True)
    inside = (gap @ inverse * gap).sum(axis=-1)
    beyond = gap - gap @ (inverse @ cov)
    outside = np.square(beyond).sum(axis=-1) > 1e3 * np.finfo(cov.dtype).eps
    y = -(inside + np.log(np.where(kept, values, 1)).sum() + kept.sum() * LOG_2PI) / 2
    return np.where(outside, -np.inf, y)


class Dirichlet(Freezable):
    """Dirichlet distribution with SciPy's parameter ``alpha`` [K].

    ``x`` has shape [K] or [K, N], or [K - 1, ...] without the last probability.

    >>> from funcgrad.scipy.stats import dirichlet
    >>> print(dirichlet.pdf(np.array([0.2, 0.8]), np.array([1.0, 2.0])).round(6))
    1.6
    """

    name = "dirichlet"

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """Logarithm of the density; -inf outside the simplex."""
        x, alpha = floating(x, alpha)
        if len(shape_of(alpha)) != 1:
            raise ShapeError(
                f"dirichlet: alpha must be a vector: got {aval_of(alpha)}; write alpha.ravel()"
            )
        k = shape_of(alpha)[0]
        if shape_of(x)[0] == k - 1:
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        if shape_of(x)[0] != k:
            raise ShapeError(
                f"dirichlet: x must have {k} or {k - 1} elements along its first axis: got "
                f"{aval_of(x)}"
                "; transpose x"
            )
        alpha = np.reshape(alpha, (k,) + (1,) * (len(shape_of(x)) - 1))
        slack = 1e-10 if x.dtype == np.float64 else 1e-5
        on = np.all(x >= 0, axis=0) & (np.abs(np.sum(x, axis=0) - 1) <= slack)
        log_norm = np.sum(gammaln(alpha), axis=0) - gammaln(np.sum(alpha, axis=0))
        inner = np.where(on, x, 1 / k)
        y = np.sum(xlogy(alpha - 1, inner), axis=0) - log_norm
        good = np.all(alpha > 0, axis=0)
        return np.where(good, np.where(on, y, -np.inf), np.nan)

    def pdf(self, x: Any, alpha: Any) -> Any:
        """Density; 0 outside the simplex."""
        return np.exp(self.logpdf(x, alpha))


class Multinomial(Freezable):
    """Multinomial distribution of counts with SciPy's parameters ``n`` and ``p`` [..., K].

    >>> from funcgrad.scipy.stats import multinomial
    >>> print(multinomial.pmf(np.array([1, 2]), 3, np.array([0.5, 0.5])).round(6))
    0.375
    """

    name = "multinomial"

    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """Logarithm of the probability of counts; -inf unless they sum to n."""
        x, n, p = floating(x, n, p)
        on = (np.sum(x, axis=-1) == n) & np.all((x >= 0) & (np.floor(x) == x), axis=-1)
        inner = np.where(on[..., None], x, 0)
        y = gammaln(n + 1) + np.sum(xlogy(inner, p) - gammaln(inner + 1), axis=-1)
        return np.where(on, y, -np.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """Probability of counts."""
        return np.exp(self.logpmf(x, n, p))


multivariate_normal = MultivariateNormal()
dirichlet = Dirichlet()
multinomial = Multinomial()
