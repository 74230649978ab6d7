"""A derivative's program cut in two: what needs the inputs alone, and what needs the seeds as well.

The first half runs with the function itself, the second on the way of the derivative; what the
second reads of the first is saved between them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..compile.marks import live_p, maps_in, resume_p
from ..core.avals import Aval
from ..core.dead_code import live
from ..core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Literal, Var
from ..core.lists import Flags, chosen
from .staging import Staging, StagingTracer


class Halves(NamedTuple):
    """A program cut in two: what needs the inputs alone, and what needs the seeds as well.

    ``still`` : ins -> what does not change from step to step; ``first`` : operands, still, ins ->
    outs, saved; ``second`` : all of ``sources``, seeds -> results. A source is ("in", i),
    ("still", j), ("out", k) for an output of ``first``, or ("value", x).
    """

    still: Jaxpr
    first: Jaxpr
    operands: tuple[Any, ...]
    second: Jaxpr
    sources: list[tuple[str, Any]]

    def found(self, reach: dict[str, Sequence[Any]]) -> list[Any]:
        """Return what the second half reads, given the ins, the still and the outs there are."""
        return [x if kind == "value" else reach[kind][x] for kind, x in self.sources]


def halves(
    origin: object,
    ins: Sequence[Aval],
    seeds: Sequence[Aval],
    both: Callable[[list[Any], list[Any]], tuple[Sequence[Any], Sequence[Any]]],
    kept: tuple[Flags, Flags],
    constant: Flags,
    masks: bool = True,
) -> Halves:
    """Stage ``both(ins, seeds) -> (outs, results)``, in which only the results need the seeds.

    Two traces do it, the younger one having the seeds: what it closes over is what there is to
    save. Inputs and outputs in ``kept`` are within reach of the second half and are not saved;
    what depends on ``constant`` inputs alone is done before; views are taken again. ``masks``, if
    a value of a map within is saved with its masks: so a program around can run with masks.
    """
    early, late = Staging(origin), Staging(origin)
    try:
        inputs = [early.input(a) for a in ins]
        outs, results = both(inputs, [late.input(a) for a in seeds])
        second = late.close(results)
        second = resumed(early, second) if masks else second
        first = early.close(outs)
    finally:
        for trace in (early, late):
            trace.dead, trace.eqns = True, []
    values = [x._var if _is_of(early, x) else x for x in second.consts]
    reach = {v: ("out", j) for j, v in enumerate(first.jaxpr.outvars) if kept[1][j]}
    reach.update((v, ("in", i)) for i, v in enumerate(early.inputs) if kept[0][i])
    return _cut(first, second, values, reach, chosen(early.inputs, constant))


def _cut(
    first: ClosedJaxpr,
    second: ClosedJaxpr,
    values: Sequence[Any],
    reach: dict[Any, tuple[str, Any]],
    constant: Sequence[Var],
) -> Halves:
    """Return the halves, given what the second closes over: what is within reach stays there."""
    before, during = _steady(first.jaxpr, constant)
    known = [v for eqn in before for v in eqn.outs]
    reach = {v: ("still", v) for v in known} | reach
    views, variables, values = _viewed(during, second.jaxpr.constvars, values, reach)
    outvars = list(first.jaxpr.outvars)
    sources: list[tuple[str, Any]] = []
    for x in values:
        if isinstance(x, Var) and x not in reach:
            reach[x] = ("out", len(outvars))
            outvars.append(x)
        sources.append(reach[x] if isinstance(x, Var) else ("value", x))
    during = live(during, outvars)
    read = {a for eqn in during for a in eqn.ins} | {*outvars} | {
        x for kind, x in sources if kind == "still"
    }  # fmt: skip
    still = tuple(v for v in known if v in read)
    numbers = {v: j for j, v in enumerate(still)}
    sources = [("still", numbers[x]) if kind == "still" else (kind, x) for kind, x in sources]
    inputs, jaxpr = first.jaxpr.invars, second.jaxpr
    return Halves(
        Jaxpr(inputs, (), tuple(live(before, still)), still),
        Jaxpr((*first.jaxpr.constvars, *still, *inputs), (), tuple(during), tuple(outvars)),
        first.consts,
        Jaxpr((*variables, *jaxpr.invars), (), (*views, *jaxpr.eqns), jaxpr.outvars),
        sources,
    )


def resumed(early: Staging, second: ClosedJaxpr) -> ClosedJaxpr:
    """Return the second half so that it takes values of maps that begin in the first with masks."""
    jaxpr, values = second.jaxpr, dict(zip(second.jaxpr.constvars, second.consts, strict=True))
    saved = {v: x for v, x in values.items() if _is_of(early, x)}
    maps = maps_in(early.eqns)
    rows = [(tag, v) for tag, members in maps.items() for v in saved if saved[v]._var in members]
    last = {v: tag for tag, v in rows}
    now = {v: Var(v.aval) for v in last}  # a value with the masks that it has so far
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


def _is_of(trace: Staging, x: Any) -> bool:
    return isinstance(x, StagingTracer) and x._trace is trace


def _steady(jaxpr: Jaxpr, constant: Sequence[Var]) -> tuple[list[Eqn], list[Eqn]]:
    """Return the equations that need constant inputs alone, and the others.

    Without constant inputs there is no step before, so that not even numbers are computed there.
    """
    if not constant:
        return [], list(jaxpr.eqns)
    known: set[Any] = set(constant)
    before, during = [], []
    for eqn in jaxpr.eqns:
        if all(isinstance(atom, Literal) or atom in known for atom in eqn.ins):
            known.update(eqn.outs)
            before.append(eqn)
        else:
            during.append(eqn)
    return before, during


def _viewed(
    eqns: Sequence[Eqn], variables: Sequence[Var], values: Sequence[Any], reach: Any
) -> tuple[list[Eqn], list[Var], list[Any]]:
    """Replace values to be saved that are views by what they view, and equations that view it."""
    makers = {eqn.outs[0]: (n, eqn) for n, eqn in enumerate(eqns) if eqn.prim.is_view}
    saved = {x: v for v, x in zip(variables, values, strict=True) if isinstance(x, Var)}
    views: list[tuple[int, Eqn]] = []
    rows = list(zip(variables, values, strict=True))
    for variable, x in rows:  # grows while it is read
        if not isinstance(x, Var) or x in reach or x not in makers:
            continue
        n, eqn = makers[x]
        (source,) = eqn.ins
        if isinstance(source, Var) and source not in saved:
            saved[source] = Var(source.aval)
            rows.append((saved[source], source))
        viewed = saved[source] if isinstance(source, Var) else source
        view = Eqn(eqn.prim, (viewed,), (variable,), eqn.params, eqn.source)
        views.append((n, view))
    done = {view.outs[0] for _, view in views}
    kept = [(v, x) for v, x in rows if v not in done]
    return (
        [view for _, view in sorted(views, key=lambda row: row[0])],
        [v for v, _ in kept],
        [x for _, x in kept],
    )
