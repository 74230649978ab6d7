"""Roots and minima of functions of a scalar, as programs that every transform takes."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...control.implicit import custom_root
from ...control.loops import while_loop
from ...core.avals import aval_of, dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...core.trace import is_concrete
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...transforms.arguments import check_callable
from ...transforms.forward import jvp
from .adapter import as_tuple

_BRACKETED = ("brentq", "brenth", "bisect", "ridder", "toms748")
_GOLDEN = (3 - 5**0.5) / 2


class RootResults(NamedTuple):
    """A root, with SciPy's names."""

    root: Any
    converged: Any
    iterations: Any
    method: str


class ScalarMinimum(NamedTuple):
    """A minimum of a function of a scalar, with SciPy's names."""

    x: Any
    fun: Any
    success: Any
    nit: Any


@answering
def root_scalar(
    f: Callable[..., Any],
    args: Sequence[Any] = (),
    method: str | None = None,
    bracket: Sequence[Any] | None = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
) -> RootResults:
    """Root of a function of a scalar, differentiable in all that the function depends on.

    Args:
        f: ``f(x, *args)`` returns a scalar.
        args: further arguments; a scalar stands for itself.
        method: one of SciPy's for brackets, which all run Chandrupatla's; or "newton", "secant" and
            "halley", which run Newton's, with derived slopes.
        bracket: both ends of an interval at which f has different signs.
        x0: the start without a bracket.
        xtol, rtol, maxiter: tolerances of the root, and the maximal number of iterations.
        fprime, fprime2, x1: ignored, for compatibility with SciPy.

    Returns:
        ``root``, ``converged``, ``iterations`` and ``method``.

    Raises:
        ValueError: if the signs of f are equal at the ends of the bracket.

    >>> print(root_scalar(lambda x, a: x * x - a, (2.0,), bracket=(0.0, 2.0)).root.round(9))
    1.414213562
    """
    check_callable("root_scalar", f)
    args = as_tuple(args)
    along = lambda x: _scalar("root_scalar", f(x, *args))
    if method is None:
        method = "brentq" if bracket is not None else "newton"
    if method in _BRACKETED and bracket is None:
        raise ValueError(f"root_scalar: method {method!r} needs a bracket: got None; give bracket")
    if method not in (*_BRACKETED, "newton", "secant", "halley"):
        raise ValueError(
            f"root_scalar: method must be one of SciPy's: got {shown(method)}; leave method out"
        )
    eps = float(np.finfo(float).eps)
    tols = (2e-12 if xtol is None else xtol), (4 * eps if rtol is None else rtol)
    if method in _BRACKETED:
        a, b = (_start("root_scalar", x) for x in bracket or ())
        _check_signs(along, a, b)
        found = _rooted(along, a, lambda g, x: _bracketed(g, x, b, tols, maxiter or 100))
    else:
        if x0 is None:
            raise ValueError(
                f"root_scalar: method {method!r} needs x0: got None; give x0=, a start"
            )
        start = _start("root_scalar", x0)
        found = _rooted(along, start, lambda g, x: _newton(g, x, tols, maxiter or 50))
    root, (converged, count) = found
    return RootResults(root, converged, count, method)


@answering
def brentq(
    f: Callable[..., Any], a: Any, b: Any, args: Sequence[Any] = (), xtol: float = 2e-12,
    rtol: float = 8.9e-16, maxiter: int = 100,
) -> Any:  # fmt: skip
    """Root of a function in an interval; see :func:`root_scalar`.

    >>> print(brentq(lambda x: x**3 - 8.0, 0.0, 5.0).round(9))
    2.0
    """
    options: dict[str, Any] = {"xtol": xtol, "rtol": rtol, "maxiter": maxiter}
    return root_scalar(f, args, "brentq", (a, b), **options).root


@answering
def bisect(
    f: Callable[..., Any], a: Any, b: Any, args: Sequence[Any] = (), xtol: float = 2e-12,
    rtol: float = 8.9e-16, maxiter: int = 100,
) -> Any:  # fmt: skip
    """Root of a function in an interval; see :func:`root_scalar`."""
    return brentq(f, a, b, args, xtol, rtol, maxiter)


@answering
def newton(
    func: Callable[..., Any], x0: Any, fprime: Any = None, args: Sequence[Any] = (),
    tol: float = 1.48e-8, maxiter: int = 50,
) -> Any:  # fmt: skip
    """Root of a function of a scalar by Newton's method, with a derived slope.

    Args:
        func, x0, args, tol, maxiter: see :func:`root_scalar`; ``fprime`` is ignored.

    >>> print(newton(lambda x: x**3 - 8.0, 3.0, tol=1e-12).round(9))
    2.0
    """
    return root_scalar(func, args, "newton", x0=x0, xtol=tol, maxiter=maxiter).root


def _start(who: str, x: Any) -> Any:
    x = strong(operand(x))
    x = x if is_inexact(dtype_of(x)) else cast(x, np.float64)
    if shape_of(x):
        raise ShapeError(f"{who}: expected a scalar: got {aval_of(x)}; use vmap for many")
    return x


