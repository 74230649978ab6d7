"""Derivatives of primitives: those that users define, and the ones that are found for a call."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ...core import tree
from ...core.errors import MissingRuleError, UnsupportedError
from .util import subval

# rules of primitives, by function; programs of autograd read and change them
primitive_vjps: dict[Any, Callable[..., Any]] = {}
primitive_jvps: dict[Any, Callable[..., Any]] = {}


def find_vjp(fun: Any, places: Sequence[int]) -> Callable[..., Any]:
    """The reverse rule of a primitive.

    Raises:
        MissingRuleError: if there is none.
    """
    if fun not in primitive_vjps:
        raise MissingRuleError(
            f"the VJP of {fun.__name__} with respect to arguments {list(places)} is not defined; "
            f"define it by defvjp"
        )
    return primitive_vjps[fun]


def find_jvp(fun: Any, places: Sequence[int]) -> Callable[..., Any]:
    """The forward rule of a primitive.

    Raises:
        MissingRuleError: if there is none.
    """
    if fun not in primitive_jvps:
        raise MissingRuleError(
            f"the JVP of {fun.__name__} with respect to arguments {list(places)} is not defined; "
            f"define it by defjvp"
        )
    return primitive_jvps[fun]


def defvjp_argnums(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Define ``vjpmaker(argnums, ans, args, kwargs) -> (g -> cotangents of these arguments)``."""
    _check(fun)
    primitive_vjps[fun] = vjpmaker


def defvjp_argnum(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Define ``vjpmaker(argnum, ans, args, kwargs) -> (g -> cotangent of this argument)``."""

    def of_all(argnums: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        makers = [vjpmaker(argnum, ans, args, kwargs) for argnum in argnums]
        return lambda g: [back(g) for back in makers]

    defvjp_argnums(fun, of_all)


def defvjp(fun: Any, *vjpmakers: Any, argnums: Any = None) -> None:
    """Define ``vjpmaker(ans, *args, **kwargs) -> (g -> cotangent)`` for each argument.

    Args:
        fun: a function decorated by primitive.
        vjpmakers: one for each argument; None for an argument whose derivative is 0.
        argnums: positions of these arguments; the first ones unless given.
    """
    places = itertools.count() if argnums is None else argnums
    makers = dict(zip(places, vjpmakers, strict=False))

    def maker_of(argnum: int, ans: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        if argnum not in makers:
            raise MissingRuleError(
                f"the VJP of {fun.__name__} with respect to argument {argnum} is not defined; "
                f"define it by defvjp"
            )
        if makers[argnum] is None:
            return lambda g: _zeros(args[argnum])
        return makers[argnum](ans, *args, **kwargs)  # type: ignore[no-any-return]

    defvjp_argnum(fun, maker_of)


def defjvp_argnums(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Define ``jvpmaker(argnums, gs, ans, args, kwargs) -> tangent``."""
    _check(fun)
    primitive_jvps[fun] = jvpmaker


def defjvp_argnum(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Define ``jvpmaker(argnum, g, ans, args, kwargs) -> tangent`` by one argument."""

    def of_all(argnums: Sequence[int], gs: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        pairs = zip(argnums, gs, strict=True)
        return sum_outgrads([jvpmaker(argnum, g, ans, args, kwargs) for argnum, g in pairs])

    defjvp_argnums(fun, of_all)


def defjvp(fun: Any, *jvpfuns: Any, argnums: Any = None) -> None:
    """Define ``jvpfun(g, ans, *args, **kwargs) -> tangent`` for each argument.

    Args:
        fun: a function decorated by primitive.
        jvpfuns: one for each argument; None if the derivative is 0, "same" if ``fun`` is linear.
        argnums: positions of these arguments; the first ones unless given.
    """
    places = itertools.count() if argnums is None else argnums
    makers = dict(zip(places, jvpfuns, strict=False))

    def jvp_of(argnum: int, g: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        if argnum not in makers:
            raise MissingRuleError(
                f"the JVP of {fun.__name__} with respect to argument {argnum} is not defined; "
                f"define it by defjvp"
            )
        rule = makers[argnum]
        if rule is None:
            return _zeros(ans)
        if isinstance(rule, str) and rule == "same":
            return fun(*subval(args, argnum, g), **kwargs)
        return rule(g, ans, *args, **kwargs)

    defjvp_argnum(fun, jvp_of)


def def_linear(fun: Any) -> None:
    """Define the forward rule of a function that is linear in each argument."""
    defjvp_argnum(fun, lambda i, g, ans, args, kwargs: fun(*subval(args, i, g), **kwargs))


def sum_outgrads(gs: Sequence[Any]) -> Any:
    """The sum of tangents, which may be trees."""
    total, *rest = gs
    for g in rest:
        total = tree.map(lambda a, b: a + b, total, g)
    return total


def _zeros(x: Any) -> Any:
    return tree.map(lambda leaf: 0 * leaf, x)


def _check(fun: Any) -> None:
    home = str(getattr(fun, "__module__", None) or "numpy").partition(".")[0]  # of a ufunc: None
    if not hasattr(fun, "fun") and home in ("numpy", "scipy", "funcgrad"):
        raise UnsupportedError(
            f"{getattr(fun, '__name__', fun)}: only a function decorated by primitive takes rules; "
            f"decorate a function that calls it"
        )
