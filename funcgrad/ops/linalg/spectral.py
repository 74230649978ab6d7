"""The parts of second derivatives of functions of eigenvalues alone.

Along A + t E equal eigenvalues split as the eigenvalues of their block of P = V* E V, and their
vectors are the eigenvectors of that block. In this basis a symmetric function of the eigenvalues
has the same derivatives as for distinct eigenvalues.
Source: Lancaster 1964, On eigenvalues of matrices dependent on a parameter, theorem 7.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, Shape, broadcast_shapes, dtype_of, real_dtype, shape_of
from ...core.frames import warn
from ...core.registry import primitives
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..reduce import any_p, count_p
from ..structure import broadcast_to, cast, sum_p
from .degenerate import CURES, equal_p, inverse_gaps, rounding_of, taint
from .matrices import MatrixPrimitive, adjoint, diagonal, eps, largest, real


class Slopes(MatrixPrimitive):
    """The derivatives of the eigenvalues w: diag(P), or the eigenvalues of a block of equal ones.

    It is linear in P where all are distinct; its transpose is that of the diagonal.
    """

    core_ndims: ClassVar[dict[int, int]] = {0: 1}

    @override
    def run(self, w: Any, p: Any) -> tuple[Any, ...]:
        p = with_stack(p, w.shape[:-1])
        out = np.diagonal(p, axis1=-2, axis2=-1).real.copy()
        for i, block in degenerate_blocks(w, p):
            inside = p[(*i, block, block)]
            if np.isfinite(inside).all():
                out[(*i, block)] = np.linalg.eigvalsh((inside + inside.conj().T) / 2)
        return (out,)

    def decompose(self, w: Any, p: Any) -> Any:
        w, p = _of_one_stack(w, p)
        same = equal_p(w)
        separated, shifts, finite = _separated_blocks(same, p)
        values, _ = primitives["eigh"].bind(separated, uplo="L")
        moved = compare.logical_and(_several(same), finite)
        return (ew.where(moved, values - shifts, real(diagonal(p))),)

    @override
    def infer(self, w: Aval, p: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(w.shape[:-1], p.shape[:-2])
        return (Aval((*stack, p.shape[-1]), real_dtype(p.dtype)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (w, _), (_, t) = primals, tangents
        if t is None:
            return (None,)
        return (broadcast_like(real(diagonal(t + taint("eigvalsh", _block_mask(w), t))), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        ct = (
            None
            if needs[1] is None
            else unbroadcast(slopes_ct("eigvalsh", cts[0], outs[0], ins[1]), ins[1])
        )
        return (None, ct)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {1}


def slopes_ct(who: str, ct: Any, slopes: Any, p: Any) -> Any:
    """The cotangent of P: a diagonal, and nan where the slopes are not diag(P).

    There the second derivative depends on more of a block than its diagonal. In a transposed
    program P is unknown; the slopes are those of the first derivative.
    """
    on = np.eye(shape_of(p)[-1], dtype=bool)
    whole = ew.where(on, ct[..., None, :], 0)
    if isinstance(p, Aval):
        return whole
    moved = compare.ne(slopes, real(diagonal(p)))
    moved = any_p(moved, axes=(len(shape_of(moved)) - 1,))[..., None, None]
    return whole + taint(who, moved, whole)


class Turned(MatrixPrimitive):
    """diag(dc), for equal eigenvalues in the basis in which their block of P is diagonal."""

    core_ndims: ClassVar[dict[int, int]] = {0: 1, 2: 1, 3: 1}

    @override
    def run(self, w: Any, p: Any, c: Any, dc: Any) -> tuple[Any, ...]:
        p = with_stack(p, *(x.shape[:-1] for x in (w, c, dc)))
        w, c, dc = (np.broadcast_to(x, p.shape[:-1]) for x in (w, c, dc))
        out = np.zeros(p.shape, p.dtype)
        on = np.arange(p.shape[-1])
        out[..., on, on] = dc
        for i, block in degenerate_blocks(w, p):
            parts = p[(*i, block, block)], c[(*i, block)], dc[(*i, block)]
            out[(*i, block, block)] = _block(*parts, limit=rounding_of(p[i]))
        return (out,)

    def decompose(self, w: Any, p: Any, c: Any, dc: Any) -> Any:
        w, p, c, dc = _of_one_stack(w, p, c, dc)
        same, on = equal_p(w), np.eye(shape_of(p)[-1], dtype=bool)
        separated, _, finite = _separated_blocks(same, p)
        _, q = primitives["eigh"].bind(separated, uplo="L")
        rotated = (q * dc[..., None, :]) @ adjoint(q)
        limit = 64 * shape_of(p)[-1] * eps(p) * largest(p, (-2, -1))
        off = compare.logical_and(compare.logical_and(same, ~on), ew.abs(separated) > limit)
        mixes = _in_block(same, any_p(off, axes=(len(shape_of(p)) - 1,)))
        gaps = ew.where(same, ew.abs(c[..., None, :] - c[..., :, None]), 0)
        size = largest(ew.where(same, ew.abs(c)[..., None, :], 0), (-1,))
        differs = _in_block(same, (largest(gaps, (-1,)) > root_of_eps(c) * size)[..., 0])
        fine = compare.logical_and(finite, compare.logical_not(mixes & differs))
        y = ew.where(fine[..., None], rotated, np.nan)
        y = ew.where(_block_mask(w), y, ew.where(on, dc[..., None, :], 0))
        return (cast(y, dtype_of(p)),)

    @override
    def infer(self, w: Aval, p: Aval, c: Aval, dc: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(*(x.shape[:-1] for x in (w, c, dc)), p.shape[:-2])
        return (Aval((*stack, *p.shape[-2:]), p.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (w, p, _, _), (_, p_t, _, c_t) = primals, tangents
        block, moved = _block_mask(w), 0
        if c_t is not None:
            on = np.eye(shape_of(p)[-1], dtype=bool)
            moved = ew.where(on, c_t[..., None, :], 0)
            moved = moved + taint("eigvalsh", block, moved)
        if p_t is not None:
            moved = moved + taint("eigvalsh", block, p_t)
        return (broadcast_like(moved, outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (w, p, _, dc) = cts, ins
        infinite = taint("eigvalsh", _block_mask(w), ct)
        return (
            None,
            None if needs[1] is None else unbroadcast(infinite, p),
            None,
            None if needs[3] is None else unbroadcast(real(diagonal(ct + infinite)), dc),
        )

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands <= {1, 3}


def with_stack(x: Any, *stacks: Shape) -> Any:
    """Matrices broadcast to the stacks of other operands."""
    stack = broadcast_shapes(x.shape[:-2], *stacks)
    return x if stack == x.shape[:-2] else np.broadcast_to(x, (*stack, *x.shape[-2:]))


def degenerate_blocks(w: Any, like: Any) -> Iterator[tuple[Any, slice]]:
    """Yield the groups of equal values: the index of the matrix in the stack, and a slice."""
    (same,) = equal_p.run(w)
    if np.count_nonzero(same) == w.size:  # the usual case
        return
    same = np.broadcast_to(same, like.shape)
    for i in np.ndindex(like.shape[:-2]):
        start = 0
        while start < like.shape[-1]:
            stop = start + int(np.count_nonzero(same[(*i, start)]))
            if stop - start > 1:
                yield i, slice(start, stop)
            start = stop


def _block(p: Any, c: Any, dc: Any, limit: float) -> Any:
    """The derivative in a block; nan where the gradients along its values are not equal."""
    p = (p + p.conj().T) / 2
    has_off_diagonal = np.abs(p - np.diag(np.diagonal(p))).max() > limit
    if not np.isfinite(p).all() or (has_off_diagonal and not is_constant(c)):
        warn(f"eigvalsh: {CURES['eigvalsh']}", RuntimeWarning)
        return np.nan
    _, q = np.linalg.eigh(p)
    return (q * dc) @ q.conj().T


def _of_one_stack(w: Any, p: Any, *others: Any) -> list[Any]:
    """Values and matrices broadcast to a common stack, p second."""
    vectors = (w, *others)
    stack = broadcast_shapes(shape_of(p)[:-2], *(shape_of(x)[:-1] for x in vectors))
    w, *rest = (broadcast_to(x, (*stack, shape_of(x)[-1])) for x in vectors)
    return [w, broadcast_to(p, (*stack, *shape_of(p)[-2:])), *rest]


def _several(same: Any) -> Any:
    """The mask of values that are equal to others."""
    return compare.gt(count_p(same, axes=(len(shape_of(same)) - 1,)), 1)


def _in_block(same: Any, flags: Any) -> Any:
    """The mask of values in a block with a flagged value."""
    both = compare.logical_and(same, flags[..., None, :])
    return any_p(both, axes=(len(shape_of(same)) - 1,))


def _separated_blocks(same: Any, p: Any) -> tuple[Any, Any, Any]:
    """The Hermitian blocks of P, plus diagonal shifts that separate their eigenvalues, in order.

    Further results: the shifts, and the mask of values in finite blocks; other blocks are 0.
    """
    rank, n = len(shape_of(p)), shape_of(p)[-1]
    wrong = compare.logical_and(same, compare.logical_not(compare.isfinite(p)))
    finite = compare.logical_not(_in_block(same, any_p(wrong, axes=(rank - 1,))))
    inside = ew.where(compare.logical_and(same, finite[..., None]), 0.5 * (p + adjoint(p)), 0)
    bound = largest(sum_p(ew.abs(inside), axes=(rank - 1,)), (-1,))
    before = compare.logical_and(compare.logical_not(same), np.tri(n, dtype=bool))
    shifts = count_p(before, axes=(rank - 1,)) * ew.where(compare.eq(bound, 0), 1, 2.5 * bound)
    return inside + ew.where(np.eye(n, dtype=bool), shifts[..., None, :], 0), shifts, finite


def is_constant(c: Any) -> bool:
    """Whether the gradients along equal values are equal, as of a symmetric function.

    Rounding errors of the values are multiplied by a second derivative: the tolerance is sqrt(eps).
    """
    return bool(np.ptp(c) <= root_of_eps(c) * np.abs(c).max())


def root_of_eps(x: Any) -> float:
    """The square root of the machine epsilon of an array."""
    return float(np.finfo(dtype_of(x)).eps) ** 0.5


def difference_quotients(w: Any, c: Any) -> Any:
    """(c_j - c_i) / (w_j - w_i), 0 where the eigenvalues are equal."""
    return (c[..., None, :] - c[..., :, None]) * inverse_gaps(w, equal_p(w))


def differing(w: Any, c: Any) -> Any:
    """The mask of equal eigenvalues with gradients that differ by more than rounding."""
    difference = ew.abs(c[..., None, :] - c[..., :, None])
    both = ew.maximum(ew.abs(c)[..., None, :], ew.abs(c)[..., :, None])
    return compare.logical_and(equal_p(w), compare.gt(difference, root_of_eps(c) * both))


def _block_mask(w: Any) -> Any:
    """The mask of the blocks of equal eigenvalues, with their diagonals."""
    same = equal_p(w)
    several = compare.gt(count_p(same, axes=(len(shape_of(same)) - 1,)), 1)
    return compare.logical_and(same, several[..., None])


slopes_p = Slopes("slopes_of_eigenvalues")
turned_p = Turned("turned_diagonal")