def _scalar(who: str, y: Any) -> Any:
    y = operand(y)
    if aval_of(y).size != 1:
        raise ShapeError(
            f"{who}: the function must return a scalar: got {aval_of(y)}"
            "; return y[0], or use root for systems"
        )
    return np.reshape(y, ())


def _check_signs(f: Callable[[Any], Any], a: Any, b: Any) -> None:
    ends = [stop_gradient(f(stop_gradient(x))) for x in (a, b)]
    if all(map(is_concrete, ends)) and np.sign(ends[0]) * np.sign(ends[1]) > 0:
        raise ValueError(
            f"root_scalar: f must have different signs at the ends of the bracket: got "
            f"{ends[0]} and {ends[1]}; choose another bracket"
        )


def _rooted(f: Callable[[Any], Any], start: Any, solve: Callable[..., Any]) -> Any:
    """A root with its derivative by the implicit function theorem, and what else is known."""
    start = stop_gradient(start)
    divided = lambda slope, y: y / slope(np.ones_like(start))
    return custom_root(f, start, solve, divided, has_aux=True)


def _width(tols: Any, a: Any, b: Any, fa: Any, fb: Any) -> tuple[Any, Any, Any]:
    """The better end of an interval, its tolerance relative to the length, and whether to stop."""
    best = np.where(np.abs(fa) < np.abs(fb), a, b)
    value = np.where(np.abs(fa) < np.abs(fb), fa, fb)
    gap = np.abs(b - a)
    small = (tols[1] * np.abs(best) + tols[0]) / np.where(gap > 0, gap, 1.0)
    done = np.logical_or(np.logical_or(value == 0, gap == 0), small > 0.5)
    return best, small, done


def _bracketed(
    f: Callable[[Any], Any], a: Any, b: Any, tols: tuple[float, float], most: int
) -> Any:
    """Chandrupatla's method: bisection, or inverse quadratic interpolation where that is safe.

    Source: Chandrupatla 1997, "A new hybrid quadratic/bisection algorithm for finding the zero of
    a nonlinear function without using derivatives" (Adv. Eng. Software 28).
    """
    b = cast(stop_gradient(b), dtype_of(a))
    fa, fb = f(a), f(b)
    half = np.asarray(0.5, dtype_of(a))

    width = functools.partial(_width, tols)

    def go_on(s: Any) -> Any:
        a, b, _, fa, fb, _, _, count = s
        return np.logical_and(np.logical_not(width(a, b, fa, fb)[2]), count < most)

    def improve(s: Any) -> Any:
        a, b, c, fa, fb, _, part, count = s
        x = a + part * (b - a)
        fx = f(x)
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        safe = lambda d: np.where(d == 0, 1.0, d)
        xi, phi = (a - b) / safe(c - b), (fa - fb) / safe(fc - fb)
        good = np.logical_and(
            1 - np.sqrt(np.maximum(1 - xi, 0)) < phi, phi < np.sqrt(np.maximum(xi, 0))
        )
        good = np.logical_and(good, np.logical_and(fc != fb, fc != fa))
        quadratic = fa / safe(fb - fa) * fc / safe(fb - fc) + (c - a) / safe(b - a) * fa / safe(
            fc - fa
        ) * fb / safe(fc - fb)
        small = np.minimum(width(a, b, fa, fb)[1], 0.5)
        part = np.clip(np.where(good, quadratic, half), small, 1 - small)
        return a, b, c, fa, fb, fc, cast(part, dtype_of(half)), count + 1

    a, b, _, fa, fb, _, _, count = while_loop(go_on, improve, (a, b, b, fa, fb, fb, half, 0))
    best, _, done = width(a, b, fa, fb)
    opposite = np.sign(fa) * np.sign(fb) <= 0
    return np.where(opposite, best, np.nan), (np.logical_and(done, opposite), count)


def _newton(f: Callable[[Any], Any], x: Any, tols: tuple[float, float], most: int) -> Any:
    def go_on(s: Any) -> Any:
        x, step, count = s
        return np.logical_and(np.abs(step) > tols[0] + tols[1] * np.abs(x), count < most)

    def improve(s: Any) -> Any:
        x, _, count = s
        value, slope = jvp(f, (x,), (np.ones_like(x),))
        step = -value / np.where(slope == 0, np.nan, slope)
        return x + step, step, count + 1

    start = improve((x, x, 0))
    x, step, count = while_loop(go_on, improve, start)
    return x, (np.abs(step) <= tols[0] + tols[1] * np.abs(x), count)


