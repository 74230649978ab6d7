"""Distributions of matrices, of vectors beyond the normal one, and of counts of several kinds."""

import math
from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...linalg import solve_triangular
from ...special import betaln, gammaln, ive, multigammaln, xlogy
from .distribution import LOG_2PI
from .frozen import Freezable
from .multivariate import vectors
from .parts import floating, log_choose


def _matrix(who: str, name: str, a: Any, size: int) -> Any:
    """A covariance from a matrix, its diagonal, or a scalar."""
    a = np.eye(size, dtype=a.dtype) * a if len(shape_of(a)) < 2 else a
    if shape_of(a) != (size, size):
        raise ShapeError(f"{who}: {name} must have the shape [{size}, {size}]: got {aval_of(a)}")
    return a


def _log_det(factor: Any) -> Any:
    return 2 * np.sum(np.log(np.diagonal(factor)))


def _whitened(factor: Any, x: Any) -> Any:
    """The solutions of L y = x for vectors along the last axis."""
    flat = np.reshape(x, (-1, shape_of(x)[-1]))
    return np.reshape(solve_triangular(factor, flat.T, lower=True).T, shape_of(x))


class MultivariateT(Freezable):
    """Multivariate Student's t distribution with SciPy's parameters.

    ``x`` has shape [..., D], ``loc`` [D], ``shape`` is a matrix [D, D], the diagonal [D] or a
    scalar, and ``df`` the degrees of freedom.

    >>> from funcgrad.scipy.stats import multivariate_t
    >>> print(multivariate_t.logpdf(np.zeros(2), np.ones(2), np.eye(2), 3.0).round(6))
    -3.114941
    """

    name = "multivariate_t"

    def logpdf(self, x: Any, loc: Any = None, shape: Any = 1, df: Any = 1) -> Any:
        """Logarithm of the density."""
        x, loc, shape = vectors(x, loc, shape)
        x, df = floating(x, df)
        factor, n = np.linalg.cholesky(shape), shape_of(shape)[-1]
        square = np.sum(_whitened(factor, x - loc) ** 2, axis=-1)
        norm = gammaln(0.5 * (df + n)) - gammaln(0.5 * df) - 0.5 * n * np.log(df * math.pi)
        return norm - 0.5 * _log_det(factor) - 0.5 * (df + n) * np.log1p(square / df)

    def pdf(self, x: Any, loc: Any = None, shape: Any = 1, df: Any = 1) -> Any:
        """Density."""
        return np.exp(self.logpdf(x, loc, shape, df))


