"""Statements that write into an array."""

import re
from typing import Any

import numpy as np

from .scope import RejectedError, Scope, repeats
from .values import NUMBERS, value, wrapped
from .views import basic_index, fancy_index, index_array, view

MASK = re.compile("<|>|True|False")
AUGMENTED = ["+=", "-=", "*=", "+=", "/=", "**=", "%=", "@="]


def place(g: Scope) -> tuple[str, str, np.ndarray]:
    """An array to be written into: its name, an expression of it or of a view, and its value."""
    name = g.target()
    x = g.values[name]
    g.reaches = x.size > 0
    if g.chance(0.55):
        return name, name, x
    text = view(g, name, x)
    y = g.value_of(text)
    if not isinstance(y, np.ndarray) or not y.flags.writeable:
        raise RejectedError
    g.reaches = np.shares_memory(x, y)
    return name, text, y


def slot(g: Scope) -> tuple[str, str, np.ndarray, bool]:
    """An indexed array on the left of an assignment, the elements there, and if it repeats some."""
    name, text, x = place(g)
    index = basic_index(g, x) if g.chance(0.65) else fancy_index(g, x)
    part = f"{text}[{index}]"
    y = np.asarray(g.value_of(part))
    g.reaches = g.reaches and y.size > 0
    return name, part, y, "<" in index or ">" in index


def assign(g: Scope) -> None:
    name, part, y, masked = slot(g)
    shape = y.shape
    if masked and g.abstract:
        shape = ()
    text = value(g, shape, real=y.dtype.kind == "f")
    if reads_written(g.value_of(text), y, g.values[name], bool(MASK.search(part))):
        text = f"+{wrapped(text)}"
    store(g, name, f"{part} = {text}", text)


def reads_written(value: Any, part: np.ndarray, array: np.ndarray, masked: bool = False) -> bool:
    """Whether NumPy may read elements that it has written already into a part of an array.

    It writes into parts of one axis element by element, from the end that is right if the strides
    are equal, and copies only values that lie in the opposite direction.
    """
    if not np.may_share_memory(value, array):
        return False
    return masked or (part.ndim == 1 and value.strides[-1:] != part.strides)


def augment(g: Scope) -> None:
    name, part, y, masked = slot(g)
    if masked and g.abstract:
        raise RejectedError
    augmented(g, name, part, y)


def augment_name(g: Scope) -> None:
    name = g.target()
    if g.local is not None and name not in g.local:
        raise RejectedError
    g.reaches = g.values[name].size > 0
    augmented(g, name, name, g.values[name])


def augmented(g: Scope, name: str, part: str, y: np.ndarray) -> None:
    operator = g.choice(AUGMENTED)
    real = y.dtype.kind == "f"
    if operator == "**=":
        text = g.choice(["2", "3", "2.0"])
    elif operator == "%=":
        text = "3.0"
    elif operator == "/=":
        text = f"(2.0 + np.square({value(g, y.shape, deep=1)}))"
    elif operator == "@=":
        if y.ndim != 2 or y.shape[0] != y.shape[1]:
            raise RejectedError
        text = value(g, y.shape, exact=True, real=real, deep=1)
    else:
        text = value(g, y.shape, real=real)
    kind = "traced" if g.kinds[name] == "traced" else None
    store(g, name, f"{part} {operator} {text}", text, kind)


def store(g: Scope, name: str, line: str, text: str, kind: str | None = None) -> None:
    kind = kind or g.kind_of(text)
    g.run(line, name, kind)


def scalar(g: Scope) -> None:
    """An augmented scalar: other names of it stay as they are."""
    scalars = [
        n for n, x in g.values.items() if isinstance(x, np.float64) and g.kinds[n] == "traced"
    ]
    name = g.choice(n for n in scalars if g.local is None or n in g.local)
    if g.chance(0.5):
        g.bind(name)
    g.run(f"{name} {g.choice(['+=', '-=', '*='])} {value(g, (), deep=1)}")


def out(g: Scope) -> None:
    """The ``out=`` of a function."""
    name, text, y = place(g)
    if g.chance(0.3):
        text = f"{text}[{basic_index(g, y, True)}]"
        y = g.value_of(text)
        if not isinstance(y, np.ndarray):
            raise RejectedError
        g.reaches = g.reaches and y.size > 0
    real, shape = y.dtype.kind == "f", y.shape
    one, two = (value(g, shape, real=real, deep=1) for _ in range(2))
    a = g.pick(lambda x: x.ndim == y.ndim + 1 and x.dtype == y.dtype and not repeats(x))
    forms = [f"np.sin({one}, out={{}})", f"np.multiply({one}, {two}, out={{}})"] * 2
    forms += [f"np.add({one}, {two}, {{}})", f"np.subtract({one}, {two}, out=({{}},))"]
    forms += [
        f"np.negative({one}, out={{}})",
        f"np.clip({value(g, shape, True, real, 1)}, -1.0, 1.5, out={{}})",
    ]
    mask = mask_of(g, shape)
    forms += [f"np.add({one}, {two}, out={{}}, where={mask})"]
    if a is not None:
        d = int(g.rng.integers(y.ndim + 1))
        forms += [f"np.sum({a}, axis={d}, out={{}})", f"{a}.sum({d}, out={{}})"] * 2
        forms += [f"np.mean({a}, {d}, out={{}})", f"np.add.reduce({a}, {d}, out={{}})"]
        forms += [f"np.take({a}, 0, axis={d}, out={{}})", f"np.max({a}, {d}, out={{}})"]
    if y.ndim:
        same = value(g, shape, True, real, 1)
        forms += [f"np.cumsum({same}, 0, out={{}})", f"np.add.accumulate({same}, 0, out={{}})"]
    if y.ndim == 2:
        left = g.pick(lambda x: x.ndim == 2 and x.shape[0] == y.shape[0] and x.dtype == y.dtype)
        if left is not None:
            wanted = (g.values[left].shape[1], y.shape[1])
            right = value(g, wanted, True, real, 1)
            forms += [
                f"np.matmul({left}, {right}, out={{}})",
                f"np.dot({left}, {right}, out={{}})",
            ] * 2
    line = g.choice(forms).format(text)
    kind = g.kind_of(line)
    if g.chance(0.2) and g.local is None and y.ndim:  # of no axis it may be a scalar
        line = f"{g.fresh()} = {line}"
        g.kinds[line.split(" ")[0]] = g.kinds[name]
        try:
            g.run(line, name, kind)
        except RejectedError:
            del g.kinds[line.split(" ")[0]]
            raise
        return
    g.run(line, name, kind)


