"""The backends of jit: NumPy source, C, both by cost, and XLA by way of JAX."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...compile.cse import cse
from ...compile.passes import passed
from ...compile.program import Program, compiled
from ...compile.rerolling import rolled
from ...core.dead_code import dce
from ...core.effects import has_effects
from ...core.errors import FuncgradError
from ...core.jaxpr import Eqn, Jaxpr, Var, programs_in
from ...core.registry import load, primitives
from ..decomposition import decompose_where
from .placement import Placement

GROWTH = 600  # equations
SAVED, NARROW = 60, 64  # equations that a loop saves, and the most elements of a value in it
# equations of an operation (0: no bound): longer ones stay in NumPy if the program grows by more
LONGEST = (0, 250, 100, 40)


def elementary(jaxpr: Jaxpr) -> Jaxpr:
    """An optimised program in primitives that are written in C, where they have such parts.

    An operation stays as it is where it would grow by many equations, as the zeta function, or
    where its decomposition fails; all of them do if the whole would still grow by too many.
    """
    is_coarse = primitives["c_kernel"].is_coarse
    known: dict[Any, int] = {}
    most = _count(jaxpr) + GROWTH
    for longest in LONGEST:
        judge = lambda eqn, n=longest: is_coarse(eqn) and _length(eqn, is_coarse, known) <= n
        now = _decomposed(jaxpr, judge if longest else is_coarse)
        if now is jaxpr:
            break
        if now is not None and _count(now) <= most:
            return _in_loops(passed(now, (cse, dce)))
    return _in_loops(jaxpr)


def _in_loops(jaxpr: Jaxpr) -> Jaxpr:
    """The program with loops for steps on few elements that repeat: the C compiler reads one."""
    large = len(jaxpr.eqns) > SAVED and not has_effects(jaxpr)
    return passed(rolled(jaxpr, SAVED, NARROW), (dce,)) if large else jaxpr


def _decomposed(jaxpr: Jaxpr, is_coarse: Callable[[Eqn], bool]) -> Jaxpr | None:
    try:
        return decompose_where(jaxpr, is_coarse)
    except FuncgradError:  # a decomposition that takes no tracers
        return None


def _length(eqn: Eqn, is_coarse: Callable[[Eqn], bool], known: dict[Any, int]) -> int:
    """Of how many equations an operation is made."""
    key = eqn.prim, tuple([a.aval for a in eqn.ins]), tuple(eqn.params.items())
    if key not in known:
        ins = tuple([a for a in dict.fromkeys(eqn.ins) if isinstance(a, Var)])
        alone = _decomposed(Jaxpr(ins, (), (eqn,), eqn.outs), is_coarse)
        known[key] = GROWTH if alone is None else _count(alone)
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
    if backend == "jax":
        return Choice(jaxpr, (), "all by XLA")
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


def compiled_by_cost(*args: Any, **options: Any) -> Program:
    """Compile a program with C where it pays; in NumPy where the C compiler fails."""
    try:
        return compiled(*args, **options, translate=functools.partial(written, "auto"))  # type: ignore[misc]
    except (FuncgradError, OSError) as err:
        program = compiled(*args, **options)
        program.note = f"all in NumPy: {err}"
        return program


def compiled_by_jax(
    jaxpr: Jaxpr,
    name: str,
    *plan: Any,
    constants: Sequence[Any] = (),
    placement: Placement | None = None,
) -> Program:
    """Compile a program by XLA, which plans memory and threads itself.

    Raises:
        ImportError: if JAX is not installed.
    """
    found = load("funcgrad.bridge.conversions").engine("jit", "program")
    return found.JaxProgram(jaxpr, name, placement, constants)  # type: ignore[no-any-return]


# backend -> the compiler, of the arguments of ``compile.program.compiled``
COMPILERS: dict[str, Callable[..., Program]] = {
    "numpy": compiled,
    "c": compiled_in_c,
    "auto": compiled_by_cost,
    "jax": compiled_by_jax,
}
