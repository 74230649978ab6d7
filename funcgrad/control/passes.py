"""The legs of a loop: programs that pass over its steps there and back, and what becomes of them.

A leg is ``consts, carry, left before -> carry, left``: at each step it may read what the legs
before it have left there.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import Aval, aval_of
from ..core.dead_code import live
from ..core.dependence import fixed_point
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import Flags, compress, expand, split_list
from ..core.trace import Tracer
from ..ops import compare
from ..ops.elementwise import where
from ..ops.reduce import any_p
from ..ops.structure import cast, expand_dims, stretched
from ..transforms.jaxprs import (
    accumulator_avals,
    eval_batched,
    eval_jvp,
    eval_vjp,
    in_avals,
    instantiate_zeros,
    interleave,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from ..transforms.partial_eval import PartialEval, partial_eval_jaxpr

# a leg to be bound: its program, and the operands that are its constants and its carry
Bound = tuple[Jaxpr, list[Any], list[Any]]


class Leg(NamedTuple):
    """One leg with its operands, and which inputs and outputs of its program are flagged."""

    program: Jaxpr
    consts: list[Any]
    carry: list[Any]
    ins: list[bool]
    outs: list[bool]

    @property
    def size(self) -> tuple[int, int]:
        return len(self.consts), len(self.carry)

    @property
    def left(self) -> list[Aval]:
        """Return what the leg leaves at each step."""
        return out_avals(self.program)[len(self.carry) :]


def legs_of(
    values: Sequence[Any],
    flags: Flags,
    params: dict[str, Any],
    step: Callable[[Jaxpr, list[bool]], Sequence[bool]],
) -> tuple[list[Any], list[Leg]]:
    """Return the constants of the condition, and the legs: ``step`` carries flags through one."""
    going, parts = by_leg(values, params["sizes"])
    _, flag_parts = by_leg(flags, params["sizes"])
    legs: list[Leg] = []
    left: list[bool] = []
    for program, (consts, carry), (c, x) in zip(params["legs"], parts, flag_parts, strict=True):
        k = len(carry)
        x = fixed_point(x, lambda now, p=program, c=c, k=k, z=left: step(p, [*c, *now, *z])[:k])
        ins = [*c, *x, *left]
        outs = [*x, *step(program, ins)[k:]]
        legs.append(Leg(program, consts, carry, ins, outs))
        left = [*left, *outs[k:]]
    return going, legs


def by_leg(values: Sequence[Any], sizes: Any) -> tuple[list[Any], list[tuple[list, list]]]:
    """Return the operands of the condition, and the constants and the carry of each leg."""
    counts = [n for size in sizes for n in size]
    going, rest = split_list(values, len(values) - sum(counts))
    parts = split_list(rest, *counts)
    return going, list(zip(parts[::2], parts[1::2], strict=False))


def plain(xs: Sequence[Any]) -> bool:
    return not any(isinstance(x, Tracer) for x in xs)


def widened(xs: Sequence[Any], have: Flags, want: Flags, size: int) -> list[Any]:
    """Return values with the axis of the examples, in front, where it is wanted."""
    return [
        stretched(x, 0 if h else None, size) if w else x
        for x, h, w in zip(xs, have, want, strict=True)
    ]


# one leg under a transform


def leg_pushed(leg: Leg, xs: Sequence[Any], ts: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    return eval_jvp(leg.program, xs, ts, leg.ins, leg.outs)


def pushed_seeds(leg: Leg) -> tuple[list[Aval], Any]:
    """Return the tangents that a leg starts from, and the way of the leg with them."""
    return tangent_avals(in_avals(leg.program), leg.ins), lambda xs, ts: leg_pushed(leg, xs, ts)


def rounded(leg: Leg, cts: Sequence[Any]) -> list[Any]:
    """Return the cotangents of consts and carry in their dtypes, in which they were not summed."""
    own = sum(leg.size)
    avals = compress(in_avals(leg.program)[:own], leg.ins[:own])
    return [cast(ct, a.dtype) for ct, a in zip(cts, avals, strict=True)]


def pulled_seeds(leg: Leg) -> tuple[list[Aval], Any]:
    """Return what the way back of a leg starts from, sums and cotangents, and the way itself."""
    n = len(leg.consts)
    sums = accumulator_avals(in_avals(leg.program)[:n], leg.ins[:n])
    back = lambda xs, seeds: eval_vjp(leg.program, xs, seeds, leg.ins, leg.outs, len(sums))
    return [*sums, *compress(out_avals(leg.program), leg.outs)], back


def leg_partial_eval(leg: Leg, seeds: Sequence[Aval], both: Any, masks: bool = True) -> PartialEval:
    """Partially evaluate a leg; the values that it reads or leaves at a step are no residuals."""
    n, k = leg.size
    total = len(leg.ins)
    kept_ins = [not n <= i < n + k for i in range(total)]
    kept = kept_ins, [j >= k for j in range(len(leg.outs))]
    constant = [i < n for i in range(total)]
    avals = in_avals(leg.program)
    return partial_eval_jaxpr("a derivative of a loop", avals, seeds, both, kept, constant, masks)


def leg_beside(
    leg: Leg, lefts: Sequence[int], both: Any, dtype: np.dtype | None
) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Return the program that carries tangents or masks along: each part, then its members'."""
    n, k = leg.size
    avals, layout = interleave(split_list(in_avals(leg.program), n, k, *lefts)[:-1], leg.ins, dtype)

    def body(values: list[Any]) -> list[Any]:
        outs, more = both(leg, *layout(values))
        carry, left = split_list(outs, k)
        more_carry, more_left = split_list(more, sum(leg.outs[:k]))
        return [*carry, *more_carry, *left, *more_left]

    return trace_to_jaxpr("a loop", body, avals)


