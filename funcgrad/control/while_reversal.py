"""The backward pass of a checkpointed while loop, by the plan that its forward pass gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.emitter import Emitter, V
from ..core.jaxpr import Eqn, Jaxpr, Literal, Var
from ..core.lists import split_list
from ..core.ownership import unaliased_outputs
from ..ops import compare
from ..ops.elementwise import add, where
from ..ops.structure import Batched, axis_to_front, batch_at_front
from ..transforms.jaxprs import eval_batched, out_avals, trace_to_jaxpr
from .c_reversals import PlannedSchedule, reversal_in_c
from .checkpointed_codegen import write_reversal
from .reversal import Reversal, ReversalLayout, States
from .revolve import planned
from .scan import move_batch_axis
from .while_loop import while_p
from .while_passes import with_rank

COUNT = Aval((), np.dtype(np.int64))
TURNS = 64  # an estimate of the number of steps


def with_count(jaxpr: Jaxpr, n: int) -> Jaxpr:
    """A step ``consts, carry -> carry`` that also counts: a carried value after ``n`` constants."""
    count, following = Var(COUNT), Var(COUNT)
    counting = Eqn(add, (count, Literal(1)), (following,), {})
    invars = (*jaxpr.invars[:n], count, *jaxpr.invars[n:])
    return Jaxpr(invars, (), (*jaxpr.eqns, counting), (following, *jaxpr.outvars))


class WhileReversal(Reversal):
    """The way back over the steps of a while loop.

    The first two constants are the plan and the number of steps; the first state is the count of
    the steps before it. There are no xs, and no rows.
    """

    @override
    def walk(  # type: ignore[override]
        self, args: Sequence[Any], in_place: bool, *, up: Jaxpr, down: Jaxpr, checkpoint: int,
        **sizes: int,
    ) -> tuple[Any, ...]:  # fmt: skip
        consts, stacks, _, carry, _ = ReversalLayout.of(sizes).operands(args)
        states = States(stacks, checkpoint, in_place)
        for _, at, moves in planned(args[0], checkpoint):
            for _, before, after in moves:
                states.put(after, up.run(*consts, *states.rows[before]))
            carry = list(down.run(*consts, *states.rows[at], *carry))
        return unaliased_outputs(carry, args)

    @override
    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        return tuple(out_avals(params["down"]))

    @override
    def emit(
        self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, up: Jaxpr, down: Jaxpr,
        checkpoint: int, **sizes: int,
    ) -> None:  # fmt: skip
        schedule = f"{w.bind(planned, 'planned')}({ins[0]}, {checkpoint})"
        write_reversal(
            w, outs, ins, up=up, down=down, reverse=False, schedule=schedule, unset=None,
            turns=TURNS, sizes=ReversalLayout.of(sizes),
        )  # fmt: skip

    @override
    def in_c(  # type: ignore[override]
        self, w: Any, *ins: Any, up: Jaxpr, down: Jaxpr, checkpoint: int, **sizes: int
    ) -> Any:
        schedule = PlannedSchedule(w, checkpoint, ins[0])
        parts = ReversalLayout.of(sizes).operands(ins)
        return reversal_in_c(w, schedule, parts, up=up, down=down, length=0, reverse=False)

    @override
    def turns(self, **params: Any) -> int:
        return while_p.turns()

    @override
    def decompose(self, *args: Any, **params: Any) -> Sequence[Any]:
        return self.in_passes(args[0][0, 0], args, params)

    def in_passes(self, steps: Any, args: Sequence[Any], params: dict[str, Any]) -> Sequence[Any]:
        """A loop of two passes: forward, stacking all states, and back over these."""
        layout, up, down = ReversalLayout.of(params), params["up"], params["down"]
        n, s, k = layout.consts, layout.state, layout.carry
        consts, stacks, _, carry, _ = layout.operands(args)
        up = with_count(up, n)
        state = up.invars[n + 1 :]
        there = Jaxpr(up.invars, (), up.eqns, (*up.outvars, *state))
        given, row, d = split_list(down.invars, n, s)
        back = Jaxpr((*given, *d, *row), (), down.eqns, down.outvars)
        avals = [COUNT, COUNT, *(v.aval for v in state)]
        goes, _ = trace_to_jaxpr("a loop back", lambda xs: [compare.lt(xs[1], xs[0])], avals)
        start = [stack[0] for stack in stacks]
        outs = while_p.bind(
            steps, *consts, np.zeros((), COUNT.dtype), *start, *consts, *carry, cond=goes,
            passes=(there, back), sizes=((n, s + 1), (n, k)),
        )  # fmt: skip
        return outs[s + 1 :]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        if axes[0] is not None:
            return self.batch_in_passes(args, axes, size, params)
        if axes[1] is None:
            return super().batch(args, axes, size, **params)
        layout, up, down = ReversalLayout.of(params), params["up"], params["down"]
        count = batch_at_front(args[1], axes[1], size)
        n, s = layout.consts, layout.state
        flags = [d is not None for d in axes[:n]] + [True] * (len(args) - n)
        flags[1] = False
        places = [0] * n + [1] * s + [0] * layout.carry
        rows = zip(args, axes, flags, places, strict=True)
        values = [move_batch_axis(x, d, p, size) if flag else x for x, d, flag, p in rows]
        values[1] = np.zeros((), COUNT.dtype)  # each example knows its own from now on

        def masked(jaxpr: Jaxpr, xs: list[Any], old: list[Any]) -> list[Any]:
            goes = compare.lt(xs[n], count)  # an example that has stopped stays as it is
            pairs = eval_batched(jaxpr, xs, flags[: len(xs)], size)
            new = [batch_at_front(y, d, size) for y, d in pairs]
            return [where(with_rank(goes, y), y, x) for x, y in zip(old, new, strict=True)]

        avals = list(map(aval_of, values))
        for i in range(n, n + s):
            avals[i] = Aval((size, *up.invars[i].aval.shape), up.invars[i].aval.dtype)
        forward = trace_to_jaxpr("a reversal", lambda xs: masked(up, xs, xs[n:]), avals[: n + s])
        back = trace_to_jaxpr("a reversal", lambda xs: masked(down, xs, xs[n + s :]), avals)
        outs = self.bind_closed(layout, forward, back, values, params)
        return outs, [0] * len(outs)

    def batch_in_passes(self, args: Any, axes: Any, size: int, params: dict[str, Any]) -> Batched:
        """Reverse loops with a plan for each example, as those in branches have, without a plan."""
        values = [x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True)]
        flags = [d is not None for d in axes]
        own = flags[1]  # else the programs know how many steps each example has
        avals = [Aval(a.shape[flag:], a.dtype)
                 for a, flag in zip(map(aval_of, values), flags, strict=True)]  # fmt: skip
        run = lambda xs: self.in_passes(xs[1] if own else xs[0][0, 0], xs, params)
        program, consts = trace_to_jaxpr("a reversal", run, avals)
        flags = [*[False] * len(consts), *flags]
        pairs = eval_batched(program, [*consts, *values], flags, size)
        return [y for y, _ in pairs], [d for _, d in pairs]


while_reversal_p = WhileReversal("while_reversal")
