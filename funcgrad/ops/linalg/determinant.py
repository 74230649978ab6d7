"""Determinants, with derivatives of every order that are exact at singular matrices too.

The derivative of det is the matrix of cofactors. The derivatives of cofactors in directions have
the same form, so that one primitive, ``cofactor``, serves all orders.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, dtype_of, real_dtype, shape_of
from ...core.companions import Series
from ...core.registry import primitives
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..reduce import prod_p
from ..stop_gradient import stop_gradient
from ..structure import cast, expand_dims, sum_p
from .degenerate import taint
from .inverse import Inverse
from .matrices import MatrixPrimitive, diagonal, largest, real, result_dtype
from .regular import inverse_or_nan, nan_if_singular


class Det(MatrixPrimitive, Series):
    """The determinant."""

    rule_from = 4

    def recurrence(self, k: int, xs: Any, ys: Any) -> Sequence[Any]:
        return (on_circle(self, k, xs),)

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        return (np.linalg.det(a),)

    def in_c(self, w: Any, a: Any) -> Any:
        return w.det(a, w.out.dtype)

    def decompose(self, a: Any) -> Any:
        on, parity = _pivots(cast(a, result_dtype(a)))
        return (cast(prod_p(on, axes=(len(shape_of(on)) - 1,)) * parity, dtype_of(on)),)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        return (Aval(a.shape[:-2], result_dtype(a)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        return (_frobenius_product(cofactor_p(primals[0]), tangents[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        return (unbroadcast(_as_matrix(cts[0]) * cofactor_p(ins[0]), ins[0]),)


class Cofactor(MatrixPrimitive, Series):
    """The gradient G of the k-th derivative of det, in k directions.

    D^{k+1} det(A)[E_1, ..., E_k, E] = sum(G * E). It is symmetric and multilinear in the directions
    and E, so that the cotangent of a direction is G with the cotangent in place of the direction.
    """

    rule_from = 4

    def recurrence(self, k: int, xs: Any, ys: Any) -> Sequence[Any]:
        return (on_circle(self, k, xs),)

    @override
    def run(self, a: Any, *directions: Any) -> tuple[Any, ...]:
        return (_cofactors(a, directions),)

    def in_c(self, w: Any, a: Any, *directions: Any) -> Any:
        return w.cofactor(a, directions, w.out.dtype)

    def decompose(self, a: Any, *directions: Any) -> Any:
        return (_by_rotation(a, directions),)

    @override
    def infer(self, a: Aval, *directions: Aval) -> tuple[Aval, ...]:
        shape = broadcast_shapes(a.shape, *(e.shape for e in directions))
        return (Aval(shape, result_dtype(a, *directions)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        terms = [] if tangents[0] is None else [cofactor_p(*primals, tangents[0])]
        for i, t in enumerate(tangents[1:], 1):
            if t is not None:
                terms.append(cofactor_p(*primals[:i], t, *primals[i + 1 :]))
        return (broadcast_like(sum(terms[1:], start=terms[0]), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,) = cts
        found = [None if needs[0] is None else unbroadcast(cofactor_p(*ins, ct), ins[0])]
        for i in range(1, len(ins)):
            exchanged = (*ins[:i], ct, *ins[i + 1 :])
            found.append(None if needs[i] is None else unbroadcast(cofactor_p(*exchanged), ins[i]))
        return found

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return len(operands) == 1 and 0 not in operands


class SlogDet(MatrixPrimitive):
    """Sign (phase) and logarithm of the absolute determinant; d log det A = tr(A^-1 dA).

    At a singular matrix the derivative is nan, except for a cotangent of 0.
    """

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        sign, logdet = np.linalg.slogdet(a)
        return sign, logdet

    def in_c(self, w: Any, a: Any) -> Any:
        return w.slogdet(a, w.out.dtype)

    def decompose(self, a: Any) -> Any:
        on, parity = _pivots(cast(a, result_dtype(a)))
        axes = (len(shape_of(on)) - 1,)
        sign = cast(prod_p(ew.unit(on), axes=axes) * parity, dtype_of(on))
        return sign, sum_p(ew.log(ew.abs(on)), axes=axes)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        dtype, stack = result_dtype(a), a.shape[:-2]
        return Aval(stack, dtype), Aval(stack, real_dtype(dtype))

    @override
    def count(self, **params: Any) -> int:
        return 2

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        sign = outs[0]
        singular, inverse = _inverse(primals[0])
        infinite = taint("slogdet", singular, tangents[0], whole=True)
        trace = _sum_elements(inverse.mT * tangents[0] + infinite)
        sign_t = sign * (trace - ew.real(trace)) if ew.is_complex(sign) else None
        return sign_t, real(trace)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        sign_ct, log_ct = cts
        if sign_ct is not None and ew.is_complex(outs[0]):
            around = 1j * ew.imag(sign_ct * outs[0])
            log_ct = around if log_ct is None else log_ct + around
        if log_ct is None:
            return (None,)
        log_ct, (singular, inverse) = _as_matrix(log_ct), _inverse(ins[0])
        return (unbroadcast(log_ct * inverse.mT + taint("slogdet", singular, log_ct), ins[0]),)


def on_circle(prim: Any, k: int, xs: Any) -> Any:
    """Coefficient k of a polynomial of matrices that move, from its values on a circle.

    A jvp has as many terms as k has partitions. The radius, which has no effect but on rounding,
    makes the coefficients of the operands of about equal size.
    """
    n = shape_of(xs[0][0])[-1]
    if not n:
        return None
    terms = [[(j, x[j]) for j in range(k + 1) if x[j] is not None] for x in xs]
    growth = [_growth(x[0][1], j, a) for x in terms for j, a in x[1:]]
    radius = 1 / functools.reduce(np.maximum, growth, 1e-8)
    roots = np.exp(2j * np.pi * np.arange(n * k + 1) / (n * k + 1))
    dtype = np.result_type(dtype_of(xs[0][0]), np.complex64)
    points = expand_dims(cast(roots, dtype), tuple(range(1, len(shape_of(radius)) + 1)))
    z = points * radius  # [N, ..., 1, 1]
    values = prim(*[sum(cast(a, dtype) * z**j for j, a in x) for x in terms])
    weights = z ** (-k) / len(roots)
    y = sum_p(values * (weights if prim is cofactor_p else weights[..., 0, 0]), axes=(0,))
    return y if any(ew.is_complex(a) for x in terms for _, a in x) else ew.real(y)


def _growth(first: Any, j: int, a: Any) -> Any:
    """The factor by which coefficients grow from one to the next, shape [..., 1, 1]."""
    size, at = (stop_gradient(largest(x, (-2, -1))) for x in (a, first))
    return np.where(at > 0, size / np.where(at > 0, at, 1), 1.0) ** (1 / j)


def _inverse(a: Any) -> tuple[Any, Any]:
    """The mask of singular matrices, and the inverses; zeros for singular ones."""
    y = inverse_of_regular_p(a)
    singular = compare.ne(y, y)
    return singular, ew.where(singular, 0, y)


def _pivots(a: Any) -> tuple[Any, Any]:
    """The diagonal of U in A[rows] = L U, and the sign of the permutation."""
    lu, pivots, _ = primitives["lu"].bind(a)
    moved = compare.ne(pivots, np.arange(shape_of(pivots)[-1]))
    parity = prod_p(ew.where(moved, -1.0, 1.0), axes=(len(shape_of(pivots)) - 1,))
    return diagonal(lu), cast(parity, real_dtype(dtype_of(lu)))


def _as_matrix(x: Any) -> Any:
    """Scalars as matrices of one element."""
    rank = len(shape_of(x))
    return expand_dims(x, (rank, rank + 1))


def _frobenius_product(x: Any, y: Any) -> Any:
    """The sum of the elementwise product of two matrices."""
    return _sum_elements(x * y)


def _sum_elements(x: Any) -> Any:
    """The sum of all elements of a matrix."""
    rank = len(x.shape)
    return sum_p(x, axes=(rank - 2, rank - 1))


def _cofactors(a: Any, directions: Any) -> Any:
    """Cofactors by A = U S V*: those of a diagonal matrix need no division."""
    known = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
    if a.size and not directions:
        y = _by_division(np.where(known, a, 0))
        if y is not None:
            return y if known.all() else np.where(known, y, y.dtype.type(np.nan))
    return _by_rotation(a, directions)


def _by_rotation(a: Any, directions: Any) -> Any:
    shape = broadcast_shapes(a.shape, *(e.shape for e in directions))
    known = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
    a = np.where(known, a, 0)
    u, s, vh = np.linalg.svd(a)
    u_h, v = np.conjugate(u.mT), np.conjugate(vh.mT)
    g = _diagonal_cofactors(s, [u_h @ e @ v for e in directions])
    phase = np.linalg.det(u) * np.linalg.det(vh)
    y = phase[..., None, None] * (u_h.mT @ g @ v.mT)
    return np.broadcast_to(np.where(known, y, np.nan), shape).astype(np.result_type(u, *directions))


def _by_division(a: Any) -> Any:
    """det(A) inv(A).T, which is faster; None where it loses accuracy."""
    try:
        y = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    condition = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(y, axis=(-2, -1))
    if not (condition < np.finfo(y.dtype).eps ** -0.4).all():
        return None
    return np.linalg.det(a)[..., None, None] * y.mT


def _diagonal_cofactors(s: Any, directions: Any) -> Any:
    """The cofactors of diagonal matrices, or their derivative in directions F.

    The sum over rows i_1, ..., i_k, all different, and over permutations p of them, of
    sign(p) F_1[i_1, i_p(1)] ... times the product of s over the other rows.
    """
    n, k = s.shape[-1], len(directions) + 1
    letters = "abcdefgh"[:k]
    rows = np.indices((n,) * k)
    others = np.ones((*s.shape[:-1], *(n,) * k))
    for i in range(n):
        factor = s[(..., i, *(None,) * k)]
        others = others * np.where((rows == i).any(axis=0), 1, factor)
    for i, j in itertools.combinations(range(k), 2):
        others = np.where(rows[i] == rows[j], 0, others)
    total: Any = 0
    for p in itertools.permutations(range(k)):
        sign = round(np.linalg.det(np.eye(k)[list(p)]))
        names = [f"...{letters[i]}{letters[p[i]]}" for i in range(k - 1)]
        row, column = letters[k - 1], letters[p[k - 1]]
        out = f"...{row}" if row == column else f"...{row}{column}"
        y = np.einsum(f"{','.join([f'...{letters}', *names])}->{out}", others, *directions)
        total = total + sign * (y[..., None] * np.eye(n) if row == column else y)
    return total


det_p = Det("det")
cofactor_p = Cofactor("cofactor")
slogdet_p = SlogDet("slogdet")
inverse_of_regular_p = Inverse("inverse_of_regular", inverse_or_nan(), nan_if_singular)
