"""Statements that hold others: loops, branches, local functions, and bodies run by the library."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .scope import RejectedError, Scope, indented, repeats
from .values import total, value


def some(g: Scope, low: int, high: int) -> None:
    for _ in range(int(g.rng.integers(low, high))):
        g.statement(g)


def added(g: Scope, lines: list[str]) -> None:
    g.run("\n".join(lines))


def counted(g: Scope) -> None:
    """A loop over a counter."""
    stop = int(g.rng.integers(2, 4))
    name = g.fresh("i")
    with g.block() as lines:
        g.script.append(f"{name} = 0")
        g.rerun()
        g.counters[name] = stop
        some(g, 1, 5)
    nonempty(lines)
    added(g, [f"for {name} in range({stop}):", *indented(lines)])


def rows(g: Scope) -> None:
    """A loop over the rows of an array: views of it, or scalars."""
    array = g.pick(lambda x: x.ndim > 0 and x.dtype.kind in "fc" and len(x) > 0)
    if array is None:
        raise RejectedError
    name, kind = g.fresh("r"), g.kinds[array]
    text = g.choice([array, array, f"{array}.T", f"{array}[::-1]"])
    with g.block() as lines:
        g.script.append(f"{name} = next(iter({text}))")
        g.kinds[name] = kind
        g.rerun()
        if g.local is not None:
            g.local = {*g.local, name}
        some(g, 1, 4)
    nonempty(lines)
    added(g, [f"for {name} in {text}:", *indented(lines)])


def branch(g: Scope) -> None:
    """A branch on values or, in a loop, on its counter."""
    if g.counters and (g.abstract or g.chance(0.5)):
        test = f"{g.choice(g.counters)} {g.choice(['== 0', '> 0', '% 2 == 0'])}"
    elif g.abstract:
        raise RejectedError
    else:
        test = f"{total(g, True)} > {g.choice(['0.1', '-0.3', '0.7'])}"
    both = []
    for _ in range(2):
        with g.block() as lines:
            some(g, 1, 4)
        nonempty(lines)
        both.append(lines)
    text = [f"if {test}:", *indented(both[0])]
    if g.chance(0.6):
        text += ["else:", *indented(both[1])]
    added(g, text)


def nonempty(lines: list[str]) -> None:
    if not lines:
        raise RejectedError


def arrays(g: Scope, count: int, rank: int = 1) -> list[str]:
    fits = lambda x: x.dtype == np.float64 and x.ndim >= rank and not repeats(x)
    names = [g.pick(fits) for _ in range(count)]
    if None in names:
        raise RejectedError
    return [str(n) for n in names]


def local_function(g: Scope) -> None:
    """A function of the program's own, which writes into its arguments."""
    names = arrays(g, int(g.rng.integers(1, 3)))
    params = [g.fresh("p") for _ in names]
    fun = g.fresh("h")
    with g.block() as lines:
        g.script += [f"{p} = {n}" for p, n in zip(params, names, strict=True)]
        g.kinds |= {p: g.kinds[n] for p, n in zip(params, names, strict=True)}
        g.rerun()
        g.local = set(params)
        some(g, 1, 4)
        inside = [n for n in g.values if n in g.local]
        result = g.choice(n for n in inside if isinstance(g.values[n], np.ndarray))
        kind = g.kinds[result]
    nonempty(lines)
    head = [f"def {fun}({', '.join(params)}):", *indented(lines), f"    return {result}"]
    called(g, head, f"{fun}({', '.join(names)})", kind)


def called(g: Scope, head: list[str], text: str, kind: str | None = None) -> None:
    name = g.fresh()
    g.kinds[name] = kind or g.kind_of("\n".join([*head, text]))
    try:
        added(g, [*head, f"{name} = {text}"])
        rank = np.ndim(g.values.get(name))
        if "fg." in text and not rank:  # whether it is a scalar is left open
            g.script.pop(), g.lines.pop()
            added(g, [*head, f"{name} = 1.0 * {text}"])
        elif "fg.grad" in text:  # and the order of a gradient
            g.script.pop(), g.lines.pop()
            added(g, [*head, f"{name} = {text}.copy()"])
    except RejectedError:
        del g.kinds[name]
        g.rerun()
        raise
    if g.local is not None:
        g.local.add(name)


def body(
    g: Scope,
    params: dict[str, str],
    finish: Callable[[Scope, set[str]], str],
    plain: frozenset[str] = frozenset(),
) -> tuple[str, list[str]]:
    """A function that the library runs: its name and its text.

    It writes only into its parameters, which are copies, and into arrays that it made.

    Args:
        params: its parameters, and expressions of arguments that it is tried on.
    """
    fun = g.fresh("b")
    with g.block() as lines:
        g.fenced = frozenset({*g.fenced, *g.kinds})
        g.script += [f"{p} = fg.checkpoint(lambda q: q)({text})" for p, text in params.items()]
        g.kinds |= {p: "plain" if p in plain else g.kind_of(text) for p, text in params.items()}
        g.local, g.abstract = set(params) - plain, True
        g.rerun()
        some(g, 1, 5)
        result = finish(g, g.local)
    nonempty(lines)
    return fun, [f"def {fun}({', '.join(params)}):", *indented(lines), f"    return {result}"]


