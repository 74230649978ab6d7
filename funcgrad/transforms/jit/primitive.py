"""The primitive behind jit: a program that is compiled when it runs on arrays.

Its derivatives and its batched form are such programs again, derived once for each choice of
operands and then kept, so that grad of a compiled function runs two compiled programs.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...compile.program import Program, compiled
from ...core.avals import Aval
from ...core.cache import Cache
from ...core.dependence import dependent
from ...core.jaxpr import Jaxpr
from ...core.lists import compress, expand, split_list
from ...core.trace import Tracer
from ...ops.paths import are_finite
from ...ops.structure import Batched, front
from ..jaxprs import (
    Caller,
    batch_jaxpr,
    eval_jvp,
    eval_vjp,
    in_avals,
    instantiate_zeros,
    is_linearizing,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from ..nans import raise_first
from ..partial_eval import PartialEval, partial_eval_jaxpr
from ..staging import is_staged


class Call(Caller):
    """``jaxpr : operands -> outs``, compiled."""

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, name: str) -> tuple[Any, ...]:
        program = jaxpr.memo.get("program")
        if program is None:
            program = jaxpr.memo["program"] = compiled(jaxpr, name)
        return program.main(*args)

    def inline(self, *, jaxpr: Jaxpr, name: str) -> tuple[Jaxpr, bool]:
        return jaxpr, False

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, jaxpr: Jaxpr, name: str
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        flags = tuple([t is not None for t in tangents])
        smooth = _smooth(jaxpr, flags)
        avals = in_avals(jaxpr)
        ts = compress(instantiate_zeros(tangents, primals), flags)
        both = lambda xs, ts: eval_jvp(jaxpr, xs, ts, flags, smooth)
        if is_linearizing(primals, tangents):
            outs, later = self.partial_eval(
                primals, tangent_avals(avals, flags), both, jaxpr, name, "jvp", flags
            )
            return outs, expand(later(ts), smooth)

        def body(values: list[Any]) -> list[Any]:
            outs, ts = both(*split_list(values, len(flags)))
            return [*outs, *ts]

        ins = [*avals, *tangent_avals(avals, flags)]
        make = lambda: trace_to_jaxpr("jvp of jit", body, ins, lasting=True)
        program, operands = _kept(jaxpr, ("jvp", flags), make)
        results = self.bind(*operands, *primals, *ts, jaxpr=program, name=f"jvp_{name}")
        outs, ts = split_list(results, len(smooth))
        return outs, expand(ts, smooth)

    def value_and_vjp(
        self, ins: Sequence[Any], needs: Sequence[Any], *, jaxpr: Jaxpr, name: str
    ) -> tuple[Any, Any]:
        flags, smooth, seeds, both = _reverse(jaxpr, needs)
        outs, later = self.partial_eval(ins, seeds, both, jaxpr, name, "vjp", flags)

        def pull(cts: Sequence[Any]) -> list[Any]:
            return expand(later(instantiate_zeros(compress(cts, smooth), seeds)), flags)

        return outs, pull

    def residual_operands(self, needs: Sequence[Any], *, jaxpr: Jaxpr, name: str) -> set[int]:
        """Return the operands that are residuals, without the program's own constants."""
        flags, _, seeds, both = _reverse(jaxpr, needs)
        sources = _cut(jaxpr, "vjp", flags, seeds, both).sources
        own = jaxpr.memo.get("own constants", 0)
        return {i for kind, i in sources if kind == "in" and i >= own}

    def partial_eval(
        self,
        ins: Sequence[Any],
        seeds: Sequence[Aval],
        both: Any,
        jaxpr: Jaxpr,
        name: str,
        kind: str,
        flags: tuple[bool, ...],
    ) -> tuple[list[Any], Callable[[Sequence[Any]], Sequence[Any]]]:
        """Call the known part of ``both``; return its outputs, and the call of the unknown part."""
        cut = _cut(jaxpr, kind, flags, seeds, both, is_staged(ins))
        outs = self.bind(*cut.consts, *ins, jaxpr=cut.known, name=f"{name}_forward")
        available = {"in": ins, "out": outs}

        def later(values: Sequence[Any]) -> Sequence[Any]:
            args = [*cut.residuals(available), *values]
            return self.bind(*args, jaxpr=cut.unknown, name=f"{name}_{kind}")

        return list(outs[: len(jaxpr.outvars)]), later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, jaxpr: Jaxpr, name: str) -> Batched:
        flags = tuple([d is not None for d in axes])

        def make() -> tuple[Any, Sequence[Any]]:
            program, operands, varied = batch_jaxpr(
                jaxpr, flags, [False] * len(jaxpr.outvars), size
            )
            return (program, varied), operands

        (program, varied), operands = _kept(jaxpr, ("vmap", flags, size), make)
        values = [x if d is None else front(x, d) for x, d in zip(args, axes, strict=True)]
        outs = self.bind(*operands, *values, jaxpr=program, name=f"vmap_{name}")
        return outs, [0 if v else None for v in varied]


