"""Decomposition of programs into elementary primitives, the ones that an engine supports."""

from collections.abc import Callable, Sequence
from typing import Any

from ..compile.rewrite import on_programs
from ..core.errors import MissingRuleError
from ..core.jaxpr import Eqn, Jaxpr, Literal, programs_in
from ..core.trace import Primitive
from ..ops.constant import Array, constant_p
from ..ops.elementary import ELEMENTARY, REFUSED
from .jaxprs import in_avals
from .staging import stage


def decompose_jaxpr(jaxpr: Jaxpr, rows: frozenset[str] = ELEMENTARY) -> Jaxpr:
    """Decompose a program, and the programs that it holds, into the primitives of ``rows``.

    Args:
        jaxpr: a program without constants.
        rows: the names of the primitives that stay as they are.

    Raises:
        MissingRuleError: if a primitive is not in ``rows`` and has no decomposition.
    """
    return decompose_where(jaxpr, lambda eqn: eqn.prim.name not in rows)


def decompose_where(jaxpr: Jaxpr, is_coarse: Callable[[Eqn], bool]) -> Jaxpr:
    """Decompose equations, and those of the programs that they hold, until none is coarse.

    Raises:
        MissingRuleError: if a coarse equation has no decomposition.
    """
    while _has_coarse(jaxpr, is_coarse):
        step = lambda inner: decompose_where(inner, is_coarse)
        jaxpr = on_programs(_one_level(jaxpr, is_coarse), step)
    return jaxpr


def _has_coarse(jaxpr: Jaxpr, is_coarse: Callable[[Eqn], bool]) -> bool:
    """Whether a program, or one that it holds, has a coarse equation."""
    inner = (p for eqn in jaxpr.eqns for p in programs_in(eqn.params))
    return any(map(is_coarse, jaxpr.eqns)) or any(_has_coarse(p, is_coarse) for p in inner)


def _one_level(jaxpr: Jaxpr, is_coarse: Callable[[Eqn], bool]) -> Jaxpr:
    """Decompose each coarse equation once."""

    def body(values: list[Any]) -> Sequence[Any]:
        env: dict[Any, Any] = dict(zip(jaxpr.invars, values, strict=True))
        read = lambda a: a.value if isinstance(a, Literal) else env[a]
        for eqn in jaxpr.eqns:
            apply = _rule_of(eqn.prim) if is_coarse(eqn) else eqn.prim.bind
            outs = apply(*map(read, eqn.ins), **eqn.params)
            env.update(zip(eqn.outs, outs, strict=True))
        return [read(a) for a in jaxpr.outvars]

    closed, _ = stage("decompose", body, in_avals(jaxpr))
    consts = zip(closed.jaxpr.constvars, closed.consts, strict=True)
    made = [Eqn(constant_p, (), (v,), {"array": Array(x)}) for v, x in consts]
    program = closed.jaxpr
    return Jaxpr(program.invars, (), (*made, *program.eqns), program.outvars)


def _rule_of(prim: Primitive) -> Callable[..., Sequence[Any]]:
    """The ``decompose`` rule of a primitive.

    Raises:
        MissingRuleError: if it has none.
    """
    if prim.decompose is not None:
        return prim.decompose
    reason = REFUSED.get(prim.name)
    if reason is None:
        raise prim.missing("decompose")
    raise MissingRuleError(f"decompose: {prim.name} has no decomposition: {reason}")
