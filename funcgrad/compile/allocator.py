"""Memory of one call: where in the workspace each value lies, and when its bytes are free again.

The plan is made while the source is written, in the order in which the program runs. An output
is written in place, over an operand that dies with the equation, where its primitive allows it;
else into an output of the program; else into bytes of the arena.
"""

import bisect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from ..core.avals import Aval
from ..core.jaxpr import Eqn, Jaxpr, Var
from ..ops.structure import reshape_p
from .liveness import last_reads, nbytes, overwritten
from .names import TOKEN, Globals, Names
from .text import lengths
from .values import Allocation, Value

ALIGNMENT = 64  # bytes: a cache line, and the widest vector registers


class Arena:
    """Bytes that are allocated by best fit; the free ones are kept as sorted intervals."""

    def __init__(self) -> None:
        self.free_list: list[tuple[int, int]] = []  # start, stop
        self.size = 0
        self.live = 0
        self.peak = 0  # the most bytes live at once

    def allocate(self, size: int) -> Allocation:
        """Take bytes from the smallest free interval that fits, else extend the arena."""
        rounded = _rounded(size)
        self.live += rounded
        self.peak = max(self.peak, self.live)
        fitting = [(b - a, i) for i, (a, b) in enumerate(self.free_list) if b - a >= rounded]
        if fitting:
            _, i = min(fitting)
            start, stop = self.free_list.pop(i)
            if stop - start > rounded:
                self.free_list.insert(i, (start + rounded, stop))
        else:
            at_end = bool(self.free_list) and self.free_list[-1][1] == self.size
            start = self.free_list.pop()[0] if at_end else self.size
            self.size = start + rounded
        return Allocation(start, size)

    def free(self, allocation: Allocation) -> None:
        """Free bytes, joined with the free intervals beside them."""
        assert allocation.offset is not None
        start, stop = allocation.offset, allocation.offset + _rounded(allocation.size)
        self.live -= stop - start
        i = bisect.bisect(self.free_list, (start, stop))
        if i < len(self.free_list) and self.free_list[i][0] == stop:
            stop = self.free_list.pop(i)[1]
        if i and self.free_list[i - 1][1] == start:
            i -= 1
            start = self.free_list.pop(i)[0]
        self.free_list.insert(i, (start, stop))


