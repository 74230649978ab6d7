"""The optimizers people name, each a chain of atoms."""

from collections.abc import Callable
from typing import Any

from .adaptive import scale_by_adam, scale_by_rms, scale_by_stddev
from .atoms import add_decayed_weights, scale_by_learning_rate, trace
from .base import GradientTransformation, Tree, chain_as, identity


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
    mask: Tree | Callable[[Tree], Tree] | None = None,
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


def _l2(weight_decay: Any) -> GradientTransformation:
    if type(weight_decay) in (int, float) and weight_decay == 0:
        return identity()
    return add_decayed_weights(weight_decay)
