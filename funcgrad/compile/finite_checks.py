"""Checks that a compiled derivative is finite, and the fallback on the program with masks.

An element of a tangent that lies on no path is a structural zero. Where one may be multiplied by a
factor that is not finite, the program checks the factors or the results, whichever have fewer
elements. If a check fails, the program with masks runs instead.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.companions import Codegen, inlined
from ..core.dead_code import dce
from ..core.emitter import Emitter, V
from ..core.jaxpr import Eqn, Jaxpr, Literal, NotFiniteError, Var, programs_in, replace_eqn
from ..core.registry import primitives
from ..core.trace import Primitive
from ..ops.elementwise import add, mul, neg, sub
from ..ops.paths import Gaps, are_finite, is_harmless
from ..ops.structure import broadcast_p, convert_p, reshape_p, sum_p, transpose_p
from .mask_marks import has_marks, live_p, programs_of, resume_p, seed_p, settle_p, start_p
from .rewrite import Builder, on_programs, over, rewritten

# of a value: None if it is no tangent, else whether it may have structural zeros (gaps)
Gap = bool | None


def risks(
    eqns: Sequence[Eqn], known: dict[Any, Gap], inner: Container[Any] = (), tag: Any = None
) -> list[Eqn]:
    """The equations in which a structural zero may meet a factor that is not finite.

    Args:
        eqns: equations of a program.
        known: the gaps of values; those of further tangents are added.
        inner: values that have gaps as tangents of another map, nested in this one.
        tag: of the map; it ends at its first result.
    """
    risky = []
    for eqn in eqns:
        if tag is not None and eqn.prim is settle_p and eqn.params["tag"] == tag:
            break
        if known.keys().isdisjoint(eqn.ins) or not eqn.prim.differentiable:
            continue
        gaps = [known.get(a) for a in eqn.ins]
        if all(gap is None for gap in gaps):
            continue
        outs, risk = _rule(eqn)(gaps, eqn.ins, **eqn.params)
        if risk or any(a in inner for a in eqn.ins) or _holds_marks(eqn):
            risky.append(eqn)
        for v, gap in zip(eqn.outs, outs, strict=True):
            if gap is not None and v.aval.dtype.kind in "fc":
                known[v] = gap
    return risky


def of_maps_within(eqns: Sequence[Eqn]) -> set[Any]:
    """The values that depend on programs with nested maps, whose tangents have gaps."""
    return _reached(eqns, list(filter(_holds_marks, eqns)))


def _holds_marks(eqn: Eqn) -> bool:
    return bool(eqn.params) and any(map(has_marks, programs_of(eqn)))


def _rule(eqn: Eqn) -> Callable[..., Gaps]:
    """The rule by which gaps pass an equation: its own, or that of the program that it calls."""
    if eqn.prim.masking.gaps is not None:
        return eqn.prim.masking.gaps
    program = inlined(eqn.prim, eqn.params)
    if program is not None:
        return lambda gaps, ins, **params: through(program, gaps)
    return lambda gaps, ins, **params: ([any(gaps)] * len(eqn.outs), any(gaps))


def through(jaxpr: Jaxpr, gaps: Sequence[Gap]) -> tuple[list[Gap], bool]:
    """The gaps of a program's outputs, given those of its inputs, and whether it has risks."""
    pairs = zip(jaxpr.invars, gaps, strict=True)
    known: dict[Any, Gap] = {v: gap for v, gap in pairs if gap is not None}
    risky = risks(jaxpr.eqns, known)
    return [known.get(a) if isinstance(a, Var) else None for a in jaxpr.outvars], bool(risky)


class Check(Primitive, Codegen):
    """Check that the first ``count`` operands are finite; the result is a token.

    An equation that takes the token runs after the check.
    """

    differentiable = False

    @override
    def run(self, *xs: Any, count: int) -> tuple[Any, ...]:
        if not are_finite(xs[:count]):
            raise NotFiniteError()
        return (True,)

    @override
    def infer(self, *avals: Aval, count: int) -> tuple[Aval, ...]:
        return (Aval((), np.dtype(bool)),)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, count: int) -> None:
        w.fall_back_if(w.not_finite(list({x.text: x for x in ins[:count]}.values())))

    def in_c(self, w: Any, *xs: Any, count: int) -> Any:
        return w.check_finite(xs[:count])


class After(Primitive, Codegen):
    """The identity, ordered after a check."""

    waits = True

    differentiable = False
    is_view = True

    @override
    def run(self, x: Any, token: Any) -> tuple[Any, ...]:
        return (x,)

    def decompose(self, x: Any, token: Any) -> Any:
        return (x,)

    def in_c(self, w: Any, x: Any, token: Any) -> Any:
        return x

    @override
    def infer(self, x: Aval, token: Aval) -> tuple[Aval, ...]:
        return (x,)


# operations whose results are finite for finite literals
_KEPT = frozenset({broadcast_p, reshape_p, transpose_p, convert_p, seed_p, mul, neg, add, sub})

