"""The complex Schur form, and functions of matrices by it.

Functions of a triangular matrix are by the block recurrence of Davies & Higham 2003, "A
Schur-Parlett algorithm for computing matrix functions" (SIAM J. Matrix Anal. 25): eigenvalues
closer than 0.1 share a diagonal block, of which the function is a Taylor series. Square roots are
by Björck & Hammarling 1983 (Linear Algebra Appl. 52), logarithms by inverse scaling and squaring
(Higham 2008, "Functions of matrices", algorithm 11.9): both need no distance of eigenvalues.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

APART = 0.1  # distance of eigenvalues of different blocks
PADE_NODES, PADE_WEIGHTS = np.polynomial.legendre.leggauss(8)


def schur_form(a: Any) -> tuple[np.ndarray, np.ndarray]:
    """T upper triangular and Z unitary with a = Z T Z*, by the shifted QR algorithm.

    Source: Golub & Van Loan 2013, "Matrix computations", sections 7.4 and 7.5.
    """
    t, z = hessenberg_form(np.array(a, complex))
    n = len(t)
    high, count = n - 1, 0
    while high > 0:
        small = np.abs(np.diagonal(t, -1)) <= 2.3e-16 * (
            np.abs(np.diagonal(t))[:-1] + np.abs(np.diagonal(t))[1:]
        )
        t[np.flatnonzero(small) + 1, np.flatnonzero(small)] = 0
        if t[high, high - 1] == 0:
            high, count = high - 1, 0
            continue
        low = high - 1
        while low > 0 and t[low, low - 1] != 0:
            low -= 1
        count += 1
        if count > 60 or not np.isfinite(t).all():
            raise np.linalg.LinAlgError("schur: the QR algorithm does not converge")
        shift = _shift(t[high - 1 : high + 1, high - 1 : high + 1])
        if count % 11 == 10:  # an exceptional shift
            shift = t[high, high] + np.abs(t[high, high - 1])
        _sweep(t, z, low, high, shift)
    return np.triu(t), z


def hessenberg_form(t: Any) -> tuple[Any, Any]:
    """H and Q with t = Q H Q*, by Householder reflections; it writes into ``t``."""
    n = len(t)
    z = np.eye(n, dtype=t.dtype)
    for k in range(n - 2):
        x = t[k + 1 :, k].copy()
        size = np.linalg.norm(x)
        if size == 0 or not np.any(x[1:]):
            continue
        phase = x[0] / np.abs(x[0]) if x[0] != 0 else 1
        x[0] += phase * size
        x /= np.linalg.norm(x)
        t[k + 1 :, k:] -= 2 * np.outer(x, x.conj() @ t[k + 1 :, k:])
        t[:, k + 1 :] -= 2 * np.outer(t[:, k + 1 :] @ x, x.conj())
        z[:, k + 1 :] -= 2 * np.outer(z[:, k + 1 :] @ x, x.conj())
        t[k + 2 :, k] = 0
    return t, z


def _shift(corner: Any) -> Any:
    """Wilkinson's shift: the eigenvalue nearest to the last element."""
    half = 0.5 * (corner[0, 0] - corner[1, 1])
    root = np.sqrt(half * half + corner[0, 1] * corner[1, 0])
    root = -root if (half * np.conj(root)).real < 0 else root
    return (
        corner[1, 1] - corner[0, 1] * corner[1, 0] / (half + root) if half + root else corner[1, 1]
    )


def _rotation(a: Any, b: Any) -> Any:
    """The unitary matrix that takes (a, b) to (r, 0)."""
    r = np.hypot(np.abs(a), np.abs(b))
    if r == 0:
        return np.eye(2, dtype=complex)
    return np.array([[np.conj(a), np.conj(b)], [-b, a]]) / r


def _sweep(t: Any, z: Any, low: int, high: int, shift: Any) -> None:
    """One implicit QR step on the rows from low to high."""
    a, b = t[low, low] - shift, t[low + 1, low]
    for k in range(low, high):
        g = _rotation(a, b)
        t[k : k + 2, max(k - 1, 0) :] = g @ t[k : k + 2, max(k - 1, 0) :]
        end = min(k + 3, high + 1)
        t[:end, k : k + 2] = t[:end, k : k + 2] @ g.conj().T
        z[:, k : k + 2] = z[:, k : k + 2] @ g.conj().T
        if k + 2 <= high:
            a, b = t[k + 1, k], t[k + 2, k]
        if k > low:
            t[k + 1, k - 1] = 0


def square_root(a: Any) -> Any:
    """The principal square root."""
    t, z = schur_form(a)
    return z @ _root_of_triangle(t) @ z.conj().T


