"""Primitives of custom rules: each holds a function of leaves, and rules for its derivative.

The function runs one level down, so that it may branch on concrete values. vmap runs it in its own
trace; staging keeps the function as a program, and the rule as a function until a transform needs
it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from ...core import tree
from ...core.avals import Aval, aval_of, is_inexact
from ...core.buffers import returned
from ...core.companions import HoldsPrograms, Series
from ...core.dependence import linear_in
from ...core.errors import ClosureError, LeakedTracerError, MissingDerivativeError, ShapeError
from ...core.jaxpr import Jaxpr, constants_as_inputs
from ...core.lists import compress, expand
from ...core.ownership import copied
from ...core.trace import Primitive, Trace, Tracer
from ...ops.structure import Batched, axis_to_front, batch_at_front
from ..batched_functions import again, batched_ct, check_within, run_in_trace, vmapped
from ..batching import Batch
from ..forward import push_again
from ..jaxprs import instantiate_zeros, out_avals, tangent_avals
from ..snapshots import RESIDUAL, Snapshots, copy_for_user
from ..staging import stage
from ..transposition import transpose_program
from ..untraced import called, handed
from .base import vjp_again
from .closures import (
    ClosedJvp,
    Program,
    both_parts,
    closed_jvp,
    closed_vjp,
    labelled,
    opened,
    padded,
    values_of,
)
from .rule_sets import jvp_sets, vjp_sets

Leaves = Callable[..., Sequence[Any]]  # a function of leaves to leaves


class Ruled(Primitive, HoldsPrograms):
    """``fun`` of leaves; its rules see the operands but for the first ``extra`` ones."""

    is_open = True
    runs_users = True

    @override
    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        """Apply; values of an inner transform that a function closes over become operands."""
        try:
            return super().bind(*args, **params)
        except ClosureError as err:
            if isinstance(params["fun"], Program):
                raise
            try:
                consts, params = self.close(None, *map(aval_of, args), **params)
            except Exception:  # it may branch on concrete values: the first error says more
                raise err from None
        return super().bind(*consts, *args, **params)

    @override
    def run(self, *args: Any, fun: Leaves, **params: Any) -> tuple[Any, ...]:
        return tuple(called(fun, args))

    def decompose(self, *args: Any, fun: Leaves, **params: Any) -> tuple[Any, ...]:
        return tuple(fun(*args))

    @override
    def infer(self, *avals: Aval, fun: Any, **params: Any) -> tuple[Aval, ...]:
        return tuple([v.aval for v in fun.jaxpr.outvars])

    def bodies(self, *ins: Any, fun: Any, **params: Any) -> list[tuple[Jaxpr, Any]]:
        return [(fun.jaxpr, ins)]

    def depend_through(self, walk: Any, ins: Any, avals: Any, *, fun: Any, **params: Any) -> Any:
        return walk.run(fun.jaxpr, ins)

    def inline(self, *, fun: Any, **params: Any) -> tuple[Jaxpr | None, bool]:
        return (fun.jaxpr if isinstance(fun, Program) else None), False

    @override
    def is_linear(self, operands: frozenset[int], *, fun: Any, **params: Any) -> bool:
        """Whether the function itself is linear, its rules aside."""
        if not isinstance(fun, Program):
            return False
        flags = [i in operands for i in range(len(fun.jaxpr.invars))]
        return linear_in(fun.jaxpr, flags) is not None

    @override
    def vjp(
        self, cts: Any, needs: Any, outs: Any, ins: Any, *, fun: Any, **params: Any
    ) -> Sequence[Any]:
        """Transpose the function itself: in a linear program its rules play no part."""
        wanted = [need is not None for need in needs]

        def linear(ts: list[Any]) -> list[Any]:
            rest = iter(ts)
            xs = [next(rest) if w else x for w, x in zip(wanted, ins, strict=True)]
            return list(fun(*xs))

        avals = [aval_of(x) for x in compress(ins, wanted)]
        closed, _ = stage(self.name, linear, avals, lasting=False)
        return expand(transpose_program(closed, cts), wanted)

    def close(
        self, trace: Trace | None, *avals: Aval, fun: Leaves, extra: int, **params: Any
    ) -> tuple[Any, Any]:
        """Stage the function, and its rules if they close over traced values.

        The values closed over become operands: first those of the rules, then the function's.
        """
        if isinstance(fun, Program):
            return (), {"fun": fun, "extra": extra, **params}
        closed, _ = stage(self.name, lambda xs: list(fun(*xs)), avals, lasting=False)
        held, rules = self.closed(avals[extra:], len(closed.jaxpr.outvars), **params)
        program = Program(padded(constants_as_inputs(closed.jaxpr), list(map(aval_of, held))))
        operands = (*held, *closed.consts)
        return operands, {"fun": program, "extra": extra + len(operands), **rules}

    def closed(
        self, avals: Sequence[Aval], count: int, **rules: Any
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """The traced values that the rules close over, and the rules."""
        return (), rules

    def pushed(self, primals: Any, tangents: Any, fun: Leaves) -> tuple[list[Any], list[Any]]:
        """jvp of the function itself, for tangents of values that it closes over."""
        on_leaves = lambda xs: (list(fun(*xs)), None)
        pairs = push_again(self.name, on_leaves, primals, tangents)[1]
        return [y for y, _ in pairs], [t for _, t in pairs]

    def pushed_held(self, primals: Any, tangents: Any, **params: Any) -> tuple[Any, list[Any]]:
        """jvp by closed-over values alone; the outputs keep the rule for outer transforms."""
        return self.bind(*primals, **params), self.pushed(primals, tangents, params["fun"])[1]

    def pulled_held(self, ins: Any, needs: Any, **params: Any) -> tuple[list[Any], Any]:
        """vjp by closed-over values alone; the outputs keep the rule for outer transforms."""
        return list(self.bind(*ins, **params)), vjp_again(self.name, params["fun"], ins, needs)[1]

    def batch_in_trace(self, trace: Batch, args: Any, axes: Any, **params: Any) -> Batched:
        """Bind functions of all examples; their results have the batch axis in front."""
        outs = self.bind(*args, **self.mapped(trace, args, axes, **params))
        return outs, [0] * len(outs)

    def mapped(
        self, trace: Batch, args: Any, axes: Any, *, fun: Leaves, **params: Any
    ) -> dict[str, Any]:
        return {"fun": vmapped(trace, fun, axes), **params}


def check_outs(prim: Primitive, fun: Leaves, outs: Sequence[Any]) -> None:
    """Raise if outputs of a rule differ in shape or dtype from those of the staged function."""
    if not isinstance(fun, Program):
        return
    want = out_avals(fun.jaxpr)
    got = [Aval(a.shape, a.dtype) for a in map(aval_of, outs)]
    if want != got:
        raise ShapeError(
            f"{prim}: the rule's output must have the shapes and dtypes of the function's, {want}: "
            f"got {got}"
            "; return what the function returns"
        )


class CustomJvp(Ruled):
    """``rule(primals, tangents) -> outs, tangents`` gives both derivatives: reverse transposes."""

    @override
    def depend_through(self, walk: Any, ins: Any, avals: Any, **params: Any) -> Any:
        return jvp_sets(walk, ins, avals, **params)

    @override
    def closed(
        self, avals: Sequence[Aval], count: int, **rules: Any
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        held, rule = closed_jvp(self, rules["rule"], avals, count)
        return held, {"rule": rule}

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, fun: Any, extra: int, rule: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        if all(t is None for t in tangents[extra:]):
            return self.pushed_held(primals, tangents, fun=fun, extra=extra, rule=rule)
        xs, (apply, consts) = primals[extra:], opened(rule, primals)
        outs, ts = handed(apply, (xs, instantiate_zeros(tangents[extra:], xs)))
        outs = list(map(returned, values_of(apply, xs, outs, tangents)))
        check_outs(self, fun, outs)
        moved: Sequence[Any] = [None] * len(outs)
        if any(t is not None for t in tangents[: len(consts)]):
            values = lambda cs: (rule(cs, xs, instantiate_zeros([None] * len(xs), xs))[0], None)
            own = tangents[: len(consts)]
            moved = [t for _, t in push_again(self.name, values, consts, own)[1]]
        return outs, [
            _total(t, m) if is_inexact(aval_of(y).dtype) else None
            for y, t, m in zip(outs, ts, moved, strict=True)
        ]

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], *, fun: Any, extra: int, rule: Any
    ) -> tuple[Any, Any]:
        if all(need is None for need in needs[extra:]):
            return self.pulled_held(ins, needs, fun=fun, extra=extra, rule=rule)
        xs, flags = ins[extra:], [need is not None for need in needs[extra:]]
        apply, consts = opened(rule, ins)
        outs: list[Any] = []
        smooth: list[bool] = []
        seeds: list[Any] = []

        def tangents_out(ts: list[Any]) -> list[Any]:
            seeds[:] = ts
            outs[:], got = apply(xs, instantiate_zeros(expand(ts, flags), xs))
            smooth[:] = [is_inexact(aval_of(y).dtype) for y in outs]
            return compress(got, smooth)

        avals = tangent_avals(list(map(aval_of, xs)), flags)
        closed, _ = stage(self.name, tangents_out, avals, transposed=True, takes_effects=False)
        outs[:] = values_of(apply, xs, outs, seeds)
        check_outs(self, fun, outs)
        values = lambda *cs: rule(cs, xs, instantiate_zeros([None] * len(xs), xs))[0]
        moved = _pulled_consts(self, values, consts, needs)

        def pull(cts: Sequence[Any]) -> list[Any]:
            what = f"custom_jvp: the rule of {rule.__name__}"
            found = transpose_program(closed, compress(cts, smooth), what=what)
            return [*moved(cts), *[None] * (extra - len(consts)), *expand(found, flags)]

        return outs, pull

    @override
    def mapped(
        self, trace: Batch, args: Any, axes: Any, *, fun: Leaves, extra: int, rule: Any
    ) -> dict[str, Any]:
        own, (_, consts) = axes[extra:], opened(rule, args)
        m = len(consts)
        apply = rule if isinstance(rule, ClosedJvp) else lambda _, *both: rule(*both)

        def rule_of_all(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            n = m + len(primals)
            flat = lambda *xs: [y for part in apply(xs[:m], xs[m:n], xs[n:]) for y in part]
            places = [*axes[:m], *own, *own]
            both = vmapped(trace, flat, places)(*consts, *primals, *tangents)
            return both[: len(both) // 2], both[len(both) // 2 :]

        labelled(rule_of_all, rule.base, rule.__name__)
        return {"fun": vmapped(trace, fun, axes), "extra": extra, "rule": rule_of_all}


def _total(a: Any, b: Any) -> Any:
    return a if b is None else b if a is None else a + b


def _pulled_consts(
    prim: Primitive, values: Leaves, consts: Sequence[Any], needs: Sequence[Any]
) -> Callable[[Sequence[Any]], list[Any]]:
    """The map from cotangents of a rule's outputs to those of the values it closed over."""
    own = needs[: len(consts)]
    if all(need is None for need in own):
        return lambda cts: [None] * len(consts)
    return vjp_again(prim.name, values, consts, own)[1]


