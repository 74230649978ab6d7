"""Programs on the smaller modules of JAX; each gives a tree of numbers. See ``jax_programs.py``."""

import numpy as np
from funcgrad.compat.jax.scipy import stats
from funcgrad.compat.jax.scipy.cluster import vq

import funcgrad.compat.jax as jax
import funcgrad.compat.jax.numpy as jnp
from funcgrad.compat.jax import core, custom_derivatives, image, lax, test_util
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


# jax.lax


@program
def windows_by_dimension_numbers():
    rows = lax.GatherDimensionNumbers((1,), (0,), (0,))
    boxes = lax.GatherDimensionNumbers((1, 2), (), (0, 1))
    pairs = lax.GatherDimensionNumbers((), (1,), (1,), (0,), (0,))
    into = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    x, at = wave(4, 4), jnp.array([[1], [3], [9]])
    corners = jnp.array([[1, 0], [2, 2]])
    square = lambda x: jnp.sum(lax.gather(x, corners, boxes, (2, 2)) ** 2)
    names = ["scatter", "scatter_add", "scatter_mul", "scatter_sub", "scatter_min", "scatter_max"]
    return {
        "clip": lax.gather(x, at, rows, (1, 4)),
        "fill": lax.gather(x, at, rows, (1, 4), mode="fill", fill_value=7.0),
        "boxes": jax.jit(lambda x: lax.gather(x, corners, boxes, (2, 2)))(x),
        "slope": jax.grad(square)(x),
        "pairs": lax.gather(x, at[:, None].repeat(4, 1)[:1].reshape(4, 1, 1), pairs, (1, 1)),
        "into": [getattr(lax, name)(x, at, wave(3, 4), into) for name in names],
    }


@program
def patches_of_images():
    x, kernels = wave(2, 3, 6, 5), wave(4, 18, 5, 3)
    letters = ("NHWC", "HWIO", "NHWC")
    local = lambda k: lax.conv_general_dilated_local(x, k, (1, 1), "VALID", (2, 3))
    last = lax.conv_general_dilated_patches(
        x.transpose(0, 2, 3, 1), (2, 3), (1, 2), "VALID", dimension_numbers=letters
    )
    return {
        "patches": lax.conv_general_dilated_patches(x, (2, 3), (2, 1), "SAME").sum((2, 3)),
        "last": last[0],
        "local": local(kernels)[0],
        "slope": jax.grad(lambda k: jnp.sum(local(k) ** 2))(kernels).sum((2, 3)),
    }


@program
def bits_and_precision():
    x = jnp.array([1e6, 65519.0, 65520.0, 1e-6, -1e-9, jnp.inf, -1.2345678])
    half = lax.reduce_precision(x, 5, 10)
    zeros = lax.clz(jnp.array([0, 1, 5, -1, 2**30])), lax.clz(jnp.array([0, 3], jnp.uint8))
    spectrum = jnp.abs(lax.fft(wave(2, 6), lax.FftType.RFFT, (6,)))
    return [str(y) for y in half], zeros, spectrum, lax.broadcast_like(wave(3), wave(2, 3))


@program
def packed_factorisations():
    a, b = wave(4, 4), wave(2, 5, 3)
    taus = jnp.array([[0.3, 0.4, 0.5], [1.1, 0.0, 0.7]])
    symmetric, linalg = a + a.T, lax.linalg
    packed, d, e, factors = linalg.tridiagonal(symmetric)
    triangle, vectors = linalg.schur(symmetric)
    root = jnp.linalg.cholesky(a @ a.T + jnp.eye(4)).T
    return {
        "lu": list(linalg.lu(jnp.stack([a, symmetric]))),
        "product": linalg.householder_product(b, taus),
        "left": linalg.ormqr(b, taus, b, transpose=True),
        "right": linalg.ormqr(b[0], taus[0], wave(2, 5), left=False),
        "hessenberg": list(linalg.hessenberg(jnp.stack([a, symmetric]))),
        "tridiagonal": [jnp.tril(packed), d, e, factors],
        "schur": [jnp.trace(triangle), abs(vectors @ triangle @ vectors.T)],
        "update": abs(linalg.cholesky_update(root, a[0])),
        "symmetric": linalg.symmetric_product(a, symmetric, alpha=2.0, beta=0.5),
    }


# smaller names


@program
def names_beside_the_large_modules():
    forward, backward = jax.fwd_and_bwd(lambda x, y: jnp.sin(x) * y, argnums=(0, 1))
    y, residuals = forward(wave(3), 2.0)
    closed = jax.make_jaxpr(lambda x: [x + 1, jnp.sin(x)])(1.0)
    mode = stats.mode(jnp.array([[1.0, 2.0, 2.0], [3.0, 3.0, 1.0]]), axis=1)
    x = jnp.array([1e-8, 0.5, 30.0])
    (first, second), aux = jax.tree_util.flatten_one_level({"b": 1, "a": 2})
    with jax.check_tracer_leaks(), jax.profiler.TraceAnnotation("step"), jax.debug_nans(True):
        doubled = jax.jit(lambda x: 2 * x)(x)
    jax.effects_barrier()
    test_util.check_jvp(jnp.sin, lambda p, t: jax.jvp(jnp.sin, p, t), (x[1:2],))
    test_util.check_vjp(jnp.sin, lambda p: jax.vjp(jnp.sin, p), (x[1:2],))
    return {
        "cotangents": list(backward(residuals, y)),
        "jaxpr": core.eval_jaxpr(closed.jaxpr, closed.consts, 2.0),
        "mode": [mode.mode, mode.count, stats.mode(wave(2, 2), axis=None).count],
        "log1mexp": [jax.nn.log1mexp(x), jax.vmap(jax.grad(jax.nn.log1mexp))(x)],
        "level": [first, second, list(aux)],
        "doubled": doubled,
        "codes": list(vq.vq(wave(5, 2), wave(3, 2))),
        "zero": custom_derivatives.zero_from_primal(x),
    }
