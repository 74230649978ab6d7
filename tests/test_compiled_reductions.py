"""Compiled reductions: along all axes of all shapes they give what NumPy gives."""

import itertools
import re

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile import reductions
from funcgrad.compile.reductions import Block

RNG = np.random.default_rng(0)

# short and long axes on each side of every limit of the kernels
SHAPES = [
    (3,), (5000,), (40, 3), (3, 40), (40, 1), (1, 40), (20, 70), (20, 200), (4200, 3), (4500, 5),
    (2, 4200), (17, 2, 3), (17, 3, 40), (3, 50, 3), (20, 50, 2), (2, 1, 5), (4, 3, 2, 5),
    (2, 3, 20, 4, 3), (5, 0, 3), (0, 4),
]  # fmt: skip
ROWS = [
    (shape, axes)
    for shape in SHAPES
    for n in range(1, len(shape) + 1)
    for axes in itertools.combinations(range(len(shape)), n)
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sum", "max", "min"])
def test_a_compiled_reduction_is_that_of_numpy_along_any_axes(name, dtype):
    function = getattr(np, name)
    rows = [r for r in ROWS if name == "sum" or all(r[0][d] for d in r[1])]
    for shape, axes in rows:
        x = RNG.normal(size=shape).astype(dtype)

        got = fg.jit(lambda x, axes=axes: function(2 * x, axis=axes))(x)

        want = function(2 * x, axis=axes)
        # sums of at most 5000 terms of size 2, in another order
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=200 * 5000**0.5 * np.finfo(dtype).eps)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_a_compiled_reduction_keeps_elements_that_are_not_finite(special):
    for shape, axes in ROWS:
        x = RNG.normal(size=shape)
        if x.size:
            x.flat[RNG.integers(x.size)] = special
        for function in (np.sum, np.max, np.min):
            if function is np.sum or all(shape[d] for d in axes):
                got = fg.jit(lambda x, f=function, axes=axes: f(x * 1.5, axis=axes))(x)

                want = function(x * 1.5, axis=axes)
                np.testing.assert_allclose(got, want, rtol=1e-9)  # another order of terms


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float16, np.complex128, bool])
def test_a_compiled_reduction_of_other_dtypes_has_their_result(dtype):
    for shape in [(40, 3), (17, 3, 40), (3, 50, 3)]:
        x = RNG.integers(0, 3, shape).astype(dtype)
        for axis in range(len(shape)):
            for function in (np.sum, np.max):
                got = fg.jit(lambda x, f=function, axis=axis: f(x, axis=axis))(x)

                want = function(x, axis=axis)
                assert got.dtype == want.dtype
                np.testing.assert_array_equal(got, want)


def test_a_compiled_reduction_of_a_transposed_or_sliced_argument_moves_no_elements_wrongly():
    x = RNG.normal(size=(6, 40, 5))
    for view in (x.T, x[::2], x[:, ::-1], x.transpose(1, 0, 2)):
        for axis in range(3):
            for function in (np.sum, np.max):
                got = fg.jit(lambda x, f=function, axis=axis: f(x, axis=axis))(view)

                np.testing.assert_allclose(got, function(view, axis=axis), rtol=1e-12)


def test_the_axes_of_a_reduction_are_taken_in_groups_the_last_first():
    assert [Block(1, 120, 1)] == reductions._blocks((2, 3, 4, 5), (0, 1, 2, 3))
    assert [Block(24, 5, 1), Block(2, 3, 4)] == reductions._blocks((2, 3, 4, 5), (1, 3))


def test_partial_results_of_one_reduction_lie_apart():
    x = RNG.normal(size=(20, 3, 20, 3, 20, 3))
    for function in (np.sum, np.max):
        f = fg.jit(lambda x, f=function: f(x * 2, axis=(1, 3, 5)))

        np.testing.assert_allclose(f(x), function(x * 2, axis=(1, 3, 5)), rtol=1e-12)
        places = re.findall(r"work\w* = arena\[(\d+):(\d+)\]", f.source(x))
        spans = sorted((int(a), int(b)) for a, b in places)
        assert len(spans) >= 2
        assert all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))
