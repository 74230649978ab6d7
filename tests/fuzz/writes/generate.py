"""Grow a random program that writes: a statement at a time, each tried in plain NumPy at once."""

import warnings
from typing import Any

import numpy as np

from . import blocks, stores
from .program import Program
from .scope import RejectedError, Scope, indented
from .values import made

SHAPES = [
    (3,), (4,), (5,), (2, 3), (3, 2), (3, 3), (2, 2), (4, 2), (2, 2, 2), (1, 3), (2, 1, 3), (1,),
    (),
]  # fmt: skip


def new(g: Scope) -> None:
    text, kind = made(g)
    g.bind(text, kind)


STATEMENTS = [
    (0.30, new),
    (0.17, stores.assign),
    (0.10, stores.augment),
    (0.08, stores.augment_name),
    (0.04, stores.scalar),
    (0.08, stores.out),
    (0.11, stores.function),
    (0.02, stores.refused),
    (0.10, blocks.grow),
]


def statement(g: Scope) -> None:
    """Add a statement that fits."""
    weights = np.array([w for w, _ in STATEMENTS])
    for _ in range(40):
        add = STATEMENTS[int(g.rng.choice(len(STATEMENTS), p=weights / weights.sum()))][1]
        try:
            add(g)
        except RejectedError:
            continue
        return


def program(seed: int, number: int) -> Program:
    """The program of a number: always the same one for the same seed."""
    rng = np.random.default_rng([seed, number])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        return grown(rng)


def grown(rng: np.random.Generator) -> Program:
    abstract, changed = bool(rng.random() < 0.75), bool(rng.random() < 0.3)
    g = Scope(rng, abstract, changed, statement)
    is_complex = g.chance(0.15)
    inputs = {f"x{i}": entry(g, is_complex) for i in range(int(rng.integers(1, 4)))}
    g.count = len(inputs)
    g.begin(inputs)
    for _ in range(int(rng.integers(5, 25))):
        statement(g)
    results = [n for n, x in g.values.items() if isinstance(x, np.ndarray | np.float64)]
    results = [n for n in results if g.kinds[n] in ("traced", "either")] or list(inputs)
    head = f"def f({', '.join(inputs)}):"
    source = "\n".join([head, *indented(g.lines), f"    return {', '.join(results)},"])
    return Program(source, tuple(inputs.values()), not abstract, changed)


def entry(g: Scope, is_complex: bool) -> Any:
    shape = g.choice(SHAPES)
    x = np.asarray(g.rng.normal(size=shape).round(3))
    if is_complex and g.chance(0.7):
        x = np.asarray(x + 1j * g.rng.normal(size=shape).round(3))
    if not shape and g.chance(0.3):
        return x[()]
    return x
