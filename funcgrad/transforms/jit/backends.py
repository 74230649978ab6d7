"""The backends of jit: NumPy source, and C."""

from collections.abc import Callable, Sequence

from ...compile.cse import cse
from ...compile.passes import passed
from ...core.dead_code import dce
from ...core.errors import FuncgradError
from ...core.jaxpr import Jaxpr, programs_in
from ...core.registry import primitives
from ..decomposition import decompose_where

GROWTH = 600  # equations


def elementary(jaxpr: Jaxpr) -> Jaxpr:
    """An optimised program in primitives that are written in C, where they have such parts.

    It stays as it is where it would grow by many equations, as with the zeta function, or where a
    decomposition fails.
    """
    try:
        now = decompose_where(jaxpr, primitives["c_kernel"].is_coarse)
    except FuncgradError:  # a decomposition that takes no tracers
        return jaxpr
    if now is jaxpr or _count(now) > _count(jaxpr) + GROWTH:
        return jaxpr
    return passed(now, (cse, dce))


def _count(jaxpr: Jaxpr) -> int:
    """The equations of a program, and of those that they hold."""
    held = [program for eqn in jaxpr.eqns for program in programs_in(eqn.params)]
    return len(jaxpr.eqns) + sum(map(_count, held))


def in_c(jaxpr: Jaxpr, name: str, inputs: Sequence[str]) -> Jaxpr:
    """A program with calls of C in place of the equations that are written in it."""
    return primitives["c_kernel"].outlined(elementary(jaxpr), name, inputs)  # type: ignore[no-any-return]


# backend -> its change of an optimised program, before the NumPy source is written
BACKENDS: dict[str, Callable[[Jaxpr, str, Sequence[str]], Jaxpr] | None] = {
    "numpy": None,
    "c": in_c,
}
