"""The primitive behind while_loop and fori_loop: a program repeated while a condition holds.

A loop has passes. The first pass is the loop itself. Each pass after it runs over the same steps,
in the opposite direction to the one before, and reads the rows that the passes before it have
emitted at each step. So the reverse derivative of a loop is a loop of twice as many passes,
for any number of steps; and so is the derivative of that. A loop on arrays, which runs at once,
stores its residuals instead, and its backward pass is a scan over them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.companions import Codegen, Masking
from ..core.dependence import dependent, linear_in
from ..core.effects import params_without_effects, without_effects
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import compress, expand, split_list
from ..core.ownership import unaliased_outputs
from ..core.propagation import Propagation
from ..ops.operand import strong
from ..ops.paths import Gaps, path_mask
from ..ops.structure import Batched, axis_to_front, cast
from ..transforms.jaxpr_primitive import JaxprPrimitive
from ..transforms.jaxprs import (
    accumulator_avals,
    avals_beside,
    batch_jaxpr,
    eval_masked,
    eval_series,
    in_avals,
    in_rows,
    instantiate_zeros,
    is_linearizing,
    out_avals,
    trace_to_jaxpr,
)
from ..transforms.paths import Paths
from .c_while import while_in_c
from .codegen import write_while
from .loop_sets import while_sets
from .pruning import pruned_while
from .scan import residual_scan
from .while_passes import (
    MaskedPasses,
    Pass,
    RoundTrip,
    WhileLayout,
    are_untraced,
    cast_cotangents,
    dual_pass,
    jvp_seeds,
    pass_jvp,
    pass_partial_eval,
    passes_of,
    vjp_seeds,
    with_batch_axis,
)


class While(JaxprPrimitive, Masking, Codegen):
    """``cond : consts, carry -> bool``; ``passes[j] : consts, carry, rows -> carry, row``.

    Operands: the constants of ``cond``, then the constants and the carry of each pass; see
    :class:`WhileLayout`. Outputs: the carry of each pass.
    """

    @override
    def run(
        self, *args: Any, cond: Jaxpr, passes: tuple[Jaxpr, ...], sizes: tuple[tuple[int, int], ...]
    ) -> tuple[Any, ...]:
        cond_consts, ((consts, carry), *others) = WhileLayout(sizes).operands(args)
        rows: list[list[Any]] = []
        while cond.run(*cond_consts, *carry)[0]:
            carry, emitted = split_list(passes[0].run(*consts, *carry), len(carry))
            if others:
                rows.append(emitted)
        results = carry
        for loop, (consts, carry) in zip(passes[1:], others, strict=True):
            rows.reverse()
            for row in rows:
                carry, emitted = split_list(loop.run(*consts, *carry, *row), len(carry))
                row += emitted
            results = results + carry
        return unaliased_outputs(results, args)

    @override
    def infer(
        self,
        *avals: Aval,
        cond: Jaxpr,
        passes: tuple[Jaxpr, ...],
        sizes: tuple[tuple[int, int], ...],
    ) -> tuple[Aval, ...]:
        pairs = zip(passes, sizes, strict=True)
        return tuple(a for loop, (_, k) in pairs for a in out_avals(loop)[:k])

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], **params: Any) -> None:
        write_while(w, outs, ins, **params)

    def in_c(self, w: Any, *ins: Any, **params: Any) -> Any:
        return while_in_c(w, *ins, **params)

    def turns(self, **params: Any) -> int:
        return 20  # their number is not known: more than of a Newton iteration, less than of others

    def bodies(self, *ins: Any, cond: Jaxpr, passes: Any, sizes: Any) -> list[tuple[Jaxpr, Any]]:
        cond_consts, parts = WhileLayout(sizes).operands(ins)
        pairs = zip(passes, parts, strict=True)
        found = [(loop, [*c, *x, *[None] * (len(loop.invars) - len(c) - len(x))])
                 for loop, (c, x) in pairs]  # fmt: skip
        return [(cond, [*cond_consts, *parts[0][1]]), *found]

    def prune(self, used: Sequence[bool], **params: Any) -> Any:
        return pruned_while(used, **params)

    def depend_through(self, walk: Propagation, ins: Any, avals: Any, **params: Any) -> Any:
        return while_sets(walk, ins, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        cond, sizes = params["cond"], params["sizes"]
        count = len(cond.invars) - sizes[0][1] + sum(map(sum, sizes))
        flags = [i in operands for i in range(count)]
        linear = lambda loop, now: linear_in(loop, now) or [False] * len(loop.outvars)
        cond_consts, passes = passes_of(flags, flags, params, linear)
        steady = not dependent(
            cond, [*cond_consts, *passes[0].outs[: sizes[0][1]]], smoothly=False
        )[0]
        return steady and all(linear_in(loop.program, loop.ins) is not None for loop in passes)

    def depends(self, flags: Sequence[bool], **params: Any) -> list[bool]:
        reached = lambda loop, now: dependent(loop, now, smoothly=False)
        cond_consts, passes = passes_of(flags, list(flags), params, reached)
        carries = [loop.outs[: len(loop.carry)] for loop in passes]
        stop = dependent(params["cond"], [*cond_consts, *carries[0]], smoothly=False)[0]
        return [stop or flag for carry in carries for flag in carry]

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        cond_consts, passes = passes_of(
            primals, [t is not None for t in tangents], params, dependent
        )
        _, ts = WhileLayout(params["sizes"]).operands(instantiate_zeros(tangents, primals))
        if not is_linearizing(primals, tangents):
            return self.bind_jvp(cond_consts, passes, ts, params)
        if len(passes) > 1 or not are_untraced(primals):
            trip = RoundTrip(passes, [pass_partial_eval(loop, *jvp_seeds(loop)) for loop in passes])
            outs = self.outs(cond_consts, trip, params)
            again = [p._replace(program=without_effects(p.program)) for p in passes]
            silent = params_without_effects(params)
            return outs, self.bind_jvp(cond_consts, again, ts, silent)[1]
        (loop,), ((t_consts, t_carry),), n = passes, ts, len(passes[0].consts)
        outs, later = self.run_saving(cond_consts, loop, *jvp_seeds(loop), params)
        seeds = [compress(t_consts, loop.ins[:n]), compress(t_carry, loop.ins[n:]), []]
        return outs, expand(later(seeds, False), loop.outs)

    @override
    def value_and_series(
        self, primals: Sequence[Any], terms: Sequence[Any], order: int, **params: Any
    ) -> tuple[Sequence[Any], list[Any]]:
        cond_consts, passes = passes_of(primals, [t is not None for t in terms], params, dependent)
        rows = [
            instantiate_zeros(ts or [None] * order, [x] * order)
            for x, ts in zip(primals, terms, strict=True)
        ]
        _, given = WhileLayout(params["sizes"]).operands(rows)
        both = lambda loop, xs, ts: eval_series(loop.program, xs, ts, loop.ins, loop.outs, order)
        return self.apply_dual(cond_consts, passes, given, both, params, order=order)

    def mask_in_trace(self, trace: Paths, args: Any, live: Any, **params: Any) -> tuple[Any, Any]:
        """Propagate masks as forward mode propagates tangents."""
        cond_consts, passes = passes_of(
            args, [mask is not None for mask in live], params, dependent
        )
        _, masks = WhileLayout(params["sizes"]).operands(list(map(path_mask, args, live)))
        both = lambda loop, xs, ms: eval_masked(trace, loop.program, xs, ms, loop.ins, loop.outs)
        return self.apply_dual(cond_consts, passes, masks, both, params, np.dtype(bool))

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        count = sum(k for _, k in params["sizes"])
        return [True] * count, True

    def bind_jvp(
        self, cond_consts: list[Any], passes: list[Pass], ts: Any, params: dict[str, Any]
    ) -> tuple[list[Any], list[Any]]:
        """Run with a tangent beside each value flagged."""
        return self.apply_dual(cond_consts, passes, ts, pass_jvp, params)

    def apply_dual(
        self,
        cond_consts: list[Any],
        passes: list[Pass],
        others: Any,
        both: Any,
        params: dict[str, Any],
        dtype: np.dtype | None = None,
        order: int | None = None,
    ) -> tuple[list[Any], list[Any]]:
        """Run with a tangent or a mask beside each value flagged; ``both`` is a step of a pass.

        With an order, a list of the coefficients 1 to ``order`` is beside each.
        """
        flat = (lambda xs: xs) if order is None else lambda rows: [x for row in rows for x in row]
        new: list[tuple[Jaxpr, list[Any], list[Any]]] = []
        for j, (loop, (consts, carry)) in enumerate(zip(passes, others, strict=True)):
            emitted_counts = [len(before.emitted) for before in passes[:j]]
            program, operands = dual_pass(loop, emitted_counts, both, dtype, order)
            n, k = loop.size
            given_consts = [*operands, *loop.consts, *flat(compress(consts, loop.ins[:n]))]
            start = [*loop.carry, *flat(compress(carry, loop.outs[:k]))]
            new.append((program, given_consts, start))
        k = len(passes[0].carry)
        avals = compress(out_avals(passes[0].program)[:k], passes[0].outs[:k])
        extra = map(Var, avals_beside(avals, dtype, order))
        cond = params["cond"]
        cond = Jaxpr((*cond.invars, *extra), (), cond.eqns, cond.outvars)
        results = self.bound(cond, cond_consts, new)
        outs, ts_out = [], []
        for loop, carry in zip(passes, results, strict=True):
            flags = loop.outs[: len(loop.carry)]
            carry, t_carry = split_list(carry, len(loop.carry))
            t_carry = t_carry if order is None else in_rows(t_carry, order)
            outs += carry
            ts_out += expand(t_carry, flags)
        return outs, ts_out

    def bound(
        self, cond: Jaxpr, cond_consts: Sequence[Any], passes: Sequence[Any]
    ) -> list[list[Any]]:
        """Bind passes, each a program with its constants and carry: the last carry of each."""
        sizes = tuple((len(consts), len(carry)) for _, consts, carry in passes)
        args = [x for _, consts, carry in passes for x in (*consts, *carry)]
        programs = tuple(program for program, _, _ in passes)
        outs = self.bind(*cond_consts, *args, cond=cond, passes=programs, sizes=sizes)
        return WhileLayout(sizes).outputs(outs)

    def steps(
        self, goes_on: Callable[..., Any], step: Callable[..., Any], state: Sequence[Any]
    ) -> list[Any]:
        """The state after ``state = step(*state)`` while ``goes_on(*state)`` is true."""
        state = list(map(strong, state))
        avals = list(map(aval_of, state))
        rows = lambda xs: zip(step(*xs), avals, strict=True)
        fits = lambda xs: [cast(strong(x), a.dtype) for x, a in rows(xs)]
        cond, cond_consts = trace_to_jaxpr("while", lambda xs: [goes_on(*xs)], avals)
        body, consts = trace_to_jaxpr("while", fits, avals)
        return self.bound(cond, cond_consts, [(body, consts, state)])[0]

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Any, Any]:
        cond_consts, passes = passes_of(
            ins, [need is not None for need in needs], params, dependent
        )
        if len(passes) > 1 or not are_untraced(ins):
            trip = RoundTrip(passes, [pass_partial_eval(loop, *vjp_seeds(loop)) for loop in passes])
            outs = self.outs(cond_consts, trip, params)
            return outs, lambda cts: self.bind_vjp(cond_consts, trip, cts, params)
        (loop,) = passes  # a loop on arrays: store the residuals, and scan back over them
        outs, later = self.run_saving(cond_consts, loop, *vjp_seeds(loop), params)
        sums = accumulator_avals(
            in_avals(loop.program)[: len(loop.consts)], loop.ins[: len(loop.consts)]
        )
        seeds = compress(out_avals(loop.program), loop.outs)

        def pull(cts: Sequence[Any]) -> list[Any]:
            carry = [
                *instantiate_zeros([None] * len(sums), sums),
                *instantiate_zeros(compress(cts, loop.outs), seeds),
            ]
            back = later([[], carry, []], True)
            return [*[None] * len(cond_consts), *expand(cast_cotangents(loop, back), loop.ins)]

        return outs, pull

    def run_saving(
        self,
        cond_consts: list[Any],
        loop: Pass,
        seeds: Sequence[Aval],
        both: Any,
        params: dict[str, Any],
    ) -> tuple[list[Any], Callable[..., list[Any]]]:
        """Run the known part of ``both`` on arrays: its outputs, and the unknown part as a scan."""
        carry, k = loop.carry, len(loop.carry)
        cut = pass_partial_eval(loop, seeds, both, masks=False)
        invariant = eval_jaxpr(cut.invariant, (), [*loop.consts, *carry])
        before = [*cut.consts, *invariant, *loop.consts]
        step = cut.known.run
        if not are_untraced(before):  # a rule closes over a tracer
            step = lambda *xs: eval_jaxpr(cut.known, (), xs)
        rows: list[Sequence[Any]] = []
        cond = params["cond"].run
        while cond(*cond_consts, *carry)[0]:
            outs = list(step(*before, *carry))
            carry = outs[:k]
            rows.append(outs[k:])
        avals = out_avals(cut.known)[k:]
        stacks = [
            np.stack([row[i] for row in rows]) if rows else np.empty((0, *a.shape), a.dtype)
            for i, a in enumerate(avals)
        ]
        available = {"in": loop.consts, "invariant": invariant, "out": [*carry, *stacks]}
        saved = cut.residuals(available)
        stacked = [kind == "out" for kind, _ in cut.sources]
        return list(unaliased_outputs(carry, loop.carry)), lambda seeds, reverse: residual_scan(
            cut.unknown, saved, stacked, seeds, len(rows), reverse
        )

    def outs(self, cond_consts: list[Any], trip: RoundTrip, params: dict[str, Any]) -> list[Any]:
        """The outputs of the derivative's known parts: a custom rule may compute its own."""
        bound = [trip.primal_pass(j) for j in range(len(trip.passes))]
        return [y for carry in self.bound(params["cond"], cond_consts, bound) for y in carry]

    def bind_vjp(
        self, cond_consts: list[Any], trip: RoundTrip, cts: Sequence[Any], params: dict[str, Any]
    ) -> list[Any]:
        """Cotangents, by a loop of all forward and then all backward passes."""
        passes = trip.passes
        forward = [trip.forward_pass(j) for j in range(len(passes))]
        parts = split_list(cts, *(len(loop.carry) for loop in passes))
        backward = [trip.backward_pass(j, parts[j], cts) for j in reversed(range(len(passes)))]
        cond = without_effects(params["cond"])
        results = self.bound(cond, cond_consts, [*forward, *backward])[len(passes) :]
        by_operand: list[Any] = []
        for loop, found in zip(passes, reversed(results), strict=True):
            by_operand += expand(cast_cotangents(loop, found), loop.ins[: sum(loop.size)])
        return [*[None] * len(cond_consts), *by_operand]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        values = [x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True)]
        flags = [d is not None for d in axes]
        reached = lambda loop, now: dependent(loop, now, smoothly=False)
        cond_consts, passes = passes_of(values, flags, params, reached)
        _, flag_parts = WhileLayout(params["sizes"]).operands(flags)
        cond, n_going = params["cond"], len(cond_consts)
        to_cond = [*flags[:n_going], *passes[0].outs[: len(passes[0].carry)]]
        if dependent(cond, to_cond, smoothly=False)[0]:
            carries = [
                with_batch_axis(loop.carry, f, [True] * len(f), size)
                for loop, (_, f) in zip(passes, flag_parts, strict=True)
            ]
            stop, new = MaskedPasses(cond, cond_consts, flags[:n_going], passes, size).programs(
                carries
            )
            (_, *first), *others = self.bound(stop, [], new)
            outs = [y for carry in (first, *others) for y in carry]
            return outs, [0] * len(outs)
        emitted: list[bool] = []
        new = []
        for loop, (_, carried) in zip(passes, flag_parts, strict=True):
            n, k = loop.size
            wanted = [*loop.outs[:k], *[False] * len(loop.emitted)]
            program, operands, varied = batch_jaxpr(
                loop.program, [*loop.ins[: n + k], *emitted], wanted, size
            )
            carry = with_batch_axis(loop.carry, carried, loop.outs[:k], size)
            new.append((program, [*operands, *loop.consts], carry))
            emitted += varied[k:]
        outs = [y for carry in self.bound(cond, cond_consts, new) for y in carry]
        return outs, [0 if f else None for loop in passes for f in loop.outs[: len(loop.carry)]]


while_p = While("while")
