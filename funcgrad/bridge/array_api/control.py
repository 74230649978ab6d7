"""Primitives that hold programs: loops and branches of Python."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...control.while_passes import WhileLayout
from ...core.jaxpr import Jaxpr, NotFiniteError, constants_as_inputs
from ...core.lists import split_list
from ...core.registry import primitives
from ...transforms.staging import stage
from .forms import form, in_forms
from .namespaces import Operation, is_numpys


@form("check")
def _check(at: Operation, *xs: Any, count: int) -> Any:
    for x, a in zip(xs[:count], at.ins, strict=False):
        if not bool(at("all", at("isfinite", at.array(x, a.dtype)))):
            raise NotFiniteError()
    return True


@form("after")
def _after(at: Operation, x: Any, token: Any) -> Any:
    """The identity; as one that reads its token it keeps the check."""
    return x


@form("scan")
def _scan(
    at: Operation, *xs: Any, jaxpr: Jaxpr, length: int, reverse: bool, num_consts: int,
    num_carry: int,
) -> Any:  # fmt: skip
    n = num_consts + num_carry
    consts, carry, rows = xs[:num_consts], list(xs[num_consts:n]), xs[n:]
    made: list[list[Any]] = [[] for _ in at.outs[num_carry:]]
    for i in reversed(range(length)) if reverse else range(length):
        outs = at.run(jaxpr, [*consts, *carry, *[row[i, ...] for row in rows]])
        carry = outs[:num_carry]
        for ys, y in zip(made, outs[num_carry:], strict=True):
            ys.append(y)
    return [*carry, *[_stacked(at, ys[::-1] if reverse else ys, k + num_carry)
                      for k, ys in enumerate(made)]]  # fmt: skip


def _stacked(at: Operation, ys: Sequence[Any], k: int) -> Any:
    if all(map(is_numpys, ys)):
        return np.stack(ys) if ys else np.zeros(at.outs[k].shape, at.outs[k].dtype)
    return at("stack", [at.array(y, at.outs[k].dtype) for y in ys])


@form("cond")
def _cond(at: Operation, index: Any, *xs: Any, branches: Sequence[Jaxpr]) -> Any:
    return at.run(branches[min(max(int(index), 0), len(branches) - 1)], xs)


@form("while")
def _while(
    at: Operation, *xs: Any, cond: Jaxpr, passes: Sequence[Jaxpr],
    sizes: tuple[tuple[int, int], ...],
) -> Any:  # fmt: skip
    """The passes of a loop, of which later ones read the rows of those before."""
    cond_consts, ((consts, carry), *others) = WhileLayout(sizes).operands(xs)
    rows: list[list[Any]] = []
    while bool(at.run(cond, [*cond_consts, *carry])[0]):
        carry, row = split_list(at.run(passes[0], [*consts, *carry]), len(carry))
        rows.append(row)
    results = list(carry)
    for loop, (consts, carry) in zip(passes[1:], others, strict=True):
        rows.reverse()
        for row in rows:
            carry, more = split_list(at.run(loop, [*consts, *carry, *row]), len(carry))
            row += more
        results += carry
    return results


@form("checkpoint")
def _checkpoint(at: Operation, *xs: Any, jaxpr: Jaxpr, **params: Any) -> Any:
    return at.run(jaxpr, xs)


@form("linear_solve")
def _linear_solve(at: Operation, *xs: Any, **params: Any) -> Any:
    """The user's solver, staged."""
    prim = primitives["linear_solve"]
    closed, _ = stage("linear_solve", lambda values: list(prim.run(*values, **params)), at.ins)
    return at.run(in_forms(constants_as_inputs(closed.jaxpr)), [*closed.consts, *xs])
