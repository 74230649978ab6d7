"""Programs in JAX's idiom on the subjects of its tutorials; each gives a tree of numbers.

They were written and run under JAX first: ``python -m tests.support.jax_record`` replaces the names
of the modules and writes the numbers of JAX to ``jax_programs.json``.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from funcgrad.compat.jax.flatten_util import ravel_pytree
from funcgrad.compat.jax.scipy.linalg import cho_factor, cho_solve, solve_triangular
from funcgrad.compat.jax.scipy.special import logsumexp
from funcgrad.compat.jax.scipy.stats import norm
from funcgrad.compat.jax.tree_util import (
    register_pytree_node_class,
    tree_flatten,
    tree_map,
    tree_reduce,
    tree_unflatten,
)

import funcgrad.compat.jax as jax
import funcgrad.compat.jax.numpy as jnp
from funcgrad.compat.jax import grad, hessian, jacfwd, jacrev, jit, lax, nn, random, vmap

PROGRAMS = []


def program(fun):
    PROGRAMS.append(fun)
    return fun


@program
def linear_regression():
    key_x, key_noise = random.split(random.PRNGKey(0))
    xs = random.normal(key_x, (40,))
    ys = 3.0 * xs - 1.0 + 0.1 * random.normal(key_noise, (40,))

    class Params(NamedTuple):
        weight: jnp.ndarray
        bias: jnp.ndarray

    def loss(params, x, y):
        return jnp.mean((params.weight * x + params.bias - y) ** 2)

    @jit
    def update(params, x, y):
        g = grad(loss)(params, x, y)
        return tree_map(lambda p, d: p - 0.1 * d, params, g)

    params = Params(jnp.array(0.0), jnp.array(0.0))
    for _ in range(50):
        params = update(params, xs, ys)
    return params._asdict()


@program
def logistic_regression():
    inputs = jnp.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30]])
    targets = jnp.array([True, True, False])

    def loss(w, b):
        preds = nn.sigmoid(jnp.dot(inputs, w) + b)
        probs = preds * targets + (1 - preds) * (1 - targets)
        return -jnp.sum(jnp.log(probs)), preds

    w, b = jnp.array([0.1, -0.4, 0.7]), 0.3
    (value, preds), grads = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(w, b)
    return {"value": value, "preds": preds, "grads": grads}


@program
def multilayer_perceptron():
    def layer(m, n, key):
        w_key, b_key = random.split(key)
        return 0.5 * random.normal(w_key, (n, m)), 0.5 * random.normal(b_key, (n,))

    sizes = [5, 8, 3]
    keys = random.split(random.PRNGKey(1), len(sizes))
    params = [layer(m, n, k) for m, n, k in zip(sizes[:-1], sizes[1:], keys)]

    def predict(params, image):
        for w, b in params[:-1]:
            image = nn.relu(jnp.dot(w, image) + b)
        w, b = params[-1]
        logits = jnp.dot(w, image) + b
        return logits - logsumexp(logits)

    batched = vmap(predict, in_axes=(None, 0))
    images = random.normal(random.PRNGKey(2), (6, 5))
    labels = nn.one_hot(jnp.array([0, 1, 2, 0, 1, 2]), 3)

    def loss(params):
        return -jnp.mean(batched(params, images) * labels)

    @jit
    def update(params):
        grads = grad(loss)(params)
        return [(w - dw, b - db) for (w, b), (dw, db) in zip(params, grads)]

    for _ in range(20):
        params = update(params)
    accuracy = jnp.mean(jnp.argmax(batched(params, images), axis=1) == jnp.argmax(labels, axis=1))
    return {"loss": loss(params), "accuracy": accuracy, "bias": params[1][1]}


@program
def jacobians_and_hessians():
    def predict(w, b, inputs):
        return 0.5 * (jnp.tanh(jnp.dot(inputs, w) + b) + 1)

    inputs = jnp.array([[0.5, 1.1], [0.9, -1.0], [0.5, 0.1]])
    w = jnp.array([0.3, -0.2])
    f = lambda w: predict(w, 0.1, inputs)
    forward, reverse = jacfwd(f)(w), jacrev(f)(w)
    h = hessian(lambda w: jnp.sum(f(w) ** 2))(w)
    tree = jacrev(lambda p: p["a"] * jnp.sin(p["b"]))({"a": w, "b": 2.0})
    return {"forward": forward, "difference": jnp.max(jnp.abs(forward - reverse)), "h": h,
            "tree": tree}  # fmt: skip


@program
def hessian_vector_products():
    def f(x):
        return jnp.sum(jnp.tanh(x) ** 2 * x)

    def hvp(f, primals, tangents):
        return jax.jvp(grad(f), primals, tangents)[1]

    x, v = jnp.linspace(-1.0, 1.0, 5), jnp.ones(5)
    y, pushforward = jax.linearize(f, x)
    out, pullback = jax.vjp(f, x)
    reverse = grad(lambda x: jnp.vdot(grad(f)(x), v))(x)
    return [hvp(f, (x,), (v,)), reverse, pushforward(v), pullback(jnp.ones_like(out))[0], y]


@program
def per_example_gradients():
    def loss(params, x, y):
        return (jnp.dot(params["w"], x) + params["b"] - y) ** 2

    params = {"w": jnp.arange(3.0), "b": 0.5}
    xs, ys = jnp.arange(12.0).reshape(4, 3) / 10, jnp.array([1.0, 0.0, -1.0, 2.0])
    grads = jit(vmap(grad(loss), in_axes=(None, 0, 0)))(params, xs, ys)
    norms = jnp.sqrt(jnp.sum(grads["w"] ** 2, axis=-1) + grads["b"] ** 2)
    clipped = tree_map(
        lambda g: jnp.mean(g / jnp.maximum(1.0, norms.reshape((-1,) + (1,) * (g.ndim - 1))), 0),
        grads,
    )
    return {"norms": norms, "clipped": clipped}


@program
def recurrent_network_by_scan():
    def cell(params, h, x):
        h = jnp.tanh(params["wh"] @ h + params["wx"] @ x)
        return h, h.sum()

    key = random.key(3)
    kh, kx, ki = random.split(key, 3)
    params = {"wh": 0.3 * random.normal(kh, (4, 4)), "wx": random.normal(kx, (4, 2))}
    inputs = random.normal(ki, (7, 2))

    def loss(params):
        h, sums = lax.scan(partial(cell, params), jnp.zeros(4), inputs)
        return jnp.sum(h**2) + sums.mean()

    value, grads = jax.value_and_grad(jit(loss))(params)
    return {"value": value, "grads": grads}


@program
def newton_by_while_loop():
    def sqrt(a):
        def cond(state):
            x, before, i = state
            return (jnp.abs(x - before) > 1e-6) & (i < 50)

        def body(state):
            x, _, i = state
            return 0.5 * (x + a / x), x, i + 1

        return lax.while_loop(cond, body, (a, jnp.inf, 0))

    x, _, steps = jit(sqrt)(2.0)
    many = vmap(lambda a: sqrt(a)[0])(jnp.array([1.0, 9.0, 100.0]))
    slope = jax.jvp(lambda a: sqrt(a)[0], (2.0,), (1.0,))[1]
    return {"x": x, "steps": steps, "many": many, "slope": slope}


@program
def power_iteration_by_fori_loop():
    a = jnp.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])

    @partial(jit, static_argnames=("steps",))
    def dominant(a, steps):
        def body(i, v):
            v = a @ v
            return v / jnp.linalg.norm(v)

        v = lax.fori_loop(0, steps, body, jnp.ones(3))
        return v @ a @ v

    return {"value": dominant(a, steps=30), "grad": grad(dominant)(a, 30),
            "exact": jnp.linalg.eigvalsh(a)[-1]}  # fmt: skip


@program
def branches():
    def f(x):
        y = lax.cond(x > 0, lambda x: x**2, lambda x: -x, x)
        return lax.switch(jnp.int32(jnp.abs(x)), [jnp.sin, jnp.cos, lambda x: x], y)

    xs = jnp.array([-0.5, 0.5, 1.5, -2.5])
    picked = lax.select(xs > 0, xs, jnp.zeros_like(xs))
    operand = lax.cond(True, lambda p: p["a"] + 1, lambda p: p["a"] - 1, operand={"a": 2.0})
    return [vmap(f)(xs), vmap(grad(f))(xs), picked, operand, jit(f)(0.5)]


@program
def stable_log_by_custom_jvp():
    @jax.custom_jvp
    def log1pexp(x):
        return jnp.log(1.0 + jnp.exp(x))

    @log1pexp.defjvp
    def rule(primals, tangents):
        (x,), (t,) = primals, tangents
        return log1pexp(x), (1 - 1 / (1 + jnp.exp(x))) * t

    @jax.custom_jvp
    def product(x, y):
        return x * y

    product.defjvps(lambda t, ans, x, y: 2 * t * y, lambda t, ans, x, y: t * x)
    return [grad(log1pexp)(80.0), jit(vmap(grad(log1pexp)))(jnp.array([0.0, 5.0])),
            grad(product)(2.0, 3.0), grad(grad(log1pexp))(0.5)]  # fmt: skip


@program
def gradient_clipping_by_custom_vjp():
    @partial(jax.custom_vjp, nondiff_argnums=(0,))
    def clip_gradient(bound, x):
        return x

    def forward(bound, x):
        return x, None

    def backward(bound, residuals, g):
        return (jnp.clip(g, -bound, bound),)

    clip_gradient.defvjp(forward, backward)
    f = lambda x: jnp.sin(clip_gradient(0.75, x))
    xs = jnp.linspace(0.0, 2.0, 5)
    return [vmap(grad(f))(xs), jit(grad(f))(0.1)]


@program
def functional_updates():
    x = jnp.zeros((3, 4)).at[1, :].set(1.0).at[::2, 3:].add(7.0)
    y = jnp.arange(5.0).at[jnp.array([0, 1, 1])].add(10.0).at[-1].multiply(3.0)
    z = y.at[1:3].min(5.0).at[0].max(20.0).at[2].apply(jnp.sin).at[3].divide(2.0)
    sliced = lax.dynamic_update_slice(x, jnp.full((2, 2), 9.0), (1, 1))
    window = lax.dynamic_slice(sliced, (jnp.array(0), 1), (2, 2))
    g = grad(lambda v: jnp.sum(jnp.zeros(5).at[jnp.array([1, 1, 3])].add(v) ** 2))(jnp.ones(3))
    got = y.at[jnp.array([0, 7])].get(mode="fill", fill_value=-1.0)
    return [x, y, z, sliced, window, g, got]


@program
def random_numbers():
    key = random.PRNGKey(42)
    key, *subkeys = random.split(key, 8)
    return {
        "normal": random.normal(subkeys[0], (3,)),
        "uniform": random.uniform(subkeys[1], (3,), minval=-1.0, maxval=2.0),
        "bernoulli": random.bernoulli(subkeys[2], 0.3, (6,)),
        "randint": random.randint(subkeys[3], (5,), 0, 10),
        "permutation": random.permutation(subkeys[4], 6),
        "categorical": random.categorical(
            subkeys[5], jnp.log(jnp.array([0.1, 0.6, 0.3])), shape=(5,)
        ),
        "exponential": random.exponential(subkeys[6], (2,)),
        "many": vmap(lambda k: random.normal(k))(random.split(key, 3)),
        "folded": random.uniform(random.fold_in(key, 7)),
    }


@program
def pytrees():
    @register_pytree_node_class
    class Point:
        def __init__(self, x, y, name):
            self.x, self.y, self.name = x, y, name

        def tree_flatten(self):
            return (self.x, self.y), self.name

        @classmethod
        def tree_unflatten(cls, name, children):
            return cls(*children, name)

    point = Point(jnp.array([1.0, 2.0]), 3.0, "p")
    doubled = tree_map(lambda v: 2 * v, point)
    g = grad(lambda p: jnp.sum(p.x**2) * p.y)(point)
    leaves, treedef = tree_flatten({"a": [1, (2, 3)], "b": point, "none": None})
    again = tree_unflatten(treedef, [2 * x for x in leaves])
    flat, unravel = ravel_pytree({"w": jnp.ones((2, 2)), "b": jnp.zeros(3)})
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(again)]
    return {
        "doubled": (doubled.x, doubled.y), "grad": (g.x, g.y),
        "sum": tree_reduce(lambda a, b: a + jnp.sum(b), again, 0.0),
        "flat": flat, "unraveled": unravel(flat * 2), "paths": len("".join(paths)),
        "total": jax.tree.reduce(lambda a, b: a + b, {"a": 1, "b": 2}, initializer=10),
    }  # fmt: skip


@program
def cumulative_by_associative_scan():
    a, b = jnp.array([0.9, 0.5, 1.1, 0.7]), jnp.array([1.0, -1.0, 2.0, 0.5])
    combine = lambda left, right: (left[0] * right[0], right[0] * left[1] + right[1])
    _, states = lax.associative_scan(combine, (a, b))
    mapped = lax.map(lambda x: x**2 + 1, b)
    return [states, mapped, lax.cumsum(b, reverse=True), lax.cummax(b), jnp.cumprod(a)]


@program
def kalman_filter():
    transition = jnp.array([[1.0, 0.1], [0.0, 1.0]])
    observe = jnp.array([[1.0, 0.0]])
    q, r = 0.01 * jnp.eye(2), jnp.array([[0.2]])

    def step(carry, y):
        m, p = carry
        m, p = transition @ m, transition @ p @ transition.T + q
        s = observe @ p @ observe.T + r
        gain = jnp.linalg.solve(s, observe @ p).T
        error = y - observe @ m
        m, p = m + gain @ error, p - gain @ s @ gain.T
        return (m, p), (m, norm.logpdf(error[0], 0.0, jnp.sqrt(s[0, 0])))

    ys = jnp.sin(jnp.arange(10) * 0.3)[:, None]

    @jit
    def filtered(ys):
        (m, p), (means, terms) = lax.scan(step, (jnp.zeros(2), jnp.eye(2)), ys)
        return terms.sum(), (m, p, means)

    value, (m, p, means) = filtered(ys)
    return {"value": value, "m": m, "p": p, "last": means[-3:],
            "grad": grad(lambda y: filtered(y)[0])(ys)[:3]}  # fmt: skip


@program
def hamiltonian_monte_carlo():
    def logp(x):
        return -0.5 * jnp.sum(x**2 / jnp.array([1.0, 4.0]))

    def step(state, key):
        x, accepted = state
        k1, k2 = random.split(key)
        p = random.normal(k1, x.shape)

        def leap(carry, _):
            x, p = carry
            p = p + 0.1 * grad(logp)(x)
            x = x + 0.2 * p
            return (x, p + 0.1 * grad(logp)(x)), None

        (new, q), _ = lax.scan(leap, (x, p), None, length=5)
        gain = logp(new) - 0.5 * q @ q - logp(x) + 0.5 * p @ p
        ok = jnp.log(random.uniform(k2)) < gain
        return (jnp.where(ok, new, x), accepted + ok), x

    keys = random.split(random.PRNGKey(7), 40)
    (x, accepted), path = jit(lambda k: lax.scan(step, (jnp.ones(2), 0), k))(keys)
    return {"x": x, "accepted": accepted, "mean": path.mean(axis=0)}


@program
def runge_kutta():
    def dynamics(state, t, mu):
        x, v = state
        return jnp.stack([v, mu * (1 - x**2) * v - x])

    def solve(y0, mu):
        dt = 0.05

        def step(y, t):
            k1 = dynamics(y, t, mu)
            k2 = dynamics(y + dt / 2 * k1, t + dt / 2, mu)
            k3 = dynamics(y + dt / 2 * k2, t + dt / 2, mu)
            k4 = dynamics(y + dt * k3, t + dt, mu)
            return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), y

        return lax.scan(step, y0, jnp.arange(0.0, 2.0, dt))

    y0 = jnp.array([1.0, 0.0])
    final, path = jit(solve)(y0, 1.5)
    slope = grad(lambda mu: solve(y0, mu)[0][0])(1.5)
    ensemble = vmap(lambda mu: solve(y0, mu)[0])(jnp.array([0.5, 1.0, 2.0]))
    return {"final": final, "shape": path.shape, "slope": slope, "ensemble": ensemble}


@program
def convolutions():
    image = jnp.arange(2 * 6 * 6 * 1.0).reshape(2, 6, 6, 1) / 72
    kernel = jnp.array([[1.0, 0.0, -1.0]] * 3).reshape(3, 3, 1, 1)
    dims = lax.conv_dimension_numbers(image.shape, kernel.shape, ("NHWC", "HWIO", "NHWC"))
    out = lax.conv_general_dilated(image, kernel, (2, 2), "SAME", dimension_numbers=dims)
    pooled = lax.reduce_window(out, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 1, 1, 1), "VALID")
    g = grad(lambda k: jnp.sum(lax.conv_general_dilated(
        image, k, (1, 1), "VALID", dimension_numbers=dims) ** 2))(kernel)  # fmt: skip
    smooth = jnp.convolve(jnp.arange(6.0), jnp.array([0.25, 0.5, 0.25]), mode="same")
    return [out[0, ..., 0], pooled.ravel(), g[..., 0, 0], smooth]


@program
def attention():
    kq, kk, kv = random.split(random.key(11), 3)
    q, k, v = (random.normal(s, (2, 4, 3)) for s in (kq, kk, kv))
    mask = jnp.tril(jnp.ones((4, 4), dtype=bool))

    def attend(q, k, v):
        logits = jnp.einsum("bqd,bkd->bqk", q, k) / jnp.sqrt(q.shape[-1])
        weights = nn.softmax(jnp.where(mask, logits, -1e9), axis=-1)
        return jnp.einsum("bqk,bkd->bqd", weights, v, precision=lax.Precision.HIGHEST)

    out = jit(attend)(q, k, v)
    x = (out - out.mean(-1, keepdims=True)) / jnp.sqrt(out.var(-1, keepdims=True) + 1e-5)
    g = grad(lambda q: jnp.sum(nn.gelu(attend(q, k, v))))(q)
    return {"out": out[0], "normalized": x[1, :2], "grad": g[1], "silu": nn.silu(out[0, 0])}


@program
def adam_by_hand():
    class State(NamedTuple):
        count: jnp.ndarray
        mu: dict
        nu: dict

    def init(params):
        zeros = tree_map(jnp.zeros_like, params)
        return State(jnp.zeros([], jnp.int32), zeros, zeros)

    @jit
    def update(params, state, b1=0.9, b2=0.999):
        g = grad(lambda p: jnp.sum((p["x"] - 1) ** 2) + jnp.abs(p["y"]))(params)
        count = state.count + 1
        mu = tree_map(lambda m, d: b1 * m + (1 - b1) * d, state.mu, g)
        nu = tree_map(lambda n, d: b2 * n + (1 - b2) * d**2, state.nu, g)
        step = lambda m, n: m / (1 - b1**count) / (jnp.sqrt(n / (1 - b2**count)) + 1e-8)
        params = tree_map(lambda p, m, n: p - 0.1 * step(m, n), params, mu, nu)
        return params, State(count, mu, nu)

    params = {"x": jnp.array([0.0, 3.0]), "y": jnp.array(0.55)}
    state = init(params)
    for _ in range(25):
        params, state = update(params, state)
    return {"params": params, "count": state.count, "dtype": str(params["x"].dtype)}


@program
def fixed_points_by_implicit_differentiation():
    @partial(jax.custom_vjp, nondiff_argnums=(0,))
    def fixed_point(f, a, guess):
        return lax.while_loop(
            lambda c: jnp.abs(c[0] - c[1]) > 1e-7,
            lambda c: (c[1], f(a, c[1])),
            (guess, f(a, guess)),
        )[1]

    def forward(f, a, guess):
        star = fixed_point(f, a, guess)
        return star, (a, star)

    def backward(f, residuals, g):
        a, star = residuals
        _, pull_a = jax.vjp(lambda a: f(a, star), a)
        _, pull_x = jax.vjp(lambda x: f(a, x), star)
        w = lax.fori_loop(0, 40, lambda i, w: g + pull_x(w)[0], g)
        return *pull_a(w), jnp.zeros_like(star)

    fixed_point.defvjp(forward, backward)
    root = lambda a: fixed_point(lambda a, x: 0.5 * (x + a / x), a, a)
    return [jit(root)(2.0), grad(root)(2.0)]


@program
def vectorized_functions():
    matvec = jnp.vectorize(jnp.dot, signature="(n,m),(m)->(n)")
    a = jnp.arange(24.0).reshape(2, 4, 3)
    smooth = partial(jnp.vectorize, excluded={1})(lambda x, n: x**n)
    nested = vmap(vmap(jnp.dot, (0, None)), (0, 0))(a, jnp.ones((2, 3)))
    outer = vmap(lambda x: vmap(lambda y: x * y)(jnp.arange(3.0)))(jnp.arange(2.0))
    total = vmap(lambda x: x / lax.psum(x, "i"), axis_name="i")(jnp.arange(4.0))
    return [matvec(a, jnp.ones((2, 3))), smooth(jnp.arange(3.0), 2), nested, outer, total,
            vmap(lambda x: x, out_axes=1)(a[0])]  # fmt: skip


@program
def gaussian_process():
    def kernel(params, x, y):
        return params["scale"] * jnp.exp(-0.5 * (x - y) ** 2 / params["length"] ** 2)

    def gram(params, xs, ys):
        return vmap(lambda x: vmap(lambda y: kernel(params, x, y))(ys))(xs)

    xs = jnp.linspace(-1, 1, 6)
    ys = jnp.sin(3 * xs)

    def evidence(params):
        k = gram(params, xs, xs) + 0.1 * jnp.eye(6)
        chol = jnp.linalg.cholesky(k)
        alpha = solve_triangular(chol, ys, lower=True)
        return -0.5 * alpha @ alpha - jnp.log(jnp.diag(chol)).sum() - 3 * jnp.log(2 * jnp.pi)

    params = {"scale": 1.0, "length": 0.5}
    value, g = jax.value_and_grad(evidence)(params)
    factor = cho_factor(gram(params, xs, xs) + 0.1 * jnp.eye(6), lower=True)
    mean = gram(params, jnp.array([0.1, 0.2]), xs) @ cho_solve(factor, ys)
    return {"value": value, "grad": g, "mean": mean}


@program
def temporal_differences():
    def value(theta, state):
        return jnp.dot(theta, state)

    def loss(theta, before, reward, after):
        target = reward + 0.9 * value(theta, after)
        return (lax.stop_gradient(target) - value(theta, before)) ** 2

    theta, s0, s1 = (
        jnp.array([0.1, -0.1, 0.0]),
        jnp.array([1.0, 2.0, -1.0]),
        jnp.array([2.0, 1.0, 0.0]),
    )
    remat = jax.checkpoint(lambda t: jnp.sin(jnp.sin(t)).sum())
    shape = jax.eval_shape(jnp.outer, theta, s0).shape
    return [grad(loss)(theta, s0, 1.0, s1), grad(remat)(theta), shape]


@program
def game_of_life():
    board = np.zeros((6, 6), dtype=int)
    board[1, 2] = board[2, 3] = board[3, 1] = board[3, 2] = board[3, 3] = 1

    @jit
    def step(b, _):
        near = sum(jnp.roll(b, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) - b
        return jnp.where((near == 3) | ((b == 1) & (near == 2)), 1, 0), near.max()

    final, most = lax.scan(step, jnp.asarray(board), jnp.arange(4))
    return [final, most, jnp.argwhere(final)[0], str(final.dtype)]
