"""Effects: equations that do something beside their results, as a print.

A primitive says so by ``has_effect``. Its equation stays in the program, once and in its place: it
is not dead code, and is not merged, folded, moved out of a loop, or computed again. The equation
of a loop, branch or call has the effects of the programs that it holds.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from .companions import NO_PROGRAMS, inlined
from .jaxpr import Eqn, Jaxpr, programs_in, replace_eqn
from .trace import Trace, Tracer, running

# whether effects are left out: a function runs again for its derivative, see transforms/seeds.py
silent: ContextVar[bool] = ContextVar("silent", default=False)


def is_effectful(eqn: Eqn) -> bool:
    """Whether an equation, or a program that it holds, has an effect."""
    prim = eqn.prim
    if prim.holds is NO_PROGRAMS:
        return prim.has_effect
    program = inlined(prim, eqn.params)
    held = programs_in(eqn.params) if program is None else [program]
    return any(map(has_effects, held))


def has_effects(jaxpr: Jaxpr) -> bool:
    """Whether an equation of a program has an effect."""
    found = jaxpr.memo.get("effects")
    if found is None:
        found = jaxpr.memo["effects"] = any(map(is_effectful, jaxpr.eqns))
    return found  # type: ignore[no-any-return]


def without_effects(jaxpr: Jaxpr) -> Jaxpr:
    """The program without its effects: to compute its values again."""
    if not has_effects(jaxpr):
        return jaxpr
    if "without effects" not in jaxpr.memo:
        eqns = [eqn for eqn in jaxpr.eqns if not eqn.prim.has_effect]
        eqns = [replace_eqn(eqn, params=params_without_effects(eqn.params)) for eqn in eqns]
        found = Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)
        jaxpr.memo["without effects"] = found
    return jaxpr.memo["without effects"]  # type: ignore[no-any-return]


def params_without_effects(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an equation, with the programs in them without effects."""

    def changed(x: Any) -> Any:
        if isinstance(x, Jaxpr):
            return without_effects(x)
        if isinstance(getattr(x, "jaxpr", None), Jaxpr):  # a function with a custom rule, staged
            return x.masked(without_effects)
        return tuple(map(changed, x)) if type(x) is tuple else x

    return {name: changed(x) for name, x in params.items()}


def program_around(args: Sequence[Any]) -> Trace | None:
    """The program that is being staged, where the values of an effect belong to traces outside it.

    So a print of a constant is part of the program, and of the body of a loop rather than of the
    program around that.
    """
    if (now := running.get()) is None:
        return None
    around = (now, *(trace for trace, _ in now.around))
    program = next((trace for trace in around if trace.takes_effects), None)
    if program is None:
        return None
    serials = [x._trace.serial for x in args if isinstance(x, Tracer)]
    return program if max(serials, default=0) < program.serial else None
