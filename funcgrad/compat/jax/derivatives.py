"""``jax.fwd_and_bwd``, zero tangents, and checks of derivatives that are written by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core import tree
from . import numpy as jnp
from .arrays import lowered
from .dtypes import float0
from .transforms import vjp


def fwd_and_bwd(
    fun: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool = False,
    jitted: bool = True,
) -> tuple[Callable[..., Any], Callable[..., Any]]:  # fmt: skip
    """Functions for the value with residuals, and for the cotangents; neither is compiled."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def forward(*args: Any, **kwargs: Any) -> Any:
        def of_some(*some: Any) -> Any:
            whole = list(args)
            for i, x in zip(numbers, some, strict=True):
                whole[i] = x
            return fun(*whole, **kwargs)

        return vjp(of_some, *[args[i] for i in numbers], has_aux=has_aux)

    def backward(residuals: Any, ct: Any) -> Any:
        cts = residuals(ct)
        return cts[0] if isinstance(argnums, int) else cts

    return forward, backward


class SymbolicZero:
    """A tangent that is 0, by its shape and dtype."""

    def __init__(self, aval: Any) -> None:
        self.aval = aval

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: len(self.aval.shape))
    size = property(lambda self: int(np.prod(self.aval.shape)))


def zero_from_primal(val: Any, symbolic_zeros: bool = False) -> Any:
    """The tangent 0 of a value; of integers in the dtype float0."""
    x = jnp.asarray(val)
    if symbolic_zeros:
        return SymbolicZero(x.aval)
    return jnp.zeros_like(x) if x.dtype.kind in "fc" else np.zeros(x.shape, float0)


def _directions(like: Any, seed: int) -> Any:
    """Random directions in the dtypes of a tree of arrays."""
    draw = np.random.default_rng(seed)
    return tree.map(lambda x: draw.normal(size=np.shape(x)).astype(jnp.asarray(x).dtype), like)


def _slope(f: Callable[..., Any], args: Any, tangents: Any, eps: float) -> Any:
    """The central difference of a function along a direction."""
    args = lowered(tree.map(jnp.asarray, args))
    at = lambda step: f(*tree.map(lambda x, t: x + np.asarray(step * t, x.dtype), args, tangents))
    return tree.map(lambda a, b: (np.asarray(a) - b) / (2 * eps), at(eps), at(-eps))


def _close(got: Any, want: Any, atol: Any, rtol: Any, words: str) -> None:
    for a, b in zip(tree.leaves(got), tree.leaves(want), strict=True):
        loose = 1e-2 if np.asarray(a).dtype.itemsize < 8 else 1e-6
        np.testing.assert_allclose(
            np.asarray(a), np.asarray(b), loose if rtol is None else rtol,
            loose if atol is None else atol, err_msg=words,
        )  # fmt: skip


def check_jvp(
    f: Callable[..., Any], f_jvp: Callable[..., Any], args: Any, atol: Any = None,
    rtol: Any = None, eps: float = 1e-4, err_msg: str = "",
) -> None:  # fmt: skip
    """Compare a jvp with central differences along a random direction."""
    tangents = _directions(tuple(args), 0)
    value, got = f_jvp(tuple(args), tangents)
    _close(value, f(*args), atol, rtol, f"{err_msg} value of the jvp")
    _close(got, _slope(f, tuple(args), tangents, eps), atol, rtol, f"{err_msg} tangent of the jvp")


def check_vjp(
    f: Callable[..., Any], f_vjp: Callable[..., Any], args: Any, atol: Any = None,
    rtol: Any = None, eps: float = 1e-4, err_msg: str = "",
) -> None:  # fmt: skip
    """Compare a vjp with central differences, by products with random directions."""
    value, pull = f_vjp(*args)
    _close(value, f(*args), atol, rtol, f"{err_msg} value of the vjp")
    tangents, ct = _directions(tuple(args), 0), _directions(value, 1)
    dot = lambda a, b: sum(
        np.sum(np.asarray(x) * np.asarray(y))
        for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True)
    )
    slope = _slope(f, tuple(args), tangents, eps)
    _close(dot(tangents, pull(ct)), dot(slope, ct), atol, rtol, f"{err_msg} cotangent of the vjp")
