"""Linear maps as programs: linearize, with its transpose, and linear_transpose."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, overload

from ..core import tree
from ..core.avals import Aval, aval_of
from ..core.dependence import linear_in
from ..core.floating import without_warnings
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.lazy import answering
from ..core.lists import compress, expand
from ..core.ownership import unaliased
from ..ops.structure import zeros_like
from .arguments import (
    Origin,
    as_tangent,
    call_with_aux,
    carries_derivative,
    check_callable,
    check_leaves,
    flatten_like,
    is_number,
    tangents_of,
    zero_of,
)
from .custom.base import vjp_again
from .forward import push_again
from .nans import debugging
from .seeds import over_paths
from .snapshots import check_repeated, concrete_copies
from .staging import stage
from .transposition import transpose_program
from .typevars import R, X


class Linearized(Generic[R]):
    """The derivative of a function at a point: a linear map of tangents, and its transpose.

    ``transpose(ct)`` takes a tree like the output to a tuple with one cotangent per primal.
    """

    def __init__(self, push: Callable[..., R], transpose: Callable[[Any], tuple[Any, ...]]) -> None:
        self._push, self.transpose = push, transpose

    def __call__(self, *tangents: Any) -> R:
        return self._push(*tangents)


@overload
def linearize(
    fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[R, Linearized[R]]: ...
@overload
def linearize(
    fun: Callable[..., tuple[R, X]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Linearized[R], X]: ...
@overload
def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool) -> tuple[Any, ...]: ...
@answering
def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Evaluate a function, and stage its derivative at that point as a program.

    linearize : (a -> b) -> a -> (b, T a -> T b)

    Args:
        fun: a function of arrays, or of trees of arrays.
        *primals: the arguments at which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``; aux is not differentiated.

    Returns:
        ``(output, f_jvp)`` or ``(output, f_jvp, aux)``. ``f_jvp(*tangents)`` runs only operations
        on tangents, and so costs less than ``jvp`` when it is called many times.
        ``f_jvp.transpose(ct)``, which gives one cotangent per primal, is the same for ``vjp``.

    Raises:
        DtypeError: if no primal is floating, or a tangent's dtype differs from its primal's.
        ShapeError: if a tangent's shape differs from its primal's.

    >>> y, f_jvp = linearize(lambda x: x**2, 3.0)
    >>> print(y, f_jvp(1.0))
    9.0 6.0
    """
    if (check := debugging.get().check) is not None:
        again = functools.partial(linearize, fun, has_aux=has_aux)
        out, pushed, *aux = check.call(again, primals, maps=True)
        back = pushed.transpose
        return out, Linearized(pushed, lambda ct: check.call(back, (ct,))), *aux
    out, linear, run = linearized(fun, primals, has_aux)
    return (out, linear, run.aux) if has_aux else (out, linear)


def linearized(
    fun: Callable[..., Any], primals: Sequence[Any], has_aux: bool, who: str = "linearize"
) -> tuple[Any, Linearized[Any], "Linearization"]:
    """The output of a function, its derivative, and the program of that."""
    check_callable(who, fun)
    check_leaves(who, fun, range(len(primals)), primals, mixed=True)
    leaves, treedef = tree.flatten(primals)
    inexact = [carries_derivative(x) for x in leaves]
    origin = Origin(who, fun)
    on_leaves = lambda xs: call_with_aux(who, has_aux, fun, *tree.unflatten(treedef, xs))
    run = Linearization(origin, on_leaves, leaves, inexact)

    def f_jvp(*tangents: Any) -> Any:
        given = flatten_like(who, "the tangents", treedef, tangents)
        directions = tangents_of(who, fun, primals, leaves, given)
        checked = [t for t, i in zip(directions, inexact, strict=True) if i]
        # the function warns, its derivative does not
        found = without_warnings(over_paths, origin, checked, run.tangents, run.outs)
        taken = set(map(id, (*checked, *run.consts)))
        results = (unaliased(t, taken) for t in found)
        tangents_out = [next(results) if is_number(y) else y for y in run.outs]
        return tree.unflatten(run.out_tree, tangents_out)

    def transpose(ct: Any) -> tuple[Any, ...]:
        given = flatten_like(who, "the cotangent", run.out_tree, ct)
        cts = [
            as_tangent(who, "the cotangent", c, aval_of(y)) if carries_derivative(y) else None
            for y, c in zip(run.outs, given, strict=True)
        ]
        found = without_warnings(over_paths, origin, cts, run.cotangents, run.outs)
        taken = set(map(id, (*cts, *run.consts)))
        rows = zip(expand(found, inexact), leaves, strict=True)
        xs = [zero_of(x) if c is None else unaliased(c, taken) for c, x in rows]
        return tree.unflatten(treedef, xs)

    return tree.unflatten(run.out_tree, run.outs), Linearized(f_jvp, transpose), run


