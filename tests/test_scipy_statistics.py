"""Each statistic of funcgrad.scipy.stats, from one table: values, dtypes, derivatives, transforms.

A row gives arguments, of which floating arrays are differentiated, and options.
"""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ShapeError, UnsupportedError
from funcgrad.scipy import stats

scipy = pytest.importorskip("scipy.stats")

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=12), RNG.normal(size=12)
P = np.exp(RNG.normal(size=(6, 3)))  # positive
A, B = RNG.normal(size=(6, 3)), RNG.normal(size=(5, 3)) + 0.4
W = RNG.uniform(0.2, 1.0, 6)
V = RNG.uniform(0.2, 1.0, (6, 3))
TALL = RNG.normal(size=(21, 9))
ANGLES = RNG.uniform(0, 1.5, (6, 3))
COUNTS = np.array([3.0, 5.0, 9.0, 4.0])


def row(*args, **options):
    return args, options


# fmt: off
ROWS = {
    "gmean": [row(P), row(P, axis=None, keepdims=True), row(P, weights=V), row(P, axis=(0, 1))],
    "hmean": [row(P), row(P, weights=V, keepdims=True)],
    "pmean": [row(P, 2.5), row(P, 0), row(P, -1.5, axis=1)],
    "zscore": [row(A), row(A, axis=None, ddof=1)], "zmap": [row(A, B)], "gzscore": [row(P)],
    "gstd": [row(P), row(P, axis=None, ddof=0)],
    "skew": [row(A), row(A, axis=None, bias=False), row(A, keepdims=True)],
    "kurtosis": [row(A), row(A, bias=False, fisher=False), row(A, axis=1, keepdims=True)],
    "moment": [row(A, 3), row(A, [1, 2, 3]), row(A, 2, center=0.5, keepdims=True)],
    "variation": [row(P), row(P, ddof=1, axis=None)], "sem": [row(A), row(A, axis=None, ddof=0)],
    "describe": [row(A), row(X, bias=False)], "kstat": [row(A, n) for n in (1, 2, 3, 4)],
    "iqr": [row(A), row(A, axis=0, rng=(10, 60), scale="normal")],
    "median_abs_deviation": [row(A), row(A, axis=None), row(A, scale="normal")],
    "tmean": [row(A), row(A, (-0.5, 0.9), axis=0), row(A, (None, 0.3), (False, False))],
    "tvar": [row(X, (-1.0, 1.0)), row(A, (-2.5, None), keepdims=True)],
    "tstd": [row(X, (-1.0, 1.0))], "tsem": [row(X, (-1.0, 1.0)), row(A, axis=1)],
    "tmin": [row(X, -0.3), row(A)], "tmax": [row(X, 0.3), row(A, axis=None)],
    "trim_mean": [row(A, 0.2), row(X, 0.1, keepdims=True), row(A, 0.1, axis=None)],
    "circmean": [row(ANGLES), row(20 * ANGLES, 24, 3, axis=0)],
    "circvar": [row(ANGLES), row(ANGLES, axis=1, keepdims=True)],
    "circstd": [row(ANGLES, 24), row(ANGLES, axis=0, normalize=True)],
    "entropy": [row(P), row(P, P**2, base=2, axis=1), row(P, keepdims=True)],
    "differential_entropy": [
        row(X, method=m) for m in ("vasicek", "van es", "ebrahimi", "correa", "auto")
    ] + [row(A.T, axis=1, window_length=2, base=2)],
    "boxcox": [row(P[:, 0], 0.4), row(P[:, 0], 0.0)], "boxcox_llf": [row(0.3, P), row(0.0, P)],
    "yeojohnson": [row(X, 0.4), row(X, 2.0)], "yeojohnson_llf": [row(0.3, A)],
    "linregress": [row(X, Y), row(X, Y, alternative="less"), row(A, A**2, axis=1)],
    "pearsonr": [row(X, Y), row(A, A**2, axis=0, alternative="greater"), row(X[:2], Y[:2])],
    "pointbiserialr": [row(X, Y)],
    "spearmanr": [row(X, Y), row(A[:, :2]), row(X, Y, alternative="less")],
    "rankdata": [row(np.round(A), method=m) for m in ("average", "min", "max", "dense", "ordinal")]
    + [row(np.round(2 * A), axis=0), row(np.round(A), "dense", axis=1)],
    "ttest_1samp": [row(A, 0.2), row(A, 0.2, axis=1, alternative="less")],
    "ttest_rel": [row(X, Y), row(A, A**2, alternative="greater")],
    "ttest_ind": [row(A, B), row(A, B, equal_var=False)], "f_oneway": [row(A, B, A[:4] ** 2)],
    "chisquare": [row(COUNTS), row(COUNTS, COUNTS[::-1], ddof=1)],
    "power_divergence": [row(COUNTS, lambda_=k) for k in
        ("log-likelihood", "cressie-read", "neyman", "mod-log-likelihood", -0.5, None)],
    "jarque_bera": [row(X), row(A, axis=0)],
    "skewtest": [row(X), row(TALL, axis=1, alternative="less")], "kurtosistest": [row(TALL)],
    "normaltest": [row(X), row(TALL, axis=0)], "bartlett": [row(A, B, A[:4] ** 2)],
    "levene": [row(A, B, A[:4] ** 2), row(A, B, center="mean")],
    "ttest_ind_from_stats": [row(X[0], P[0], 9, X[1], P[1], 7),
                             row(X[0], P[0], 9, X[1], P[1], 7, equal_var=False)],
    "combine_pvalues": [row(W, m) for m in ("fisher", "pearson", "tippett", "stouffer")]
    + [row(V, "stouffer", V[::-1], axis=1)],
    "kstatvar": [row(X, 1), row(A, 2)],
    "wasserstein_distance": [row(X, Y[:7]), row(X, Y[:6], None, W)],
    "energy_distance": [row(X, Y[:7]), row(X[:6], Y[:6], W, W[::-1])],
    "ks_2samp": [row(X, Y[:7]), row(np.round(X), np.round(Y)), row(X, Y[:5], "less"),
                 row(X, Y, "greater")],
    "ks_1samp": [],  # its cdf is of one module; see below
    "gaussian_kde": [],
}
# fmt: on
WITHOUT = {"rankdata", "spearmanr", "ks_2samp"}  # a derivative
OF_DOUBLES = {"describe", "linregress", "energy_distance"}  # in SciPy
CALLS = [(name, i) for name, rows in ROWS.items() for i in range(len(rows))]
FAST = {"skew", "tvar", "differential_entropy", "linregress", "wasserstein_distance", "boxcox_llf"}
quick = pytest.mark.parametrize(
    ("name", "i"),
    [c if c[0] in FAST else pytest.param(*c, marks=pytest.mark.slow) for c in CALLS],
)


