"""Banded systems and Cholesky factors in O(n b^2): by LAPACK where SciPy is installed.

Without SciPy by QR, or by factors, of blocks.

A band has the diagonals of a matrix as rows, the uppermost first: element (i, j) of the matrix is
``band[above + i - j, j]``, with ``below`` and ``above`` diagonals beside the main one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, shape_of
from .. import elementwise as ew
from .cholesky import cholesky_p
from .inverse import Solver, solve_p
from .lapack import routine
from .matrices import MatrixPrimitive, result_dtype

MOST_DENSE = 64  # unknowns of a system that is solved as a dense one
BLOCK = 32  # columns of a block, at least


class SolveBanded(Solver):
    """The solution of A X = B, from the band of A."""

    @override
    def run(self, band: Any, b: Any, *, below: int, above: int) -> tuple[Any, ...]:
        stack = np.broadcast_shapes(band.shape[:-2], b.shape[:-2])
        dtype = result_dtype(band, b)
        band = np.broadcast_to(band, (*stack, *band.shape[-2:])).astype(dtype)
        b = np.broadcast_to(b, (*stack, *b.shape[-2:])).astype(dtype)
        x = np.empty(b.shape, dtype)
        for i in np.ndindex(stack):
            x[i] = _solution(band[i], b[i], below, above)
        return (x,)

    def decompose(self, band: Any, b: Any, *, below: int, above: int) -> Any:
        return (solve_p(dense(band, below, above), b),)

    @override
    def solve_transpose(self, band: Any, b: Any, *, below: int, above: int) -> Any:
        return self(transposed(band, below, above), b, below=above, above=below)

    @override
    def product(self, band: Any, x: Any, *, below: int, above: int) -> Any:
        rows = by_row(band, below, above)
        n = shape_of(x)[-2]
        j = np.arange(n)[:, None] - below + np.arange(below + above + 1)
        return (rows[..., None] * x[..., np.clip(j, 0, n - 1), :]).sum(-2)

    @override
    def outer(self, ct: Any, x: Any, *, below: int, above: int) -> Any:
        n = shape_of(x)[-2]
        i = np.arange(-above, below + 1)[:, None] + np.arange(n)
        inside = ((i >= 0) & (i < n))[..., None]
        return (ew.where(inside, ct[..., np.clip(i, 0, n - 1), :], 0) * x[..., None, :, :]).sum(-1)


solve_banded_p = SolveBanded("solve_banded")


class CholeskyBanded(MatrixPrimitive):
    """The band of the Cholesky factor of a Hermitian matrix, from its diagonals on one side.

    Its rule is that of the dense factor; ``scipy/banded.py`` has one in O(n b^2).
    """

    @override
    def run(self, band: Any, *, lower: bool) -> tuple[Any, ...]:
        factor = np.empty(band.shape, result_dtype(band))
        for i in np.ndindex(band.shape[:-2]):
            factor[i] = _cholesky_factor(band[i].astype(factor.dtype), lower)
        return (factor,)

    def decompose(self, band: Any, *, lower: bool) -> Any:
        below, above = _sides(band, lower)
        return (_band_of(cholesky_p(dense(band, below, above), upper=not lower), below, above),)

    @override
    def infer(self, band: Aval, *, lower: bool) -> tuple[Aval, ...]:
        return (Aval(band.shape, result_dtype(band)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, lower: bool) -> Sequence[Any]:
        below, above = _sides(primals[0], lower)
        whole = [(dense(x[0], below, above),) for x in (primals, tangents, outs)]
        (t,) = cholesky_p.jvp(*whole, upper=not lower)
        return (_band_of(t, below, above),)


cholesky_banded_p = CholeskyBanded("cholesky_banded")


def _sides(band: Any, lower: bool) -> tuple[int, int]:
    count = shape_of(band)[-2] - 1
    return (count, 0) if lower else (0, count)


def by_row(band: Any, below: int, above: int) -> Any:
    """The elements of each row, [n, below + above + 1]: (i, k) is A at (i, i - below + k)."""
    n, count = shape_of(band)[-1], below + above + 1
    j = np.arange(n)[:, None] - below + np.arange(count)
    inside = (j >= 0) & (j < n)
    return ew.where(inside, band[..., np.arange(count)[::-1], np.clip(j, 0, n - 1)], 0)


def transposed(band: Any, below: int, above: int) -> Any:
    """The band of the transpose, which has ``above`` diagonals below the main one."""
    return by_row(band, below, above).mT


def dense(band: Any, below: int, above: int) -> Any:
    """The matrix of a band."""
    n = shape_of(band)[-1]
    row = above + np.arange(n)[:, None] - np.arange(n)
    inside = (row >= 0) & (row <= below + above)
    return ew.where(inside, band[..., np.where(inside, row, 0), np.arange(n)], 0)


def _band_of(a: Any, below: int, above: int) -> Any:
    """The band of a matrix, 0 outside of it."""
    n = shape_of(a)[-1]
    i = np.arange(n) + np.arange(-above, below + 1)[:, None]
    inside = (i >= 0) & (i < n)
    return ew.where(inside, a[..., np.where(inside, i, 0), np.arange(n)], 0)


def _solution(band: Any, b: Any, below: int, above: int) -> Any:
    n = band.shape[-1]
    if n <= MOST_DENSE:
        return np.linalg.solve(dense(band, below, above), b)
    gbsv = routine("gbsv", band.dtype.char)
    if gbsv is None:
        return _by_blocks(by_row(band, below, above), b, below, above)
    room = np.zeros((below, n), band.dtype)  # for rows that pivots exchange
    *_, x, info = gbsv(below, above, np.concatenate([room, band]), b)
    if info:
        raise np.linalg.LinAlgError("Singular matrix")
    return x


def _by_blocks(rows: Any, b: Any, below: int, above: int) -> Any:
    """The solution by QR: of ``below`` rows that are left and the next ones, for each block.

    Source: Golub & Van Loan, Matrix Computations, section 5.2, on the columns of a block.
    """
    n, over = len(rows), below + above
    size = max(BLOCK, over)
    count = -(-n // size)
    rows, b = _padded(rows, b, below, count * size + below - n)
    left = np.zeros((below, over), rows.dtype)
    place = np.arange(size)[:, None]
    for r in range(below):
        left[r, : above + r + 1] = rows[r, below - r :][: above + r + 1]
    right, steps = b[:below], []
    for start in range(below, count * size + below, size):
        window = np.zeros((below + size, size + over), rows.dtype)
        window[:below, :over] = left
        window[below + place, place + np.arange(over + 1)] = rows[start : start + size]
        q, triangle = np.linalg.qr(window[:, :size], mode="complete")
        rest = q.conj().T @ window[:, size:]
        right = q.conj().T @ np.concatenate([right, b[start : start + size]])
        steps.append((triangle[:size], rest[:size], right[:size]))
        left, right = rest[size:], right[size:]
    x = np.zeros((count * size + over, b.shape[1]), b.dtype)
    for k, (triangle, rest, value) in reversed(list(enumerate(steps))):
        stop = (k + 1) * size
        x[stop - size : stop] = np.linalg.solve(triangle, value - rest @ x[stop : stop + over])
    return x[:n]


def _padded(rows: Any, b: Any, below: int, more: int) -> tuple[Any, Any]:
    """A system with ``more`` unknowns that are 0."""
    unit = np.zeros((more, rows.shape[1]), rows.dtype)
    unit[:, below] = 1
    zeros = np.zeros((more, b.shape[1]), b.dtype)
    return np.concatenate([rows, unit]), np.concatenate([b, zeros])


def _cholesky_factor(band: Any, lower: bool) -> Any:
    n, (below, above) = band.shape[1], _sides(band, lower)
    pbtrf = None if n <= MOST_DENSE else routine("pbtrf", band.dtype.char)
    if pbtrf is not None:
        factor, info = pbtrf(band, lower=lower)
        if info:
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        for k in range(1, max(below, above) + 1):  # places of the band outside of the matrix
            factor[k if lower else above - k, slice(n - k, n) if lower else slice(k)] = 0
        return factor
    if n <= MOST_DENSE:
        a = np.linalg.cholesky(dense(band, below, above), upper=not lower)
        return _band_of(a, below, above)
    if lower:
        return _factor_by_blocks(band)
    return transposed(_factor_by_blocks(transposed(band, 0, above).conj()), above, 0).conj()


def _factor_by_blocks(half: Any) -> Any:
    """The factor of A with blocks D on its diagonal and E below them: D = L L', E = F L'.

    Source: Golub & Van Loan, Matrix Computations, section 4.5, on block tridiagonal matrices.
    """
    columns = columns_of_blocks(half, 1.0)
    size = columns.shape[-1]
    update = np.zeros((size, size), half.dtype)
    for column in columns:
        square = np.linalg.cholesky(column[:size] - update)
        below = np.linalg.solve(square, column[size:].conj().T).conj().T
        column[:size], column[size:] = square, below
        update = below @ below.conj().T
    return half_of_blocks(columns, *half.shape)


def columns_of_blocks(half: Any, unit: float) -> Any:
    """Diagonals below as blocks [blocks, 2 m, m] of m columns: those of the rows of each, and more.

    The matrix is continued by a diagonal of ``unit``.
    """
    count, n = shape_of(half)[0] - 1, shape_of(half)[1]
    size = max(count, BLOCK)
    blocks = -(-n // size)
    more = (blocks + 1) * size - n
    rest = np.zeros((count + 1, more), half.dtype)
    rest[0] = unit
    half = np.concatenate([half, rest], axis=1)
    row = np.arange(2 * size)[:, None] - np.arange(size)
    inside = (row >= 0) & (row <= count)
    column = np.arange(blocks)[:, None, None] * size + np.arange(size)
    return np.where(inside, half[np.where(inside, row, 0), column], 0)


def half_of_blocks(columns: Any, rows: int, n: int) -> Any:
    """The diagonals below of a matrix from its columns in blocks."""
    size = shape_of(columns)[-1]
    place, below = np.arange(n), np.arange(rows)[:, None]
    half = columns[place // size, place % size + below, place % size]
    return np.where(place + below < n, half, 0)
