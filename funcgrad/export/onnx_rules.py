"""The elementary primitives in ONNX, opset 21; see ``onnx_programs.py`` for loops and branches."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import UnsupportedError
from ..core.registry import entering
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
    pairs = zip(array.shape, other.shape, strict=True)
    row = tuple([slice(None) if a == b else slice(1) for a, b in pairs])
    is_row = lambda x: x.size and np.array_equal(np.broadcast_to(x[row], x.shape), x)
    if is_row(array) and is_row(other) and (found := g.value(array[row], other[row])):
        return g("Expand", found, lengths)
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


def _check_elements(node: Node, axes: Sequence[int]) -> None:
    """Refuse an extremum of no elements, for which ONNX has a value.

    Raises:
        UnsupportedError: if an axis is empty for a batch size.
    """
    if any(0 in [shape[d] for d in axes] for shape in node.shape_in()):
        raise UnsupportedError(
            f"export.onnx: {node.eqn.prim.name} at {node.eqn.source} is of no elements, which "
            f"NumPy refuses; pass a longer axis"
        )


@rule("max", "min")
def _extremum(g: Graph, node: Node, x: str) -> str:
    axes = list(node.fixed("axes"))
    _check_elements(node, axes)
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
    _check_elements(node, [axis])
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
    cuts = [(max(-a, 0), v[0] - max(-b, 0)) for a, b, v in zip(low, high, windows, strict=True)]
    if any(cut != (0, v[0]) for cut, v in zip(cuts, windows, strict=True)):
        starts, stops = (g.constant(np.array(v, np.int64)) for v in zip(*cuts, strict=True))
        x = g("Slice", x, starts, stops, g.constant(np.arange(1, rank + 1)))
    low, high = ([max(v, 0) for v in ends] for ends in (low, high))  # elements that no window reads
    x = g("Transpose", x, perm=[0, rank + 1, *range(1, rank + 1)])
    w = g("Transpose", w, perm=[rank + 1, rank, *range(rank)])
    y = g(
        "Conv", x, w, strides=[v[5] for v in windows], dilations=[max(v[6], 1) for v in windows],
        pads=low + high, group=node.fixed("groups"),
    )  # fmt: skip
    return g("Transpose", y, perm=[0, *range(2, rank + 2), 1])
