"""Compiled reads and updates at index arrays give what NumPy gives, errors included."""

import numpy as np
import pytest

import funcgrad as fg

RNG = np.random.default_rng(0)
ROWS = [
    ((50, 8), (200,)),
    ((50, 8), (30, 20)),
    ((7, 300), (90,)),
    ((3, 40, 6), (100,)),
    ((5000, 64), (40,)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape, count", ROWS)
def test_whole_slices_are_read_and_added_at_any_integers(shape, count, dtype):
    for axis in range(len(shape)):
        x = RNG.normal(size=shape).astype(dtype)
        n = shape[axis]
        for low, kind in (
            (0, np.int64),
            (-n, np.int64),
            (0, np.int32),
            (-n, np.int8),
            (0, np.uint8),
        ):
            top = min(n, 120) if kind in (np.int8, np.uint8) else n
            i = RNG.integers(max(low, -100), top, count).astype(kind)

            def loss(x, i, axis=axis):
                y = np.take(np.tanh(x), i, axis)
                return np.sum(y * y) + np.sum(np.tanh(x)[(slice(None),) * axis + (i,)])

            got = fg.jit(fg.value_and_grad(loss))(x, i)
            want = fg.value_and_grad(loss)(x, i)

            # sums of some thousand terms in another order
            assert np.isclose(got[0], want[0], rtol=1e-3 if dtype == np.float32 else 1e-10)
            tolerance = 1e-3 if dtype == np.float32 else 1e-10
            np.testing.assert_allclose(got[1], want[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.uint64])
@pytest.mark.parametrize(
    "shape, counts",
    [
        ((100,), [(30, 30)]),
        ((40, 50), [(30, 30), (30, 30)]),
        ((40, 50), [(900,), (900,)]),
        ((7, 8, 9), [(30, 1), (1, 30), (30, 30)]),
        ((7, 8, 9), [(200,), (200,)]),
        ((7, 8, 9), [(), (100,)]),
    ],
)
def test_elements_are_added_at_several_index_arrays(shape, counts, dtype):
    low = 0 if np.dtype(dtype).kind == "u" else -1
    index = [
        RNG.integers(low * n, n, count).astype(dtype)
        for n, count in zip(shape, counts, strict=False)
    ]
    x = RNG.normal(size=shape)
    v = RNG.normal(size=x[tuple(index)].shape)
    add = lambda x, v, *index: fg.at(x)[index].add(v)
    compiled = fg.jit(add)

    for at in x, np.asfortranarray(x):
        np.testing.assert_allclose(compiled(at, v, *index), add(x, v, *index), rtol=1e-12)
    for k, n in enumerate(shape[: len(counts)]):
        wrong = [a.copy() for a in index]
        wrong[k].flat[0] = n
        with pytest.raises(IndexError, match=f"out of bounds for axis . with size {n}"):
            compiled(x, v, *wrong)


@pytest.mark.parametrize("places", [[50] * 200, [-51] * 200, [0] * 199 + [1000]])
def test_a_place_out_of_range_raises_as_in_numpy(places):
    x, i = np.ones((50, 8)), np.array(places)

    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 50"):
        fg.jit(lambda x, i: x[i] * 2)(x, i)
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 50"):
        fg.jit(lambda x, i: fg.at(x)[i].add(np.ones((200, 8))))(x, i)


def test_rows_of_a_transposed_argument_are_read():
    x, i = RNG.normal(size=(8, 50)), RNG.integers(0, 50, 300)

    np.testing.assert_array_equal(fg.jit(lambda x, i: x.T[i] * 2)(x, i), x.T[i] * 2)
    np.testing.assert_array_equal(fg.jit(lambda x, i: x[i] * 2)(x.T, i), x.T[i] * 2)


def test_the_standalone_text_reads_rows():
    x, i = RNG.normal(size=(50, 8)), RNG.integers(0, 50, 300)
    f = fg.jit(lambda x, i: np.sum(x[i], 0))
    namespace = {"__name__": "standalone"}

    exec(f.source(x, i, standalone=True), namespace)

    np.testing.assert_allclose(namespace["lambda_"](x, i), np.sum(x[i], 0), rtol=1e-12)


def put(x, i, mode):
    x = x.copy()
    np.put(x, i, [1.0, 2.0], mode)
    return x


AT_SMALL_INDICES = {
    "take wrap": lambda x, i: np.take(x, i, axis=0, mode="wrap"),
    "take clip": lambda x, i: np.take(x, i, axis=0, mode="clip"),
    "put": lambda x, i: put(x, i, "raise"),
    "put wrap": lambda x, i: put(x, i, "wrap"),
    "put clip": lambda x, i: put(x, i, "clip"),
    "ravel": lambda x, i: np.ravel_multi_index((i, i), (100, 100)),
    "ravel wrap": lambda x, i: np.ravel_multi_index((i, i), (100, 300), mode="wrap"),
    "ravel clip": lambda x, i: np.ravel_multi_index((i, i), (70, 300), mode="clip"),
    "unravel": lambda x, i: np.stack(np.unravel_index(i, (10, 300))),
}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64])
@pytest.mark.parametrize("name", AT_SMALL_INDICES)
def test_traced_indices_of_small_dtypes_reach_along_long_axes(name, dtype):
    f, x = AT_SMALL_INDICES[name], RNG.normal(size=(300, 4))
    i = RNG.integers(0, 100, 50).astype(dtype)

    got, want = fg.jit(f)(x, i), f(x, i)

    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
