"""Linear algebra under SciPy's names.

Where the signatures of NumPy and SciPy differ, this is SciPy's: ``cholesky`` is upper triangular
by default.
"""

from typing import Any, Literal

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering, publish as _publish
from ..linalg import (
    LinAlgError as LinAlgError,
    block_diag as block_diag,
    cho_factor as cho_factor,
    cho_solve as cho_solve,
    det as det,
    eig as eig,
    eigvals as eigvals,
    expm as expm,
    expm_frechet as expm_frechet,
    inv as inv,
    lstsq as lstsq,
    lu as lu,
    lu_factor as lu_factor,
    lu_solve as lu_solve,
    norm as norm,
    pinv as pinv,
    polar as polar,
    solve_triangular as solve_triangular,
    svd as svd,
    svdvals as svdvals,
    toeplitz as toeplitz,
)
from ..ops import elementwise as ew
from ..ops.linalg.matrices import adjoint
from ..ops.operand import operand, strong
from ..ops.structure import cast
from .banded import (
    cho_solve_banded as cho_solve_banded,
    cholesky_banded as cholesky_banded,
    eig_banded as eig_banded,
    eigh_tridiagonal as eigh_tridiagonal,
    eigvals_banded as eigvals_banded,
    eigvalsh_tridiagonal as eigvalsh_tridiagonal,
    solve_banded as solve_banded,
    solveh_banded as solveh_banded,
)
from .factors import (
    cdf2rdf as cdf2rdf,
    ldl as ldl,
    qr_delete as qr_delete,
    qr_insert as qr_insert,
    qr_update as qr_update,
)
from .orthogonal import (
    bandwidth as bandwidth,
    diagsvd as diagsvd,
    ishermitian as ishermitian,
    issymmetric as issymmetric,
    khatri_rao as khatri_rao,
    null_space as null_space,
    orth as orth,
    orthogonal_procrustes as orthogonal_procrustes,
    pinvh as pinvh,
    qr as qr,
    qr_multiply as qr_multiply,
    rq as rq,
    subspace_angles as subspace_angles,
)
from .riccati import (
    solve_continuous_are as solve_continuous_are,
    solve_discrete_are as solve_discrete_are,
)
from .schur import (
    coshm as coshm,
    cosm as cosm,
    expm_cond as expm_cond,
    fractional_matrix_power as fractional_matrix_power,
    funm as funm,
    hessenberg as hessenberg,
    logm as logm,
    rsf2csf as rsf2csf,
    schur as schur,
    signm as signm,
    sinhm as sinhm,
    sinm as sinm,
    solve_continuous_lyapunov as solve_continuous_lyapunov,
    solve_discrete_lyapunov as solve_discrete_lyapunov,
    solve_lyapunov as solve_lyapunov,
    solve_sylvester as solve_sylvester,
    sqrtm as sqrtm,
    tanhm as tanhm,
    tanm as tanm,
)
from .structured import (
    circulant as circulant,
    companion as companion,
    convolution_matrix as convolution_matrix,
    dft as dft,
    fiedler as fiedler,
    fiedler_companion as fiedler_companion,
    hadamard as hadamard,
    hankel as hankel,
    helmert as helmert,
    hilbert as hilbert,
    invhilbert as invhilbert,
    invpascal as invpascal,
    leslie as leslie,
    matmul_toeplitz as matmul_toeplitz,
    pascal as pascal,
    solve_circulant as solve_circulant,
    solve_toeplitz as solve_toeplitz,
)

__all__ = [
    "LinAlgError", "bandwidth", "block_diag", "cdf2rdf", "cho_factor", "cho_solve",
    "cho_solve_banded", "cholesky", "cholesky_banded", "circulant", "companion",
    "convolution_matrix", "coshm", "cosm", "det", "dft", "diagsvd", "eig", "eig_banded", "eigh",
    "eigh_tridiagonal", "eigvals", "eigvals_banded", "eigvalsh", "eigvalsh_tridiagonal", "expm",
    "expm_cond", "expm_frechet", "fiedler", "fiedler_companion", "fractional_matrix_power",
    "funm", "hadamard", "hankel", "helmert", "hessenberg", "hilbert", "inv", "invhilbert",
    "invpascal", "ishermitian", "issymmetric", "khatri_rao", "ldl", "leslie", "logm", "lstsq",
    "lu", "lu_factor", "lu_solve", "matmul_toeplitz", "norm", "null_space", "orth",
    "orthogonal_procrustes", "pascal", "pinv", "pinvh", "polar", "qr", "qr_delete", "qr_insert",
    "qr_multiply", "qr_update", "rq", "rsf2csf", "schur", "signm", "sinhm", "sinm", "solve",
    "solve_banded", "solve_circulant", "solve_continuous_are", "solve_continuous_lyapunov",
    "solve_discrete_are", "solve_discrete_lyapunov", "solve_lyapunov", "solve_sylvester",
    "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm", "subspace_angles", "svd",
    "svdvals", "tanhm", "tanm", "toeplitz",
]  # fmt: skip


