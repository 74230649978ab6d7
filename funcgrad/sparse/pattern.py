"""Patterns of derivatives, found from the program of a function."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.avals import Aval, aval_of
from ..core.errors import NonScalarError
from ..core.index_sets import IndexSets, TooManyError, full_sets, identity_sets
from ..core.jaxpr import ClosedJaxpr, constants_as_inputs
from ..core.lazy import answering
from ..core.lists import compress, expand
from ..core.propagation import Operand, Propagation, constant
from ..core.trace import Primitive
from ..ops.structure import cast
from ..transforms.arguments import (
    Origin,
    carries_derivative,
    check_callable,
    check_leaves,
    diff_arguments,
    is_number,
)
from ..transforms.grad import vjp
from ..transforms.jaxprs import trace_to_jaxpr
from ..transforms.staging import stage
from .structure import Pattern


class Limits(NamedTuple):
    """What a pattern may cost; beyond it is a larger superset."""

    steps: int = 60_000  # of loops that are followed one by one, in equations of few elements


LIMITS = Limits()
SEED = Aval((), np.dtype(float))  # of the cotangent, the last input of the program of a gradient


@answering
def pattern(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    order: int = 1,
    **kwargs: Any,
) -> Pattern:
    """Which elements of the Jacobian or the Hessian may differ from 0, for any arguments.

    Args:
        fun: a function of arrays, or of trees of arrays.
        *args: arguments, of which only shapes and dtypes matter; ShapeDtypeStructs, too.
        argnums: position, or positions, of the arguments by which to differentiate.
        order: 1 for the Jacobian; 2 for the Hessian of a function with a scalar output.
        **kwargs: keyword arguments.

    Returns:
        The pattern, a superset of the elements that are not 0. Its rows are the elements of the
        output's leaves, its columns those of the arguments' leaves, one leaf after another.
        ``dense_by`` lists operations, each with its line, whose results may depend on less: indices
        that are data, decompositions of matrices, primitives without a rule.

    Raises:
        NonScalarError: if ``order`` is 2 and the output is not a scalar.
        MemoryLimitError: if the pattern, or the sets of an intermediate value, have too many
            elements.

    >>> pattern(lambda x: x[1:] * x[:-1], np.ones(4))
    Pattern of 3 by 4 with 6 elements (50 %)
    ●●··
    ·●●·
    ··●●
    """
    check_callable("pattern", fun)
    if order not in (1, 2):
        raise ValueError(f"pattern: order must be 1 or 2: got {order!r}; write order=1")
    closed, flags = _staged(fun, argnums, order, args, kwargs)
    sets, walk = _propagated(closed, flags)
    width = sum(a.size for a in compress(closed.in_avals, flags))
    try:
        found = _matrix(sets, width)
    except TooManyError as err:
        raise err.at("the result") from None
    if order == 2:  # both it and its transpose have all elements that are not 0
        found = _symmetric(found)
    vars(found)["dense_by"] = tuple(walk.dense)
    return found


def _staged(
    fun: Callable[..., Any], argnums: Any, order: int, args: Any, kwargs: Any
) -> tuple[ClosedJaxpr, list[bool]]:
    """The program of a call, or of its gradient, and which inputs are differentiated."""
    chosen = diff_arguments("pattern", fun, argnums, None, args, kwargs)
    check_leaves("pattern", fun, chosen.places, chosen.values())
    own, own_tree = tree.flatten(chosen.argument)
    smooth = [carries_derivative(x) for x in own]
    rest = [None if i in chosen.places else x for i, x in enumerate(args)]
    others, others_tree = tree.flatten((rest, kwargs))
    traced = [is_number(x) for x in others]

    def call(xs: list[Any], values: list[Any]) -> Any:
        rest, keywords = tree.unflatten(others_tree, _filled(others, traced, values))
        argument = tree.unflatten(own_tree, _filled(own, smooth, xs))
        given = (argument,) if chosen.single else argument
        places = dict(zip(chosen.places, given, strict=True))
        return fun(*[places.get(i, x) for i, x in enumerate(rest)], **keywords)

    n = sum(smooth)

    def on_leaves(values: list[Any]) -> Any:
        if order == 1:
            return call(values[:n], values[n:])
        y, pull = vjp(lambda xs: _scalar(call(xs, values[n:-1])), values[:n])
        return pull(cast(values[-1], aval_of(y).dtype))[0]

    operands = [*compress(own, smooth), *compress(others, traced)]
    avals = [*map(aval_of, operands), *[SEED] * (order - 1)]
    closed, _ = stage(Origin("pattern", fun), on_leaves, avals, lasting=False, operands=operands)
    return closed, [i < n for i in range(len(avals))]


def _filled(leaves: Sequence[Any], flags: Sequence[bool], values: Sequence[Any]) -> list[Any]:
    """The leaves, with values in place of those flagged."""
    return [x if new is None else new for x, new in zip(leaves, expand(values, flags), strict=True)]


def _scalar(y: Any) -> Any:
    if not carries_derivative(y) or aval_of(y).shape:
        got = aval_of(y) if is_number(y) else type(y).__name__
        raise NonScalarError(
            f"pattern: a Hessian needs a real scalar output: got {got}; reduce it by sum or mean"
        )
    return y


def _propagated(
    closed: ClosedJaxpr, flags: Sequence[bool]
) -> tuple[list[tuple[Aval, IndexSets | None]], Propagation]:
    """The sets of the outputs of a program, those of the inputs flagged being their numbers."""
    walk = Propagation(_simpler, LIMITS.steps)
    avals = closed.in_avals
    numbers = identity_sets([a.shape for a in compress(avals, flags)])
    ins = list(map(Operand, avals, expand(numbers, flags)))
    # the gradient is linear in its cotangent: elements that do not depend on it are 0
    if avals and avals[-1] is SEED:
        ins[-1] = ins[-1]._replace(support=full_sets(()))
    outs = walk.run(constants_as_inputs(closed.jaxpr), [*map(constant, closed.consts), *ins])
    return [(x.aval, x.sets) for x in outs], walk


def _simpler(prim: Primitive, avals: Sequence[Aval], params: dict[str, Any]) -> Any:
    """The decomposition of a primitive: a program and its constants."""
    return trace_to_jaxpr("pattern", lambda xs: prim.decompose(*xs, **params), avals)


def _matrix(sets: Sequence[tuple[Aval, IndexSets | None]], width: int) -> Pattern:
    """The pattern whose rows are the sets of elements of arrays."""
    starts, found, total = [np.zeros(1, np.intp)], [np.zeros(0, np.intp)], 0
    for aval, x in sets:
        if x is None:
            starts.append(np.full(aval.size, total))
            continue
        indptr, indices = x.csr()
        starts.append(indptr[1:] + total)
        found.append(indices)
        total += len(indices)
    indptr = np.concatenate(starts)
    return Pattern((len(indptr) - 1, width), indptr, np.concatenate(found))


def _symmetric(a: Pattern) -> Pattern:
    """The elements that a matrix and its transpose share."""
    n = a.shape[1]
    keys, turned = a.rows * n + a.indices, np.sort(a.indices * n + a.rows)
    if np.array_equal(keys, turned):
        return a
    shared = np.intersect1d(keys, turned, assume_unique=True)
    return Pattern.from_coo(a.shape, *np.divmod(shared, n))