class Linearization:
    """A function evaluated, its tangents staged; it may run again, with masks."""

    def __init__(
        self,
        origin: object,
        fun: Callable[..., Any],
        leaves: Sequence[Any],
        tracked: Sequence[bool],
    ) -> None:
        self.origin, self.fun, self.leaves, self.tracked = origin, fun, leaves, tracked
        self.inner = False  # whether maps inside ran without masks
        self.closed = self.record()
        self.masked: ClosedJaxpr | None = None  # the program in which they have masks
        self.marks = concrete_copies(self.outs) if self.inner else []

    @property
    def consts(self) -> tuple[Any, ...]:
        """The constants of its programs."""
        return self.closed.consts + (() if self.masked is None else self.masked.consts)

    def record(self, masked: bool = False) -> ClosedJaxpr:
        avals = [aval_of(x) for x, t in zip(self.leaves, self.tracked, strict=True) if t]
        pushed = functools.partial(self.push, masked)
        avals = [Aval(a.shape, a.dtype) for a in avals]
        return stage(self.origin, pushed, avals, takes_effects=False)[0]

    def push(self, masked: bool, tangents: list[Any]) -> list[Any]:
        rest = iter(tangents)
        given = [next(rest) if t else None for t in self.tracked]
        self.aux, pairs, self.out_tree, trace = push_again(
            self.origin, self.fun, self.leaves, given, masked
        )
        self.outs, self.inner = [y for y, _ in pairs], self.inner or trace.inner
        return [zero_of(y) if t is None else t for y, t in pairs if is_number(y)]

    def tangents(self, tangents: Sequence[Any], masked: bool) -> Sequence[Any]:
        closed = self.closed
        if masked and self.inner:
            if self.masked is None:
                self.masked = self.record(masked)
                check_repeated(self.origin, self.marks, self.outs)
            closed = self.masked
        return eval_jaxpr(closed.jaxpr, closed.consts, tangents)

    def cotangents(self, cts: Sequence[Any], masked: bool) -> Sequence[Any]:
        jaxpr = self.closed.jaxpr
        linear = linear_in(jaxpr, [True] * len(jaxpr.invars)) is not None
        if linear and not (masked and self.inner):
            numbers = [c for c, y in zip(cts, self.outs, strict=True) if is_number(y)]
            return transpose_program(self.closed, numbers)
        # by reverse mode: masks of tangents, which maps inside have here, have no transpose
        flat = lambda *xs: tree.leaves(self.fun(list(xs))[0])
        needs = [True if t else None for t in self.tracked]
        outs, pull = vjp_again(self.origin, flat, self.leaves, needs, masked)
        if self.inner:
            check_repeated(self.origin, self.marks, outs)
        return compress(pull(cts), self.tracked)


@answering
def linear_transpose(fun: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Transpose a linear function.

    linear_transpose : (a -o b) -> a -> (CT b -o CT a)

    Args:
        fun: a linear function of arrays, or of trees of arrays.
        *primals: arguments, of which only shapes and dtypes are read; ShapeDtypeStructs may stand
            for arrays.

    Returns:
        A function from a cotangent like the output to a tuple with one cotangent per primal.

    Raises:
        MissingRuleError: if ``fun`` is not linear, naming the operation and its line.
        ConcretizationError: if ``fun`` needs the values of its arguments.

    >>> import numpy as np
    >>> transpose = linear_transpose(lambda x: np.array([[1.0, 2.0]]) @ x, np.zeros(2))
    >>> print(transpose(np.array([3.0]))[0])
    [3. 6.]
    """
    check_callable("linear_transpose", fun)
    check_leaves("linear_transpose", fun, range(len(primals)), primals)
    leaves, treedef = tree.flatten(primals)
    inexact = [carries_derivative(x) for x in leaves]
    avals = [aval_of(x) for x, i in zip(leaves, inexact, strict=True) if i]

    def on_leaves(tracers: list[Any]) -> Any:
        rest = iter(tracers)
        xs = [next(rest) if i else x for x, i in zip(leaves, inexact, strict=True)]
        return fun(*tree.unflatten(treedef, xs))

    origin = Origin("linear_transpose", fun)
    closed, out_tree = stage(origin, on_leaves, avals)
    back = lambda cts, masked: transpose_program(closed, cts)

    def apply(ct: Any) -> tuple[Any, ...]:
        given = flatten_like("linear_transpose", "the cotangent", out_tree, ct)
        cts = [
            as_tangent("linear_transpose", "the cotangent", c, aval)
            for c, aval in zip(given, closed.out_avals, strict=True)
        ]
        # the function warns, its transpose does not
        results = without_warnings(over_paths, origin, cts, back, closed.consts)
        taken = set(map(id, (*cts, *closed.consts)))
        pairs = zip(results, avals, strict=True)
        found = (zeros_like(a) if r is None else unaliased(r, taken) for r, a in pairs)
        xs = [next(found) if i else x for x, i in zip(leaves, inexact, strict=True)]
        return tree.unflatten(treedef, xs)

    def transposed(ct: Any) -> tuple[Any, ...]:
        check = debugging.get().check
        return apply(ct) if check is None else check.call(apply, (ct,))

    return transposed
