"""The primitive behind cond and switch: an index selects the branch that runs.

Where the index is batched, all branches run, and each example selects its result.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..compile.finite_checks import through
from ..core.avals import Aval, aval_of, shape_of
from ..core.branches import everything
from ..core.companions import Codegen, Masking
from ..core.dependence import dependent
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import Flags, compress, split_list
from ..core.memory import identity
from ..core.ownership import unaliased_outputs
from ..core.propagation import Propagation
from ..ops import compare
from ..ops.elementwise import where
from ..ops.paths import Gaps
from ..ops.reduce import any_p
from ..ops.structure import (
    Batched,
    axis_to_front,
    batch_at_front,
    broadcast_to,
    cast,
    expand_dims,
    zeros_like,
)
from ..transforms.jaxpr_primitive import JaxprPrimitive, Later, Reach, WithTangents
from ..transforms.jaxprs import (
    avals_beside,
    batch_jaxpr,
    eval_batched,
    in_avals,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from ..transforms.partial_eval import PartialEval, partial_eval_jaxpr
from ..transforms.staging import is_staged
from .c_loops import cond_in_c
from .codegen import write_cond
from .lanes import has_matrices, may_raise, taking_part
from .loop_sets import branches_sets
from .pruning import pruned_cond


class Cond(JaxprPrimitive, Masking, Codegen):
    """``branches[index] : operands -> outs``, the index clamped; operands ``index, operands``."""

    lead = 1

    @override
    def programs(self, **params: Any) -> Sequence[Jaxpr]:
        return params["branches"]

    @override
    def run(self, index: Any, *args: Any, branches: tuple[Jaxpr, ...]) -> tuple[Any, ...]:
        return unaliased_outputs(
            branches[min(max(int(index), 0), len(branches) - 1)].run(*args), args
        )

    @override
    def infer(self, index: Aval, *args: Aval, branches: tuple[Jaxpr, ...]) -> tuple[Aval, ...]:
        return tuple(out_avals(branches[0]))

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], **params: Any) -> None:
        write_cond(w, outs, ins, **params)

    def in_c(self, w: Any, *ins: Any, **params: Any) -> Any:
        return cond_in_c(w, *ins, **params)

    def turns(self, *, branches: tuple[Jaxpr, ...]) -> float:
        return 1 / len(branches)  # on average

    def bodies(self, _: Any, *ins: Any, branches: tuple[Jaxpr, ...]) -> list[tuple[Jaxpr, Any]]:
        return [(branch, ins) for branch in branches]

    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return pruned_cond(used, **params)

    def depend_through(self, walk: Propagation, ins: Any, avals: Any, **params: Any) -> Any:
        return branches_sets(walk, ins, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return 0 not in operands and super().is_linear(operands, **params)

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        outs = _any([dependent(branch, flags[1:], smoothly) for branch in params["branches"]])
        if not smoothly:
            return Reach(list(flags), [flags[0] or flag for flag in outs])
        return Reach([False, *flags[1:]], outs)  # the integer index has no derivative

    def gaps(self, gaps: Any, ins: Any, *, branches: tuple[Jaxpr, ...]) -> Gaps:
        rows = [through(branch, gaps[1:]) for branch in branches]
        columns = zip(*(outs for outs, _ in rows), strict=True)
        outs = [None if all(g is None for g in c) else not all(g is False for g in c)
                for c in columns]  # fmt: skip
        return outs, any(risky for _, risky in rows)

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
        (index, *operands), branches = args, params["branches"]
        n, ins = len(operands), in_avals(branches[0])
        more = avals_beside(tangent_avals(ins, reach.ins[1:]), dtype, order)

        def body(jaxpr: Jaxpr, values: list[Any]) -> list[Any]:
            outs, found = step(jaxpr, *split_list(values, n))
            return [*outs, *found]

        bodies = [functools.partial(body, jaxpr) for jaxpr in branches]
        results = self.bind_branches(index, [*operands, *others], bodies, [*ins, *more])
        outs, found = split_list(results, len(reach.outs))
        return outs, found

    def bind_branches(
        self, index: Any, args: Sequence[Any], bodies: Sequence[Any], avals: Sequence[Aval]
    ) -> list[Any]:
        """Trace one body for each branch, and bind them; each may have its own constants."""
        programs = [
            trace_to_jaxpr("a branch of cond", body, avals, takes=everything) for body in bodies
        ]
        named = {identity(x): x for _, operands in programs for x in operands}
        closed, places = list(named.values()), {key: i for i, key in enumerate(named)}
        rows = []
        for jaxpr, operands in programs:
            own, ins = split_list(jaxpr.invars, len(operands))
            invars = [*(Var(aval_of(x)) for x in closed), *ins]
            for x, var in zip(operands, own, strict=True):
                invars[places[identity(x)]] = var
            read = {atom for eqn in jaxpr.eqns for atom in eqn.ins} | set(jaxpr.outvars)
            rows.append((invars, jaxpr, [v in read for v in invars]))
        used = _any([flags for _, _, flags in rows])
        branches = tuple(
            Jaxpr(tuple(compress(invars, used)), (), jaxpr.eqns, jaxpr.outvars)
            for invars, jaxpr, _ in rows
        )
        return list(self.bind(index, *compress([*closed, *args], used), branches=branches))

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
        """The known part is a cond over the known parts of the branches; so is the unknown part.

        Branches share slots for residuals of equal shape and dtype. Under vmap all branches run for
        all examples, also on slots that the branch of an example did not fill: these hold values
        for which no matrix factorization fails.
        """
        (index, *operands), branches = args, params["branches"]
        n, m = len(operands), len(branches[0].outvars)
        avals, kept, masks = in_avals(branches[0]), ([True] * n, [True] * m), is_staged(args)
        cut = functools.partial(partial_eval_jaxpr, "a derivative of cond", avals, seeds)
        parts = [cut(functools.partial(step, b), kept, [False] * n, masks) for b in branches]
        slots, places = _slots([out_avals(part.known)[m:] for part in parts])
        fill = eye_or_zeros if any(has_matrices(part.unknown) for part in parts) else zeros_like

        def known(part: PartialEval, place: list[int], values: list[Any]) -> list[Any]:
            outs = eval_jaxpr(part.known, (), [*part.consts, *values])
            filled = dict(zip(place, outs[m:], strict=True))
            return [
                *outs[:m],
                *(filled[i] if i in filled else fill(a) for i, a in enumerate(slots)),
            ]

        def unknown(part: PartialEval, place: list[int], values: list[Any]) -> list[Any]:
            ins, outs, saved, starts = split_list(values, n, m, len(slots))
            available = {"in": ins, "out": [*outs, *(saved[i] for i in place)]}
            return list(eval_jaxpr(part.unknown, (), [*part.residuals(available), *starts]))

        rows = list(zip(parts, places, strict=True))
        bodies = [functools.partial(known, *row) for row in rows]
        outs = self.bind_branches(index, operands, bodies, avals)

        def later(values: Sequence[Any]) -> list[Any]:
            bodies = [functools.partial(unknown, *row) for row in rows]
            given = [*operands, *outs, *values]
            return self.bind_branches(index, given, bodies, list(map(aval_of, given)))

        return outs[:m], later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, branches: tuple[Jaxpr, ...]) -> Batched:
        (index, *xs), (place, *dims) = args, axes
        flags = [d is not None for d in dims]
        values = [x if d is None else axis_to_front(x, d) for x, d in zip(xs, dims, strict=True)]
        if place is not None:
            index = axis_to_front(index, place)
            rows = [self.reached(k, index, values, flags, size, branches)
                    for k in range(len(branches))]  # fmt: skip
            return self.selected(index, rows, size)
        reached = [dependent(b, flags, smoothly=False) for b in branches]
        programs = [batch_jaxpr(b, flags, _any(reached), size) for b in branches]
        bodies = [functools.partial(_evaluated, jaxpr, operands) for jaxpr, operands, _ in programs]
        outs = self.bind_branches(index, values, bodies, list(map(aval_of, values)))
        varied = _any([v for _, _, v in programs])
        return outs, [0 if v else None for v in varied]

    def reached(
        self, k: int, index: Any, values: list[Any], flags: Flags, size: int,
        branches: Sequence[Jaxpr],
    ) -> list[tuple[Any, int | None]]:  # fmt: skip
        """The results of a branch, and their batch axes; of the examples that select it, at least.

        Where it may raise for the others, they get operands of one that does, if there is any.
        """
        run = functools.partial(eval_batched, branches[k], flags=flags, size=size)
        if not may_raise(branches[k]):
            return run(values)
        mask = selecting(k, index, len(branches))
        (chosen,) = any_p.bind(mask, axes=(0,))
        results = [Aval((size, *a.shape), a.dtype) for a in out_avals(branches[k])]
        safe = lambda xs: run(taking_part(branches[k], xs, flags, mask))
        bodies = [
            lambda _: list(map(zeros_like, results)),
            lambda xs: [batch_at_front(y, d, size) for y, d in safe(xs)],
        ]
        avals = list(map(aval_of, values))
        outs = self.bind_branches(cast(chosen, np.dtype(int)), values, bodies, avals)
        return [(y, 0) for y in outs]

    def selected(self, index: Any, results: Sequence[Any], size: int) -> Batched:
        """Select the result of one branch for each example."""
        outs = []
        for column in zip(*results, strict=True):
            ys = [batch_at_front(y, d, size) for y, d in column]
            chosen_y = ys[-1]
            shape = tuple(range(1, len(shape_of(ys[0]))))
            for i in range(len(ys) - 2, -1, -1):
                mine = expand_dims(compare.le(index, i), shape)
                chosen_y = where(mine, ys[i], chosen_y)
            outs.append(chosen_y)
        return outs, [0] * len(outs)


def _evaluated(jaxpr: Jaxpr, operands: Sequence[Any], values: list[Any]) -> list[Any]:
    return list(eval_jaxpr(jaxpr, (), [*operands, *values]))


def _any(rows: Sequence[Flags]) -> list[bool]:
    return [any(column) for column in zip(*rows, strict=True)]


def selecting(k: int, index: Any, count: int) -> Any:
    """Where an index, which is clamped, selects one of several branches."""
    if k == 0:
        return compare.le(index, 0)
    return compare.ge(index, k) if k == count - 1 else compare.eq(index, k)


def eye_or_zeros(aval: Aval) -> Any:
    """Identity matrices if the last two axes are square, else zeros."""
    *_, m, n = (0, 0, *aval.shape)
    if len(aval.shape) < 2 or m != n or aval.dtype.kind not in "fc":
        return zeros_like(aval)
    return broadcast_to(np.eye(n, dtype=aval.dtype), aval.shape)


def _slots(saved: Sequence[Sequence[Aval]]) -> tuple[list[Aval], list[list[int]]]:
    """Avals of slots for the residuals of any one branch, and the slots of each branch."""
    slots: list[Aval] = []
    places = []
    for avals in saved:
        free = list(range(len(slots)))
        mine = []
        for aval in avals:
            i = next((i for i in free if slots[i] == aval), None)
            if i is None:
                slots.append(aval)
                i = len(slots) - 1
            else:
                free.remove(i)
            mine.append(i)
        places.append(mine)
    return slots, places


cond_p = Cond("cond")
