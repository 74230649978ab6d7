"""Elements in C: arrays that are joined, read and written at an index."""

import operator
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, broadcast_shapes
from ..ops.index import ARRAY, Index, indexed_shape
from .functions import cast, sum_of
from .literals import braced, ctype, label_of, number, static_complex
from .nests import Nest, is_empty
from .statements import Statements
from .values import TINY, Memory, Value, in_memory, place, registers

OUT_OF_RANGE = "INDEX_OUT_OF_RANGE"


def concatenate(w: Statements, xs: Sequence[Value], axis: int, dtype: np.dtype) -> Value:
    """Join arrays along an axis."""
    shape = list(xs[0].aval.shape)
    shape[axis] = sum(x.aval.shape[axis] for x in xs)
    aval = Aval(tuple(shape), dtype)
    if aval.size <= TINY:
        parts = [np.array([cast(t, x, dtype) for t in x.items], object).reshape(x.aval.shape)
                 for x in xs]  # fmt: skip
        joined = np.concatenate(parts, axis)
        if all(x.aval.dtype == dtype for x in xs):
            return registers(aval, list(joined.ravel()))
        return w.define(aval, list(joined.ravel()))
    out, start = w.array(aval), 0
    for x in xs:
        stop = start + x.aval.shape[axis]
        at = (*[slice(None)] * axis, slice(start, stop))
        w.copy(out.viewed(operator.itemgetter(at)), x)
        start = stop
    return out


def constant_array(w: Statements, array: np.ndarray) -> Value:
    """The elements of a constant: in registers, or a table above the function."""
    aval = Aval(array.shape, array.dtype)
    text = static_complex if array.dtype.kind == "c" and array.size > TINY else number
    texts = [text(x, array.dtype) for x in array.ravel().tolist()]
    if aval.size <= TINY:
        return registers(aval, texts)
    key = array.dtype.str.encode() + array.tobytes()
    if key not in w.tables:
        w.tables[key] = name = w.name("table")
        head = f"static const {ctype(array.dtype)} {name}[{len(texts)}] = "
        w.top.append("\n".join(braced(head, texts)))
    return in_memory(Memory(w.tables[key], aval), aval)


# reads and writes at an index


class At(NamedTuple):
    """The elements at an index: of a view with an axis for each array, at the axis ``first``.

    ``arrays``: the integers along these axes, with the length and the stride of each.
    """

    base: Value  # the axes of slices, those of the arrays inserted with stride 0
    arrays: list[tuple[Value, int, int]]
    shape: Shape  # of the arrays, broadcast
    first: int


def whole_index(index: Sequence[Any]) -> tuple[Any, ...]:
    """An index of which NumPy makes a view, never an element."""
    return tuple(index) if Ellipsis in index else (*index, Ellipsis)


def _is_scalar_index(index: Sequence[Any], arrays: Sequence[Value]) -> bool:
    return all(not a.aval.shape for a in arrays)


def _at(w: Statements, x: Value, index: Index, arrays: Sequence[Value]) -> At:
    """Split an index with arrays by NumPy's rules."""
    shape = broadcast_shapes(*[a.aval.shape for a in arrays])
    rest, found, plain = iter(arrays), list[tuple[Value, int, int]](), list[Any]()
    x, axis, first, adjacent, ended = w.stored(x), 0, -1, True, False
    for entry in index:
        if entry is Ellipsis:
            ended |= first >= 0
            continue
        if entry is None or type(entry) is slice:
            ended |= first >= 0
            plain.append(entry)
            axis += entry is not None
            continue
        adjacent &= not ended
        first = len([e for e in plain if type(e) is not int]) if first < 0 else first
        plain.append(entry if entry is not ARRAY else 0)
        if entry is ARRAY:
            found.append((next(rest), x.aval.shape[axis], x.strides[axis]))
        axis += 1
    base = x.viewed(lambda a: a[whole_index(plain)])
    place = first if adjacent else 0
    widened = (*[slice(None)] * place, *[None] * len(shape), Ellipsis)
    whole = (*base.aval.shape[:place], *shape, *base.aval.shape[place:])
    return At(base.viewed(lambda a: np.broadcast_to(a[widened], whole)), found, shape, place)