def _rounded(size: int) -> int:
    return max(-(-size // ALIGNMENT), 1) * ALIGNMENT


class Allocator:
    """The memory of a function under construction.

    Args:
        names: the names of its values.
        globals: the names of the module around it.
    """

    def __init__(self, names: Names, globals: Globals) -> None:
        self.names, self.globals = names, globals
        self.arena = Arena()
        self.statics: dict[str, str] = {}  # token -> the expression that makes it
        self.offsets: dict[str, tuple[int, Aval]] = {}  # token of a buffer -> where it lies
        self.constants: dict[str, str] = {}  # expression -> the token of a read-only array

    # buffers

    def buffer(self, aval: Aval, hint: str = "") -> Value:
        """Bytes of the workspace as an array."""
        allocation = self.arena.allocate(nbytes(aval))
        token = self.names.token(hint)
        self.define(token, allocation.offset or 0, aval)
        return Value(token, aval, allocation, static=True, contiguous=True)

    def define(self, token: str, start: int, aval: Aval) -> None:
        """Define a static array as bytes of the arena."""
        self.offsets[token] = start, aval
        made = f"arena[{start}:{start + nbytes(aval)}].view({self.globals.dtype(aval.dtype)})"
        flat = len(aval.shape) == 1
        self.statics[token] = made if flat else f"{made}.reshape({lengths(aval.shape)})"

    def fresh(self, aval: Aval, hint: str = "") -> Value:
        """An output outside the workspace, for which NumPy will allocate memory."""
        return Value(self.names.token(hint), aval, Allocation(), allocated=False)

    def free(self, value: Value) -> None:
        """Give the bytes of a buffer back."""
        assert value.allocation is not None
        self.arena.free(value.allocation)

    @contextmanager
    def scratch(self, *avals: Aval) -> Iterator[list[Value]]:
        """Lend buffers for the lines of one operation."""
        values = [self.buffer(aval, "work") for aval in avals]
        yield values
        for value in values:
            self.free(value)

    def retain(self, value: Value) -> None:
        """Count one more value that lies in these bytes."""
        if value.allocation is not None:
            value.allocation.references += 1

    def release(self, value: Value) -> None:
        """Count one value less; the bytes of the last one are free."""
        allocation = value.allocation
        if allocation is not None:
            allocation.references -= 1
            if allocation.references == 0 and allocation.offset is not None:
                self.arena.free(allocation)

    # static arrays

    def constant(self, expression: str, hint: str) -> str:
        """The name of an array that is made once for each workspace, and only read."""
        if expression not in self.constants:
            self.constants[expression] = token = self.names.token(hint)
            self.statics[token] = expression
        return self.constants[expression]

    def bits(self, value: Value, dtype: np.dtype) -> str:
        """The elements of an array viewed as another dtype of the same size."""
        expression = f"{value}.view({self.globals.dtype(dtype)})"
        if not value.static:
            return expression
        return self.constant(expression, f"{dtype.kind}{dtype.itemsize * 8}")

    # memory of threads

    @contextmanager
    def subarena(self) -> Iterator[tuple[Arena, list[str]]]:
        """Plan the lines of the context in an arena of their own.

        Yields the arena and the tokens of the static arrays in it, complete after the context.
        """
        outer, before = self.arena, set(self.statics)
        self.arena, tokens = Arena(), list[str]()
        yield self.arena, tokens
        self.arena = outer
        tokens += [token for token in self.statics if token not in before]

    def relocated(self, tokens: Sequence[str], offset: int, renamed: bool) -> list[str]:
        """Define static arrays at an offset of the arena: again, or, ``renamed``, beside them."""
        names = {token: self.names.token() if renamed else token for token in tokens}
        for token, name in names.items():
            if token in self.offsets:
                start, aval = self.offsets[token]
                self.define(name, start + offset, aval)
            else:
                made = TOKEN.sub(lambda m: names.get(m[0], m[0]), self.statics[token])
                self.statics[name] = made
        return list(names.values())

    def shared(self, statics: Mapping[str, str]) -> dict[str, str]:
        """Map tokens to an earlier one of the same view of the workspace, if no value names them.

        An unrolled loop needs the same bytes again and again.
        """
        found: dict[str, str] = {}
        first: dict[str, str] = {}  # expression -> token
        for token, made in statics.items():
            if token not in self.offsets and not made.startswith("\0"):
                continue  # not a view of the arena
            made = TOKEN.sub(lambda m: found.get(m[0], m[0]), made)
            if not any(self.names.hints[int(token[1:-1])]):
                other = first.setdefault(made, token)
                if other != token:
                    found[token] = other
        return found

    # where outputs lie

    def place(
        self, var: Var, eqn: Eqn, ins: Sequence[Value], dying: set[Var], targets: dict[Var, Value]
    ) -> Value:
        """Choose where an output of an equation is written.

        Args:
            var: the output, an array.
            eqn: the equation.
            ins: the values of its operands.
            dying: operands that no later equation reads.
            targets: where variables are wanted, see ``output_targets``.
        """
        hint = self.names.hint(var)
        target = targets.get(var)
        over = self.reusable(var.aval, eqn, ins, dying, target) if dying else None
        if target is not None and _is_free(target, over):
            return target
        if over is not None and over.static:
            self.names.add(over.text, hint)
            assert over.allocation is not None
            return Value(over.text, var.aval, over.allocation, static=True, contiguous=True)
        return self.buffer(var.aval, hint)

    def reusable(
        self, aval: Aval, eqn: Eqn, ins: Sequence[Value], dying: set[Var], target: Value | None
    ) -> Value | None:
        """Find an operand over which the output can be written in place.

        It dies with the equation, and lies in the workspace or in the target of the output.
        """
        wanted = None if target is None else target.allocation
        for i, (atom, value) in enumerate(zip(eqn.ins, ins, strict=True)):
            if (
                atom in dying
                and value.allocation is not None
                and (value.static or value.allocation is wanted)
                and value.contiguous
                and value.allocated
                and (value.aval.shape, value.aval.dtype) == (aval.shape, aval.dtype)
                and eqn.prim.codegen.overwrites(i)
                and self.is_unaliased(value, eqn, ins, dying)
            ):
                return value
        return None

    def is_unaliased(self, value: Value, eqn: Eqn, ins: Sequence[Value], dying: set[Var]) -> bool:
        """Whether no value that is alive after the equation, nor another operand, aliases this."""
        assert value.allocation is not None
        mine = {a for a, x in zip(eqn.ins, ins, strict=True) if x is value and a in dying}
        others = any(x.allocation is value.allocation and x is not value for x in ins)
        return value.allocation.references == len(mine) and not others

    def output_targets(
        self, jaxpr: Jaxpr, ins: Sequence[Value], targets: Sequence[Value | None]
    ) -> dict[Var, Value]:
        """Map variables to where they are wanted: in the memory of an output.

        The operand of a reshape that makes an output is written to the output's memory too.
        """
        wanted: dict[Var, Value] = {}
        makers = {var: eqn for eqn in jaxpr.eqns for var in eqn.outs}
        updated = False
        for atom, target in zip(jaxpr.outvars, targets, strict=True):
            if target is None or not isinstance(atom, Var) or atom not in makers or atom in wanted:
                continue
            wanted[atom] = target
            eqn = makers[atom]
            updated |= any(target is x for x in ins)
            inner = eqn.ins[0] if eqn.ins else None
            reshapes = eqn.prim is reshape_p
            if reshapes and inner in makers and inner not in wanted and inner not in jaxpr.outvars:
                token, memory = self.names.token(), target.allocation
                wanted[inner] = Value(token, inner.aval, memory, allocated=False, reshape_of=target)
        if updated:
            self.want_updated(jaxpr, ins, wanted)
        return wanted

    def want_updated(self, jaxpr: Jaxpr, ins: Sequence[Value], wanted: dict[Var, Value]) -> None:
        """Want the values on the way from an input to the output of its memory there too."""
        last = last_reads(jaxpr)
        positions = {v: i for i, eqn in enumerate(jaxpr.eqns) for v in eqn.outs}
        for var, target in list(wanted.items()):
            if not any(target is x for x in ins):
                continue
            at = positions[var]
            while (before := overwritten(jaxpr.eqns[at], at, last)) is not None:
                if before in wanted or before not in positions:
                    break
                wanted[before], at = target, positions[before]


def _is_free(target: Value, over: Value | None) -> bool:
    """Whether a target can be written to: a donated argument may still be read."""
    free = target.allocation is None or target.allocation.references == 0
    return free or (over is not None and over.allocation is target.allocation)
