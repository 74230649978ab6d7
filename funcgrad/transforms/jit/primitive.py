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
from ...core.lists import chosen, parted, spread
from ...core.trace import Tracer
from ...ops.paths import are_finite
from ...ops.structure import Batched, front
from ..jaxprs import (
    Caller,
    apart,
    batched_program,
    given,
    in_avals,
    out_avals,
    pulled_back,
    pushed,
    staged,
    tangent_avals,
)
from ..nans import raise_first
from ..partial_eval import Halves, halves
from ..staging import is_staged


class Call(Caller):
    """``jaxpr : operands -> outs``, compiled."""

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, name: str) -> tuple[Any, ...]:
        program = jaxpr.memo.get("program")
        if program is None:
            program = jaxpr.memo["program"] = compiled(jaxpr, name)
        return program.main(*args)

    def inlined(self, *, jaxpr: Jaxpr, name: str) -> tuple[Jaxpr, bool]:
        return jaxpr, False

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, jaxpr: Jaxpr, name: str
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        flags = tuple([t is not None for t in tangents])
        smooth = _smooth(jaxpr, flags)
        avals = in_avals(jaxpr)
        ts = chosen(given(tangents, primals), flags)
        both = lambda xs, ts: pushed(jaxpr, xs, ts, flags, smooth)
        if apart(primals, tangents):
            outs, later = self.halved(
                primals, tangent_avals(avals, flags), both, jaxpr, name, "jvp", flags
            )
            return outs, spread(later(ts), smooth)

        def body(values: list[Any]) -> list[Any]:
            outs, ts = both(*parted(values, len(flags)))
            return [*outs, *ts]

        ins = [*avals, *tangent_avals(avals, flags)]
        make = lambda: staged("jvp of jit", body, ins, lasting=True)
        program, operands = _kept(jaxpr, ("jvp", flags), make)
        results = self.bind(*operands, *primals, *ts, jaxpr=program, name=f"jvp_{name}")
        outs, ts = parted(results, len(smooth))
        return outs, spread(ts, smooth)

    def pull(
        self, ins: Sequence[Any], needs: Sequence[Any], *, jaxpr: Jaxpr, name: str
    ) -> tuple[Any, Any]:
        flags, smooth, seeds, both = _reverse(jaxpr, needs)
        outs, later = self.halved(ins, seeds, both, jaxpr, name, "vjp", flags)

        def pull(cts: Sequence[Any]) -> list[Any]:
            return spread(later(given(chosen(cts, smooth), seeds)), flags)

        return outs, pull

    def reads(self, needs: Sequence[Any], *, jaxpr: Jaxpr, name: str) -> set[int]:
        """Return the operands that the second half takes, not constants of the program's own."""
        flags, _, seeds, both = _reverse(jaxpr, needs)
        sources = _half(jaxpr, "vjp", flags, seeds, both).sources
        own = jaxpr.memo.get("own constants", 0)
        return {i for kind, i in sources if kind == "in" and i >= own}

    def halved(
        self,
        ins: Sequence[Any],
        seeds: Sequence[Aval],
        both: Any,
        jaxpr: Jaxpr,
        name: str,
        kind: str,
        flags: tuple[bool, ...],
    ) -> tuple[list[Any], Callable[[Sequence[Any]], Sequence[Any]]]:
        """Call the first half of ``both``; return its outputs, and the call of the second."""
        half = _half(jaxpr, kind, flags, seeds, both, is_staged(ins))
        outs = self.bind(*half.operands, *ins, jaxpr=half.first, name=f"{name}_forward")
        reach = {"in": ins, "out": outs}

        def later(values: Sequence[Any]) -> Sequence[Any]:
            args = [*half.found(reach), *values]
            return self.bind(*args, jaxpr=half.second, name=f"{name}_{kind}")

        return list(outs[: len(jaxpr.outvars)]), later

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, jaxpr: Jaxpr, name: str) -> Batched:
        flags = tuple([d is not None for d in axes])

        def make() -> tuple[Any, Sequence[Any]]:
            program, operands, varied = batched_program(
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
    both = lambda xs, cts: pulled_back(jaxpr, xs, cts, flags, smooth)
    return flags, smooth, chosen(out_avals(jaxpr), smooth), both


def _half(
    jaxpr: Jaxpr,
    kind: str,
    flags: tuple[bool, ...],
    seeds: Sequence[Aval],
    both: Any,
    masks: bool = False,
) -> Halves:
    """Return the halves of a derivative, which reads operands and outputs where they are."""
    avals = in_avals(jaxpr)
    kept = [True] * len(avals), [True] * len(jaxpr.outvars)

    def make() -> tuple[Any, Sequence[Any]]:
        half = halves("a derivative of jit", avals, seeds, both, kept, [False] * len(avals), masks)
        return half, [*half.operands, *(x for k, x in half.sources if k == "value")]

    return _kept(jaxpr, (kind, "halves", flags, masks), make)[0]


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
