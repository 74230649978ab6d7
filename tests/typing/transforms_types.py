"""The types of derivatives and of compiled functions, written on every result."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import funcgrad as fg

Vector = NDArray[np.float64]
Params = dict[str, Vector]


def loss(params: Params, x: Vector, *, scale: float = 1.0) -> np.float64:
    return np.float64(scale) * np.sum(params["w"] * x)


def loss_and_count(params: Params, x: Vector) -> tuple[np.float64, int]:
    return loss(params, x), x.size


def field(x: Vector) -> Vector:
    return x**2


@fg.jit
def compiled(params: Params, x: Vector) -> np.float64:
    return loss(params, x)


@fg.jit(static_argnames="n")
def power(x: Vector, n: int) -> Vector:
    return x**n


class Scaled:
    """A class with a compiled method."""

    factor = 2.0

    @fg.jit
    def __call__(self, x: Vector) -> Vector:
        return self.factor * x

    @fg.jit(static_argnums=2)
    def power(self, x: Vector, n: int) -> Vector:
        return self.factor * x**n


@fg.custom_jvp
def cube(x: Vector) -> Vector:
    return x**3


@cube.defjvp
def cube_jvp(primals: tuple[Vector], tangents: tuple[Vector]) -> tuple[Vector, Vector]:
    (x,), (t,) = primals, tangents
    return x**3, 3 * x**2 * t


@functools.partial(fg.custom_vjp, nondiff_argnums=(1,))
def clipped(x: Vector, limit: float) -> Vector:
    return x


clipped.defvjp(lambda x, limit: (x, None), lambda limit, _, ct: (np.clip(ct, -limit, limit),))


@fg.custom_batch
def total(x: Vector) -> np.float64:
    return np.float64(sum(x))


@total.def_vmap
def total_of_all(size: int, batched: list[bool], x: Vector) -> tuple[Vector, bool]:
    return np.sum(x, axis=1), True


@fg.custom_gradient
def scaled(x: Vector) -> tuple[Vector, Callable[[Vector], Vector]]:
    return x * x, lambda ct: 10 * ct * x


@fg.checkpoint
def layer(x: Vector) -> Vector:
    return np.sin(np.sin(x))


params, x = {"w": np.arange(3.0)}, np.ones(3)
value: np.float64
aux: int
tangent: Vector
pullback: Callable[[Any], tuple[Any, ...]]
push: Callable[..., Vector]
step: Callable[[Params, Vector], tuple[np.float64, Any]] = fg.jit(fg.value_and_grad(loss))

value, grads = step(params, x)
value, grads = fg.value_and_grad(loss)(params, x, scale=2.0)
(value, aux), grads = fg.value_and_grad(loss_and_count, has_aux=True)(params, x)
primal, tangent = fg.jvp(field, (x,), (x,))
primal, tangent, aux = fg.jvp(lambda x: (field(x), x.size), (x,), (x,), has_aux=True)
primal, pullback = fg.vjp(field, x)
primal, push = fg.linearize(field, x)
tangent = push(x)
value = compiled(params, x=x)
misses: int = compiled.cache_info().misses
text: str = compiled.source(params, fg.ShapeDtypeStruct((3,), np.float64), standalone=True)
why: str = compiled.explain()
workspace: int = compiled.memory(params, x).workspace
y: Vector = power(x, 3) + Scaled()(x) + Scaled().power(x, n=2)
y = cube(x) + clipped(x, 0.5) + scaled(x) + layer(x) + fg.checkpoint(field, policy="dots")(x)
rule: Callable[[tuple[Vector], tuple[Vector]], tuple[Vector, Vector]] = cube_jvp
value = total(x)
unknown: Any = np.sum
print(f"{value} {misses} {grads['w']} {tangent} {y} {fg.jit(unknown)(x)} {fg.jit(np.sqrt)(x)}")
print(rule((x,), (x,))[1], fg.vmap(total)(np.ones((2, 3))), fg.remat(unknown)(x))
print(fg.jacfwd(field)(x).shape, fg.hessian(loss)(params, x)["w"]["w"].shape, pullback(x)[0])
