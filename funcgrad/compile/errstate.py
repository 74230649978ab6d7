"""Floating-point warnings: some equations run under ``np.errstate(all="ignore")``.

They are those of derivatives, and those of such blocks in the function that was staged.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Eqn, Jaxpr, programs_in
from ..ops.assign import add_at_p, set_at_p
from ..ops.elementwise import add, neg, quotient, sub
from ..ops.families import Elementwise
from .finite_checks import check_p
from .liveness import nbytes

# ufuncs for which NumPy may warn: poles, restricted domains, overflow
_WARNING = frozenset(
    {np.divide, np.power, np.sqrt, np.log, np.log2, np.log10, np.log1p, np.exp, np.exp2, np.expm1}
    | {np.sinh, np.cosh, np.tan, np.arcsin, np.arccos, np.arccosh, np.arctanh, np.reciprocal}
)

_SUMS = frozenset({add, sub, neg, add_at_p, set_at_p})

_FEW = 1 << 16  # bytes of results that may be moved before a span


Spans = list[tuple[bool, list[Eqn]]]  # whether NumPy is silent, consecutive equations


def merge_spans(jaxpr: Jaxpr) -> Jaxpr:
    """Reorder equations into fewer spans: independent ones move before a silent span."""
    found: Spans = []
    shown = [eqn for eqn in jaxpr.eqns if _is_there(eqn)]
    for silent, eqns in spans(_of(jaxpr, [eqn for eqn in jaxpr.eqns if not _is_there(eqn)])):
        before = found[-1] if found else (silent, [])
        if silent == before[0]:
            found[-1:] = [(silent, [*before[1], *eqns])]
        elif silent or _made(eqns) > _FEW or not _apart(before[1], eqns):
            found.append((silent, eqns))
        else:
            loud = found.pop(-2)[1] if len(found) > 1 else []
            found[-1:] = [(False, [*loud, *eqns]), before]
    return _of(jaxpr, [*shown, *(eqn for _, eqns in found for eqn in eqns)])


def _is_there(eqn: Eqn) -> bool:
    """Whether an equation is a constant array, which needs no statement."""
    return eqn.prim.codegen.is_view and not eqn.ins


def _of(jaxpr: Jaxpr, eqns: Sequence[Eqn]) -> Jaxpr:
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _apart(eqns: Sequence[Eqn], later: Sequence[Eqn]) -> bool:
    made = {v for eqn in eqns for v in eqn.outs}
    return all(made.isdisjoint(eqn.ins) for eqn in later)


def _made(eqns: Sequence[Eqn]) -> int:
    return sum(nbytes(v.aval) for eqn in eqns for v in eqn.outs)


def spans(jaxpr: Jaxpr) -> Spans:
    """Split the equations into spans of one kind: with NumPy's warnings, or silent.

    Equations of silent lines are silent, and so are those of derivatives. Because ``errstate``
    costs time, a span of a derivative is silent only where a check follows, or where an operation
    may warn for operands of moderate size.
    """
    rows: list[tuple[bool, Eqn]] = []
    made: set[Any] = set()  # cotangents
    end = 0
    for i, eqn in enumerate(jaxpr.eqns):
        # a sum of cotangents has the source line of the call
        back = eqn.is_derivative or (eqn.prim in _SUMS and made.issuperset(eqn.ins))
        made.update(eqn.outs if back else ())
        if eqn.prim is check_p or eqn.in_quiet_block or (back and _warns(eqn)):
            end = i + 1
        follows = eqn.prim is check_p or eqn.prim.codegen.is_view
        rows.append((bool(rows and rows[-1][0]) if follows else back or eqn.in_quiet_block, eqn))
    rows = [(silent and i < end, eqn) for i, (silent, eqn) in enumerate(rows)]
    groups = itertools.groupby(rows, key=lambda row: row[0])
    return [(silent, [eqn for _, eqn in group]) for silent, group in groups]


def _warns(eqn: Eqn) -> bool:
    """Whether NumPy may warn of an equation although its operands are of moderate size."""
    if programs := programs_in(eqn.params):
        return any(_warns(inner) or inner.prim is quotient for p in programs for inner in p.eqns)
    return isinstance(eqn.prim, Elementwise) and eqn.prim.function in _WARNING
