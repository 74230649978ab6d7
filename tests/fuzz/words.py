"""Static arguments that fit an operand: what ``@axis`` and its kin stand for in the grammar.

Each function gets the generator, the names of the operands so far, and a side of square matrices.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .programs import literal


def _shape(g: Any, operands: list[str]) -> tuple[int, ...]:
    return np.shape(g.everything()[operands[0]])


def axis(g: Any, operands: list[str], _: int) -> int:
    rank = len(_shape(g, operands))
    return int(g.rng.integers(-rank, rank))


def axpos(g: Any, operands: list[str], _: int) -> int:
    return int(g.rng.integers(len(_shape(g, operands))))


def axes(g: Any, operands: list[str], sides: int) -> Any:
    rank = len(_shape(g, operands))
    form = g.rng.random()
    if form < 0.35 or not rank:
        return None
    if form < 0.75:
        return axis(g, operands, sides)
    count = int(g.rng.integers(0 if form > 0.97 else 1, rank + 1))
    return tuple(int(d) for d in g.rng.permutation(rank)[:count])


def ax0(g: Any, operands: list[str], sides: int) -> Any:
    return axis(g, operands, sides) if _shape(g, operands) and g.chance(0.6) else None


def newshape(g: Any, operands: list[str], _: int) -> tuple[int, ...]:
    size = int(np.prod(_shape(g, operands)))
    sides = [d for d in range(1, size + 1) if size % d == 0] or [0]
    first = g.choice(sides)
    return g.choice([(size,), (first, size // first if first else 2), (1, size), (first, -1)])


def wider(g: Any, operands: list[str], _: int) -> tuple[int, ...]:
    shape = tuple(g.choice([2, 3]) if side == 1 else side for side in _shape(g, operands))
    return g.choice([shape, (2, *shape)])


def index(g: Any, operands: list[str], _: int) -> str:
    """Return an index of the first operand, with its brackets."""
    parts = []
    left = list(_shape(g, operands))
    while left and g.chance(0.8):
        side = left.pop(0)
        form = g.choice("sssnnaaAmx")
        if form == "s":
            parts.append(g.choice([":", "::-1", "1:", ":-1", "::2", "-2:", "1:2", "5:", "-1::-2"]))
        elif form == "n" and side:
            parts.append(str(int(g.rng.integers(-side, side))))
        elif form == "a" and side:
            parts.append(repr(g.rng.integers(-side, side, 2).tolist()))
        elif form == "A" and side:
            parts.append(f"np.array({g.rng.integers(0, side, (2, 1)).tolist()})")
        elif form == "m":
            parts.append(f"np.array({(g.rng.random(side) < 0.6).tolist()}, bool)")
        else:
            left.insert(0, side)
            parts.append("None")
    if g.chance(0.25):
        parts.insert(int(g.rng.integers(len(parts) + 1)) if not left else len(parts), "...")
    return f"[{', '.join(parts) or '...'}]"


def pads(g: Any, operands: list[str], _: int) -> Any:
    return [tuple(g.rng.integers(0, 3, 2).tolist()) for _ in _shape(g, operands)] or 0


def mask(g: Any, operands: list[str], _: int) -> str:
    shape = _shape(g, operands) if operands else g.shape()
    return literal(g.array(g.narrowed(shape), "b"))


def matrix(form: str) -> Callable[[Any, list[str], int], str]:
    def made(g: Any, operands: list[str], side: int) -> str:
        name = g.operand("f")
        if not np.size(g.everything()[name]):
            raise IndexError("an empty array has no matrix")
        operands.append(name)
        hole = f"{{{len(operands) - 1}}}"
        return form.format(
            x=f"np.resize({hole}, ({side}, {side}))",
            t=f"np.resize(np.tanh({hole}), ({side}, {side}))",
            n=side,
        )

    return made


def rows(g: Any, operands: list[str], _: int) -> list[bool]:
    return [g.chance(0.6) for _ in range(_shape(g, operands)[0])]


WORDS: dict[str, Callable[[Any, list[str], int], Any]] = {
    "axis": axis,
    "axpos": axpos,
    "axes": axes,
    "ax0": ax0,
    "newshape": newshape,
    "wider": wider,
    "index": index,
    "pads": pads,
    "mask": mask,
    "rows": rows,
    "square": matrix("{x}"),
    "regular": matrix("({t} + 3 * np.eye({n}))"),
    "positive": matrix("({t} @ {t}.T + np.eye({n}))"),
    "boolrow": lambda g, operands, side: f"np.array({rows(g, operands, side)}, bool)",
    "bool": lambda g, *_: g.chance(0.4),
    "s": lambda g, *_: g.scalar(),
    "k": lambda g, *_: int(g.rng.integers(-2, 3)),
    "one": lambda g, *_: int(g.rng.integers(2)),
    "zero": lambda *_: 0,
    "last": lambda *_: -1,
    "q": lambda g, *_: g.choice([0.0, 0.25, 0.5, 0.6, 1.0]),
    "perm": lambda g, ops, _: tuple(g.rng.permutation(len(_shape(g, ops))).tolist()),
    "length": lambda g, ops, _: _shape(g, ops)[0] or 1,
    "last_size": lambda g, ops, _: _shape(g, ops)[-1],
    "places": lambda g, ops, _: g.rng.integers(0, min(_shape(g, ops), default=1), 3).tolist(),
    "flats": lambda g, ops, _: g.rng.integers(0, int(np.prod(_shape(g, ops))), (2, 2)).tolist(),
    "repeats": lambda g, ops, _: g.rng.integers(0, 3, _shape(g, ops)[0]).tolist(),
    "starts": lambda g, ops, _: (0,) * len(_shape(g, ops)),
    "ones": lambda g, ops, _: (1,) * len(_shape(g, ops)),
}
