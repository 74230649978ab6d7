"""Primitives that hold programs, in ONNX: Scan, If and Loop."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from ..core.jaxpr import Jaxpr
from . import onnx_functions, onnx_indexing  # they enter their rules
from .onnx_graph import Graph, Node, written
from .onnx_rules import RULES, rule

__all__ = ["RULES", "onnx_functions", "onnx_indexing"]


def _graph(
    g: Graph, jaxprs: tuple[Jaxpr, Jaxpr], known: Sequence[str], name: str
) -> tuple[Any, Graph]:
    """A graph inside another; its first inputs are values of the outer one."""
    inner, n = Graph(g.batch, g), len(known)
    first, second = jaxprs
    names = [inner.name() for _ in first.invars[n:]]
    pairs = zip(names, first.invars[n:], second.invars[n:], strict=True)
    inputs = [inner.info(v, a.aval, b.aval) for v, a, b in pairs]
    outs = written(inner, jaxprs, [*known, *names], RULES)
    outs = [inner("Identity", y) for y in outs]  # an output of its own, also of an input
    rows = zip(outs, first.outvars, second.outvars, strict=True)
    outputs = [inner.info(y, a.aval, b.aval) for y, a, b in rows]
    return helper.make_graph(inner.nodes, name, inputs, outputs, inner.tensors()), inner


@rule("scan")
def _scan(g: Graph, node: Node, *xs: str) -> list[str]:
    params = node.eqn.params
    n, k = params["num_consts"], params["num_carry"]
    carry = [
        x if a.aval.dtype == v.aval.dtype else g.cast(x, v.aval.dtype)
        for x, a, v in zip(xs[n : n + k], node.eqn.ins[n:], node.eqn.outs, strict=False)
    ]
    first, second = params["length"], node.other.params["length"]
    if first == second:
        return _steps(g, node, xs[:n], carry, xs[n + k :]) if first else _no_steps(g, node, carry)
    assert g.batch is not None
    if g.batch.line(first, second)[1] >= 0:
        return _steps(g, node, xs[:n], carry, xs[n + k :])
    taken, rest = Graph(g.batch, g), Graph(g.batch, g)  # onnxruntime refuses a Scan of no steps
    then = _branch(taken, node, _steps(taken, node, xs[:n], carry, xs[n + k :]), "steps")
    other = _branch(rest, node, _no_steps(rest, node, carry), "none")
    some = g("Greater", g("Squeeze", g.lengths([first], [second])), g.constant(np.int64(0)))
    return g.many("If", [some], len(node.eqn.outs), then_branch=then, else_branch=other)


def _steps(
    g: Graph, node: Node, consts: Sequence[str], carry: Sequence[str], rows: Sequence[str]
) -> list[str]:
    """A loop of at least one step."""
    params, back = node.eqn.params, int(node.eqn.params["reverse"])
    body, inner = _graph(g, (params["jaxpr"], node.other.params["jaxpr"]), consts, "step")
    if not rows:  # Scan counts its steps by rows
        length = g.lengths([params["length"]], [node.other.params["length"]])
        rows = [g("ConstantOfShape", length)]
        step = helper.make_tensor_value_info(inner.name(), 1, [])
        body.input.append(step)
    ys = len(node.eqn.outs) - len(carry)
    directions = {"scan_output_directions": [back] * ys} if ys else {}
    return g.many(
        "Scan", [*carry, *rows], len(node.eqn.outs), body=body, num_scan_inputs=len(rows),
        scan_input_directions=[back] * len(rows), **directions,
    )  # fmt: skip


def _no_steps(g: Graph, node: Node, carry: Sequence[str]) -> list[str]:
    """A loop of no steps: its carry, and empty rows."""
    zeros = lambda i: g.constant(np.zeros((), node.eqn.outs[i].aval.dtype))
    ys = range(len(carry), len(node.eqn.outs))
    return [*carry, *(g("Expand", zeros(i), g.lengths(*node.shape_out(i))) for i in ys)]


def _branch(inner: Graph, node: Node, outs: Sequence[str], name: str) -> Any:
    """A branch of If, which gives the results of an equation."""
    outs = [inner("Identity", y) for y in outs]
    rows = zip(outs, node.eqn.outs, node.other.outs, strict=True)
    infos = [inner.info(y, a.aval, b.aval) for y, a, b in rows]
    return helper.make_graph(inner.nodes, name, [], infos, inner.tensors())


@rule("cond")
def _cond(g: Graph, node: Node, index: str, *xs: str) -> list[str]:
    """Branches as a chain of If, by comparison of the index."""
    pairs = list(zip(node.eqn.params["branches"], node.other.params["branches"], strict=True))
    number = g.cast(index, np.dtype(np.int64))
    return _choice(g, number, pairs, xs, 0, len(node.eqn.outs))


def _choice(
    g: Graph, number: str, pairs: Sequence[Any], xs: Sequence[str], i: int, count: int
) -> list[str]:
    take, _ = _graph(g, pairs[i], xs, f"branch{i}")
    if i == len(pairs) - 2:
        rest, _ = _graph(g, pairs[-1], xs, f"branch{i + 1}")
    else:
        inner = Graph(g.batch, g)
        outs = _choice(inner, number, pairs, xs, i + 1, count)
        rows = zip(outs, pairs[0][0].outvars, pairs[0][1].outvars, strict=True)
        infos = [inner.info(y, a.aval, b.aval) for y, a, b in rows]
        rest = helper.make_graph(inner.nodes, "rest", [], infos, inner.tensors())
    is_it = g("LessOrEqual", number, g.constant(np.asarray(i, np.int64)))
    return g.many("If", [is_it], count, then_branch=take, else_branch=rest)


@rule("while")
def _while(g: Graph, node: Node, *xs: str) -> list[str]:
    """Loop tests its condition after the body: the first test stands before it."""
    params, other = node.eqn.params, node.other.params
    (consts, carried), own = params["sizes"][0], 0
    own = len(params["cond"].invars) - carried
    of_cond, of_body, start = xs[:own], xs[own : own + consts], xs[own + consts :]
    jaxprs = (params["cond"], other["cond"]), (params["passes"][0], other["passes"][0])
    (going,) = written(g, jaxprs[0], [*of_cond, *start], RULES)
    inner = Graph(g.batch, g)
    names = [inner.name() for _ in range(carried + 2)]
    outs = written(inner, jaxprs[1], [*of_body, *names[2:]], RULES)
    (again,) = written(inner, jaxprs[0], [*of_cond, *outs], RULES)
    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    avals = list(zip(*[[v.aval for v in j.outvars] for j in jaxprs[1]], strict=True))
    ins = [scalar(names[0], 7), scalar(names[1], 9)]
    ins += [inner.info(v, a, b) for v, (a, b) in zip(names[2:], avals, strict=True)]
    results = [inner("Identity", y) for y in (again, *outs)]
    infos = [scalar(results[0], 9)]
    infos += [inner.info(v, a, b) for v, (a, b) in zip(results[1:], avals, strict=True)]
    body = helper.make_graph(inner.nodes, "step", ins, infos, inner.tensors())
    return g.many("Loop", ["", going, *start], carried, body=body)
