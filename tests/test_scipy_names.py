"""SciPy called plainly: ufuncs of scipy.special take traced arrays, other functions name ours."""

import cmath
import importlib
import json
import math

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConversionError, UnsupportedError
from funcgrad.core.missing import counterpart, rows, value_of

from .support.compare import assert_same
from .support.processes import python

scipy = pytest.importorskip("scipy")
for _name in (
    "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "spatial",
    "special", "stats", "fft", "sparse.linalg", "spatial.distance",
):  # fmt: skip
    importlib.import_module(f"scipy.{_name}")
special = scipy.special

X = np.array([0.3, 0.5, 0.7])
A = np.eye(3) + 0.1
UFUNCS = [
    name for name in fg.scipy.special.__all__ if isinstance(getattr(special, name, None), np.ufunc)
]
# functions of one real operand; those of more are called in test_special_names.py
UNARY = [
    name
    for name in UFUNCS
    if getattr(special, name).nin == getattr(special, name).nout == 1
    and name not in ("wofz", "zetac", "round")
]
OF_NUMPY = ["cbrt", "exp2", "expm1", "log1p"]


def operands(ufunc, dtype=np.float64):
    return [X.astype(dtype), np.array([1.5, 2.5, 2.0], dtype), X.astype(dtype)][: ufunc.nin]


# ufuncs


@pytest.mark.parametrize("name", sorted({*UNARY, *OF_NUMPY}))
def test_a_ufunc_of_scipy_takes_traced_arrays(name):
    ufunc = getattr(special, name)
    first, *rest = operands(ufunc)[::-1] if name.startswith("betainc") else operands(ufunc)
    args = (first, *rest)
    last = len(args) - 1 if name.startswith(("gammainc", "betainc")) else 0

    def f(x):
        return ufunc(*args[:last], x, *args[last + 1 :])

    h = 1e-6
    slope = (f(args[last] + h) - f(args[last] - h)) / (2 * h)
    got = fg.grad(lambda x: np.sum(f(x)))(args[last])

    np.testing.assert_allclose(got, slope, rtol=1e-6, atol=1e-8)  # of central differences
    np.testing.assert_allclose(fg.jit(f)(args[last]), f(args[last]), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float16", "float32"])
@pytest.mark.parametrize("name", ["erf", "xlogy", "expit", "entr"])
def test_a_ufunc_of_scipy_has_its_dtypes(name, dtype):
    ufunc = getattr(special, name)
    args = [x.astype(dtype) for x in operands(ufunc)]
    want = ufunc(*args)
    got = fg.jit(ufunc)(*args)

    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=2e-3 if dtype == "float16" else 1e-6)


