"""Arithmetic on slices of one array, as on shifts of its flat elements.

NumPy starts an inner loop for each row of a slice, and where rows start between the lines of the
cache it takes three to five times as long as on one row. Slices of one shape and equal strides are
therefore read as parts of the flat array, with the elements between their rows:
``x[2:, 1:-1] + x[:-2, 1:-1]`` as ``x.reshape(-1)[a:b] + x.reshape(-1)[c:d]``. The result has the
same strides, and elements between its rows that nothing reads.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.jaxpr import Eqn, Var
from ..ops.bits import Blend, Keep, Mask
from ..ops.families import Elementwise
from .statements import Statements
from .values import Frame, Value
from .weighted import Weighted, parts_of, weighted_p

FEWEST = 256  # elements from which shifts pay
DENSE = 0.75  # of the elements computed, the least share that is read

# functions that do not warn of ordinary numbers, which elements between rows are
QUIET = frozenset({
    np.add, np.subtract, np.multiply, np.negative, np.positive, np.square, np.absolute, np.fabs,
    np.maximum, np.minimum, np.less, np.less_equal, np.greater, np.greater_equal, np.equal,
    np.not_equal, np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.isnan,
    np.isfinite, np.copysign, np.sign, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert,
})  # fmt: skip


def sliced(x: Value, index: Sequence[Any]) -> Frame | None:
    """Where a slice lies in the flat elements of an array; None for other indices."""
    frame = x.frame
    if frame is None:
        if not x.contiguous or not x.aval.shape:
            return None
        shape = x.aval.shape
        whole = tuple([math.prod(shape[d + 1 :]) for d in range(len(shape))])
        frame = Frame(x.text if len(shape) == 1 else x.reshaped((-1,)), x.static, 0, whole, False)
    start, strides = frame.start, list[int]()
    if len(index) > len(frame.strides):
        return None
    for d, stride in enumerate(frame.strides):
        entry, n = index[d] if d < len(index) else slice(None), x.aval.shape[d]
        if type(entry) is slice:
            part = range(n)[entry]
            if part.step < 1 or not part:
                return None
            start += part.start * stride
            strides.append(part.step * stride)
        elif type(entry) is int:
            start += entry % n * stride
        else:
            return None
    return Frame(frame.flat, frame.static, start, tuple(strides), False)


def from_row(w: Statements, frame: Frame, row: str, known: dict[Any, str]) -> Frame:
    """Where a slice lies from a row of its array on, whose flat elements ``known`` keeps."""
    key = frame.flat, frame.strides[0]
    if key not in known:
        known[key] = w.token()
        w.line(f"{known[key]} = {frame.flat}[{row} * {frame.strides[0]}:]")
    return Frame(known[key], False, frame.start, frame.strides, False)


def span(shape: Sequence[int], strides: Sequence[int]) -> int:
    """The elements from the first of a slice to its last."""
    return 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def on_shifts(
    w: Statements, eqn: Eqn, ins: Sequence[Value], dying: set[Var], wanted: dict[Var, Value]
) -> list[Value] | None:
    """Write an elementwise equation on flat parts of the arrays of its operands, or None."""
    out = eqn.outs[0]
    strides = _common_strides(w, eqn, ins) if len(eqn.outs) == 1 else None
    if strides is None:
        return None
    arrays = [x for x in ins if x.aval.shape]
    if out in wanted and len({x.text for x in arrays}) == 1:
        return None  # a copy of the result would take as long as an operation on rows
    if eqn.prim is weighted_p and not _in_a_row(parts_of(ins)[1]):
        return None
    made = _over(w, eqn, ins, dying) or _buffer(w, out.aval, strides, w.names.hint(out))
    w.memory.retain(made)
    if eqn.prim is weighted_p:
        _correlate(w, ins, _flat(w, made))
        return [made]
    flat = [_flat(w, x) if x.aval.shape else x for x in ins]
    eqn.prim.codegen.emit(w, [_flat(w, made)], flat, **eqn.params)
    return [made]


def _common_strides(w: Statements, eqn: Eqn, ins: Sequence[Value]) -> tuple[int, ...] | None:
    """The strides of all operands that are arrays, if the equation can be written on shifts."""
    shape, prim = eqn.outs[0].aval.shape, eqn.prim
    if (
        len(shape) < 2 - (prim is weighted_p)
        or math.prod(shape) < FEWEST
        or not isinstance(prim, Elementwise)
    ):
        return None
    arrays = [x for x in ins if x.aval.shape]
    if not all(x.frame is not None and x.aval.shape == shape for x in arrays):
        return None
    strides = {x.frame.strides for x in arrays if x.frame is not None}
    if len(strides) != 1 or not _is_safe(w, prim, [x.aval for x in ins]):
        return None
    (found,) = strides
    dense = found[-1] == 1 and math.prod(shape) >= DENSE * span(shape, found)
    return found if dense and all(a % b == 0 for a, b in itertools.pairwise(found)) else None


def _is_safe(w: Statements, prim: Any, avals: Sequence[Aval]) -> bool:
    """Whether elements between rows cause no warnings."""
    if any(a.dtype.kind not in "fiub" for a in avals):
        return False
    bits = isinstance(prim, (Mask, Keep, Blend, Weighted))
    return bits or (prim.fills and (prim.function in QUIET or w.silent))


def _buffer(w: Statements, aval: Aval, strides: tuple[int, ...], hint: str) -> Value:
    """An array in the workspace with these strides."""
    shape = aval.shape
    lengths = [shape[0], *(a // b for a, b in itertools.pairwise(strides))]
    base = w.memory.buffer(Aval((math.prod(lengths),), aval.dtype), "")
    cut = ", ".join(":" if n == m else f":{n}" for n, m in zip(shape, lengths, strict=True))
    value = w.view(base, f"{base.reshaped(lengths)}[{cut}]", aval, False, hint)
    value.frame = Frame(base.text, True, 0, strides, True)
    return value


def _over(w: Statements, eqn: Eqn, ins: Sequence[Value], dying: set[Var]) -> Value | None:
    """An operand over which the output can be written in place."""
    aval = eqn.outs[0].aval
    for i, (atom, x) in enumerate(zip(eqn.ins, ins, strict=True)):
        own = atom in dying and x.frame is not None and x.frame.own and x.aval.dtype == aval.dtype
        if own and eqn.prim.codegen.overwrites(i) and w.memory.is_unaliased(x, eqn, ins, dying):
            made = Value(x.text, aval, x.allocation, static=True, contiguous=False)
            made.frame = x.frame
            w.names.add(x.text, w.names.hint(eqn.outs[0]))
            return made
    return None


def _flat(w: Statements, x: Value) -> Value:
    """The flat elements from the first of a value to its last."""
    assert x.frame is not None
    count = span(x.aval.shape, x.frame.strides)
    text = f"{x.frame.flat}[{x.frame.start}:{x.frame.start + count}]"
    if x.frame.static:
        text = w.memory.constant(text, "")
    else:
        w.unread.add(x.text)
    return Value(text, Aval((count,), x.aval.dtype), x.allocation, static=x.frame.static)


def _in_a_row(xs: Sequence[Value]) -> bool:
    """Whether arrays are shifts of one by 0, 1, 2 and so on."""
    frames = [x.frame for x in xs if x.frame is not None]
    first = frames[0]
    return all(f.flat == first.flat and f.start == first.start + k for k, f in enumerate(frames))


def _correlate(w: Statements, ins: Sequence[Value], out: Value) -> None:
    """Write a weighted sum of neighbours, added to the base if there is one."""
    base, xs, numbers = parts_of(ins)
    frame = xs[0].frame
    assert frame is not None
    x = f"{frame.flat}[{frame.start}:{frame.start + out.aval.size + len(xs) - 1}]"
    x = w.memory.constant(x, "") if frame.static else x
    for y in () if frame.static else xs:
        w.unread.add(y.text)
    of = "" if out.aval.dtype.char == "d" else f", {w.dtype(out.aval.dtype)}"
    made = f"{w.numpy('array')}({w.as_tuple(numbers)}{of})"
    fixed = all(number.number is not None for number in numbers)
    kernel = w.globals.constant(made, "weights") if fixed else made
    y = f"{w.numpy('correlate')}({x}, {kernel})"
    if base:
        w.line(f"{w.numpy('add')}({_flat(w, base[0])}, {y}, {out})", out.aval)
    else:
        w.line(f"{w.numpy('copyto')}({out}, {y})", out.aval)
