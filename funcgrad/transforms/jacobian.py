"""Jacobians and Hessians: jvp and vjp, batched over unit vectors."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.buffers import as_given
from ..core.errors import DtypeError
from ..core.lazy import answering
from ..core.pickling import picklable
from ..core.trace import Tracer
from ..ops.structure import reshape, zeros_like
from .arguments import (
    DiffArguments,
    Origin,
    call_with_aux,
    carries_derivative,
    check_callable,
    check_leaves,
    diff_arguments,
    is_number,
)
from .batching import vmap
from .diagonal import as_diagonal, is_elementwise_program, is_elementwise_tape, jacobians_by
from .grad import Recording, recorded
from .linear import Linearization, linearized
from .nans import beside, debugging
from .options import check_options
from .symmetric import symmetric
from .typevars import P

_Options: TypeAlias = tuple[Any, Any, bool, bool]  # argnums, argnames, has_aux, holomorphic

_FEW = 6  # unit arrays, up to which a batch of them costs more than it saves


def _units(x: Any) -> Any:
    """The unit arrays of a shape and dtype, stacked."""
    aval = aval_of(x)
    units = np.eye(aval.size, dtype=aval.dtype).reshape(aval.size, *aval.shape)
    return beside([x], [units])[0]


def _ones(x: Any) -> Any:
    """Ones of the shape and dtype of a value."""
    return beside([x], [np.ones(shape_of(x), dtype_of(x))])[0]


def _among(e: Any, k: int, others: Sequence[Any]) -> list[Any]:
    """The others, with ``e`` at index k."""
    return [*others[:k], e, *others[k + 1 :]]


def _of_units(
    along: Callable[[Any], Any], x: Any, axis: int, varied: Sequence[bool], values: Sequence[Any]
) -> list[Any]:
    """The leaves of a linear map of the unit arrays of ``x``, stacked along an axis.

    Leaves that are not ``varied`` are the same for all. ``values`` tell whether a transform runs.
    """
    units = _units(x)
    single = 0 < len(units) <= _FEW and not any(isinstance(v, Tracer) for v in (units, *values))
    if not single:
        axes = [axis if v else None for v in varied]
        return tree.leaves(vmap(lambda e: tree.leaves(along(e)), out_axes=axes)(units))
    rows = zip(*[tree.leaves(along(e)) for e in units], strict=True)
    return [np.stack(row, axis) if v else row[0] for row, v in zip(rows, varied, strict=True)]


@picklable
@answering
def jacfwd(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Jacobian of a function in forward mode, all columns at once: for more rows than columns.

    jacfwd : (a -> b) -> a -> (b by a)

    Args:
        fun: a function of arrays, or of trees of arrays.
        argnums: position, or positions, of the arguments by which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``; the result is then (jacobian, aux).
        holomorphic: whether ``fun`` is holomorphic, with complex arguments and output.
        argnames: name, or names, of such arguments.

    Returns:
        A function that returns the tree of the output; in place of a leaf of shape ``o`` stands
        the tree of the arguments with leaves of shape ``o + a``.

    Raises:
        DtypeError: if an argument is an integer, or complex without ``holomorphic``.

    >>> jacfwd(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _forward("jacfwd", fun, (argnums, argnames, has_aux, holomorphic))


def _forward(who: str, fun: Callable[..., Any], options: _Options) -> Callable[..., Any]:
    """The function that gives the Jacobian of another, in forward mode."""
    argnums, argnames, has_aux, holomorphic = options
    check_callable(who, fun)
    check_options(who, argnums, argnames, has_aux=has_aux, holomorphic=holomorphic)
    origin = Origin(who, fun)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        if (check := debugging.get().check) is not None:
            again = _forward(who, fun, options)
            return check.call(again, args, kwargs)  # itself would be a reference cycle
        given = (argnums, argnames, holomorphic, args, kwargs)
        chosen, leaves, treedef = _chosen(who, fun, *given)
        run = lambda hand: _pushed(origin, chosen, hand, leaves, treedef, has_aux)
        out, columns_of, aux = origin.run(run, chosen.others)
        outs, out_tree = tree.flatten(out)
        _check_outputs(who, out, outs, holomorphic)
        columns = columns_of(outs, leaves, treedef)
        results = [chosen.result(tree.unflatten(treedef, column)) for column in columns]
        jacobian = tree.unflatten(out_tree, results)
        return (jacobian, aux) if has_aux else jacobian

    return jacobian_of


def _pushed(
    origin: Origin,
    chosen: DiffArguments,
    hand: Callable[[Any], Any],
    leaves: Sequence[tuple[Any, bool]],
    treedef: tree.TreeDef,
    has_aux: bool,
) -> tuple[Any, Any, Any]:
    """The output of a function, a function that gives the columns of its Jacobian, and aux."""
    chosen.hand = hand
    x, inexact = leaves[0] if len(leaves) == 1 else (None, False)
    if type(x) is np.ndarray and inexact and x.size > _FEW:
        whole = lambda x: chosen.call(tree.unflatten(treedef, [x]))
        on_array = lambda x: call_with_aux(origin.who, has_aux, whole, x)
        out, jacobians, aux = jacobians_by(origin, on_array, x)
        return out, lambda *_: [[as_given(t, (x,))] for t in jacobians], aux
    out, push, linearization = linearized(chosen.call, (chosen.argument,), has_aux, origin.who)
    return out, functools.partial(_columns, push, linearization), linearization.aux


def _columns(
    push: Any,
    linearization: Linearization,
    outs: Sequence[Any],
    leaves: Sequence[tuple[Any, bool]],
    treedef: tree.TreeDef,
) -> list[list[Any]]:
    """Of each output, one array an argument: the derivative along its unit arrays."""
    if len(leaves) == len(outs) == 1 and leaves[0][1]:
        ((x, _),), shape = leaves, shape_of(leaves[0][0])
        program = linearization.closed.jaxpr
        if shape == shape_of(outs[0]) and shape and is_elementwise_program(program, shape):
            (t,) = tree.leaves(push(tree.unflatten(treedef, [_ones(x)])))
            return [[as_given(as_diagonal(t, shape), (x,))]]
    still = [zeros_like(x) if inexact else x for x, inexact in leaves]
    columns: list[list[Any]] = [[] for _ in outs]
    for k, (x, inexact) in enumerate(leaves):
        pushed: Any = [x] * len(outs)
        if inexact:
            along = lambda e, k=k: push(tree.unflatten(treedef, _among(e, k, still)))
            pushed = _of_units(along, x, -1, [True] * len(outs), outs)
            pushed = [_shaped(t, y, x) for t, y in zip(pushed, outs, strict=True)]
        for column, t in zip(columns, pushed, strict=True):
            column.append(t)
    return columns


def _shaped(t: Any, y: Any, x: Any) -> Any:
    """The derivative of ``y`` by ``x``, from that by its elements."""
    return as_given(reshape(t, shape_of(y) + shape_of(x)), (x,))


@picklable
@answering
def jacrev(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Jacobian of a function in reverse mode, all rows at once: for more columns than rows.

    jacrev : (a -> b) -> a -> (b by a)

    Arguments, result and errors are those of :func:`jacfwd`. ``allow_int`` is that of ``grad``.

    >>> jacrev(lambda x: x.sum() * x)(np.array([1.0, 2.0]))
    array([[4., 1.],
           [2., 5.]])
    """
    return _reverse("jacrev", fun, (argnums, argnames, has_aux, holomorphic), allow_int)


