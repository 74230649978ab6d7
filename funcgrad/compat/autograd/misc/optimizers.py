"""Gradient descent over trees of arrays: ``adam(grad, x0, callback, num_iters, step_size)``.

``grad(x, i)`` gives the gradient of iteration i, ``callback(x, i, g)`` is called before each step.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .flatten import flatten


def unflatten_optimizer(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """Optimizer over trees from one over vectors."""

    @functools.wraps(optimize)
    def over_trees(grad: Any, x0: Any, callback: Any = None, *args: Any, **kwargs: Any) -> Any:
        start, unflatten = flatten(x0)
        on_vectors = lambda x, i: flatten(grad(unflatten(x), i))[0]
        report = callback and (lambda x, i, g: callback(unflatten(x), i, unflatten(g)))
        return unflatten(optimize(on_vectors, start, report, *args, **kwargs))

    return over_trees


@unflatten_optimizer
def sgd(
    grad: Any, x: Any, callback: Any = None, num_iters: int = 200, step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:  # fmt: skip
    """Gradient descent with momentum: v = mass v - (1 - mass) g, x = x + step_size v."""
    v = np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        v = mass * v - (1 - mass) * g
        x = x + step_size * v
    return x


@unflatten_optimizer
def rmsprop(
    grad: Any, x: Any, callback: Any = None, num_iters: int = 100, step_size: float = 0.1,
    gamma: float = 0.9, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Steps of g over the root of the mean of g**2, which decays by gamma and begins at 1."""
    mean = np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        mean = gamma * mean + (1 - gamma) * g**2
        x = x - step_size * g / (np.sqrt(mean) + eps)
    return x


@unflatten_optimizer
def adam(
    grad: Any, x: Any, callback: Any = None, num_iters: int = 100, step_size: float = 0.001,
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Adam. Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980)."""
    m, v = np.zeros(len(x)), np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        unbiased, scale = m / (1 - b1 ** (i + 1)), v / (1 - b2 ** (i + 1))
        x = x - step_size * unbiased / (np.sqrt(scale) + eps)
    return x
