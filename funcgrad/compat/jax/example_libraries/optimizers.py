"""``jax.example_libraries.optimizers``: triples of functions (init, update, params)."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from ....core import nodes, tree
from .. import numpy as jnp

Array = Params = State = Updates = Any
Step = int
Schedule = Callable[[Any], Any]
InitFn: TypeAlias = Callable[..., Any]
UpdateFn: TypeAlias = Callable[..., Any]
ParamsFn: TypeAlias = Callable[..., Any]


class OptimizerState(NamedTuple):
    """States of the leaves; the structures of the parameters and of the states are static."""

    packed_state: Any
    tree_def: Any
    subtree_defs: Any


nodes.register_node(
    OptimizerState,
    lambda s: ((s.packed_state,), (s.tree_def, s.subtree_defs)),
    lambda aux, children: OptimizerState(children[0], *aux),
)


class Optimizer(NamedTuple):
    """Functions that make a state, update it by gradients, and read the parameters."""

    init_fn: InitFn
    update_fn: UpdateFn
    params_fn: ParamsFn


class JoinPoint:
    """A leaf that holds the state of one parameter."""

    def __init__(self, subtree: Any) -> None:
        self.subtree = subtree

    def __iter__(self) -> Any:
        yield self.subtree


def _packed(states: list[Any], treedef: Any) -> OptimizerState:
    pairs = [tree.flatten(s) for s in states]
    return OptimizerState([xs for xs, _ in pairs], treedef, tuple([d for _, d in pairs]))


def _states(state: OptimizerState) -> list[Any]:
    pairs = zip(state.subtree_defs, state.packed_state, strict=True)
    return [tree.unflatten(treedef, leaves) for treedef, leaves in pairs]


def unpack_optimizer_state(opt_state: OptimizerState) -> Any:
    """The tree of the parameters, whose leaves hold their states."""
    return tree.unflatten(opt_state.tree_def, list(map(JoinPoint, _states(opt_state))))


def pack_optimizer_state(marked_pytree: Any) -> OptimizerState:
    """The state of a tree that ``unpack_optimizer_state`` made."""
    leaves, treedef = tree.flatten(marked_pytree)
    return _packed([leaf.subtree for leaf in leaves], treedef)


def optimizer(opt_maker: Callable[..., Any]) -> Callable[..., Optimizer]:
    """Decorator: an optimizer of one array as one of trees."""

    @functools.wraps(opt_maker)
    def make(*args: Any, **kwargs: Any) -> Optimizer:
        init_one, update_one, params_one = opt_maker(*args, **kwargs)

        def init(params: Any) -> OptimizerState:
            leaves, treedef = tree.flatten(params)
            return _packed(list(map(init_one, leaves)), treedef)

        def update(i: Any, grads: Any, state: OptimizerState) -> OptimizerState:
            leaves, treedef = tree.flatten(grads)
            if treedef != state.tree_def:
                raise TypeError(
                    f"update: gradients must have the structure of the parameters: got {treedef} "
                    f"for {state.tree_def}"
                )
            pairs = zip(leaves, _states(state), strict=True)
            new = _packed([update_one(i, g, s) for g, s in pairs], treedef)
            if new.subtree_defs != state.subtree_defs:
                raise TypeError(
                    f"update: a state must keep its structure: got {new.subtree_defs} for "
                    f"{state.subtree_defs}"
                )
            return new

        def params(state: OptimizerState) -> Any:
            return tree.unflatten(state.tree_def, list(map(params_one, _states(state))))

        return Optimizer(init, update, params)

    return make


def _with_moments(count: int, update: Callable[..., Any]) -> Optimizer:
    """An optimizer whose state is the parameter and arrays like it, which are 0 at first."""
    init = lambda x: (x, *[jnp.zeros_like(x) for _ in range(count)])
    return Optimizer(init, update, lambda state: state[0])


@optimizer
def sgd(step_size: Any) -> Optimizer:
    """x - rate g."""
    rate = make_schedule(step_size)
    return Optimizer(lambda x: x, lambda i, g, x: x - rate(i) * g, lambda x: x)


@optimizer
def momentum(step_size: Any, mass: Any) -> Optimizer:
    """x - rate v, with v = mass v + g."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, v = state
        v = mass * v + g
        return x - rate(i) * v, v

    return _with_moments(1, update)


@optimizer
def nesterov(step_size: Any, mass: Any) -> Optimizer:
    """x - rate (mass v + g), with v = mass v + g."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, v = state
        v = mass * v + g
        return x - rate(i) * (mass * v + g), v

    return _with_moments(1, update)


def _over_root(g: Any, squares: Any) -> Any:
    """g / sqrt(squares), 0 where these are 0."""
    return g * jnp.where(squares > 0, 1.0 / jnp.sqrt(squares), 0.0)


@optimizer
def adagrad(step_size: Any, momentum: Any = 0.9) -> Optimizer:
    """Gradients over the root of the sum of their squares, averaged. Source: Duchi et al. 2011."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, total, m = state
        total = total + jnp.square(g)
        m = (1.0 - momentum) * _over_root(g, total) + momentum * m
        return x - rate(i) * m, total, m

    return _with_moments(2, update)


def _mean_square(old: Any, g: Any, gamma: Any) -> Any:
    return old * gamma + jnp.square(g) * (1.0 - gamma)


