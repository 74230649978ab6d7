"""Primitives that hold programs, in JAX: loops, branches and checkpoints.

The program of a step may find faults, such as an index out of range. They leave a loop as one more
output of each step.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..core.avals import Aval
from ..core.errors import UnsupportedError
from ..core.jaxpr import Jaxpr
from .rules import At, Token, row


def _as_declared(xs: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    return [jnp.asarray(x, a.dtype) for x, a in zip(xs, avals, strict=True)]


@row("scan")
def _scan(
    at: At, *xs: Any, jaxpr: Jaxpr, length: int, reverse: bool, num_consts: int, num_carry: int
) -> Any:
    n = num_consts + num_carry
    consts, init = xs[:num_consts], _as_declared(xs[num_consts:n], at.outs[:num_carry])

    def step(carry: Any, rows: Any) -> tuple[Any, Any]:
        outs, fault = at.faults.within(jaxpr, [*consts, *carry, *rows])
        return outs[:num_carry], (outs[num_carry:], fault)

    rows = [jnp.asarray(x) for x in xs[n:]]
    carry, (ys, faults) = lax.scan(step, init, rows, length=length, reverse=reverse)
    at.faults.join(faults)
    return [*carry, *ys]


@row("cond")
def _cond(at: At, index: Any, *xs: Any, branches: Sequence[Jaxpr]) -> Any:
    select = [lambda branch=branch: at.faults.within(branch, xs) for branch in branches]
    outs, fault = lax.switch(jnp.asarray(index, jnp.int32), select)
    at.faults.join(fault)
    return outs


@row("while")
def _while(
    at: At,
    *xs: Any,
    cond: Jaxpr,
    passes: Sequence[Jaxpr],
    sizes: Sequence[tuple[int, int]],
) -> Any:
    if len(passes) > 1:
        raise UnsupportedError(
            "while_loop: XLA has no reverse derivative of a loop of unknown length; write a scan "
            "of as many steps as it can take"
        )
    consts, carried = sizes[0]
    own = len(cond.invars) - carried
    of_cond, of_body, start = xs[:own], xs[own : own + consts], xs[own + consts :]

    def step(state: Any) -> Any:
        carry, fault = state
        outs, more = at.faults.within(passes[0], [*of_body, *carry])
        return outs, fault | more

    going = lambda state: at.faults.within(cond, [*of_cond, *state[0]])[0][0]
    state = _as_declared(start, at.outs), jnp.zeros((), jnp.int32)
    outs, fault = lax.while_loop(going, step, state)
    at.faults.join(fault)
    return outs


@row("checkpoint")
def _checkpoint(at: At, *xs: Any, jaxpr: Jaxpr, **params: Any) -> Any:
    places = [i for i, x in enumerate(xs) if not isinstance(x, Token)]

    def again(*arrays: Any) -> Any:
        given = dict(zip(places, arrays, strict=True))
        return at.faults.within(jaxpr, [given.get(i, x) for i, x in enumerate(xs)])

    outs, fault = jax.checkpoint(again)(*[xs[i] for i in places])
    at.faults.join(fault)
    return outs
