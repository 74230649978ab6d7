"""The primitive behind jit: a program that is compiled when it runs on arrays.

Its derivatives and its batched form are such programs again, derived once for each choice of
operands and then kept, so that grad of a compiled function runs two compiled programs.
"""

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...compile.passes import forget
from ...compile.program import Program
from ...core.avals import Aval
from ...core.cache import Cache
from ...core.jaxpr import Jaxpr
from ...core.lists import Flags, compress
from ...core.trace import Tracer
from ...ops.paths import are_finite
from ..jaxpr_primitive import CallPrimitive, Later, Reach, WithTangents
from ..jaxprs import eval_vjp, in_avals, out_avals
from ..nans import raise_first
from ..partial_eval import PartialEval, partial_eval_jaxpr
from ..staging import is_staged
from .backends import COMPILERS

# backend -> where a program is kept
PROGRAMS = {
    "numpy": "program", "c": "program in C", "auto": "program of auto", "jax": "program of JAX",
}  # fmt: skip


class Call(CallPrimitive):
    """``jaxpr : operands -> outs``, compiled."""

    lasting = True
    backend = "numpy"

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, name: str) -> tuple[Any, ...]:
        key = PROGRAMS[self.backend]
        program = jaxpr.memo.get(key)
        if program is None:
            program = jaxpr.memo[key] = COMPILERS[self.backend](jaxpr, name)
            forget(jaxpr)
        return program.main(*args)

    def inline(self, *, jaxpr: Jaxpr, name: str) -> tuple[Jaxpr, bool]:
        return jaxpr, False

    @override
    def named(self, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"name": f"{kind}_{params['name']}"}

    @override
    def derived(
        self, jaxpr: Jaxpr, key: Hashable, make: Callable[[], tuple[Any, Sequence[Any]]]
    ) -> tuple[Any, Sequence[Any]]:
        """Derive a program once, where its operands are no tracers, and keep it."""
        derived = _derived(jaxpr)
        found = derived.get(key)
        if found is None:
            found = make()
            if not any(isinstance(x, Tracer) for x in found[1]):
                derived.put(key, found)
        return found

    @override
    def reach(self, flags: Flags, smoothly: bool = True, **params: Any) -> Reach:
        derived, key = _derived(params["jaxpr"]), ("reach", tuple(flags), smoothly)
        found = derived.get(key)
        if found is None:
            found = super().reach(flags, smoothly, **params)
            derived.put(key, found)
        return found

    def residual_operands(self, needs: Sequence[Any], *, jaxpr: Jaxpr, name: str) -> set[int]:
        """The operands that are residuals, without constants of the program itself."""
        reach = self.reach([need is not None for need in needs], jaxpr=jaxpr)
        step = functools.partial(eval_vjp, ins=reach.ins, outs=reach.outs)
        seeds = compress(out_avals(jaxpr), reach.outs)
        sources = self.cut("vjp", seeds, step, reach, jaxpr, masks=False).sources
        own = jaxpr.memo.get("own constants", 0)
        return {i for kind, i in sources if kind == "in" and i >= own}

    def cut(
        self,
        kind: str,
        seeds: Sequence[Aval],
        step: WithTangents,
        reach: Reach,
        jaxpr: Jaxpr,
        masks: bool,
    ) -> PartialEval:
        """Partially evaluate a derivative; operands and outputs are residuals where they are."""
        avals = in_avals(jaxpr)
        kept = [True] * len(avals), [True] * len(jaxpr.outvars)

        def make() -> tuple[PartialEval, Sequence[Any]]:
            both, constant = functools.partial(step, jaxpr), [False] * len(avals)
            cut = partial_eval_jaxpr(
                "a derivative of jit", avals, seeds, both, kept, constant, masks
            )
            return cut, [*cut.consts, *(x for k, x in cut.sources if k == "value")]

        return self.derived(jaxpr, (kind, "partial eval", tuple(reach.ins), masks), make)[0]

    @override
    def partial_eval(
        self,
        kind: str,
        args: Any,
        seeds: Any,
        step: WithTangents,
        reach: Reach,
        params: dict[str, Any],
    ) -> tuple[Sequence[Any], Later]:
        jaxpr, name = params["jaxpr"], params["name"]
        cut = self.cut(kind, seeds, step, reach, jaxpr, is_staged(args))
        outs = self.bind(*cut.consts, *args, jaxpr=cut.known, name=f"{name}_forward")
        available = {"in": args, "out": outs}

        def later(values: Sequence[Any]) -> Sequence[Any]:
            operands = [*cut.residuals(available), *values]
            return self.bind(*operands, jaxpr=cut.unknown, name=f"{name}_{kind}")

        return list(outs[: len(jaxpr.outvars)]), later


def _derived(jaxpr: Jaxpr) -> Cache[Any]:
    found = jaxpr.memo.get("derived")
    return jaxpr.memo.setdefault("derived", Cache()) if found is None else found


def compiled_of(jaxpr: Jaxpr) -> list[Program]:
    """The compiled programs of a jaxpr, and of the jaxprs derived from it."""
    own = [jaxpr.memo[key] for key in PROGRAMS.values() if key in jaxpr.memo]
    derived = jaxpr.memo["derived"].values() if "derived" in jaxpr.memo else ()
    parts = [part for made in derived for part in made[:1]]
    programs = [p for part in parts for p in (part if isinstance(part, tuple) else (part,))]
    return [*own, *(found for p in programs if isinstance(p, Jaxpr) for found in compiled_of(p))]


class CallInC(Call):
    """A call whose program, and those derived from it, are written in C where that is faster."""

    backend = "c"


class CallByCost(Call):
    """A call whose program, and those derived from it, are in C where the cost model says so."""

    backend = "auto"


class CallByJax(Call):
    """A call whose program, and those derived from it, are compiled by XLA."""

    backend = "jax"


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
call_in_c_p = CallInC("jit_in_c")
call_by_cost_p = CallByCost("jit_by_cost")
call_by_jax_p = CallByJax("jit_by_jax")
checked_call_p = CheckedCall("checked_jit")

# by backend
CALLS = {"numpy": call_p, "c": call_in_c_p, "auto": call_by_cost_p, "jax": call_by_jax_p}
