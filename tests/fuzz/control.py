"""The lines of a program that hold functions: branches, loops, and the library's own transforms."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .plain import NAMESPACE
from .programs import Block, Step

KINDS = {"f": "f", "c": "c", "i": "i", "u": "i", "b": "b"}


def inexact(value: Any) -> bool:
    return hasattr(value, "dtype") and value.dtype.kind in "fc"


def usable(value: Any) -> bool:
    return hasattr(value, "dtype")


def last(g: Any) -> list[str]:
    """End a function with its last inexact value."""
    return [g.recent(inexact)]


def like(*values: Any) -> Callable[[Any], list[str]]:
    """End a function with values of given shapes and dtypes."""

    def finish(inner: Any) -> list[str]:
        results = []
        for value in values:
            wanted = lambda x, value=value: usable(x) and (x.dtype.kind in "fc") == inexact(value)
            results.append(inner.shaped(inner.recent(wanted), value))
        return results

    return finish


def body(
    g: Any, names: list[str], finish: Any, low: int = 1, high: int = 4, closed: bool = False
) -> Block:
    """Return a function of the values of names, and of whatever it closes over."""
    params = {g.fresh("p"): g.everything()[name] for name in names}
    return g.block(params, int(g.rng.integers(low, high)), finish, closed)


def value_of(g: Any, block: Block) -> Any:
    """Return the value of a function's result at the values it was grown on."""
    return block_values(g, block)[0]


def block_values(g: Any, block: Block, *args: Any) -> list[Any]:
    scope = {**NAMESPACE, **g.everything()}
    exec("\n".join(block.lines("block", False)) + ",", scope)
    return list(scope["block"](*args))


def inexact_kinds(g: Any) -> str:
    return "fc" if g.chance(0.3) else "f"


def arrays(g: Any, count: int, rank: int = 0, kinds: Any = None) -> list[str]:
    """Return names of arrays: a Python scalar among them becomes one.

    Args:
        kinds: the generator -> the kinds of an operand; else those that a loop takes.
    """
    kinds = kinds or type(g).carried
    names = [g.operand(kinds(g), rank) for _ in range(count)]
    return [
        n if usable(g.everything()[n]) else g.bind("np.broadcast_to({0}, ())", n) for n in names
    ]


def calls(g: Any, names: list[str], closed: bool = False) -> tuple[Block, list[Any]]:
    block = body(g, names, last, closed=closed)
    return block, block_values(g, block, *(g.everything()[name] for name in names))


def args(count: int, first: int = 0) -> str:
    return ", ".join(f"{{{i + first}}}" for i in range(count))


def emit(
    g: Any, text: str, names: list[str], blocks: list[Block], before: tuple[str, ...] = ()
) -> None:
    g.add(Step((g.fresh(),), text, tuple(names), tuple(blocks), before))


def cond(g: Any) -> None:
    names = arrays(g, int(g.rng.integers(1, 3)))
    pred = g.pick(lambda x: usable(x) and x.dtype == bool and x.ndim == 0)
    if pred is None or g.chance(0.4):
        pred = g.bind(g.choice(["np.sum({0}) > 0", "np.max({0}) < 0.5"]), g.operand("f"))
    first, (value,) = calls(g, names)
    second = body(g, names, like(value), 0)
    emit(
        g,
        f"fg.lax.cond({{0}}, {{b0}}, {{b1}}, {args(len(names), 1)})",
        [pred, *names],
        [first, second],
    )


def switch(g: Any) -> None:
    names = arrays(g, 1)
    index = g.pick(lambda x: usable(x) and x.dtype.kind == "i" and x.ndim == 0)
    if index is None or g.chance(0.4):
        index = g.bind("np.argmax({0}) - 1", g.operand("fi"))
    first, (value,) = calls(g, names)
    blocks = [first, *(body(g, names, like(value), 0) for _ in range(int(g.rng.integers(1, 4))))]
    branches = ", ".join(f"{{b{i}}}" for i in range(len(blocks)))
    emit(g, f"fg.lax.switch({{0}}, [{branches}], {{1}})", [index, *names], blocks)


def scan(g: Any) -> None:
    (carry,) = arrays(g, 1)
    (xs,) = arrays(g, 1, 1)
    sequence = g.everything()[xs]
    if g.chance(0.15):
        item, text = None, "None, length=3"
    else:
        item = sequence[0] if len(sequence) else np.ones(sequence.shape[1:], sequence.dtype)
        text = "{1}"
    start = g.everything()[carry]
    params = {g.fresh("p"): start, g.fresh("p"): item}
    if item is None:
        del params[list(params)[1]]
    ends = lambda inner: [*like(start)(inner), inner.recent(inexact)]
    block = g.block(params, int(g.rng.integers(1, 5)), ends)
    if item is None:
        block = Block((*block.params, "_"), block.steps, block.results)
    options = f"reverse={g.chance(0.3)}{g.loop_options()}"
    emit(g, f"fg.lax.scan({{b0}}, {{0}}, {text}, {options})", [carry, xs], [block])
    pair = g.steps[-1].targets[0]
    for i in range(2):
        g.bind(f"{{0}}[{i}]", pair)


