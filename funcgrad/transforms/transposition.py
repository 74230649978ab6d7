"""Transposition: the walk back of reverse mode over a linear program."""

from collections.abc import Sequence
from typing import Any

from ..compile.mask_marks import start_p
from ..core.avals import aval_of
from ..core.dead_code import dce
from ..core.effects import without_effects
from ..core.errors import MissingRuleError
from ..core.jaxpr import ClosedJaxpr, Eqn, Literal, Var
from ..core.registry import overrides
from ..core.trace import Primitive, Tracer
from ..ops.structure import zeros_like
from .lines import Located
from .reverse import Record, backward, deposit
from .staging import stage


def vjp_by_transposition(
    prim: Primitive, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any
) -> Sequence[Any]:
    """Return the cotangents of a primitive that has only a ``jvp``: stage that, transpose it."""
    wanted = [i for i, need in enumerate(needs) if need is not None]

    def tangents_out(tangents: list[Any]) -> Any:
        given = dict(zip(wanted, tangents, strict=True))
        all_tangents = [given.get(i) for i in range(len(ins))]
        ts = prim.jvp(ins, all_tangents, outs, **params)
        return [zeros_like(y) if t is None else t for y, t in zip(outs, ts, strict=True)]

    avals = [aval_of(ins[i]) for i in wanted]
    closed, _ = stage(f"the derivative of {prim}", tangents_out, avals, guarded=False)
    what = f"grad: the jvp of primitive {prim.name!r}"
    cure = f"define {type(prim).__name__}.vjp in {type(prim).__module__}"
    results = transpose_program(closed, cts, lines=False, what=what, cure=cure)
    return [dict(zip(wanted, results, strict=True)).get(i) for i in range(len(ins))]


overrides["vjp_by_transposition"] = vjp_by_transposition


def transpose_program(
    closed: ClosedJaxpr,
    cts: Sequence[Any],
    lines: bool = True,
    what: str = "linear_transpose: the function",
    cure: str = "use vjp for a function that is not linear",
) -> list[Any]:
    """Return the cotangents of a linear program's inputs, None where they are zero.

    ``lines``, if its equations know the user's lines; ``what`` is the function that errors name,
    ``cure`` what they advise.

    Raises:
        MissingRuleError: if an equation is not linear in what depends on the inputs.
    """
    jaxpr = dce(without_effects(closed.jaxpr))  # values of the inputs are not known
    consts = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    numbers = {var: i for i, var in enumerate(jaxpr.invars)}
    records: list[Record] = []
    lines = lines and any(isinstance(ct, Tracer) for ct in cts)
    for eqn in jaxpr.eqns:
        ins = [numbers.get(atom) if isinstance(atom, Var) else None for atom in eqn.ins]
        values = [a.value if isinstance(a, Literal) else consts.get(a, a.aval) for a in eqn.ins]
        if all(number is None for number in ins):
            consts.update(zip(eqn.outs, eqn.prim.bind(*values, **eqn.params), strict=True))
            continue
        _check_linear(eqn, ins, what, cure)
        if eqn.prim is start_p:  # its token is no function of its operands
            consts.update(zip(eqn.outs, eqn.prim.run(), strict=True))
            continue
        first = len(numbers)
        numbers.update((var, first + i) for i, var in enumerate(eqn.outs))
        prim: Any = eqn.prim
        if lines and eqn.source:
            prim = Located(eqn.source, prim, prim.vjp)
        records.append((prim, ins, first, values, [v.aval for v in eqn.outs], eqn.params))
    by_number: dict[int, Any] = {}
    for atom, ct in zip(jaxpr.outvars, cts, strict=True):
        if ct is not None and atom in numbers:
            deposit(by_number, numbers[atom], ct)
    backward(records, by_number)
    return [by_number.get(i) for i in range(len(jaxpr.invars))]


def _check_linear(eqn: Eqn, ins: Sequence[int | None], what: str, cure: str) -> None:
    linear = frozenset(i for i, number in enumerate(ins) if number is not None)
    if not eqn.prim.is_linear(linear, **eqn.params):
        raise MissingRuleError(
            f"{what} is not linear: {eqn.prim} depends on its input in "
            f"{len(linear)} operand{'s' * (len(linear) > 1)}, at {eqn.line}; {cure}"
        )
