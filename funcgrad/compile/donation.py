"""Donation: outputs written in place over inputs that the caller gives up."""

from collections.abc import Sequence
from typing import Any

from ..core.jaxpr import Jaxpr


def match_donors(wanted: Sequence[object], offered: Sequence[object]) -> list[int | None]:
    """For each item wanted the index of an equal one offered, each used once, or None."""
    free = list(range(len(offered)))
    result: list[int | None] = []
    for want in wanted:
        place = next((i for i in free if offered[i] == want), None)
        if place is not None:
            free.remove(place)
        result.append(place)
    return result


def safe_donors(jaxpr: Jaxpr, donors: Sequence[int | None]) -> list[int | None]:
    """Drop donors that an output aliases, and donors of outputs that alias an input or output.

    Such an output is an input, a view of one, or the same value as another output.
    """
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}

    def seen(atom: Any) -> Any:
        while atom in makers and makers[atom].prim.codegen.view is not None and makers[atom].ins:
            atom = makers[atom].ins[0]
        return atom

    shown = [seen(atom) for atom in jaxpr.outvars]
    safe = lambda d, x, out: (
        x in makers and jaxpr.outvars.count(out) == 1 and jaxpr.invars[d] not in shown
    )
    rows = zip(donors, shown, jaxpr.outvars, strict=True)
    return [d if d is not None and safe(d, x, out) else None for d, x, out in rows]
