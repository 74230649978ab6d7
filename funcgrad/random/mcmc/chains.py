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
from .hamiltonian import (
    Density,
    Draw,
    Place,
    chosen,
    inverse_mass_matrix_of,
    placed,
    root_of,
)


class Plan(NamedTuple):
    """The lengths of a chain, and what its warm-up finds: each is None where it is to be found.

    ``transition(density, key, place, step, root)`` makes a draw.
    """

    transition: Callable[..., Draw]
    num_samples: int
    num_warmup: int
    jitter: float
    target: float
    step_size: Any
    inverse_mass_matrix: Any
    dense_mass: bool


class Tuning(NamedTuple):
    """What the warm-up of a chain carries on."""

    place: Place
    averaging: Averaging
    moments: Moments
    root: Any


def chain(plan: Plan, density: Density, key: Key, position: Any) -> tuple[Any, Any, Any]:
    """The draws of a chain, their step size, and the inverse mass matrix that the warm-up found."""
    keys = split(key, 4)
    root = _first_root(plan, position)
    place = _begun(plan, density, keys[0], position, root)
    dtype = dtype_of(position)
    if plan.step_size is None:
        step = reasonable_step(density, keys[1], place, np.ones((), dtype), root)
    else:
        step = np.asarray(plan.step_size, dtype)
    if plan.num_warmup:
        place, step, root = _warmed(plan, density, keys[2], place, step, root)

    def draw(place: Place, key: Key) -> tuple[Place, Any]:
        made = plan.transition(density, key, place, step, root)
        return made.place, made._replace(place=made.place._replace(gradient=None))

    draws = scan(draw, place, split(keys[3], plan.num_samples))[1]
    return draws, step, inverse_mass_matrix_of(root)


def _first_root(plan: Plan, position: Any) -> Any:
    if plan.inverse_mass_matrix is not None:
        return root_of(plan.inverse_mass_matrix)
    ones = np.ones_like(position)
    return np.diag(ones) if plan.dense_mass else ones


def _begun(plan: Plan, density: Density, key: Key, position: Any, root: Any) -> Place:
    """The start: near the position, or on it where the density is 0 nearby."""
    place = placed(density, position, root)
    if not plan.jitter:
        return place
    spread = uniform(key, position.shape, dtype_of(position), -plan.jitter, plan.jitter)
    near = placed(density, position + spread, root)
    possible = np.isfinite(near.log_density) & np.all(np.isfinite(near.gradient))
    return chosen(possible, near, place)


def _warmed(
    plan: Plan, density: Density, key: Key, place: Place, step: Any, root: Any
) -> tuple[Place, Any, Any]:
    """Place, step size and root after the warm-up."""
    adapts_step, adapts_mass = plan.step_size is None, plan.inverse_mass_matrix is None

    def ended(key: Key, t: Tuning) -> Tuning:
        root = root_of(t.moments.covariance())
        place, averaging = placed(density, t.place.position, root), t.averaging
        if adapts_step:
            step = np.exp(averaging.log_step)
            averaging = Averaging.at(reasonable_step(density, key, place, step, root))
        return Tuning(place, averaging, Moments.like(root), root)

    def tuned(t: Tuning, xs: Any) -> tuple[Tuning, None]:
        key, is_slow, is_end = xs
        keys = split(key)
        made = plan.transition(density, keys[0], t.place, np.exp(t.averaging.log_step), t.root)
        t = t._replace(
            place=made.place,
            averaging=t.averaging.updated(made.acceptance_rate, plan.target)
            if adapts_step
            else t.averaging,
            moments=chosen(is_slow, t.moments.updated(made.place.position), t.moments),
        )
        if adapts_mass:
            t = cond(is_end, ended, lambda key, t: t, keys[1], t)
        return t, None

    first = Tuning(place, Averaging.at(step), Moments.like(root), root)
    slow, ends = windows(plan.num_warmup)
    last = scan(tuned, first, (split(key, plan.num_warmup), slow, ends))[0]
    step = np.exp(last.averaging.log_mean) if adapts_step else step
    return last.place, step, last.root
