"""Packing: equal chains of elementwise operations over small arrays run once, on one packed array.

An optimizer's update is such a chain: the same dozen operations for each parameter, where the call
of a ufunc takes longer than its work. Chains are found by colour refinement: equations of one
colour have the same primitive, operands of the same colours, and readers of the same colours.
"""

from collections.abc import Hashable, Sequence
from typing import Any

from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from ..ops.families import Elementwise
from ..ops.index import Index, concatenate_p, getitem_p
from ..ops.structure import reshape_p
from .rewrite import Builder

SMALL = 4096  # elements up to which a call costs more than its work
LEAST = 4  # arrays from which packing pays
SHORTEST = 3  # equations of a chain from which it pays
ROUNDS = 8  # the most groups of chains

Chain = list[Eqn]  # the equations for one of the arrays, in order


def pack(jaxpr: Jaxpr) -> Jaxpr:
    """Replace groups of equal chains by one chain over packed arrays."""
    for _ in range(ROUNDS):
        group = _largest_group(jaxpr)
        if group is None:
            break
        jaxpr = _packed(jaxpr, group)
    return jaxpr


def _fits(eqn: Eqn) -> bool:
    """Whether an equation may be part of a chain: elementwise, small, without broadcasting."""
    if not isinstance(eqn.prim, Elementwise) or not eqn.prim.fills:
        return False
    (out,) = eqn.outs
    shape = out.aval.shape
    if not shape or not 0 < out.aval.size <= SMALL:
        return False
    return all(a.aval.shape == shape or not a.aval.shape for a in eqn.ins)


def _colours(eqns: Sequence[Eqn], outvars: Sequence[Atom]) -> dict[int, Hashable]:
    """The colour of each equation that fits, by its index."""
    up: dict[Any, int] = {}
    numbers: dict[Hashable, int] = {}
    number = lambda key: numbers.setdefault(key, len(numbers))
    places = [i for i, eqn in enumerate(eqns) if _fits(eqn)]
    for i in places:
        eqn = eqns[i]
        key = (eqn.prim, eqn.outs[0].aval.dtype, tuple([_operand(a, up) for a in eqn.ins]))
        up[eqn.outs[0]] = number(key)
    readers: dict[Any, list[int]] = {a: [number("an output")] for a in outvars}
    colours: dict[int, Hashable] = {}
    fitting = set(places)
    for i in range(len(eqns) - 1, -1, -1):
        eqn = eqns[i]
        own: Hashable = eqn.prim
        if i in fitting:
            out = eqn.outs[0]
            own = colours[i] = number((up[out], tuple(sorted(readers.get(out, ())))))
        for place, atom in enumerate(eqn.ins):
            if atom in up:
                readers.setdefault(atom, []).append(number((own, place)))
    return colours


def _operand(atom: Atom, up: dict[Any, int]) -> Hashable:
    if isinstance(atom, Literal):
        return (type(atom.value), repr(atom.value))
    if not atom.aval.shape:
        return ("number", id(atom))
    return up.get(atom, ("array", atom.aval.dtype))


def _largest_group(jaxpr: Jaxpr) -> list[Chain] | None:
    """The independent chains whose packing saves the most calls, or None."""
    colours = _colours(jaxpr.eqns, jaxpr.outvars)
    counts: dict[Hashable, int] = {}
    for colour in colours.values():
        counts[colour] = counts.get(colour, 0) + 1
    places = [i for i in sorted(colours) if counts[colours[i]] >= LEAST]
    groups: dict[tuple[Hashable, ...], list[list[int]]] = {}
    for chain in _chains(jaxpr.eqns, places, colours, counts):
        key = tuple([colours[i] for i in chain])
        if len(set(key)) == len(key):
            groups.setdefault(key, []).append(chain)
    found = [
        (len(g) * len(key), g)
        for key, g in groups.items()
        if len(g) >= LEAST and len(key) >= SHORTEST
    ]
    for _, group in sorted(found, key=lambda row: -row[0]):
        chains = [[jaxpr.eqns[i] for i in chain] for chain in group]
        if _independent(jaxpr, chains):
            return chains
    return None


