"""Programs in JAX's idiom give JAX's numbers on funcgrad.compat.jax."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import funcgrad.compat.jax as jax
import funcgrad.compat.jax.numpy as jnp
from funcgrad.core.errors import UnsupportedError

from .jax_programs import PROGRAMS
from .support.jax_record import numbers

WANT = json.loads((Path(__file__).parent / "jax_programs.json").read_text())


def same(got, want, path=""):
    """Compare trees of numbers; in float32 results differ by the order of sums."""
    if isinstance(want, dict):
        assert got.keys() == want.keys()
        for key in want:
            same(got[key], want[key], f"{path}.{key}")
    elif isinstance(want, list) and any(isinstance(x, list | dict) for x in want):
        assert len(got) == len(want)
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            same(a, b, f"{path}[{i}]")
    elif isinstance(want, str):
        assert got == want, path
    else:
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda fun: fun.__name__)
def test_a_program_gives_the_numbers_of_jax(program):
    same(numbers(program()), WANT[program.__name__])


# arrays


def test_arrays_are_read_only_ndarrays_with_jaxs_dtypes():
    x = jnp.array([1.0, 2.0])

    assert isinstance(x, np.ndarray) and isinstance(x, jax.Array) and x.dtype == jnp.float32
    assert (x * np.arange(2)).dtype == np.float32 and (jnp.arange(2) / 2).dtype == np.float32
    assert (jnp.arange(2) * 2.0).dtype == np.float32 and jnp.sum(jnp.arange(3)).dtype == np.int32
    assert isinstance(x[0], jax.Array) and isinstance(x.sum(), jax.Array) and float(x[1]) == 2.0
    assert x.block_until_ready() is x and pickle.loads(pickle.dumps(x)).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match=r"write x = x.at\[index\].set"):
        x[0] = 3.0
    y = x
    y += 1
    assert x[0] == 1.0 and np.asarray(x).flags.writeable is False


def test_default_dtypes_follow_jax_enable_x64():
    with jax.enable_x64(True):
        assert jnp.array(1.0).dtype == np.float64 and jnp.arange(3).dtype == np.int64
        assert (jnp.ones(2, jnp.float32) * jnp.arange(2)).dtype == np.float32
        assert jax.grad(lambda x: x**2)(3.0).dtype == np.float64
    assert jnp.zeros(2, jnp.float64).dtype == np.float32 and jnp.float32(1).dtype == np.float32


def test_an_array_is_indexed_by_and_multiplied_with_traced_values():
    table = jnp.arange(6.0).reshape(3, 2)

    def f(i, v):
        return table[i] @ v + table[i].dot(v) + (table @ v)[0] + np.sin(table[i] * v).sum()

    got = jax.jit(f)(1, jnp.array([1.0, -1.0]))

    np.testing.assert_allclose(got, f(1, jnp.array([1.0, -1.0])), rtol=1e-6)
    assert isinstance(jax.vmap(lambda i: table[i])(jnp.arange(2)), jax.Array)


def test_keywords_that_mean_nothing_here_are_taken():
    x = jnp.ones((2, 3))

    assert jnp.sum(x, axis=[0, 1], where=None) == 6.0
    assert x.dot(x.T, precision=jax.lax.Precision.HIGH).shape == (2, 2)
    assert jnp.tensordot(x, x.T, 1, precision=jax.lax.Precision.HIGHEST).shape == (2, 2)
    assert jnp.unique(jnp.array([2, 1, 2]), size=3, fill_value=9).tolist() == [1, 2, 9]
    assert jnp.nonzero(jnp.array([0, 3, 0, 4]), size=3)[0].tolist() == [1, 3, 0]
    assert jax.lax.cond(True, 1.0, lambda x: x + 1, 5.0, lambda x: x - 1) == 2.0
    assert jax.tree_util.treedef_is_leaf(jax.tree.structure(1.0))
    assert jax.typeof(x).shape == (2, 3) and jax.lax.approx_max_k(x[0], 2)[0].shape == (2,)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: jax.pmap(lambda x: x)(1.0), "jax.pmap: .* use vmap"),
        (lambda: jax.jit(lambda x: x).lower(1.0), r"jit\(f\).lower"),
        (lambda: jax.experimental.pallas.call, "jax.experimental.pallas.call: .* write the"),
        (lambda: jax.make_mesh((1,), "x"), "jax.make_mesh: .* one process computes"),
        (lambda: jnp.zeros(2, jnp.bfloat16), "bfloat16: NumPy has no such dtype; use float32"),
        (lambda: jax.lax.no_such_name, "module 'jax.lax' has no attribute 'no_such_name'"),
    ],
)
def test_names_without_counterpart_are_refused(use, words):
    with pytest.raises((UnsupportedError, AttributeError), match=words):
        use()


def test_keys_are_leaves_with_axes_of_their_own():
    keys = jax.random.split(jax.random.PRNGKey(3), 4)

    assert keys.shape == (4,) and keys[0].shape == () and len(list(keys)) == 4
    assert jax.tree.structure(keys) == jax.tree.structure(1.0) and isinstance(keys, jax.Array)
    assert jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) and not jnp.issubdtype(float, "i4")
    assert jnp.stack([keys[0], keys[1]]).shape == (2,) and jax.random.key_data(keys).shape == (4, 2)
    draws = jax.vmap(jax.random.normal)(keys)
    scanned = jax.lax.scan(lambda c, k: (c, jax.random.normal(k)), 0, keys)[1]
    np.testing.assert_array_equal(draws, scanned)


def test_triangular_systems_are_solved_from_both_sides():
    a, b = jnp.array([[2.0, 0.0], [1.0, 3.0]]), jnp.array([[1.0, 2.0], [3.0, 4.0]])
    solve = jax.lax.linalg.triangular_solve

    np.testing.assert_allclose(a @ solve(a, b, left_side=True, lower=True), b, rtol=1e-5)
    np.testing.assert_allclose(solve(a, b, lower=True) @ a, b, rtol=1e-5)
    np.testing.assert_allclose(solve(a, b, lower=True, transpose_a=True) @ a.T, b, rtol=1e-5)


def test_modules_beside_the_large_ones():
    from funcgrad.compat.jax.custom_batching import custom_vmap
    from funcgrad.compat.jax.experimental.ode import odeint

    doubled = custom_vmap(jnp.sin)
    doubled.def_vmap(lambda size, batched, x: (2 * jnp.sin(x), True))
    times = jnp.linspace(0.0, 1.0, 3)
    solution = odeint(lambda y, t: -y, jnp.array([1.0]), times)

    np.testing.assert_allclose(jax.vmap(doubled)(times), 2 * np.sin(times), rtol=1e-6)
    np.testing.assert_allclose(solution[:, 0], np.exp(-times), rtol=1e-5)
    assert len(jax.lax.unstack(times)) == 3 and jax.nn.logmeanexp(jnp.zeros(4)) == 0.0


@pytest.mark.parametrize("method", ["cg", "bicgstab", "gmres"])
def test_krylov_methods_solve_and_differentiate(method):
    solve = getattr(jax.scipy.sparse.linalg, method)
    a = jnp.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 2.0]])
    b = {"x": jnp.array([1.0, 2.0]), "y": jnp.array([3.0])}
    flat = jnp.concatenate([b["x"], b["y"]])
    through = lambda s: jnp.sum(solve(lambda v: s * (a @ v), flat, tol=1e-6)[0] ** 2)

    tree, info = solve(lambda t: jax.tree.map(lambda x: 2 * x, t), b)

    np.testing.assert_allclose(tree["x"], b["x"] / 2, rtol=1e-5)
    assert info is None and tree["y"].shape == (1,)
    np.testing.assert_allclose(solve(a, flat)[0], np.linalg.solve(a, flat), rtol=1e-4)
    np.testing.assert_allclose(jax.grad(through)(1.0), -2 * through(1.0), rtol=1e-3)
    np.testing.assert_allclose(jax.jit(through)(2.0), through(1.0) / 4, rtol=1e-3)


def test_initializers_and_functions_of_hermitian_matrices():
    init = jax.nn.initializers.glorot_normal()
    a = jnp.array([[2.0, 1.0], [1.0, 3.0]])

    got = jax.grad(lambda a: jnp.linalg.eigvalsh(a)[0])(a)

    assert init(jax.random.key(0), (2, 3)).dtype == np.float32
    np.testing.assert_allclose(got, [[0.7236, -0.4472], [-0.4472, 0.2764]], atol=1e-4)  # JAX's
    assert jax.lax.switch(1, [lambda x: x, lambda x: x + 1], 2.0).dtype == np.float32
