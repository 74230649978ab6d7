"""Schur forms and functions of general matrices, under SciPy's names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, UnsupportedError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..linalg import expm, expm_frechet
from ..ops.linalg.general_function import (
    general_function_p,
    hessenberg_p,
    real_schur_p,
    schur_p,
    sylvester_p,
)
from ..ops.linalg.matrices import adjoint, as_matrices, as_square_matrices
from ..ops.linalg.schur import function_by_blocks, logarithm, square_root
from ..transforms.jet import taylor


@dataclass(frozen=True)
class _Root:
    name: str = "sqrtm"

    def of_matrix(self, a: np.ndarray) -> Any:
        return square_root(a)


@dataclass(frozen=True)
class _Logarithm:
    name: str = "logm"

    def of_matrix(self, a: np.ndarray) -> Any:
        return logarithm(a)


@dataclass(frozen=True)
class _Elementwise:
    """An analytic function of complex numbers, as a function of matrices."""

    function: Callable[[Any], Any]
    name: str = "funm"

    def of_matrix(self, a: np.ndarray) -> Any:
        return function_by_blocks(a, self.series)

    def series(self, x: complex, count: int) -> Any:
        """The first Taylor coefficients at x."""
        if count == 1:
            return self._value(np.array([x]))
        return np.asarray(taylor(self._value, count - 1)(np.array([x])))[:, 0]

    def _value(self, x: Any) -> Any:
        y = self.function(x)
        if isinstance(y, Tracer) and not isinstance(x, Tracer):
            raise UnsupportedError(
                "funm: func depends on a traced value besides its argument; multiply outside of it"
            )
        if shape_of(y) != shape_of(x):
            raise ShapeError(
                f"funm: func must be elementwise: got {aval_of(y)} for {aval_of(x)}; "
                f"write it with NumPy's ufuncs"
            )
        return y


def _function(who: Any, a: Any) -> Any:
    return general_function_p(as_square_matrices(a), function=who)


@answering
def sqrtm(a: Any) -> Any:
    """Principal square root of matrices.

    Args:
        a: shape [..., N, N]. Of a real matrix with a negative eigenvalue the root is complex: it is
            nan with a warning; cast ``a`` to complex. At a singular matrix it has no derivative.

    Source: Björck & Hammarling 1983, by the Schur form; derivatives of every order by block
    matrices (Higham & Relton 2014), exact at equal eigenvalues.

    >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]])).round(6)
    array([[2., 0.],
           [0., 3.]])
    """
    return _function(_Root(), a)


@answering
def logm(a: Any) -> Any:
    """Principal logarithm of matrices.

    Args:
        a: shape [..., N, N]. Of a real matrix with a negative eigenvalue the logarithm is complex:
            it is nan with a warning; cast ``a`` to complex.

    Source: Higham 2008, "Functions of matrices", algorithm 11.9.

    >>> logm(np.array([[1.0, 2.0], [0.0, 1.0]])).round(6)
    array([[0., 2.],
           [0., 0.]])
    """
    return _function(_Logarithm(), a)


@answering
def funm(a: Any, func: Callable[[Any], Any]) -> Any:
    """Analytic function of matrices, right at equal eigenvalues too.

    Args:
        a: shape [..., N, N]; of a real matrix the result is real, or nan with a warning.
        func: elementwise function of complex arrays, of NumPy's functions and operators. It may not
            close over values that are differentiated.

    Source: Davies & Higham 2003, by the Schur form and Taylor series of blocks of eigenvalues.

    >>> funm(np.array([[1.0, 1.0], [0.0, 1.0]]), np.exp).round(6)
    array([[2.718282, 2.718282],
           [0.      , 2.718282]])
    """
    return _function(_Elementwise(func), a)


@answering
def expm_cond(A: Any) -> Any:  # noqa: N803
    """Relative condition number of the exponential of a matrix, in the Frobenius norm.

    It is the 2-norm of all N^2 directional derivatives, in O(N^5).

    >>> print(expm_cond(np.eye(2)).round(6))
    1.0
    """
    a = as_square_matrices(A)
    n = shape_of(a)[-1]
    directions = np.eye(n * n, dtype=dtype_of(a)).reshape(n * n, n, n)
    every = np.broadcast_to(a, shape_of(directions))
    slopes = np.reshape(expm_frechet(every, directions, compute_expm=False), (n * n, n * n))
    return np.linalg.norm(slopes, 2) * np.linalg.norm(a) / np.linalg.norm(expm(a))


@answering
def cosm(a: Any) -> Any:
    """Cosine of matrices.

    >>> cosm(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    a = as_square_matrices(a)
    if dtype_of(a).kind != "c":
        return np.real(expm(1j * a))
    return 0.5 * (expm(1j * a) + expm(-1j * a))


@answering
def sinm(a: Any) -> Any:
    """Sine of matrices.

    >>> sinm(np.zeros((1, 1)))
    array([[0.]])
    """
    a = as_square_matrices(a)
    if dtype_of(a).kind != "c":
        return np.imag(expm(1j * a))
    return -0.5j * (expm(1j * a) - expm(-1j * a))


@answering
def tanm(a: Any) -> Any:
    """Tangent of matrices.

    >>> tanm(np.zeros((1, 1)))
    array([[0.]])
    """
    return np.linalg.solve(cosm(a), sinm(a))


@answering
def coshm(a: Any) -> Any:
    """Hyperbolic cosine of matrices.

    >>> coshm(np.zeros((1, 1)))
    array([[1.]])
    """
    a = as_square_matrices(a)
    return 0.5 * (expm(a) + expm(-a))


@answering
def sinhm(a: Any) -> Any:
    """Hyperbolic sine of matrices.

    >>> sinhm(np.zeros((1, 1)))
    array([[0.]])
    """
    a = as_square_matrices(a)
    return 0.5 * (expm(a) - expm(-a))


@answering
def tanhm(a: Any) -> Any:
    """Hyperbolic tangent of matrices.

    >>> tanhm(np.zeros((1, 1)))
    array([[0.]])
    """
    return np.linalg.solve(coshm(a), sinhm(a))


@answering
def signm(a: Any) -> Any:
    """Sign of matrices: a times the inverse square root of its square.

    >>> signm(np.diag([2.0, -3.0])).round(6)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    a = as_square_matrices(a)
    return np.linalg.solve(sqrtm(a @ a), a)


@answering
def fractional_matrix_power(a: Any, t: float) -> Any:
    """Power of matrices of any real exponent: exp(t log(a)), or products for an integer.

    >>> fractional_matrix_power(np.diag([4.0, 9.0]), 0.5).round(6)
    array([[2., 0.],
           [0., 3.]])
    """
    if not isinstance(t, Tracer) and float(t).is_integer():
        return np.linalg.matrix_power(as_square_matrices(a), int(t))
    return expm(t * logm(a))


@answering
def schur(a: Any, output: str = "real") -> tuple[Any, Any]:
    """Schur form ``a = z @ t @ z*`` with t upper triangular and z unitary.

    Args:
        a: matrices, shape [..., N, N].
        output: "real" or "complex", of a real matrix. In the real form z is orthogonal, and t has a
            block of 2 rows on its diagonal for each pair of complex eigenvalues.

    It has no derivative.

    >>> t, z = schur(np.array([[0.0, 2.0], [-8.0, 0.0]]))
    >>> print(np.allclose(z @ t @ z.T, [[0.0, 2.0], [-8.0, 0.0]]))
    True
    """
    a = as_square_matrices(a)
    if output not in ("real", "complex"):
        raise ValueError(f"schur: output must be 'real' or 'complex': got {shown(output)}")
    real = output == "real" and dtype_of(a).kind != "c"
    t, z = (real_schur_p if real else schur_p).bind(a)
    return t, z


@answering
def rsf2csf(T: Any, Z: Any) -> tuple[Any, Any]:  # noqa: N803
    """The complex Schur form of a matrix from its real one.

    Args:
        T, Z: the real form, each of shape [..., N, N].

    >>> t, z = rsf2csf(*schur(np.array([[0.0, 2.0], [-8.0, 0.0]])))
    >>> print(abs(t[1, 0]), np.sort(np.diag(t).imag))
    0.0 [-4.  4.]
    """
    t, z = (
        x.astype(np.result_type(dtype_of(x), np.complex64)) for x in map(as_square_matrices, (T, Z))
    )
    for i in range(shape_of(t)[-1] - 2, -1, -1):
        a, b = t[..., i, i], t[..., i, i + 1]
        c, d = t[..., i + 1, i], t[..., i + 1, i + 1]
        half = 0.5 * (a - d)
        x = half + np.sqrt(half * half + b * c)  # the first eigenvalue of the block, less d
        size = np.sqrt(np.abs(x) ** 2 + np.abs(c) ** 2)
        inside = np.abs(c) > np.finfo(dtype_of(t)).eps * (np.abs(a) + np.abs(d))
        size = np.where(inside, size, 1)
        x, c = np.where(inside, x / size, 1), np.where(inside, c / size, 0)
        turn = np.stack([np.stack([np.conj(x), c], -1), np.stack([-c, x], -1)], -2)
        rows = turn @ t[..., i : i + 2, :]
        t = np.concatenate([t[..., :i, :], rows, t[..., i + 2 :, :]], -2)
        back = adjoint(turn)
        t = np.concatenate([t[..., :i], t[..., i : i + 2] @ back, t[..., i + 2 :]], -1)
        z = np.concatenate([z[..., :i], z[..., i : i + 2] @ back, z[..., i + 2 :]], -1)
    return np.triu(t), z


@answering
def hessenberg(a: Any, calc_q: bool = False) -> Any:
    """Hessenberg form ``a = q @ h @ q*``, 0 below the first subdiagonal; with q if ``calc_q``.

    It has no derivative.

    >>> hessenberg(np.eye(2))
    array([[1., 0.],
           [0., 1.]])
    """
    h, q = hessenberg_p.bind(as_square_matrices(a))
    return (h, q) if calc_q else h


@answering
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solution X of the Sylvester equation ``a X + X b = q``.

    Args:
        a: shape [..., M, M].
        b: shape [..., N, N].
        q: shape [..., M, N].

    Raises:
        LinAlgError: if an eigenvalue of ``a`` is the negative of one of ``b``.

    Source: Bartels & Stewart 1972, by Schur forms.

    >>> solve_sylvester(np.eye(2), 2 * np.eye(2), np.ones((2, 2))).round(6)
    array([[0.333333, 0.333333],
           [0.333333, 0.333333]])
    """
    a, b, q = as_square_matrices(a), as_square_matrices(b), as_matrices(q)
    if shape_of(q)[-2:] != (shape_of(a)[-1], shape_of(b)[-1]):
        raise ShapeError(
            f"solve_sylvester: q must have as many rows as a, and columns as b: got {aval_of(q)}, "
            f"{aval_of(a)} and {aval_of(b)}; transpose one"
        )
    return sylvester_p(a, b, q)


@answering
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """Solution X of ``a X + X a* = q``.

    >>> solve_continuous_lyapunov(np.array([[2.0]]), np.array([[8.0]]))
    array([[2.]])
    """
    return solve_sylvester(a, adjoint(as_square_matrices(a)), q)


solve_lyapunov = solve_continuous_lyapunov


@answering
def solve_discrete_lyapunov(a: Any, q: Any) -> Any:
    """Solution X of ``a X a* - X + q = 0``, by the bilinear transformation.

    Source: Popov 1964; Gajić & Qureshi 1995, "Lyapunov matrix equation".

    >>> solve_discrete_lyapunov(np.array([[0.5]]), np.array([[3.0]])).round(6)
    array([[4.]])
    """
    a, q = as_square_matrices(a), as_square_matrices(q)
    eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    inverse = np.linalg.inv(adjoint(a) + eye)
    b = (adjoint(a) - eye) @ inverse
    c = 2 * adjoint(inverse) @ q @ inverse
    return solve_sylvester(adjoint(b), b, -c)
