"""Chains: elementwise equations of one shape as one loop, whose intermediates are scalars."""

import math
import re
from collections.abc import Collection, Sequence
from typing import Any

from ..core.avals import Aval
from ..core.jaxpr import Eqn, Jaxpr, Literal, Var
from ..ops.index import getitem_p
from ..ops.structure import broadcast_p, transpose_p
from .functions import expression, is_elementwise
from .literals import ctype
from .nests import Nest
from .statements import Statements
from .values import TINY, Value, registers

_VIEWS = frozenset({getitem_p, transpose_p, broadcast_p})  # a reshape may be a copy
CHECKED = 8  # pairs of arrays that gcc compares, up to 10, before it runs a loop in vectors
FEW = 8  # elements, below which a loop is not worth a second text
_OF_ANGLES = re.compile(r"\b((?:sin|cos|tan)_(?:double|float))\(")


def is_loop(eqn: Eqn) -> bool:
    """Whether an equation is a loop over the elements of its result."""
    return is_elementwise(eqn.prim) and eqn.outs[0].aval.size > TINY


def chains_of(jaxpr: Jaxpr, whole: bool) -> list[list[Eqn]]:
    """The equations in groups, each a chain or one equation.

    An equation joins the last chain of its shape, unless it depends on an equation after that.
    ``whole``: it is no body of a loop. Then views come at once behind what they are views of; in a
    body a longer chain has more pointers to rows than registers hold.
    """
    groups: list[list[Eqn]] = []
    home: dict[Any, int] = {}  # the group where a variable is defined
    last: dict[Any, int] = {}
    for eqn in _views_first(jaxpr.eqns) if whole else jaxpr.eqns:
        ready = max((home.get(a, -1) for a in eqn.ins if isinstance(a, Var)), default=-1)
        shape = eqn.outs[0].aval.shape if eqn.outs else ()
        at = last.get(shape, -1) if is_loop(eqn) else -1
        if at >= max(ready, 0):
            groups[at].append(eqn)
        else:
            at = len(groups)
            groups.append([eqn])
            if is_loop(eqn):
                last[shape] = at
        home.update((v, at) for v in eqn.outs)
    return groups


def _views_first(eqns: Sequence[Eqn]) -> list[Eqn]:
    """The equations, with each view as early as it can be, so that it ends no chain."""
    place: dict[Any, int] = {}
    keys = []
    for i, eqn in enumerate(eqns):
        if eqn.prim in _VIEWS and len(eqn.ins) == 1:
            i = place.get(eqn.ins[0], -1)
        keys.append(i)
        place.update(dict.fromkeys(eqn.outs, i))
    return [eqns[i] for i in sorted(range(len(eqns)), key=keys.__getitem__)]


def last_reads(jaxpr: Jaxpr, groups: Sequence[Sequence[Eqn]]) -> list[list[Var]]:
    """For each group the variables that no later one reads, its own included."""
    last: dict[Any, int] = {}
    for i, group in enumerate(groups):
        for eqn in group:
            last.update(dict.fromkeys((*eqn.outs, *eqn.ins), i))
    for a in jaxpr.outvars:
        last.pop(a, None)
    dying: list[list[Var]] = [[] for _ in groups]
    for var, i in last.items():
        if isinstance(var, Var):
            dying[i].append(var)
    return dying


def write_chain(
    w: Statements,
    group: Sequence[Eqn],
    env: dict[Var, Value],
    targets: dict[Any, Value | None],
    dying: Collection[Var],
) -> None:
    """Write a chain as one loop nest; of its values those that live on go to memory."""
    made = {v for eqn in group for v in eqn.outs}
    later = made.difference(dying)
    shape = group[0].outs[0].aval.shape
    uses = [a for eqn in group for a in eqn.ins]
    texts: dict[Any, str] = {}
    arrays: dict[Any, Value] = {}
    for atom in dict.fromkeys(a for a in uses if isinstance(a, Var) and a not in made):
        x = env[atom]
        if x.memory is None and x.is_one:
            texts[atom] = str(x.layout.flat[0])
        else:
            arrays[atom] = w.stored(x).broadcast(shape)
    for v in [v for eqn in group for v in eqn.outs if v in later]:
        w.wanted = [(targets.get(v), w.names.hint(v))]
        w.bind(env, v, w.array(v.aval))
    outs = {v: env[v] for v in later}
    nest = Nest(shape, [*arrays.values(), *outs.values()], w.indices(len(shape)))
    start, count = len(w.lines), math.prod(shape)
    many = len(outs) * (len(arrays) + len(outs)) > CHECKED
    with w.loops(nest.lengths, nest.indices, independent=many), w.using(nest.indices):
        for atom, x in arrays.items():
            texts[atom] = nest.at(x)
            if uses.count(atom) > 1 and x.memory is not None:
                name = w.name(f"{x.memory.name}_{nest.indices[-1]}")
                w.line(f"const {ctype(x.aval.dtype)} {name} = {texts[atom]};")
                texts[atom] = name
        _body(w, group, env, texts, {v: nest.at(y) for v, y in outs.items()})
    if count >= FEW:
        _try_near(w, start)


def _try_near(w: Statements, start: int) -> None:
    """Write a loop with sines first for angles below 2^17, which is vectorised.

    It is run again if there are larger ones; it reads nothing that it writes.
    """
    loop = w.lines[start:]
    near = [_OF_ANGLES.sub(r"near_\1(&far, ", line) for line in loop]
    if near == loop:
        return
    w.lines[start:] = []
    with w.braces(""):
        w.line("uint64_t far = 0;")
        w.lines += [f"    {line}" for line in near]
        with w.braces("if (far)"):
            w.lines += [f"        {line}" for line in loop]


def _body(
    w: Statements, group: Sequence[Eqn], env: dict[Var, Value], texts: dict[Any, str],
    places: dict[Any, str],
) -> None:  # fmt: skip
    """The lines of one turn: each value once, and those that are read later into memory."""
    uses = {a for eqn in group for a in eqn.ins}
    values: dict[Any, Value] = {}
    for eqn in group:
        (out,) = eqn.outs
        w.note(eqn)
        ins = [values[a] if a in values else w.read(a, env) for a in eqn.ins]
        given = [x.items[0] if isinstance(a, Literal) else texts[a]
                 for a, x in zip(eqn.ins, ins, strict=True)]  # fmt: skip
        text = expression(eqn.prim, ins, given, out.aval, eqn.params)
        values[out] = registers(Aval((), out.aval.dtype, out.aval.weak), [""])
        if out in uses:
            texts[out] = w.name(w.names.hint(out))
            w.line(f"const {ctype(out.aval.dtype)} {texts[out]} = {text};")
            text = texts[out]
        if out in places:
            w.line(f"{places[out]} = {text};")