TRANSFORMS = {
    "jvp": lambda f: fg.jvp(f, (X,), (X,))[1],
    "vmap": lambda f: fg.vmap(f)(X),
    "vmap of grad": lambda f: fg.vmap(fg.grad(f))(X),
    "jit of vmap of grad": lambda f: fg.jit(fg.vmap(fg.grad(f)))(X),
    "scan": lambda f: fg.lax.scan(lambda c, x: (c + f(x), f(c)), 0.0, X),
    "grad of scan": lambda f: fg.grad(
        lambda x: fg.lax.scan(lambda c, y: (c + f(y * x[0]), None), 0.0, X)[0]
    )(X),
    "hessian": lambda f: fg.hessian(lambda x: np.sum(f(x)))(X),
    "out=": lambda f: fg.jit(lambda x: f(x, out=np.zeros_like(x)))(X),
    "out= and where=": lambda f: fg.jit(lambda x: f(x, out=x.copy(), where=x > 0.4))(X),
    "dtype=": lambda f: fg.jit(lambda x: f(x, dtype=np.float32))(X),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_ufunc_of_scipy_is_transformed_as_ours_is(transform):
    ours = fg.special.erf
    if "=" in transform:  # a ufunc has these
        ours = np.vectorize(math.erf)
        want = {
            "out=": ours(X),
            "out= and where=": np.where(X > 0.4, ours(X), X),
            "dtype=": special.erf(X, dtype=np.float32),
        }[transform]
        np.testing.assert_allclose(TRANSFORMS[transform](special.erf), want, rtol=1e-6)
        return

    assert_same(TRANSFORMS[transform](special.erf), TRANSFORMS[transform](ours))


def test_a_method_of_a_ufunc_of_scipy_takes_traced_arrays():
    want = special.xlogy.outer(X, X)

    np.testing.assert_allclose(fg.jit(special.xlogy.outer)(X, X), want, rtol=1e-14)


def test_out_of_a_plain_array_is_refused_for_a_ufunc_of_scipy():
    with pytest.raises(TypeError, match=r"scipy.special.erf: out= would write traced values"):
        fg.grad(lambda x: np.sum(special.erf(x, out=np.zeros(3))))(X)


def test_a_ufunc_of_the_user_that_is_named_as_one_of_scipy_is_refused():
    expit = np.frompyfunc(lambda x: x, 1, 1)

    with pytest.raises(UnsupportedError, match="it has no rule for traced arrays"):
        fg.grad(lambda x: np.sum(expit(x)))(X)


def test_a_ufunc_of_scipy_that_we_lack_names_the_nearest():
    def refused(f):
        with pytest.raises(UnsupportedError) as error:
            fg.grad(f)(X)
        return str(error.value)

    assert "scipy.special.mathieu_a: it has no rule" in refused(
        lambda x: np.sum(special.mathieu_a(1, x))
    )
    assert "scipy.special.pbdv: it has no rule" in refused(lambda x: np.sum(special.pbdv(1, x)[0]))


# functions that SciPy does not dispatch: each names its counterpart, with the line that imports it
CALLS = {
    "scipy.linalg.solve": lambda x: scipy.linalg.solve(A, x),
    "scipy.linalg.solve_triangular": lambda x: scipy.linalg.solve_triangular(A, x),
    "scipy.linalg.cho_factor": lambda x: scipy.linalg.cho_factor(x * A),
    "scipy.linalg.expm": lambda x: scipy.linalg.expm(x * A),
    "scipy.special.logsumexp": special.logsumexp,
    "scipy.special.softmax": special.softmax,
    "scipy.special.polygamma": lambda x: special.polygamma(1, x),
    "scipy.stats.norm.logpdf": lambda x: scipy.stats.norm.logpdf(x),
    "scipy.stats.gamma.cdf": lambda x: scipy.stats.gamma(x[0]).cdf(1.0),
    "scipy.stats.multivariate_normal.logpdf": lambda x: scipy.stats.multivariate_normal.logpdf(
        x, np.zeros(3), A
    ),
    "scipy.integrate.solve_ivp": lambda x: scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), x),
    "scipy.integrate.odeint": lambda x: scipy.integrate.odeint(lambda y, t: -y * x, X, [0, 1]),
    "scipy.integrate.simpson": lambda x: scipy.integrate.simpson(x),
    "scipy.integrate.quad": lambda x: scipy.integrate.quad(lambda t: t * x[0], 0, 1),
    "scipy.interpolate.interp1d": lambda x: scipy.interpolate.interp1d(X, x)(0.4),
    "scipy.signal.fftconvolve": lambda x: scipy.signal.fftconvolve(x, x),
    "scipy.fft.fft": scipy.fft.fft,
    "scipy.optimize.minimize": lambda x: scipy.optimize.minimize(lambda y: ((y - x) ** 2).sum(), X),
    "scipy.optimize.root": lambda x: scipy.optimize.root(lambda y: y - x, X),
    "scipy.optimize.least_squares": lambda x: scipy.optimize.least_squares(lambda y: y - x, X),
    "scipy.optimize.brentq": lambda x: scipy.optimize.brentq(lambda y: y - x[0], 0, 1),
    "scipy.sparse.csr_array": lambda x: scipy.sparse.csr_array(A) @ x,
    "scipy.sparse.csc_matrix": lambda x: x @ scipy.sparse.csc_matrix(A),
    "scipy.sparse.coo_array": lambda x: scipy.sparse.coo_array(x * A),
    "scipy.sparse.linalg.spsolve": lambda x: scipy.sparse.linalg.spsolve(
        scipy.sparse.csc_array(A), x
    ),
    "scipy.spatial.distance.cdist": lambda x: scipy.spatial.distance.cdist(x[:, None], x[:, None]),
    "scipy.special.erf": lambda x: special.erf([x[0], x[1]]),
    # without a counterpart
    "scipy.signal.lfilter": lambda x: scipy.signal.lfilter([1.0], [1.0, 0.5], x),
    "scipy.ndimage.rank_filter": lambda x: scipy.ndimage.rank_filter(x, 1, 3),
    "scipy.fft.dct": scipy.fft.dct,
    "scipy.stats.kendalltau": lambda x: scipy.stats.kendalltau(x, X),
    # of Python and NumPy
    "numpy.matrix": np.matrix,
    "math.sin": lambda x: math.sin(x[0]),
    "math.gamma": lambda x: math.gamma(x[0]) + 1,
    "math.hypot": lambda x: 2 * math.hypot(x[0], x[1]),
    "math.isnan": lambda x: np.where(math.isnan(x[0]), x, x),
    "cmath.exp": lambda x: cmath.exp(x[0]),
}


def refusal(run):
    with pytest.raises(ConversionError) as error:
        run()
    return error


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("transform", [fg.grad, fg.jit], ids=["grad", "jit"])
def test_a_function_of_another_library_names_its_counterpart(name, transform, capfd):
    error = refusal(lambda: transform(CALLS[name])(X))
    capfd.readouterr()  # minpack prints the error of a callback
    words, found = str(error.value), counterpart(name)

    assert words.startswith(f"{name}: it takes ")
    assert words.endswith("by custom_jvp" if found is None else found.imported)


