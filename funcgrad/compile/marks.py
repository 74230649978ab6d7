"""Where in a program a linear map of tangents or cotangents begins and ends.

They stand in a program only where an element on no path may meet a factor that is not finite
between them; ``guard.py`` makes of them the places where the compiled program looks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.jaxpr import Jaxpr, NotFiniteError, programs_in
from ..core.trace import Primitive
from ..ops.paths import Gaps, Masked, is_finite
from ..ops.structure import Batched


class Tag(NamedTuple):
    """Which seeds and results belong to one map, and whether a seed of it is variable."""

    number: int
    variable: bool

    def __repr__(self) -> str:
        return str(self.number)


class Mark(Primitive):
    """The identity."""

    is_view = True

    @override
    def infer(self, x: Aval, **params: Any) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

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
    """Where a map begins: what takes the token stands in each program in which the operands do.

    So a program that is traced again, or mapped, keeps the seeds that are constants.
    """

    differentiable = False

    @override
    def run(self, *xs: Any) -> tuple[Any, ...]:
        return (True,)

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
    """What a map starts from; ``variable``, if another derivative may be taken by it.

    A constant has the token of the start beside it.
    """

    is_view = False

    @override
    def infer(self, x: Aval, *token: Aval, **params: Any) -> tuple[Aval, ...]:
        return super().infer(x)

    @override
    def run(self, x: Any, *token: Any, tag: Tag, variable: bool) -> tuple[Any, ...]:
        return (x,)


class Settle(Mark):
    """A result of a map; ``fallback`` gives the program to run where it is not finite."""

    @override
    def run(self, x: Any, *, tag: Tag, fallback: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            finite = is_finite(x)
        if not finite:
            raise NotFiniteError(fallback)
        return (x,)


start_p = Start("start")
seed_p = Seed("seed")
settle_p = Settle("settle")


def has_marks(jaxpr: Jaxpr) -> bool:
    """Return whether a program, or one that it holds, has marks."""
    found = jaxpr.memo.get("marks")
    if found is None:
        inner = (p for eqn in jaxpr.eqns for p in programs_in(eqn.params))
        found = any(eqn.prim in (seed_p, settle_p) for eqn in jaxpr.eqns) or any(
            map(has_marks, inner)
        )
        jaxpr.memo["marks"] = found
    return found
