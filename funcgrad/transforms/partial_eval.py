"""Partial evaluation: a program is split into a known part and an unknown part.

The known part depends only on the inputs, and runs with the function itself. The unknown part also
depends on the seeds of a derivative. The residuals are values of the known part that the unknown
part reads.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..compile.mask_marks import live_p, maps_in, resume_p
from ..core.avals import Aval
from ..core.dead_code import live
from ..core.dependence import split_invariant
from ..core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Literal, Var
from ..core.lists import Flags, compress
from ..core.registry import branches
from ..core.trace import running
from ..ops.convert import Convert
from ..ops.families import Elementwise
from ..ops.operand import Weaken
from .staging import Staging, StagingTracer


class PartialEval(NamedTuple):
    """The known and the unknown part of a program.

    ``invariant`` : ins -> loop-invariant values; ``known`` : consts, invariant, ins -> outs,
    residuals; ``unknown`` : residuals, seeds -> results. ``sources`` tells where each residual
    comes from: ("in", i), ("invariant", j), ("out", k) for an output of ``known``, or
    ("value", x) for an array.
    """

    invariant: Jaxpr
    known: Jaxpr
    consts: tuple[Any, ...]
    unknown: Jaxpr
    sources: list[tuple[str, Any]]

    def residuals(self, available: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Pick the residuals out of the values available, by kind of source."""
        return [x if kind == "value" else available[kind][x] for kind, x in self.sources]


def partial_eval_jaxpr(
    origin: object,
    ins: Sequence[Aval],
    seeds: Sequence[Aval],
    both: Callable[[list[Any], list[Any]], tuple[Sequence[Any], Sequence[Any]]],
    kept: tuple[Flags, Flags],
    constant: Flags,
    masks: bool = True,
    takes: Callable[..., bool] | None = None,
) -> PartialEval:
    """Trace ``both(ins, seeds) -> (outs, results)``, where only the results depend on the seeds.

    There are two traces. The inner one has the seeds; values of the outer one that it closes over
    are the residuals.

    Args:
        origin: the transform and its function, for errors.
        ins: avals of the inputs.
        seeds: avals of the tangents or cotangents that start the unknown part.
        both: the function to trace.
        kept: which inputs and which outputs are available to the unknown part; they need not be
            saved again as residuals.
        constant: which inputs are loop-invariant; values that depend only on them are too.
        masks: whether residuals of a map carry its masks, so that an enclosing program can run
            with masks.
        takes: see ``stage``.
    """
    early, late = Staging(origin), Staging(origin)
    before = running.get()
    try:
        running.set(early)  # effects on constants belong to the known part
        if takes is not None:
            branches[early.serial] = takes
        inputs = [early.input(a) for a in ins]
        outs, results = both(inputs, [late.input(a) for a in seeds])
        unknown = late.close(results)
        unknown = resumed(early, unknown) if masks else unknown
        known = early.close(outs)
    finally:
        running.set(before)
        branches.pop(early.serial, None)
        for trace in (early, late):
            trace.end()
    atoms = [early.atom(x) if _is_of(early, x) else x for x in unknown.consts]
    values = [a.value if isinstance(a, Literal) else a for a in atoms]
    available = {v: ("out", j) for j, v in enumerate(known.jaxpr.outvars) if kept[1][j]}
    available.update((v, ("in", i)) for i, v in enumerate(early.inputs) if kept[0][i])
    return _cut(known, unknown, values, available, compress(early.inputs, constant))


