"""Ranks: the processes along a named axis, and their exchange of arrays.

A named axis of ranks has a token, as one of ``vmap`` has. The trace of the token runs collectives:
by ``Ranks``, which gathers the values of all ranks. Subclasses have faster ways.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.axes import Axis
from ..core.errors import FuncgradError
from ..core.trace import AbstractTracer, Primitive, Trace


class RanksDifferError(FuncgradError, RuntimeError):
    """Raised on all ranks where they run different programs, or call different collectives.

    A rank that takes another branch, for example::

        if ranks.rank == 0:
            total = fg.lax.psum(x, "data")

    Let all ranks call the same collectives in the same order.
    """


class Ranks:
    """The processes along a named axis; this process is number ``rank`` of ``size``.

    A subclass defines :meth:`gathered`.
    """

    rank = 0
    size = 1

    def gathered(self, x: np.ndarray) -> np.ndarray:
        """The arrays of all ranks, which have one shape: [size, ...]."""
        return np.asarray(x)[None]

    def texts(self, text: str) -> list[str]:
        """The text of each rank."""
        return [text]

    def agree(self, text: str) -> None:
        """Raise on all ranks unless all have the same text.

        Raises:
            RanksDifferError: naming the first rank that differs from rank 0.
        """
        texts = self.texts(text)
        for rank, other in enumerate(texts):
            if other != texts[0]:
                raise RanksDifferError(
                    f"rank 0 {texts[0]}, rank {rank} {other}: let all ranks do the same"
                )

    # collectives, in terms of gathered

    def psum(self, x: np.ndarray) -> np.ndarray:
        return self.gathered(x).sum(0)

    def pmax(self, x: np.ndarray) -> np.ndarray:
        return self.gathered(x).max(0)

    def pmin(self, x: np.ndarray) -> np.ndarray:
        return self.gathered(x).min(0)

    def all_gather(self, x: np.ndarray, *, axis: int, tiled: bool) -> np.ndarray:
        rows = self.gathered(x)
        return np.concatenate(list(rows), axis) if tiled else np.moveaxis(rows, 0, axis)

    def psum_scatter(self, x: np.ndarray, *, axis: int, tiled: bool) -> np.ndarray:
        return self.parts(self.psum(x), axis, tiled)[self.rank]

    def all_to_all(self, x: np.ndarray, *, split: int, concat: int, tiled: bool) -> np.ndarray:
        rows = np.stack([self.parts(row, split, tiled)[self.rank] for row in self.gathered(x)])
        return self.joined(rows, concat, tiled)

    def ppermute(self, x: np.ndarray, *, perm: Sequence[tuple[int, int]]) -> np.ndarray:
        sources = {destination: source for source, destination in perm}
        rows = self.gathered(x)
        return rows[sources[self.rank]] if self.rank in sources else np.zeros_like(x)

    def parts(self, x: np.ndarray, axis: int, tiled: bool) -> np.ndarray:
        """The parts of an array for all ranks, along a new first axis."""
        if tiled:
            return np.stack(np.split(x, self.size, axis))
        return np.moveaxis(x, axis, 0)

    def joined(self, rows: np.ndarray, axis: int, tiled: bool) -> np.ndarray:
        return np.concatenate(list(rows), axis) if tiled else np.moveaxis(rows, 0, axis)


class RankTrace(Trace):
    """The trace of the token of an axis of ranks: it runs operations on arrays.

    Its ``label`` names the program: the same collective of another program is another one.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__("dist.spmd")
        self.ranks, self.label = ranks, ""

    @override
    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        return prim.run(*args, **params)  # the token is one of the operands

    def collective(self, name: str, x: Any, params: dict[str, Any]) -> Any:
        """Run a collective of all ranks, after they have agreed on it."""
        x = np.asarray(x, order="C")
        if self.ranks.size > 1:
            self.ranks.agree(f"called {name} of {aval_of(x)}{_told(params)}{self.label}")
        y = getattr(self.ranks, name)(_wide(x) if name in _SUMS else x, **params)
        return y if y.shape else y[()]


_SUMS = ("psum", "psum_scatter")


def _wide(x: np.ndarray) -> np.ndarray:
    """Small integers in the dtype in which NumPy adds them."""
    small = x.dtype.kind in "biu" and x.dtype.itemsize < np.intp().itemsize
    return x.astype(np.uintp if x.dtype.kind == "u" else np.intp) if small else x


def _told(params: dict[str, Any]) -> str:
    return "".join(f", {key}={value}" for key, value in params.items())


class RankToken(AbstractTracer):
    """The token of an axis of ranks."""

    __slots__ = ()
    aval = Aval((), np.dtype(int))

    def __init__(self, trace: RankTrace) -> None:
        self._trace = trace
        self._memory = None


def axis_of(ranks: Ranks) -> Axis:
    """The named axis of these ranks."""
    return Axis(ranks.size, RankToken(RankTrace(ranks)), ranks.rank)
