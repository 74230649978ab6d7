"""Export of a function as a model of ONNX."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ..compile.finite_checks import masked_program
from ..compile.mask_marks import has_marks
from ..compile.passes import FIRST, passed
from ..compile.rewrite import on_programs
from ..core import tree
from ..core.errors import UnsupportedError
from ..core.jaxpr import Eqn, Jaxpr
from ..io.atomic import replacing
from ..transforms.decomposition import decompose_where
from ..transforms.jit.api import Compiled, jit
from ..transforms.jit.signature import Signature
from .onnx_graph import Batch, Graph, another, is_equal, saved, written
from .onnx_programs import RULES
from .onnx_sizes import CHECKED, WRITTEN, Batches, check_batch, is_right
from .precision import in_single


class Inputs(NamedTuple):
    """The inputs of a model: their names, the arguments, and the axes of the batch."""

    names: Sequence[str]
    operands: Sequence[Any]
    axes: Sequence[int | None]


Pair: TypeAlias = tuple[Jaxpr, Jaxpr]
Written: TypeAlias = tuple[Graph, list[Any], list[Any]]


def onnx_model(
    fun: Callable[..., Any],
    args: Sequence[Any],
    path: str | os.PathLike[str] | None,
    batch_axes: Any,
    dtype: Any,
) -> Any:
    """The model of a function, written to a file if there is a path."""
    compiled = Compiled(fun.fun, fun.options) if isinstance(fun, Compiled) else jit(fun)
    first, operands = compiled._signature(tuple(args), {})
    axes = tree.broadcast_prefix(batch_axes, tuple(args), _is_none, "export.onnx: batch_axes")
    check_batch(axes, tree.leaves(tuple(args)))
    by_place = dict(zip(map(str, first.places), axes, strict=True))
    inputs = Inputs(
        [_name(i, first) for i in range(len(first.inputs))],
        operands,
        [by_place[str(place)] for place in first.inputs],
    )
    program = _program(first, dtype)
    if not program.outvars:
        raise UnsupportedError(f"export.onnx: {first.name} has no outputs; return an array")
    if all(axis is None for axis in inputs.axes):
        model = saved(*_graph((program, program), inputs), first.name)
    else:
        model = _of_batches(Batches(compiled, first.name, tuple(args), axes), inputs, dtype)
    if path is not None:
        with replacing(Path(path)) as file:
            file.write(model.SerializeToString())
    return model


def _of_batches(batches: Batches, inputs: Inputs, dtype: Any) -> Any:
    """The model for batches of all sizes.

    Raises:
        UnsupportedError: if the model does not give the results of the function at a size.
    """
    of_size = lambda size: _program(batches.staged(size), dtype)
    base, *others = map(of_size, WRITTEN)
    made = [_graph((base, other), inputs) for other in others]
    # two sizes always lie on a line; the graph of a third shows whether all do
    if not _is_same(*made):
        raise UnsupportedError(
            "export.onnx: a length or number is no linear function of the batch size; leave "
            "batch_axes out"
        )
    model = saved(*made[0], batches.name)
    for size in dict.fromkeys((*CHECKED, batches.given)):
        program = of_size(size)
        fault = _fault((base, program), inputs, made[0])
        if fault is not None and not is_right(model, program, inputs.operands, inputs.axes):
            raise fault
        if fault is not None:
            _open(model, (base, others[0], program), size)
    return model


def _fault(jaxprs: Pair, inputs: Inputs, made: Written) -> UnsupportedError | None:
    """The error, where the graph of two sizes is another one."""
    try:
        found = _graph(jaxprs, inputs)
    except UnsupportedError as err:
        return err
    return None if _is_same(found, made) else another(found[0].batch)


def _open(model: Any, jaxprs: Sequence[Jaxpr], size: int) -> None:
    """Declare lengths of results unknown that at a size are not on the line through two others."""
    m, n = WRITTEN[:2]
    shapes = zip(*[[v.aval.shape for v in j.outvars] for j in jaxprs], strict=True)
    for out, of_sizes in zip(model.graph.output, shapes, strict=True):
        for i, (a, b, c) in enumerate(zip(*of_sizes, strict=True)):
            if (b - a) * (size - m) != (c - a) * (n - m):
                out.type.tensor_type.shape.dim[i].dim_param = f"{out.name}_{i}"


def _graph(jaxprs: Pair, inputs: Inputs) -> Written:
    """The graph of a program for two batch sizes, and the declarations of inputs and outputs."""
    names = inputs.names
    graph = Graph(_batch(jaxprs, inputs.axes, names), taken=frozenset(names))
    ins = zip(names, jaxprs[0].invars, jaxprs[1].invars, strict=True)
    infos = [graph.info(n, a.aval, b.aval) for n, a, b in ins]
    outs = [graph("Identity", y) for y in written(graph, jaxprs, names, RULES)]
    rows = zip(outs, jaxprs[0].outvars, jaxprs[1].outvars, strict=True)
    return graph, infos, [graph.info(y, a.aval, b.aval) for y, a, b in rows]


def _is_same(made: Written, other: Written) -> bool:
    """Whether two graphs have equal nodes, constants and declarations."""
    pairs = list(zip(made[0].constants, other[0].constants, strict=False))
    text = lambda g, *infos: [[x.SerializeToString() for x in part] for part in (g.nodes, *infos)]
    return (
        len(made[0].constants) == len(other[0].constants)
        and text(*made) == text(*other)
        and all(a[0] == b[0] and is_equal(a[1], b[1]) for a, b in pairs)
    )


def _is_none(x: Any) -> bool:
    return x is None


def _name(i: int, signature: Signature) -> str:
    """How a leaf of an argument is called: its name and tree path."""
    return signature.spec.name_of(*signature.inputs[i])


def _batch(jaxprs: Pair, axes: Sequence[int | None], names: Sequence[str]) -> Batch | None:
    """The batch sizes of both programs, None where there is no batch."""
    pairs = zip(*(j.invars for j in jaxprs), axes, names, strict=True)
    for a, b, axis, name in pairs:
        if axis is not None:
            d = axis % len(a.aval.shape)
            return Batch((a.aval.shape[d], b.aval.shape[d]), name, d)
    return None


def _program(signature: Signature, dtype: Any) -> Jaxpr:
    """The program in elementary primitives, in the wanted precision."""
    jaxpr = signature.whole()
    jaxpr = masked_program(jaxpr) if has_marks(jaxpr) else jaxpr
    jaxpr = decompose_where(_inlined(jaxpr), _is_coarse)
    if dtype is None:
        return jaxpr
    try:
        return in_single(jaxpr)
    except UnsupportedError as err:
        raise UnsupportedError(f"export.onnx: {err}") from None


def _is_coarse(eqn: Eqn) -> bool:
    return eqn.prim.name not in RULES and eqn.prim.decompose is not None


def _inlined(jaxpr: Jaxpr) -> Jaxpr:
    return on_programs(passed(jaxpr, FIRST), _inlined)
