"""A table of the layers of a model: outputs, parameters and operations, from shapes alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval, aval_of, is_arraylike
from ..core.dead_code import live
from ..core.jaxpr import Eqn
from ..core.lazy import answering
from ..core.nodes import Path
from ..core.registry import load
from ..random import Key
from ..transforms.abstract import ShapeDtypeStruct
from ..transforms.staging import stage, staged_in
from .apply import takes_key, watcher
from .flops import flops_of
from .freeze import unfreeze
from .partition import count_params
from .traverse import modules_in, replace_fields, text_of


@dataclass(frozen=True, slots=True)
class Row:
    """One call of a layer.

    Args:
        path: the path of the layer in the model, "" for the model itself.
        layer: the name of its class.
        output: the shapes and dtypes of its outputs.
        params: the number of its parameters, including inner layers.
        flops: the floating-point operations of the call, including inner layers.
        nbytes: the size of its parameters and states.

    >>> Row("layers[0]", "Flatten", (), 0, 0, 0).path
    'layers[0]'
    """

    path: str
    layer: str
    output: tuple[Aval, ...]
    params: int
    flops: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The layers of a model and their totals; it prints as a table.

    Args:
        rows: the calls of layers, in the order of their begin; the first is the model's.
        params: the number of parameters.
        trained: the number of trained parameters.
        flops: the floating-point operations of a call.
        nbytes: the size of parameters and states.
        activation_nbytes: the size of the outputs of layers that hold no others.

    >>> print(Summary((), 0, 0, 0, 0, 0).flops)
    0
    """

    rows: tuple[Row, ...]
    params: int
    trained: int
    flops: int
    nbytes: int
    activation_nbytes: int

    def _lines(self) -> list[tuple[str, ...]]:
        """The cells of the table, the head first."""
        lines: list[tuple[str, ...]] = [("path", "layer", "output", "params", "FLOPs", "bytes")]
        for row in self.rows:
            numbers = (f"{n:,}" for n in (row.params, row.flops, row.nbytes))
            lines.append((row.path, row.layer, " ".join(map(str, row.output)), *numbers))
        return lines

    def _total(self) -> str:
        resting = self.params - self.trained
        return (
            f"{self.params:,} parameters{f', {resting:,} of them not trained' if resting else ''}; "
            f"{self.nbytes:,} bytes of parameters and state, {self.activation_nbytes:,} of "
            f"activations; {self.flops:,} FLOPs"
        )

    def __repr__(self) -> str:
        lines = self._lines()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [_aligned(line, widths) for line in lines]
        rule = "-" * max(map(len, texts))
        return "\n".join([texts[0], rule, *texts[1:], rule, self._total()])

    def _repr_html_(self) -> str:
        html, (head, *rows) = load("funcgrad.core.html"), self._lines()
        return str(html.page(html.table(head, rows, texts=3), self._total()))


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """The aligned columns of a line, text to the left and numbers to the right."""
    cells = [
        text.ljust(n) if i < 3 else text.rjust(n)
        for i, (text, n) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


@answering
def summary(model: Any, /, *args: Any, key: Key | None = None, **kwargs: Any) -> Summary:
    """Summarize the layers of a model in a table.

    It uses shapes alone: nothing is computed, and no parameter is drawn. The operations of the
    traced call are counted as described in ``nn/flops.py``.

    Args:
        model: a module, with or without drawn parameters.
        *args: positional arguments of the call: arrays, or a ShapeDtypeStruct for an array.
        key: a key, for the training pass.
        **kwargs: keyword arguments of the call.

    >>> from funcgrad import nn
    >>> summary(nn.Sequential(nn.Dense(3, 4), nn.relu), np.ones((2, 3), np.float32))
    path       layer       output    params  FLOPs  bytes
    -----------------------------------------------------
               Sequential  f32[2,4]      16     64     64
    layers[0]  Dense       f32[2,4]      16     56     64
    layers[1]  Lambda      f32[2,4]       0      8      0
    -----------------------------------------------------
    16 parameters; 64 bytes of parameters and state, 64 of activations; 64 FLOPs
    """
    if key is not None and takes_key(model):
        kwargs["key"] = key
    model = _with_shapes(model)
    watched = _Watched()
    leaves, treedef = tree.flatten((model, args, kwargs))
    abstract = [is_arraylike(x) and type(x) not in PYTHON_SCALARS for x in leaves]

    def on_leaves(tracers: list[Any]) -> Any:
        rest = iter(tracers)
        values = [next(rest) if a else x for a, x in zip(abstract, leaves, strict=True)]
        inner, given, keywords = tree.unflatten(treedef, values)
        return watched.run(inner, given, keywords)

    avals = [aval_of(x) for x, a in zip(leaves, abstract, strict=True) if a]
    closed, _ = stage("summary", on_leaves, avals)
    dead = set(map(id, closed.eqns)) - set(map(id, live(closed.eqns, closed.jaxpr.outvars)))
    rows = tuple(call.row(dead) for call in watched.calls)
    return Summary(
        rows,
        count_params(unfreeze(model)),
        count_params(model),
        sum(flops_of(eqn) for eqn in closed.eqns if id(eqn) not in dead),
        _nbytes(model),
        sum(_nbytes(call.output) for call in watched.calls if not call.inner),
    )


class _Call:
    """A call of a layer: its output, and the equations between its begin and end."""

    def __init__(self, layer: Any, path: Path, operands: Any) -> None:
        self.layer, self.path = layer, path
        # the trace of the operands: a jit in the model has its own
        found: list[Any] = [staged_in(x) for x in tree.leaves(operands)]
        traces: Any = (x._trace for x in found if x is not None)
        self.trace: Any = max(traces, key=lambda trace: trace.serial, default=None)
        self.first = 0 if self.trace is None else len(self.trace.eqns)
        self.inner = False  # whether it calls other layers
        self.output: Any = ()
        self.eqns: tuple[Eqn, ...] = ()

    def end(self, y: Any) -> Any:
        self.output = tuple(aval_of(x) for x in tree.leaves(y) if is_arraylike(x))
        self.eqns = () if self.trace is None else tuple(self.trace.eqns[self.first :])
        return y

    def row(self, dead: set[int]) -> Row:
        """The row, without dead equations."""
        return Row(
            text_of(self.path),
            type(self.layer).__name__,
            self.output,
            count_params(unfreeze(self.layer)),
            sum(flops_of(eqn) for eqn in self.eqns if id(eqn) not in dead),
            _nbytes(self.layer),
        )


class _Watched:
    """Records the calls of a model's layers, but not of copies that a transform makes."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self.open: list[_Call] = []

    def run(self, model: Any, args: Any, kwargs: Any) -> Any:
        self.paths = {id(m): path for path, m in modules_in(model)}
        before = watcher.set(self.watch)
        try:
            return model(*args, **kwargs)
        finally:
            watcher.reset(before)

    def watch(self, call: Any, layer: Any, args: Any, kwargs: Any) -> Any:
        if id(layer) not in self.paths:
            return call(layer, *args, **kwargs)
        if self.open:
            self.open[-1].inner = True
        noted = _Call(layer, self.paths[id(layer)], (layer, args, kwargs))
        self.calls.append(noted)
        self.open.append(noted)
        try:
            return noted.end(call(layer, *args, **kwargs))
        finally:
            self.open.pop()


def _nbytes(x: Any) -> int:
    """The size of the arrays of a tree."""
    avals = [aval_of(leaf) for leaf in tree.leaves(x) if is_arraylike(leaf) or type(leaf) is Aval]
    return sum(a.size * a.dtype.itemsize for a in avals)


def _with_shapes(model: Any) -> Any:
    """A model with a ShapeDtypeStruct for each parameter that is not drawn yet."""

    def missing(path: Path, m: Any) -> dict[str, Any]:
        waiting = {n: spec for n, spec in m.__params__.items() if getattr(m, n) is None}
        shapes = {name: spec.shape_in(m) for name, spec in waiting.items()}
        float32 = np.dtype(np.float32)
        return {n: ShapeDtypeStruct(s, float32) for n, s in shapes.items() if s is not None}

    return replace_fields(model, missing)