class CustomVjp(Ruled, Series):
    """``fwd(*ins) -> outs, residuals`` and ``bwd(residuals, cts) -> cts`` give reverse mode."""

    simpler = Ruled.decompose

    @override
    def depend_through(self, walk: Any, ins: Any, avals: Any, **params: Any) -> Any:
        return vjp_sets(walk, ins, avals, **params)

    @override
    def closed(
        self, avals: Sequence[Aval], count: int, **rules: Any
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        held, fwd, bwd = closed_vjp(self, rules["fwd"], rules["bwd"], avals)
        return held, {"fwd": fwd, "bwd": bwd}

    def value_and_jvp(
        self, primals: Any, tangents: Any, *, fun: Any, extra: int, fwd: Any, **params: Any
    ) -> Any:
        if all(t is None for t in tangents[extra:]):
            return self.pushed_held(primals, tangents, fun=fun, extra=extra, fwd=fwd, **params)
        raise MissingDerivativeError(
            f"custom_vjp: {fwd.__name__} has no forward derivative, only a reverse one; define its "
            f"rule with custom_jvp"
        )

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], *, fun: Any, extra: int, fwd: Any, bwd: Any
    ) -> tuple[Any, Any]:
        if all(need is None for need in needs[extra:]):
            return self.pulled_held(ins, needs, fun=fun, extra=extra, fwd=fwd, bwd=bwd)
        xs, (first, second, consts) = ins[extra:], both_parts(fwd, bwd, ins)
        outs, residuals = handed(lambda *xs: first(consts, *xs), xs)
        check_outs(self, fun, outs)
        likes = [aval_of(y) for y in outs]
        moved = _pulled_consts(self, lambda *cs: first(cs, *xs)[0], consts, needs)
        snapshots = Snapshots(f"{self} of {fwd.__name__}")
        kept = tree.map(lambda x: snapshots.take(x, self, RESIDUAL), residuals)

        def pull(cts: Sequence[Any]) -> list[Any]:
            # copies: the rule may write to its arguments, and keep its results
            own_cts = list(map(copied, instantiate_zeros(cts, likes)))
            try:
                found = second(consts, tree.map(copy_for_user, kept), own_cts)
                snapshots.check()
                found = list(map(copied, found))
                return [*moved(cts), *[None] * (extra - len(consts)), *found]
            except LeakedTracerError:
                raise LeakedTracerError(
                    f"custom_vjp: bwd of {fwd.__name__} closes over a traced value whose transform "
                    f"has returned; return it from fwd among the residuals"
                ) from None

        return outs, pull

    @override
    def mapped(
        self, trace: Batch, args: Any, axes: Any, *, fun: Leaves, extra: int, fwd: Any, bwd: Any
    ) -> dict[str, Any]:
        own, size, (first, second, consts) = axes[extra:], trace.size, both_parts(fwd, bwd, args)
        m = len(consts)

        def fwd_of_all(*values: Any) -> tuple[list[Any], Any]:
            count, treedef, used = 0, None, again(trace)

            def flat(*xs: Any) -> list[Any]:
                nonlocal count, treedef
                outs, residuals = first(xs[:m], *xs[m:])
                leaves, treedef = tree.flatten(residuals)
                count = len(outs)
                return [*outs, *leaves]

            pairs = run_in_trace(used, flat, [*consts, *values], [*axes[:m], *own], closes=True)
            outs = [batch_at_front(y, d, size) for y, d in pairs[:count]]
            saved, places = [x for x, _ in pairs[count:]], [d for _, d in pairs[count:]]
            return outs, (used, treedef, saved, places)

        def bwd_of_all(residuals: Any, cts: Sequence[Any]) -> list[Any]:
            used, treedef, leaves, places = residuals
            n = m + len(leaves)
            flat = lambda *xs: second(xs[:m], tree.unflatten(treedef, xs[m:n]), xs[n:])
            values = [*consts, *leaves, *cts]
            both = [*axes[:m], *places, *[0] * len(cts)]
            pairs = run_in_trace(used, flat, values, both, closes=any(map(callable, leaves)))
            return [batched_ct(ct, d, want, size) for (ct, d), want in zip(pairs, own, strict=True)]

        labelled(fwd_of_all, fwd.base, fwd.__name__)
        return {
            "fun": vmapped(trace, fun, axes), "extra": extra, "fwd": fwd_of_all, "bwd": bwd_of_all,
        }  # fmt: skip


