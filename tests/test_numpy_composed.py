"""The rest of plain NumPy: slopes, grids, quantiles, polynomials, norms. One row, one expression.

A row is a line of NumPy over the inputs and constants of ``test_numpy``, and held against NumPy
alone under vjp, jvp, make_jaxpr and vmap.
"""

import math
import re
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import (
    ConcretizationError,
    FuncgradError,
    MutationError,
    UnsupportedError,
)
from funcgrad.core.jaxpr import check_jaxpr

from .test_numpy import (
    INPUTS,
    compiled,
    differences,
    floats,
    narrowed,
    noise,
    pairing,
    same,
    split,
)

METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
)  # fmt: skip
QUANTILES = (
    "quantile(x, 0.3",
    "quantile(m, [0, 0.25, 0.4, 0.5, 0.75, 0.9, 1], axis=1",
    "percentile(t, [[5, 50.5], [75, 100]], axis=(0, 1), keepdims=True",
    "percentile(v, 62",
)

ROWS = {
    "differences": """
        np.diff(x)  np.diff(x, 2)  np.diff(m, axis=0)  np.diff(m, n=3)  np.diff(x, 0)
        np.diff(x, 9)  np.diff(x, prepend=0.0)  np.diff(m, prepend=s, append=n)
        np.diff(m, axis=0, append=one)  np.diff(a, prepend=s)  np.diff(x, append=[1, s])
        np.diff(t, axis=1, n=2)  np.ediff1d(x)  np.ediff1d(m, to_end=s)
        np.ediff1d(x, to_begin=[1, 2], to_end=v)  np.ediff1d(s)  np.diff(x > 0)""",
    "slopes": """
        np.gradient(x)  np.gradient(m)  np.gradient(m, axis=1)  np.gradient(x, 0.3)
        np.gradient(x, s)  np.gradient(m, 0.5, s)  np.gradient(x, np.cumsum(p))
        np.gradient(x, [0, 1, 3, 4.5])  np.gradient(m, [1, 2, 4], np.cumsum(p), edge_order=2)
        np.gradient(x, edge_order=2)  np.gradient(m, s, axis=(1, 0), edge_order=2)
        np.gradient(t[:, :, :], axis=(-1, 1))  np.gradient(a, s)  np.gradient(i, s)
        np.gradient(x, np.cumsum(p), edge_order=2)  np.gradient(x[:2])  np.gradient(t)
        np.gradient(x, [0, 1, 2, 3], edge_order=2)  np.gradient(a, np.cumsum(p))
        np.gradient(v, s, edge_order=2)""",
    "integrals": """
        np.trapezoid(x)  np.trapezoid(x, y)  np.trapezoid(m, axis=0)  np.trapezoid(m, x)
        np.trapezoid(m, v, axis=0)  np.trapezoid(m, n)  np.trapezoid(x, dx=s)
        np.trapezoid(t, v, axis=1)  np.trapezoid(m, dx=0.5, axis=-1)  np.trapezoid(a, x)
        np.trapezoid(t, m, axis=-2)  np.trapezoid(x, [0, 1, 3, 4])""",
    "interpolation": """
        np.interp(x, [-2, 0.1, 1, 3], y)  np.interp(x, np.cumsum(p) - 2, y)
        np.interp(m, np.cumsum(p) - 2, y)  np.interp(s, [0.3, 0.6, 1, 2], x)
        np.interp(x, np.cumsum(p) - 1, y, left=s, right=2)  np.interp(x, [0.0], y[:1])
        np.interp(x, np.cumsum(p) - 1, y, left=-1.5)  np.interp(5 * x, p, y, period=1.7)
        np.interp(x, p, y, period=-3)  np.interp([0.1, 2.0], np.cumsum(p), x)
        np.interp(m[:, :2], [-1, 0, 1], v)  np.interp(0.5, p.cumsum() - 1, y)
        np.interp(x, [-2, 0.1, 1], z)  np.interp(x, [-2, 0.1, 1], z, right=1j)
        np.interp(e, [0, 1.0], v[:2])  np.interp(9 * x, [0, 1.0], v[:2])""",
    "convolutions": """
        np.convolve(x, v)  np.convolve(v, x)  np.convolve(x, v, 'same')
        np.convolve(x, v, 'valid')  np.convolve(x, y, 'same')  np.convolve(x, y, mode='valid')
        np.convolve(x, v[:2], 'same')  np.convolve(v[:2], x, 'same')  np.convolve(x, s)
        np.convolve(x, [1, 2, 1])  np.convolve(a, x)  np.convolve(x, i)  np.convolve(s, 2.0)
        np.correlate(x, v)  np.correlate(v, x)  np.correlate(x, v, 'same')
        np.correlate(v, x, 'same')  np.correlate(x, v[:2], 'same')
        np.correlate(v[:2], x, 'same')  np.correlate(x, v, 'full')  np.correlate(v, x, 'full')
        np.correlate(x, y, 'full')  np.correlate(x, y)  np.correlate(x, [1.0, -1])
        np.correlate(z, zm[:, 0], 'full')  np.correlate(zm[:2, 1], z, 'same')
        np.convolve(z, v)  np.convolve(p, q[:1])""",
    "phases": """
        np.unwrap(4 * x)  np.unwrap(9 * m, axis=0)  np.unwrap(9 * m)  np.unwrap(x, period=1.3)
        np.unwrap(x, discont=2.5, period=1.3)  np.unwrap(9 * t, 3.5, 1)""",
    "covariances": """
        np.cov(m)  np.cov(m, rowvar=False)  np.cov(x)  np.cov(x, y)  np.cov(m, x)
        np.cov(m, n, bias=True)  np.cov(m, ddof=0)  np.cov(m, fweights=[1, 2, 0, 3])
        np.cov(m, aweights=p)  np.cov(m, aweights=p, ddof=0)  np.cov(x, aweights=p, ddof=1)
        np.cov(m, fweights=[1, 2, 1, 3], aweights=p, ddof=2)  np.cov(m, v, rowvar=False)
        np.cov(m, dtype=np.float64)  np.cov(x[:, None], rowvar=False)  np.cov(zm)
        np.cov(m.T, m.T[:, ::-1] ** 2)  np.corrcoef(m)  np.corrcoef(m, rowvar=False)
        np.corrcoef(x, y)  np.corrcoef(m, x)  np.corrcoef(x)  np.corrcoef(zm.T)
        np.cov(a, x)""",
    "evenly spaced": """
        np.linspace(s, 2.0, 5)  np.linspace(0, s, 4)  np.linspace(s, 3 * s)
        np.linspace(s, 2, 5, endpoint=False)  np.linspace(s, 2, 5, retstep=True)
        np.linspace(x, y, 3)  np.linspace(x, y, 3, axis=1)  np.linspace(s, x, 3, axis=-1)
        np.linspace(x, 0, 1)  np.linspace(x, 1, 0)  np.linspace(x, y, 1, endpoint=False)
        np.linspace(s, 9, 4, dtype=int)  np.linspace(s, 9, 4, dtype=np.float32)
        np.linspace(s, i, 3)  np.linspace(m, v[:, None], 2, retstep=True)
        np.linspace(s, 1, 4, False, True)  np.linspace(z, 1j, 3)  np.linspace(x, x, 3)
        np.linspace(s, 1, 0)
        np.logspace(s, 2)  np.logspace(0, s, 4, base=2.0)  np.logspace(x, y, 3, axis=1)
        np.logspace(0.5, 1, 3, base=s)  np.logspace(x, 1, 3, base=p)
        np.logspace(x, 1, 3, base=p, axis=1)  np.logspace(s, 1, 3, False, dtype=np.float32)
        np.logspace(s, x, 3, base=q[:, None])
        np.geomspace(s, 2.0, 5)  np.geomspace(-s, -8, 4)  np.geomspace(p, q, 3)
        np.geomspace(p, 3, 3, axis=-1)  np.geomspace(s, 2, 4, endpoint=False)
        np.geomspace(1, s, 1)  np.geomspace(1, s, 2)  np.geomspace(s, 2, 0)
        np.geomspace(z, 1j, 3)  np.geomspace(s, 2, 4, dtype=np.float32)""",
    "grids": """
        np.meshgrid(x, v)  np.meshgrid(x, v, indexing='ij')  np.meshgrid(x, v, sparse=True)
        np.meshgrid(x, v, y)  np.meshgrid(v, x, s, indexing='ij', sparse=True)
        np.meshgrid(x, 2.0)  np.meshgrid(x)  np.meshgrid(x, a, copy=False)  np.meshgrid(m, v)
        np.ix_(x, v)  np.ix_(x, [0, 1], mask)  np.ix_(x)  np.ix_(x, [])
        np.vander(x)  np.vander(x, 3)  np.vander(x, 6, increasing=True)  np.vander(x, 1)
        np.vander(x, 0)  np.vander(x * mask, 3)  np.vander(x, N=2, increasing=True)""",
    "medians": """
        np.median(x)  np.median(v)  np.median(m)  np.median(m, axis=0)  np.median(m, axis=1)
        np.median(m, axis=1, keepdims=True)  np.median(t, axis=(0, 2))
        np.median(t, axis=(2, 0), keepdims=True)  np.median(m, keepdims=True)
        np.median(gaps, axis=1)  np.median(t, axis=-2, overwrite_input=False)
        np.nanmedian(gap)  np.nanmedian(gaps, axis=1)  np.nanmedian(gaps, axis=0)
        np.nanmedian(m, axis=0, keepdims=True)  np.nanmedian(gaps)  np.nanmedian(t, axis=(0, 1))
        np.nanmedian(gaps, axis=1, keepdims=True)""",
    "quantiles of every method": [
        f"np.{call}, method='{method}')" for method in METHODS for call in QUANTILES
    ],
    "quantiles": """
        np.quantile(x, 1)  np.quantile(x, 0)  np.quantile(m, [0, 1], axis=0)
        np.quantile(m, 0.7, axis=0, keepdims=True)  np.quantile(gaps, 0.3, axis=1)
        np.quantile(m, np.float32(0.3))  np.percentile(x, 30)  np.quantile(m, [])
        np.percentile(m, [10, 90], axis=-1)  np.quantile(m, 0.5, axis=())
        np.nanquantile(gap, 0.5)  np.nanquantile(gaps, [0.1, 0.8], axis=1)
        np.nanquantile(gaps, 0.3, axis=0, keepdims=True)  np.nanpercentile(gap, [[5], [60]])
        np.nanpercentile(gaps, 62, axis=1)  np.nanquantile(m, np.float32(0.3), axis=0)
        np.nanquantile(gaps - gaps, 0.3, axis=0)  np.nanquantile(t, 0.2, axis=(0, 2))""",
    "nan-quantiles of every method": [
        f"np.nan{call}, method='{method}')"
        for method in METHODS
        for call in ("quantile(gap, 0.3", "quantile(gaps, [0, 0.4, 0.75, 1], axis=1")
    ],
    "quantiles at traced places": """
        np.quantile(a, s ** 2)  np.quantile(x, s ** 2)  np.quantile(m, p / 4, axis=1)
        np.percentile(x, 30 * p)  np.quantile(x, s ** 2, method='midpoint')
        np.quantile(m, s ** 2, axis=0, method='weibull')  np.quantile(m, s ** 2, method='lower')
        np.nanquantile(gaps, s ** 2, axis=1)""",
    "weighted quantiles": """
        np.quantile(x, 0.5, weights=p, method='inverted_cdf')
        np.quantile(m, [0, 0.2, 0.9, 1], axis=1, weights=p, method='inverted_cdf')
        np.quantile(m, 0.4, axis=0, weights=[0, 2, 1], method='inverted_cdf', keepdims=True)
        np.quantile(m, 0.4, weights=n ** 2, method='inverted_cdf')
        np.percentile(t, [20, 70], (2, 0), None, False, 'inverted_cdf', weights=k ** 2)
        np.nanquantile(gaps, [0.2, 0.7], axis=1, weights=gaps ** 0 * 2, method='inverted_cdf')
        np.nanpercentile(gap, 35, weights=[1, 2, 0.5, 1, 1], method='inverted_cdf')
        np.quantile(x, s ** 2, weights=p, method='inverted_cdf')""",
    "histograms": """
        np.histogram(x, 3, (-2, 2))  np.histogram(x, 9)  np.histogram(m, 4)
        np.histogram(x, [-2, 0, 0.4, 0.9, 3])  np.histogram(x, 3, (-2, 2), weights=p)
        np.histogram(x, [-1, 1, 5], weights=y)  np.histogram(x, 3, weights=p, density=True)
        np.histogram(x, np.cumsum(p) - 2, density=True)  np.histogram(x, 3, density=True)
        np.histogram(x, 2, (-2, 2), True, p)  np.histogram(a, 4, weights=x)
        np.histogram(x, 3, (-1, 1), weights=z[[0, 1, 2, 0]])
        np.histogram_bin_edges(x, 3)  np.histogram_bin_edges(x, 3, (0, s ** 2))
        np.histogram_bin_edges(s * np.ones(3), 2)  np.histogram(e, 2)
        np.histogram2d(x, y, 3)  np.histogram2d(x, y, [3, 5], weights=p)
        np.histogram2d(x, y, [[-2, 0, 2], [-3, 0, 1, 2]], density=True, weights=p)
        np.histogram2d(x, y, 2, [[-2, 2], [-3, 2]])  np.histogram2d(x, y, [-2, -1, 0.5, 3])
        np.histogram2d(x, y, [3, [-3, 0, 3]])
        np.histogramdd(m.T, 2)  np.histogramdd((x, y, p), [3, 1, 4], weights=q, density=True)
        np.histogramdd(m.T, [[-3, 0, 3], [-3, 3], 3], weights=x)""",
    "places": """
        np.searchsorted(np.cumsum(p), x)  np.searchsorted([0, 1, 2], x, side='right')
        np.searchsorted(x, 0.5, sorter=np.argsort(x))  np.searchsorted(np.sort(x), m)
        np.digitize(x, [-1, 0, 1])  np.digitize(x, [1, 0, -1], right=True)
        np.digitize(m, np.cumsum(p))  np.digitize(s, -np.cumsum(p))  np.digitize(x, [], True)
        np.lexsort((x > 0, y))  np.lexsort(m)  np.lexsort((m > 0, n), axis=0)
        np.nanargmax(gaps, axis=1)  np.nanargmin(gap)  np.nanargmax(gaps, axis=1, keepdims=True)
        np.isin(x, [0.4, 2.1])  np.isin(m, x)  np.isin([0.4, 1], x, invert=True)  np.isin(x, [])
        np.isin(x > 0, [1], kind='table')  np.isin(x > 0, [True])
        np.unravel_index(np.argmax(t), t.shape)  np.unravel_index(np.argsort(x), (2, 2), 'F')
        np.ravel_multi_index((np.argsort(x) // 2, np.argsort(y) % 2), (2, 2))
        np.ravel_multi_index((np.argsort(x), i[0]), (3, 4), mode=('clip', 'wrap'), order='F')
        np.packbits(x > 0)  np.packbits(m > 0, axis=1, bitorder='little')
        np.packbits(t > 0, axis=0)  np.unpackbits(np.packbits(x > 0))
        np.unpackbits(np.packbits(m > 0, axis=1), axis=1, count=4)
        np.unpackbits(np.packbits(x > 0), count=-5, bitorder='little')
        np.unpackbits(np.packbits(x > 0), count=11)  np.tril_indices_from(m)
        np.diag_indices_from(sq)  np.triu_indices_from(sq, k=1)""",
    "windows": """
        np.lib.stride_tricks.sliding_window_view(x, 2)
        np.lib.stride_tricks.sliding_window_view(m, (2, 3))
        np.lib.stride_tricks.sliding_window_view(t, 2, axis=1)
        np.lib.stride_tricks.sliding_window_view(t, (2, 2), axis=(2, 0))
        np.lib.stride_tricks.sliding_window_view(x, (2, 2), (0, 0))""",
    "divisions of polynomials": """
        np.polydiv(x, [1.0, s])  np.polydiv(v, x)
        np.polydiv(x, [2.0, 1])  np.polydiv(x, s)  np.poly(x)  np.poly([1, s, 2])""",
    "roots and fits": """
        np.roots(x).real.sum()  np.roots([1, 2, 3]) * s  np.real(np.roots(x[:2]))
        np.real(np.roots(x[:3]))  np.roots(x[:1]) * s  np.poly(sq)  np.poly(sq @ sq.T)
        np.polyfit(x, y, 1)  np.polyfit(x, m.T, 2)  np.polyfit(p, y, 1, w=q)
        np.polyfit(x, y, 1, full=True)  np.polyfit(x, y, 1, cov=True)
        np.polyfit(x, y, 2, cov='unscaled')  np.polyfit(x, m.T, 1, cov=True)
        np.polyfit([0, 1, 2, 3], y, 1, None, False, q, True)""",
    "sorting complex": "np.sort_complex(z)  np.sort_complex(x)  np.sort_complex(zm)",
    "polynomials": """
        np.polyval(x, s)  np.polyval(x, m)  np.polyval([1, 2, 3], x)  np.polyval(x, 2)
        np.polyval([1, s, 2], y)  np.polyval(m, x)  np.polyval(np.poly1d([1, 2]), x)
        np.polyval([], x)  np.polyadd(x, y)  np.polyadd(x, v)  np.polyadd(v, x)
        np.polyadd(x, 1.0)  np.polysub(x, [s, 2])  np.polysub([s], x)  np.polysub(x, y)
        np.polymul(x, v)  np.polymul(v, x)  np.polymul([1, 2], x)  np.polymul([0, 0, 1, 2], x)
        np.polymul(x, s)  np.polyder(x)  np.polyder(x, 2)  np.polyder(x, 0)  np.polyder(x, 9)
        np.polyint(x)  np.polyint(x, 3)  np.polyint(x, 2, k=[s, 1])  np.polyint(x, 2, k=s)
        np.polyint(x, k=2)  np.polyint(x, 0)""",
    "norms of vectors": """
        np.linalg.norm(x)  np.linalg.norm(m)  np.linalg.norm(t)  np.linalg.norm(s)
        np.linalg.norm(m, axis=0)  np.linalg.norm(m, axis=1, keepdims=True)
        np.linalg.norm(x, 2)  np.linalg.norm(x, 1)  np.linalg.norm(x, 3)  np.linalg.norm(x, 1.5)
        np.linalg.norm(x, np.inf)  np.linalg.norm(x, -np.inf)  np.linalg.norm(x, 0)
        np.linalg.norm(x, -1)  np.linalg.norm(x, 0.5)  np.linalg.norm(m, 3, axis=0)
        np.linalg.norm(t, 1, axis=-1, keepdims=True)  np.linalg.norm(t, np.inf, 1)
        np.linalg.norm(m, -np.inf, (1,))  np.linalg.norm(m, keepdims=True)  np.linalg.norm(z)
        np.linalg.norm(z, 1)  np.linalg.norm(z, 3)  np.linalg.norm(zm, axis=0)
        np.linalg.norm(e, np.inf, axis=0)  np.linalg.vector_norm(x)
        np.linalg.vector_norm(t, axis=(0, 2))  np.linalg.vector_norm(t, axis=(2, 0), ord=3)
        np.linalg.vector_norm(t, keepdims=True)  np.linalg.vector_norm(m, ord=1)
        np.linalg.vector_norm(m, axis=1, ord=np.inf, keepdims=True)
        np.linalg.vector_norm(t, axis=(0, 1), ord=-np.inf)  np.linalg.vector_norm(m, ord=0)""",
    "norms of matrices": """
        np.linalg.norm(m, 'fro')  np.linalg.norm(m, 1)  np.linalg.norm(m, -1)
        np.linalg.norm(m, np.inf)  np.linalg.norm(m, -np.inf)  np.linalg.norm(t, axis=(0, 1))
        np.linalg.norm(t, 1, axis=(2, 0))  np.linalg.norm(t, np.inf, axis=(-1, 1))
        np.linalg.norm(t, 'fro', (1, 2), keepdims=True)  np.linalg.norm(m, 1, keepdims=True)
        np.linalg.norm(t, -1, axis=(0, 2), keepdims=True)  np.linalg.norm(zm, 'fro')
        np.linalg.norm(zm, 1)  np.linalg.norm(m, 'f')  np.linalg.matrix_norm(m)
        np.linalg.matrix_norm(t)  np.linalg.matrix_norm(t, ord=1, keepdims=True)
        np.linalg.matrix_norm(t, ord=np.inf)""",
    "products of many": """
        np.linalg.matrix_power(sq, 0)  np.linalg.matrix_power(sq, 1)
        np.linalg.matrix_power(sq, 2)  np.linalg.matrix_power(sq, 3)
        np.linalg.matrix_power(sq, 6)  np.linalg.matrix_power(t[:, :, :3], 5)
        np.linalg.multi_dot([m, k])  np.linalg.multi_dot([m, k, k.T])
        np.linalg.multi_dot([v, m, k, k.T, x])  np.linalg.multi_dot([m, A.T, m, x])
        np.linalg.multi_dot([v, sq, m])  np.linalg.multi_dot([sq, sq, sq, m, k])""",
    "along axes": """
        np.apply_along_axis(np.sum, 0, m)  np.apply_along_axis(np.sort, 1, m)
        np.apply_along_axis(lambda r: r[:2] * r.sum(), 1, t)
        np.apply_along_axis(lambda r, c, d: np.outer(r, c) + d, -1, m, v, d=s)
        np.apply_along_axis(np.diff, 0, x)  np.apply_along_axis(lambda r: 1.0, 0, m)
        np.apply_along_axis(np.var, 1, m, ddof=1)  np.apply_over_axes(np.sum, t, [0, 2])
        np.apply_over_axes(np.mean, m, 0)  np.apply_over_axes(np.cumsum, m, (1, -2))""",
}
CASES = list({row: (family, row) for family, rows in ROWS.items() for row in split(rows)}.values())