def leaves(y):
    """The numbers of a result; of KstestResult those that ties do not change."""
    if type(y).__name__ == "KstestResult":
        y = y[:2]
    return [np.asarray(x) for x in fg.tree.leaves(tuple(y) if isinstance(y, tuple) else y)]


def close(want, got, rtol=1e-10, atol=1e-12):
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)


def test_each_statistic_has_a_row():
    homes = ("association", "density", "distances", "normality", "significance", "summaries",
             "transformed", "trimmed")  # fmt: skip
    own = {n for n in stats.__all__
           if getattr(getattr(stats, n), "__module__", "").rpartition(".")[2] in homes}  # fmt: skip

    assert own == set(ROWS)


def outputs_of_scipy(name, args, options):
    want = getattr(scipy, name)(*args, **options)
    if name in ("pearsonr", "ttest_1samp", "ttest_rel", "ttest_ind"):
        return [want.statistic, want.pvalue, *([want.df] if hasattr(want, "df") else [])]
    if name == "linregress":
        return [*want, want.intercept_stderr]
    return leaves(want)


@pytest.mark.parametrize(("name", "i"), CALLS)
def test_values_and_dtypes_are_those_of_scipy(name, i):
    args, options = ROWS[name][i]
    want = [np.asarray(x) for x in outputs_of_scipy(name, args, options)]
    got = leaves(getattr(stats, name)(*args, **options))

    close(want, got, 1e-9)
    assert [x.shape for x in got] == [x.shape for x in want]
    single = [x.astype("f4") if isinstance(x, np.ndarray) else x for x in args]
    if name not in (*WITHOUT, *OF_DOUBLES):
        first = outputs_of_scipy(name, single, options)[0]
        assert leaves(getattr(stats, name)(*single, **options))[0].dtype == np.asarray(first).dtype


