"""The Hessenberg and the complex Schur form, pivots of columns, and Sylvester equations, by loops.

They are the decompositions of these primitives: the steps of ``schur.py`` and ``pivots.py``, on
whole matrices with masks, so that arrays and tracers take them.
"""

from typing import Any

import numpy as np

from ..kernels import repeated
from ..structure import cast
from .matrices import adjoint
from .triangular import solve_triangular_p

INT, COMPLEX = np.dtype(np.int64), np.dtype(np.complex128)


def _column(a: Any, k: Any) -> Any:
    """Column k of a stack of matrices; k may be traced."""
    return a @ (np.arange(a.shape[-1]) == k).astype(a.dtype)


def _reflector(x: Any, first: Any) -> Any:
    """The unit vector of the reflection that takes x to its first element; 0 for x = 0."""
    size = np.linalg.norm(x, axis=-1, keepdims=True)
    head = np.sum(np.where(first, x, 0), axis=-1, keepdims=True)
    phase = np.where(head == 0, 1, head / np.where(head == 0, 1, np.abs(head)))
    x = x + np.where(first, phase * size, 0)
    norm = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(norm == 0, 1, norm)


def _left(x: Any, t: Any) -> Any:
    return t - 2 * x[..., :, None] * (np.conjugate(x)[..., None, :] @ t)


def _right(t: Any, x: Any) -> Any:
    return t - 2 * (t @ x[..., :, None]) * np.conjugate(x)[..., None, :]


def hessenberg_of(t: Any) -> tuple[Any, Any]:
    """H and Q with t = Q H Q*, of a stack."""
    n = t.shape[-1]
    places = np.arange(n)

    def step(k: Any, t: Any, z: Any) -> Any:
        below = places > k + 1
        x = _column(t, k)
        done = ~np.any(below & (x != 0), axis=-1, keepdims=True)
        x = np.where(done, 0, _reflector(np.where(places > k, x, 0), places == k + 1))
        t = _right(_left(x, t), x)
        made = below[:, None] & (places == k) & ~done[..., None]
        return np.where(made, 0, t), _right(z, x)

    z = np.eye(n, dtype=t.dtype) + np.zeros_like(t)
    h, q = repeated(step, (t, z), 0, max(n - 2, 0))
    return h, q


def exchanged(x: Any, one: Any, two: Any) -> Any:
    """With the elements that two masks mark along the last axis exchanged."""
    first, second = (np.sum(np.where(m, x, 0), axis=-1, keepdims=True) for m in (one, two))
    return np.where(one, second, np.where(two, first, x))


def column_order_of(a: Any) -> Any:
    """The permutation of columns in which the diagonal of R decreases, of a stack."""
    m, n = a.shape[-2:]
    rows, columns = np.arange(m), np.arange(n)

    def step(k: Any, a: Any, order: Any) -> Any:
        left = np.where((rows >= k)[:, None], np.square(np.abs(a)), 0)
        sizes = np.where(columns >= k, np.sum(left, axis=-2), -1.0)
        here, best = columns == k, columns == np.argmax(sizes, axis=-1)[..., None]
        order = exchanged(order, here, best)
        a = exchanged(a, here, best[..., None, :])
        x = np.where(rows >= k, _column(a, k), 0)
        return _left(_reflector(x, rows == k), a), order

    order = np.zeros((*a.shape[:-2], n), INT) + columns
    return repeated(step, (a, order), 0, min(m, n))[1]


def schur_of(a: Any) -> tuple[Any, Any]:
    """T upper triangular and Z unitary with a = Z T Z*, of a stack of complex matrices."""
    h, q = hessenberg_of(a)
    n, stack = a.shape[-1], a.shape[:-2]
    if n < 2:
        return h, q
    size = int(np.prod(stack))
    h, q = h.reshape((size, n, n)), q.reshape((size, n, n))

    def each(i: Any, h: Any, q: Any) -> Any:
        i = cast(i, INT)
        t, z = _schur_of_one(h[i], q[i])
        h, q = h.copy(), q.copy()
        h[i], q[i] = np.triu(t), z
        return h, q

    t, z = repeated(each, (h, q), 0, size)
    return t.reshape(a.shape), z.reshape(a.shape)


