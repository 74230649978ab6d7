"""A library author: a layer with parameters and state, an optimizer, a primitive."""

import itertools
from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad import nn, optim


@nn.module
class Gated(nn.Module):
    """``x * sigmoid(x @ kernel + bias)``, with an average of its gates."""

    features: int
    use_bias: bool = True
    activation: Callable[[Any], Any] = nn.sigmoid
    rate: float = field(default=0.9, kw_only=True)
    kernel: nn.Array = nn.param(nn.init.lecun_normal(), lambda self: (self.features, self.features))
    bias: nn.Array | None = nn.param(
        nn.init.zeros, lambda self: (self.features,) if self.use_bias else None
    )
    average: nn.Array = nn.state(nn.init.zeros, lambda self: (self.features,))

    def __post_init__(self) -> None:
        self.features = int(self.features)

    def __call__(self, x: nn.Array, *, key: fg.random.Key | None = None) -> nn.Array:
        logits = x @ self.kernel
        gate = self.activation(logits if self.bias is None else logits + self.bias)
        if key is not None:
            old = nn.latest(self, "average")
            nn.refresh(self, average=self.rate * old + (1 - self.rate) * np.mean(gate, axis=0))
        y: nn.Array = x * gate
        return y


@nn.module
class Stack(nn.Module):
    """Any number of layers with one activation, built in ``__init__``."""

    layers: tuple[nn.Module, ...]

    def __init__(self, *sizes: int) -> None:
        self.layers = tuple(nn.Dense(a, b) for a, b in itertools.pairwise(sizes))

    def __call__(self, x: nn.Array, *, key: fg.random.Key | None = None) -> nn.Array:
        for layer in self.layers:
            x = np.tanh(layer(x))
        return x


def scale_by_sign() -> optim.GradientTransformation:
    """Updates of 1 and -1."""

    def init(params: Any) -> optim.EmptyState:
        return optim.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return fg.tree.map(np.sign, updates), state

    return optim.GradientTransformation(init, update)


layer = Gated(3).init(fg.random.key(0))
y, layer = nn.apply(layer, np.ones((2, 3), np.float32), key=fg.random.key(1))
frozen: Gated = replace(Gated(3), rate=0.5).init(fg.random.key(0), np.float64)
stack = Stack(3, 4, 1).init(fg.random.key(0))
params, rest = nn.partition(nn.Sequential(frozen, stack))
model = nn.combine(params, rest)
doubled = fg.extend.Elementwise("typing_doubled", lambda x: 2 * x, lambda t, y, x: 2 * t)
optimizer = optim.chain(scale_by_sign(), optim.scale(-0.1))
state = optimizer.init(model)
grads = fg.grad(lambda m, x: np.sum(doubled(m(x))))(model, np.ones((2, 3)))
updates, state = optimizer.update(grads, state, model)
print(layer, frozen, optim.apply_updates(model, updates), sep="\n")
