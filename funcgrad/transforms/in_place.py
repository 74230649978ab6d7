"""Reads and writes on the tape whose cotangents are accumulated in place.

The derivative of reading ``x[i]`` is an array of zeros with one element; n such arrays would take
n times the size of x. So the walk back adds to one array. A write into an array of the tape changes
that array, and its way back takes the cotangent of the value out of that of the array. A program
of n reads and writes takes time and memory in proportion to n, forward and back.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, aval_of
from ..core.buffers import Buffer
from ..core.memory import Steps, View, give_content, keep_lent, lend
from ..core.trace import Primitive, Tracer
from ..ops.assign import add_at_p, last_writer_p, set_at_p
from ..ops.elementwise import where
from ..ops.index import Index, add_into, getitem_p
from ..ops.structure import reshape_p, transpose_p, unbroadcast, zeros_like
from .tape_tracers import TapeTracer, WrittenTracer

_WHOLE = Index((Ellipsis,))
_PLAIN = frozenset(
    {np.ndarray, bool, int, float, complex}
    | {np.float16, np.float32, np.float64, np.complex64, np.complex128}
)
_LINEAR = frozenset({getitem_p, reshape_p, transpose_p})  # whose views have views of cotangents
_HALF = np.dtype(np.float16)


def can_follow(steps: Steps) -> bool:
    """Whether the steps lead to a view in the cotangent as they do in the array."""
    return all(prim in _LINEAR for prim, _ in steps)


class Read:
    """A recorded reading of ``x[index]``, where steps lead from a tracer to its view x."""

    __slots__ = ("prim", "steps")

    def __init__(self, steps: Steps = ()) -> None:
        self.prim: Any = None if steps else getitem_p
        self.steps = steps

    def back(
        self, cts: dict[Any, Any], own: set[int], ct: Any, row: tuple[Any, ...], index: Index
    ) -> None:
        """Add the cotangent of the elements to that of the array."""
        (number, *_), _, (x, *arrays) = row
        before = cts.get(number)
        if isinstance(ct, Tracer) or isinstance(before, Tracer) or x.dtype is _HALF:
            cts[number] = self.added(before, ct, x, arrays, index)
            return
        if number not in own or type(before) is not np.ndarray:  # a scalar of arithmetic
            cts[number] = _owned(before, x)
            own.add(number)
        add_into(view_of(cts[number], self.steps), ct, index, arrays)

    def added(self, before: Any, ct: Any, x: Any, arrays: Sequence[Any], index: Index) -> Any:
        """The same by operations, for cotangents that are traced."""
        if not self.steps and before is not None and x.dtype is not _HALF:
            return add_at_p(before, ct, *arrays, index=index)
        bases = [x]
        for prim, params in self.steps:
            bases.append(prim.run(bases[-1], **params)[0])
        ct = getitem_p.transpose(ct, bases[-1], *arrays, index=index)
        for base, (prim, params) in zip(reversed(bases[:-1]), reversed(self.steps), strict=True):
            ct = prim.transpose(ct, base, **params)
        return ct if before is None else before + ct


_READ = Read()


class Write:
    """A recorded write ``x[index] = value``, where steps lead from the owner to its view x."""

    __slots__ = ("like", "steps")

    def __init__(self, steps: Steps, like: Aval) -> None:
        self.steps = steps
        self.like = like  # of the value

    def back(
        self, cts: dict[Any, Any], own: set[int], ct: Any, row: tuple[Any, ...], index: Index
    ) -> None:
        """Move the cotangent of the elements to the value: their old values have none."""
        (old, number, *_), new, (x, *arrays) = row
        if isinstance(ct, Tracer):
            before, part = self.moved(ct, arrays, index, old is not None)
        else:
            # arithmetic gives a scalar for arrays of no axis
            before = ct if new in own and type(ct) is np.ndarray else _owned(ct, x)
            key, view = index.with_arrays(arrays), view_of(before, self.steps)
            part = np.array(view[key]) if number is not None else None
            view[key] = 0
            if old is not None and old not in cts:
                own.add(old)
        if old is not None:
            cts[old] = before if old not in cts else cts[old] + before
        if number is not None:
            if arrays:
                last = last_writer_p(*arrays, shape=self.shape(x), index=index)
                part = where(last, part, 0)
            part = unbroadcast(part, self.like)
            cts[number] = part if number not in cts else cts[number] + part

    def shape(self, x: Any) -> tuple[int, ...]:
        return view_of(x, self.steps).shape

    def moved(self, ct: Any, arrays: Sequence[Any], index: Index, both: bool) -> tuple[Any, Any]:
        """The same by operations, for a cotangent that is traced."""
        bases = [ct]
        for prim, params in self.steps:
            bases.append(prim.bind(bases[-1], **params)[0])
        part = getitem_p(bases[-1], *arrays, index=index)
        if not both:
            return None, part
        before = set_at_p(bases[-1], zeros_like(self.like), *arrays, index=index)
        for base, (prim, params) in zip(reversed(bases[:-1]), reversed(self.steps), strict=True):
            before = prim.viewing.put(base, before, **params)
        return before, part


# on the tape


def read(tape: Any, prim: Primitive, args: tuple, params: dict) -> Sequence[Any] | None:
    """Read elements of an array on the tape.

    None: the array, or an index array, is of an outer trace.
    """
    x, *arrays = args
    if tape.nested or not tape.owns(x) or not all(type(a) is np.ndarray for a in arrays):
        return None
    value, record, index = x.value, _READ, params["index"]
    if type(value) is not np.ndarray:
        return None
    tape.smooth = False
    arrays = [tape.kept().take(a, prim, 1) for a in arrays]
    (y,) = prim.run(value, *arrays, index=index)
    is_view = type(x) is WrittenTracer and type(x._memory) is View
    if is_view and can_follow(x._memory.steps):  # of the array as it is now
        x, record = x._memory.owner, Read(x._memory.steps)
    first = tape.count
    tape.count = first + 1
    ins = [x.number, *[None] * len(arrays)]
    tape.records.append((record, ins, first, (x.value, *arrays), (), index))
    if type(x) is TapeTracer or type(y) is not np.ndarray or arrays:
        return (TapeTracer(tape, y, first),)
    view = type(x)(tape, y, first)
    return (lend(view, x) if type(x) is WrittenTracer else view,)


def read_again(tape: Any, x: Any, steps: Steps) -> Any:
    """The view of a written array to which the steps lead, as it is now."""
    first = tape.count
    tape.count = first + 1
    tape.records.append((Read(steps), [x.number], first, (x.value,), (), _WHOLE))
    return WrittenTracer(tape, view_of(x.value, steps), first)


def writer(
    tape: Any, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Index
) -> Callable[[], None] | None:
    """What writes ``view[index] = value`` on the tape, where steps lead from ``x`` to the view.

    None: the array, or the value, is of an outer trace, or the view is of complex parts.
    """
    ours = tape.owns(x)
    v, number = (value.value, value.number) if tape.owns(value) else (value, None)
    if tape.nested or not (ours or type(x) is Buffer) or not can_follow(steps):
        return None
    if type(x.value) is not np.ndarray or not all(type(a) in _PLAIN for a in (v, *arrays)):
        return None
    old = x.number if ours else None
    buffer = x.value.copy("K") if ours and type(x) is not WrittenTracer else x.value

    def write() -> None:
        tape.smooth = False
        keep_lent(x)
        view_of(buffer, steps)[index.with_arrays(arrays)] = unshared(v, buffer)
        first = tape.count
        tape.count = first + 1
        kept = [tape.kept().take(a) for a in arrays]
        ins = [old, number, *[None] * len(kept)]
        tape.records.append((Write(steps, aval_of(v)), ins, first, (buffer, *kept), (), index))
        give_content(x, WrittenTracer(tape, buffer, first))

    return write


def unshared(value: Any, x: np.ndarray) -> Any:
    """A value to be written into an array, as a copy if it shares its memory."""
    # NumPy writes z[::2] = z[:5] element by element, so that it reads what it has written
    overlaps = type(value) is np.ndarray and np.may_share_memory(value, x)
    return value.copy() if overlaps else value


def view_of(x: Any, steps: Steps) -> Any:
    """The view of an array to which the steps lead."""
    for prim, params in steps:
        (x,) = prim.run(x, **params)
    return x


def _owned(ct: Any, x: np.ndarray) -> np.ndarray:
    """A cotangent that the walk back may change, with the memory layout of its primal."""
    whole = np.zeros_like(x)
    if ct is not None:
        whole += ct
    return whole
