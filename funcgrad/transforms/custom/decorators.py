"""Decorators for custom rules: custom_jvp, custom_vjp, custom_gradient, custom_batch."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from typing_extensions import override

from ...core import tree
from ...core.avals import aval_of
from ...core.errors import TreeError
from ...core.jaxpr import eval_jaxpr
from ...core.lazy import answering
from ...ops.structure import zeros_like
from ..arguments import as_tangent, carries_derivative, check_callable, flatten_like, is_number
from ..staging import stage
from ..typevars import P, R
from .base import CustomCall, CustomFunction, with_names_of
from .closures import labelled
from .primitives import custom_batch_p, custom_jvp_p, custom_vjp_p

Rule = TypeVar("Rule", bound=Callable[..., Any])


@answering
class custom_jvp(CustomFunction[P, R]):  # noqa: N801, a decorator
    """Give a function a custom derivative for both modes.

    custom_jvp : (a -> b) -> (a -> b)

    ``defjvp`` takes the rule ``(primals, tangents) -> (out, tangent_out)``, linear in the tangents;
    arguments in ``nondiff_argnums`` or ``nondiff_argnames`` come before them. ``defjvps`` takes one
    rule per argument, ``(tangent, out, *primals) -> tangent_out`` or None, and adds the results.

    Raises:
        TreeError: if the rule's tangent differs in structure from its output.
        MissingRuleError: if there is no rule, or it is not linear in the tangents.

    >>> import numpy as np, funcgrad as fg
    >>> @custom_jvp
    ... def log1pexp(x): return np.log(1 + np.exp(x))
    >>> rule = lambda p, t: (log1pexp(*p), t[0] / (1 + np.exp(-p[0])))
    >>> rule = log1pexp.defjvp(rule)
    >>> print(fg.grad(log1pexp)(0.0))
    0.5
    """

    who = "custom_jvp"
    rule: Callable[..., Any] | None = None

    @answering
    def defjvp(self, rule: Rule) -> Rule:
        """Set the rule, and return it, so that it also works as a decorator."""
        check_callable(f"{self.name}.defjvp", rule)
        self.rule = rule
        return rule

    @answering
    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Set one rule per argument, None for an argument without a derivative."""
        call: Callable[..., Any] = self

        def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
            if len(rules) != len(tangents):
                raise TypeError(
                    f"{self.name}.defjvps: there must be one rule for each of {len(tangents)} "
                    f"arguments: got {len(rules)}; give None for an argument without a derivative"
                )
            out = call(*primals)
            terms = [r(t, out, *primals) for r, t in zip(rules, tangents, strict=True) if r]
            total = tree.map(zeros_like, out)
            for term in terms:
                total = tree.map(operator.add, total, term)
            return out, total

        self.rule = rule

    @override
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.rule is None:
            raise self.missing("defjvp")
        call = self.call(args, kwargs)

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            assert self.rule is not None
            pairs = call.dynamic_arguments(primals), call.dynamic_arguments(tangents)
            out = call.ruled("rule(primals, tangents)", self.rule, *call.fixed, *pairs)
            y, t = call.pair(out, "the rule", "a pair (output, tangent)")
            outs = call.leaves_of(y)
            ts = flatten_like(self.name, "the rule's tangent", call.out_tree, t)
            return outs, [_tangent(self.name, t, y) for t, y in zip(ts, outs, strict=True)]

        labelled(rule, self.rule, self.name, call.tie)
        return call.bind(custom_jvp_p, rule=rule)


def _tangent(who: str, t: Any, y: Any) -> Any:
    if not carries_derivative(y):
        return zeros_like(y) if is_number(y) else y
    return as_tangent(who, "a tangent of the rule", t, aval_of(y))