NARROWING = "dtype=np.float32"
FAMILIES = pytest.mark.parametrize("family, row", CASES, ids=[row for _, row in CASES])


def arrays(values):
    return [np.asarray(y) for y in tree.leaves(values)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of both sides
@FAMILIES
class TestRow:
    def test_values_and_dtypes_are_those_of_numpy(self, family, row):
        function, inputs = compiled(row)
        # float32: the same arithmetic, in another order here and there
        for args, rtol in ((inputs, 1e-12), ([narrowed(x, "f") for x in inputs], 3e-5)):
            want = function(*args)
            tape, _ = fg.vjp(function, *args)
            forward, _ = fg.jvp(function, args, [np.ones_like(x) for x in args])

            assert same(want, tape, rtol), (want, tape)
            assert same(want, forward, rtol), (want, forward)

    def test_gradients_are_central_differences_in_both_modes(self, family, row):
        function, inputs = compiled(row)
        rng = np.random.default_rng(1)
        out, pullback = fg.vjp(function, *inputs)
        leaves, treedef = tree.flatten(out)
        cts = noise(leaves, rng)
        given = [y if c is None else c for y, c in zip(leaves, cts, strict=True)]

        got = pullback(tree.unflatten(treedef, given))

        if NARROWING not in row:
            want = differences(function, inputs, cts)
            for a, b in zip(want, got, strict=True):
                # differences of step 1e-6 lose half the digits
                assert np.allclose(np.nan_to_num(a), np.nan_to_num(b), rtol=1e-5, atol=2e-6)

        tangents = noise(inputs, rng)
        pushed = tree.leaves(fg.jvp(function, inputs, tangents)[1])
        left, right = pairing(cts, pushed), pairing(tangents, got)
        rtol = 1e-6 if NARROWING in row else 1e-11  # the same sums in another order

        assert np.isclose(left, right, rtol=rtol, atol=rtol, equal_nan=True)

    def test_second_derivatives_are_central_differences(self, family, row):
        function, inputs = compiled(row)
        inexact = lambda *args: floats(tree.leaves(function(*args)))
        if any(np.isnan(x).any() for x in inputs) or NARROWING in row:
            pytest.skip("beside nan, and after a cast to float32, a central difference is noise")

        fg.check_grads(inexact, inputs, order=2, rtol=2e-3, atol=2e-4)

    def test_the_program_is_well_typed_and_gives_the_value(self, family, row):
        function, inputs = compiled(row)
        for args, rtol in ((inputs, 1e-12), ([narrowed(x, "f") for x in inputs], 3e-5)):
            want = arrays(function(*args))
            closed = fg.make_jaxpr(function)(*args)
            check_jaxpr(closed.jaxpr)
            with np.errstate(all="ignore"):
                got = arrays(closed(*args))

            assert same(want, got, rtol)
            assert [(y.shape, y.dtype) for y in want] == [
                (a.shape, a.dtype) for a in closed.out_avals
            ]

    def test_vmap_is_a_loop(self, family, row):
        function, inputs = compiled(row)
        rng = np.random.default_rng(2)
        # the same order of elements in each example would hide a mistake
        batch = [
            np.stack([x, x * 1.1, rng.permuted(x) if x.ndim else -x])
            for x in map(np.asarray, inputs)
        ]
        want = [arrays(function(*(x[b] for x in batch))) for b in range(3)]

        got = arrays(fg.vmap(function)(*batch))

        for part, *each in zip(got, *want, strict=True):
            assert part.dtype == each[0].dtype
            assert np.allclose(part, np.stack(each), rtol=1e-10, atol=1e-10, equal_nan=True)

    def test_one_tracer_among_arrays_is_enough(self, family, row):
        function, inputs = compiled(row)
        want = function(*inputs)
        for k, x in enumerate(inputs):
            one = lambda v, k=k: function(*inputs[:k], v, *inputs[k + 1 :])
            try:
                got = fg.vjp(one, x)[0]
            except (FuncgradError, ValueError):
                return  # NumPy does not dispatch on that argument; what matters is the refusal

            assert same(want, got, 1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", [r for _, r in CASES if "s" in re.findall(r"\w+", r)])
def test_a_python_number_is_as_weak_as_for_numpy(row):
    function, inputs = compiled(row)
    args = [0.7 if x is INPUTS["s"] else narrowed(x, "f") for x in inputs]
    want = function(*args)
    closed = fg.make_jaxpr(function)(*args)

    assert same(want, fg.vjp(function, *args)[0], 3e-5)  # float32
    assert [a.dtype for a in closed.out_avals] == [y.dtype for y in arrays(want)]


# edges


def test_roots_that_are_real_are_real_numbers():
    for p in ([1.0, -3, 2], [1.0, 0, 1], [2.0, -1, 0, 0], [0.0, 1, -1], [0.0, 0]):
        want, got = np.roots(p), fg.vjp(np.roots, np.array(p))[0]

        assert want.dtype == got.dtype
        assert np.allclose(want, got)


EDGES = {  # a derivative that differences do not see, and what it is
    "np.linalg.norm(0 * x)": [0, 0, 0, 0],
    "np.linalg.norm(0 * x, 3)": [0, 0, 0, 0],
    "np.linalg.norm(0 * x, np.inf)": [0, 0, 0, 0],
    "np.linalg.norm(0 * x[:, None], 'fro')": [0, 0, 0, 0],
    "np.linalg.norm(0 * x.reshape(2, 2), 1)": [0, 0, 0, 0],
    "np.linalg.matrix_norm(0 * x.reshape(2, 2))": [0, 0, 0, 0],
    "np.linalg.vector_norm(0 * x)": [0, 0, 0, 0],
    "np.interp(1 + 0 * x, [0, 1, 2], [0, 3, 5]) @ x": [3, 3, 3, 3],
    "np.vander(0 * x, 3)[:, 1].sum()": [0, 0, 0, 0],
    "np.median(np.ones(4) * x.sum())": [1, 1, 1, 1],
    "np.polymul(x - x, [1, 2]).sum()": [0, 0, 0, 0],
}


@pytest.mark.parametrize("row", EDGES)
def test_a_derivative_at_an_edge_is_the_one_promised(row):
    function, inputs = compiled(row)

    assert np.array_equal(EDGES[row], fg.grad(function)(*inputs))


def test_the_slope_at_a_sample_is_that_on_its_right():
    slopes = [fg.grad(np.interp)(at, [0.0, 1, 2], [0.0, 3, 5]) for at in (0.0, 1.0, 2.0, 2.5)]

    assert slopes == [3, 2, 2, 0]


def test_a_jump_between_samples_is_no_slope():
    xp, fp = np.array([0.0, 0, 1, 1, 2, 2]), np.array([9.0, 1, 2, 5, 7, 3])
    x = np.array([-1.0, 0, 0.5, 1, 1.5, 2, 3])
    value, pullback = fg.vjp(lambda x, fp: np.interp(x, xp, fp), x, fp)
    slopes, weights = pullback(np.ones(7))

    assert np.array_equal(np.interp(x, xp, fp), value)
    assert slopes.tolist() == [0, 1, 1, 2, 2, 0, 0]
    assert weights.tolist() == [1, 1.5, 0.5, 1.5, 0.5, 2]


def test_leading_zeros_of_a_traced_polynomial_have_a_derivative():
    p = np.array([0.0, 2.0])
    product = lambda p: np.polymul(p, [1.0, 3.0])

    assert fg.vjp(product, p)[0].tolist() == [0, 2, 6]
    assert fg.grad(lambda p: product(p).sum())(p).tolist() == [4, 4]


def test_interp_agrees_with_numpy_at_the_ends_and_beyond():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 3.0, 3.5, np.nan])
    want = np.interp(x, [0, 1, 3], [2.0, 4.0, -1.0], left=7)
    got = fg.vjp(lambda x: np.interp(x, [0, 1, 3], [2.0, 4.0, -1.0], left=7), x)[0]

    assert np.array_equal(want, got, equal_nan=True)


