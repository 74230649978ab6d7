"""checkpoint (rematerialization): recompute residuals in the backward pass instead of storing them.

The function becomes a program that an equation holds. Its reverse derivative is partially
evaluated: the residuals that the policy saves are outputs of the known part, the others are
recomputed.
"""

import functools
import operator
from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any

from typing_extensions import override

from ..core import tree
from ..core.avals import Aval, aval_of
from ..core.branches import everything
from ..core.companions import Codegen
from ..core.dead_code import live
from ..core.effects import params_without_effects, without_effects
from ..core.errors import ConcretizationError, shown
from ..core.integers import several
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Var, constants_as_inputs, eval_jaxpr
from ..core.lazy import answering
from ..core.lists import compress, split_list
from ..core.ownership import unaliased_outputs
from ..core.pickling import picklable
from ..core.trace import Primitive
from ..ops.dependences import Keeping
from ..ops.layout import body_value
from ..ops.structure import Linear
from .arguments import Origin, check_callable, is_number
from .jaxpr_primitive import CallPrimitive, Later, Reach, WithTangents
from .jaxprs import in_avals, trace_to_jaxpr
from .partial_eval import PartialEval, partial_eval_jaxpr
from .staging import is_staged, stage
from .typevars import P, R

# primitive, *avals of the operands, **params -> whether to save the outputs
Policy = Callable[..., bool]


class Checkpoint(CallPrimitive):
    """``jaxpr : operands -> outs``; the backward pass reads the residuals that ``policy`` saves.

    ``prevent_cse``: the compiler must not merge recomputed operations with the original ones.
    """

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, **params: Any) -> tuple[Any, ...]:
        return unaliased_outputs(jaxpr.run(*args), args)

    def inline(self, *, jaxpr: Jaxpr, prevent_cse: bool, **params: Any) -> tuple[Jaxpr, bool]:
        return jaxpr, prevent_cse

    @override
    def partial_eval(
        self,
        kind: str,
        args: Any,
        seeds: Any,
        step: WithTangents,
        reach: Reach,
        params: dict[str, Any],
    ) -> tuple[Sequence[Any], Later]:
        jaxpr = params["jaxpr"]
        both, avals, m = functools.partial(step, jaxpr), in_avals(jaxpr), len(jaxpr.outvars)
        kept = [True] * len(args), [kind == "jvp"] * m
        constant, masks = [False] * len(args), kind == "jvp" or is_staged(args)
        origin = f"a derivative of {self.name}"
        cut = partial_eval_jaxpr(origin, avals, seeds, both, kept, constant, masks)
        if kind == "jvp":
            # the outputs of the derivative's known part: a custom rule may compute its own
            alone = _program(cut.known, cut.known.invars, cut.known.outvars[:m])
            outs = self.bind(*cut.consts, *args, **{**params, "jaxpr": alone})
            again = params_without_effects(params)
            return outs, lambda ts: self.apply_dual(args, ts, reach, step, again)[1]
        return self.recomputed(cut, args, params)

    def recomputed(
        self, cut: PartialEval, args: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Sequence[Any], Later]:
        """Save the residuals of the policy; recompute the others in the backward pass."""
        m, before = len(params["jaxpr"].outvars), cut.consts
        residuals = cut.known.outvars[m:]
        saved = _saved(cut.known, residuals, params["policy"])
        first = _program(cut.known, cut.known.invars, (*cut.known.outvars[:m], *saved))
        again = _program(without_effects(cut.known), (*cut.known.invars, *saved), residuals)
        outs = self.bind(*before, *args, **{**params, "jaxpr": first})
        outs, kept_values = split_list(outs, m)

        def back(xs: list[Any]) -> list[Any]:
            operands, cts = split_list(xs, len(before) + len(args) + len(saved))
            found = [None] * m + list(eval_jaxpr(again, (), operands))
            available = {"in": operands[len(before) :], "out": found}
            return list(eval_jaxpr(cut.unknown, (), [*cut.residuals(available), *cts]))

        def later(cts: Sequence[Any]) -> Sequence[Any]:
            operands = [*before, *args, *kept_values, *cts]
            avals = list(map(aval_of, operands))
            program, more = trace_to_jaxpr("checkpoint, in the backward pass", back, avals)
            return self.bind(*more, *operands, **{**params, "jaxpr": program})

        return outs, later


def _program(jaxpr: Jaxpr, invars: Sequence[Var], outvars: Sequence[Any]) -> Jaxpr:
    """The part of a program that computes ``outvars`` from ``invars``."""
    given_vars = set(invars)
    eqns = [eqn for eqn in jaxpr.eqns if given_vars.isdisjoint(eqn.outs)]
    return Jaxpr(tuple(invars), (), tuple(live(eqns, outvars)), tuple(outvars))


