"""Warm-up: the step size by dual averaging, and the covariance of the position in windows.

Source: Hoffman & Gelman 2014, "The No-U-Turn Sampler", section 3.2 and Algorithm 4; the windows
are those of the Stan reference manual, "Automatic parameter tuning".
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...control.loops import while_loop
from ...core.avals import dtype_of, shape_of
from ..keys import Key
from .hamiltonian import Density, Place, energy, is_dense, leapfrog, log_weight, start

GAMMA, SHIFT, KAPPA = 0.05, 10.0, 0.75  # gamma, t0 and kappa of Hoffman & Gelman
FIRST, WINDOW, LAST = 75, 25, 50  # draws of the first, slow and last phases


class Averaging(NamedTuple):
    """Dual averaging of the log of the step size."""

    log_step: Any
    log_mean: Any
    error: Any
    count: Any
    centre: Any

    @classmethod
    def at(cls, step: Any) -> "Averaging":
        log_step, none = np.log(step), np.zeros_like(step)
        return cls(log_step, none, none, none, math.log(10) + log_step)

    def updated(self, rate: Any, target: float) -> "Averaging":
        """Source: Hoffman & Gelman 2014, equation 6."""
        count = self.count + 1
        share = 1 / (count + SHIFT)
        error = (1 - share) * self.error + share * (target - rate)
        log_step = self.centre - np.sqrt(count) / GAMMA * error
        share = count**-KAPPA
        log_mean = share * log_step + (1 - share) * self.log_mean
        return Averaging(log_step, log_mean, error, count, self.centre)


class Moments(NamedTuple):
    """Mean of the positions so far, and sums of products of their deviations: [N], or [N, N]."""

    count: Any
    mean: Any
    products: Any

    @classmethod
    def like(cls, root: Any) -> "Moments":
        """The moments of no position, for an inverse mass matrix with such a root."""
        none = np.zeros_like(root)
        return cls(none.sum(), none[0] if is_dense(root) else none, none)

    def updated(self, x: Any) -> "Moments":
        """Source: Welford 1962, "Note on a method for calculating corrected sums of squares"."""
        count = self.count + 1
        before = x - self.mean
        mean = self.mean + before / count
        dense = is_dense(self.products)
        products = before[:, None] * (x - mean) if dense else before * (x - mean)
        return Moments(count, mean, self.products + products)

    def covariance(self) -> Any:
        """The sample covariance, or its diagonal, drawn towards 0.001 I, as Stan does."""
        n, dense = self.count, is_dense(self.products)
        least = 5e-3 * np.eye(shape_of(self.mean)[0], dtype=dtype_of(n)) if dense else 5e-3
        return (self.products / (n - 1) * n + least) / (n + 5)


def windows(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Which draws of the warm-up count for the covariance, and after which a window ends."""
    first, window, last = FIRST, WINDOW, LAST
    if first + window + last > num:
        first, last = int(0.15 * num), int(0.1 * num)
        window = num - first - last
    ends, start = [], first
    while num >= 20 and start + window <= num - last:
        if start + 3 * window > num - last:  # the next one, twice as long, would not fit
            window = num - last - start
        start += window
        ends.append(start - 1)
        window *= 2
    draws = np.arange(num)
    slow = (draws >= first) & (draws < num - last) & (num >= 20)
    return slow, np.isin(draws, ends)


def reasonable_step(density: Density, key: Key, place: Place, step: Any, root: Any) -> Any:
    """A step size at which one leapfrog step changes the energy by about log(0.8).

    Source: Hoffman & Gelman 2014, Algorithm 4.
    """
    first = start(key, place)
    origin = energy(first, place.log_density)

    def is_small(step: Any) -> Any:
        now = energy(*leapfrog(density, first, step, root))
        return log_weight(origin, now) > math.log(0.8)

    grows = is_small(step)

    def goes_on(state: Any) -> Any:
        _, small, count = state
        return (small == grows) & (count < 100)  # of a flat density, or one without a gradient

    def scaled(state: Any) -> Any:
        step, _, count = state
        step = np.where(grows, 2 * step, step / 2)
        return step, is_small(step), count + 1

    return while_loop(goes_on, scaled, (step, grows, np.int64(0)))[0]
