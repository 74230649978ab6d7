"""A function with custom rules, and one call of it: the base of the decorators."""

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Generic, Self, overload

from ...core import tree
from ...core.avals import Aval, aval_of
from ...core.errors import MissingRuleError, shown
from ...core.integers import several
from ...core.lazy import is_inside_call
from ...core.outline import outline
from ...core.pickling import found_by_name, portable
from ...core.trace import Primitive, Tracer
from ...ops.structure import zeros_like
from ..arguments import check_callable, is_number
from ..reverse import value_and_vjp
from ..typevars import P, Q, R
from ..untraced import handing_of


class CustomCall:
    """One call: numeric leaves are operands, all others are static.

    Its methods become parameters of an equation. It holds avals in place of traced values, which
    would refer to the trace of that equation; ``bind`` reads the operands once, and drops them.
    """

    def __init__(self, who: str, fun: Callable[..., Any], args: Sequence[Any], static: set[int]):
        self.who, self.fun, self.static = who, fun, static
        dynamic = [x for i, x in enumerate(args) if i not in static]
        self.args = [x if i in static else None for i, x in enumerate(args)]
        self.fixed = [args[i] for i in sorted(static)]
        leaves, self.tree = tree.flatten(tuple(dynamic))
        self.numeric = [is_number(x) for x in leaves]
        self.operands = [x for x, n in zip(leaves, self.numeric, strict=True) if n]
        self.leaves = [aval_of(x) if isinstance(x, Tracer) else x for x in leaves]
        self.out_tree: Any = None

    @property
    def likes(self) -> list[Any]:
        """The arguments that are not static, with zeros in place of traced values."""
        xs = [zeros_like(x) if isinstance(x, Aval) else x for x in self.leaves]
        return list(tree.unflatten(self.tree, xs))

    @property
    def tie(self) -> tuple[Any, ...]:
        """The structure and static leaves; calls with equal ties may share a rule."""
        rest = [x for x, n in zip(self.leaves, self.numeric, strict=True) if not n]
        return self.tree, tuple(map(id, (*self.fixed, *rest)))

    def dynamic_arguments(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments that are not static, with these operands."""
        rest = iter(values)
        xs = [next(rest) if n else x for x, n in zip(self.leaves, self.numeric, strict=True)]
        return tree.unflatten(self.tree, xs)

    def given(self, values: Sequence[Any]) -> list[Any]:
        """All arguments in the function's order, with these operands."""
        dynamic = iter(self.dynamic_arguments(values))
        return [x if i in self.static else next(dynamic) for i, x in enumerate(self.args)]

    def leaves_of(self, out: Any) -> list[Any]:
        leaves, self.out_tree = tree.flatten(out)
        return leaves

    def flat(self, *values: Any) -> list[Any]:
        return self.leaves_of(self.fun(*self.given(values)))

    def bind(self, prim: Primitive, **rules: Any) -> Any:
        operands, self.operands = self.operands, []
        outs = prim.bind(*operands, fun=self.flat, extra=0, **rules)
        return tree.unflatten(self.out_tree, outs)

    def ruled(self, form: str, rule: Callable[..., Any], *args: Any) -> Any:
        """Call a part of the rule; its arguments are named if it does not take them."""
        try:
            return rule(*args)
        except TypeError as err:
            if is_inside_call(err):
                raise
            raise TypeError(
                f"{self.who}: the rule does not take the arguments of its call: got {err}; write "
                f"{form}"
            ) from None

    def pair(self, out: Any, what: str, words: str) -> tuple[Any, Any]:
        if not (isinstance(out, (tuple, list)) and len(out) == 2):
            cure = words.removeprefix("a pair ")
            raise TypeError(
                f"{self.who}: {what} must return {words}: got {type(out).__name__}; return {cure}"
            )
        return out[0], out[1]


class CustomFunction(Generic[P, R]):
    """A function with custom rules."""

    who = ""

    def __init__(
        self,
        fun: Callable[P, R],
        nondiff_argnums: int | Sequence[int] = (),
        nondiff_argnames: str | Sequence[str] = (),
    ) -> None:
        check_callable(self.who, fun)
        with_names_of(self, fun)
        self.fun = fun
        names = (nondiff_argnames,) if isinstance(nondiff_argnames, str) else nondiff_argnames
        self.nondiff = [operator.index(n) for n in several(nondiff_argnums)]
        try:
            self.signature: inspect.Signature | None = inspect.signature(fun)
        except (TypeError, ValueError):  # a built-in without one
            self.signature = None
        for name in names:
            if self.signature is None or name not in self.signature.parameters:
                raise TypeError(
                    f"{self.who}: nondiff_argnames names {shown(name)}, which is no argument of "
                    f"the function"
                    "; name one of its parameters"
                )
            self.nondiff.append(list(self.signature.parameters).index(name))

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return self.who, [("", self.fun)]

    __repr__ = outline

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        raise NotImplementedError

    def __reduce__(self) -> Any:
        if found_by_name(self):
            return self.fun.__qualname__
        state = {k: v for k, v in vars(self).items() if not k.startswith("__")}
        return _restored, (type(self), portable(state))

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Self: ...

    @overload
    def __get__(
        self: "CustomFunction[Concatenate[Any, Q], R]", instance: object, owner: Any = None
    ) -> Callable[Q, R]: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        call: Callable[..., Any] = self
        return self if instance is None else functools.partial(call, instance)

    @property
    def name(self) -> str:
        return f"{self.who} of {getattr(self.fun, '__name__', type(self.fun).__name__)!r}"

    def call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> CustomCall:
        """The call with all arguments by position, defaults included."""
        if self.signature is not None:
            bound = self.signature.bind(*args, **kwargs)
            given = set(bound.kwargs) & set(kwargs)
            if hasattr(self.fun, "__code__"):  # the defaults of a built-in are not for its rule
                bound.apply_defaults()
            args, kwargs = bound.args, {name: kwargs[name] for name in given}
        if kwargs:
            raise TypeError(
                f"{self.name}: a rule takes arguments by position: got keyword-only arguments "
                f"{sorted(kwargs)}; remove the star from the function's signature"
            )
        static = {n % len(args) if args else n for n in self.nondiff if -len(args) <= n < len(args)}
        return CustomCall(self.name, self.fun, args, static)

    def missing(self, method: str) -> MissingRuleError:
        return MissingRuleError(f"{self.name}: it has no rule yet: call its {method} first")


def with_names_of(made: Any, fun: Any) -> None:
    """Give a wrapper the names and docstring of a function, but not the state of a wrapper."""
    functools.update_wrapper(made, fun, updated=("__dict__",) if inspect.isfunction(fun) else ())


def _restored(kind: type, state: dict[str, Any]) -> Any:
    made: Any = object.__new__(kind)
    with_names_of(made, state["fun"])
    vars(made).update(state)
    return made


def vjp_again(
    origin: object,
    fun: Callable[..., Any],
    ins: Sequence[Any],
    needs: Sequence[Any],
    masked: bool = False,
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
    """``value_and_vjp``, once more if the function writes into leaves without a cotangent."""
    others = lambda: [x for x, need in zip(ins, needs, strict=True) if need is None]
    return handing_of(origin).run(
        lambda hand: value_and_vjp(origin, fun, ins, needs, masked, hand), others
    )
