"""Rules of the user's own: custom_jvp, custom_vjp, custom_gradient, custom_batch."""

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ...core import tree
from ...core.avals import Aval, aval_of
from ...core.errors import MissingRuleError, TreeError, shown
from ...core.integers import several
from ...core.jaxpr import eval_jaxpr
from ...core.pickling import found_by_name, portable
from ...core.trace import Primitive, Tracer
from ...ops.structure import zeros
from ..arguments import as_tangent, carries_derivative, check_callable, is_number, same_structure
from ..staging import stage
from .closures import labelled
from .primitives import custom_batch_p, custom_jvp_p, custom_vjp_p


class Call:
    """One call: leaves that are numbers are operands, all else is static.

    Its functions are parameters of an equation, so it holds avals for traced values: these hold
    the trace, whose equation it would be. Only ``bind`` reads the operands, and drops them.
    """

    def __init__(self, who: str, fun: Callable[..., Any], args: Sequence[Any], static: set[int]):
        self.who, self.fun, self.static = who, fun, static
        moving = [x for i, x in enumerate(args) if i not in static]
        self.args = [x if i in static else None for i, x in enumerate(args)]
        self.fixed = [args[i] for i in sorted(static)]
        leaves, self.tree = tree.flatten(tuple(moving))
        self.numeric = [is_number(x) for x in leaves]
        self.operands = [x for x, n in zip(leaves, self.numeric, strict=True) if n]
        self.leaves = [aval_of(x) if isinstance(x, Tracer) else x for x in leaves]
        self.out_tree: Any = None

    @property
    def likes(self) -> list[Any]:
        """Return the arguments that are not static, with arrays of zeros for traced values."""
        xs = [zeros(x) if isinstance(x, Aval) else x for x in self.leaves]
        return list(tree.unflatten(self.tree, xs))

    @property
    def tie(self) -> tuple[Any, ...]:
        """Return what calls with one rule must have in common, besides the operands."""
        rest = [x for x, n in zip(self.leaves, self.numeric, strict=True) if not n]
        return self.tree, tuple(map(id, (*self.fixed, *rest)))

    def moved(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the arguments that are not static, with these for their numbers."""
        rest = iter(values)
        xs = [next(rest) if n else x for x, n in zip(self.leaves, self.numeric, strict=True)]
        return tree.unflatten(self.tree, xs)

    def given(self, values: Sequence[Any]) -> list[Any]:
        """Return all arguments in the function's order."""
        moving = iter(self.moved(values))
        return [x if i in self.static else next(moving) for i, x in enumerate(self.args)]

    def leaves_of(self, out: Any) -> list[Any]:
        leaves, self.out_tree = tree.flatten(out)
        return leaves

    def flat(self, *values: Any) -> list[Any]:
        return self.leaves_of(self.fun(*self.given(values)))

    def bind(self, prim: Primitive, **rules: Any) -> Any:
        operands, self.operands = self.operands, []
        outs = prim.bind(*operands, fun=self.flat, extra=0, **rules)
        return tree.unflatten(self.out_tree, outs)

    def pair(self, out: Any, what: str, words: str) -> tuple[Any, Any]:
        if not (isinstance(out, (tuple, list)) and len(out) == 2):
            raise TypeError(f"{self.who}: {what} must return {words}: got {type(out).__name__}")
        return out[0], out[1]


class Ruled:
    """A function with rules of its own: what the decorators share."""

    who = ""

    def __init__(
        self,
        fun: Callable[..., Any],
        nondiff_argnums: int | Sequence[int] = (),
        nondiff_argnames: str | Sequence[str] = (),
    ) -> None:
        check_callable(self.who, fun)
        _dressed(self, fun)
        self.fun = fun
        names = (nondiff_argnames,) if isinstance(nondiff_argnames, str) else nondiff_argnames
        self.nondiff = [operator.index(n) for n in several(nondiff_argnums)]
        try:
            self.signature = inspect.signature(fun)
        except (TypeError, ValueError):  # a built-in without one
            self.signature = None
        for name in names:
            if self.signature is None or name not in self.signature.parameters:
                raise TypeError(
                    f"{self.who}: nondiff_argnames names {shown(name)}, no argument of it"
                )
            self.nondiff.append(list(self.signature.parameters).index(name))

    def __reduce__(self) -> Any:
        if found_by_name(self):
            return self.fun.__qualname__
        state = {k: v for k, v in vars(self).items() if not k.startswith("__")}
        return _ruled, (type(self), portable(state))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property
    def name(self) -> str:
        return f"{self.who} of {getattr(self.fun, '__name__', type(self.fun).__name__)!r}"

    def call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Call:
        """Return the call with all its arguments by position, defaults filled in."""
        if self.signature is not None:
            bound = self.signature.bind(*args, **kwargs)
            given = set(bound.kwargs) & set(kwargs)
            if hasattr(self.fun, "__code__"):  # the defaults of a built-in are not for its rule
                bound.apply_defaults()
            args, kwargs = bound.args, {name: kwargs[name] for name in given}
        if kwargs:
            raise TypeError(
                f"{self.name}: a rule takes arguments by position: got {sorted(kwargs)} by "
                f"keyword alone; take the star out of the function's signature"
            )
        static = {n % len(args) if args else n for n in self.nondiff if -len(args) <= n < len(args)}
        return Call(self.name, self.fun, args, static)

    def missing(self, method: str) -> MissingRuleError:
        return MissingRuleError(f"{self.name}: it has no rule yet: call its {method} first")


def _dressed(made: Any, fun: Any) -> None:
    """Give a wrapper the names and docstring of a function, but not the state of a wrapper."""
    functools.update_wrapper(made, fun, updated=("__dict__",) if inspect.isfunction(fun) else ())


def _ruled(kind: type, state: dict[str, Any]) -> Any:
    made = object.__new__(kind)
    _dressed(made, state["fun"])
    vars(made).update(state)
    return made


class custom_jvp(Ruled):  # noqa: N801, a decorator
    """Give a function a derivative of your own, which serves both modes.

    custom_jvp : (a -> b) -> (a -> b)

    ``defjvp`` takes the rule ``(primals, tangents) -> (out, tangent_out)``, linear in the tangents;
    arguments in ``nondiff_argnums`` or ``nondiff_argnames`` come before them. ``defjvps`` takes one
    rule an argument, ``(tangent, out, *primals) -> tangent_out`` or None, whose sum it is.

    Raises:
        TreeError: if the rule's tangent has not the structure of its output.
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

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule, and return it, so that it also works as a decorator."""
        check_callable(f"{self.name}.defjvp", rule)
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Set one rule an argument, None where an argument has no derivative."""

        def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
            out = self(*primals)
            terms = [r(t, out, *primals) for r, t in zip(rules, tangents, strict=True) if r]
            total = tree.map(zeros, out)
            for term in terms:
                total = tree.map(operator.add, total, term)
            return out, total

        self.rule = rule

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if self.rule is None:
            raise self.missing("defjvp")
        call = self.call(args, kwargs)

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            assert self.rule is not None
            out = self.rule(*call.fixed, call.moved(primals), call.moved(tangents))
            y, t = call.pair(out, "the rule", "a pair (output, tangent)")
            outs = call.leaves_of(y)
            ts = same_structure(self.name, "the rule's tangent", call.out_tree, t)
            return outs, [_tangent(self.name, t, y) for t, y in zip(ts, outs, strict=True)]

        labelled(rule, self.rule, self.name, call.tie)
        return call.bind(custom_jvp_p, rule=rule)


def _tangent(who: str, t: Any, y: Any) -> Any:
    if not carries_derivative(y):
        return zeros(y) if is_number(y) else y
    return as_tangent(who, "a tangent that the rule gives", t, aval_of(y))


class custom_vjp(Ruled):  # noqa: N801, a decorator
    """Give a function a reverse derivative of your own.

    custom_vjp : (a -> b) -> (a -> b)

    ``defvjp`` takes two functions: ``fwd(*args) -> (out, residuals)``, the residuals any tree, and
    ``bwd(residuals, ct) -> cts``, a tuple with one entry an argument, None for zero. Arguments in
    ``nondiff_argnums`` or ``nondiff_argnames`` come first in ``bwd``, and get no entry.

    Raises:
        MissingRuleError: if there is no rule yet.
        MissingDerivativeError: in forward mode, for which the rule says nothing.
        TreeError: if ``bwd`` gives another structure than that of the arguments.
        ShapeError: if a cotangent has not the shape of its argument.

    >>> import numpy as np, funcgrad as fg
    >>> @custom_vjp
    ... def clipped(x): return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1, 1),))
    >>> print(fg.grad(lambda x: 5 * clipped(x))(3.0))
    1.0
    """

    who = "custom_vjp"
    rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the rule, in its two parts."""
        check_callable(f"{self.name}.defvjp", fwd)
        check_callable(f"{self.name}.defvjp", bwd)
        self.rules = (fwd, bwd)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if self.rules is None:
            raise self.missing("defvjp")
        user_fwd, user_bwd = self.rules
        call = self.call(args, kwargs)

        def fwd(*values: Any) -> tuple[list[Any], Any]:
            out = user_fwd(*call.given(values))
            y, residuals = call.pair(out, "fwd", "a pair (output, residuals)")
            return call.leaves_of(y), residuals

        def bwd(residuals: Any, cts: Sequence[Any]) -> list[Any]:
            return _cotangents(
                call, user_bwd(*call.fixed, residuals, tree.unflatten(call.out_tree, cts))
            )

        name = repr(getattr(self.fun, "__name__", "the function"))
        labelled(fwd, user_fwd, name, call.tie)
        return call.bind(custom_vjp_p, fwd=fwd, bwd=bwd)


