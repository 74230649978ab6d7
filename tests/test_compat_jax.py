"""Programs in JAX's idiom give JAX's numbers on funcgrad.compat.jax."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import funcgrad.compat.jax as jax
import funcgrad.compat.jax.numpy as jnp
from funcgrad.compat.jax import lax
from funcgrad.core.errors import UnsupportedError

from . import jax_names, jax_programs
from .support.jax_record import FILES, numbers

PROGRAMS = jax_programs.PROGRAMS + jax_names.PROGRAMS
WANT = {}
for _file in FILES:
    WANT |= json.loads((Path(__file__).parent / _file).with_suffix(".json").read_text())


def same(got, want, path=""):
    """Compare trees of numbers; in float32 results differ by the order of sums."""
    if isinstance(want, dict):
        assert got.keys() == want.keys()
        for key in want:
            same(got[key], want[key], f"{path}.{key}")
    elif isinstance(want, list) and any(isinstance(x, list | dict | str) for x in want):
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


# loops


def kinds(value):
    """Dtypes of arrays, and which of them are weak."""
    return [(str(x.dtype), bool(x.weak_type)) for x in jax.tree.leaves(value)]


def nested(kind, x, depth, tick):
    """Loops in one another, each with a counter in its carry; ``tick`` is the innermost step."""
    if depth == 0:
        return tick(x)
    inner = lambda x: nested(kind, x, depth - 1, tick)
    if kind == "while":
        step = lambda s: (s[0] + 1, inner(s[1]), 0.5 * s[2])
        return lax.while_loop(lambda s: s[0] < 2, step, (0, x, 1.0))[1]
    if kind == "scan":
        return lax.scan(lambda c, _: ((c[0] + 1.0, inner(c[1])), None), (0.0, x), None, 2)[0][1]
    return lax.fori_loop(0, 2, lambda i, c: (c[0] + i, inner(c[1])), (0, x))[1]


@pytest.mark.parametrize("kind", ["while", "scan", "fori"])
def test_a_step_of_nested_loops_is_traced_once(kind):
    calls = []

    def tick(x):
        calls.append(x)
        return jnp.sin(x)

    jax.jit(lambda x: nested(kind, x, 4, tick))(jnp.ones(3))

    assert len(calls) == 1  # for each level it would double


def test_loops_keep_weak_types_as_in_jax():
    half, weak = jnp.ones((), jnp.float16), jnp.arange(3) * 2.0
    loop = lambda step, init: kinds(lax.while_loop(lambda s: s < 10, step, init))

    assert loop(lambda s: s + 6, 0) == [("int32", True)]
    assert loop(lambda s: s + 6.0, 0.0) == [("float32", True)]
    assert loop(lambda s: s + 6.5, 0) == [("float32", False)]  # traced again, on the new dtype
    assert loop(lambda s: s + 6 * half, 0.0) == [("float16", False)]
    assert loop(lambda s: (s + half).astype("float32") + 20, 0.0) == [("float32", False)]
    assert loop(lambda s: jnp.int8(11), 0) == [("int8", False)]
    assert loop(lambda s: jnp.bool_(s) + 20, jnp.asarray(0)) == [("int32", True)]
    carry, rows = lax.scan(lambda c, x: ((c[0] + 1, c[1] * x), c[0]), (0, 1.0), jnp.ones(3))
    assert kinds(carry) == [("int32", True), ("float32", False)] and kinds(rows)[0][1]
    carry, rows = lax.scan(lambda c, _: (c + half, c), weak, None, 3)
    assert kinds((carry, rows)) == [("float16", False)] * 2
    assert kinds(lax.scan(lambda c, x: (c, x + half), half, weak)[1]) == [("float16", False)]
    sums = lax.fori_loop(0, 3, lambda i, c: (c[0] + i, c[1] + i), (0, 0.0))
    assert kinds(sums) == [("int32", True), ("float32", True)] and [*map(float, sums)] == [3, 3]
    with pytest.raises(TypeError, match="must keep the shapes and dtypes of the carry: it went in"):
        lax.while_loop(lambda s: s < 3, lambda s: s + 0.5, jnp.int32(0))


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
    assert (x == None) is False and None not in [x] and (x == x).all()  # noqa: E711
    y = x
    y += 1
    assert x[0] == 1.0 and np.asarray(x).flags.writeable is False


def test_default_dtypes_follow_jax_enable_x64():
    with jax.enable_x64(True):
        assert jnp.array(1.0).dtype == np.float64 and jnp.arange(3).dtype == np.int64
        assert (jnp.ones(2, jnp.float32) * jnp.arange(2)).dtype == np.float32
        assert jax.grad(lambda x: x**2)(3.0).dtype == np.float64
    assert jnp.zeros(2, jnp.float64).dtype == np.float32 and jnp.float32(1).dtype == np.float32


def test_cumulative_sums_of_integers_and_counts_have_jaxs_dtypes():
    x = jnp.array([1, 2, 250], jnp.uint8)

    assert x.cumsum().dtype == jnp.cumsum(x).dtype == jnp.cumprod(x).dtype == np.uint8
    assert jnp.cumsum(x > 2).dtype == jnp.cumsum(x, dtype=int).dtype == np.int32
    assert jnp.histogram(x, 2)[0].tolist() == [2.0, 1.0]
    assert jnp.histogram(x)[0].dtype == np.float32


def test_ufuncs_of_numpy_give_ndarrays_and_operators_arrays_of_jax():
    x = jnp.array([1.0, 2.0])
    into = np.zeros(2, np.float32)
    y = np.sin(x)
    y[0] = 3.0
    np.add(x, x, out=into)

    assert type(y) is np.ndarray and y.dtype == np.float32 and y[0] == 3.0 and x[0] == 1.0
    assert type(np.maximum(x, 1.5)) is np.ndarray and into.tolist() == [2.0, 4.0]
    assert all(type(v) is np.ndarray for v in np.modf(x))
    operators = -x, abs(x), ~(x > 1), np.float32(2) * x, np.arange(2) - x, x**2
    assert all(isinstance(v, jax.Array) for v in operators)
    assert jax.grad(lambda t: jnp.sum(np.multiply(x, t)))(x).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="leave out= away"):
        np.add(into, 1.0, out=x)


def test_keywords_of_jax_that_choose_a_way_or_a_default_dtype():
    a, b = jnp.array([[4.0, 1.0], [1.0, 3.0]]), jnp.array([1.0, 2.0])
    linalg, key = jax.scipy.linalg, jax.random.key(0)
    both = linalg.lu_factor(a, overwrite_a=True, check_finite=False)
    draws = jax.nn.initializers.truncated_normal, jax.nn.initializers.glorot_uniform

    np.testing.assert_allclose(a @ linalg.lu_solve(both, b, check_finite=False), b, rtol=1e-6)
    assert linalg.expm(a, max_squarings=8).shape == (2, 2)
    assert jnp.argsort(b, descending=True).tolist() == [1, 0]
    for draw in draws:
        assert draw(dtype=jnp.float16)(key, (2, 3)).dtype == jnp.float16
        assert draw()(key, (2, 3)).dtype == jnp.float32 and isinstance(
            draw()(key, (2, 3)), jax.Array
        )
    assert float(jnp.max(draws[0](1.0, jnp.float32, 0.5, 1.0)(key, (9,)))) <= 1.0
    assert jax.nn.initializers.constant(2, jnp.int32)(key, [3]).tolist() == [2, 2, 2]
    with jax.enable_x64(True):
        assert draws[0]()(key, (2,)).dtype == np.float64


def test_sorts_keep_the_order_of_equal_elements():
    x = jnp.asarray(np.random.default_rng(0).integers(0, 3, (2, 40)))
    want = np.argsort(np.asarray(x), axis=-1, kind="stable")

    for sort in (jnp.argsort, lambda x: x.argsort(), lambda x: np.argsort(x, stable=True)):
        np.testing.assert_array_equal(sort(x), want)
        np.testing.assert_array_equal(jax.jit(sort)(x), want)
    np.testing.assert_array_equal(jnp.argsort(x, kind="quicksort"), want)
    np.testing.assert_array_equal(jnp.sort(x), np.sort(x))


def test_contexts_and_positional_options_of_jax():
    ids = jnp.array([0, 0, 1])

    assert jax.ops.segment_sum(jnp.ones(3), ids, 2, True, False).tolist() == [2.0, 1.0]
    with jax.debug_nans(False), jax.transfer_guard("allow"), jax.core.ensure_compile_time_eval():
        assert np.isnan(jax.jit(jnp.log)(-1.0)) and jax.effects_barrier() is None
    with pytest.raises(FloatingPointError), jax.debug_nans():
        jax.grad(lambda x: jnp.sqrt(x) * 0)(-1.0)


def test_names_and_forms_that_haiku_uses():
    x, key = jnp.arange(24.0).reshape(2, 3, 4), jax.random.key(0)

    for name in ("mean", "var", "sum", "max"):
        along = lambda x, name=name: getattr(jnp, name)(x, [0, 2])
        want = getattr(np, name)(np.asarray(x), (0, 2))
        np.testing.assert_allclose(along(x), want, rtol=1e-6)
        np.testing.assert_allclose(jax.jit(along)(x), want, rtol=1e-6)
    assert jax.lax.broadcast_to_rank(x, 5).shape == (1, 1, 2, 3, 4)
    assert jnp.broadcast_to(key, (3,)).shape == (3,) and jax.__version_info__ >= (0, 10)


def test_a_flag_that_would_change_random_bits_warns():
    jax.config.update("jax_threefry_partitionable", True)
    with pytest.warns(UserWarning, match="random bits stay those of True"):
        jax.config.update("jax_threefry_partitionable", False)


def test_an_array_of_a_python_scalar_is_weak():
    with jax.enable_x64(True):
        one, x = jnp.array(1.0), jnp.ones(2, jnp.float32)
        made = jnp.array(one, float)
        used = [one * x, -one * 2 * x, jnp.where(x > 0, jnp.exp(one), x), jax.jit(jnp.add)(one, x)]

        assert one.weak_type and one.dtype == float and [u.dtype for u in used] == ["float32"] * 4
        assert not made.weak_type and (made * x).dtype == float
        assert jax.grad(lambda v: (v * x).sum())(one).dtype == float
        either = lambda x: jnp.where(x > 0, 0, one) / x  # an array that is weak

        assert either(x).dtype == jax.jit(either)(x).dtype == np.float32
        assert (jnp.asarray(3) * jnp.ones(2, jnp.int8)).dtype == np.int8 and one.astype(int) == 1


WEAK = """
    a[None]; v[1:]; v[n]; v[v > 0]; m.T; m.real; v.copy(); m.ravel(); v.at[n].set(f[0])
    v.at[0].get(); -v; v @ v; divmod(v, 2)[0]; n * 2.0; n**0.5; n + v; k / 2; k + 1; (v > 0) * 2
    v.take(n); v.sort(); jnp.array(v); jnp.array(2.0, ndmin=1); jnp.full(2, 1.0)
    jnp.full_like(v, f[0]); jnp.zeros_like(v); jnp.broadcast_to(a, 2); jnp.concatenate([n, v])
    jnp.stack([a, 1]); jnp.exp(v); jnp.where(n > 0, n, 0.0); jnp.where(n > 0, v, v)
    jnp.clip(v, 0, 1); jnp.einsum("i,i", v, n); jnp.matmul(m, v); jnp.outer(v, v); jnp.modf(v)[0]
    jnp.diff(v); jnp.tile(v, 2); jnp.split(v, 3)[1]; jnp.take_along_axis(v, n, 0)
    jnp.linalg.solve(m + jnp.eye(3, dtype=int), v); jnp.pad(v, 1)
    jnp.fill_diagonal(m, 1.0, inplace=False); lax.select(v > 0, v, v)
    lax.dynamic_slice(v, (0,), (1,)); lax.top_k(v, 1)[0]; lax.rev(v, (0,)); nn.relu(v)
    nn.softplus(v); a * True; True * k; jnp.maximum(True, k)
    jit(lambda x: {"x": x, "y": n, "z": x * 2.0})(k)["z"]; jit(jit(jnp.exp))(a)