class CustomBatch(Ruled, Series):
    """``rule(size, batched, *ins) -> outs, batched`` is its rule for vmap."""

    simpler = Ruled.decompose

    def value_and_jvp(self, primals: Any, tangents: Any, *, fun: Leaves, **params: Any) -> Any:
        return self.pushed(primals, tangents, fun)

    def value_and_vjp(self, ins: Any, needs: Any, *, fun: Leaves, **params: Any) -> tuple[Any, Any]:
        return vjp_again(self.name, fun, ins, needs)

    @override
    def batch_in_trace(
        self, trace: Batch, args: Any, axes: Any, *, fun: Any, extra: int, rule: Any
    ) -> Batched:
        if any(d is not None for d in axes[:extra]):
            pairs = run_in_trace(trace, fun, args, axes)
            return [y for y, _ in pairs], [d for _, d in pairs]
        xs = [x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True)][
            extra:
        ]
        try:
            flags = [d is not None for d in axes[extra:]]
            outs, flags = handed(lambda *xs: rule(trace.size, flags, xs), xs)
            check_within(trace, outs)
            held = any(isinstance(y, Tracer) and y._trace is trace for y in outs)
        except LeakedTracerError:  # it closes over a value of a trace that staged the function
            held = True
        if held:  # the rule cannot tell which outputs vary, the function can
            pairs = run_in_trace(trace, fun, args, axes)
            return [y for y, _ in pairs], [d for _, d in pairs]
        return outs, [0 if flag else None for flag in flags]


custom_jvp_p = CustomJvp("custom_jvp")
custom_vjp_p = CustomVjp("custom_vjp")
custom_batch_p = CustomBatch("custom_batch")
