"""A sampling problem: checks of what a user gives, and chains over flat vectors."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ...core.errors import DtypeError, MissingDerivativeError, ShapeError, TreeError, shown
from ...core.integers import whole
from ...core.trace import Tracer
from ...ops.ravel import ravel_pytree
from ...ops.structure import cast
from ...transforms.abstract import closure_convert, eval_shape
from ...transforms.arguments import check_callable
from ...transforms.batching import vmap
from ...transforms.custom.decorators import custom_jvp
from ...transforms.grad import value_and_grad
from ...transforms.jit.api import jit
from ..arguments import RangeError, known
from ..keys import Key, check_single, split
from .chains import Plan, chain
from .hamiltonian import Density


class Statistics(NamedTuple):
    """Statistics of draws under ArviZ's names, shape [chains, draws] but for the last two.

    Args:
        lp: log density.
        energy: the Hamiltonian at the draw: kinetic energy minus log density.
        acceptance_rate: mean acceptance probability along the trajectory.
        diverging: whether the energy grew by more than 1,000: the step is too long for the
            curvature there, and draws may miss that region.
        tree_depth: number of doublings; 0 for ``hmc``.
        n_steps: number of leapfrog steps, with one gradient each.
        step_size: shape [chains].
        inverse_mass_matrix: its diagonal, a tree like the position with a first axis [chains]; of
            ``dense_mass`` the matrices, shape [chains, N, N].

    >>> from funcgrad import random
    >>> samples = random.nuts(random.key(0), lambda x: -(x**2) / 2, 0.0, 50, 100, num_chains=2)
    >>> samples.stats.lp.shape, samples.stats.step_size.shape
    ((2, 50), (2,))
    """

    lp: Any
    energy: Any
    acceptance_rate: Any
    diverging: Any
    tree_depth: Any
    n_steps: Any
    step_size: Any
    inverse_mass_matrix: Any


class Samples(NamedTuple):
    """Draws, a tree like the position with first axes [chains, draws], and their statistics.

    >>> from funcgrad import random
    >>> normal = lambda p: -np.sum(p["x"] ** 2) / 2
    >>> samples = random.nuts(random.key(0), normal, {"x": np.zeros(3)}, 50, 100, num_chains=2)
    >>> samples.draws["x"].shape, samples.stats.diverging.shape
    ((2, 50, 3), (2, 50))
    """

    draws: Any
    stats: Statistics


def sampled(
    who: str,
    key: Key,
    logdensity: Callable[[Any], Any],
    position: Any,
    num_chains: int,
    plan: Plan,
    backend: str | None,
) -> Samples:
    """Samples of chains, which are compiled as one program."""
    check_callable(who, logdensity)
    keys = split(check_single(who, key), as_count(f"{who}: num_chains", num_chains, 1))
    _check_position(who, position)
    _check_scalar(who, logdensity, position)
    flat, unravel = ravel_pytree(position)
    plan = _checked(who, plan, position, dtype_of(flat))
    converted, consts = closure_convert(logdensity, position)

    def run(flat: Any, consts: Any, words: Any) -> Samples:
        density = value_and_grad(lambda q: cast(converted(unravel(q), *consts), dtype_of(flat)))
        _check_start(who, density, flat)
        program = vmap(lambda key: chain(plan, density, key, flat))
        with np.errstate(all="ignore"):  # a trajectory that diverges
            draws, steps, scales = jit(program, backend=backend)(Key(words, key.impl))
        return _samples(draws, steps, scales if plan.dense_mass else vmap(unravel)(scales), unravel)

    return _without_derivative(who, run)(flat, consts, keys.data)


def _samples(draws: Any, steps: Any, scales: Any, unravel: Callable[[Any], Any]) -> Samples:
    place = draws.place
    stats = Statistics(
        place.log_density, draws.energy, draws.acceptance_rate, draws.diverging,
        draws.tree_depth, draws.n_steps, steps, scales,
    )  # fmt: skip
    return Samples(vmap(vmap(unravel))(place.position), stats)


def _without_derivative(who: str, run: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a rule that refuses its derivative."""

    def rule(primals: Any, tangents: Any) -> Any:
        raise MissingDerivativeError(
            f"{who}: draws have no derivative: the log density, the position or the mass matrix "
            f"depends on a variable of differentiation; pass it through stop_gradient"
        )

    ruled = custom_jvp(run)
    ruled.defjvp(rule)
    return ruled


