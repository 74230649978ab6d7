"""Splines as tuples (t, c, k) of knots, coefficients and degree, and fits by least squares.

Functions take a BSpline in place of a tuple, and return one of the same form.
"""

import itertools
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ConcretizationError, ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .bsplines import BSpline, make_interp_spline


def _spline(tck: Any) -> BSpline:
    if isinstance(tck, BSpline):
        return tck
    t, c, k = tck
    t = as_floating(t)
    return BSpline(t, as_floating(c)[: shape_of(t)[0] - k - 1], k)


def _like(tck: Any, spline: BSpline, last: Any = 0.0) -> Any:
    """A spline in the form of ``tck``; a tuple has as many coefficients as knots."""
    if isinstance(tck, BSpline):
        return spline
    n = shape_of(spline.t)[0]
    more = np.zeros(n - shape_of(spline.c)[0], dtype_of(spline.c)) + last
    return spline.t, np.concatenate([spline.c, more]), spline.k


@answering
def splrep(
    x: Any, y: Any, w: Any = None, xb: Any = None, xe: Any = None, k: int = 3, task: int = 0,
    s: Any = None, t: Any = None, full_output: int = 0, per: int = 0, quiet: int = 1,
) -> Any:  # fmt: skip
    """Spline through samples, or by least squares for given inner knots, as a tuple (t, c, k).

    Args:
        x, y: places, ascending, and values, shape [n].
        w: weights of the samples, shape [n], for ``t``.
        xb, xe: the ends of the spline, by default those of x.
        k: int, the degree.
        task, t: -1 and the inner knots, or 0 and None.
        s: None or 0; smoothing is not supported.
        full_output, per, quiet: must be 0, 0 and ignored.

    >>> t, c, k = splrep(np.arange(5.0), np.arange(5.0) ** 2)
    >>> print(splev(2.5, (t, c, k)).round(9))
    6.25
    """
    if (s is not None and s != 0) or per or full_output:
        raise UnsupportedError(
            f"splrep: s must be None or 0, per and full_output 0: got {s}, {per} and "
            f"{full_output}; pass inner knots t"
        )
    x, y = as_floating(x), as_floating(y)
    if t is None:
        if w is not None and s is None:
            raise UnsupportedError("splrep: weights smooth: got w; pass s=0, or inner knots t")
        return _like(None, make_interp_spline(x, y, k))
    ends = x[0] if xb is None else xb, x[-1] if xe is None else xe
    repeated = [np.stack([as_floating(end)] * (k + 1)) for end in ends]
    knots = np.concatenate([repeated[0], as_floating(t), repeated[1]])
    return _like(None, make_lsq_spline(x, y, knots, k, w))


@answering
def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """Values, or derivatives, of a spline.

    Args:
        x: places of any shape.
        tck: see :func:`splrep`, or a :class:`BSpline`.
        der: int, the order of the derivative.
        ext: outside of the base interval 0 extrapolates, 1 gives 0, 2 raises, and 3 gives the value
            at the border; derivatives are then extrapolated, as in SciPy.

    >>> print(splev(0.5, (np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1)))
    3.0
    """
    if ext not in (0, 1, 2, 3):
        raise ValueError(f"splev: ext must be 0, 1, 2 or 3: got {shown(ext)}")
    spline = _spline(tck)
    t, k = spline.t, spline.k
    x, low, high = as_floating(x), t[k], t[shape_of(t)[0] - k - 1]
    outside = np.logical_or(x < low, x > high)
    if ext == 2 and known(outside) is not None and np.any(known(outside)):
        raise ValueError("splev: places must be within the base interval: got one outside; ext=0")
    x = np.clip(x, low, high) if ext == 3 and der == 0 else x
    found = spline(x, der)
    return np.where(outside, 0.0, found) if ext == 1 else found


@answering
def splint(a: Any, b: Any, tck: Any, full_output: int = 0) -> Any:
    """Integral of a spline, which is 0 outside of its base interval.

    Args:
        a, b: bounds; the integral is differentiable in them.
        tck: see :func:`splev`.
        full_output: must be 0.

    >>> print(splint(0.0, 1.0, (np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1)))
    3.0
    """
    spline = _spline(tck)
    t, k = spline.t, spline.k
    low, high = t[k], t[shape_of(t)[0] - k - 1]
    inside = lambda v: np.clip(as_floating(v), low, high)
    return spline.integrate(inside(a), inside(b))


@answering
def splder(tck: Any, n: int = 1) -> Any:
    """Derivative of a spline, as a spline.

    Args:
        tck: see :func:`splev`.
        n: int, the order.

    >>> print(splder((np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1))[1][:1])
    [2.]
    """
    if n > (tck.k if isinstance(tck, BSpline) else tck[2]):
        raise ValueError(f"splder: n must be at most the degree of the spline: got {n}")
    return splantider(tck, -n) if n < 0 else _like(tck, _spline(tck).derivative(n))


@answering
def splantider(tck: Any, n: int = 1) -> Any:
    """Antiderivative of a spline, as a spline; see :func:`splder`.

    >>> print(splantider((np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1))[1][:3])
    [0. 1. 3.]
    """
    if n < 0:
        return splder(tck, -n)
    spline = _spline(tck).antiderivative(n)
    return _like(tck, spline, 0.0 if isinstance(tck, BSpline) else spline.c[-1])


