"""Common optimizers, each a chain of transformations.

L2 weight decay adds ``weight_decay p`` to the gradient, decoupled decay to the scaled gradient;
with either, ``update`` needs the parameters p. Sources are cited at the transformations.
"""

from typing import Any, TypeAlias

from . import adaptive
from .base import (
    EmptyState,
    GradientTransformation,
    GradientTransformationExtraArgs as Transformation,
    Mask,
    ScalarOrSchedule,
    chain_as,
    identity,
)
from .transforms import (
    CountState,
    ScaleByLionState,
    TraceState,
    add_decayed_weights,
    scale_by_lion,
    scale_by_trust_ratio,
    trace,
    with_rate,
)

Scheduled: TypeAlias = EmptyState | CountState  # the state of a scalar, or of a schedule
Momentum: TypeAlias = EmptyState | TraceState
Moments: TypeAlias = adaptive.ScaleByAdamState
Adam: TypeAlias = tuple[Moments, Scheduled]
AdamL2: TypeAlias = tuple[Scheduled, Moments, Scheduled]
AdamW: TypeAlias = tuple[Moments, Scheduled, Scheduled]


def sgd(
    learning_rate: ScalarOrSchedule,
    momentum: Any = None,
    nesterov: bool = False,
    weight_decay: Any = 0.0,
) -> Transformation[tuple[Scheduled, Momentum, Scheduled]]:
    """Stochastic gradient descent: p <- p - learning_rate m, with m <- g + momentum m.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        momentum: in [0, 1), or None for m = g.
        nesterov: whether to descend along g + momentum m.
        weight_decay: L2.

    Source: Sutskever et al. 2013, section 2, with the learning rate outside of m.

    >>> opt = sgd(0.1)
    >>> print(opt.update(2.0, opt.init(0.0))[0])
    -0.2
    """
    return descend("sgd", learning_rate, _l2(weight_decay), _momentum(momentum, nesterov))


def adam(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
    weight_decay: Any = 0.0,
) -> Transformation[AdamL2]:
    """Adam: p <- p - learning_rate m / (sqrt(v) + eps), with bias-corrected means m and v.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root, mu_dtype, nesterov: see :func:`scale_by_adam`.
        weight_decay: L2, as in PyTorch's Adam; for decoupled decay see :func:`adamw`.

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980).

    >>> opt = adam(0.1)
    >>> print(f"{opt.update(3.0, opt.init(0.0))[0]:.4f}")
    -0.1000
    """
    scaled = adaptive.scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov)
    return descend("adam", learning_rate, _l2(weight_decay), scaled)


def adamw(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: Any = 1e-4,
    mask: Mask = None,
    *,
    nesterov: bool = False,
) -> Transformation[AdamW]:
    """Adam with decoupled weight decay: p <- p - learning_rate (adam + weight_decay p).

    ``update`` needs the parameters. PyTorch's default for ``weight_decay`` is 1e-2.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root, mu_dtype, nesterov: see :func:`scale_by_adam`.
        weight_decay, mask: see :func:`add_decayed_weights`.

    Source: Loshchilov & Hutter 2019, Algorithm 2 (arXiv:1711.05101).

    >>> opt = adamw(0.1, weight_decay=0.5)
    >>> print(opt.update(0.0, opt.init(1.0), 1.0)[0])
    -0.05
    """
    scaled = adaptive.scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov)
    return descend("adamw", learning_rate, scaled, add_decayed_weights(weight_decay, mask))


def nadam(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
) -> Transformation[AdamL2]:
    """Adam with Nesterov momentum; see :func:`adam`.

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam", Algorithm 8, with b1 kept.

    >>> opt = nadam(0.1)
    >>> print(f"{opt.update(3.0, opt.init(0.0))[0]:.4f}")
    -0.1474
    """
    return adam(learning_rate, b1, b2, eps, eps_root, mu_dtype, nesterov=True)


def nadamw(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: Any = 1e-4,
    mask: Mask = None,
) -> Transformation[AdamW]:
    """Nadam with decoupled weight decay; see :func:`nadam` and :func:`adamw`.

    >>> opt = nadamw(0.1, weight_decay=0.5)
    >>> print(opt.update(0.0, opt.init(1.0), 1.0)[0])
    -0.05
    """
    return adamw(learning_rate, b1, b2, eps, eps_root, mu_dtype, weight_decay, mask, nesterov=True)