def placed(name, i):
    args, options = ROWS[name][i]
    free = [k for k, x in enumerate(args) if isinstance(x, np.ndarray)]

    def f(*xs):
        filled = dict(zip(free, xs, strict=True))
        y = getattr(stats, name)(*[filled.get(k, x) for k, x in enumerate(args)], **options)
        kept = [x for x in leaves_of(y) if np.result_type(x).kind == "f"]
        return tuple(kept)

    return f, [args[k] for k in free]


def leaves_of(y):
    y = y[:2] if type(y).__name__ == "KstestResult" else y
    return fg.tree.leaves(tuple(y) if isinstance(y, tuple) else y)


@quick
def test_derivatives_are_those_of_central_differences_in_both_modes(name, i):
    if name in WITHOUT:
        return
    f, xs = placed(name, i)
    ts = [np.cos(3 * np.arange(x.size) + 1.0).reshape(x.shape) for x in xs]
    h = 1e-6
    out, moved = fg.jvp(f, tuple(xs), tuple(ts))
    ends = [f(*[x + s * h * t for x, t in zip(xs, ts, strict=True)]) for s in (1, -1)]

    close([(p - m) / (2 * h) for p, m in zip(*ends, strict=True)], moved, 1e-6, 1e-7)
    cts = [np.cos(np.arange(float(np.size(y)))).reshape(np.shape(y)) for y in out]
    back = fg.vjp(f, *xs)[1](tuple(cts))
    pulled = sum(np.sum(b * t) for b, t in zip(back, ts, strict=True))
    pushed = sum(np.sum(c * y) for c, y in zip(cts, moved, strict=True))
    np.testing.assert_allclose(pulled, pushed, rtol=1e-9, atol=1e-11)


@quick
def test_vmap_is_a_loop_and_jit_changes_nothing(name, i):
    f, xs = placed(name, i)
    want = f(*xs)

    close(want, fg.jit(f)(*xs))
    got = fg.vmap(f)(*[np.stack([x, 1.1 * x]) for x in xs])
    close(want, [y[0] for y in got])
    close(f(*[1.1 * x for x in xs]), [y[1] for y in got])


# what has arguments of its own


def test_power_transformations_find_the_likeliest_parameter():
    for name in ("boxcox", "yeojohnson"):
        x = np.exp(X) if name == "boxcox" else X
        want, got = (getattr(m, name)(x) for m in (scipy, stats))
        close(want, got, 1e-5)  # of minimizers
        best = lambda x, name=name: getattr(stats, name)(x)[1]
        step = 1e-4 * np.cos(np.arange(12.0))
        slope = (best(x + step) - best(x - step)) / 2e-4
        moved = fg.jvp(best, (x,), (np.cos(np.arange(12.0)),))[1]
        np.testing.assert_allclose(moved, slope, rtol=1e-3)  # of minimizers


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("method", ["exact", "asymp"])
def test_the_test_of_a_sample_against_a_cdf_is_that_of_scipy(alternative, method):
    want = scipy.ks_1samp(X, scipy.norm.cdf, (0.3,), alternative, method)
    got = stats.ks_1samp(X, stats.norm.cdf, (0.3,), alternative, method)

    assert (got.statistic, got.pvalue) == pytest.approx((want.statistic, want.pvalue), rel=1e-9)
    assert got.statistic_location == want.statistic_location
    assert got.statistic_sign == want.statistic_sign
    loss = lambda x, loc: stats.ks_1samp(x, stats.norm.cdf, (loc,), alternative).statistic
    fg.check_grads(loss, (X, 0.3), 1)
    close([loss(X, 0.3)], [fg.jit(loss)(X, 0.3)])


@pytest.mark.parametrize("method", [None, "silverman", 0.7])
def test_kernel_densities_are_those_of_scipy_with_derivatives(method):
    points = RNG.normal(size=(2, 4))
    for data, weights in ((A[:, :2].T, W), (RNG.normal(size=(2, 9)), None)):
        want = scipy.gaussian_kde(data, method, weights)
        got = stats.gaussian_kde(data, method, weights)
        close([want(points), want.logpdf(points), want.covariance, want.neff, want.factor],
              [got(points), got.logpdf(points), got.covariance, got.neff, got.factor])  # fmt: skip
        close([want.integrate_gaussian([0.1, 0.2], np.eye(2)), want.integrate_kde(want)],
              [got.integrate_gaussian([0.1, 0.2], np.eye(2)), got.integrate_kde(got)])  # fmt: skip
    line = lambda m: m.gaussian_kde(X, method).integrate_box_1d(-0.4, np.inf)
    assert line(stats) == pytest.approx(line(scipy))
    log = lambda points, data, w: stats.gaussian_kde(data, method, w).logpdf(points)
    args = (points, A[:, :2].T, W)
    fg.check_grads(log, args, 1)
    close([log(*args)], [fg.jit(log)(*args)])


