"""The product of the exponential of a sparse matrix with vectors."""

from typing import Any

import numpy as np

from ...control.loops import fori_loop
from ...core.avals import dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...core.trace import Tracer
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...sparse.matrix import CSR, csr

_TERMS = 30  # of a Taylor series, exact to rounding up to this norm:
_NORM = 3.5  # Al-Mohy & Higham 2011, table 3.1


@answering
def expm_multiply(
    A: Any, B: Any, start: Any = None, stop: Any = None, num: int | None = None,  # noqa: N803
    endpoint: bool | None = None, traceA: Any = None,  # noqa: N803
) -> Any:  # fmt: skip
    """Product exp(A) B, or exp(t A) B at times t, without exp(A); differentiable in both.

    Args:
        A: a CSR, an array or a sparse matrix of SciPy's, [n, n].
        B: shape [n] or [n, k].
        start, stop, num, endpoint: times, as of numpy.linspace; results are stacked.
        traceA: without effect.

    Source: Al-Mohy & Higham 2011, "Computing the action of the matrix exponential" (SIAM J. Sci.
    Comput. 33), with a fixed number of terms.

    >>> print(expm_multiply(np.diag([0.0, 1.0]), np.ones(2)).round(6))
    [1.       2.718282]
    """
    a: Any = A if isinstance(A, CSR) else csr(A) if hasattr(A, "tocsr") else operand(A)
    b = strong(operand(B))
    n = shape_of(b)[0]
    if a.shape != (n, n):
        raise ShapeError(f"expm_multiply: A must be {n} by {n} for B: got {a.shape}")
    dtype = np.result_type(dtype_of(b), a.dtype)
    b = cast(b, dtype if is_inexact(dtype) else np.float64)
    if start is None and stop is None and num is None:
        return _action(a, b, 1.0)
    times, step = np.linspace(
        0.0 if start is None else start, 1.0 if stop is None else stop,
        50 if num is None else num, True if endpoint is None else endpoint, retstep=True,
    )  # fmt: skip
    rows = [_action(a, b, times[0])]
    for _ in range(len(times) - 1):
        rows.append(_action(a, rows[-1], step))
    return np.stack(rows)


def _action(a: Any, b: Any, t: Any) -> Any:
    """exp(t A) b: the series of (t A - mu) / s, s times, with the mean mu of the diagonal."""
    n = a.shape[0]
    mean = np.sum(a.diagonal()) / n if isinstance(a, CSR) else np.trace(a) / n
    norm = _norm(a) * np.abs(stop_gradient(t)) + np.abs(stop_gradient(t * mean))
    steps = np.maximum(np.ceil(norm / _NORM), 1)
    count = steps if isinstance(steps, Tracer) else int(steps)

    def improve(_: Any, b: Any) -> Any:
        term = total = b
        for k in range(1, _TERMS + 1):
            term = (t / steps / k) * (a @ term - mean * term)
            total = total + term
        return cast(np.exp(t * mean / steps) * total, dtype_of(b))

    if isinstance(count, Tracer):
        return fori_loop(0, cast(count, np.int64), improve, b)
    return fori_loop(0, count, improve, b)


def _norm(a: Any) -> Any:
    """The largest sum of absolute values of a column."""
    if not isinstance(a, CSR):
        return np.max(np.sum(np.abs(stop_gradient(a)), axis=0))
    size = CSR(np.abs(stop_gradient(a.data)), a.pattern)
    return np.max(np.ones(a.shape[0]) @ size, initial=0)
