"""Derivatives in a replayed program: masks where a structural zero meets a factor not finite.

A program without masks runs first, and checks itself. Where a check fails, the program with masks
gives the result.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax

from ..compile.finite_checks import masked_program
from ..compile.mask_marks import has_marks
from ..compile.program import first_passed
from ..core.jaxpr import Jaxpr
from .replay import Faults, elementary, run
from .rules import Token

Replayed = Callable[[Sequence[Any]], list[Any]]


def replayed(jaxpr: Jaxpr) -> Replayed:
    """A program without constants as a function of JAX arrays."""
    if not has_marks(jaxpr):
        return plain(jaxpr)
    checked = first_passed(jaxpr)
    first, masked = elementary(checked), plain(masked_program(jaxpr))

    def both(xs: Sequence[Any]) -> list[Any]:
        faults = Faults(kept=True)
        outs = run(first, xs, faults)
        if not faults.found:
            return outs
        return list(lax.cond(faults.is_finite(), lambda: outs, lambda: masked(xs)))

    return both


def plain(jaxpr: Jaxpr) -> Replayed:
    """The same without masks."""
    program = elementary(jaxpr)
    return lambda xs: run(program, xs, Faults(kept=False))


def linear(jaxpr: Jaxpr) -> Replayed:
    """The same for a linear program, which JAX may transpose."""
    program = elementary(jaxpr, linear=True)
    return lambda xs: run(program, xs, Faults(kept=False, linear=True))


def jitted(function: Replayed) -> Replayed:
    """The function compiled by XLA where no trace of JAX runs it; tokens of axes are static."""
    compiled: dict[Any, Any] = {}

    def call(xs: Sequence[Any]) -> list[Any]:
        tokens = tuple([(i, x) for i, x in enumerate(xs) if isinstance(x, Token)])
        if tokens not in compiled:
            compiled[tokens] = jax.jit(lambda *arrays: function(_joined(tokens, arrays)))
        return list(compiled[tokens](*[x for x in xs if not isinstance(x, Token)]))

    return call


def _joined(tokens: Sequence[tuple[int, Token]], arrays: Sequence[Any]) -> list[Any]:
    found = list(arrays)
    for i, token in tokens:
        found.insert(i, token)
    return found
