"""Schedules: functions from the count of updates so far, 0 at the first, to a scalar.

Names, arguments and values are optax's; the count may be an array, or traced.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..core.errors import shown
from ..core.lazy import checking
from ..core.pickling import picklable
from .base import Schedule
from .checks import check_not_negative, check_steps, steps_of

M = TypeVar("M", bound=Callable[..., Schedule])


def _made(maker: M) -> M:
    """Make the schedules of a function picklable, and check what it is given."""
    return picklable(checking(maker))


@_made
def constant_schedule(value: Any) -> Schedule:
    """The same value at every count."""
    return lambda count: value


@_made
def polynomial_schedule(
    init_value: Any, end_value: Any, power: Any, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """From one value to another along a power of the remaining fraction of steps.

    Args:
        init_value: the value up to ``transition_begin``.
        end_value: the value from ``transition_begin + transition_steps`` on.
        power: between, the value is (init - end) (1 - t / transition_steps)**power + end.
        transition_steps: the number of steps; if it is not positive the schedule is constant.
        transition_begin: the count at which t is 0.

    >>> print(polynomial_schedule(1.0, 0.0, 2, 10)(5))
    0.25
    """
    check_not_negative("polynomial_schedule", power=power)
    if transition_steps <= 0:
        return constant_schedule(init_value)
    begin = max(transition_begin, 0)

    def schedule(count: Any) -> Any:
        t = np.clip(count - begin, 0, transition_steps)
        return (init_value - end_value) * (1 - t / transition_steps) ** power + end_value

    return schedule


@_made
def linear_schedule(
    init_value: Any, end_value: Any, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """From one value to another linearly; see :func:`polynomial_schedule`.

    >>> print(linear_schedule(1.0, 0.0, 10)(4))
    0.6
    """
    return polynomial_schedule(init_value, end_value, 1, transition_steps, transition_begin)


@_made
def exponential_decay(
    init_value: Any,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: Any = None,
) -> Schedule:
    """Multiply by ``decay_rate`` every ``transition_steps`` steps: init * rate**(t / steps).

    Args:
        init_value: the value up to ``transition_begin``.
        transition_steps: if it is not positive, the schedule is constant.
        decay_rate: not negative; if it is 0, the schedule is constant.
        transition_begin: the count at which t is 0.
        staircase: whether the exponent is rounded down.
        end_value: the bound at which the decay (or growth) stops.

    >>> print(exponential_decay(1.0, 10, 0.5)(20))
    0.25
    """
    check_not_negative("exponential_decay", decay_rate=decay_rate)
    if transition_steps <= 0 or decay_rate == 0:
        return constant_schedule(init_value)
    begin = max(transition_begin, 0)

    def schedule(count: Any) -> Any:
        exponent = np.maximum(count - begin, 0) / transition_steps
        if staircase:
            exponent = np.floor(exponent)
        value = init_value * decay_rate**exponent
        if end_value is None:
            return value
        return (np.maximum if decay_rate < 1 else np.minimum)(value, end_value)

    return schedule


@_made
def cosine_decay_schedule(
    init_value: Any, decay_steps: int, alpha: Any = 0.0, exponent: Any = 1.0
) -> Schedule:
    """From ``init_value`` to ``alpha * init_value`` along half a cosine.

    Args:
        init_value: the value at 0.
        decay_steps: positive, the count from which the value stays.
        alpha: the final value as a fraction of the first.
        exponent: the power of the cosine factor.

    Raises:
        ValueError: if ``decay_steps`` is not positive.

    Source: Loshchilov & Hutter 2017, equation 5 (arXiv:1608.03983).

    >>> print(cosine_decay_schedule(1.0, 10)(5))
    0.5
    """
    if not decay_steps > 0:
        raise ValueError(f"cosine_decay_schedule: decay_steps must be positive: got {decay_steps}")

    def schedule(count: Any) -> Any:
        t = np.minimum(count, decay_steps) / decay_steps
        factor = 0.5 * (1 + np.cos(math.pi * t))
        return init_value * ((1 - alpha) * factor**exponent + alpha)

    return schedule


@_made
def warmup_cosine_decay_schedule(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    decay_steps: int,
    end_value: Any = 0.0,
    exponent: Any = 1.0,
) -> Schedule:
    """Rise linearly to ``peak_value``, then fall along half a cosine.

    Args:
        init_value: the value at 0.
        peak_value: the value at ``warmup_steps``.
        warmup_steps: the number of rising steps.
        decay_steps: the number of all steps, the rising ones included.
        end_value: the value from ``decay_steps`` on.
        exponent: the power of the cosine factor.

    Raises:
        ValueError: if ``decay_steps`` is not above ``warmup_steps``.

    >>> print(warmup_cosine_decay_schedule(0.0, 1.0, 10, 110)(60))
    0.5
    """
    check_not_negative("warmup_cosine_decay_schedule", warmup_steps=warmup_steps)
    if not decay_steps > warmup_steps:
        raise ValueError(
            f"warmup_cosine_decay_schedule: decay_steps includes the warm-up, so it must exceed "
            f"warmup_steps: got {decay_steps} and {warmup_steps}"
        )
    alpha = 0.0 if peak_value == 0.0 else end_value / peak_value
    rise = linear_schedule(init_value, peak_value, warmup_steps)
    fall = cosine_decay_schedule(peak_value, decay_steps - warmup_steps, alpha, exponent)
    return join_schedules([rise, fall], [warmup_steps])


@_made
def warmup_constant_schedule(init_value: Any, peak_value: Any, warmup_steps: int) -> Schedule:
    """Rise linearly, then stay.

    >>> schedule = warmup_constant_schedule(0.0, 1.0, 10)
    >>> print(schedule(5), schedule(50))
    0.5 1.0
    """
    return linear_schedule(init_value, peak_value, warmup_steps)


@_made
def warmup_exponential_decay_schedule(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: Any = None,
) -> Schedule:
    """Rise linearly, then decay by :func:`exponential_decay`, with a count from 0.

    >>> schedule = warmup_exponential_decay_schedule(0.0, 1.0, 10, 10, 0.5)
    >>> print(schedule(5), schedule(20))
    0.5 0.5
    """
    rise = linear_schedule(init_value, peak_value, warmup_steps)
    fall = exponential_decay(
        peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value
    )
    return join_schedules([rise, fall], [warmup_steps])


@_made
def sgdr_schedule(cosine_kwargs: Sequence[Mapping[str, Any]]) -> Schedule:
    """Cosine decay with warm restarts.

    Args:
        cosine_kwargs: for each cycle the arguments of :func:`warmup_cosine_decay_schedule`,
            whose ``decay_steps`` is the length of the cycle.

    Source: Loshchilov & Hutter 2017 (arXiv:1608.03983).

    >>> cycle = dict(init_value=0.0, peak_value=1.0, warmup_steps=1, decay_steps=11)
    >>> schedule = sgdr_schedule([cycle, cycle])
    >>> print(schedule(1), schedule(12))
    1.0 1.0
    """
    cycles = [warmup_cosine_decay_schedule(**kwargs) for kwargs in cosine_kwargs]
    ends = list(itertools.accumulate(kwargs["decay_steps"] for kwargs in cosine_kwargs))
    return join_schedules(cycles, ends[:-1])


@_made
def piecewise_interpolate_schedule(
    interpolate_type: str, init_value: Any, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    """From value to value, each a factor times the last, linearly or along half cosines.

    Args:
        interpolate_type: "linear" or "cosine".
        init_value: the value at 0.
        boundaries_and_scales: from each count at which a value is reached to its factor, which
            is not negative.

    Raises:
        ValueError: if the type is unknown, or a factor is negative.

    >>> print(piecewise_interpolate_schedule("linear", 1.0, {10: 3.0})(5))
    2.0
    """
    who = "piecewise_interpolate_schedule"
    if interpolate_type not in ("linear", "cosine"):
        raise ValueError(
            f"{who}: the type must be 'linear' or 'cosine': got {shown(interpolate_type)}"
        )
    steps = steps_of(who, boundaries_and_scales)

    def schedule(count: Any) -> Any:
        value, begin, current = init_value, 0, init_value
        for boundary, factor in steps:
            end = value * factor
            part = np.clip((count - begin) / max(boundary - begin, 1), 0, 1)
            if interpolate_type == "cosine":
                between = end + (value - end) / 2 * (np.cos(math.pi * part) + 1)
            else:
                between = (end - value) * part + value
            current = np.where(count < begin, current, np.where(count < boundary, between, end))
            value, begin = end, boundary
        return current[()] if steps else current

    return schedule


@_made
def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: Any,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Rise linearly to the peak, fall back to the first value, and then far below.

    Args:
        transition_steps: positive, the length of the cycle.
        peak_value: the largest value.
        pct_start, pct_final: the fractions of the cycle before the peak and the second fall.
        div_factor: the peak over the first value.
        final_div_factor: the first value over the last.

    Raises:
        ValueError: if ``transition_steps`` is not positive.

    Source: Smith & Topin 2018 (arXiv:1708.07120).

    >>> print(linear_onecycle_schedule(100, 1.0)(30))
    1.0
    """
    check_steps("linear_onecycle_schedule", transition_steps)
    turns = {
        int(pct_start * transition_steps): div_factor,
        int(pct_final * transition_steps): 1.0 / div_factor,
        transition_steps: 1.0 / final_div_factor,
    }
    return piecewise_interpolate_schedule("linear", peak_value / div_factor, turns)