# operations whose results hold the elements of the operand, or their negatives
_REARRANGED = frozenset({broadcast_p, reshape_p, transpose_p, neg})

# operations whose results are finite only if all elements of the operands are
_EXACT = frozenset({add, sub, neg, mul, sum_p, broadcast_p, reshape_p, transpose_p})  # and matmul

_LOOKED_FOR = frozenset({start_p, settle_p, live_p, resume_p})
_MARKED = _LOOKED_FOR | {seed_p}

check_p = Check("check")
after_p = After("after")


def insert_checks(jaxpr: Jaxpr) -> Jaxpr:
    """Replace the marks of each map by one check, where it has a risk."""
    settled: dict[Any, list[Any]] = {}
    for eqn in jaxpr.eqns:
        if eqn.prim is settle_p:
            settled.setdefault(eqn.params["tag"], []).append(eqn.ins[0])
    if not any(eqn.prim in _LOOKED_FOR for eqn in jaxpr.eqns):
        return jaxpr
    tags = dict.fromkeys(eqn.params["tag"] for eqn in jaxpr.eqns if eqn.prim is seed_p)
    settled = {**{tag: [] for tag in tags if tag not in settled}, **settled}
    checks: dict[Any, Sequence[Any]] = {}
    inner = of_maps_within(jaxpr.eqns)
    plain = _numbers(jaxpr)
    behind = _origins(jaxpr)
    for tag, results in settled.items():  # nested maps first
        known = _seeds(jaxpr, tag)
        risky = risks(jaxpr.eqns, known, inner, tag)
        if len(settled) > 1:
            everywhere = _seeds(jaxpr, tag)  # a rematerialized map occurs twice
            risks(jaxpr.eqns, everywhere, inner)
            inner.update(v for v, gap in everywhere.items() if gap)
        reached = _reached(jaxpr.eqns, risky)
        at_end = [a for a in results if a in reached]
        on_the_way = [a for eqn in risky for a in _least(eqn, known) if a not in plain]
        at_end, on_the_way = (
            list(dict.fromkeys(behind.get(a, a) for a in found)) for found in (at_end, on_the_way)
        )
        at_end = _without_sums(jaxpr.eqns, at_end)
        checks[tag] = min(at_end, on_the_way, key=_cost)
    return dce(_unmarked(jaxpr, checks))


def _seeds(jaxpr: Jaxpr, tag: Any) -> dict[Any, Gap]:
    """The seeds of a map, and whether they may have zeros."""
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}

    def whole(atom: Any) -> bool:
        while atom in makers and makers[atom].prim in (broadcast_p, reshape_p):
            atom = makers[atom].ins[0]
        return isinstance(atom, Literal) and atom.value != 0

    mine = [e for e in jaxpr.eqns if e.prim is seed_p and e.params["tag"] == tag]
    return {eqn.outs[0]: not whole(eqn.ins[0]) for eqn in mine}


def _without_sums(eqns: Sequence[Eqn], atoms: Sequence[Any]) -> list[Any]:
    """The values without sums, such as the gradient of a bias, whose terms the others show.

    Factors and terms are finite where the result is, and the result where they are, overflow
    aside.
    """
    sums = {v for eqn in eqns if eqn.prim is sum_p for v in eqn.outs}.intersection(atoms)
    shown = set(atoms) - sums
    found = _EXACT | {primitives["matmul"]}  # looked up, because most gradients need no products
    exact = [eqn for eqn in eqns if eqn.prim in found and eqn.outs[0].aval.size]
    for eqn in reversed(exact if sums else ()):
        shown.update(eqn.ins if eqn.outs[0] in shown else ())
    sums = {eqn.outs[0] for eqn in exact if eqn.ins[0] in shown} & sums
    return [a for a in atoms if a not in sums]


def _reached(eqns: Sequence[Eqn], risky: Sequence[Eqn]) -> set[Any]:
    """The values that depend on the equations at risk."""
    found = {v for eqn in risky for v in eqn.outs}
    for eqn in eqns if found else ():
        if not found.isdisjoint(eqn.ins):
            found.update(eqn.outs)
    return found


def _least(eqn: Eqn, known: dict[Any, Gap]) -> list[Any]:
    """The values with the fewest elements that show a risk: factors or outputs."""
    outs = [v for v in eqn.outs if v in known]
    factors = [a for a in eqn.ins if a not in known and not is_harmless(a)]
    masked = sum(a in known for a in eqn.ins)
    # a literal factor is not finite here
    plain = eqn.prim.masking.is_product and masked == 1 and all(isinstance(a, Var) for a in factors)
    return min(factors, outs, key=_size) if plain else outs


