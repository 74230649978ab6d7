"""The primitive behind cond and switch: programs of which one is run, chosen by a number.

Where the number differs from example to example, all of them run, and each example selects its own.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..compile.finite_checks import through
from ..core.avals import Aval, aval_of, shape_of
from ..core.companions import Codegen, HoldsPrograms, Masking
from ..core.dependence import dependent, linear_in
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr, programs_in
from ..core.lists import Flags, compress, expand, split_list
from ..core.ownership import fresh
from ..ops import compare
from ..ops.elementwise import where
from ..ops.linalg.matrices import OfMatrices
from ..ops.paths import Gaps
from ..ops.structure import Batched, broadcast_to, expand_dims, front, stretched, zeros
from ..transforms.jaxprs import (
    Holder,
    batch_jaxpr,
    eval_batched,
    eval_jvp,
    eval_masked,
    eval_vjp,
    in_avals,
    instantiate_zeros,
    is_linearizing,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from ..transforms.partial_eval import PartialEval, partial_eval_jaxpr
from ..transforms.paths import Paths
from ..transforms.staging import is_staged
from .codegen import write_cond
from .pruning import pruned_cond


class Cond(Holder, HoldsPrograms, Masking, Codegen):
    """``branches[index] : operands -> outs``, the index clamped; operands ``index, operands``."""

    @override
    def run(self, index: Any, *args: Any, branches: tuple[Jaxpr, ...]) -> tuple[Any, ...]:
        return fresh(branches[min(max(int(index), 0), len(branches) - 1)].run(*args), args)

    @override
    def infer(self, index: Aval, *args: Aval, branches: tuple[Jaxpr, ...]) -> tuple[Aval, ...]:
        return tuple(out_avals(branches[0]))

    def emit(self, w: Any, outs: Sequence[Any], ins: Sequence[Any], **params: Any) -> None:
        write_cond(w, outs, ins, **params)

    def bodies(self, _: Any, *ins: Any, branches: tuple[Jaxpr, ...]) -> list[tuple[Jaxpr, Any]]:
        return [(branch, ins) for branch in branches]

    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return pruned_cond(used, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        branches = params["branches"]
        flags = [i + 1 in operands for i in range(len(branches[0].invars))]
        return 0 not in operands and all(linear_in(b, flags) is not None for b in branches)

    def depends(self, flags: Flags, *, branches: tuple[Jaxpr, ...]) -> list[bool]:
        found = _any([dependent(branch, flags[1:], smoothly=False) for branch in branches])
        return [flags[0] or flag for flag in found]

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, branches: tuple[Jaxpr, ...]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        flags = [t is not None for t in tangents[1:]]
        smooth = _any([dependent(branch, flags) for branch in branches])
        ts = compress(tangents[1:], flags)

        both = lambda jaxpr, xs, ts: eval_jvp(jaxpr, xs, ts, flags, smooth)
        if is_linearizing(primals, tangents):
            seeds = tangent_avals(in_avals(branches[0]), flags)
            outs, later = self.partial_eval(primals, seeds, both, branches)
            return outs, expand(later(ts), smooth)
        return self.beside(primals, ts, flags, smooth, both, branches)

    def mask_in_trace(
        self, trace: Paths, args: Any, live: Any, *, branches: tuple[Jaxpr, ...]
    ) -> tuple[Any, Any]:
        """Give masks to the branches, as forward mode gives them tangents."""
        flags = [mask is not None for mask in live[1:]]
        smooth = _any([dependent(branch, flags) for branch in branches])
        both = lambda jaxpr, xs, masks: eval_masked(trace, jaxpr, xs, masks, flags, smooth)
        masks = compress(live[1:], flags)
        return self.beside(args, masks, flags, smooth, both, branches, np.dtype(bool))

    def gaps(self, gaps: Any, ins: Any, *, branches: tuple[Jaxpr, ...]) -> Gaps:
        rows = [through(branch, gaps[1:]) for branch in branches]
        columns = zip(*(outs for outs, _ in rows), strict=True)
        outs = [None if all(g is None for g in c) else not all(g is False for g in c)
                for c in columns]  # fmt: skip
        return outs, any(risky for _, risky in rows)

    def beside(
        self,
        args: Sequence[Any],
        others: Sequence[Any],
        flags: Flags,
        smooth: Flags,
        both: Any,
        branches: tuple[Jaxpr, ...],
        dtype: np.dtype | None = None,
    ) -> tuple[list[Any], list[Any]]:
        """Choose with a tangent or a mask beside each value flagged; ``both`` is one branch."""
        n, ins = len(flags), in_avals(branches[0])
        more = tangent_avals(ins, flags)
        more = more if dtype is None else [Aval(a.shape, dtype) for a in more]

        def body(jaxpr: Jaxpr, values: list[Any]) -> list[Any]:
            outs, found = both(jaxpr, *split_list(values, n))
            return [*outs, *found]

        bodies = [functools.partial(body, jaxpr) for jaxpr in branches]
        results = self.joined(args[0], [*args[1:], *others], bodies, [*ins, *more])
        outs, found = split_list(results, len(smooth))
        return outs, expand(found, smooth)

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], *, branches: tuple[Jaxpr, ...]
    ) -> tuple[Any, Any]:
        flags = [need is not None for need in needs[1:]]
        smooth = _any([dependent(branch, flags) for branch in branches])
        seeds = compress(out_avals(branches[0]), smooth)
        both = lambda jaxpr, xs, cts: eval_vjp(jaxpr, xs, cts, flags, smooth)
        outs, later = self.partial_eval(ins, seeds, both, branches)

        def pull(cts: Sequence[Any]) -> list[Any]:
            return [None, *expand(later(instantiate_zeros(compress(cts, smooth), seeds)), flags)]

        return outs, pull

    def joined(
        self, index: Any, args: Sequence[Any], bodies: Sequence[Any], avals: Sequence[Aval]
    ) -> list[Any]:
        """Stage one body a branch, and apply the one chosen; each may close over its own."""
        programs = [trace_to_jaxpr("a branch of cond", body, avals) for body in bodies]
        closed = [x for _, operands in programs for x in operands]
        before, rows = 0, []
        for jaxpr, operands in programs:
            own, ins = split_list(jaxpr.invars, len(operands))
            invars = [*(Var(aval_of(x)) for x in closed), *ins]
            invars[before : before + len(own)] = own
            read = {atom for eqn in jaxpr.eqns for atom in eqn.ins} | set(jaxpr.outvars)
            rows.append((invars, jaxpr, [v in read for v in invars]))
            before += len(own)
        used = _any([flags for _, _, flags in rows])
        branches = tuple(
            Jaxpr(tuple(compress(invars, used)), (), jaxpr.eqns, jaxpr.outvars)
            for invars, jaxpr, _ in rows
        )
        return list(self.bind(index, *compress([*closed, *args], used), branches=branches))

    def partial_eval(
        self, ins: Sequence[Any], seeds: Sequence[Aval], both: Any, branches: tuple[Jaxpr, ...]
    ) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        """Apply the known parts of ``both``; return the outputs, and how to apply the rest.

        What branches save goes into slots that they share, one for each shape and dtype. In a batch
        all branches run for all examples, also on slots that an example's own branch did not fill:
        these hold what no decomposition refuses.
        """
        index, *args = ins
        n, m = len(args), len(branches[0].outvars)
        cut = functools.partial(
            partial_eval_jaxpr, "a derivative of cond", in_avals(branches[0]), seeds
        )
        kept = [True] * n, [True] * m
        rest = kept, [False] * n, is_staged(ins)
        parts = [cut(functools.partial(both, b), *rest) for b in branches]
        slots, places = _slots([out_avals(part.known)[m:] for part in parts])
        fill = regular if any(_has_matrices(part.unknown) for part in parts) else zeros

        def first(part: PartialEval, place: list[int], values: list[Any]) -> list[Any]:
            outs = eval_jaxpr(part.known, (), [*part.consts, *values])
            filled = dict(zip(place, outs[m:], strict=True))
            empty = {i: fill(a) for i, a in enumerate(slots) if i not in filled}
            return [*outs[:m], *((filled | empty)[i] for i in range(len(slots)))]

        def second(part: PartialEval, place: list[int], values: list[Any]) -> list[Any]:
            available = {"in": values[:n], "out": values[n : n + m]}
            saved = values[n + m : n + m + len(slots)]
            available["out"] = [*available["out"], *(saved[i] for i in place)]
            return list(
                eval_jaxpr(
                    part.unknown, (), [*part.residuals(available), *values[n + m + len(slots) :]]
                )
            )

        rows = list(zip(parts, places, strict=True))
        avals = in_avals(branches[0])
        outs = self.joined(index, args, [functools.partial(first, *row) for row in rows], avals)

        def later(values: Sequence[Any]) -> list[Any]:
            bodies = [functools.partial(second, *row) for row in rows]
            operands = [*args, *outs, *values]
            return self.joined(index, operands, bodies, list(map(aval_of, operands)))

        return outs[:m], later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, branches: tuple[Jaxpr, ...]) -> Batched:
        (index, *xs), (place, *dims) = args, axes
        flags = [d is not None for d in dims]
        values = [x if d is None else front(x, d) for x, d in zip(xs, dims, strict=True)]
        if place is not None:
            return self.selected(
                index, [eval_batched(b, values, flags, size) for b in branches], size
            )
        reached = [dependent(b, flags, smoothly=False) for b in branches]
        programs = [batch_jaxpr(b, flags, _any(reached), size) for b in branches]
        bodies = [functools.partial(_evaluated, jaxpr, operands) for jaxpr, operands, _ in programs]
        outs = self.joined(index, values, bodies, list(map(aval_of, values)))
        varied = _any([v for _, _, v in programs])
        return outs, [0 if v else None for v in varied]

    def selected(self, index: Any, results: Sequence[Any], size: int) -> Batched:
        """Select for each example among the results of all branches."""
        outs = []
        for column in zip(*results, strict=True):
            ys = [stretched(y, d, size) for y, d in column]
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


def _has_matrices(jaxpr: Jaxpr) -> bool:
    """Return whether a program holds operations on matrices, which LAPACK may refuse."""
    return any(
        isinstance(eqn.prim, OfMatrices) or any(map(_has_matrices, programs_in(eqn.params)))
        for eqn in jaxpr.eqns
    )


def regular(aval: Aval) -> Any:
    """Return identity matrices where the last axes are square, else zeros."""
    *_, m, n = (0, 0, *aval.shape)
    if len(aval.shape) < 2 or m != n or aval.dtype.kind not in "fc":
        return zeros(aval)
    return broadcast_to(np.eye(n, dtype=aval.dtype), aval.shape)


def _slots(saved: Sequence[Sequence[Aval]]) -> tuple[list[Aval], list[list[int]]]:
    """Return avals that hold what any one of the branches saves, and where each finds its own."""
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
