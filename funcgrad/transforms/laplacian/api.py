"""laplacian and value_grad_laplacian, as users call them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ...core.buffers import as_given, returned
from ...core.errors import DtypeError
from ...core.floating import current_settings, with_settings, without_warnings
from ...core.lazy import answering
from ...core.lists import compress
from ...core.ownership import apart, unaliased
from ...core.pickling import picklable
from ...core.trace import running
from ...ops.structure import cast, reshape, zeros_like
from ..arguments import (
    DiffArguments,
    Origin,
    call_with_aux,
    carries_derivative,
    check_alive,
    check_callable,
    check_leaves,
    diff_arguments,
)
from ..nans import beside, debugging
from ..options import check_options
from ..places import argument_name
from ..seeds import over_paths
from ..typevars import P
from .rows import Rows
from .seeds import Seeds
from .trace import Laplace, LaplaceTracer

_Options = tuple[Any, Any, bool, Any]  # argnums, argnames, has_aux, weights


@picklable
@answering
def laplacian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    weights: Any = None,
) -> Callable[P, Any]:
    """Laplacian of a function, the sum of its second derivatives, in one forward pass.

    laplacian : (a -> b) -> a -> b

    Args:
        fun: a function of real arrays, or of trees of them; each element of the output has its own
            Laplacian.
        argnums: position, or positions, of the arguments by which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``; the result is then (laplacian, aux).
        argnames: name, or names, of such arguments.
        weights: w of sum_i w_i d^2 f / dx_i^2: a tree like the argument, of arrays that broadcast
            to its leaves. Or a matrix W of sum_ij W_ij d^2 f / dx_i dx_j, of shape (n, n) for an
            argument of n elements in all.

    Raises:
        DtypeError: if an argument is not real.
        ShapeError: if the weights do not fit the argument.

    Source: Li et al. 2023 (arXiv:2307.08214).

    >>> print(laplacian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0])))
    6.0
    """
    return _derivative("laplacian", fun, (argnums, argnames, has_aux, weights))


@picklable
@answering
def value_grad_laplacian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    weights: Any = None,
) -> Callable[P, Any]:
    """Value, Jacobian and Laplacian of a function, in one forward pass.

    value_grad_laplacian : (a -> b) -> a -> (b, b by a, b)

    The Jacobian is that of :func:`jacfwd`: the gradient of a scalar. Arguments and errors are those
    of :func:`laplacian`; with ``has_aux``, aux is the fourth result.

    >>> y, gradient, lap = value_grad_laplacian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    >>> print(y, gradient, lap)
    9.0 [ 3. 12.] 18.0
    """
    return _derivative("value_grad_laplacian", fun, (argnums, argnames, has_aux, weights))


def _derivative(who: str, fun: Callable[..., Any], options: _Options) -> Callable[..., Any]:
    check_callable(who, fun)
    check_options(who, *options[:2], has_aux=options[2])
    origin = Origin(who, fun)

    @functools.wraps(fun)
    def laplacian_of(*args: Any, **kwargs: Any) -> Any:
        if (check := debugging.get().check) is not None:
            return check.call(_derivative(who, fun, options), args, kwargs)
        argnums, argnames, has_aux, weights = options
        chosen = diff_arguments(who, fun, argnums, argnames, args, kwargs)
        check_leaves(who, fun, chosen.places, chosen.values())
        run = _Pass(origin, chosen, has_aux, weights)
        return origin.run(run, chosen.others)

    return laplacian_of


class _Pass:
    """One forward pass over a function of chosen arguments."""

    def __init__(self, origin: Origin, chosen: DiffArguments, has_aux: bool, weights: Any) -> None:
        self.origin, self.chosen, self.has_aux = origin, chosen, has_aux
        self.leaves, self.treedef = tree.flatten(chosen.argument)
        self.tracked = [carries_derivative(x) and aval_of(x).size > 0 for x in self.leaves]
        self.inputs = compress(self.leaves, self.tracked)
        _check_real(origin, chosen)
        whole = origin.who != "laplacian"
        self.seeds = Seeds.of(origin.who, weights, chosen.argument, self.inputs, whole)

    def __call__(self, hand: Callable[[Any], Any]) -> Any:
        """Run the function, and again with masks where the law of zero cotangents needs them."""
        found: list[Any] = []
        warnings = current_settings()

        def run(seeds: Sequence[Any], masked: bool) -> list[Any]:
            now = current_settings() if found else warnings  # the second time there are none
            found[:] = with_settings(now, self.push, hand, seeds, masked)
            return [x for _, r, t in found[0] if r for x in (r.data, t) if x is not None]

        seeds = beside(self.inputs, [r.data for r in self.seeds.rows])
        rest = iter(without_warnings(over_paths, self.origin, seeds, run, self.leaves))
        triples, out_tree, aux = found
        again = lambda r, t: (Rows(next(rest), r.columns), None if t is None else next(rest))
        triples = [(y, *(again(r, t) if r else (None, None))) for y, r, t in triples]
        return self.result(triples, out_tree, aux)

    def push(self, hand: Callable[[Any], Any], seeds: Sequence[Any], masked: bool) -> Any:
        """Value, rows and Laplacian of each leaf of the output, its structure, and aux."""
        trace = Laplace(self.origin, self.seeds.weights, masked)
        parts = map(Rows, seeds, (r.columns for r in self.seeds.rows))
        before = running.get()
        try:
            running.set(trace)
            inputs = [
                LaplaceTracer(trace, x, next(parts), None) if t else hand(x)
                for x, t in zip(self.leaves, self.tracked, strict=True)
            ]
            call = self.chosen.caller(hand)
            argument = tree.unflatten(self.treedef, inputs)
            out, aux = call_with_aux(self.origin.who, self.has_aux, call, argument)
            leaves, out_tree = tree.flatten(out)
            triples = [trace.split(returned(check_alive(y))) for y in leaves]
            give = lambda x: apart(trace.split(returned(check_alive(x)))[0], self.leaves)
            return triples, out_tree, tree.map(give, aux)
        finally:
            running.set(before)
            trace.dead = True

    def result(self, triples: Sequence[Any], out_tree: tree.TreeDef, aux: Any) -> Any:
        values = [apart(y, self.leaves) for y, _, _ in triples]
        _check_outputs(self.origin.who, values)
        taken = set(map(id, (*self.leaves, *values)))
        laps = [_like(y, t, taken) for y, (_, _, t) in zip(values, triples, strict=True)]
        results = [tree.unflatten(out_tree, laps)]
        if self.origin.who != "laplacian":
            pairs = zip(values, (rows for _, rows, _ in triples), strict=True)
            jacobians = [self.jacobian(y, rows) for y, rows in pairs]
            jacobian = tree.unflatten(out_tree, jacobians)
            results = [tree.unflatten(out_tree, values), jacobian, *results]
        results += [aux] if self.has_aux else []
        return tuple(results) if len(results) > 1 else results[0]

    def jacobian(self, y: Any, rows: Rows | None) -> Any:
        """The derivatives of one output, a tree like the argument."""
        parts = iter(self.seeds.by_input(y, rows))
        shaped = lambda x, t: reshape(t, shape_of(y) + shape_of(x))
        leaves = [
            as_given(shaped(x, next(parts)), (x,)) if t else _without(x, y)
            for x, t in zip(self.leaves, self.tracked, strict=True)
        ]
        return self.chosen.result(tree.unflatten(self.treedef, leaves))


def _like(y: Any, t: Any, taken: set[int]) -> Any:
    """A Laplacian with the dtype of its value, in memory of its own."""
    if t is None:
        t = zeros_like(y)
        return t if isinstance(y, np.ndarray) else t[()]
    return unaliased(cast(t, dtype_of(y)), taken)


def _without(x: Any, y: Any) -> Any:
    """The derivative by a leaf that has none: zeros for an empty array, any other leaf itself."""
    return np.zeros(shape_of(y) + shape_of(x), dtype_of(y)) if carries_derivative(x) else x


def _check_real(origin: Origin, chosen: DiffArguments) -> None:
    for place, value in zip(chosen.places, chosen.values(), strict=True):
        for path, x in tree.leaves_with_path(value):
            if carries_derivative(x) and dtype_of(x).kind == "c":
                raise DtypeError(
                    f"{origin.who}: {argument_name(origin.fun, place, path)} must be real: got "
                    f"{aval_of(x)}; make the real and the imaginary part two arguments"
                )


def _check_outputs(who: str, outs: Sequence[Any]) -> None:
    for y in outs:
        if not carries_derivative(y):
            got = aval_of(y) if is_arraylike(y) else type(y).__name__
            raise DtypeError(
                f"{who}: the leaves of the output must be real or complex arrays: got {got}; "
                f"return other values as aux, with has_aux=True"
            )