def _origins(jaxpr: Jaxpr) -> dict[Any, Any]:
    """Map each value with rearranged elements to the value that it is made of.

    A transposed matrix, for example, is read faster in memory order.
    """
    found: dict[Any, Any] = {}
    for eqn in jaxpr.eqns:
        if eqn.prim in _REARRANGED and isinstance(eqn.ins[0], Var):
            found[eqn.outs[0]] = found.get(eqn.ins[0], eqn.ins[0])
    return found


def _numbers(jaxpr: Jaxpr) -> set[Any]:
    """The values that are computed from finite literals alone."""
    found: set[Any] = set()
    for eqn in jaxpr.eqns:
        if eqn.prim not in _KEPT or any(type(a) is not Literal and a not in found for a in eqn.ins):
            continue
        if np.isfinite([a.value for a in eqn.ins if isinstance(a, Literal)]).all():
            found.update(eqn.outs)
    return found


def _size(atoms: Sequence[Any]) -> int:
    return sum(a.aval.size for a in atoms)


def _cost(atoms: Sequence[Any]) -> int:
    """The cost of checking values, in elements: a call costs as much as 3,000."""
    return _size(atoms) + 3000 * len(atoms)


def _unmarked(jaxpr: Jaxpr, checks: dict[Any, Sequence[Any]]) -> Jaxpr:
    """Drop the marks, and order the results of each map after its check."""
    build = Builder()
    tokens: dict[Any, tuple[int, Any]] = {}
    now: dict[Any, Any] = {}
    ahead = {v for eqn in jaxpr.eqns for v in eqn.outs}
    for eqn in jaxpr.eqns:
        ahead.difference_update(eqn.outs)
        if now.keys().isdisjoint(eqn.ins) and eqn.prim not in _MARKED:
            build.add(eqn)
            continue
        ins = over(eqn, now)
        if eqn.prim is start_p:
            continue
        if eqn.prim in (seed_p, resume_p):
            now[eqn.outs[0]] = ins[0]
        elif eqn.prim is live_p:  # it is dead code
            now.update((v, _all_set(build, v.aval.shape)) for v in eqn.outs)
        elif eqn.prim is settle_p:
            tag = eqn.params["tag"]
            # a map that occurs twice in a program is checked at the end of each occurrence
            needed = [now.get(a, a) for a in checks.get(tag, ()) if a not in ahead]
            build.source, build.scope = eqn.source, eqn.scope
            if len(needed) > tokens.get(tag, (0, None))[0]:
                tokens[tag] = len(needed), build(check_p, *needed, count=len(needed))
            waits = needed and isinstance(ins[0], Var)  # a literal has no definition
            now[eqn.outs[0]] = build(after_p, ins[0], tokens[tag][1]) if waits else ins[0]
        else:
            build.add(replace_eqn(eqn, ins))
    outvars = tuple([now.get(a, a) for a in jaxpr.outvars])
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(build.eqns), outvars)


def _all_set(build: Builder, shape: tuple[int, ...]) -> Any:
    axes = tuple(range(len(shape)))
    return build(broadcast_p, True, shape=shape, axes=axes) if shape else build.number(True)


def drop_tokens(jaxpr: Jaxpr) -> Jaxpr:
    """Drop the tokens that order equations after checks: the order is final now."""
    step = lambda build, eqn: (eqn.ins[0],) if eqn.prim is after_p else None
    if not _waits(jaxpr):
        return jaxpr
    return rewritten(on_programs(jaxpr, drop_tokens), step)


def _waits(jaxpr: Jaxpr) -> bool:
    """Whether a value is ordered after a check, which may have been moved out of a loop."""
    held = (program for eqn in jaxpr.eqns if eqn.params for program in programs_in(eqn.params))
    return any(eqn.prim is after_p for eqn in jaxpr.eqns) or any(map(_waits, held))


def keep_donated(jaxpr: Jaxpr, donors: Sequence[int | None]) -> Jaxpr:
    """Let the checks read donated inputs, so that no output is written over one before a check.

    They are intact when the program with masks runs on them.
    """
    given = tuple(dict.fromkeys(jaxpr.invars[d] for d in donors if d is not None))
    if not given:
        return jaxpr
    eqns = [
        replace_eqn(eqn, (*eqn.ins, *given), params={"count": len(eqn.ins)})
        if eqn.prim is check_p
        else eqn
        for eqn in jaxpr.eqns
    ]
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def masked_program(jaxpr: Jaxpr) -> Jaxpr:
    """The program with masks, by the fallback of its marks."""
    fallback = next(f for f in _fallbacks(jaxpr))
    return fallback(jaxpr)


def without_checks(jaxpr: Jaxpr) -> Jaxpr:
    """The program with masks, if it would have a check: it has no fallback."""
    return masked_program(jaxpr) if any(True for _ in _fallbacks(jaxpr)) else jaxpr


def _fallbacks(jaxpr: Jaxpr) -> Iterator[Any]:
    for eqn in jaxpr.eqns:
        if eqn.prim is settle_p:
            yield eqn.params["fallback"]
        for program in programs_of(eqn):
            yield from _fallbacks(program)
