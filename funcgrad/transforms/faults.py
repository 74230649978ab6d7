"""What a check for nan and inf finds: the operation that made one, and how its operands came about.

An operation makes an inf where its operands are finite, and a nan where they hold none: as IEEE 754
has it for overflow, division by zero and invalid operations. An infinite operand that came as such,
a mask of -inf say, is no fault, and stays none in what is computed of it.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, is_inexact
from ..core.errors import NanError, short
from ..core.trace import Primitive, Tracer
from ..ops.families import Elementwise

_STEPS = 12  # of a chain, in a message
_serials = itertools.count()


class Step(NamedTuple):
    """An operation, or an argument, and the steps that its operands came from."""

    name: str
    line: str  # a prime at its end: on the way back of what stands there
    parents: "tuple[Step | None, ...]" = ()  # of each operand, None for a constant

    def __str__(self) -> str:
        return f"{self.name}{f' at {self.where}' if self.line else ''}"

    @property
    def where(self) -> str:
        return f"{self.line[:-1]} (on the way back)" if self.is_backward else self.line

    @property
    def is_backward(self) -> bool:
        return self.line.endswith("'")


class Statistics(NamedTuple):
    """Shape, dtype, extrema of the finite elements, and how many elements are nan and inf."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    min: Any
    max: Any
    nan: int
    inf: int

    def __str__(self) -> str:
        told = [str(aval_of(np.empty(self.shape, self.dtype)))]
        told += [f"from {self.min:.6g} to {self.max:.6g}"] if self.min is not None else []
        told += [f"{n} {what}" for n, what in ((self.nan, "nan"), (self.inf, "inf")) if n]
        return ", ".join(told)


def statistics_of(x: Any) -> Statistics:
    x = np.asarray(x)
    if not is_inexact(x.dtype):
        low, high = (x.min(), x.max()) if x.size and x.dtype.kind in "iu" else (None, None)
        return Statistics(x.shape, x.dtype, low, high, 0, 0)
    finite, nan = np.isfinite(x), np.isnan(x)
    kept = np.abs(x[finite]) if x.dtype.kind == "c" else x[finite]
    low, high = (kept.min(), kept.max()) if kept.size else (None, None)
    bad = int(np.count_nonzero(nan))
    return Statistics(x.shape, x.dtype, low, high, bad, x.size - bad - kept.size)


class Fault:
    """An operation that made a nan or inf."""

    def __init__(self, step: Step, out: Any, operands: Sequence[Any]) -> None:
        self.serial = next(_serials)
        self.step = step
        self.out, self.operands = statistics_of(out), tuple(map(statistics_of, operands))
        zero = (p for p, x in zip(step.parents, operands, strict=True) if p and not np.all(x))
        self.back = [step, *_back(next(zero, None) or _next(step))]  # by what it divides by, say

    def error(self) -> NanError:
        """Return what to raise of it."""
        step, chain = self.step, self.back
        made = " and ".join(
            f"{n} {what}" for n, what in ((self.out.nan, "nan"), (self.out.inf, "inf")) if n
        )
        size = int(np.prod(self.out.shape, dtype=int))
        rows = [f"  operand {i}: {s}" for i, s in enumerate(self.operands)]
        rows += [f"  output: {self.out}"]
        told = chain if len(chain) <= _STEPS else [*chain[: _STEPS - 2], "...", chain[-1]]
        rows += ["  back to the inputs: " + " <- ".join(map(str, told))]
        err = NanError(
            f"debug.nans: {step.name} made {made} of {size} element{'s' * (size != 1)}, at "
            f"{step.where}; keep its operands where it is finite, or leave such elements out by a "
            f"selection\n{chr(10).join(short(row, 600) for row in rows)}"
        )
        err.operation, err.line = step.name, step.line.removesuffix("'")
        err.backward, err.operands = step.is_backward, self.operands
        err.chain = tuple((s.name, s.line.removesuffix("'")) for s in chain)
        return err


def _back(step: Step | None) -> Iterator[Step]:
    """Walk from a step to an input, by the first operand that came from one."""
    while step is not None:
        yield step
        step = _next(step)


def _next(step: Step) -> Step | None:
    given = [p for p in step.parents if p is not None]
    return next((p for p in given if p.parents), given[0] if given else None)


def number(x: Any) -> Any:
    """Return the array behind a value, None where there is none."""
    while isinstance(x, Tracer):
        x = getattr(x, "value", None)
    return x


def fault_of(
    prim: Primitive, step: Step, operands: Sequence[Any], faults: Sequence[Fault | None], y: Any
) -> Fault | None:
    """Return whose nan or inf an output holds: that of an operand, or one that is made here.

    Args:
        prim: the operation.
        step: where it is.
        operands: the arrays that went in.
        faults: of each operand the fault in it.
        y: the array that came out; not all of it is finite.
    """
    bad, elementwise = ~np.isfinite(y), isinstance(prim, Elementwise)
    floats = [(x, f) for x, f in zip(operands, faults, strict=True) if is_inexact(aval_of(x).dtype)]
    taken = _taken(prim, operands)
    passed = [
        fault
        for x, fault in floats
        if fault is not None
        and (~np.isfinite(x)).any()
        and (not elementwise or (bad & ~np.isfinite(x) & taken(x)).any())
    ]
    if passed:
        return min(passed, key=lambda fault: fault.serial)
    known, missing = np.zeros((), bool), np.zeros((), bool)  # is there an inf or nan, a nan
    for x, _ in floats:
        known = known | _seen(~np.isfinite(x), elementwise)
        missing = missing | _seen(np.isnan(x), elementwise)
    if (bad & ~known).any() or (np.isnan(y) & ~missing).any():
        return Fault(step, y, operands)
    return None


def _seen(mask: Any, elementwise: bool) -> Any:
    return mask if elementwise else np.any(mask)


def _taken(prim: Primitive, operands: Sequence[Any]) -> Any:
    """Return where an operand of a choice is taken."""
    if prim.name != "where":
        return lambda x: True
    condition = np.asarray(operands[0], bool)
    return lambda x: condition if x is operands[1] else ~condition


def hides(prim: Primitive, operands: Sequence[Any], y: Any) -> bool:
    """Return whether an output lacks a nan or inf that operands hold."""
    if isinstance(prim, Elementwise):
        return any((~np.isfinite(x) & np.isfinite(y)).any() for x in operands)
    return bool(np.isfinite(y).all())