def _cut(
    known: ClosedJaxpr,
    unknown: ClosedJaxpr,
    values: Sequence[Any],
    available: dict[Any, tuple[str, Any]],
    constant: Sequence[Var],
) -> PartialEval:
    """Add the residuals in ``values`` that are not available to the outputs of the known part."""
    before, during = split_invariant(known.jaxpr.eqns, constant) if constant else ([], known.eqns)
    made_before = [v for eqn in before for v in eqn.outs]
    available = {v: ("invariant", v) for v in made_before} | available
    views, variables, values = _viewed(during, unknown.jaxpr.constvars, values, available)
    outvars = list(known.jaxpr.outvars)
    sources: list[tuple[str, Any]] = []
    for x in values:
        if isinstance(x, Var) and x not in available:
            available[x] = ("out", len(outvars))
            outvars.append(x)
        sources.append(available[x] if isinstance(x, Var) else ("value", x))
    during = live(during, outvars)
    read = {a for eqn in during for a in eqn.ins} | {*outvars} | {
        x for kind, x in sources if kind == "invariant"
    }  # fmt: skip
    invariant = tuple(v for v in made_before if v in read)
    places = {v: j for j, v in enumerate(invariant)}
    sources = [(k, places[x] if k == "invariant" else x) for k, x in sources]
    inputs, jaxpr = known.jaxpr.invars, unknown.jaxpr
    return PartialEval(
        Jaxpr(inputs, (), tuple(live(before, invariant)), invariant),
        Jaxpr((*known.jaxpr.constvars, *invariant, *inputs), (), tuple(during), tuple(outvars)),
        known.consts,
        Jaxpr((*variables, *jaxpr.invars), (), (*views, *jaxpr.eqns), jaxpr.outvars),
        sources,
    )


def resumed(early: Staging, unknown: ClosedJaxpr) -> ClosedJaxpr:
    """Give the unknown part masks with its residuals of maps that begin in the known part."""
    jaxpr = unknown.jaxpr
    values = dict(zip(jaxpr.constvars, unknown.consts, strict=True))
    saved = {v: x for v, x in values.items() if _is_of(early, x)}
    maps = maps_in(early.eqns)
    rows = [
        (tag, v) for tag, members in maps.items() for v in saved if early.atom(saved[v]) in members
    ]
    last = {v: tag for tag, v in rows}
    now = {v: Var(v.aval) for v in last}  # a value with its masks so far
    consts = {now.get(v, v): x for v, x in values.items()}
    eqns = []
    for tag, v in rows:
        masks = {Var(x.aval): x for x in early.process(live_p, (saved[v],), {"tag": tag})}
        out = v if tag == last[v] else Var(v.aval)
        eqns.append(Eqn(resume_p, (now[v], *masks), (out,), {"tag": tag}))
        consts.update(masks)
        now[v] = out
    jaxpr = Jaxpr(jaxpr.invars, tuple(consts), (*eqns, *jaxpr.eqns), jaxpr.outvars)
    return ClosedJaxpr(jaxpr, tuple(consts.values()))


def _is_cheap(eqn: Eqn) -> bool:
    """Whether an equation makes a view, or one integer of another."""
    (out, *_), prim = eqn.outs, eqn.prim
    if prim.codegen.is_view:
        return True
    integer = not out.aval.shape and out.aval.dtype.kind in "biu"
    single = sum(isinstance(a, Var) and not a.aval.shape for a in eqn.ins) == 1
    arrays = any(isinstance(a, Var) and a.aval.shape for a in eqn.ins)
    return integer and single and not arrays and isinstance(prim, (Elementwise, Convert, Weaken))


def _is_of(trace: Staging, x: Any) -> bool:
    return isinstance(x, StagingTracer) and x._trace is trace


def _viewed(
    eqns: Sequence[Eqn], variables: Sequence[Var], values: Sequence[Any], available: Any
) -> tuple[list[Eqn], list[Var], list[Any]]:
    """Replace residuals that are views, or integers like i - 1, by equations that compute them."""
    makers = {e.outs[0]: (n, e) for n, e in enumerate(eqns) if e.outs and _is_cheap(e)}
    saved = {x: v for v, x in zip(variables, values, strict=True) if isinstance(x, Var)}
    views: list[tuple[int, Eqn]] = []
    rows = list(zip(variables, values, strict=True))
    for variable, x in rows:  # the loop appends to rows
        if not isinstance(x, Var) or x in available or x not in makers:
            continue
        n, eqn = makers[x]
        for source in eqn.ins:
            if isinstance(source, Var) and source not in saved:
                saved[source] = Var(source.aval)
                rows.append((saved[source], source))
        ins = tuple([saved[a] if isinstance(a, Var) else a for a in eqn.ins])
        views.append((n, Eqn(eqn.prim, ins, (variable,), eqn.params, eqn.source)))
    done = {view.outs[0] for _, view in views}
    kept = [(v, x) for v, x in rows if v not in done]
    return (
        [view for _, view in sorted(views, key=lambda row: row[0])],
        [v for v, _ in kept],
        [x for _, x in kept],
    )
