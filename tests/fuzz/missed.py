"""The law of patterns: no dependence is missed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad.sparse import Pattern, pattern

from .compare import Case, DifferenceError, forward, kind

FEW = 8  # columns and rows of a Jacobian, each a product


def missed(case: Case) -> None:
    """Elements of the Jacobian, and of a Hessian, that are not 0 are in the pattern."""
    if not case.smooth or not case.inexact:
        return
    data = case.rng.random() < 0.5  # whether inputs without derivative are data, or constants

    def outputs(*inputs: Any) -> list[Any]:
        outs = case.fun(*inputs)
        return [outs[i] for i in case.inexact]

    if data:
        found = pattern(outputs, *case.inputs, argnums=tuple(case.smooth))
    else:
        inner = case.inner(case.fun)
        found = pattern(inner, *case.points, argnums=tuple(range(len(case.points))))
    if forward(case):
        pushed(case, case.inner(case.fun), found)
    pulled(case, found)
    if case.rng.random() < 0.3:
        second(case)


def pushed(case: Case, fun: Any, found: Pattern) -> None:
    """Compare columns."""
    for column, t in units(case, case.points):
        ys = fg.jvp(fun, tuple(case.points), t)[1]
        compare(flat(ys), column_of(found, column), f"column {column}")


def pulled(case: Case, found: Pattern) -> None:
    """Compare rows."""
    pull = fg.vjp(case.inner(case.fun), *case.points)[1]
    for row, ct in units(case, case.cotangents):
        mask = np.zeros(found.shape[1], bool)
        mask[found.indices[found.indptr[row] : found.indptr[row + 1]]] = True
        compare(flat(pull(ct)), mask, f"row {row}")


def second(case: Case) -> None:
    """Compare columns of a Hessian."""
    if not forward(case) or any(kind(x) == "c" for x in case.points):
        return

    def total(*points: Any) -> Any:
        outs = case.inner(case.fun)(*points)
        return sum(np.sum(np.real(y * w)) for y, w in zip(outs, case.cotangents, strict=True))

    argnums = tuple(range(len(case.points)))
    found = pattern(total, *case.points, argnums=argnums, order=2)
    pushed(case, fg.grad(total, argnums=argnums), found)


def units(case: Case, values: Any) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
    """Yield the numbers of a few elements, and values that are 1 there and 0 elsewhere."""
    sizes = [np.size(x) for x in values]
    starts = np.cumsum([0, *sizes])
    count = min(FEW, int(starts[-1]))
    for number in case.rng.choice(int(starts[-1]), count, replace=False):
        parts = [np.zeros_like(np.asarray(x)) for x in values]
        i = int(np.searchsorted(starts, number, "right")) - 1
        parts[i].reshape(-1)[number - starts[i]] = 1
        rows = zip(parts, values, strict=True)
        yield int(number), tuple(p if isinstance(x, np.ndarray) else p[()] for p, x in rows)


def flat(values: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(np.ravel(np.asarray(x)) for x in values)])


def column_of(found: Pattern, column: int) -> np.ndarray:
    mask = np.zeros(found.shape[0], bool)
    mask[found.rows[found.indices == column]] = True
    return mask


def compare(got: np.ndarray, mask: np.ndarray, what: str) -> None:
    """Raise where an element is not 0, but not in the pattern."""
    if got.shape != mask.shape:
        raise DifferenceError("missed", f"the shape of {what}: {got.shape} and {mask.shape}")
    bad = np.isfinite(got) & (got != 0) & ~mask
    if bad.any():
        text = f"{what} of the pattern\ngot  {got!r}\nwant {mask!r}"
        raise DifferenceError("missed", text)
