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
from ..core.buffers import Buffer, settled
from ..core.memory import (
    Steps,
    View,
    give_content,
    is_lent,
    keep_lent,
    lend,
    path_of,
    written_back,
)
from ..core.registry import overrides
from ..core.trace import Primitive, Tracer
from ..ops.assign import add_at_p, last_writer_p, set_at_p
from ..ops.elementwise import where
from ..ops.families import unbroadcast
from ..ops.index import Index, add_into, getitem_p
from ..ops.structure import zeros_like
from .owned_arrays import (
    avals_of,
    can_follow,
    in_cotangent,
    is_writable,
    kept,
    leads_to_view,
    own_array,
    part_of,
    put,
    zeros_in,
)
from .reverse import SharedTracer, TapeTracer, WrittenTracer

_WHOLE = Index((Ellipsis,))
_HALF = np.dtype(np.float16)


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
        traced = isinstance(ct, Tracer) or isinstance(before, Tracer)
        if x.dtype is _HALF or (traced and (arrays or not _are_writable(before, ct))):
            cts[number] = self.added(before, ct, x, arrays, index)
            return
        if number not in own or not _is_held(before, self.steps):
            before = _owned(before, x)
            own.add(number)
        ct = in_cotangent(ct, self.steps)
        if traced:
            now = getitem_p(part_of(before, self.steps), index=index)
            before = put(before, self.steps, tuple(index), now + ct)
        else:
            add_into(part_of(before, self.steps), ct, index, arrays)
        cts[number] = before

    def added(self, before: Any, ct: Any, x: Any, arrays: Sequence[Any], index: Index) -> Any:
        """The same by operations, for cotangents that are traced."""
        if not self.steps and before is not None and x.dtype is not _HALF:
            return add_at_p(before, ct, *arrays, index=index)
        bases = avals_of(x, self.steps)
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
        if isinstance(ct, Tracer) and not _are_writable(ct):
            before, part = self.moved(ct, arrays, index, old is not None)
        else:
            held = new in own and _is_held(ct, self.steps)
            before, part = ct if held else _owned(ct, x), None
            if number is not None:
                part = kept(getitem_p(part_of(before, self.steps), *arrays, index=index))
            before = put(before, self.steps, index.with_arrays(arrays), 0)
            if old is not None and old not in cts:
                own.add(old)
        if old is not None:
            cts[old] = before if old not in cts else cts[old] + before
        if number is not None:
            part = in_cotangent(part, self.steps)
            if arrays:
                shape = avals_of(x, self.steps)[-1].shape
                last = last_writer_p(*arrays, shape=shape, index=index)
                part = where(last, part, 0)
            part = unbroadcast(part, self.like)
            cts[number] = part if number not in cts else cts[number] + part

    def moved(self, ct: Any, arrays: Sequence[Any], index: Index, both: bool) -> tuple[Any, Any]:
        """The same by operations, for a cotangent that is traced."""
        path = path_of(ct, self.steps)
        part = getitem_p(path[-1], *arrays, index=index)
        if not both:
            return None, part
        before = set_at_p(path[-1], zeros_like(self.like), *arrays, index=index)
        return written_back(path, self.steps, before), part


# on the tape


def read(tape: Any, prim: Primitive, args: tuple, params: dict) -> Sequence[Any] | None:
    """Read elements of an array on the tape.

    None: the array, or an index array, is of an outer trace.
    """
    x, *arrays = args
    if not tape.owns(x) or not all(type(a) is np.ndarray for a in arrays):
        return None
    value, record, index = x.value, _READ, params["index"]
    if type(value) is not np.ndarray and not (isinstance(value, Tracer) and is_writable(value)):
        return None
    tape.smooth = False
    arrays = [tape.kept().take(a, prim, 1) for a in arrays]
    (y,) = (prim.bind if isinstance(value, Tracer) else prim.run)(value, *arrays, index=index)
    is_view = type(x) is WrittenTracer and type(x._memory) is View
    if is_view and can_follow(x._memory.steps):  # of the array as it is now
        x, record = x._memory.owner, Read(x._memory.steps)
    first = tape.count
    tape.count = first + 1
    ins = [x.number, *[None] * len(arrays)]
    tape.records.append((record, ins, first, (x.value, *arrays), (), index))
    views = type(y) is np.ndarray or (type(x) is SharedTracer and isinstance(y, Tracer))
    if type(x) is TapeTracer or arrays or not views:
        return (TapeTracer(tape, y, first),)
    view = type(x)(tape, y, first)
    return (lend(view, x) if type(x) is WrittenTracer else view,)


def read_again(tape: Any, x: Any, steps: Steps) -> Any:
    """The view of a written array to which the steps lead, as it is now."""
    first = tape.count
    tape.count = first + 1
    tape.records.append((Read(steps), [x.number], first, (x.value,), (), _WHOLE))
    return WrittenTracer(tape, part_of(x.value, steps), first)


def tape_writer(
    tape: Any, x: Any, steps: Steps, value: Any, arrays: Sequence[Any], index: Index
) -> Callable[[], None] | None:
    """The write ``view[index] = value`` on the tape, where steps lead from ``x`` to the view.

    None: the array, or the value, is of an outer trace, or the view is of complex parts.
    """
    ours = tape.owns(x)
    v, number = (value.value, value.number) if tape.owns(value) else (settled(value), None)
    if not (ours or type(x) is Buffer) or not can_follow(steps):
        return None
    if type(x.value) is not np.ndarray and not isinstance(x.value, Tracer):
        return None
    if not (is_writable(x.value) and is_writable(v)) or any(isinstance(a, Tracer) for a in arrays):
        return None
    old = x.number if ours else None
    owned = type(x) is WrittenTracer and not is_lent(x)
    buffer = own_array(x) if ours and not owned else x.value

    def write() -> None:
        tape.smooth = False
        tape.nested = tape.nested or isinstance(v, Tracer)
        keep_lent(x)
        array = put(buffer, steps, index.with_arrays(arrays), v)
        first = tape.count
        tape.count = first + 1
        copies = [tape.kept().take(a) for a in arrays]
        ins = [old, number, *[None] * len(copies)]
        tape.records.append((Write(steps, aval_of(v)), ins, first, (array, *copies), (), index))
        give_content(x, WrittenTracer(tape, array, first))

    return write


overrides["read_again"] = read_again
overrides["tape_writer"] = tape_writer


def _is_held(ct: Any, steps: Steps) -> bool:
    """Whether a cotangent, a sum that the walk owns, can be changed where the steps lead.

    Such a sum is a scalar if no summand has an axis, and may be in another order than its primal.
    """
    array = not overrides["is_scalar"](ct) if isinstance(ct, Tracer) else type(ct) is np.ndarray
    return array and leads_to_view(ct, steps)


def _are_writable(*cts: Any) -> bool:
    return all(ct is None or is_writable(ct) for ct in cts)


def _owned(ct: Any, x: Any) -> Any:
    """A cotangent that the walk back may change, with the memory layout of its primal."""
    return zeros_in(x) if ct is None else put(zeros_in(x), (), Ellipsis, ct)