def test_a_call_names_the_line_that_imports_the_counterpart():
    words = str(refusal(lambda: fg.grad(CALLS["scipy.linalg.solve"])(X)).value)

    assert words == (
        "scipy.linalg.solve: it takes plain arrays, and a traced value cannot become plain data, "
        "because its derivative would be lost: got f64[3]; write `from funcgrad.scipy.linalg "
        "import solve`"
    )


def test_the_traceback_ends_at_the_line_of_the_user():
    traces = refusal(lambda: fg.grad(CALLS["scipy.linalg.expm"])(X)).traceback

    assert traces[-1].path.name == "test_scipy_names.py"


def test_float_keeps_its_words():
    words = str(refusal(lambda: fg.grad(lambda x: math.sin(float(x)))(1.0)).value)

    assert words.startswith("float(): a traced value cannot become plain data")


def test_an_error_of_scipy_without_traced_values_passes_through():
    with pytest.raises(np.linalg.LinAlgError):
        fg.grad(lambda x: x * scipy.linalg.inv(np.zeros((2, 2)))[0, 0])(1.0)


# the table


@pytest.mark.parametrize("peer", [p for p in rows() if p.startswith(("scipy.", "math.", "cmath."))])
def test_a_row_names_what_exists_in_both_packages(peer):
    row = rows()[peer]
    parts = peer.split(".")
    theirs = importlib.import_module(parts[0])
    for part in parts[1:]:
        theirs = getattr(theirs, part, None)

    assert theirs is not None or peer in ("math.cbrt", "math.exp2", "math.sumprod")  # of new ones
    assert value_of(row.ours) is not None


@pytest.mark.parametrize("module", fg.scipy.__all__)
def test_every_name_of_ours_is_found_by_that_of_scipy(module):
    ours, theirs = getattr(fg.scipy, module), importlib.import_module(f"scipy.{module}")
    shared = [name for name in ours.__all__ if callable(getattr(theirs, name, None))]
    found = {name: counterpart(f"scipy.{module}.{name}") for name in shared}

    assert {n: c.ours for n, c in found.items()} == {
        n: f"funcgrad.scipy.{module}.{n}" for n in shared
    }


# SciPy's support of the Array API, in a process of its own, since SciPy reads its switch once
ARRAY_API = """
import json, sys
import numpy as np, scipy.special, scipy.stats, scipy.signal, scipy.fft, scipy.integrate
import funcgrad as fg

x, h = np.array([0.3, 0.5, 0.7, 0.2, 0.9, 0.4]), 1e-6
t = np.array([1.0, -2.0, 0.5, 0.3, -0.7, 1.5])
runs = []
for name in sys.argv[1].split():
    package, name = name.split(".")
    function = getattr(getattr(scipy, package), name.removesuffix("2"))
    two = name.endswith("2")
    def f(x):
        return np.sum(np.abs(function(x, x + 0.5) if two else function(x)))
    got = fg.jvp(f, (x,), (t,))[1]
    want = (f(x + h * t) - f(x - h * t)) / (2 * h)
    if np.allclose(got, want, rtol=1e-5, atol=1e-7) and fg.grad(f)(x).shape == (6,):
        runs.append(name)
print(json.dumps(runs))
"""
RUN = """
    special.entr special.erfcinv special.erfinv special.ndtri special.expit special.gamma
    special.gammaln special.log_expit special.logit special.psi special.i0 special.i0e special.i1
    special.i1e special.gammasgn special.erf special.erfc special.erfcx special.ndtr
    special.log_ndtr special.digamma special.logsumexp special.softmax special.log_softmax
    special.softplus special.expm1 special.log1p special.kl_div2 special.poch2 special.rel_entr2
    special.beta2 special.betaln2 special.xlogy2 special.xlog1py2 special.chdtr2 special.chdtrc2
    fft.fft fft.ifft fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft fft.ihfft
    fft.hfftn fft.ihfftn fft.fftshift fft.ifftshift
    stats.gmean stats.hmean stats.zscore stats.skew stats.kurtosis stats.sem
    stats.entropy stats.differential_entropy stats.tvar stats.tstd stats.tsem stats.kstat
    stats.kstatvar stats.circmean stats.circvar stats.circstd stats.gstd stats.gzscore
    stats.lmoment stats.zmap2
    signal.hilbert signal.envelope
    integrate.trapezoid integrate.cumulative_trapezoid integrate.cumulative_simpson
"""


def test_scipy_runs_on_traced_arrays_where_it_supports_the_array_api():
    out = python(ARRAY_API, RUN, environment={"SCIPY_ARRAY_API": "1"})

    assert len(json.loads(out)) == len(RUN.split())


def test_nothing_of_scipy_is_imported_unless_the_user_did():
    script = """
import sys, numpy as np, funcgrad as fg
expit = np.frompyfunc(float, 1, 1)
for f in (expit, lambda x: x.backward(), np.matrix):
    try:
        fg.grad(lambda x: np.sum(f(x)))(np.ones(2))
    except Exception:
        pass
print(any(name.partition(".")[0] == "scipy" for name in sys.modules))
"""
    assert python(script).strip() == "False"
