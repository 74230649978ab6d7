"""Comparison of results: with each other, and of derivatives with central differences."""

import warnings

import numpy as np

import funcgrad as fg
from funcgrad import ShapeDtypeStruct, tree
from funcgrad.core.avals import aval_of, is_arraylike


def assert_same(
    want,
    got,
    rtol=0.0,
    atol=0.0,
    *,
    ulps=0,
    structure=True,
    dtypes=True,
    kinds=False,
    signs=False,
    parts=False,
    note="",
):
    """Assert that two pytrees agree: structure, shapes and dtypes exactly, values to a tolerance.

    Integers, truths and strings are compared exactly, and nan equals nan.

    Args:
        want: pytree, the expected result.
        got: pytree, the result under test.
        rtol: float, the tolerance relative to ``want``.
        atol: float, the absolute tolerance.
        ulps: number, adds ``ulps * eps`` of the wanted dtype to both tolerances.
        structure: bool, whether the trees must have one structure, or only as many leaves.
        dtypes: bool, whether the leaves must have one dtype.
        kinds: bool, whether a Python scalar differs from a NumPy one.
        signs: bool, whether 0.0 differs from -0.0.
        parts: bool, whether nan in one part of a complex number differs from nan in the other.
        note: object that a failure shows.
    """
    if structure:
        assert tree.structure(want) == tree.structure(got), note
    wants, gots = tree.leaves(want), tree.leaves(got)
    assert len(wants) == len(gots), f"{len(gots)} leaves for {len(wants)} {note}"
    for w, g in zip(wants, gots, strict=True):
        if isinstance(w, ShapeDtypeStruct) or not is_arraylike(w):
            assert type(w) is type(g) and w == g, note
            continue
        x, y = np.asarray(w), np.asarray(g)
        assert x.shape == y.shape, f"shape {y.shape} for {x.shape} {note}"
        assert x.dtype == y.dtype or not dtypes, f"dtype {y.dtype} for {x.dtype} {note}"
        assert not kinds or is_numpy(w) == is_numpy(g), f"{type(g)} for {type(w)} {note}"
        if x.dtype.kind not in "fc" and y.dtype.kind not in "fc":
            np.testing.assert_array_equal(y, x, err_msg=str(note))
            continue
        slack = ulps * float(np.finfo(x.dtype).eps) if ulps else 0.0
        np.testing.assert_allclose(y, x, rtol + slack, atol + slack, err_msg=str(note))
        if signs:
            assert_same_zeros(x, y, note)
        if parts:
            np.testing.assert_array_equal(np.isnan(y.real), np.isnan(x.real), err_msg=str(note))
            np.testing.assert_array_equal(np.isnan(y.imag), np.isnan(x.imag), err_msg=str(note))


def assert_same_zeros(x, y, note=""):
    """Assert that zeros have one sign, of both parts of a complex number."""
    for part in (np.real, np.imag) if x.dtype.kind == "c" else (np.real,):
        zero = part(x) == 0
        negative = np.signbit(part(x))[zero], np.signbit(part(y))[zero]
        np.testing.assert_array_equal(*negative, err_msg=str(note))


def is_numpy(x):
    return isinstance(x, np.ndarray | np.generic)


def difference(want, got, *args, **options):
    """Give the words of ``assert_same`` where two results differ, None where they agree."""
    try:
        assert_same(want, got, *args, **options)
    except AssertionError as err:
        return str(err)
    return None


def outcome(run, *args):
    """Give the leaves of a result and None, or None and the error; without warnings."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tree.leaves(run(*args)), None
    except Exception as err:
        return None, err


def quiet(f, *args):
    """Result of a call without its warnings, and whether one says that something is nan."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        y = f(*args)
    words = [str(w.message) for w in seen if issubclass(w.category, RuntimeWarning)]
    return y, any("it is nan here; use" in w or "it is nan here; add" in w for w in words)


