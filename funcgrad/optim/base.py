"""What an optimizer is: a pair of functions, ``init`` and ``update``, and how pairs combine.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``;
``params = apply_updates(params, updates)``. The interface, names and numbers are optax's.
Updates are added to the parameters, so the sign is flipped where the learning rate comes in.
Nothing is changed in place, so a step can itself be differentiated.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError, TreeError, UninitializedError, short, shown
from ..core.parameters import check_initialized, is_model
from ..core.pickling import portable
from ..ops.structure import cast
from .numerics import Tree, is_float16, is_floating, map_floating, to_float16, to_float32

Mask: TypeAlias = Any  # a tree of booleans, a function of the parameters giving one, or None


Schedule: TypeAlias = Callable[[Any], Any]  # count of updates so far -> value


class GradientTransformation(NamedTuple):
    """An optimizer, or a part of one.

    Args:
        init: ``init(params) -> state``.
        update: ``update(updates, state, params=None) -> (updates, state)``.
    """

    init: Callable[[Tree], Tree]
    update: Callable[..., tuple[Tree, Tree]]

    def __reduce__(self) -> Any:
        return _pair, (type(self), *map(portable, self))


def _pair(kind: type, init: Any, update: Any) -> Any:
    return kind(init, update)


class GradientTransformationExtraArgs(GradientTransformation):
    """A transformation whose ``update`` also takes keywords, such as ``value=`` and ``value_fn=``.

    A chain hands the keywords it is given to those of its parts that are of this kind.
    """


class EmptyState(NamedTuple):
    """The state of a transformation that remembers nothing."""


def stateless(
    update: Callable[[Tree, Tree | None], Tree],
) -> GradientTransformation:
    """Return the transformation ``update(updates, params) -> updates``, which remembers nothing."""
    return GradientTransformation(
        lambda params: EmptyState(),
        lambda updates, state, params=None: (update(updates, params), state),
    )


def in_float32(t: GradientTransformation) -> GradientTransformation:
    """Let a transformation see float16 as float32, in which it then also keeps its state.

    The square of a gradient of 1e-4 is 0 in float16. The updates become float16 again.
    """

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        if not any(map(is_float16, tree.leaves(updates))):
            return t.update(updates, state, params)
        new, state = t.update(to_float32(updates), state, params)
        return to_float16(new, updates), state

    update.inner = t  # type: ignore[attr-defined]  # which a chain calls, as it does the same
    return GradientTransformation(lambda params: t.init(to_float32(params)), update)


def with_extra_args_support(t: GradientTransformation) -> GradientTransformationExtraArgs:
    """Return a transformation that takes keywords, and ignores them where it did not take any.

    >>> update = with_extra_args_support(identity()).update
    >>> update(np.ones(1), EmptyState(), value=3.0)[0]
    array([1.])
    """
    if isinstance(t, GradientTransformationExtraArgs):
        return t

    def update(updates: Tree, state: Tree, params: Tree | None = None, **extra: Any) -> Any:
        return t.update(updates, state, params)

    return GradientTransformationExtraArgs(t.init, update)


def identity() -> GradientTransformation:
    """Return the transformation that changes nothing."""
    return stateless(lambda updates, params: updates)


def chain(*transformations: GradientTransformation) -> GradientTransformationExtraArgs:
    """Return the transformation that applies these in order; its state is the tuple of theirs.

    Keywords of ``update`` go to the parts that take them.

    Raises, in ``update``:
        ValueError: if the state has not one entry a transformation.
        TreeError, ShapeError, DtypeError: naming the path at which a gradient does not fit its
            parameter, if the parameters are given.

    >>> from funcgrad import optim
    >>> opt = chain(optim.clip_by_global_norm(1.0), optim.scale(-0.1))
    >>> updates, state = opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)))
    >>> print(updates)
    [-0.06 -0.08]
    """
    return chain_as("chain", *transformations)


def chain_as(who: str, *transformations: GradientTransformation) -> GradientTransformationExtraArgs:
    """Return the chain of these, whose errors name ``who``."""
    plain = (
        getattr(t.update, "inner", t)
        for t in (check_transformation(who, t) for t in transformations)
    )
    parts = [with_extra_args_support(t) for t in plain]

    def init(params: Tree) -> Tree:
        check_initialized(params)
        params = to_float32(params)
        return tuple(t.init(params) for t in parts)

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        if not isinstance(state, tuple) or len(state) != len(parts):
            raise ValueError(
                f"{who}: the state must come from init of the same optimizer, a tuple of "
                f"{len(parts)}: got {type(state).__name__}; pass (grads, state, params)"
            )
        if params is None:
            half = any(map(is_float16, tree.leaves(updates)))
        else:
            half = any(
                map(is_float16, check_fit(who, "gradients", updates, "parameters", params)[1])
            )
        states, new = [], to_float32(updates) if half else updates
        for t, s in zip(parts, state, strict=True):
            new, s = t.update(new, s, params, **extra)
            states.append(s)
        return to_float16(new, updates) if half else new, tuple(states)

    return GradientTransformationExtraArgs(init, update)


def named_chain(*named: tuple[str, GradientTransformation]) -> GradientTransformationExtraArgs:
    """Return the chain of transformations with names; its state is the dict of theirs.

    Args:
        named: pairs of a name and a transformation.

    >>> from funcgrad import optim
    >>> opt = named_chain(("clip", optim.clip(1.0)), ("step", optim.sgd(0.1, momentum=0.9)))
    >>> sorted(opt.init(np.zeros(2)))
    ['clip', 'step']
    """
    names = [name for name, _ in named]
    if len(set(names)) != len(names):
        raise ValueError(f"named_chain: names must differ: got {names}")
    inner = chain_as("named_chain", *(t for _, t in named))

    def init(params: Tree) -> Tree:
        return dict(zip(names, inner.init(params), strict=True))

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        states = tuple(state[name] for name in names)
        updates, states = inner.update(updates, states, params, **extra)
        return updates, dict(zip(names, states, strict=True))

    return GradientTransformationExtraArgs(init, update)


def check_transformation(who: str, t: Any) -> Any:
    """Return a transformation; raise if it is none."""
    if not (hasattr(t, "init") and hasattr(t, "update")):
        raise TypeError(f"{who}: a transformation has init and update: got {shown(t)}")
    return t


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """Return the parameters plus the updates, each leaf in the parameter's dtype.

    Leaves that are no floating numbers come back as they are. The gradient of a complex
    parameter is JAX's, so descend along its conjugate: pass ``conj(grads)`` to ``update``.

    Args:
        params: tree of arrays.
        updates: tree of the same structure and shapes.

    Raises:
        TreeError, ShapeError: naming the path at which an update does not fit its parameter.

    >>> apply_updates({"w": np.float32(1.0)}, {"w": np.float64(0.5)})
    {'w': np.float32(1.5)}
    """
    check_fit("apply_updates", "updates", updates, "parameters", params)
    return map_floating(lambda p, u: cast(p + u, dtype_of(p)), params, updates)


# checks


def check_fit(
    who: str, what: str, updates: Tree, of: str, reference: Tree, is_leaf: tree.IsLeaf = None
) -> tuple[list[Any], list[Any]]:
    """Return the leaves of a reference and of the updates; raise unless they fit.

    Only floating leaves of the reference count; gradients must be floating there, too.
    """
    wanted, treedef = tree.flatten(reference, is_leaf)
    given = tree.flatten_up_to(treedef, updates, f"{who}: the {what} and the {of}")
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
            raise TreeError(f"{head} be an array, as its {its} {aval_of(p)} is: got a {kind}")
        if not fits:
            raise ShapeError(f"{head} have the shape of its {its}, {aval_of(p)}: got {aval_of(u)}")
        raise DtypeError(f"{head} be floating, as its {its} {aval_of(p)} is: got {aval_of(u)}")
    return wanted, given


def check_state(
    who: str, state: Tree, kind: type, updates: Tree, mean: str, params: Tree | None
) -> None:
    """Raise unless the state is of this kind, and what it remembers fits the updates."""
    if not isinstance(state, kind):
        raise ValueError(
            f"{who}: the state must come from init of the same optimizer, a {kind.__name__}: got "
            f"{type(state).__name__}; pass (grads, state, params)"
        )
    is_none = lambda x: x is None
    wanted, _ = check_fit(who, "gradients", updates, "state", getattr(state, mean), is_none)
    if params is None or not any(s is None for s in wanted):
        return
    pairs = tree.leaves_with_path(getattr(state, mean), is_none)
    remembered = tree.structure(getattr(state, mean), is_none)
    for (path, s), p in zip(pairs, tree.flatten_up_to(remembered, params, who), strict=True):
        if s is None and is_floating(p):
            raise UninitializedError(
                f"{who}: the state has nothing for the parameter{path and ' at '}"
                f"{tree.keystr(path)}, {aval_of(p)}, which had no value when the state was made; "
                f"make it by init(params) after model.init(key)"
            )


def resolve_mask(who: str, mask: Any, params: Tree) -> Tree:
    """Return a mask as a tree of booleans; it may be a function of the parameters that gives one.

    A model of booleans is a tree, though it can be called.
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
    """Raise if a hyperparameter is no number, or schedule where one is allowed."""
    kind = "a number or a schedule" if schedule else "a number"
    if is_model(value):
        raise TypeError(
            f"{who}: {name} must be {kind}: got the model {shown(value)}; the optimizer takes the "
            f"parameters in init and update: state = opt.init(model)"
        )
    if not is_arraylike(value) and not (schedule and callable(value)):
        raise TypeError(f"{who}: {name} must be {kind}: got {shown(value)}")


def check_decay(who: str, **rates: Any) -> None:
    """Raise if a known decay rate is outside [0, 1)."""
    for name, value in rates.items():
        check_number(who, name, value)
        if type(value) in PYTHON_SCALARS and not 0 <= value < 1:
            raise ValueError(f"{who}: {name} must be in [0, 1): got {value}")
