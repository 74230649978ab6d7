"""Entropies of samples, and power transformations with their log-likelihoods."""

import math
from typing import Any

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.errors import shown
from ...core.lazy import answering
from ...ops.operand import operand, promote_weak
from ...ops.structure import cast
from ...special import boxcox as boxcox_of, boxcox1p, entr, rel_entr
from ..optimize.scalars import minimize_scalar
from .summaries import Axis, sample, size_along


@answering
def entropy(
    pk: Any, qk: Any = None, base: float | None = None, axis: int = 0, *,
    nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Entropy of probabilities, or their Kullback-Leibler divergence from others.

    Args:
        pk, qk: weights >= 0, which are divided by their sums.
        base: of the logarithm, e by default.

    >>> print(entropy(np.array([1.0, 1.0]), base=2))
    1.0
    """
    normal = lambda a: a / np.sum(a, axis=axis, keepdims=True)
    p = normal(sample("entropy", pk, nan_policy))
    terms = entr(p) if qk is None else rel_entr(p, normal(sample("entropy", qk, nan_policy)))
    y = np.sum(terms, axis=axis, keepdims=keepdims)
    return y if base is None else y / math.log(base)


@answering
def differential_entropy(
    values: Any, *, window_length: int | None = None, base: float | None = None, axis: int = 0,
    method: str = "auto", nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Entropy of the density of a sample, by distances of its sorted elements.

    Args:
        window_length: int m, 1 <= m < n / 2, by default floor(sqrt(n) + 1/2).
        method: ``"vasicek"``, ``"van es"``, ``"ebrahimi"``, ``"correa"``, or ``"auto"``.

    Source: Vasicek 1976; van Es 1992; Ebrahimi, Pflughoeft & Soofi 1994; Correa 1995.

    >>> print(differential_entropy(np.arange(8.0)).round(6))
    2.316469
    """
    x = np.sort(np.moveaxis(sample("differential_entropy", values, nan_policy), axis, -1), axis=-1)
    n = shape_of(x)[-1]
    m = math.floor(math.sqrt(n) + 0.5) if window_length is None else int(window_length)
    if not 2 <= 2 * m < n:
        raise ValueError(f"differential_entropy: window_length must be from 1 to {(n - 1) // 2} "
                         f"for {n} elements: got {m}")  # fmt: skip
    if method == "auto":
        method = "van es" if n <= 10 else "ebrahimi" if n <= 1000 else "vasicek"
    estimates = {"vasicek": _vasicek, "van es": _van_es, "ebrahimi": _ebrahimi, "correa": _correa}
    if method not in estimates:
        raise ValueError(f"differential_entropy: method must be one of "
                         f"{', '.join(map(repr, estimates))}: got {shown(method)}")  # fmt: skip
    y = estimates[method](x, n, m)
    y = y if base is None else y / math.log(base)
    return np.expand_dims(y, axis) if keepdims else y


def _extended(x: Any, m: int) -> Any:
    """The sorted elements with the first and the last one repeated m times."""
    low, high = np.repeat(x[..., :1], m, axis=-1), np.repeat(x[..., -1:], m, axis=-1)
    return np.concatenate([low, x, high], axis=-1)


def _vasicek(x: Any, n: int, m: int) -> Any:
    x = _extended(x, m)
    return np.mean(np.log(n / (2 * m) * (x[..., 2 * m :] - x[..., : -2 * m])), axis=-1)


def _van_es(x: Any, n: int, m: int) -> Any:
    logs = np.log((n + 1) / m * (x[..., m:] - x[..., :-m]))
    return np.mean(logs, axis=-1) + float(np.sum(1 / np.arange(m, n + 1))) + math.log(m / (n + 1))


def _ebrahimi(x: Any, n: int, m: int) -> Any:
    x, i = _extended(x, m), np.arange(n)
    scale = np.minimum(1 + np.minimum(i, n - 1 - i) / m, 2)
    scale = cast(n / (scale * m), dtype_of(x))
    return np.mean(np.log(scale * (x[..., 2 * m :] - x[..., : -2 * m])), axis=-1)


def _correa(x: Any, n: int, m: int) -> Any:
    shift = np.arange(-m, m + 1)[:, None]
    near = _extended(x, m)[..., np.arange(n) + shift + m]
    shift = cast(shift, dtype_of(x))
    gap = near - np.mean(near, axis=-2, keepdims=True)
    slope = np.sum(gap * shift, axis=-2) / (n * np.sum(gap * gap, axis=-2))
    return -np.mean(np.log(slope), axis=-1)


def _positive_variance(y: Any, axis: Axis, keepdims: bool) -> Any:
    return np.log(np.var(y, axis=axis, keepdims=keepdims))


@answering
def boxcox_llf(
    lmb: Any, data: Any, *, axis: Axis = 0, keepdims: bool = False, nan_policy: str = "propagate"
) -> Any:
    """Log-likelihood of the parameter of a Box-Cox transformation, up to a constant.

    >>> print(boxcox_llf(1.0, np.array([1.0, 3.0])))
    0.0
    """
    x = sample("boxcox_llf", data, nan_policy)
    n, log = size_along(x, axis), np.sum(np.log(x), axis=axis, keepdims=keepdims)
    return (lmb - 1) * log - 0.5 * n * _positive_variance(boxcox_of(x, lmb), axis, keepdims)


@answering
def boxcox(x: Any, lmbda: Any = None) -> Any:
    """Box-Cox transformation; without ``lmbda`` by that of the largest likelihood, and this too.

    >>> print(boxcox(np.array([1.0, 4.0]), 0.5))
    [0. 2.]
    """
    x = sample("boxcox", x)
    if lmbda is not None:
        return boxcox_of(x, lmbda)
    best = minimize_scalar(lambda lmb: -boxcox_llf(lmb, x, axis=None), bracket=(-2.0, 2.0)).x
    return boxcox_of(x, best), best


def _yeojohnson(x: Any, lmbda: Any) -> Any:
    x, lmbda = promote_weak([x, operand(lmbda)])
    low = np.less(x, 0)
    y = boxcox1p(np.abs(x), np.where(low, 2 - lmbda, lmbda))
    return np.where(low, -y, y)


@answering
def yeojohnson_llf(
    lmb: Any, data: Any, *, axis: Axis = 0, nan_policy: str = "propagate", keepdims: bool = False
) -> Any:
    """Log-likelihood of the parameter of a Yeo-Johnson transformation, up to a constant.

    >>> print(yeojohnson_llf(1.0, np.array([0.0, 2 * np.e])).round(12))
    -2.0
    """
    x = sample("yeojohnson_llf", data, nan_policy)
    log = np.sum(np.sign(x) * np.log1p(np.abs(x)), axis=axis, keepdims=keepdims)
    spread = _positive_variance(_yeojohnson(x, lmb), axis, keepdims)
    return (lmb - 1) * log - 0.5 * size_along(x, axis) * spread


@answering
def yeojohnson(x: Any, lmbda: Any = None) -> Any:
    """Yeo-Johnson transformation; without ``lmbda`` by that of the largest likelihood, and this.

    >>> print(yeojohnson(np.array([-1.0, 3.0]), 1.0))
    [-1.  3.]
    """
    x = sample("yeojohnson", x)
    if lmbda is not None:
        return _yeojohnson(x, lmbda)
    best = minimize_scalar(lambda lmb: -yeojohnson_llf(lmb, x, axis=None), bracket=(-2.0, 2.0)).x
    return _yeojohnson(x, best), best
