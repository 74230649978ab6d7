"""Functions that distributions and their formulas share."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, is_inexact, shape_of
from ...core.errors import ConcretizationError, DtypeError
from ...core.trace import Tracer
from ...ops.operand import operand, promote_weak
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...special import betaln


def floating(*values: Any) -> list[Any]:
    """Operands as arrays of one floating dtype; Python scalars are weakly typed."""
    arrays = promote_weak([operand(x) for x in values])
    texts = [x for x in arrays if dtype_of(x).kind not in "biufc"]
    if texts:
        raise DtypeError(
            f"scipy.stats: parameters must be numbers: got {aval_of(texts[0])}; write float(x)"
        )
    dtype = np.result_type(*map(dtype_of, arrays))
    dtype = dtype if is_inexact(dtype) else np.dtype(np.float64)
    return [cast(x, dtype) for x in arrays]


def selected(mask: Any, x: Any, y: Any) -> Any:
    """np.where, but a scalar for scalars."""
    z = np.where(mask, x, y)
    return z if shape_of(z) else z[()]


def count(who: str, n: Any) -> int:
    """The largest of the numbers n of draws, which must be known."""
    n = stop_gradient(n)
    if isinstance(n, Tracer):
        raise ConcretizationError(
            f"{who}: n must be known: got {aval_of(n)} traced; pass an int, static under jit"
        )
    return int(np.max(n, initial=1, where=np.isfinite(n)))


def first_count(low: Any) -> Any:
    """The first integer of a support from ``low`` on, 0 where that is infinite."""
    return np.where(np.isinf(low), 0, low)


def log_choose(n: Any, k: Any) -> Any:
    """The logarithm of a binomial coefficient."""
    return -np.log1p(n) - betaln(n - k + 1, k + 1)


def log1p_over(x: Any, c: Any) -> Any:
    """log(1 + c x) / c, and x for c = 0."""
    zero = np.equal(c, 0)
    inner = np.where(zero, 1.0, c)
    return np.where(zero, x * (1 - 0.5 * c * x), np.log1p(inner * x) / inner)


def expm1_over(x: Any, c: Any) -> Any:
    """(exp(c x) - 1) / c, and x for c = 0."""
    zero = np.equal(c, 0)
    inner = np.where(zero, 1.0, c)
    return np.where(zero, x * (1 + 0.5 * c * x), np.expm1(inner * x) / inner)


def log1mexp(x: Any) -> Any:
    """log(1 - exp(-x)) for x > 0."""
    near = np.less(x, 0.7)
    far = np.log1p(-np.exp(-np.where(near, 1.0, x)))
    return np.where(near, np.log(-np.expm1(-np.where(near, x, 0.5))), far)


def less_sine(x: Any) -> Any:
    """x - sin(x) for x >= 0."""
    near = np.less(x, 1)
    square = np.where(near, x, 0) ** 2
    series: Any = 1
    for k in range(9, 1, -1):  # x^3/6 (1 - x^2/20 (1 - x^2/42 (1 - ...)))
        series = 1 - square / (2 * k * (2 * k + 1)) * series
    return np.where(near, x * square / 6 * series, x - np.sin(x))
