"""Matrix factorizations and Fourier transforms in JAX."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .rules import ROWS, At, row


def _inexact(at: At, x: Any, place: int = 0) -> Any:
    return jnp.asarray(x, at.outs[place].dtype)


@row("cholesky")
def _cholesky(at: At, a: Any, *, upper: bool) -> Any:
    a = _inexact(at, a)
    y = jnp.linalg.cholesky(a, upper=upper, symmetrize_input=False)
    at.faults.add("cholesky", jnp.any(jnp.isnan(y)) & jnp.all(jnp.isfinite(a)))
    return y


@row("solve")
def _solve(at: At, a: Any, b: Any) -> Any:
    """By LU factors; nan for a singular matrix."""
    a, b = _inexact(at, a), _inexact(at, b)
    stack = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b))
    lu, _, rows = lax.linalg.lu(a)
    zero = jnp.diagonal(lu, axis1=-2, axis2=-1) == 0
    at.faults.add("singular", jnp.any(zero))
    lu = lu + jnp.where(jnp.eye(a.shape[-1], dtype=bool), zero[..., None, :], 0).astype(lu.dtype)
    b = jnp.take_along_axis(b, rows[..., None], -2)
    y = lax.linalg.triangular_solve(lu, b, left_side=True, lower=True, unit_diagonal=True)
    x = lax.linalg.triangular_solve(lu, y, left_side=True)
    return jnp.where(jnp.any(zero, -1)[..., None, None], jnp.nan, x)


ROWS["lu"] = lambda at, a: lax.linalg.lu(_inexact(at, a))
ROWS["svd"] = lambda at, a, *, full: jnp.linalg.svd(_inexact(at, a), full_matrices=full)
ROWS["eig"] = lambda at, a: jnp.linalg.eig(jnp.asarray(a, at.outs[0].dtype))


@row("qr")
def _qr(at: At, a: Any, *, complete: bool) -> Any:
    return jnp.linalg.qr(_inexact(at, a), "complete" if complete else "reduced")


@row("eigh")
def _eigh(at: At, a: Any, *, uplo: str) -> Any:
    return jnp.linalg.eigh(_inexact(at, a, 1), UPLO=uplo, symmetrize_input=False)


@row("solve_triangular")
def _solve_triangular(at: At, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
    a, b = _inexact(at, a), _inexact(at, b)
    is_vector = b.ndim == 1
    b = b[:, None] if is_vector else b
    stack = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b))
    y = lax.linalg.triangular_solve(a, b, left_side=True, lower=lower, unit_diagonal=unit)
    return y[:, 0] if is_vector else y


# Fourier transforms in the precision of the result: JAX takes small integers in single precision


@row("fft")
def _fft(at: At, x: Any, *, axis: int, norm: str | None, inverse: bool) -> Any:
    return (jnp.fft.ifft if inverse else jnp.fft.fft)(_inexact(at, x), axis=axis, norm=norm)


@row("rfft")
def _rfft(at: At, x: Any, *, axis: int, norm: str | None) -> Any:
    real = np.zeros(0, at.dtype).real.dtype
    return jnp.fft.rfft(jnp.asarray(x, real), axis=axis, norm=norm)


@row("irfft")
def _irfft(at: At, x: Any, *, n: int, axis: int, norm: str | None) -> Any:
    wide = np.result_type(at.dtype, np.complex64)
    return jnp.fft.irfft(jnp.asarray(x, wide), n, axis=axis, norm=norm)
