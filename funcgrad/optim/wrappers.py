"""Transformations made of others: for parts of the parameters, or for some of the steps."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..control.conditionals import cond
from ..core import tree
from ..core.errors import shown
from .base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Mask,
    Tree,
    checked,
    chosen,
    is_floating,
    map_floating,
    next_count,
    with_extra_args_support,
    zero_count,
)
from .transforms import set_to_zero

Labels = Tree | Callable[[Tree], Tree]


class MaskedNode(NamedTuple):
    """What stands for the parameters that a masked transformation does not see: no leaves."""


class MaskedState(NamedTuple):
    """The state of a transformation of a part of the parameters."""

    inner_state: Tree


class PartitionState(NamedTuple):
    """The state of the transformation of each group."""

    inner_states: dict[Hashable, Tree]


class ApplyIfFiniteState(NamedTuple):
    """How many updates in a row, and in all, were refused, and whether the last was finite."""

    notfinite_count: Any
    last_finite: Any
    total_notfinite: Any
    inner_state: Tree


def masked(inner: GradientTransformation, mask: Mask) -> GradientTransformationExtraArgs:
    """Apply a transformation where a mask is True; the other updates stay as they are.

    Args:
        inner: sees and remembers the chosen part only.
        mask: a tree of booleans like the parameters, or a prefix of one, or a function of the
            parameters (or updates) that gives it.

    Raises, in ``init`` and ``update``:
        TypeError: if the mask holds something else than booleans.
        TreeError: naming the path at which it does not fit.

    >>> from funcgrad import optim
    >>> opt = masked(optim.scale(10.0), {"w": True, "b": False})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]
    {'b': array([1.]), 'w': array([10.])}
    """
    inner = with_extra_args_support(checked("masked", inner))

    def part(where: Tree, full: Tree) -> Tree:
        treedef = tree.structure(where)
        subtrees = tree.flatten_up_to(treedef, full, "masked: mask")
        pairs = zip(tree.leaves(where), subtrees, strict=True)
        return tree.unflatten(treedef, [x if m else MaskedNode() for m, x in pairs])

    def init(params: Tree) -> Tree:
        return MaskedState(inner.init(part(chosen("masked", mask, params), params)))

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        where = chosen("masked", mask, updates)
        mine = None if params is None else part(where, params)
        new, kept = inner.update(part(where, updates), state.inner_state, mine, **extra)
        treedef = tree.structure(where)
        old = tree.flatten_up_to(treedef, updates, "masked: mask")
        new = tree.flatten_up_to(treedef, new, "masked")
        rows = zip(tree.leaves(where), new, old, strict=True)
        return tree.unflatten(treedef, [n if m else o for m, n, o in rows]), MaskedState(kept)

    return GradientTransformationExtraArgs(init, update)


def multi_transform(
    transforms: Mapping[Hashable, GradientTransformation], param_labels: Labels
) -> GradientTransformationExtraArgs:
    """Apply a transformation of its own to each group of parameters.

    Args:
        transforms: from the label of each group to its transformation.
        param_labels: a tree of labels like the parameters, or a prefix of one, or a function
            of the parameters that gives it.

    Raises, in ``init`` and ``update``:
        ValueError: naming the labels for which there is no transformation.

    >>> from funcgrad import optim
    >>> opt = multi_transform({"slow": optim.sgd(0.1), "fast": optim.sgd(1.0)},
    ...                       {"w": "slow", "b": "fast"})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]
    {'b': array([-1.]), 'w': array([-0.1])}
    """
    parts = {k: checked("multi_transform", t) for k, t in transforms.items()}

    def groups(params: Tree) -> dict[Hashable, GradientTransformationExtraArgs]:
        is_function = callable(param_labels) and tree.handler_of(param_labels) is None
        labels = param_labels(params) if is_function else param_labels
        unknown = {str(x) for x in tree.leaves(labels) if x not in parts}
        if unknown:
            raise ValueError(
                f"multi_transform: a label needs a transformation: got "
                f"{shown(sorted(unknown))}, and transformations for "
                f"{shown(sorted(map(str, parts)))}"
            )
        masks = {k: tree.map(lambda x, k=k: x == k, labels) for k in parts}
        return {k: masked(t, masks[k]) for k, t in parts.items()}

    def init(params: Tree) -> Tree:
        return PartitionState({k: t.init(params) for k, t in groups(params).items()})

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        states = {}
        for k, t in groups(updates).items():
            updates, states[k] = t.update(updates, state.inner_states[k], params, **extra)
        return updates, PartitionState(states)

    return GradientTransformationExtraArgs(init, update)


def freeze(mask: Mask) -> GradientTransformationExtraArgs:
    """Set the updates to zero where a mask is True; see :func:`masked`.

    >>> opt = freeze({"w": True, "b": False})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]
    {'b': array([1.]), 'w': array([0.])}
    """
    return masked(set_to_zero(), mask)


def selective_transform(
    optimizer: GradientTransformation, *, freeze_mask: Mask
) -> GradientTransformationExtraArgs:
    """Apply an optimizer where a mask is False, and zero updates, without state, elsewhere.

    >>> from funcgrad import optim
    >>> opt = selective_transform(optim.adam(0.1), freeze_mask={"w": True, "b": False})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]["w"]
    array([0.])
    """

    def labels(params: Tree) -> Tree:
        mask = chosen("selective_transform", freeze_mask, params)
        return tree.map(lambda m: "freeze" if m else "train", mask)

    return multi_transform({"train": optimizer, "freeze": set_to_zero()}, labels)


def apply_if_finite(
    inner: GradientTransformation, max_consecutive_errors: int
) -> GradientTransformationExtraArgs:
    """Refuse updates that hold nan or infinity: they become 0, and the state stays.

    Args:
        inner: the transformation of finite updates.
        max_consecutive_errors: how many may be refused in a row; one more is let through.

    >>> from funcgrad import optim
    >>> opt = apply_if_finite(optim.sgd(0.1), 3)
    >>> updates, state = opt.update(np.array([np.inf, 1.0]), opt.init(np.zeros(2)))
    >>> print(updates, state.total_notfinite)
    [0. 0.] 1
    """
    inner = with_extra_args_support(checked("apply_if_finite", inner))

    def init(params: Tree) -> Tree:
        return ApplyIfFiniteState(zero_count(), np.array(True), zero_count(), inner.init(params))

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        finite = np.array(True)
        for g in tree.leaves(updates):
            finite = finite & np.all(np.isfinite(g)) if is_floating(g) else finite
        refused = np.where(finite, 0, next_count(state.notfinite_count))
        total = np.where(finite, state.total_notfinite, next_count(state.total_notfinite))
        new, inner_state = cond(
            finite | (refused > max_consecutive_errors),
            lambda: inner.update(updates, state.inner_state, params, **extra),
            lambda: (map_floating(np.zeros_like, updates), state.inner_state),
        )
        return new, ApplyIfFiniteState(refused, finite, total, inner_state)

    return GradientTransformationExtraArgs(init, update)


partition = multi_transform
