"""What a program means without the library: loops and branches of Python around NumPy.

``NAMESPACE`` gives a program this meaning, ``TRACED`` the library's own. Functions that only the
library has (special functions, derivatives within a program) are its own on plain arrays.
"""

import contextlib
import functools
import types
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

import funcgrad as fg
from funcgrad.core.avals import aval_of
from funcgrad.core.registry import primitives
from funcgrad.ops.contract import Einsum, Matmul
from funcgrad.ops.convolve import Convolve
from funcgrad.ops.families import Elementwise
from funcgrad.ops.linalg.matrices import MatrixPrimitive
from funcgrad.ops.reduce import Cumprod, Norm, Prod
from funcgrad.ops.structure import Cumsum, Mean, Sum


def cond(pred, true, false, *operands):
    return true(*operands) if pred else false(*operands)


def switch(index, branches, *operands):
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


def while_loop(test, body, value, **_):
    while test(value):
        value = body(value)
    return value


def fori_loop(low, high, body, value):
    for i in range(low, high):
        value = body(i, value)
    return value


def scan(body, carry, xs, length=None, reverse=False, **_):
    length = len(xs) if length is None else length
    ys = [None] * length
    for i in reversed(range(length)) if reverse else range(length):
        carry, ys[i] = body(carry, None if xs is None else xs[i])
    if not length:  # the results have the shapes of a step that does not run
        _, y = body(carry, np.ones(xs.shape[1:], xs.dtype))
        return carry, np.zeros((0, *np.shape(y)), np.asarray(y).dtype)
    return carry, np.stack(ys)


def map_(fun, xs):
    if not len(xs):
        y = fun(np.ones(xs.shape[1:], xs.dtype))
        return np.zeros((0, *np.shape(y)), np.asarray(y).dtype)
    return np.stack([fun(x) for x in xs])


def associative_scan(fun, xs, reverse=False, axis=0):
    xs = np.moveaxis(xs, axis, 0)
    xs = xs[::-1] if reverse else xs
    ys = list(xs[:1])
    for x in xs[1:]:
        ys.append(fun(ys[-1], x))
    out = np.stack(ys) if ys else xs
    return np.moveaxis(out[::-1] if reverse else out, 0, axis)


def vmap(fun, in_axes=0, out_axes=0):
    def mapped(*args):
        axes = (in_axes,) * len(args) if isinstance(in_axes, int) else in_axes
        size = next(np.shape(x)[d] for x, d in zip(args, axes, strict=True) if d is not None)
        pick = lambda i: [
            x if d is None else np.take(x, i, axis=d) for x, d in zip(args, axes, strict=True)
        ]
        return np.stack([fun(*pick(i)) for i in range(size)], axis=out_axes)

    return mapped


class At:
    """``fg.at`` by NumPy's own ufunc methods on a copy; modes for one array of integers."""

    def __init__(self, x, index=()):
        self.x, self.index = np.array(x), index

    def __getitem__(self, index):
        return At(self.x, index)

    def moved(self, mode):
        """Return the index in range, and where it was."""
        n, i = len(self.x), self.index
        if mode == "clip":
            return np.clip(i, 0, n - 1), None
        i = np.where(i < 0, i + n, i)
        return np.clip(i, 0, n - 1), (i >= 0) & (i < n)

    def get(self, mode=None):
        if mode is None:
            return self.x[self.index]
        index, inside = self.moved(mode)
        y = self.x[index]
        if mode == "clip":
            return y
        inside = inside.reshape(inside.shape + (1,) * (y.ndim - inside.ndim))
        return np.where(inside, y, np.nan).astype(y.dtype)

    def set(self, value, mode=None):
        fitting(value, self.x)
        self.x[self.index if mode is None else self.moved(mode)[0]] = value
        return self.x

    def apply(self, fun):
        self.x[self.index] = fun(self.x[self.index])
        return self.x

    def __getattr__(self, name):
        ufunc = getattr(np, {"max": "maximum", "min": "minimum"}.get(name, name))

        def method(value, mode=None):
            index = self.index
            if mode == "drop":
                index, inside = self.moved(mode)
                index = index[inside]
            fitting(value, self.x)
            ufunc.at(self.x, index, np.asarray(value, self.x.dtype))
            return self.x

        return method


def fitting(value, x):
    """Raise where NumPy would drop an imaginary part, with a warning, or a sign."""
    weak = isinstance(value, int | float) and x.dtype.kind != "b"
    if not weak and not np.can_cast(np.asarray(value).dtype, x.dtype, "same_kind"):
        raise TypeError


