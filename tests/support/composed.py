"""Expressions of NumPy's functions that are made of simpler ones.

A row is a line of NumPy over the inputs and constants of ``expressions.py``.
"""

from .rows import split

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
