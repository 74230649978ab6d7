"""Linear algebra: ``numpy.linalg``, matrix functions, and factorizations from SciPy.

The last two axes are matrices, the axes before them stacks of matrices.
"""

from ..core.lazy import publish as _publish
from ..numpy.linalg import (
    LinAlgError as LinAlgError,
    cholesky as cholesky,
    cond as cond,
    cross as cross,
    det as det,
    diagonal as diagonal,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    inv as inv,
    lstsq as lstsq,
    matmul as matmul,
    matrix_norm as matrix_norm,
    matrix_power as matrix_power,
    matrix_rank as matrix_rank,
    matrix_transpose as matrix_transpose,
    multi_dot as multi_dot,
    norm as norm,
    outer as outer,
    pinv as pinv,
    qr as qr,
    slogdet as slogdet,
    solve as solve,
    svd as svd,
    svdvals as svdvals,
    tensordot as tensordot,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
    trace as trace,
    vecdot as vecdot,
    vector_norm as vector_norm,
)
from .decompositions import (
    cho_factor as cho_factor,
    cho_solve as cho_solve,
    lu as lu,
    lu_factor as lu_factor,
    lu_solve as lu_solve,
    solve_triangular as solve_triangular,
)
from .matrix_functions import (
    expm as expm,
    expm_frechet as expm_frechet,
    inv_sqrtm as inv_sqrtm,
    logm as logm,
    matrix_function as matrix_function,
    polar as polar,
    sqrtm as sqrtm,
)
from .special_matrices import block_diag as block_diag, toeplitz as toeplitz

_publish(__name__)
