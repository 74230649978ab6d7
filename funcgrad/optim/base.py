"""The interface of an optimizer, a pair of functions ``init`` and ``update``, and chains of them.

``state = opt.init(params)``; ``updates, state = opt.update(grads, state, params)``;
``params = apply_updates(params, updates)``. The interface, names and defaults are optax's.
Updates are added to the parameters, so the learning rate enters with a minus sign.
Nothing is changed in place, so a step can itself be differentiated.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, overload

import numpy as np
from typing_extensions import TypeVar

from ..core import tree
from ..core.avals import dtype_of
from ..core.errors import shown
from ..core.lazy import answering, unknown
from ..core.outline import outline, outlined, parts_of_call
from ..core.parameters import check_initialized
from ..core.pickling import portable
from ..ops.structure import cast
from .checks import check_fit, check_state, foreign_state, require_params
from .numerics import Tree, cast_like, is_float16, map_floating, to_float16, to_float32

Mask: TypeAlias = Any  # a tree of booleans, a function of the parameters giving one, or None
Schedule: TypeAlias = Callable[[Any], Any]  # count of updates so far -> value
ScalarOrSchedule: TypeAlias = float | np.generic | np.ndarray | Schedule

P = TypeVar("P")  # a tree of parameters
U = TypeVar("U")  # a tree of updates
S = TypeVar("S", default=Any)  # a state
S_co = TypeVar("S_co", covariant=True, default=Any)
S1 = TypeVar("S1")
S2 = TypeVar("S2")


class InitFn(Protocol[S_co]):
    """The state of an optimizer before the first update."""

    def __call__(self, params: Any, /) -> S_co: ...


class UpdateFn(Protocol[S]):
    """One update: from gradients to updates, and to the next state."""

    def __call__(self, updates: U, state: S, params: Any = None) -> tuple[U, S]: ...


class UpdateExtraArgsFn(Protocol[S]):
    """One update that also takes keywords."""

    def __call__(self, updates: U, state: S, params: Any = None, **extra: Any) -> tuple[U, S]: ...


class Optimizer(Protocol[S]):
    """Any object with the two methods of an optimizer, as a type for annotations.

    :class:`GradientTransformation` and :class:`MultiSteps` are such objects.
    """

    def init(self, params: Any, /) -> S: ...

    def update(self, updates: U, state: S, params: Any = None, /) -> tuple[U, S]: ...


class GradientTransformation(NamedTuple, Generic[S]):
    """An optimizer, or a part of one; ``S`` is the type of its state.

    Args:
        init: ``init(params) -> state``.
        update: ``update(updates, state, params=None) -> (updates, state)``.
    """

    init: InitFn[S]
    update: UpdateFn[S]

    def __reduce__(self) -> Any:
        return _pair, (type(self), *map(portable, self))

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        call = getattr(self.update, "call", None)
        return parts_of_call(*call) if call else (type(self).__name__, [*self._asdict().items()])

    def __repr__(self) -> str:
        return outline(self)


GradientTransformation.__getattr__ = unknown("optimizer")  # type: ignore[attr-defined]


def _pair(kind: type, init: Any, update: Any) -> Any:
    return kind(init, update)


class GradientTransformationExtraArgs(GradientTransformation[S]):
    """A transformation whose ``update`` also takes keywords, such as ``value=`` and ``value_fn=``.

    A chain passes its keywords on to those of its parts that are of this kind.
    """

    update: UpdateExtraArgsFn[S]  # pyright: ignore[reportIncompatibleVariableOverride]


@outlined
class EmptyState(NamedTuple):
    """The state of a transformation without memory."""


def stateless(update: Callable[[Tree, Tree | None], Tree]) -> GradientTransformation[EmptyState]:
    """The transformation ``update(updates, params) -> updates``, without state."""
    return GradientTransformation(
        lambda params: EmptyState(),
        lambda updates, state, params=None: (update(updates, params), state),
    )


def leafwise(f: Callable[..., Any], who: str = "") -> GradientTransformation[EmptyState]:
    """Apply ``f(update)`` to each floating leaf, or ``f(update, param)`` if ``who`` is given."""

    def update(updates: Tree, params: Tree | None) -> Tree:
        return map_floating(f, updates, *([require_params(who, params)] if who else []))

    return stateless(update)


def stateful(
    who: str,
    kind: type[S],
    init: Callable[[Tree], S],
    step: Callable[[Tree, Any, Tree | None], tuple[Tree, S]],
    field: str = "mu",
) -> GradientTransformation[S]:
    """The transformation ``step(updates, state, params) -> (updates, state)``, in float32 or wider.

    Args:
        who: the function that errors name.
        kind: the class of the state, a NamedTuple; its arrays keep their dtypes.
        init: ``init(params) -> state``.
        field: the field of the state whose shapes the updates must have.
    """

    def update(updates: Tree, state: Any, params: Tree | None = None) -> tuple[Tree, S]:
        check_state(who, state, kind, updates, field, params)
        updates, after = step(updates, state, params)
        return updates, cast_like(after, state)

    return in_float32(GradientTransformation(init, update))


def in_float32(t: GradientTransformation[S]) -> GradientTransformation[S]:
    """Give a transformation float16 as float32; it also keeps its state in float32.

    The square of a gradient of 1e-4 is 0 in float16. The updates become float16 again.
    """

    def update(updates: Tree, state: S, params: Tree | None = None) -> tuple[Tree, S]:
        if not any(map(is_float16, tree.leaves(updates))):
            return t.update(updates, state, params)
        new, state = t.update(to_float32(updates), state, params)
        return to_float16(new, updates), state

    update.inner = t  # type: ignore[attr-defined]  # a chain converts once, and calls this
    return GradientTransformation(lambda params: t.init(to_float32(params)), update)


@answering
def with_extra_args_support(t: Optimizer[S]) -> GradientTransformationExtraArgs[S]:
    """Let a transformation take keywords; one that took none ignores them.

    >>> update = with_extra_args_support(identity()).update
    >>> update(np.ones(1), EmptyState(), value=3.0)[0]
    array([1.])
    """
    if isinstance(t, GradientTransformationExtraArgs):
        return t

    def update(updates: Tree, state: S, params: Tree | None = None, **extra: Any) -> Any:
        return t.update(updates, state, params)

    return GradientTransformationExtraArgs(t.init, update)


def identity() -> GradientTransformation[EmptyState]:
    """The transformation that leaves the updates as they are."""
    return stateless(lambda updates, params: updates)


@overload
def chain(only: Optimizer[S1], /) -> GradientTransformationExtraArgs[tuple[S1]]: ...


@overload
def chain(
    first: Optimizer[S1], second: Optimizer[S2], /
) -> GradientTransformationExtraArgs[tuple[S1, S2]]: ...


@overload
def chain(
    first: Optimizer[Any], second: Optimizer[Any], third: Optimizer[Any], /, *more: Optimizer[Any]
) -> GradientTransformationExtraArgs[tuple[Any, ...]]: ...


def chain(*transformations: Optimizer[Any]) -> GradientTransformationExtraArgs[Any]:
    """Apply transformations in order; the state is the tuple of their states.

    Keywords of ``update`` go to the parts that take them.

    Raises, in ``update``:
        ValueError: if the state has not one entry for each transformation.
        TreeError, ShapeError, DtypeError: naming the path at which a gradient does not fit its
            parameter, if the parameters are given.

    >>> from funcgrad import optim
    >>> opt = chain(optim.clip_by_global_norm(1.0), optim.scale(-0.1))
    >>> updates, state = opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)))
    >>> print(updates)
    [-0.06 -0.08]
    """
    return chain_as("chain", *transformations)


def chain_as(who: str, *transformations: Optimizer[Any]) -> GradientTransformationExtraArgs[Any]:
    """Chain transformations; errors name ``who``."""
    # float16 is converted once, for all parts
    inner = (getattr(getattr(t, "update", None), "inner", t) for t in transformations)
    parts = [checked(who, t) for t in inner]

    def init(params: Tree) -> Tree:
        check_initialized(params)
        params = to_float32(params)
        return tuple(t.init(params) for t in parts)

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        if not isinstance(state, tuple) or len(state) != len(parts):
            raise foreign_state(who, f"a tuple of {len(parts)}", state)
        if params is None:
            half = any(map(is_float16, tree.leaves(updates)))
        else:
            _, given = check_fit(who, "gradients", updates, "parameters", params)
            half = any(map(is_float16, given))
        states, new = [], to_float32(updates) if half else updates
        for t, s in zip(parts, state, strict=True):
            new, s = t.update(new, s, params, **extra)
            states.append(s)
        return to_float16(new, updates) if half else new, tuple(states)

    return GradientTransformationExtraArgs(
        answering(init, f"{who}.init"), answering(update, f"{who}.update")
    )


@answering
def named_chain(
    *named: tuple[str, Optimizer[Any]],
) -> GradientTransformationExtraArgs[dict[str, Any]]:
    """Chain transformations that have names; the state is the dict of their states.

    Args:
        named: pairs of a name and a transformation.

    >>> from funcgrad import optim
    >>> opt = named_chain(("clip", optim.clip(1.0)), ("step", optim.sgd(0.1, momentum=0.9)))
    >>> sorted(opt.init(np.zeros(2)))
    ['clip', 'step']
    """
    names = [name for name, _ in named]
    if len(set(names)) != len(names):
        raise ValueError(
            f"named_chain: names must differ: got {names}; give each part its own name"
        )
    inner = chain_as("named_chain", *(t for _, t in named))

    def init(params: Tree) -> dict[str, Any]:
        return dict(zip(names, inner.init(params), strict=True))

    def update(
        updates: Tree, state: dict[str, Any], params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, dict[str, Any]]:
        states = tuple(state[name] for name in names)
        updates, states = inner.update(updates, states, params, **extra)
        return updates, dict(zip(names, states, strict=True))

    return GradientTransformationExtraArgs(init, update)


def checked(who: str, t: Optimizer[S]) -> GradientTransformationExtraArgs[S]:
    """A transformation that takes keywords; raise for an object that is not a transformation."""
    if not (hasattr(t, "init") and hasattr(t, "update")):
        several = f" of {len(t)}; write {who}(*transformations)" if isinstance(t, list) else ""
        got = type(t).__name__ if several else shown(t)
        name = getattr(t, "__name__", "") if callable(t) else ""
        cure = several or (f"; call it: {name}(...)" if name else "; give one, as optim.sgd(0.1)")
        raise TypeError(f"{who}: a transformation has init and update: got {got}{cure}")
    return with_extra_args_support(t)


def apply_updates(params: P, updates: Tree) -> P:
    """Add the updates to the parameters, each leaf in the dtype of its parameter.

    Leaves that are not floating stay as they are. The gradient of a complex parameter follows
    JAX's convention, so descend along its conjugate: pass ``conj(grads)`` to ``update``.

    Args:
        params: tree of arrays.
        updates: tree of the same structure and shapes.

    Raises:
        TreeError, ShapeError: naming the path at which an update does not fit its parameter.

    >>> apply_updates({"w": np.float32(1.0)}, {"w": np.float64(0.5)})
    {'w': np.float32(1.5)}
    """
    check_fit("apply_updates", "updates", updates, "parameters", params)
    new: P = map_floating(lambda p, u: cast(p + u, dtype_of(p)), params, updates)
    return new
