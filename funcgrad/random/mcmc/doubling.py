"""The transition of the no-U-turn sampler: a trajectory that doubles until it turns.

Each iteration of one loop makes one leaf of the tree, so that chains under ``vmap`` wait for each
other once a draw, not once a doubling.

Sources: Hoffman & Gelman 2014, "The No-U-Turn Sampler", for the doubling; Betancourt 2017, "A
Conceptual Introduction to Hamiltonian Monte Carlo", appendix A, for multinomial weights, biased
progressive sampling and the criterion on sums of momenta; Lao & Dillon 2019, "Unrolled
implementation of the No-U-Turn sampler", for the tree without recursion.
"""

from typing import Any, NamedTuple

import numpy as np

from ...control.loops import while_loop
from ...core.avals import dtype_of, shape_of
from ..draws import bits, uniform
from ..keys import Key, fold_in, split
from .hamiltonian import (
    DIVERGENCE,
    LOWEST,
    Density,
    Draw,
    Place,
    energy,
    leapfrog,
    log_weight,
    start,
)


class Trajectory(NamedTuple):
    """A tree of 2**depth leaves, and the subtree that is to double it.

    Args:
        ends: phases at the left and right end of the tree, and at that of the subtree; [3, 3, N].
        choices: the leaf chosen from the tree, and that from the subtree, each as position,
            gradient, log density and energy; [2, 2 N + 2].
        weights: logs of the sums of weights of both; [2].
        sums: sums of the momenta of both; [2, N].
        levels: for each k, the momentum of the first leaf of the subtree of 2**k leaves that is
            now made, and the sum of momenta before it; [2, K, N].
        depth, leaves: of the tree, and of all leaves made but the first.
        rates: sum of acceptance probabilities.
        turning, diverging: why it ends.
    """

    ends: Any
    choices: Any
    weights: Any
    sums: Any
    levels: Any
    depth: Any
    leaves: Any
    rates: Any
    turning: Any
    diverging: Any


def nuts_transition(
    max_depth: int, density: Density, key: Key, place: Place, step: Any, root: Any
) -> Draw:
    """A draw by the no-U-turn sampler."""
    keys = split(key, 3)
    first = start(keys[0], place)
    turns = bits(keys[1])  # bit d is the direction of the doubling at depth d
    origin = energy(first, place.log_density)

    def grown(t: Trajectory) -> Trajectory:
        forward = _bit(turns, t.depth)
        uniforms = uniform(fold_in(keys[2], t.leaves), (2,), dtype_of(origin))
        end, log_density = leapfrog(density, t.ends[2], np.where(forward, step, -step), root)
        now = energy(end, log_density)
        weight = log_weight(origin, now)
        leaf = _leaf(end, log_density, now)
        t = _extended(t, leaf, weight, end, uniforms[0])
        return _joined(t, end, forward, turns, uniforms[1])

    def goes_on(t: Trajectory) -> Any:
        return ~(t.turning | t.diverging) & (t.depth < max_depth)

    levels = max(max_depth - 1, 1)
    last = while_loop(goes_on, grown, _single(first, place.log_density, origin, levels))
    n, choice = shape_of(place.position)[0], last.choices[0]
    return Draw(
        place=Place(choice[:n], choice[2 * n], choice[n : 2 * n]),
        energy=choice[2 * n + 1],
        acceptance_rate=last.rates / last.leaves.astype(dtype_of(origin)),
        diverging=last.diverging,
        tree_depth=last.depth,
        n_steps=last.leaves,
    )


def _bit(turns: Any, depth: Any) -> Any:
    return (turns >> depth.astype(np.uint32)) & np.uint32(1) == 1


def _leaf(phase: Any, log_density: Any, energy: Any) -> Any:
    return np.concatenate([phase[0], phase[2], np.stack([log_density, energy])])


def _single(phase: Any, log_density: Any, origin: Any, levels: int) -> Trajectory:
    """The tree of one leaf, and an empty subtree."""
    leaf, momentum = _leaf(phase, log_density, origin), phase[1]
    none, nothing = np.zeros_like(origin), np.zeros_like(momentum)
    return Trajectory(
        ends=np.stack([phase] * 3), choices=np.stack([leaf] * 2),
        weights=np.stack([none, none + LOWEST]), sums=np.stack([momentum, nothing]),
        levels=np.zeros((2, levels, *shape_of(momentum)), dtype_of(momentum)),
        depth=np.int64(0), leaves=np.int64(0), rates=none, turning=np.False_, diverging=np.False_,
    )  # fmt: skip


def _extended(t: Trajectory, leaf: Any, weight: Any, end: Any, u: Any) -> Trajectory:
    """The trajectory with one more leaf in its subtree."""
    momentum, before = end[1], t.sums[1]
    sizes = 2 ** np.arange(1, 1 + shape_of(t.levels)[1])
    index = t.leaves + 1 - (1 << t.depth)  # of the leaf in the subtree
    begins = (index % sizes == 0)[:, None]
    levels = np.where(begins, np.stack([momentum, before])[:, None], t.levels)
    total = before + momentum
    turns = is_turning(levels[0], momentum, total - levels[1])
    # a leaf of the subtree by its weight
    weight_of_all = np.logaddexp(t.weights[1], weight)
    choice = np.where(u < np.exp(weight - weight_of_all), leaf, t.choices[1])
    return t._replace(
        choices=np.stack([t.choices[0], choice]),
        weights=np.stack([t.weights[0], weight_of_all]),
        sums=np.stack([t.sums[0], total]),
        levels=levels,
        leaves=t.leaves + 1,
        rates=t.rates + np.exp(np.minimum(weight, 0.0)),
        turning=np.any(turns & ((index + 1) % sizes == 0)),
        diverging=weight < -DIVERGENCE,
    )


def _joined(t: Trajectory, end: Any, forward: Any, turns: Any, u: Any) -> Trajectory:
    """The tree with its subtree where that is full, and the next subtree at the end of it."""
    full = (t.leaves + 1 == 2 << t.depth) & ~t.turning & ~t.diverging
    weight, new_weight = t.weights[0], t.weights[1]
    # the new half is preferred: it moves farther
    taken = full & (u < np.exp(np.minimum(new_weight - weight, 0.0)))
    sides = np.stack([full & ~forward, full & forward])[:, None, None]
    outer = np.where(sides, end, t.ends[:2])
    total = np.where(full, t.sums[0] + t.sums[1], t.sums[0])
    depth = t.depth + full
    next_end = np.where(_bit(turns, depth), outer[1], outer[0])
    weights = np.stack([np.logaddexp(weight, new_weight), np.full_like(weight, LOWEST)])
    return t._replace(
        ends=np.concatenate([outer, np.where(full, next_end, end)[None]]),
        choices=np.stack([np.where(taken, t.choices[1], t.choices[0]), t.choices[1]]),
        weights=np.where(full, weights, t.weights),
        sums=np.stack([total, np.where(full, 0, t.sums[1])]),
        depth=depth,
        turning=t.turning | (full & is_turning(outer[0, 1], outer[1, 1], total)),
    )


def is_turning(first: Any, last: Any, total: Any) -> Any:
    """Whether a trajectory turns, from the momenta at its ends and the sum of all.

    Args:
        first, last, total: shape [..., N].
    """
    along = total - (first + last) / 2
    return (np.sum(along * first, axis=-1) <= 0) | (np.sum(along * last, axis=-1) <= 0)
