"""check_grads: compare derivatives with central differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of
from ..core.errors import shown
from ..core.integers import whole
from ..core.lazy import answering
from .arguments import carries_derivative, check_callable, check_leaves, zero_of
from .forward import jvp
from .grad import vjp


@answering
def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Compare derivatives with central differences along random directions.

    Args:
        fun: a function of arrays, or of trees of arrays.
        args: tuple of its arguments, float64 for sharp tolerances.
        order: the highest order of derivatives; each order is checked.
        modes: ``"fwd"`` (jvp), ``"rev"`` (vjp), or both.
        atol: absolute tolerance, by default 1e-6 (1e-2 where an argument or a result is float32),
            100 times that per order.
        rtol: relative tolerance, by default like ``atol``.
        eps: step of the differences, by default the cube root of the dtype's epsilon.

    Raises:
        AssertionError: if they differ by more, naming mode, order and both values.

    >>> check_grads(np.sin, (np.array([0.3, 0.7]),), order=2)
    """
    check_callable("check_grads", fun)
    unknown = set(modes) - {"fwd", "rev"}
    order = whole(order)
    if unknown or order < 1:
        raise ValueError(
            f"check_grads: modes must be 'fwd' or 'rev', and order at least 1: got {shown(modes)} "
            f"and {order}"
            "; leave modes out for both"
        )
    args = tuple(args)
    check_leaves("check_grads", fun, range(len(args)), args, mixed=True)
    rng = np.random.default_rng(0)
    _check(fun, args, order, tuple(modes), atol, rtol, eps, rng, "")


def _check(
    fun: Any, args: Any, order: int, modes: Any, atol: Any, rtol: Any, eps: Any, rng: Any, path: str
) -> None:
    """Check one order in each mode, then the next order on the derivative."""
    tangents = _random_like(args, rng)
    y, t = jvp(fun, args, tangents) if "fwd" in modes else (fun(*args), None)
    widest = max(
        [np.finfo(aval_of(x).dtype).eps for x in tree.leaves((args, y)) if carries_derivative(x)]
    )
    step = widest ** (1 / 3) if eps is None else eps
    plus, minus = (fun(*_moved(args, tangents, s * step)) for s in (1, -1))
    differ = lambda a, b: (np.asarray(a) - b) / (2 * step) if carries_derivative(a) else a
    slope = tree.map(differ, plus, minus)
    loose = (1e-2 if widest > 1e-10 else 1e-6) * 100.0 ** len(path.split())
    atol_, rtol_ = loose if atol is None else atol, loose if rtol is None else rtol
    if "fwd" in modes:
        for got, want in zip(tree.leaves(t), tree.leaves(slope), strict=True):
            if carries_derivative(want):
                _compare(f"{path}fwd", got, want, atol_, rtol_)
    cts = _random_like(y, rng)
    if "rev" in modes:
        pulled = vjp(fun, *args)[1](cts)
        _compare(f"{path}rev", _inner(pulled, tangents), _inner(cts, slope), atol_, rtol_)
    if order > 1:
        if "fwd" in modes:
            pushed = lambda *xs: jvp(fun, xs, tangents)[1]
            _check(pushed, args, order - 1, modes, atol, rtol, eps, rng, f"{path}fwd ")
        if "rev" in modes:
            pulled_back = lambda *xs: vjp(fun, *xs)[1](cts)
            _check(pulled_back, args, order - 1, modes, atol, rtol, eps, rng, f"{path}rev ")


def _random_like(values: Any, rng: np.random.Generator) -> Any:
    """Random values of mean square 1 like each inexact leaf, zeros like integers.

    A scalar near 0 would make of the step of the differences one that rounding drowns.
    """

    def draw(x: Any) -> Any:
        if not carries_derivative(x):
            return zero_of(x)
        aval = aval_of(x)
        noise = rng.normal(size=aval.shape)
        if aval.dtype.kind == "c":
            noise = noise + 1j * rng.normal(size=aval.shape)
        noise = noise / np.sqrt(np.mean(np.abs(noise) ** 2) if np.size(noise) else 1.0)
        return np.asarray(noise).astype(aval.dtype)[()]

    return tree.map(draw, values)


def _moved(args: Any, tangents: Any, step: float) -> Any:
    move = lambda x, t: (x + step * t).astype(t.dtype) if carries_derivative(x) else x
    return tree.map(move, args, tangents)


def _inner(a: Any, b: Any) -> Any:
    """Re sum(a b) over two trees, without conjugation."""
    pairs = zip(tree.leaves(a), tree.leaves(b), strict=True)
    return sum(np.sum(x * y).real for x, y in pairs if carries_derivative(x))


def _compare(where: str, got: Any, want: Any, atol: float, rtol: float) -> None:
    if not np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True):
        gap = np.max(np.abs(np.asarray(got) - want))
        raise AssertionError(
            f"check_grads: derivative {shown(where)} differs from central differences by "
            f"{gap:.3g}: got {got}, differences give {want}"
            "; check the rule of the operation, or loosen atol and rtol"
        )
