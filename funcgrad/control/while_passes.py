"""The passes of a while loop over its steps, forward and backward.

A pass is a program ``consts, carry, rows -> carry, row``, applied at each step: it reads the rows
that the passes before it have emitted at that step, and emits one of its own.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import Aval, aval_of
from ..core.dead_code import live
from ..core.dependence import fixed_point
from ..core.effects import without_effects
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import Flags, compress, expand, split_list
from ..core.trace import Tracer
from ..ops import compare
from ..ops.elementwise import where
from ..ops.reduce import any_p
from ..ops.structure import batch_at_front, cast, expand_dims
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
from .lanes import may_raise, taking_part

# a loop to be bound: its program, and the operands that are its constants and its carry
Bound = tuple[Jaxpr, list[Any], list[Any]]


class Pass(NamedTuple):
    """One pass with its operands; ``ins`` and ``outs`` flag inputs and outputs of its program."""

    program: Jaxpr
    consts: list[Any]
    carry: list[Any]
    ins: list[bool]
    outs: list[bool]

    @property
    def size(self) -> tuple[int, int]:
        return len(self.consts), len(self.carry)

    @property
    def emitted(self) -> list[Aval]:
        """Avals of the row that the pass emits at each step."""
        return out_avals(self.program)[len(self.carry) :]


def passes_of(
    values: Sequence[Any],
    flags: Flags,
    params: dict[str, Any],
    step: Callable[[Jaxpr, list[bool]], Sequence[bool]],
) -> tuple[list[Any], list[Pass]]:
    """Split operands into constants of the condition and passes, with flags by ``step``."""
    layout = WhileLayout(params["sizes"])
    cond_consts, parts = layout.operands(values)
    _, flag_parts = layout.operands(flags)
    passes: list[Pass] = []
    emitted: list[bool] = []
    for program, (consts, carry), (c, x) in zip(params["passes"], parts, flag_parts, strict=True):
        k = len(carry)
        next_carry = functools.partial(_carry_of, step, program, c, k, emitted)
        x = fixed_point(x, next_carry)
        ins = [*c, *x, *emitted]
        outs = [*x, *step(program, ins)[k:]]
        passes.append(Pass(program, consts, carry, ins, outs))
        emitted = [*emitted, *outs[k:]]
    return cond_consts, passes


def _carry_of(
    step: Any, program: Jaxpr, consts: Flags, k: int, emitted: Flags, carry: Flags
) -> Sequence[bool]:
    return step(program, [*consts, *carry, *emitted])[:k]


class WhileLayout(NamedTuple):
    """The numbers of constants and of carried values of each pass, in the order of operands.

    The constants of the condition come first.
    """

    sizes: tuple[tuple[int, int], ...]

    def operands(self, values: Sequence[Any]) -> tuple[list[Any], list[tuple[list, list]]]:
        """Split operands into constants of the condition, and constants and carry of each pass."""
        counts = [n for size in self.sizes for n in size]
        cond_consts, rest = split_list(values, len(values) - sum(counts))
        parts = split_list(rest, *counts)
        return cond_consts, list(zip(parts[::2], parts[1::2], strict=False))

    def outputs(self, values: Sequence[Any]) -> list[list[Any]]:
        """Split outputs into the carry of each pass."""
        return split_list(values, *(carry for _, carry in self.sizes))[:-1]


def are_untraced(xs: Sequence[Any]) -> bool:
    return not any(isinstance(x, Tracer) for x in xs)


def with_batch_axis(xs: Sequence[Any], have: Flags, want: Flags, size: int) -> list[Any]:
    """Give values batch axis 0 where ``want`` says so."""
    return [
        batch_at_front(x, 0 if h else None, size) if w else x
        for x, h, w in zip(xs, have, want, strict=True)
    ]


# one loop under a transform


def pass_jvp(loop: Pass, xs: Sequence[Any], ts: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    return eval_jvp(loop.program, xs, ts, loop.ins, loop.outs)


def jvp_seeds(loop: Pass) -> tuple[list[Aval], Any]:
    """Avals of the input tangents of a pass, and its derivative in forward mode."""
    return tangent_avals(in_avals(loop.program), loop.ins), lambda xs, ts: pass_jvp(loop, xs, ts)


def cast_cotangents(loop: Pass, cts: Sequence[Any]) -> list[Any]:
    """Cast cotangents of consts and carry to their dtypes; accumulators may be wider."""
    own = sum(loop.size)
    avals = compress(in_avals(loop.program)[:own], loop.ins[:own])
    return [cast(ct, a.dtype) for ct, a in zip(cts, avals, strict=True)]


def vjp_seeds(loop: Pass) -> tuple[list[Aval], Any]:
    """Avals of accumulators and input cotangents of a backward pass, and its derivative."""
    n = len(loop.consts)
    sums = accumulator_avals(in_avals(loop.program)[:n], loop.ins[:n])
    back = lambda xs, seeds: eval_vjp(loop.program, xs, seeds, loop.ins, loop.outs, len(sums))
    return [*sums, *compress(out_avals(loop.program), loop.outs)], back


def pass_partial_eval(
    loop: Pass, seeds: Sequence[Aval], both: Any, masks: bool = True
) -> PartialEval:
    """Partially evaluate a pass; rows that it reads or emits need not be saved as residuals."""
    n, k = loop.size
    total = len(loop.ins)
    kept_ins = [not n <= i < n + k for i in range(total)]
    kept = kept_ins, [j >= k for j in range(len(loop.outs))]
    constant = [i < n for i in range(total)]
    avals = in_avals(loop.program)
    return partial_eval_jaxpr("a derivative of a loop", avals, seeds, both, kept, constant, masks)


def dual_pass(
    loop: Pass, emitted_counts: Sequence[int], both: Any, dtype: np.dtype | None, order: int | None
) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Trace a pass with tangents, masks or coefficients, after each group of operands."""
    n, k = loop.size
    avals, layout = interleave(
        split_list(in_avals(loop.program), n, k, *emitted_counts)[:-1], loop.ins, dtype, order
    )

    def body(values: list[Any]) -> list[Any]:
        outs, more = both(loop, *layout(values))
        carry, emitted = split_list(outs, k)
        more_carry, more_left = split_list(more, sum(loop.outs[:k]) * (order or 1))
        return [*carry, *more_carry, *emitted, *more_left]

    return trace_to_jaxpr("a loop", body, avals)


