"""Replay: run a program of elementary primitives by JAX's functions, one for each equation.

A program decomposes first, until each primitive has a row in ``rules.py``, ``control.py`` or
``random.py``. JAX cannot raise an error that depends on values: faults are flags, which the caller
reads after the run.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.avals import Aval
from ..core.errors import UnsupportedError
from ..core.jaxpr import Eqn, Jaxpr, Literal, constants_as_inputs, programs_in
from ..core.registry import primitives
from ..ops import compare
from ..ops.index import Index
from ..ops.linalg.degenerate import equal_p
from ..ops.linalg.singular import negligible_p
from ..ops.reduce import count_p
from ..transforms.staging import stage
from . import control, factorizations, random  # they enter their rows
from .lowering import lowered, site
from .rules import ROWS, At, Row, Token, cast_to, key_of, row

__all__ = ["FAULTS", "Faults", "control", "elementary", "factorizations", "random", "run"]

# a fault -> its bit in a code
FAULTS = {"not finite": 1, "index": 2, "cholesky": 4, "power": 8, "singular": 16}
_ALL = sum(FAULTS.values())


class Faults:
    """The faults of a run: flags of traced booleans, or none where they are not kept."""

    def __init__(self, kept: bool, direct: bool = False, linear: bool = False) -> None:
        self.kept, self.linear = kept, linear  # whether JAX shall be able to transpose the program
        self.direct = direct  # linear systems are solved without rules for their derivative
        self.codes: list[tuple[int, Any]] = []  # the bits that may be set, and the code
        self.found = False  # whether an operation may have one

    def add(self, fault: str, flag: Any) -> None:
        """Note a fault where the flag is set."""
        if self.kept:
            self.found = True
            bit = FAULTS[fault]
            self.codes.append((bit, jnp.where(flag, bit, 0).astype(jnp.int32)))

    def join(self, codes: Any) -> None:
        """Note the code of an inner program, or those of all steps of a loop."""
        if self.kept:
            code = jnp.bitwise_or.reduce(codes, axis=None) if codes.ndim else codes
            self.codes.append((_ALL, code))

    def code(self, bits: int = _ALL) -> Any:
        """The bits of all faults, or at least these: i32[]."""
        total = jnp.zeros((), jnp.int32)
        for may, code in self.codes:
            total = total | code if may & bits else total
        return total

    def is_finite(self) -> Any:
        """Whether no check of finite values failed: bool[]."""
        bit = FAULTS["not finite"]
        return self.code(bit) & bit == 0

    def within(self, jaxpr: Jaxpr, args: Sequence[Any]) -> tuple[list[Any], Any]:
        """The outputs of a program that an equation holds, and the code of its faults."""
        inner = Faults(self.kept, linear=self.linear)
        outs = run(jaxpr, args, inner)
        self.found |= inner.found
        return outs, inner.code()


@row("check")
def _check(at: At, *xs: Any, count: int) -> Any:
    for x in xs[:count]:
        at.faults.add("not finite", ~_is_finite(jnp.asarray(x)))
    return jnp.ones((), bool)


def _is_finite(x: Any) -> Any:
    """Whether all elements are finite; it may be False where the sum of squares overflows."""
    if x.dtype.itemsize < 4:
        return jnp.all(jnp.isfinite(x))
    return jnp.isfinite(jnp.vdot(x, x))  # one pass of BLAS's speed; masks change no result then


@row("linear_solve")
def _linear_solve(at: At, *xs: Any, **params: Any) -> Any:
    """The user's solvers, staged, under JAX's own linear solve, which has its derivative."""
    prim, m = primitives["linear_solve"], len(at.outs)
    closed, b = xs[:-m], xs[-m:]
    first = len(closed) - params["consts"]
    solve = _staged(lambda xs: prim.run(*xs, **params), at.ins)
    if at.faults.direct:
        return solve(xs)
    back = _staged(lambda xs: prim.transposed(xs, xs[-m:], **params), at.ins)
    apply = lambda x: run(params["matvec"], [*closed[first:], *x], Faults(kept=False))
    forth = lambda _, b: solve([*closed, *b])
    again = None if params["back"] is None else lambda _, ct: back([*closed, *ct])
    start = [jnp.asarray(x, a.dtype) for x, a in zip(b, at.outs, strict=True)]
    return lax.custom_linear_solve(apply, start, forth, again)


def _staged(function: Callable[[list[Any]], Any], avals: Sequence[Aval]) -> Any:
    """A function of values as a replayed program, staged at its first call."""

    def call(xs: Sequence[Any]) -> list[Any]:
        closed, _ = stage("linear_solve", lambda values: list(function(values)), avals)
        program = elementary(constants_as_inputs(closed.jaxpr))
        return run(program, [*closed.consts, *xs], Faults(kept=False, direct=True))

    return call


def _taint(at: At, mask: Any, x: Any, like: Any, *, whole: bool, who: str) -> Any:
    """nan where ``mask`` holds, as a linear map: also where x is 0, which JAX cannot transpose."""
    x = jnp.sum(x, (-2, -1), keepdims=True) if whole else x
    return jnp.broadcast_to(x * jnp.where(mask, np.nan, 0).astype(at.dtype), at.outs[0].shape)


def _slopes(at: At, w: Any, p: Any, *sides: Any) -> Any:
    """diag(P), the derivatives of eigenvalues or singular values; nan for equal ones, and for 0."""
    alone = lambda xs: [compare.eq(count_p(equal_p(xs[0]), axes=(len(at.ins[0].shape),)), 1)]
    fine = _staged(alone, at.ins[:1])([w])[0]
    if sides:
        fine &= ~_staged(lambda xs: [negligible_p(xs[0])], at.ins[:1])([w])[0]
    slopes = jnp.real(jnp.diagonal(p, axis1=-2, axis2=-1))
    return slopes * jnp.where(fine, 1, np.nan).astype(at.dtype)


def _set_at(at: At, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
    """A write as a sum, which JAX transposes where an element is written twice: the last counts."""
    if not arrays:
        return ROWS["set_at"](at, x, v, index=index)
    x, v = jnp.asarray(x, at.dtype), cast_to(v, at.dtype)
    key = key_of(at, x, index, arrays)
    shape = jax.eval_shape(lambda: jnp.zeros(x.shape).at[key].get(mode="fill")).shape
    numbers = jnp.arange(math.prod(shape)).reshape(shape)
    last = jnp.full(x.shape, -1).at[key].max(numbers, mode="drop")
    counts = last.at[key].get(mode="fill", fill_value=-1) == numbers
    written = jnp.zeros_like(x).at[key].add(jnp.where(counts, v, 0), mode="drop")
    return jnp.where(last < 0, x, 0) + written


# rows of linear programs, in the place of decompositions that compare their operands
LINEAR: dict[str, Row] = {
    "taint": _taint,
    "set_at": _set_at,
    "slopes_of_eigenvalues": _slopes,
    "slopes_of_singular_values": _slopes,
}


def elementary(jaxpr: Jaxpr, linear: bool = False) -> Jaxpr:
    """A program without constants in primitives that have rows.

    Args:
        jaxpr: the program.
        linear: whether JAX shall be able to transpose it.

    Raises:
        MissingRuleError: if a primitive has neither a row nor a decomposition.
        UnsupportedError: if JAX lacks a dtype.
    """
    _check_dtypes(jaxpr)
    return lowered(jaxpr, lambda name: name in ROWS or (linear and name in LINEAR), "JAX")


def _check_dtypes(jaxpr: Jaxpr) -> None:
    """Refuse long doubles."""
    made = [(v.aval.dtype, site(eqn)) for eqn in jaxpr.eqns for v in eqn.outs]
    for dtype, who in [*((v.aval.dtype, "an argument") for v in jaxpr.invars), *made]:
        if dtype.char in "gG":
            raise UnsupportedError(f"{who}: JAX has no {dtype}; convert it to a narrower dtype")
    for eqn in jaxpr.eqns:
        for inner in programs_in(eqn.params):
            _check_dtypes(inner)


def run(jaxpr: Jaxpr, args: Sequence[Any], faults: Faults) -> list[Any]:
    """The outputs of a program of primitives that have rows."""
    env: dict[Any, Any] = dict(zip(jaxpr.invars, args, strict=True))
    read = lambda a: a.value if isinstance(a, Literal) else env[a]
    for eqn in jaxpr.eqns:
        at = At([a.aval for a in eqn.ins], [v.aval for v in eqn.outs], faults)
        own = LINEAR.get(eqn.prim.name) if faults.linear else None
        outs = (own or ROWS[eqn.prim.name])(at, *_operands(eqn, read), **eqn.params)
        outs = outs if isinstance(outs, (tuple, list)) else (outs,)
        for v, y in zip(eqn.outs, outs, strict=True):
            env[v] = y if isinstance(y, Token) else jnp.asarray(y, v.aval.dtype)
            assert isinstance(y, Token) or env[v].shape == v.aval.shape, eqn.prim.name
    return [_value(read(a)) for a in jaxpr.outvars]


_NAMES = "psum pmax pmin all_gather psum_scatter all_to_all ppermute"
_COLLECTIVES = frozenset(_NAMES.split())
_TAKE_TOKENS = _COLLECTIVES | {"scan", "cond", "while", "checkpoint"}


def _operands(eqn: Eqn, read: Any) -> list[Any]:
    """The operands of an equation; the token of an axis is its index elsewhere."""
    xs = list(map(read, eqn.ins))
    if eqn.prim.name in _COLLECTIVES and not isinstance(xs[1], Token):
        raise UnsupportedError(
            f"{eqn.prim.name}: XLA cannot run a collective of dist.spmd; leave out backend='jax'"
        )
    return xs if eqn.prim.name in _TAKE_TOKENS else list(map(_value, xs))


def _value(x: Any) -> Any:
    return x.index if isinstance(x, Token) else x