def test_degrees_of_freedom_that_are_used_up_warn_as_in_numpy():
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        fg.vjp(np.cov, np.ones((2, 1)))


REFUSED = """
    np.linalg.qr(m, 'raw')  np.polyadd(np.poly1d([1, 2]), x)  np.polyval(x, np.poly1d([1, 2]))"""


@pytest.mark.parametrize("row", split(REFUSED))
def test_what_is_not_supported_is_named(row):
    function, inputs = compiled(row)
    name = row.split("(")[0].split(".")[-1].replace("matrix_norm", "norm")
    for call in (lambda: fg.vjp(function, *inputs), lambda: fg.make_jaxpr(function)(*inputs)):
        with pytest.raises(UnsupportedError, match=rf"{name}: .*(not support|poly1d).*; "):
            call()


WRITES = """
    np.median(x, out=np.ones(()))  np.quantile(x, 0.5, out=np.ones(()))
    np.percentile(x, 5, out=np.ones(()))  np.nanmedian(x, out=np.ones(()))
    np.linalg.multi_dot([m, k, k.T], out=np.ones((3, 4)))"""


@pytest.mark.parametrize("row", split(WRITES))
def test_what_writes_into_an_array_is_refused(row):
    function, inputs = compiled(row)
    with pytest.raises(MutationError, match="out="):
        fg.vjp(function, *inputs)


