"""Quantiles without a formula: roots of the cdf, with their derivatives."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...control.loops import while_loop
from ...core.avals import dtype_of
from ...core.trace import Tracer
from ...ops.structure import cast
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp
from .parts import first_count

MOST = 2000  # steps: 1,100 doublings, and as many halvings, reach every number


def inverted(
    tail: Callable[..., Any],
    log_tails: tuple[Callable[..., Any], Callable[..., Any]],
    log_density: Callable[..., Any],
    support: Callable[..., tuple[Any, Any]],
    upper: bool,
) -> Callable[..., Any]:
    """The inverse (q, *shapes) -> z of a cdf or, if ``upper``, of a survival function.

    By Newton's method for the logarithm of the smaller tail, in a bracket that shrinks. The
    derivative is that of the root: f dz + dF = dq, with the density f.

    Args:
        tail: the function, (z, *shapes) -> q.
        log_tails: logarithms of the cdf and of the survival function.
    """

    def inverse(q: Any, *shapes: Any) -> Any:
        traced = [isinstance(x, Tracer) for x in shapes]  # a number of draws must stay known

        def all_of(some: Any) -> Iterator[Any]:
            rest = iter(some)
            return (
                next(rest) if is_traced else x for is_traced, x in zip(traced, shapes, strict=True)
            )

        @custom_jvp
        def point(q: Any, *some: Any) -> Any:
            shapes = tuple(all_of(some))
            return crossing(_excess(log_tails, log_density, upper, q, shapes), q, support(*shapes))

        @point.defjvp
        def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
            q, *some = primals
            z = point(q, *some)
            moved: Any = 0
            if some:
                at_z = lambda *some: tail(z, *all_of(some))
                moved = jvp(at_z, tuple(some), tuple(tangents[1:]))[1]
            density = np.exp(log_density(z, *all_of(some)))
            return z, (tangents[0] - moved) / (-density if upper else density)

        return point(q, *itertools.compress(shapes, traced))

    return inverse


def _excess(
    log_tails: Any, log_density: Any, upper: bool, q: Any, shapes: tuple[Any, ...]
) -> Callable[[Any], tuple[Any, Any]]:
    """The excess of the log of the smaller tail over its aim, growing in z, and its slope."""
    below, above = (1 - q, q) if upper else (q, 1 - q)
    by_cdf = below < above if upper else below <= 0.5
    aim = np.log(np.where(by_cdf, below, above))

    def excess(z: Any) -> tuple[Any, Any]:
        low, high = (log_tail(z, *shapes) for log_tail in log_tails)
        now = np.where(by_cdf, low, high)
        slope = np.exp(log_density(z, *shapes) - now)
        return np.where(by_cdf, now - aim, aim - now), slope

    return excess


def iterated(goes_on: Callable[[Any], Any], step: Callable[[Any], Any], state: Any) -> Any:
    """``while_loop``, but in Python where all values are known: staging takes longer than steps."""
    while not any(isinstance(x, Tracer) for x in state):
        if not goes_on(state):
            return state
        state = step(state)
    return while_loop(goes_on, step, state)


def crossing(excess: Callable[[Any], tuple[Any, Any]], q: Any, support: tuple[Any, Any]) -> Any:
    """The zero of a growing function between the ends of the support, which may be infinite."""
    dtype = dtype_of(q)
    ends = left, right = tuple(cast(end + 0 * q, dtype) for end in support)
    eps = np.finfo(dtype).eps
    start = np.where(np.isfinite(left), left + 1, np.where(np.isfinite(right), right - 1, 0))
    both = np.isfinite(left) & np.isfinite(right)
    start = cast(np.where(both, (left + right) / 2, start), dtype)

    def goes_on(state: Any) -> Any:
        *_, done, count = state
        return ~np.all(done) & (count < MOST)

    def step(state: Any) -> Any:
        left, right, z, done, count = state
        value, slope = excess(z)
        left, right = np.where(value <= 0, z, left), np.where(value >= 0, z, right)
        move = -value / slope
        # what follows is below rounding
        close = (np.abs(move) <= 64 * eps * np.abs(z)) | (np.abs(value) <= 16 * eps)
        far = 2 * np.abs(z) + 1  # a flat tail would take Newton's method much farther
        lowest = np.where(np.isinf(left), z - far, -np.inf)
        highest = np.where(np.isinf(right), z + far, np.inf)
        newton = np.clip(z + move, lowest, highest)
        gap = z - np.where(move < 0, *ends)  # for a power of the distance to the end
        after = np.where(
            np.isinf(left), lowest, np.where(np.isinf(right), highest, (left + right) / 2)
        )
        for guess in (z - gap + gap * np.exp(move / gap), newton):
            after = np.where((guess > left) & (guess < right), guess, after)
        after = np.where(close, z + move, after)
        widest = 2 * eps * np.maximum(np.abs(left), np.abs(right))
        tight = np.isfinite(widest) & (right - left <= widest)
        after = np.where(done | (value == 0), z, after)
        return left, right, after, done | close | tight | (value == 0), count + 1

    done = np.isnan(q)
    return iterated(goes_on, step, (left, right, start, done, np.int64(0)))[2]


def least(reached: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """The smallest integer from ``low`` on for which a predicate holds: at ``high`` it does.

    By doubling from an end that is finite, or from 0, then by bisection.
    """
    start = first_count(low)

    def goes_on(state: Any) -> Any:
        left, right = state
        return np.any(right - left > 1)

    def step(state: Any) -> Any:
        left, right = state
        ahead = np.where(np.isinf(left), 0, 2 * left - start + 2)
        behind = 2 * np.minimum(right, 0) - 1
        k = np.where(np.isinf(left), behind, np.floor((left + right) / 2))
        k = np.where(np.isinf(right), ahead, k)
        holds = reached(np.where(right - left > 1, k, start)) & (right - left > 1)
        return np.where(holds | (right - left <= 1), left, k), np.where(holds, k, right)

    return iterated(goes_on, step, (low - 1, high))[1]
