"""Functions of JAX code on NumPy arrays: values and derivatives are JAX's own."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.bridge import from_jax
from funcgrad.core.errors import UnsupportedError

from .support.compare import assert_same

jax = pytest.importorskip("jax", reason="JAX is an optional extra")
jnp = jax.numpy

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:jax")

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3))


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@jax.custom_jvp
def straight(x):
    return jnp.round(x)


straight.defjvp(lambda xs, ts: (straight(*xs), 3 * ts[0]))


@jax.custom_vjp
def clipped(x):
    return x**2


clipped.defvjp(lambda x: (clipped(x), x), lambda x, ct: (jnp.clip(ct * x, -0.1, 0.1),))


def indexed(x):
    x = jnp.asarray(x)
    rows = x[jnp.array([0, 2]), 1].sum() + x.at[1, 2].set(5.0).sum()
    return rows + x.at[jnp.array([0, 0])].add(x[:2]).prod()


def sliced(x):
    cut = jax.lax.dynamic_slice(x, (1, 5), (2, 2)).sum()
    return cut + jax.lax.dynamic_update_slice(x, x[:1, :1] * 9, (3, 9)).sum()


def looped(x):
    carry, rows = jax.lax.scan(lambda c, r: (jnp.tanh(c * r) + r, c), x[0], x)
    return rows.sum() + jax.lax.fori_loop(0, 3, lambda i, s: jnp.sin(s) * (i + 1), carry).sum()


def solved(x):
    lower = jnp.tril(W) + 3 * jnp.eye(3)
    factor = jnp.linalg.cholesky(x.T @ x + jnp.eye(3))
    return factor.sum() + jax.scipy.linalg.solve_triangular(lower, x.T, lower=True).sum()


def statistics(x):
    parts = jnp.pad(x, 1, mode="reflect").sum(), jnp.var(x), jnp.median(x), jnp.linalg.norm(x)
    return sum(parts) + jnp.interp(0.3, jnp.arange(4.0), x[:, 0]) + jnp.cumsum(x, 1).prod()


def drawn(x):
    key = jax.random.split(jax.random.key(3))[1]
    return (jax.random.normal(key, (4, 3)) * x).sum()


def factored(x):
    a = x.T @ x + W
    q, r = jnp.linalg.qr(x)
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    w, v = jnp.linalg.eigh(a + a.T)
    parts = jnp.linalg.solve(a, x.T), jnp.linalg.inv(a), (q @ r) ** 2, (u * s**2) @ vh
    return sum(part.sum() for part in parts) + jnp.linalg.det(a) + ((v * w**2) @ v.T).sum()


def windowed(x):
    window = lambda start, f: jax.lax.reduce_window(x, start, f, (2, 2), (1, 1), "SAME")
    parts = window(-jnp.inf, jax.lax.max), window(jnp.inf, jax.lax.min), window(0.0, jax.lax.add)
    return (parts[0] * parts[1] * parts[2]).sum()


FUNCTIONS = {
    "factorizations": factored,
    "singular values": lambda x: (jnp.linalg.svd(x, compute_uv=False) ** 3).sum(),
    "fft": lambda x: jnp.abs(jnp.fft.fft2(x) + jnp.fft.rfft(x, 4, axis=1).sum()).sum()
    + (jnp.fft.irfft(x, 5, axis=1) ** 2).sum() + jnp.real(jnp.fft.ifft(x)).sum(),
    "top k": lambda x: (jax.lax.top_k(x, 2)[0] ** 2).sum(),
    "network": lambda x: jnp.mean(jax.nn.log_softmax(jax.nn.gelu(x @ W) + jax.nn.relu(x)) ** 2),
    "loops": looped,
    "cond": lambda x: jax.lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x).sum(),
    "indices": indexed,
    "take": lambda x: jnp.take(x, jnp.array([0, 1, 7]), axis=0, fill_value=2.0).sum(),
    "slices": sliced,
    "solve": solved,
    "custom rules": lambda x: (straight(x) * x).sum() + clipped(x).sum(),
    "sort": lambda x: (jnp.sort(x, 0) * X).sum() + jnp.argmax(x),
    "random": drawn,
    "convolution": lambda x: jax.lax.conv_general_dilated(
        x.reshape(1, 1, 4, 3), W[:2, :2].reshape(1, 1, 2, 2), (1, 1), "SAME").sum(),
    "checkpoint": lambda x: jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)))(x).sum(),
    "transforms": lambda x: jax.vmap(jax.grad(lambda r: jnp.prod(jnp.sin(r))))(x).sum(),
    "statistics": statistics,
    "special": lambda x: jax.scipy.special.logsumexp(x) + jax.scipy.special.gammaln(x**2).sum(),
    "einsum": lambda x: jnp.einsum("ij,kj->ik", x, x).trace(),
}  # fmt: skip
QUICK = ("factorizations", "network", "loops", "indices", "custom rules")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FUNCTIONS]
)
def test_a_function_of_jax_and_its_derivatives(name):
    theirs, ours = FUNCTIONS[name], from_jax(FUNCTIONS[name])
    want, slope = np.asarray(theirs(X)), np.asarray(jax.grad(theirs)(X))

    assert_same(want, np.asarray(ours(X)), 1e-11, 1e-11, dtypes=False)
    assert_same(slope, fg.grad(ours)(X), 1e-10, 1e-10)
    assert_same(slope, fg.jit(fg.grad(ours))(X), 1e-10, 1e-10)
    assert_same(want, np.asarray(fg.vmap(ours)(X[None])[0]), 1e-10, 1e-10, dtypes=False)


def test_windows_and_largest_elements_are_those_of_jax():
    """JAX has no reverse derivative of a window of any function: values alone."""
    assert_same(np.asarray(windowed(X)), np.asarray(from_jax(windowed)(X)), 1e-12, dtypes=False)
    largest = lambda x: jax.lax.top_k(x, 2)
    want, got = largest(X), from_jax(largest)(X)

    assert_same(tuple(map(np.asarray, want)), tuple(map(np.asarray, got)))


def test_an_operation_without_a_counterpart_is_named():
    function = from_jax(lambda x: jax.pure_callback(np.sin, x, x))

    with pytest.raises(UnsupportedError, match=r"from_jax: JAX's primitive pure_callback has no"):
        function(X)


def test_an_argument_that_is_no_array_is_static():
    f = from_jax(lambda x, mode: x if mode == "same" else -x)

    assert [float(f(2.0, mode)) for mode in ("same", "other")] == [2.0, -2.0]


VALUES = {
    "round to even": (lambda x: jnp.round(x * 8) + jnp.round(x, 1), np.arange(9.0) / 16),
    "round away": (lambda x: jax.lax.round(x, jax.lax.RoundingMethod.AWAY_FROM_ZERO),
                   np.arange(-2.5, 3.0)),
    "a Python scalar": (lambda x, a: x.astype("f4") * a + jnp.asarray(a).astype(int), X, 2.5),
    "extrema at indices": (
        lambda x: jnp.asarray(x).at[jnp.array([0, 0])].max(x[:2]).at[1].min(0.1), X),
    "products at indices": (lambda x: jnp.asarray(x).at[jnp.array([0, 1])].multiply(3.0), X),
    "an array of no axes": (lambda x: jnp.asarray(x).at[...].set(2.0) + x, np.float64(1.5)),
    "incomplete functions": (lambda x: jax.scipy.special.gammainc(x**2, 1.0)
                             + jax.scipy.special.betainc(x**2, 2.0, 0.3), X),
    "a platform": (lambda x: jax.lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos), X),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_function_of_jax_has_its_values_and_dtypes(name):
    function, *args = VALUES[name]

    assert_same(np.asarray(function(*args)), np.asarray(from_jax(function)(*args)), 1e-12, 1e-12)
