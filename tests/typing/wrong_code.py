"""Wrong code, with the error of a type checker on each wrong line: ``# error: code``.

``# later: code`` marks a line that the types do not refuse yet.
"""

from dataclasses import dataclass
from typing import Any

import funcgrad as fg
from funcgrad import nn, optim, tree


@nn.module
class Scale(nn.Module):
    size: int
    factor: nn.Array = nn.param(nn.init.ones, lambda self: (self.size,))

    def __call__(self, x: nn.Array, *, key: fg.random.Key | None = None) -> nn.Array:
        return x * self.factor


@tree.register_dataclass
@dataclass
class Point:
    x: float


@fg.jit
def step(w: nn.Array, rate: float) -> nn.Array:
    return w * rate


def build() -> None:
    Scale()  # error: call-arg
    Scale("3")  # error: arg-type
    print(Scale(3).width)  # error: attr-defined
    nn.Dense(784)  # error: call-arg
    nn.Dense(784, "256")  # error: arg-type
    nn.Dense(784, 256).init()  # error: call-arg
    nn.Dense(784, 256).init(0)  # error: arg-type
    print(nn.Sequential(nn.Dense(2, 2)).kernel)  # error: attr-defined
    Point("a")  # error: arg-type
    Point()  # error: call-arg


@fg.custom_jvp
def cube(x: nn.Array) -> nn.Array:
    return x**3


class Layer:
    @fg.jit
    def method(self, w: nn.Array) -> nn.Array:
        return w


def differentiate(w: nn.Array) -> None:
    step("a", "b")  # error: arg-type
    step(w)  # error: call-arg
    step(w, rat=1.0)  # error: call-arg
    print(step(w, 1.0).loss)  # error: attr-defined
    Layer().method("a")  # error: arg-type
    fg.jit(static_argnames=1)(step)  # error: call-overload
    fg.jit(step, static_argnum=0)  # error: call-overload
    cube("a")  # error: arg-type
    cube.defjvp(1)  # error: type-var
    fg.custom_gradient(cube)  # error: arg-type
    fg.checkpoint(cube)(w, w)  # error: call-arg
    fg.grad(step)("a", 1.0)  # error: arg-type
    fg.grad("step")  # error: arg-type
    fg.value_and_grad(step)(w)  # error: call-arg
    fg.jacrev(step, argnum=1)  # error: call-arg
    _out, _pullback, _aux = fg.vjp(step, w, 1.0)  # error: misc
    fg.jvp(step, (w,), (w,), aux=True)  # error: call-overload
    fg.vmap(step, in_axis=0)  # error: call-arg


def train(model: Scale, grads: Any) -> None:
    optimizer = optim.adam(0.1)
    optimizer.step(grads)  # error: attr-defined
    optimizer.update(grads)  # error: call-arg
    optimizer.update(grads, model, model)  # error: arg-type
    optimizer.update(grads, optim.sgd(0.1).init(model), model)  # error: arg-type
    optim.adam("0.1")  # error: arg-type
    optim.adan(0.1)  # error: attr-defined
