"""Transformations made of others: for parts of the parameters, or for some of the steps."""

import functools
import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..control.conditionals import cond
from ..core import tree
from ..core.avals import dtype_of, is_arraylike
from ..core.errors import shown
from ..core.integers import whole
from ..ops.structure import cast, widened
from .base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Mask,
    check_state,
    check_transformation,
    resolve_mask,
    with_extra_args_support,
)
from .numerics import (
    Tree,
    cast_like,
    full_like,
    is_floating,
    like,
    map_floating,
    map_state,
    next_count,
    real_dtype,
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


class MultiStepsState(NamedTuple):
    """The gradients accumulated, how many, and how many updates there have been."""

    mini_step: Any
    gradient_step: Any
    inner_opt_state: Tree
    acc_grads: Tree


class InjectHyperparamsState(NamedTuple):
    """The count of updates, the numbers by their names, and the state of the optimizer."""

    count: Any
    hyperparams: dict[str, Any]
    inner_state: Tree


# parts of the parameters


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
    inner = with_extra_args_support(check_transformation("masked", inner))

    def part(where: Tree, full: Tree) -> Tree:
        treedef = tree.structure(where)
        subtrees = tree.flatten_up_to(treedef, full, "masked: mask")
        pairs = zip(tree.leaves(where), subtrees, strict=True)
        return tree.unflatten(treedef, [x if m else MaskedNode() for m, x in pairs])

    def init(params: Tree) -> Tree:
        return MaskedState(inner.init(part(resolve_mask("masked", mask, params), params)))

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        where = resolve_mask("masked", mask, updates)
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
    parts = {k: check_transformation("multi_transform", t) for k, t in transforms.items()}

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


partition = multi_transform


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
        mask = resolve_mask("selective_transform", freeze_mask, params)
        return tree.map(lambda m: "freeze" if m else "train", mask)

    return multi_transform({"train": optimizer, "freeze": set_to_zero()}, labels)


# some of the steps


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
    inner = with_extra_args_support(check_transformation("apply_if_finite", inner))

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


class MultiSteps:
    """An optimizer that steps once every k gradients, along their mean.

    Between, its updates are zeros, and the state of the inner optimizer stays.

    Args:
        opt: the inner optimizer.
        every_k_schedule: k, or a schedule ``count of updates so far -> k``.
        use_grad_mean: whether to step along the mean, or the sum.
        accumulator_dtype: the dtype in which it is kept; unless given the parameters', but
            float32 for float16.

    Raises:
        ValueError: if k is a number below 1.

    >>> from funcgrad import optim
    >>> opt = MultiSteps(optim.sgd(1.0), 2)
    >>> state = opt.init(np.zeros(1))
    >>> for g in (np.array([1.0]), np.array([3.0])):
    ...     updates, state = opt.update(g, state)
    >>> print(updates, opt.has_updated(state))
    [-2.] True
    """

    def __init__(
        self,
        opt: GradientTransformation,
        every_k_schedule: int | Callable[[Any], Any],
        use_grad_mean: bool = True,
        accumulator_dtype: Any = None,
    ) -> None:
        every_k_schedule = whole(every_k_schedule)
        if not callable(every_k_schedule) and not every_k_schedule >= 1:
            raise ValueError(f"MultiSteps: k must be at least 1: got {every_k_schedule}")
        self._opt = with_extra_args_support(check_transformation("MultiSteps", opt))
        self._k, self._mean, self._dtype = every_k_schedule, use_grad_mean, accumulator_dtype

    def init(self, params: Tree) -> MultiStepsState:
        """Return the state before the first gradient."""
        acc = full_like(map_floating(widened, params), dtype=self._dtype)
        return MultiStepsState(zero_count(), zero_count(), self._opt.init(params), acc)

    def update(
        self, updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        """Return zeros, or at the k-th gradient the inner optimizer's updates, and the state."""
        check_state("MultiSteps", state, MultiStepsState, updates, "acc_grads", params)
        k = self._k(state.gradient_step) if callable(self._k) else self._k
        n = cast(state.mini_step + 1, np.float64)
        mean = lambda g, a: a + (widened(g) - a) / like(n, a)
        add = mean if self._mean else lambda g, a: a + widened(g)
        acc = cast_like(map_state(add, updates, state.acc_grads), state.acc_grads)
        as_given = map_floating(lambda g, a: cast(a, dtype_of(widened(g))), updates, acc)
        inner = state.inner_opt_state

        def step() -> Any:
            new, after = self._opt.update(as_given, inner, params, **extra)
            zeros = tree.map(np.zeros_like, acc)
            new = map_floating(lambda u, g: cast(u, dtype_of(g)), new, updates)
            return (
                new,
                cast_like(after, inner),
                zeros,
                zero_count(),
                next_count(state.gradient_step),
            )

        def wait() -> Any:
            zeros = map_floating(np.zeros_like, updates)
            return zeros, inner, acc, next_count(state.mini_step), state.gradient_step

        new, inner, acc, mini, count = cond(state.mini_step + 1 >= k, step, wait)
        return new, MultiStepsState(mini, count, inner, acc)

    def has_updated(self, state: MultiStepsState) -> Any:
        """Return whether the last call stepped."""
        return (state.mini_step == 0) & (state.gradient_step > 0)

    def gradient_transformation(self) -> GradientTransformationExtraArgs:
        """Return the pair of functions, as :func:`chain` takes it."""
        return GradientTransformationExtraArgs(self.init, self.update)


# hyperparameters


def inject_hyperparams(
    inner_factory: Callable[..., GradientTransformation],
    static_args: str | Iterable[str] = (),
    hyperparam_dtype: Any = None,
) -> Callable[..., GradientTransformationExtraArgs]:
    """Return an optimizer's maker whose numbers live in ``state.hyperparams``.

    A number given there is kept until it is set; a schedule is evaluated at each update. What
    is left at a default of 0 stays out.

    Args:
        inner_factory: makes the optimizer of its hyperparameters, as ``optim.adam`` does.
        static_args: the names of those that stay out of the state.
        hyperparam_dtype: the numbers' dtype, that of the widest parameter unless given.

    Raises:
        ValueError: if ``static_args`` names no parameter of the maker.

    >>> import numpy as np
    >>> from funcgrad import optim
    >>> opt = inject_hyperparams(optim.sgd)(learning_rate=0.1)
    >>> state = opt.init(np.zeros(1))
    >>> state.hyperparams["learning_rate"] = np.array(0.5)
    >>> print(opt.update(np.ones(1), state, np.zeros(1))[0])
    [-0.5]
    """
    signature = inspect.signature(inner_factory)
    static = {static_args} if isinstance(static_args, str) else set(static_args)
    if not static <= set(signature.parameters):
        raise ValueError(
            f"inject_hyperparams: static_args must name parameters of the maker, "
            f"{list(signature.parameters)}: got {sorted(static)}"
        )

    @functools.wraps(inner_factory)
    def make(*args: Any, **kwargs: Any) -> GradientTransformationExtraArgs:
        bound = signature.bind(*args, **kwargs)
        schedules, numbers, fixed = _sorted_out(bound, static)

        def evaluated(count: Any, kept: dict[str, Any], like: Tree) -> dict[str, Any]:
            values = kept | {k: s(count) for k, s in schedules.items()}
            return _as_numbers(values, hyperparam_dtype or real_dtype(*tree.leaves(like)))

        def init(params: Tree) -> Tree:
            values = evaluated(zero_count(), numbers, params)
            return InjectHyperparamsState(
                zero_count(), values, inner_factory(**fixed, **values).init(params)
            )

        def update(
            updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
        ) -> tuple[Tree, Tree]:
            like = updates if params is None else params
            values = evaluated(state.count, dict(state.hyperparams), like)
            inner = with_extra_args_support(inner_factory(**fixed, **values))
            updates, after = inner.update(updates, state.inner_state, params, **extra)
            return updates, InjectHyperparamsState(next_count(state.count), values, after)

        return GradientTransformationExtraArgs(init, update)

    return make


def _sorted_out(bound: inspect.BoundArguments, static: set[str]) -> Any:
    """Return the schedules, the numbers that live in the state, and the other arguments."""
    explicit = set(bound.arguments)
    bound.apply_defaults()
    given = bound.arguments
    free = {k: v for k, v in given.items() if k not in static and not isinstance(v, bool)}
    free = {k: v for k, v in free.items() if k in explicit or not _is_zero(v)}
    schedules = {k: v for k, v in free.items() if callable(v) and tree.handler_of(v) is None}
    numbers = {k: v for k, v in free.items() if is_arraylike(v)}
    return (
        schedules,
        numbers,
        {k: given[k] for k in given if k not in schedules and k not in numbers},
    )


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


def _as_numbers(values: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Return arrays, the floating ones of a dtype."""
    kinds = {k: dtype_of(v) for k, v in values.items()}
    return {k: cast(v, dtype if kinds[k].kind == "f" else kinds[k]) for k, v in values.items()}
