"""The map that pulls cotangents back, beside a function's output: of leaves, and of trees."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np

from ..core import tree
from ..core.avals import aval_of
from ..core.ownership import copied
from .arguments import (
    Origin,
    as_tangent,
    carries_derivative,
    check_callable,
    check_leaves,
    paired,
    same_structure,
    zero_of,
)
from .grad import Recording, finished
from .nans import active
from .reverse import Tape
from .typevars import R, X


def pulled(
    origin: object,
    fun: Callable[..., Any],
    ins: Sequence[Any],
    needs: Sequence[Any],
    masked: bool = False,
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
    """Run ``fun`` on leaves, of which those with needs not None are to get cotangents.

    Returns its outputs, and the map from their cotangents to those of the leaves; in both a
    cotangent of None is zero.
    """
    tape = Tape(origin, lasting=True, masked=masked)
    try:
        inputs = [x if n is None else tape.input(x) for x, n in zip(ins, needs, strict=True)]
        wanted = [
            None if n is None else tape.split(x)[1] for x, n in zip(inputs, needs, strict=True)
        ]
        pairs = [tape.split(y) for y in fun(*inputs)]
    finally:
        tape.dead = True

    def pull(cts: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):  # the function has its warnings, its derivative none
            return tape.pull([number for _, number in pairs], cts, wanted)

    return [y for y, _ in pairs], pull


@overload
def vjp(
    fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(
    fun: Callable[..., tuple[R, X]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[Any], tuple[Any, ...]], X]: ...
@overload
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool) -> tuple[Any, ...]: ...
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Evaluate a function, and return with it the map that pulls cotangents back.

    vjp : (a -> b) -> a -> (b, CT b -> CT a)

    Args:
        fun: a function of arrays, or of trees of arrays.
        *primals: the arguments at which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``, aux not being differentiated.

    Returns:
        ``(output, pullback)`` or ``(output, pullback, aux)``. ``pullback(ct)`` takes a tree like
        the output, gives a tuple with one cotangent a primal, and may be called again.

    Raises:
        DtypeError: if no primal is a floating number, or a cotangent's dtype is not its output's.
        ShapeError: if a cotangent's shape is not its output's.
        TreeError: if a cotangent's structure is not the output's.

    >>> y, pullback = vjp(lambda x: x**2, np.array([1.0, 3.0]))
    >>> print(y, pullback(np.ones(2))[0])
    [1. 9.] [2. 6.]
    """
    if (check := active()) is not None:
        return check.call(functools.partial(vjp, fun, has_aux=has_aux), primals, maps=True)
    check_callable("vjp", fun)
    leaves, treedef = tree.flatten(primals)
    tracked = list(map(carries_derivative, leaves))
    if not all(tracked):
        check_leaves("vjp", fun, range(len(primals)), primals, beside=True)
    out_tree: Any = None

    def on_leaves(inputs: list[Any]) -> tuple[list[Any], Any]:
        nonlocal out_tree
        out, aux = paired("vjp", has_aux, fun, *tree.unflatten(treedef, inputs))
        outs, out_tree = tree.flatten(out)
        return outs, aux

    run = Recording(Origin("vjp", fun), on_leaves, leaves, tracked, lasting=True)

    def pullback(ct: Any) -> tuple[Any, ...]:
        given = same_structure("vjp", "the cotangent", out_tree, ct)
        cts = [
            None if number is None else as_tangent("vjp", "a cotangent", c, aval_of(y))
            for y, number, c in zip(run.outs, run.numbers, given, strict=True)
        ]
        taken = {id(c) for c in given}
        results = [
            finished(found, x, taken) if t else zero_of(x)
            for found, x, t in zip(run.pulled(cts), leaves, tracked, strict=True)
        ]
        return tree.unflatten(treedef, results)

    # the tape reads its values again, so what the caller may change are copies
    pairs = zip(run.outs, run.numbers, strict=True)
    outs = [y if number is None else copied(y) for y, number in pairs]
    out = tree.unflatten(out_tree, outs)
    return (out, pullback, run.rest) if has_aux else (out, pullback)
