"""checkpoint: compute again on the way back instead of keeping values.

The function becomes a program that an equation holds. Its reverse derivative is cut in two: what
the policy lets it keep is an output of the first half, and the second half computes the rest anew.
"""

import functools
import operator
from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any

from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of
from ..core.dead_code import live
from ..core.dependence import dependent
from ..core.errors import shown
from ..core.integers import several
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import chosen, parted, spread
from ..core.ownership import fresh
from ..core.pickling import picklable
from ..core.trace import Primitive
from ..ops.structure import Batched, Linear, front
from .arguments import Origin, check_callable, is_number
from .jaxprs import (
    Caller,
    apart,
    batched_program,
    given,
    hoisted,
    in_avals,
    out_avals,
    pulled_back,
    pushed,
    staged,
    tangent_avals,
)
from .partial_eval import halves
from .staging import is_staged, stage

# of a primitive, its operands' avals and its parameters: whether to keep the outputs
Policy = Callable[..., bool]


class Checkpoint(Caller):
    """``jaxpr : operands -> outs``, of which the way back keeps what ``policy`` says.

    ``prevent_cse`` tells a compiler not to merge what is computed again with what was before.
    """

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, **params: Any) -> tuple[Any, ...]:
        return fresh(jaxpr.run(*args), args)

    def inlined(self, *, jaxpr: Jaxpr, prevent_cse: bool, **params: Any) -> tuple[Jaxpr, bool]:
        return jaxpr, prevent_cse

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, jaxpr: Jaxpr, **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        flags = [t is not None for t in tangents]
        smooth = dependent(jaxpr, flags)

        def body(values: list[Any]) -> list[Any]:
            xs, ts = parted(values, len(flags))
            outs, ts = pushed(jaxpr, xs, ts, flags, smooth)
            return [*outs, *ts]

        avals = in_avals(jaxpr)
        program, operands = staged(
            "jvp of checkpoint", body, [*avals, *tangent_avals(avals, flags)]
        )
        args = [*operands, *primals, *chosen(tangents, flags)]
        outs, ts = parted(self.bind(*args, jaxpr=program, **params), len(smooth))
        if apart(primals, tangents):
            # the values as the derivative has them, because a rule may give its own
            both = lambda xs, ts: pushed(jaxpr, xs, ts, flags, smooth)
            kept = [True] * len(primals), [True] * len(smooth)
            still = [False] * len(primals)
            half = halves("checkpoint", avals, tangent_avals(avals, flags), both, kept, still)
            alone = _program(half.first, half.first.invars, half.first.outvars[: len(smooth)])
            outs = list(self.bind(*half.operands, *primals, jaxpr=alone, **params))
        return outs, spread(ts, smooth)

    def pull(
        self,
        ins: Sequence[Any],
        needs: Sequence[Any],
        *,
        jaxpr: Jaxpr,
        policy: Policy,
        **params: Any,
    ) -> tuple[Any, Any]:
        flags = [need is not None for need in needs]
        smooth, avals, m = dependent(jaxpr, flags), in_avals(jaxpr), len(jaxpr.outvars)
        seeds = chosen(out_avals(jaxpr), smooth)

        both = lambda xs, cts: pulled_back(jaxpr, xs, cts, flags, smooth)
        kept = [True] * len(ins), [False] * m
        still, masks = [False] * len(ins), is_staged(ins)
        half = halves("a derivative of checkpoint", avals, seeds, both, kept, still, masks)
        values = half.first.outvars[m:]  # what the second half reads
        saved = _saved(half.first, values, policy)
        first = _program(half.first, half.first.invars, (*half.first.outvars[:m], *saved))
        again = _program(half.first, (*half.first.invars, *saved), values)
        before, inner = half.operands, {"policy": policy, **params}
        outs, kept_values = parted(self.bind(*before, *ins, jaxpr=first, **inner), m)

        def back(xs: list[Any]) -> list[Any]:
            operands, cts = parted(xs, len(before) + len(ins) + len(saved))
            found = [None] * m + list(eval_jaxpr(again, (), operands))
            reach = {"in": operands[len(before) :], "out": found}
            return list(eval_jaxpr(half.second, (), [*half.found(reach), *cts]))

        def pull(cts: Sequence[Any]) -> list[Any]:
            args = [*before, *ins, *kept_values, *given(chosen(cts, smooth), seeds)]
            program, more = staged("checkpoint, on the way back", back, list(map(aval_of, args)))
            return spread(self.bind(*more, *args, jaxpr=program, **inner), flags)

        return outs, pull

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, jaxpr: Jaxpr, **params: Any) -> Batched:
        flags, outs = [d is not None for d in axes], [False] * len(jaxpr.outvars)
        program, operands, varied = batched_program(jaxpr, flags, outs, size)
        values = [x if d is None else front(x, d) for x, d in zip(args, axes, strict=True)]
        results = self.bind(*operands, *values, jaxpr=program, **params)
        return results, [0 if v else None for v in varied]


def _program(jaxpr: Jaxpr, invars: Sequence[Var], outvars: Sequence[Any]) -> Jaxpr:
    """Return the part of a program that leads from these variables to those."""
    given_vars = set(invars)
    eqns = [eqn for eqn in jaxpr.eqns if given_vars.isdisjoint(eqn.outs)]
    return Jaxpr(tuple(invars), (), tuple(live(eqns, outvars)), tuple(outvars))


