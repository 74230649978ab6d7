"""Jacobians, Hessians and products with them, made of jvp and vjp.

Until vmap is there, Jacobians are built one direction at a time.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of, is_arraylike, shape_of
from ..core.errors import DtypeError
from ..ops.operand import stacked
from ..ops.structure import reshape
from .arguments import Chosen, carries_derivative, check_callable, check_leaves
from .forward import jvp
from .linear import linearize
from .reverse import grad, vjp


def _basis(aval: Any) -> Iterator[np.ndarray]:
    """Yield the unit arrays of a shape and dtype."""
    for i in range(aval.size):
        unit = np.zeros(aval.size, aval.dtype)
        unit[i] = 1
        yield unit.reshape(aval.shape)


def _assembled(
    slices: Sequence[Any], lead: tuple[int, ...], rest: tuple[int, ...], first: bool
) -> Any:
    """Return slices of shape ``rest`` as one array, with the axes ``lead`` in front or behind."""
    if not slices:
        return np.zeros(lead + rest if first else rest + lead)
    whole = stacked(slices)
    if first:
        return reshape(whole, lead + rest)
    return reshape(np.moveaxis(whole, 0, -1), rest + lead)


def jacfwd(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return a function that gives the Jacobian of ``fun``, one column at a time.

    jacfwd : (a -> b) -> a -> (b by a)

    Args:
        fun: a function of arrays, or of trees of arrays; tall Jacobians suit it.
        argnums: position, or positions, of the arguments by which to differentiate.
        has_aux: whether ``fun`` returns ``(output, aux)``; the result is then (jacobian, aux).
        holomorphic: whether ``fun`` is holomorphic, with complex arguments and output.
        argnames: name, or names, of such arguments.

    Returns:
        The output's tree, each leaf of shape ``o`` replaced by the arguments' tree of arrays of
        shape ``o + a``.

    Raises:
        DtypeError: if an argument is an integer, or complex without ``holomorphic``.

    >>> jacfwd(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    check_callable("jacfwd", fun)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        chosen, leaves, treedef = _chosen(
            "jacfwd", fun, argnums, argnames, holomorphic, args, kwargs
        )
        out, push, *aux = linearize(
            lambda *values: chosen.call(values), *chosen.values(), has_aux=has_aux
        )
        outs, out_tree = tree.flatten(out)
        columns: list[list[Any]] = [[] for _ in outs]  # one array an argument leaf
        zeros = [np.zeros(aval_of(x).shape, aval_of(x).dtype) if i else x for x, i in leaves]
        for k, (x, inexact) in enumerate(leaves):
            if not inexact:
                for column in columns:
                    column.append(x)
                continue
            pushed = [
                tree.leaves(push(*tree.unflatten(treedef, [*zeros[:k], e, *zeros[k + 1 :]])))
                for e in _basis(aval_of(x))
            ]
            for j, y in enumerate(outs):
                slices = [ts[j] for ts in pushed]
                columns[j].append(_assembled(slices, shape_of(x), shape_of(y), first=False))
        jacobian = tree.unflatten(
            out_tree, [chosen.result(tree.unflatten(treedef, column)) for column in columns]
        )
        return (jacobian, aux[0]) if has_aux else jacobian

    return jacobian_of


def jacrev(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return a function that gives the Jacobian of ``fun``, one row at a time.

    jacrev : (a -> b) -> a -> (b by a)

    Arguments, result and errors are those of :func:`jacfwd`; wide Jacobians suit it.

    >>> jacrev(lambda x: x.sum() * x)(np.array([1.0, 2.0]))
    array([[4., 1.],
           [2., 5.]])
    """
    check_callable("jacrev", fun)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        chosen, leaves, treedef = _chosen(
            "jacrev", fun, argnums, argnames, holomorphic, args, kwargs
        )
        out, pullback, *aux = vjp(
            lambda *values: chosen.call(values), *chosen.values(), has_aux=has_aux
        )
        outs, out_tree = tree.flatten(out)
        zeros = [np.zeros(aval_of(y).shape, aval_of(y).dtype) for y in outs]
        rows = []
        for j, y in enumerate(outs):
            _check_inexact("jacrev", y)
            pulled = [
                tree.leaves(pullback(tree.unflatten(out_tree, [*zeros[:j], e, *zeros[j + 1 :]])))
                for e in _basis(aval_of(y))
            ]
            row = [
                _assembled([cts[k] for cts in pulled], shape_of(y), shape_of(x), first=True)
                if inexact
                else x
                for k, (x, inexact) in enumerate(leaves)
            ]
            rows.append(chosen.result(tree.unflatten(treedef, row)))
        jacobian = tree.unflatten(out_tree, rows)
        return (jacobian, aux[0]) if has_aux else jacobian

    return jacobian_of


def _chosen(
    who: str, fun: Any, argnums: Any, argnames: Any, holomorphic: bool, args: Any, kwargs: Any
) -> tuple[Chosen, list[tuple[Any, bool]], tree.TreeDef]:
    """Return the chosen arguments, their leaves with whether each is inexact, and their tree."""
    chosen = Chosen(who, fun, argnums, argnames, args, kwargs)
    check_leaves(who, fun, chosen.places, chosen.values())
    leaves, treedef = tree.flatten(chosen.values())
    for x in leaves:
        if is_arraylike(x) and aval_of(x).dtype.kind == "c" and not holomorphic:
            raise DtypeError(
                f"{who}: a complex argument has a complex Jacobian only where the function is "
                f"holomorphic: got {aval_of(x)}; say holomorphic=True, or split it into parts"
            )
    return chosen, [(x, carries_derivative(x)) for x in leaves], treedef


def _check_inexact(who: str, y: Any) -> None:
    if not carries_derivative(y):
        raise DtypeError(f"{who}: the output must be real or complex: got {aval_of(y)}")


def hessian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return a function that gives the matrix of second derivatives, forward over reverse.

    hessian : (a -> R) -> a -> (a by a)

    Arguments and errors are those of :func:`jacfwd`; of a tree it gives a tree of trees.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    inner = jacrev(fun, argnums, has_aux, holomorphic, argnames=argnames)
    return jacfwd(inner, argnums, has_aux, holomorphic, argnames=argnames)


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the product of the Hessian with a vector, without making the Hessian.

    hvp : (a -> R) -> (a, T a) -> CT a

    Args:
        fun: a function whose output is one real number.
        primals: tuple of the arguments at which to differentiate.
        tangents: tuple of the vector: structure, shapes and dtypes of ``primals``.

    Returns:
        One tree like the argument, or a tuple where there are several arguments.

    Raises:
        NonScalarError: if the output is not one number.

    >>> print(hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),)))
    [ 6. 12.]
    """
    argnums = tuple(range(len(primals))) if len(primals) > 1 else 0
    return jvp(grad(fun, argnums), tuple(primals), tuple(tangents))[1]
