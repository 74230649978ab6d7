"""Random vectors and matrices with dependent elements."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..ops.elementwise import unit
from ..ops.linalg.matrices import hermitian
from ..ops.linalg.root import sqrtm_p
from ..ops.operand import asarray
from ..ops.structure import cast
from .arguments import (
    RangeError,
    ShapeLike,
    as_shape,
    at_least_one_axis,
    common_shape,
    floating,
    parameter,
)
from .draws import normal
from .keys import Key, check_single


@answering
def multivariate_normal(
    key: Key,
    mean: Any,
    cov: Any,
    shape: ShapeLike | None = None,
    dtype: Any = None,
    method: str = "cholesky",
) -> Any:
    """Samples from the multivariate normal distribution: mean + L z with L L^H = cov.

    Args:
        key: a single key.
        mean: shape [..., N].
        cov: positive semidefinite, shape [..., N, N].
        shape: shape of the result without its last axis, N; by default the batch axes of the
            parameters, broadcast.
        dtype: floating; by default that of the parameters, as in JAX.
        method: "cholesky"; or "eigh" or "svd", the symmetric root, for which ``cov`` may be
            singular; its derivative is taken at constant rank.

    Raises:
        numpy.linalg.LinAlgError: if ``cov`` has no Cholesky factor.

    The samples are differentiable in both parameters.

    >>> from funcgrad.random import key
    >>> print(multivariate_normal(key(0), np.zeros(2), np.eye(2), (3,)).shape)
    (3, 2)
    """
    who = "random.multivariate_normal"
    if method not in ("cholesky", "eigh", "svd"):
        raise RangeError(f"{who}: method must be 'cholesky', 'eigh' or 'svd': got {method!r}")
    mean, cov = at_least_one_axis(who, "mean", asarray(mean)), asarray(cov)
    if dtype is None:
        dtype = np.result_type(dtype_of(mean), dtype_of(cov))
        dtype = dtype if dtype.kind in "fc" else np.float32
    dtype = floating(who, dtype)
    mean, cov = parameter(who, "mean", mean, dtype), parameter(who, "cov", cov, dtype)
    *lead, n = shape_of(mean)
    if shape_of(cov)[-2:] != (n, n):
        raise ShapeError(
            f"{who}: cov must have the shape [..., {n}, {n}]: got {aval_of(cov)}; of variances "
            f"write np.diag(cov)"
        )
    batches = {"mean": np.empty(lead, bool), "cov": np.empty(shape_of(cov)[:-2], bool)}
    shape = common_shape(who, shape, **batches)
    z = normal(check_single(who, key), (*shape, n), dtype)
    try:
        factor = _factor(cov, method)
    except np.linalg.LinAlgError as err:
        cure = "; method='eigh' takes a singular cov" if method == "cholesky" else ""
        raise np.linalg.LinAlgError(f"{who}: cov has no factor: {err}{cure}") from None
    return mean + (factor @ z[..., None])[..., 0]


def _factor(cov: Any, method: str) -> Any:
    """Matrix L with L L^H = cov."""
    if dtype_of(cov) == np.float16:
        return cast(_factor(cast(cov, np.float32), method), np.float16)
    if method == "cholesky":
        return np.linalg.cholesky(cov)
    a = hermitian(cov, "L")  # the triangle that cholesky reads
    return sqrtm_p(a, who="random.multivariate_normal", fixed_rank=True)


@answering
def orthogonal(
    key: Key, n: int, shape: ShapeLike = (), dtype: Any = np.float32, m: int | None = None
) -> Any:
    """Uniform (Haar) random matrices with orthonormal columns, or rows if they are fewer.

    Args:
        key: a single key.
        n: number of rows.
        shape: leading axes of the result.
        dtype: float32 or float64, or complex for unitary matrices.
        m: number of columns, by default n.

    Source: Mezzadri 2007, "How to generate random matrices from the classical compact groups",
    section 5.

    >>> from funcgrad.random import key
    >>> q = orthogonal(key(0), 3, dtype=np.float64)
    >>> bool(np.allclose(q @ q.T, np.eye(3)))
    True
    """
    who = "random.orthogonal"
    (n,), shape = as_shape(who, n), as_shape(who, shape)
    (m,) = (n,) if m is None else as_shape(who, m)
    z = normal(check_single(who, key), (*shape, max(n, m), min(n, m)), dtype)
    if dtype_of(z) == np.float16:
        z = cast(z, np.float32)
    q, r = np.linalg.qr(z)
    # the signs of QR are not unique; these make the distribution uniform
    q = q * unit(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    return cast(q.mT if n < m else q, np.float32 if dtype is None else dtype)