def amsgrad(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    *,
    correct_after: bool = False,
) -> Transformation[tuple[adaptive.ScaleByAmsgradState, Scheduled]]:
    """Adam with the largest mean of squares so far, so that its divisor never falls.

    PyTorch's ``Adam(amsgrad=True)`` is ``correct_after=True``.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root, mu_dtype, bias_correction_mu, bias_correction_nu, correct_after:
            see :func:`scale_by_amsgrad`.

    >>> opt = amsgrad(0.1)
    >>> print(f"{opt.update(3.0, opt.init(0.0))[0]:.4f}")
    -0.1000
    """
    options = mu_dtype, bias_correction_mu, bias_correction_nu
    scaled = adaptive.scale_by_amsgrad(b1, b2, eps, eps_root, *options, correct_after=correct_after)
    return descend("amsgrad", learning_rate, scaled)


def adamax(
    learning_rate: ScalarOrSchedule, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8
) -> Transformation[Adam]:
    """Adam with the decaying maximum of the gradients' sizes in place of the mean of squares.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps: see :func:`scale_by_adamax`.

    >>> opt = adamax(0.1)
    >>> print(f"{opt.update(3.0, opt.init(0.0))[0]:.4f}")
    -0.1000
    """
    return descend("adamax", learning_rate, adaptive.scale_by_adamax(b1, b2, eps))


def adamaxw(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 1e-4,
    mask: Mask = None,
) -> Transformation[AdamW]:
    """AdaMax with decoupled weight decay; see :func:`adamax` and :func:`adamw`.

    >>> opt = adamaxw(0.1, weight_decay=0.5)
    >>> print(opt.update(0.0, opt.init(1.0), 1.0)[0])
    -0.05
    """
    decay = add_decayed_weights(weight_decay, mask)
    return descend("adamaxw", learning_rate, adaptive.scale_by_adamax(b1, b2, eps), decay)


def radam(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    *,
    nesterov: bool = False,
) -> Transformation[Adam]:
    """Adam with a rectified step size while few gradients are known.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root, threshold, nesterov: see :func:`scale_by_radam`.

    >>> opt = radam(0.1)
    >>> print(f"{opt.update(3.0, opt.init(0.0))[0]:.4f}")
    -0.3000
    """
    scaled = adaptive.scale_by_radam(b1, b2, eps, eps_root, threshold, nesterov=nesterov)
    return descend("radam", learning_rate, scaled)


def lamb(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
    mask: Mask = None,
) -> Transformation[tuple[Moments, Scheduled, EmptyState, Scheduled]]:
    """Adam whose update of each array is scaled to the norm of its parameters; for large batches.

    ``update`` needs the parameters.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root: see :func:`scale_by_adam`.
        weight_decay, mask: see :func:`add_decayed_weights`.

    Source: You et al. 2020, Algorithm 2 (arXiv:1904.00962).

    >>> opt = lamb(0.1)
    >>> print(f"{opt.update(3.0, opt.init(1.0), 2.0)[0]:.4f}")
    -0.2000
    """
    scaled = adaptive.scale_by_adam(b1, b2, eps, eps_root)
    decay = add_decayed_weights(weight_decay, mask)
    return descend("lamb", learning_rate, scaled, decay, scale_by_trust_ratio())


def lion(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.99,
    mu_dtype: Any = None,
    weight_decay: Any = 1e-3,
    mask: Mask = None,
) -> Transformation[tuple[ScaleByLionState, Scheduled, Scheduled]]:
    """Descend along signs of running means, with decoupled weight decay.

    ``update`` needs the parameters. Learning rates are a tenth to a third of Adam's.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, mu_dtype: see :func:`scale_by_lion`.
        weight_decay, mask: see :func:`add_decayed_weights`.

    >>> opt = lion(0.1, weight_decay=0.0)
    >>> print(opt.update(3.0, opt.init(0.0), 0.0)[0])
    -0.1
    """
    scaled = scale_by_lion(b1, b2, mu_dtype)
    return descend("lion", learning_rate, scaled, add_decayed_weights(weight_decay, mask))