MISTAKES = """
    np.diff(s)  np.diff(x, -1)  np.diff(x, axis=1)  np.diff(m, prepend=x)  np.gradient(s, 1.0, 2)
    np.gradient(x, 1.0, 2.0)  np.gradient(x[:1])  np.gradient(x, edge_order=3)
    np.gradient(x, [0, 1])  np.gradient(x, m)  np.gradient(x[:2], edge_order=2)
    np.gradient(m, axis=2)  np.trapezoid(x, v)  np.trapezoid(x, axis=1)  np.interp(x, p, v)
    np.interp(x, m, m)  np.interp(x, p, y, period=0)  np.interp(x, [], [])  np.convolve(x, [])
    np.convolve(m, x)  np.convolve(x, v, 'all')  np.correlate(x, m)  np.correlate(s, x)
    np.correlate(x, [])  np.unwrap(s)  np.cov(t)  np.cov(m, ddof=0.5)  np.cov(m, x[:2])
    np.cov(m, fweights=[1, 2])  np.cov(m, fweights=[0.5, 1, 1, 1])  np.cov(m, aweights=m)
    np.cov(m, fweights=[1, -1, 1, 1])  np.cov(m, aweights=[1, -1, 1, 1])  np.cov(m, t)
    np.linspace(s, 1, -1)  np.linspace(s, 1, 2.5)  np.linspace(x, v)  np.geomspace(s, 0)
    np.meshgrid(x, v, indexing='xx')  np.ix_(m)  np.vander(m)  np.median(x, axis=1)
    np.quantile(x, 1.5)  np.quantile(x, -0.1)  np.percentile(x, 101)  np.quantile(x, [[[0.5]]])
    np.quantile(x, 0.5, method='nothing')  np.quantile(z, 0.5)  np.histogram(x, 0)
    np.histogram(x, [3, 1])
    np.histogram(x, 2, (1, 0))  np.histogram(x, 2, (0, np.inf))  np.histogram(x, 2.5)
    np.histogram(x, 2, weights=v)  np.histogram2d(x, v)  np.digitize(x, [0, 2, 1])
    np.histogram(x, 'auto', weights=p)  np.histogram(x, 'nothing')  np.histogramdd(m.T, [2, 2])
    np.searchsorted(x, 1.0, 'middle')  np.packbits(x)  np.unpackbits(i)
    np.isin(x, x, kind='fast')
    np.quantile(x, 0.5, weights=p)
    np.quantile(x, 0.5, weights=[-1, 1, 1, 1], method='inverted_cdf')
    np.quantile(x, 0.5, weights=v, method='inverted_cdf')
    np.lib.stride_tricks.sliding_window_view(x, 5)
    np.lib.stride_tricks.sliding_window_view(m, 2)
    np.polyfit(m, x, 1)  np.polyfit(x, y, -1)  np.polyfit(x, v, 1)  np.roots(m)  np.poly(m)
    np.median(t, axis=(0, 0))
    np.polyder(x, -1)  np.polyint(x, -1)  np.polyint(x, 3, k=[s, 1])  np.polymul(m, x)
    np.linalg.norm(t, 1)  np.linalg.norm(x, 'fro')  np.linalg.norm(m, 3)  np.linalg.norm(x, 1, 1)
    np.linalg.norm(m, 'nothing')  np.linalg.norm(t, axis=(0, 0))  np.linalg.norm(x, axis='a')
    np.linalg.norm(t, axis=(0, 1, 2))  np.linalg.matrix_norm(x)  np.linalg.matrix_power(m, 2)
    np.linalg.matrix_power(x, 2)  np.linalg.matrix_power(sq, 1.5)  np.linalg.multi_dot([m])
    np.linalg.multi_dot([m, t, m])  np.linalg.multi_dot([m, m, m])  np.ediff1d(x, to_end=1j)
    np.apply_along_axis(np.sum, 2, m)  np.apply_along_axis(np.sum, 1, e)
    np.apply_over_axes(lambda y, d: y.sum(), m, [0, 1])"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", split(MISTAKES))
def test_a_mistake_raises_what_numpy_raises(row):
    function, inputs = compiled(row)
    with pytest.raises(Exception) as numpy_says:
        function(*inputs)
    kinds = (np.linalg.LinAlgError, ValueError, TypeError, IndexError, RuntimeError)
    want = next(kind for kind in kinds if isinstance(numpy_says.value, kind))

    for call in (lambda: fg.vjp(function, *inputs), lambda: fg.make_jaxpr(function)(*inputs)):
        with pytest.raises(want):
            call()


# r_ and c_, which work by brackets

V, W = np.arange(3.0) + 1, np.arange(6.0).reshape(2, 3)
JOINED = {
    "numbers and ranges": lambda r, c, v, w: r[v, 1:4, 5],
    "a range by count": lambda r, c, v, w: r[0:1:5j, v, 2:0:-1],
    "an axis": lambda r, c, v, w: r["-1", w, 2 * w],
    "rows": lambda r, c, v, w: r["0,2", v, w],
    "columns": lambda r, c, v, w: r["0,2,0", v, v],
    "columns side by side": lambda r, c, v, w: r["1,2,0", v, v],
    "three axes": lambda r, c, v, w: r["0,3,1", v, w[0]],
    "three axes from behind": lambda r, c, v, w: r["0,3,-2", v, v],
    "c_ of vectors": lambda r, c, v, w: c[v, v * 2, 1:4],
    "c_ of matrices": lambda r, c, v, w: c[w, w, w[:, :1]],
    "one": lambda r, c, v, w: c[v],
    "weak numbers": lambda r, c, v, w: r[v.astype("f"), 2.5],
    "promotion": lambda r, c, v, w: r[np.arange(2), v.astype("f")],
}


@pytest.mark.parametrize("name", JOINED)
def test_brackets_join_as_numpys_do(name):
    f = lambda v, w: JOINED[name](fg.numpy.r_, fg.numpy.c_, v, w)
    want = JOINED[name](np.r_, np.c_, V, W)
    for got in (f(V, W), fg.jvp(f, (V, W), (V, W))[0], fg.jit(f)(V, W)):
        assert got.dtype == want.dtype and np.array_equal(got, want)
    tangent = fg.jvp(f, (V, W), (V, W))[1]
    ct = np.arange(want.size).reshape(want.shape).astype(want.dtype)
    cts = fg.vjp(f, V, W)[1](ct)

    assert np.allclose(tangent, want - f(0 * V, 0 * W), rtol=1e-6)  # float32 in some
    assert np.isclose(
        sum(np.sum(c * x) for c, x in zip(cts, (V, W), strict=True)), (ct * tangent).sum()
    )


def test_brackets_that_cannot_join():
    r_ = fg.numpy.r_
    for key in ((0, "0,2"), ("x", 0), ("r", 0)):
        with pytest.raises((ValueError, TypeError)):
            fg.grad(lambda x, k=key: r_[tuple(x if e == 0 else e for e in k)].sum())(V)


def test_where_takes_its_arguments_by_name():
    assert fg.grad(lambda x: fg.numpy.where(condition=[True, False], x=x, y=0.0).sum())(2.0) == 1.0
    assert fg.numpy.where(condition=np.array([True, False]), x=1, y=2).tolist() == [1, 2]


def test_real_if_close_drops_what_is_tiny():
    z = np.array([1.0, 2.0]) + 1e-17j
    for x in (z, np.array([1.0]), z + 1j):
        y, t = fg.jvp(np.real_if_close, (x,), (x,))
        assert np.array_equal(y, np.real_if_close(x)) and y.dtype == t.dtype


DATA = np.array([3.0, 1.0, 2.0, 7.0])
ENDS = {
    "an int": (0, 1),
    "an integer of NumPy": (np.int64(0), np.int64(1)),
    "integers": ([0], [0, 1], np.array([1, 0])),
    "booleans": (False, True),
}


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("function", ["quantile", "nanquantile"])
def test_a_whole_quantile_is_the_one_of_numpy(function, method, kind):
    function = getattr(np, function)
    for q in ENDS[kind]:
        for a in (DATA, DATA.astype(np.float32), np.stack([DATA, DATA + 1]), DATA.astype(int)):
            f = lambda a, q=q: function(a, q, method=method)
            want, results = f(a), [fg.jit(f)(a), fg.vmap(f)(a[None])[0]]
            if a.dtype.kind == "f":
                results += [fg.vjp(f, a)[0], fg.jvp(f, (a,), (a,))[0], fg.jvp(f, (a,), (a,))[1]]

            for got in results:  # of a linear function the tangent of a is its value
                assert got.dtype == want.dtype and np.array_equal(got, want), (q, a.dtype)


def test_an_unsigned_quantile_does_not_wrap_around():
    f = lambda a: np.quantile(a, np.uint8(0), method="weibull")  # NumPy raises OverflowError

    assert fg.jit(f)(DATA) == 1.0
    assert fg.grad(f)(DATA).tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("axis", [(0, 1), (1, 0), (2, 0), (-1, -3), (1,), 2, (0, 1, 2), (2, 1, 0)])
def test_weights_stand_for_the_axes_in_the_order_given(axis):
    a = np.arange(24.0).reshape(2, 3, 4) ** 2
    shape = [a.shape[d] for d in (axis if isinstance(axis, tuple) else (axis,))]
    w = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    for f in (
        lambda a, w: np.average(a, axis=axis, weights=w),
        lambda a, w: np.average(a, axis=axis, weights=w, keepdims=True, returned=True)[1],
        lambda a, w: np.quantile(a, 0.4, axis=axis, weights=w, method="inverted_cdf"),
    ):
        want = f(a, w)
        for got in (fg.jit(f)(a, w), fg.vjp(f, a, w)[0], fg.vmap(f)(a[None], w[None])[0]):
            assert np.allclose(got, want, rtol=1e-14)  # sums in another order


def test_weights_that_sum_to_zero_are_refused_as_by_numpy():
    with pytest.raises(ZeroDivisionError, match="Weights sum to zero"):
        fg.grad(lambda w: np.average(DATA, weights=w))(np.array([1.0, -1.0, 0.0, 0.0]))


WHOLE = np.array([-0.0, 0.0, -1.0, -2.0, 3.0, -1.5, 0.5, -1e300])


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit], ids=["eager", "jit"])
def test_the_slope_of_a_fraction_is_one_also_where_it_is_zero(wrap):
    fraction = lambda x: np.modf(x)[0]
    ones = np.ones_like(WHOLE)
    loss = lambda x: np.sum(fraction(x) * fraction(x))
    (part, whole), (want, wanted) = wrap(np.modf)(WHOLE), np.modf(WHOLE)

    for got, right in ((part, want), (whole, wanted)):
        assert np.array_equal(got, right) and np.array_equal(np.signbit(got), np.signbit(right))
    assert np.array_equal(wrap(lambda x: fg.jvp(fraction, (x,), (ones,))[1])(WHOLE), ones)
    assert np.array_equal(wrap(fg.grad(lambda x: np.sum(fraction(x))))(WHOLE), ones)
    assert np.array_equal(wrap(fg.hessian(loss))(WHOLE), 2 * np.eye(len(WHOLE)))
    assert np.array_equal(wrap(fg.vmap(fg.grad(lambda x: np.modf(x)[1])))(WHOLE), 0 * ones)


class Description:
    """A shape and a dtype without numbers, of nobody's class."""

    shape, dtype = (3, 2), "float32"


