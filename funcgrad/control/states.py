"""The states of a loop that its step back needs, and the programs of the two steps."""

from collections.abc import Sequence
from typing import Any, ClassVar

from ..compile.rewrite import on_programs
from ..core.dead_code import live
from ..core.dependence import fixed_point
from ..core.effects import without_effects
from ..core.jaxpr import Eqn, Jaxpr, Var
from ..core.lists import compress, split_list
from ..core.propagation import Propagation
from ..transforms.taylor import push_series


class Checkpointed:
    """A loop that keeps states; ``plain_eqn`` is its equation without checkpoints."""

    def plain_eqn(self, eqn: Eqn) -> Eqn:
        raise NotImplementedError


class ByDecomposition:
    """A loop whose dependence and series are those of the loops that it decomposes into."""

    decompose: Any
    called: ClassVar[str]  # in errors

    def depend_through(self, walk: Propagation, ins: Any, avals: Any, **params: Any) -> Any:
        return walk.decomposed(self, ins, params)  # type: ignore[arg-type]

    def value_and_series(
        self, primals: Sequence[Any], terms: Sequence[Any], order: int, **params: Any
    ) -> tuple[Sequence[Any], list[Any]]:
        run = lambda xs: self.decompose(*xs, **params)
        return push_series(self.called, run, primals, terms, order)[:2]


def plain_loops(jaxpr: Jaxpr) -> Jaxpr:
    """A program whose loops keep no states.

    Reverse mode of reverse mode needs all steps; so it adds cotangents as of plain loops.
    """
    if "plain loops" not in jaxpr.memo:
        held = on_programs(jaxpr, plain_loops)
        eqns = [e.prim.plain_eqn(e) if isinstance(e.prim, Checkpointed) else e for e in held.eqns]
        same = all(a is b for a, b in zip(eqns, jaxpr.eqns, strict=True))
        found = Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)
        jaxpr.memo["plain loops"] = None if same else found  # itself would be a reference cycle
    return jaxpr.memo["plain loops"] or jaxpr


def part_of(jaxpr: Jaxpr, invars: Sequence[Var], outvars: Sequence[Any]) -> Jaxpr:
    """The part of a program that computes ``outvars``."""
    return Jaxpr(tuple(invars), (), tuple(live(jaxpr.eqns, outvars)), tuple(outvars))


def reads(jaxpr: Jaxpr) -> set[Any]:
    return {a for eqn in jaxpr.eqns for a in eqn.ins}.union(jaxpr.outvars)


def divided(
    known: Jaxpr, back: Jaxpr, n: int, k: int, more: int
) -> tuple[Jaxpr, Jaxpr, list[int], list[int]]:
    """The step forward and the step back of a loop, on the states that these read.

    A carried value that no step changes is a constant; one that only outputs need is left out.

    Args:
        known: the step ``consts, carry, xs -> carry, ...``.
        back: its derivative ``others, consts, carry, xs, ... -> ...``.
        n: the number of constants.
        k: the number of carried values.
        more: the number of others.

    Returns:
        ``others, consts, fixed, state, xs -> state``, the step back with operands of this order,
        and which carried values are fixed, and which are states.
    """
    fixed = [i for i in range(k) if known.outvars[i] is known.invars[n + i]]
    moving = [i not in fixed for i in range(k)]

    def read(jaxpr: Jaxpr, outvars: Sequence[Any], first: int) -> list[bool]:
        asked = reads(part_of(jaxpr, jaxpr.invars, outvars))
        carry = jaxpr.invars[first : first + k]
        return [v in asked and m for v, m in zip(carry, moving, strict=True)]

    flags = fixed_point(
        read(back, back.outvars, more + n),
        lambda flags: read(known, compress(known.outvars[:k], flags), n),
    )
    state = [i for i in range(k) if flags[i]]
    order = [*fixed, *state]
    known = without_effects(known)  # they were there in the forward pass
    given, carry, xs = split_list(known.invars, n, k)
    others = [Var(v.aval) for v in back.invars[:more]]
    ins = [*others, *given, *(carry[i] for i in order), *xs]
    up = part_of(known, ins, [known.outvars[i] for i in state])
    others, given, carry, rest = split_list(back.invars, more, n, k)
    ins = [*others, *given, *(carry[i] for i in order), *rest]
    return up, part_of(back, ins, back.outvars), fixed, state
