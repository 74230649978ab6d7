"""Functions of Hermitian matrices, f(A) = V f(w) V*, with derivatives of every order.

They use divided differences of f, which are defined for equal eigenvalues, and no derivative of
eigenvectors. One primitive serves all orders.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, broadcast_shapes, dtype_of, real_dtype
from ...core.errors import ShapeError, UnsupportedError
from ...core.frames import warn
from ...core.trace import Tracer
from ..families import broadcast_like, unbroadcast
from .matrices import MatrixPrimitive, adjoint, result_dtype

LETTERS = "abcdefgh"


class Scalar(Protocol):
    """A hashable elementwise function of real arrays, with its derivatives."""

    def __call__(self, x: np.ndarray, order: int) -> Any: ...


class MatrixFunction(MatrixPrimitive):
    """The k-th derivative of f(A) in k directions E; f(A) itself without directions.

    V* D^k f(A)[E_1, ..., E_k] V is the sum over permutations of the directions, P = V* E V, of
    f[w_a, w_b, ..., w_z] P1_ab P2_b. ... over the inner indices. tr(C D^k f(A)[...]) is symmetric
    in C and all directions, so that the cotangent of one is the derivative with C in its place.
    Source: Higham 2008, Functions of matrices, theorem 3.11 and problem 3.6 (Daleckii and Krein).
    """

    @override
    def run(self, a: Any, *directions: Any, function: Scalar) -> tuple[Any, ...]:
        w, v = np.linalg.eigh(a)
        v_h, k = np.conjugate(v.mT), len(directions)
        table = divided_differences(function, w, k)
        if not np.isfinite(table).all() and np.isfinite(a).all():
            warn(f"matrix_function: {_not_finite(k)}", RuntimeWarning)
        if not k:
            return ((v * table[..., None, :]) @ v_h,)
        rotated = [v_h @ e @ v for e in directions]
        names = [f"...{LETTERS[i : i + 2]}" for i in range(k)]
        path = f"...{LETTERS[: k + 1]},{','.join(names)}->...{LETTERS[0]}{LETTERS[k]}"
        y: Any = 0
        for order in itertools.permutations(rotated):
            y = y + np.einsum(path, table, *order, optimize=k > 1)
        return (v @ y @ v_h,)

    @override
    def infer(self, a: Aval, *directions: Aval, function: Scalar) -> tuple[Aval, ...]:
        shape = broadcast_shapes(a.shape, *(e.shape for e in directions))
        value = values(function, np.ones(1, real_dtype(result_dtype(a))), 0)
        return (Aval(shape, np.result_type(result_dtype(a, *directions), value)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, function: Scalar) -> Sequence[Any]:
        terms = []
        if tangents[0] is not None:
            terms.append(self(*primals, tangents[0], function=function))
        for i, t in enumerate(tangents[1:], 1):
            if t is not None:
                terms.append(self(*primals[:i], t, *primals[i + 1 :], function=function))
        return (broadcast_like(sum(terms[1:], start=terms[0]), outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, function: Scalar) -> Sequence[Any]:
        ct = cts[0].mT
        found: list[Any] = [None] * len(ins)
        if needs[0] is not None:
            found[0] = unbroadcast(self(*ins, ct, function=function).mT, ins[0])
        for i in range(1, len(ins)):
            if needs[i] is not None:
                y = self(*ins[:i], ct, *ins[i + 1 :], function=function).mT
                found[i] = unbroadcast(y, ins[i])
        return found

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return len(operands) == 1 and 0 not in operands


def _not_finite(k: int) -> str:
    what = "value" if k == 0 else f"derivative of order {k}"
    return f"f has no finite {what} at an eigenvalue, so the result is not finite"


def values(function: Scalar, x: Any, order: int) -> Any:
    """f, or a derivative of f, of a real array.

    Raises:
        ShapeError: if f is not elementwise.
        UnsupportedError: if f closes over a traced value.
    """
    with np.errstate(all="ignore"):
        y = function(x, order)
    if isinstance(y, Tracer):
        raise UnsupportedError(
            f"matrix_function: f depends on a traced value besides its argument: got "
            f"{dtype_of(y)}{list(y.shape)}; multiply by it outside of f"
        )
    if np.shape(y) != x.shape:
        raise ShapeError(
            f"matrix_function: f must be elementwise: got {list(np.shape(y))} for {list(x.shape)}"
        )
    return np.asarray(y)


def divided_differences(function: Scalar, w: Any, k: int) -> Any:
    """The divided differences f[w_a, w_b, ...] for all choices of k + 1 of the ascending w.

    Each is a quotient of two of lower order, (f[x_1, ..., x_m] - f[x_0, ..., x_m-1]) / (x_m - x_0),
    or the Taylor series around the mean, where the two agree within the rounding error of the
    quotient. So there is no threshold for gaps, and a kink of f is resolved up to rounding.
    """
    n = w.shape[-1]
    f = values(function, w, 0)
    if k == 0:
        return f
    places = np.sort(np.indices((n,) * (k + 1)), axis=0)
    x = [w[..., places[j]] for j in range(k + 1)]
    with np.errstate(all="ignore"):
        eps = float(np.finfo(w.dtype).eps)
        error = eps * (np.abs(f) + np.nan_to_num(np.abs(w * values(function, w, 1)), posinf=0.0))
        table = [f[..., places[j]] for j in range(k + 1)]
        errors = [error[..., places[j]] for j in range(k + 1)]
        for m in range(1, k + 1):
            rows = [
                _difference(function, x[j : j + m + 1], table[j : j + 2], errors[j : j + 2], eps)
                for j in range(k + 1 - m)
            ]
            table, errors = [y for y, _ in rows], [e for _, e in rows]
    return table[0]


def _difference(function: Scalar, x: list[Any], f: list[Any], errors: list[Any], eps: float) -> Any:
    """One divided difference, and a bound of its rounding error."""
    m = len(x) - 1
    gap = x[-1] - x[0]
    quotient = (f[1] - f[0]) / gap
    error = (errors[0] + errors[1]) / gap + eps * np.abs(quotient)
    mean = sum(x[1:], start=x[0]) / (m + 1)
    series = values(function, mean, m) / math.factorial(m)
    spread = sum((y - mean) ** 2 for y in x) / 2
    more = values(function, mean, m + 2) / math.factorial(m + 2) * spread
    near = (gap == 0) | (np.abs(quotient - series - more) <= 8 * error)
    y = np.where(near, np.where(gap == 0, series, series + more), quotient)
    return y, np.where(near, 8 * eps * np.abs(y), error)


class HermitianPart(MatrixPrimitive):
    """(A + A*) / 2 of a matrix that is Hermitian up to rounding and finite differences."""

    @override
    def run(self, a: Any, *, who: str) -> tuple[Any, ...]:
        distance = np.abs(a - np.conjugate(a.mT)).max(initial=0)
        if distance > 1e-3 * np.abs(a).max(initial=0):
            raise np.linalg.LinAlgError(
                f"{who}: the matrix must be Hermitian: it differs from its conjugate transpose by "
                f"{distance:.2g}; use its Hermitian part, (a + a.conj().mT) / 2"
            )
        return ((a + np.conjugate(a.mT)) / 2,)

    def decompose(self, a: Any, *, who: str) -> Any:
        return ((a + adjoint(a)) / 2,)

    @override
    def infer(self, a: Aval, *, who: str) -> tuple[Aval, ...]:
        return (Aval(a.shape, result_dtype(a)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, who: str) -> Sequence[Any]:
        return (0.5 * (tangents[0] + adjoint(tangents[0])),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, who: str) -> Sequence[Any]:
        return (unbroadcast(0.5 * (cts[0] + adjoint(cts[0])), ins[0]),)


matrix_function_p = MatrixFunction("matrix_function")
hermitian_part_p = HermitianPart("hermitian_part")