@answering
def minimize_scalar(
    fun: Callable[..., Any],
    bracket: Sequence[Any] | None = None,
    bounds: Sequence[Any] | None = None,
    args: Sequence[Any] = (),
    method: str | None = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
) -> ScalarMinimum:
    """Minimum of a function of a scalar, differentiable in all that the function depends on.

    Args:
        fun: ``fun(x, *args)`` returns a scalar; it must have two derivatives.
        bracket: a pair from which an interval with a minimum is sought, by default (0, 1).
        bounds: both ends of an interval; a minimum at an end moves with it.
        args: further arguments; a scalar stands for itself.
        method: "brent", "golden" or "bounded"; all run a search by the golden section, and Newton's
            method for the last digits.
        tol: relative tolerance of the search.
        options: ``maxiter``.

    >>> print(minimize_scalar(lambda x, a: (x - a) ** 4 + x, args=(1.0,)).x.round(6))
    0.370039
    """
    check_callable("minimize_scalar", fun)
    args = as_tuple(args)
    along = lambda x: _scalar("minimize_scalar", fun(x, *args))
    if method not in (None, "brent", "golden", "bounded", "Brent", "Golden", "Bounded"):
        raise ValueError(
            f"minimize_scalar: method must be 'brent', 'golden' or 'bounded': got {shown(method)}"
        )
    most, rtol = (options or {}).get("maxiter", 200), 1e-8 if tol is None else tol
    slope = lambda x: jvp(along, (x,), (np.ones_like(x),))[1]
    if bounds is None:
        a, b = (_start("minimize_scalar", x) for x in (bracket or (0.0, 1.0))[:2])
        low, high = _enclosed(lambda x: stop_gradient(along(x)), *stop_gradient((a, b)))
    else:
        if len(bounds) != 2:
            raise ValueError(
                f"minimize_scalar: bounds must be a pair: got {shown(bounds)}; write (low, high)"
            )
        low, high = (_start("minimize_scalar", x) for x in bounds)
    inner = stop_gradient((low, high))
    rough, count = _golden(lambda x: stop_gradient(along(x)), inner[0], inner[1], rtol, most)
    near = 4 * rtol * (np.abs(rough) + np.abs(inner[1] - inner[0]))
    upward = stop_gradient(slope(rough)) > 0
    at_low = np.logical_and(rough - inner[0] <= near, upward)
    at_high = np.logical_and(inner[1] - rough <= near, np.logical_not(upward))
    at_end = np.logical_and(np.logical_or(at_low, at_high), bounds is not None)
    end = np.where(at_low, low, high)
    gap = lambda x: np.where(at_end, x - end, slope(x))
    x, _ = _rooted(gap, rough, lambda g, x: _polished(g, x, near))
    ok = np.logical_and(count < most, np.isfinite(stop_gradient(x)))
    return ScalarMinimum(x, along(x), ok, count)


def _enclosed(f: Callable[[Any], Any], a: Any, b: Any) -> tuple[Any, Any]:
    """An interval with a minimum: steps downhill, each 1.6 times as long as the one before."""
    fa, fb = f(a), f(b)
    up = fb > fa
    a, b = np.where(up, b, a), np.where(up, a, b)
    fb = np.where(up, fa, fb)
    c = b + 1.618034 * (b - a)

    def further(s: Any) -> Any:
        _, b, c, _, fc, count = s
        new = c + 1.618034 * (c - b)
        return b, c, new, fc, f(new), count + 1

    start = (a, b, c, fb, f(c), 0)
    a, _, c, _, _, _ = while_loop(lambda s: np.logical_and(s[4] < s[3], s[5] < 100), further, start)
    return np.minimum(a, c), np.maximum(a, c)


def _golden(f: Callable[[Any], Any], a: Any, b: Any, rtol: float, most: int) -> tuple[Any, Any]:
    """The minimum in an interval by the golden section."""
    x, y = a + _GOLDEN * (b - a), b - _GOLDEN * (b - a)

    def go_on(s: Any) -> Any:
        a, b, x, _, _, _, count = s
        return np.logical_and(b - a > rtol * (1e-3 + np.abs(x)), count < most)

    def shrink(s: Any) -> Any:
        a, b, x, y, fx, fy, count = s
        left = fx < fy
        a, b = np.where(left, a, x), np.where(left, y, b)
        x, y = np.where(left, a + _GOLDEN * (b - a), y), np.where(left, x, b - _GOLDEN * (b - a))
        new = f(np.where(left, x, y))
        return a, b, x, y, np.where(left, new, fy), np.where(left, fx, new), count + 1

    a, b, _, _, _, _, count = while_loop(go_on, shrink, (a, b, x, y, f(x), f(y), 0))
    return (a + b) / 2, count


def _polished(f: Callable[[Any], Any], x: Any, near: Any) -> Any:
    """A few steps of Newton's method that do not leave the neighbourhood."""
    start = x
    for _ in range(3):
        value, slope = jvp(f, (x,), (np.ones_like(x),))
        step = -value / np.where(slope == 0, 1.0, slope)
        good = np.logical_and(np.isfinite(step), slope > 0)
        x = np.clip(np.where(good, x + step, x), start - 100 * near, start + 100 * near)
    return x, None