@answering
def spalde(x: Any, tck: Any) -> Any:
    """All derivatives of a spline at a place, those of order 0 to k.

    >>> print(spalde(0.5, (np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1)) + 0.0)
    [3. 2.]
    """
    spline = _spline(tck)
    rows = np.stack([spline(x, nu) for nu in range(spline.k + 1)], axis=-1)
    return rows if len(shape_of(rows)) == 1 else [rows[i] for i in range(shape_of(rows)[0])]


@answering
def insert(x: Any, tck: Any, m: int = 1, per: int = 0) -> Any:
    """The same spline with one more knot.

    Args:
        x: the knot, within the base interval.
        tck: see :func:`splev`.
        m: int, how often it is inserted.
        per: must be 0.

    Source: Boehm 1980, "Inserting new knots into B-spline curves" (Comput. Aided Des. 12).

    >>> print(insert(0.5, (np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1))[1][:3])
    [2. 3. 4.]
    """
    if per:
        raise UnsupportedError(f"insert: per must be 0: got {per}; insert into both ends")
    spline, x = _spline(tck), as_floating(x)
    t, c, k = spline.t, spline.c, spline.k
    for _ in range(m):
        n = shape_of(t)[0] - k - 1
        knots = known(t)
        if knots is None or known(x) is None:
            raise ConcretizationError("insert: knots and x must be known: got traced ones")
        at = int(np.clip(np.searchsorted(knots, known(x), side="right") - 1, k, n - 1))
        i = np.arange(at - k + 1, at + 1)
        share = (x - t[i]) / (t[i + k] - t[i])
        share = np.reshape(share, (-1, *[1] * (len(shape_of(c)) - 1)))
        inner = share * c[i] + (1 - share) * c[i - 1]
        c = np.concatenate([c[: at - k + 1], inner, c[at:n]])
        t = np.concatenate([t[: at + 1], np.reshape(x, (1,)), t[at + 1 :]])
    made = BSpline(t, c, k, spline.extrapolate)
    made.axis = spline.axis
    return _like(tck, made)


@answering
def sproot(tck: Any, mest: int = 10) -> Any:
    """Roots of a cubic spline within its base interval, differentiable in coefficients and knots.

    Args:
        tck: see :func:`splev`; its values must be known.
        mest: ignored, for compatibility with SciPy.

    >>> t, c, k = splrep(np.arange(5.0), np.arange(5.0) - 1.5)
    >>> print(sproot((t, c, k)).round(9))
    [1.5]
    """
    spline = _spline(tck)
    if spline.k != 3:
        raise ValueError(f"sproot: the spline must be cubic: got degree {spline.k}; use BSpline")
    if known(spline.c) is None or known(spline.t) is None:
        raise ConcretizationError(
            "sproot: how many roots there are depends on values, which are not known under jit and "
            "vmap; call it outside"
        )
    t, n = np.asarray(known(spline.t)), shape_of(spline.t)[0] - 4
    plain = BSpline(t, np.asarray(known(spline.c)), 3)
    knots = np.unique(t[3 : n + 1])
    found: list[float] = []
    for low, high in itertools.pairwise(knots):
        middle = (low + high) / 2
        c = [float(plain(middle, nu)) / f for nu, f in zip((3, 2, 1, 0), (6, 2, 1, 1), strict=True)]
        roots = np.roots(c) if np.any(c) else np.zeros(0)
        real = np.sort(roots[np.abs(roots.imag) < 1e-8 * (high - low)].real) + middle
        found += [r for r in real if low - 1e-12 <= r <= high + 1e-12]
    places = np.unique(np.round(np.array(found), 12)) if found else np.zeros(0)
    slope = plain(places, 1)
    at = spline(places)  # which is 0, but its derivatives are not
    return places - (at - stop_gradient(at)) / np.where(slope == 0, 1.0, slope)


@answering
def make_lsq_spline(
    x: Any, y: Any, t: Any, k: int = 3, w: Any = None, axis: int = 0, check_finite: bool = True,
    *, method: str = "qr",
) -> BSpline:  # fmt: skip
    """The spline of given knots that is nearest to samples, differentiable in all arrays.

    Args:
        x: places, ascending, shape [n].
        y: values, shape [..., n, ...].
        t: knots, shape [m + k + 1], with samples between them.
        k: int, the degree.
        w: weights of the samples, shape [n].
        axis: the axis of n.
        check_finite, method: ignored, for compatibility with SciPy.

    Source: de Boor 1978, "A practical guide to splines", chapter XIV.

    >>> found = make_lsq_spline(np.arange(5.0), np.arange(5.0), np.array([0.0, 0.0, 4.0, 4.0]), 1)
    >>> print(found(2.5).round(9))
    2.5
    """
    x, y, t = as_floating(x), as_floating(y), as_floating(t)
    axis = axis % max(len(shape_of(y)), 1)
    y = np.moveaxis(y, axis, 0)
    n, size = shape_of(x)[0], shape_of(t)[0] - k - 1
    if shape_of(y)[0] != n or not 0 < size <= n:
        raise ShapeError(
            f"make_lsq_spline: y must have {n} samples, and t from {k + 2} to {n + k + 1} knots: "
            f"got {aval_of(y)} and {aval_of(t)}"
        )
    basis = BSpline(t, np.eye(size), k)(x)
    right = np.reshape(y, (n, -1))
    if w is not None:
        w = cast(as_floating(w), dtype_of(right))[:, None]
        basis, right = basis * w, right * w
    q, r = np.linalg.qr(basis)
    c = np.linalg.solve(r, q.T @ right)
    made = BSpline(t, np.reshape(c, (size, *shape_of(y)[1:])), k)
    made.axis = axis
    return made
