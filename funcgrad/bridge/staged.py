"""Functions of NumPy code, staged and replayed on JAX arrays.

The function is staged for the shapes and dtypes of a call, and its program is replayed. Derivatives
that JAX takes are those of this library, custom rules and conventions at edges included: the rule
of the replayed program replays the program of its derivative.
"""

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ..core.avals import Aval, aval_of, is_arraylike, is_inexact
from ..core.axes import Axis, bind_axes
from ..core.companions import inlined
from ..core.jaxpr import ClosedJaxpr, Jaxpr, constants_as_inputs, programs_in
from ..core.lists import compress
from ..transforms.arguments import Origin
from ..transforms.jaxprs import (
    eval_jvp,
    eval_vjp,
    in_avals,
    out_avals,
    tangent_avals,
)
from ..transforms.partial_eval import PartialEval, partial_eval_jaxpr
from ..transforms.staging import stage
from .calls import Signature, Staged, by_signature
from .masks import Replayed, jitted, linear, replayed
from .rules import Token

INDEX = Aval((), np.dtype(int))


def on_jax(fun: Callable[..., Any], names: tuple[Hashable, ...]) -> Callable[..., Any]:
    """The function for JAX arrays, see :func:`funcgrad.bridge.to_jax`."""
    sizes = lambda: tuple([lax.axis_size(name) for name in names])
    return by_signature(fun, _aval, lambda call: _staged(fun, names, call), sizes)


def _aval(x: Any) -> Aval:
    own = isinstance(x, jax.Array) and not jax.dtypes.issubdtype(x.dtype, jax.dtypes.extended)
    if not own:
        is_arraylike(x)  # which refuses arrays of other libraries, and keys of JAX
    if not hasattr(x, "shape"):
        return aval_of(x)
    # a Python scalar, under a transform of JAX
    weak = own and x.weak_type and x.shape == () and np.dtype(x.dtype).char in "dlD"
    return Aval(tuple(x.shape), np.dtype(x.dtype), weak)


def _staged(fun: Callable[..., Any], names: Sequence[Hashable], call: Signature) -> Staged:
    """The replayed program of the calls with a signature, and the structure of its output."""

    def on_leaves(tracers: list[Any]) -> Any:
        tokens, arrays = tracers[: len(names)], tracers[len(names) :]
        sizes: Any = call.context
        axes = {n: Axis(*row) for n, *row in zip(names, sizes, tokens, strict=True)}
        args, kwargs = call.arguments(arrays)
        with bind_axes(axes) if axes else nullcontext():
            return fun(*args, **kwargs)

    operands = [*[INDEX] * len(names), *call.avals]
    closed, out_tree = stage(Origin("to_jax", fun), on_leaves, operands)
    return replayed_program(closed, list(map(Token, names))), out_tree


def replayed_program(closed: ClosedJaxpr, tokens: Sequence[Token] = ()) -> Callable[..., Any]:
    """A program as a function of flat JAX arrays, with this library's derivatives.

    Args:
        closed: the program; its first inputs are the tokens.
        tokens: the named axes.
    """
    n = len(tokens)
    whole = jitted(replayed(constants_as_inputs(closed.jaxpr)))

    @functools.cache
    def constants(widest: np.dtype) -> list[Any]:
        """Those on the device, where they stay, in dtypes up to JAX's widest."""
        with jax.ensure_compile_time_eval():
            return [jax.device_put(x) if type(x) is np.ndarray else x for x in closed.consts]

    def values(*xs: Any) -> tuple[Any, ...]:
        return tuple(whole([*constants(jax.dtypes.canonicalize_dtype(float)), *tokens, *xs]))

    smooth = [is_inexact(a.dtype) for a in closed.in_avals[n:]]
    if not any(smooth):
        return values
    if "custom_vjp" in set(_names(closed.jaxpr)):
        ruled = _with_vjp(values, closed, tokens, smooth)
    else:
        ruled = _with_jvp(values, closed, tokens)
    is_traced = lambda x: isinstance(x, jax.core.Tracer)
    # JAX takes 200 us for a call of a function with a rule
    return lambda *xs: (ruled if any(map(is_traced, xs)) else values)(*xs)


