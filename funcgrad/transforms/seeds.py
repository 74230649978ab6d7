"""Linear maps of tangents and cotangents by the law of zero cotangents, see ``paths.py``.

A map first runs without masks; if a result is not finite, it runs again with them. A program that
is being staged has no values to check. There ``seed`` and ``settle`` mark where a map begins and
ends, if an element on no path may be multiplied by a factor that is not finite in between. The
program checks the settled values when it runs; if one is not finite, ``with_masks`` of the program
runs instead.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from ..compile.finite_checks import of_maps_within, risks
from ..compile.mask_marks import (
    BEGINS,
    Tag,
    is_masked,
    live_p,
    maps_in,
    may_mark,
    resume_p,
    seed_p,
    settle_p,
    start_p,
)
from ..core.companions import inlined
from ..core.effects import silent
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, programs_in
from ..core.memory import identity
from ..core.trace import Trace, Tracer, running
from ..ops.constant import Array, constant_p
from ..ops.paths import are_finite, are_finite_arrays
from ..ops.structure import batch_at_front
from .batching import Batch, BatchTracer
from .paths import Paths, PathTracer, masks_of, resume, seeded, traces_for, unmasked
from .staging import Staging, is_staged, stage, staged_in
from .uniform import uniform_as_scalars

# tangents or cotangents (None: 0), whether they have masks -> results of the linear map
Map = Callable[[Sequence[Any], bool], Sequence[Any]]


def over_paths(
    origin: object, seeds: Sequence[Any], run: Map, around: Sequence[Any]
) -> Sequence[Any]:
    """Apply a linear map to its seeds, by the law of zero cotangents.

    ``run`` is called again, with masks, if a result is not finite; ``around`` are values that
    belong to the enclosing transforms. NumPy's warnings should be off: a derivative has none.
    """
    known = [x for x in (*around, *seeds) if isinstance(x, Tracer)]
    found = map(staged_in, known) if known else ()
    programs = [cast(Staging, x._trace) for x in found if x is not None]
    program = max(programs, key=lambda trace: trace.serial) if programs else None
    if program is not None and not program.masked:
        # with masks, unless an enclosing program may be run again with masks; a program that will
        # be transposed gets those of its cotangents
        masked = any(p.masked for p in programs) or not is_staged(around)
        return _staged(program, seeds, run, around, masked and not program.transposed)
    results = run(seeds, False)
    if not known and are_finite_arrays(results):
        return results  # the common case
    known += [x for x in results if isinstance(x, Tracer)]
    finite = are_finite(results)
    outer = [trace for x in known for trace in _under(x)]
    if finite and not any(trace.masked for trace in outer):
        for trace in outer:
            trace.inner = True
        return results
    return _masked(origin, seeds, run)


def _masked(origin: object, seeds: Sequence[Any], run: Map) -> Sequence[Any]:
    """The results of a map whose seeds have masks."""
    traces = traces_for(origin, any(map(_is_variable, seeds)))
    before, token = running.get(), silent.set(True)
    try:
        running.set(traces[0])  # rules of the user's may fill arrays
        given = [None if s is None else seeded(traces, s, _is_variable(s)) for s in seeds]
        return [unmasked(traces, x) for x in run(given, True)]
    finally:
        silent.reset(token)
        running.set(before)
        for trace in traces:
            trace.dead = True


def _under(x: Any) -> list[Trace]:
    """The traces to which a value belongs, the innermost first."""
    found = []
    while isinstance(x, Tracer):
        found.append(x._trace)
        x = getattr(x, "value", None)
    return found


def _is_variable(x: Any) -> bool:
    """Whether another derivative may be taken with respect to a seed."""
    return any(not isinstance(trace, Batch) for trace in _under(x))


# in a program that is being staged


def _batches(program: Staging, around: Sequence[Any]) -> list[Batch]:
    """The traces of vmap to which variables of a program belong, the outermost first.

    They are older than the program if a function runs again in the trace of its vmap.
    """
    found: dict[Batch, None] = {}
    for traces in map(_under, around):
        if program in traces:
            above = traces[: traces.index(program)]
            found.update((t, None) for t in above if isinstance(t, Batch))
    return [trace for trace in found if trace.serial < program.serial]


def _staged(
    program: Staging, seeds: Sequence[Any], run: Map, around: Sequence[Any], masked: bool
) -> Sequence[Any]:
    """Run a map, with marked seeds and results if an operation in between may need masks.

    ``masked``: whether maps inside its function have masks.
    """
    tag = Tag(Trace(program.origin).serial, any(map(_is_variable, seeds)))
    start = len(program.eqns)
    batches = _batches(program, [x for x in (*around, *seeds) if isinstance(x, Tracer)])
    mine = lambda xs: [x for x in map(staged_in, xs) if x is not None and x._trace is program]
    there = mine(around) or mine(seeds)
    (token,) = program.process(start_p, tuple({x._var: x for x in there}.values()), {})
    marked = [None if s is None else _marked(program, s, token, tag, batches) for s in seeds]
    own = program.eqns[start:]
    results = _settled(program, marked, run(marked, masked), run)
    known: dict[Any, bool | None] = {
        eqn.outs[0]: not _is_whole(program, eqn.ins[0]) for eqn in own[1:]
    }
    _look(program, tag)
    if risks(program.eqns[start:], known, program.gaps | of_maps_within(program.eqns)):
        program.gaps.update(v for v, gap in known.items() if gap)
        settle = functools.partial(settle_p, tag=tag, fallback=with_masks)
        return [settle(x) if isinstance(x, Tracer) else x for x in results]
    # some are results themselves
    given = {identity(m): s for m, s in zip(marked, seeds, strict=True)}
    return _without(program, start, own, marked, [given.get(identity(x), x) for x in results])


def _look(program: Staging, own: Tag) -> None:
    """Find tangents of other maps, for example of a program whose equations were replayed here."""
    new, program.searched = program.eqns[program.searched :], len(program.eqns)
    if any(eqn.prim in BEGINS for eqn in new):
        program.gaps.update(*(vs for tag, vs in maps_in(new).items() if tag != own))


def _marked(program: Staging, seed: Any, token: Any, tag: Tag, batches: Sequence[Batch]) -> Any:
    """Mark a seed by an equation of the program, also if it does not depend on the program.

    It gets the batch axes of all traces to which variables of the program belong: otherwise vmap
    would mistake it for a value of an inner transform.
    """
    params = {"tag": tag, "variable": _is_variable(seed)}
    mapped = isinstance(seed, BatchTracer) and staged_in(seed) is None
    if mapped and (seed._trace in batches or seed._trace.serial > program.serial):
        rest = [trace for trace in batches if trace is not seed._trace]
        return BatchTracer(seed._trace, _marked(program, seed.value, token, tag, rest), seed.axis)
    if isinstance(seed, Tracer) and not mapped:
        return seed_p(seed, **params)
    for trace in batches:
        seed = batch_at_front(seed, None, trace.size)
    y = program.process(seed_p, (seed, token), params)[0]
    for trace in reversed(batches):
        y = BatchTracer(trace, y, 0)
    return y


def _is_whole(program: Staging, atom: Atom) -> bool:
    """Whether all elements of a seed are known to be nonzero."""
    values = dict(program.consts.values())
    value = atom.value if isinstance(atom, Literal) else values.get(atom)
    return isinstance(value, (np.ndarray, np.generic)) and bool(np.all(value != 0))


def _settled(
    program: Staging, marked: Sequence[Any], results: Sequence[Any], run: Map
) -> Sequence[Any]:
    """The results, of which arrays, that read no seed, are those of a map with masks.

    A zero that meets an infinite derivative is nan, before the program runs.
    """
    fixed = [x for x in results if x is not None and not isinstance(x, Tracer)]
    if are_finite(fixed):
        return results
    count = len(program.eqns)
    again = _masked(program.origin, marked, run)
    del program.eqns[count:]
    pairs = zip(results, again, strict=True)
    return [x if isinstance(x, Tracer) or isinstance(y, Tracer) else y for x, y in pairs]


def _without(
    program: Staging, start: int, own: Sequence[Eqn], marked: Sequence[Any], results: Sequence[Any]
) -> Sequence[Any]:
    """Remove the marks from the program, which needs no masks."""
    tracers = {x._var: x for x in map(staged_in, marked) if x is not None}
    now: dict[Any, Any] = {eqn.outs[0]: eqn.ins[0] for eqn in own if eqn.outs[0] in tracers}
    if any(x is not None and x._var in now for x in map(staged_in, results)):
        return results  # a seed is a result itself
    now[own[0].outs[0]] = Literal(True)
    for var, tracer in tracers.items():
        tracer._var = now.get(var, var)
    program.renamed.update(now)  # programs still being staged may hold the variables
    for i in range(start, len(program.eqns)):
        eqn = program.eqns[i]
        if not now.keys().isdisjoint(eqn.ins):
            ins = tuple([now.get(a, a) for a in eqn.ins])
            program.eqns[i] = Eqn(eqn.prim, ins, eqn.outs, eqn.params, eqn.source, eqn.scope)
    rest = program.eqns[start:]
    program.eqns[start:] = [eqn for eqn in rest if now.keys().isdisjoint(eqn.outs)]
    program.searched = min(program.searched, len(program.eqns))
    if program.layouts is not None:
        program.layouts.searched = min(program.layouts.searched, start)
    return results


# the program with masks


def with_masks(jaxpr: Jaxpr) -> Jaxpr:
    """The program in which each map between its marks runs with masks.

    The maps of its derivatives run with masks too.
    """
    if is_masked(jaxpr):
        return jaxpr
    found = jaxpr.memo.get("with masks")
    if found is None:
        args = [*jaxpr.constvars, *jaxpr.invars]
        closed, _ = stage("a program", lambda xs: _replayed(jaxpr, xs), [v.aval for v in args])
        closed = uniform_as_scalars(closed)
        n, new = len(jaxpr.constvars), closed.jaxpr
        rows = zip(new.constvars, closed.consts, strict=True)
        consts = [Eqn(constant_p, (), (v,), {"array": Array(x)}) for v, x in rows]
        found = Jaxpr(new.invars[n:], new.invars[:n], (*consts, *new.eqns), new.outvars)
        jaxpr.memo["with masks"], found.memo["masked"] = found, True
    return found


def _replayed(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Run a program, and programs that it calls, with masks between its marks."""
    maps: dict[Tag, list[Paths]] = {}
    try:
        outs = _replay(args[0]._trace, jaxpr, args, maps)
    finally:
        for trace in (trace for traces in maps.values() for trace in traces):
            trace.dead = True
    everything = sorted((t for ts in maps.values() for t in ts), key=lambda t: t.serial)
    return [unmasked(everything, x) for x in outs]


