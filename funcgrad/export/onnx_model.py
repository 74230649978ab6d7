"""Export of a function as a model of ONNX."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..compile.finite_checks import masked_program
from ..compile.mask_marks import has_marks
from ..compile.passes import FIRST, passed
from ..compile.rewrite import on_programs
from ..core import tree
from ..core.errors import UnsupportedError
from ..core.jaxpr import Eqn, Jaxpr
from ..io.atomic import replacing
from ..transforms.abstract import ShapeDtypeStruct
from ..transforms.decomposition import decompose_where
from ..transforms.jit.api import Compiled, jit
from ..transforms.jit.signature import Signature
from .onnx_graph import Batch, Graph, saved, written
from .onnx_programs import RULES
from .precision import in_single

MORE = 3  # examples in the second batch beside those of the first


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
    second = compiled._signature(_larger(args, axes), {})[0]
    jaxprs = (_program(first, dtype), _program(second, dtype))
    dynamic = [axis for axis, x in zip(axes, tree.leaves(tuple(args)), strict=True)
               if isinstance(x, np.ndarray | ShapeDtypeStruct)]  # fmt: skip
    names = [_name(i, first) for i in range(len(jaxprs[0].invars))]
    graph = Graph(_batch(jaxprs, dynamic, names))
    inputs = zip(names, jaxprs[0].invars, jaxprs[1].invars, strict=True)
    infos = [graph.info(n, a.aval, b.aval) for n, a, b in inputs]
    outs = [graph("Identity", y) for y in written(graph, jaxprs, names, RULES)]
    rows = zip(outs, jaxprs[0].outvars, jaxprs[1].outvars, strict=True)
    model = saved(graph, infos, [graph.info(y, a.aval, b.aval) for y, a, b in rows], first.name)
    if path is not None:
        with replacing(Path(path)) as file:
            file.write(model.SerializeToString())
    return model


def _is_none(x: Any) -> bool:
    return x is None


def _name(i: int, signature: Signature) -> str:
    """How a leaf of an argument is called: its name and tree path."""
    return signature.spec.name_of(*signature.inputs[i])


def _larger(args: Sequence[Any], axes: Sequence[int | None]) -> tuple[Any, ...]:
    """The arguments of a larger batch, as shapes and dtypes."""
    leaves, structure = tree.flatten(tuple(args))
    found = [x if axis is None else _longer(x, axis) for x, axis in zip(leaves, axes, strict=True)]
    return tree.unflatten(structure, found)  # type: ignore[no-any-return]


def _longer(x: Any, axis: int) -> ShapeDtypeStruct:
    shape = list(x.shape)
    shape[axis] += MORE
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