def stepped(g: Any, start: Any) -> tuple[str, str, Block]:
    """Return the counter, the value and the body of a loop that counts its steps."""
    pair, counter, value = g.fresh("p"), g.fresh("p"), g.fresh("p")
    inner_values = {pair: (np.int64(0), start), counter: np.int64(0), value: start}
    block = g.block(inner_values, int(g.rng.integers(1, 5)), like(start))
    count = g.fresh()
    steps = (
        Step((counter, value), "{0}", (pair,)),
        *block.steps,
        Step((count,), "{0} + 1", (counter,)),
    )
    return pair, count, Block((pair,), steps, (count, *block.results))


def while_loop(g: Any) -> None:
    (name,) = arrays(g, 1)
    _, count, block = stepped(g, g.everything()[name])
    block = Block(block.params, block.steps, (f"({count}, {block.results[1]})",))
    limit = int(g.rng.integers(0, 4))
    test = f"c[0] < {limit}"
    if g.chance(0.4):
        test = f"np.logical_and({test}, np.sum(np.abs(c[1])) < 10)"
    options = g.loop_options(whiles=True)
    text = f"fg.lax.while_loop(lambda c: {test}, {{b0}}, (0, {{0}}){options})[1]"
    emit(g, text, [name], [block])


def fori_loop(g: Any) -> None:
    (name,) = arrays(g, 1)
    start = g.everything()[name]
    params = {g.fresh("p"): np.int64(1), g.fresh("p"): start}
    block = g.block(params, int(g.rng.integers(1, 5)), like(start))
    low, high = g.choice([(0, 3), (1, 2), (0, 0), (-1, 2)])
    emit(g, f"fg.lax.fori_loop({low}, {high}, {{b0}}, {{0}})", [name], [block])


def mapped(g: Any) -> None:
    (name,) = arrays(g, 1, 1)
    sequence = g.everything()[name]
    item = sequence[0] if len(sequence) else np.ones(sequence.shape[1:], sequence.dtype)
    block = g.block({g.fresh("p"): item}, int(g.rng.integers(1, 4)), last)
    emit(g, "fg.lax.map({b0}, {0})", [name], [block])


def associative_scan(g: Any) -> None:
    (name,) = arrays(g, 1, 1)
    operation = g.choice(["np.add", "np.multiply", "np.maximum", "lambda a, b: a * b + a + b"])
    axis = int(g.rng.integers(np.ndim(g.everything()[name])))
    emit(
        g,
        f"fg.lax.associative_scan({operation}, {{0}}, reverse={g.chance(0.3)}, axis={axis})",
        [name],
        [],
    )


def wrapped(g: Any) -> None:
    names = arrays(g, int(g.rng.integers(1, 3)))
    block, _ = calls(g, names)
    emit(g, f"fg.{g.choice(['jit', 'checkpoint'])}({{b0}})({args(len(names))})", names, [block])


def stopped(g: Any) -> None:
    emit(g, "fg.stop_gradient({0})", arrays(g, 1), [])


def vmapped(g: Any) -> None:
    names = arrays(g, int(g.rng.integers(1, 3)), 0)
    values = [g.everything()[name] for name in names]
    if not values[0].ndim:
        (names[0],) = arrays(g, 1, 1)
        values[0] = g.everything()[names[0]]
    axes: list[int | None] = [int(g.rng.integers(-values[0].ndim, values[0].ndim))]
    size = values[0].shape[axes[0]]
    for value in values[1:]:
        fits = [d for d in range(np.ndim(value)) if value.shape[d] == size]
        axes.append(g.choice(fits) if fits and g.chance(0.6) else None)
    if not size:
        return mapped(g)
    items = [
        value if d is None else np.take(value, 0, axis=d)
        for value, d in zip(values, axes, strict=True)
    ]
    params = {g.fresh("p"): item for item in items}
    block = g.block(params, int(g.rng.integers(1, 5)), last)
    out = block_values(g, block, *items)[0]
    place = int(g.rng.integers(np.ndim(out) + 1))
    emit(
        g,
        f"fg.vmap({{b0}}, in_axes={tuple(axes)}, out_axes={place})({args(len(names))})",
        names,
        [block],
    )


def custom(g: Any) -> None:
    names = arrays(g, int(g.rng.integers(1, 3)), kinds=inexact_kinds)
    block, _ = calls(g, names, closed=True)
    if g.chance(0.5):
        before = (
            "{b0}_rule = fg.custom_jvp({b0})",
            "{b0}_rule.defjvp(lambda primals, tangents: fg.jvp({b0}, primals, tangents))",
        )
    else:
        before = (
            "{b0}_rule = fg.custom_vjp({b0})",
            "{b0}_rule.defvjp(lambda *a: ({b0}(*a), a), lambda a, ct: fg.vjp({b0}, *a)[1](ct))",
        )
    emit(g, f"{{b0}}_rule({args(len(names))})", names, [block], before)


