"""The optimizers people name, each a chain of atoms."""

from typing import Any

from .adaptive import (
    scale_by_adadelta,
    scale_by_adam,
    scale_by_adamax,
    scale_by_amsgrad,
    scale_by_lion,
    scale_by_radam,
    scale_by_rms,
    scale_by_rss,
    scale_by_stddev,
)
from .base import GradientTransformation, Mask, chain_as, identity
from .transforms import add_decayed_weights, scale_by_learning_rate, scale_by_trust_ratio, trace


def sgd(
    learning_rate: Any,
    momentum: Any = None,
    nesterov: bool = False,
    weight_decay: Any = 0.0,
) -> GradientTransformation:
    """Descend along the gradient: p <- p - learning_rate m, m <- g + momentum m.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        momentum: in [0, 1), or None for m = g.
        nesterov: whether to descend along g + momentum m.
        weight_decay: if not 0, g is the gradient plus this times p (L2), and ``update`` needs
            the parameters.

    Source: Sutskever et al. 2013, section 2, with the learning rate outside of m.

    >>> import numpy as np
    >>> opt = sgd(0.1)
    >>> print(opt.update(np.array([1.0, -2.0]), opt.init(np.zeros(2)))[0])
    [-0.1  0.2]
    """
    return chain_as(
        "sgd",
        _l2(weight_decay),
        identity() if momentum is None else trace(momentum, nesterov),
        scale_by_learning_rate(learning_rate),
    )


def adam(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
    weight_decay: Any = 0.0,
) -> GradientTransformation:
    """Descend along the mean gradient over the root of the mean square: m / (sqrt(v) + eps).

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, mu_dtype, nesterov: see :func:`scale_by_adam`.
        weight_decay: if not 0, this times the parameters is added to the gradient (L2), as
            PyTorch's Adam does; for decoupled decay see :func:`adamw`.

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980).

    >>> import numpy as np
    >>> opt = adam(0.1)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0].round(6))
    [-0.1  0.1]
    """
    return chain_as(
        "adam",
        _l2(weight_decay),
        scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov),
        scale_by_learning_rate(learning_rate),
    )


def adamw(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: Any = 1e-4,
    mask: Mask = None,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Adam with decoupled weight decay: p <- p - learning_rate (adam + weight_decay p).

    ``update`` needs the parameters. PyTorch's default for ``weight_decay`` is 1e-2.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, mu_dtype, nesterov: see :func:`scale_by_adam`.
        weight_decay, mask: see :func:`add_decayed_weights`.

    Source: Loshchilov & Hutter 2019, Algorithm 2 (arXiv:1711.05101).

    >>> import numpy as np
    >>> opt = adamw(0.1, weight_decay=0.5)
    >>> print(opt.update(np.zeros(1), opt.init(np.ones(1)), np.ones(1))[0])
    [-0.05]
    """
    return chain_as(
        "adamw",
        scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def nadam(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformation:
    """Adam whose mean looks one step ahead; see :func:`adam`.

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam", Algorithm 8, with b1 kept.

    >>> import numpy as np
    >>> opt = nadam(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1474]
    """
    return adam(learning_rate, b1, b2, eps, eps_root, mu_dtype, nesterov=True)


def nadamw(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: Any = 1e-4,
    mask: Mask = None,
) -> GradientTransformation:
    """Nadam with decoupled weight decay; see :func:`nadam` and :func:`adamw`.

    >>> import numpy as np
    >>> opt = nadamw(0.1, weight_decay=0.5)
    >>> print(opt.update(np.zeros(1), opt.init(np.ones(1)), np.ones(1))[0])
    [-0.05]
    """
    return adamw(learning_rate, b1, b2, eps, eps_root, mu_dtype, weight_decay, mask, nesterov=True)


def amsgrad(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    *,
    correct_after: bool = False,
) -> GradientTransformation:
    """Adam whose divisor never falls: the largest mean square so far.

    PyTorch's ``Adam(amsgrad=True)`` is ``correct_after=True``.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, mu_dtype, bias_correction_mu, bias_correction_nu, correct_after:
            see :func:`scale_by_amsgrad`.

    Source: Reddi, Kale & Kumar 2018, Algorithm 2 (arXiv:1904.09237).

    >>> import numpy as np
    >>> opt = amsgrad(0.1)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0].round(6))
    [-0.1  0.1]
    """
    corrections = bias_correction_mu, bias_correction_nu
    return chain_as(
        "amsgrad",
        scale_by_amsgrad(
            b1, b2, eps, eps_root, mu_dtype, *corrections, correct_after=correct_after
        ),
        scale_by_learning_rate(learning_rate),
    )


def adamax(
    learning_rate: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8
) -> GradientTransformation:
    """Descend along the mean gradient over the decaying maximum of its sizes.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps: see :func:`scale_by_adamax`.

    Source: Kingma & Ba 2015, Algorithm 2 (arXiv:1412.6980).

    >>> import numpy as np
    >>> opt = adamax(0.1)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0].round(6))
    [-0.1  0.1]
    """
    return chain_as("adamax", scale_by_adamax(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adamaxw(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 1e-4,
    mask: Mask = None,
) -> GradientTransformation:
    """Adamax with decoupled weight decay; see :func:`adamax` and :func:`adamw`.

    >>> import numpy as np
    >>> opt = adamaxw(0.1, weight_decay=0.5)
    >>> print(opt.update(np.zeros(1), opt.init(np.ones(1)), np.ones(1))[0])
    [-0.05]
    """
    return chain_as(
        "adamaxw",
        scale_by_adamax(b1, b2, eps),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def radam(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Adam whose step sizes are rectified while few gradients are known.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, threshold, nesterov: see :func:`scale_by_radam`.

    Source: Liu et al. 2020, Algorithm 2 (arXiv:1908.03265).

    >>> import numpy as np
    >>> opt = radam(0.1)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0].round(6))
    [-0.3  0.2]
    """
    return chain_as(
        "radam",
        scale_by_radam(b1, b2, eps, eps_root, threshold, nesterov=nesterov),
        scale_by_learning_rate(learning_rate),
    )