def _saved(jaxpr: Jaxpr, values: Sequence[Any], policy: Policy) -> tuple[Var, ...]:
    """Return the variables to keep: those of the policy from which the values can be had."""
    chosen_eqns = [
        eqn for eqn in jaxpr.eqns if policy(eqn.prim, *(a.aval for a in eqn.ins), **eqn.params)
    ]
    # a named value is the operand of its name, which rules may read by itself
    keep = {v for eqn in chosen_eqns for v in (eqn.ins if eqn.prim is name_p else eqn.outs)}
    needed, saved = set(values), []
    for eqn in reversed(jaxpr.eqns):
        wanted = [v for v in eqn.outs if v in needed]
        if wanted and keep.issuperset(wanted):
            saved += wanted
        elif wanted:
            needed.update(eqn.ins)
    return tuple(saved)


class Name(Linear):
    """The identity, by whose name a policy knows a value."""

    is_view = True

    @override
    def run(self, x: Any, *, name: str) -> tuple[Any, ...]:
        return (x,)

    @override
    def infer(self, x: Aval, *, name: str) -> tuple[Aval, ...]:
        return (x,)

    @override
    def transpose(self, ct: Any, x: Any, *, name: str) -> Any:
        return ct

    def lower(self, build: Any, x: Any, *, name: str) -> Any:
        return x


checkpoint_p = Checkpoint("checkpoint")
name_p = Name("name")


# policies


def everything_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Keep every value, as without checkpoint."""
    return True


def nothing_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Keep no value: compute all of them again."""
    return False


def dots_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Keep the products of matrices, which are dear, and compute the rest again."""
    return prim.name in ("matmul", "einsum", "conv_general_dilated")


def save_only_these_names(*names: str) -> Policy:
    """Return the policy that keeps the values named so by ``checkpoint_name``."""
    return lambda prim, *avals, **params: prim is name_p and params["name"] in names


def save_any_names_but_these(*names: str) -> Policy:
    """Return the policy that keeps the values named by ``checkpoint_name``, but for these."""
    return lambda prim, *avals, **params: prim is name_p and params["name"] not in names


checkpoint_policies = SimpleNamespace(
    everything_saveable=everything_saveable,
    nothing_saveable=nothing_saveable,
    dots_saveable=dots_saveable,
    checkpoint_dots=dots_saveable,
    save_only_these_names=save_only_these_names,
    save_any_names_but_these=save_any_names_but_these,
)
_BY_WORD = {
    "everything": everything_saveable,
    "nothing": nothing_saveable,
    "dots": dots_saveable,
}


def checkpoint_name(x: Any, name: str) -> Any:
    """Return ``x``, an array or a tree, known by this name to the policies of ``checkpoint``.

    >>> checkpoint_name(2.0, "h")
    2.0
    """
    return tree.map(lambda leaf: name_p.bind(leaf, name=name)[0] if is_number(leaf) else leaf, x)


def _policy(policy: Any) -> Policy:
    if policy is None:
        return nothing_saveable
    if callable(policy):
        return policy
    if isinstance(policy, str) and policy in _BY_WORD:
        return _BY_WORD[policy]
    if not isinstance(policy, str) and isinstance(policy, Collection):
        return save_only_these_names(*policy)
    raise ValueError(
        f"checkpoint: policy must be one of {', '.join(map(repr, _BY_WORD))}, a list of names "
        f"given by checkpoint_name, or a function of checkpoint_policies: got {shown(policy)}"
    )


@picklable
def checkpoint(
    fun: Callable[..., Any],
    *,
    prevent_cse: bool = True,
    policy: str | Collection[str] | Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Callable[..., Any]:
    """Return ``fun`` so that reverse mode keeps its arguments and computes the rest again.

    checkpoint : (a -> b) -> (a -> b)

    Args:
        fun: a function of arrays, or of trees of arrays; it is traced on shapes and dtypes alone.
        prevent_cse: whether a compiler must leave apart what is computed twice.
        policy: what to keep after all: "nothing" (by default), "everything", "dots" (products of
            matrices), a list of names given by ``checkpoint_name``, or a function
            ``(primitive, *avals, **params) -> bool``, as in ``checkpoint_policies``.
        static_argnums: positions of arguments to pass as they are.

    Raises:
        ConcretizationError: if ``fun`` needs the number behind an argument that is not static.

    >>> import numpy as np, funcgrad as fg
    >>> print(fg.grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0))
    1.0
    """
    check_callable("checkpoint", fun)
    keep = _policy(policy)
    nums = [operator.index(n) for n in several(static_argnums)]

    @functools.wraps(fun)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        static = {n % len(args) for n in nums if -len(args) <= n < len(args)}
        dynamic = [None if i in static else x for i, x in enumerate(args)]
        leaves, treedef = tree.flatten((dynamic, kwargs))
        moving = [is_number(x) for x in leaves]

        def on_leaves(values: list[Any]) -> Any:
            rest = iter(values)
            xs = [next(rest) if m else x for x, m in zip(leaves, moving, strict=True)]
            positional, keywords = tree.unflatten(treedef, xs)
            return fun(
                *(args[i] if i in static else x for i, x in enumerate(positional)), **keywords
            )

        operands = chosen(leaves, moving)
        avals = [aval_of(x) for x in operands]
        closed, out_tree = stage(Origin("checkpoint", fun), on_leaves, avals, lasting=False)
        outs = checkpoint_p.bind(
            *closed.consts, *operands, jaxpr=hoisted(closed.jaxpr), policy=keep,
            prevent_cse=prevent_cse,
        )  # fmt: skip
        return tree.unflatten(out_tree, outs)

    return checkpointed


remat = checkpoint
