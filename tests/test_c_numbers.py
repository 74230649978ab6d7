"""Numbers in C: constants, widths of integers, casts and signed zeros are NumPy's."""

import platform

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.c import compiler, regions

from .support.compare import assert_same

pytestmark = pytest.mark.skipif(
    not compiler.is_found(), reason="needs a C compiler: $CC, cc, gcc or clang"
)


@pytest.fixture(autouse=True)
def every_operation_in_c(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FUNCGRAD_C_CACHE", str(tmp_path_factory.getbasetemp() / "objects"))
    monkeypatch.setattr(regions, "WORTH", 1)


def assert_same_in_c(f, *args, rtol=0.0):
    with np.errstate(all="ignore"):
        assert_same(f(*args), fg.jit(f, backend="c")(*args), rtol, signs=True)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8"])
def test_a_product_over_no_elements_is_a_number_of_its_dtype(dtype):
    f = lambda a, b: (np.isnan(a @ b), 1 / (a @ b), -(a @ b), np.isnan(a[0] @ b[:, 0]))

    assert_same_in_c(f, np.zeros((2, 0), dtype), np.zeros((0, 2), dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("count", [3, 40])
def test_floats_below_0_and_beyond_the_range_become_unsigned_integers_as_in_numpy(dtype, count):
    edges = [-1.5, -300.0, 7.9, -3e9, 0.0, 1e19, np.nan, np.inf, -np.inf]
    x = np.resize(np.array(edges, dtype), count)

    assert_same_in_c(lambda x: (x.astype("u8"), x[:3].astype("u4")), x)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="NumPy's choice is the processor's")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_of_two_zeros_the_extremum_is_that_of_numpy(dtype, count):
    a, b = np.zeros(count, dtype), -np.zeros(count, dtype)
    f = lambda a, b: (
        np.maximum(a, b), np.maximum(b, a), np.minimum(a, b), np.minimum(b, a), fg.nn.relu(b),
        np.clip(b, 0.0, 1.0), np.maximum(a[0], b[0]),
    )  # fmt: skip

    assert_same_in_c(f, a, b)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_products_of_integers_wrap_in_their_width(dtype):
    x = np.array([np.iinfo(dtype).max, 3, np.iinfo(dtype).min, 7, 1, 125, 5, 11, 2], dtype)
    f = lambda x: (
        np.prod(x[:2], dtype=dtype), np.prod(x, dtype=dtype), np.cumprod(x, dtype=dtype),
        np.prod(x.reshape(3, 3), 0, dtype=dtype), x @ x[::-1],
    )  # fmt: skip

    assert_same_in_c(f, x)
    if dtype == "u2":  # whose products in int overflow
        assert fg.jit(f, backend="c").source(x, lang="c").count("1u * ") > 4
