"""Partial fractions of ratios of polynomials.

Which poles are equal is found from values, which must be known. Residues of simple poles are
differentiable in all coefficients; a pole that is repeated has no derivative.
"""

from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ConcretizationError, shown
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating
from .representations import coefficients, product_of_roots

_MEANS: dict[str, Any] = {
    "avg": np.mean, "mean": np.mean, "max": np.max, "maximum": np.max, "min": np.min,
    "minimum": np.min,
}  # fmt: skip


def _groups(who: str, p: Any, tol: float) -> list[np.ndarray]:
    """Indices of roots that are within a distance."""
    values = known(stop_gradient(p))
    if values is None:
        raise ConcretizationError(
            f"{who}: which roots are equal depends on values, which are not known under jit and "
            f"vmap; call it outside"
        )
    left, found = np.ones(len(values), bool), []
    for i in range(len(values)):
        if left[i]:
            group = np.flatnonzero(left & (np.abs(values - values[i]) <= tol))
            left[group] = False
            found.append(group)
    return found


def _rule(who: str, rtype: str) -> Any:
    if rtype not in _MEANS:
        raise ValueError(f"{who}: rtype must be 'avg', 'max' or 'min': got {shown(rtype)}")
    return _MEANS[rtype]


@answering
def unique_roots(p: Any, tol: float = 1e-3, rtype: str = "min") -> tuple[Any, np.ndarray]:
    """Roots without repetitions, and how often each occurs.

    Args:
        p: roots, shape [n], of known values.
        tol: the distance up to which roots are equal.
        rtype: "avg", "max" or "min", which of them is given.

    >>> print(unique_roots(np.array([1.0, 2.0, 1.0001])))
    (array([1., 2.]), array([2, 1]))
    """
    rule, p = _rule("unique_roots", rtype), as_floating(p)
    groups = _groups("unique_roots", p, tol)
    return np.stack([rule(p[g]) for g in groups]), np.array([len(g) for g in groups])


def _sorted_poles(who: str, a: Any, tol: float, rtype: str) -> tuple[Any, list[int]]:
    """Different roots of a polynomial by their size, and how often each occurs."""
    rule, roots = _rule(who, rtype), np.roots(a)
    if not shape_of(roots)[0]:
        return roots, []
    groups = _groups(who, roots, tol)
    poles = np.stack([rule(roots[g]) for g in groups])
    order = np.argsort(np.abs(np.asarray(known(stop_gradient(poles)))), kind="stable")
    return poles[order], [len(groups[i]) for i in order]


def _residues(poles: Any, counts: list[int], numerator: Any) -> Any:
    """The residues of each pole, by ascending powers of its factor."""
    rows: list[Any] = []
    for i, count in enumerate(counts):
        others = [k for k, n in enumerate(counts) for _ in range(n) if k != i]
        factor = product_of_roots(poles[np.array(others, int)]) + 0 * poles[i]
        block: list[Any] = []
        top = _shifted(numerator, poles[i], count)
        bottom = _shifted(factor, poles[i], count)
        for k in range(count):  # the quotient of two series around the pole
            value = top[k] - sum(block[j] * bottom[k - j] for j in range(k))
            block.append(value / bottom[0])
        rows += block[::-1]
    return np.stack(rows)


def _shifted(c: Any, x: Any, count: int) -> list[Any]:
    """The first coefficients of a polynomial in powers of t - x."""
    rows, rest = [], c + 0 * x
    for _ in range(count):
        if not shape_of(rest)[0]:
            rows.append(0 * x)
            continue
        sums = [rest[0]]
        for k in range(1, shape_of(rest)[0]):
            sums.append(sums[-1] * x + rest[k])
        rows.append(sums[-1])
        rest = np.stack(sums[:-1]) if sums[:-1] else rest[:0]
    return rows


def _repeated(poles: Any, counts: list[int]) -> Any:
    return poles[np.repeat(np.arange(len(counts)), counts)]


@answering
def residue(b: Any, a: Any, tol: float = 1e-3, rtype: str = "avg") -> tuple[Any, Any, Any]:
    """Partial fractions: b(s) / a(s) = sum of r / (s - p)**j + k(s).

    Args:
        b, a: numerator and denominator, the highest power first.
        tol, rtype: see :func:`unique_roots`.

    Returns:
        Residues and poles [n]; a pole that is repeated has the powers 1, 2, ... in order; and the
        coefficients k of a polynomial.

    >>> r, p, k = residue(np.array([1.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    >>> print(r.round(9), p.round(9), k)
    [ 2. -1.] [-1. -2.] []
    """
    b, a = coefficients("residue", "b", b), coefficients("residue", "a", a)
    k: Any = np.zeros(0)
    if shape_of(b)[0] >= shape_of(a)[0]:
        k, b = np.polydiv(b, a)
    poles, counts = _sorted_poles("residue", a, tol, rtype)
    if not counts:
        return np.zeros(0), poles, k
    return _residues(poles, counts, b) / a[0], _repeated(poles, counts), k


