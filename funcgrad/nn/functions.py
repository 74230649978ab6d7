"""Activation functions, softmax, standardization and one-hot encoding, for arrays and tracers.

Names, defaults and formulas are those of ``jax.nn``; they are elementwise unless said otherwise.
Values and gradients are finite for abs(x) <= 1e4, in float32 and float64.
"""

import math
import operator
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import DtypeError, shown
from ..core.integers import not_integers
from ..core.lazy import answering
from ..ops.activations import relu_p
from ..ops.operand import half_in_single, operand
from ..ops.special import erfc
from ..special.exponentials import (
    log_softmax as _log_softmax,
    logsumexp as logsumexp,
    softmax as _softmax,
)
from ..special.logarithms import expit, log_expit


@answering
def relu(x: Any) -> Any:
    """Elementwise max(x, 0); the derivative at 0 is 0.

    >>> print(relu(np.array([-1.0, 0.0, 2.0])))
    [0. 0. 2.]
    """
    return relu_p(operand(x))


@answering
def relu6(x: Any) -> Any:
    """Elementwise min(max(x, 0), 6).

    >>> print(relu6(np.array([-1.0, 2.0, 8.0])))
    [0. 2. 6.]
    """
    return np.minimum(relu(x), 6)


@answering
def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    """Elementwise x for x >= 0, negative_slope * x for x < 0; the derivative at 0 is 1.

    >>> print(leaky_relu(np.array([-1.0, 2.0])))
    [-0.01  2.  ]
    """
    x = operand(x)
    return np.where(x >= 0, x, negative_slope * x)


sigmoid, log_sigmoid = expit, log_expit


@answering
def softplus(x: Any) -> Any:
    """Elementwise log(1 + exp(x)).

    >>> print(softplus(np.array([-1e4, 0.0, 1e4])))
    [0.00000000e+00 6.93147181e-01 1.00000000e+04]
    """
    return np.logaddexp(operand(x), 0)


@half_in_single
@answering
def squareplus(x: Any, b: Any = 4) -> Any:
    """Elementwise (x + sqrt(x**2 + b)) / 2, a softplus without exponentials.

    Source: Barron 2021, equation 1 (arXiv:2112.11687).

    >>> print(squareplus(np.array([-1e4, 0.0, 1.5])).round(3))
    [0. 1. 2.]
    """
    x = 1.0 * operand(x)
    far = 0.5 * (np.abs(x) + np.hypot(x, b**0.5))
    return np.where(x < 0, 0.25 * b / far, far)  # the sum would cancel for x < 0


@answering
def tanh(x: Any) -> Any:
    """Elementwise hyperbolic tangent; see numpy.tanh.

    >>> print(tanh(np.array([0.0, 100.0])))
    [0. 1.]
    """
    return np.tanh(x)


@half_in_single
@answering
def gelu(x: Any, approximate: bool | str = True) -> Any:
    """Elementwise x * Phi(x), with Phi the normal distribution function.

    Args:
        x: array, any shape.
        approximate: True or "tanh" for 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))), with an
            error of at most 4.8e-4; False or "none" for 0.5 x erfc(-x / sqrt(2)).

    Raises:
        ValueError: if ``approximate`` is something else.

    Source: Hendrycks & Gimpel 2016, section 2 (arXiv:1606.08415).

    >>> print(gelu(np.array([-1.0, 1.0]), approximate=False))
    [-0.15865525  0.84134475]
    """
    x = operand(x)
    if approximate is False or approximate == "none":
        return 0.5 * x * erfc(x * -math.sqrt(0.5))
    if approximate is True or approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    raise ValueError(
        f"gelu: approximate must be True, False, 'tanh' or 'none': got {shown(approximate)}"
        "; write approximate='tanh'"
    )


@answering
def silu(x: Any) -> Any:
    """Elementwise x * sigmoid(x), also known as swish.

    >>> print(silu(np.array([0.0, 1.0])).round(4))
    [0.     0.7311]
    """
    return operand(x) * sigmoid(x)


swish = silu


@half_in_single
@answering
def mish(x: Any) -> Any:
    """Elementwise x * tanh(softplus(x)).

    >>> print(mish(np.array([0.0, 1.0])).round(4))
    [0.     0.8651]
    """
    return operand(x) * np.tanh(softplus(x))


@answering
def elu(x: Any, alpha: Any = 1.0) -> Any:
    """Elementwise x for x > 0, alpha * (exp(x) - 1) elsewhere.

    >>> print(elu(np.array([-1.0, 2.0])).round(4))
    [-0.6321  2.    ]
    """
    x = operand(x)
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x)))


@answering
def celu(x: Any, alpha: Any = 1.0) -> Any:
    """Elementwise x for x > 0, alpha * (exp(x / alpha) - 1) elsewhere.

    >>> print(celu(np.array([-1.0, 2.0]), 0.5).round(4))
    [-0.4323  2.    ]
    """
    x = operand(x)
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x) / alpha))