def _reverse(jaxpr: Jaxpr, needs: Sequence[Any]) -> tuple[Any, Sequence[bool], list[Aval], Any]:
    """Return which operands are differentiated, which outputs, their avals, and the derivative."""
    flags = tuple([need is not None for need in needs])
    smooth = _smooth(jaxpr, flags)
    both = lambda xs, cts: eval_vjp(jaxpr, xs, cts, flags, smooth)
    return flags, smooth, compress(out_avals(jaxpr), smooth), both


def _cut(
    jaxpr: Jaxpr,
    kind: str,
    flags: tuple[bool, ...],
    seeds: Sequence[Aval],
    both: Any,
    masks: bool = False,
) -> PartialEval:
    """Partially evaluate a derivative; operands and outputs are residuals where they are."""
    avals = in_avals(jaxpr)
    kept = [True] * len(avals), [True] * len(jaxpr.outvars)

    def make() -> tuple[Any, Sequence[Any]]:
        cut = partial_eval_jaxpr(
            "a derivative of jit", avals, seeds, both, kept, [False] * len(avals), masks
        )
        return cut, [*cut.consts, *(x for k, x in cut.sources if k == "value")]

    return _kept(jaxpr, (kind, "partial evaluation", flags, masks), make)[0]


def _smooth(jaxpr: Jaxpr, flags: tuple[bool, ...]) -> list[bool]:
    """Return which outputs have derivatives by the inputs flagged."""
    derived = _derived(jaxpr)
    found = derived.get(("smooth", flags))
    if found is None:
        found = dependent(jaxpr, flags)
        derived.put(("smooth", flags), found)
    return found


def _derived(jaxpr: Jaxpr) -> Cache[Any]:
    found = jaxpr.memo.get("derived")
    return jaxpr.memo.setdefault("derived", Cache()) if found is None else found


def _kept(
    jaxpr: Jaxpr, key: Hashable, make: Callable[[], tuple[Any, Sequence[Any]]]
) -> tuple[Any, Sequence[Any]]:
    """Return what was derived from a program, and its operands; derived once where these last."""
    derived = _derived(jaxpr)
    found = derived.get(key)
    if found is None:
        found = make()
        if not any(isinstance(x, Tracer) for x in found[1]):
            derived.put(key, found)
    return found


def compiled_of(jaxpr: Jaxpr) -> list[Program]:
    """Return what was compiled of a program, and of those that were derived from it."""
    own = [jaxpr.memo["program"]] if "program" in jaxpr.memo else []
    derived = jaxpr.memo["derived"].values() if "derived" in jaxpr.memo else ()
    parts = [part for made in derived for part in made[:1]]
    programs = [p for part in parts for p in (part if isinstance(part, tuple) else (part,))]
    return [*own, *(found for p in programs if isinstance(p, Jaxpr) for found in compiled_of(p))]


class CheckedCall(Call):
    """A call whose program runs again, equation by equation, where its result is not finite."""

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, name: str) -> tuple[Any, ...]:
        args = tuple([np.asarray(x) if isinstance(x, np.ndarray) else x for x in args])
        outs = super().run(*args, jaxpr=jaxpr, name=name)
        with np.errstate(all="ignore"):
            finite = are_finite(outs)
        if not finite:
            raise_first(jaxpr, name, args)
        return outs


call_p = Call("jit")
checked_call_p = CheckedCall("checked_jit")
