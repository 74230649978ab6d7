"""Faults: operations that made a nan or inf, with the provenance of their operands.

An operation makes an inf if its operands are finite, and a nan if none of them is nan: IEEE 754's
overflow, division by zero and invalid operation. An infinite argument, such as a mask of -inf, is
no fault, nor is a result computed from it. A nan of an argument or of a constant is a fault of the
first operation whose result holds it.
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


class Provenance(NamedTuple):
    """An operation, or an argument, and the provenance of its operands."""

    name: str
    line: str  # with a prime at its end in the backward pass
    parents: "tuple[Provenance | None, ...]" = ()  # of each operand, None for a constant

    def __str__(self) -> str:
        return f"{self.name}{f' at {self.where}' if self.line else ''}"

    @property
    def where(self) -> str:
        return f"{self.line[:-1]} (in the backward pass)" if self.is_backward else self.line

    @property
    def is_backward(self) -> bool:
        return self.line.endswith("'")


class Statistics(NamedTuple):
    """Shape, dtype, extrema of the finite elements, and counts of nan and inf."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    min: Any
    max: Any
    nan: int
    inf: int

    def __str__(self) -> str:
        told = [str(aval_of(np.empty(self.shape, self.dtype)))]
        told += [f"from {self.min:.6g} to {self.max:.6g}"] if self.min is not None else []
        told += [f"{n} {kind}" for n, kind in ((self.nan, "nan"), (self.inf, "inf")) if n]
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
    """An operation that made a nan or inf, or that is the first to meet one of an operand.

    ``given``: the number of the operand that held it from the start, None if it was made.
    """

    def __init__(
        self, step: Provenance, out: Any, operands: Sequence[Any], given: int | None = None
    ) -> None:
        self.serial = next(_serials)
        self.step, self.given = step, given
        self.out, self.operands = statistics_of(out), tuple(map(statistics_of, operands))
        zero = (p for p, x in zip(step.parents, operands, strict=True) if p and not np.all(x))
        self.back = [step, *_back(next(zero, None) or _next(step))]  # first by a divisor that is 0

    @property
    def source(self) -> str:
        """The argument, or the constant array, that held the nan from the start; "" if none."""
        if self.given is None:
            return ""
        parent = self.step.parents[self.given]
        return "a constant array" if parent is None else parent.name

    def text(self) -> str:
        """The first line of the error."""
        if self.given is not None:
            count = self.operands[self.given].nan
            return (
                f"{self.source} holds {count} nan, which no operation made: it reaches the result "
                f"through {self.step.name} at {self.step.where}; fill missing values, or drop "
                f"their examples"
            )
        made = " and ".join(
            f"{n} {kind}" for n, kind in ((self.out.nan, "nan"), (self.out.inf, "inf")) if n
        )
        size = int(np.prod(self.out.shape, dtype=int))
        return (
            f"{self.step.name} made {made} of {size} element{'s' * (size != 1)}, at "
            f"{self.step.where}; replace the operand of those elements by numpy.where before the "
            f"operation"
        )

    def error(self) -> NanError:
        step, chain = self.step, self.back
        rows = [f"  operand {i}: {s}" for i, s in enumerate(self.operands)]
        rows += [f"  output: {self.out}"]
        told = chain if len(chain) <= _STEPS else [*chain[: _STEPS - 2], "...", chain[-1]]
        rows += ["  back to the inputs: " + " <- ".join(map(str, told))]
        err = NanError("\n".join([f"debug.nans: {self.text()}", *(short(x, 600) for x in rows)]))
        err.given = self.source
        err.operation, err.line = step.name, step.line.removesuffix("'")
        err.backward, err.operands = step.is_backward, self.operands
        err.chain = tuple((s.name, s.line.removesuffix("'")) for s in chain)
        return err


def _back(step: Provenance | None) -> Iterator[Provenance]:
    """Walk from an operation to an input, by the first operand that is computed."""
    while step is not None:
        yield step
        step = _next(step)


def _next(step: Provenance) -> Provenance | None:
    given = [p for p in step.parents if p is not None]
    return next((p for p in given if p.parents), given[0] if given else None)


def number(x: Any) -> Any:
    """The array inside a tracer, None if it has none."""
    while isinstance(x, Tracer):
        x = getattr(x, "value", None)
    return x


def fault_of(
    prim: Primitive,
    step: Provenance,
    operands: Sequence[Any],
    faults: Sequence[Fault | None],
    y: Any,
) -> Fault | None:
    """The fault of a nan or inf in an output: that of an operand, or a new one.

    Args:
        prim: the operation.
        step: its provenance.
        operands: its arrays.
        faults: the fault of each operand.
        y: the output, not all of it finite.
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
    known, missing = np.zeros((), bool), np.zeros((), bool)  # an operand has a nan or inf, a nan
    for x, _ in floats:
        known = known | _seen(~np.isfinite(x), elementwise)
        missing = missing | _seen(np.isnan(x), elementwise)
    if (bad & ~known).any() or (np.isnan(y) & ~missing).any():
        return Fault(step, y, operands)
    return _given(step, operands, y)


def _given(step: Provenance, operands: Sequence[Any], y: Any) -> Fault | None:
    """The fault of a nan that an argument or a constant array held from the start."""
    if not np.isnan(y).any():
        return None
    for i, (parent, x) in enumerate(zip(step.parents, operands, strict=True)):
        if parent is not None and parent.line:  # it is computed
            continue
        literal = np.ndim(x) == 0 and not (parent and parent.name.startswith("argument"))
        if not literal and is_inexact(aval_of(x).dtype) and np.isnan(x).any():
            return Fault(step, y, operands, i)
    return None


def _seen(mask: Any, elementwise: bool) -> Any:
    return mask if elementwise else np.any(mask)


def _taken(prim: Primitive, operands: Sequence[Any]) -> Any:
    """The mask of the elements that a selection takes from an operand."""
    if prim.name != "where":
        return lambda x: True
    condition = np.asarray(operands[0], bool)
    return lambda x: condition if x is operands[1] else ~condition


def hides(prim: Primitive, operands: Sequence[Any], y: Any) -> bool:
    """Whether an output lacks a nan or inf of its operands."""
    if isinstance(prim, Elementwise):
        return any((~np.isfinite(x) & np.isfinite(y)).any() for x in operands)
    return bool(np.isfinite(y).all())
