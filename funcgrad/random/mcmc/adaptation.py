"""Warm-up: the step size by dual averaging, and variances of the position in windows.

Source: Hoffman & Gelman 2014, "The No-U-Turn Sampler", section 3.2 and Algorithm 4; the windows
are those of the Stan reference manual, "Automatic parameter tuning".
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...control.loops import while_loop
from ..keys import Key
from .hamiltonian import Density, Place, energy, leapfrog, log_weight, start

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
    """Mean and sum of squared deviations of the positions so far."""

    count: Any
    mean: Any
    squares: Any

    @classmethod
    def of_none(cls, position: Any) -> "Moments":
        none = np.zeros_like(position)
        return cls(none.sum(), none, none)

    def updated(self, x: Any) -> "Moments":
        """Source: Welford 1962, "Note on a method for calculating corrected sums of squares"."""
        count = self.count + 1
        mean = self.mean + (x - self.mean) / count
        return Moments(count, mean, self.squares + (x - self.mean) * (x - mean))

    def variances(self) -> Any:
        """Sample variances, drawn towards 0.001, as Stan does."""
        n = self.count
        return (self.squares / (n - 1) * n + 5e-3) / (n + 5)


def windows(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Which draws of the warm-up count for the variances, and after which a window ends."""
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


def reasonable_step(density: Density, key: Key, place: Place, step: Any, variances: Any) -> Any:
    """A step size at which one leapfrog step changes the energy by about log(0.8).

    Source: Hoffman & Gelman 2014, Algorithm 4.
    """
    first = start(key, place, variances)
    origin = energy(first, place.log_density, variances)

    def is_small(step: Any) -> Any:
        now = energy(*leapfrog(density, first, step, variances), variances)
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
