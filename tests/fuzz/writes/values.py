"""Expressions: values to be written, and functions of arrays."""

from typing import Any

import numpy as np

from .scope import RejectedError, Scope, repeats
from .views import basic_index, copy, view

NUMBERS = ["0.5", "2.0", "-1.5", "0.25", "1.0", "-0.75"]
FUNCTIONS = [
    "np.sin({})", "np.cos({})", "np.tanh({})", "0.5 * {}", "-{}", "np.square({})", "{} + 1.0",
    "1.0 / (1.5 + np.square({}))", "np.sqrt(1.0 + np.square({}))", "np.exp(-np.square({}))",
]  # fmt: skip
HOLOMORPHIC = FUNCTIONS[:2] + FUNCTIONS[3:7]
OPERATIONS = ["{} + {}", "{} - {}", "{} * {}", "0.5 * ({} + {})", "{} / (2.0 + np.square({}))"]


def fits(x: Any, shape: tuple[int, ...], exact: bool) -> bool:
    if exact:
        return np.shape(x) == shape
    try:
        return np.broadcast_shapes(np.shape(x), shape) == shape
    except ValueError:
        return False


def simple(g: Scope, shape: tuple[int, ...], exact: bool, real: bool) -> str:
    """A number, an array, or part of one."""
    if not exact and g.chance(0.15):
        return str(g.choice(NUMBERS))
    kinds = "f" if real else "fc"
    name = g.pick(lambda x: x.dtype.kind in kinds and fits(x, shape, exact))
    if name is not None and g.chance(0.5):
        return name
    for _ in range(8):
        name = g.pick(lambda x: x.dtype.kind in kinds and x.ndim >= len(shape))
        if name is None:
            break
        x = g.values[name]
        text = f"{name}[{basic_index(g, x)}]" if g.chance(0.7) else view(g, name, x)
        try:
            value = g.value_of(text)
        except RejectedError:
            continue
        if fits(value, shape, exact) and np.asarray(value).dtype.kind in kinds:
            return text
    scalars = [n for n, x in g.values.items() if np.shape(x) == () and type(x) is np.float64]
    if scalars and not exact and g.chance(0.7):
        return str(g.choice(scalars))
    if exact:
        return f"np.broadcast_to({g.choice(NUMBERS)}, {shape})"
    return total(g, real)


def total(g: Scope, real: bool) -> str:
    name = g.pick(lambda x: x.dtype.kind in ("f" if real else "fc"))
    if name is None:
        return str(g.choice(NUMBERS))
    return g.choice(
        [f"0.3 * np.sum({name})", f"0.5 * {name}.sum()", f"0.2 * np.vdot({name}, {name})"]
    )


def value(
    g: Scope, shape: tuple[int, ...], exact: bool = False, real: bool = True, deep: int = 2
) -> str:
    """An expression that broadcasts to a shape, or has it exactly."""
    form = g.rng.random()
    if not deep or form < 0.3:
        return simple(g, shape, exact, real)
    if form < 0.65:
        inner = value(g, shape, exact, real, deep - 1)
        functions = HOLOMORPHIC if np.iscomplexobj(g.value_of(inner)) else FUNCTIONS
        return str(g.choice(functions)).format(wrapped(inner))
    first, second = (value(g, shape, e, real, deep - 1) for e in (exact, False))
    if np.iscomplexobj(g.value_of(second)):
        return f"{wrapped(first)} + {wrapped(second)}"
    return str(g.choice(OPERATIONS)).format(wrapped(first), wrapped(second))


def wrapped(text: str) -> str:
    return f"({text})" if any(c in text for c in "+-*/ ") and not text.endswith(")") else text


def made(g: Scope) -> tuple[str, str | None]:
    """An expression for a new array or scalar, and whether it is a buffer."""
    form = g.rng.random()
    name = g.pick(lambda x: x.dtype.kind in "fc" and not repeats(x))
    if name is None:
        raise RejectedError
    x = g.values[name]
    if form < 0.1:
        return name, g.kinds[name]
    if form < 0.5:
        text = view(g, name, x)
        y = g.value_of(text)
        same = isinstance(y, np.ndarray) and np.shares_memory(y, x)
        return text, g.kinds[name] if same else None
    if form < 0.68:
        return copy(g, name, x), None
    if form < 0.75:
        shape = g.choice([(3,), (2, 3), (3, 3), (4,), (2,), x.shape])
        fills = ["np.zeros_like({})", "np.ones_like({})", "np.full_like({}, 0.5)"]
        fills += [f"np.zeros_like({{}}, shape={shape})"]
        if g.changed:
            fills = [
                f"np.zeros({shape})",
                f"np.ones({shape})",
                f"np.full({shape}, 0.5)",
            ] * 2 + fills
        takes = g.changed or g.kinds[name] == "traced"
        return g.choice(fills).format(name), "buffer" if takes else "plain"
    if form < 0.85:
        scalars = [f"{name}.flat[0]" if g.chance(0.1) else f"{name}[{basic_index(g, x)}]"]
        scalars += [f"np.sum({name}) * 0.5", f"{name}.mean()", f"np.mean({name}, 0)"]
        return g.choice(scalars), None
    return value(g, x.shape, real=x.dtype.kind == "f"), None
