"""Programs on the smaller modules of JAX; each gives a tree of numbers. See ``jax_programs.py``."""

import numpy as np

import funcgrad.compat.jax as jax
import funcgrad.compat.jax.numpy as jnp
from funcgrad.compat.jax import image
from funcgrad.compat.jax.example_libraries import optimizers, stax

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


# jax.example_libraries


def trajectory(maker, *args, **options):
    """Parameters after three compiled steps down a bowl."""
    init, update, params_of = maker(*args, **options)
    params = {"b": jnp.float32(0.5), "w": wave(2, 3)}
    loss = lambda p: jnp.sum(jnp.cosh(p["w"])) + 3.0 * p["b"] ** 2
    step = jax.jit(lambda i, state: update(i, jax.grad(loss)(params_of(state)), state))
    state = init(params)
    for i in range(3):
        state = step(i, state)
    return params_of(optimizers.pack_optimizer_state(optimizers.unpack_optimizer_state(state)))


@program
def trajectories_of_optimizers():
    decay = optimizers.polynomial_decay(0.1, 5, 0.01, 2.0)
    return {
        "sgd": trajectory(optimizers.sgd, 0.1),
        "momentum": trajectory(optimizers.momentum, decay, mass=0.9),
        "nesterov": trajectory(optimizers.nesterov, decay, mass=0.9),
        "adagrad": trajectory(optimizers.adagrad, 0.1),
        "rmsprop": trajectory(optimizers.rmsprop, 0.1),
        "rmsprop_momentum": trajectory(optimizers.rmsprop_momentum, 0.1, momentum=0.5),
        "adam": trajectory(optimizers.adam, optimizers.exponential_decay(0.1, 3, 0.5)),
        "adamax": trajectory(optimizers.adamax, 0.1),
    }


@program
def sums_of_sm3_for_each_slice():
    init, update, params_of = optimizers.sm3(0.1)
    state = init([wave(3, 2), wave(4)])
    for i in range(3):
        state = update(i, [wave(3, 2) ** 2, wave(4) + i], state)
    return params_of(state)


@program
def schedules_and_norms():
    staircase = optimizers.inverse_time_decay(0.1, 2, 0.5, staircase=True)
    pieces = optimizers.piecewise_constant([1, 3], [0.1, 0.2, 0.3])
    smooth = optimizers.inverse_time_decay(0.1, 2, 0.5)
    grads = {"a": wave(3), "b": [wave(2, 2)]}
    rates = [[float(f(i)) for i in range(5)] for f in (staircase, pieces, smooth)]
    return rates, optimizers.l2_norm(grads), optimizers.clip_grads(grads, 0.5)


@program
def a_convolutional_network_of_stax():
    init, predict = stax.serial(
        stax.Conv(4, (3, 3), padding="SAME"),
        stax.BatchNorm(),
        stax.Relu,
        stax.MaxPool((2, 2), strides=(2, 2)),
        stax.FanOut(2),
        stax.parallel(stax.Identity, stax.serial(stax.Conv(4, (3, 3), padding="SAME"), stax.Tanh)),
        stax.FanInSum,
        stax.AvgPool((2, 2), padding="SAME"),
        stax.Flatten,
        stax.Dense(5),
        stax.LogSoftmax,
    )
    shape, params = init(jax.random.key(1), (-1, 8, 8, 2))
    x = wave(3, 8, 8, 2)
    grads = jax.grad(lambda p: -jnp.mean(predict(p, x)[:, 0]))(params)
    return list(shape), predict(params, x), optimizers.l2_norm(grads), grads[-2][1]


@program
def other_layers_of_stax():
    layers = {
        "transposed": stax.ConvTranspose(3, (3, 3), (2, 2), "SAME"),
        "valid": stax.ConvTranspose(3, (3, 3), (2, 2)),
        "sum": stax.SumPool((3, 2), (1, 2), spec="NHWC"),
        "concat": stax.serial(stax.FanOut(2), stax.FanInConcat(-1)),
        "elu": stax.serial(stax.Elu, stax.Gelu, stax.Selu, stax.LeakyRelu, stax.Softplus),
        "dropout": stax.serial(stax.Dropout(0.6), stax.Dense(2), stax.Sigmoid),
        "late": stax.shape_dependent(lambda shape: stax.Dense(shape[-1] + 1)),
        "scaled": stax.BatchNorm(axis=(0, 1), center=False),
    }
    found = {}
    for name, (init, predict) in layers.items():
        shape, params = init(jax.random.key(2), (2, 3, 4, 2))
        y = predict(params, wave(2, 3, 4, 2), rng=jax.random.key(3))
        found[name] = list(shape), list(y.shape), jnp.sum(y, (0, 1)), params
    return found