@picklable
@answering
def jacobian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Jacobian of a function: :func:`jacrev` by the name of the matrix.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _reverse("jacobian", fun, (argnums, argnames, has_aux, holomorphic), allow_int)


def _reverse(
    who: str, fun: Callable[..., Any], options: _Options, allow_int: bool = False
) -> Callable[..., Any]:
    """The function that gives the Jacobian of another, in reverse mode."""
    argnums, argnames, has_aux, holomorphic = options
    check_callable(who, fun)
    flags = {"has_aux": has_aux, "holomorphic": holomorphic, "allow_int": allow_int}
    check_options(who, argnums, argnames, **flags)
    origin = Origin(who, fun)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        if (check := debugging.get().check) is not None:
            again = _reverse(who, fun, options, allow_int)
            return check.call(again, args, kwargs)  # itself would be a reference cycle
        chosen, leaves, treedef = _chosen(
            who, fun, argnums, argnames, holomorphic, args, kwargs, allow_int
        )
        run = lambda hand: recorded(chosen.caller(hand), (chosen.argument,), has_aux, who)
        out, pullback, recording = origin.run(run, chosen.others)
        outs, out_tree = tree.flatten(out)
        _check_outputs(who, out, outs, holomorphic, in_rows=True)
        aux = recording.rest
        rows = _rows(pullback, recording, outs, out_tree, leaves)
        rows = [chosen.result(tree.unflatten(treedef, row)) for row in rows]
        jacobian = tree.unflatten(out_tree, rows)
        return (jacobian, aux) if has_aux else jacobian

    return jacobian_of