def lamb(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
    mask: Mask = None,
) -> GradientTransformation:
    """Adam whose steps have, array by array, the norm of the parameters; for large batches.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root: see :func:`scale_by_adam`.
        weight_decay, mask: see :func:`add_decayed_weights`.

    Source: You et al. 2020, Algorithm 2 (arXiv:1904.00962).

    >>> import numpy as np
    >>> opt = lamb(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.ones(1)), np.full(1, 2.0))[0].round(4))
    [-0.2]
    """
    return chain_as(
        "lamb",
        scale_by_adam(b1, b2, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )


def lion(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.99,
    mu_dtype: Any = None,
    weight_decay: Any = 1e-3,
    mask: Mask = None,
) -> GradientTransformation:
    """Descend along signs of means, with decoupled weight decay.

    ``update`` needs the parameters. Learning rates are a third to a tenth of Adam's.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, mu_dtype: see :func:`scale_by_lion`.
        weight_decay, mask: see :func:`add_decayed_weights`.

    Source: Chen et al. 2023, Algorithm 2 (arXiv:2302.06675).

    >>> import numpy as np
    >>> opt = lion(0.1, weight_decay=0.0)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)), np.zeros(2))[0])
    [-0.1  0.1]
    """
    return chain_as(
        "lion",
        scale_by_lion(b1, b2, mu_dtype),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def rmsprop(
    learning_rate: Any,
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
) -> GradientTransformation:
    """Descend along the gradient over the root of its mean square, g / sqrt(v + eps).

    PyTorch's RMSprop is ``decay=0.99, eps_in_sqrt=False``.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        decay, eps, initial_scale, eps_in_sqrt, bias_correction: see :func:`scale_by_rms`.
        centered: whether v is the variance instead of the mean square.
        momentum, nesterov: if given, scaled updates are summed up; see :func:`trace`.
        weight_decay: if not 0, this times the parameters is added to the gradient (L2).

    Source: Hinton 2012, slide 29; centered: Graves 2013, equations 38 to 45.

    >>> import numpy as np
    >>> opt = rmsprop(0.1)
    >>> print(opt.update(np.ones(1), opt.init(np.zeros(1)))[0].round(4))
    [-0.3162]
    """
    scale_by = scale_by_stddev if centered else scale_by_rms
    return chain_as(
        "rmsprop",
        _l2(weight_decay),
        scale_by(decay, eps, initial_scale, eps_in_sqrt, bias_correction),
        scale_by_learning_rate(learning_rate),
        identity() if momentum is None else trace(momentum, nesterov),
    )


def adagrad(
    learning_rate: Any,
    initial_accumulator_value: Any = 0.1,
    eps: Any = 1e-7,
    *,
    eps_in_sqrt: bool = True,
) -> GradientTransformation:
    """Descend along the gradient over the root of the sum of all its squares.

    PyTorch's Adagrad is ``initial_accumulator_value=0, eps=1e-10, eps_in_sqrt=False``.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        initial_accumulator_value, eps, eps_in_sqrt: see :func:`scale_by_rss`.

    Source: Duchi, Hazan & Singer 2011, section 1.1 (JMLR 12).

    >>> import numpy as np
    >>> opt = adagrad(0.1, initial_accumulator_value=0.0)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0].round(6))
    [-0.1  0.1]
    """
    return chain_as(
        "adagrad",
        scale_by_rss(initial_accumulator_value, eps, eps_in_sqrt=eps_in_sqrt),
        scale_by_learning_rate(learning_rate),
    )


def adadelta(
    learning_rate: Any = None,
    rho: Any = 0.9,
    eps: Any = 1e-6,
    weight_decay: Any = 0.0,
    weight_decay_mask: Mask = None,
) -> GradientTransformation:
    """Descend by steps whose units are those of the parameters: rms(steps) / rms(gradients) g.

    Args:
        learning_rate: a number, a schedule ``count -> number``, or None for 1 (with which optax,
            unlike this, climbs).
        rho, eps: see :func:`scale_by_adadelta`.
        weight_decay, weight_decay_mask: added to the gradient; see :func:`add_decayed_weights`.

    Source: Zeiler 2012, Algorithm 1 (arXiv:1212.5701).

    >>> import numpy as np
    >>> opt = adadelta(1.0)
    >>> print(opt.update(np.ones(1), opt.init(np.zeros(1)))[0].round(6))
    [-0.003162]
    """
    return chain_as(
        "adadelta",
        _l2(weight_decay, weight_decay_mask),
        scale_by_adadelta(rho, eps),
        scale_by_learning_rate(1.0 if learning_rate is None else learning_rate),
    )


def _l2(weight_decay: Any, mask: Mask = None) -> GradientTransformation:
    if type(weight_decay) in (int, float) and weight_decay == 0:
        return identity()
    return add_decayed_weights(weight_decay, mask)