class Return:
    """All legs, and then all of them back: the programs of a loop's reverse derivative.

    Going there, a leg also leaves what its way back reads; going back, it leaves cotangents of
    what it read.
    """

    def __init__(self, legs: Sequence[Leg], parts: Sequence[PartialEval]) -> None:
        self.legs, self.parts = legs, parts
        self.invariant = [
            eval_jaxpr(cut.invariant, (), [*leg.consts, *[None] * (len(leg.ins) - len(leg.consts))])
            for leg, cut in zip(legs, parts, strict=True)
        ]
        # what each leg leaves at a step on its way there
        self.left = [
            out_avals(cut.known)[len(leg.carry) :] for leg, cut in zip(legs, parts, strict=True)
        ]

    def alone(self, j: int) -> Bound:
        """Return a leg that leaves no more than it left before."""
        leg, cut = self.legs[j], self.parts[j]
        outs = cut.known.outvars[: len(leg.outs)]
        program = Jaxpr(cut.known.invars, (), tuple(live(cut.known.eqns, outs)), outs)
        return program, [*cut.consts, *self.invariant[j], *leg.consts], leg.carry

    def there(self, j: int) -> Bound:
        leg, cut = self.legs[j], self.parts[j]
        before = [*cut.consts, *self.invariant[j]]
        own, reads = split_list(cut.known.invars, len(before) + sum(leg.size))
        ins = list(own)
        for earlier, left in zip(self.legs[:j], self.left, strict=False):
            mine, reads = split_list(reads, len(earlier.left))
            ins += [*mine, *map(Var, left[len(mine) :])]  # what was saved for others is not read
        first = Jaxpr(tuple(ins), (), cut.known.eqns, cut.known.outvars)
        return first, [*before, *leg.consts], leg.carry

    def back(self, j: int, cts: Sequence[Any], all_cts: Sequence[Any]) -> Bound:
        leg, cut = self.legs[j], self.parts[j]
        n, k = leg.size
        sums = accumulator_avals(in_avals(leg.program)[:n], leg.ins[:n])
        carried = compress(out_avals(leg.program)[:k], leg.outs[:k])
        later = self.legs[:j:-1]  # in the order in which they go back
        reads = [a for left in self.left for a in left]
        pulled = [a for other in later for a in self.read_by(other)]

        def body(values: list[Any]) -> list[Any]:
            own, left, got = split_list(values, len(sums) + len(carried), len(reads))
            seeds = [*own, *self.total(j, later, got, own)]
            return list(eval_jaxpr(cut.unknown, (), [*self.found(j, left), *seeds]))

        program, operands = trace_to_jaxpr("a loop back", body, [*sums, *carried, *reads, *pulled])
        start = [*[None] * len(sums), *compress(cts, leg.outs[:k])]
        carry = instantiate_zeros(start, [*sums, *carried], all_cts)
        return program, list(operands), carry

    def found(self, j: int, left: Sequence[Any]) -> list[Any]:
        """Return what the way back of a leg reads, out of all that was left at the step."""
        leg, (_, k) = self.legs[j], self.legs[j].size
        rows = split_list(left, *map(len, self.left))
        seen = [x for other, row in zip(self.legs[:j], rows, strict=False)
                for x in row[: len(other.left)]]  # fmt: skip
        available = {
            "in": [*leg.consts, *[None] * k, *seen],
            "invariant": self.invariant[j],
            "out": [*[None] * k, *rows[j]],
        }
        return self.parts[j].residuals(available)

    def read_by(self, leg: Leg) -> list[Aval]:
        """Return the avals of which a leg, going back, leaves cotangents: of what it read."""
        skip = sum(leg.size)
        return tangent_avals(in_avals(leg.program)[skip:], leg.ins[skip:])

    def total(
        self, j: int, later: Sequence[Leg], got: Sequence[Any], beside: Sequence[Any]
    ) -> list[Any]:
        """Return the cotangents of what a leg left: the sums over those that read it."""
        before = sum(len(leg.left) for leg in self.legs[:j])
        mine = self.legs[j].left
        totals: list[Any] = [None] * len(mine)
        for leg in later:
            part, got = split_list(got, len(self.read_by(leg)))
            read = expand(part, leg.ins[sum(leg.size) :])[before : before + len(mine)]
            totals = [b if a is None else a if b is None else a + b
                      for a, b in zip(totals, read, strict=True)]  # fmt: skip
        flags = self.legs[j].outs[len(self.legs[j].carry) :]
        return instantiate_zeros(compress(totals, flags), compress(mine, flags), beside)


