"""The elementary primitives in ONNX, opset 21; see ``onnx_programs.py`` for loops and branches."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import UnsupportedError
from ..core.registry import entering
from ..ops.index import ARRAY
from .onnx_graph import Graph, Node, Rule

RULES: dict[str, Rule] = {}
rule = entering(RULES)


# Elementwise


def promoted(g: Graph, node: Node, xs: Sequence[str], keep: Sequence[int] = ()) -> list[str]:
    """Operands in NumPy's common dtype; ONNX does not promote."""
    avals = [a.aval for a in node.eqn.ins]
    kinds = [a.dtype.type(0).item() if a.weak else a.dtype
             for i, a in enumerate(avals) if i not in keep]  # fmt: skip
    common = np.result_type(*kinds)
    if node.dtype.kind == "f":
        common = node.dtype
    return [
        x if i in keep or a.dtype == common else g.cast(x, common)
        for i, (x, a) in enumerate(zip(xs, avals, strict=True))
    ]


def elementwise(kind: str, keep: Sequence[int] = (), **attributes: Any) -> Rule:
    return lambda g, node, *xs: g(kind, *promoted(g, node, xs, keep), **attributes)


_KINDS = """
    add:Add sub:Sub mul:Mul neg:Neg abs:Abs sign:Sign sqrt:Sqrt exp:Exp log:Log sin:Sin cos:Cos
    tan:Tan arcsin:Asin arccos:Acos arctan:Atan sinh:Sinh cosh:Cosh tanh:Tanh arcsinh:Asinh
    arccosh:Acosh arctanh:Atanh maximum:Max minimum:Min eq:Equal
    lt:Less le:LessOrEqual gt:Greater ge:GreaterOrEqual isnan:IsNaN isinf:IsInf erf:Erf
    sigmoid:Sigmoid relu:Relu
    div:Div matmul:MatMul
"""
for _ours, _, _theirs in (_pair.partition(":") for _pair in _KINDS.split()):
    RULES[_ours] = elementwise(_theirs)


def number(g: Graph, node: Node, value: float) -> str:
    """The name of a scalar in the dtype of the result."""
    return g.constant(np.asarray(value, node.dtype))


def _truths(g: Graph, node: Node, xs: Sequence[str]) -> list[str]:
    """Operands as truths."""
    pairs = zip(xs, node.eqn.ins, strict=True)
    return [x if a.aval.dtype == bool else g.cast(x, np.dtype(bool)) for x, a in pairs]


@rule("where")
def _where(g: Graph, node: Node, which: str, x: str, y: str) -> str:
    aval = node.eqn.ins[0].aval
    which = which if aval.dtype == bool else g.cast(which, np.dtype(bool))
    return g("Where", *promoted(g, node, [which, x, y], keep=[0]))


def _logical(kind: str) -> Rule:
    return lambda g, node, *xs: g(kind, *_truths(g, node, xs))


def _bitwise(kind: str) -> Rule:
    """Of truths, an operation of logic; else one of bits."""
    return lambda g, node, *xs: (
        g(kind, *xs) if node.dtype == bool else g(f"Bitwise{kind}", *promoted(g, node, xs))
    )


for _kind in ("And", "Or", "Xor", "Not"):
    RULES[f"logical_{_kind.lower()}"] = _logical(_kind)
    RULES["invert" if _kind == "Not" else f"bitwise_{_kind.lower()}"] = _bitwise(_kind)


RULES |= {name: lambda g, node, x: x for name in ("pos", "weaken", "stop_gradient", "conj", "real")}


@rule("convert", "truncate")
def _convert(g: Graph, node: Node, x: str, *_: str) -> str:
    return g.cast(x, node.dtype)


# Structure


