"""The laws of C: a program, its derivative and its transforms give what eager ones give."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import funcgrad as fg
from funcgrad.c import (
    chains,
    compiler,
    elements,
    library,
    matrices,
    regions,
    statements,
    totals,
    values,
)
from funcgrad.compile import repetition
from funcgrad.control import c_loops, c_reversals, c_while
from funcgrad.transforms.jit import backends

from .compare import Case, arrays, forward
from .lanes import lanes, looped

KEEPS_TINY = (
    c_loops, c_reversals, c_while, chains, elements, matrices, statements, totals, values,
)  # fmt: skip


def in_c(case: Case) -> None:
    """A program in C gives what the eager one gives, and so does its derivative."""
    if not is_told_in_c(case):
        return
    inner = case.inner
    back = lambda fun, *points: fg.vjp(inner(fun), *points)[1](case.cotangents)
    pull = lambda fun: case.precise(back(fun, *case.points))

    def both(*inputs: Any) -> Any:
        points = [inputs[i] for i in case.smooth]
        return case.fun(*inputs), back(case.fun, *points) if points else ()

    with limits_in_c(case):
        outs, gradient = fg.jit(both, backend="c")(*case.inputs)
    case.same("jit in C", outs, case.fun(*case.inputs), lambda fun: fun(*case.inputs))
    if case.smooth:
        got = case.precise(gradient)
        case.same("jit of vjp in C", got, pull(case.fun), pull, derivative=True)


def transformed_in_c(case: Case) -> None:
    """So do tangents, rows of ``vmap`` with their gradients, and tangents of gradients."""
    if not is_told_in_c(case):
        return
    inner, points = case.inner, tuple(case.points)
    laws: list[tuple[str, Any, Any, Any]] = []  # the function of a program, its inputs, and wanted
    mapped, axes = lanes(case)
    if mapped:
        again = lambda fun: looped(fun, mapped, axes)
        laws.append(("vmap in C", lambda fun: fg.vmap(fun, in_axes=axes), mapped, again))
    if points and forward(case):
        push = lambda fun: lambda *p: fg.jvp(inner(fun), p, case.tangents)[1]
        again = lambda fun: arrays(push(fun)(*points))
        laws.append(("jvp in C", push, points, again))
        back = lambda fun: lambda *p: fg.vjp(inner(fun), *p)[1](case.cotangents)
        twice = lambda fun: lambda *p: fg.jvp(back(fun), p, case.tangents)[1]
        again = lambda fun: case.precise(twice(fun)(*points))
        laws.append(("jvp of vjp in C", twice, points, again))
    if not laws:
        return
    law, form, args, again = laws[int(case.rng.integers(len(laws)))]
    with limits_in_c(case):
        got = fg.jit(form(case.fun), backend="c")(*args)
    got = case.precise(got) if "vjp" in law else arrays(got)
    case.same(law, got, again(case.fun), again, derivative="jvp" in law)


def is_told_in_c(case: Case) -> bool:
    """Whether a program may be compared: the sign of nan is the processor's, and some show it."""
    return compiler.is_found() and not re.search("copysign|signbit", case.program.source)


@contextlib.contextmanager
def limits_in_c(case: Case) -> Iterator[None]:
    """All operations in C, most often with other limits, by which small arrays are as large ones.

    So arrays share the workspace, few are in registers, sums have blocks, products are by BLAS,
    programs are cut, and memory for rows grows.
    """
    case.subnormals = False  # expit(-710) is exact in C, and 0 by NumPy's formula
    draw = lambda *options: options[int(case.rng.integers(len(options)))]
    limits: list[tuple[Any, str, Any]] = [(regions, "WORTH", 1)]
    limits.append((compiler, "LEVEL", draw(*["-O0"] * 3, "-O2")))
    if case.rng.random() < 0.7:
        tiny = draw(1, 4, 9)
        limits += [(module, "TINY", tiny) for module in KEEPS_TINY]
        limits += [
            (statements, "STACK", draw(0, 0, 1 << 11)), (totals, "BLOCK", draw(8, 16, 128)),
            (totals, "FAN", 2), (matrices, "FOR_BLAS", draw(1, 1 << 15)),
            (matrices, "UNROLLED", draw(0, 64)), (chains, "FEW", draw(1, 8)),
            (regions, "LONGEST", draw(1, 3, 10, 400)), (library, "ROOM", 16),
            (chains, "CHECKED", draw(0, 8)), (c_loops, "MANY", 1), (c_loops, "LARGE_MATRIX", 0),
            (backends, "SAVED", draw(4, 60)), (repetition, "STEPS", draw(2, 8)),
        ]  # fmt: skip
    with contextlib.ExitStack() as stack:
        for module, name, value in limits:
            stack.enter_context(patch.object(module, name, value))
        yield
