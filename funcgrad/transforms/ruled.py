"""Primitives that hold functions, each with a rule of the user's own in place of its derivative.

The functions take and give leaves, and run one level down, so that they may branch on numbers.
vmap runs them in its own trace; staging keeps the function as a program and the rule as it is,
until somebody differentiates.
"""

from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of, is_inexact
from ..core.errors import LeakedTracerError, MissingDerivativeError, MissingRuleError, ShapeError
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.trace import Primitive
from ..ops.structure import Batched, front, stretched, sum_p, transpose_p
from .batching import Batch, run_in
from .forward import push
from .programs import (
    apart,
    chosen,
    given,
    hoisted,
    linear_in,
    newest,
    out_avals,
    spread,
    tangent_avals,
)
from .pullback import pulled
from .reverse import transpose_program
from .staging import stage

Leaves = Callable[..., Sequence[Any]]  # a function of leaves to leaves


class Program:
    """A staged function; it may be called like the one it was."""

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.jaxpr = jaxpr

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return eval_jaxpr(self.jaxpr, (), args)


class Ruled(Primitive):
    """``fun`` of leaves; its rules see the operands but for the first ``extra`` ones."""

    is_open = True

    @override
    def run(self, *args: Any, fun: Leaves, **params: Any) -> tuple[Any, ...]:
        return tuple(fun(*args))

    @override
    def infer(self, *avals: Aval, fun: Any, **params: Any) -> tuple[Aval, ...]:
        return tuple([v.aval for v in fun.jaxpr.outvars])

    def bodies(self, *ins: Any, fun: Any, **params: Any) -> list[tuple[Jaxpr, Any]]:
        return [(fun.jaxpr, ins)]

    def inlined(self, *, fun: Any, **params: Any) -> tuple[Jaxpr | None, bool]:
        return (fun.jaxpr if isinstance(fun, Program) else None), False

    @override
    def is_linear(self, operands: frozenset[int], *, fun: Any, **params: Any) -> bool:
        """Return whether the function itself is linear: its rules are for who differentiates."""
        if not isinstance(fun, Program):
            return False
        flags = [i in operands for i in range(len(fun.jaxpr.invars))]
        return linear_in(fun.jaxpr, flags) is not None

    @override
    def vjp(
        self, cts: Any, needs: Any, outs: Any, ins: Any, *, fun: Any, **params: Any
    ) -> Sequence[Any]:
        """Transpose the function: in a linear program it stands for what it is."""
        wanted = [need is not None for need in needs]

        def linear(ts: list[Any]) -> list[Any]:
            rest = iter(ts)
            xs = [next(rest) if w else x for w, x in zip(wanted, ins, strict=True)]
            return list(fun(*xs))

        avals = [aval_of(x) for x in chosen(ins, wanted)]
        closed, _ = stage(self.name, linear, avals, lasting=False)
        return spread(transpose_program(closed, cts), wanted)

    def close(self, *avals: Aval, fun: Leaves, extra: int, **params: Any) -> tuple[Any, Any]:
        """Stage the function: what it closes over are operands, which its rules have already."""
        if isinstance(fun, Program):
            return (), {"fun": fun, "extra": extra, **params}
        closed, _ = stage(self.name, lambda xs: list(fun(*xs)), avals, lasting=False)
        program = Program(hoisted(closed.jaxpr))
        return closed.consts, {"fun": program, "extra": extra + len(closed.consts), **params}

    def map_in(self, trace: Batch, args: Any, axes: Any, **params: Any) -> Batched:
        """Bind functions of all examples, whose results have the axis in front."""
        outs = self.bind(*args, **self.mapped(trace, axes, **params))
        return outs, [0] * len(outs)

    def mapped(self, trace: Batch, axes: Any, *, fun: Leaves, **params: Any) -> dict[str, Any]:
        return {"fun": _all(trace, fun, axes), **params}


