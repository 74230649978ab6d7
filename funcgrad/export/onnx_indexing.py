"""Reading and writing elements at an index, in ONNX."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import UnsupportedError
from ..ops.index import ARRAY
from .onnx_graph import Graph, Node, Shapes
from .onnx_rules import rule


@rule("getitem")
def _getitem(g: Graph, node: Node, x: str, *arrays: str) -> str:
    index, shapes = _index(node), node.shape_in()
    if sum(e is ARRAY for e in index) > 1:
        return _gather_many(g, node, x, arrays)
    cuts, gone, new, gathered = _cuts(node, shapes)
    if cuts:
        starts, stops, axes, steps = zip(*cuts, strict=True)
        lengths = (g.lengths(*zip(*v, strict=True)) for v in (starts, stops))
        fixed = (g.constant(np.array(v, np.int64)) for v in (axes, steps))
        x = g("Slice", x, *lengths, *fixed)
    if gathered is not None:
        x = g("Gather", x, g.cast(arrays[0], np.dtype(np.int64)), axis=gathered)
    rank = len(node.eqn.ins[1].aval.shape) if arrays else 0
    move = lambda d: d if gathered is None or d < gathered else d + rank - 1
    if gone:
        x = g("Squeeze", x, g.constant(np.array([move(d) for d in gone], np.int64)))
    return g("Unsqueeze", x, g.constant(np.array(new, np.int64))) if new else x


def _index(node: Node) -> Any:
    """The index of an equation, whose slices may depend on the batch."""
    first, second = node.eqn.params["index"], node.other.params["index"]
    kinds = [type(e) for e in first] == [type(e) for e in second]
    pairs = zip(first, second, strict=False)
    if not kinds or any(a != b and not isinstance(a, slice) for a, b in pairs):
        node.fixed("index")
    return first


def _cuts(node: Node, shapes: Any) -> tuple[list[Any], list[int], list[int], int | None]:
    """The slices, the axes that integers take away, new axes, and the axis that is gathered."""
    cuts, gone, new, gathered, axis, out = [], [], [], None, 0, 0
    pairs = zip(node.eqn.params["index"], node.other.params["index"], strict=True)
    for entry, other in pairs:
        if entry is None:
            new.append(out)
            out += 1
        elif entry is ARRAY:
            gathered, axis, out = axis, axis + 1, out + len(node.eqn.ins[1].aval.shape)
        elif isinstance(entry, slice):
            a, b = entry.indices(shapes[0][axis]), other.indices(shapes[1][axis])
            if (a, b) != ((0, shapes[0][axis], 1), (0, shapes[1][axis], 1)):
                low = lambda stop: stop if stop >= 0 else -(2**62)
                cuts.append(((a[0], b[0]), (low(a[1]), low(b[1])), axis, a[2]))
            axis, out = axis + 1, out + 1
        elif entry is not Ellipsis:
            i, j = entry % shapes[0][axis], other % shapes[1][axis]
            cuts.append(((i, j), (i + 1, j + 1), axis, 1))
            gone.append(axis)
            axis += 1
    return cuts, gone, new, gathered


class _Layout(NamedTuple):
    """Where several index arrays stand: ONNX has their axes first."""

    axes: list[int]  # of the operand, those of the arrays first
    rest: list[int]  # of the operand, those without an array
    common: Shapes  # of the arrays, broadcast
    out: list[int]  # axes of the result, from the common ones and the rest

    def place(self, shapes: Shapes) -> Shapes:
        """The shape that the index reads, in order of the result."""
        found = [[*c, *(s[d] for d in self.rest)] for c, s in zip(self.common, shapes, strict=True)]
        return [found[0][d] for d in self.out], [found[1][d] for d in self.out]


def _layout(node: Node, count: int) -> _Layout:
    """The layout of index arrays, which are the last operands.

    Raises:
        UnsupportedError: if the index has other entries than whole axes beside them.
    """
    index = list(node.fixed("index"))
    if any(e is not ARRAY and e is not Ellipsis and e != slice(None) for e in index):
        raise UnsupportedError(
            f"export.onnx: an index at {node.eqn.source} mixes arrays with slices; index twice"
        )
    places = [i for i, e in enumerate(index) if e is ARRAY]
    together = places == list(range(places[0], places[0] + len(places)))
    whole = [e for e in index if e is not Ellipsis]
    first = [d for d, e in enumerate(whole) if e is ARRAY]
    rest = [d for d in range(len(node.shape_in()[0])) if d not in first]
    common = [
        np.broadcast_shapes(*(a.aval.shape for a in eqn.ins[-count:]))
        for eqn in (node.eqn, node.other)
    ]
    k, before = len(common[0]), first[0] if together else 0
    out = [*range(k, k + before), *range(k), *range(k + before, k + len(rest))]
    return _Layout([*first, *rest], rest, (common[0], common[1]), out)


def _transposed(g: Graph, x: str, perm: Sequence[int]) -> str:
    return x if list(perm) == list(range(len(perm))) else g("Transpose", x, perm=list(perm))


def _rows(g: Graph, layout: _Layout, arrays: Sequence[str]) -> str:
    """The index arrays side by side: i64[..., arrays]."""
    rank = len(layout.common[0])
    lengths, last = g.lengths(*layout.common), g.constant(np.array([rank], np.int64))
    wide = [g.cast(i, np.dtype(np.int64)) for i in arrays]
    laid = [g("Unsqueeze", g("Expand", i, lengths), last) for i in wide]
    return g("Concat", *laid, axis=rank)


def _gather_many(g: Graph, node: Node, x: str, arrays: Sequence[str]) -> str:
    layout = _layout(node, len(arrays))
    found = g("GatherND", _transposed(g, x, layout.axes), _rows(g, layout, arrays))
    return _transposed(g, found, layout.out)


@rule("set_at", "add_at")
def _write(g: Graph, node: Node, x: str, v: str, *arrays: str) -> str:
    adds = node.eqn.prim.name == "add_at"
    if node.eqn.ins[1].aval.dtype != node.dtype:
        v = g.cast(v, node.dtype)
    if arrays and adds:
        return _scattered(g, node, x, v, arrays)
    if not arrays and all(map(_is_window, node.eqn.params["index"])):
        return _placed(g, node, x, v)
    shapes, index = node.shape_in(), node.fixed("index")
    if arrays or shapes[0] != shapes[1]:
        raise UnsupportedError(
            f"export.onnx: {node.eqn.prim.name} at {node.eqn.source} writes at indices that are "
            f"data, or depend on the batch; build the array by concatenate or where"
        )
    # number the elements that the index reads
    numbers = np.arange(math.prod(shapes[0])).reshape(shapes[0])[tuple(index)]
    flat = g("Reshape", x, g.constant(np.array([-1], np.int64)))
    spread = g("Expand", v, g.constant(np.array(numbers.shape, np.int64)))
    part = g("Reshape", spread, g.constant(np.array([-1], np.int64)))
    places = g.constant(numbers.reshape(-1, 1).astype(np.int64))
    out = g("ScatterND", flat, places, part, reduction="add" if adds else "none")
    return g("Reshape", out, g.constant(np.array(shapes[0], np.int64)))


def _scattered(g: Graph, node: Node, x: str, v: str, arrays: Sequence[str]) -> str:
    """Values added at index arrays, which may repeat."""
    layout = _layout(node, len(arrays))
    v = g("Expand", v, g.lengths(*layout.place(node.shape_in())))
    v = _transposed(g, v, np.argsort(layout.out).tolist())
    rows = _rows(g, layout, arrays)
    out = g("ScatterND", _transposed(g, x, layout.axes), rows, v, reduction="add")
    return _transposed(g, out, np.argsort(layout.axes).tolist())


def _is_window(entry: Any) -> bool:
    """Whether an entry reads elements side by side."""
    if isinstance(entry, slice):
        return entry.step in (None, 1)
    return entry is Ellipsis or (entry is not None and entry is not ARRAY)


def _windows(node: Node) -> tuple[list[Any], list[int]]:
    """Start and length along each axis for both batch sizes, and the axes of integers."""
    found, gone = list[Any](), list[int]()
    shapes = node.shape_in()
    index = zip(node.eqn.params["index"], node.other.params["index"], strict=True)
    for pair in ((e, o) for e, o in index if e is not Ellipsis):
        axis = len(found)
        ends = []
        for entry, shape in zip(pair, shapes, strict=True):
            n = shape[axis]
            if isinstance(entry, slice):
                start, stop, _ = entry.indices(n)
                ends.append((start, max(stop - start, 0)))
            else:
                ends.append((entry % n, 1))
        if not isinstance(pair[0], slice):
            gone.append(axis)
        found.append(ends)
    return [
        *found,
        *([(0, a), (0, b)] for a, b in list(zip(*shapes, strict=True))[len(found) :]),
    ], gone


def _placed(g: Graph, node: Node, x: str, v: str) -> str:
    """A window of the array, by padding the values around it."""
    windows, gone = _windows(node)
    shapes = node.shape_in()
    adds = node.eqn.prim.name == "add_at"
    if not windows:  # of a scalar, which Pad does not take
        return g("Add", x, v) if adds else v
    if any(0 in (a[1], b[1]) for a, b in windows):
        return x
    sides = [
        [*(w[i][0] for w in windows), *(n - sum(w[i]) for w, n in zip(windows, shape, strict=True))]
        for i, shape in enumerate(shapes)
    ]
    full = [[w[i][1] for w in windows] for i in (0, 1)]
    kept = [[n for d, n in enumerate(sizes) if d not in gone] for sizes in full]
    v = g("Expand", v, g.lengths(*kept))
    v = g("Unsqueeze", v, g.constant(np.array(gone, np.int64))) if gone else v
    pads = g.lengths(*sides)
    y = g("Pad", v, pads, g.constant(np.zeros((), node.dtype)))
    if adds:
        return g("Add", x, y)
    inside = g("Expand", g.constant(np.ones((), bool)), g.lengths(*full))
    return g("Where", g("Pad", inside, pads, g.constant(np.zeros((), bool))), y, x)