def _schur_of_one(t: Any, z: Any) -> tuple[Any, Any]:
    """The shifted QR algorithm from a Hessenberg form; nan if it does not converge."""
    n = t.shape[-1]
    places, under = np.arange(n), np.eye(n, k=-1, dtype=bool)

    def step(_: Any, high: Any, count: Any, t: Any, z: Any) -> Any:
        sizes = np.abs(np.diagonal(t))
        near = 2.3e-16 * (sizes + np.roll(sizes, 1))  # of each row, with the row before
        t = np.where(under & (np.abs(t) <= near[:, None]), 0, t)
        apart = (places == 0) | (np.sum(np.where(under, t, 0), axis=-1) == 0)
        ends = apart[high]
        low = np.max(np.where(apart & (places < high), places, 0))
        count = np.where(ends, 0, count + 1)
        shift = np.where(count % 11 == 10, t[high, high] + np.abs(t[high, high - 1]),
                         _shift(t, high))  # fmt: skip
        t, z = _sweep(t, z, low, np.where(ends, low, high), high, shift)
        lost = count > 60
        t = np.where(lost, np.nan, t)
        return np.where(lost, 0, np.where(ends, high - 1, high)), count, t, z

    start = (np.asarray(n - 1, INT), np.asarray(0, INT), t, z)
    going = lambda high, count, t, z: high > 0
    _, _, t, z = repeated(step, start, 0, 100 * n, going=going)
    return t, z


def _shift(t: Any, high: Any) -> Any:
    """Wilkinson's shift: the eigenvalue of the last block nearest to its last element."""
    a, b, c, d = (t[high - i, high - j] for i, j in ((1, 1), (1, 0), (0, 1), (0, 0)))
    half = 0.5 * (a - d)
    root = np.sqrt(half * half + b * c)
    root = np.where((half * np.conjugate(root)).real < 0, -root, root)
    down = half + root
    return np.where(down == 0, d, d - b * c / np.where(down == 0, 1, down))


def _sweep(t: Any, z: Any, low: Any, end: Any, high: Any, shift: Any) -> tuple[Any, Any]:
    """Rotations of the rows from low to end."""
    last = t.shape[-1] - 1

    def rotate(i: Any, a: Any, b: Any, t: Any, z: Any) -> Any:
        k = low + cast(i, INT)
        pair = k + np.arange(2)
        r = np.hypot(np.abs(a), np.abs(b))
        some = r != 0
        over = np.where(some, r, 1)
        c, s = np.where(some, a / over, 1), np.where(some, b / over, 0)
        g = np.stack([np.stack([np.conjugate(c), np.conjugate(s)]), np.stack([-s, c])])
        t, z = t.copy(), z.copy()
        t[pair] = g @ t[pair]
        t[:, pair] = t[:, pair] @ adjoint(g)
        z[:, pair] = z[:, pair] @ adjoint(g)
        before = np.maximum(k - 1, 0)
        t[k + 1, before] = np.where(i > 0, 0, t[k + 1, before])
        goes_on = k + 2 <= high
        further = t[np.minimum(k + 2, last), k]
        return np.where(goes_on, t[k + 1, k], a), np.where(goes_on, further, b), t, z

    start = (t[low, low] - shift, t[low + 1, low], t, z)
    *_, t, z = repeated(rotate, start, 0, end - low)
    return t, z


def sylvester_of(a: Any, b: Any, c: Any, schur: Any) -> Any:
    """X with a X + X b = c, of complex matrices."""
    (t, u), (s, v) = schur(a), schur(b)
    right = adjoint(u) @ c @ v
    n = s.shape[-1]
    places, eye = np.arange(n), np.eye(t.shape[-1])

    def step(k: Any, x: Any) -> Any:
        here = places == k
        column = _column(s, k)
        corner = np.sum(np.where(here, column, 0), axis=-1)[..., None, None]
        rest = _column(right, k)[..., None] - x @ column[..., None]
        (new,) = solve_triangular_p.bind(t + corner * eye, rest, lower=False, unit=False)
        return (np.where(here, new, x),)

    (x,) = repeated(step, (np.zeros_like(right),), 0, n)
    return u @ x @ adjoint(v)
