"""Small programs of two arguments, x of 3 numbers and p of 2, for ``test_nesting.py``.

Each is smooth where it is tested, and gives an array or a tree of arrays. Where a program runs on
a primitive that holds programs, ``TWINS`` has the same function in plain Python.
"""

from typing import NamedTuple

import numpy as np

import funcgrad as fg
from funcgrad import lax, tree

W = np.array([[0.2, -0.5, 0.9], [1.1, 0.3, -0.8], [-0.6, 0.4, 0.5]])


class Pair(NamedTuple):
    left: object
    right: object


# plain NumPy


def product(x, p):
    return x * p[0] + np.sin(x) * p[1]


def fan_out(x, p):
    y = np.tanh(x * p[0])
    return (y * y + y * p[1] - y).sum()


def matrices(x, p):
    h = np.outer(x, p) @ np.outer(p, x) + W
    return np.einsum("ij,jk->ik", h, W)[0]


def indexing(x, p):
    return {"a": x[[2, 0, 2]] * x[1:].sum(), "b": (p[::-1] ** 2, x[0] * p[0])}


def updates(x, p):
    y = fg.at(np.zeros(4))[1:].set(x**2)
    return fg.at(y)[np.array([0, 0])].add(p * x[0])


def reductions(x, p):
    return np.stack([x.max(), x.min() * p[0], np.prod(x), x.std() * p[1], np.median(x)])


def scans(x, p):
    return np.cumsum(x * p[0]) + np.cumprod(np.cos(x)) * p[1]


def joined(x, p):
    return np.concatenate([x, p, [x[0] * p[1], 1.0]])[::2]


def softmax(x, p):
    z = W @ x * p[0]
    e = np.exp(z - z.max())
    return e / e.sum() + p[1]


def choice(x, p):
    return np.where(x > 0.1, np.exp(x) * p[0], x**3 + p[1])


def sorted_values(x, p):
    return np.sort(np.sin(3 * x)) * np.arange(3) * p[0]


def complex_numbers(x, p):
    z = x * np.exp(1j * p[0]) + 1j * p[1]
    return np.abs(z) ** 2 + z.real


# control flow


def scan_carry(x, p):
    return lax.scan(lambda c, _: (np.sin(c) * p[0] + x, None), x, None, 4)[0]


def scan_slices(x, p):
    def step(carry, t):
        h = np.tanh(W @ carry["h"] + t * p[0])
        return {"h": h, "n": carry["n"] + 1}, (h * p[1]).sum()

    last, ys = lax.scan(step, {"h": x, "n": 0}, np.stack([x, 2 * x, x * x]))
    return Pair(last["h"], ys)


def scan_reverse(x, p):
    step = lambda c, t: (c * 0.5 + t * p[0], c * t)
    return lax.scan(step, p[1], x, reverse=True, unroll=2)


def scan_of_scan(x, p):
    inner = lambda c, t: (np.cos(c) + t * p[0], c)
    return lax.scan(lambda c, t: lax.scan(inner, c * t, x), p[1], x)


def while_steps(x, p):
    go_on = lambda s: (s * s).sum() < 6.0
    return lax.while_loop(go_on, lambda s: s * (1.4 + 0.1 * p[0] ** 2) + 0.1 * p[1] * x, x)


def newton(x, p):
    a = 2.0 + x * x
    step = lambda y: y - (y**3 - a) / (3 * y * y)
    return lax.while_loop(lambda y: np.any(np.abs(y**3 - a) > 1e-9), step, 1.0 + 0 * a) * p[0]


def fori(x, p):
    return lax.fori_loop(0, 3, lambda i, v: np.sin(v) * p[0] + i * 0.1, x) * p[1]


def fori_traced(x, p):
    n = np.floor(np.abs(x[0]) * 4).astype(int)  # differs from example to example
    return lax.fori_loop(0, n, lambda i, v: np.sin(v) * p[0] + 0.1 * i * x, x)