class Stored(Description):
    """The same with numbers."""

    def __array__(self, dtype=None, copy=None):
        return np.ones(4, np.int8)


@pytest.mark.parametrize("like", [fg.ShapeDtypeStruct((3, 2), np.float32), Description()])
def test_an_array_is_made_like_a_description(like):
    np_ = fg.numpy
    want = np.full((3, 2), 7, np.float32)
    results = [
        np_.zeros_like(like) + 7, np_.ones_like(like) * 7, np_.full_like(like, 7),
        np_.full_like(like, [7, 7]), fg.jit(lambda x: np_.full_like(like, x))(7.0),
        fg.tree.map(np_.zeros_like, {"w": like})["w"] + 7,
    ]  # fmt: skip
    for got in results:
        assert got.dtype == want.dtype and np.array_equal(got, want)
    assert np_.empty_like(like).shape == (3, 2)
    assert np_.zeros_like(like, int, shape=4).dtype == int
    assert fg.grad(lambda x: np_.full_like(like, x).sum())(2.0) == 6.0
    assert np_.zeros_like(Stored()).dtype == np.int8  # what has numbers is an array


def test_a_description_is_no_array_to_numpy():
    like = fg.ShapeDtypeStruct((3, 2), np.float32)

    assert np.zeros_like(like).shape == (3, 2) and np.ones_like(like).dtype == np.float32
    assert (np.shape(like), np.ndim(like), np.size(like)) == ((3, 2), 2, 6)
    for use in (
        np.asarray,
        np.sum,
        lambda x: np.add(x, 1),
        lambda x: np.stack([x]),
        fg.numpy.array,
    ):
        with pytest.raises((FuncgradError, TypeError), match="has no numbers"):
            use(like)


