"""Marks in a program where a linear map of tangents or cotangents begins and ends.

They are written only where a structural zero may meet a factor that is not finite between them.
``finite_checks.py`` replaces them by checks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, is_inexact, shape_of
from ..core.companions import Codegen, Masking, inlined
from ..core.jaxpr import Eqn, Jaxpr, NotFiniteError, Var, programs_in
from ..core.trace import Primitive
from ..ops.dependences import Keeping
from ..ops.paths import Gaps, Masked, are_finite
from ..ops.structure import Batched, batch_at_front, strip_weak_type


class Tag(NamedTuple):
    """The number of a map, shared by its seeds and results, and whether a seed is variable."""

    number: int
    variable: bool

    @property
    def traces(self) -> int:
        """How many traces the map runs under, see ``traces_for``."""
        return 1 + self.variable

    def __repr__(self) -> str:
        return str(self.number)


class Mark(Primitive, Masking, Codegen, Keeping):
    """The identity, with a mark."""

    is_view = True

    @override
    def infer(self, x: Aval, **params: Any) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

    def decompose(self, x: Any, *others: Any, **params: Any) -> Any:
        return (strip_weak_type(x),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        return tangents[:1]

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        return (*cts, *[None] * (len(ins) - 1))

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return True

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        return self.bind(*args, **params), axes[:1]

    def on_paths(self, args: Any, live: Any, **params: Any) -> Masked:
        return self.bind(*args, **params), live[:1]

    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        return gaps[:1], False


class Start(Primitive):
    """Where a map begins: its token ties constant seeds to the program of its operands.

    So a program that is traced again, or batched, keeps them.
    """

    differentiable = False

    @override
    def run(self, *xs: Any) -> tuple[Any, ...]:
        return (True,)

    def decompose(self, *xs: Any) -> Any:
        return (np.ones((), bool),)

    @override
    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return (Aval((), np.dtype(bool)),)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return True  # the token carries nothing

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        return self.bind(*args), (None,)


class Seed(Mark):
    """An input of a map; ``variable``, if another derivative may be taken with respect to it.

    A constant takes the token of the start.
    """

    is_view = False

    @override
    def infer(self, x: Aval, *token: Aval, **params: Any) -> tuple[Aval, ...]:
        return super().infer(x)

    @override
    def run(self, x: Any, *token: Any, tag: Tag, variable: bool) -> tuple[Any, ...]:
        return (x,)


class Settle(Mark):
    """A result of a map; ``fallback`` makes the program that runs where it is not finite."""

    @override
    def run(self, x: Any, *, tag: Tag, fallback: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            finite = are_finite((x,))
        if not finite:
            raise NotFiniteError(fallback)
        return (x,)


class Live(Primitive):
    """The masks of a value within a map, one for each trace of the map; all set without masks.

    Where partial evaluation splits a map, they are residuals.
    """

    differentiable = False

    @override
    def run(self, x: Any, *, tag: Tag) -> tuple[Any, ...]:
        return (np.ones(np.shape(x), bool),) * tag.traces

    def decompose(self, x: Any, *, tag: Tag) -> Any:
        return (np.ones(shape_of(x), bool),) * tag.traces

    @override
    def infer(self, x: Aval, *, tag: Tag) -> tuple[Aval, ...]:
        return (Aval(x.shape, np.dtype(bool)),) * tag.traces

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return True  # a mask carries nothing

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, tag: Tag) -> Batched:
        return self.bind(*args, tag=tag), axes * tag.traces


class Resume(Mark):
    """A value of a map that began in the known half of a program, with its masks."""

    is_view = False

    @override
    def infer(self, x: Aval, *masks: Aval, tag: Tag) -> tuple[Aval, ...]:
        return super().infer(x)

    @override
    def run(self, x: Any, *masks: Any, tag: Tag) -> tuple[Any, ...]:
        return (x,)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, tag: Tag) -> Batched:
        args = [batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)]
        return self.bind(*args, tag=tag), [0]


start_p = Start("start")
seed_p = Seed("seed")
settle_p = Settle("settle")
live_p = Live("live")
resume_p = Resume("resume")

BEGINS = frozenset({seed_p, resume_p})
MARKS = frozenset({seed_p, settle_p, live_p, resume_p})


def programs_of(eqn: Eqn) -> Sequence[Jaxpr]:
    """The programs that an equation holds, or the one that it calls."""
    program = inlined(eqn.prim, eqn.params)
    return programs_in(eqn.params) if program is None else [program]


def has_marks(jaxpr: Jaxpr) -> bool:
    """Whether a program, or one that it holds, has marks."""
    found = jaxpr.memo.get("marks")
    if found is None:
        inner = (p for eqn in jaxpr.eqns for p in programs_of(eqn))
        found = any(eqn.prim in MARKS for eqn in jaxpr.eqns) or any(map(has_marks, inner))
        jaxpr.memo["marks"] = found
    return found


def may_mark(jaxpr: Jaxpr) -> bool:
    """Whether a program or its derivatives may have marks: custom rules may add some."""
    found = jaxpr.memo.get("may mark")
    if found is None:
        inner = (p for eqn in jaxpr.eqns for p in programs_in(eqn.params))
        found = any(eqn.prim in MARKS or eqn.prim.holds.is_open for eqn in jaxpr.eqns)
        found = jaxpr.memo["may mark"] = found or any(map(may_mark, inner))
    return found


def is_masked(jaxpr: Jaxpr) -> bool:
    """Whether the maps in a program, and in its derivatives, run with masks."""
    return "masked" in jaxpr.memo


Members = dict[Tag, set[Var]]


def maps_in(eqns: Sequence[Eqn], found: Members | None = None) -> Members:
    """The values of each map that begins in these equations, without its results.

    ``found`` are those of maps that began before; further values are added.
    """
    found = {} if found is None else found
    for eqn in eqns:
        for program in programs_of(eqn) if eqn.prim.holds.inline is not None else ():
            if has_marks(program):
                _pass(found, eqn.ins, program.invars)
                _pass(maps_in(program.eqns, found), program.outvars, eqn.outs)
        if eqn.prim in BEGINS:
            found.setdefault(eqn.params["tag"], set()).update(eqn.outs)
        ends = eqn.params["tag"] if eqn.prim is settle_p else None
        for tag, members in found.items():
            if tag != ends and eqn.prim.differentiable and not members.isdisjoint(eqn.ins):
                members.update(v for v in eqn.outs if is_inexact(v.aval.dtype))
    return found


def _pass(found: Members, atoms: Sequence[Any], variables: Sequence[Var]) -> None:
    """Add variables to the maps of the atoms that they stand for."""
    pairs = list(zip(atoms, variables, strict=True))
    for members in found.values():
        members.update(v for a, v in pairs if a in members)
