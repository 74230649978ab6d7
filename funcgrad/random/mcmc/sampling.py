"""hmc and nuts: samples from a log density over trees."""

import functools
from collections.abc import Callable
from typing import Any, TypedDict

from typing_extensions import Unpack

from ...answers.binding import check_options
from ...core.lazy import answering
from ..keys import Key
from .chains import Plan
from .doubling import nuts_transition
from .fixed_length import hmc_transition
from .problem import Samples, as_count, sampled


class Options(TypedDict, total=False):
    """Options of both samplers, which :func:`nuts` documents."""

    target_accept_prob: float
    jitter: float
    step_size: float | None
    inverse_mass_matrix: Any
    dense_mass: bool
    backend: str | None


@answering
def nuts(
    key: Key,
    logdensity: Callable[[Any], Any],
    position: Any,
    num_samples: int = 1000,
    num_warmup: int = 1000,
    num_chains: int = 4,
    *,
    max_tree_depth: int = 10,
    **options: Unpack[Options],
) -> Samples:
    """Samples from a density by the no-U-turn sampler, from several chains.

    Args:
        logdensity: ``logdensity(position)``, the log of the density up to a constant.
        position: a tree of floating arrays, N elements, at which the density is not 0.
        num_samples, num_warmup, num_chains: draws of each chain, those before to adapt its step
            size and mass matrix, and chains, which run together under ``vmap``.
        max_tree_depth: a trajectory has fewer than 2**max_tree_depth steps.
        target_accept_prob: in (0, 1), the acceptance rate of the adapted step size: 0.8.
        jitter: chains start at ``position`` plus uniform numbers in [-jitter, jitter): 1.0.
        step_size, inverse_mass_matrix: fixed ones; the latter is its diagonal, variances in a
            tree like ``position``, or with ``dense_mass`` a matrix [N, N] in ravel_pytree's order.
        dense_mass: whether to adapt a full matrix, for correlated elements: False.
        backend: of ``jit``, which compiles the chains to one program: "auto".

    Raises:
        RangeError, DtypeError, ShapeError: if the log density is not a finite scalar at
            ``position``, a leaf is not floating, or a number is not in its range.

    Source: Hoffman & Gelman 2014; see ``mcmc/doubling.py`` and ``mcmc/adaptation.py``.

    >>> from funcgrad.random import key
    >>> print(nuts(key(0), lambda x: -x * x / 2, 0.0, 100, 100).draws.shape)
    (4, 100)
    """
    depth = as_count("nuts: max_tree_depth", max_tree_depth, 1, 30)
    transition = functools.partial(nuts_transition, depth)
    counts = num_samples, num_warmup, num_chains
    return _run("nuts", transition, key, logdensity, position, counts, options)


@answering
def hmc(
    key: Key,
    logdensity: Callable[[Any], Any],
    position: Any,
    num_samples: int = 1000,
    num_warmup: int = 1000,
    num_chains: int = 4,
    *,
    num_steps: int = 16,
    **options: Unpack[Options],
) -> Samples:
    """Samples from a density by Hamiltonian Monte Carlo with trajectories of fixed length.

    Args:
        num_steps: leapfrog steps of each draw.
        key, logdensity, position, num_samples, num_warmup, num_chains, **options: see
            :func:`nuts`.

    Raises:
        RangeError, DtypeError, ShapeError: see :func:`nuts`.

    Source: Neal 2011, "MCMC using Hamiltonian dynamics".

    >>> from funcgrad.random import key
    >>> print(hmc(key(0), lambda x: -x * x / 2, 0.0, 100, 100, num_steps=8).draws.shape)
    (4, 100)
    """
    steps = as_count("hmc: num_steps", num_steps, 1)
    transition = functools.partial(hmc_transition, steps)
    counts = num_samples, num_warmup, num_chains
    return _run("hmc", transition, key, logdensity, position, counts, options)


def _run(
    who: str,
    transition: Callable[..., Any],
    key: Key,
    logdensity: Callable[[Any], Any],
    position: Any,
    counts: tuple[int, int, int],
    options: Options,
) -> Samples:
    check_options(who, options, Options.__annotations__)
    num_samples, num_warmup, num_chains = counts
    plan = Plan(
        transition,
        num_samples,
        num_warmup,
        jitter=options.get("jitter", 1.0),
        target=options.get("target_accept_prob", 0.8),
        step_size=options.get("step_size"),
        inverse_mass_matrix=options.get("inverse_mass_matrix"),
        dense_mass=options.get("dense_mass", False),
    )
    backend = options.get("backend", "auto")
    return sampled(who, key, logdensity, position, num_chains, plan, backend)
