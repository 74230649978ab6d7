"""The law of both modes: one Jacobian, and where it does not exist slopes of those nearby."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import funcgrad as fg

from .compare import Case, DifferenceError, basis, coarsest, forward, product

ENTRIES = 48  # of a Jacobian, beyond which a product with one direction is enough
SAMPLES = 16

Seeds = Sequence[tuple[np.ndarray, ...]]


def adjoint(case: Case) -> None:
    """Both modes give one Jacobian: all entries if they are few, else one product."""
    if not case.smooth or not forward(case):
        return
    columns = sum(np.size(x) for x in case.points)
    rows = sum(np.size(case.want[i]) for i in case.inexact)
    few = columns * rows <= ENTRIES
    directions = list(basis(case.points)) if few else [case.tangents]
    seeds = list(basis(case.cotangents)) if few else [case.cotangents]
    try:
        compare(case, directions, seeds, few)
    except DifferenceError:
        bent = kinked(case)
        if not bent:
            raise
        others = [i for i in range(len(case.inexact)) if i not in bent]
        compare(case, directions, of_outputs(seeds, others), few)
        if not all(among_slopes(case, directions, of_outputs(seeds, [i])) for i in bent):
            raise
        case.explained.append("one-sided slopes")


def compare(case: Case, directions: Seeds, seeds: Seeds, few: bool) -> None:
    """Raise where the products of both modes differ."""
    precise, points = coarsest(case), tuple(case.points)
    size = []
    if not few:  # one product has the magnitude of its terms
        pushed = fg.jvp(case.inner(case.fun), points, directions[0])[1]
        size = [np.array(product(seeds[0], pushed, magnitude=True), precise)]
    join = lambda entries: [np.append(entries, size).astype(precise)]
    forwards = lambda fun: join(pushed_entries(case, fun, points, directions, seeds))
    got = join(pulled_entries(case, directions, seeds))
    case.same("vjp is jvp", got, forwards(case.fun), forwards, derivative=True)


def pushed_entries(
    case: Case, fun: Any, points: Any, directions: Seeds, seeds: Seeds
) -> np.ndarray:
    pushed = [fg.jvp(case.inner(fun), points, t)[1] for t in directions]
    return np.array([product(ct, y) for y in pushed for ct in seeds], coarsest(case))


def pulled_entries(case: Case, directions: Seeds, seeds: Seeds) -> np.ndarray:
    pull = fg.vjp(case.inner(case.fun), *case.points)[1]
    pulled = [pull(ct) for ct in seeds]
    return np.array([product(ct, t) for t in directions for ct in pulled], coarsest(case))


def of_outputs(seeds: Seeds, kept: Sequence[int]) -> Seeds:
    """Return the cotangents of some outputs, 0 for the others."""
    return [tuple(y if i in kept else np.zeros_like(y) for i, y in enumerate(ct)) for ct in seeds]


# Where a function of eigenvalues or singular values has no derivative, as these are equal or 0,
# forward mode gives the slopes along the tangent, in which the values part. They are not linear in
# it, so that no reverse mode can give them: it gives those of the vectors that LAPACK gives.


def kinked(case: Case) -> list[int]:
    """Return the outputs whose derivative in forward mode is not linear in the tangent."""
    if "linalg" not in case.program.source:
        return []
    points, root = tuple(case.points), np.sqrt(np.finfo(coarsest(case)).eps)
    one, two = case.tangents, tuple(case.like(x) for x in case.points)
    along = lambda *t: fg.jvp(case.inner(case.fun), points, t)[1]
    both = along(*(a + b for a, b in zip(one, two, strict=True)))
    rows = zip(both, along(*one), along(*two), along(*(-t for t in one)), strict=True)

    def is_linear(y: Any, a: Any, b: Any, back: Any) -> bool:
        scale = root * np.max(np.abs(y), initial=1.0, where=np.isfinite(y))
        return not np.any(np.abs(y - a - b) > scale) and not np.any(np.abs(a + back) > scale)

    return [i for i, row in enumerate(rows) if not is_linear(*row)]


def among_slopes(case: Case, directions: Seeds, seeds: Seeds) -> bool:
    """Return whether reverse mode gives slopes that there are nearby, or ones between these."""
    step = float(np.sqrt(np.finfo(coarsest(case)).eps))
    near = lambda: tuple(x + step * case.like(x) for x in case.points)
    slopes: Callable[[Any], Any] = lambda at: pushed_entries(case, case.fun, at, directions, seeds)
    found = np.array([slopes(tuple(case.points)), *(slopes(near()) for _ in range(SAMPLES))])
    low, high = np.nanmin(found, axis=0), np.nanmax(found, axis=0)
    # so few points do not find all, nor those of a matrix whose elements all change
    slack = np.max(high - low) + 16 * step * np.max(np.abs(found), initial=1.0)
    got = pulled_entries(case, directions, seeds)
    return bool(np.all(np.isnan(got) | ((low - slack <= got) & (got <= high + slack))))
