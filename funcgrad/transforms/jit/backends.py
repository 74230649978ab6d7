"""The backends of jit: NumPy source, C, both by cost, and XLA by way of JAX."""

import functools
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...compile.cse import cse
from ...compile.passes import passed
from ...compile.program import Program, compiled
from ...core.dead_code import dce
from ...core.errors import FuncgradError
from ...core.jaxpr import Eqn, Jaxpr, Var, programs_in
from ...core.registry import load, primitives
from ..decomposition import decompose_where
from .placement import Placement

GROWTH = 600  # equations
SHORT = 150  # equations of an operation in a program that would grow by more than that


def elementary(jaxpr: Jaxpr) -> Jaxpr:
    """An optimised program in primitives that are written in C, where they have such parts.

    An operation stays as it is where it would grow by many equations, as the zeta function, or
    where its decomposition fails; all of them do if the whole would still grow by too many.
    """
    is_coarse = primitives["c_kernel"].is_coarse
    now = _decomposed(jaxpr, is_coarse)
    if now is None or _count(now) > _count(jaxpr) + GROWTH:
        known: dict[Any, bool] = {}
        now = _decomposed(jaxpr, lambda eqn: is_coarse(eqn) and _is_short(eqn, is_coarse, known))
    if now is None or now is jaxpr or _count(now) > _count(jaxpr) + GROWTH:
        return jaxpr
    return passed(now, (cse, dce))


def _decomposed(jaxpr: Jaxpr, is_coarse: Callable[[Eqn], bool]) -> Jaxpr | None:
    try:
        return decompose_where(jaxpr, is_coarse)
    except FuncgradError:  # a decomposition that takes no tracers
        return None


def _is_short(eqn: Eqn, is_coarse: Callable[[Eqn], bool], known: dict[Any, bool]) -> bool:
    """Whether an operation is made of few equations."""
    key = eqn.prim, tuple([a.aval for a in eqn.ins]), tuple(eqn.params.items())
    if key not in known:
        ins = tuple([a for a in dict.fromkeys(eqn.ins) if isinstance(a, Var)])
        alone = _decomposed(Jaxpr(ins, (), (eqn,), eqn.outs), is_coarse)
        known[key] = alone is not None and _count(alone) <= SHORT
    return known[key]


def _count(jaxpr: Jaxpr) -> int:
    """The equations of a program, and of those that they hold."""
    held = [program for eqn in jaxpr.eqns for program in programs_in(eqn.params)]
    return len(jaxpr.eqns) + sum(map(_count, held))


class Choice(NamedTuple):
    """A program, and its equations in groups, of which those without a reason are in C."""

    program: Jaxpr
    parts: Sequence[Any]
    told: str


def choice(backend: str, jaxpr: Jaxpr) -> Choice:
    """What a backend writes in C of an optimised program, and why."""
    kernel: Any = primitives["c_kernel"]
    if backend == "c":
        program = elementary(jaxpr)
        parts = kernel.parts(program)
        return Choice(program, parts, kernel.told(parts))
    reason = kernel.may_pay(jaxpr)
    if reason:
        return Choice(jaxpr, (), f"all in NumPy: {reason}")
    program = elementary(jaxpr)
    parts = kernel.by_cost(jaxpr, program)
    some = any(not part.reason for part in parts)
    return Choice(program if some else jaxpr, parts if some else (), kernel.told_by_cost(parts))


def written(backend: str, jaxpr: Jaxpr, name: str, inputs: Sequence[str]) -> Jaxpr:
    """A program with calls of C in place of the equations that a backend writes in it."""
    program, parts, _ = choice(backend, jaxpr)
    kernel: Any = primitives["c_kernel"]
    return kernel.outlined(program, name, inputs, parts) if parts else program  # type: ignore[no-any-return]


compiled_in_c = functools.partial(compiled, translate=functools.partial(written, "c"))


def compiled_by_cost(*args: Any) -> Program:
    """Compile a program with C where it pays; in NumPy where the C compiler fails."""
    try:
        return compiled(*args, translate=functools.partial(written, "auto"))  # type: ignore[misc]
    except (FuncgradError, OSError, subprocess.SubprocessError) as err:
        program = compiled(*args)
        program.note = f"all in NumPy: {err}"
        return program


def compiled_by_jax(
    jaxpr: Jaxpr,
    name: str,
    inputs: Sequence[str] = (),
    donated: Sequence[int | None] = (),
    title: str = "",
    memory_limit: int | None = None,
    threads: int = 1,
    constants: Sequence[Any] = (),
    placement: Placement = Placement(),  # noqa: B008
) -> Program:
    """Compile a program by XLA, which plans its memory and its threads.

    Raises:
        ImportError: if JAX is not installed.
    """
    found = load("funcgrad.bridge.conversions").engine("jit", "program")
    return found.JaxProgram(jaxpr, name, placement)  # type: ignore[no-any-return]


# backend -> the compiler, of the arguments of ``compile.program.compiled``
COMPILERS: dict[str, Callable[..., Program]] = {
    "numpy": compiled,
    "c": compiled_in_c,
    "auto": compiled_by_cost,
    "jax": compiled_by_jax,
}
