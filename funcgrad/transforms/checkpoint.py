"""checkpoint: compute again on the way back instead of keeping values.

The function becomes a program that an equation holds. Its reverse derivative is partially
evaluated: the residuals that the policy keeps are outputs of the known part, the rest is computed
again.
"""

import functools
import operator
from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any

from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of
from ..core.companions import Codegen
from ..core.dead_code import live
from ..core.dependence import dependent
from ..core.errors import shown
from ..core.integers import several
from ..core.jaxpr import Jaxpr, Var, eval_jaxpr
from ..core.lists import compress, expand, split_list
from ..core.ownership import fresh
from ..core.pickling import picklable
from ..core.trace import Primitive
from ..ops.structure import Batched, Linear, front
from .arguments import Origin, check_callable, is_number
from .jaxprs import (
    Caller,
    batch_jaxpr,
    constants_as_inputs,
    eval_jvp,
    eval_vjp,
    in_avals,
    instantiate_zeros,
    is_linearizing,
    out_avals,
    tangent_avals,
    trace_to_jaxpr,
)
from .partial_eval import partial_eval_jaxpr
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

    def inline(self, *, jaxpr: Jaxpr, prevent_cse: bool, **params: Any) -> tuple[Jaxpr, bool]:
        return jaxpr, prevent_cse

    def value_and_jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, jaxpr: Jaxpr, **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        flags = [t is not None for t in tangents]
        smooth = dependent(jaxpr, flags)

        def body(values: list[Any]) -> list[Any]:
            xs, ts = split_list(values, len(flags))
            outs, ts = eval_jvp(jaxpr, xs, ts, flags, smooth)
            return [*outs, *ts]

        avals = in_avals(jaxpr)
        program, operands = trace_to_jaxpr(
            "jvp of checkpoint", body, [*avals, *tangent_avals(avals, flags)]
        )
        args = [*operands, *primals, *compress(tangents, flags)]
        outs, ts = split_list(self.bind(*args, jaxpr=program, **params), len(smooth))
        if is_linearizing(primals, tangents):
            # the values as the derivative has them, because a rule may give its own
            both = lambda xs, ts: eval_jvp(jaxpr, xs, ts, flags, smooth)
            kept = [True] * len(primals), [True] * len(smooth)
            constant = [False] * len(primals)
            cut = partial_eval_jaxpr(
                "checkpoint", avals, tangent_avals(avals, flags), both, kept, constant
            )
            alone = _program(cut.known, cut.known.invars, cut.known.outvars[: len(smooth)])
            outs = list(self.bind(*cut.consts, *primals, jaxpr=alone, **params))
        return outs, expand(ts, smooth)

    def value_and_vjp(
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
        seeds = compress(out_avals(jaxpr), smooth)

        both = lambda xs, cts: eval_vjp(jaxpr, xs, cts, flags, smooth)
        kept = [True] * len(ins), [False] * m
        constant, masks = [False] * len(ins), is_staged(ins)
        cut = partial_eval_jaxpr(
            "a derivative of checkpoint", avals, seeds, both, kept, constant, masks
        )
        values = cut.known.outvars[m:]  # the residuals
        saved = _saved(cut.known, values, policy)
        first = _program(cut.known, cut.known.invars, (*cut.known.outvars[:m], *saved))
        again = _program(cut.known, (*cut.known.invars, *saved), values)
        before, inner = cut.consts, {"policy": policy, **params}
        outs, kept_values = split_list(self.bind(*before, *ins, jaxpr=first, **inner), m)

        def back(xs: list[Any]) -> list[Any]:
            operands, cts = split_list(xs, len(before) + len(ins) + len(saved))
            found = [None] * m + list(eval_jaxpr(again, (), operands))
            available = {"in": operands[len(before) :], "out": found}
            return list(eval_jaxpr(cut.unknown, (), [*cut.residuals(available), *cts]))

        def pull(cts: Sequence[Any]) -> list[Any]:
            args = [*before, *ins, *kept_values, *instantiate_zeros(compress(cts, smooth), seeds)]
            program, more = trace_to_jaxpr(
                "checkpoint, on the way back", back, list(map(aval_of, args))
            )
            return expand(self.bind(*more, *args, jaxpr=program, **inner), flags)

        return outs, pull

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, jaxpr: Jaxpr, **params: Any) -> Batched:
        flags, outs = [d is not None for d in axes], [False] * len(jaxpr.outvars)
        program, operands, varied = batch_jaxpr(jaxpr, flags, outs, size)
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


class Name(Linear, Codegen):
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

        operands = compress(leaves, moving)
        avals = [aval_of(x) for x in operands]
        closed, out_tree = stage(Origin("checkpoint", fun), on_leaves, avals, lasting=False)
        outs = checkpoint_p.bind(
            *closed.consts, *operands, jaxpr=constants_as_inputs(closed.jaxpr), policy=keep,
            prevent_cse=prevent_cse,
        )  # fmt: skip
        return tree.unflatten(out_tree, outs)

    return checkpointed


remat = checkpoint
