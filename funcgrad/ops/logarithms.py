"""The logistic function, and products with logarithms, as in entropies: 0 log 0 is 0."""

from typing import Any

import numpy as np

from .compare import eq, logical_and
from .elementwise import add, log, log1p, mul, neg, quotient, sech_square, sub, where
from .families import Elementwise
from .kernels import by_blocks, masked_update, polynomial


def _sigmoid(x: Any, out: Any = None) -> Any:
    with np.errstate(over="ignore"):  # exp(-x) = inf is right: the result is 0
        y = np.exp(np.negative(x, out), out)
    return np.reciprocal(np.add(y, 1, out), out)


def _logistic(x: Any) -> Any:
    return 1 / (np.exp(-x) + 1)


def _logit(p: Any) -> Any:
    y = np.log(p / (1 - p))
    middle = np.abs(p - 0.5) < 0.25  # where p / (1 - p) is near 1
    return masked_update(y, middle, lambda p: 2 * np.arctanh(2 * (p - 0.5)), p)


def _xlogy(x: Any, y: Any) -> Any:
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y))


def _xlog1py(x: Any, y: Any) -> Any:
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(y))


def _entr(x: Any) -> Any:
    return np.where(x < 0, -np.inf, np.where(x == 0, 0, -x * np.log(x)))


def log1pmx(x: Any) -> Any:
    """log(1 + x) - x; near 0 by the series of log(1 + x) = 2 artanh(r), r = x/(2 + x)."""
    y = np.log1p(x) - x

    def near(v: Any) -> Any:
        r = v / (2 + v)
        return r * (2 * r * r * polynomial(ARTANH, r * r) - v)

    return masked_update(y, (x > -0.4) & (x < 0.6), near, x)


def _log_ratio(x: Any, y: Any) -> Any:
    """log(x / y), accurate where it is near 0."""
    ratio = x / y
    log = np.log(ratio)
    near, extreme = (ratio > 0.5) & (ratio < 2), (ratio == 0) | (ratio == np.inf)
    log = masked_update(log, near, lambda x, y: np.log1p((x - y) / y), x, y)
    return masked_update(log, extreme, lambda x, y: np.log(x) - np.log(y), x, y)


def _rel_entr(x: Any, y: Any) -> Any:
    return _where_defined(x, y, x * _log_ratio(x, y), 0)


def _kl_div(x: Any, y: Any) -> Any:
    both = x * _log_ratio(x, y) - x + y
    ratio = (y - x) / x
    near = (ratio > -0.4) & (ratio < 0.6)
    both = masked_update(both, near, lambda x, ratio: -x * log1pmx(ratio), x, ratio)
    both = masked_update(both, np.isinf(x) | np.isinf(y), lambda: np.inf)
    return _where_defined(x, y, both, y)


def _where_defined(x: Any, y: Any, both: Any, none: Any) -> Any:
    """``both`` where x, y > 0, ``none`` where x = 0 and y >= 0, inf elsewhere."""
    inside = (x > 0) & (y > 0)
    z = np.where(inside, both, np.where((x == 0) & (y >= 0), none, np.inf))
    return np.where(np.isnan(x) | np.isnan(y), np.nan, z)


def _ratio(x: Any, y: Any) -> Any:
    """x / y, the derivative of x log y in y; 0 / 0 is 0."""
    return quotient(x, where(logical_and(eq(x, 0), eq(y, 0)), 1, y))


# fmt: off
ARTANH = tuple([1 / (2 * k + 3) for k in range(13, -1, -1)])

sigmoid  = Elementwise("sigmoid", _sigmoid, lambda t, y, x: mul(t, mul(y, sub(1, y))),
                       decompose=_logistic)
# sigmoid whose derivative is accurate in both tails, at twice the time
tailed_sigmoid = Elementwise("tailed_sigmoid", _sigmoid,
                             lambda t, y, x: mul(t, mul(0.25, sech_square(mul(0.5, x)))),
                             decompose=_logistic)
logit    = Elementwise("logit", by_blocks(_logit, _logit),
                       lambda t, y, p: add(quotient(t, p), quotient(t, sub(1, p))))
xlogy    = Elementwise("xlogy", by_blocks(_xlogy, _xlogy),
                       lambda t, z, x, y: mul(t, log(y)),
                       lambda t, z, x, y: mul(t, _ratio(x, y)))
xlog1py  = Elementwise("xlog1py", by_blocks(_xlog1py, _xlog1py),
                       lambda t, z, x, y: mul(t, log1p(y)),
                       lambda t, z, x, y: mul(t, _ratio(x, add(1, y))))
entr     = Elementwise("entr", by_blocks(_entr, _entr),
                       lambda t, y, x: neg(mul(t, add(log(x), 1))))
rel_entr = Elementwise("rel_entr", by_blocks(_rel_entr, _rel_entr),
                       lambda t, z, x, y: mul(t, add(sub(log(x), log(y)), 1)),
                       lambda t, z, x, y: neg(mul(t, _ratio(x, y))))
kl_div   = Elementwise("kl_div", by_blocks(_kl_div, _kl_div),
                       lambda t, z, x, y: mul(t, sub(log(x), log(y))),
                       lambda t, z, x, y: mul(t, sub(1, _ratio(x, y))))
# fmt: on
