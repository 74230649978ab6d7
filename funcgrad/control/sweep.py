"""The forward pass of a checkpointed scan: a loop that also keeps states of its carry."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, dtype_of, shape_of
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr
from ..core.lists import Flags, split_list
from ..core.ownership import unaliased_outputs
from ..ops.index import concatenate_p
from ..ops.paths import Gaps
from ..ops.structure import Batched
from ..transforms.jaxpr_primitive import Later, Reach, WithTangents
from ..transforms.jaxprs import (
    out_avals,
)
from ..transforms.reverse import value_and_vjp
from .c_reversals import sweep_in_c
from .checkpointed_codegen import write_sweep
from .code_motion import hoisted_sweep
from .scan import Scan, ScanLayout, scan_p
from .states import ByDecomposition


class Sweep(ByDecomposition, Scan):
    """A scan over the first ``steps`` steps that also keeps states of the carry.

    Outputs: carry, ys of ``length`` rows, and for each carried value in ``kept_carry`` a stack of
    ``checkpoint`` + 2 rows: its value at the start, those before the steps ``kept``, and rows in
    which a reversal works.
    """

    called = "a sweep"

    @override
    def run(
        self, *args: Any, jaxpr: Jaxpr, length: int, steps: int, reverse: bool, num_consts: int,
        num_carry: int, checkpoint: int, kept: tuple[int, ...], kept_carry: tuple[int, ...],
    ) -> tuple[Any, ...]:  # fmt: skip
        k = num_carry
        consts, carry, xs = split_list(args, num_consts, k)
        stacks = [np.zeros((length, *v.aval.shape), v.aval.dtype) for v in jaxpr.outvars[k:]]
        avals = [jaxpr.outvars[i].aval for i in kept_carry]
        snaps = [np.empty((checkpoint + 2, *a.shape), a.dtype) for a in avals]
        places = dict(zip((0, *kept), range(len(kept) + 1), strict=True))
        for j in range(steps):
            if j in places:
                for snap, i in zip(snaps, kept_carry, strict=True):
                    snap[places[j]] = carry[i]
            row = length - 1 - j if reverse else j
            outs = list(jaxpr.run(*consts, *carry, *[x[row] for x in xs]))
            carry = outs[:k]
            for stack, y in zip(stacks, outs[k:], strict=True):
                stack[row] = y
        return (*unaliased_outputs(carry, args), *stacks, *snaps)

    @override
    def infer(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        jaxpr, rows = params["jaxpr"], params["checkpoint"] + 2
        kept = [out_avals(jaxpr)[i] for i in params["kept_carry"]]
        return (*super().infer(*avals, **params), *(Aval((rows, *a.shape), a.dtype) for a in kept))

    @override
    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return list(range(len(params["jaxpr"].invars))), list(range(len(used))), params

    recompute: Any = None

    @override
    def hoist(self, build: Any, eqn: Any) -> Any:
        return hoisted_sweep(build, eqn)

    def decompose(self, *args: Any, **params: Any) -> Sequence[Any]:
        """A scan that stacks all states, of which some are taken."""
        jaxpr, layout, steps = params["jaxpr"], ScanLayout.of(params), params["steps"]
        consts, carry, xs = layout.operands(args)
        k, m, states = layout.carry, len(jaxpr.outvars), params["kept_carry"]
        outvars = (*jaxpr.outvars, *(jaxpr.invars[layout.consts + i] for i in states))
        body = Jaxpr(jaxpr.invars, (), jaxpr.eqns, outvars)
        part = steps_of(params)
        outs = scan_p.bind(
            *consts, *carry, *(x[part] for x in xs), jaxpr=body, length=steps,
            reverse=params["reverse"], num_consts=layout.consts, num_carry=k,
        )  # fmt: skip
        ends, ys, stacks = split_list(outs, k, m - k)
        at = np.array((0, *params["kept"]))
        at = steps - 1 - at if params["reverse"] else at
        more = params["checkpoint"] + 2 - len(at)
        rows = params["length"] - steps
        ys = [padded(y, rows, params["reverse"]) for y in ys]
        return [*ends, *ys, *(padded(stack[at], more, False) for stack in stacks)]

    @override
    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Callable[[Sequence[Any]], list[Any]]]:
        """Reverse mode of the scan that it decomposes into."""
        run = functools.partial(self.decompose, **params)
        return value_and_vjp("a sweep", run, ins, needs)

    @override
    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], **params: Any) -> None:
        write_sweep(w, outs, ins, **params)

    @override
    def in_c(self, w: Any, *ins: Any, **params: Any) -> Any:
        return sweep_in_c(w, *ins, **params)

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        ins, outs = super().reach(flags, smoothly, **params)
        return Reach(ins, [*outs, *(outs[i] for i in params["kept_carry"])])

    @override
    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        outs, risky = super().gaps(gaps, ins, **params)
        return [*outs, *(outs[i] for i in params["kept_carry"])], risky

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
        jaxpr, layout, states = params["jaxpr"], ScanLayout.of(params), params["kept_carry"]
        step = functools.partial(step, outs=reach.outs[: len(jaxpr.outvars)])  # type: ignore
        operands, wide, program = self.dual(args, others, reach, step, params, dtype)
        flags = reach.outs[: layout.carry]
        places = {i: layout.carry + sum(flags[:i]) for i in states if flags[i]}
        wider = {**wide.with_counts(params, program), "kept_carry": (*states, *places.values())}
        results = self.bind(*operands, **wider)
        rows = len(jaxpr.outvars) - layout.carry
        carry, more_carry, ys, rest = split_list(results, layout.carry, sum(flags), rows)
        more_ys, snaps, more_snaps = split_list(
            rest, len(program.outvars) - wide.carry - rows, len(states)
        )
        return [*carry, *ys, *snaps], [*more_carry, *more_ys, *more_snaps]

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
        outs = list(self.bind(*args, **params))
        return outs, lambda ts: self.apply_dual(args, ts, reach, step, params)[1]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        outs, places = super().batch(args, axes, size, **params)
        return outs, [*places, *(None if places[i] is None else 1 for i in params["kept_carry"])]


def steps_of(params: Mapping[str, Any]) -> slice:
    """The rows of the first steps of a loop."""
    rows = params["length"] - params["steps"]
    return slice(rows, None) if params["reverse"] else slice(0, params["steps"])


def padded(rows: Any, more: int, first: bool) -> Any:
    """Rows with rows of zeros before the first, or after the last."""
    if not more:
        return rows
    zeros = np.zeros((more, *shape_of(rows)[1:]), dtype_of(rows))
    return concatenate_p(*((zeros, rows) if first else (rows, zeros)), axis=0)


sweep_p = Sweep("sweep")
