"""Export of a function as a model of ONNX."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..compile.finite_checks import masked_program
from ..compile.mask_marks import has_marks
from ..compile.passes import FIRST, passed
from ..compile.rewrite import on_programs
from ..core import tree
from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError, UnsupportedError, shown
from ..core.jaxpr import Eqn, Jaxpr
from ..io.atomic import replacing
from ..transforms.abstract import ShapeDtypeStruct
from ..transforms.decomposition import decompose_where
from ..transforms.jit.api import Compiled, jit
from ..transforms.jit.signature import Signature
from .onnx_graph import Batch, Graph, saved, written
from .onnx_programs import RULES
from .precision import in_single

MORE = (3, 5)  # examples in further batches beside those of the first
FEW = 3  # examples in a small batch, where a length that is compared with a number may differ


def onnx_model(
    fun: Callable[..., Any],
    args: Sequence[Any],
    path: str | os.PathLike[str] | None,
    batch_axes: Any,
    dtype: Any,
) -> Any:
    """The model of a function, written to a file if there is a path."""
    compiled = fun if isinstance(fun, Compiled) else jit(fun)
    first = compiled._signature(tuple(args), {})[0]
    axes = tree.broadcast_prefix(batch_axes, tuple(args), _is_none, "export.onnx: batch_axes")
    _check_batch(axes, tree.leaves(tuple(args)))
    by_place = dict(zip(map(str, first.places), axes, strict=True))
    dynamic = [by_place[str(place)] for place in first.inputs]
    names = [_name(i, first) for i in range(len(first.inputs))]
    program = _program(first, dtype)
    if not program.outvars:
        raise UnsupportedError(f"export.onnx: {first.name} has no outputs; return an array")
    if all(axis is None for axis in dynamic):
        graph, infos, outs = _graph((program, program), dynamic, names)
    else:
        twins = _twins(compiled, first.name, args, axes)
        made = [_graph((program, _program(twin, dtype)), dynamic, names) for twin in twins]
        # two sizes always lie on a line; the graphs of others show whether all do
        if any(_content(*other) != _content(*made[0]) for other in made[1:]):
            raise UnsupportedError(
                "export.onnx: a length or number is no linear function of the batch size; leave "
                "batch_axes out"
            )
        graph, infos, outs = made[0]
    model = saved(graph, infos, outs, first.name)
    if path is not None:
        with replacing(Path(path)) as file:
            file.write(model.SerializeToString())
    return model


def _graph(
    jaxprs: tuple[Jaxpr, Jaxpr], axes: Sequence[int | None], names: Sequence[str]
) -> tuple[Graph, list[Any], list[Any]]:
    """The graph of a program for two batch sizes, and the declarations of inputs and outputs."""
    graph = Graph(_batch(jaxprs, axes, names), taken=frozenset(names))
    inputs = zip(names, jaxprs[0].invars, jaxprs[1].invars, strict=True)
    infos = [graph.info(n, a.aval, b.aval) for n, a, b in inputs]
    outs = [graph("Identity", y) for y in written(graph, jaxprs, names, RULES)]
    rows = zip(outs, jaxprs[0].outvars, jaxprs[1].outvars, strict=True)
    return graph, infos, [graph.info(y, a.aval, b.aval) for y, a, b in rows]


def _content(graph: Graph, *infos: list[Any]) -> list[list[bytes]]:
    parts = graph.nodes, graph.constants, *infos
    return [[x.SerializeToString() for x in part] for part in parts]


def _check_batch(axes: Sequence[int | None], leaves: Sequence[Any]) -> None:
    """Refuse batch axes that are not there, or have different lengths.

    Raises:
        ShapeError: if there are any.
    """
    pairs = [(axis, x) for axis, x in zip(axes, leaves, strict=True) if axis is not None]
    for axis, x in pairs:
        rank = len(shape_of(x))
        if type(axis) is not int or not -rank <= axis < rank or not hasattr(x, "dtype"):
            raise ShapeError(
                f"export.onnx: batch_axes must be an axis of each array, or None: got "
                f"{shown(axis)} for {aval_of(x)}"
            )
    sizes = {shape_of(x)[axis] for axis, x in pairs}
    if len(sizes) > 1:
        raise ShapeError(
            f"export.onnx: batch_axes must have the same length in all arguments: got "
            f"{', '.join(map(str, sorted(sizes)))}"
        )


def _is_none(x: Any) -> bool:
    return x is None


def _name(i: int, signature: Signature) -> str:
    """How a leaf of an argument is called: its name and tree path."""
    return signature.spec.name_of(*signature.inputs[i])


def _twins(
    compiled: Compiled, name: str, args: Sequence[Any], axes: Sequence[int | None]
) -> Iterator[Signature]:
    """The function for other batch sizes, the larger ones first.

    Raises:
        UnsupportedError: if it does not take one of them.
    """
    leaves, structure = tree.flatten(tuple(args))
    n = next(shape_of(x)[a] for x, a in zip(leaves, axes, strict=True) if a is not None)
    for size in (*(n + more for more in MORE), *([FEW] if n != FEW else [])):
        own = [x if a is None else _sized(x, a, size) for x, a in zip(leaves, axes, strict=True)]
        try:
            yield compiled._signature(tree.unflatten(structure, own), {})[0]
        except Exception as err:
            raise UnsupportedError(
                f"export.onnx: {name} does not take a batch of {size}, as it does {n}: {err}; "
                f"leave batch_axes out"
            ) from err


def _sized(x: Any, axis: int, size: int) -> ShapeDtypeStruct:
    shape = list(x.shape)
    shape[axis] = size
    return ShapeDtypeStruct(tuple(shape), x.dtype)


def _batch(
    jaxprs: tuple[Jaxpr, Jaxpr], axes: Sequence[int | None], names: Sequence[str]
) -> Batch | None:
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