class RoundTrip:
    """The forward passes of a loop and their backward passes: its reverse derivative.

    A forward pass also emits the residuals of its backward pass; a backward pass emits cotangents
    of the rows that the forward pass read.
    """

    def __init__(self, passes: Sequence[Pass], parts: Sequence[PartialEval]) -> None:
        self.passes, self.parts = passes, parts
        self.invariant = [
            eval_jaxpr(
                cut.invariant, (), [*loop.consts, *[None] * (len(loop.ins) - len(loop.consts))]
            )
            for loop, cut in zip(passes, parts, strict=True)
        ]
        # the row that each forward pass emits at a step
        self.emitted = [
            out_avals(cut.known)[len(loop.carry) :] for loop, cut in zip(passes, parts, strict=True)
        ]

    def primal_pass(self, j: int) -> Bound:
        """The known part of a pass without its residuals."""
        loop, cut = self.passes[j], self.parts[j]
        outs = cut.known.outvars[: len(loop.outs)]
        program = Jaxpr(cut.known.invars, (), tuple(live(cut.known.eqns, outs)), outs)
        return program, [*cut.consts, *self.invariant[j], *loop.consts], loop.carry

    def forward_pass(self, j: int) -> Bound:
        loop, cut = self.passes[j], self.parts[j]
        before = [*cut.consts, *self.invariant[j]]
        own, reads = split_list(cut.known.invars, len(before) + sum(loop.size))
        ins = list(own)
        for earlier, emitted in zip(self.passes[:j], self.emitted, strict=False):
            mine, reads = split_list(reads, len(earlier.emitted))
            ins += [
                *mine,
                *map(Var, emitted[len(mine) :]),
            ]  # not read: residuals of others
        again = without_effects(cut.known).eqns  # the primal pass has them
        first = Jaxpr(tuple(ins), (), again, cut.known.outvars)
        return first, [*before, *loop.consts], loop.carry

    def backward_pass(self, j: int, cts: Sequence[Any], all_cts: Sequence[Any]) -> Bound:
        loop, cut = self.passes[j], self.parts[j]
        n, k = loop.size
        sums = accumulator_avals(in_avals(loop.program)[:n], loop.ins[:n])
        carried = compress(out_avals(loop.program)[:k], loop.outs[:k])
        later = self.passes[:j:-1]  # in the order of the backward passes
        reads = [a for emitted in self.emitted for a in emitted]
        pulled = [a for other in later for a in self.read_by(other)]

        def body(values: list[Any]) -> list[Any]:
            own, emitted, got = split_list(values, len(sums) + len(carried), len(reads))
            seeds = [*own, *self.total(j, later, got, own)]
            return list(eval_jaxpr(cut.unknown, (), [*self.found(j, emitted), *seeds]))

        program, operands = trace_to_jaxpr("a loop back", body, [*sums, *carried, *reads, *pulled])
        start = [*[None] * len(sums), *compress(cts, loop.outs[:k])]
        carry = instantiate_zeros(start, [*sums, *carried], all_cts)
        return program, list(operands), carry

    def found(self, j: int, emitted: Sequence[Any]) -> list[Any]:
        """Pick the residuals of a backward pass from all rows of the step."""
        loop, (_, k) = self.passes[j], self.passes[j].size
        rows = split_list(emitted, *map(len, self.emitted))
        seen = [x for other, row in zip(self.passes[:j], rows, strict=False)
                for x in row[: len(other.emitted)]]  # fmt: skip
        available = {
            "in": [*loop.consts, *[None] * k, *seen],
            "invariant": self.invariant[j],
            "out": [*[None] * k, *rows[j]],
        }
        return self.parts[j].residuals(available)

    def read_by(self, loop: Pass) -> list[Aval]:
        """Avals of the cotangents that a backward pass emits: those of the rows that it read."""
        skip = sum(loop.size)
        return tangent_avals(in_avals(loop.program)[skip:], loop.ins[skip:])

    def total(
        self, j: int, later: Sequence[Pass], got: Sequence[Any], others: Sequence[Any]
    ) -> list[Any]:
        """Sum the cotangents of the row that a pass emitted over the passes that read it."""
        before = sum(len(loop.emitted) for loop in self.passes[:j])
        mine = self.passes[j].emitted
        totals: list[Any] = [None] * len(mine)
        for loop in later:
            part, got = split_list(got, len(self.read_by(loop)))
            read = expand(part, loop.ins[sum(loop.size) :])[before : before + len(mine)]
            totals = [b if a is None else a if b is None else a + b
                      for a, b in zip(totals, read, strict=True)]  # fmt: skip
        flags = self.passes[j].outs[len(self.passes[j].carry) :]
        return instantiate_zeros(compress(totals, flags), compress(mine, flags), others)