def _rows(
    pullback: Any,
    recording: Recording,
    outs: Sequence[Any],
    out_tree: tree.TreeDef,
    leaves: Sequence[tuple[Any, bool]],
) -> list[list[Any]]:
    """Of each output, one array an argument: the cotangents of its unit arrays."""
    if len(leaves) == len(outs) == 1 and leaves[0][1]:
        (x, _), shape = leaves[0], shape_of(outs[0])
        if shape and shape == shape_of(x) and is_elementwise_tape(recording.tape, shape):
            (ct,) = tree.leaves(pullback(tree.unflatten(out_tree, [_ones(outs[0])])))
            return [[as_given(as_diagonal(ct, shape), (x,))]]
    still = [zeros_like(y) for y in outs]
    rows = []
    for j, y in enumerate(outs):
        along = lambda e, j=j: pullback(tree.unflatten(out_tree, _among(e, j, still)))
        pulled = _of_units(along, y, 0, [inexact for _, inexact in leaves], outs)
        rows.append(
            [
                as_given(reshape(ct, shape_of(y) + shape_of(x)), (x,)) if inexact else _still(x, y)
                for ct, (x, inexact) in zip(pulled, leaves, strict=True)
            ]
        )
    return rows


def _still(x: Any, y: Any) -> Any:
    """The derivative by a leaf that has none: zeros for an integer, any other leaf itself."""
    return np.zeros(shape_of(y) + shape_of(x), dtype_of(x)) if is_number(x) else x


def _chosen(
    who: str,
    fun: Any,
    argnums: Any,
    argnames: Any,
    holomorphic: bool,
    args: Any,
    kwargs: Any,
    allow_int: bool = False,
) -> tuple[DiffArguments, list[tuple[Any, bool]], tree.TreeDef]:
    """The chosen arguments, their leaves with a flag for inexact ones, and their tree."""
    chosen = diff_arguments(who, fun, argnums, argnames, args, kwargs)
    check_leaves(who, fun, chosen.places, chosen.values(), allow_int)
    leaves, treedef = tree.flatten(chosen.argument)
    for x in leaves:
        if is_arraylike(x) and aval_of(x).dtype.kind == "c" and not holomorphic:
            raise DtypeError(
                f"{who}: a complex argument needs a holomorphic function: got {aval_of(x)}; if it "
                f"is one, pass holomorphic=True"
            )
        if holomorphic and carries_derivative(x) and aval_of(x).dtype.kind != "c":
            raise DtypeError(
                f"{who}: with holomorphic=True the arguments must be complex: got {aval_of(x)}"
                "; convert them by astype(complex)"
            )
    return chosen, [(x, carries_derivative(x)) for x in leaves], treedef


def _check_outputs(
    who: str, out: Any, outs: Sequence[Any], holomorphic: bool, in_rows: bool = False
) -> None:
    if out is None:
        raise DtypeError(
            f"{who}: the output must be an array or a tree: got None; add a return statement"
        )
    for y in outs:
        if not carries_derivative(y):
            got = aval_of(y) if is_arraylike(y) else type(y).__name__
            raise DtypeError(
                f"{who}: the leaves of the output must be real or complex arrays: got {got}; "
                f"return other values as aux, with has_aux=True"
            )
        whole = aval_of(y).dtype.kind == "c"
        if holomorphic and not whole:
            raise DtypeError(
                f"{who}: with holomorphic=True the output must be complex: got {aval_of(y)}"
                "; leave holomorphic out"
            )
        if in_rows and whole and not holomorphic:
            raise DtypeError(
                f"{who}: a complex output has two rows per element, for the real and the "
                f"imaginary part: got {aval_of(y)}; use jacfwd"
            )


@picklable
@answering
def hessian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[P, Any]:
    """Matrix of second derivatives of a function, in forward over reverse mode.

    hessian : (a -> R) -> a -> (a by a)

    Arguments and errors are those of :func:`jacfwd`; for a tree the result is a tree of trees. In
    eager code it is symmetric to the last bit.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    options = argnums, argnames, has_aux, holomorphic
    outer = _forward("hessian", _reverse("hessian", fun, options), options)

    @functools.wraps(fun)
    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        chosen = diff_arguments("hessian", fun, argnums, argnames, args, kwargs)
        shapes = [shape_of(x) for x in tree.leaves(chosen.result(chosen.argument))]
        found = outer(*args, **kwargs)
        if has_aux:
            return symmetric(found[0], shapes), found[1]
        return symmetric(found, shapes)

    return hessian_of
