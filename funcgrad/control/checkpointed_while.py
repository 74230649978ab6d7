"""A while loop whose reverse derivative keeps a few states, and computes the others again.

As the number of steps is not known, the forward pass chooses the states to keep as it goes, and
gives the backward pass a plan of them. A count of the steps is the first value carried, so that
under vmap each example knows at which step it has stopped.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of, shape_of
from ..core.dead_code import live
from ..core.dependence import dependent
from ..core.effects import params_without_effects
from ..core.emitter import Emitter, V
from ..core.jaxpr import Eqn, Jaxpr, Var
from ..core.lists import Flags, split_list
from ..core.ownership import unaliased_outputs
from ..ops.assign import set_at_p
from ..ops.index import Index
from ..ops.paths import Gaps
from ..ops.structure import Batched, batch_at_front, broadcast_p
from ..transforms.jaxpr_primitive import Later, Reach, WithTangents
from ..transforms.jaxprs import eval_batched, out_avals, trace_to_jaxpr
from ..transforms.reverse import value_and_vjp
from ..transforms.staging import is_staged
from .c_reversals import while_sweep_in_c
from .c_while import while_in_c
from .checkpointed import Trip, is_taped
from .checkpointed_codegen import write_while_sweep
from .codegen import write_while
from .reversal import Kept, ReversalLayout
from .revolve import online
from .scan import Scan, ScanLayout
from .states import ByDecomposition, Checkpointed, divided, plain_loops
from .while_loop import while_p
from .while_passes import MaskedPasses, Pass
from .while_reversal import COUNT, while_reversal_p, with_count


class CheckpointedWhile(ByDecomposition, Scan, Checkpointed):
    """A while loop of which reverse mode keeps ``checkpoint`` states.

    ``cond : consts, carry -> bool``, ``jaxpr : consts, carry -> carry``. Where ``kept_carry`` is
    not None, further outputs are stacks of the states kept of these carried values, in the rows
    that the plan says, and the plan.
    """

    called = "a loop"

    @override
    def turns(self, **params: Any) -> int:
        return while_p.turns(**params)

    def over(
        self,
        cond: Jaxpr,
        cond_consts: Sequence[Any],
        jaxpr: Jaxpr,
        consts: Sequence[Any],
        carry: Sequence[Any],
        checkpoint: int,
    ) -> list[Any]:
        """Bind a condition and a step that have constants of their own."""
        first, last = split_list(cond.invars, len(cond_consts))
        others, _ = split_list(jaxpr.invars, len(consts))
        cond = Jaxpr((*first, *alike(others), *last), (), cond.eqns, cond.outvars)
        return list(self.bind(
            *cond_consts, *consts, *carry, cond=cond, jaxpr=with_more(jaxpr, first),
            checkpoint=checkpoint, num_consts=len(first) + len(others), num_carry=len(carry),
            kept_carry=None,
        ))  # fmt: skip

    def plain(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The operands and parameters of the loop without checkpoints."""
        n, k = ScanLayout.of(params)
        loop = {"cond": params["cond"], "passes": (params["jaxpr"],), "sizes": ((n, k),)}
        return [*args[:n], *args], loop

    @override
    def plain_eqn(self, eqn: Eqn) -> Eqn:
        if eqn.params["kept_carry"] is not None:
            return eqn
        operands, loop = self.plain(eqn.ins, eqn.params)
        return Eqn(while_p, tuple(operands), eqn.outs, loop, eqn.source, eqn.scope)

    @override
    def run(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        keeps = params["kept_carry"]
        if keeps is None:
            operands, loop = self.plain(args, params)
            return while_p.run(*operands, **loop)
        slots, jaxpr = params["checkpoint"], params["jaxpr"]
        consts, carry, _ = ScanLayout.of(params).operands(args)
        avals = [jaxpr.outvars[i].aval for i in keeps]
        stacks = [np.empty((slots + 2, *a.shape), a.dtype) for a in avals]
        slot_of, plan_of = online(slots)
        while params["cond"].run(*consts, *carry)[0]:
            if (slot := slot_of()) >= 0:
                for stack, i in zip(stacks, keeps, strict=True):
                    stack[slot] = carry[i]
            carry = list(jaxpr.run(*consts, *carry))
        return (*unaliased_outputs(carry, args), *stacks, plan_of())

    def decompose(self, *args: Any, **params: Any) -> Sequence[Any]:
        """The plain loop; of its states, the first one is kept."""
        keeps = params["kept_carry"]
        if keeps is None:
            operands, loop = self.plain(args, params)
            return while_p.bind(*operands, **loop)
        n, slots = params["num_consts"], params["checkpoint"]
        loop = counted(params)
        start = np.zeros((), COUNT.dtype)
        operands, loop = self.plain([*args[:n], start, *args[n:]], {**params, **loop})
        steps, *outs = while_p.bind(*operands, **loop)
        first = [args[n + i] for i in keeps]
        stacks = [broadcast_p(x, shape=(slots + 2, *shape_of(x)), axes=(0,)) for x in first]
        plan = np.full((2, slots + 1), -1)
        plan[:, :2] = [[0, 0], [1, 0]]
        return [*outs, *stacks, set_at_p(plan, steps, index=Index((0, 0)))]

    @override
    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        outs, keeps, slots = out_avals(params["jaxpr"]), params["kept_carry"], params["checkpoint"]
        if keeps is None:
            return tuple(outs)
        stacks = [Aval((slots + 2, *outs[i].shape), outs[i].dtype) for i in keeps]
        return (*outs, *stacks, Aval((2, slots + 1), COUNT.dtype))

    @override
    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], **params: Any) -> None:
        if params["kept_carry"] is not None:
            return write_while_sweep(w, outs, ins, **params)
        operands, loop = self.plain(ins, params)
        return write_while(w, outs, operands, **loop)

    @override
    def in_c(self, w: Any, *ins: Any, **params: Any) -> Any:
        if params["kept_carry"] is not None:
            return while_sweep_in_c(w, *ins, **params)
        operands, loop = self.plain(ins, params)
        return while_in_c(w, *operands, **loop)

    hoist: Any = None
    recompute: Any = None

    @override
    def bodies(self, *ins: Any, **params: Any) -> list[tuple[Jaxpr, Any]]:
        return [(params["cond"], ins), (params["jaxpr"], ins)]

    @override
    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return list(range(len(params["jaxpr"].invars))), list(range(len(used))), params

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        flags = [i in operands for i in range(len(params["cond"].invars))]
        ins = self.reach(flags, False, **params).ins
        stops = dependent(params["cond"], ins, smoothly=False)[0]
        return not stops and super().is_linear(operands, **params)

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        ins, outs = super().reach(flags, smoothly, **params)
        if not smoothly and dependent(params["cond"], ins, smoothly=False)[0]:
            outs = [True] * len(outs)
            ins = [*ins[: params["num_consts"]], *outs]
        return Reach(ins, [*outs, *self.of_kept(outs, False, params)])

    def of_kept(self, carry: Sequence[Any], plan: Any, params: Any) -> list[Any]:
        """For each further output the entry of its carried value, and that of the plan."""
        keeps = params["kept_carry"]
        return [] if keeps is None else [*(carry[i] for i in keeps), plan]

    @override
    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        carry = [True] * params["num_carry"]
        return [*carry, *self.of_kept(carry, None, params)], True

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
        n, k = ScanLayout.of(params)
        keeps, flags = params["kept_carry"], reach.outs[: params["num_carry"]]
        step = functools.partial(step, outs=flags)  # type: ignore
        operands, wide, program = self.dual(args, others, reach, step, params, dtype)
        consts, carry = split_list(params["cond"].invars, n)
        given = alike(program.invars)
        first = wide.consts - n - sum(reach.ins[:n])  # after the values that the step closes over
        given[first : first + n], given[wide.consts : wide.consts + k] = consts, carry
        cond = Jaxpr(tuple(given), (), params["cond"].eqns, params["cond"].outvars)
        wider = {**wide.with_counts(params, program), "cond": cond}
        if keeps is not None:
            places = [k + sum(flags[:i]) for i in keeps if flags[i]]
            wider["kept_carry"] = (*keeps, *places)
        results = self.bind(*operands, **wider)
        outs, more, rest = split_list(results, k, wide.carry - k)
        stacks, more_stacks = split_list(rest[:-1], len(keeps or ()))
        return [*outs, *stacks, *rest[-1:]], [*more, *more_stacks]

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
        silent = params_without_effects(params)
        again = lambda ts: self.apply_dual(args, ts, reach, step, silent)[1]
        if params["kept_carry"] is not None:
            return list(self.bind(*args, **params)), again
        masks = kind == "jvp" or is_staged(args)
        trip = WhileTrip(params, args, seeds, functools.partial(step, params["jaxpr"]), masks)
        if kind == "vjp":
            return trip.outputs(reach)
        cond = with_more(params["cond"], trip.program.invars[: len(trip.before)])
        alone = {**trip.wide.with_counts(params, trip.program), "cond": cond}
        return list(self.bind(*trip.before, *args, **alone)), again

    @override
    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Any, Any]:
        if params["kept_carry"] is not None:
            return value_and_vjp("a loop", functools.partial(self.decompose, **params), ins, needs)
        if not is_taped(ins):
            return super().value_and_vjp(ins, needs, **params)
        # an outer tape needs all steps
        operands, loop = self.plain(ins, {**params, "jaxpr": plain_loops(params["jaxpr"])})
        n = params["num_consts"]
        outs, pull = while_p.value_and_vjp(operands, [*[None] * n, *needs], **loop)
        return outs, lambda cts: pull(cts)[n:]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        layout, cond, jaxpr = ScanLayout.of(params), params["cond"], params["jaxpr"]
        flags = self.reach([d is not None for d in axes], False, **params).ins
        rows = zip(args, axes, flags, strict=True)
        values = [batch_at_front(x, d, size) if flag else x for x, d, flag in rows]
        (consts, carry, _), carried = layout.operands(values), flags[layout.consts :]
        if dependent(cond, flags, smoothly=False)[0]:
            return self.masked(consts, carry, flags, size, params)

        def step(xs: list[Any]) -> list[Any]:
            pairs = zip(eval_batched(jaxpr, xs, flags, size), carried, strict=True)
            return [batch_at_front(y, d, size) if flag else y for (y, d), flag in pairs]

        avals = list(map(aval_of, values))
        program, more = trace_to_jaxpr("vmap of a loop", step, avals)
        rows = zip(cond.invars, avals, flags, strict=True)
        ins = [Var(a) if flag else v for v, a, flag in rows]  # it reads none of these
        cond = Jaxpr(tuple(ins), (), tuple(live(cond.eqns, cond.outvars)), cond.outvars)
        wide = layout._replace(consts=layout.consts + len(more))
        bound = {**wide.with_counts(params, program),
                 "cond": with_more(cond, program.invars[: len(more)])}  # fmt: skip
        outs = self.bind(*more, *values, **bound)
        axes = [0 if f else None for f in carried]
        kept = [None if d is None else 1 for d in axes]
        return outs, [*axes, *self.of_kept(kept, None, params)]

    def masked(
        self, consts: list[Any], carry: list[Any], flags: Flags, size: int, params: Any
    ) -> Batched:
        """A loop in which examples stop at different steps, which carries a mask."""
        n, k, keeps = len(consts), len(carry), params["kept_carry"]
        loop = Pass(params["jaxpr"], consts, carry, list(flags), list(flags[n:]))
        masks = MaskedPasses(params["cond"], consts, flags[:n], [loop], size)
        cond, ((program, operands, start),) = masks.programs([carry])
        bound = {
            **ScanLayout(len(operands), k + 1).with_counts(params, program),
            "cond": with_more(cond, program.invars[: len(operands)]),
            "kept_carry": None if keeps is None else tuple([i + 1 for i in keeps]),
        }
        _, *outs = self.bind(*operands, *start, **bound)
        return outs, [*[0] * k, *self.of_kept([1] * k, None, params)]