SQUARE = A[:3] @ A[:3].T + np.eye(3)
STACK = np.stack([SQUARE, np.eye(3) + 0.1], axis=2)
UNIT = A[:2] / np.linalg.norm(A[:2], axis=1, keepdims=True)
DENSITIES = {
    "multivariate_t": (A, B[0], SQUARE, np.array(3.5)),
    "matrix_normal": (np.stack([A, 2 * A]), B[:1] + A * 0, np.eye(6) + 0.2, SQUARE),
    "wishart": (SQUARE, np.array(4.5), np.eye(3) + 0.2),
    "invwishart": (SQUARE, np.array(4.5), np.eye(3) + 0.2),
    "dirichlet_multinomial": (np.array([[1, 0, 3], [2, 2, 0]]), P[0], 4),
    "multivariate_hypergeom": (np.array([[1, 0, 3], [2, 2, 0]]), np.array([3, 4, 5]), 4),
    "vonmises_fisher": (UNIT, UNIT[0], np.array(1.7)),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_of_vectors_and_matrices_are_those_of_scipy(name):
    args, d = DENSITIES[name], getattr(stats, name)
    log = "logpmf" if hasattr(d, "logpmf") else "logpdf"
    plain = [x[()] if isinstance(x, np.ndarray) else x for x in args]
    want = getattr(getattr(scipy, name), log)(*plain)
    free = [i for i, x in enumerate(args) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    xs = [args[i] for i in free]

    def f(*xs):
        filled = dict(zip(free, xs, strict=True))
        return getattr(d, log)(*[filled.get(i, x) for i, x in enumerate(args)])

    close([want], [f(*xs)])
    close([getattr(d, log[3:])(*args)], [np.exp(f(*xs))])
    close([f(*xs)], [fg.jit(f)(*xs)])
    if xs:  # symmetric matrices are moved symmetrically
        even = lambda x: (x + np.swapaxes(x, -1, -2)) / 2 if np.shape(x) in ((3, 3), (6, 6)) else x
        fg.check_grads(lambda *xs: f(*map(even, xs)), tuple(xs), 1)
    close([f(*xs)], [getattr(d(*args[1:]), log)(args[0])])


def test_stacks_of_matrices_have_densities_along_the_last_axis_as_in_scipy():
    for name in ("wishart", "invwishart"):
        want, got = (getattr(m, name).logpdf(STACK, 5, SQUARE) for m in (scipy, stats))
        close([want], [got])
    assert stats.dirichlet_multinomial.logpmf([1, 1], [1.0, 2.0], 3) == -np.inf
    with pytest.raises(ShapeError, match=r"matrix_normal: rowcov must have the shape \[6, 6\]"):
        stats.matrix_normal.logpdf(A, rowcov=np.eye(3))


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="gmean: nan_policy must be 'propagate': got 'omit'"):
        stats.gmean(P, nan_policy="omit")
    with pytest.raises(ShapeError, match=r"linregress: x and y must have equal lengths: got f64"):
        stats.linregress(X, Y[:3])
    with pytest.raises(ValueError, match="rankdata: method must be one of 'average', 'min'"):
        stats.rankdata(X, "best")
    with pytest.raises(UnsupportedError, match="ks_2samp: method must be 'auto' or 'exact'"):
        stats.ks_2samp(X, Y, method="asymp")
    with pytest.raises(ValueError, match="differential_entropy: window_length must be from 1 to 5"):
        stats.differential_entropy(X, window_length=6)
    with pytest.raises(ShapeError, match=r"gaussian_kde: points must have 2 rows: got f64\[3,4\]"):
        stats.gaussian_kde(A[:, :2].T)(np.ones((3, 4)))
    with pytest.raises(ValueError, match="alternative must be 'two-sided', 'less' or 'greater'"):
        stats.pearsonr(X, Y, alternative="more")
