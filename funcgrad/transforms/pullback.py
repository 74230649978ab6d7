"""The map that pulls cotangents back, beside a function's output: of leaves, and of trees."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of
from .arguments import (
    Origin,
    as_tangent,
    carries_derivative,
    check_callable,
    check_leaves,
    same_structure,
    with_aux,
    zero_of,
)
from .reverse import Tape, TapeTracer, deposit, finished


def pulled(
    origin: object, fun: Callable[..., Any], ins: Sequence[Any], needs: Sequence[Any]
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
    """Run ``fun`` on leaves, of which those with needs not None are to get cotangents.

    Returns its outputs, and the map from their cotangents to those of the leaves; in both a
    cotangent of None is zero.
    """
    tape = Tape(origin, lasting=True)
    try:
        inputs = [x if n is None else tape.input(x) for x, n in zip(ins, needs, strict=True)]
        pairs = [tape.split(y) for y in fun(*inputs)]
        tape.copy_held()
    finally:
        tape.dead = True
        tape.free()

    def pull(cts: Sequence[Any]) -> list[Any]:
        found: dict[Any, Any] = {}
        for (_, number), ct in zip(pairs, cts, strict=True):
            if number is not None and ct is not None:
                deposit(found, number, ct)
        tape.walk(found, again=True)
        return [
            None if n is None else found.get(x.number) for x, n in zip(inputs, needs, strict=True)
        ]

    return [y for y, _ in pairs], pull


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
    check_callable("vjp", fun)
    check_leaves("vjp", fun, range(len(primals)), primals, beside=True)
    leaves, treedef = tree.flatten(primals)
    tape = Tape(Origin("vjp", fun), lasting=True)
    paired = with_aux(fun, has_aux, "vjp")
    try:
        inputs = [tape.input(_copied(x)) if carries_derivative(x) else x for x in leaves]
        out, aux = paired(*tree.unflatten(treedef, inputs))
        out_leaves, out_tree = tree.flatten(out)
        pairs = [tape.split(y) for y in out_leaves]
        aux = tree.map(lambda x: tape.split(x)[0], aux)
        tape.copy_held()
    finally:
        tape.dead = True
        tape.free()

    def pullback(ct: Any) -> tuple[Any, ...]:
        given = same_structure("vjp", "the cotangent", out_tree, ct)
        cts: dict[Any, Any] = {}
        for (y, number), c in zip(pairs, given, strict=True):
            if number is not None:
                c = as_tangent("vjp", "a cotangent", c, aval_of(y))
                deposit(cts, number, c)
        tape.walk(cts, again=True)
        taken = {id(c) for c in given}
        results = [
            finished(cts.get(t.number), x, taken) if isinstance(t, TapeTracer) else zero_of(x)
            for t, x in zip(inputs, leaves, strict=True)
        ]
        return tree.unflatten(treedef, results)

    # the tape reads its values again, so what the caller may change are copies
    outs = [y if number is None else _copied(y) for y, number in pairs]
    out = tree.unflatten(out_tree, outs)
    return (out, pullback, aux) if has_aux else (out, pullback)


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x
