"""scan: one program for all steps of a loop whose length is known.

Its derivatives are scans again: forward mode carries the tangents along; reverse mode saves in
one scan what the other, which runs the opposite way, reads.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..compile.finite_checks import through
from ..core.avals import Aval, aval_of, shape_of
from ..core.companions import Codegen, HoldsPrograms, Masking
from ..core.dependence import dependent, fixed_point, linear_in
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lists import Flags, compress, expand, split_list
from ..core.ownership import fresh
from ..ops.paths import Gaps, present
from ..ops.structure import Batched, cast, stretched, transpose_p
from ..transforms.jaxprs import (
    Holder,
    accumulator_avals,
    batch_jaxpr,
    eval_jvp,
    eval_masked,
    eval_vjp,
    in_avals,
    instantiate_zeros,
    interleave,
    is_linearizing,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from ..transforms.partial_eval import partial_eval_jaxpr
from ..transforms.paths import Paths
from ..transforms.staging import is_staged
from .code_motion import hoisted_scan
from .codegen import write_scan
from .pruning import pruned_scan


class Scan(Holder, HoldsPrograms, Masking, Codegen):
    """``jaxpr : consts, carry, x -> carry, y``, once for each x; operands ``consts, carry, xs``."""

    @override
    def run(
        self, *args: Any, jaxpr: Jaxpr, length: int, reverse: bool, num_consts: int, num_carry: int
    ) -> tuple[Any, ...]:
        consts, carry, xs = split_list(args, num_consts, num_carry)
        stacks = [np.empty((length, *a.shape), a.dtype) for a in out_avals(jaxpr)[num_carry:]]
        for i in range(length - 1, -1, -1) if reverse else range(length):
            outs = jaxpr.run(*consts, *carry, *[x[i] for x in xs])
            carry = outs[:num_carry]
            for stack, y in zip(stacks, outs[num_carry:], strict=True):
                stack[i] = y
        return (*fresh(carry, args), *stacks)

    @override
    def infer(
        self,
        *avals: Aval,
        jaxpr: Jaxpr,
        length: int,
        reverse: bool,
        num_consts: int,
        num_carry: int,
    ) -> tuple[Aval, ...]:
        carry, ys = split_list(out_avals(jaxpr), num_carry)
        return (*carry, *(Aval((length, *y.shape), y.dtype) for y in ys))

    def emit(self, w: Any, outs: Sequence[Any], ins: Sequence[Any], **params: Any) -> None:
        write_scan(w, outs, ins, **params)

    def hoist(self, build: Any, eqn: Any) -> Any:
        return hoisted_scan(build, eqn)

    def bodies(self, *ins: Any, jaxpr: Jaxpr, **params: Any) -> list[tuple[Jaxpr, Any]]:
        return [(jaxpr, ins)]

    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return pruned_scan(used, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        flags = [i in operands for i in range(len(params["jaxpr"].invars))]
        marked = lambda now: linear_in(params["jaxpr"], now) or [False] * len(flags)
        return linear_in(params["jaxpr"], _spread(flags, params, marked)) is not None

    def depends(self, flags: Flags, **params: Any) -> list[bool]:
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        reached = functools.partial(dependent, jaxpr, smoothly=False)
        flags = _spread(flags, params, reached)
        return [*flags[n : n + k], *reached(flags)[k:]]

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        flags = _spread(
            [t is not None for t in tangents], params, functools.partial(dependent, jaxpr)
        )
        ts = compress(instantiate_zeros(tangents, primals), flags)
        smooth = dependent(jaxpr, flags)
        outs_flagged = [*flags[n : n + k], *smooth[k:]]
        both = lambda xs, ts: eval_jvp(jaxpr, xs, ts, flags, outs_flagged)
        if is_linearizing(primals, tangents):
            parts = split_list(ts, *(sum(part) for part in split_list(flags, n, k)[:2]))
            outs, later = self.partial_eval(
                primals, tangent_avals(in_avals(jaxpr), flags), both, params
            )
            return outs, expand(later(parts, params["reverse"]), outs_flagged)
        return self.beside(primals, ts, flags, outs_flagged, both, params)

    def mask_in_trace(self, trace: Paths, args: Any, live: Any, **params: Any) -> tuple[Any, Any]:
        """Carry masks along, as forward mode carries tangents."""
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        reached = functools.partial(dependent, jaxpr)
        flags = _spread([mask is not None for mask in live], params, reached)
        outs_flagged = [*flags[n : n + k], *reached(flags)[k:]]
        masks = compress(list(map(present, args, live)), flags)
        both = lambda xs, masks: eval_masked(trace, jaxpr, xs, masks, flags, outs_flagged)
        return self.beside(args, masks, flags, outs_flagged, both, params, np.dtype(bool))

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        c, carry, z = split_list(gaps, n, k)
        while True:
            outs, risky = through(jaxpr, [*c, *carry, *z])
            # a carry that no tangent starts is 0
            now = [
                a if b is None else a is not False or b for a, b in zip(carry, outs, strict=False)
            ]
            if now == carry:
                return [*carry, *outs[k:]], risky
            carry = now

    def beside(
        self,
        args: Sequence[Any],
        others: Sequence[Any],
        flags: Flags,
        outs_flagged: Flags,
        both: Any,
        params: dict[str, Any],
        dtype: np.dtype | None = None,
    ) -> tuple[list[Any], list[Any]]:
        """Scan with a tangent or a mask beside each value flagged; ``both`` is one step of it."""
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        counts = [sum(part) for part in split_list(flags, n, k)[:2]]
        parts = split_list(others, *counts)
        c, x, z = split_list(args, n, k)
        ins, layout = interleave(split_list(in_avals(jaxpr), n, k), flags, dtype)

        def body(values: list[Any]) -> list[Any]:
            outs, more = both(*layout(values))
            carry, ys = split_list(outs, k)
            more_carry, more_ys = split_list(more, counts[1])
            return [*carry, *more_carry, *ys, *more_ys]

        program, operands = trace_to_jaxpr("scan", body, ins)
        results = self.bind(
            *operands, *c, *parts[0], *x, *parts[1], *z, *parts[2],
            **{**params, "jaxpr": program, "num_consts": len(operands) + n + counts[0],
               "num_carry": k + counts[1]},
        )  # fmt: skip
        carry, more_carry, ys, more_ys = split_list(results, k, counts[1], len(jaxpr.outvars) - k)
        return [*carry, *ys], expand([*more_carry, *more_ys], outs_flagged)

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Any, Any]:
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        flags = _spread(
            [need is not None for need in needs], params, functools.partial(dependent, jaxpr)
        )
        smooth = dependent(jaxpr, flags)
        avals, outs_flagged = in_avals(jaxpr), [*flags[n : n + k], *smooth[k:]]
        n_acc, n_carry = sum(flags[:n]), sum(flags[n : n + k])

        def both(xs: list[Any], seeds: list[Any]) -> tuple[list[Any], list[Any]]:
            return eval_vjp(jaxpr, xs, seeds, flags, outs_flagged, n_acc)

        sums, seeds = (
            accumulator_avals(avals[:n], flags[:n]),
            compress(out_avals(jaxpr), outs_flagged),
        )
        outs, later = self.partial_eval(ins, [*sums, *seeds], both, params)

        def pull(cts: Sequence[Any]) -> list[Any]:
            given_cts = compress(instantiate_zeros(cts, list(map(aval_of, outs))), outs_flagged)
            carry, ys = split_list(given_cts, n_carry)
            results = later(
                [[], [*instantiate_zeros([None] * n_acc, sums), *carry], ys], not params["reverse"]
            )
            dtypes = [a.dtype for a in compress(avals, flags)]
            return expand([cast(x, d) for x, d in zip(results, dtypes, strict=True)], flags)

        return outs, pull

    def partial_eval(
        self, ins: Sequence[Any], seeds: Sequence[Aval], both: Any, params: dict[str, Any]
    ) -> tuple[list[Any], Callable[..., list[Any]]]:
        """Scan the known part of ``both``; return its outputs, and the scan of the unknown part.

        That takes its seeds as consts, carry and xs, and the direction.
        """
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        m = len(jaxpr.outvars)
        kept = [not n <= i < n + k for i in range(len(ins))], [j >= k for j in range(m)]
        constant = [i < n for i in range(len(ins))]
        cut = partial_eval_jaxpr(
            "a derivative of scan", in_avals(jaxpr), seeds, both, kept, constant, is_staged(ins)
        )
        invariant = eval_jaxpr(cut.invariant, (), ins)
        before = (*cut.consts, *invariant)
        outs = self.bind(
            *before, *ins, **{**params, "jaxpr": cut.known, "num_consts": len(before) + n}
        )
        available = {"in": ins, "invariant": invariant, "out": outs}
        stacked = [kind == "out" or (kind == "in" and i >= n) for kind, i in cut.sources]
        saved = cut.residuals(available)

        def later(parts: Sequence[list[Any]], reverse: bool) -> list[Any]:
            return second_scan(cut.unknown, saved, stacked, parts, params["length"], reverse)

        return list(outs[:m]), later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        jaxpr, n, k = params["jaxpr"], params["num_consts"], params["num_carry"]
        reached = functools.partial(dependent, jaxpr, smoothly=False)
        flags = _spread([d is not None for d in axes], params, reached)
        wanted = [*flags[n : n + k], *[False] * (len(jaxpr.outvars) - k)]
        program, operands, varied = batch_jaxpr(jaxpr, flags, wanted, size)
        # the axis of the examples is in front, but behind that of the steps
        values = [
            _moved(x, d, int(i >= n + k), size) if flag else x
            for i, (x, d, flag) in enumerate(zip(args, axes, flags, strict=True))
        ]
        inner = {**params, "jaxpr": program, "num_consts": n + len(operands)}
        outs = self.bind(*operands, *values, **inner)
        return outs, [int(j >= k) if v else None for j, v in enumerate(varied)]


def second_scan(
    jaxpr: Jaxpr,
    saved: Sequence[Any],
    stacked: Flags,
    seeds: Sequence[list[Any]],
    length: int,
    reverse: bool,
) -> list[Any]:
    """Scan the unknown part of a derivative over its residuals.

    ``stacked`` tells what was saved at each step; the seeds are its consts, carry and xs.
    """
    consts, carry, xs = seeds
    still = [not s for s in stacked]
    order, rest = split_list(jaxpr.invars, len(saved))
    c, x, z = split_list(rest, len(consts), len(carry))
    invars = (*compress(order, still), *c, *x, *compress(order, stacked), *z)
    fixed, moving = compress(saved, still), compress(saved, stacked)
    return list(scan_p.bind(
        *fixed, *consts, *carry, *moving, *xs, length=length, reverse=reverse,
        jaxpr=Jaxpr(invars, (), jaxpr.eqns, jaxpr.outvars),
        num_consts=len(fixed) + len(consts), num_carry=len(carry),
    ))  # fmt: skip


def _spread(flags: Flags, params: dict[str, Any], step: Callable[[Flags], Flags]) -> list[bool]:
    """Return the inputs flagged, with what the loop makes depend on them."""
    c, x, z = split_list(flags, params["num_consts"], params["num_carry"])
    x = fixed_point(x, lambda now: step([*c, *now, *z])[: len(x)])
    return [*c, *x, *z]


def _moved(x: Any, axis: int | None, place: int, size: int) -> Any:
    """Return a value with its batch axis, made if it has none, at place 0 or 1."""
    x = stretched(x, axis, size)
    return transpose_p(x, perm=(1, 0, *range(2, len(shape_of(x))))) if place else x


scan_p = Scan("scan")
