"""cond, switch and select.

Where the predicate or index is concrete, Python calls one function, and nothing is staged.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import Aval, aval_of, is_arraylike, shape_of
from ..core.branches import everything
from ..core.buffers import own
from ..core.errors import DtypeError, ShapeError, TreeError
from ..core.integers import whole
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lazy import answering
from ..core.lists import compress
from ..core.ownership import copied
from ..core.trace import Tracer, is_concrete
from ..ops import compare
from ..ops.elementwise import where
from ..ops.layout import body_value
from ..ops.operand import common_dtype
from ..ops.structure import cast
from ..transforms.arguments import Origin, check_callable
from ..transforms.jaxprs import trace_to_jaxpr
from ..transforms.nans import debugging
from ..transforms.untraced import handed
from .body import check_arrays, check_operands
from .cond import cond_p
from .weak import as_arrays, weaken


@answering
def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """Apply ``true_fun`` to the operands if ``pred`` is true, else ``false_fun``.

    cond : bool -> (a -> b) -> (a -> b) -> a -> b

    Args:
        pred: a scalar boolean or number. If it is concrete, only the selected function is called.
        true_fun: ``true_fun(*operands)``.
        false_fun: another, whose output has the same structure, shapes and dtypes.
        *operands: trees of arrays; both functions may close over more.

    Raises:
        ShapeError: if ``pred`` is not a scalar, or the outputs differ in shape.
        TypeError: if the outputs differ in dtype or, as a ValueError, in structure.

    >>> print(cond(3 > 2, np.sin, np.cos, 0.0))
    0.0
    """
    if (check := debugging.get().check) is not None:
        return check.call(cond, (pred, true_fun, false_fun, *operands))
    check_callable("cond", true_fun)
    check_callable("cond", false_fun)
    _check_scalar("cond", "the predicate", pred)
    if is_concrete(pred):
        check_operands(operands)
        return _apply(true_fun if pred else false_fun, operands)
    index = cast(compare.ne(pred, 0), np.dtype(int))
    return _staged_branches("cond", index, [false_fun, true_fun], operands)


@answering
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Apply ``branches[index]`` to the operands, with the index clamped to the valid range.

    switch : int -> [a -> b] -> a -> b

    Args:
        index: a scalar integer. If it is concrete, only the selected function is called.
        branches: functions whose outputs have the same structure, shapes and dtypes.
        *operands: trees of arrays; the functions may close over more.

    Raises:
        ShapeError: if ``index`` is not a scalar, or the outputs differ in shape.
        TypeError: if ``index`` is not an integer, or the outputs differ in dtype.

    >>> print(switch(7, [np.sin, np.cos], 0.0))
    1.0
    """
    if (check := debugging.get().check) is not None:
        return check.call(switch, (index, branches, *operands))
    branches = list(branches)
    if not branches:
        raise ValueError(
            "switch: branches must have at least one function: got none; give a list of functions"
        )
    for branch in branches:
        check_callable("switch", branch)
    index = index if is_arraylike(index) else whole(index)
    _check_scalar("switch", "the index", index)
    if aval_of(index).dtype.kind not in "iu":
        raise DtypeError(
            f"switch: the index must be an integer: got {aval_of(index)}"
            "; convert it by int() or astype(int)"
        )
    if is_concrete(index) or len(branches) == 1:
        check_operands(operands)
        number = 0 if len(branches) == 1 else int(index)
        return _apply(branches[min(max(number, 0), len(branches) - 1)], operands)
    return _staged_branches("switch", index, branches, operands)


def _apply(fun: Callable[..., Any], operands: Any) -> Any:
    """Call a function, which may write into copies of its operands; its results are copies too."""
    # of an ndarray too: the function may close over it
    result = lambda y: body_value(own(y) if isinstance(y, Tracer) else copied(y))
    return handed(lambda *xs: tree.map(result, fun(*tree.map(body_value, xs))), operands)