class MatrixNormal(Freezable):
    """Matrix normal distribution with SciPy's parameters.

    ``X`` has shape [..., M, N], ``mean`` [M, N], ``rowcov`` [M, M] and ``colcov`` [N, N].

    >>> from funcgrad.scipy.stats import matrix_normal
    >>> print(matrix_normal.logpdf(np.zeros((1, 2)), np.ones((1, 2))).round(6))
    -2.837877
    """

    name = "matrix_normal"

    def logpdf(self, X: Any, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Any:  # noqa: N803
        """Logarithm of the density."""
        x, mean, rows, columns = floating(X, 0 if mean is None else mean, rowcov, colcov)
        m, n = shape_of(x)[-2:]
        left = np.linalg.cholesky(_matrix("matrix_normal", "rowcov", rows, m))
        right = np.linalg.cholesky(_matrix("matrix_normal", "colcov", columns, n))
        half = _whitened(right, x - mean)
        square = np.sum(_whitened(left, np.swapaxes(half, -1, -2)) ** 2, axis=(-2, -1))
        log_det = n * _log_det(left) + m * _log_det(right)
        return -0.5 * (m * n * LOG_2PI + log_det + square)

    def pdf(self, X: Any, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Any:  # noqa: N803
        """Density."""
        return np.exp(self.logpdf(X, mean, rowcov, colcov))


class Wishart(Freezable):
    """Wishart distribution of matrices, or that of their inverses, with SciPy's parameters.

    ``x`` has shape [D, D], or [D, D, N] for several; ``scale`` is a matrix [D, D], its diagonal or
    a scalar, and ``df`` >= D.

    >>> from funcgrad.scipy.stats import wishart
    >>> print(wishart.logpdf(np.eye(2), 3.0, np.eye(2)).round(6))
    -3.531024
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Logarithm of the density."""
        x, df, scale = floating(x, df, scale)
        x = np.reshape(x, (1, 1)) if shape_of(x) == () else x
        n = shape_of(x)[0]
        scale = _matrix(self.name, "scale", scale, n)
        stack = np.moveaxis(x, (0, 1), (-2, -1))
        own = np.linalg.cholesky(stack)
        log_x = 2 * np.sum(np.log(np.diagonal(own, axis1=-2, axis2=-1)), axis=-1)
        if self.name == "wishart":
            trace = np.trace(np.linalg.solve(scale, stack), axis1=-2, axis2=-1)
            log, sign = 0.5 * (df - n - 1) * log_x, -1
        else:
            trace = np.trace(np.linalg.solve(stack, scale), axis1=-2, axis2=-1)
            log, sign = -0.5 * (df + n + 1) * log_x, 1
        norm = 0.5 * df * n * math.log(2) + multigammaln(0.5 * df, n)
        return log - 0.5 * trace - norm + sign * 0.5 * df * _log_det(np.linalg.cholesky(scale))

    def pdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Density."""
        return np.exp(self.logpdf(x, df, scale))


class DirichletMultinomial(Freezable):
    """Multinomial counts of probabilities that are Dirichlet's, with SciPy's parameters.

    ``x`` and ``alpha`` have shape [..., K], and ``n`` is the sum of the counts.

    >>> from funcgrad.scipy.stats import dirichlet_multinomial
    >>> print(dirichlet_multinomial.pmf(np.array([1, 2]), np.ones(2), 3).round(6))
    0.25
    """

    name = "dirichlet_multinomial"

    def logpmf(self, x: Any, alpha: Any, n: Any) -> Any:
        """Logarithm of the probability of counts; -inf unless they sum to n."""
        x, alpha, n = floating(x, alpha, n)
        on = (np.sum(x, axis=-1) == n) & np.all((x >= 0) & (np.floor(x) == x), axis=-1)
        inner = np.where(on[..., None], x, 1)
        total, count = np.sum(alpha, axis=-1), np.where(n > 0, n, 1)
        y = np.log(count) + betaln(total, count)
        terms = np.where(inner > 0, np.log(np.where(inner > 0, inner, 1))
                         + betaln(alpha, np.where(inner > 0, inner, 1)), 0)  # fmt: skip
        return np.where(on, np.where(n > 0, y - np.sum(terms, axis=-1), 0), -np.inf)

    def pmf(self, x: Any, alpha: Any, n: Any) -> Any:
        """Probability of counts."""
        return np.exp(self.logpmf(x, alpha, n))


class MultivariateHypergeom(Freezable):
    """Counts of kinds among n draws without replacement, with SciPy's parameters.

    ``x`` and ``m``, the numbers there are of each kind, have shape [..., K].

    >>> from funcgrad.scipy.stats import multivariate_hypergeom
    >>> print(multivariate_hypergeom.pmf(np.array([1, 1]), np.array([2, 2]), 2).round(6))
    0.666667
    """

    name = "multivariate_hypergeom"

    def logpmf(self, x: Any, m: Any, n: Any) -> Any:
        """Logarithm of the probability of counts; -inf unless they sum to n."""
        x, m, n = floating(x, m, n)
        fits = (x >= 0) & (x <= m) & (np.floor(x) == x)
        on = (np.sum(x, axis=-1) == n) & np.all(fits, axis=-1)
        inner = np.where(on[..., None], x, 0)
        y = np.sum(log_choose(m, inner), axis=-1) - log_choose(np.sum(m, axis=-1), n)
        return np.where(on, y, -np.inf)

    def pmf(self, x: Any, m: Any, n: Any) -> Any:
        """Probability of counts."""
        return np.exp(self.logpmf(x, m, n))


class VonMisesFisher(Freezable):
    """Von Mises and Fisher's distribution on the unit sphere, with SciPy's parameters.

    ``x`` has shape [..., D], the mean direction ``mu`` [D], and ``kappa`` > 0 is a scalar.

    >>> from funcgrad.scipy.stats import vonmises_fisher
    >>> print(vonmises_fisher.logpdf(np.eye(3)[0], np.eye(3)[0], 1.0).round(6))
    -1.692464
    """

    name = "vonmises_fisher"

    def logpdf(self, x: Any, mu: Any = None, kappa: Any = 1) -> Any:
        """Logarithm of the density on the sphere."""
        x, mu, kappa = floating(x, mu, kappa)
        order = 0.5 * shape_of(x)[-1] - 1
        log_bessel = np.log(ive(order, kappa)) + kappa
        norm = xlogy(order, kappa) - (order + 1) * LOG_2PI - log_bessel
        return norm + kappa * np.sum(x * mu, axis=-1)

    def pdf(self, x: Any, mu: Any = None, kappa: Any = 1) -> Any:
        """Density on the sphere."""
        return np.exp(self.logpdf(x, mu, kappa))


multivariate_t = MultivariateT()
matrix_normal = MatrixNormal()
wishart = Wishart("wishart")
invwishart = Wishart("invwishart")
dirichlet_multinomial = DirichletMultinomial()
multivariate_hypergeom = MultivariateHypergeom()
vonmises_fisher = VonMisesFisher()
