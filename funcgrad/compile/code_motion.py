"""Loop-invariant code motion: the equations of a loop's body that depend on no step."""

from collections.abc import Sequence

from ..core.jaxpr import Atom, Eqn, Jaxpr
from .rewrite import Builder, rewritten


def hoist(jaxpr: Jaxpr) -> Jaxpr:
    """Move loop-invariant equations out of loops, where the primitive has a ``hoist`` rule."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        return None if eqn.prim.holds.hoist is None else eqn.prim.holds.hoist(build, eqn)

    return rewritten(jaxpr, step)
