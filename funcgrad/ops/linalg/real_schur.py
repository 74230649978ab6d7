"""The real Schur form, by the QR algorithm with double shifts.

Source: Golub & Van Loan 2013, "Matrix computations", algorithms 7.5.1 and 7.5.2.
"""

from typing import Any

import numpy as np

from .schur import hessenberg_form

_EPS = 2.3e-16


def real_schur_form(a: Any) -> tuple[np.ndarray, np.ndarray]:
    """T and an orthogonal Z with a = Z T Z'. T has blocks of 1 or 2 rows on its diagonal.

    A block of 2 rows has a pair of complex eigenvalues, equal elements on its diagonal, and two
    others of different sign, as in LAPACK.
    """
    t, z = hessenberg_form(np.array(a, float))
    high, count = len(t) - 1, 0
    while high > 0:
        sizes = np.abs(np.diagonal(t))
        below = np.arange(high)
        small = np.abs(t[below + 1, below]) <= _EPS * (sizes[:high] + sizes[1 : high + 1])
        t[below[small] + 1, below[small]] = 0
        if t[high, high - 1] == 0:
            high, count = high - 1, 0
        elif high == 1 or t[high - 1, high - 2] == 0:
            _standardise(t, z, high - 1)
            high, count = high - 2, 0
        else:
            low = high - 1
            while low > 0 and t[low, low - 1] != 0:
                low -= 1
            count += 1
            if count > 60 or not np.isfinite(t).all():
                raise np.linalg.LinAlgError("schur: the QR algorithm does not converge")
            _sweep(t, z, low, high, count % 11 == 10)
    return t, z


def _sweep(t: Any, z: Any, low: int, high: int, exceptional: bool) -> None:
    """One implicit step on the rows from low to high, with both eigenvalues of the last block."""
    last = t[high - 1 : high + 1, high - 1 : high + 1]
    total, product = np.trace(last), last[0, 0] * last[1, 1] - last[0, 1] * last[1, 0]
    if exceptional:
        size = np.abs(t[high, high - 1]) + np.abs(t[high - 1, high - 2])
        total, product = 1.5 * size, size * size
    a, b, c, d = t[low, low], t[low, low + 1], t[low + 1, low], t[low + 1, low + 1]
    x = np.array(
        [a * a + b * c - total * a + product, c * (a + d - total), c * t[low + 2, low + 1]]
    )
    for k in range(low, high):
        rows = slice(k, min(k + 3, high + 1))
        _reflect(t, z, x[: rows.stop - k], rows, max(k - 1, 0), min(k + 4, high + 1))
        if k > low:
            t[k + 1 : rows.stop, k - 1] = 0
        x = t[k + 1 : min(k + 4, high + 1), k].copy()


def _reflect(t: Any, z: Any, x: Any, rows: slice, first: int, end: int) -> None:
    """Take x to a multiple of the first unit vector, in these rows and columns."""
    size = np.linalg.norm(x)
    if size == 0 or not np.any(x[1:]):
        return
    v = x / size
    v[0] += np.copysign(1.0, v[0])
    v /= np.linalg.norm(v)
    t[rows, first:] -= 2 * np.outer(v, v @ t[rows, first:])
    t[:end, rows] -= 2 * np.outer(t[:end, rows] @ v, v)
    z[:, rows] -= 2 * np.outer(z[:, rows] @ v, v)


def _standardise(t: Any, z: Any, i: int) -> None:
    """Rotate the block of rows i and i + 1 to a triangle, or to equal elements on its diagonal."""
    a, b, c, d = t[i : i + 2, i : i + 2].ravel()
    if a == d and b * c < 0:
        return
    half = 0.5 * (a - d)
    inside = half * half + b * c
    if inside >= 0:  # real eigenvalues
        root = half + np.copysign(np.sqrt(inside), half)
        cosine, sine = (root, c) if root or c else (1.0, 0.0)
    else:
        total = b + c
        size = np.hypot(total, a - d)
        cosine = np.sqrt(0.5 * (1 + np.abs(total) / size))
        sine = -half / (size * cosine) * np.copysign(1.0, total)
    size = np.hypot(cosine, sine)
    g = np.array([[cosine, sine], [-sine, cosine]]) / size
    t[i : i + 2, i:] = g @ t[i : i + 2, i:]
    t[: i + 2, i : i + 2] = t[: i + 2, i : i + 2] @ g.T
    z[:, i : i + 2] = z[:, i : i + 2] @ g.T
    if inside >= 0:
        t[i + 1, i] = 0
    else:
        t[i, i] = t[i + 1, i + 1] = 0.5 * (t[i, i] + t[i + 1, i + 1])
        if t[i, i + 1] * t[i + 1, i] >= 0:  # by rounding
            _standardise(t, z, i)
