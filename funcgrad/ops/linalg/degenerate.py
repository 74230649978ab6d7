"""Degenerate eigenvalues and singular values: the masks of equal values, and nan derivatives.

Eigenvectors of equal eigenvalues are an arbitrary basis of the eigenspace, so they have no
derivative. A rule sets 1 / gap to 0 where the gap is 0, and adds ``taint_p``: nan where that is
wrong.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, Shape, broadcast_shapes, dtype_of, real_dtype, shape_of
from ...core.companions import Masking
from ...core.frames import warn
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..index import concatenate_p
from ..paths import Masked, may_hold, path_mask
from ..reduce import any_p
from ..structure import broadcast_to, cast, cumsum_p
from .matrices import MatrixPrimitive, diagonal, eps, largest

CURES = {
    "eigh": "eigenvectors of equal eigenvalues have no derivative, nor have functions of them "
    "and the eigenvalues: it is nan here; use funcgrad.linalg.matrix_function",
    "eigvalsh": "this second derivative at equal eigenvalues is not determined by the first: it "
    "is nan here; use funcgrad.hessian (forward over reverse)",
    "svd": "singular vectors of equal or zero singular values have no derivative, nor have "
    "functions of them and the values: it is nan here; use funcgrad.linalg.polar",
    "svdvals": "this second derivative at equal or zero singular values is not determined by the "
    "first: it is nan here; use funcgrad.hessian (forward over reverse)",
    "eig": "eigenvectors of equal eigenvalues have no derivative: it is nan here; use "
    "powers of the matrix",
    "polar": "the matrix is singular, so its factors have no derivative: it is nan here; add a "
    "multiple of the identity",
    "sqrtm": "the matrix is singular, so its root has no derivative: it is nan here; add a "
    "multiple of the identity",
    "qr": "qr: columns that depend on each other have no derivative of their factors: it is nan "
    "here; use svd",
    "slogdet": "the logarithm of 0 has no derivative: it is nan here; use det, whose "
    "derivatives are exact at singular matrices too",
    "near": "eigenvalues, or singular values, are nearly equal, or nearly 0: a derivative of this "
    "order is lost to rounding: it is nan here; use float64",
    "defective": "eig: the matrix has fewer eigenvectors than rows, so its eigenvalues have no "
    "derivative: it is nan here; use powers of the matrix",
}


class Equal(MatrixPrimitive):
    """The mask of pairs of values that are equal up to rounding, as matrices.

    Two neighbours are equal if their gap is at most max(n, 32) eps times the largest value. LAPACK
    computes each to n eps; with a smaller gap a difference of cotangents over the gap would have
    fewer than two correct digits. For ordered values equality is transitive.
    """

    differentiable = False
    core_ndims: ClassVar[dict[int, int]] = {0: 1}

    @override
    def run(self, w: Any) -> tuple[Any, ...]:
        if w.dtype.kind == "c":
            gaps = np.abs(w[..., None, :] - w[..., :, None])
            return (gaps <= _rounding(w)[..., None],)
        steps = np.abs(np.diff(w, axis=-1)) > _rounding(w)
        label = np.zeros(w.shape, int)
        np.cumsum(steps, axis=-1, out=label[..., 1:])
        return (label[..., None, :] == label[..., :, None],)

    def decompose(self, w: Any) -> Any:
        limit = bound_of_rounding(w)
        if dtype_of(w).kind == "c":
            gaps = ew.abs(w[..., None, :] - w[..., :, None])
            return (compare.le(gaps, limit[..., None]),)
        n = shape_of(w)[-1]
        steps = compare.gt(ew.abs(w[..., 1:] - w[..., : max(n - 1, 0)]), limit)
        label = cumsum_p(steps, axis=len(shape_of(w)) - 1, reverse=False)
        first = np.zeros((*shape_of(w)[:-1], min(n, 1)), label.dtype)
        label = concatenate_p(first, label, axis=len(shape_of(w)) - 1)
        return (compare.eq(label[..., None, :], label[..., :, None]),)

    @override
    def infer(self, w: Aval) -> tuple[Aval, ...]:
        return (Aval((*w.shape, w.shape[-1]), np.dtype(bool)),)


class Taint(MatrixPrimitive):
    """nan where ``mask`` holds and x is not 0, else 0.

    x is a tangent or a cotangent, and this the infinite part of a linear map of it. Elements of x
    within rounding of the matrix ``like`` count as 0. With ``whole`` one nonzero element of x makes
    all elements count.
    """

    @override
    def run(self, mask: Any, x: Any, like: Any, *, whole: bool, who: str) -> tuple[Any, ...]:
        out = np.zeros(_taint_shape(mask, x, like), x.dtype)
        if not mask.any():  # the usual case
            return (out,)
        live = ~(np.abs(x) <= rounding_of(like))  # True for nan
        if whole:
            live = live.any(axis=(-2, -1), keepdims=True)
        live = mask & live
        if live.any():
            warn(f"{who}: {CURES[who]}", RuntimeWarning)
            out[np.broadcast_to(live, out.shape)] = np.nan
        return (out,)

    def decompose(self, mask: Any, x: Any, like: Any, *, whole: bool, who: str) -> Any:
        limit = 64 * shape_of(like)[-1] * eps(like) * largest(like, (-2, -1))
        live, rank = compare.logical_not(compare.le(ew.abs(x), limit)), len(shape_of(x))
        if whole:
            live = any_p(live, axes=(rank - 2, rank - 1))[..., None, None]
        live = broadcast_to(compare.logical_and(mask, live), _taint_shape(mask, x, like))
        return (cast(ew.where(live, np.nan, 0.0), dtype_of(x)),)

    @override
    def infer(self, mask: Aval, x: Aval, like: Aval, *, whole: bool, who: str) -> tuple[Aval, ...]:
        return (Aval(_taint_shape(mask, x, like), x.dtype),)

    @override
    def jvp(
        self, primals: Any, tangents: Any, outs: Any, *, whole: bool, who: str
    ) -> Sequence[Any]:
        if tangents[1] is None:
            return (None,)
        return (broadcast_like(taint(who, primals[0], tangents[1], whole=whole), outs[0]),)

    @override
    def vjp(
        self, cts: Any, needs: Any, outs: Any, ins: Any, *, whole: bool, who: str
    ) -> Sequence[Any]:
        ct = None if needs[1] is None else unbroadcast(taint(who, ins[0], cts[0]), ins[1])
        return (None, ct, None)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands <= {1, 2}  # ``like`` is a tangent too where x is one


class Undefined(MatrixPrimitive, Masking):
    """nan where ``mask`` holds and x lies on a path, else 0.

    It is the part of a linear map of x that does not exist: 0 times inf is nan.
    """

    @override
    def run(self, mask: Any, x: Any, *, who: str) -> tuple[Any, ...]:
        out = np.zeros(broadcast_shapes(mask.shape, x.shape), x.dtype)
        if mask.any() and out.size:
            warn(f"{who}: {CURES[who]}", RuntimeWarning)
            out[np.broadcast_to(mask, out.shape)] = np.nan
        return (out,)

    def decompose(self, mask: Any, x: Any, *, who: str) -> Any:
        mask = broadcast_to(mask, broadcast_shapes(shape_of(mask), shape_of(x)))
        return (cast(ew.where(mask, np.nan, 0.0), dtype_of(x)),)

    @override
    def infer(self, mask: Aval, x: Aval, *, who: str) -> tuple[Aval, ...]:
        return (Aval(broadcast_shapes(mask.shape, x.shape), x.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, who: str) -> Sequence[Any]:
        t = tangents[1]
        return (None if t is None else broadcast_like(self(primals[0], t, who=who), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, who: str) -> Sequence[Any]:
        return (
            None,
            None if needs[1] is None else unbroadcast(self(ins[0], cts[0], who=who), ins[1]),
        )

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {1}

    def on_paths(self, args: Any, live: Any, *, who: str) -> Masked:
        mask, x = args
        mask = compare.logical_and(mask, path_mask(x, live[1]))
        return (self(mask, x, who=who),), (mask,)


class InverseOfValues(MatrixPrimitive):
    """1/x, and 0 where ``zero`` holds, for x differences or sums of the values w.

    A rounding error eps of the values is an error of eps / x**(order + 1) of a derivative of this
    order. It is nan where no digit is correct.
    """

    core_ndims: ClassVar[dict[int, int]] = {2: 1}

    @override
    def run(self, x: Any, zero: Any, w: Any, *, order: int) -> tuple[Any, ...]:
        shape = _inverse_shape(x, zero, w)
        return (
            np.divide(
                1, x, out=np.zeros(shape, _inverse_dtype(x.dtype)), where=np.logical_not(zero)
            ),
        )

    def decompose(self, x: Any, zero: Any, w: Any, *, order: int) -> Any:
        y = ew.where(zero, 0, ew.div(1, ew.where(zero, 1, x)))
        shape = _inverse_shape(x, zero, w)
        return (cast(broadcast_to(y, shape), _inverse_dtype(dtype_of(x))),)

    @override
    def infer(self, x: Aval, zero: Aval, w: Aval, *, order: int) -> tuple[Aval, ...]:
        return (Aval(_inverse_shape(x, zero, w), _inverse_dtype(x.dtype)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, order: int) -> Sequence[Any]:
        t = tangents[0]
        return (None if t is None else broadcast_like(self._slope(t, primals, order + 1), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, order: int) -> Sequence[Any]:
        ct = None if needs[0] is None else unbroadcast(self._slope(cts[0], ins, order + 1), ins[0])
        return (ct, None, None)

    def _slope(self, t: Any, primals: Any, order: int) -> Any:
        x, zero, w = primals
        y, near = self(x, zero, w, order=order), near_p(x, zero, w, order=order)
        moved = -(y * y) * t
        return moved + undefined_p(near, t, who="near") if may_hold(near) else moved


class Near(MatrixPrimitive):
    """The mask where a derivative of ``InverseOfValues`` has no correct digit."""

    differentiable = False
    core_ndims: ClassVar[dict[int, int]] = {2: 1}

    @override
    def run(self, x: Any, zero: Any, w: Any, *, order: int) -> tuple[Any, ...]:
        largest = np.abs(w).max(axis=-1, keepdims=True, initial=0)[..., None]
        limit = (64 * float(np.finfo(w.dtype).eps)) ** (1 / (order + 1)) * largest
        near = (np.abs(x) < limit) & ~np.asarray(zero)
        return (np.broadcast_to(near, _inverse_shape(x, zero, w)),)

    def decompose(self, x: Any, zero: Any, w: Any, *, order: int) -> Any:
        limit = (64 * eps(w)) ** (1 / (order + 1)) * largest(w, (-1,))[..., None]
        near = compare.logical_and(compare.lt(ew.abs(x), limit), compare.logical_not(zero))
        return (broadcast_to(near, _inverse_shape(x, zero, w)),)

    @override
    def infer(self, x: Aval, zero: Aval, w: Aval, *, order: int) -> tuple[Aval, ...]:
        return (Aval(_inverse_shape(x, zero, w), np.dtype(bool)),)


def _inverse_shape(x: Any, zero: Any, w: Any) -> Shape:
    return broadcast_shapes(x.shape, zero.shape, (*w.shape[:-1], 1, 1))


def _inverse_dtype(dtype: np.dtype) -> np.dtype:
    return np.true_divide(1, np.ones((), dtype)).dtype


def _taint_shape(mask: Any, x: Any, like: Any) -> Shape:
    return broadcast_shapes(mask.shape, x.shape, (*like.shape[:-2], 1, 1))


def taint(who: str, mask: Any, x: Any, like: Any = None, whole: bool = False) -> Any:
    """nan where the mask holds and x is not 0 within rounding of ``like``, else 0."""
    if like is None:
        like = np.zeros((1, 1), real_dtype(dtype_of(x)))
    return taint_p(mask, x, like, whole=whole, who=who)


def nan_where(who: str, mask: Any, x: Any) -> Any:
    """nan where the mask holds, else 0, with the shape and dtype of ``x``."""
    return taint(who, mask, np.ones(shape_of(x)[-2:], dtype_of(x)))


def off_diagonal(mask: Any) -> Any:
    """A mask of pairs without the diagonal."""
    return compare.logical_and(mask, ~np.eye(shape_of(mask)[-1], dtype=bool))


def split(x: Any) -> Any:
    """x + x_jj - x_ii: 0 in a block only if the block keeps its eigenvalues equal."""
    on = diagonal(x)
    return x + (on[..., None, :] - on[..., :, None])


def used_pairs(x: Any, w_ct: Any) -> Any:
    """The pairs (i, j) of vectors that the cotangents X = V* ct, or those of the values, use.

    A pair counts as unused only if another one is used: all cotangents are 0 also where the
    function itself is 0 at these values, such as a logarithm at 1.
    """
    here = compare.ne(x, 0)
    here = compare.logical_or(here, here.mT)
    if w_ct is None:
        return here
    value = compare.ne(w_ct, 0)
    value = compare.logical_or(value[..., None, :], value[..., :, None])
    here, rank = compare.logical_or(here, value), len(shape_of(x))
    some = any_p(here, axes=(rank - 2, rank - 1))[..., None, None]
    return compare.logical_or(here, compare.logical_not(some))


def inverse_gaps(w: Any, same: Any) -> Any:
    """The matrices 1/(w_j - w_i), 0 where the two are equal."""
    return inverse_of(w[..., None, :] - w[..., :, None], same, w)


def inverse_of(x: Any, zero: Any, w: Any) -> Any:
    """1/x for differences, sums or elements x of the values w; 0 where ``zero`` holds."""
    return inverse_of_values_p(x, zero, w, order=0)


def rounding_of(x: Any) -> Any:
    """A bound of the rounding errors of matrices that are sums of products."""
    size = np.abs(x).max(axis=(-2, -1), keepdims=True, initial=0)
    return 64 * x.shape[-1] * float(np.finfo(x.dtype).eps) * size


def negligible(s: Any) -> Any:
    """The mask of singular values that are 0 up to rounding."""
    return s <= _rounding(s)


def _rounding(w: Any) -> Any:
    """A bound of the rounding errors of values; the last axis has length 1."""
    n = w.shape[-1]
    largest = np.abs(w).max(axis=-1, keepdims=True, initial=0)
    return max(n, 32) * float(np.finfo(w.dtype).eps) * largest


def bound_of_rounding(w: Any) -> Any:
    """``_rounding`` of arrays and tracers."""
    return max(shape_of(w)[-1], 32) * eps(w) * largest(w, (-1,))


equal_p = Equal("equal_values")
taint_p = Taint("taint")
undefined_p = Undefined("undefined")
near_p = Near("near_values")
inverse_of_values_p = InverseOfValues("inverse_of_values")
