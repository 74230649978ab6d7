"""Factorisations of matrices, with NumPy's named results."""

import functools
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.errors import UnsupportedError
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.linalg.cholesky import cholesky_p
from ..ops.linalg.eig import eig_p, eigvals_p
from ..ops.linalg.eigh import eigh_p, eigvalsh_p
from ..ops.linalg.matrices import adjoint, matrices, squares
from ..ops.linalg.qr import qr_p
from ..ops.linalg.svd import svd_p, svdvals_p
from ..ops.operand import operand
from ..ops.reduce import any_p, argsort_p, flip, take_along
from ..ops.structure import broadcast_to
from ..transforms.arguments import is_known
from .dispatch import implements


@functools.lru_cache(256)
def named(function: Any) -> Any:
    """Return the type of the named tuples that a NumPy function gives, which NumPy does not show.

    It is asked for when it is needed, because the first call of LAPACK takes milliseconds.
    """
    return type(function(np.ones((1, 1))))


@implements("linalg.cholesky")
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Return the Cholesky factor of a positive definite matrix; see numpy.linalg.cholesky.

    As NumPy reads one triangle alone, so the gradient lies in that triangle.
    """
    return cholesky_p(squares(a), upper=bool(upper))


@implements("linalg.qr")
def qr(a: Any, mode: str = "reduced") -> Any:
    """Factor into orthonormal columns and an upper triangle; see numpy.linalg.qr.

    Of traced arrays the mode ``"raw"`` is refused, and ``"complete"`` has no derivative where
    there are more rows than columns, because its last columns are not determined.
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
    q, r = qr_p.bind(matrices(a), complete=mode == "complete")
    return r if mode == "r" else named(np.linalg.qr)(q, r)


@implements("linalg.svd")
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Return the singular value decomposition; see numpy.linalg.svd.

    The vectors of equal or zero singular values have no derivative: it is nan, with a warning, but
    for gradients of functions of whole spaces of vectors alone, as ``u @ vh`` is.
    """
    if hermitian:
        return _svd_of_hermitian(a, compute_uv)
    a = matrices(a)
    if not compute_uv:
        return svdvals_p(a)
    return named(np.linalg.svd)(*svd_p.bind(a, full=bool(full_matrices)))


def _svd_of_hermitian(a: Any, compute_uv: bool) -> Any:
    """Return the decomposition from that into eigenvectors, by falling absolute eigenvalue."""
    w, u = eigh(a) if compute_uv else (eigvalsh(a), None)
    axis = len(shape_of(w)) - 1
    order = flip(argsort_p(ew.abs(w), axis=axis, kind=None), -1)
    s = take_along(ew.abs(w), order, axis)
    if not compute_uv:
        return s
    sign = take_along(ew.copysign(1.0, w), order, axis)
    u = take_along(u, broadcast_to(order[..., None, :], shape_of(u)), axis + 1)
    return named(np.linalg.svd)(u, s, adjoint(u * sign[..., None, :]))


@implements("linalg.svdvals")
def svdvals(x: Any, /) -> Any:
    """Return the singular values, the largest first; see numpy.linalg.svdvals."""
    return svdvals_p(matrices(x))


@implements("linalg.eigh")
def eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803, NumPy's name
    """Return eigenvalues and eigenvectors of a Hermitian matrix; see numpy.linalg.eigh.

    As NumPy reads one triangle alone, so the gradient lies in that triangle. The vectors of equal
    eigenvalues have no derivative: it is nan, with a warning, but for gradients of functions of
    whole eigenspaces alone. For functions of the matrix see ``funcgrad.linalg.matrix_function``.
    """
    w, v = eigh_p.bind(squares(a), uplo=_triangle(UPLO))
    return named(np.linalg.eigh)(w, v)


@implements("linalg.eigvalsh")
def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803, NumPy's name
    """Return the eigenvalues of a Hermitian matrix; see numpy.linalg.eigvalsh."""
    return eigvalsh_p(squares(a), uplo=_triangle(UPLO))


def _triangle(uplo: str) -> str:
    if uplo.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return uplo.upper()


@implements("linalg.eig")
def eig(a: Any) -> Any:
    """Return eigenvalues and eigenvectors; see numpy.linalg.eig.

    A program, which knows no values, gives them as complex numbers even where all are real, and
    so does vmap. The vectors of equal eigenvalues have no derivative, nor has a matrix that has too
    few eigenvectors: it is nan, with a warning.
    """
    a = squares(a)
    w, v = eig_p.bind(a)
    return named(np.linalg.eig)(*((ew.real(w), ew.real(v)) if _all_real(a, w) else (w, v)))


@implements("linalg.eigvals")
def eigvals(a: Any) -> Any:
    """Return the eigenvalues; see numpy.linalg.eigvals. In a program they are complex."""
    a = squares(a)
    w = eigvals_p(a)
    return ew.real(w) if _all_real(a, w) else w


def _all_real(a: Any, w: Any) -> bool:
    """Return whether eigenvalues of a real matrix are known, and known to be real."""
    if ew.is_complex(a):
        return False
    turns = any_p(compare.ne(ew.imag(w), 0), axes=tuple(range(len(shape_of(w)))))
    return is_known(turns) and not turns