@answering
def residuez(b: Any, a: Any, tol: float = 1e-3, rtype: str = "avg") -> tuple[Any, Any, Any]:
    """Partial fractions in 1 / z: b(z) / a(z) = sum of r / (1 - p / z)**j + k(1 / z).

    Args:
        b, a: numerator and denominator, the power z**0 first, then z**-1, ....
        tol, rtype: see :func:`unique_roots`.

    >>> r, p, k = residuez(np.array([1.0]), np.array([1.0, -0.75, 0.125]))
    >>> print(r.round(9), p.round(9), k)
    [-1.  2.] [0.25 0.5 ] []
    """
    b, a = coefficients("residuez", "b", b), coefficients("residuez", "a", a)
    k: Any = np.zeros(0)
    back = b[::-1]
    if shape_of(b)[0] >= shape_of(a)[0]:
        k, back = np.polydiv(back, a[::-1])
        k = k[::-1]
    poles, counts = _sorted_poles("residuez", a, tol, rtype)
    if not counts:
        return np.zeros(0), poles, k
    found = _residues(1 / poles, counts, back) / a[-1]
    powers = np.concatenate([np.arange(1, n + 1) for n in counts])
    every = _repeated(poles, counts)
    return found * (-every) ** powers, every, k


def _joined(who: str, r: Any, p: Any, tol: float, rtype: str) -> tuple[Any, list[int], Any]:
    """The different poles in order, how often each occurs, and the residues in that order."""
    r, p = (np.atleast_1d(as_floating(x)) for x in (r, p))
    rule = _rule(who, rtype)
    groups = _groups(who, p, tol)
    poles = np.stack([rule(p[g]) for g in groups])
    return poles, [len(g) for g in groups], r[np.concatenate(groups)]


def _combined(poles: Any, counts: list[int], r: Any, k: Any, descending: bool) -> tuple[Any, Any]:
    """Numerator and denominator of a sum of fractions with factors [1, -pole]."""
    k = np.atleast_1d(as_floating(k)) if np.size(k) else np.zeros(1)
    bottom = product_of_roots(_repeated(poles, counts))
    top, place = np.convolve(k, bottom), 0
    for i, count in enumerate(counts):
        for j in range(1, count + 1):
            left = [n - (j if m == i else 0) for m, n in enumerate(counts)]
            term = r[place] * product_of_roots(_repeated(poles, left))
            place += 1
            zeros = np.zeros(shape_of(top)[0] - shape_of(term)[0])
            top = top + np.concatenate([zeros, term] if descending else [term, zeros])
    return top, bottom


@answering
def invres(r: Any, p: Any, k: Any, tol: float = 1e-3, rtype: str = "avg") -> tuple[Any, Any]:
    """Numerator and denominator of partial fractions: the inverse of :func:`residue`.

    >>> print(invres(np.array([2.0, -1.0]), np.array([-1.0, -2.0]), np.array([])))
    (array([1., 3.]), array([1., 3., 2.]))
    """
    poles, counts, r = _joined("invres", r, p, tol, rtype)
    top, bottom = _combined(poles, counts, r, k, True)
    values = known(top)
    if values is not None and np.any(values):
        top = top[np.flatnonzero(values)[0] :]
    return top, bottom


@answering
def invresz(r: Any, p: Any, k: Any, tol: float = 1e-3, rtype: str = "avg") -> tuple[Any, Any]:
    """Numerator and denominator of partial fractions in 1 / z: the inverse of :func:`residuez`.

    >>> print(invresz(np.array([-1.0, 2.0]), np.array([0.25, 0.5]), np.array([])))
    (array([1.]), array([ 1.   , -0.75 ,  0.125]))
    """
    poles, counts, r = _joined("invresz", r, p, tol, rtype)
    top, bottom = _combined(poles, counts, r, k, False)
    values = known(top)
    if values is not None and np.any(values):
        top = top[: np.flatnonzero(values)[-1] + 1]
    return top, bottom
