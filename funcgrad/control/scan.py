"""The primitive behind scan: one program for all steps of a loop of known length.

Its derivatives are scans: forward mode carries tangents too; reverse mode saves residuals in a
forward scan, which a backward scan reads in the opposite direction.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..compile.finite_checks import through
from ..core.avals import Aval, shape_of
from ..core.companions import Codegen, Masking
from ..core.dependence import dependent, fixed_point, linear_in
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lists import Flags, compress, split_list
from ..core.ownership import unaliased_outputs
from ..core.propagation import Propagation
from ..ops.paths import Gaps
from ..ops.structure import Batched, batch_at_front, cast, transpose_p
from ..transforms.jaxpr_primitive import JaxprPrimitive, Later, Reach, WithTangents
from ..transforms.jaxprs import (
    accumulator_avals,
    batch_jaxpr,
    in_avals,
    interleave,
    out_avals,
    trace_to_jaxpr,
)
from ..transforms.partial_eval import partial_eval_jaxpr
from ..transforms.staging import is_staged
from .c_loops import scan_in_c
from .code_motion import hoisted_scan
from .codegen import write_scan
from .loop_sets import scan_sets
from .pruning import pruned_scan
from .recomputation import recomputed_scan


class ScanLayout(NamedTuple):
    """The numbers of constants and of carried values; the other operands are sliced."""

    consts: int
    carry: int

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "ScanLayout":
        return cls(params["num_consts"], params["num_carry"])

    def operands(self, values: Sequence[Any]) -> list[list[Any]]:
        """Split operands into constants, carry and xs."""
        return split_list(values, self.consts, self.carry)

    def outputs(self, values: Sequence[Any]) -> list[list[Any]]:
        """Split outputs into carry and ys."""
        return split_list(values, self.carry)

    def counts(self, flags: Flags) -> list[int]:
        """The numbers of flagged constants and of flagged carried values."""
        return [sum(group) for group in self.operands(flags)[:2]]

    def spread(self, flags: Flags, step: Callable[[Flags], Flags]) -> list[bool]:
        """Extend the flags to carried values that depend on flagged operands after some steps."""
        consts, carry, xs = self.operands(flags)
        carry = fixed_point(carry, lambda now: step([*consts, *now, *xs])[: self.carry])
        return [*consts, *carry, *xs]

    def with_counts(self, params: Mapping[str, Any], jaxpr: Jaxpr) -> dict[str, Any]:
        """The parameters of a scan of another program with this layout."""
        sizes = {"num_consts": self.consts, "num_carry": self.carry}
        return {**params, "jaxpr": jaxpr, **sizes}


class Scan(JaxprPrimitive, Masking, Codegen):
    """``jaxpr : consts, carry, x -> carry, y``, once for each x; operands ``consts, carry, xs``."""

    @override
    def run(
        self, *args: Any, jaxpr: Jaxpr, length: int, reverse: bool, num_consts: int, num_carry: int
    ) -> tuple[Any, ...]:
        k = num_carry
        consts, carry, xs = split_list(args, num_consts, k)
        ys = [v.aval for v in jaxpr.outvars[k:]]
        stacks = [np.empty((length, *a.shape), a.dtype) for a in ys]
        for i in range(length - 1, -1, -1) if reverse else range(length):
            outs = list(jaxpr.run(*consts, *carry, *[x[i] for x in xs]))
            carry = outs[:k]
            for stack, y in zip(stacks, outs[k:], strict=True):
                stack[i] = y
        return (*unaliased_outputs(carry, args), *stacks)

    @override
    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        carry, ys = ScanLayout.of(params).outputs(out_avals(params["jaxpr"]))
        return (*carry, *(Aval((params["length"], *a.shape), a.dtype) for a in ys))

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], **params: Any) -> None:
        write_scan(w, outs, ins, **params)

    def in_c(self, w: Any, *ins: Any, **params: Any) -> Any:
        return scan_in_c(w, *ins, **params)

    def hoist(self, build: Any, eqn: Any) -> Any:
        return hoisted_scan(build, eqn)

    def recompute(self, jaxpr: Jaxpr, eqn: Any, states: int) -> Jaxpr | None:
        return recomputed_scan(jaxpr, eqn, states)

    def turns(self, *, length: int, **params: Any) -> int:
        return length

    def bodies(self, *ins: Any, jaxpr: Jaxpr, **params: Any) -> list[tuple[Jaxpr, Any]]:
        return [(jaxpr, ins)]

    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return pruned_scan(used, **params)

    def depend_through(self, walk: Propagation, ins: Any, avals: Any, **params: Any) -> Any:
        return scan_sets(walk, ins, avals, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        jaxpr = params["jaxpr"]
        flags = [i in operands for i in range(len(jaxpr.invars))]
        marked = lambda now: linear_in(jaxpr, now) or [False] * len(flags)
        return linear_in(jaxpr, ScanLayout.of(params).spread(flags, marked)) is not None

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        layout = ScanLayout.of(params)
        reached = functools.partial(dependent, params["jaxpr"], smoothly=smoothly)
        flags = layout.spread(flags, reached)
        _, ys = layout.outputs(reached(flags))
        return Reach(flags, [*layout.operands(flags)[1], *ys])

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        layout = ScanLayout.of(params)
        consts, carry, xs = layout.operands(gaps)
        while True:
            outs, risky = through(params["jaxpr"], [*consts, *carry, *xs])
            # a carry without a tangent at the start is 0 there
            now = [
                a if b is None else a is not False or b for a, b in zip(carry, outs, strict=False)
            ]
            if now == carry:
                return [*carry, *layout.outputs(outs)[1]], risky
            carry = now

    @override
    def apply_dual(
        self,
        args: Any,
        others: Any,
        reach: Reach,
        step: WithTangents,
        params: Any,
        dtype: Any = None,
        order: int | None = None,
    ) -> tuple[list[Any], list[Any]]:
        operands, wide, program = self.dual(args, others, reach, step, params, dtype, order)
        results = self.bind(*operands, **wide.with_counts(params, program))
        k, m = params["num_carry"], len(params["jaxpr"].outvars)
        carry, more_carry, ys, more_ys = split_list(results, k, wide.carry - k, m - k)
        return [*carry, *ys], [*more_carry, *more_ys]

    def dual(
        self,
        args: Any,
        others: Any,
        reach: Reach,
        step: WithTangents,
        params: Any,
        dtype: Any = None,
        order: int | None = None,
    ) -> tuple[list[Any], ScanLayout, Jaxpr]:
        """The scan with a second value beside each that is reached: operands and program."""
        jaxpr, layout = params["jaxpr"], ScanLayout.of(params)
        counts = [n * (order or 1) for n in layout.counts(reach.ins)]
        groups = zip(layout.operands(args), split_list(others, *counts), strict=True)
        ins, taken = interleave(layout.operands(in_avals(jaxpr)), reach.ins, dtype, order)

        def body(values: list[Any]) -> list[Any]:
            outs, more = step(jaxpr, *taken(values))
            (carry, ys), (more_carry, more_ys) = layout.outputs(outs), split_list(more, counts[1])
            return [*carry, *more_carry, *ys, *more_ys]

        program, consts = trace_to_jaxpr("scan", body, ins)
        wide = ScanLayout(len(consts) + layout.consts + counts[0], layout.carry + counts[1])
        return [*consts, *(x for group in groups for half in group for x in half)], wide, program

    @override
    def accumulators(self, reach: Reach, **params: Any) -> list[Aval]:
        n = params["num_consts"]
        return accumulator_avals(in_avals(params["jaxpr"])[:n], reach.ins[:n])

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
        """Scan the known part of a derivative; the unknown part is a scan over its residuals."""
        jaxpr, layout = params["jaxpr"], ScanLayout.of(params)
        m, n, k = len(jaxpr.outvars), layout.consts, layout.carry
        constant = [i < n for i in range(len(args))]
        kept = [not n <= i < n + k for i in range(len(args))], [j >= k for j in range(m)]
        avals, both = in_avals(jaxpr), functools.partial(step, jaxpr)
        origin, masks = "a derivative of scan", is_staged(args)
        cut = partial_eval_jaxpr(origin, avals, seeds, both, kept, constant, masks)
        invariant = eval_jaxpr(cut.invariant, (), args)
        consts = (*cut.consts, *invariant)
        wide = ScanLayout(len(consts) + n, k)
        outs = self.bind(*consts, *args, **wide.with_counts(params, cut.known))
        residuals = cut.residuals({"in": args, "invariant": invariant, "out": outs})
        is_row = [where == "out" or (where == "in" and i >= n) for where, i in cut.sources]
        n_consts, n_carry = layout.counts(reach.ins)

        def later(values: Sequence[Any]) -> list[Any]:
            length, reverse = params["length"], params["reverse"]
            if kind == "jvp":
                starts = split_list(values, n_consts, n_carry)
                return residual_scan(cut.unknown, residuals, is_row, starts, length, reverse)
            starts = [[], *split_list(values, n_consts + n_carry)]  # accumulators are carried
            cts = residual_scan(cut.unknown, residuals, is_row, starts, length, not reverse)
            dtypes = [a.dtype for a in compress(avals, reach.ins)]
            return [cast(ct, dtype) for ct, dtype in zip(cts, dtypes, strict=True)]

        return list(outs[:m]), later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        jaxpr, layout = params["jaxpr"], ScanLayout.of(params)
        flags = self.reach([d is not None for d in axes], False, **params).ins
        wanted = [*layout.operands(flags)[1], *[False] * (len(jaxpr.outvars) - layout.carry)]
        program, consts, varied = batch_jaxpr(jaxpr, flags, wanted, size)
        # the batch axis is axis 0, but axis 1 of xs, after the axis of steps
        first_x = layout.consts + layout.carry
        values = [
            move_batch_axis(x, d, int(i >= first_x), size) if flag else x
            for i, (x, d, flag) in enumerate(zip(args, axes, flags, strict=True))
        ]
        wide = ScanLayout(layout.consts + len(consts), layout.carry)
        outs = self.bind(*consts, *values, **wide.with_counts(params, program))
        return outs, [int(j >= layout.carry) if v else None for j, v in enumerate(varied)]


def residual_scan(
    jaxpr: Jaxpr,
    saved: Sequence[Any],
    stacked: Flags,
    seeds: Sequence[list[Any]],
    length: int,
    reverse: bool,
) -> list[Any]:
    """Scan the unknown part of a derivative over its residuals.

    ``stacked`` flags residuals saved at each step; ``seeds`` are its consts, carry and xs.
    """
    consts, carry, xs = seeds
    unstacked = [not s for s in stacked]
    order, rest = split_list(jaxpr.invars, len(saved))
    c, x, z = split_list(rest, len(consts), len(carry))
    invars = (*compress(order, unstacked), *c, *x, *compress(order, stacked), *z)
    constant, sliced = compress(saved, unstacked), compress(saved, stacked)
    return list(scan_p.bind(
        *constant, *consts, *carry, *sliced, *xs, length=length, reverse=reverse,
        jaxpr=Jaxpr(invars, (), jaxpr.eqns, jaxpr.outvars),
        num_consts=len(constant) + len(consts), num_carry=len(carry),
    ))  # fmt: skip


def move_batch_axis(x: Any, axis: int | None, place: int, size: int) -> Any:
    """Move the batch axis of a value, or add one, to place 0 or 1."""
    if axis == place:
        return x
    x = batch_at_front(x, axis, size)
    return transpose_p(x, perm=(1, 0, *range(2, len(shape_of(x))))) if place else x


scan_p = Scan("scan")