def arrays(values):
    return [np.asarray(y) for y in tree.leaves(values)]


def floats(values):
    return [v for v in values if is_arraylike(v) and aval_of(v).dtype.kind in "fc"]


def kolmogorov(x, cdf):
    """Kolmogorov's distance between a sample and a distribution, times sqrt(n)."""
    x = np.sort(x)
    p, n = cdf(x), x.size
    up, down = np.arange(1, n + 1) / n - p, p - np.arange(n) / n
    return max(up.max(), down.max()) * np.sqrt(n)


# derivatives


def noise(values, rng):
    """Random tangents of arrays, None standing for integers and truths."""

    def draw(v):
        v = np.asarray(v)
        if v.dtype.kind not in "fc":
            return None
        re, im = rng.normal(size=(2, *v.shape))
        return (re + 1j * im if v.dtype.kind == "c" else re).astype(v.dtype)[()]

    return [draw(v) for v in values]


def pairing(tangents, values):
    """Real part of the sum of products of two lists of arrays, not conjugated; None is skipped."""
    pairs = zip(tangents, values, strict=True)
    return sum(np.sum(np.multiply(t, v)).real for t, v in pairs if t is not None)


def differences(function, inputs, cts, eps=1e-6):
    """Gradient of ``pairing(cts, function)`` by central differences, one array per input."""
    grads = []
    for k, x in enumerate(inputs):
        g = np.zeros(np.shape(x), np.asarray(x).dtype)
        for place in np.ndindex(np.shape(x)):
            for unit in (1, 1j) if g.dtype.kind == "c" else (1,):
                ends = []
                for sign in (eps, -eps):
                    moved = np.array(x)
                    moved[place] += sign * unit
                    args = [*inputs[:k], moved[()], *inputs[k + 1 :]]
                    ends.append(pairing(cts, tree.leaves(function(*args))))
                # JAX's convention for complex numbers: df/dx - i df/dy
                g[place] += (ends[0] - ends[1]) / (2 * eps) * np.conj(unit)
        grads.append(g)
    return grads


def slope(function, xs, ts, eps=1e-6):
    """Central difference of a function of ``xs`` along ``ts``, a tree like its result."""
    plus, minus = (
        function(*(x + s * eps * t for x, t in zip(xs, ts, strict=True))) for s in (1, -1)
    )
    return tree.map(lambda a, b: (np.asarray(a) - b) / (2 * eps), plus, minus)


def assert_derivatives(function, inputs, *, smooth=True, rtol=1e-11, atol=2e-6):
    """Assert that reverse mode gives central differences, and forward mode its adjoint.

    Args:
        function: callable of arrays, its result a pytree.
        inputs: list of arrays; cotangents and tangents are drawn for what is inexact.
        smooth: bool, whether differences of step 1e-6 resolve the derivative.
        rtol: float, the tolerance of ``<ct, jvp(t)> = <vjp(ct), t>``: sums in another order.
        atol: float, the absolute tolerance of differences, which lose half the digits.
    """
    rng = np.random.default_rng(1)
    out, pullback = fg.vjp(function, *inputs)
    leaves, treedef = tree.flatten(out)
    cts, tangents = noise(leaves, rng), noise(inputs, rng)
    given = [y if c is None else c for y, c in zip(leaves, cts, strict=True)]
    got = pullback(tree.unflatten(treedef, given))
    pushed = tree.leaves(fg.jvp(function, inputs, tangents)[1])

    assert [(g.dtype, g.shape) for g in got] == [(x.dtype, np.shape(x)) for x in inputs]
    left, right = pairing(cts, pushed), pairing(tangents, got)
    assert np.isclose(left, right, rtol=rtol, atol=max(rtol, 1e-11), equal_nan=True)
    for a, b in zip(differences(function, inputs, cts), got, strict=True) if smooth else ():
        assert np.allclose(np.nan_to_num(a), np.nan_to_num(b), rtol=1e-5, atol=atol)
