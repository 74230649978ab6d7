"""The parts of second derivatives of functions of singular values alone.

As for eigenvalues (see ``spectral``), with U* E V in place of V* E V. Along A + t E equal singular
values split as the eigenvalues of the Hermitian part of their block. Zero singular values split as
the singular values of their block, which has the rows and columns outside of U and V too.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, Shape, broadcast_shapes, real_dtype, shape_of
from ...core.frames import warn
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..reduce import count_p
from .degenerate import (
    CURES,
    bound_of_rounding,
    equal_p,
    inverse_gaps,
    inverse_of,
    negligible,
    rounding_of,
    taint,
)
from .matrices import MatrixPrimitive, adjoint, diagonal, real, sum_along
from .spectral import degenerate_blocks, differing, is_constant, root_of_eps, slopes_ct, with_stack

WHO = "svdvals"


class Negligible(MatrixPrimitive):
    """The mask of singular values that are 0 up to rounding."""

    differentiable = False
    core_ndims: ClassVar[dict[int, int]] = {0: 1}

    @override
    def run(self, s: Any) -> tuple[Any, ...]:
        return (negligible(s),)

    def decompose(self, s: Any) -> Any:
        return (compare.le(s, bound_of_rounding(s)),)

    @override
    def infer(self, s: Aval) -> tuple[Aval, ...]:
        return (Aval(s.shape, np.dtype(bool)),)


def null_pairs(s: Any) -> tuple[Any, Any]:
    """The mask of pairs of zero singular values, and the sums of all pairs."""
    zero = negligible_p(s)
    both = compare.logical_and(zero[..., None, :], zero[..., :, None])
    return both, s[..., None, :] + s[..., :, None]


def in_basis(u: Any, vh: Any, t: Any) -> tuple[Any, Any, Any]:
    """P = U* T V, and the parts of T V and T* U orthogonal to U and V."""
    v = adjoint(vh)
    tv = t @ v
    p = adjoint(u) @ tv
    (m, k), n = shape_of(u)[-2:], shape_of(v)[-2]
    left = tv - u @ p if m > k else 0 * u
    right = adjoint(t) @ u - v @ adjoint(p) if n > k else 0 * v
    return p, left, right


class SingularSlopes(MatrixPrimitive):
    """The derivatives of the singular values s, given T in the basis of the singular vectors."""

    core_ndims: ClassVar[dict[int, int]] = {0: 1}

    @override
    def run(self, s: Any, p: Any, left: Any, right: Any) -> tuple[Any, ...]:
        p, left, right = _broadcast_stacks(p, left, right, stacks=[s.shape[:-1]])
        out = np.diagonal(p, axis1=-2, axis2=-1).real.copy()
        for i, block, zero in _groups(s, p):
            inside = p[(*i, block, block)]
            if zero:
                inside = _stacked(inside, left[i][:, block], right[i][:, block])
                finite = np.isfinite(inside).all()
                count = block.stop - block.start
                y = np.linalg.svd(inside, compute_uv=False)[:count] if finite else np.nan
            elif np.isfinite(inside).all():
                y = np.linalg.eigvalsh((inside + inside.conj().T) / 2)[::-1]
            else:
                y = np.nan
            out[(*i, block)] = y
        return (out,)

    @override
    def infer(self, s: Aval, p: Aval, left: Aval, right: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(s.shape[:-1], *(x.shape[:-2] for x in (p, left, right)))
        return (Aval((*stack, p.shape[-1]), real_dtype(p.dtype)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (s, *_), (_, p_t, *sides) = primals, tangents
        moved: Any = 0
        if p_t is not None:
            moved = real(diagonal(p_t + taint(WHO, _group_mask(s), p_t)))
        for x in sides:
            if x is not None:
                zero = negligible_p(s)[..., None, :]
                moved = moved + real(sum_along(taint(WHO, zero, x), -2))
        return (broadcast_like(moved, outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        if needs[1] is None:
            return (None, None, None, None)
        ct = unbroadcast(slopes_ct(WHO, cts[0], outs[0], ins[1]), ins[1])
        return (None, ct, None, None)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return 0 not in operands


class TurnedSingular(MatrixPrimitive):
    """diag(dc), in each group of equal values in the basis in which T is diagonal.

    Outputs: the part within U and V, the columns orthogonal to U, and those orthogonal to V.
    """

    core_ndims: ClassVar[dict[int, int]] = {0: 1, 4: 1, 5: 1}

    @override
    def run(self, s: Any, p: Any, left: Any, right: Any, c: Any, dc: Any) -> tuple[Any, ...]:
        p, left, right = _broadcast_stacks(
            p, left, right, stacks=[x.shape[:-1] for x in (s, c, dc)]
        )
        s, c, dc = (np.broadcast_to(x, p.shape[:-1]) for x in (s, c, dc))
        outs = tuple(np.zeros(np.shape(x), p.dtype) for x in (p, left, right))
        on = np.arange(p.shape[-1])
        outs[0][..., on, on] = dc
        for i, block, zero in _groups(s, p):
            inside, slope, moved = p[(*i, block, block)], c[(*i, block)], dc[(*i, block)]
            sides = left[i][:, block], right[i][:, block]
            limit = rounding_of(p[i])
            if zero:
                odd = np.abs(slope).max() <= root_of_eps(c) * np.abs(c[i]).max()
                y = _zero_block(inside, *sides, moved, np.inf if odd else limit)
            else:
                y = _equal_block(inside, slope, moved, limit)
            outs[0][(*i, block, block)] = y[0]
            for out, columns in zip(outs[1:], y[1:], strict=True):
                out[i][:, block] = columns
        return outs

    @override
    def count(self, **params: Any) -> int:
        return 3

    @override
    def infer(self, s: Aval, p: Aval, left: Aval, right: Aval, *c: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(
            *(x.shape[:-2] for x in (p, left, right)), *(x.shape[:-1] for x in (s, *c))
        )
        x, y, z = (Aval((*stack, *x.shape[-2:]), p.dtype) for x in (p, left, right))
        return x, y, z

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (s, *_), (_, p_t, left, right, _, c_t) = primals, tangents
        groups, zero, moved = _group_mask(s), negligible_p(s)[..., None, :], 0
        if c_t is not None:
            on = np.eye(shape_of(s)[-1], dtype=bool)
            moved = ew.where(on, c_t[..., None, :], 0)
            moved = moved + taint(WHO, groups, moved)
        for x in (p_t, left, right):
            if x is not None:
                some = taint(WHO, groups if x is p_t else zero, x)
                moved = moved + (some if x is p_t else sum_along(some, -2)[..., None, :])
        return broadcast_like(moved, outs[0]), None, None

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        s, zero = ins[0], negligible_p(ins[0])[..., None, :]
        results: list[Any] = [None] * 6
        for i, ct in enumerate(cts):
            if ct is None:
                continue
            infinite = taint(WHO, zero if i else _group_mask(s), ct)
            if needs[1 + i] is not None:
                results[1 + i] = unbroadcast(infinite, ins[1 + i])
            if needs[5] is not None:
                moved = sum_along(infinite, -2) if i else diagonal(ct + infinite)
                moved = unbroadcast(real(moved), ins[5])
                results[5] = moved if results[5] is None else results[5] + moved
        return results

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands <= {1, 2, 3, 5}


def _broadcast_stacks(*xs: Any, stacks: list[Shape]) -> list[Any]:
    """Matrices broadcast to a common stack."""
    stacks = [*stacks, *(x.shape[:-2] for x in xs)]
    return [with_stack(x, *stacks) for x in xs]


def _groups(s: Any, like: Any) -> Iterator[tuple[Any, slice, bool]]:
    """Yield the groups of equal values, and single zeros: index, slice, and whether zero."""
    zero = np.broadcast_to(negligible(s), like.shape[:-1])
    for i, block in degenerate_blocks(s, like):
        if not zero[(*i, block)].any():
            yield i, block, False
    if zero.any():
        for i in np.ndindex(like.shape[:-2]):
            count = int(np.count_nonzero(zero[i]))
            if count:
                yield i, slice(like.shape[-1] - count, like.shape[-1]), True


def _stacked(p: Any, left: Any, right: Any) -> Any:
    """A block with the columns orthogonal to U below, and those orthogonal to V beside it."""
    return np.concatenate([np.concatenate([p, left]), _beside(left, right)], axis=1)


def _beside(left: Any, right: Any) -> Any:
    below = np.zeros((left.shape[0], right.shape[0]), left.dtype)
    return np.concatenate([right.conj().T, below])


def _zero_block(p: Any, left: Any, right: Any, dc: Any, limit: Any) -> Any:
    """The derivative for singular values of 0; nan if it is larger than rounding."""
    whole = _stacked(p, left, right)
    if not np.isfinite(whole).all() or (np.abs(whole) > limit).any():
        warn(f"svdvals: {CURES[WHO]}", RuntimeWarning)
        return np.nan, np.nan, np.nan
    u, _, vh = np.linalg.svd(whole, full_matrices=False)
    k = len(p)
    u, vh = u[:, :k] * dc, vh[:k]
    return u[:k] @ vh[:, :k], u[k:] @ vh[:, :k], (u[:k] @ vh[:, k:]).conj().T


def _equal_block(p: Any, c: Any, dc: Any, limit: Any) -> Any:
    """The derivative for equal singular values; nan where the gradients along them differ."""
    p = (p + p.conj().T) / 2
    has_off_diagonal = np.abs(p - np.diag(np.diagonal(p))).max() > limit
    if not np.isfinite(p).all() or (has_off_diagonal and not is_constant(c)):
        warn(f"svdvals: {CURES[WHO]}", RuntimeWarning)
        return np.nan, np.nan, np.nan
    _, q = np.linalg.eigh(p)
    q = q[:, ::-1]
    return (q * dc) @ q.conj().T, 0, 0


def singular_quotients(s: Any, c: Any) -> tuple[Any, Any, Any]:
    """K, L and c / s; 0 where a divisor is 0."""
    null, sums = null_pairs(s)
    even = (c[..., None, :] - c[..., :, None]) * inverse_gaps(s, equal_p(s))
    odd = (c[..., None, :] + c[..., :, None]) * inverse_of(sums, null, s)
    zero = negligible_p(s)[..., None, :]
    return even, odd, c * inverse_of(s[..., None, :], zero, s)[..., 0, :]


def undetermined(s: Any, c: Any) -> Any:
    """The mask where a constant c has no derivative: unequal gradients, or any at zeros."""
    null, _ = null_pairs(s)
    slope = compare.ne(c, 0)
    slope = compare.logical_or(slope[..., None, :], slope[..., :, None])
    return compare.logical_or(differing(s, c), compare.logical_and(null, slope))


def _group_mask(s: Any) -> Any:
    """The mask of groups of equal values and of single zeros."""
    same, (null, _) = equal_p(s), null_pairs(s)
    several = compare.gt(count_p(same, axes=(len(shape_of(same)) - 1,)), 1)
    return compare.logical_or(null, compare.logical_and(same, several[..., None]))


negligible_p = Negligible("negligible_values")
singular_slopes_p = SingularSlopes("slopes_of_singular_values")
turned_singular_p = TurnedSingular("turned_singular")