def _root_of_triangle(t: Any) -> Any:
    n = len(t)
    u = np.diag(np.sqrt(np.diagonal(t)))
    for j in range(n):
        for i in range(j - 1, -1, -1):
            rest = t[i, j] - u[i, i + 1 : j] @ u[i + 1 : j, j]
            u[i, j] = 0 if rest == 0 else rest / (u[i, i] + u[j, j])
    return u


def logarithm(a: Any) -> Any:
    """The principal logarithm."""
    t, z = schur_form(a)
    diagonal, eye, count = np.log(np.diagonal(t)), np.eye(len(t)), 0
    while np.abs(t - eye).sum(0).max(initial=0) > 0.25 and count < 60 and np.isfinite(t).all():
        t, count = _root_of_triangle(t), count + 1
    x = t - eye
    total = np.zeros_like(x)
    for node, weight in zip(0.5 * (1 + PADE_NODES), 0.5 * PADE_WEIGHTS, strict=True):
        total = total + weight * np.linalg.solve(eye + node * x, x)
    total = 2.0**count * total
    np.fill_diagonal(total, diagonal)
    return z @ total @ z.conj().T


def function_by_blocks(a: Any, series: Callable[[complex, int], Any]) -> Any:
    """f of a matrix; ``series(x, n)`` gives the first n Taylor coefficients of f at x."""
    t, z = schur_form(a)
    labels = _clusters(np.diagonal(t))
    t, z, labels = _ordered(t, z, labels)
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(t)]
    parts = [slice(i, j) for i, j in itertools.pairwise(edges)]
    f = np.zeros_like(t)
    for p in parts:
        f[p, p] = _of_block(t[p, p], series)
    for gap in range(1, len(parts)):
        for k in range(len(parts) - gap):
            _parlett(f, t, parts, k, k + gap)
    return z @ f @ z.conj().T


def _clusters(values: Any) -> Any:
    """Labels of eigenvalues: those of a chain with gaps below ``APART`` share one."""
    labels = np.arange(len(values))
    close = np.abs(values[:, None] - values) < APART * np.maximum(1, np.abs(values))
    for i in range(len(values)):
        for j in np.flatnonzero(close[i] | close[:, i]):
            labels[labels == labels[j]] = labels[i]
    return labels


def _ordered(t: Any, z: Any, labels: Any) -> tuple[Any, Any, Any]:
    """The same with equal labels next to each other, by rotations that swap two eigenvalues."""
    first = {x: i for i, x in reversed(list(enumerate(labels.tolist())))}
    order = np.array([first[x] for x in labels.tolist()], int)
    for end in range(len(t) - 1, 0, -1):
        for k in range(end):
            if order[k] > order[k + 1]:
                g = _rotation(t[k, k + 1], t[k + 1, k + 1] - t[k, k])
                t[k : k + 2, k:] = g @ t[k : k + 2, k:]
                t[: k + 2, k : k + 2] = t[: k + 2, k : k + 2] @ g.conj().T
                z[:, k : k + 2] = z[:, k : k + 2] @ g.conj().T
                t[k + 1, k] = 0
                order[[k, k + 1]] = order[[k + 1, k]]
    return t, z, order


def _of_block(t: Any, series: Callable[[complex, int], Any]) -> Any:
    n = len(t)
    if n == 1:
        return np.asarray(series(complex(t[0, 0]), 1)).reshape(1, 1)
    mean = complex(np.trace(t) / n)
    count = n + 26  # the spread of a block is a small part of the distance to a singularity
    terms = series(mean, count)
    shifted, power = t - mean * np.eye(n), np.eye(n, dtype=complex)
    total = np.zeros_like(t)
    for k in range(count):
        total = total + terms[k] * power
        power = power @ shifted
        if not np.any(power):
            break
    return total


def _parlett(f: Any, t: Any, parts: Any, i: int, j: int) -> None:
    """The block (i, j) of f, from f t = t f."""
    p, q = parts[i], parts[j]
    between = slice(p.stop, q.start)
    right = f[p, p] @ t[p, q] - t[p, q] @ f[q, q]
    right = right + f[p, between] @ t[between, q] - t[p, between] @ f[between, q]
    f[p, q] = sylvester_of_triangles(t[p, p], -t[q, q], right)


def sylvester_of_triangles(a: Any, b: Any, c: Any) -> Any:
    """X with a X + X b = c, for upper triangular a and b (Bartels & Stewart 1972)."""
    x, eye = np.zeros_like(c), np.eye(len(a))
    for k in range(c.shape[1]):
        x[:, k] = np.linalg.solve(a + b[k, k] * eye, c[:, k] - x[:, :k] @ b[:k, k])
    return x
