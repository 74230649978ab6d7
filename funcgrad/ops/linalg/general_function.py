"""Functions of matrices that need not be Hermitian, with derivatives of every order.

The k-th derivative of f(A) in directions E_1, ..., E_k is a corner of f of a block triangular
matrix (Higham & Relton 2014, "Higher order Fréchet derivatives of matrix functions", SIAM J. Matrix
Anal. Appl. 35, theorem 3.5). It is symmetric in its directions, as that of ``MatrixFunction``.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, aval_of, broadcast_shapes
from ...core.errors import UnsupportedError
from ...core.frames import warn
from ..families import unbroadcast
from ..structure import cast
from .matrices import MatrixPrimitive, result_dtype
from .matrix_function import MatrixFunction
from .real_schur import real_schur_form
from .schur import hessenberg_form, schur_form, sylvester_of_triangles
from .schur_decompositions import COMPLEX, hessenberg_of, schur_of, sylvester_of


class OfMatrix(Protocol):
    """A hashable analytic function of one matrix, in complex numbers."""

    name: str

    def of_matrix(self, a: np.ndarray) -> Any: ...


class GeneralFunction(MatrixFunction):
    """D^k f(A)[E_1, ..., E_k]; real for real operands."""

    @override
    def run(self, a: Any, *directions: Any, function: Any) -> tuple[Any, ...]:
        shape = broadcast_shapes(a.shape, *(e.shape for e in directions))
        kind, n = result_dtype(a, *directions), shape[-1]
        operands = [np.broadcast_to(x, shape).astype(complex) for x in (a, *directions)]
        y = np.empty(shape, complex)
        with np.errstate(all="ignore"):
            for at in np.ndindex(shape[:-2]):
                if n:
                    y[at] = _corner(function, *[x[at] for x in operands])
        if kind.kind != "c":
            y = _real_part(function.name, y)
        return (y.astype(kind),)

    @override
    def infer(self, a: Aval, *directions: Aval, function: Any) -> tuple[Aval, ...]:
        shape = broadcast_shapes(a.shape, *(e.shape for e in directions))
        return (Aval(shape, result_dtype(a, *directions)),)


def _corner(function: OfMatrix, a: Any, *directions: Any) -> Any:
    n, x = len(a), a
    for i, e in enumerate(directions):
        size = 2**i
        x = np.kron(np.eye(2), x) + np.kron(np.eye(2, k=1), np.kron(np.eye(size), e))
    if not np.isfinite(x).all():
        return np.full_like(a, np.nan)
    return function.of_matrix(x)[:n, -n:]


def _real_part(name: str, y: Any) -> Any:
    if not np.isfinite(y).all():
        warn(f"{name}: the matrix is singular, or not finite: the result is nan", RuntimeWarning)
        return y.real
    size = np.abs(y).max(initial=0)
    if np.abs(y.imag).max(initial=0) <= 1e-6 * size:
        return y.real
    warn(
        f"{name}: of this real matrix it is complex, so it is nan; cast a to complex",
        RuntimeWarning,
    )
    return np.full(y.shape, np.nan)


class Sylvester(MatrixPrimitive):
    """X with A X + X B = C, by Schur forms of A and B (Bartels & Stewart 1972).

    dX solves the same equation with dC - dA X - X dB, and the cotangent of C is Y with
    A^T Y + Y B^T = ct: those of A and B are -Y X^T and -X^T Y.
    """

    @override
    def run(self, a: Any, b: Any, c: Any) -> tuple[Any, ...]:
        stack = broadcast_shapes(a.shape[:-2], b.shape[:-2], c.shape[:-2])
        kind = result_dtype(a, b, c)
        a, b, c = (np.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b, c))
        x = np.empty(c.shape, complex)
        for at in np.ndindex(stack):
            t, u = schur_form(a[at])
            s, v = schur_form(b[at])
            x[at] = u @ sylvester_of_triangles(t, s, u.conj().T @ c[at] @ v) @ v.conj().T
        return ((x if kind.kind == "c" else x.real).astype(kind),)

    def decompose(self, a: Any, b: Any, c: Any) -> Any:
        kind = result_dtype(a, b, c)
        a, b, c = (cast(v, COMPLEX) for v in (a, b, c))
        x = sylvester_of(a, b, c, schur_p.bind)
        return (cast(x if kind.kind == "c" else x.real, kind),)

    @override
    def infer(self, a: Aval, b: Aval, c: Aval) -> tuple[Aval, ...]:
        stack = broadcast_shapes(a.shape[:-2], b.shape[:-2], c.shape[:-2])
        return (Aval((*stack, *c.shape[-2:]), result_dtype(a, b, c)),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        (a, b, _), (da, db, dc), (x,) = primals, tangents, outs
        terms = [] if dc is None else [dc]
        terms += [] if da is None else [-(da @ x)]
        terms += [] if db is None else [-(x @ db)]
        return (self(a, b, sum(terms[1:], start=terms[0])),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (a, b, c), (x,) = ins, outs
        y = self(a.mT, b.mT, cts[0])
        found = (
            None if needs[0] is None else unbroadcast(-(y @ x.mT), a),
            None if needs[1] is None else unbroadcast(-(x.mT @ y), b),
            None if needs[2] is None else unbroadcast(y, c),
        )
        return found

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands == frozenset({2})


class Form(MatrixPrimitive):
    """A Schur or the Hessenberg form, and the unitary matrix; without a derivative."""

    def form(self, a: Any) -> Any:
        """The form of one matrix, a new array in the dtype of the result."""
        raise self.missing("form")

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        outs = [np.empty(a.shape, aval.dtype) for aval in self.infer(aval_of(a))]
        for at in np.ndindex(a.shape[:-2]):
            for y, x in zip(outs, self.form(a[at].astype(outs[0].dtype)), strict=True):
                y[at] = x
        return tuple(outs)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        aval = Aval(a.shape, result_dtype(a))
        return aval, aval

    @override
    def count(self, **params: Any) -> int:
        return 2

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        raise UnsupportedError(
            f"{self.name}: its derivative is not implemented; use funm, or stop_gradient"
        )

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        return self.jvp(ins, cts, outs)


class Schur(Form):
    """The complex Schur form."""

    @override
    def form(self, a: Any) -> Any:
        return schur_form(a)

    def decompose(self, a: Any) -> Any:
        dtype = np.result_type(result_dtype(a), np.complex64)
        return [cast(x, dtype) for x in schur_of(cast(a, COMPLEX))]

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        aval = Aval(a.shape, np.result_type(result_dtype(a), np.complex64))
        return aval, aval


class RealSchur(Form):
    """The real Schur form."""

    @override
    def form(self, a: Any) -> Any:
        return real_schur_form(a)


class Hessenberg(Form):
    """The Hessenberg form."""

    @override
    def form(self, a: Any) -> Any:
        return hessenberg_form(a)

    def decompose(self, a: Any) -> Any:
        return hessenberg_of(cast(a, result_dtype(a)))


general_function_p = GeneralFunction("general_function")
sylvester_p = Sylvester("sylvester")
schur_p = Schur("schur")
real_schur_p = RealSchur("real_schur")
hessenberg_p = Hessenberg("hessenberg")