class Positions:
    """The loops over the elements at an index, with checks of the integers."""

    def __init__(self, w: Statements, at: At, others: Sequence[Value]) -> None:
        self.w, self.at, self.others = w, at, others
        self.indices = w.indices(at.base.aval.ndim)
        self.terms: list[str] = []

    def open(self, stack: ExitStack) -> None:
        """Open the loops; the integers are read as soon as their indices are known."""
        w, at = self.w, self.at
        shape = at.base.aval.shape
        stack.enter_context(w.using(self.indices))
        ready = at.first + len(at.shape)
        for d, n in enumerate(shape):
            if d == ready:
                self._read()
            if n == 1:
                self.indices[d] = "0"
            else:
                stack.enter_context(w.loop(self.indices[d], n))
        if ready >= len(shape):
            self._read()

    def _read(self) -> None:
        w, at = self.w, self.at
        mine = self.indices[at.first : at.first + len(at.shape)]
        for array, length, stride in at.arrays:
            x = array if array.memory is None and array.aval.size == 1 else w.stored(array)
            wide = x.broadcast(at.shape)
            text = wide.items[0] if wide.memory is None else wide.at(*mine)
            self.terms.append(_scaled(checked(w, text, x, length), stride))

    def element(self) -> str:
        """The expression of the element."""
        base = self.at.base
        assert base.memory is not None
        found = place(base.offset, base.strides, self.indices)
        terms = [*self.terms, *([found] if found != "0" else [])]
        return f"{base.memory.name}[{' + '.join(terms) or '0'}]"

    def of(self, x: Value) -> str:
        """The element of another array, broadcast to the shape of the index."""
        if x.memory is None and x.aval.size == 1:
            return x.items[0]
        wide = self.w.stored(x).broadcast(self.at.base.aval.shape)
        return wide.at(*self.indices)


def _scaled(text: str, stride: int) -> str:
    return text if stride == 1 else f"{stride}*{text}"


def checked(w: Statements, text: str, x: Value, length: int) -> str:
    """The name of an index in range: a negative one counts from the end."""
    if x.number is not None and -length <= x.number < length:
        return str(x.number % length)
    name = w.name("at")
    if x.aval.dtype.kind == "u":
        w.line(f"const {ctype(x.aval.dtype)} {name} = {text};")
        w.fail_if(f"{name} >= {length}", OUT_OF_RANGE)
        return name
    w.line(f"const int64_t {name} = {text} < 0 ? {text} + INT64_C({length}) : {text};")
    w.fail_if(f"{name} < 0 || {name} >= {length}", OUT_OF_RANGE)
    return name


def getitem(w: Statements, x: Value, index: Index, arrays: Sequence[Value]) -> Value:
    """Read at an index: slices and integers are a view."""
    if not arrays:
        return x.viewed(lambda a: a[whole_index(index)])
    if _is_scalar_index(index, arrays) and not _separated(index):
        return _at_scalars(w, x, index, arrays)
    return gather(w, x, index, arrays)


def _separated(index: Index) -> bool:
    """Whether index arrays stand apart, so that NumPy puts their axes first."""
    return Ellipsis in index


def _at_scalars(w: Statements, x: Value, index: Index, arrays: Sequence[Value]) -> Value:
    """A view at integers that are known at run time: through a pointer to its first element."""
    rest, x, axis = iter(arrays), w.stored(x), 0
    assert x.memory is not None
    plain, terms = [], []
    for entry in index:
        if entry is ARRAY:
            a = next(rest)
            text = checked(w, a.items[0], a, x.aval.shape[axis])
            terms.append(_scaled(text, x.strides[axis]))
        plain.append(0 if entry is ARRAY else entry)
        axis += entry is not None
    part = x.viewed(lambda a: a[whole_index(plain)])
    name, kind = w.name("part"), ctype(x.aval.dtype)
    w.line(f"const {kind} *{name} = {' + '.join([x.memory.name, *terms])};")
    return Value(part.aval, part.layout, _Part(name, x.memory))


class _Part(Memory):
    """A pointer into other memory, which stays alive with it."""

    __slots__ = ("whole",)

    def __init__(self, name: str, whole: Memory) -> None:
        super().__init__(name, whole.aval)
        self.whole = whole
        whole.references += 1
        self.free = self._drop

    @property
    @override
    def root(self) -> Memory:
        return self.whole.root

    def _drop(self) -> None:
        self.whole.references -= 1
        if self.whole.references == 0 and self.whole.free is not None:
            self.whole.free()