"""
STRONG = """
    v.sum(); m.mean(0); v.max(); v.cumsum(); v.std(); m.trace(); v.argmax(); v.astype(float)
    n / 2; n**2; jnp.sqrt(n); jnp.concatenate([v, f]); jnp.where(n > 0, n, 0); jnp.array([a, a])
    v + f; jnp.asarray([2.0]); jnp.full_like(f, 1.0); jnp.arange(3.0); jnp.median(v)
    jnp.linalg.norm(v); jnp.hypot(v, v); jnp.searchsorted(v, v); jnp.polyval(v, a); nn.softmax(v)
    n.at[0].set(2.0); jit(lambda x: (x, x * n))(k)[1]; True + n; f * True; True & (v > 0)
    jnp.add(True, n); jnp.stack([True, v > 0][:1])
"""


def weak_results(jax, expressions):
    """Whether expressions are weak, of weak arrays a, v, m, k and strong ones n, f."""
    jnp = jax.numpy
    a, k, n, f = jnp.asarray(2.0), jnp.asarray(3), jnp.arange(3), jnp.ones(3, jnp.float32)
    names = {"a": a, "v": jnp.broadcast_to(a, (3,)), "m": jnp.broadcast_to(a, (3, 3)), "k": k}
    names |= {"n": n, "f": f, "jnp": jnp, "lax": jax.lax, "nn": jax.nn, "jit": jax.jit}
    lines = [e.strip() for e in expressions.replace("\n", ";").split(";") if e.strip()]
    return {e: bool(eval(e, names).weak_type) for e in lines}


@pytest.mark.parametrize(("expressions", "want"), [(WEAK, True), (STRONG, False)])
def test_a_result_is_weak_if_only_weak_operands_have_its_kind(expressions, want):
    with jax.enable_x64(True):
        got = weak_results(jax, expressions)
    others = [e for e, weak in got.items() if weak != want]

    assert others == [] and len(got) > 20
    with jax.enable_x64(True):
        x = jnp.ones(3, jnp.float32)
        assert (jnp.asarray(1.0)[None] * x + jnp.arange(3) * 0.5).dtype == np.float32


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:scatter inputs")  # a number written into integers
def test_weak_results_are_those_of_jax():
    peer = pytest.importorskip("jax")
    with peer.enable_x64(True):
        got = weak_results(peer, WEAK), weak_results(peer, STRONG)

    assert all(got[0].values()) and not any(got[1].values())


def test_a_function_of_numpy_returns_numpys_arrays():
    x = jnp.arange(3.0)
    zeros = np.zeros_like(x)
    zeros[1] = 1.0

    assert [type(f(x)) for f in (np.copy, np.ravel, np.cumsum)] == [np.ndarray] * 3
    assert type(np.stack([x, zeros])) is np.ndarray and np.mean(jnp.arange(3)).dtype == float
    assert type(x.copy()) is type(jnp.ravel(x)) is type(x + zeros) is type(x)
    assert jax.grad(lambda v: np.concatenate([x, v]) @ np.stack([v, x]).ravel())(x).shape == (3,)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit])
def test_einsum_sums_over_an_ellipsis_that_its_result_lacks(transform):
    m, v, s = jnp.arange(6.0).reshape(2, 3), jnp.arange(3.0), jnp.array(2.0)
    cases = {"i..., ... -> i": (m, v), "...,...->": (m, v), "i...,...->i": (v, s), "...i->i": (m,)}
    got = [transform(lambda *xs, k=k: jnp.einsum(k, *xs))(*xs).tolist() for k, xs in cases.items()]

    assert got == [[5.0, 14.0], 19.0, [0.0, 2.0, 4.0], [3.0, 5.0, 7.0]]


def test_a_pure_callback_is_called_for_each_example():
    call = lambda x, k, by: jax.pure_callback(
        lambda x, k, by: np.sort(x)[k] / by, jax.ShapeDtypeStruct((), x.dtype), x, k, by=by
    )
    x = jnp.asarray([[3.0, 1.0, 2.0], [4.0, 0.0, 8.0]])
    over_k = jax.vmap(call, in_axes=(None, 0, None))

    assert jax.vmap(call, in_axes=(0, None, 0))(x, 1, jnp.array([2.0, 4.0])).tolist() == [1.0, 1.0]
    assert jax.vmap(over_k, (0, None, None))(x, jnp.array([0, 2]), 1.0).tolist() == [[1, 3], [0, 8]]
    with pytest.raises(UnsupportedError, match="pure_callback: a compiled function"):
        jax.jit(jax.vmap(call, in_axes=(0, None, None)))(x, 1, 1.0)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit, jax.vmap])
def test_a_norm_is_the_root_of_the_sum_of_squares(transform):
    rows = np.random.default_rng(0).normal(size=(9, 37)).astype(np.float32)
    norm, root = transform(jnp.linalg.norm), transform(lambda x: jnp.sqrt(jnp.sum(x**2)))
    points = [rows] if transform is jax.vmap else rows

    assert all((norm(x) == root(x)).all() for x in points)
    assert jnp.linalg.norm(rows, 2) == np.linalg.norm(rows, 2)
    assert jnp.linalg.norm(rows, keepdims=True).shape == (1, 1)


@pytest.mark.filterwarnings("error")
def test_a_program_warns_of_no_division_by_zero():
    reciprocal = lambda x: jnp.where(x == 0, 0, 1 / x)

    assert jax.jit(reciprocal)(jnp.zeros(2)).tolist() == [0.0, 0.0]
    assert jax.vmap(jax.grad(lambda x: jnp.log(x)))(jnp.zeros(2)).tolist() == [np.inf] * 2


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
    assert jnp.iscomplexobj(jnp.complex64) and jnp.isrealobj(x)
    assert jax.typeof(x).shape == (2, 3) and jax.lax.approx_max_k(x[0], 2)[0].shape == (2,)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: jax.pmap(lambda x: x)(1.0), "jax.pmap: .* use vmap"),
        (lambda: jax.jit(lambda x: x).lower(1.0), r"jit\(f\).lower"),
        (lambda: jax.experimental.pallas.call, "jax.experimental.pallas.call: .* write the"),
        (lambda: jax.live_arrays(), "jax.live_arrays: .* use tracemalloc"),
        (lambda: jax.new_ref(1.0), r"jax.new_ref: .* use x.at\[index\].set"),
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
    chosen = jax.jit(lambda mask: jnp.where(mask, keys, keys[::-1]))(jnp.arange(4) < 2)
    assert jax.random.key_data(chosen).tolist() == jax.random.key_data(keys)[[0, 1, 1, 0]].tolist()
    assert jnp.astype(keys, keys.dtype) is keys
    with pytest.raises(TypeError, match=r"astype: a key has no other dtype: .* use key_data"):
        keys.astype(float)
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


def in_both(function, *args):
    """A result, after a check that jit gives the same."""
    found = function(*args)
    for a, b in zip(jax.tree.leaves(jax.jit(function)(*args)), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    return jax.tree.map(np.ndarray.tolist, found)


def test_a_read_out_of_range_is_clamped_and_a_write_is_dropped():
    x, table = jnp.arange(3.0), jnp.arange(6.0).reshape(3, 2)
    far, several = jnp.array(5), jnp.array([0, 5, -5, -1])

    assert in_both(lambda i: x[i], several) == [0.0, 2.0, 0.0, 2.0]
    assert in_both(lambda i, j: table[i, j], 5, far) == 5.0
    assert in_both(lambda i: table[:, i].sum(), far) == 9.0
    assert in_both(lambda i: x.at[i].get(mode="clip"), several) == [0.0, 2.0, 0.0, 2.0]
    assert in_both(lambda i: x.at[i].set(9.0), several) == [9.0, 1.0, 9.0]
    assert in_both(lambda i: x.at[i].add(1.0), several) == [1.0, 1.0, 3.0]
    assert in_both(lambda i: x.at[i].set(9.0), far) == [0.0, 1.0, 2.0]
    assert in_both(lambda i: table.at[i, 0].add(9.0), far) == table.tolist()
    assert in_both(lambda i: table.at[:, i].set(jnp.ones(3))[:, 1], jnp.array(1)) == [1.0] * 3
    mixed = lambda i, j: table.at[i, j].set(9.0)[0]
    assert in_both(mixed, jnp.array(0), jnp.array([1, 7])) == [0.0, 9.0]
    assert in_both(mixed, far, jnp.array([1, 7])) == [0.0, 1.0]
    assert in_both(lambda i: x.at[i].set(9.0, mode="clip"), far) == [0.0, 1.0, 9.0]
    rows = jax.vmap(lambda i: x.at[i].set(9.0))(jnp.arange(2, 4))
    slope = jax.grad(lambda v: jax.jit(lambda i: x.at[i].multiply(v).sum())(far))(2.0)
    assert rows.tolist() == [[0.0, 1.0, 9.0], [0.0, 1.0, 2.0]] and slope == 0.0
    assert x[3] == 2.0 and x.at[3].set(9.0).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(IndexError, match="too many indices"):
        x[0, 0]


def test_sizes_of_results_are_given_where_they_depend_on_values():
    x, rows = jnp.array([3, 1, 3, 2, 1]), jnp.array([[3, 1], [3, 1], [2, 1]])
    options = {"return_index": True, "return_inverse": True, "return_counts": True}
    ids, data = jnp.array([0, 2, 0, -1, 9]), jnp.arange(5.0)

    unique = in_both(lambda x: jnp.unique(x, size=4, **options), x)
    assert unique == ([1, 2, 3, 1], [1, 3, 0, 1], [2, 0, 2, 1, 0], [2, 1, 2, 0])
    assert in_both(lambda x: jnp.unique(x, size=2, return_counts=True), x) == ([1, 2], [2, 1])
    sliced = in_both(lambda r: jnp.unique(r, axis=0, size=3, fill_value=9), rows)
    assert sliced == [[2, 1], [3, 1], [9, 9]]
    assert in_both(lambda x: jnp.bincount(x, length=3), x) == [0, 2, 1]
    repeated = lambda x: jnp.repeat(x, jnp.array([1, 2, 0]), total_repeat_length=5)
    assert in_both(repeated, x[:3]) == [3, 1, 1, 3, 3]
    columns = lambda n: jnp.repeat(rows, n, axis=-1, total_repeat_length=3)
    assert in_both(columns, jnp.array([2, 1]))[0] == [3, 3, 1]
    assert in_both(lambda d: jax.ops.segment_sum(d, ids, 3), data) == [2.0, 0.0, 1.0]
    assert jax.ops.segment_max(jnp.arange(2), jnp.array([1, 1])).tolist()[1] == 1


def test_functions_of_lax_have_the_arguments_of_lax():
    lax, x = jax.lax, jnp.array([[2.5, -1.5, 0.5], [3.0, 1.0, 2.0]])

    assert in_both(lambda x: lax.reduce_sum(x, axes=(0,)), x) == [5.5, -0.5, 2.5]
    assert in_both(lambda x: lax.reduce(x, 0.0, lax.add, (1,)), x) == [1.5, 6.0]
    assert in_both(lambda x: lax.reduce(x, 9.0, lambda a, b: b - a, (1,)), x) == [-4.5, -5.0]

    def add(a, b):
        return a * b

    assert in_both(lambda x: lax.reduce(x, 1.0, add, (1,)), x) == [-1.875, 6.0]
    assert in_both(lambda x: lax.sort((x[1], x[0]), num_keys=1)[1], x) == [-1.5, 0.5, 2.5]
    assert in_both(lambda x: lax.split(x, [1, 2], axis=1)[1], x) == [[-1.5, 0.5], [1.0, 2.0]]
    assert in_both(lax.round, x) == [[3.0, -2.0, 1.0], [3.0, 1.0, 2.0]]
    assert in_both(lambda x: lax.argmax(x, 1, jnp.int32), x) == [0, 0]
    assert in_both(lambda x: lax.rev(x, dimensions=(1,))[0], x) == [0.5, -1.5, 2.5]
    assert in_both(lambda x: lax.complex(x, x)[0, 0], x) == 2.5 + 2.5j
    assert in_both(lambda x: lax.complex(x, x).view(jnp.float32)[0, :2], x) == [2.5, 2.5]
    assert in_both(lambda x: lax.shift_right_logical(x, 1), jnp.array([-1, 8])) == [2**31 - 1, 4]
    assert lax.reduce_xor(jnp.array([1, 2, 7]), (0,)) == 4
    d, off, b = jnp.full((2, 3), 4.0), jnp.ones((2, 3)), jnp.ones((2, 3, 1))
    matrix = 4.0 * np.eye(3) + np.eye(3, k=1) + np.eye(3, k=-1)
    solved = lax.linalg.tridiagonal_solve(off, d, off, b)
    np.testing.assert_allclose(matrix @ np.asarray(solved), b, rtol=1e-6)


def test_results_are_arrays_where_a_function_gives_python_scalars():
    step = jax.jit(lambda x: {"x": x, "n": (1, 2.0)})(3.0)

    assert all(isinstance(x, jax.Array) and x.weak_type for x in jax.tree.leaves(step))
    assert lax.switch(1, [lambda: 1, lambda: 2]).dtype == np.int32
    assert jax.device_put(2.0).weak_type and jax.eval_shape(lambda: 1.0).dtype == np.float32


def test_a_solver_is_called_with_functions_of_jaxs_arrays():
    newton = lambda f, x: lax.fori_loop(0, 9, lambda _, x: x - f(x) / jax.grad(f)(x), x)
    tangent = lambda g, y: y / g(1.0)
    root = lambda a: lax.custom_root(lambda x: x**3 - a, 1.5, newton, tangent)
    by_steps = lambda mv, b: lax.fori_loop(0, 40, lambda _, x: x + (b - mv(x)) / 4, b)
    solved = lambda a: lax.custom_linear_solve(lambda x: a * x, 6.0, by_steps, symmetric=True)

    assert float(root(8.0)) == pytest.approx(2.0) and float(solved(3.0)) == pytest.approx(2.0)
    assert float(jax.grad(root)(8.0)) == pytest.approx(1 / 12)
    assert float(jax.jit(jax.grad(solved))(3.0)) == pytest.approx(-2 / 3)


def test_grids_have_default_dtypes_and_bits_are_counted_in_the_dtype_of_x():
    kinds = [
        jnp.mgrid[0:2, 0:3],
        jnp.ogrid[0:2],
        jnp.r_[1, 2:4],
        lax.population_count(jnp.arange(4)),
    ]

    assert [x.dtype for x in kinds] == [np.int32] * 4 and jnp.mgrid[0:2, 0:3].shape == (2, 2, 3)
    assert jax.random.rayleigh(jax.random.key(0), 2.0, (3,)).dtype == np.float32


def test_functions_of_cores_that_are_scalars_are_vectorized():
    evaluate = jnp.vectorize(jnp.polyval, signature="(n),()->()")

    assert evaluate(jnp.ones((2, 3)), jnp.array([1.0, 2.0])).tolist() == [3.0, 7.0]
    assert jnp.searchsorted(jnp.arange(3.0), 1.5, method="sort") == 2
    assert str(jnp.array([2.5, 0.1])) == "[2.5 0.1]"


def test_traced_values_and_keys_stay_in_device_get():
    key = jax.random.key(0)

    assert type(jax.device_get(jnp.ones(2))) is np.ndarray and jax.device_get(key) is key
    assert jax.jit(lambda x: jax.device_get({"a": x})["a"] * 2)(1.0) == 2.0


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
    of_tol = lambda tol: solve(lambda v: a @ v, flat, tol=tol, atol=tol)[0]  # a traced tolerance
    np.testing.assert_allclose(jax.jit(of_tol)(1e-6), np.linalg.solve(a, flat), rtol=1e-4)


def test_initializers_and_functions_of_hermitian_matrices():
    init = jax.nn.initializers.glorot_normal()
    a = jnp.array([[2.0, 1.0], [1.0, 3.0]])

    got = jax.grad(lambda a: jnp.linalg.eigvalsh(a)[0])(a)

    assert init(jax.random.key(0), (2, 3)).dtype == np.float32
    np.testing.assert_allclose(got, [[0.7236, -0.4472], [-0.4472, 0.2764]], atol=1e-4)  # JAX's
    assert jax.lax.switch(1, [lambda x: x, lambda x: x + 1], 2.0).dtype == np.float32


def test_an_import_of_a_refused_name_says_what_to_use():
    with pytest.raises(ImportError, match=r"BCOO: it has no counterpart .*: use funcgrad\.sparse"):
        from funcgrad.compat.jax.experimental.sparse import BCOO  # noqa: F401
    with pytest.raises(AttributeError, match=r"use funcgrad\.sparse"):
        jax.experimental.sparse.BCOO  # noqa: B018
