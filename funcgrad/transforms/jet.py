"""Derivatives of high order: ``jet`` along a curve, ``taylor`` of functions of one variable."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.floating import current_settings, with_settings, without_warnings
from ..core.integers import whole
from ..core.lazy import answering
from ..ops.operand import operand, strong
from ..ops.structure import zeros_like
from .arguments import (
    Origin,
    carries_derivative,
    check_callable,
    check_leaves,
    flatten_like,
    is_number,
    tangents_of,
    warn_at_user_line,
    zero_of,
)
from .jaxprs import in_rows
from .options import check_pair
from .seeds import over_paths
from .taylor import push_series


@answering
def jet(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    series: Sequence[Any],
    factorial_scaled: bool = True,
) -> tuple[Any, Any]:
    """Derivatives of ``fun`` along a curve, from order 0 to that of ``series``, in one pass.

    jet : (a -> b) -> (a, [T a]) -> (b, [T b])

    The cost grows as the square of the order.

    Args:
        fun: a function of arrays, or of trees of arrays.
        primals: tuple or list of the arguments at t = 0 of the curve.
        series: for each argument its derivatives by t at t = 0, of order 1, 2, ...: a list of
            arrays like the argument. For a tree such a list in place of each leaf, as in the
            result; or a list of trees, unless the argument is a list itself.
        factorial_scaled: False: coefficients of powers of t in place of derivatives, in both.

    Returns:
        ``(output, derivatives)``, with a list of derivatives in place of each leaf.

    Raises:
        ShapeError: if the lists differ in length, or an array differs in shape from its primal.
        DtypeError: if no primal is floating or complex, or an array differs in dtype.

    >>> import numpy as np
    >>> y, (d1, d2, d3) = jet(lambda x: x**3, (2.0,), ([1.0, 0.0, 0.0],))
    >>> print(y, d1, d2, d3)
    8.0 12.0 12.0 6.0
    """
    check_callable("jet", fun)
    check_pair("jet", primals, primals)
    primals = tuple(primals)
    leaves, treedef = tree.flatten(primals)
    if not all(map(carries_derivative, leaves)):
        check_leaves("jet", fun, range(len(primals)), primals, mixed=True)
    rows = _rows(primals, series)
    order = _common_length(rows)
    columns = [
        tangents_of("jet", fun, primals, leaves, column) for column in zip(*rows, strict=True)
    ]
    factors = [math.factorial(k) if factorial_scaled else 1 for k in range(1, order + 1)]
    seeds = [
        t if t is None or n == 1 else t / n
        for column, n in zip(columns, factors, strict=True)
        for t in column
    ]
    on_leaves = lambda xs: warn_at_user_line(fun, *tree.unflatten(treedef, xs))
    outs, found, out_tree = _over_paths(Origin("jet", fun), on_leaves, leaves, seeds, order)
    derivatives = [
        [zero_of(y) if t is None else t if n == 1 else t * n
         for t, n in zip(row, factors, strict=True)]
        for y, row in zip(outs, found, strict=True)
    ]  # fmt: skip
    return tree.unflatten(out_tree, outs), tree.unflatten(out_tree, derivatives)


def _over_paths(
    origin: Origin, fun: Callable[..., Any], leaves: list[Any], seeds: list[Any], order: int
) -> tuple[list[Any], list[Any], tree.TreeDef]:
    """``push_series`` by the law of zero cotangents, for the coefficients of order 1, 2, ..."""
    warnings = current_settings()
    outs: Any = None
    out_tree: Any = None

    def run(seeds: Sequence[Any], masked: bool) -> list[Any]:
        nonlocal outs, out_tree
        now = current_settings() if outs is not None else warnings  # the second time there are none
        columns = in_rows(seeds, max(len(leaves), 1))
        terms = [[column[i] for column in columns] for i in range(len(leaves))]
        outs, found, out_tree = with_settings(
            now, push_series, origin, fun, leaves, terms, order, masked
        )
        return [t for row in found for t in row or [None] * order]

    found = without_warnings(over_paths, origin, seeds, run, leaves)
    return outs, in_rows(found, order) if order else [[] for _ in outs], out_tree


def _rows(primals: Sequence[Any], series: Sequence[Any]) -> list[list[Any]]:
    """The list of derivatives of each leaf."""
    if not isinstance(series, (list, tuple)) or len(series) != len(primals):
        raise TypeError(
            f"jet: series must be a tuple or list with one entry for each of the {len(primals)} "
            f"primals: got {shown(series)}; write ([...],) for one"
        )
    lists = []
    for primal, given in zip(primals, series, strict=True):
        leaves, inner = tree.flatten(primal)
        kinds = list if isinstance(primal, tuple) else (list, tuple)
        listed = isinstance(given, kinds) and not isinstance(primal, list)
        if listed and (len(leaves) != 1 or leaves[0] is not primal):  # a list of trees
            trees = [flatten_like("jet", "an element of series", inner, x) for x in given]
            lists += [[leaves[i] for leaves in trees] for i in range(len(leaves))]
        else:
            lists += map(_row, tree.flatten_up_to(inner, given, "jet: series"))
    return lists


def _row(given: Any) -> list[Any]:
    if isinstance(given, (list, tuple)) or len(shape_of(given)):
        return list(given)
    raise TypeError(
        f"jet: series must have a list of derivatives for each leaf: got {shown(given)}; write "
        f"[{shown(given)}]"
    )


def _common_length(rows: Sequence[list[Any]]) -> int:
    lengths = sorted(set(map(len, rows)))
    if len(lengths) > 1:
        raise ShapeError(
            f"jet: the series must have equal lengths: got {lengths[0]} and {lengths[-1]}; extend "
            f"the shorter one by zeros"
        )
    return lengths[0] if lengths else 0


@answering
def taylor(fun: Callable[..., Any], order: int) -> Callable[..., Any]:
    """Taylor coefficients of a function of one variable.

    The result takes the arguments of ``fun``. It gives an array of shape [order + 1, ...], of which
    element k is the k-th derivative by the first argument over k!.

    Args:
        fun: a function of a scalar; of an array, its elements are points where ``fun`` applies to
            each. Further arguments are constants. Its result may be a tree of arrays.
        order: int >= 0, the degree of the Taylor polynomial.

    Raises:
        ValueError: if ``order`` is negative.
        DtypeError: if the variable is not floating or complex.

    >>> import numpy as np
    >>> print(taylor(np.exp, 3)(0.0).round(3))
    [1.    1.    0.5   0.167]
    """
    check_callable("taylor", fun)
    order = whole(order)
    if not isinstance(order, int) or order < 0:
        raise ValueError(
            f"taylor: order must be an integer of at least 0: got {shown(order)}; write order=2"
        )
    origin = Origin("taylor", fun)

    @functools.wraps(fun)
    def coefficients(x: Any, /, *args: Any, **kwargs: Any) -> Any:
        check_leaves("taylor", fun, (0,), (x,))
        one = np.ones(shape_of(x), dtype_of(x))
        seeds = [one, *[None] * order][:order]
        call = functools.partial(fun, **kwargs)
        on_leaves = lambda xs: warn_at_user_line(call, xs[0], *args)
        outs, found, out_tree = _over_paths(origin, on_leaves, [x], seeds, order)
        stacks = [_stacked([y, *row]) for y, row in zip(outs, found, strict=True)]
        return tree.unflatten(out_tree, stacks)

    return coefficients


def _stacked(terms: Sequence[Any]) -> Any:
    """The coefficients as one array."""
    y = terms[0]
    if not is_number(y):
        return y
    return np.stack([strong(operand(zeros_like(y) if x is None else x)) for x in terms])
