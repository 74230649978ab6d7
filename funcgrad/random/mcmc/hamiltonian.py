"""Hamiltonian dynamics of a log density of vectors.

The inverse mass matrix is L L', by a root L. Momenta p and gradients g are kept as L'p and L'g, of
which the mass matrix is the identity. A root is a vector, the diagonal of L, or a lower triangular
matrix.

Source: Neal 2011, "MCMC using Hamiltonian dynamics", section 4.1, on linear transformations.
"""

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
    """A position x of a chain, the log density there, and its gradient g as L'g."""

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


def is_dense(root: Any) -> bool:
    return len(shape_of(root)) == 2


def root_of(inverse_mass_matrix: Any) -> Any:
    """The root L, from the inverse mass matrix or its diagonal."""
    dense = is_dense(inverse_mass_matrix)
    return np.linalg.cholesky(inverse_mass_matrix) if dense else np.sqrt(inverse_mass_matrix)


def inverse_mass_matrix_of(root: Any) -> Any:
    """The inverse mass matrix L L' of a root, or its diagonal."""
    return root @ root.mT if is_dense(root) else root**2


def placed(density: Density, position: Any, root: Any) -> Place:
    log_density, gradient = density(position)
    return Place(position, log_density, _pulled(root, gradient))


def _pulled(root: Any, gradient: Any) -> Any:
    return gradient @ root if is_dense(root) else root * gradient


def start(key: Key, place: Place) -> Any:
    """A phase: rows of position x, momentum p from N(0, inv(L L')) as L'p, gradient g as L'g."""
    z = normal(key, shape_of(place.position), dtype_of(place.position))
    return np.stack([place.position, z, place.gradient])


def leapfrog(density: Density, phase: Any, step: Any, root: Any) -> tuple[Any, Any]:
    """The phase after a step of the leapfrog method, and the log density there.

    Source: Neal 2011, "MCMC using Hamiltonian dynamics", equations 2.28 to 2.30.
    """
    position, momentum, gradient = phase[0], phase[1], phase[2]
    half = momentum + step / 2 * gradient
    velocity = root @ half if is_dense(root) else root * half
    now = placed(density, position + step * velocity, root)
    momentum = half + step / 2 * now.gradient
    return np.stack([now.position, momentum, now.gradient]), now.log_density


def energy(phase: Any, log_density: Any) -> Any:
    """The Hamiltonian: kinetic energy minus log density."""
    return np.sum(phase[1] ** 2) / 2 - log_density


def log_weight(first: Any, now: Any) -> Any:
    """first - now, the log of a weight relative to the start; the lowest number if it is nan."""
    change = first - now
    return np.maximum(np.where(np.isnan(change), LOWEST, change), LOWEST)


def chosen(condition: Any, a: Any, b: Any) -> Any:
    """The first tree where the scalar condition holds, else the second."""
    return tree.map(lambda x, y: np.where(condition, x, y), a, b)