@optimizer
def rmsprop(step_size: Any, gamma: Any = 0.9, eps: Any = 1e-8) -> Optimizer:
    """Gradients over the root of the mean of their squares."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, square = state[0], _mean_square(state[1], g, gamma)
        return x - rate(i) * g / jnp.sqrt(square + eps), square

    return _with_moments(1, update)


@optimizer
def rmsprop_momentum(
    step_size: Any, gamma: Any = 0.9, eps: Any = 1e-8, momentum: Any = 0.9
) -> Optimizer:
    """``rmsprop`` with momentum of its steps."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, square, step = state
        square = _mean_square(square, g, gamma)
        step = momentum * step + rate(i) * g / jnp.sqrt(square + eps)
        return x - step, square, step

    return _with_moments(2, update)


@optimizer
def adam(step_size: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> Optimizer:
    """Bias-corrected first moment over the root of the second. Source: Kingma & Ba 2015."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, m, v = state
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * jnp.square(g) + b2 * v
        mean, square = m / _lost(b1, i, m), v / _lost(b2, i, m)
        return x - rate(i) * mean / (jnp.sqrt(square) + eps), m, v

    return _with_moments(2, update)


def _lost(decay: Any, i: Any, like: Any) -> Any:
    """1 - decay**(i + 1), the weight of a mean that began as 0."""
    return 1 - jnp.asarray(decay, like.dtype) ** (i + 1)


@optimizer
def adamax(step_size: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> Optimizer:
    """``adam`` by the largest of decayed gradients. Source: Kingma & Ba 2015, Algorithm 2."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, m, largest = state
        m = (1 - b1) * g + b1 * m
        largest = jnp.maximum(b2 * largest, jnp.abs(g))
        return x - rate(i) / _lost(b1, i, m) * m / (largest + eps), m, largest

    return _with_moments(2, update)


@optimizer
def sm3(step_size: Any, momentum: Any = 0.9) -> Optimizer:
    """``adagrad`` with one sum for each slice. Source: Anil et al. 2019, Algorithm SM3-II."""
    rate = make_schedule(step_size)

    def slices(x: Any) -> Any:
        """The largest elements of all slices along each axis."""
        axes = range(max(x.ndim, 1))
        others = [tuple([d for d in range(x.ndim) if d != axis]) for axis in axes]
        return [jnp.max(x, axis=axis, keepdims=True) for axis in others]

    def init(x: Any) -> Any:
        zeros = jnp.zeros_like(x)
        return x, zeros, slices(zeros)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, m, sums = state
        total = functools.reduce(jnp.minimum, sums) + jnp.square(g)
        m = (1.0 - momentum) * _over_root(g, total) + momentum * m
        return x - rate(i) * m, m, slices(total)

    return Optimizer(init, update, lambda state: state[0])


# schedules of the rate


def constant(step_size: Any) -> Schedule:
    """The same rate in each step."""
    return lambda i: step_size


def exponential_decay(step_size: Any, decay_steps: Any, decay_rate: Any) -> Schedule:
    """step_size decay_rate**(i / decay_steps)."""
    return lambda i: step_size * decay_rate ** (i / decay_steps)


def inverse_time_decay(
    step_size: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False
) -> Schedule:
    """step_size / (1 + decay_rate i / decay_steps), in whole decay steps with ``staircase``."""
    if staircase:
        return lambda i: step_size / (1 + decay_rate * jnp.floor(i / decay_steps))
    return lambda i: step_size / (1 + decay_rate * i / decay_steps)


def polynomial_decay(
    step_size: Any, decay_steps: Any, final_step_size: Any, power: Any = 1.0
) -> Schedule:
    """From one rate to another, by a power of the fraction of steps that remain."""

    def schedule(step_num: Any) -> Any:
        left = 1 - jnp.minimum(step_num, decay_steps) / decay_steps
        return left**power * (step_size - final_step_size) + final_step_size

    return schedule


def piecewise_constant(boundaries: Any, values: Any) -> Schedule:
    """One value up to each boundary, and one after the last."""
    boundaries, values = jnp.array(boundaries), jnp.array(values)
    if not boundaries.ndim == values.ndim == 1 or len(boundaries) != len(values) - 1:
        raise ValueError(
            f"piecewise_constant: it takes one value more than boundaries: got {len(values)} "
            f"values and {len(boundaries)} boundaries"
        )
    return lambda i: values[jnp.sum(i > boundaries)]


def make_schedule(scalar_or_schedule: Any) -> Schedule:
    """A schedule; of a number, a constant one."""
    if callable(scalar_or_schedule):
        return scalar_or_schedule  # type: ignore[no-any-return]
    if jnp.ndim(scalar_or_schedule):
        raise TypeError(
            f"make_schedule: a rate must be a number or a function of the step: got an array of "
            f"shape {jnp.shape(scalar_or_schedule)}"
        )
    return constant(scalar_or_schedule)


def l2_norm(tree: Any) -> Any:
    """The root of the sum of the squares of all elements."""
    return jnp.sqrt(sum([jnp.vdot(x, x) for x in _leaves(tree)]))


_leaves = tree.leaves


def clip_grads(grad_tree: Any, max_norm: Any) -> Any:
    """Gradients, scaled down to a largest norm."""
    norm = l2_norm(grad_tree)
    return tree.map(lambda g: jnp.where(norm < max_norm, g, g * (max_norm / norm)), grad_tree)