@answering
def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """Choose elementwise between two arrays of equal shape and dtype.

    Args:
        pred: a boolean array of that shape, or a scalar boolean.
        on_true: array, taken where ``pred`` is true.
        on_false: array, taken elsewhere.

    Raises:
        ShapeError: if the shapes differ.
        DtypeError: if the dtypes differ, or ``pred`` is not boolean.

    >>> select(np.array([True, False]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([1., 4.])
    """
    p, a, b = map(aval_of, (pred, on_true, on_false))
    if a.shape != b.shape or p.shape not in ((), a.shape):
        raise ShapeError(f"select: the shapes must agree: got {p}, {a} and {b}; broadcast them")
    if p.dtype.kind != "b" or common_dtype([on_true, on_false]) not in _strong_dtypes(a, b):
        raise DtypeError(
            f"select: pred must be boolean, and the dtypes of the others equal: got {p}, {a} and "
            f"{b}; convert them with astype"
        )
    return where(pred, on_true, on_false)


def _strong_dtypes(a: Aval, b: Aval) -> set[np.dtype]:
    """The common dtype of two arrays, where a weakly typed scalar takes that of the other."""
    strong_ones = {x.dtype for x in (a, b) if not x.weak} or {a.dtype, b.dtype}
    return strong_ones if len(strong_ones) == 1 else set()


def _check_scalar(who: str, what: str, x: Any) -> None:
    if not is_arraylike(x):
        raise TypeError(
            f"{who}: {what} must be a scalar: got {type(x).__name__}"
            "; give a number, or an array of shape ()"
        )
    if shape_of(x):
        raise ShapeError(
            f"{who}: {what} must be a scalar: got {aval_of(x)}; use numpy.where to choose "
            f"elementwise"
        )


def _staged_branches(who: str, index: Any, funs: Sequence[Any], operands: Any) -> Any:
    """Stage all branches, whose outputs must have equal avals, and bind them."""
    leaves, treedef = tree.flatten(operands)
    dynamic = [is_arraylike(x) and hasattr(x, "dtype") for x in leaves]  # Python scalars stay weak
    args = compress(leaves, dynamic)
    structures: list[Any] = []

    def body(fun: Any, values: list[Any]) -> list[Any]:
        rest = iter(values)
        xs = [next(rest) if m else x for x, m in zip(leaves, dynamic, strict=True)]
        out = fun(*tree.unflatten(treedef, xs))
        check_arrays(who, "the output", out)
        structures.append(out)
        return tree.leaves(out)

    avals = list(map(aval_of, args))
    programs = [
        trace_to_jaxpr(Origin(who, fun), functools.partial(body, fun), avals, takes=everything)
        for fun in funs
    ]
    wanted = _agreed(who, structures, [jaxpr.outvars for jaxpr, _ in programs])

    def replay(jaxpr: Jaxpr, consts: Any, values: list[Any]) -> list[Any]:
        outs = eval_jaxpr(jaxpr, (), [*consts, *values])
        return as_arrays(outs, wanted)

    bodies = [functools.partial(replay, *row) for row in programs]
    outs = cond_p.bind_branches(index, args, bodies, avals)
    outs = weaken(outs, [a.weak for a in wanted])
    return tree.unflatten(tree.structure(structures[0]), map(body_value, outs))


def _agreed(who: str, structures: Sequence[Any], outvars: Sequence[Any]) -> list[Aval]:
    """The avals of the outputs; raise where a branch differs from the first.

    An output is weakly typed if it is weakly typed in all branches.
    """
    first = tree.structure(structures[0])
    for i, out in enumerate(structures):
        what = f"{who}: the outputs of branch 0 and branch {i}"
        if tree.structure(out) != first:
            tree.flatten_up_to(first, out, what)
            raise TreeError(
                f"{what} differ in structure: {first} and {tree.structure(out)}; return the same "
                f"structure from both"
            )
    paths = [path for path, _ in tree.leaves_with_path(structures[0])]
    return [
        _agreed_leaf(who, tree.keystr(path), [atom.aval for atom in column])
        for path, column in zip(paths, zip(*outvars, strict=True), strict=True)
    ]


def _agreed_leaf(who: str, path: str, avals: Sequence[Aval]) -> Aval:
    where_ = f" at {path}" if path else ""
    words = " and ".join(map(str, avals))
    if len({a.shape for a in avals}) > 1:
        raise ShapeError(f"{who}: the branches differ{where_} in shape: {words}; make them equal")
    dtypes = {a.dtype for a in avals if not a.weak}
    dtype = common_dtype(avals)
    if len(dtypes) > 1 or (dtypes and dtype not in dtypes):
        raise DtypeError(f"{who}: the branches differ{where_} in dtype: {words}; use astype")
    return Aval(avals[0].shape, dtype, all(a.weak for a in avals))
