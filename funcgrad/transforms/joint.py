"""Records on the tape for operations whose outputs came with their pullback."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from .lines import Located
from .tape_writes import Read


class Joint:
    """The pullback of a recorded operation, in place of the ``vjp`` rule of its primitive."""

    __slots__ = ("own", "pull")

    def __init__(self, pull: Callable[..., Any], own: Sequence[int | None]) -> None:
        self.pull, self.own = pull, own

    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        passed = [None if n is None else ct for n, ct in zip(self.own, cts, strict=True)]
        pairs = zip(self.pull(cts), needs, strict=False)  # passed cotangents come after these
        return (*(ct if need is not None else None for ct, need in pairs), *passed)


class Uses:
    """The operations that read each value on a tape, for pullbacks that need them."""

    __slots__ = ("__weakref__", "readers", "records", "results")

    def __init__(self, records: Sequence[Any]) -> None:
        self.records = records
        self.readers: dict[int, list[Any]] | None = None  # computed on demand
        self.results: Sequence[int | None] = ()  # the numbers of the outputs of the function

    def of(self, number: int) -> Sequence[Any] | None:
        """The operations that read a value; None for an output of the function."""
        if number in self.results:
            return None
        if self.readers is None:
            self.readers = _readers(self.records)
        return self.readers.get(number, ())


class Watching(Joint):
    """A pullback that needs the operations that read its outputs."""

    __slots__ = ("first", "uses")

    def __init__(self, pull: Callable[..., Any], uses: Uses, first: int) -> None:
        super().__init__(pull, ())
        # weak, because the tape holds both; the backward pass holds the tape
        self.uses, self.first = weakref.ref(uses), first

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        uses = self.uses()
        assert uses is not None
        return self.pull(cts, uses.of, self.first)


def _readers(records: Sequence[Any]) -> dict[int, list[Any]]:
    """For each number of a value the records of the operations that read it."""
    found: dict[int, list[Any]] = {}
    for prim, *row in records:
        if isinstance(prim, Read) and not prim.steps:
            row[-1] = {"index": row[-1]}
        record = (prim.prim if isinstance(prim, (Located, Read)) else prim, *row)
        for i in {i for i in row[0] if i is not None}:
            found.setdefault(i, []).append(record)
    return found
