"""Derivatives in a replayed program: masks where a structural zero meets a factor not finite.

A program without masks runs first, and checks itself. Where a check fails, the program with masks
gives the result.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
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
        tokens = _tokens(xs)
        own = [x for x in xs if not isinstance(x, Token)]
        again = lambda xs: masked(_joined(tokens, xs))
        return _unless(again)(faults.is_finite(), outs, own)

    return both


def _unless(function: Replayed) -> Callable[[Any, list[Any], list[Any]], list[Any]]:
    """The function of a condition, values and xs: the values, or ``function(xs)`` if it is false.

    As a loop of no steps or one, which XLA writes over the values; a ``cond`` would copy them. JAX
    has no reverse mode of such a loop, so the derivative is that of a ``cond``.
    """

    @jax.custom_jvp
    def chosen(ok: Any, values: list[Any], xs: list[Any]) -> list[Any]:
        def step(state: Any) -> Any:
            pairs = zip(function(xs), state[0], strict=True)
            return [jnp.asarray(y, x.dtype) for y, x in pairs], jnp.asarray(True)

        return list(lax.while_loop(lambda state: ~state[1], step, (values, ok))[0])

    @chosen.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        ok, *primals = primals
        by_cond = lambda values, xs: list(lax.cond(ok, lambda: values, lambda: function(xs)))
        return jax.jvp(by_cond, tuple(primals), tuple(tangents[1:]))

    return chosen


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
        tokens = _tokens(xs)
        if tokens not in compiled:
            compiled[tokens] = jax.jit(lambda *arrays: function(_joined(tokens, arrays)))
        return list(compiled[tokens](*[x for x in xs if not isinstance(x, Token)]))

    return call


def _tokens(xs: Sequence[Any]) -> tuple[tuple[int, Token], ...]:
    """The tokens of axes among operands, with their places."""
    return tuple([(i, x) for i, x in enumerate(xs) if isinstance(x, Token)])


def _joined(tokens: Sequence[tuple[int, Token]], arrays: Sequence[Any]) -> list[Any]:
    found = list(arrays)
    for i, token in tokens:
        found.insert(i, token)
    return found
