"""A graph of ONNX in the making, and sizes that depend on the batch.

A program is staged for two batch sizes. A length that differs between them is a linear function of
the batch size, which the graph computes from the shape of an input.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..core.avals import Aval
from ..core.errors import UnsupportedError
from ..core.jaxpr import Eqn, Jaxpr, Literal, Var, replace_eqn

Shapes = tuple[Sequence[int], Sequence[int]]  # of one value, for both batch sizes


def element_type(dtype: np.dtype) -> int:
    """ONNX's number of a dtype."""
    return int(helper.np_dtype_to_tensor_dtype(dtype))


class Batch(NamedTuple):
    """Two batch sizes, the input whose axis has them, and the name of the size in files."""

    sizes: tuple[int, int]
    source: str  # name of an input
    axis: int

    def line(self, a: int, b: int) -> tuple[int, int]:
        """Slope and intercept of a length over the batch size.

        Raises:
            UnsupportedError: if the length is no linear function with integers.
        """
        slope, rest = divmod(b - a, self.sizes[1] - self.sizes[0])
        if rest:
            raise UnsupportedError(
                f"export.onnx: an axis has length {a} for a batch of {self.sizes[0]} and {b} for "
                f"{self.sizes[1]}, which is no multiple of the batch; leave batch_axes out"
            )
        return slope, a - slope * self.sizes[0]


