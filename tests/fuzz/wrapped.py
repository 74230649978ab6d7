"""The law of wrappers: a transform that leaves values as they are leaves derivatives so too.

A program runs within up to five of them: compiled, as a branch, as the body of a loop, in a map,
as a rule, as the value beside a derivative.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad as fg

from .compare import Case, DifferenceError, arrays, forward

Function = Callable[..., tuple[Any, ...]]
Wrapper = Callable[[Function, np.random.Generator], Function]
DEEP, SMALL = 5, 30


def branch(f: Function, rng: np.random.Generator) -> Function:
    known = rng.random() < 0.3
    other = lambda *xs: tuple(2 * y for y in f(*xs))
    return lambda *xs: fg.lax.cond(known or np.size(xs[0]) >= np.sum(xs[0] > 0), f, other, *xs)


def switch(f: Function, rng: np.random.Generator) -> Function:
    place = int(rng.integers(3))
    branches = [lambda *xs: tuple(-y for y in f(*xs)) for _ in range(3)]
    branches[place] = f
    return lambda *xs: fg.lax.switch(place + 0 * np.count_nonzero(xs[0]), branches, *xs)


def scan(f: Function, rng: np.random.Generator) -> Function:
    carried, reverse = rng.random(2) < 0.5

    def wrapped(*xs: Any) -> Any:
        if carried:
            _, ys = fg.lax.scan(lambda c, _: (c, f(*c)), xs, None, 2)
        else:
            rows = tuple(np.stack([x, x]) for x in xs)
            _, ys = fg.lax.scan(lambda c, x: (c + 1, f(*x)), 0, rows, reverse=bool(reverse))
        return tuple(y[1] for y in ys)

    return wrapped


def while_loop(f: Function, rng: np.random.Generator) -> Function:
    options = {"checkpoint": 2} if rng.random() < 0.3 else {}

    def wrapped(*xs: Any) -> Any:
        empty = tuple(np.zeros(y.shape, y.dtype) for y in fg.eval_shape(f, *xs))
        step = lambda state: (state[0] + 1, f(*xs))
        return fg.lax.while_loop(lambda state: state[0] < 2, step, (0, empty), **options)[1]

    return wrapped


def map_of_all(f: Function, rng: np.random.Generator) -> Function:
    chunk = {"chunk_size": int(rng.integers(1, 4))} if rng.random() < 0.4 else {}
    last = rng.random() < 0.5

    def wrapped(*xs: Any) -> Any:
        axes = tuple(np.ndim(x) if last else 0 for x in xs)
        rows = [np.stack([x, x], d) for x, d in zip(xs, axes, strict=True)]
        ys = fg.vmap(f, axes, -1, **chunk)(*rows)
        return tuple(y[..., 1] for y in ys)

    return wrapped


def map_of_one(f: Function, rng: np.random.Generator) -> Function:
    def wrapped(*xs: Any) -> Any:
        axes = (0,) + (None,) * (len(xs) - 1)
        rows = (np.stack([xs[0], np.ones_like(xs[0]), xs[0]]), *xs[1:])
        return tuple(y[2] for y in fg.vmap(f, axes)(*rows))

    return wrapped


def map_of_none(f: Function, rng: np.random.Generator) -> Function:
    within = lambda xs: lambda i: tuple(np.where(i > 1, y, 0 * y) for y in f(*xs))
    return lambda *xs: tuple(y[2] for y in fg.vmap(within(xs))(np.arange(3)))


def beside_a_tangent(f: Function, rng: np.random.Generator) -> Function:
    if rng.random() < 0.5:
        return lambda *xs: fg.linearize(f, *xs)[0]
    return lambda *xs: fg.jvp(f, xs, tuple(np.zeros_like(x) for x in xs))[0]


def beside_a_cotangent(f: Function, rng: np.random.Generator) -> Function:
    return lambda *xs: fg.vjp(f, *xs)[0]


def tangent(f: Function, rng: np.random.Generator) -> Function:
    """The derivative of ``t f(x)`` in t."""
    scaled = lambda xs: lambda t: tuple(y * t.astype(y.dtype) for y in f(*xs))
    return lambda *xs: fg.jvp(scaled(xs), (np.ones(()),), (np.ones(()),))[1]


def rule(f: Function, rng: np.random.Generator) -> Function:
    g: Any = fg.custom_jvp(f)
    g.defjvp(lambda xs, ts: fg.jvp(f, xs, ts))
    return g


def closure(f: Function, rng: np.random.Generator) -> Function:
    """One of the others of the first argument; the function closes over the rest."""
    wrapper = ALONE[int(rng.integers(len(ALONE)))]
    return lambda *xs: wrapper(lambda x: f(x, *xs[1:]), np.random.default_rng(0))(xs[0])


ALONE: list[Wrapper] = [
    branch, switch, scan, while_loop, map_of_all, map_of_one, map_of_none, beside_a_tangent,
    beside_a_cotangent, tangent, rule, lambda f, _: fg.jit(f), lambda f, _: fg.checkpoint(f),
]  # fmt: skip
WRAPPERS = [*ALONE, *ALONE[-3:], closure, closure]


def wrapped(case: Case) -> None:
    """A program in wrappers has its values, and its first and second derivatives."""
    weak = not all(hasattr(x, "dtype") for x in case.points)  # it would be strong in a loop
    if weak or not case.smooth or not case.inexact or not forward(case):
        return
    chosen = case.rng.integers(len(WRAPPERS), size=case.rng.integers(1, DEEP + 1))
    f = case.inner(case.fun)
    for number in chosen:
        f = WRAPPERS[number](f, case.rng)
    try:
        compared(case, f)
    except DifferenceError as error:
        names = [WRAPPERS[number].__name__ for number in chosen]
        error.detail += f"\nin {', '.join(names)}"
        raise


def compared(case: Case, f: Function) -> None:
    points = tuple(case.points)
    pulled = lambda f: lambda *xs: fg.vjp(f, *xs)[1](case.cotangents)
    ways: list[tuple[str, Callable[[Function], Any]]] = [
        ("wrapped", lambda f: arrays(f(*points))),
        ("vjp of wrapped", lambda f: case.precise(pulled(f)(*points))),
        ("jvp of wrapped", lambda f: arrays(fg.jvp(f, points, case.tangents)[1])),
    ]
    if case.rng.random() < 0.5:
        compiled = lambda f: case.precise(fg.jit(pulled(f))(*points))
        ways += [("jit of vjp of wrapped", compiled)]
    if case.rng.random() < 0.3 and sum(map(np.size, points)) < SMALL:
        second = lambda f: case.precise(fg.jvp(pulled(f), points, case.tangents)[1])
        ways += [("jvp of vjp of wrapped", second)]
    for law, way in ways:
        again = lambda fun, way=way: way(case.inner(fun))
        case.same(law, way(f), again(case.fun), again, derivative=law != "wrapped")
