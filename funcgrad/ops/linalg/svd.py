"""The singular value decomposition."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, real_dtype, shape_of
from ...core.companions import JointRules
from ...core.trace import Tracer
from .. import compare, elementwise as ew
from ..families import broadcast_like, unbroadcast
from ..index import concatenate_p
from ..paths import may_hold
from ..reduce import any_p
from .degenerate import (
    equal_p,
    inverse_gaps,
    inverse_of,
    off_diagonal,
    split,
    taint,
    undefined_p,
    used_pairs,
)
from .invariance import MixedPairs, Uses, mixed_in_svd
from .matrices import MatrixPrimitive, adjoint, conj, real, result_dtype, sum_along
from .phases import turning, turning_ct
from .singular import (
    in_basis,
    negligible_p,
    null_pairs,
    singular_quotients,
    singular_slopes_p,
    turned_singular_p,
    undetermined,
)
from .spectral import with_stack


class Svd(MatrixPrimitive, JointRules):
    """A = U S V*, with square U and V if ``full``; outputs U, the diagonal of S, V*.

    With P = U* dA V: ds = diag(P), U* dU = E + O and V* dV = E - O, where
    E_ij = (P + P*)_ij / 2(s_j - s_i) and O_ij = (P - P*)_ij / 2(s_j + s_i).
    Source: Giles 2008, section 3.2, in terms of differences and sums.

    The derivative of vectors of equal or zero singular values is nan, and of the vectors that
    ``full`` adds, if they are more than one. In reverse mode, for a function of whole subspaces,
    the derivative within them is 0, as for ``Eigh``: for U V*, for example, and for projections.
    """

    reads_uses = True
    who = "svd"

    @override
    def run(self, a: Any, *, full: bool) -> tuple[Any, ...]:
        u, s, vh = np.linalg.svd(a, full_matrices=full)
        return u, s, vh

    @override
    def infer(self, a: Aval, *, full: bool) -> tuple[Aval, ...]:
        *stack, m, n = a.shape
        k, dtype = min(m, n), result_dtype(a)
        u, vh = (*stack, m, m if full else k), (*stack, n if full else k, n)
        return Aval(u, dtype), Aval((*stack, k), real_dtype(dtype)), Aval(vh, dtype)

    @override
    def count(self, **params: Any) -> int:
        return 3

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, full: bool) -> Sequence[Any]:
        (t,), (u, s, vh) = tangents, outs
        k = shape_of(s)[-1]
        u1, v1 = u[..., :k], adjoint(vh[..., :k, :])
        p, left, right = in_basis(u1, adjoint(v1), t)
        p_h = adjoint(p)
        same, (null, sums), zero = equal_p(s), null_pairs(s), negligible_p(s)
        even = 0.5 * (p + p_h) * inverse_gaps(s, same)
        even = even + taint(self.who, off_diagonal(same), split(p), whole=True)
        odd = 0.5 * (p - p_h)
        odd = odd * inverse_of(sums, null, s) + taint(self.who, null, odd, like=p)
        ds = singular_slopes_p(s, p, left, right)
        left, right = self._over_values(left, s, zero, t), self._over_values(right, s, zero, t)
        du = self._all_columns(u1, u, u1 @ (even + odd) + left, t)
        dv = self._all_columns(v1, adjoint(vh), v1 @ (even - odd) + right, t)
        if ew.is_complex(u):
            by_v = shape_of(u)[-2] >= shape_of(vh)[-1]
            angle = turning(v1, dv[..., :k], 0) if by_v else turning(u1, du[..., :k], 0)
            du, dv = _rotated(du, u1, angle), _rotated(dv, v1, angle)
        return du, ds, adjoint(dv)

    def _over_values(self, x: Any, s: Any, zero: Any, like: Any) -> Any:
        """Columns divided by singular values; nan for zeros."""
        infinite = taint(self.who, zero[..., None, :], x, like=like)
        return x * inverse_of(s[..., None, :], zero[..., None, :], s) + infinite

    def _all_columns(self, first: Any, all_: Any, moved: Any, t: Any) -> Any:
        """The tangent of all columns, given that of the first k.

        The others stay orthogonal to them; if they are more than one, they have no derivative.
        """
        k = shape_of(moved)[-1]
        if shape_of(all_)[-1] == k:
            return moved
        rest = -(first @ (adjoint(moved) @ all_[..., k:]))
        several = np.full((1, 1), _is_underdetermined(all_[..., k:]))
        infinite = sum_along(sum_along(taint(self.who, several, t, whole=True), -1), -1)
        rest = rest + infinite[..., None, None]
        return concatenate_p(moved, rest, axis=len(shape_of(moved)) - 1)

    def value_and_vjp(self, ins: Any, needs: Any, *, full: bool) -> tuple[Sequence[Any], Any]:
        (a,) = ins
        outs = self.bind(a, full=full)
        return outs, lambda cts, uses, first: (self.back(cts, outs, a, uses, first),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, full: bool) -> Sequence[Any]:
        return (self.back(cts, outs, ins[0]),)

    def back(self, cts: Any, outs: Any, a: Any, uses: Uses | None = None, first: int = 0) -> Any:
        """The cotangent of A; ``first`` is the number of U on the tape."""
        (u_ct, s_ct, vh_ct), (u, s, vh) = cts, outs
        k = shape_of(s)[-1]
        u1, vh1 = u[..., :k], vh[..., :k, :]
        if u_ct is None and vh_ct is None:
            return unbroadcast(conj(singular_gradient_p(a, u1, s, vh1, s_ct)), a)
        v = adjoint(vh)
        v_ct = None if vh_ct is None else adjoint(vh_ct)
        if ew.is_complex(u):
            u_ct, v_ct = _with_phases(u, u_ct, v, v_ct, k)
        left, right = _Side(u1, u, u_ct), _Side(v[..., :k], v, v_ct)
        mixed = self.mixed(left, right, s_ct, uses, first)
        columns = conj(u1) @ self._inside(left, right, s, s_ct, mixed)
        columns = columns + self._orthogonal_part(left, s, mixed.left)
        rows = adjoint(self._orthogonal_part(right, s, mixed.right))
        whole = columns @ conj(vh1) + conj(u1) @ rows
        for side, several in ((left, mixed.rest_left), (right, mixed.rest_right)):
            if side.rest is not None and _is_underdetermined(side.rest) and 0 not in shape_of(a):
                among = undefined_p(several, side.rotation, who=self.who)
                whole = whole + sum_along(sum_along(among, -1), -1)[..., None, None]
        return unbroadcast(whole, a)

    def mixed(self, left: "_Side", right: "_Side", s_ct: Any, uses: Any, first: int) -> MixedPairs:
        """The pairs of vectors of one subspace between which the program distinguishes."""
        return mixed_in_svd(uses, first, left.count, right.count, shape_of(left.inside)[-1])

    def _inside(self, left: "_Side", right: "_Side", s: Any, s_ct: Any, mixed: MixedPairs) -> Any:
        """The cotangent of P."""
        even = left.inside + right.inside
        odd = left.inside - right.inside
        carrier = even + adjoint(even) + odd + adjoint(odd)
        even, odd = 0.5 * (even - adjoint(even)), 0.5 * (odd - adjoint(odd))
        size = ew.abs(left.inside) + ew.abs(right.inside)
        same, (null, sums) = equal_p(s), null_pairs(s)
        undefined = compare.logical_or(
            compare.logical_and(off_diagonal(same), mixed.pairs),
            compare.logical_and(null, mixed.both),
        )
        inside = inverse_gaps(s, same) * even + inverse_of(sums, null, s) * odd
        inside = inside + taint(self.who, null, odd, like=size)
        # the relative sign of the two vectors of a zero value is arbitrary
        signs = compare.logical_and(negligible_p(s), mixed.signs)[..., None, :]
        if may_hold(signs):
            for side in (left, right):
                inside = inside + taint(self.who, signs, side.inside, like=size)
        if may_hold(undefined):
            inside = inside + undefined_p(undefined, carrier, who=self.who)
        if s_ct is None:
            return inside
        return inside + ew.where(np.eye(shape_of(s)[-1], dtype=bool), s_ct[..., None, :], 0)

    def _orthogonal_part(self, side: "_Side", s: Any, mixed: Any) -> Any:
        """The columns orthogonal to the first k, over the singular values."""
        if not side.is_tall or side.ct is None:
            return side.out
        zero = negligible_p(s)
        y = side.out * inverse_of(s[..., None, :], zero[..., None, :], s)
        undefined = compare.logical_and(zero, mixed)[..., None, :]
        return y + undefined_p(undefined, side.out, who=self.who) if may_hold(undefined) else y


class SvdOfRules(Svd):
    """``Svd`` for use in rules: the values of cotangents show the pairs that are used.

    For some matrices that are not finite LAPACK gives nan as values, but refuses the vectors; here
    they are nan too.
    """

    reads_uses = False
    value_and_vjp: Any = None
    who = "svdvals"

    @override
    def run(self, a: Any, *, full: bool) -> tuple[Any, ...]:
        try:
            return super().run(a, full=full)
        except np.linalg.LinAlgError:
            wrong = np.logical_not(np.isfinite(a).all(axis=(-2, -1)))
            if not wrong.any():
                raise
        np.linalg.svd(a, compute_uv=False)  # raises, unless there are values
        outs = super().run(np.where(wrong[..., None, None], 0, a), full=full)
        for y in outs:
            y[wrong] = np.nan
        return outs

    def decompose(self, a: Any, *, full: bool) -> Any:
        ok = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
        u, s, vh = svd_p.bind(ew.where(ok, a, 0), full=full)
        return ew.where(ok, u, np.nan), ew.where(ok[..., 0], s, np.nan), ew.where(ok, vh, np.nan)

    @override
    def mixed(self, left: "_Side", right: "_Side", s_ct: Any, uses: Any, first: int) -> MixedPairs:
        named = used_pairs(ew.abs(left.inside) + ew.abs(right.inside), s_ct)
        own = compare.logical_and(named, np.eye(shape_of(named)[-1], dtype=bool))
        own = any_p(own, axes=(len(shape_of(own)) - 2,))
        rank = len(shape_of(left.out))
        in_use = lambda side: compare.logical_or(
            own, any_p(compare.ne(side.out, 0), axes=(rank - 2,))
        )
        no, yes = np.zeros(1, bool), np.ones((1, 1), bool)
        return MixedPairs(named, no[None], no, in_use(left), in_use(right), yes, yes)


class _Side:
    """The cotangent of U or V in parts: within the first k columns, and orthogonal to them."""

    def __init__(self, first: Any, all_: Any, ct: Any) -> None:
        k, self.count = shape_of(first)[-1], shape_of(all_)[-1]
        self.is_tall = shape_of(first)[-2] > k
        self.ct, self.rest = None, None
        if ct is None:
            self.inside, self.out = 0 * (first.mT @ first), 0 * first
            return
        self.ct = ct[..., :k]
        if self.count > k:
            # the columns that ``full`` adds stay orthogonal to the first, and rotate in their space
            self.rest, rest_ct = all_[..., k:], ct[..., k:]
            self.ct = self.ct - conj(self.rest) @ (adjoint(rest_ct) @ conj(first))
            self.rotation = self.rest.mT @ rest_ct
        self.inside = first.mT @ self.ct
        self.out = self.ct - conj(first) @ self.inside if self.is_tall else 0 * first


class SingularGradient(MatrixPrimitive):
    """G = U diag(c) V* of the singular vectors of A: the gradient along c in the values.

    U* dG V = K * (P + P*) / 2 + L * (P - P*) / 2 + diag(dc), with K_ij = (c_j - c_i) / (s_j - s_i)
    and L_ij = (c_j + c_i) / (s_j + s_i); orthogonal to U and V it is T c / s.
    The derivative in A is complete: U, s and V have none. See ``singular``.
    """

    who = "svdvals"
    core_ndims: ClassVar[dict[int, int]] = {2: 1, 4: 1}

    @override
    def run(self, a: Any, u: Any, s: Any, vh: Any, c: Any) -> tuple[Any, ...]:
        return (with_stack((u * c[..., None, :]) @ vh, a.shape[:-2], s.shape[:-1]),)

    def decompose(self, a: Any, u: Any, s: Any, vh: Any, c: Any) -> Any:
        return self.run(a, u, s, vh, c)

    @override
    def infer(self, a: Aval, u: Aval, s: Aval, vh: Aval, c: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(
            *(x.shape[:-2] for x in (a, u, vh)), *(x.shape[:-1] for x in (s, c))
        )
        return (Aval((*stack, u.shape[-2], vh.shape[-1]), u.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (a, u, s, vh, c), (t, _, _, _, c_t) = primals, tangents
        if t is None:
            return (None if c_t is None else broadcast_like(self(a, u, s, vh, c_t), outs[0]),)
        u, s, vh = _differentiable_factors(a, u, s, vh)
        p, left, right = in_basis(u, vh, t)
        even, odd, over = singular_quotients(s, c)
        p_h = adjoint(p)
        inside = 0.5 * (even * (p + p_h) + odd * (p - p_h))
        over, zero = over[..., None, :], negligible_p(s)[..., None, :]
        if c_t is None:
            inside = inside + taint(self.who, undetermined(s, c), p, like=p)
            nonzero = compare.logical_and(zero, compare.ne(c, 0)[..., None, :])
            left = left * over + taint(self.who, nonzero, left, like=t)
            right = right * over + taint(self.who, nonzero, right, like=t)
        else:
            rotated, more_left, more_right = turned_singular_p.bind(s, p, left, right, c, c_t)
            inside = inside + rotated
            left, right = left * over + more_left, right * over + more_right
        return (broadcast_like((u @ inside + left) @ vh + u @ adjoint(right), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (a, u, s, vh, c) = cts, ins
        u, s, vh = _differentiable_factors(a, u, s, vh)
        right = ct @ vh.mT
        c_ct = None if needs[4] is None else unbroadcast(real(sum_along(u * right, -2)), c)
        if needs[0] is None:
            return (None, None, None, None, c_ct)
        left = u.mT @ ct
        x = u.mT @ right
        even, odd, over = singular_quotients(s, c)
        x_h = adjoint(x)
        mask, zero = undetermined(s, c), negligible_p(s)
        if needs[4] is None:
            zero = compare.logical_and(zero, compare.ne(c, 0))
            infinite = taint(self.who, mask, x, like=x)
        else:
            null, _ = null_pairs(s)
            pairs = off_diagonal(equal_p(s))
            infinite = taint(self.who, pairs, x + x_h, like=x) + taint(
                self.who, null, x - x_h, like=x
            )
        inside = 0.5 * (even * (x + x_h) + odd * (x - x_h)) + infinite
        right, left = right - conj(u) @ x, left - x @ conj(vh)
        right = right * over[..., None, :] + taint(self.who, zero[..., None, :], right, like=ct)
        left = left * over[..., :, None] + taint(self.who, zero[..., :, None], left, like=ct)
        whole = (conj(u) @ inside + right) @ conj(vh) + conj(u) @ left
        return (unbroadcast(whole, a), None, None, None, c_ct)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == {4}


def _differentiable_factors(a: Any, u: Any, s: Any, vh: Any) -> Sequence[Any]:
    """The factors that depend on A, if A is a tracer."""
    return svd_of_rules_p.bind(a, full=False) if isinstance(a, Tracer) else (u, s, vh)


class FixedSvd(SvdOfRules):
    """``Svd`` without a derivative, for ``SingularGradient``, which has that in A itself."""

    differentiable = False


class Svdvals(MatrixPrimitive):
    """The descending singular values alone; for equal ones see ``Eigvalsh``."""

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        return (np.linalg.svd(a, compute_uv=False),)

    def decompose(self, a: Any) -> Any:
        return svd_p.bind(a, full=False)[1:2]

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        shape = (*a.shape[:-2], min(a.shape[-2:]))
        return (Aval(shape, real_dtype(result_dtype(a))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        u, s, vh = svd_of_rules_p.bind(primals[0], full=False)
        return (singular_slopes_p(s, *in_basis(u, vh, tangents[0])),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        u, s, vh = fixed_svd_p.bind(ins[0], full=False)
        return (unbroadcast(conj(singular_gradient_p(ins[0], u, s, vh, cts[0])), ins[0]),)


def _rotated(moved: Any, first: Any, angle: Any) -> Any:
    """The tangent of vectors, the first of which rotate by an angle."""
    k, rotated = shape_of(first)[-1], first * angle
    if shape_of(moved)[-1] == k:
        return moved - rotated
    rank = len(shape_of(moved))
    return concatenate_p(moved[..., :k] - rotated, moved[..., k:], axis=rank - 1)


def _with_phases(u: Any, u_ct: Any, v: Any, v_ct: Any, k: int) -> tuple[Any, Any]:
    """The cotangents of U and V whose common phases keep a row of V, or of U, real."""
    along = sum(
        sum_along((ct * x)[..., :k], -2) for ct, x in ((u_ct, u), (v_ct, v)) if ct is not None
    )
    by_v = shape_of(u)[-2] >= shape_of(v)[-2]
    x, ct = (v, v_ct) if by_v else (u, u_ct)
    more = turning_ct(x[..., :k], along, 0)
    if shape_of(x)[-1] > k:
        more = concatenate_p(more, 0 * x[..., k:], axis=len(shape_of(x)) - 1)
    more = more if ct is None else ct + more
    return (u_ct, more) if by_v else (more, v_ct)


def _is_underdetermined(rest: Any) -> bool:
    """Whether orthonormal columns have more freedom than a sign."""
    count = shape_of(rest)[-1]
    return count > 1 or (count == 1 and ew.is_complex(rest))


svd_p = Svd("svd")
svd_of_rules_p = SvdOfRules("svd_of_rules")
fixed_svd_p = FixedSvd("fixed_svd")
singular_gradient_p = SingularGradient("singular_gradient")
svdvals_p = Svdvals("svdvals")
