"""Checks of programs: float64 by promotion, large constants, dead units, writes that are lost."""

import linecache
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compile.inlining import inline
from ..core import tree
from ..core.avals import Aval, is_arraylike
from ..core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Literal, NotFiniteError, programs_in
from .slopes import Row

LARGE = 1 << 20  # bytes of a constant
DEAD = 0.25  # of the units of a layer
_WORDS = ("astype", "float64", "dtype", "double", "asarray")  # by which a user converts
_WRITES = frozenset({"set_at", "add_at", "max_at", "min_at"})
_VIEWS = frozenset({"getitem", "reshape", "transpose", "broadcast"})
_MEANT = _VIEWS | {"expand_dims"}  # operations by which a user makes a column for a matrix


def mixed_dtypes(jaxpr: Jaxpr) -> Iterator[Row]:
    """Lines at which an operation on float32 gives float64, for another operand is wider.

    Operations on a float64 that such a line gave are not listed again.
    """
    widened = set[Any]()
    for eqn in _all_eqns(jaxpr):
        if not widened.isdisjoint(a for a in eqn.ins if not isinstance(a, Literal)):
            widened.update(eqn.outs)
            continue
        if not eqn.outs or eqn.is_derivative or not eqn.source:
            continue
        out, ins = eqn.outs[0].aval, [a.aval for a in eqn.ins]
        narrow = next((a for a in ins if _is_narrower(a, out)), None)
        if narrow is None or (len(ins) < 2 and not _is_implicit(eqn)):
            continue
        others = [a for a in ins if a is not narrow and not a.weak and a.dtype.kind in "fciu"]
        given = " and ".join(map(str, (narrow, *others[:1])))
        what = f"{eqn.prim.name} of {given} gives {out}"
        wide = "the wider operand" if others else "the other operand"
        widened.update(eqn.outs)
        yield "mixed dtypes", eqn.line, what, f"convert {wide} by astype(np.{narrow.dtype})"


def _is_narrower(a: Aval, out: Aval) -> bool:
    """Whether a floating operand has fewer digits than the result."""
    if a.weak or a.dtype.kind != out.dtype.kind or out.dtype.kind not in "fc":
        return False
    return a.dtype.itemsize < out.dtype.itemsize


def _is_implicit(eqn: Eqn) -> bool:
    """Whether an operation, and not the user, converts an operand."""
    path, _, number = eqn.line.rpartition(":")
    text = linecache.getline(path, int(number)) if number.isdecimal() else ""
    return eqn.prim.name == "convert" and not any(word in text for word in _WORDS)


def _all_eqns(jaxpr: Jaxpr) -> Iterator[Eqn]:
    for eqn in inline(jaxpr).eqns:
        yield eqn
        for program in programs_in(eqn.params):
            yield from _all_eqns(program)


def crossed_shapes(jaxpr: Jaxpr) -> Iterator[Row]:
    """Lines at which a column [n, 1] meets a vector [n], and the result is a matrix [n, n]."""
    makers = {v: eqn.prim.name for eqn in _all_eqns(jaxpr) for v in eqn.outs}
    for eqn in _all_eqns(jaxpr):
        if len(eqn.ins) != 2 or eqn.is_derivative or not eqn.source:
            continue
        for column, vector in (eqn.ins, eqn.ins[::-1]):
            n = vector.aval.shape
            crossed = len(n) == 1 and n[0] > 1 and column.aval.shape == (*n, 1)
            wanted = isinstance(column, Literal) or makers.get(column) in _MEANT
            if crossed and not wanted and eqn.outs[0].aval.shape == n * 2:
                what = (
                    f"{eqn.prim.name} of {column.aval} and {vector.aval} gives {eqn.outs[0].aval}"
                )
                yield "crossed shapes", eqn.line, what, "write x[:, 0] for the column"


def reused_keys(jaxpr: Jaxpr) -> Iterator[Row]:
    """Keys from which two draws are made, which are then equal or related."""
    drawn = set[Any]()
    for eqn in _all_eqns(jaxpr):
        if not eqn.prim.name.startswith("random_") or eqn.prim.name == "random_fold_in":
            continue
        if eqn.ins[0] in drawn:
            what = f"{eqn.prim.name.removeprefix('random_')} uses a key that was used before"
            yield "reused key", eqn.line, what, "write k1, k2 = random.split(key)"
        drawn.add(eqn.ins[0])


def baked_in(closed: ClosedJaxpr) -> Iterator[Row]:
    """Large arrays that a compiled function closes over: each program holds a copy."""
    for v, x in zip(closed.jaxpr.constvars, closed.consts, strict=True):
        size = getattr(x, "nbytes", 0)
        if size >= LARGE:
            line = next((eqn.line for eqn in closed.eqns if v in eqn.ins), "")
            what = f"{v.aval} of {size / 1e6:.1f} MB is part of the program"
            yield "large constant", line, what, "make it an argument of the compiled function"


def lost_writes(jaxpr: Jaxpr) -> Iterator[Row]:
    """Writes to arguments: the caller's array stays as it was."""
    given: set[Any] = set(jaxpr.invars)
    for eqn in jaxpr.eqns:
        if eqn.prim.name in _VIEWS and eqn.ins and eqn.ins[0] in given:
            given.update(eqn.outs)
        elif eqn.prim.name in _WRITES and eqn.ins[0] in given:
            what = f"an argument of {eqn.ins[0].aval} is written in place, in a copy"
            yield "lost write", eqn.line, what, "return the array, or write x = x.copy() first"


def dead_units(closed: ClosedJaxpr, args: Any) -> Iterator[Row]:
    """Layers of ReLUs of which many units are 0 for all examples."""
    leaves = [x for x in tree.leaves((args[:-1], args[-1])) if is_arraylike(x)]
    try:
        yield from _dead_units(inline(closed.jaxpr), closed.consts, leaves)
    except NotFiniteError as err:  # a derivative with masks
        if err.fallback is not None:
            yield from _dead_units(err.fallback(inline(closed.jaxpr)), closed.consts, leaves)


def _dead_units(jaxpr: Jaxpr, consts: Any, leaves: Any) -> Iterator[Row]:
    relus = {v for eqn in jaxpr.eqns if _is_relu(eqn) for v in eqn.outs if v.aval.ndim > 1}
    if not relus or len(leaves) != len(jaxpr.invars):
        return
    rows = zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *leaves), strict=True)
    env: dict[Any, Any] = dict(rows)
    for eqn in jaxpr.eqns:
        ins = [a.value if isinstance(a, Literal) else env[a] for a in eqn.ins]
        with np.errstate(all="ignore"):
            outs = () if eqn.prim.has_effect else eqn.prim.bind(*ins, **eqn.params)
        env.update(zip(eqn.outs, outs, strict=True))
        for v in relus.intersection(eqn.outs):
            y = np.asarray(env[v])
            dead = np.all(y == 0, axis=tuple(range(y.ndim - 1)))
            if y.size and y.shape[0] > 1 and dead.mean() >= DEAD:
                what = f"{dead.sum()} of {dead.size} units are 0 for the whole batch"
                cure = "use leaky_relu, or smaller steps and other initial biases"
                yield "dead ReLU", eqn.line, what, cure


def _is_relu(eqn: Eqn) -> bool:
    zero = any(isinstance(a, Literal) and a.value == 0 for a in eqn.ins)
    return eqn.prim.name == "relu" or (eqn.prim.name == "maximum" and zero)