@answering
class custom_vjp(CustomFunction[P, R]):  # noqa: N801, a decorator
    """Give a function a custom derivative for reverse mode.

    custom_vjp : (a -> b) -> (a -> b)

    ``defvjp`` takes two functions: ``fwd(*args) -> (out, residuals)``, the residuals any tree, and
    ``bwd(residuals, ct) -> cts``, a tuple with one entry per argument, None for zero. Arguments in
    ``nondiff_argnums`` or ``nondiff_argnames`` come first in ``bwd``, and have no entry.

    Raises:
        MissingRuleError: if there is no rule yet.
        MissingDerivativeError: in forward mode, for which there is no rule.
        TreeError: if cotangents and arguments differ in structure.
        ShapeError: if a cotangent and its argument differ in shape.

    >>> import numpy as np, funcgrad as fg
    >>> @custom_vjp
    ... def clipped(x): return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1, 1),))
    >>> print(fg.grad(lambda x: 5 * clipped(x))(3.0))
    1.0
    """

    who = "custom_vjp"
    rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    @answering
    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the two parts of the rule."""
        check_callable(f"{self.name}.defvjp", fwd)
        check_callable(f"{self.name}.defvjp", bwd)
        self.rules = (fwd, bwd)

    @override
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.rules is None:
            raise self.missing("defvjp")
        user_fwd, user_bwd = self.rules
        call = self.call(args, kwargs)

        def fwd(*values: Any) -> tuple[list[Any], Any]:
            out = call.ruled("fwd(*args)", user_fwd, *call.given(values))
            y, residuals = call.pair(out, "fwd", "a pair (output, residuals)")
            return call.leaves_of(y), residuals

        def bwd(residuals: Any, cts: Sequence[Any]) -> list[Any]:
            ct = tree.unflatten(call.out_tree, cts)
            form = "bwd(*nondiff, residuals, ct)" if call.fixed else "bwd(residuals, ct)"
            return _cotangents(call, call.ruled(form, user_bwd, *call.fixed, residuals, ct))

        name = repr(getattr(self.fun, "__name__", "the function"))
        labelled(fwd, user_fwd, name, call.tie)
        return call.bind(custom_vjp_p, fwd=fwd, bwd=bwd)


def _cotangents(call: CustomCall, got: Any) -> list[Any]:
    """The cotangent of each operand, as bwd returned it; None is zero, also for a subtree."""
    dynamic = call.likes
    if not isinstance(got, (tuple, list)) or len(got) != len(dynamic):
        told = f"{len(got)} entries" if isinstance(got, (tuple, list)) else type(got).__name__
        raise TreeError(
            f"{call.who}: bwd must return a tuple with one entry per argument, {len(dynamic)}: got "
            f"{told}; return None for a zero cotangent"
        )
    who = f"{call.who}: the result of bwd"
    cts = tree.broadcast_prefix(tuple(got), tuple(dynamic), lambda x: x is None, who)
    found: list[Any] = []
    for ct, (path, x), numeric in zip(
        cts, tree.leaves_with_path(tuple(dynamic)), call.numeric, strict=True
    ):
        if numeric and (ct is None or not carries_derivative(x)):
            found.append(None)
        elif numeric:
            name = f"the cotangent of bwd at {tree.keystr(path)}"
            found.append(as_tangent(call.who, name, ct, aval_of(x)))
    return found


class Stored:
    """A program among residuals: a leaf that is no array."""

    def __init__(self, jaxpr: Any, treedef: Any) -> None:
        self.jaxpr, self.tree = jaxpr, treedef


@answering
def custom_gradient(fun: Callable[P, tuple[R, Callable[..., Any]]]) -> custom_vjp[P, R]:
    """Give a function a custom reverse derivative, which it returns with its value.

    custom_gradient : (a -> (b, CT b -> CT a)) -> (a -> b)

    Args:
        fun: returns ``(out, pullback)``. ``pullback(ct)`` returns a tuple with one cotangent per
            argument, or the cotangent itself for a single argument.

    Raises:
        MissingDerivativeError: in forward mode.

    >>> import numpy as np, funcgrad as fg
    >>> f = custom_gradient(lambda x: (x * x, lambda ct: 10 * ct * x))
    >>> print(f(3.0), fg.grad(f)(3.0))
    9.0 30.0
    """
    check_callable("custom_gradient", fun)
    of_arguments: Callable[..., Any] = fun

    def both(*args: Any) -> tuple[Any, Any]:
        found: Any = of_arguments(*args)
        if not (isinstance(found, tuple) and len(found) == 2 and callable(found[1])):
            raise TypeError(
                f"custom_gradient: the function must return (output, pullback): got "
                f"{type(found).__name__}; return x**2, lambda ct: 2 * x * ct"
            )
        return found

    ruled: Any = custom_vjp(lambda *args: both(*args)[0])
    with_names_of(ruled, fun)

    def fwd(*args: Any) -> tuple[Any, Any]:
        out, pullback = both(*args)
        leaves, treedef = tree.flatten(out)
        back = lambda cts: pullback(tree.unflatten(treedef, cts))
        avals = [aval_of(y) for y in leaves]
        closed, ct_tree = stage("the pullback of a custom_gradient", back, avals)
        return out, (list(closed.consts), Stored(closed.jaxpr, ct_tree))

    def bwd(residuals: Any, ct: Any) -> tuple[Any, ...]:
        consts, stored = residuals
        cts = eval_jaxpr(stored.jaxpr, consts, tree.leaves(ct))
        got = tree.unflatten(stored.tree, cts)
        return got if isinstance(got, tuple) else (got,)

    ruled.defvjp(fwd, bwd)
    return ruled


@answering
class custom_batch(CustomFunction[P, R]):  # noqa: N801, a decorator
    """Give a function a custom rule for vmap.

    custom_batch : (a -> b) -> (a -> b)

    ``def_vmap`` takes the rule ``(axis_size, in_batched, *args) -> (out, out_batched)``. Batched
    arguments have the examples along axis 0. ``in_batched`` is one tree of booleans per argument,
    ``out_batched`` a tree of booleans like the output. Derivatives are those of the function.

    Raises:
        MissingRuleError: under vmap, if there is no rule yet.
        TreeError: if ``out_batched`` and the output differ in structure.

    >>> import numpy as np, funcgrad as fg
    >>> @custom_batch
    ... def total(x): return sum(x)
    >>> rule = total.def_vmap(lambda size, batched, x: (np.sum(x, axis=1), True))
    >>> fg.vmap(total)(np.ones((2, 3)))
    array([3., 3.])
    """

    who = "custom_batch"
    rule: Callable[..., Any] | None = None

    @answering
    def def_vmap(self, rule: Rule) -> Rule:
        """Set the rule, and return it, so that it also works as a decorator."""
        check_callable(f"{self.name}.def_vmap", rule)
        self.rule = rule
        return rule

    @override
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        call = self.call(args, kwargs)

        def rule(size: int, flags: Sequence[bool], values: Sequence[Any]) -> tuple[Any, Any]:
            if self.rule is None:
                raise self.missing("def_vmap")
            rest = iter(flags)
            marks = [next(rest) if n else False for n in call.numeric]
            batched = tree.unflatten(call.tree, marks)
            out = self.rule(size, list(batched), *call.given(values))
            y, out_batched = call.pair(out, "the rule", "a pair (output, out_batched)")
            outs = call.leaves_of(y)
            return outs, tree.broadcast_prefix(out_batched, y, None, f"{self.name}: out_batched")

        return call.bind(custom_batch_p, rule=rule)
