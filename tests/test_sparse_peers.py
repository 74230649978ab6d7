"""Sparse derivatives beside asdex, under jax.jit: the same values in no more passes, nor time."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import sparse

from .benchmarks.sparse import LIBRARIES, PROGRAMS, compare

pytestmark = pytest.mark.peers

EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [0, 5], [1, 4], [2, 5]])


def grid(xp, x):
    return x.reshape(4, 6)


def pendulums(xp, z):
    """Defects of a transcription by trapezoids: angle, speed and torque at 8 nodes."""
    z = z.reshape(8, 3)
    f = xp.stack([z[:, 1], -xp.sin(z[:, 0]) + z[:, 2]], 1)
    return (z[1:, :2] - z[:-1, :2] - 0.05 * (f[1:] + f[:-1])).ravel()


def springs(xp, x):
    d = x.reshape(12, 2)[EDGES[:, 0]] - x.reshape(12, 2)[EDGES[:, 1]]
    return xp.sqrt(xp.sum(d**2, 1) + 1)


# of a namespace and 24 numbers
JACOBIANS = {
    "chain": lambda xp, x: x[1:] * x[:-1],
    "second differences": lambda xp, x: x[1:-1] * (x[2:] - 2 * x[1:-1] + x[:-2]),
    "five points in a row": lambda xp, x: x[4:] * x[3:-1] + x[2:-2] ** 2 * x[1:-3] - x[:-4],
    "ring": lambda xp, x: x * xp.roll(x, 1) - xp.roll(x, -1) ** 2,
    "burgers": PROGRAMS["burgers"][0],
    "rows": lambda xp, x: (grid(xp, x) * xp.sum(grid(xp, x), 1, keepdims=True)).ravel(),
    "columns": lambda xp, x: xp.sum(grid(xp, x) ** 2, 0),
    "box": lambda xp, x: (
        grid(xp, x)[1:, 1:] * grid(xp, x)[:-1, :-1] * grid(xp, x)[1:, :-1]
    ).ravel(),
    "arrow": lambda xp, x: xp.concatenate([xp.sum(x**2)[None], x[1:] * x[0]]),
    "column arrow": lambda xp, x: x * x[0],
    "pairs": lambda xp, x: x[:12] * x[12:],
    "gather": lambda xp, x: x[EDGES[:, 0]] - x[EDGES[:, 1]] ** 2,
    "springs": springs,
    "pendulums": pendulums,
    "mask": lambda xp, x: xp.where(np.arange(24) % 3 == 0, x, x[::-1] ** 2),
    "data mask": lambda xp, x: xp.where(x > 0.5, x, xp.roll(x, 2)),
    "elementwise": lambda xp, x: xp.exp(x) * xp.sin(x),
    "dense": lambda xp, x: xp.sum(x) * x,
    "pad": lambda xp, x: xp.pad(x, 2)[4:] * x,
    "stack": lambda xp, x: xp.stack([x[:6] * x[6:12], x[12:18] ** 2]).ravel(),
    "matrix product": lambda xp, x: (x[:12].reshape(3, 4) @ x[12:].reshape(4, 3)).ravel(),
    "constant matrix": lambda xp, x: np.diag(np.arange(24.0)) @ x + x[::-1],
}
HESSIANS = {
    "rosenbrock": PROGRAMS["rosenbrock"][0],
    "springs": lambda xp, x: xp.sum((springs(xp, x) - 1) ** 2),
    "effort": lambda xp, x: xp.sum(pendulums(xp, x) ** 4),
    "ring": lambda xp, x: xp.sum(x * xp.roll(x, 1) ** 2),
    "arrow": lambda xp, x: xp.sum(x[0] * x[1:] ** 2),
    "box": lambda xp, x: xp.sum(JACOBIANS["box"](xp, x) ** 2),
    "separable": lambda xp, x: xp.sum(xp.cos(x)),
    "grid": lambda xp, x: (
        xp.sum((grid(xp, x)[1:] - grid(xp, x)[:-1]) ** 4)
        + xp.sum((grid(xp, x)[:, 1:] - grid(xp, x)[:, :-1]) ** 4)
    ),
    "dense": lambda xp, x: xp.sum(x) ** 4,
}


@pytest.fixture(scope="module")
def asdex():
    pytest.importorskip("asdex")
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield LIBRARIES["asdex"]
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize(
    ("order", "name"), [*((1, n) for n in JACOBIANS), *((2, n) for n in HESSIANS)]
)
def test_values_and_colours(asdex, order, name):
    f = (JACOBIANS if order == 1 else HESSIANS)[name]
    x = np.random.default_rng(0).random(24)
    peer = asdex(f, order, x)
    of_numpy = lambda x: f(np, x)
    got = (sparse.jacobian if order == 1 else sparse.hessian)(of_numpy)(x)
    colouring = sparse.colour(sparse.pattern(of_numpy, x, order=order), symmetric=order == 2)
    want = (fg.jacobian if order == 1 else fg.hessian)(of_numpy)(x).reshape(got.shape)

    np.testing.assert_allclose(got.todense(), want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got.todense(), peer.matrix().toarray(), rtol=1e-12, atol=1e-12)
    assert colouring.passes <= peer.passes


@pytest.mark.parametrize("name", PROGRAMS)
def test_time_of_patterns_and_of_calls(asdex, name):
    rows = compare(name, 10_000, ["funcgrad", "asdex"])
    (found, passes, call), (peers_found, peers_passes, peers_call) = rows.values()

    assert passes <= peers_passes and found <= peers_found
    assert call <= 1.5 * peers_call