class MaskedPasses:
    """The passes of a loop in which examples stop at different steps.

    The first pass carries a mask of the examples that go on, and emits it at each step; an example
    that has stopped keeps its carry in every pass.
    """

    def __init__(
        self, cond: Jaxpr, cond_consts: list[Any], flags: Flags, passes: Sequence[Pass], size: int
    ) -> None:
        self.cond, self.cond_consts, self.flags, self.passes, self.size = (
            cond,
            cond_consts,
            flags,
            passes,
            size,
        )

    def goes(self, cond_consts: Sequence[Any], carry: Sequence[Any]) -> Any:
        """The mask of the examples that go on."""
        flags = [*self.flags, *[True] * len(carry)]
        ((y, d),) = eval_batched(self.cond, [*cond_consts, *carry], flags, self.size)
        return batch_at_front(y, d, self.size)

    def programs(self, carries: Sequence[list[Any]]) -> tuple[Jaxpr, list[Bound]]:
        """Trace the condition and the passes for these carries, which all have the batch axis."""
        emitted: list[bool] = []  # which of the values emitted so far have the batch axis
        emitted_counts: list[Aval] = []
        bound: list[Bound] = []
        for loop, carry in zip(self.passes, carries, strict=True):
            first = not bound
            consts = [*loop.consts, *self.cond_consts] if first else loop.consts
            start = [self.goes(self.cond_consts, carry), *carry] if first else carry
            avals = [*map(aval_of, (*consts, *start)), *emitted_counts]
            varied: list[bool] = []
            body = self.body(loop, list(emitted), first, varied)
            program, operands = trace_to_jaxpr("vmap of a loop", body, avals)
            bound.append((program, [*operands, *consts], start))
            emitted_counts += out_avals(program)[len(start) :]
            emitted += [True, *varied] if first else varied  # the mask is emitted first
        start = bound[0][2]
        some = lambda values: any_p.bind(values[0], axes=(0,))
        cond, _ = trace_to_jaxpr("vmap of a loop", some, list(map(aval_of, start)))
        return cond, bound

    def body(
        self, loop: Pass, emitted: list[bool], first: bool, varied: list[bool]
    ) -> Callable[[list[Any]], list[Any]]:
        n, k = loop.size

        def body(values: list[Any]) -> list[Any]:
            if first:
                consts, cond_consts, (mask,), carry, reads = split_list(
                    values, n, len(self.cond_consts), 1, k
                )
            else:
                consts, carry, (mask,), reads = split_list(values, n, k, 1)
            flags = [*loop.ins[:n], *[True] * k, *emitted[1:]]
            given = [*consts, *carry, *reads]
            if first and may_raise(loop.program):
                given = taking_part(loop.program, given, flags, mask)
            pairs = eval_batched(loop.program, given, flags, self.size)
            varied[:] = [d is not None for _, d in pairs[k:]]
            new = [batch_at_front(y, d, self.size) for y, d in pairs[:k]]
            kept = [where(with_rank(mask, y), y, x) for x, y in zip(carry, new, strict=True)]
            out = [y for y, _ in pairs[k:]]
            if not first:
                return [*kept, *out]
            goes = compare.logical_and(mask, self.goes(cond_consts, kept))
            return [goes, *kept, *([mask, *out] if len(self.passes) > 1 else [])]

        return body


def with_rank(mask: Any, x: Any) -> Any:
    """Reshape the mask to the rank of a value."""
    return expand_dims(mask, tuple(range(1, len(x.shape))))