@rule("constant")
def _constant(g: Graph, node: Node) -> str:
    array, other = node.eqn.params["array"].value, node.other.params["array"].value
    if np.array_equal(array, other, equal_nan=array.dtype.kind in "fc"):
        return g.constant(array)
    lengths = g.lengths(array.shape, other.shape)
    if array.size and np.all(array == array.flat[0]) and np.all(other == array.flat[0]):
        return g("Expand", g.constant(array.reshape(-1)[0]), lengths)
    if all(np.array_equal(x.reshape(-1), np.arange(x.size)) for x in (array, other)):
        ends = (
            g.constant(np.int64(0)),
            g("ReduceProd", lengths, keepdims=0),
            g.constant(np.int64(1)),
        )
        return g.cast(g("Reshape", g("Range", *ends), lengths), array.dtype)
    raise UnsupportedError(
        "export.onnx: a constant of the program depends on the batch size; leave batch_axes out"
    )


@rule("broadcast")
def _broadcast(g: Graph, node: Node, x: str) -> str:
    (first, second), axes = node.shapes("shape"), node.fixed("axes")
    one = lambda shape: [1 if d in axes else n for d, n in enumerate(shape)]
    laid = g("Reshape", x, g.lengths(one(first), one(second)), allowzero=1)
    return g("Expand", laid, g.lengths(first, second))


@rule("reshape")
def _reshape(g: Graph, node: Node, x: str) -> str:
    return g("Reshape", x, g.lengths(*node.shapes("shape")), allowzero=1)


@rule("transpose")
def _transpose(g: Graph, node: Node, x: str) -> str:
    perm = list(node.fixed("perm"))
    return g("Transpose", x, perm=perm) if perm else x


@rule("concatenate")
def _concatenate(g: Graph, node: Node, *xs: str) -> str:
    return g("Concat", *promoted(g, node, xs), axis=node.fixed("axis"))


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


def _gather_many(g: Graph, node: Node, x: str, arrays: Sequence[str]) -> str:
    """Several index arrays, on the first axes of the operand."""
    index = [e for e in node.fixed("index") if e is not Ellipsis]
    leading = index[: len(arrays)]
    rest = index[len(arrays) :]
    if any(e is not ARRAY for e in leading) or any(e != slice(None) for e in rest):
        raise UnsupportedError(
            f"export.onnx: an index of several arrays at {node.eqn.source} mixes them with slices; "
            f"index the first axes by them"
        )
    rank = len(node.eqn.outs[0].aval.shape) - len(rest)
    shapes = [shape[:rank] for shape in node.shape_out()]
    laid = [
        g("Unsqueeze", g("Expand", g.cast(i, np.dtype(np.int64)), g.lengths(*shapes)),
          g.constant(np.array([rank], np.int64)))
        for i in arrays
    ]  # fmt: skip
    return g("GatherND", x, g("Concat", *laid, axis=rank))


@rule("set_at", "add_at")
def _write(g: Graph, node: Node, x: str, v: str, *arrays: str) -> str:
    """Write by numbering the elements that the index reads."""
    shapes, index = node.shape_in(), node.fixed("index")
    if arrays or shapes[0] != shapes[1]:
        raise UnsupportedError(
            f"export.onnx: {node.eqn.prim.name} at {node.eqn.source} writes at indices that are "
            f"data, or depend on the batch; build the array by concatenate or where"
        )
    numbers = np.arange(math.prod(shapes[0])).reshape(shapes[0])[tuple(index)]
    flat = g("Reshape", x, g.constant(np.array([-1], np.int64)))
    spread = g("Expand", g.cast(v, node.dtype), g.constant(np.array(numbers.shape, np.int64)))
    part = g("Reshape", spread, g.constant(np.array([-1], np.int64)))
    how = "add" if node.eqn.prim.name == "add_at" else "none"
    places = g.constant(numbers.reshape(-1, 1).astype(np.int64))
    out = g("ScatterND", flat, places, part, reduction=how)
    return g("Reshape", out, g.constant(np.array(shapes[0], np.int64)))


# Reductions


def _reduction(kind: str) -> Rule:
    def reduce(g: Graph, node: Node, x: str) -> str:
        axes = list(node.fixed("axes"))
        aval = node.eqn.ins[0].aval
        x = x if aval.dtype == node.dtype else g.cast(x, node.dtype)
        return g(kind, x, g.constant(np.array(axes, np.int64)), keepdims=0) if axes else x

    return reduce


RULES["sum"], RULES["prod"] = _reduction("ReduceSum"), _reduction("ReduceProd")


