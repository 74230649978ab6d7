"""Checks of what an optimizer is given: gradients, states, masks and hyperparameters."""

from collections.abc import Mapping
from inspect import Parameter, isfunction, signature
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, aval_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError, TreeError, UninitializedError, short, shown
from ..core.parameters import is_model
from .numerics import Tree, is_floating


def check_fit(
    who: str,
    what: str,
    updates: Tree,
    of: str,
    reference: Tree,
    is_leaf: tree.IsLeaf = None,
    cure: str = "give both the same structure",
) -> tuple[list[Any], list[Any]]:
    """The leaves of a reference and of the updates; raise unless their shapes agree.

    Only the floating leaves of the reference are compared; gradients must be floating there.
    """
    wanted, treedef = tree.flatten(reference, is_leaf)
    given = tree.flatten_up_to(treedef, updates, f"{who}: the {what} and the {of}", cure)
    for i, (p, u) in enumerate(zip(wanted, given, strict=True)):
        if not is_floating(p):
            continue
        fits = is_arraylike(u) and shape_of(u) == shape_of(p)
        if fits and (what == "updates" or is_floating(u)):
            continue
        one, its = what.removesuffix("s"), of.removesuffix("s")
        path = tree.keystr(tree.leaves_with_path(reference, is_leaf)[i][0])
        head = f"{who}: the {one}{path and f' at {path}'} must"
        if not is_arraylike(u):
            kind = type(u).__name__
            cure = "; write updates, state = opt.update(...)" if what == "updates" else ""
            raise TreeError(f"{head} be an array, as its {its} {aval_of(p)} is: got a {kind}{cure}")
        if not fits:
            raise ShapeError(f"{head} have the shape of its {its}, {aval_of(p)}: got {aval_of(u)}")
        raise DtypeError(
            f"{head} be floating, as its {its} {aval_of(p)} is: got {aval_of(u)}"
            "; convert it by astype(float)"
        )
    return wanted, given


def check_state(
    who: str, state: Tree, kind: type, updates: Tree, field: str, params: Tree | None
) -> None:
    """Raise unless the state is of this class, and its field fits the updates."""
    if not isinstance(state, kind):
        raise foreign_state(who, f"a {kind.__name__}", state)
    is_none = lambda x: x is None
    # where parameters are given, the gradients fit them, and the state is of other parameters
    old = () if params is None else ("make a state of these parameters: opt.init(params)",)
    wanted, _ = check_fit(who, "gradients", updates, "state", getattr(state, field), is_none, *old)
    if params is None or not any(s is None for s in wanted):
        return
    pairs, treedef = tree.flatten_with_path(getattr(state, field), is_none)
    for (path, s), p in zip(pairs, tree.flatten_up_to(treedef, params, who), strict=True):
        if s is None and is_floating(p):
            raise UninitializedError(
                f"{who}: the state has nothing for the parameter{path and ' at '}"
                f"{tree.keystr(path)}, {aval_of(p)}, which had no value when the state was made; "
                f"make it by init(params) after model.init(key)"
            )


def foreign_state(who: str, want: str, state: Any) -> ValueError:
    """The error for a state that the optimizer did not make."""
    is_state = isinstance(state, tuple) or state is None
    cure = "make it by state = opt.init(params)" if is_state else "pass (grads, state, params)"
    got = "None" if state is None else type(state).__name__
    return ValueError(
        f"{who}: the state must come from init of the same optimizer, {want}: got {got}; {cure}"
    )


def resolve_mask(who: str, mask: Any, params: Tree) -> Tree:
    """A mask, or the result of a mask that is a function of the parameters: a tree of booleans.

    A model of booleans is a tree, although it can be called.
    """
    is_function = callable(mask) and tree.handler_of(mask) is None
    mask = mask(params) if is_function else mask
    for path, m in tree.leaves_with_path(mask):
        if not isinstance(m, bool | np.bool_):
            raise TypeError(
                f"{who}: the mask must hold booleans: got {shown(m)}{tree.keystr(path) and ' at '}"
                f"{short(tree.keystr(path))}"
            )
    return mask


def require_params(who: str, params: Tree | None) -> Tree:
    if params is None:
        raise ValueError(
            f"{who}: update needs the parameters: pass params, as in "
            f"opt.update(grads, state, params)"
        )
    return params


def check_number(who: str, name: str, value: Any, schedule: bool = False) -> None:
    """Raise unless a hyperparameter is a scalar, or a schedule where one is allowed."""
    kind = "a scalar or a schedule" if schedule else "a scalar"
    if is_model(value):
        raise TypeError(
            f"{who}: {name} must be {kind}: got the model {shown(value)}; the optimizer takes the "
            f"parameters in init and update: state = opt.init(model)"
        )
    if not is_arraylike(value) and not (schedule and callable(value)):
        is_text = isinstance(value, str) and value.replace(".", "").replace("e-", "").isdigit()
        cure = f"; write float({value!r})" if is_text else "; give a number"
        raise TypeError(f"{who}: {name} must be {kind}: got {shown(value)}{cure}")


def check_rate(who: str, rate: Any, descends: bool = True) -> None:
    """Raise unless a learning rate is a scalar that is not negative, or a schedule."""
    check_number(who, "learning_rate", rate, schedule=True)
    if isfunction(rate) and sum(p.default is p.empty for p in _parameters(rate)) > 1:
        name = rate.__name__
        raise TypeError(
            f"{who}: learning_rate must be a schedule, a function of the count: got {name}, which "
            f"makes one; call it: {name}({', '.join(p.name for p in _parameters(rate))})"
        )
    if isfunction(rate) and not signature(rate).parameters:
        raise TypeError(
            f"{who}: learning_rate must be a schedule, a function of the count: got "
            f"{rate.__name__}(); write lambda count: ..."
        )
    if descends and type(rate) in PYTHON_SCALARS and rate < 0:
        raise ValueError(
            f"{who}: learning_rate must not be negative, since updates descend: got {rate}; write "
            f"{-rate}"
        )


def _parameters(function: Any) -> list[Parameter]:
    every = signature(function).parameters.values()
    return [p for p in every if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def check_decay(who: str, **rates: Any) -> None:
    """Raise if a decay rate that is known is outside [0, 1), or an ``eps`` is negative."""
    for name, value in rates.items():
        check_number(who, name, value)
        if name.startswith("eps"):
            check_not_negative(who, **{name: value})
            continue
        if type(value) in PYTHON_SCALARS and not 0 <= value < 1:
            raise ValueError(f"{who}: {name} must be in [0, 1): got {value}")


# of schedules


def steps_of(who: str, factors: Mapping[int, float] | None) -> list[tuple[int, float]]:
    """The boundaries in order, with their factors."""
    steps = sorted((factors or {}).items())
    if any(not isinstance(count, (int, np.integer)) for count, _ in steps):
        raise TypeError(
            f"{who}: boundaries must be integers, counts of steps: got {steps}; round them"
        )
    if any(factor < 0 for _, factor in steps):
        raise ValueError(f"{who}: factors must be 0 or more: got {steps}")
    return steps


def check_not_negative(who: str, **values: Any) -> None:
    for name, value in values.items():
        if type(value) in (int, float) and value < 0:
            raise ValueError(f"{who}: {name} must not be negative: got {value}; write {-value}")


def check_steps(who: str, steps: int) -> None:
    if not steps > 0:
        raise ValueError(f"{who}: transition_steps must be positive: got {steps}")
