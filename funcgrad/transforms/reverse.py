"""Reverse mode: a tape of operations, and the walk back over it.

The tape holds what the walk reads, in a flat list whose entries name values by number, so that
neither the walk nor the freeing of a long tape recurses.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from typing_extensions import override

from ..core.buffers import Buffer, returned, settled
from ..core.companions import NO_JOINT_RULES
from ..core.floating import without_warnings
from ..core.memory import Steps, is_walked, lend
from ..core.registry import overrides
from ..core.trace import MARK, ConcreteTracer, Primitive, Trace, Tracer, running
from ..ops.index import Index
from .arguments import check_alive
from .lines import Located, line_of
from .owned_arrays import can_follow, keep_strides, kept
from .snapshots import SMALL, TINY, Snapshots, aliases, as_ndarray, is_shared
from .staging import StagingTracer
from .untraced import unchanged

_NUMBERS = frozenset({bool, int, float, complex, np.float32, np.float64})  # nearly all constants

_OBJECTS = np.dtype(object)

_BOTH = frozenset({0, 1})  # operands

# One operation: the primitive, the numbers of its inputs (None for a constant) and of its first
# output, the values that went in and came out, the parameters.
Record: TypeAlias = tuple[Any, Sequence[Any], int, Sequence[Any], Sequence[Any], dict | None]


class TapeTracer(ConcreteTracer):
    """A value, and its number on the tape."""

    __slots__ = ()
    number = MARK  # an int; None while an operation is processed of which it is a constant

    def __init__(self, trace: Trace, value: Any, number: Any) -> None:
        self._trace = trace
        self.value = value
        self._mark = number
        self._memory = None


class SharedTracer(TapeTracer):
    """A value in the memory of an argument, to which the user can write."""

    __slots__ = ()


class WrittenTracer(TapeTracer):
    """A value in an array of the tape, to which the function writes in place."""

    __slots__ = ()

    @override
    def _detach(self) -> None:
        self.value = kept(self.value)
        self.__class__ = TapeTracer  # type: ignore[assignment]


class Tape(Trace):
    """Run each operation one level down, and write down what its derivative will need."""

    writes_in_place = True

    __slots__ = (
        "lasting",
        "limit",
        "nested",
        "records",
        "smooth",
        "snapshots",
        "uses",
        "walking",
    )

    def __init__(self, origin: object, lasting: bool = False, masked: bool = False) -> None:
        super().__init__(origin, masked)
        self.records: list[Record] = []
        self.walking = 0  # how many walks back are under way
        self.lasting = lasting  # whether the tape outlives the function's run
        self.limit = math.inf if lasting else SMALL  # bytes, up to which arrays are copied
        self.snapshots: Snapshots | None = None  # of the user's arrays, if there are any
        self.smooth = True  # whether no operation on it may leave elements out of a derivative
        self.nested = False  # whether a value on the tape may be a tracer of an outer trace
        self.uses: Any = None  # a joint.Uses, if a pullback asks for it

    @override
    def shared(self, x: Any) -> Any:
        return x.value if type(x) is SharedTracer else None

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> Any:
        # for a tape within, whose way back reads the array later than this tape would
        return type(x)(self, change(x.value), x.number) if type(x) is SharedTracer else x

    def input(self, value: Any) -> TapeTracer:
        number = self.count
        self.count = number + 1
        if type(value) in _NUMBERS:
            return TapeTracer(self, value, number)
        if type(value) is np.ndarray and value.nbytes <= SMALL:
            x = TapeTracer(self, value.copy("K"), number)
            return x if value.flags.forc else keep_strides(x, value)
        given = value
        if isinstance(value, Tracer):
            value = settled(value)
            self.nested = self.nested or isinstance(value, Tracer)
            if type(value) is StagingTracer:  # it wraps no array
                return TapeTracer(self, value, number)
        if is_shared(value):
            return SharedTracer(self, as_ndarray(value), number)
        copy = self.kept().take(value)
        copy = keep_strides(copy, given) if isinstance(copy, Tracer) else copy
        return TapeTracer(self, copy, number)

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        values: Sequence[Any]
        ins: Sequence[int | None]
        joint = prim.joint is not NO_JOINT_RULES
        if joint and (found := overrides["process_joint"](self, prim, args, params)) is not None:
            return found
        if len(args) == 2:  # ``operands`` written out, because nearly all calls come here
            (a, b), i, j = args, None, None
            if type(a) is TapeTracer and a._trace is self:
                i, a = a.number, a.value
            elif type(a) not in _NUMBERS:
                limit = self.limit if type(b) is TapeTracer else TINY
                if type(a) is not np.ndarray or a.nbytes > limit or a.dtype is _OBJECTS:
                    return self.process_resolved(prim, args, params)
                a = a.copy("K") if a.nbytes <= TINY else self.constant(a, prim, params)
            if type(b) is TapeTracer and b._trace is self:
                j, b = b.number, b.value
            elif type(b) not in _NUMBERS:
                if type(b) is not np.ndarray or b.nbytes > self.limit or b.dtype is _OBJECTS:
                    return self.process_resolved(prim, args, params)
                b = b.copy("K") if b.nbytes <= TINY else self.constant(b, prim, params)
            values, ins = (a, b), (i, j)
        elif len(args) == 1 and type(args[0]) is TapeTracer:
            values, ins = (args[0].value,), (args[0].number,)  # it is mine, or I were not asked
        else:
            values, ins = self.operands(args)
            if len(values) < len(args):
                return self.process_resolved(prim, args, params)
        run = prim.bind if self.nested else prim.run
        results = run(*values, **params) if params else run(*values)
        if not prim.differentiable:
            return results
        self.smooth &= prim.masking.is_smooth
        first, self.count = self.count, self.count + len(results)
        if self.nested and (line := line_of(results[0])):
            prim = cast(Primitive, Located(line, prim, prim.vjp))
        self.records.append((prim, ins, first, values, results, params or None))
        if len(results) == 1:
            return (TapeTracer(self, results[0], first),)
        return [TapeTracer(self, y, first + i) for i, y in enumerate(results)]

    @override
    def write(
        self, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Index
    ) -> Callable[[], None] | None:
        return overrides["tape_writer"](self, x, steps, value, arrays, index)

    @override
    def reread(self, x: Any, steps: Steps) -> Any:
        again = type(x) is WrittenTracer and can_follow(steps)
        return overrides["read_again"](self, x, steps) if again else super().reread(x, steps)

    def operands(self, args: tuple) -> tuple[list[Any], list[int | None]]:
        """Return the values and numbers of operands, up to the first that is not as most are."""
        values: list[Any] = []
        ins: list[int | None] = []
        for x in args:
            number = None
            if type(x) is TapeTracer and x._trace is self:
                x, number = x.value, x.number
            elif type(x) not in _NUMBERS:
                if type(x) is not np.ndarray or x.nbytes > TINY or x.dtype is _OBJECTS:
                    break
                x = x.copy("K")
            values.append(x)
            ins.append(number)
        return values, ins

    def constant(self, x: np.ndarray, prim: Primitive, params: dict) -> np.ndarray:
        """Return what to record of one operand of two that is no tracer: most often a copy."""
        return x if prim.is_linear(_BOTH, **params) else self.kept().take(x, prim)

    def process_resolved(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        """Process an operation on operands of all kinds."""
        resolved, shared = self.resolved(prim, args, params)
        outs = self.process(prim, tuple(resolved), params)
        return self.sharing(outs, shared) if shared else outs

    def resolved(
        self, prim: Primitive, args: tuple, params: dict
    ) -> tuple[list[TapeTracer], list[Any]]:
        """Return all operands as tracers, constants without a number, and the values shared.

        What the derivative will read of the user's arrays is copied or watched.
        """
        pairs = [self.split(x) for x in args]
        needs = [k for k, (_, number) in enumerate(pairs) if number is not None]
        found: list[Any] = []
        shared: list[Any] = []
        for k, (x, (value, number)) in enumerate(zip(args, pairs, strict=True)):
            if type(x) is WrittenTracer and number is not None:
                if prim.is_linear(frozenset(needs), **params):
                    shared.append(x)
                else:
                    value = kept(value)
                x = TapeTracer(self, value, number)
            elif type(x) is not TapeTracer or number is None:
                if isinstance(value, Tracer):
                    value = settled(value)
                large = False
                if type(value) is np.ndarray and value.dtype is not _OBJECTS:  # nearly always
                    large = value.nbytes > TINY
                elif type(value) not in _NUMBERS:
                    self.nested = self.nested or isinstance(value, Tracer)
                    value, large = as_ndarray(value), is_shared(value)
                if large:
                    shared.append(value)
                # where the operation is linear here too, no derivative reads the value
                if not (large and prim.is_linear(frozenset((*needs, k)), **params)):
                    value = self.kept().take(value, prim, k)
                x = TapeTracer(self, value, number)
            found.append(x)
        return found, shared

    def kept(self) -> Snapshots:
        if self.snapshots is None:
            self.snapshots = Snapshots(self.origin, self.limit)
        return self.snapshots

    def check(self) -> None:
        """Raise if an array of the user's is not what it was when it was recorded."""
        if self.snapshots is not None:
            self.snapshots.check()

    def sharing(self, outs: Sequence[Any], shared: Sequence[Any]) -> list[Any]:
        """Return outputs of which those that view memory that is written are known to do so."""
        return [self.sharer(y, shared) if type(y) is TapeTracer else y for y in outs]

    def sharer(self, y: TapeTracer, shared: Sequence[Any]) -> Any:
        for x in shared:
            if type(x) is not WrittenTracer:
                if aliases(y.value, x):
                    return SharedTracer(self, y.value, y.number)
            elif aliases(y.value, x.value):
                return lend(WrittenTracer(self, y.value, y.number), x)
        return y

    @override
    def late(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        """On the walk back, what a rule closes over is its value one level down."""
        values = [x.value if self.owns(x) else x for x in args]
        if not any(is_walked(x.value) for x in args if self.owns(x)):  # by a tape around
            self.alive(args)
        return prim.bind(*values, **params)

    def owns(self, x: Any) -> bool:
        return isinstance(x, TapeTracer) and x._trace is self

    @override
    def alive(self, args: Sequence[Any]) -> None:
        if not self.walking:
            super().alive(args)

    def pull(
        self, numbers: Sequence[int | None], cts: Sequence[Any], inputs: Sequence[int | None]
    ) -> list[Any]:
        """Walk back over the tape from the cotangents of its outputs to those of its inputs.

        Both are named by their numbers; where that is None, no cotangent comes or goes. What is
        recorded is dropped on the way where nobody will walk it again.
        """
        found: dict[Any, Any] = {}
        if self.uses is not None:
            self.uses.results = numbers
        for number, ct in zip(numbers, cts, strict=True):
            if number is not None and ct is not None:
                deposit(found, number, ct)
        self.walking += 1
        try:
            backward(self.records, found, drop=self.smooth and not self.lasting)
        except Exception:
            self.check()  # an index, say, that was in range when it was recorded
            raise
        finally:
            self.walking -= 1
        self.check()  # at the end, so that writes by rules of the user's are seen too
        return [None if i is None else found.get(i) for i in inputs]

    @override
    def position(self, x: Any) -> int:
        return x.number + 1

    def split(self, x: Any) -> tuple[Any, int | None]:
        """Return a value one level down and its number, None for a constant."""
        if isinstance(x, TapeTracer) and x._trace is self:
            return x.value, x.number
        return (settled(x) if isinstance(check_alive(x), Buffer) else x), None

    def output(self, x: Any) -> tuple[Any, int | None]:
        """Return the value of an output and its number; a constant is an array of its own."""
        return self.split(x if isinstance(x, TapeTracer) else returned(x))


def backward(records: list[Record], cts: dict[int, Any], drop: bool = False) -> None:
    """Walk back over the records, replacing cotangents of outputs by those of inputs.

    ``drop``, if each record, and with it the values that only it needs, may go when it is done.
    """
    own: set[int] = set()  # values whose cotangents are arrays of this walk
    records = records if drop else list(records)
    while records:
        prim, ins, first, in_values, out_values, params = records.pop()
        ct = cts.pop(first, None)
        if len(out_values) == 1:
            if ct is None:
                continue
            got = (ct,)
        elif not out_values:  # a read or a write
            if ct is not None:
                prim.back(cts, own, ct, (ins, first, in_values), params)
            continue
        else:
            got = (ct, *(cts.pop(first + i, None) for i in range(1, len(out_values))))
            if all(ct is None for ct in got):
                continue
        # zip without strict, because this is the library's inner loop
        for number, ct in zip(
            ins,
            prim.vjp(got, ins, out_values, in_values)
            if params is None
            else prim.vjp(got, ins, out_values, in_values, **params),
        ):
            if ct is None:
                continue
            before = cts.get(number)
            if before is None:
                cts[number] = ct
            elif number in own and type(before) is type(ct) is np.ndarray:
                np.add(before, ct, before)
            else:
                cts[number] = prim.add(before, ct) if type(prim) is Located else before + ct
                # a large sum may reuse memory that has just become free
                if type(ct) is np.ndarray and ct.nbytes <= SMALL:
                    own.add(number)


def deposit(cts: dict[int, Any], number: int, ct: Any) -> None:
    """Add a cotangent to those of one value."""
    cts[number] = cts[number] + ct if number in cts else ct


def value_and_vjp(
    origin: object,
    fun: Callable[..., Any],
    ins: Sequence[Any],
    needs: Sequence[Any],
    masked: bool = False,
    hand: Callable[[Any], Any] = unchanged,
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
    """Run ``fun`` on leaves, of which those with needs not None are to get cotangents.

    ``hand`` gives it the others. Returns its outputs, and the map from their cotangents to those of
    the leaves; in both a cotangent of None is zero.
    """
    tape = Tape(origin, lasting=True, masked=masked)
    before = running.get()
    try:
        running.set(tape)
        inputs = [hand(x) if n is None else tape.input(x) for x, n in zip(ins, needs, strict=True)]
        wanted = [
            None if n is None else tape.split(x)[1] for x, n in zip(inputs, needs, strict=True)
        ]
        pairs = [tape.output(y) for y in fun(*inputs)]
    finally:
        running.set(before)
        tape.dead = True

    def pull(cts: Sequence[Any]) -> list[Any]:
        # the function has its warnings, its derivative none
        return without_warnings(tape.pull, [number for _, number in pairs], cts, wanted)  # type: ignore[no-any-return]

    return [y for y, _ in pairs], pull