INF = np.inf
INFINITE = {
    "above": [0.0, 1.0, INF], "below": [-INF, 0.0, 1.0], "both": [-INF, 0.0, 1.0, INF],
    "alone": [-INF, INF], "twice above": [0.0, INF, INF], "twice below": [-INF, -INF, 0.0],
    "wide": [-1e308, 1e308], "a jump": [0.0, 0.0, 1.0],
}  # fmt: skip


@pytest.mark.parametrize("heights", ["rising", "infinite first", "infinite last", "equal", "level"])
@pytest.mark.parametrize("places", INFINITE)
def test_interp_is_numpys_where_samples_are_infinite(places, heights):
    xp = np.array(INFINITE[places])
    level = {"equal": INF, "level": 2.0}.get(heights)
    fp = np.arange(1.0, 1 + len(xp)) if level is None else np.full(len(xp), level)
    fp[{"infinite first": 0, "infinite last": -1}.get(heights, slice(0, 0))] = -INF
    x = np.array([-5.0, 0.0, 0.5, 1.0, 2.0, 1e300, INF, -INF, np.nan])
    f = lambda x: np.interp(x, xp, fp)
    want = f(x)
    with np.errstate(all="ignore"):
        for got in (fg.vjp(f, x)[0], fg.jit(f)(x), fg.vmap(f)(x)):
            assert np.array_equal(got, want, equal_nan=True)


