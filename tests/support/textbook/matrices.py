"""Linear algebra by loops, most of it in place."""

import numpy as np


def gauss_seidel(a, b):
    """Sweeps that use each new element at once."""
    x = np.zeros_like(b)
    for _ in range(4):
        for i in range(len(b)):
            x[i] = (b[i] - a[i, :i] @ x[:i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


def jacobi(a, b):
    """Sweeps that use the elements of the sweep before."""
    n = len(b)
    x = np.zeros(n)
    for _ in range(4):
        new = np.empty(n)
        for i in range(n):
            total = 0.0
            for j in range(n):
                if j != i:
                    total += a[i, j] * x[j]
            new[i] = (b[i] - total) / a[i, i]
        x = new
    return x


def thomas(lower, diagonal, upper, right):
    """A tridiagonal system, solved in copies of its rows."""
    n = len(diagonal)
    d, b = diagonal.copy(), right.copy()
    for i in range(1, n):
        w = lower[i - 1] / d[i - 1]
        d[i] -= w * upper[i - 1]
        b[i] -= w * b[i - 1]
    x = np.empty(n)
    x[-1] = b[-1] / d[-1]
    for i in range(n - 2, -1, -1):
        x[i] = (b[i] - upper[i] * x[i + 1]) / d[i]
    return x


def lu_solve(a, b):
    """Doolittle's factors over a copy of the matrix, then two substitutions."""
    n = len(b)
    lu, x = a.copy(), b.copy()
    for k in range(n - 1):
        lu[k + 1 :, k] /= lu[k, k]
        lu[k + 1 :, k + 1 :] -= np.outer(lu[k + 1 :, k], lu[k, k + 1 :])
    for i in range(1, n):
        x[i] -= lu[i, :i] @ x[:i]
    for i in reversed(range(n)):
        x[i] -= lu[i, i + 1 :] @ x[i + 1 :]
        x[i] /= lu[i, i]
    return x


def elimination(a, b):
    """Gauss and Jordan's inverse of a matrix beside a right side, with an exchange of rows."""
    n = len(b)
    table = np.zeros((n, n + 1))
    table[:, :n] = a
    table[:, n] = b
    table[[0, n - 1]] = table[[n - 1, 0]]
    for k in range(n):
        table[k] /= table[k, k].copy()
        for i in range(n):
            if i != k:
                table[i] -= table[i, k] * table[k]
    return table[:, n]


def cholesky(a):
    """The factor of a positive matrix, element by element."""
    n = a.shape[0]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j]
            for k in range(j):
                rest = rest - lower[i, k] * lower[j, k]
            if i == j:
                lower[i, i] = np.sqrt(rest)
            else:
                lower[i, j] = rest / lower[j, j]
    return lower


def householder(a):
    """The triangular factor, by reflections in place."""
    r = a.copy()
    n = r.shape[1]
    for k in range(n):
        v = r[k:, k].copy()
        v[0] += np.sign(v[0]) * np.linalg.norm(v)
        v /= np.linalg.norm(v)
        r[k:, k:] -= 2 * np.outer(v, v @ r[k:, k:])
        r[k + 1 :, k] = 0
    return r


def gram_schmidt(a):
    """Modified Gram and Schmidt: the columns become orthonormal in place."""
    q = a.copy()
    n = q.shape[1]
    r = np.zeros((n, n))
    for k in range(n):
        column = q[:, k]
        r[k, k] = np.sqrt(column @ column)
        column /= r[k, k]
        for j in range(k + 1, n):
            r[k, j] = column @ q[:, j]
            q[:, j] -= r[k, j] * column
    return q, r


def eigen_sweeps(diagonal, off):
    """Rutishauser's sweeps of a symmetric tridiagonal matrix: LR steps on two arrays."""
    n = len(diagonal)
    q, e = np.zeros(n), np.zeros(n)
    q[0] = diagonal[0]
    for i in range(n - 1):
        e[i] = off[i] ** 2 / q[i]
        q[i + 1] = diagonal[i + 1] - e[i]
    for _ in range(5):
        d = q[0]
        for i in range(n - 1):
            q[i] = d + e[i]
            e[i] *= q[i + 1] / q[i]
            d = q[i + 1] - e[i]
        q[n - 1] = d
    return q


def levinson(r, y):
    """A symmetric Toeplitz system, whose vectors grow by one element a step."""
    n = len(y)
    x, f = np.zeros(n), np.zeros(n)
    f[0] = 1 / r[0]
    x[0] = y[0] / r[0]
    for k in range(1, n):
        error = np.dot(r[k:0:-1], f[:k])
        scale = 1 / (1 - error**2)
        longer = np.zeros(k + 1)
        longer[:k] += scale * f[:k]
        longer[1:] -= scale * error * f[:k][::-1]
        f[: k + 1] = longer
        rest = y[k] - np.dot(r[k:0:-1], x[:k])
        x[: k + 1] += rest * f[: k + 1][::-1]
    return x


def _diagonal(r, n):
    return r.normal(size=(n, n)) + 4 * n * np.identity(n)


def _positive(r, n):
    a = r.normal(size=(n, n))
    return a @ a.T + n * np.identity(n)


ARGUMENTS = {
    "gauss_seidel": lambda r: (_diagonal(r, 4), r.normal(size=4)),
    "jacobi": lambda r: (_diagonal(r, 4), r.normal(size=4)),
    "thomas": lambda r: (r.normal(size=5), r.uniform(4, 5, 6), r.normal(size=5), r.normal(size=6)),
    "lu_solve": lambda r: (_diagonal(r, 4), r.normal(size=4)),
    "elimination": lambda r: (_diagonal(r, 3)[::-1].copy(), r.normal(size=3)),
    "cholesky": lambda r: (_positive(r, 4),),
    "householder": lambda r: (r.normal(size=(5, 3)),),
    "gram_schmidt": lambda r: (r.normal(size=(5, 3)),),
    "eigen_sweeps": lambda r: (r.uniform(4, 6, 5), r.uniform(0.5, 1, 4)),
    "levinson": lambda r: (np.array([4.0, 1.5, 0.7, -0.3, 0.2]), r.normal(size=5)),
}