def _all(trace: Batch, fun: Leaves, axes: Sequence[int | None]) -> Leaves:
    """Return a function of all examples, given where their axis lies in its operands."""

    def all_of(*values: Any) -> list[Any]:
        return [stretched(y, d, trace.size) for y, d in run_in(trace, fun, values, axes)]

    return all_of


def _values(rule: Any, xs: Sequence[Any], outs: Sequence[Any], ts: Sequence[Any]) -> Sequence[Any]:
    """Return the outputs that a rule gives, without the tangents.

    A rule that puts values and tangents through one loop gives values that are staged with them.
    """
    if apart(xs, ts) and newest(outs) >= newest(ts):
        return rule(xs, given([None] * len(xs), xs))[0]
    return outs


def check_outs(prim: Primitive, fun: Leaves, outs: Sequence[Any]) -> None:
    """Raise if a rule gives outputs of other shapes or dtypes than the function, where staged."""
    if not isinstance(fun, Program):
        return
    want = out_avals(fun.jaxpr)
    got = [Aval(a.shape, a.dtype) for a in map(aval_of, outs)]
    if want != got:
        raise ShapeError(
            f"{prim}: the rule's output must have the shapes and dtypes of the function's, {want}: "
            f"got {got}"
        )


class CustomJvp(Ruled):
    """``rule(primals, tangents) -> outs, tangents`` gives both derivatives: reverse transposes."""

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, fun: Any, extra: int, rule: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        xs = primals[extra:]
        outs, ts = rule(xs, given(tangents[extra:], xs))
        outs = _values(rule, xs, outs, tangents)
        check_outs(self, fun, outs)
        return outs, [
            t if is_inexact(aval_of(y).dtype) else None for y, t in zip(outs, ts, strict=True)
        ]

    def pull(
        self, ins: Sequence[Any], needs: Sequence[Any], *, fun: Any, extra: int, rule: Any
    ) -> tuple[Any, Any]:
        xs, flags = ins[extra:], [need is not None for need in needs[extra:]]
        outs: list[Any] = []
        smooth: list[bool] = []
        seeds: list[Any] = []

        def tangents_out(ts: list[Any]) -> list[Any]:
            seeds[:] = ts
            outs[:], got = rule(xs, given(spread(ts, flags), xs))
            smooth[:] = [is_inexact(aval_of(y).dtype) for y in outs]
            return chosen(got, smooth)

        closed, _ = stage(self.name, tangents_out, tangent_avals(list(map(aval_of, xs)), flags))
        outs[:] = _values(rule, xs, outs, seeds)
        check_outs(self, fun, outs)

        def pull(cts: Sequence[Any]) -> list[Any]:
            try:
                found = transpose_program(closed, chosen(cts, smooth))
            except MissingRuleError as err:
                words = str(err).removeprefix("linear_transpose: the function")
                raise MissingRuleError(f"custom_jvp: the rule of {rule.__name__}{words}") from None
            return [*[None] * extra, *spread(found, flags)]

        return outs, pull

    @override
    def mapped(
        self, trace: Batch, axes: Any, *, fun: Leaves, extra: int, rule: Any
    ) -> dict[str, Any]:
        own = axes[extra:]

        def rule_of_all(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            n = len(primals)
            flat = lambda *xs: [y for part in rule(xs[:n], xs[n:]) for y in part]
            both = _all(trace, flat, [*own, *own])(*primals, *tangents)
            return both[: len(both) // 2], both[len(both) // 2 :]

        rule_of_all.__name__ = rule.__name__
        return {"fun": _all(trace, fun, axes), "extra": extra, "rule": rule_of_all}


class CustomVjp(Ruled):
    """``fwd(*ins) -> outs, residuals`` and ``bwd(residuals, cts) -> cts`` give reverse mode."""

    def push(self, primals: Any, tangents: Any, *, fwd: Any, **params: Any) -> Any:
        raise MissingDerivativeError(
            f"custom_vjp: {fwd.__name__} has no forward derivative: its rule gives the reverse one "
            f"alone; use reverse mode (grad, vjp, jacrev), or define it with custom_jvp"
        )

    def pull(
        self, ins: Sequence[Any], needs: Sequence[Any], *, fun: Any, extra: int, fwd: Any, bwd: Any
    ) -> tuple[Any, Any]:
        outs, residuals = fwd(*ins[extra:])
        check_outs(self, fun, outs)
        likes = [aval_of(y) for y in outs]

        def pull(cts: Sequence[Any]) -> list[Any]:
            try:
                return [*[None] * extra, *bwd(residuals, given(cts, likes))]
            except LeakedTracerError:
                raise LeakedTracerError(
                    f"custom_vjp: bwd of {fwd.__name__} uses a traced value that it closes over, "
                    f"whose transform has returned; "
                    f"pass it to bwd among the residuals that fwd returns"
                ) from None

        return outs, pull

    @override
    def mapped(
        self, trace: Batch, axes: Any, *, fun: Leaves, extra: int, fwd: Any, bwd: Any
    ) -> dict[str, Any]:
        own, size = axes[extra:], trace.size

        def fwd_of_all(*values: Any) -> tuple[list[Any], Any]:
            count, treedef = 0, None

            def flat(*xs: Any) -> list[Any]:
                nonlocal count, treedef
                outs, residuals = fwd(*xs)
                leaves, treedef = tree.flatten(residuals)
                count = len(outs)
                return [*outs, *leaves]

            pairs = run_in(trace, flat, values, own)
            outs = [stretched(y, d, size) for y, d in pairs[:count]]
            return outs, (treedef, [x for x, _ in pairs[count:]], [d for _, d in pairs[count:]])

        def bwd_of_all(residuals: Any, cts: Sequence[Any]) -> list[Any]:
            treedef, leaves, places = residuals
            n = len(leaves)
            flat = lambda *xs: bwd(tree.unflatten(treedef, xs[:n]), xs[n:])
            pairs = run_in(trace, flat, [*leaves, *cts], [*places, *[0] * len(cts)])
            return [_gathered(ct, d, want, size) for (ct, d), want in zip(pairs, own, strict=True)]

        fwd_of_all.__name__ = fwd.__name__
        return {
            "fun": _all(trace, fun, axes), "extra": extra, "fwd": fwd_of_all, "bwd": bwd_of_all,
        }  # fmt: skip


def _gathered(ct: Any, axis: int | None, want: int | None, size: int) -> Any:
    """Return the cotangents of all examples as that of their operand; a shared one gets the sum."""
    if ct is None:
        return None
    if want is None:
        return ct * size if axis is None else sum_p(front(ct, axis), axes=(0,))
    ct = stretched(ct, axis, size)
    rest = range(want + 1, len(ct.shape))
    return transpose_p(ct, perm=(*range(1, want + 1), 0, *rest)) if want else ct


class CustomBatch(Ruled):
    """``rule(size, batched, *ins) -> outs, batched`` is how vmap runs it."""

    def push(self, primals: Any, tangents: Any, *, fun: Leaves, **params: Any) -> Any:
        pairs = push(self.name, lambda xs: (list(fun(*xs)), None), primals, tangents)[1]
        return [y for y, _ in pairs], [t for _, t in pairs]

    def pull(self, ins: Any, needs: Any, *, fun: Leaves, **params: Any) -> tuple[Any, Any]:
        return pulled(self.name, fun, ins, needs)

    @override
    def map_in(
        self, trace: Batch, args: Any, axes: Any, *, fun: Any, extra: int, rule: Any
    ) -> Batched:
        if any(d is not None for d in axes[:extra]):
            pairs = run_in(trace, fun, args, axes)
            return [y for y, _ in pairs], [d for _, d in pairs]
        xs = [x if d is None else front(x, d) for x, d in zip(args, axes, strict=True)][extra:]
        outs, flags = rule(trace.size, [d is not None for d in axes[extra:]], xs)
        return outs, [0 if flag else None for flag in flags]


custom_jvp_p = CustomJvp("custom_jvp")
custom_vjp_p = CustomVjp("custom_vjp")
custom_batch_p = CustomBatch("custom_batch")
