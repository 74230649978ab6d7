"""An initial value problem with its tolerances, shared by the methods."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...control.conditionals import cond
from ...control.loops import while_loop
from ...core import tree
from ...core.avals import dtype_of, real_dtype, shape_of
from ...ops.structure import cast


class Concrete:
    """Control flow of Python, for values that are known."""

    @staticmethod
    def loop(holds: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
        while holds(state):
            state = body(state)
        return state

    @staticmethod
    def branch(pred: Any, yes: Callable[..., Any], no: Callable[..., Any], *operands: Any) -> Any:
        return yes(*operands) if pred else no(*operands)

    @staticmethod
    def pick(pred: Any, yes: Any, no: Any) -> Any:
        return yes if pred else no


class Staged:
    """Control flow of programs, for values that are traced under jit or vmap."""

    loop = staticmethod(while_loop)
    branch = staticmethod(cond)

    @staticmethod
    def pick(pred: Any, yes: Any, no: Any) -> Any:
        return tree.map(lambda a, b: np.where(pred, a, b), yes, no)


Flow = type[Concrete] | type[Staged]


class Interpolant(NamedTuple):
    """The solution in a step: base + sum_k terms[k] x^(k + 1), with x = (t - origin) / h.

    Mirrored terms are multiplied by x and 1 - x in turns instead. Axes of a batch of steps come
    first.
    """

    origin: Any
    h: Any
    base: Any  # [..., n]
    terms: Any  # [..., K, n]

    def at(self, t: Any, mirrored: bool = False) -> Any:
        """The solution at a time of each step, shape [..., n]."""
        dtype = real_dtype(dtype_of(self.base))
        x = cast((t - self.origin) / self.h, dtype)[..., None]
        total: Any = 0
        for k in reversed(range(shape_of(self.terms)[-2])):
            total = (total + self.terms[..., k, :]) * (1 - x if mirrored and k % 2 else x)
        return self.base + total


class Limits(NamedTuple):
    """The tolerances of a step, its longest length, and the end of the interval."""

    rtol: Any
    atol: Any
    longest: Any
    sign: Any  # 1 or -1, the direction of time
    end: Any


class Equation(NamedTuple):
    """dy/dt = slope(t, y), with the limits of its steps."""

    slope: Callable[[Any, Any], Any]
    jacobian: Callable[[Any, Any], Any]  # the matrix of derivatives of the slope by y
    limits: Limits
    flow: Flow

    def after(self, t: Any, length: Any) -> tuple[Any, Any]:
        """The time after a step, at most the end, and whether that is reached."""
        new = t + length * self.limits.sign
        beyond = (new - self.limits.end) * self.limits.sign >= 0
        return self.flow.pick(beyond, self.limits.end, new), beyond

    def shortest(self, t: Any) -> Any:
        return 10 * np.maximum(np.finfo(float).eps / 2 * np.abs(t), np.finfo(float).tiny)

    def scale(self, *ys: Any) -> Any:
        """The tolerance of each element."""
        size = functools.reduce(np.maximum, map(np.abs, ys))
        return cast(self.limits.atol + size * self.limits.rtol, dtype_of(size))


class Counts(NamedTuple):
    """Numbers of evaluations of the slope, and of the Jacobian, and of factorizations."""

    slopes: Any = 0
    jacobians: Any = 0
    factors: Any = 0

    def plus(self, slopes: Any = 0, jacobians: Any = 0, factors: Any = 0) -> "Counts":
        return Counts(self.slopes + slopes, self.jacobians + jacobians, self.factors + factors)


def rms(x: Any) -> Any:
    """Root mean square, as float64."""
    size = max(x.size, 1)
    if type(x) is np.ndarray:
        x = np.ravel(x)
        return np.float64(math.sqrt(np.vdot(x, x).real / size))
    x = np.abs(x) if dtype_of(x).kind == "c" else x
    return cast(np.sqrt(np.sum(x * x) / size), np.float64)


def scaled(h: Any, y: Any) -> Any:
    """A length of float64 in the dtype of the solution."""
    return cast(h, real_dtype(dtype_of(y)))


@functools.lru_cache(512)
def _row(weights: tuple[float, ...], dtype: np.dtype) -> np.ndarray:
    return np.array(weights, dtype)


def weighted(weights: Sequence[float], slopes: Sequence[Any]) -> Any:
    """The sum of weights[k] slopes[k]; there may be more slopes than weights."""
    first = slopes[0]
    if all(type(k) is np.ndarray for k in slopes):
        row = _row(tuple(weights), real_dtype(first.dtype))
        return np.dot(row, np.array(slopes[: len(row)]))
    terms = [w * k for w, k in zip(weights, slopes, strict=False) if w]
    return functools.reduce(np.add, terms) if terms else np.zeros_like(first)


def first_length(eq: Equation, order: int, t: Any, y: Any, f: Any) -> Any:
    """Length of the first step.

    Source: Hairer, Norsett & Wanner 1993, "Solving ordinary differential equations I", II.4.
    """
    limits, whole = eq.limits, np.abs(eq.limits.end - t)
    scale = eq.scale(y)
    d0, d1 = rms(y / scale), rms(f / scale)
    small = np.logical_or(d0 < 1e-5, d1 < 1e-5)
    guess = np.where(small, 1e-6, 0.01 * d0 / np.where(small, 1.0, d1))
    guess = np.minimum(guess, whole)
    moved = eq.slope(t + guess * limits.sign, y + scaled(guess * limits.sign, y) * f)
    d2 = rms((moved - f) / scale) / np.where(guess > 0, guess, 1.0)
    bend = np.fmax(d1, d2)
    flat = bend <= 1e-15
    length = (0.01 / np.where(flat, 1.0, bend)) ** (1 / (order + 1))
    length = np.where(flat, np.maximum(1e-6, guess * 1e-3), length)
    return np.fmin(np.fmin(100 * guess, length), np.minimum(whole, limits.longest))