def like(x: Any) -> Callable[[Scope, set[str]], str]:
    """End with a value of the shape of another."""

    def finish(g: Scope, local: set[str]) -> str:
        fits = [n for n in sorted(local) if n in g.values and np.shape(g.values[n]) == np.shape(x)]
        fits = [n for n in fits if np.asarray(g.values[n]).dtype == np.float64]
        fits = [n for n in fits if g.kinds[n] == "traced"]
        if fits and g.chance(0.8):
            return str(g.choice(fits))
        text = f"1.0 * {value(g, np.shape(x), exact=True)}" if np.ndim(x) else total(g, True)
        if g.kind_of(text) != "traced":
            raise RejectedError
        return text

    return finish


def last(g: Scope, local: set[str]) -> str:
    names = [n for n in sorted(local) if isinstance(g.values.get(n), np.ndarray)]
    names = [n for n in names if g.kinds[n] == "traced" and g.values[n].dtype == np.float64]
    return str(g.choice(names))


def scan(g: Scope) -> None:
    carry, xs = arrays(g, 2)
    if not g.values[xs].ndim or not len(g.values[xs]):
        raise RejectedError
    p, q = g.fresh("p"), g.fresh("p")
    start = g.values[carry]
    both = lambda g, local: f"{like(start)(g, local)}, {last(g, local)}"
    fun, head = body(g, {p: carry, q: f"{xs}[0]"}, both)
    pair = g.fresh("t")
    head.append(f"{pair} = fg.lax.scan({fun}, {carry}, {xs})")
    called(g, head, f"{pair}[0]")
    g.bind(f"{pair}[1]", "traced")


def cond(g: Scope) -> None:
    (name,) = arrays(g, 1)
    x = g.values[name]
    (first, head), (second, more) = (body(g, {g.fresh("p"): name}, like(x)) for _ in range(2))
    test = f"{total(g, True)} > {g.choice(['0.1', '-0.3'])}"
    called(g, [*head, *more], f"fg.lax.cond({test}, {first}, {second}, {name})")


def fori_loop(g: Scope) -> None:
    (name,) = arrays(g, 1)
    i, p = g.fresh("k"), g.fresh("p")
    fun, head = body(g, {i: "np.int64(0)", p: name}, like(g.values[name]), frozenset({i}))
    called(g, head, f"fg.lax.fori_loop(0, {int(g.rng.integers(1, 4))}, {fun}, {name})")


def while_loop(g: Scope) -> None:
    (name,) = arrays(g, 1)
    pair, i, p = g.fresh("t"), g.fresh("k"), g.fresh("p")
    fun, head = body(g, {i: "np.int64(0)", p: name}, like(g.values[name]), frozenset({i}))
    head[0] = f"def {fun}({pair}):"
    head[1:1] = [f"    {i}, {p} = {pair}"]
    head[-1] = head[-1].replace("return ", f"return {i} + 1, ")
    test = f"c[0] < {int(g.rng.integers(1, 4))}"
    if g.chance(0.4):  # a condition that writes into the carry, too
        small = lambda g, local: f"np.sum(np.abs({last(g, local)})) < 9.0"
        own, lines = body(g, {g.fresh("p"): name}, small)
        head += lines
        test = f"np.logical_and({test}, {own}(c[1]))"
    called(g, head, f"fg.lax.while_loop(lambda c: {test}, {fun}, (0, {name}))[1]")


def wrapped(g: Scope) -> None:
    names = arrays(g, int(g.rng.integers(1, 3)))
    fun, head = body(g, {g.fresh("p"): n for n in names}, last)
    transform = g.choice(["fg.checkpoint", "fg.jit", "fg.checkpoint"])
    called(g, head, f"{transform}({fun})({', '.join(names)})")


def mapped(g: Scope) -> None:
    (name,) = arrays(g, 1)
    if not len(g.values[name]):
        raise RejectedError
    fun, head = body(g, {g.fresh("p"): f"{name}[0]"}, last)
    called(g, head, f"{g.choice(['fg.vmap({})({})', 'fg.lax.map({}, {})'])}".format(fun, name))


def derived(g: Scope) -> None:
    (name,) = arrays(g, 1)
    scalar = lambda g, local: f"np.sum({last(g, local)})"
    fun, head = body(g, {g.fresh("p"): name}, scalar)
    called(g, head, f"fg.grad({fun})({name})", "plain")  # zeros where it does not depend on it


GROWERS = [
    counted, counted, rows, rows, branch, branch, local_function, local_function, scan, cond,
    fori_loop, while_loop, wrapped, wrapped, mapped, derived,
]  # fmt: skip


def grow(g: Scope) -> None:
    if g.depth >= 2:
        raise RejectedError
    g.choice(GROWERS)(g)