def gather(w: Statements, x: Value, index: Index, arrays: Sequence[Value]) -> Value:
    """Read at index arrays."""
    shape = indexed_shape(x.aval.shape, index, [a.aval.shape for a in arrays])
    out = w.array(Aval(shape, x.aval.dtype))
    if out.aval.size:
        loops = Positions(w, _at(w, x, index, arrays), [out])
        with ExitStack() as stack:
            loops.open(stack)
            w.line(f"{loops.of(out)} = {loops.element()};")
    return out


def set_at(
    w: Statements, x: Value, v: Value, index: Index, arrays: Sequence[Value], how: str = "{1}"
) -> Value:
    """``x`` with the elements at an index replaced; ``how`` joins an old and a new one."""
    aval = Aval(x.aval.shape, x.aval.dtype)
    if not arrays and x.memory is None:
        return _renamed(w, x, v, index, how)
    out = x if id(x) in w.over else w.array(aval)
    if out is not x:
        w.copy(out, x)
    slot = indexed_shape(aval.shape, index, [a.aval.shape for a in arrays])
    if is_empty(slot):
        return out
    kind = x.aval.dtype
    v = v if v.memory is None and v.aval.size == 1 else w.stored(v)
    if not arrays:
        _update(w, out.viewed(lambda a: a[whole_index(index)]), v, how)
        return out
    loops = Positions(w, _at(w, out, index, arrays), [v])
    with ExitStack() as stack:
        loops.open(stack)
        old = loops.element()
        w.line(f"{old} = {how.format(old, cast(loops.of(v), v, kind))};")
    return out


def _update(w: Statements, part: Value, v: Value, how: str) -> None:
    """Join the elements of a view with those of a value."""
    if how == "{1}":
        return w.copy(part, v)
    shape, kind = part.aval.shape, part.aval.dtype
    wide = v.broadcast(shape)
    nest = Nest(shape, [part] if v.memory is None else [part, wide], w.indices(len(shape)))
    with w.loops(nest.lengths, nest.indices), w.using(nest.indices):
        old, new = nest.at(part), wide.items[0] if v.memory is None else nest.at(wide)
        w.line(f"{old} = {how.format(old, cast(new, v, kind))};")


def _renamed(w: Statements, x: Value, v: Value, index: Index, how: str) -> Value:
    """A small value with other names for some elements."""
    layout, at = x.layout.copy(), whole_index(index)
    if x.number is not None:
        layout[...] = number(x.number, x.aval.dtype)
    old = layout[at]
    part = Aval(old.shape, x.aval.dtype)
    new = [cast(t, v, x.aval.dtype) for t in v.broadcast(old.shape).items]
    if how != "{1}":
        new = [how.format(a, b) for a, b in zip(old.ravel(), new, strict=True)]
    layout[at] = w.define(part, new).layout if new else old
    return Value(Aval(x.aval.shape, x.aval.dtype), layout)


def add_at(w: Statements, x: Value, v: Value, index: Index, arrays: Sequence[Value]) -> Value:
    """``x`` with values added at an index; duplicates accumulate."""
    dtype = x.aval.dtype
    how = "{0} || {1}" if dtype.kind == "b" else sum_of(["{0}", "{1}"], dtype)
    return set_at(w, x, v, index, arrays, how)


def extremum_at(
    w: Statements, name: str, x: Value, v: Value, index: Index, arrays: Sequence[Value]
) -> Value:
    """``x`` with the maximum or minimum at an index of its elements and others."""
    dtype = x.aval.dtype
    how = f"{name}_{label_of(dtype)}({{0}}, {{1}})"
    if dtype.kind == "b":
        how = "{0} || {1}" if name == "maximum" else "{0} && {1}"
    return set_at(w, x, v, index, arrays, how)


def scatter_add(
    w: Statements, v: Value, arrays: Sequence[Value], *, shape: Shape, index: Index
) -> Value:
    """Values added into zeros at an index."""
    aval = Aval(tuple(shape), v.aval.dtype)
    zero = number(0, v.aval.dtype)
    if not arrays and aval.size <= TINY:
        return _renamed(w, registers(aval, [zero] * aval.size), v, index, "{1}")
    out = w.array(aval)
    w.copy(out, registers(Aval((), aval.dtype), [zero]))
    w.over = {id(out)}
    return (add_at if arrays else set_at)(w, out, v, index, arrays)
