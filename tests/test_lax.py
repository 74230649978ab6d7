"""JAX's names whose arguments differ from NumPy's: slices from a traced start, and folds."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import DtypeError, ShapeError

X = np.arange(24.0).reshape(2, 3, 4)
SLICES = [
    ((0, 1, 2), (1, 2, 2)),
    ((-1, 0, 0), (1, 3, 4)),
    ((9, 9, -9), (2, 1, 3)),
    ((0, 2, 3), (0, 1, 1)),
]


@pytest.mark.parametrize(("starts", "sizes"), SLICES)
def test_traced_starts_slice_as_known_ones(starts, sizes):
    moved = [
        min(max(i + n if i < 0 else i, 0), n - size)
        for i, n, size in zip(starts, X.shape, sizes, strict=True)
    ]
    want = X[tuple(slice(i, i + size) for i, size in zip(moved, sizes, strict=True))]
    cut = lambda x, i: lax.dynamic_slice(x, i, sizes)
    put = lambda x, u, i: lax.dynamic_update_slice(x, u, i)
    changed = X.copy()
    changed[tuple(slice(i, i + size) for i, size in zip(moved, sizes, strict=True))] = -1.0

    for traced in (lambda f: f, fg.jit, lambda f: lambda *a: fg.vmap(f)(*(x[None] for x in a))[0]):
        np.testing.assert_array_equal(traced(cut)(X, np.array(starts)), want)
        np.testing.assert_array_equal(
            traced(put)(X, np.full(sizes, -1.0), np.array(starts)), changed
        )
    weights = np.cos(np.arange(want.size)).reshape(want.shape)
    loss = lambda x, i: np.sum(weights * cut(x, i) ** 2)
    grad = np.zeros_like(X)
    grad[tuple(slice(i, i + size) for i, size in zip(moved, sizes, strict=True))] = (
        2 * weights * want
    )
    np.testing.assert_allclose(fg.jit(fg.grad(loss))(X, np.array(starts)), grad, rtol=1e-15)


def test_parts_along_one_axis():
    i = np.array(1)
    np.testing.assert_array_equal(lax.dynamic_index_in_dim(X, i, 1), X[:, 1:2])
    np.testing.assert_array_equal(lax.dynamic_index_in_dim(X, i, -1, keepdims=False), X[..., 1])
    np.testing.assert_array_equal(
        fg.jit(lax.dynamic_slice_in_dim, static_argnums=(2, 3))(X, i, 2, 2), X[..., 1:3]
    )
    got = fg.jit(lax.dynamic_update_index_in_dim, static_argnums=3)(X, np.zeros((2, 4)), i, 1)
    assert not np.any(got[:, 1]) and np.array_equal(got[:, 2], X[:, 2])


@pytest.mark.parametrize(
    "cut",
    [
        lambda i: lax.dynamic_slice(X, (0, i, 0), (1, 2, 2)),
        lambda i: lax.dynamic_slice_in_dim(X, i, 1, 1),
        lambda i: lax.dynamic_index_in_dim(X, i, 1, keepdims=False),
    ],
)
def test_a_plain_array_is_cut_at_a_traced_start(cut):
    want = cut(1)

    np.testing.assert_array_equal(fg.jit(cut)(1), want)
    np.testing.assert_array_equal(fg.vmap(cut)(np.array([0, 1]))[1], want)


def test_wrong_slices_are_refused():
    with pytest.raises(ShapeError, match="needs 3 starts and lengths: got 2 and 3"):
        lax.dynamic_slice(X, (0, 0), (1, 1, 1))
    with pytest.raises(ShapeError, match="axis 0 has length 2: got a slice of 3"):
        lax.dynamic_slice(X, (0, 0, 0), (3, 1, 1))
    with pytest.raises(DtypeError, match="a start must be an integer"):
        lax.dynamic_slice(X, (0.0, 0, 0), (1, 1, 1))
    with pytest.raises(DtypeError, match="the update must have the operand's dtype"):
        lax.dynamic_update_slice(X, np.zeros((1, 1, 1), np.float32), (0, 0, 0))


def test_running_folds_go_both_ways():
    for name, fold in [
        ("cumsum", np.add),
        ("cumprod", np.multiply),
        ("cummax", np.maximum),
        ("cummin", np.minimum),
        ("cumlogsumexp", np.logaddexp),
    ]:
        f, x = getattr(lax, name), np.sin(X)
        np.testing.assert_allclose(f(x, 1), fold.accumulate(x, 1), rtol=1e-14)
        back = np.flip(fold.accumulate(np.flip(x, 2), 2), 2)
        np.testing.assert_allclose(
            fg.jit(lambda x, f=f: f(x, 2, reverse=True))(x), back, rtol=1e-14
        )
        fg.check_grads(lambda x, f=f: f(x, 2, reverse=True), (x,), order=2, rtol=1e-5, atol=1e-5)


def test_products_over_named_axes():
    y = np.cos(np.arange(40.0)).reshape(4, 2, 5)
    got = lax.dot_general(X, y, (((2,), (0,)), ((0,), (1,))))

    np.testing.assert_allclose(got, np.einsum("bik,kbj->bij", X, y), rtol=1e-14)
    with pytest.raises(ShapeError, match="contracting axes differ in length"):
        lax.dot_general(X, y, (((1,), (0,)), ((), ())))
    with pytest.raises(ShapeError, match="axes of lhs must differ"):
        lax.dot_general(X, y, (((2, 2), (0, 0)), ((), ())))


def test_the_largest_come_first_and_carry_the_derivative():
    x = np.array([[3.0, 9.0, 1.0, 9.0], [5.0, -2.0, np.inf, 0.0]])
    values, indices = fg.jit(lambda x: lax.top_k(x, 2))(x)

    np.testing.assert_array_equal(values, [[9, 9], [np.inf, 5]])
    np.testing.assert_array_equal(indices, [[1, 3], [2, 0]])
    grad = fg.grad(lambda x: np.sum(lax.top_k(x, 2, axis=0)[0][1] * np.array([1, 2, 3, 4])))(
        x[:, :]
    )
    np.testing.assert_array_equal(grad, [[1, 0, 3, 0], [0, 2, 0, 4]])
    with pytest.raises(ShapeError, match="k must be at most the length"):
        lax.top_k(x, 5)


def test_functions_that_numpy_spells_otherwise_are_numpys():
    x = np.array([0.3, 0.5, 0.9])

    np.testing.assert_array_equal(lax.rsqrt(x), 1 / np.sqrt(x))
    np.testing.assert_array_equal(lax.clamp(0.4, x, 0.8), np.clip(x, 0.4, 0.8))
    assert lax.expand_dims(x, (0, 2)).shape == (1, 3, 1)
    np.testing.assert_allclose(fg.grad(lambda x: lax.rsqrt(x).sum())(x), -0.5 * x**-1.5, rtol=1e-14)
    np.testing.assert_allclose(fg.jit(lambda x: lax.erf(lax.erf_inv(x)))(x), x, rtol=1e-14)


# shapes, by JAX's conventions


@pytest.mark.parametrize(
    ("config", "want"),
    [
        ([(1, 2, 0)], [9, 1, 2, 3, 9, 9]),
        ([(0, 0, 2)], [1, 9, 9, 2, 9, 9, 3]),
        ([(-2, 1, 1)], [2, 9, 3, 9]),
        ([(-7, 9, 1)], [9] * 7),
    ],
)
def test_pad_at_both_ends_and_between_elements(config, want):
    pad = lambda x: lax.pad(x, 9.0, config)

    got = pad(np.array([1.0, 2.0, 3.0]))

    np.testing.assert_array_equal(got, want)
    fg.check_grads(pad, (np.array([1.0, 2.0, 3.0]),))
    np.testing.assert_array_equal(fg.vmap(fg.jit(pad))(np.array([[1.0, 2.0, 3.0]])), [want])


def test_pad_and_broadcast_in_dim_refuse_shapes_that_do_not_fit():
    with pytest.raises(fg.errors.ShapeError, match="the length of an axis would be -3"):
        lax.pad(np.ones(3), 0.0, [(-3, -3, 0)])
    with pytest.raises(fg.errors.ShapeError, match=r"2 increasing positions .*: got \(1, 0\)"):
        lax.broadcast_in_dim(np.ones((2, 3)), (3, 2), (1, 0))


def test_broadcast_in_dim_moves_each_axis_to_its_position():
    x = np.array([[1.0, 2.0]])

    got = lax.broadcast_in_dim(x, (3, 4, 2), (0, 2))

    np.testing.assert_array_equal(got, np.broadcast_to(x, (3, 4, 2)))
    with pytest.raises(fg.errors.UnsupportedError, match="leave it out"):
        fg.device_put(x, "gpu")
