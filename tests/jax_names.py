"""Programs on the smaller modules of JAX; each gives a tree of numbers. See ``jax_programs.py``."""

import numpy as np

import funcgrad.compat.jax as jax
import funcgrad.compat.jax.numpy as jnp
from funcgrad.compat.jax import image

PROGRAMS = []


def program(fun):
    PROGRAMS.append(fun)
    return fun


def wave(*shape):
    """An array without a pattern, the same in each library."""
    return jnp.asarray(np.sin(1.7 * np.arange(np.prod(shape)) ** 1.3).reshape(shape), jnp.float32)


# jax.image


@program
def sizes_of_images():
    x, found = wave(7, 5), {}
    for method in image.ResizeMethod:
        for shape in [(4, 9), (7, 2)]:
            found[f"{method.name} {shape}"] = image.resize(x, shape, method)
            plain = image.resize(x, shape, method, antialias=False)
            found[f"{method.name} {shape} plain"] = plain
    return found


@program
def methods_of_images_by_name():
    x = jnp.arange(5)
    names = [m.name for m in map(image.ResizeMethod.from_string, ["triangle", "bicubic", "area"])]
    nearest, linear = (image.resize(x, (8,), m) for m in ("nearest", "bilinear"))
    return names, nearest, str(nearest.dtype), linear, str(linear.dtype)


@program
def derivatives_of_images():
    x, where = wave(6, 5), (jnp.array([1.27, 0.71]), jnp.array([0.37, -0.23]))

    def loss(x, scale, translation, method):
        y = image.scale_and_translate(x, (7, 4), (0, -1), scale, translation, method)
        return jnp.sum(y * wave(7, 4))

    grads = jax.grad(loss, (0, 1, 2))
    methods = ["linear", "cubic", "lanczos3", "lanczos5", "area"]
    slope = jax.grad(lambda x: jnp.sum(image.resize(x, (3, 9), "cubic") ** 3))
    return {m: grads(x, *where, m) for m in methods}, slope(x), jax.jit(jax.vmap(slope))(x[None])