def _cotangents(call: Call, got: Any) -> list[Any]:
    """Return what bwd gives, for each operand: None is zero, also for a whole subtree."""
    moving = call.likes
    if not isinstance(got, (tuple, list)) or len(got) != len(moving):
        told = f"{len(got)} entries" if isinstance(got, (tuple, list)) else type(got).__name__
        raise TreeError(
            f"{call.who}: bwd must return a tuple with one entry an argument, {len(moving)}: got "
            f"{told}; None stands for zero"
        )
    what = f"{call.who}: what bwd returns"
    cts = tree.broadcast_prefix(tuple(got), tuple(moving), lambda x: x is None, what)
    found = []
    for ct, (path, x), numeric in zip(
        cts, tree.leaves_with_path(tuple(moving)), call.numeric, strict=True
    ):
        if numeric and (ct is None or not carries_derivative(x)):
            found.append(None)
        elif numeric:
            what = f"the cotangent that bwd gives at {tree.keystr(path)}"
            found.append(as_tangent(call.who, what, ct, aval_of(x)))
    return found


class Stored:
    """A program kept among residuals: a leaf that is no array."""

    def __init__(self, jaxpr: Any, treedef: Any) -> None:
        self.jaxpr, self.tree = jaxpr, treedef


def custom_gradient(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose reverse derivative ``fun`` gives with its value.

    custom_gradient : (a -> (b, CT b -> CT a)) -> (a -> b)

    Args:
        fun: gives ``(out, pullback)``. ``pullback(ct)`` gives one cotangent an argument, in a
            tuple unless there is one argument only.

    Raises:
        MissingDerivativeError: in forward mode.

    >>> import numpy as np, funcgrad as fg
    >>> f = custom_gradient(lambda x: (x * x, lambda ct: 10 * ct * x))
    >>> print(f(3.0), fg.grad(f)(3.0))
    9.0 30.0
    """
    check_callable("custom_gradient", fun)
    ruled = custom_vjp(lambda *args: fun(*args)[0])
    _dressed(ruled, fun)

    def fwd(*args: Any) -> tuple[Any, Any]:
        out, pullback = fun(*args)
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


class custom_batch(Ruled):  # noqa: N801, a decorator
    """Give a function a way of your own to run under vmap.

    custom_batch : (a -> b) -> (a -> b)

    ``def_vmap`` takes the rule ``(axis_size, in_batched, *args) -> (out, out_batched)``. Batched
    arguments have the examples along axis 0; ``in_batched`` holds booleans in the shape of each
    argument, and ``out_batched`` in that of the output. Derivatives are those of the function.

    Raises:
        MissingRuleError: under vmap, if there is no rule yet.
        TreeError: if ``out_batched`` has not the structure of the output.

    >>> import numpy as np, funcgrad as fg
    >>> @custom_batch
    ... def total(x): return sum(x)
    >>> rule = total.def_vmap(lambda size, batched, x: (np.sum(x, axis=1), True))
    >>> fg.vmap(total)(np.ones((2, 3)))
    array([3., 3.])
    """

    who = "custom_batch"
    rule: Callable[..., Any] | None = None

    def def_vmap(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule, and return it, so that it also works as a decorator."""
        check_callable(f"{self.name}.def_vmap", rule)
        self.rule = rule
        return rule

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
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