@answering
def selu(x: Any) -> Any:
    """Elementwise 1.05... * elu(x, 1.67...), which keeps mean 0 and variance 1.

    Source: Klambauer et al. 2017, equation 14 (arXiv:1706.02515).

    >>> print(selu(np.array([-1.0, 1.0])).round(4))
    [-1.1113  1.0507]
    """
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


@answering
def soft_sign(x: Any) -> Any:
    """Elementwise x / (1 + abs(x)).

    >>> print(soft_sign(np.array([-1.0, 3.0])))
    [-0.5   0.75]
    """
    x = operand(x)
    return x / (1 + np.abs(x))


@answering
def hard_tanh(x: Any) -> Any:
    """Elementwise x clipped to [-1, 1]; the derivative on the bounds is 1.

    >>> print(hard_tanh(np.array([-3.0, 0.5])))
    [-1.   0.5]
    """
    return np.clip(operand(x), -1, 1)


@answering
def hard_sigmoid(x: Any) -> Any:
    """Elementwise relu6(x + 3) / 6.

    >>> print(hard_sigmoid(np.array([-3.0, 0.0, 3.0])))
    [0.  0.5 1. ]
    """
    return relu6(operand(x) + 3) / 6


@answering
def hard_silu(x: Any) -> Any:
    """Elementwise x * hard_sigmoid(x).

    >>> print(hard_silu(np.array([-3.0, 0.0, 3.0])))
    [-0.  0.  3.]
    """
    return operand(x) * hard_sigmoid(x)


hard_swish = hard_silu


@answering
def glu(x: Any, axis: int = -1) -> Any:
    """Multiply the first half of an axis by the sigmoid of its second half.

    >>> print(glu(np.array([2.0, 0.0])))
    [1.]
    """
    first, second = np.split(operand(x), 2, axis)
    return first * sigmoid(second)


# along an axis


def kept(x: Any, where: Any) -> Any:
    """x with -inf, whose exponential is 0, where the mask is False."""
    return operand(x) if where is None else np.where(where, x, -np.inf)


@answering
def softmax(x: Any, axis: Any = -1, where: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along an axis: positive elements that sum to 1.

    Args:
        x: array, real.
        axis: int or tuple of int.
        where: booleans that broadcast to x; where False, the result is 0.

    >>> print(softmax(np.array([0.0, 0.0, -1e4])))
    [0.5 0.5 0. ]
    """
    return _softmax(kept(x, where), axis)


@answering
def log_softmax(x: Any, axis: Any = -1, where: Any = None) -> Any:
    """log(softmax(x)) along an axis, finite for all finite x, -inf where the mask is False.

    >>> print(log_softmax(np.array([0.0, -1e4])))
    [     0. -10000.]
    """
    return _log_softmax(kept(x, where), axis)


@half_in_single
@answering
def standardize(
    x: Any,
    axis: Any = -1,
    mean: Any = None,
    variance: Any = None,
    epsilon: Any = 1e-5,
    where: Any = None,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) along an axis.

    Args:
        x: array, real.
        axis: int or tuple of int.
        mean: array, subtracted; by default the mean along the axis.
        variance: array; by default the biased variance along the axis.
        epsilon: float, added to the variance.
        where: booleans that broadcast to x; mean and variance are over the True elements.

    >>> print(standardize(np.array([1.0, 3.0])).round(2))
    [-1.  1.]
    """
    x = operand(x)
    chosen = {} if where is None else {"where": where}
    if mean is None:
        mean = np.mean(x, axis=axis, keepdims=True, **chosen)
    centred = x - mean
    if variance is None:
        variance = np.mean(np.square(centred), axis=axis, keepdims=True, **chosen)
    return centred / np.sqrt(variance + epsilon)


@answering
def one_hot(x: Any, num_classes: int, *, dtype: Any = np.float32, axis: int = -1) -> Any:
    """One-hot encoding: 1 at each index along a new axis, 0 elsewhere.

    Args:
        x: integer array, any shape; an index outside [0, num_classes) gives zeros.
        num_classes: the length of the new axis.
        dtype: of the result.
        axis: position of the new axis in the result.

    Raises:
        DtypeError: if the dtype of ``x`` is not integer.

    >>> print(one_hot(np.array([0, 2]), 3))
    [[1. 0. 0.]
     [0. 0. 1.]]
    """
    x = operand(x)
    if dtype_of(x).kind not in "iu":
        raise DtypeError(f"one_hot: {not_integers('indices', x)}")
    x, num_classes = np.expand_dims(x, axis), operator.index(num_classes)
    if num_classes < 0:
        raise ValueError(f"one_hot: num_classes must not be negative: got {num_classes}")
    shape = [1] * len(x.shape)
    shape[axis] = num_classes
    return (x == np.arange(num_classes).reshape(shape)).astype(dtype)