def loops_nested(x, p):
    def grown(i, v):
        return lax.while_loop(lambda s: (s * s).sum() < 3.0 + i, lambda s: 1.5 * s + p[0], v)

    return lax.fori_loop(0, 2, lambda i, v: 0.4 * grown(i, v), 1.0 + x * x) * p[1]


def cond_on_values(x, p):
    grow = lambda x: {"y": np.exp(x) * p[0], "n": 2.0}
    return lax.cond(x[0] > 0.3, grow, lambda x: {"y": x**3, "n": p[1]}, x)


def switch_on_values(x, p):
    index = np.floor(x[0] * 3).astype(int)
    return lax.switch(index, [np.sin, lambda x: x * p[0], lambda x: W @ x], x) * p[1]


def cond_in_scan(x, p):
    def step(c, t):
        return lax.cond(t > 0.3, np.sin, lambda c: c * t * p[0], c), c[0]

    return lax.scan(step, x * p[1], x)


def scan_in_cond(x, p):
    grow = lambda x: lax.scan(lambda c, t: (c * t + p[0], c), p[1], x)[0]
    return lax.cond(x[1] > 0.0, grow, lambda x: x.sum(), x)


def mapped(x, p):
    return lax.map(lambda t: np.sin(t * p), x, batch_size=2)


def prefixes(x, p):
    rows = np.stack([W * t + p[0] for t in x])
    return lax.associative_scan(lambda a, b: b @ a, rows, reverse=True)[0] * p[1]


# rules of one's own


def custom_forward(x, p):
    f = fg.custom_jvp(lambda x, a: np.sin(x * a))
    f.defjvp(lambda xs, ts: (f(*xs), np.cos(xs[0] * xs[1]) * (ts[0] * xs[1] + xs[0] * ts[1])))
    return f(x, p[0]) * p[1]


def custom_forward_each(x, p):
    f = fg.custom_jvp(lambda x, a: {"y": x * a**2})
    f.defjvps(
        lambda t, y, x, a: {"y": t * a**2},
        lambda t, y, x, a: {"y": 2 * x * a * t},
    )
    return f(x, p[0])["y"]


def custom_in_scan(x, p):
    f = fg.custom_jvp(np.sin)
    f.defjvp(lambda xs, ts: (np.sin(xs[0]), np.cos(xs[0]) * ts[0]))
    return lax.scan(lambda c, t: (f(c * p[0]) + t, f(t)), p[1], x)


def custom_batched(x, p):
    f = fg.custom_batch(lambda x, a: np.dot(x, x) * a)

    @f.def_vmap
    def rule(size, batched, x, a):
        x = x if batched[0] else np.broadcast_to(x, (size, 3))
        return np.sum(x * x, axis=1) * a, True

    return f(x, p[0]) + p[1]


def remat(x, p):
    return fg.checkpoint(lambda x: np.sin(np.exp(W @ x) * p[0]) * x)(x) * p[1]


def remat_dots(x, p):
    body = lambda c, t: (np.tanh(fg.checkpoint_name(W @ c, "h") * t) + p[0], None)
    f = lambda x: lax.scan(fg.checkpoint(body, policy="dots"), x, x)[0]
    return fg.checkpoint(f, policy=["h"])(x * p[1])


def ruled_forward(f):
    """Give a function a rule of ``custom_jvp`` that is its own derivative."""
    rule = fg.custom_jvp(f)
    rule.defjvp(lambda primals, tangents: fg.jvp(f, primals, tangents))
    return rule


def ruled_reverse(f):
    """Give a function of one argument a rule of ``custom_vjp`` that is its own derivative."""
    rule = fg.custom_vjp(f)
    rule.defvjp(lambda x: (f(x), x), lambda x, ct: fg.vjp(f, x)[1](ct))
    return rule


# what an equation defines