def is_equal(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays have the same bits."""
    alike = x.dtype == y.dtype and x.shape == y.shape
    return x is y or (alike and x.tobytes() == y.tobytes())


def another(batch: Batch | None) -> UnsupportedError:
    """The error of a program that is another one for the second batch size."""
    m, n = (0, 0) if batch is None else batch.sizes
    return UnsupportedError(
        f"export.onnx: the program for a batch of {n} is another one than for {m}; leave "
        f"batch_axes out"
    )


class Graph:
    """Nodes and constants of one graph; graphs inside it share the counter of names."""

    def __init__(
        self, batch: Batch | None, outer: "Graph | None" = None, taken: Collection[str] = ()
    ) -> None:
        self.batch, self.outer = batch, outer
        self.taken: Collection[str] = taken if outer is None else outer.taken  # names of inputs
        self.nodes: list[Any] = []
        self.constants: list[tuple[str, np.ndarray]] = []
        self.counter: list[int] = [0] if outer is None else outer.counter
        self.size: str | None = None  # the name of the batch size

    def name(self) -> str:
        self.counter[0] += 1
        name = f"v{self.counter[0]}"
        return self.name() if name in self.taken else name

    def constant(self, value: Any) -> str:
        """The name of a constant."""
        name = self.name()
        self.constants.append((name, np.asarray(value)))
        return name

    def tensors(self) -> list[Any]:
        """The constants as ONNX has them."""
        return [numpy_helper.from_array(x.copy(order="C"), name) for name, x in self.constants]

    def many(self, kind: str, ins: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Add a node; the names of its outputs."""
        outs = [self.name() for _ in range(count)]
        self.nodes.append(helper.make_node(kind, list(ins), outs, **attributes))
        return outs

    def __call__(self, kind: str, *ins: str, **attributes: Any) -> str:
        """Add a node of one output; its name."""
        return self.many(kind, ins, 1, **attributes)[0]

    def cast(self, x: str, dtype: np.dtype) -> str:
        return self("Cast", x, to=element_type(dtype))

    def batch_size(self) -> str:
        """The batch size: i64[1]."""
        if self.outer is not None:
            return self.outer.batch_size()
        if self.size is None:
            assert self.batch is not None
            start, stop = self.batch.axis, self.batch.axis + 1
            self.size = self("Shape", self.batch.source, start=start, end=stop)
            self.nodes.insert(0, self.nodes.pop())  # before the graphs that read it
        return self.size

    def lengths(self, first: Sequence[int], second: Sequence[int]) -> str:
        """Lengths as a vector: constant, or computed from the batch size."""
        if tuple(first) == tuple(second):
            return self.constant(np.array(first, np.int64).reshape(-1))
        parts = [self._length(a, b) for a, b in zip(first, second, strict=True)]
        return self("Concat", *parts, axis=0)

    def _length(self, a: int, b: int) -> str:
        if a == b:
            return self.constant(np.array([a], np.int64))
        assert self.batch is not None
        slope, start = self.batch.line(a, b)
        size = self.batch_size()
        if slope != 1:
            size = self("Mul", size, self.constant(np.array([slope], np.int64)))
        return self("Add", size, self.constant(np.array([start], np.int64))) if start else size

    def literal(self, atom: Literal, twin: Any) -> str:
        """A scalar: constant, or proportional to the batch size, or to its inverse.

        Raises:
            UnsupportedError: if it depends on the batch size in another way.
        """
        a, b, dtype = atom.value, twin.value, atom.aval.dtype
        found = self.value(np.asarray(a, dtype), np.asarray(b, dtype))
        if found is None:
            m, n = (0, 0) if self.batch is None else self.batch.sizes
            raise UnsupportedError(
                f"export.onnx: a number of the program is {a} for a batch of {m} and {b} for {n}; "
                f"leave batch_axes out"
            )
        return found

    def value(self, a: np.ndarray, b: np.ndarray) -> str | None:
        """Numbers that are constant, or proportional to the batch size, or to its inverse."""
        dtype = a.dtype
        if is_equal(a, b) or np.array_equal(a, b, equal_nan=dtype.kind in "fc"):
            return self.constant(a)
        if self.batch is None or dtype.kind not in "iuf":
            return None
        size = self("Squeeze", self.cast(self.batch_size(), dtype))
        m, n = self.batch.sizes
        if np.allclose(a * n, b * m, rtol=1e-6, atol=0):
            return self("Mul", size, self.constant(np.asarray(a / m, dtype)))
        if dtype.kind == "f" and np.allclose(a * m, b * n, rtol=1e-6, atol=0):
            return self("Div", self.constant(np.asarray(a * m, dtype)), size)
        return None

    def info(self, name: str, aval: Aval, other: Aval) -> Any:
        """The declaration of a value, with names for lengths that depend on the batch."""
        shape = [a if a == b else self._symbol(a, b)
                 for a, b in zip(aval.shape, other.shape, strict=True)]  # fmt: skip
        return helper.make_tensor_value_info(name, element_type(aval.dtype), shape)

    def _symbol(self, a: int, b: int) -> str:
        assert self.batch is not None
        slope, start = self.batch.line(a, b)
        return ("batch" if slope == 1 else f"{slope}*batch") + (f"+{start}" if start else "")


class Node(NamedTuple):
    """An equation for both batch sizes."""

    eqn: Eqn
    other: Eqn

    @property
    def dtype(self) -> np.dtype:
        return self.eqn.outs[0].aval.dtype

    def shapes(self, key: str) -> Shapes:
        """A parameter that is a shape."""
        return self.eqn.params[key], self.other.params[key]

    def shape_in(self, i: int = 0) -> Shapes:
        return self.eqn.ins[i].aval.shape, self.other.ins[i].aval.shape

    def shape_out(self, i: int = 0) -> Shapes:
        return self.eqn.outs[i].aval.shape, self.other.outs[i].aval.shape

    def fixed(self, key: str) -> Any:
        """A parameter that must not depend on the batch.

        Raises:
            UnsupportedError: if it does.
        """
        if self.eqn.params[key] != self.other.params[key]:
            where = f" at {self.eqn.source}" if self.eqn.source else ""
            raise UnsupportedError(
                f"export.onnx: {self.eqn.prim.name}{where} depends on the batch size; leave "
                f"batch_axes out"
            )
        return self.eqn.params[key]


Rule = Callable[..., Any]  # graph, node, names of operands -> a name, or several

# Operations of few dtypes: others are cast to a wider one and back, so that integers wrap

_NUMBERS = "i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8"
_FEW = "i4 i8 f2 f4 f8"
# primitives -> the dtypes of which ONNX and onnxruntime have them
_NATIVE = {
    "add sub mul lt le gt ge abs sign": _NUMBERS,
    "neg pow max min maximum minimum argmax argmin argsort cumsum sum prod where matmul": _FEW,
    "mod fmod floor_divide": _FEW,
    "add_at": "i4 i8 f4 f8",
    "set_at": "i1 i4 i8 u1 u4 f4 f8",
}
NATIVE = {
    name: frozenset(map(np.dtype, dtypes.split()))
    for names, dtypes in _NATIVE.items()
    for name in names.split()
}
_WIDE: dict[np.dtype, np.dtype] = {
    np.dtype(d): np.dtype("f4" if d == "f2" else "i8")
    for d in ("?", "i1", "i2", "i4", "u1", "u2", "u4", "u8", "f2")
}
# those whose result in int64 is not that in uint64
_ORDERED = "max min maximum minimum argmax argmin argsort mod fmod floor_divide pow"


def in_native(g: Graph, rule: Rule, node: Node, xs: list[str]) -> Any:
    """The results of an equation, computed in dtypes that its operation has.

    Raises:
        UnsupportedError: if there are none.
    """
    eqns, name = (node.eqn, node.other), node.eqn.prim.name
    native = NATIVE.get(name)
    first = 1 if name == "where" else 0  # its condition is a truth
    dtypes = [a.aval.dtype for a in node.eqn.ins[first:]]
    if native is None or native.issuperset(dtypes):
        return rule(g, node, *xs)
    if np.dtype("u8") in dtypes and name in _ORDERED.split():
        raise UnsupportedError(
            f"export.onnx: {name} at {node.eqn.source} is of uint64, which ONNX lacks; convert it "
            f"to int64"
        )
    wide = {d: w for d, w in _WIDE.items() if d.kind != "f" or d not in native}
    made = Node(*[_in(eqn, wide, first) for eqn in eqns])
    for i, (a, b) in enumerate(zip(node.eqn.ins, made.eqn.ins, strict=True)):
        xs[i] = xs[i] if a.aval.dtype == b.aval.dtype else g.cast(xs[i], b.aval.dtype)
    y = rule(g, made, *xs)
    return y if made.dtype == node.dtype else g.cast(y, node.dtype)


def _in(eqn: Eqn, wide: Mapping[np.dtype, np.dtype], first: int) -> Eqn:
    """The equation in other dtypes."""
    var = lambda a: Var(Aval(a.aval.shape, wide[a.aval.dtype], a.aval.weak))
    change = lambda a: var(a) if a.aval.dtype in wide else a
    truth = eqn.prim.name in ("lt", "le", "gt", "ge")
    outs = eqn.outs if truth else tuple(map(change, eqn.outs))
    ins = (*eqn.ins[:first], *map(change, eqn.ins[first:]))
    return replace_eqn(eqn, ins, outs, eqn.params)


def written(
    graph: Graph, jaxprs: tuple[Jaxpr, Jaxpr], ins: Sequence[str], rules: dict[str, Rule]
) -> list[str]:
    """Add the nodes of a program; the names of its outputs.

    Raises:
        UnsupportedError: if a primitive has no form in ONNX.
    """
    first, second = jaxprs
    if [e.prim.name for e in first.eqns] != [e.prim.name for e in second.eqns]:
        raise another(graph.batch)
    env: dict[Any, str] = dict(zip(first.invars, ins, strict=True))

    def read(atom: Any, twin: Any) -> str:
        return graph.literal(atom, twin) if isinstance(atom, Literal) else env[atom]

    for eqn, other in zip(first.eqns, second.eqns, strict=True):
        rule = rules.get(eqn.prim.name)
        if rule is None:
            where = f" at {eqn.source}" if eqn.source else ""
            raise UnsupportedError(
                f"export.onnx: {eqn.prim.name}{where} has no form in ONNX; compute it before or "
                f"after the exported function"
            )
        if any(v.aval.dtype.kind == "c" for v in (*eqn.ins, *eqn.outs)):
            raise UnsupportedError(
                f"export.onnx: {eqn.prim.name} at {eqn.source} is of complex numbers, which ONNX "
                f"lacks; export real and imaginary parts"
            )
        if all(_is_empty(v, w) for v, w in zip(eqn.outs, other.outs, strict=True)):
            outs = [graph.constant(np.zeros(v.aval.shape, v.aval.dtype)) for v in eqn.outs]
        else:
            outs = in_native(graph, rule, Node(eqn, other), list(map(read, eqn.ins, other.ins)))
        env.update(zip(eqn.outs, [outs] if isinstance(outs, str) else outs, strict=True))
    return list(map(read, first.outvars, second.outvars))


def _is_empty(v: Var, w: Var) -> bool:
    """Whether a value has no elements; onnxruntime leaves an Expand to the shape (0,) out."""
    return v.aval.shape == w.aval.shape and v.aval.size == 0


def saved(graph: Graph, inputs: Sequence[Any], outputs: Sequence[Any], name: str) -> Any:
    """The model of a graph, checked by ONNX."""
    made = helper.make_graph(graph.nodes, name, list(inputs), list(outputs), graph.tensors())
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(made, opset_imports=opset, ir_version=10, producer_name="funcgrad")
    onnx.checker.check_model(model, full_check=True)
    return model