def _chains(
    eqns: Sequence[Eqn],
    places: Sequence[int],
    colours: dict[int, Hashable],
    counts: dict[Hashable, int],
) -> list[list[int]]:
    """Connected components of the equations at these indices.

    An edge joins an equation and one that it reads, where their colours are equally frequent.
    """
    parent = {i: i for i in places}

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    makers: dict[Atom, int] = {eqns[i].outs[0]: i for i in places}
    for i in places:
        for atom in eqns[i].ins:
            j = makers.get(atom)
            if j is not None and counts[colours[i]] == counts[colours[j]]:
                parent[root(i)] = root(j)
    chains: dict[int, list[int]] = {}
    for i in places:
        chains.setdefault(root(i), []).append(i)
    return list(chains.values())


def _independent(jaxpr: Jaxpr, chains: Sequence[Chain]) -> bool:
    """Whether no chain depends on another, directly or through other equations."""
    inside = {id(eqn) for chain in chains for eqn in chain}
    own = {eqn.outs[0] for chain in chains for eqn in chain}
    tainted: set[Any] = set()
    for eqn in jaxpr.eqns:
        if id(eqn) in inside:
            if not tainted.isdisjoint(eqn.ins):
                return False
        elif not tainted.isdisjoint(eqn.ins) or not own.isdisjoint(eqn.ins):
            tainted.update(eqn.outs)
    return True


def _packed(jaxpr: Jaxpr, chains: Sequence[Chain]) -> Jaxpr:
    """Replace the chains by one; equations that depend on them are moved behind it."""
    inside = {id(eqn) for chain in chains for eqn in chain}
    own = {eqn.outs[0] for chain in chains for eqn in chain}
    build = Builder()
    later: list[Eqn] = []
    waiting = set(own)
    for eqn in jaxpr.eqns:
        if id(eqn) in inside:
            continue
        if waiting.isdisjoint(eqn.ins):
            build.add(eqn)
        else:
            later.append(eqn)
            waiting.update(eqn.outs)
    read = {a for eqn in later for a in eqn.ins} | set(jaxpr.outvars)
    _joined(build, chains, own, read)
    for eqn in later:
        build.add(eqn)
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(build.eqns), jaxpr.outvars)


def _joined(build: Builder, chains: Sequence[Chain], own: set[Var], read: set[Any]) -> None:
    """Add the chain over packed arrays, and slices of its results that are read."""
    joined: dict[Any, Var] = {}

    def whole(atoms: tuple[Atom, ...]) -> Atom:
        if not atoms[0].aval.shape:
            return atoms[0]
        if atoms not in joined:
            flat = [a if len(a.aval.shape) == 1 else build(reshape_p, a, shape=(a.aval.size,))
                    for a in atoms]  # fmt: skip
            joined[atoms] = build(concatenate_p, *flat, axis=0)
        return joined[atoms]

    for row in zip(*chains, strict=True):
        build.source, build.scope = row[0].source, row[0].scope
        columns = zip(*(eqn.ins for eqn in row), strict=True)
        outs = tuple([eqn.outs[0] for eqn in row])
        joined[outs] = build(row[0].prim, *map(whole, columns), **row[0].params)
        start = 0
        for var in outs:
            stop = start + var.aval.size
            if var in read:
                _part(build, joined[outs], start, stop, var)
            start = stop


def _part(build: Builder, whole: Var, start: int, stop: int, var: Var) -> None:
    """Add the equations that slice and reshape one array from a packed result."""
    index = Index((slice(start, stop),))
    if len(var.aval.shape) == 1:
        build.add(Eqn(getitem_p, (whole,), (var,), {"index": index}, build.source, build.scope))
        return
    part = build(getitem_p, whole, index=index)
    build.add(Eqn(reshape_p, (part,), (var,), {"shape": var.aval.shape}, build.source, build.scope))