def _saved(jaxpr: Jaxpr, values: Sequence[Any], policy: Policy) -> tuple[Var, ...]:
    """The variables to save: those that the policy allows and ``values`` depend on."""
    chosen_eqns = [
        eqn for eqn in jaxpr.eqns if policy(eqn.prim, *(a.aval for a in eqn.ins), **eqn.params)
    ]
    # the operand of a name is saved, because rules may read it instead of the output
    keep = {v for eqn in chosen_eqns for v in (eqn.ins if eqn.prim is name_p else eqn.outs)}
    needed, saved = set(values), []
    for eqn in reversed(jaxpr.eqns):
        wanted = [v for v in eqn.outs if v in needed]
        if wanted and keep.issuperset(wanted):
            saved += wanted
        elif wanted:
            needed.update(eqn.ins)
    return tuple(saved)


class Name(Linear, Codegen, Keeping):
    """The identity; ``name`` identifies the value to a policy."""

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

    def decompose(self, x: Any, *, name: str) -> Any:
        return (x,)

    def lower(self, build: Any, x: Any, *, name: str) -> Any:
        return x


checkpoint_p = Checkpoint("checkpoint")
name_p = Name("name")


# policies


def everything_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Save all residuals, as without checkpoint."""
    return True


def nothing_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Save no residual: recompute all of them."""
    return False


def dots_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Save matrix products and convolutions, which are expensive, and recompute the rest."""
    return prim.name in ("matmul", "einsum", "conv_general_dilated")


def save_only_these_names(*names: str) -> Policy:
    """A policy that saves only values with these names, given by ``checkpoint_name``."""
    return lambda prim, *avals, **params: prim is name_p and params["name"] in names


def save_any_names_but_these(*names: str) -> Policy:
    """A policy that saves values named by ``checkpoint_name``, except those with these names."""
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


@answering
def checkpoint_name(x: Any, name: str) -> Any:
    """Name the arrays of a tree for the policies of ``checkpoint``; the values are unchanged.

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
    known = isinstance(policy, str) and hasattr(checkpoint_policies, policy)
    raise ValueError(
        f"checkpoint: policy must be one of {', '.join(map(repr, _BY_WORD))}, a list of names, or "
        f"a function: got {shown(policy)}; "
        + (f"write checkpoint_policies.{policy}" if known else "checkpoint_policies has others")
    )


@picklable
@answering
def checkpoint(
    fun: Callable[P, R],
    *,
    prevent_cse: bool = True,
    policy: str | Collection[str] | Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Callable[P, R]:
    """Reduce the memory of reverse mode: store the arguments, and recompute the residuals.

    checkpoint : (a -> b) -> (a -> b)

    Args:
        fun: a function of arrays, or of trees of arrays; it is traced on shapes and dtypes alone.
            Traced values that it closes over are as arguments, unless it branches on them.
        prevent_cse: whether common subexpression elimination must keep recomputed operations.
        policy: the residuals to store: "nothing" (by default), "everything", "dots" (matrix
            products and convolutions), a list of names given by ``checkpoint_name``, or a function
            ``(primitive, *avals, **params) -> bool``, as in ``checkpoint_policies``.
        static_argnums: positions of arguments that are not traced.

    Raises:
        ConcretizationError: if ``fun`` needs the concrete value of an argument that is not static.

    >>> import numpy as np, funcgrad as fg
    >>> print(fg.grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0))
    1.0
    """
    check_callable("checkpoint", fun)
    call: Callable[..., Any] = fun
    keep = _policy(policy)
    nums = [operator.index(n) for n in several(static_argnums)]

    @functools.wraps(fun)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        static = {n % len(args) for n in nums if -len(args) <= n < len(args)}
        varied = [None if i in static else x for i, x in enumerate(args)]
        leaves, treedef = tree.flatten((varied, kwargs))
        dynamic = [is_number(x) for x in leaves]

        def on_leaves(values: list[Any]) -> Any:
            rest = iter(values)
            xs = [next(rest) if d else x for x, d in zip(leaves, dynamic, strict=True)]
            positional, keywords = tree.unflatten(treedef, xs)
            return call(
                *(args[i] if i in static else x for i, x in enumerate(positional)), **keywords
            )

        operands = compress(leaves, dynamic)
        avals = [aval_of(x) for x in operands]
        closed, out_tree = _staged(Origin("checkpoint", fun), on_leaves, avals)
        outs = checkpoint_p.bind(
            *closed.consts, *operands, jaxpr=constants_as_inputs(closed.jaxpr), policy=keep,
            prevent_cse=prevent_cse,
        )  # fmt: skip
        return tree.unflatten(out_tree, map(body_value, outs))

    return checkpointed


def _staged(origin: Origin, fun: Any, avals: Sequence[Aval]) -> tuple[ClosedJaxpr, tree.TreeDef]:
    """Stage a function with what it closes over, unless it branches on that."""
    try:
        return stage(origin, fun, avals, lasting=False, takes=everything)
    except ConcretizationError:
        return stage(origin, fun, avals, lasting=False)


remat = checkpoint
