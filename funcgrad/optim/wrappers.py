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
from ..core.lazy import answering
from ..core.outline import outlined
from ..ops.structure import cast, upcast
from .base import (
    GradientTransformationExtraArgs,
    Mask,
    Optimizer,
    S,
    checked,
    with_extra_args_support,
)
from .checks import check_state, resolve_mask
from .numerics import (
    Tree,
    cast_like,
    full_like,
    like,
    map_floating,
    map_state,
    next_count,
    widest_real_dtype,
    zero_count,
)
from .transforms import set_to_zero

Labels = Tree | Callable[[Tree], Tree]


class MaskedNode(NamedTuple):
    """A node without leaves, in place of the parameters that a masked transformation skips."""


@outlined
class MaskedState(NamedTuple):
    """The state of a masked transformation."""

    inner_state: Tree


@outlined
class PartitionState(NamedTuple):
    """The state of each group's transformation."""

    inner_states: dict[Hashable, Tree]


@outlined
class MultiStepsState(NamedTuple):
    """The accumulated gradients, their count, and the count of updates."""

    mini_step: Any
    gradient_step: Any
    inner_opt_state: Tree
    acc_grads: Tree


@outlined
class InjectHyperparamsState(NamedTuple):
    """The count of updates, the hyperparameters by name, and the state of the optimizer."""

    count: Any
    hyperparams: dict[str, Any]
    inner_state: Tree


# parts of the parameters


@answering
def masked(inner: Optimizer[S], mask: Mask) -> GradientTransformationExtraArgs[MaskedState]:
    """Apply a transformation where a mask is True; the other updates stay as they are.

    Args:
        inner: a transformation; its state covers the leaves under the mask only.
        mask: a tree of booleans like the parameters, a prefix of one, or a function of the
            parameters (or updates) that gives it.

    Raises, in ``init`` and ``update``:
        TypeError: if a leaf of the mask is not boolean.
        TreeError: naming the path at which the mask does not fit.

    >>> from funcgrad import optim
    >>> opt = masked(optim.scale(10.0), {"w": True, "b": False})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]
    {'w': array([10.]), 'b': array([1.])}
    """
    apply = checked("masked", inner)

    def part(where: Tree, full: Tree) -> Tree:
        treedef = tree.structure(where)
        subtrees = tree.flatten_up_to(treedef, full, "masked: mask")
        pairs = zip(tree.leaves(where), subtrees, strict=True)
        return tree.unflatten(treedef, [x if m else MaskedNode() for m, x in pairs])

    def init(params: Tree) -> MaskedState:
        return MaskedState(apply.init(part(resolve_mask("masked", mask, params), params)))

    def update(
        updates: Tree, state: MaskedState, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, MaskedState]:
        where = resolve_mask("masked", mask, updates)
        mine = None if params is None else part(where, params)
        new, after = apply.update(part(where, updates), state.inner_state, mine, **extra)
        treedef = tree.structure(where)
        old = tree.flatten_up_to(treedef, updates, "masked: mask")
        new = tree.flatten_up_to(treedef, new, "masked")
        rows = zip(tree.leaves(where), new, old, strict=True)
        return tree.unflatten(treedef, [n if m else o for m, n, o in rows]), MaskedState(after)

    return GradientTransformationExtraArgs(init, update)


