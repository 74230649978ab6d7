"""hmc and nuts: samples from a log density over trees."""

import functools
from collections.abc import Callable
from typing import Any

from ..keys import Key
from .chains import Plan
from .doubling import nuts_transition
from .fixed_length import hmc_transition
from .problem import Samples, as_count, sampled


def nuts(
    key: Key,
    logdensity: Callable[[Any], Any],
    position: Any,
    num_samples: int = 1000,
    num_warmup: int = 1000,
    num_chains: int = 4,
    *,
    target_accept_prob: float = 0.8,
    max_tree_depth: int = 10,
    jitter: float = 1.0,
    step_size: float | None = None,
    inverse_mass_matrix: Any = None,
    backend: str | None = "auto",
) -> Samples:
    """Samples from a density by the no-U-turn sampler, from several chains.

    Args:
        key: a single key.
        logdensity: ``logdensity(position)``, the log of the density up to a constant.
        position: a tree of floating arrays, at which the density is not 0.
        num_samples, num_warmup: draws of each chain, and those before, which adapt its step size
            and mass matrix.
        num_chains: number of chains, which run together under ``vmap``.
        target_accept_prob: in (0, 1), the acceptance rate to which the step size is adapted.
        max_tree_depth: a trajectory has fewer than 2**max_tree_depth steps.
        jitter: chains start at ``position`` plus uniform numbers in [-jitter, jitter).
        step_size, inverse_mass_matrix: fixed ones; the latter is the diagonal, variances in a
            tree like ``position``.
        backend: of ``jit``, which compiles the chains to one program.

    Raises:
        RangeError, DtypeError, ShapeError: if the log density is not a finite scalar at
            ``position``, a leaf is not floating, or a number is not in its range.

    Source: Hoffman & Gelman 2014; see ``mcmc/doubling.py`` and ``mcmc/adaptation.py``.

    >>> from funcgrad.random import key
    >>> print(nuts(key(0), lambda x: -x * x / 2, 0.0, 100, 100).draws.shape)
    (4, 100)
    """
    depth = as_count("nuts: max_tree_depth", max_tree_depth, 1, 30)
    plan = Plan(
        functools.partial(nuts_transition, depth), num_samples, num_warmup, jitter,
        target_accept_prob, step_size, inverse_mass_matrix,
    )  # fmt: skip
    return sampled("nuts", key, logdensity, position, num_chains, plan, backend)


def hmc(
    key: Key,
    logdensity: Callable[[Any], Any],
    position: Any,
    num_samples: int = 1000,
    num_warmup: int = 1000,
    num_chains: int = 4,
    *,
    num_steps: int = 16,
    target_accept_prob: float = 0.8,
    jitter: float = 1.0,
    step_size: float | None = None,
    inverse_mass_matrix: Any = None,
    backend: str | None = "auto",
) -> Samples:
    """Samples from a density by Hamiltonian Monte Carlo with trajectories of fixed length.

    Args:
        num_steps: leapfrog steps of each draw.
        key, logdensity, position, num_samples, num_warmup, num_chains, target_accept_prob, jitter,
            step_size, inverse_mass_matrix, backend: see :func:`nuts`.

    Raises:
        RangeError, DtypeError, ShapeError: see :func:`nuts`.

    Source: Neal 2011, "MCMC using Hamiltonian dynamics".

    >>> from funcgrad.random import key
    >>> print(hmc(key(0), lambda x: -x * x / 2, 0.0, 100, 100, num_steps=8).draws.shape)
    (4, 100)
    """
    steps = as_count("hmc: num_steps", num_steps, 1)
    plan = Plan(
        functools.partial(hmc_transition, steps), num_samples, num_warmup, jitter,
        target_accept_prob, step_size, inverse_mass_matrix,
    )  # fmt: skip
    return sampled("hmc", key, logdensity, position, num_chains, plan, backend)