class CustomJvp:
    """The function itself: its rule is that of the function too."""

    def __init__(self, fun):
        self.fun = fun

    def __call__(self, *args):
        return self.fun(*args)

    def defjvp(self, rule):
        pass

    def defvjp(self, forward, backward):
        pass


def derivative(transform):
    """Run a derivative that the program itself asks for, on arrays."""
    return lambda fun: lambda *args: np.asarray(transform(fun)(*map(np.asarray, args)))


same = lambda fun: fun
PLAIN_LAX = types.SimpleNamespace(
    **{name: getattr(fg.lax, name) for name in dir(fg.lax) if not name.startswith("_")}
)
vars(PLAIN_LAX).update(
    cond=cond, switch=switch, while_loop=while_loop, fori_loop=fori_loop, scan=scan, map=map_,
    associative_scan=associative_scan,
)  # fmt: skip
PLAIN = types.SimpleNamespace(
    lax=PLAIN_LAX, vmap=vmap, at=At, jit=same, checkpoint=same, custom_jvp=CustomJvp,
    custom_vjp=CustomJvp, stop_gradient=same, special=fg.special, grad=derivative(fg.grad),
    jvp=fg.jvp, vjp=fg.vjp, numpy=np, linalg=fg.linalg, nn=fg.nn, losses=fg.losses,
    random=fg.random,
)  # fmt: skip

NUMBERS = {"inf": np.inf, "nan": np.nan}
NAMESPACE: dict[str, Any] = {"np": np, "fg": PLAIN, **NUMBERS}
TRACED: dict[str, Any] = {"np": np, "fg": fg, **NUMBERS}


def noise(x: Any, seed: int, ties: bool) -> Any:
    """Change each element by a few units in its last place.

    Written without a derivative of its own: the factor is chosen by a comparison.

    Args:
        ties: equal elements change equally, so that what was a tie stays one.
    """
    if isinstance(x, tuple):
        return tuple(noise(part, seed, ties) for part in x)
    if not hasattr(x, "dtype") or x.dtype.kind not in "fc" or aval_of(x).weak:
        return x
    eps = np.finfo(x.dtype).eps
    if ties:
        phase = np.real(x) * 1e3 + np.imag(x) * 17 if x.dtype.kind == "c" else x * x.dtype.type(1e3)
    else:
        phase = 12.9898 * np.arange(np.prod(np.shape(x), dtype=int)).reshape(np.shape(x))
    up = np.sin(phase + float(seed)) > 0
    step = 4 * eps * (1 + 1j) if x.dtype.kind == "c" else 4 * eps
    return x * np.where(up, x.dtype.type(1 + step), x.dtype.type(1 - step))


def noisy(namespace: dict[str, Any], seed: int, ties: bool = True) -> dict[str, Any]:
    return {**namespace, "noise": functools.partial(noise, seed=seed, ties=ties)}


CHOICES = (
    "where", "gate", "wins", "hide", "maximum", "minimum", "fmax", "fmin", "clip", "heaviside",
    "copysign", "nextafter", "ldexp", "fraction",
)  # fmt: skip
ARITHMETIC = (Elementwise, Sum, Mean, Cumsum, Prod, Cumprod, Norm, Matmul, Einsum, Convolve)


def rounds(prim: Any) -> bool:
    """Return whether an operation rounds its results, and does not choose among its operands."""
    kinds = isinstance(prim, (*ARITHMETIC, MatrixPrimitive))
    return kinds and prim.differentiable and prim.name not in CHOICES


@contextlib.contextmanager
def rounding(seed: int) -> Iterator[None]:
    """Round arithmetic anew, and its derivatives: each element by two units in the last place."""
    rng, on = np.random.default_rng(seed), [True]

    def moved(y: Any) -> Any:
        if not on or not isinstance(y, np.ndarray | np.inexact) or y.dtype.kind not in "fc":
            return y
        dtype = np.finfo(y.dtype).dtype
        up = rng.integers(2, size=np.shape(y)) * 4 - 2
        return y * (1 + up * np.finfo(dtype).eps).astype(dtype)

    def rounded(rule: Any) -> Any:
        return lambda *args, **params: tuple(map(moved, rule(*args, **params)))

    with contextlib.ExitStack() as stack:
        stack.callback(on.clear)  # a program that is kept holds what it ran
        for prim in filter(rounds, list(primitives.values())):
            for part in ("run", "jvp", "vjp"):
                if getattr(prim, part) is not None:
                    change = patch.object(prim, part, rounded(getattr(prim, part)))
                    stack.enter_context(change)
        yield