# checks


def as_count(what: str, number: Any, low: int, high: int | None = None) -> int:
    """The integer, checked to be in range."""
    number = whole(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise DtypeError(f"{what} must be an integer: got {shown(number)}")
    if number < low or (high is not None and number > high):
        bound = f">= {low}" if high is None else f"in [{low}, {high}]"
        raise RangeError(f"{what} must be {bound}: got {number}")
    return number


def _checked(who: str, plan: Plan, position: Any, dtype: np.dtype) -> Plan:
    """The plan with counts as integers and the inverse mass matrix as one array."""
    _check_range(f"{who}: target_accept_prob", plan.target, "in (0, 1)", lambda x: 0 < x < 1)
    _check_range(f"{who}: jitter", plan.jitter, "in [0, inf)", lambda x: 0 <= x < np.inf)
    if plan.step_size is not None:
        _check_range(f"{who}: step_size", plan.step_size, "> 0", lambda x: x > 0)
    given = plan.inverse_mass_matrix
    if given is not None:
        as_array = _matrix if plan.dense_mass else _diagonal
        given = cast(as_array(f"{who}: inverse_mass_matrix", given, position), dtype)
    return plan._replace(
        num_samples=as_count(f"{who}: num_samples", plan.num_samples, 1),
        num_warmup=as_count(f"{who}: num_warmup", plan.num_warmup, 0),
        inverse_mass_matrix=given,
    )


def _diagonal(what: str, given: Any, position: Any) -> Any:
    got, want = (tree.map(shape_of, x) for x in (given, position))
    if got != want:
        raise TreeError(
            f"{what} must have the structure and shapes of the position: got {got}, not {want}; "
            f"for a matrix write dense_mass=True"
        )
    flat = ravel_pytree(given)[0]
    _check_range(what, flat, "> 0", lambda x: x > 0)
    return flat


def _matrix(what: str, given: Any, position: Any) -> Any:
    n = shape_of(ravel_pytree(position)[0])[0]
    if not is_arraylike(given) or shape_of(given) != (n, n):
        got = aval_of(given) if is_arraylike(given) else type(given).__name__
        raise ShapeError(
            f"{what} must have the shape [{n}, {n}], in the order of ravel_pytree: got {got}; "
            f"for its diagonal leave out dense_mass"
        )
    is_symmetric = lambda x: np.allclose(x, x.T) and np.all(np.linalg.eigvalsh(x) > 0)
    _check_range(what, given, "symmetric and positive definite", is_symmetric)
    return given


def _check_range(what: str, x: Any, words: str, holds: Callable[[Any], Any]) -> None:
    value = known(x)
    if value is not None and not np.all(holds(value)):
        raise RangeError(f"{what} must be {words}: got {shown(x)}")


def _check_position(who: str, position: Any) -> None:
    leaves = tree.leaves_with_path(position)
    if not leaves:
        raise ShapeError(f"{who}: the position must have an array: got {shown(position)}")
    for path, x in leaves:
        if not is_arraylike(x) or dtype_of(x).kind != "f":
            what = aval_of(x) if is_arraylike(x) else type(x).__name__
            where = f" at {tree.keystr(path)}" if path else ""
            raise DtypeError(
                f"{who}: the position must have floating leaves: got {what}{where}; sum over "
                f"discrete variables in the log density"
            )


def _check_scalar(who: str, logdensity: Callable[[Any], Any], position: Any) -> None:
    out = eval_shape(logdensity, position)
    found = tree.leaves(out)
    if tree.structure(out) != tree.structure(0.0) or found[0].shape or found[0].dtype.kind != "f":
        what = ", ".join(str(x.aval) for x in found) or type(out).__name__
        raise ShapeError(
            f"{who}: the log density must be a real scalar: got {what}; sum over the terms"
        )


def _check_start(who: str, density: Density, flat: Any) -> None:
    if isinstance(flat, Tracer):
        return
    with np.errstate(all="ignore"):
        value, gradient = density(flat)
    for what, x in (("log density", value), ("gradient of the log density", gradient)):
        number = known(x)
        if number is not None and not np.all(np.isfinite(number)):
            raise RangeError(
                f"{who}: the {what} must be finite at the position: got {number}; start where the "
                f"density is positive"
            )
