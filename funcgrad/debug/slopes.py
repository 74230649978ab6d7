"""Checks of gradients: zeros, and norms that explode or vanish from layer to layer."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import is_arraylike, is_inexact
from ..core.jaxpr import ClosedJaxpr, Eqn
from ..core.lists import compress

VANISHED = 1e-7  # of the largest norm of a layer
EXPLODED = 1e6  # norm of a gradient over that of a layer with norm 1

Name = Callable[[Any], str]
Row = tuple[str, str, str, str]  # of a finding: kind, line, what, cure


def zero_gradients(
    slope: Any, name: Name, program: ClosedJaxpr | None, variables: dict[Any, Any]
) -> Iterator[Row]:
    """Arrays whose gradient is 0 in all elements, and the operation that ends the derivative."""
    for path, g in _arrays(slope):
        if g.size and not np.any(g):
            line, what, cure = _reason(program, variables.get(path))
            yield "zero gradient", line, f"that of {name(path)} is 0: {what}", cure


def _reason(program: ClosedJaxpr | None, variable: Any) -> tuple[str, str, str]:
    """Line, cause and cure of a gradient of 0."""
    plain = "", "its derivative is 0 for these arguments", "start from other values"
    if program is None or variable is None:
        return plain
    marked, ends = {variable}, list[Eqn]()
    for eqn in program.eqns:
        if marked.isdisjoint(eqn.ins) or not eqn.outs:
            continue
        outs = _reached(eqn, marked) if eqn.prim.differentiable else []
        marked.update(outs)
        ends += [eqn] if not outs else []
    if not marked.isdisjoint(program.jaxpr.outvars):
        return plain
    if not ends:
        return "", "the function does not read it", "leave it out, or use it"
    last = ends[-1]
    return last.line, f"{last.prim.name} carries no derivative", "use a smooth function there"


def _reached(eqn: Eqn, marked: set[Any]) -> list[Any]:
    depends = eqn.prim.holds.depends
    outs: Any = eqn.outs
    if depends is not None:
        outs = compress(eqn.outs, depends([a in marked for a in eqn.ins], **eqn.params))
    return [v for v in outs if is_inexact(v.aval.dtype)]


def norms_of(
    slope: Any, name: Name, program: ClosedJaxpr | None, variables: dict[Any, Any]
) -> Iterator[Row]:
    """Layers whose gradient is far smaller than that of others, or far too large."""
    rows = [(path, float(np.linalg.norm(np.ravel(g)))) for path, g in _arrays(slope) if g.ndim]
    rows = [(path, n) for path, n in rows if n and np.isfinite(n)]
    largest = max(rows, key=lambda row: row[1], default=None)
    for path, norm in rows:
        line = _reader(program, variables.get(path))
        if largest is not None and norm < VANISHED * largest[1]:
            what = f"that of {name(path)} has norm {norm:.1e}, of {name(largest[0])} "
            what += f"{largest[1]:.1e}"
            yield "vanishing gradient", line, what, "normalise the layers, or scale their weights"
        elif norm > EXPLODED:
            what = f"that of {name(path)} has norm {norm:.1e}"
            cure = "scale the weights down, or clip by optim.clip_by_global_norm"
            yield "exploding gradient", line, what, cure


def _reader(program: ClosedJaxpr | None, variable: Any) -> str:
    """The line that first reads a variable."""
    eqns = program.eqns if program is not None and variable is not None else ()
    return next((eqn.line for eqn in eqns if variable in eqn.ins), "")


def _arrays(slope: Any) -> list[tuple[Any, np.ndarray]]:
    pairs = tree.leaves_with_path(slope)
    found = [(path, np.asarray(g)) for path, g in pairs if is_arraylike(g)]
    return [(path, g) for path, g in found if is_inexact(g.dtype)]
