"""Matrices and Fourier transforms: the extensions ``linalg`` and ``fft`` of the standard."""

from typing import Any

import numpy as np

from .forms import FORMS, form
from .namespaces import Operation


@form("cholesky")
def _cholesky(at: Operation, a: Any, *, upper: bool) -> Any:
    """Of the triangle that NumPy reads."""
    a = at.array(a, at.dtype)
    half = at("triu", a) if upper else at("tril", a)
    rest = _adjoint(at, at("triu", a, k=1) if upper else at("tril", a, k=-1))
    return at("linalg.cholesky", half + rest, upper=upper)


def _adjoint(at: Operation, a: Any) -> Any:
    a = at("matrix_transpose", a)
    return at("conj", a) if at.outs[-1].dtype.kind == "c" else a


@form("qr")
def _qr(at: Operation, a: Any, *, complete: bool) -> Any:
    mode = "complete" if complete else "reduced"
    return tuple(at("linalg.qr", at.array(a, at.dtype), mode=mode))


@form("svd")
def _svd(at: Operation, a: Any, *, full: bool) -> Any:
    return tuple(at("linalg.svd", at.array(a, at.dtype), full_matrices=full))


@form("eigh")
def _eigh(at: Operation, a: Any, *, uplo: str) -> Any:
    """Of the triangle that NumPy reads; the standard's function may read the other."""
    a = at.array(a, at.outs[1].dtype)
    half = at("triu", a, k=1) if uplo == "U" else at("tril", a, k=-1)
    return tuple(at("linalg.eigh", half + _adjoint(at, half) + at("tril", at("triu", a))))


@form("solve")
def _solve(at: Operation, a: Any, b: Any) -> Any:
    return at("linalg.solve", at.array(a, at.dtype), at.array(b, at.dtype))


@form("solve_triangular")
def _solve_triangular(at: Operation, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
    a, b = at.array(a, at.dtype), at.array(b, at.dtype)
    a = at("tril", a) if lower else at("triu", a)
    if unit:
        eye = at.array(np.eye(a.shape[-1], dtype=bool), bool)
        a = at("where", eye, at("ones_like", a), a)
    if b.ndim == 1:
        return at("reshape", at("linalg.solve", a, at("reshape", b, (-1, 1))), tuple(b.shape))
    return at("linalg.solve", a, b)


FORMS["inv"] = lambda at, a: at("linalg.inv", at.array(a, at.dtype))


@form("inverse_if_any")
def _inverse_if_any(at: Operation, a: Any) -> Any:
    """The inverse, or the pseudo-inverse of a singular matrix."""
    a = at.array(a, at.dtype)
    singular = at("linalg.slogdet", a)[1] == -float("inf")
    if not bool(at("any", singular)):
        return at("linalg.inv", a)
    mask, eye = singular[..., None, None], at.array(np.eye(a.shape[-1]), at.dtype)
    regular = at("linalg.inv", at("where", mask, eye, a))
    return at("where", mask, at("linalg.pinv", a, rtol=1e-15), regular)


FORMS["det"] = lambda at, a: at("linalg.det", at.array(a, at.dtype))


@form("slogdet")
def _slogdet(at: Operation, a: Any) -> Any:
    return tuple(at("linalg.slogdet", at.array(a, at.outs[0].dtype)))


@form("fft")
def _fft(at: Operation, x: Any, *, axis: int, norm: str | None, inverse: bool) -> Any:
    name = "fft.ifft" if inverse else "fft.fft"
    return at(name, at.array(x, at.dtype), axis=axis, norm=norm or "backward")


@form("rfft")
def _rfft(at: Operation, x: Any, *, axis: int, norm: str | None) -> Any:
    return at("fft.rfft", *at.own(x), axis=axis, norm=norm or "backward")


@form("irfft")
def _irfft(at: Operation, x: Any, *, n: int, axis: int, norm: str | None) -> Any:
    x = at.array(x, np.result_type(at.dtype, np.complex64))
    return at("fft.irfft", x, n=n, axis=axis, norm=norm or "backward")
