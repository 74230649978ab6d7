"""Hyperparameters as a part of the state, where they can be read, logged and set."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..core import tree
from ..core.avals import dtype_of, is_arraylike
from ..ops.structure import cast
from .base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Tree,
    next_count,
    real_dtype,
    with_extra_args_support,
    zero_count,
)


class InjectHyperparamsState(NamedTuple):
    """The count of updates, the numbers by their names, and the state of the optimizer."""

    count: Any
    hyperparams: dict[str, Any]
    inner_state: Tree


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
