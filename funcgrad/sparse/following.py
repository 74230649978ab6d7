"""Bands through a program: a rule for each operation that moves, joins or maps elements."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import Shape, dtype_of, shape_of
from ..core.companions import inlined
from ..core.floating import without_warnings
from ..core.jaxpr import Eqn, Jaxpr, Literal
from ..core.trace import Tracer
from ..ops.assign import AddAt, SetAt, set_at_p
from ..ops.convert import Convert, project
from ..ops.families import Elementwise
from ..ops.index import Concatenate, Getitem, Index, ScatterAdd, getitem_p, scatter_add_p
from ..ops.structure import Broadcast, Mean, Reshape, Sum, Transpose, broadcast_to
from .bands import (
    LOST,
    Band,
    Bands,
    Lost,
    Padded,
    Part,
    UnfollowedError,
    data_key,
    holes,
    made,
    scalar,
    summed,
    whole,
)


def follow(jaxpr: Jaxpr, args: Sequence[Any], parts: Sequence[Part], most: int, trace: Any) -> Any:
    """Run a program on values with bands, at most as many; ``trace`` stages its operations."""
    env = dict(zip((*jaxpr.constvars, *jaxpr.invars), zip(args, parts, strict=True), strict=True))
    read = lambda a: (a.value, None) if type(a) is Literal else env[a]
    before = trace.at
    try:
        for eqn in jaxpr.eqns:
            values, own = zip(*map(read, eqn.ins), strict=True) if eqn.ins else ((), ())
            program = inlined(eqn.prim, eqn.params)
            if program is not None and not eqn.prim.holds.is_open:
                pairs = follow(program, values, own, most, trace)
            else:
                trace.at = eqn.source
                outs = eqn.prim.bind(*values, **eqn.params)
                trace.at = eqn.line + "'"
                pairs = zip(outs, _bands(eqn, values, outs, own, most), strict=True)
            env.update(zip(eqn.outs, pairs, strict=True))
    finally:
        trace.at = before
    return [read(a) for a in jaxpr.outvars]


def _bands(
    eqn: Eqn, values: Sequence[Any], outs: Sequence[Any], parts: Sequence[Part], most: int
) -> list[Part]:
    """The bands of the results of an operation."""
    if not eqn.prim.differentiable or all(p is None for p in parts):
        return [None] * len(outs)
    try:
        rule = next(r for kind, r in _RULES.items() if isinstance(eqn.prim, kind))
        gap = _gap(eqn, values, parts)
        if len(outs) != 1 or dtype_of(outs[0]).kind != "f":
            return [LOST] * len(outs)
        items = without_warnings(rule, Operation(eqn, values, parts, outs[0], most))
    except (StopIteration, UnfollowedError):
        return [LOST] * len(outs)
    return [Bands(items, gap) if len(items) <= most else LOST]


def _gap(eqn: Eqn, values: Sequence[Any], parts: Sequence[Part]) -> bool:
    """Whether derivatives of the result may lie on no path."""
    if any(isinstance(p, Lost) for p in parts):
        raise UnfollowedError
    gaps = [i for i, p in enumerate(parts) if isinstance(p, Bands) and p.gap]
    if not isinstance(eqn.prim, Elementwise):
        return bool(gaps)
    if not all(_keeps_zeros(eqn.prim, i, values) for i in gaps):
        raise UnfollowedError  # the passes have masks
    return bool(gaps) or not eqn.prim.is_smooth


def _keeps_zeros(prim: Elementwise, operand: int, values: Sequence[Any]) -> bool:
    """Whether a derivative of 0 by an operand is 0 in the result."""

    def harmless(x: Any) -> bool:
        if isinstance(x, Tracer):
            return dtype_of(x).kind in "biu" and not prim.divides
        return bool(np.isfinite(x).all()) and not (prim.divides and np.equal(x, 0).any())

    return any(
        operand in group and all(j in group or harmless(x) for j, x in enumerate(values))
        for group in prim.linear
    )


class Operation:
    """An operation of one result, with the bands of its operands."""

    def __init__(self, eqn: Eqn, values: Any, parts: Any, out: Any, most: int) -> None:
        self.prim: Any = eqn.prim
        self.params, self.values, self.parts = eqn.params, values, parts
        self.out, self.shape, self.dtype = out, shape_of(out), dtype_of(out)
        self.most = most
        self.known: dict[Any, Any] = {}

    def of(self, operand: int) -> Sequence[Band]:
        return list(map(made, self.unmade(operand)))

    def unmade(self, operand: int) -> Sequence[Band]:
        """The bands, of which some may be padded."""
        part = self.parts[operand]
        return part.items if isinstance(part, Bands) else ()

    def once(self, data: Any, change: Callable[[Any], Any], operand: int = 0) -> Any:
        """A function of the data of a band, the same for bands that share it."""
        key = operand, data_key(data)
        if key not in self.known:
            self.known[key] = self.fit(change(data))
        return self.known[key]

    def fit(self, data: Any) -> Any:
        """Data as a scalar, or an array of the shape and dtype of the result."""
        data = project(scalar(data), self.dtype)
        return data if not shape_of(data) else broadcast_to(data, self.shape)

    def indices(self, first: int) -> tuple[Index, Sequence[Any], Any]:
        """The index, its arrays, and the index with them."""
        arrays, index = self.values[first:], self.params["index"]
        if any(isinstance(a, Tracer) for a in arrays):
            raise UnfollowedError
        return index, arrays, index.with_arrays(arrays)

    def places(self, first: int, shape: Shape) -> tuple[Index, Sequence[Any], Any]:
        """The same, of an index that has no place twice."""
        index, arrays, key = self.indices(first)
        found = np.arange(math.prod(shape)).reshape(shape)[key]
        if arrays and len(np.unique(found)) < np.size(found):
            raise UnfollowedError
        return index, arrays, key


# rules: of an operation, the bands of its result


def _elementwise(op: Operation) -> list[Band]:
    terms = []
    linear = op.prim.is_linear(frozenset(range(len(op.values))))
    for i, rule in enumerate(op.prim.rules):
        if rule is None or not op.unmade(i):
            continue
        if type(op.prim).jvp is not Elementwise.jvp:
            raise UnfollowedError
        along = lambda t, rule=rule: rule(t, op.out, *op.values)
        kept = _keeps_zeros(op.prim, i, op.values)
        for columns, data, clean in op.unmade(i):
            wide = columns if columns.shape == op.shape else np.broadcast_to(columns, op.shape)
            clean = not holes(wide) or (clean and kept)
            if not isinstance(data, Padded):
                data = op.once(data, along, i)
            elif wide is columns and linear:
                data = Padded(project(along(data.data), op.dtype), data.fill)
            else:
                data = op.once(data.made(), along, i)
            terms.append(Band(wide, data, clean))
    return summed(terms)


def _converted(op: Operation) -> list[Band]:
    return [Band(c, op.once(data, lambda t: t), clean) for c, data, clean in op.of(0)]


def _moved(op: Operation) -> list[Band]:
    """Reshape, transpose, broadcast."""
    move = lambda x: op.prim(x, **op.params) if shape_of(x) else x
    return [
        Band(op.prim.run(columns, **op.params)[0], op.once(data, move), clean)
        for columns, data, clean in op.of(0)
    ]


def _read(op: Operation) -> list[Band]:
    index, arrays, key = op.indices(1)
    move = lambda x: getitem_p(x, *arrays, index=index) if shape_of(x) else x
    return [
        Band(np.asarray(columns[key]), op.once(data, move), clean)
        for columns, data, clean in op.of(0)
    ]


def _scattered(op: Operation, operand: int = 0) -> list[Band]:
    """An operand in zeros."""
    index, arrays, key = op.places(operand + 1, op.shape)
    found = []
    for band in op.of(operand):
        columns = np.full(op.shape, -1)
        columns[key] = band.columns
        inner = np.shape(columns[key])
        part = lambda x: scatter_add_p(x, *arrays, shape=op.shape, index=index)
        single = not shape_of(band.data)
        if single:
            data = band.data
        elif (key_of := data_key(band.data)) not in op.known:
            data = op.known[key_of] = Padded(broadcast_to(band.data, inner), part)
        else:
            data = op.known[key_of]
        found.append(Band(columns, data, not holes(columns) or (band.clean and not single)))
    return found


def _added_at(op: Operation) -> list[Band]:
    return summed([*op.of(0), *_scattered(op, 1)])


def _set_at(op: Operation) -> list[Band]:
    index, arrays, key = op.places(2, op.shape)
    xs, vs = op.of(0), op.of(1)
    found = _scattered(op, 1)[len(xs) :] if len(vs) > len(xs) else []
    for k, x in reversed(list(enumerate(xs))):
        v = vs[k] if k < len(vs) else Band(np.array(-1), op.dtype.type(0))
        columns = np.array(x.columns)
        columns[key] = v.columns
        data = x.data
        if k < len(vs) and not _same_scalars([x, v]):
            data = set_at_p(whole(x, op.shape), v.data, *arrays, index=index)
            clean = x.clean and v.clean
        else:
            clean = not holes(columns)
        found.insert(0, Band(columns, data, clean))
    return found


def _same_scalars(bands: Sequence[Band]) -> bool:
    data = [b.data for b in bands]
    return not any(map(shape_of, data)) and len(set(map(data_key, data))) == 1


def _joined(op: Operation) -> list[Band]:
    axis, rows = op.params["axis"], [op.of(i) for i in range(len(op.values))]
    shapes = list(map(shape_of, op.values))
    found = []
    for k in range(max(map(len, rows))):
        own = [r[k] if k < len(r) else None for r in rows]
        columns = np.concatenate(
            [np.full(s, -1) if b is None else b.columns for b, s in zip(own, shapes, strict=True)],
            axis,
        )
        if _same_scalars([b for b in own if b is not None]):
            data = next(b.data for b in own if b is not None)
            found.append(Band(columns, data, not holes(columns)))
            continue
        parts = [
            np.zeros(s, op.dtype) if b is None else project(whole(b, s), op.dtype)
            for b, s in zip(own, shapes, strict=True)
        ]
        clean = all(b is None or b.clean for b in own)
        found.append(Band(columns, op.prim(*parts, axis=axis), clean))
    return found


def _summed(op: Operation) -> list[Band]:
    """Each term of a short sum has bands of its own."""
    axes, shape = op.params["axes"], shape_of(op.values[0])
    lengths = [shape[d] for d in axes]
    if math.prod(lengths) * len(op.of(0)) > op.most:
        raise UnfollowedError
    terms = []
    count = math.prod(lengths) if isinstance(op.prim, Mean) else 1
    for columns, data, clean in op.of(0):
        if count > 1:
            data = data / op.dtype.type(count)
        for place in np.ndindex(*lengths):
            numbers = dict(zip(axes, place, strict=True))
            key = Index(numbers.get(d, slice(None)) for d in range(len(shape)))
            part = getitem_p(data, index=key) if shape_of(data) else data
            terms.append(Band(np.asarray(columns[tuple(key)]), op.fit(part), clean))
    return summed(terms)


_RULES: dict[type, Callable[[Operation], list[Band]]] = {
    Convert: _converted,
    Elementwise: _elementwise,
    Reshape: _moved,
    Transpose: _moved,
    Broadcast: _moved,
    Getitem: _read,
    ScatterAdd: _scattered,
    AddAt: _added_at,
    SetAt: _set_at,
    Concatenate: _joined,
    Sum: _summed,
    Mean: _summed,
}
