"""The transition of Hamiltonian Monte Carlo, by trajectories of fixed length."""

from typing import Any

import numpy as np

from ...control.loops import fori_loop
from ...core.avals import dtype_of
from ..draws import uniform
from ..keys import Key, split
from .hamiltonian import (
    DIVERGENCE,
    Density,
    Draw,
    Place,
    chosen,
    energy,
    leapfrog,
    log_weight,
    start,
)


def hmc_transition(
    num_steps: int, density: Density, key: Key, place: Place, step: Any, root: Any
) -> Draw:
    """A draw by Hamiltonian Monte Carlo.

    Source: Neal 2011, "MCMC using Hamiltonian dynamics", section 5.3.2.
    """
    keys = split(key)
    first = start(keys[0], place), place.log_density

    def move(_: Any, state: Any) -> Any:
        return leapfrog(density, state[0], step, root)

    phase, log_density = fori_loop(0, num_steps, move, first)
    energies = energy(*first), energy(phase, log_density)
    weight = log_weight(*energies)
    rate = np.exp(np.minimum(weight, 0.0))
    accepted = uniform(keys[1], (), dtype_of(rate)) < rate
    return Draw(
        place=chosen(accepted, Place(phase[0], log_density, phase[2]), place),
        energy=np.where(accepted, energies[1], energies[0]),
        acceptance_rate=rate,
        diverging=weight < -DIVERGENCE,
        tree_depth=np.int64(0),
        n_steps=np.int64(num_steps),
    )