def rmsprop(
    learning_rate: ScalarOrSchedule,
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: Any = None,
    nesterov: bool = False,
    bias_correction: bool = False,
    *,
    weight_decay: Any = 0.0,
) -> Transformation[tuple[Scheduled, adaptive.ScaleByRmsState | Moments, Scheduled, Momentum]]:
    """RMSProp: descend along g / sqrt(v + eps), where v is the running mean of g².

    PyTorch's RMSprop is ``decay=0.99, eps_in_sqrt=False``.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        decay, eps, initial_scale, eps_in_sqrt, bias_correction: see :func:`scale_by_rms`.
        centered: whether v is the variance instead.
        momentum, nesterov: of the scaled updates; see :func:`trace`.
        weight_decay: L2.

    Source: Hinton 2012, slide 29; centered: Graves 2013, equations 38 to 45.

    >>> opt = rmsprop(0.1)
    >>> print(f"{opt.update(1.0, opt.init(0.0))[0]:.4f}")
    -0.3162
    """
    scale_by = adaptive.scale_by_stddev if centered else adaptive.scale_by_rms
    return chain_as(
        "rmsprop",
        _l2(weight_decay),
        scale_by(decay, eps, initial_scale, eps_in_sqrt, bias_correction),
        with_rate("rmsprop", learning_rate),
        _momentum(momentum, nesterov),
    )


def adagrad(
    learning_rate: ScalarOrSchedule,
    initial_accumulator_value: Any = 0.1,
    eps: Any = 1e-7,
    *,
    eps_in_sqrt: bool = True,
) -> Transformation[tuple[adaptive.ScaleByRssState, Scheduled]]:
    """AdaGrad: descend along g / sqrt(v + eps), where v is the sum of all g².

    PyTorch's Adagrad is ``initial_accumulator_value=0, eps=1e-10, eps_in_sqrt=False``.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        initial_accumulator_value, eps, eps_in_sqrt: see :func:`scale_by_rss`.

    >>> opt = adagrad(0.1, initial_accumulator_value=0.0)
    >>> print(f"{opt.update(3.0, opt.init(0.0))[0]:.4f}")
    -0.1000
    """
    scaled = adaptive.scale_by_rss(initial_accumulator_value, eps, eps_in_sqrt=eps_in_sqrt)
    return descend("adagrad", learning_rate, scaled)


def adadelta(
    learning_rate: ScalarOrSchedule | None = None,
    rho: Any = 0.9,
    eps: Any = 1e-6,
    weight_decay: Any = 0.0,
    weight_decay_mask: Mask = None,
) -> Transformation[tuple[Scheduled, adaptive.ScaleByAdaDeltaState, Scheduled]]:
    """AdaDelta: descend along rms(updates) / rms(gradients) g, in the units of the parameters.

    Args:
        learning_rate: a scalar, a schedule, or None for 1 (with None optax ascends).
        rho, eps: see :func:`scale_by_adadelta`.
        weight_decay, weight_decay_mask: L2; see :func:`add_decayed_weights`.

    >>> opt = adadelta(1.0)
    >>> print(f"{opt.update(1.0, opt.init(0.0))[0]:.6f}")
    -0.003162
    """
    rate = 1.0 if learning_rate is None else learning_rate
    decay = _l2(weight_decay, weight_decay_mask)
    return descend("adadelta", rate, decay, adaptive.scale_by_adadelta(rho, eps))


def descend(
    who: str, learning_rate: ScalarOrSchedule, *parts: GradientTransformation[Any]
) -> Transformation[Any]:
    """Chain transformations and the learning rate; errors name ``who``."""
    return chain_as(who, *parts, with_rate(who, learning_rate))


def _momentum(decay: Any, nesterov: bool) -> GradientTransformation[Any]:
    return identity() if decay is None else trace(decay, nesterov)


def _l2(weight_decay: Any, mask: Mask = None) -> GradientTransformation[Any]:
    if type(weight_decay) in (int, float) and weight_decay == 0:
        return identity()
    return add_decayed_weights(weight_decay, mask)
