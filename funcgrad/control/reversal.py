"""The backward pass of a checkpointed loop: its states are computed again from those kept."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.companions import Codegen, Masking
from ..core.dependence import dependent, fixed_point, linear_in
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr, Var
from ..core.lists import Flags, compress, expand, split_list
from ..core.ownership import unaliased_outputs
from ..core.trace import Tracer
from ..ops.paths import Gaps, path_mask
from ..ops.structure import Batched
from ..transforms.jaxpr_primitive import JaxprPrimitive, Reach, WithTangents
from ..transforms.jaxprs import (
    batch_jaxpr,
    eval_jvp,
    eval_masked,
    in_avals,
    instantiate_zeros,
    interleave,
    is_linearizing,
    out_avals,
    trace_to_jaxpr,
)
from ..transforms.paths import Paths
from ..transforms.reverse import value_and_vjp
from .c_reversals import Schedule, reversal_in_c
from .checkpointed_codegen import write_reversal
from .code_motion import hoisted_reversal
from .revolve import reversal
from .scan import move_batch_axis, scan_p
from .states import ByDecomposition
from .sweep import padded, steps_of


class ReversalLayout(NamedTuple):
    """The numbers of operands of a reversal; cotangents of rows are the others."""

    consts: int
    state: int
    xs: int
    carry: int

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "ReversalLayout":
        return cls(*(params[f"num_{name}"] for name in cls._fields))

    def operands(self, values: Sequence[Any]) -> list[list[Any]]:
        """Split operands into constants, stacks of states, xs, carry and rows."""
        return split_list(values, *self)

    def with_counts(self, params: Mapping[str, Any], up: Jaxpr, down: Jaxpr) -> dict[str, Any]:
        """The parameters of a reversal of other programs with this layout."""
        sizes = {f"num_{name}": n for name, n in self._asdict().items()}
        return {**params, "up": up, "down": down, **sizes}


class States:
    """The states in the rows of stacks; ``in_place``, further states are written there too."""

    def __init__(self, stacks: Sequence[Any], slots: int, in_place: bool) -> None:
        self.stacks, self.in_place = stacks, in_place
        self.rows: list[Sequence[Any]] = [[x[j] for x in stacks] for j in range(slots + 2)]

    def put(self, j: int, values: Sequence[Any]) -> None:
        if self.in_place:
            for stack, value in zip(self.stacks, values, strict=True):
                stack[j] = value
            values = [stack[j] for stack in self.stacks]
        self.rows[j] = values


class Kept:
    """The stacks that a forward pass keeps; a backward pass on arrays works in them, once.

    ``again`` runs the forward pass again, for another backward pass.
    """

    def __init__(self, stacks: Sequence[Any], again: Callable[[], Sequence[Any]]) -> None:
        self.stacks = [stacks]  # threads take them by pop(), one at a time
        self.again = again

    def bind(
        self, prim: Any, before: Sequence[Any], after: Sequence[Any], params: dict[str, Any]
    ) -> Sequence[Any]:
        """Bind the backward pass, with operands before and after the stacks."""
        try:
            stacks = self.stacks.pop()
        except IndexError:
            stacks = self.again()
        operands = [*before, *stacks, *after]
        if any(isinstance(x, Tracer) for x in operands):
            self.stacks.append(stacks)
            return prim.bind(*operands, **params)
        return prim.walk(operands, True, **params)


class Reversal(ByDecomposition, JaxprPrimitive, Masking, Codegen):
    """The way back over the first ``steps`` steps of a scan, whose states are computed again.

    ``up : consts, state, x -> state`` is a step forward, ``down : consts, state, x, carry, row ->
    carry, y`` a step back; operands ``consts, stacks of states, xs, carry, rows``.
    """

    called = "a reversal"

    @override
    def run(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        return self.walk(args, False, **params)

    def walk(
        self, args: Sequence[Any], in_place: bool, *, up: Jaxpr, down: Jaxpr, length: int,
        steps: int, reverse: bool, checkpoint: int, kept: tuple[int, ...], **sizes: int,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run on arrays; ``in_place``, in the stacks of states, which nothing else holds."""
        consts, stacks, xs, carry, rows = ReversalLayout.of(sizes).operands(args)
        k = len(carry)
        ys = [np.zeros((length, *v.aval.shape), v.aval.dtype) for v in down.outvars[k:]]
        states = States(stacks, checkpoint, in_place)
        for i, at, moves in reversal(steps, checkpoint, kept):
            for j, before, after in moves:
                row = length - 1 - j if reverse else j
                states.put(after, up.run(*consts, *states.rows[before], *[x[row] for x in xs]))
            row = length - 1 - i if reverse else i
            slices = [x[row] for x in xs], [x[row] for x in rows]
            outs = list(down.run(*consts, *states.rows[at], *slices[0], *carry, *slices[1]))
            carry = outs[:k]
            for y, value in zip(ys, outs[k:], strict=True):
                y[row] = value
        return (*unaliased_outputs(carry, args), *ys)

    @override
    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        carry, ys = split_list(out_avals(params["down"]), params["num_carry"])
        return (*carry, *(Aval((params["length"], *a.shape), a.dtype) for a in ys))

    def emit(
        self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, up: Jaxpr, down: Jaxpr,
        length: int, steps: int, reverse: bool, checkpoint: int, kept: tuple[int, ...],
        **sizes: int,
    ) -> None:  # fmt: skip
        schedule = f"{w.bind(reversal, 'reversal')}({steps}, {checkpoint}, {w.bind(kept, 'kept')})"
        unset = None if steps == length else 0 if reverse else steps
        write_reversal(
            w, outs, ins, up=up, down=down, reverse=reverse, schedule=schedule, unset=unset,
            turns=steps, sizes=ReversalLayout.of(sizes),
        )  # fmt: skip

    def in_c(
        self, w: Any, *ins: Any, up: Jaxpr, down: Jaxpr, length: int, steps: int, reverse: bool,
        checkpoint: int, kept: tuple[int, ...], **sizes: int,
    ) -> Any:  # fmt: skip
        schedule = Schedule(w, checkpoint, steps, (0, *kept))
        parts = ReversalLayout.of(sizes).operands(ins)
        return reversal_in_c(w, schedule, parts, up=up, down=down, length=length, reverse=reverse)

    def decompose(self, *args: Any, **params: Any) -> Sequence[Any]:
        """A scan that stacks all states, and a scan back over them."""
        layout, up, down = ReversalLayout.of(params), params["up"], params["down"]
        consts, stacks, xs, carry, rows = layout.operands(args)
        n, s = layout.consts, layout.state
        start = [stack[0] for stack in stacks]
        before = Jaxpr(up.invars, (), up.eqns, (*up.outvars, *up.invars[n : n + s]))
        states: list[Any] = []
        if s:
            loop = {"jaxpr": before, "length": params["length"], "reverse": params["reverse"]}
            sizes = {"num_consts": n, "num_carry": s}
            states = list(scan_p.bind(*consts, *start, *xs, **loop, **sizes))[s:]
        first, state, others, d, rest = layout.operands(down.invars)
        back = Jaxpr((*first, *d, *state, *others, *rest), (), down.eqns, down.outvars)
        part, rest_of = steps_of(params), params["length"] - params["steps"]
        back_over = [x[part] for x in (*states, *xs, *rows)]
        results = scan_p.bind(
            *consts, *carry, *back_over, jaxpr=back, length=params["steps"],
            reverse=not params["reverse"], num_consts=n, num_carry=layout.carry,
        )  # fmt: skip
        d, ys = split_list(results, layout.carry)
        return [*d, *(padded(y, rest_of, params["reverse"]) for y in ys)]

    def hoist(self, build: Any, eqn: Any) -> Any:
        return hoisted_reversal(build, eqn)

    def turns(self, *, steps: int, **params: Any) -> int:
        return steps

    def bodies(self, *ins: Any, up: Jaxpr, down: Jaxpr, **params: Any) -> list[tuple[Jaxpr, Any]]:
        consts, stacks, xs, carry, rows = ReversalLayout.of(params).operands(ins)
        return [(up, [*consts, *stacks, *xs]), (down, [*consts, *stacks, *xs, *carry, *rows])]

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        layout = ReversalLayout.of(params)
        first = layout.consts + layout.state + layout.xs
        if any(i < first for i in operands):
            return False
        flags = [i in operands for i in range(len(params["down"].invars))]
        marked = lambda now: linear_in(params["down"], now) or [False] * len(flags)
        return linear_in(params["down"], self.spread(flags, layout, marked)) is not None

    def spread(
        self, flags: Flags, layout: ReversalLayout, step: Callable[[Flags], Flags]
    ) -> list[bool]:
        """Extend the flags to carried values that depend on flagged operands after some steps."""
        before, carry, rows = split_list(flags, sum(layout[:3]), layout.carry)
        carry = fixed_point(carry, lambda now: step([*before, *now, *rows])[: layout.carry])
        return [*before, *carry, *rows]

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        layout, up, down = ReversalLayout.of(params), params["up"], params["down"]
        consts, state, xs, carry, rows = layout.operands(flags)
        state = fixed_point(state, lambda now: dependent(up, [*consts, *now, *xs], smoothly))
        reached = functools.partial(dependent, down, smoothly=smoothly)
        ins = self.spread([*consts, *state, *xs, *carry, *rows], layout, reached)
        return Reach(ins, [*layout.operands(ins)[3], *reached(ins)[layout.carry :]])

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        return [True] * len(params["down"].outvars), True

    @override
    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        reach = self.reach([t is not None for t in tangents], **params)
        ts = compress(instantiate_zeros(tangents, primals), reach.ins)
        step = lambda jaxpr, xs, ts: eval_jvp(jaxpr, xs, ts, *self.flags(jaxpr, reach, params))
        outs, found = self.apply_dual(primals, ts, reach, step, params)
        alone = is_linearizing(primals, tangents)  # the values belong to no program of tangents
        return self.bind(*primals, **params) if alone else outs, expand(found, reach.outs)

    def mask_in_trace(self, trace: Paths, args: Any, live: Any, **params: Any) -> tuple[Any, Any]:
        """Propagate masks as forward mode propagates tangents."""
        reach = self.reach([mask is not None for mask in live], **params)
        masks = compress(list(map(path_mask, args, live)), reach.ins)
        step = lambda jaxpr, xs, ms: eval_masked(
            trace, jaxpr, xs, ms, *self.flags(jaxpr, reach, params)
        )
        outs, found = self.apply_dual(args, masks, reach, step, params, np.dtype(bool))
        return outs, expand(found, reach.outs)

    def flags(
        self, jaxpr: Jaxpr, reach: Reach, params: dict[str, Any]
    ) -> tuple[list[bool], list[bool]]:
        """The inputs and outputs of the step forward, or back, that are reached."""
        if jaxpr is params["down"]:
            return reach.ins, reach.outs
        layout = ReversalLayout.of(params)
        return reach.ins[: sum(layout[:3])], layout.operands(reach.ins)[1]

    @override
    def apply_dual(
        self,
        args: Any,
        others: Any,
        reach: Reach,
        step: WithTangents,
        params: Any,
        dtype: Any = None,
    ) -> tuple[list[Any], list[Any]]:
        layout, up, down = ReversalLayout.of(params), params["up"], params["down"]
        flags = layout.operands(reach.ins)
        counts, avals = list(map(sum, flags)), layout.operands(in_avals(down))
        ins, taken = interleave(avals[:3], [f for part in flags[:3] for f in part], dtype)

        def forward(values: list[Any]) -> list[Any]:
            outs, more = step(up, *taken(values))
            return [*outs, *more]

        all_ins, all_taken = interleave(avals, reach.ins, dtype)

        def backward(values: list[Any]) -> list[Any]:
            outs, more = step(down, *all_taken(values))
            (carry, ys), (more_carry, more_ys) = (
                split_list(outs, layout.carry),
                split_list(more, counts[3]),
            )
            return [*carry, *more_carry, *ys, *more_ys]

        groups = zip(layout.operands(args), split_list(others, *counts[:4]), strict=True)
        operands = [x for group in groups for half in group for x in half]
        wide = ReversalLayout(*(a + b for a, b in zip(layout, counts, strict=False)))
        there = trace_to_jaxpr("a reversal", forward, ins)
        back = trace_to_jaxpr("a reversal", backward, all_ins)
        results = self.bind_closed(wide, there, back, operands, params)
        rows = len(down.outvars) - layout.carry
        carry, more_carry, ys, more_ys = split_list(results, layout.carry, counts[3], rows)
        return [*carry, *ys], [*more_carry, *more_ys]

    def bind_closed(
        self, layout: ReversalLayout, up: Any, down: Any, operands: Sequence[Any], params: Any
    ) -> list[Any]:
        """Bind two programs with the constants of each, which come after the others."""
        n, first, second = layout.consts, up[1], down[1]
        up = with_closed(up[0], len(first), n, (), second)
        down = with_closed(down[0], len(second), n, first, ())
        wide = layout._replace(consts=n + len(first) + len(second))
        operands = [*operands[:n], *first, *second, *operands[n:]]
        return list(self.bind(*operands, **wide.with_counts(params, up, down)))

    @override
    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Callable[[Sequence[Any]], list[Any]]]:
        """Reverse mode of a reversal: of the scans that it decomposes into."""
        run = functools.partial(self.decompose, **params)
        return value_and_vjp("a reversal", run, ins, needs)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        layout, up, down = ReversalLayout.of(params), params["up"], params["down"]
        flags = self.reach([d is not None for d in axes], False, **params).ins
        _, state, _, carry, _ = layout.operands(flags)
        before = sum(layout[:3])
        *forward, _ = batch_jaxpr(up, flags[:before], state, size)
        wanted = [*carry, *[False] * (len(down.outvars) - layout.carry)]
        *backward, varied = batch_jaxpr(down, flags, wanted, size)
        places = [0, 1, 1, 0, 1]  # the batch axis follows the axis of steps
        at = [p for p, part in zip(places, layout.operands(flags), strict=True) for _ in part]
        values = [
            move_batch_axis(x, d, p, size) if flag else x
            for x, d, p, flag in zip(args, axes, at, flags, strict=True)
        ]
        outs = self.bind_closed(layout, forward, backward, values, params)
        return outs, [int(j >= layout.carry) if v else None for j, v in enumerate(varied)]


def with_closed(
    jaxpr: Jaxpr, own: int, n: int, before: Sequence[Any], after: Sequence[Any]
) -> Jaxpr:
    """A program with its ``own`` first inputs after ``n`` others, among those of another."""
    mine, consts, rest = split_list(jaxpr.invars, own, n)
    first, last = ([Var(aval_of(x)) for x in values] for values in (before, after))
    return Jaxpr((*consts, *first, *mine, *last, *rest), (), jaxpr.eqns, jaxpr.outvars)


reversal_p = Reversal("reversal")
