"""Optimizers that vary the classical recipes: by signs, by layers, by other means of squares."""

from typing import Any

from .adaptive import scale_by_adam
from .base import GradientTransformation, Mask, chain_as
from .layerwise import scale_by_novograd, scale_by_trust_ratio
from .rectified import scale_by_adan, scale_by_belief, scale_by_radam, scale_by_yogi
from .signs import scale_by_lion, scale_by_rprop, scale_by_sign
from .transforms import add_decayed_weights, add_noise, scale, scale_by_learning_rate, trace
from .wrappers import masked


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


def adabelief(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Adam that goes far where gradients are as their mean foretells.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, nesterov: see :func:`scale_by_belief`.

    Source: Zhuang et al. 2020, Algorithm 2 (arXiv:2010.07468).

    >>> import numpy as np
    >>> opt = adabelief(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1111]
    """
    return chain_as(
        "adabelief",
        scale_by_belief(b1, b2, eps, eps_root, nesterov=nesterov),
        scale_by_learning_rate(learning_rate),
    )


def yogi(
    learning_rate: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-3
) -> GradientTransformation:
    """Adam whose mean of squares moves slowly towards much larger and much smaller squares.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps: see :func:`scale_by_yogi`.

    Source: Zaheer et al. 2018, Algorithm 2 (NeurIPS 31).

    >>> import numpy as np
    >>> opt = yogi(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1]
    """
    return chain_as("yogi", scale_by_yogi(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adan(
    learning_rate: Any,
    b1: Any = 0.98,
    b2: Any = 0.92,
    b3: Any = 0.99,
    eps: Any = 1e-8,
    eps_root: Any = 1e-8,
    weight_decay: Any = 0.0,
    mask: Mask = None,
) -> GradientTransformation:
    """Adam that adds the mean difference of gradients, as Nesterov's momentum does.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, b3, eps, eps_root: see :func:`scale_by_adan`.
        weight_decay, mask: decoupled decay; see :func:`add_decayed_weights`.

    Source: Xie et al. 2024, Algorithm 1 (arXiv:2208.06677).

    >>> import numpy as np
    >>> opt = adan(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)), np.zeros(1))[0].round(4))
    [-0.1]
    """
    return chain_as(
        "adan",
        scale_by_adan(b1, b2, b3, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
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


def lars(
    learning_rate: Any,
    weight_decay: Any = 0.0,
    weight_decay_mask: Mask = None,
    trust_coefficient: Any = 0.001,
    eps: Any = 0.0,
    trust_ratio_mask: Mask = True,
    momentum: Any = 0.9,
    nesterov: bool = False,
) -> GradientTransformation:
    """SGD with momentum whose steps have, array by array, a part of the parameters' norm.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        weight_decay, weight_decay_mask: see :func:`add_decayed_weights`.
        trust_coefficient, eps: see :func:`scale_by_trust_ratio`.
        trust_ratio_mask: where the norm counts; see :func:`masked`.
        momentum, nesterov: see :func:`trace`.

    Source: You, Gitman & Ginsburg 2017, Algorithm 1 (arXiv:1708.03888).

    >>> import numpy as np
    >>> opt = lars(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.ones(1)), np.full(1, 2.0))[0].round(6))
    [-0.0002]
    """
    return chain_as(
        "lars",
        add_decayed_weights(weight_decay, weight_decay_mask),
        masked(
            scale_by_trust_ratio(trust_coefficient=trust_coefficient, eps=eps), trust_ratio_mask
        ),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov),
    )


def novograd(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
) -> GradientTransformation:
    """SGD with momentum along gradients divided by the running norm of their array.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, weight_decay: see :func:`scale_by_novograd`.

    Source: Ginsburg et al. 2019, Algorithm 1 (arXiv:1905.11286).

    >>> import numpy as np
    >>> opt = novograd(0.1)
    >>> print(opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4))
    [-0.06 -0.08]
    """
    return chain_as(
        "novograd",
        scale_by_novograd(b1, b2, eps, eps_root, weight_decay),
        scale_by_learning_rate(learning_rate),
    )


def rprop(
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> GradientTransformation:
    """Descend along signs by steps that learn their size; for whole batches.

    Args:
        learning_rate: the first size of all steps.
        eta_minus, eta_plus, min_step_size, max_step_size: see :func:`scale_by_rprop`.

    >>> import numpy as np
    >>> opt = rprop(0.1)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0])
    [-0.1  0.1]
    """
    bounds = eta_minus, eta_plus, min_step_size, max_step_size
    return chain_as("rprop", scale_by_rprop(learning_rate, *bounds), scale(-1.0))


def sign_sgd(learning_rate: Any) -> GradientTransformation:
    """Descend along the signs of the gradient.

    Source: Bernstein et al. 2018, Algorithm 1 (arXiv:1802.04434).

    >>> import numpy as np
    >>> print(sign_sgd(0.1).update(np.array([3.0, -2.0]), ((), ()))[0])
    [-0.1  0.1]
    """
    return chain_as("sign_sgd", scale_by_sign(), scale_by_learning_rate(learning_rate))


def noisy_sgd(
    learning_rate: Any, eta: Any = 0.01, gamma: Any = 0.55, key: Any = 0
) -> GradientTransformation:
    """Descend along the gradient plus noise that fades; see :func:`add_noise`.

    Source: Neelakantan et al. 2015, section 3 (arXiv:1511.06807).

    >>> import numpy as np
    >>> opt = noisy_sgd(0.1)
    >>> opt.update(np.zeros(2), opt.init(np.zeros(2)))[0].shape
    (2,)
    """
    return chain_as("noisy_sgd", add_noise(eta, gamma, key), scale_by_learning_rate(learning_rate))