def derived(g: Any) -> None:
    """Add the gradient of an inner function, so that the program's own is of second order."""
    (name,) = arrays(g, 1, kinds=inexact_kinds)
    total = lambda inner: [inner.bind("np.sum(np.real({0}))", inner.recent(inexact))]
    block = body(g, [name], total)
    emit(g, "fg.grad({b0})({0})", [name], [block])


def counted(g: Any) -> None:
    """Add a loop whose number of steps the program computes."""
    (name,) = arrays(g, 1)
    start = g.everything()[name]
    limit = g.bind("{0} % 4", g.exact("i", ()))
    params = {g.fresh("p"): np.int64(1), g.fresh("p"): start}
    block = g.block(params, int(g.rng.integers(1, 4)), like(start))
    emit(g, "fg.lax.fori_loop(0, {0}, {b0}, {1})", [limit, name], [block])


def vmapped_while(g: Any) -> None:
    """Add a loop over rows, each with its own number of steps."""
    (name,) = arrays(g, 1, 1)
    sequence = g.everything()[name]
    if not len(sequence):
        return mapped(g)
    _, count, block = stepped(g, sequence[0])
    block = Block(block.params, block.steps, (f"({count}, {block.results[1]})",))
    test = f"np.logical_and(c[0] < {g.choice([1, 3, 6])}, np.sum(np.abs(c[1])) < 5)"
    text = f"fg.vmap(lambda x: fg.lax.while_loop(lambda c: {test}, {{b0}}, (0, x))[1])({{0}})"
    return emit(g, text, [name], [block])


def juggled(g: Any) -> None:
    """Add a loop that carries several arrays, each of which may become another, or a part of it."""
    names = arrays(g, 1)
    value = g.everything()[names[0]]
    shape = value.shape[1:] if value.ndim and g.chance(0.4) else value.shape
    for side in (shape, value.shape)[: int(g.rng.integers(1, 3))]:
        names.append(g.exact(KINDS[value.dtype.kind], side))
    values = [g.everything()[name] for name in names]
    step, *own = (g.fresh("p") for _ in (0, *names))

    def finish(inner: Any) -> list[str]:
        return [inner.shaped(_part(inner, inner.choice([*own, ""]), step), x) for x in values]

    block = g.block({step: np.int64(1), **dict(zip(own, values, strict=True))},
                    int(g.rng.integers(1, 4)), finish)  # fmt: skip
    given = f"({args(len(names))})"
    text = f"fg.lax.fori_loop(0, 3, lambda i, c: {{b0}}(i, *c), {given})"
    if g.chance(0.5):
        text = f"fg.lax.scan(lambda c, i: ({{b0}}(i, *c), c[-1]), {given}, np.arange(3))[0]"
    emit(g, text, names, [block])
    whole = g.steps[-1].targets[0]
    for i in range(len(names)):
        g.bind(f"{{0}}[{i}]", whole)


def _part(g: Any, name: str, step: str) -> str:
    """Return a carried array, a view of it, or a row at a traced place; "": the last value."""
    name = name or g.recent(usable)
    value, form = g.everything()[name], g.rng.random()
    if not np.ndim(value) or not np.size(value) or form < 0.4:
        return name
    if form < 0.6:
        return g.bind("{0}[::-1]", name)
    return g.bind(f"fg.at({{0}})[{{1}} % {len(value)}].get()", name, step)


def descent(g: Any) -> None:
    """Add a loop whose step takes a gradient, of a function that may hold loops."""
    (name,) = arrays(g, 1, kinds=lambda _: "f")
    total = lambda inner: [inner.bind("np.mean(np.real({0}))", inner.recent(inexact))]
    block = body(g, [name], total)
    steps = int(g.rng.integers(0, 4))
    text = f"fg.lax.fori_loop(0, {steps}, lambda i, x: x - 0.1 * fg.grad({{b0}})(x), {{0}})"
    if g.chance(0.5):
        text = f"fg.lax.scan(lambda x, _: (x - fg.grad({{b0}})(x) / 8, x), {{0}}, None, {steps})[1]"
    emit(g, text, [name], [block])


GROWERS = (
    cond, cond, switch, scan, scan, while_loop, fori_loop, mapped, associative_scan, wrapped,
    wrapped, stopped, vmapped, vmapped, custom, custom, derived,
)  # fmt: skip
WIDE = (
    counted,
    vmapped_while,
    descent,
    juggled,
    juggled,
    cond,
    scan,
    while_loop,
)  # more often in wide programs


def grow(g: Any) -> None:
    """Add a line that holds functions."""
    g.choice(g.growers)(g)