def _is_nan_along(g: Graph, x: str, axes: Sequence[int], keepdims: int) -> str:
    """Whether there is a nan along axes, which onnxruntime's extrema may lose."""
    numbers = g.cast(g("IsNaN", x), np.dtype(np.int32))
    axes_of = g.constant(np.array(axes, np.int64))
    return g.cast(g("ReduceMax", numbers, axes_of, keepdims=keepdims), np.dtype(bool))


@rule("max", "min")
def _extremum(g: Graph, node: Node, x: str) -> str:
    axes = list(node.fixed("axes"))
    y = _reduction("ReduceMax" if node.eqn.prim.name == "max" else "ReduceMin")(g, node, x)
    if node.dtype.kind != "f" or not axes:
        return y
    return g("Where", _is_nan_along(g, x, axes, 0), number(g, node, np.nan), y)


@rule("any", "all")
def _truth(g: Graph, node: Node, x: str) -> str:
    kind = "ReduceMax" if node.eqn.prim.name == "any" else "ReduceMin"
    aval = node.eqn.ins[0].aval
    truth = x if aval.dtype == bool else g.cast(x, np.dtype(bool))
    numbers, axes = g.cast(truth, np.dtype(np.int32)), list(node.fixed("axes"))
    if axes:
        numbers = g(kind, numbers, g.constant(np.array(axes, np.int64)), keepdims=0)
    return g("Greater", numbers, g.constant(np.int32(0)))  # the maximum of no elements is negative


@rule("argmax", "argmin")
def _position(g: Graph, node: Node, x: str) -> str:
    """The place of the first nan, if there is one."""
    kind, axis = ("ArgMax" if node.eqn.prim.name == "argmax" else "ArgMin"), node.fixed("axis")
    aval = node.eqn.ins[0].aval
    if aval.dtype.kind == "f":
        odd = g.cast(g("IsNaN", x), aval.dtype)
        odd = odd if kind == "ArgMax" else g("Neg", odd)
        x = g("Where", _is_nan_along(g, x, [axis], 1), odd, x)
    return g(kind, x, axis=axis, keepdims=0)


@rule("argsort")
def _argsort(g: Graph, node: Node, x: str) -> str:
    """TopK of all elements, the smallest first."""
    axis = node.fixed("axis")
    first, second = (shape[axis] for shape in node.shape_in())
    count = g.lengths([first], [second])
    return g.many("TopK", [x, count], 2, axis=axis, largest=0, sorted=1)[1]


@rule("cumsum")
def _cumsum(g: Graph, node: Node, x: str) -> str:
    axis = g.constant(np.asarray(node.fixed("axis"), np.int64))
    aval = node.eqn.ins[0].aval
    x = x if aval.dtype == node.dtype else g.cast(x, node.dtype)
    return g("CumSum", x, axis, reverse=int(node.fixed("reverse")))


# Convolution


@rule("conv_general_dilated")
def _conv(g: Graph, node: Node, x: str, w: str) -> str:
    """Channels come last here, and second in ONNX."""
    x, w = promoted(g, node, [x, w])
    rank, windows = len(node.fixed("windows")), node.fixed("windows")
    if not rank and node.fixed("groups") == 1:
        return g("MatMul", x, w)
    if not rank or any(source != 1 or step < 0 for _, _, _, source, _, _, step in windows):
        raise UnsupportedError(
            f"export.onnx: a transposed convolution at {node.eqn.source} has no form here; resize "
            f"the image and convolve it"
        )
    low = [offset for _, _, _, _, offset, _, _ in windows]
    high = [
        (m - 1) * result + (size - 1) * step + 1 - n - offset
        for n, m, size, _, offset, result, step in windows
    ]
    x = g("Transpose", x, perm=[0, rank + 1, *range(1, rank + 1)])
    w = g("Transpose", w, perm=[rank + 1, rank, *range(rank)])
    y = g(
        "Conv", x, w, strides=[v[5] for v in windows], dilations=[max(v[6], 1) for v in windows],
        pads=low + high, group=node.fixed("groups"),
    )  # fmt: skip
    return g("Transpose", y, perm=[0, *range(2, rank + 2), 1])
