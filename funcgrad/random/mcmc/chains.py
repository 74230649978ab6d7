"""Chains as programs: a scan over the warm-up, and one over the draws."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...control.conditionals import cond
from ...control.loops import scan
from ...core.avals import dtype_of
from ..draws import uniform
from ..keys import Key, split
from .adaptation import Averaging, Moments, reasonable_step, windows
from .hamiltonian import Density, Draw, Place, chosen, placed


class Plan(NamedTuple):
    """The lengths of a chain, and what its warm-up finds: each is None where it is to be found.

    ``transition(density, key, place, step, variances)`` makes a draw.
    """

    transition: Callable[..., Draw]
    num_samples: int
    num_warmup: int
    jitter: float
    target: float
    step_size: Any
    variances: Any


class Tuning(NamedTuple):
    """What the warm-up of a chain carries on."""

    place: Place
    averaging: Averaging
    moments: Moments
    variances: Any


def chain(plan: Plan, density: Density, key: Key, position: Any) -> tuple[Any, Any, Any]:
    """The draws of a chain, their step size, and the variances that the warm-up found."""
    keys = split(key, 4)
    place = _begun(plan, density, keys[0], position)
    dtype = dtype_of(position)
    variances = np.ones_like(position) if plan.variances is None else plan.variances
    if plan.step_size is None:
        step = reasonable_step(density, keys[1], place, np.ones((), dtype), variances)
    else:
        step = np.asarray(plan.step_size, dtype)
    if plan.num_warmup:
        place, step, variances = _warmed(plan, density, keys[2], place, step, variances)

    def draw(place: Place, key: Key) -> tuple[Place, Any]:
        made = plan.transition(density, key, place, step, variances)
        return made.place, made._replace(place=made.place._replace(gradient=None))

    return scan(draw, place, split(keys[3], plan.num_samples))[1], step, variances


def _begun(plan: Plan, density: Density, key: Key, position: Any) -> Place:
    """The start: near the position, or on it where the density is 0 nearby."""
    place = placed(density, position)
    if not plan.jitter:
        return place
    spread = uniform(key, position.shape, dtype_of(position), -plan.jitter, plan.jitter)
    near = placed(density, position + spread)
    possible = np.isfinite(near.log_density) & np.all(np.isfinite(near.gradient))
    return chosen(possible, near, place)


def _warmed(
    plan: Plan, density: Density, key: Key, place: Place, step: Any, variances: Any
) -> tuple[Place, Any, Any]:
    """Place, step size and variances after the warm-up."""
    adapts_step, adapts_variances = plan.step_size is None, plan.variances is None

    def ended(key: Key, t: Tuning) -> Tuning:
        variances = t.moments.variances() if adapts_variances else t.variances
        averaging = t.averaging
        if adapts_step:
            step = np.exp(averaging.log_step)
            averaging = Averaging.at(reasonable_step(density, key, t.place, step, variances))
        return Tuning(t.place, averaging, Moments.of_none(t.place.position), variances)

    def tuned(t: Tuning, xs: Any) -> tuple[Tuning, None]:
        key, is_slow, is_end = xs
        keys = split(key)
        made = plan.transition(density, keys[0], t.place, np.exp(t.averaging.log_step), t.variances)
        t = t._replace(
            place=made.place,
            averaging=t.averaging.updated(made.acceptance_rate, plan.target)
            if adapts_step
            else t.averaging,
            moments=chosen(is_slow, t.moments.updated(made.place.position), t.moments),
        )
        if adapts_variances:
            t = cond(is_end, ended, lambda key, t: t, keys[1], t)
        return t, None

    first = Tuning(place, Averaging.at(step), Moments.of_none(place.position), variances)
    slow, ends = windows(plan.num_warmup)
    last = scan(tuned, first, (split(key, plan.num_warmup), slow, ends))[0]
    step = np.exp(last.averaging.log_mean) if adapts_step else step
    return last.place, step, last.variances