def mask_of(g: Scope, shape: tuple[int, ...]) -> str:
    """A mask of a shape, which a list of no elements would not show."""
    mask = np.asarray(g.rng.random(shape) < 0.5)
    return f"np.array({mask.tolist()})" if mask.size else f"np.zeros({shape}, dtype=bool)"


def function(g: Scope) -> None:
    """Functions and methods that write."""
    name, text, y = place(g)
    real, n = y.dtype.kind == "f", y.size
    number = value(g, (), real=real, deep=1)
    row = value(g, (2,), real=real, deep=1)
    same = value(g, y.shape, real=real, deep=1)
    if reads_written(g.value_of(same), y, g.values[name]):
        same = f"+{wrapped(same)}"
    forms = [f"np.copyto({text}, {same})", f"{text}.fill({number})"] * 2
    mask = mask_of(g, y.shape)
    forms += [f"np.copyto({text}, {same}, where={mask})"]
    forms += [f"np.putmask({text}, {mask}, {row})"]
    apart = not np.may_share_memory(g.value_of(row), y)  # else NumPy reads what it has written
    forms += [f"np.place({text}, {mask}, {row})"] * apart
    if n and y.ndim:
        index = index_array(g, n, 2)
        forms += [f"np.put({text}, {index}, {row})", f"{text}.put({index}, {row})"] * 2
        forms += [
            f"{text}.flat[{int(g.rng.integers(n))}] = {number}",
            f"{text}.flat[::2] = {number}",
        ]
        forms += [f"{text}.sort()", f"{text}.sort(axis=0)", f"{text}.partition(0)"]
        first = index_array(g, y.shape[0], 2)
        rows = value(g, (2, *y.shape[1:]), real=real, deep=1)
        methods = ["np.add.at", "np.subtract.at", "np.add.at"] + ["np.multiply.at"] * (
            len(set(first)) == 2
        )
        forms += [f"{g.choice(methods)}({text}, {first}, {rows})"] * 3
        forms += [f"np.negative.at({text}, {first})", f"{text}.flat = {number}"]
        i, j = (int(k) for k in g.rng.integers(0, y.shape[0], 2))
        forms += [f"{text}[{i}], {text}[{j}] = {text}[{j}], {text}[{i}]"]
        forms += [f"{text}[[{i}, {j}]] = {text}[[{j}, {i}]]"]
        forms += [
            f"{text}[1:] = {text}[:-1]",
            f"{text}[:-1] += {text}[1:]",
            f"{text}[::-1] += {text}",
        ]
        at = np.argsort(g.rng.random(y.shape), 0)[:1].tolist()
        forms += [f"np.put_along_axis({text}, np.array({at}), {number}, axis=0)"]
    if y.ndim >= 2:
        forms += [f"np.fill_diagonal({text}, {number})"] * 3
        forms += [f"{text}[:] = {text}.T", f"{text}.T[...] = {same}"]
    if not real:
        forms += [f"{text}.real = {value(g, y.shape, deep=1)}", f"{text}.imag += 0.5"] * 3
    line = g.choice(forms)
    kind = "traced" if g.kinds[name] == "traced" else g.kind_of(line)
    g.run(line, name, kind)


def refused(g: Scope) -> None:
    """A write that NumPy may refuse, which leaves everything as it was."""
    name = g.pick(lambda x: x.dtype.kind in "fc" and not x.flags.writeable)
    if name is None or g.chance(0.4):
        name = g.target(lambda x: x.ndim > 0)
        line = f"{name}[...] = {value(g, (5,), exact=True, deep=1)}"
        error = "ValueError"
    else:
        line = (
            f"{name}[{basic_index(g, g.values[name])}] {g.choice(['=', '+='])} {g.choice(NUMBERS)}"
        )
        error = "ValueError"
    other = g.target()
    if g.local is not None or g.kinds[other] != "traced":
        raise RejectedError
    try:
        exec(line, dict(g.scope))
    except ValueError:
        g.rerun()
        g.run(f"try:\n    {line}\nexcept {error}:\n    {other}[...] = 0.5 * {other} + 0.25")
    else:
        g.rerun()
        raise RejectedError