def alike(variables: Sequence[Var]) -> list[Var]:
    return [Var(v.aval) for v in variables]


def with_more(jaxpr: Jaxpr, variables: Sequence[Var]) -> Jaxpr:
    """A program with more inputs, like these variables, in front of its own."""
    return Jaxpr((*alike(variables), *jaxpr.invars), (), jaxpr.eqns, jaxpr.outvars)


def with_idle_count(jaxpr: Jaxpr, n: int) -> Jaxpr:
    """A program with a count of steps that it does not read, after its ``n`` first inputs."""
    invars = (*jaxpr.invars[:n], Var(COUNT), *jaxpr.invars[n:])
    return Jaxpr(invars, (), jaxpr.eqns, jaxpr.outvars)


def counted(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a loop that carries a count of its steps first, if they differ."""
    n, k = params["num_consts"], params["num_carry"]
    jaxpr, cond = with_count(params["jaxpr"], n), with_idle_count(params["cond"], n)
    return {"jaxpr": jaxpr, "cond": cond, "num_carry": k + 1}


class WhileTrip(Trip):
    """The forward pass of a while loop, which also counts its steps, and the way back."""

    def outputs(self, reach: Reach) -> tuple[list[Any], Later]:
        """The outputs of the loop, and its cotangents."""
        k, slots = self.layout.carry, self.params["checkpoint"]
        back, more = self.step_back()
        up, down, held, state = divided(self.cut.known, back, len(self.given), k, len(more))
        cond = with_more(self.params["cond"], self.program.invars[: len(self.before)])
        wide = self.wide.with_counts({**self.params, "cond": cond}, self.program)
        loop = {**wide, **counted(wide), "kept_carry": (0, *(i + 1 for i in state))}
        start = np.zeros((), COUNT.dtype)
        run = lambda params: checkpointed_while_p.bind(*self.given, start, *self.carry, **params)
        outs, again = run(loop), params_without_effects(loop)
        steps, carry, rest = split_list(outs, 1, k)
        plan, stacks = rest[-1], rest[:-1]
        operands = [plan, *steps, *more, *self.given, *(self.carry[i] for i in held)]
        idle = [Var(aval_of(x)) for x in (plan, *steps)]
        up, down = with_more(up, idle), with_more(down, idle)
        m = len(operands)
        up, down = with_count(up, m), with_idle_count(down, m)

        kept = Kept(stacks, lambda: split_list(run(again)[:-1], 1 + k)[1])
        layout = ReversalLayout(m, len(stacks), 0, sum(self.layout.counts(reach.ins)))
        params = layout.with_counts({"checkpoint": slots}, up, down)

        def later(d: Sequence[Any]) -> list[Any]:
            return self.cast(kept.bind(while_reversal_p, operands, d, params), reach)

        return list(unaliased_outputs(carry, self.carry)), later


checkpointed_while_p = CheckpointedWhile("checkpointed_while")
