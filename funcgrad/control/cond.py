"""cond and switch: one of several programs, chosen by a number.

Where the number is known, Python calls the function chosen, and nothing is staged. Where it
differs from example to example, all branches run, and each example selects its own.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..compile.loops import write_cond
from ..compile.prune import pruned_cond
from ..core import tree
from ..core.avals import Aval, aval_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError, TreeError
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..ops import compare
from ..ops.elementwise import where
from ..ops.operand import common_dtype
from ..ops.structure import Batched, cast, expand_dims, front, stretched, zeros
from ..transforms.arguments import Origin, check_callable, is_known
from ..transforms.halves import Halves, halves
from ..transforms.programs import (
    Flags,
    Holder,
    apart,
    batched_program,
    chosen,
    dependent,
    fresh,
    given,
    in_avals,
    linear_in,
    mapped,
    out_avals,
    parted,
    pulled_back,
    pushed,
    spread,
    staged,
    tangent_avals,
)
from .carry import check_arrays, check_operands
from .weak import arrays, numbers


class Cond(Holder):
    """``branches[index] : operands -> outs``, the index clamped; operands ``index, operands``."""

    @override
    def run(self, index: Any, *args: Any, branches: tuple[Jaxpr, ...]) -> tuple[Any, ...]:
        return fresh(branches[min(max(int(index), 0), len(branches) - 1)].run(*args), args)

    @override
    def infer(self, index: Aval, *args: Aval, branches: tuple[Jaxpr, ...]) -> tuple[Aval, ...]:
        return tuple(out_avals(branches[0]))

    def emit(self, w: Any, outs: Sequence[Any], ins: Sequence[Any], **params: Any) -> None:
        write_cond(w, outs, ins, **params)

    def bodies(self, _: Any, *ins: Any, branches: tuple[Jaxpr, ...]) -> list[tuple[Jaxpr, Any]]:
        return [(branch, ins) for branch in branches]

    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return pruned_cond(used, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        branches = params["branches"]
        flags = [i + 1 in operands for i in range(len(branches[0].invars))]
        return 0 not in operands and all(linear_in(b, flags) is not None for b in branches)

    def reach(self, flags: Flags, *, branches: tuple[Jaxpr, ...]) -> list[bool]:
        found = _any([dependent(branch, flags[1:], smoothly=False) for branch in branches])
        return [flags[0] or flag for flag in found]

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, branches: tuple[Jaxpr, ...]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        flags = [t is not None for t in tangents[1:]]
        smooth = _any([dependent(branch, flags) for branch in branches])
        ts = chosen(tangents[1:], flags)

        both = lambda jaxpr, xs, ts: pushed(jaxpr, xs, ts, flags, smooth)
        if apart(primals, tangents):
            seeds = tangent_avals(in_avals(branches[0]), flags)
            outs, later = self.halved(primals, seeds, both, branches)
            return outs, spread(later(ts), smooth)
        n, ins = len(flags), in_avals(branches[0])

        def body(jaxpr: Jaxpr, values: list[Any]) -> list[Any]:
            outs, ts = both(jaxpr, *parted(values, n))
            return [*outs, *ts]

        bodies = [functools.partial(body, jaxpr) for jaxpr in branches]
        results = self.joined(
            primals[0], [*primals[1:], *ts], bodies, [*ins, *tangent_avals(ins, flags)]
        )
        outs, pushed_ts = parted(results, len(smooth))
        return outs, spread(pushed_ts, smooth)

    def pull(
        self, ins: Sequence[Any], needs: Sequence[Any], *, branches: tuple[Jaxpr, ...]
    ) -> tuple[Any, Any]:
        flags = [need is not None for need in needs[1:]]
        smooth = _any([dependent(branch, flags) for branch in branches])
        seeds = chosen(out_avals(branches[0]), smooth)
        both = lambda jaxpr, xs, cts: pulled_back(jaxpr, xs, cts, flags, smooth)
        outs, later = self.halved(ins, seeds, both, branches)

        def pull(cts: Sequence[Any]) -> list[Any]:
            return [None, *spread(later(given(chosen(cts, smooth), seeds)), flags)]

        return outs, pull

    def joined(
        self, index: Any, args: Sequence[Any], bodies: Sequence[Any], avals: Sequence[Aval]
    ) -> list[Any]:
        """Stage one body a branch, and apply the one chosen; each may close over its own."""
        programs = [staged("a branch of cond", body, avals) for body in bodies]
        closed = [x for _, operands in programs for x in operands]
        before, rows = 0, []
        for jaxpr, operands in programs:
            own, ins = parted(jaxpr.invars, len(operands))
            invars = [*(Var(aval_of(x)) for x in closed), *ins]
            invars[before : before + len(own)] = own
            read = {atom for eqn in jaxpr.eqns for atom in eqn.ins} | set(jaxpr.outvars)
            rows.append((invars, jaxpr, [v in read for v in invars]))
            before += len(own)
        used = _any([flags for _, _, flags in rows])
        branches = tuple(
            Jaxpr(tuple(chosen(invars, used)), (), jaxpr.eqns, jaxpr.outvars)
            for invars, jaxpr, _ in rows
        )
        return list(self.bind(index, *chosen([*closed, *args], used), branches=branches))

    def halved(
        self, ins: Sequence[Any], seeds: Sequence[Aval], both: Any, branches: tuple[Jaxpr, ...]
    ) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        """Apply the first halves of ``both``; return the outputs, and the second half of them.

        What branches save goes into slots that they share, one for each shape and dtype.
        """
        index, *args = ins
        n, m = len(args), len(branches[0].outvars)
        cut = functools.partial(halves, "a derivative of cond", in_avals(branches[0]), seeds)
        kept = [True] * n, [True] * m
        parts = [cut(functools.partial(both, b), kept, [False] * n) for b in branches]
        slots, places = _slots([out_avals(part.first)[m:] for part in parts])

        def first(part: Halves, place: list[int], values: list[Any]) -> list[Any]:
            outs = eval_jaxpr(part.first, (), [*part.operands, *values])
            filled = dict(zip(place, outs[m:], strict=True))
            return [*outs[:m], *(filled.get(i, zeros(a)) for i, a in enumerate(slots))]

        def second(part: Halves, place: list[int], values: list[Any]) -> list[Any]:
            reach = {"in": values[:n], "out": values[n : n + m]}
            saved = values[n + m : n + m + len(slots)]
            reach["out"] = [*reach["out"], *(saved[i] for i in place)]
            return list(
                eval_jaxpr(part.second, (), [*part.found(reach), *values[n + m + len(slots) :]])
            )

        rows = list(zip(parts, places, strict=True))
        avals = in_avals(branches[0])
        outs = self.joined(index, args, [functools.partial(first, *row) for row in rows], avals)

        def later(values: Sequence[Any]) -> list[Any]:
            bodies = [functools.partial(second, *row) for row in rows]
            operands = [*args, *outs, *values]
            return self.joined(index, operands, bodies, list(map(aval_of, operands)))

        return outs[:m], later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, branches: tuple[Jaxpr, ...]) -> Batched:
        (index, *xs), (place, *dims) = args, axes
        flags = [d is not None for d in dims]
        values = [x if d is None else front(x, d) for x, d in zip(xs, dims, strict=True)]
        if place is not None:
            return self.selected(index, [mapped(b, values, flags, size) for b in branches], size)
        reached = [dependent(b, flags, smoothly=False) for b in branches]
        programs = [batched_program(b, flags, _any(reached), size) for b in branches]
        bodies = [functools.partial(_evaluated, jaxpr, operands) for jaxpr, operands, _ in programs]
        outs = self.joined(index, values, bodies, list(map(aval_of, values)))
        varied = _any([v for _, _, v in programs])
        return outs, [0 if v else None for v in varied]

    def selected(self, index: Any, results: Sequence[Any], size: int) -> Batched:
        """Select for each example among the results of all branches."""
        outs = []
        for column in zip(*results, strict=True):
            ys = [stretched(y, d, size) for y, d in column]
            chosen_y = ys[-1]
            shape = tuple(range(1, len(shape_of(ys[0]))))
            for i in range(len(ys) - 2, -1, -1):
                mine = expand_dims(compare.le(index, i), shape)
                chosen_y = where(mine, ys[i], chosen_y)
            outs.append(chosen_y)
        return outs, [0] * len(outs)


def _evaluated(jaxpr: Jaxpr, operands: Sequence[Any], values: list[Any]) -> list[Any]:
    return list(eval_jaxpr(jaxpr, (), [*operands, *values]))


def _any(rows: Sequence[Flags]) -> list[bool]:
    return [any(column) for column in zip(*rows, strict=True)]


def _slots(saved: Sequence[Sequence[Aval]]) -> tuple[list[Aval], list[list[int]]]:
    """Return avals that hold what any one of the branches saves, and where each finds its own."""
    slots: list[Aval] = []
    places = []
    for avals in saved:
        free = list(range(len(slots)))
        mine = []
        for aval in avals:
            i = next((i for i in free if slots[i] == aval), None)
            if i is None:
                slots.append(aval)
                i = len(slots) - 1
            else:
                free.remove(i)
            mine.append(i)
        places.append(mine)
    return slots, places


cond_p = Cond("cond")


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """Return ``true_fun(*operands)`` where ``pred`` is true, else ``false_fun(*operands)``.

    cond : bool -> (a -> b) -> (a -> b) -> a -> b

    Args:
        pred: one boolean or number. Where it is known, only the function chosen is called.
        true_fun: a function of the operands.
        false_fun: another, whose output has the same structure, shapes and dtypes.
        *operands: trees of arrays; both functions may close over more.

    Raises:
        ShapeError: if ``pred`` is not one value, or the outputs differ in shape.
        TypeError: if the outputs differ in dtype or, as a ValueError, in structure.

    >>> print(cond(3 > 2, np.sin, np.cos, 0.0))
    0.0
    """
    check_callable("cond", true_fun)
    check_callable("cond", false_fun)
    _check_scalar("cond", "the predicate", pred)
    if is_known(pred):
        check_operands(operands)
        return (true_fun if pred else false_fun)(*operands)
    index = cast(compare.ne(pred, 0), np.dtype(int))
    return _branched("cond", index, [false_fun, true_fun], operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return ``branches[index](*operands)``, the index clamped to those there are.

    switch : int -> [a -> b] -> a -> b

    Args:
        index: one integer. Where it is known, only the function chosen is called.
        branches: functions whose outputs have the same structure, shapes and dtypes.
        *operands: trees of arrays; the functions may close over more.

    Raises:
        ShapeError: if ``index`` is not one value, or the outputs differ in shape.
        TypeError: if ``index`` is not an integer, or the outputs differ in dtype.

    >>> print(switch(7, [np.sin, np.cos], 0.0))
    1.0
    """
    branches = list(branches)
    if not branches:
        raise ValueError("switch: branches must hold at least one function: got none")
    for branch in branches:
        check_callable("switch", branch)
    _check_scalar("switch", "the index", index)
    if aval_of(index).dtype.kind not in "iu":
        raise DtypeError(f"switch: the index must be an integer: got {aval_of(index)}")
    if is_known(index) or len(branches) == 1:
        check_operands(operands)
        number = 0 if len(branches) == 1 else int(index)
        return branches[min(max(number, 0), len(branches) - 1)](*operands)
    return _branched("switch", index, branches, operands)


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """Choose elementwise between two arrays of one shape and dtype.

    Args:
        pred: booleans of that shape, or one boolean.
        on_true: what to take where ``pred`` is true.
        on_false: what to take elsewhere.

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
        raise DtypeError(f"select: pred is boolean, the others of one dtype: got {p}, {a} and {b}")
    return where(pred, on_true, on_false)


def _strong_dtypes(a: Aval, b: Aval) -> set[np.dtype]:
    """Return the dtype that both have, or that a Python number beside an array takes."""
    strong_ones = {x.dtype for x in (a, b) if not x.weak} or {a.dtype, b.dtype}
    return strong_ones if len(strong_ones) == 1 else set()


def _check_scalar(who: str, what: str, x: Any) -> None:
    if not is_arraylike(x):
        raise TypeError(f"{who}: {what} must be a boolean or a number: got {type(x).__name__}")
    if shape_of(x):
        raise ShapeError(
            f"{who}: {what} must be one value: got {aval_of(x)}; reduce it (any, all), or choose "
            f"elementwise with numpy.where"
        )


def _branched(who: str, index: Any, funs: Sequence[Any], operands: Any) -> Any:
    """Stage all branches, which must agree on what they give, and bind them."""
    leaves, treedef = tree.flatten(operands)
    moving = [is_arraylike(x) and hasattr(x, "dtype") for x in leaves]  # numbers stay weak
    args = chosen(leaves, moving)
    structures: list[Any] = []

    def body(fun: Any, values: list[Any]) -> list[Any]:
        rest = iter(values)
        xs = [next(rest) if m else x for x, m in zip(leaves, moving, strict=True)]
        out = fun(*tree.unflatten(treedef, xs))
        check_arrays(who, "the output", out)
        structures.append(out)
        return tree.leaves(out)

    avals = list(map(aval_of, args))
    programs = [staged(Origin(who, fun), functools.partial(body, fun), avals) for fun in funs]
    wanted = _agreed(who, structures, [jaxpr.outvars for jaxpr, _ in programs])

    def again(jaxpr: Jaxpr, consts: Any, values: list[Any]) -> list[Any]:
        outs = eval_jaxpr(jaxpr, (), [*consts, *values])
        return arrays(outs, wanted)

    bodies = [functools.partial(again, *row) for row in programs]
    outs = cond_p.joined(index, args, bodies, avals)
    outs = numbers(outs, [a.weak for a in wanted])
    return tree.unflatten(tree.structure(structures[0]), outs)


def _agreed(who: str, structures: Sequence[Any], outvars: Sequence[Any]) -> list[Aval]:
    """Return what the outputs are, raising where a branch differs from the first.

    Where all branches give Python numbers, or tracers of them, so does the choice.
    """
    first = tree.structure(structures[0])
    for i, out in enumerate(structures):
        what = f"{who}: the outputs of branch 0 and branch {i}"
        if tree.structure(out) != first:
            tree.flatten_up_to(first, out, what)
            raise TreeError(f"{what} differ in structure: {first} and {tree.structure(out)}")
    paths = [path for path, _ in tree.leaves_with_path(structures[0])]
    return [
        _agreed_leaf(who, tree.keystr(path), [atom.aval for atom in column])
        for path, column in zip(paths, zip(*outvars, strict=True), strict=True)
    ]


def _agreed_leaf(who: str, path: str, avals: Sequence[Aval]) -> Aval:
    where_ = f" at {path}" if path else ""
    told = " and ".join(map(str, avals))
    if len({a.shape for a in avals}) > 1:
        raise ShapeError(f"{who}: the branches differ{where_} in shape: {told}; make them agree")
    dtypes = {a.dtype for a in avals if not a.weak}
    dtype = common_dtype(avals)
    if len(dtypes) > 1 or (dtypes and dtype not in dtypes):
        raise DtypeError(f"{who}: the branches differ{where_} in dtype: {told}; use astype")
    return Aval(avals[0].shape, dtype, all(a.weak for a in avals))
