"""Operations on the tape whose outputs come with their pullback."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from ..core.avals import dtype_of, is_inexact
from ..core.buffers import settled
from ..core.ownership import copied
from ..core.registry import overrides
from ..core.trace import Primitive, Tracer
from .arguments import check_closed
from .lines import Located
from .owned_arrays import kept
from .reverse import Tape, TapeTracer, WrittenTracer
from .seeds import params_for_trace
from .snapshots import OUTPUT, is_shared
from .staging import staged_in
from .tape_writes import Read, read


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


def process_joint(tape: Tape, prim: Primitive, args: tuple, params: dict) -> Sequence[Any] | None:
    """Process what gives its outputs and their pullback together, or reads elements.

    Where a function that the primitive holds closes over tracers of this tape, the outputs
    depend on it also by themselves: their own numbers then take part of the cotangents.
    """
    if prim.joint.value_and_vjp is None:
        return read(tape, prim, args, params) if prim.joint.is_read else None
    tape.smooth = False
    params = params_for_trace(tape, params)
    values, ins = joint_operands(tape, prim, args, params)
    outs, pull = prim.joint.value_and_vjp(values, ins, **params)
    pairs = [tape.split(y) for y in outs]
    own = [number for _, number in pairs]
    check_closed(prim, own, outs, tape)
    first = tape.count
    tape.count = first + len(pairs)
    results = [y for y, _ in pairs]
    # a rule may close over values of transforms around, of which its operands tell nothing
    tape.nested = tape.nested or any(isinstance(y, Tracer) for y in results)
    if prim.holds.runs_users:
        results = [tape.kept().take(y, prim, OUTPUT) for y in results]
    joint = Joint(pull, own)
    if prim.joint.reads_uses:
        tape.uses = tape.uses or Uses(tape.records)
        joint = Watching(pull, tape.uses, first)
    x = staged_in(results[0]) if results and tape.nested and not prim.holds.runs_users else None
    record = joint if x is None else Located(x._line, joint, joint.vjp)
    tape.records.append((record, (*ins, *own), first, (), results, None))
    tracked = [n is not None or is_inexact(dtype_of(y)) for y, n in pairs]
    # the pullback may read an integer output again, which the user gets as an array
    tracers = [
        TapeTracer(tape, y, first + i) if t else copied(y)
        for i, (y, t) in enumerate(zip(results, tracked, strict=True))
    ]
    shared = list(filter(is_shared, values))
    return tape.sharing(tracers, shared) if shared else tracers


overrides["process_joint"] = process_joint


def joint_operands(
    tape: Tape, prim: Primitive, args: tuple, params: dict
) -> tuple[list[Any], list[int | None]]:
    """Return the values of operands, copied or watched as above, and their numbers."""
    values, ins = map(list, zip(*map(tape.split, args), strict=True))
    again = range(len(args))
    if prim.joint.residual_operands is not None and any(map(is_shared, values)):
        again = prim.joint.residual_operands(ins, **params)
    for k, x in enumerate(args):
        if ins[k] is None and isinstance(x, Tracer):
            values[k] = settled(x)
            tape.nested = True
        if type(x) is WrittenTracer and x._trace is tape:
            values[k] = kept(x.value)
        elif prim.holds.runs_users:
            values[k] = tape.kept().take_for_user(values[k], prim, k)
        elif k in again and not (type(x) is TapeTracer and x._trace is tape):
            values[k] = tape.kept().take(values[k], prim, k)
    return values, ins