class Masked:
    """The legs of a loop in which examples stop at different steps.

    The first leg carries a mask of those still going, and leaves it at each step; an example that
    has stopped keeps its carry in every leg.
    """

    def __init__(
        self, cond: Jaxpr, going: list[Any], flags: Flags, legs: Sequence[Leg], size: int
    ) -> None:
        self.cond, self.going, self.flags, self.legs, self.size = cond, going, flags, legs, size

    def goes(self, going: Sequence[Any], carry: Sequence[Any]) -> Any:
        """Return which examples go on."""
        flags = [*self.flags, *[True] * len(carry)]
        ((y, d),) = eval_batched(self.cond, [*going, *carry], flags, self.size)
        return stretched(y, d, self.size)

    def programs(self, carries: Sequence[list[Any]]) -> tuple[Jaxpr, list[Bound]]:
        """Return the condition, and the legs for these carries, which all have the axis."""
        left: list[bool] = []  # which of the values left so far have the axis
        lefts: list[Aval] = []
        bound: list[Bound] = []
        for leg, carry in zip(self.legs, carries, strict=True):
            first = not bound
            consts = [*leg.consts, *self.going] if first else leg.consts
            start = [self.goes(self.going, carry), *carry] if first else carry
            avals = [*map(aval_of, (*consts, *start)), *lefts]
            varied: list[bool] = []
            body = self.body(leg, list(left), first, varied)
            program, operands = trace_to_jaxpr("vmap of a loop", body, avals)
            bound.append((program, [*operands, *consts], start))
            lefts += out_avals(program)[len(start) :]
            left += [True, *varied] if first else varied  # the mask is what is left first
        start = bound[0][2]
        some = lambda values: any_p.bind(values[0], axes=(0,))
        cond, _ = trace_to_jaxpr("vmap of a loop", some, list(map(aval_of, start)))
        return cond, bound

    def body(
        self, leg: Leg, left: list[bool], first: bool, varied: list[bool]
    ) -> Callable[[list[Any]], list[Any]]:
        n, k = leg.size

        def body(values: list[Any]) -> list[Any]:
            if first:
                consts, going, (mask,), carry, reads = split_list(values, n, len(self.going), 1, k)
            else:
                consts, carry, (mask,), reads = split_list(values, n, k, 1)
            flags = [*leg.ins[:n], *[True] * k, *left[1:]]
            pairs = eval_batched(leg.program, [*consts, *carry, *reads], flags, self.size)
            varied[:] = [d is not None for _, d in pairs[k:]]
            new = [stretched(y, d, self.size) for y, d in pairs[:k]]
            kept = [where(_beside(mask, y), y, x) for x, y in zip(carry, new, strict=True)]
            out = [y for y, _ in pairs[k:]]
            if not first:
                return [*kept, *out]
            goes = compare.logical_and(mask, self.goes(going, kept))
            return [goes, *kept, *([mask, *out] if len(self.legs) > 1 else [])]

        return body


def _beside(mask: Any, x: Any) -> Any:
    """Return the mask with as many axes as a value has."""
    return expand_dims(mask, tuple(range(1, len(x.shape))))