def _names(jaxpr: Jaxpr) -> Iterator[str]:
    """The primitives of a program, and of those that it holds."""
    for eqn in jaxpr.eqns:
        yield eqn.prim.name
        called = inlined(eqn.prim, eqn.params)
        for inner in programs_in(eqn.params) if called is None else [called]:
            yield from _names(inner)


def _with_jvp(
    values: Callable[..., Any], closed: ClosedJaxpr, tokens: Sequence[Token]
) -> Callable[..., Any]:
    """The function with a rule of forward mode, staged for each choice of arguments.

    The program of the rule is cut in two. The first part computes the factors of the tangents, and
    has such a rule itself; JAX transposes the second part, which is linear.
    """
    jaxpr, front = constants_as_inputs(closed.jaxpr), [*closed.consts, *tokens]
    avals, smooth = in_avals(jaxpr), [is_inexact(a.dtype) for a in out_avals(jaxpr)]

    @functools.cache
    def parts(flags: tuple[bool, ...]) -> tuple[PartialEval, Callable[..., Any], Replayed]:
        every = [*[False] * len(front), *flags]
        both = functools.partial(eval_jvp, jaxpr, ins=every, outs=smooth)
        kept, seeds = ([True] * len(avals), [True] * len(smooth)), tangent_avals(avals, every)
        cut = partial_eval_jaxpr("to_jax", avals, seeds, both, kept, [False] * len(avals), False)
        consts = (*cut.consts, *closed.consts)
        now, n = cut.known, len(cut.consts) + len(closed.consts)
        known = ClosedJaxpr(Jaxpr(now.invars[n:], now.invars[:n], now.eqns, now.outvars), consts)
        return cut, replayed_program(known, tokens), jitted(linear(cut.unknown))

    function = jax.custom_jvp(values)

    def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        flags = tuple([not isinstance(t, SymbolicZero) for t in tangents])
        cut, known, pushed = parts(flags)
        outs = known(*primals)
        residuals = cut.residuals({"in": [*front, *primals], "out": outs})
        moved = iter(pushed([*residuals, *compress(tangents, flags)]))
        still = lambda y: np.zeros(y.shape, jax.dtypes.float0)
        outs = tuple(outs[: len(smooth)])
        return outs, tuple(
            [next(moved) if s else still(y) for y, s in zip(outs, smooth, strict=True)]
        )

    function.defjvp(rule, symbolic_zeros=True)
    return function


def _with_vjp(
    values: Callable[..., Any],
    closed: ClosedJaxpr,
    tokens: Sequence[Token],
    smooth: Sequence[bool],
) -> Callable[..., Any]:
    """The function with a rule of reverse mode, for a program with a ``custom_vjp``."""
    jaxpr, known = constants_as_inputs(closed.jaxpr), len(closed.consts) + len(tokens)
    every = [*[False] * known, *smooth]
    outs = [is_inexact(a.dtype) for a in out_avals(jaxpr)]
    free = in_avals(jaxpr)[len(closed.consts) :]

    @functools.cache
    def pulled() -> Callable[..., Any]:
        def pull(xs: list[Any]) -> Any:
            primals, cts = [*closed.consts, *xs[: len(free)]], xs[len(free) :]
            return eval_vjp(jaxpr, primals, cts, every, outs)[1]

        seeds = tangent_avals(out_avals(jaxpr), outs)
        return replayed_program(stage("to_jax", pull, [*free, *seeds])[0], tokens)

    def back(xs: Sequence[Any], cts: Sequence[Any]) -> Any:
        found = iter(pulled()(*xs, *compress(cts, outs)))
        return tuple([next(found) if s else None for s in smooth])

    function = jax.custom_vjp(values)
    function.defvjp(lambda *xs: (values(*xs), xs), back)
    return function
