"""Densities by kernels."""

import math
from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...linalg import solve_triangular
from ...special import logsumexp, ndtr
from .distribution import LOG_2PI
from .summaries import sample


@answering
class gaussian_kde:  # noqa: N801, SciPy's name
    """Density of a sample, by normal kernels; differentiable in points, sample and weights.

    Args:
        dataset: shape [d, n], or [n] for d = 1.
        bw_method: ``"scott"``, ``"silverman"``, a number, or a function of this object, which
            multiplies the standard deviations of the sample.
        weights: shape [n].

    Source: Scott 1992, "Multivariate density estimation".

    >>> kde = gaussian_kde(np.array([-1.0, 0.0, 1.0]))
    >>> print(kde(0.0).round(6))
    [0.318156]
    """

    def __init__(self, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
        dataset = sample("gaussian_kde", dataset)
        self.dataset = np.atleast_2d(dataset)
        self.d, self.n = shape_of(self.dataset)
        if self.n < 2:
            raise ShapeError(f"gaussian_kde: dataset needs two or more points: got "
                             f"{aval_of(dataset)}")  # fmt: skip
        if weights is None:
            self.weights: Any = np.full(self.n, 1 / self.n)
        else:
            given = sample("gaussian_kde", weights)
            if shape_of(given) != (self.n,):
                raise ShapeError(f"gaussian_kde: weights must have the shape [{self.n}]: got "
                                 f"{aval_of(given)}")  # fmt: skip
            self.weights = given / np.sum(given)
        self.neff = 1 / np.sum(self.weights**2)
        self.set_bandwidth(bw_method)

    def set_bandwidth(self, bw_method: Any = None) -> None:
        """Set the factor of the standard deviations; see the class."""
        if bw_method is None or bw_method == "scott":
            self.factor = self.scotts_factor()
        elif isinstance(bw_method, str):
            if bw_method != "silverman":
                raise ValueError(f"gaussian_kde: bw_method must be 'scott', 'silverman', a number "
                                 f"or a function: got {shown(bw_method)}")  # fmt: skip
            self.factor = self.silverman_factor()
        else:
            self.factor = bw_method(self) if callable(bw_method) else bw_method
        gap = self.dataset - np.sum(self.dataset * self.weights, axis=1)[:, None]
        # unbiased for weights of reliability
        self.covariance = (gap * self.weights) @ gap.T / (1 - 1 / self.neff) * self.factor**2
        self.cho_cov = np.linalg.cholesky(self.covariance)

    def scotts_factor(self) -> Any:
        """neff**(-1 / (d + 4))."""
        return self.neff ** (-1.0 / (self.d + 4))

    def silverman_factor(self) -> Any:
        """(neff (d + 2) / 4)**(-1 / (d + 4))."""
        return (self.neff * (self.d + 2) / 4) ** (-1.0 / (self.d + 4))

    @property
    def inv_cov(self) -> Any:
        """The inverse of the covariance of a kernel."""
        return np.linalg.inv(self.covariance)

    def _points(self, points: Any) -> Any:
        points = np.atleast_2d(sample("gaussian_kde", points))
        if shape_of(points)[0] != self.d:
            if self.d == 1 or shape_of(points) != (1, self.d):
                raise ShapeError(f"gaussian_kde: points must have {self.d} rows: got "
                                 f"{aval_of(points)}; transpose them")  # fmt: skip
            points = points.T  # one point
        return points

    def logpdf(self, x: Any) -> Any:
        """Logarithm of the density at points [d, m], or [m] for d = 1."""
        white = solve_triangular(self.cho_cov, self._points(x), lower=True)
        centers = solve_triangular(self.cho_cov, self.dataset, lower=True)
        square = np.sum((white[:, :, None] - centers[:, None, :]) ** 2, axis=0)  # [m, n]
        log = logsumexp(-0.5 * square, axis=-1, b=self.weights)
        return log - np.sum(np.log(np.diagonal(self.cho_cov))) - 0.5 * self.d * LOG_2PI

    def evaluate(self, points: Any) -> Any:
        """Density at points [d, m], or [m] for d = 1."""
        return np.exp(self.logpdf(points))

    pdf = __call__ = evaluate

    def integrate_box_1d(self, low: Any, high: Any) -> Any:
        """Probability of an interval, for d = 1."""
        if self.d != 1:
            raise ShapeError(f"gaussian_kde: integrate_box_1d needs d = 1: got {self.d}")
        width = np.ravel(self.cho_cov)[0]
        share = ndtr((high - self.dataset[0]) / width) - ndtr((low - self.dataset[0]) / width)
        return np.sum(self.weights * share)

    def integrate_gaussian(self, mean: Any, cov: Any) -> Any:
        """Integral of the density times that of a normal distribution."""
        mean, cov = np.atleast_1d(sample("gaussian_kde", mean)), sample("gaussian_kde", cov)
        return self._overlap(mean[:, None], np.atleast_2d(cov), np.ones(1))

    def integrate_kde(self, other: Any) -> Any:
        """Integral of the product of two densities."""
        return self._overlap(other.dataset, other.covariance, other.weights)

    def _overlap(self, centers: Any, covariance: Any, weights: Any) -> Any:
        factor = np.linalg.cholesky(self.covariance + covariance)
        gap = self.dataset[:, :, None] - centers[:, None, :]
        white = solve_triangular(factor, np.reshape(gap, (self.d, -1)), lower=True)
        density = np.exp(-0.5 * np.reshape(np.sum(white**2, axis=0), shape_of(gap)[1:]))
        norm = (2 * math.pi) ** (0.5 * self.d) * np.prod(np.diagonal(factor))
        return self.weights @ density @ weights / norm