def _matrix(who: str, a: Any, square: bool = True) -> Any:
    a = strong(operand(a))
    a = a if is_inexact(dtype_of(a)) else cast(a, np.float64)
    if len(shape_of(a)) != 2 or (square and shape_of(a)[0] != shape_of(a)[1]):
        kind = "a square matrix" if square else "a matrix"
        raise ShapeError(f"{who}: expected {kind}: got {aval_of(a)}")
    return a


@answering
def cholesky(a: Any, lower: bool = False) -> Any:
    """Cholesky factor U with ``U^H U = a``, or L with ``L L^H = a``.

    Args:
        a: positive definite matrices, shape [..., N, N], of which one triangle is read.
        lower: whether to return L, from the lower triangle.

    Raises:
        LinAlgError: if a matrix is not positive definite.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 10.0]]))
    array([[2., 1.],
           [0., 3.]])
    """
    return np.linalg.cholesky(operand(a), upper=not lower)


@answering
def solve(
    a: Any, b: Any, lower: bool = False, *, assume_a: str | None = None, transposed: bool = False
) -> Any:
    """Solution of ``a x = b``, or ``a^T x = b``.

    Args:
        a: matrices, shape [..., N, N].
        b: a vector of length N, or matrices of shape [..., N, K].
        lower: whether to read the lower triangle of ``a``, if ``assume_a`` is not ``"gen"``.
        assume_a: ``"gen"``; ``"sym"``; ``"her"`` or ``"pos"`` for Hermitian matrices.
        transposed: whether to solve with the transpose.

    Raises:
        LinAlgError: if a matrix is singular.

    >>> solve(np.array([[2.0, 1.0], [9.0, 2.0]]), np.array([3.0, 3.0]), assume_a="sym")
    array([1., 1.])
    """
    a, kinds = operand(a), {None: 0, "gen": 0, "sym": 1, "her": 2, "pos": 2}
    if assume_a not in kinds:
        raise ValueError(
            f"solve: assume_a must be 'gen', 'sym', 'her' or 'pos': got {shown(assume_a)}"
        )
    if kinds[assume_a]:
        a = _mirrored(a, lower, conjugate=kinds[assume_a] == 2)
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


@answering
def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False) -> Any:
    """Eigenvalues, ascending, and eigenvectors of ``a v = w v``, or of ``a v = w b v``.

    Args:
        a: Hermitian matrices, shape [..., N, N], of which one triangle is read.
        b: positive definite matrices of the same shape; then ``v^H b v = 1``.
        lower: whether to read the lower triangle.
        eigvals_only: whether to return the eigenvalues alone.

    Raises:
        LinAlgError: if ``b`` is not positive definite.

    >>> eigh(np.diag([2.0, 12.0]), np.diag([1.0, 4.0]), eigvals_only=True)
    array([2., 3.])
    """
    a = operand(a)
    uplo: Literal["L", "U"] = "L" if lower else "U"
    if b is None:
        return np.linalg.eigvalsh(a, uplo) if eigvals_only else np.linalg.eigh(a, uplo)
    factor = cholesky(b, lower=True) if lower else adjoint(cholesky(b))
    half = solve_triangular(factor, _mirrored(a, lower), lower=True)
    inner = solve_triangular(factor, adjoint(half), lower=True)
    if eigvals_only:
        return np.linalg.eigvalsh(inner)
    values, vectors = np.linalg.eigh(inner)
    return values, solve_triangular(factor, vectors, trans="C", lower=True)


@answering
def eigvalsh(a: Any, b: Any = None, *, lower: bool = True) -> Any:
    """Eigenvalues of Hermitian matrices; see :func:`eigh`.

    >>> eigvalsh(np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([1., 2.])
    """
    return eigh(a, b, lower=lower, eigvals_only=True)


def _mirrored(a: Any, lower: bool, conjugate: bool = True) -> Any:
    """Hermitian, or symmetric, matrices from one triangle."""
    a = operand(a)
    half = np.tril(a, -1) if lower else np.triu(a, 1)
    other = adjoint(half) if conjugate else np.swapaxes(half, -1, -2)
    diagonal = ew.real(a) if conjugate and ew.is_complex(a) else a
    return half + other + np.where(np.eye(shape_of(a)[-1], dtype=bool), diagonal, 0)


_publish(__name__)