@_made
def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: Any,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Rise along half a cosine to the peak, then fall along another.

    The arguments are those of :func:`linear_onecycle_schedule`.

    >>> print(cosine_onecycle_schedule(100, 1.0)(30))
    1.0
    """
    check_steps("cosine_onecycle_schedule", transition_steps)
    turns = {
        int(pct_start * transition_steps): div_factor,
        int(transition_steps): 1.0 / (div_factor * final_div_factor),
    }
    return piecewise_interpolate_schedule("cosine", peak_value / div_factor, turns)


@_made
def piecewise_constant_schedule(
    init_value: Any, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    """Multiply the value by a factor at each boundary.

    Args:
        init_value: the value before the first boundary.
        boundaries_and_scales: from each count at which the value changes to its factor, which
            is not negative.

    Raises:
        ValueError: if a factor is negative.

    >>> schedule = piecewise_constant_schedule(1.0, {10: 0.1})
    >>> print(schedule(9), schedule(10))
    1.0 0.1
    """
    steps = steps_of("piecewise_constant_schedule", boundaries_and_scales)

    def schedule(count: Any) -> Any:
        value = init_value
        for boundary, factor in steps:
            value = value * np.where(count < boundary, 1.0, factor)
        return value

    return schedule


@_made
def join_schedules(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """One schedule after another; each counts from its own beginning.

    Args:
        schedules: the parts in order.
        boundaries: the count at which each but the first begins, rising.

    Raises:
        ValueError: if there is not one boundary between two schedules.

    >>> schedule = join_schedules([constant_schedule(1.0), linear_schedule(2.0, 0.0, 2)], [10])
    >>> print(schedule(9), schedule(11))
    1.0 1.0
    """
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(
            f"join_schedules: {len(schedules)} schedules need {len(schedules) - 1} boundaries: "
            f"got {list(boundaries)}; give one boundary between each two schedules"
        )
    if not all(map(callable, schedules)):
        raise TypeError(
            f"join_schedules: schedules must be functions of the count: got {list(schedules)}; "
            f"write constant_schedule(value) for a number"
        )
    if any(a >= b for a, b in itertools.pairwise(boundaries)):
        raise ValueError(f"join_schedules: boundaries must rise: got {list(boundaries)}; sort them")

    def schedule(count: Any) -> Any:
        value = schedules[0](count)
        for boundary, part in zip(boundaries, schedules[1:], strict=True):
            choice: Any = np.where(count < boundary, value, part(count - boundary))
            value = choice[()]
        return value

    return schedule
