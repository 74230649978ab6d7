"""Floating-point operations of a program, counted from its shapes.

A product of matrices [m, k] and [k, n] counts 2 m k n, an addition for each multiplication; a
convolution likewise, padding included. An elementwise operation counts 1 for each element of its
result, a reduction 1 for each element of its operand. Operations that move, convert or draw
elements, and integer operations, count 0. A loop of unknown length counts one iteration, a choice
of branches its largest.
"""

import math
from collections.abc import Callable
from typing import Any

from ..control.cond import Cond
from ..control.scan import Scan
from ..core.avals import is_inexact
from ..core.jaxpr import Eqn, Jaxpr, programs_in
from ..ops.contract import Einsum, Matmul
from ..ops.convert import Convert
from ..ops.convolve import Bilinear
from ..ops.index import Concatenate, Getitem, ScatterAdd
from ..ops.operand import Weaken
from ..ops.pooling import Fold
from ..ops.reduce import Reduction
from ..ops.stop_gradient import StopGradient
from ..ops.structure import Broadcast, Cumsum, Mean, Reshape, Sum, Transpose
from ..random.primitives import KeyPrimitive


def flops_of_program(jaxpr: Jaxpr) -> int:
    """The floating-point operations of a run of a program."""
    return sum(map(flops_of, jaxpr.eqns))


def flops_of(eqn: Eqn) -> int:
    """The floating-point operations of an equation."""
    rule = next((rule for kinds, rule in _RULES if isinstance(eqn.prim, kinds)), None)
    if rule is not None:
        return rule(eqn)
    programs = programs_in(eqn.params)
    if programs:
        return sum(map(flops_of_program, programs))
    atoms = (*eqn.ins, *eqn.outs)
    if not any(is_inexact(atom.aval.dtype) for atom in atoms):
        return 0
    return sum(out.aval.size for out in eqn.outs)


def _read(eqn: Eqn) -> int:
    x = eqn.ins[0].aval
    return x.size if is_inexact(x.dtype) else 0


def _matmul(eqn: Eqn) -> int:
    return 2 * eqn.outs[0].aval.size * eqn.ins[0].aval.shape[-1]


def _einsum(eqn: Eqn) -> int:
    lengths: dict[str, int] = {}
    for x, axes in zip(eqn.ins, eqn.params["names"], strict=True):
        lengths |= zip(axes, x.aval.shape, strict=True)
    return len(eqn.ins) * math.prod(lengths.values())


def _convolution(eqn: Eqn) -> int:
    """Two for each product of a window element and an element of the result."""
    windows, groups = eqn.params["windows"], eqn.params["groups"]
    arrays = dict(zip(eqn.prim.roles, (*eqn.ins, *eqn.outs), strict=True))  # type: ignore[attr-defined]
    x, y = arrays["x"].aval, arrays["y"].aval
    return 2 * y.size * math.prod(w[2] for w in windows) * (x.shape[-1] // groups)


def _fold(eqn: Eqn) -> int:
    return eqn.outs[0].aval.size * math.prod(w[2] for w in eqn.params["windows"])


def _scan(eqn: Eqn) -> int:
    return eqn.params["length"] * flops_of_program(eqn.params["jaxpr"])


def _cond(eqn: Eqn) -> int:
    return max(map(flops_of_program, eqn.params["branches"]))


_MOVES = (Broadcast, Concatenate, Convert, Getitem, Reshape, StopGradient, Transpose, Weaken)
_RULES: tuple[tuple[Any, Callable[[Eqn], int]], ...] = (
    ((*_MOVES, KeyPrimitive), lambda eqn: 0),
    ((Sum, Mean, Cumsum, ScatterAdd, Reduction), _read),
    (Matmul, _matmul),
    (Einsum, _einsum),
    (Bilinear, _convolution),
    (Fold, _fold),
    (Scan, _scan),
    (Cond, _cond),
)
