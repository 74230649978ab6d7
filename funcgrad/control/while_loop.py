"""The primitive behind while_loop and fori_loop: a program repeated until another says stop.

It goes there and back. Its first leg is the loop; each leg after it passes over the same steps,
in the opposite direction to the one before, and may read what the legs before it left at each
step. So the reverse derivative of a loop is a loop of twice as many legs, whatever the number of
steps turns out to be; and so is the derivative of that. A loop that runs now, on arrays, keeps
its trajectory instead, and scans over it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.companions import Codegen, Masking
from ..core.dependence import dependent, linear_in
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import compress, expand, split_list
from ..core.ownership import fresh
from ..ops.paths import Gaps, present
from ..ops.structure import Batched, front
from ..transforms.jaxpr_primitive import JaxprPrimitive
from ..transforms.jaxprs import (
    accumulator_avals,
    batch_jaxpr,
    eval_masked,
    in_avals,
    instantiate_zeros,
    is_linearizing,
    out_avals,
)
from ..transforms.paths import Paths
from .codegen import write_while
from .passes import (
    Leg,
    Masked,
    Return,
    by_leg,
    leg_beside,
    leg_partial_eval,
    leg_pushed,
    legs_of,
    plain,
    pulled_seeds,
    pushed_seeds,
    rounded,
    widened,
)
from .pruning import pruned_while
from .scan import second_scan


class While(JaxprPrimitive, Masking, Codegen):
    """``cond : consts, carry -> bool``; ``legs[j] : consts, carry, left before -> carry, left``.

    Operands: the constants of ``cond``, then of each leg its constants and its carry, of which
    ``sizes`` tells the numbers. Outputs: of each leg its carry.
    """

    @override
    def run(
        self, *args: Any, cond: Jaxpr, legs: tuple[Jaxpr, ...], sizes: tuple[tuple[int, int], ...]
    ) -> tuple[Any, ...]:
        going, ((consts, carry), *others) = by_leg(args, sizes)
        rows: list[list[Any]] = []
        while cond.run(*going, *carry)[0]:
            carry, left = split_list(legs[0].run(*consts, *carry), len(carry))
            if others:
                rows.append(left)
        results = carry
        for leg, (consts, carry) in zip(legs[1:], others, strict=True):
            rows.reverse()
            for row in rows:
                carry, left = split_list(leg.run(*consts, *carry, *row), len(carry))
                row += left
            results = results + carry
        return fresh(results, args)

    @override
    def infer(
        self, *avals: Aval, cond: Jaxpr, legs: tuple[Jaxpr, ...], sizes: tuple[tuple[int, int], ...]
    ) -> tuple[Aval, ...]:
        pairs = zip(legs, sizes, strict=True)
        return tuple(a for leg, (_, k) in pairs for a in out_avals(leg)[:k])

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], **params: Any) -> None:
        write_while(w, outs, ins, **params)

    def bodies(self, *ins: Any, cond: Jaxpr, legs: Any, sizes: Any) -> list[tuple[Jaxpr, Any]]:
        going, parts = by_leg(ins, sizes)
        pairs = zip(legs, parts, strict=True)
        found = [(leg, [*c, *x, *[None] * (len(leg.invars) - len(c) - len(x))])
                 for leg, (c, x) in pairs]  # fmt: skip
        return [(cond, [*going, *parts[0][1]]), *found]

    def prune(self, used: Sequence[bool], **params: Any) -> Any:
        return pruned_while(used, **params)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        cond, sizes = params["cond"], params["sizes"]
        count = len(cond.invars) - sizes[0][1] + sum(map(sum, sizes))
        flags = [i in operands for i in range(count)]
        linear = lambda leg, now: linear_in(leg, now) or [False] * len(leg.outvars)
        going, legs = legs_of(flags, flags, params, linear)
        steady = not dependent(cond, [*going, *legs[0].outs[: sizes[0][1]]], smoothly=False)[0]
        return steady and all(linear_in(leg.program, leg.ins) is not None for leg in legs)

    def depends(self, flags: Sequence[bool], **params: Any) -> list[bool]:
        reached = lambda leg, now: dependent(leg, now, smoothly=False)
        going, legs = legs_of(flags, list(flags), params, reached)
        carries = [leg.outs[: len(leg.carry)] for leg in legs]
        stop = dependent(params["cond"], [*going, *carries[0]], smoothly=False)[0]
        return [stop or flag for carry in carries for flag in carry]

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        going, legs = legs_of(primals, [t is not None for t in tangents], params, dependent)
        _, ts = by_leg(instantiate_zeros(tangents, primals), params["sizes"])
        if not is_linearizing(primals, tangents):
            return self.pushed(going, legs, ts, params)
        if len(legs) > 1 or not plain(primals):
            way = Return(legs, [leg_partial_eval(leg, *pushed_seeds(leg)) for leg in legs])
            return self.outs(going, way, params), self.pushed(going, legs, ts, params)[1]
        (leg,), ((t_consts, t_carry),), n = legs, ts, len(legs[0].consts)
        outs, later = self.saving(going, leg, *pushed_seeds(leg), params)
        seeds = [compress(t_consts, leg.ins[:n]), compress(t_carry, leg.ins[n:]), []]
        return outs, expand(later(seeds, False), leg.outs)

    def mask_in_trace(self, trace: Paths, args: Any, live: Any, **params: Any) -> tuple[Any, Any]:
        """Carry masks along, as forward mode carries tangents."""
        going, legs = legs_of(args, [mask is not None for mask in live], params, dependent)
        _, masks = by_leg(list(map(present, args, live)), params["sizes"])
        both = lambda leg, xs, ms: eval_masked(trace, leg.program, xs, ms, leg.ins, leg.outs)
        return self.beside(going, legs, masks, both, params, np.dtype(bool))

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        count = sum(k for _, k in params["sizes"])
        return [True] * count, True

    def pushed(
        self, going: list[Any], legs: list[Leg], ts: Any, params: dict[str, Any]
    ) -> tuple[list[Any], list[Any]]:
        """Carry the tangents along in every leg."""
        return self.beside(going, legs, ts, leg_pushed, params)

    def beside(
        self,
        going: list[Any],
        legs: list[Leg],
        others: Any,
        both: Any,
        params: dict[str, Any],
        dtype: np.dtype | None = None,
    ) -> tuple[list[Any], list[Any]]:
        """Run with a tangent or a mask beside each value flagged; ``both`` is a step of a leg."""
        new: list[tuple[Jaxpr, list[Any], list[Any]]] = []
        for j, (leg, (consts, carry)) in enumerate(zip(legs, others, strict=True)):
            lefts = [len(before.left) for before in legs[:j]]
            program, operands = leg_beside(leg, lefts, both, dtype)
            n, k = leg.size
            given_consts = [*operands, *leg.consts, *compress(consts, leg.ins[:n])]
            new.append((program, given_consts, [*leg.carry, *compress(carry, leg.outs[:k])]))
        k = len(legs[0].carry)
        beside = compress(out_avals(legs[0].program)[:k], legs[0].outs[:k])
        extra = [Var(a if dtype is None else Aval(a.shape, dtype)) for a in beside]
        cond = params["cond"]
        cond = Jaxpr((*cond.invars, *extra), (), cond.eqns, cond.outvars)
        results = self.bound(cond, going, new)
        outs, ts_out = [], []
        for leg, carry in zip(legs, results, strict=True):
            flags = leg.outs[: len(leg.carry)]
            carry, t_carry = split_list(carry, len(leg.carry))
            outs += carry
            ts_out += expand(t_carry, flags)
        return outs, ts_out

    def bound(self, cond: Jaxpr, going: Sequence[Any], legs: Sequence[Any]) -> list[list[Any]]:
        """Bind legs, each a program with its constants and carry; return the carry of each."""
        sizes = tuple((len(consts), len(carry)) for _, consts, carry in legs)
        args = [x for _, consts, carry in legs for x in (*consts, *carry)]
        programs = tuple(program for program, _, _ in legs)
        outs = self.bind(*going, *args, cond=cond, legs=programs, sizes=sizes)
        return split_list(outs, *(k for _, k in sizes))[:-1]

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Any, Any]:
        going, legs = legs_of(ins, [need is not None for need in needs], params, dependent)
        if len(legs) > 1 or not plain(ins):
            way = Return(legs, [leg_partial_eval(leg, *pulled_seeds(leg)) for leg in legs])
            outs = self.outs(going, way, params)
            return outs, lambda cts: self.returned(going, way, cts, params)
        (leg,) = legs  # a loop that runs now: keep its trajectory, and scan back over it
        outs, later = self.saving(going, leg, *pulled_seeds(leg), params)
        sums = accumulator_avals(
            in_avals(leg.program)[: len(leg.consts)], leg.ins[: len(leg.consts)]
        )
        seeds = compress(out_avals(leg.program), leg.outs)

        def pull(cts: Sequence[Any]) -> list[Any]:
            carry = [
                *instantiate_zeros([None] * len(sums), sums),
                *instantiate_zeros(compress(cts, leg.outs), seeds),
            ]
            back = later([[], carry, []], True)
            return [*[None] * len(going), *expand(rounded(leg, back), leg.ins)]

        return outs, pull

    def saving(
        self, going: list[Any], leg: Leg, seeds: Sequence[Aval], both: Any, params: dict[str, Any]
    ) -> tuple[list[Any], Callable[..., list[Any]]]:
        """Run the known part of ``both`` on arrays; return its outputs, and the rest's scan."""
        carry, k = leg.carry, len(leg.carry)
        cut = leg_partial_eval(leg, seeds, both, masks=False)
        invariant = eval_jaxpr(cut.invariant, (), [*leg.consts, *carry])
        before = [*cut.consts, *invariant, *leg.consts]
        step = cut.known.run
        if not plain(before):  # a rule closes over a tracer
            step = lambda *xs: eval_jaxpr(cut.known, (), xs)
        rows: list[list[Any]] = []
        while params["cond"].run(*going, *carry)[0]:
            carry, row = split_list(step(*before, *carry), k)
            rows.append(row)
        avals = out_avals(cut.known)[k:]
        stacks = [
            np.stack([row[i] for row in rows]) if rows else np.empty((0, *a.shape), a.dtype)
            for i, a in enumerate(avals)
        ]
        available = {"in": leg.consts, "invariant": invariant, "out": [*carry, *stacks]}
        saved = cut.residuals(available)
        moving = [kind == "out" for kind, _ in cut.sources]
        return list(fresh(carry, leg.carry)), lambda seeds, reverse: second_scan(
            cut.unknown, saved, moving, seeds, len(rows), reverse
        )

    def outs(self, going: list[Any], way: Return, params: dict[str, Any]) -> list[Any]:
        """Return the outputs as the derivative has them: a rule may give its own."""
        bound = [way.alone(j) for j in range(len(way.legs))]
        return [y for carry in self.bound(params["cond"], going, bound) for y in carry]

    def returned(
        self, going: list[Any], way: Return, cts: Sequence[Any], params: dict[str, Any]
    ) -> list[Any]:
        """Return the cotangents by a loop that goes all legs, and then all of them back."""
        legs = way.legs
        there = [way.there(j) for j in range(len(legs))]
        parts = split_list(cts, *(len(leg.carry) for leg in legs))
        back = [way.back(j, parts[j], cts) for j in reversed(range(len(legs)))]
        results = self.bound(params["cond"], going, [*there, *back])[len(legs) :]
        by_operand: list[Any] = []
        for leg, found in zip(legs, reversed(results), strict=True):
            by_operand += expand(rounded(leg, found), leg.ins[: sum(leg.size)])
        return [*[None] * len(going), *by_operand]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        values = [x if d is None else front(x, d) for x, d in zip(args, axes, strict=True)]
        flags = [d is not None for d in axes]
        reached = lambda leg, now: dependent(leg, now, smoothly=False)
        going, legs = legs_of(values, flags, params, reached)
        _, have = by_leg(flags, params["sizes"])
        cond, n_going = params["cond"], len(going)
        to_cond = [*flags[:n_going], *legs[0].outs[: len(legs[0].carry)]]
        if dependent(cond, to_cond, smoothly=False)[0]:
            carries = [
                widened(leg.carry, f, [True] * len(f), size)
                for leg, (_, f) in zip(legs, have, strict=True)
            ]
            stop, new = Masked(cond, going, flags[:n_going], legs, size).programs(carries)
            (_, *first), *others = self.bound(stop, [], new)
            outs = [y for carry in (first, *others) for y in carry]
            return outs, [0] * len(outs)
        left: list[bool] = []
        new = []
        for leg, (_, carried) in zip(legs, have, strict=True):
            n, k = leg.size
            wanted = [*leg.outs[:k], *[False] * len(leg.left)]
            program, operands, varied = batch_jaxpr(
                leg.program, [*leg.ins[: n + k], *left], wanted, size
            )
            carry = widened(leg.carry, carried, leg.outs[:k], size)
            new.append((program, [*operands, *leg.consts], carry))
            left += varied[k:]
        outs = [y for carry in self.bound(cond, going, new) for y in carry]
        return outs, [0 if f else None for leg in legs for f in leg.outs[: len(leg.carry)]]


while_p = While("while")