@answering
def multi_transform(
    transforms: Mapping[Any, Optimizer[Any]], param_labels: Labels
) -> GradientTransformationExtraArgs[PartitionState]:
    """Apply to each group of parameters its own transformation.

    Args:
        transforms: from the label of a group to its transformation.
        param_labels: a tree of labels like the parameters, a prefix of one, or a function of the
            parameters that gives it.

    Raises, in ``init`` and ``update``:
        ValueError: naming the labels for which there is no transformation.

    >>> from funcgrad import optim
    >>> opt = multi_transform({"slow": optim.sgd(0.1), "fast": optim.sgd(1.0)},
    ...                       {"w": "slow", "b": "fast"})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]
    {'w': array([-0.1]), 'b': array([-1.])}
    """
    parts = {k: checked("multi_transform", t) for k, t in transforms.items()}

    def groups(params: Tree) -> dict[Any, GradientTransformationExtraArgs[MaskedState]]:
        is_function = callable(param_labels) and tree.handler_of(param_labels) is None
        labels = param_labels(params) if is_function else param_labels
        unknown = {str(x) for x in tree.leaves(labels) if x not in parts}
        if unknown:
            raise ValueError(
                f"multi_transform: a label needs a transformation: got {shown(sorted(unknown))}, "
                f"and transformations for {shown(sorted(map(str, parts)))}; give one for each label"
            )
        where = lambda k: tree.map(lambda x: x == k, labels)
        return {k: masked(t, where(k)) for k, t in parts.items()}

    def init(params: Tree) -> PartitionState:
        return PartitionState({k: t.init(params) for k, t in groups(params).items()})

    def update(
        updates: Tree, state: PartitionState, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, PartitionState]:
        states = {}
        for k, t in groups(updates).items():
            updates, states[k] = t.update(updates, state.inner_states[k], params, **extra)
        return updates, PartitionState(states)

    return GradientTransformationExtraArgs(init, update)


partition = multi_transform


@answering
def freeze(mask: Mask) -> GradientTransformationExtraArgs[MaskedState]:
    """Set the updates to zero where a mask is True; see :func:`masked`.

    >>> opt = freeze({"w": True, "b": False})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> opt.update(params, opt.init(params))[0]
    {'w': array([0.]), 'b': array([1.])}
    """
    return masked(set_to_zero(), mask)


@answering
def selective_transform(
    optimizer: Optimizer[Any], *, freeze_mask: Mask
) -> GradientTransformationExtraArgs[PartitionState]:
    """Apply an optimizer where a mask is False; elsewhere the updates are 0, and no state is kept.

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
@answering
class MultiSteps:
    """Gradient accumulation: one update for every k gradients, of their mean.

    The other updates are zeros, and leave the state of the inner optimizer as it is.

    Args:
        opt: the inner optimizer.
        every_k_schedule: k, or a schedule ``count of updates -> k``.
        use_grad_mean: whether to take the mean, or the sum.
        accumulator_dtype: the dtype of the mean; that of the parameters unless given, but
            float32 for float16.

    Raises:
        ValueError: if k is below 1.

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
        opt: Optimizer[Any],
        every_k_schedule: int | Callable[[Any], Any],
        use_grad_mean: bool = True,
        accumulator_dtype: Any = None,
    ) -> None:
        every_k_schedule = whole(every_k_schedule)
        if not callable(every_k_schedule) and not every_k_schedule >= 1:
            raise ValueError(
                f"MultiSteps: k must be at least 1: got {every_k_schedule}"
                "; write an integer of at least 1"
            )
        self._opt = checked("MultiSteps", opt)
        self._k, self._mean, self._dtype = every_k_schedule, use_grad_mean, accumulator_dtype

    def init(self, params: Tree) -> MultiStepsState:
        """The state before the first gradient."""
        acc = full_like(map_floating(upcast, params), dtype=self._dtype)
        return MultiStepsState(zero_count(), zero_count(), self._opt.init(params), acc)

    def update(
        self, updates: Tree, state: MultiStepsState, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, MultiStepsState]:
        """Zeros, or at the k-th gradient the updates of the inner optimizer; and the state."""
        check_state("MultiSteps", state, MultiStepsState, updates, "acc_grads", params)
        k = self._k(state.gradient_step) if callable(self._k) else self._k
        n = cast(state.mini_step + 1, np.float64)
        mean = lambda g, a: a + (upcast(g) - a) / like(n, a)
        add = mean if self._mean else lambda g, a: a + upcast(g)
        acc = cast_like(map_state(add, updates, state.acc_grads), state.acc_grads)
        as_given = map_floating(lambda g, a: cast(a, dtype_of(upcast(g))), updates, acc)
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
        """Whether the last gradient completed an update."""
        return (state.mini_step == 0) & (state.gradient_step > 0)

    def gradient_transformation(self) -> GradientTransformationExtraArgs[MultiStepsState]:
        """The pair of functions."""
        return GradientTransformationExtraArgs(self.init, self.update)


