"""Which zeros and poles of a filter make a section of second order: pairs of their indices.

Indices have no derivative. A section is filled from the last to the first, each time by the pole
that is nearest to the unit circle.
"""

from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ConcretizationError
from ...numpy.indexing import known
from ...ops.stop_gradient import stop_gradient

_REAL = 100 * np.finfo(float).eps  # imaginary parts below are rounding

Pairs = list[tuple[list[Any], list[Any]]]


def nearest(z: Any, p: Any) -> Pairs:
    """Pairs of zeros and of poles for each section, of an even number of each.

    Real roots are paired with real ones. The operations are traced, so that they run under jit.
    """
    z, p = stop_gradient(z), stop_gradient(p)
    n = shape_of(p)[0]
    place, far = np.arange(n), np.abs(1 - np.abs(p))
    real_z, real_p = _is_real(z), _is_real(p)
    free_z = free_p = np.ones(n, bool)
    rows: Pairs = []
    for _ in range(n // 2):
        i = _least(far, free_p)
        first = np.take(p, i)
        others = free_p & (place != i)
        j = np.where(
            np.take(real_p, i), _least(far, others & real_p),
            _least(np.abs(p - np.conj(first)), others),
        )  # fmt: skip
        free_p = others & (place != j)
        pole = first.real + 1j * np.abs(first.imag)
        gap = np.abs(z - pole)
        k = _least(gap, free_z & (real_z | (z.imag > 0)))
        others = free_z & (place != k)
        mate = _least(np.abs(z - np.conj(np.take(z, k))), others)
        m = np.where(np.take(real_z, k), _least(gap, others & real_z), mate)
        free_z = others & (place != m)
        rows.append(([k, m], [i, j]))
    return rows[::-1]


def _is_real(roots: Any) -> Any:
    return np.abs(roots.imag) <= _REAL * np.abs(roots)


def _least(distance: Any, among: Any) -> Any:
    return np.argmin(np.where(among, distance, np.inf))


def of_values(z: Any, p: Any, analog: bool) -> Pairs:
    """The same for known values, and any numbers of zeros and poles.

    A section of an odd number of poles has one; sections may have fewer zeros than poles.
    """
    zeros, poles = known(z), known(p)
    if zeros is None or poles is None:
        raise ConcretizationError(
            "zpk2sos: which poles a section has depends on their values, which are not known under "
            "jit and vmap; pass pairing='nearest'"
        )
    left_z, left_p = _halves(zeros), _halves(poles)
    rows: Pairs = []
    for _ in range((max(len(zeros), len(poles)) + 1) // 2):
        if not left_p:
            rows.append(([], []))
            continue
        worst = lambda i: abs(poles[i].real) if analog else abs(1 - abs(poles[i]))
        i = min(left_p, key=worst)
        mate: int | None = left_p.pop(i)
        if mate == i:
            reals = [j for j in left_p if left_p[j] == j]
            mate = min(reals, key=worst) if reals else None
            left_p.pop(-1 if mate is None else mate, None)
        rows.append((_zeros_near(zeros, left_z, left_p, poles[i], mate, i), _listed(i, mate)))
    return rows[::-1]


def _listed(*indices: int | None) -> list[int]:
    return [i for i in indices if i is not None]


def _halves(roots: np.ndarray) -> dict[int, int]:
    """Real roots, and those above the real axis -> themselves, and their conjugates."""
    real = _is_real(roots)
    found: dict[int, int] = {}
    below = [int(i) for i in np.flatnonzero(~real & (roots.imag < 0))]
    for i in np.flatnonzero(~real & (roots.imag > 0)):
        mate = min(below, key=lambda j: abs(roots[j] - np.conj(roots[i])))
        below.remove(mate)
        found[int(i)] = mate
    return {**found, **{int(i): int(i) for i in np.flatnonzero(real)}}


def _zeros_near(
    zeros: np.ndarray, left: dict[int, int], left_p: dict[int, int], pole: complex,
    mate: int | None, own: int,
) -> list[int]:  # fmt: skip
    """The zeros of a section; of first order, a real one."""
    gap = lambda i: abs(zeros[i] - pole)
    reals = [i for i in left if left[i] == i]
    if mate is None:
        first = min(reals, key=gap) if reals else None
        left.pop(-1 if first is None else first, None)
        return _listed(first)
    if not left:
        return []
    one_real_left = len(reals) == 1 and sum(left_p[j] == j for j in left_p) == 1
    if one_real_left and mate != own and len(left_p) + 1 == len(left):
        first = min((i for i in left if left[i] != i), key=gap)  # the real ones make a section
    else:
        first = min(left, key=gap)
    second = left.pop(first)
    if second != first:
        return [first, second]
    reals = [i for i in left if left[i] == i]
    if not reals:
        return [first]
    second = min(reals, key=gap)
    left.pop(second)
    return [first, second]
