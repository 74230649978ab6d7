"""Primitives that hold programs: the rules that derive programs from the programs held.

Forward mode, masks and reverse mode need the same three methods of such a primitive: ``reach``
gives the operands and outputs on which a derivative depends, ``beside`` runs it with a second value
beside each of these, and ``partial_eval`` splits the program of a derivative into a known and an
unknown part. A subclass defines them; the rules are here.
"""

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.companions import HoldsPrograms
from ..core.dead_code import pruned_call
from ..core.dependence import dependent, linear_in
from ..core.effects import has_effects, program_around
from ..core.jaxpr import Jaxpr, eval_jaxpr, programs_in
from ..core.lists import Flags, compress, expand, split_list
from ..core.propagation import Operand, Propagation
from ..core.trace import Primitive
from ..ops.paths import path_mask
from ..ops.structure import Batched, axis_to_front, zeros_like
from .jaxprs import (
    avals_beside,
    batch_jaxpr,
    eval_jvp,
    eval_masked,
    eval_series,
    eval_vjp,
    in_avals,
    in_rows,
    instantiate_zeros,
    is_linearizing,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from .nans import spelled
from .paths import Paths

# program, inputs, tangents (or cotangents, masks) -> outputs, their tangents (...)
WithTangents = Callable[[Jaxpr, list[Any], list[Any]], tuple[Sequence[Any], Sequence[Any]]]

# the unknown part of a derivative: seeds -> results
Later = Callable[[Sequence[Any]], Sequence[Any]]


class Reach(NamedTuple):
    """The operands, and the outputs, on which a derivative or a mask depends."""

    ins: list[bool]
    outs: list[bool]


class JaxprPrimitive(Primitive, HoldsPrograms):
    """A primitive that holds programs; its first ``lead`` operands are not operands of these."""

    lead = 0

    def programs(self, **params: Any) -> Sequence[Jaxpr]:
        """The programs held, which have the same operands."""
        return (params["jaxpr"],)

    @override
    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        if any(map(has_effects, programs_in(params))):
            program = program_around(args)
            if program is not None:  # else it would run here, once
                return program.process(self, args, params)
        return super().bind(*args, **params)

    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        """Operands and outputs that depend on those flagged; ``smoothly``, with a derivative."""
        raise self.missing("reach")

    def apply_dual(
        self,
        args: Sequence[Any],
        others: Sequence[Any],
        reach: Reach,
        step: WithTangents,
        params: dict[str, Any],
        dtype: np.dtype | None = None,
        order: int | None = None,
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Apply with a second value beside each that is reached, by ``step``.

        Args:
            args: the operands.
            others: the second values of the operands that are reached.
            reach: which operands and outputs are reached.
            step: runs one program with second values.
            params: of the primitive.
            dtype: of the second values, if it differs from that of the values.
            order: of the Taylor coefficients, if these are beside each value, one after another.

        Returns:
            The outputs, and the second values of those that are reached.
        """
        raise self.missing("apply_dual")

    def partial_eval(
        self,
        kind: str,
        args: Sequence[Any],
        seeds: Sequence[Aval],
        step: WithTangents,
        reach: Reach,
        params: dict[str, Any],
    ) -> tuple[Sequence[Any], Later]:
        """Apply the known part of a derivative: the outputs, and the unknown part as a function.

        Args:
            kind: "jvp" or "vjp".
            args: the operands.
            seeds: avals of the tangents; or those of ``accumulators``, then of the cotangents.
            step: the derivative of one program.
            reach: which operands and outputs are reached.
            params: of the primitive.
        """
        raise self.missing("partial_eval")

    def accumulators(self, reach: Reach, **params: Any) -> list[Aval]:
        """Avals of the cotangents that are summed over the steps of a loop."""
        return []

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        reach = self.reach([t is not None for t in tangents], **params)
        ts = compress(instantiate_zeros(tangents, primals), reach.ins)
        step = functools.partial(eval_jvp, ins=reach.ins[self.lead :], outs=reach.outs)
        if is_linearizing(primals, tangents):
            seeds = self.tangents(reach, **params)
            outs, later = self.partial_eval("jvp", primals, seeds, step, reach, params)
            return outs, expand(later(ts), reach.outs)
        outs, found = self.apply_dual(primals, ts, reach, step, params)
        return outs, expand(found, reach.outs)

    def value_and_series(
        self, primals: Sequence[Any], terms: Sequence[Any], order: int, **params: Any
    ) -> tuple[Sequence[Any], list[Any]]:
        """The outputs and their Taylor coefficients; ``terms`` has a list for each operand."""
        reach = self.reach([ts is not None for ts in terms], **params)
        if not order:
            return self.bind(*primals, **params), expand([[]] * sum(reach.outs), reach.outs)
        given = [ts or [None] * order for ts in compress(terms, reach.ins)]
        likes = [x for x in compress(primals, reach.ins) for _ in range(order)]
        ts = instantiate_zeros([t for row in given for t in row], likes)
        step = functools.partial(
            eval_series, ins=reach.ins[self.lead :], outs=reach.outs, order=order
        )
        outs, found = self.apply_dual(primals, ts, reach, step, params, order=order)
        return outs, expand(in_rows(found, order), reach.outs)

    def tangents(self, reach: Reach, **params: Any) -> list[Aval]:
        """Avals of the tangents, at one step, of the operands that are reached."""
        return tangent_avals(in_avals(self.programs(**params)[0]), reach.ins[self.lead :])

    def mask_in_trace(self, trace: Paths, args: Any, live: Any, **params: Any) -> tuple[Any, Any]:
        """Propagate masks as forward mode propagates tangents."""
        reach = self.reach([mask is not None for mask in live], **params)
        masks = compress(list(map(path_mask, args, live)), reach.ins)
        step = functools.partial(eval_masked, trace, ins=reach.ins[self.lead :], outs=reach.outs)
        outs, found = self.apply_dual(args, masks, reach, step, params, np.dtype(bool))
        return outs, expand(found, reach.outs)

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Callable[[Sequence[Any]], list[Any]]]:
        reach = self.reach([need is not None for need in needs], **params)
        sums = self.accumulators(reach, **params)
        flags = reach.ins[self.lead :]
        step = functools.partial(eval_vjp, ins=flags, outs=reach.outs, sums=len(sums))
        seeds = compress(out_avals(self.programs(**params)[0]), reach.outs)
        outs, later = self.partial_eval("vjp", ins, [*sums, *seeds], step, reach, params)
        wanted = list(map(aval_of, compress(outs, reach.outs)))

        def pull(cts: Sequence[Any]) -> list[Any]:
            start = instantiate_zeros([None] * len(sums), sums)
            given = instantiate_zeros(compress(cts, reach.outs), wanted, cts)
            return expand(later([*start, *given]), reach.ins)

        return outs, pull

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        """Transpose: operands that need cotangents are avals, and their values are not read."""
        values = [zeros_like(x) if isinstance(x, Aval) else x for x in ins]
        results = self.value_and_vjp(values, needs, **params)[1](cts)
        return [ct if n is not None else None for ct, n in zip(results, needs, strict=True)]

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        programs = self.programs(**params)
        flags = [i + self.lead in operands for i in range(len(programs[0].invars))]
        return all(linear_in(program, flags) is not None for program in programs)

    def depends(self, flags: Flags, **params: Any) -> list[bool]:
        return self.reach(flags, smoothly=False, **params).outs


class CallPrimitive(JaxprPrimitive):
    """``jaxpr : operands -> outs``: a primitive that calls its program."""

    lasting = False  # whether derived programs are cached

    def derived(self, jaxpr: Jaxpr, key: Hashable, make: Callable[[], Any]) -> Any:
        """A program derived from another, and its operands."""
        return make()

    def named(self, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a program derived by a transform of this kind."""
        return params

    @override
    def bind(self, *args: Any, **params: Any) -> Sequence[Any]:
        outs = spelled(params["jaxpr"], args)
        return super().bind(*args, **params) if outs is None else outs

    @override
    def infer(self, *avals: Aval, jaxpr: Jaxpr, **params: Any) -> tuple[Aval, ...]:
        return tuple([v.aval for v in jaxpr.outvars])

    def decompose(self, *args: Any, jaxpr: Jaxpr, **params: Any) -> Sequence[Any]:
        return eval_jaxpr(jaxpr, (), args)

    def bodies(self, *ins: Any, jaxpr: Jaxpr, **params: Any) -> list[tuple[Jaxpr, Any]]:
        return [(jaxpr, ins)]

    def depend_through(
        self, walk: Propagation, ins: Any, avals: Any, *, jaxpr: Jaxpr, **params: Any
    ) -> list[Operand]:
        return walk.run(jaxpr, ins)

    def prune(self, used: Flags, **params: Any) -> tuple[list[int], list[int], dict[str, Any]]:
        return pruned_call(used, **params)

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        return Reach(list(flags), dependent(params["jaxpr"], flags, smoothly))

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
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        jaxpr, n = params["jaxpr"], len(args)
        kind = "jvp" if order is None else "jet"

        def body(values: list[Any]) -> list[Any]:
            outs, found = step(jaxpr, *split_list(values, n))
            return [*outs, *found]

        def make() -> tuple[Jaxpr, tuple[Any, ...]]:
            more = avals_beside(tangent_avals(in_avals(jaxpr), reach.ins), None, order)
            ins = [*in_avals(jaxpr), *more]
            return trace_to_jaxpr(f"{kind} of {self.name}", body, ins, self.lasting)

        program, operands = self.derived(jaxpr, (kind, tuple(reach.ins), order), make)
        params = {**self.named(kind, params), "jaxpr": program}
        outs, found = split_list(self.bind(*operands, *args, *others, **params), len(reach.outs))
        return outs, found

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        jaxpr, flags = params["jaxpr"], tuple([d is not None for d in axes])

        def make() -> tuple[Any, Sequence[Any]]:
            wanted = [False] * len(jaxpr.outvars)
            program, operands, varied = batch_jaxpr(jaxpr, flags, wanted, size)
            return (program, varied), operands

        (program, varied), operands = self.derived(jaxpr, ("vmap", flags, size), make)
        values = [x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True)]
        params = {**self.named("vmap", params), "jaxpr": program}
        return self.bind(*operands, *values, **params), [0 if v else None for v in varied]