def root(x, p):
    f = lambda y: y**3 + y - x * p[0]

    def solve(f, y):
        return lax.fori_loop(0, 40, lambda i, y: y - f(y) / (3 * y * y + 1), y)

    def tangent_solve(g, v):
        return v / g(np.ones(3))

    return lax.custom_root(f, np.zeros(3), solve, tangent_solve) * p[1]


def conjugate_gradients(matvec, b):
    def step(s):
        x, r, d, rr = s
        q = matvec(d)
        a = rr / (d @ q)
        new = r - a * q
        return x + a * d, new, new + (new @ new) / rr * d, new @ new

    start = (np.zeros(3), b, b, b @ b)
    return lax.while_loop(lambda s: s[3] > 1e-28, step, start)[0]


def linear_system(x, p):
    a = np.outer(x, x) * p[0] ** 2 + W @ W.T + 3 * np.eye(3)
    return lax.custom_linear_solve(lambda v: a @ v, x * p[1], conjugate_gradients, symmetric=True)


def settled(x, p):
    f = lambda y, x, p: 0.3 * np.tanh(W @ y * p[0]) + x
    return lax.fixed_point(f, np.zeros(3), x, p, tol=1e-13) * p[1]


# derivatives inside, and closures over what is being differentiated


def gradient_inside(x, p):
    inner = fg.grad(lambda y: (np.sin(y) * y * p[0]).sum())
    return inner(x) * p[1]


def gradient_of_scan_inside(x, p):
    end = lambda y: lax.scan(lambda c, t: (np.sin(c * t) + p[0], None), y[0], y)[0]
    return fg.grad(end)(x) * p[1]


def gradient_of_while_inside(x, p):
    grown = lambda y: lax.while_loop(lambda s: s < 4.0, lambda s: s * (1.3 + 0.1 * y * y), 1.0)
    return fg.vmap(fg.grad(grown))(x) * p[0] + p[1]


def vmap_inside(x, p):
    twice = lambda t: lax.scan(lambda c, _: (np.sin(c * t), None), p[0], None, 2)[0]
    return fg.vmap(twice)(x) * p[1]


def collective_inside(x, p):
    f = lambda t: np.exp(t * p[0] - lax.pmean(t, "i")) / lax.psum(t * t, "i")
    return fg.vmap(f, axis_name="i")(x) * p[1]


def closures(x, p):
    scaled = lambda c: fg.checkpoint(lambda c: np.sin(c) * x)(c) * p[1]
    return lax.scan(lambda c, _: (scaled(c), None), p[0] * x, None, 2)[0]


def jacobian_inside(x, p):
    return fg.jacfwd(lambda y: lax.scan(lambda c, t: (c * t, c), p[0], y)[1])(x) @ x * p[1]


PROGRAMS = {
    f.__name__: f
    for f in (
        product, fan_out, matrices, indexing, updates, reductions, scans, joined, softmax, choice,
        sorted_values, complex_numbers, scan_carry, scan_slices, scan_reverse, scan_of_scan,
        while_steps, newton, fori, fori_traced, loops_nested, cond_on_values, switch_on_values,
        cond_in_scan, scan_in_cond, mapped, prefixes, custom_forward, custom_forward_each,
        custom_in_scan, custom_batched, remat, remat_dots, root, linear_system, settled,
        gradient_inside, gradient_of_scan_inside, gradient_of_while_inside, vmap_inside,
        collective_inside, closures, jacobian_inside,
    )
}  # fmt: skip


# the same in plain Python


def _scan(step, carry, slices):
    ys = []
    for t in slices:
        carry, y = step(carry, t)
        ys.append(y)
    return carry, np.stack(ys)


def _repeat(n, step, value):
    for _ in range(n):
        value = step(value)
    return value


def _grow(s, step, enough):
    while (s * s).sum() < enough:
        s = step(s)
    return s


def _slices_twin(x, p):
    h, ys = _scan(
        lambda h, t: ((h := np.tanh(W @ h + t * p[0])), (h * p[1]).sum()), x, [x, 2 * x, x * x]
    )
    return Pair(h, ys)