# hyperparameters


@answering
def inject_hyperparams(
    inner_factory: Callable[..., Optimizer[Any]],
    static_args: str | Iterable[str] = (),
    hyperparam_dtype: Any = None,
) -> Callable[..., GradientTransformationExtraArgs[InjectHyperparamsState]]:
    """Keep the hyperparameters of an optimizer in ``state.hyperparams``, to read, log and set.

    A scalar stays until it is set; a schedule is evaluated at each update. A default of 0 is not
    kept.

    Args:
        inner_factory: a function from hyperparameters to an optimizer, such as ``optim.adam``.
        static_args: the names of hyperparameters that are not kept.
        hyperparam_dtype: the dtype of the scalars; that of the widest parameter unless given.

    Raises:
        ValueError: if ``static_args`` names no parameter of ``inner_factory``.

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
            f"inject_hyperparams: static_args must name parameters of {shown(inner_factory)}, "
            f"{list(signature.parameters)}: got {sorted(static)}"
        )

    @functools.wraps(inner_factory)
    def make(*args: Any, **kwargs: Any) -> GradientTransformationExtraArgs[InjectHyperparamsState]:
        schedules, scalars, fixed = _by_kind(signature.bind(*args, **kwargs), static)

        def evaluated(count: Any, values: dict[str, Any], of: Tree) -> dict[str, Any]:
            values = values | {k: s(count) for k, s in schedules.items()}
            return _cast(values, hyperparam_dtype or widest_real_dtype(*tree.leaves(of)))

        def init(params: Tree) -> InjectHyperparamsState:
            values = evaluated(zero_count(), scalars, params)
            state = inner_factory(**fixed, **values).init(params)
            return InjectHyperparamsState(zero_count(), values, state)

        def update(
            updates: Tree, state: InjectHyperparamsState, params: Tree | None = None, **extra: Any
        ) -> tuple[Tree, InjectHyperparamsState]:
            of = updates if params is None else params
            values = evaluated(state.count, dict(state.hyperparams), of)
            inner = with_extra_args_support(inner_factory(**fixed, **values))
            updates, after = inner.update(updates, state.inner_state, params, **extra)
            return updates, InjectHyperparamsState(next_count(state.count), values, after)

        return GradientTransformationExtraArgs(init, update)

    return make


def _by_kind(bound: inspect.BoundArguments, static: set[str]) -> tuple[dict[str, Any], ...]:
    """The schedules, the scalars that the state keeps, and the other arguments."""
    explicit = set(bound.arguments)
    bound.apply_defaults()
    given = bound.arguments
    is_zero = lambda v: isinstance(v, int | float) and v == 0
    free = {k: v for k, v in given.items() if k not in static and not isinstance(v, bool)}
    free = {k: v for k, v in free.items() if k in explicit or not is_zero(v)}
    schedules = {k: v for k, v in free.items() if callable(v) and tree.handler_of(v) is None}
    scalars = {k: v for k, v in free.items() if is_arraylike(v)}
    rest = {k: v for k, v in given.items() if k not in schedules and k not in scalars}
    return schedules, scalars, rest


def _cast(values: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Arrays of the values, the floating ones in this dtype."""
    kinds = {k: dtype_of(v) for k, v in values.items()}
    return {k: cast(v, dtype if kinds[k].kind == "f" else kinds[k]) for k, v in values.items()}
