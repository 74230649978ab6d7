"""Square roots and polar factors; their derivatives solve P X + X P = Q, without gaps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, dtype_of, shape_of
from ...core.companions import Series
from ...core.frames import warn
from ...core.registry import primitives
from ...core.series import solved
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..reduce import any_p
from ..structure import cast
from .degenerate import CURES, bound_of_rounding, negligible, rounding_of, taint
from .matrices import MatrixPrimitive, adjoint, eps, largest, result_dtype, stacked_shape, sum_along


class Lyapunov(MatrixPrimitive, Series):
    """The X with P X + X P = Q, for positive semidefinite P with eigenvalues s.

    V* X V = V* Q V / (s_i + s_j). Where s_i = s_j = 0 it is nan, unless Q is 0 there; with
    ``fixed_rank`` it is 0, which is right if Q is a derivative along matrices of constant rank.
    Source: Higham 2008, Functions of matrices, section 6.1 and chapter 8.
    """

    @override
    def run(self, p: Any, q: Any, *, who: str, fixed_rank: bool) -> tuple[Any, ...]:
        s, v = np.linalg.eigh(p)
        v_h = np.conjugate(v.mT)
        zero = negligible(s)
        null = zero[..., None, :] & zero[..., :, None]
        y = v_h @ q @ v
        y = y / np.where(null, 1, s[..., None, :] + s[..., :, None])
        if null.any():
            live = null & (np.abs(y) > rounding_of(y))
            y = np.where(null, 0, y)
            if live.any() and not fixed_rank:
                warn(f"{who}: {CURES['sqrtm']}", RuntimeWarning)
                y[np.broadcast_to(live, y.shape)] = np.nan
        return (v @ y @ v_h,)

    def decompose(self, p: Any, q: Any, *, who: str, fixed_rank: bool) -> Any:
        s, v = primitives["eigh"].bind(p, uplo="L")
        zero = compare.le(s, bound_of_rounding(s))
        null = compare.logical_and(zero[..., None, :], zero[..., :, None])
        y = adjoint(v) @ q @ v
        y = y / ew.where(null, 1, s[..., None, :] + s[..., :, None])
        left_out: Any = 0
        if not fixed_rank:
            limit = 64 * shape_of(y)[-1] * eps(y) * largest(y, (-2, -1))
            left_out = ew.where(compare.gt(ew.abs(y), limit), np.nan, 0)
        return (v @ cast(ew.where(null, left_out, y), dtype_of(y)) @ adjoint(v),)

    @override
    def infer(self, p: Aval, q: Aval, *, who: str, fixed_rank: bool) -> tuple[Aval, ...]:
        return (Aval(stacked_shape(p, q, *q.shape[-2:]), result_dtype(p, q)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        (p, _), (p_t, q_t), (x,) = primals, tangents, outs
        right = q_t
        if p_t is not None:
            moved = p_t @ x + x @ p_t
            right = -moved if q_t is None else q_t - moved
        return (broadcast_like(self(p, right, **params), x),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        (p, q), (ct,) = ins, cts
        y = self(p, ct.mT, **params)
        q_ct = None if needs[1] is None else unbroadcast(y.mT, q)
        if needs[0] is None:
            return (None, q_ct)
        x = outs[0]
        return (unbroadcast(-(x @ y + y @ x).mT, p), q_ct)

    def recurrence(self, k: int, xs: Any, ys: Any, **params: Any) -> Sequence[Any]:
        """P X + X P = Q."""
        solve = lambda q: self(xs[0][0], q, **params)
        return (solved(lambda p, x: p @ x + x @ p, solve, xs[0], xs[1], ys, k),)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {1}


class SquareRoot(MatrixPrimitive):
    """The root R of a positive semidefinite matrix; R dR + dR R = dA.

    Eigenvalues within rounding of 0 count as 0; with a negative eigenvalue the root is nan.
    """

    @override
    def run(self, a: Any, *, who: str, fixed_rank: bool) -> tuple[Any, ...]:
        w, v = np.linalg.eigh(a)
        zero = negligible(np.abs(w))
        return ((v * np.sqrt(np.where(zero, 0, w))[..., None, :]) @ np.conjugate(v.mT),)

    def decompose(self, a: Any, **params: Any) -> Any:
        w, v = primitives["eigh"].bind(a, uplo="L")
        zero = compare.le(ew.abs(w), bound_of_rounding(w))
        return ((v * ew.sqrt(ew.where(zero, 0, w))[..., None, :]) @ adjoint(v),)

    @override
    def infer(self, a: Aval, *, who: str, fixed_rank: bool) -> tuple[Aval, ...]:
        return (Aval(a.shape, result_dtype(a)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        return (lyapunov_p(outs[0], tangents[0], **params),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        return (unbroadcast(lyapunov_p(outs[0], cts[0].mT, **params).mT, ins[0]),)


class Polar(MatrixPrimitive):
    """A = U P, not wide, with orthonormal columns U and positive semidefinite P.

    With X = U* dA and P K + K P = X: U* dU = K - K*, dP = X - (K - K*) P, and outside of the
    columns of U dU is dA P^-1.
    Source: Higham 2008, Functions of matrices, section 8.2.
    """

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        w, s, vh = np.linalg.svd(a, full_matrices=False)
        return w @ vh, (np.conjugate(vh.mT) * s[..., None, :]) @ vh

    def decompose(self, a: Any) -> Any:
        w, s, vh = primitives["svd"].bind(a, full=False)
        return w @ vh, (adjoint(vh) * s[..., None, :]) @ vh

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        *stack, _, n = a.shape
        dtype = result_dtype(a)
        return Aval(a.shape, dtype), Aval((*stack, n, n), dtype)

    @override
    def count(self, **params: Any) -> int:
        return 2

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (t,), (u, p) = tangents, outs
        solve = lambda q: lyapunov_p(p, q, who="polar", fixed_rank=True)
        x = adjoint(u) @ t
        rotation = solve(x)
        rotation = rotation - adjoint(rotation)
        dp, du = x - rotation @ p, u @ rotation
        m, n = shape_of(u)[-2:]
        if m > n:
            du = du + (t - u @ x) @ (2 * solve(np.eye(n, dtype=result_dtype(p))))  # P^-1
        infinite = taint("polar", singular_p(p), t, whole=True)
        dp = 0.5 * (dp + adjoint(dp)) + sum_along(sum_along(infinite, -1), -1)[..., None, None]
        return du + infinite, dp


class Singular(MatrixPrimitive):
    """Whether Hermitian matrices are singular up to rounding, as masks [..., 1, 1]."""

    differentiable = False

    @override
    def run(self, p: Any) -> tuple[Any, ...]:
        return (negligible(np.linalg.eigvalsh(p)).any(axis=-1)[..., None, None],)

    def decompose(self, p: Any) -> Any:
        s, _ = primitives["eigh"].bind(p, uplo="L")
        zero = compare.le(s, bound_of_rounding(s))
        return (any_p(zero, axes=(len(shape_of(s)) - 1,))[..., None, None],)

    @override
    def infer(self, p: Aval) -> tuple[Aval, ...]:
        return (Aval((*p.shape[:-2], 1, 1), np.dtype(bool)),)


lyapunov_p = Lyapunov("lyapunov")
sqrtm_p = SquareRoot("sqrtm")
polar_p = Polar("polar")
singular_p = Singular("singular_matrices")
