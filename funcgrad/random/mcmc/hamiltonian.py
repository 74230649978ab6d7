"""Hamiltonian dynamics of a log density of vectors, with a diagonal mass matrix."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, shape_of
from ..draws import normal
from ..keys import Key

Density: TypeAlias = Callable[[Any], tuple[Any, Any]]  # position -> (log density, gradient)

DIVERGENCE = 1000.0  # growth of the energy, as in Stan
LOWEST = -1e30  # in place of -inf, of which differences are nan


class Place(NamedTuple):
    """A position of a chain, with the log density and its gradient there."""

    position: Any
    log_density: Any
    gradient: Any


class Draw(NamedTuple):
    """A draw of a chain, and statistics of the trajectory that it is from."""

    place: Place
    energy: Any
    acceptance_rate: Any
    diverging: Any
    tree_depth: Any
    n_steps: Any


def placed(density: Density, position: Any) -> Place:
    return Place(position, *density(position))


def start(key: Key, place: Place, variances: Any) -> Any:
    """A phase: rows of position, momentum from N(0, M) with M = diag(1 / variances), gradient."""
    z = normal(key, shape_of(place.position), dtype_of(place.position))
    return np.stack([place.position, z / np.sqrt(variances), place.gradient])


def leapfrog(density: Density, phase: Any, step: Any, variances: Any) -> tuple[Any, Any]:
    """The phase after a step of the leapfrog method, and the log density there.

    Source: Neal 2011, "MCMC using Hamiltonian dynamics", equations 2.28 to 2.30.
    """
    position, momentum, gradient = phase[0], phase[1], phase[2]
    half = momentum + step / 2 * gradient
    position = position + step * variances * half
    log_density, gradient = density(position)
    return np.stack([position, half + step / 2 * gradient, gradient]), log_density


def energy(phase: Any, log_density: Any, variances: Any) -> Any:
    """The Hamiltonian: kinetic energy minus log density."""
    return np.sum(variances * phase[1] ** 2) / 2 - log_density


def log_weight(first: Any, now: Any) -> Any:
    """first - now, the log of a weight relative to the start; the lowest number if it is nan."""
    change = first - now
    return np.maximum(np.where(np.isnan(change), LOWEST, change), LOWEST)


def chosen(condition: Any, a: Any, b: Any) -> Any:
    """The first tree where the scalar condition holds, else the second."""
    return tree.map(lambda x, y: np.where(condition, x, y), a, b)
