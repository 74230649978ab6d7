"""Losses that are primitives: binary cross-entropy of probabilities and of logits, log cosh."""

import math
from typing import Any

import numpy as np

from .compare import gt
from .elementwise import add, div, maximum, mul, neg, sub, tailed_tanh, where
from .families import Elementwise
from .logarithms import tailed_sigmoid


def _clamped_log(x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100)


def _binary_cross_entropy(p: Any, y: Any) -> Any:
    if np.any((p < 0) | (p > 1)):
        raise ValueError(
            f"binary_cross_entropy: probabilities must be in [0, 1]: got {np.min(p)} to "
            f"{np.max(p)}; for logits use binary_cross_entropy_with_logits"
        )
    return _unchecked(p, y)


def _unchecked(p: Any, y: Any) -> Any:
    with np.errstate(divide="ignore"):
        no = np.maximum(np.log1p(np.negative(p)), -100)
    return -(y * _clamped_log(p) + (1 - y) * no)


def _curvature(p: Any, y: Any) -> Any:
    q = sub(1, p)
    return add(div(y, mul(p, p)), div(sub(1, y), mul(q, q)))


def _sigmoid_binary_cross_entropy(x: Any, y: Any) -> Any:
    # -y log s(x) - (1 - y) log s(-x), as log s(x) = min(x, 0) - log1p(exp(-|x|))
    rest = np.log1p(np.exp(np.negative(np.abs(x))))
    return y * np.maximum(np.negative(x), 0) + (1 - y) * np.maximum(x, 0) + rest


binary_cross_entropy_slope_p: Elementwise

# fmt: off
clamped_log_p = Elementwise("clamped_log", _clamped_log,
    lambda t, v, x: div(t, maximum(x, 1e-12)), decompose=True)
# a quotient, because -y/p + (1 - y)/(1 - p) cancels; the derivatives in p are the same
binary_cross_entropy_slope_p = Elementwise("binary_cross_entropy_slope",
    lambda p, y: (p - y) / np.maximum(p * (1 - p), 1e-12),
    lambda t, v, p, y: mul(t, where(gt(mul(p, sub(1, p)), 1e-12), _curvature(p, y), 1e12)),
    lambda t, v, p, y: neg(div(t, maximum(mul(p, sub(1, p)), 1e-12))), decompose=True)
binary_cross_entropy_p = Elementwise("binary_cross_entropy", _binary_cross_entropy,
    lambda t, v, p, y: mul(t, binary_cross_entropy_slope_p(p, y)),
    lambda t, v, p, y: mul(t, sub(clamped_log_p(sub(1, p)), clamped_log_p(p))),
    decompose=_unchecked)
sigmoid_binary_cross_entropy_p = Elementwise(
    "sigmoid_binary_cross_entropy", _sigmoid_binary_cross_entropy,
    lambda t, v, x, y: mul(t, sub(tailed_sigmoid(x), y)),
    lambda t, v, x, y: neg(mul(t, x)), decompose=True)
# fmt: on


def _log_cosh(x: Any) -> Any:
    size = np.abs(x)
    near = np.log1p(2 * np.square(np.sinh(np.minimum(size, 1) / 2)))  # accurate at 1e-30 too
    return np.where(size < 1, near, size + np.log1p(np.exp(-2 * size)) - math.log(2.0))


log_cosh_p = Elementwise(
    "log_cosh", _log_cosh, lambda t, y, x: mul(t, tailed_tanh(x)), decompose=True
)
