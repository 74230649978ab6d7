"""Forward and reverse mode of functions of one argument, and the primitives of autograd.core."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError
from ...core.registry import load
from ...core.trace import Tracer
from ...ops.structure import cast, zeros_like
from ...transforms.forward import jvp as push
from ...transforms.grad import recorded
from ...transforms.rebinding import rebinding
from .rules import (
    def_linear as def_linear,
    defjvp as defjvp,
    defjvp_argnum as defjvp_argnum,
    defjvp_argnums as defjvp_argnums,
    defvjp as defvjp,
    defvjp_argnum as defvjp_argnum,
    defvjp_argnums as defvjp_argnums,
    primitive_jvps as primitive_jvps,
    primitive_vjps as primitive_vjps,
    sum_outgrads as sum_outgrads,
)
from .tracer import Box, primitive as _primitive
from .vspaces import (
    ArrayVSpace as ArrayVSpace,
    ComplexArrayVSpace as ComplexArrayVSpace,
    VSpace as VSpace,
    vspace as vspace,
)


def make_vjp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """The map that pulls cotangents of ``fun(x)`` back to ``x``, and ``fun(x)``."""
    vspace(x)  # raises for integers
    if type(x) in Box.type_mappings:
        return load(f"{__package__}.objects").make_vjp(fun, x)  # type: ignore[no-any-return]
    x = _floating(x)
    if not any(map(_is_inexact, tree.leaves(x))):
        return lambda g: vspace(x).zeros(), fun(x)
    value, pullback, _ = recorded(rebinding(fun), (x,), False)
    leaves, treedef = tree.flatten(value)

    def vjp(g: Any) -> Any:
        given = tree.leaves(g)
        if len(given) != len(leaves):
            raise ShapeError(
                f"make_vjp: the cotangent must have {len(leaves)} leaves, as the output: got "
                f"{len(given)}; pass one like the output"
            )
        cts = [cotangent(c, y) for c, y in zip(given, leaves, strict=True)]
        return pullback(tree.unflatten(treedef, cts))[0]

    return vjp, value


def cotangent(g: Any, y: Any) -> Any:
    """A cotangent in the dtype and shape of its output."""
    dtype = dtype_of(y)
    if not is_inexact(dtype):
        return zeros_like(y)
    g = g if isinstance(g, (np.ndarray, Tracer)) else np.asarray(g)
    if dtype_of(g).kind == "c" and dtype.kind != "c":
        g = np.real(g)
    g = g if dtype_of(g) == dtype else cast(g, dtype)
    return g if shape_of(g) == shape_of(y) else np.broadcast_to(g, shape_of(y))


def make_jvp(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], tuple[Any, Any]]:
    """The map from a tangent of ``x`` to ``fun(x)`` and its tangent."""
    vspace(x)
    x = _floating(x)
    leaves, treedef = tree.flatten(x)

    def jvp(g: Any) -> tuple[Any, Any]:
        if not any(map(_is_inexact, leaves)):
            value = fun(x)
            return value, vspace(value).zeros()
        ts = [cotangent(t, y) for t, y in zip(tree.leaves(g), leaves, strict=True)]
        return push(rebinding(fun), (x,), (tree.unflatten(treedef, ts),))

    return jvp


def _floating(x: Any) -> Any:
    """A tree with float64 arrays for those of integers, which autograd differentiates too."""
    is_integer = lambda leaf: isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iu"
    return tree.map(lambda leaf: leaf.astype(float) if is_integer(leaf) else leaf, x)


def _is_inexact(x: Any) -> bool:
    return isinstance(x, (float, complex)) or (hasattr(x, "dtype") and is_inexact(x.dtype))


def primitive_with_deprecation_warnings(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """A primitive with the methods ``defgrad``, ``defvjp`` and ``defvjp_is_zero`` of old versions.

    Each adds the rule of one argument.
    """
    f = _primitive(f_raw)
    rules: dict[int, Any] = {}

    def add(argnum: int, maker: Any) -> None:
        rules[argnum] = maker
        defvjp(f, *rules.values(), argnums=tuple(rules))

    def deprecated(method: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> None:
            warnings.warn(
                f"primitive.{method.__name__} is deprecated: use extend.defvjp", stacklevel=2
            )
            method(*args, **kwargs)

        return call

    def defgrad(gradmaker: Callable[..., Any], argnum: int = 0) -> None:
        add(argnum, gradmaker)

    def defvjp_(vjp: Callable[..., Any], argnum: int = 0) -> None:
        def maker(ans: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
            spaces = vspace(args[argnum]), vspace(ans)
            return lambda g: vjp(g, ans, *spaces, *args, **kwargs)

        add(argnum, maker)

    def defvjp_is_zero(argnums: Sequence[int] = (0,)) -> None:
        for argnum in argnums:
            add(argnum, None)

    f.defgrad, f.defvjp = deprecated(defgrad), deprecated(defvjp_)  # type: ignore[attr-defined]
    f.defvjp_is_zero = deprecated(defvjp_is_zero)  # type: ignore[attr-defined]
    return f


primitive = primitive_with_deprecation_warnings