def _replay(
    trace: Staging, jaxpr: Jaxpr, args: Sequence[Any], maps: dict[Tag, list[Paths]]
) -> list[Any]:
    env: dict[Any, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), args, strict=True))
    read = lambda atom: atom.value if isinstance(atom, Literal) else env[atom]
    for eqn in jaxpr.eqns:
        ins, prim, params = list(map(read, eqn.ins)), eqn.prim, eqn.params
        trace.at = eqn.source
        program = inlined(prim, params)
        if prim.holds.is_open and not any(isinstance(x, PathTracer) for x in ins):
            program = None  # its rule is needed for another derivative
        if program is not None:
            outs: Sequence[Any] = _replay(trace, program, ins, maps)
        elif prim is seed_p:
            outs = [seeded(_traces(maps, params["tag"]), ins[0], params["variable"])]
        elif prim is settle_p:
            outs = [unmasked(maps.get(params["tag"], ()), ins[0])]
        elif prim is live_p:
            outs = masks_of(maps.get(params["tag"]) or [None] * params["tag"].traces, ins[0])
        elif prim is resume_p:
            tag = params["tag"]
            outs = [resume(_traces(maps, tag), *ins)]
        else:
            outs = prim.bind(*ins, **masked_params(params))
        env.update(zip(eqn.outs, outs, strict=True))
    return list(map(read, jaxpr.outvars))


def _traces(maps: dict[Tag, list[Paths]], tag: Tag) -> list[Paths]:
    """The traces of a map, created where it begins."""
    if tag not in maps:
        maps[tag] = traces_for("a derivative", tag.variable)
    return maps[tag]


class Staged:
    """A parameter that holds a user function as programs."""

    def masked(self, change: Callable[[Jaxpr], Jaxpr]) -> "Staged":
        """Apply ``change`` to the programs, which gives those with masks."""
        raise NotImplementedError


def params_for_trace(trace: Trace, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a primitive that holds programs, with masks if ``trace`` is masked."""
    if trace.masked:
        return masked_params(params)
    trace.inner = trace.inner or any(map(may_mark, programs_in(params)))
    return params


def masked_params(params: dict[str, Any]) -> dict[str, Any]:
    """Apply ``with_masks`` to the programs in the parameters of a primitive."""

    def changed(value: Any) -> Any:
        if isinstance(value, Jaxpr):
            return with_masks(value) if may_mark(value) else value
        if isinstance(value, Staged):
            return value.masked(changed)
        return tuple(map(changed, value)) if type(value) is tuple else value

    return {k: changed(v) for k, v in params.items()}
