"""Reverse mode: a tape of equations, and one walk back over it.

The tape holds what the walk reads, in a flat list whose entries name values by number, so that
neither the walk nor the freeing of a long tape recurses.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from typing_extensions import override

from ..compile.common import dce
from ..core import tree
from ..core.avals import aval_of, dtype_of, is_inexact
from ..core.errors import MissingRuleError
from ..core.floating import quietly
from ..core.jaxpr import ClosedJaxpr, Eqn, Literal, Var
from ..core.trace import ConcreteTracer, Primitive, Trace, Tracer
from ..ops.structure import zeros
from .arguments import (
    check_alive,
    check_closed,
)
from .lines import Located, line_of
from .nans import beside
from .seeds import heeding_masks, over_paths
from .staging import stage

_NUMBERS = frozenset({bool, int, float, complex, np.float32, np.float64})  # nearly all constants

# One operation: the primitive, the numbers of its inputs (None for a constant) and of its first
# output, the values that went in and came out, the parameters.
Record: TypeAlias = tuple[Primitive, Sequence[Any], int, Sequence[Any], Sequence[Any], dict | None]


class TapeTracer(ConcreteTracer):
    """A value, and its number on the tape."""

    __slots__ = ("number",)
    number: int

    def __init__(self, trace: "Tape", value: Any, number: int) -> None:
        self._trace = trace
        self.value = value
        self.number = number


class Tape(Trace):
    """Run each operation one level down, and write down what its derivative will need."""

    __slots__ = ("count", "lasting", "nested", "records", "walking")

    def __init__(self, origin: object, lasting: bool = False, masked: bool = False) -> None:
        super().__init__(origin, masked)
        self.records: list[Record] = []
        self.count = 0
        self.walking = 0  # how many walks back are under way
        self.lasting = lasting  # whether the tape outlives the function's run
        self.nested = False  # whether a value on the tape may be a tracer of an outer trace

    def input(self, value: Any) -> TapeTracer:
        if isinstance(value, Tracer):
            self.nested = True
        number = self.count
        self.count = number + 1
        return TapeTracer(self, value, number)

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        values: tuple[Any, ...]
        ins: tuple[int | None, ...]
        if prim.pull is not None:
            return self.process_joint(prim, args, params)
        if len(args) == 1:
            values, ins = (args[0].value,), (args[0].number,)  # it is mine, or I were not asked
        elif len(args) == 2:  # the loop below written out, because nearly all calls come here
            a, b = args
            i = j = None
            if type(a) is TapeTracer and a._trace is self:
                i, a = a.number, a.value
            elif type(a) not in _NUMBERS:
                self.hold(a)
            if type(b) is TapeTracer and b._trace is self:
                j, b = b.number, b.value
            elif type(b) not in _NUMBERS:
                self.hold(b)
            values, ins = (a, b), (i, j)
        else:
            values, ins = zip(*map(self.split, args), strict=True)
            for x, number in zip(values, ins, strict=True):
                if number is None:
                    self.hold(x)
        run = prim.bind if self.nested else prim.run
        results = run(*values, **params) if params else run(*values)
        if not prim.differentiable:
            return results
        first = self.count
        self.count = first + len(results)
        if self.nested and (line := line_of(results[0])):
            prim = Located(line, _rule(prim))
        self.records.append((prim, ins, first, values, results, params or None))
        if len(results) == 1:
            return (TapeTracer(self, results[0], first),)
        return [TapeTracer(self, y, first + i) for i, y in enumerate(results)]

    def process_joint(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        """Process what gives its outputs and their pullback together.

        Where a function that the primitive holds closes over tracers of this tape, the outputs
        depend on it also by themselves: their own numbers then take part of the cotangents.
        """
        params = heeding_masks(self, params)
        values, ins = [], []
        for x in args:
            value, number = self.split(x)
            if number is None:
                self.hold(value)
                value = value.copy() if self.lasting and type(value) is np.ndarray else value
            values.append(value)
            ins.append(number)
        outs, pull = prim.pull(values, ins, **params)
        pairs = [self.split(y) for y in outs]
        own = [number for _, number in pairs]
        check_closed(prim, own, outs, self)
        first = self.count
        self.count = first + len(pairs)
        results = [y for y, _ in pairs]
        self.records.append((_Joint(pull, own), (*ins, *own), first, (), results, None))
        tracked = [n is not None or is_inexact(dtype_of(y)) for y, n in pairs]
        return [
            TapeTracer(self, y, first + i) if t else y
            for i, (y, t) in enumerate(zip(results, tracked, strict=True))
        ]

    @override
    def late(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        """On the walk back, what a rule closes over is its value one level down."""
        self.alive()
        return prim.bind(*(self.split(x)[0] for x in args), **params)

    @override
    def alive(self) -> None:
        if not self.walking:
            super().alive()

    def pull(
        self, numbers: Sequence[int | None], cts: Sequence[Any], inputs: Sequence[Any]
    ) -> list[Any]:
        """Walk back over the tape from the cotangents of its outputs to those of its inputs."""
        found: dict[Any, Any] = {}
        for number, ct in zip(numbers, cts, strict=True):
            if number is not None and ct is not None:
                deposit(found, number, ct)
        self.walking += 1
        try:
            backward(self.records, found)
        finally:
            self.walking -= 1
        return [
            found.get(x.number) if type(x) is TapeTracer and x._trace is self else None
            for x in inputs
        ]

    @override
    def hold(self, x: Any) -> None:
        if isinstance(x, Tracer):
            self.nested = True
        else:
            super().hold(x)

    def copy_held(self) -> None:
        """Replace the constants by copies, for a tape that is lasting."""
        copies = {id(x): x.copy() for x in self.held}
        self.records = [
            (prim, ins, first, tuple(copies.get(id(x), x) for x in values), outs, params)
            for prim, ins, first, values, outs, params in self.records
        ]

    def split(self, x: Any) -> tuple[Any, int | None]:
        """Return the value of an output and its number, None for a constant."""
        if type(x) is TapeTracer and x._trace is self:
            return x.value, x.number
        return check_alive(x), None


class Recording:
    """A function that has run on a tape, and may run again for a derivative with masks.

    Args:
        origin: whose run it is.
        fun: leaves -> (leaves of the output, what is not differentiated, a tree).
        leaves: of the arguments.
        tracked: which of them are differentiated.
        lasting: whether the way back may be walked later, and more than once.
    """

    def __init__(
        self,
        origin: object,
        fun: Callable[[list[Any]], tuple[Sequence[Any], Any]],
        leaves: Sequence[Any],
        tracked: Sequence[bool],
        lasting: bool = False,
    ) -> None:
        self.origin, self.fun, self.lasting = origin, fun, lasting
        self.leaves, self.tracked = leaves, tracked
        self.record()

    def record(self, masked: bool = False) -> None:
        self.tape = tape = Tape(self.origin, self.lasting, masked)
        rows = zip(self.leaves, self.tracked, strict=True)
        try:
            self.inputs = [tape.input(x) if t else x for x, t in rows]
            outs, rest = self.fun(self.inputs)
            pairs = [tape.split(y) for y in outs]
            self.rest = None if rest is None else tree.map(lambda x: tape.split(x)[0], rest)
            if self.lasting:
                tape.copy_held()
        finally:
            tape.dead = True
            tape.free()
        self.outs = [y for y, _ in pairs]
        self.numbers = [number for _, number in pairs]

    def pull(self, cts: Sequence[Any], masked: bool) -> list[Any]:
        if masked and self.tape.inner:
            self.record(masked)
        return self.tape.pull(self.numbers, cts, self.inputs)

    def pulled(self, cts: Sequence[Any]) -> Sequence[Any]:
        """Return the cotangents of the leaves, None for 0, given those of the outputs."""
        if self.tape.nested:
            cts = beside(self.leaves, cts)
        # the function has its warnings, its derivative none
        return quietly(over_paths, self.origin, cts, self.pull, self.outs)


def backward(records: Sequence[Record], cts: dict[int, Any]) -> None:
    """Walk back over the records, replacing cotangents of outputs by those of inputs."""
    for prim, ins, first, in_values, out_values, params in reversed(records):
        ct = cts.pop(first, None)
        if len(out_values) == 1:
            if ct is None:
                continue
            got = (ct,)
        else:
            got = (ct, *(cts.pop(first + i, None) for i in range(1, len(out_values))))
            if all(ct is None for ct in got):
                continue
        vjp = prim.vjp or _rule(prim)
        # zip without strict, because this is the library's inner loop
        args = (got, ins, out_values, in_values)
        for number, ct in zip(ins, vjp(*args, **params) if params else vjp(*args)):
            if ct is not None:
                before = cts.get(number)
                cts[number] = ct if before is None else before + ct


def _rule(prim: Primitive) -> Callable[..., Sequence[Any]]:
    return prim.vjp or functools.partial(_vjp_by_transposition, prim)


class _Joint:
    """Stands on the tape for an operation that brought its pullback along."""

    __slots__ = ("own", "pull")

    def __init__(self, pull: Callable[..., Any], own: Sequence[int | None]) -> None:
        self.pull, self.own = pull, own

    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        passed = [None if n is None else ct for n, ct in zip(self.own, cts, strict=True)]
        pairs = zip(self.pull(cts), needs, strict=False)  # what is passed has no place in the pull
        return (*(ct if need is not None else None for ct, need in pairs), *passed)


def deposit(cts: dict[int, Any], number: int, ct: Any) -> None:
    """Add a cotangent to those of one value."""
    cts[number] = cts[number] + ct if number in cts else ct


# transposition: the same walk over a staged linear program


def _vjp_by_transposition(
    prim: Primitive, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any
) -> Sequence[Any]:
    """Return the cotangents of a primitive that has only a ``jvp``: stage that, transpose it."""
    wanted = [i for i, need in enumerate(needs) if need is not None]

    def tangents_out(tangents: list[Any]) -> Any:
        given = dict(zip(wanted, tangents, strict=True))
        all_tangents = [given.get(i) for i in range(len(ins))]
        ts = prim.jvp(ins, all_tangents, outs, **params)
        return [zeros(y) if t is None else t for y, t in zip(outs, ts, strict=True)]

    avals = [aval_of(ins[i]) for i in wanted]
    closed, _ = stage(f"the derivative of {prim}", tangents_out, avals, lasting=False)
    results = transpose_program(closed, cts, lines=False)
    return [dict(zip(wanted, results, strict=True)).get(i) for i in range(len(ins))]


def transpose_program(closed: ClosedJaxpr, cts: Sequence[Any], lines: bool = True) -> list[Any]:
    """Return the cotangents of a linear program's inputs, None where they are zero.

    ``lines``, if its equations know the user's lines.

    Raises:
        MissingRuleError: if an equation is not linear in what depends on the inputs.
    """
    jaxpr = dce(closed.jaxpr)
    consts = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    numbers = {var: i for i, var in enumerate(jaxpr.invars)}
    records: list[Record] = []
    lines = lines and any(isinstance(ct, Tracer) for ct in cts)
    for eqn in jaxpr.eqns:
        ins = [numbers.get(atom) if isinstance(atom, Var) else None for atom in eqn.ins]
        values = [a.value if isinstance(a, Literal) else consts.get(a, a.aval) for a in eqn.ins]
        if all(number is None for number in ins):
            consts.update(zip(eqn.outs, eqn.prim.bind(*values, **eqn.params), strict=True))
            continue
        _check_linear(eqn, ins)
        first = len(numbers)
        numbers.update((var, first + i) for i, var in enumerate(eqn.outs))
        prim: Any = eqn.prim
        if lines and eqn.source:
            prim = Located(eqn.source, _rule(prim))
        records.append((prim, ins, first, values, [v.aval for v in eqn.outs], eqn.params))
    by_number: dict[int, Any] = {}
    for atom, ct in zip(jaxpr.outvars, cts, strict=True):
        if ct is not None and atom in numbers:
            deposit(by_number, numbers[atom], ct)
    backward(records, by_number)
    return [by_number.get(i) for i in range(len(jaxpr.invars))]


def _check_linear(eqn: Eqn, ins: Sequence[int | None]) -> None:
    linear = frozenset(i for i, number in enumerate(ins) if number is not None)
    if not eqn.prim.is_linear(linear, **eqn.params):
        raise MissingRuleError(
            f"linear_transpose: the function is not linear: {eqn.prim} depends on its input in "
            f"{len(linear)} operand{'s' * (len(linear) > 1)}, at {eqn.line}; use vjp for a "
            f"function that is not linear"
        )