def test_a_sample_at_infinity_leaves_the_other_slopes_alone():
    xp, fp, x = np.array([0.0, 1.0, INF]), np.array([1.0, 2.0, 4.0]), np.array([-1.0, 0.5, 1.5])

    for wrap in (lambda f: f, fg.jit):
        slope = wrap(fg.grad(lambda x: np.sum(np.interp(x, xp, fp))))(x)
        weights = wrap(fg.grad(lambda fp: np.sum(np.interp(x, xp, fp))))(fp)
        assert slope.tolist() == [0.0, 1.0, 0.0] and weights.tolist() == [1.5, 1.5, 0.0]


def test_a_number_has_no_zeros_to_trim():
    for x in (2.0, 0.0):
        assert fg.value_and_grad(lambda x: np.trim_zeros(x))(x) == (x, 1.0)
        assert fg.jit(np.trim_zeros)(x) == x


REDUCTIONS = """sum prod mean var std max min ptp any all argmax argmin median count_nonzero cumsum
    cumprod nansum nanprod nanmean nanvar nanstd nanmax nanmin nanmedian nanargmax nanargmin
    nancumsum nancumprod sort argsort linalg.norm linalg.vector_norm trapezoid diff flip
    logaddexp.reduce fmax.reduce hypot.reduce multiply.reduce logaddexp.accumulate
    add.accumulate maximum.accumulate gradient unwrap cumulative_sum"""
GIVEN = [
    "quantile(x, 0.3", "nanquantile(x, 0.3", "percentile(x, [20, 30]", "std(x, ddof=1",
    "max(x, initial=1.0", "sum(x, initial=2.0", "mean(x, keepdims=True", "mean(x, where=True",
    "linalg.norm(x, 1", "linalg.norm(x, np.inf", "linalg.norm(x, 0",
]  # fmt: skip


def outcome(run):
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tree.leaves(run()), None
    except Exception as err:
        return None, err


