"""Matrix decompositions, with NumPy's named results."""

import functools
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.errors import UnsupportedError
from ..core.trace import Tracer, is_concrete
from ..ops import compare, elementwise as ew
from ..ops.linalg.cholesky import cholesky_p
from ..ops.linalg.eig import eig_p, eigvals_p
from ..ops.linalg.eigh import eigh_p, eigvalsh_p
from ..ops.linalg.matrices import adjoint, as_matrices, as_square_matrices
from ..ops.linalg.qr import qr_p
from ..ops.linalg.svd import svd_p, svdvals_p
from ..ops.operand import operand
from ..ops.reduce import any_p, argsort_p, flip, gather_along_axis
from ..ops.structure import broadcast_to
from .dispatch import implements


@functools.lru_cache(256)
def named_result(function: Any) -> Any:
    """Type of the named tuple that a NumPy function returns, which is not public in NumPy.

    It is found at first use, because the first call of LAPACK takes milliseconds.
    """
    return type(function(np.ones((1, 1))))


@implements("linalg.cholesky")
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Cholesky factor of a positive definite matrix; see numpy.linalg.cholesky.

    NumPy reads one triangle alone, so the gradient lies in that triangle.
    """
    return cholesky_p(as_square_matrices(a), upper=bool(upper))


@implements("linalg.qr")
def qr(a: Any, mode: str = "reduced") -> Any:
    """Factor into orthonormal columns and an upper triangle; see numpy.linalg.qr.

    Traced arrays cannot have the mode ``"raw"``. ``"complete"`` has no derivative if there are
    more rows than columns, because its last columns are not unique.
    """
    a = operand(a)
    if not isinstance(a, Tracer):
        return np.linalg.qr(a, mode)  # type: ignore[call-overload]
    modes = {"f": "reduced", "full": "reduced"}
    mode = modes.get(mode, mode)
    if mode in ("raw", "e", "economic"):
        raise UnsupportedError(
            f"linalg.qr: mode {mode!r} is not supported for traced arrays; use 'reduced' or 'r'"
        )
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = qr_p.bind(as_matrices(a), complete=mode == "complete")
    return r if mode == "r" else named_result(np.linalg.qr)(q, r)


@implements("linalg.svd")
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Singular value decomposition; see numpy.linalg.svd.

    Singular vectors of equal or zero singular values have no derivative: it is nan, with a
    warning. A function of the whole singular subspace, as ``u @ vh``, has a gradient.
    """
    if hermitian:
        return _svd_of_hermitian(a, compute_uv)
    a = as_matrices(a)
    if not compute_uv:
        return svdvals_p(a)
    return named_result(np.linalg.svd)(*svd_p.bind(a, full=bool(full_matrices)))


def _svd_of_hermitian(a: Any, compute_uv: bool) -> Any:
    """SVD from the eigendecomposition, in descending order of |eigenvalue|."""
    w, u = eigh(a) if compute_uv else (eigvalsh(a), None)
    axis = len(shape_of(w)) - 1
    order = flip(argsort_p(ew.abs(w), axis=axis, kind=None), -1)
    s = gather_along_axis(ew.abs(w), order, axis)
    if not compute_uv:
        return s
    sign = gather_along_axis(ew.copysign(1.0, w), order, axis)
    u = gather_along_axis(u, broadcast_to(order[..., None, :], shape_of(u)), axis + 1)
    return named_result(np.linalg.svd)(u, s, adjoint(u * sign[..., None, :]))


@implements("linalg.svdvals")
def svdvals(x: Any, /) -> Any:
    """Singular values, the largest first; see numpy.linalg.svdvals."""
    return svdvals_p(as_matrices(x))


@implements("linalg.eigh")
def eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803, NumPy's name
    """Eigenvalues and eigenvectors of a Hermitian matrix; see numpy.linalg.eigh.

    NumPy reads one triangle alone, so the gradient lies in that triangle. Eigenvectors of equal
    eigenvalues have no derivative: it is nan, with a warning. A function of the whole eigenspace
    has a gradient. For functions of the matrix see ``funcgrad.linalg.matrix_function``.
    """
    w, v = eigh_p.bind(as_square_matrices(a), uplo=_triangle(UPLO))
    return named_result(np.linalg.eigh)(w, v)


@implements("linalg.eigvalsh")
def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803, NumPy's name
    """Eigenvalues of a Hermitian matrix; see numpy.linalg.eigvalsh."""
    return eigvalsh_p(as_square_matrices(a), uplo=_triangle(UPLO))


def _triangle(uplo: str) -> str:
    if uplo.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return uplo.upper()


@implements("linalg.eig")
def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors; see numpy.linalg.eig.

    Under ``jit`` and ``vmap`` they are complex even where all are real, because values are unknown.
    Eigenvectors of equal eigenvalues, and a defective matrix, have no derivative: it is nan, with
    a warning.
    """
    a = as_square_matrices(a)
    w, v = eig_p.bind(a)
    return named_result(np.linalg.eig)(*((ew.real(w), ew.real(v)) if _all_real(a, w) else (w, v)))


@implements("linalg.eigvals")
def eigvals(a: Any) -> Any:
    """Eigenvalues, complex under ``jit``; see numpy.linalg.eigvals."""
    a = as_square_matrices(a)
    w = eigvals_p(a)
    return ew.real(w) if _all_real(a, w) else w


def _all_real(a: Any, w: Any) -> bool:
    """Whether the eigenvalues of a real matrix are known and real."""
    if ew.is_complex(a):
        return False
    turns = any_p(compare.ne(ew.imag(w), 0), axes=tuple(range(len(shape_of(w)))))
    return is_concrete(turns) and not turns
