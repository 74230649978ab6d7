"""A scan whose reverse derivative keeps a few states, and computes the others again.

The forward pass is a sweep that keeps the states of the schedule; the backward pass, a reversal,
computes the missing states before it takes the derivative of each step. The last step is computed
once, with its derivative, between the two. Forward mode and vmap give loops of the same kind.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.effects import params_without_effects, without_effects
from ..core.emitter import Emitter, V
from ..core.jaxpr import Eqn, Jaxpr, eval_jaxpr
from ..core.lists import compress, split_list
from ..core.ownership import unaliased_outputs
from ..core.trace import Tracer
from ..ops.assign import set_at_p
from ..ops.index import Index
from ..ops.structure import cast
from ..transforms.jaxpr_primitive import Later, Reach, WithTangents
from ..transforms.jaxprs import (
    in_avals,
    trace_to_jaxpr,
)
from ..transforms.partial_eval import partial_eval_jaxpr
from ..transforms.reverse import TapeTracer
from ..transforms.staging import is_staged
from .codegen import write_scan
from .reversal import Kept, ReversalLayout, reversal_p
from .revolve import kept_states
from .scan import Scan, ScanLayout, scan_p
from .states import Checkpointed, divided, part_of, plain_loops
from .sweep import sweep_p


class CheckpointedScan(Scan, Checkpointed):
    """A scan of which reverse mode keeps ``checkpoint`` states."""

    @override
    def run(self, *args: Any, checkpoint: int, **params: Any) -> tuple[Any, ...]:
        return super().run(*args, **params)

    def decompose(self, *args: Any, checkpoint: int, **params: Any) -> Sequence[Any]:
        return scan_p.bind(*args, **params)

    @override
    def plain_eqn(self, eqn: Eqn) -> Eqn:
        params = {name: x for name, x in eqn.params.items() if name != "checkpoint"}
        return Eqn(scan_p, eqn.ins, eqn.outs, params, eqn.source, eqn.scope)

    @override
    def emit(
        self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, checkpoint: int, **params: Any
    ) -> None:
        write_scan(w, outs, ins, **params)

    @override
    def in_c(self, w: Any, *ins: Any, checkpoint: int, **params: Any) -> Any:
        return super().in_c(w, *ins, **params)

    @override
    def depend_through(
        self, walk: Any, ins: Any, avals: Any, *, checkpoint: int, **params: Any
    ) -> Any:
        return super().depend_through(walk, ins, avals, **params)

    @override
    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Any, Any]:
        if is_taped(ins):  # an outer tape needs all steps
            params = {**params, "jaxpr": plain_loops(params["jaxpr"])}
        return super().value_and_vjp(ins, needs, **params)

    @override
    def partial_eval(
        self,
        kind: str,
        args: Any,
        seeds: Any,
        step: WithTangents,
        reach: Reach,
        params: dict[str, Any],
    ) -> tuple[list[Any], Later]:
        if kind == "vjp" and (params["length"] < 2 or is_taped(args)):
            return super().partial_eval(kind, args, seeds, step, reach, params)
        masks = kind == "jvp" or is_staged(args)
        trip = ScanTrip(params, args, seeds, functools.partial(step, params["jaxpr"]), masks)
        if kind == "jvp":
            outs = self.bind(*trip.before, *args, **trip.wide.with_counts(params, trip.program))
            again = params_without_effects(params)
            return list(outs), lambda ts: self.apply_dual(args, ts, reach, step, again)[1]
        return trip.outputs(reach)


def is_taped(values: Sequence[Any]) -> bool:
    """Whether an outer reverse derivative sees one of the values."""
    for x in values:
        while isinstance(x, Tracer):
            if isinstance(x, TapeTracer):
                return True
            x = getattr(x, "value", None)
    return False


def with_row(stack: Any, row: Any, i: int) -> Any:
    """A stacked result of a sweep, which nothing else holds, with one more row."""
    if isinstance(stack, np.ndarray) and not isinstance(row, Tracer):
        stack[i] = row
        return stack
    return set_at_p.bind(stack, row, index=Index((i,)))[0]


class Trip:
    """The derivative of a loop: the step forward, and the step back at the state before it."""

    def __init__(
        self,
        params: dict[str, Any],
        args: Sequence[Any],
        seeds: Sequence[Aval],
        both: Any,
        masks: bool,
    ) -> None:
        self.layout, self.params = ScanLayout.of(params), params
        self.consts, self.carry, self.xs = self.layout.operands(args)
        avals, m = in_avals(params["jaxpr"]), len(params["jaxpr"].outvars)
        everything = [True] * len(args), [True] * m
        constant = [i < self.layout.consts for i in range(len(args))]
        origin = "a derivative of a loop"
        self.cut = partial_eval_jaxpr(origin, avals, seeds, both, everything, constant, masks)
        # values that the known part takes in front of the constants
        self.before = [*self.cut.consts, *eval_jaxpr(self.cut.invariant, (), args)]
        self.given = [*self.before, *self.consts]
        known = self.cut.known
        self.program = part_of(known, known.invars, known.outvars[:m])
        self.wide = ScanLayout(len(self.given), self.layout.carry)

    def cast(self, cts: Sequence[Any], reach: Reach) -> list[Any]:
        """Cast cotangents to the dtypes of the operands; accumulators may be wider."""
        dtypes = [a.dtype for a in compress(in_avals(self.params["jaxpr"]), reach.ins)]
        return [cast(ct, dtype) for ct, dtype in zip(cts, dtypes, strict=True)]

    def step_back(self) -> tuple[Jaxpr, tuple[Any, ...]]:
        """The derivative of one step at its state: the known part, and then the unknown one."""
        cut, before = self.cut, len(self.before)
        ins, seeds = in_avals(cut.known), in_avals(cut.unknown)[len(cut.sources) :]

        def back(values: list[Any]) -> list[Any]:
            own, cts = split_list(values, len(ins))
            outs = eval_jaxpr(without_effects(cut.known), (), own)
            invariant = own[len(cut.consts) : before]
            available = {"in": own[before:], "out": outs, "invariant": invariant}
            return list(eval_jaxpr(cut.unknown, (), [*cut.residuals(available), *cts]))

        return trace_to_jaxpr("a derivative of a loop", back, [*ins, *seeds])


class ScanTrip(Trip):
    """The forward sweep of a scan, its last step, and the way back over the steps before it."""

    def outputs(self, reach: Reach) -> tuple[list[Any], Later]:
        """The outputs of the scan, and its cotangents."""
        cut, k, m = self.cut, self.layout.carry, len(self.program.outvars)
        length, reverse, slots = (self.params[x] for x in ("length", "reverse", "checkpoint"))
        last = 0 if reverse else length - 1  # the row of the last step
        back, more = self.step_back()
        up, down, held, state = divided(cut.known, back, len(self.given), k, len(more))
        sizes = {"length": length, "steps": length - 1, "reverse": reverse, "checkpoint": slots,
                 "kept": kept_states(length, slots)}  # fmt: skip
        sweep = {**self.wide.with_counts(sizes, self.program), "kept_carry": tuple(state)}
        run = lambda params: sweep_p.bind(*self.given, *self.carry, *self.xs, **params)
        carry, stacks, snaps = split_list(run(sweep), k, m - k)
        ins = [*self.consts, *carry, *[x[last] for x in self.xs]]
        outs = list(eval_jaxpr(cut.known, (), [*self.before, *ins]))
        available = {"in": ins, "out": outs, "invariant": self.before[len(cut.consts) :]}
        residuals = cut.residuals(available)
        carry, ys = split_list(outs[:m], k)
        rows = zip(stacks, ys, strict=True)
        results = [*unaliased_outputs(carry, [*self.carry, *ins, *residuals]),
                   *(with_row(stack, y, last) for stack, y in rows)]  # fmt: skip
        count = sum(self.layout.counts(reach.ins))

        operands = [*more, *self.given, *(self.carry[i] for i in held)]
        layout = ReversalLayout(len(operands), len(state), len(self.xs), count)
        params = layout.with_counts(sizes, up, down)
        snapshots = Kept(snaps, lambda: split_list(run(params_without_effects(sweep)), m)[1])

        def later(values: Sequence[Any]) -> list[Any]:
            d, e = split_list(values, count)
            ends = eval_jaxpr(cut.unknown, (), [*residuals, *d, *(ct[last] for ct in e)])
            d, rows = split_list(ends, count)
            found = snapshots.bind(reversal_p, operands, [*self.xs, *d, *e], params)
            d, stacks = split_list(found, count)
            pairs = zip(stacks, rows, strict=True)
            return self.cast([*d, *(with_row(stack, y, last) for stack, y in pairs)], reach)

        return results, later


checkpointed_scan_p = CheckpointedScan("checkpointed_scan")
