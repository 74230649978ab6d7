"""Known faults, planted one at a time to see that random programs find them.

Each row replaces one attribute of the library; ``planted`` puts it back.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from funcgrad.compile import cse, passes
from funcgrad.compile.allocator import Allocator
from funcgrad.compile.rewrite import Builder, rewritten
from funcgrad.control import scan
from funcgrad.control.cond import Cond
from funcgrad.core.avals import shape_of
from funcgrad.ops import families, reduce, structure
from funcgrad.ops.elementwise import cos, mul, neg, sin, tanh, where
from funcgrad.ops.index import ScatterAdd, getitem_p
from funcgrad.ops.structure import Cumsum, Sum, Transpose, cumsum_p


def _unchecked(self: Any, eqn: Any, atoms: Any, start: int) -> bool:
    """Put in an equation's place whatever a rule builds, of any shape and dtype."""
    if atoms is None:
        del self.eqns[start:]
    return atoms is not None


def _wrong_sign(cts: Any, needs: Any, outs: Any, ins: Any) -> Any:
    return (neg(tanh.rules[0](cts[0], outs[0], *ins)),)


def _first_instead_of_sum(ct: Any, x: Any, unbroadcast: Any = families.unbroadcast) -> Any:
    """Undo broadcasting of rows by taking the first of them."""
    if len(shape_of(ct)) > len(shape_of(x)):
        return _first_instead_of_sum(ct[0], x)
    return unbroadcast(ct, x)


def _exclusive(self: Any, ct: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    return cumsum_p(ct, axis=axis, reverse=not reverse) - ct


def _own_axes(self: Any, size: int, *, axes: Any) -> dict[str, Any]:
    """Forget that the batch is a new first axis."""
    return {"axes": axes}


def _overwritten(self: Any, x: Any, *arrays: Any, shape: Any, index: Any) -> Any:
    out = np.zeros(shape, x.dtype)
    out[index.with_arrays(arrays)] = x
    return (out,)


def _one_hit(x: Any, y: Any, axes: Any, ties: Any = reduce._ties) -> Any:
    hits, count = ties(x, y, axes)
    return hits, count * 0 + 1


def _unreversed(*args: Any, second: Any = scan.residual_scan) -> Any:
    *others, _ = args
    return second(*others, False)


def _without_parameters(jaxpr: Any) -> Any:
    """Take equations of one primitive and the same operands as one, whatever their parameters."""
    seen: dict[Any, Any] = {}

    def step(build: Any, eqn: Any) -> Any:
        key = (eqn.prim, *map(cse._key, eqn.ins), *(v.aval for v in eqn.outs))
        return seen.setdefault(key, eqn.outs) if key in seen else seen.update({key: eqn.outs})

    return rewritten(jaxpr, step)


def _next_branch(self: Any, index: Any, results: Any, size: int) -> Any:
    """Give each lane of a batch the branch after its own."""
    return SELECTED(self, index + 1, results, size)


def _always(*_: Any) -> bool:
    return True


def _same_perm(self: Any, ct: Any, x: Any, *, perm: Any) -> Any:
    """Transpose again, in place of back."""
    return structure.transpose_p(ct, perm=perm)


def _doubled(self: Any, ct: Any, x: Any, *arrays: Any, shape: Any, index: Any) -> Any:
    return getitem_p(ct, *arrays, index=index) * 2


SELECTED = Cond.selected
SWAPPED = (where.rules[0], where.rules[2], where.rules[1])
SLOPE_OF_COS = (lambda t, y, x: mul(t, sin(x)),)
PASSES = tuple(_without_parameters if p is cse.cse else p for p in passes.PASSES)

PLANTS: dict[str, tuple[Any, str, Any]] = {
    "aval": (Builder, "replaces", _unchecked),  # the compiler
    "parameters": (passes, "PASSES", PASSES),
    "memory": (Allocator, "is_unaliased", _always),
    "sign": (tanh, "vjp", _wrong_sign),  # derivatives
    "slope": (cos, "rules", SLOPE_OF_COS),
    "branch": (where, "rules", SWAPPED),
    "broadcast": (families, "unbroadcast", _first_instead_of_sum),
    "cumsum": (Cumsum, "transpose", _exclusive),
    "ties": (reduce, "_ties", _one_hit),
    "duplicates": (ScatterAdd, "run", _overwritten),
    "scatter": (ScatterAdd, "transpose", _doubled),
    "transpose": (Transpose, "transpose", _same_perm),
    "reverse": (scan, "residual_scan", _unreversed),
    "batch": (Sum, "batched_params", _own_axes),  # vmap
    "lanes": (Cond, "selected", _next_branch),
}


@contextlib.contextmanager
def planted(name: str) -> Iterator[None]:
    """Put a fault in the library's place."""
    owner, attribute, fault = PLANTS[name]
    with patch.object(owner, attribute, fault):
        yield