def _loops_twin(x, p):
    v = 1.0 + x * x
    for i in range(2):
        v = 0.4 * _grow(v, lambda s: 1.5 * s + p[0], 3.0 + i)
    return v * p[1]


def _traced_twin(x, p):
    v = x
    for i in range(int(abs(x[0]) * 4)):
        v = np.sin(v) * p[0] + 0.1 * i * x
    return v


def _reverse_twin(x, p):
    last, ys = _scan(lambda c, t: (c * 0.5 + t * p[0], c * t), p[1], x[::-1])
    return last, ys[::-1]


def _cond_twin(x, p):
    return {"y": np.exp(x) * p[0], "n": 2.0} if x[0] > 0.3 else {"y": x**3, "n": p[1]}


TWINS = {
    "scan_carry": lambda x, p: _repeat(4, lambda c: np.sin(c) * p[0] + x, x),
    "scan_slices": _slices_twin,
    "scan_reverse": _reverse_twin,
    "scan_of_scan": lambda x, p: _scan(
        lambda c, t: _scan(lambda c, t: (np.cos(c) + t * p[0], c), c * t, x), p[1], x),
    "while_steps": lambda x, p: _grow(
        x, lambda s: s * (1.4 + 0.1 * p[0] ** 2) + 0.1 * p[1] * x, 6.0),
    "newton": lambda x, p: np.cbrt(2.0 + x * x) * p[0],
    "fori_traced": _traced_twin,
    "loops_nested": _loops_twin,
    "cond_on_values": _cond_twin,
    "switch_on_values": lambda x, p: p[1] * (
        np.sin(x), x * p[0], W @ x)[min(max(int(np.floor(x[0] * 3)), 0), 2)],
    "cond_in_scan": lambda x, p: _scan(
        lambda c, t: (np.sin(c) if t > 0.3 else c * t * p[0], c[0]), x * p[1], x),
    "mapped": lambda x, p: np.sin(np.outer(x, p)),
    "linear_system": lambda x, p: np.linalg.solve(
        np.outer(x, x) * p[0] ** 2 + W @ W.T + 3 * np.eye(3), x * p[1]),
    "settled": lambda x, p: p[1] * _repeat(
        99, lambda y: 0.3 * np.tanh(W @ y * p[0]) + x, np.zeros(3)),
}  # fmt: skip


# where they are taken, and the transforms

RNG = np.random.default_rng(7)
X = RNG.uniform(0.15, 0.95, (2, 3, 3)) * np.array([1, -1, 1])  # [outer example, example, number]
P = RNG.uniform(0.5, 1.2, (2, 3, 2))
TX, TP = RNG.normal(size=3), RNG.normal(size=2)  # a direction


def weighted(out):
    """Return one number that all elements of an output take part in."""
    return sum(np.sum(np.cos(1.0 + i) * leaf) for i, leaf in enumerate(tree.leaves(out)))


def cotangent(out):
    """Return a cotangent like an output."""
    rng = np.random.default_rng(3)
    return tree.map(lambda y: rng.normal(size=np.shape(y)), out)


def pulled(f, x, p):
    out, pullback = fg.vjp(f, x, p)
    return pullback(cotangent(out))


# each takes a program, and gives a function of x and p
TRANSFORMS = {
    "value": lambda f: f,
    "grad": lambda f: fg.grad(lambda x, p: weighted(f(x, p)), argnums=(0, 1)),
    "jvp": lambda f: lambda x, p: fg.jvp(f, (x, p), (TX, TP))[1],
    "vjp": lambda f: lambda x, p: pulled(f, x, p),
    "linearize": lambda f: lambda x, p: fg.linearize(f, x, p)[1](TX, TP),
    "hessian": lambda f: fg.hessian(lambda x, p: weighted(f(x, p))),
}