def agrees_when_empty(f, x):
    want, refusal = outcome(lambda: f(x))
    for run in (lambda: fg.vjp(f, x)[0], lambda: fg.jit(f)(x), lambda: fg.vmap(f)(x[None])):
        assert (outcome(run)[1] is None) == (refusal is None), (x.shape, refusal)
    if refusal is None:
        pull = lambda: fg.vjp(f, x)[1](tree.map(np.asarray, f(x)))
        assert same(want, outcome(lambda: fg.jit(f)(x))[0], 1e-12)
        assert all(g.shape == x.shape for g in outcome(pull)[0] or ())


@pytest.mark.parametrize("start", [f"{name}(x" for name in re.split(r"\s+", REDUCTIONS)] + GIVEN)
def test_a_reduction_over_an_empty_axis_is_numpys(start):
    for x in (np.ones((2, 0)), np.ones((0, 3)), np.ones(0), np.ones((2, 0, 3), np.float32)):
        for axis in ("", ", axis=None", ", axis=0", ", axis=-1"):
            agrees_when_empty(eval(f"lambda x: np.{start}{axis})", {"np": np}), x)


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 3), (0,)])
@pytest.mark.parametrize("places", [[1, -2], [], 0])
def test_taking_from_an_empty_axis_with_clipped_positions_is_numpys(shape, places):
    x, places = np.zeros(shape), np.array(places, int)
    take = lambda x, i: np.take(x, i, axis=0, mode="clip")
    of_x = lambda x: take(x, places)
    ways = [fg.jit(take), lambda x, _: fg.jit(of_x)(x), lambda x, _: fg.vjp(of_x, x)[0],
            lambda x, _: fg.jvp(of_x, (x,), (x,))[0]]  # fmt: skip
    try:
        want = take(x, places)
    except IndexError:
        for way in ways:
            with pytest.raises(IndexError, match="cannot do a non-empty take"):
                way(x, places)
        return

    for way in ways:
        assert (way(x, places).shape, way(x, places).dtype) == (want.shape, want.dtype)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_exponentials_are_summed_over_an_empty_axis(name):
    for function in (getattr(fg.special, name), getattr(fg.nn, name)):
        for shape, axis in (((2, 0), -1), ((0,), 0), ((2, 0, 3), 1), ((0, 3), 1)):
            f = lambda x, axis=axis, function=function: function(x, axis=axis)
            want = np.full(np.sum(np.ones(shape), axis).shape, -np.inf)
            want = want if name == "logsumexp" else np.ones(shape)
            for wrap in (lambda f: f, fg.jit):
                assert np.array_equal(wrap(f)(np.ones(shape)), want)
                slope = wrap(fg.grad(lambda x, f=f: np.sum(f(x))))(np.ones(shape))
                assert slope.shape == shape


# results of a known length


def test_counts_of_a_given_number_need_no_numbers():
    x, w = np.array([0, 2, 2, 5]), np.array([0.1, 0.2, 0.3, 0.4])
    count = lambda x, w=None: np.bincount(x, w, minlength=7)

    assert np.array_equal(fg.jit(count)(x), count(x))
    assert fg.jit(count)(x).dtype == count(x).dtype
    assert np.array_equal(fg.jit(count)(x, w), count(x, w))
    assert np.array_equal(fg.vmap(count)(np.stack([x, x + 1])), [count(x), count(x + 1)])
    assert np.array_equal(
        fg.vmap(count)(np.stack([x, x]), np.stack([w, 2 * w]))[1], count(x, 2 * w)
    )
    slope = fg.jit(fg.grad(lambda w, x: count(x, w)[2]))(w, x)
    assert slope.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert fg.grad(lambda w: np.bincount([True, False], w)[1])(w[:2]).tolist() == [1.0, 0.0]
    assert fg.grad(lambda w: np.bincount([], w).sum())(np.ones(0)).shape == (0,)


def test_counts_that_have_no_place_are_not_lost():
    x = np.array([0, 2, 5])
    short = lambda x: np.bincount(x, minlength=3)
    for run in (
        lambda: fg.jit(short)(x),
        lambda: fg.jit(short)(-x),
        lambda: fg.vmap(short)(x[None]),
    ):
        with pytest.raises(IndexError, match="out of bounds"):
            run()
    with pytest.raises(ConcretizationError, match="give minlength="):
        fg.jit(np.bincount)(x)
    with pytest.raises(TypeError, match="integers"):
        fg.jit(lambda x: np.bincount(x, minlength=3))(x * 1.0)


@pytest.mark.parametrize("shape", [(7,), (2, 3), (1,), (0,), (3, 0)])
@pytest.mark.parametrize("size", [0, 1, 3, 9])
@pytest.mark.parametrize("fill", [None, -1])
def test_the_first_positions_are_those_of_numpy(shape, size, fill):
    a = np.arange(math.prod(shape)).reshape(shape) % 3
    fills = 0 if fill is None else fill
    for name in ("nonzero", "flatnonzero", "argwhere"):
        f = lambda a, name=name: getattr(fg.numpy, name)(a, size=size, fill_value=fill)
        want = np.argwhere(a if name != "flatnonzero" else a.ravel())
        mapped = tree.map(lambda y: y[0], fg.vmap(f)(a[None]))
        for got in (f(a), fg.jit(f)(a), mapped):
            got = np.column_stack(got) if name == "nonzero" else got.reshape(size, want.shape[1])
            n = min(size, len(want))
            assert np.array_equal(got[:n], want[:n]) and np.all(got[n:] == fills)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("a", [
    np.array([3, 1, 3, 2]), np.array([[2.0, np.nan], [np.nan, 2.0]]), np.zeros(0), np.ones((2, 2)),
    np.array([True, False]),
])  # fmt: skip
def test_the_first_different_elements_are_those_of_numpy(size, a):
    f = lambda a: fg.numpy.unique(a, True, True, True, size=size)
    values, index, inverse, counts = np.unique(a, True, True, True)
    n = min(size, len(values))
    for got in (f(a), fg.jit(f)(a)):
        assert got[0].dtype == a.dtype and [len(got[k]) for k in (0, 1, 3)] == [size] * 3
        assert np.array_equal(got[0][:n], values[:n], equal_nan=a.dtype.kind == "f")
        assert np.array_equal(got[1][:n], index[:n]) and np.array_equal(got[3][:n], counts[:n])
        assert np.array_equal(got[2], inverse) and not got[3][n:].any()
        assert not a.size or np.all(got[0][n:] == values[0])


def test_different_elements_carry_their_derivative():
    x = np.array([3.0, 1.0, 3.0])

    for wrap in (lambda f: f, fg.jit):
        grad = wrap(fg.grad(lambda x: np.sum(fg.numpy.unique(x, size=3, fill_value=7.0) * x)))
        assert grad(x).tolist() == [1.0 + 1.0, 3.0 + 3.0, 7.0]
    assert fg.numpy.unique(x).tolist() == [1.0, 3.0]  # without a size NumPy's own
    assert fg.numpy.nonzero(x > 2)[0].tolist() == [0, 2]
