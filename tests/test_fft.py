"""numpy.fft under every transform: values, dtypes and errors are NumPy's."""

import runpy
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import MutationError

from .support.compare import assert_same

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(4, 5, 3))
COMPLEX = REAL + 1j * RNG.normal(size=(4, 5, 3))

LINES = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
PLANES = ["fft2", "ifft2", "rfft2", "irfft2"]
SPACES = ["fftn", "ifftn", "rfftn", "irfftn"]
OF_REAL = {"rfft", "ihfft", "rfft2", "rfftn"}  # which refuse complex numbers

ON_LINES = [
    {}, {"n": 4}, {"n": 7}, {"n": 2, "axis": 0}, {"n": 1}, {"axis": 1}, {"axis": -3, "n": 5},
    {"norm": "ortho"}, {"norm": "forward", "n": 4}, {"norm": "backward", "n": 5}, {"norm": None},
]  # fmt: skip
ON_PLANES = [
    {}, {"s": (3, 4)}, {"s": (6, 5), "norm": "ortho"}, {"axes": (0, 1)}, {"axes": (1, 0)},
    {"axes": (2, 2)}, {"s": (4, 2), "axes": (0, 0)}, {"s": (-1, 4), "axes": (-3, 1)},
    {"s": (3, -1), "axes": (1, 2), "norm": "forward"}, {"axes": [0, 2], "s": [6, 3]},
]  # fmt: skip
ON_SPACES = [
    *({"axes": (-2, -1), **p} for p in ON_PLANES),
    {},
    {"axes": (1,)},
    {"axes": (2, 0, 1)},
    {"s": (2, 6, 4), "axes": (0, 1, 2)},
]
CALLS = [
    pytest.param(name, options, complex, id=f"{name}-{options}-{'c' if complex else 'r'}")
    for names, choices in ((LINES, ON_LINES), (PLANES, ON_PLANES), (SPACES, ON_SPACES))
    for name in names
    for options in choices
    for complex in (False, True)
    if not (complex and name in OF_REAL)
]
each_call = pytest.mark.parametrize(("name", "options", "complex"), CALLS)


def called(name, options, complex):
    """Return the function of one array that a call is, and an array."""
    return lambda x: getattr(np.fft, name)(x, **options), COMPLEX if complex else REAL


# values


@each_call
def test_a_traced_call_gives_numpys_numbers(name, options, complex):
    function, x = called(name, options, complex)
    want = function(x)

    assert_same(want, fg.vjp(function, x)[0])
    assert_same(want, fg.make_jaxpr(function)(x)(x)[0])
    assert_same(want, fg.jit(function)(x))
    assert_same(want, getattr(fg.numpy.fft, name)(x, **options))


@each_call
def test_precision_stays_what_numpy_makes_it(name, options, complex):
    function, x = called(name, options, complex)
    for small in (x.astype("F" if complex else "f"), np.ones(x.shape, int), x.real > 0):
        want, traced = function(small), fg.jit(function)(small)

        assert_same(want, traced)
        if small.dtype.kind in "fc":
            y, pull = fg.vjp(function, small)
            assert_same(want, y)
            assert pull(np.ones_like(y))[0].dtype == small.dtype


def test_a_list_of_traced_numbers_is_an_array():
    got = fg.jvp(lambda x: fg.numpy.fft.fft([x, 2 * x]), (1.0,), (1.0,))[1]

    assert_same(np.array([3.0, -1.0 + 0j]), got)


# derivatives


@each_call
def test_derivatives_are_the_limits_of_differences(name, options, complex):
    function, x = called(name, options, complex)

    fg.check_grads(function, (x,), atol=1e-7, rtol=1e-7)
    fg.check_grads(lambda x: abs(function(x) + 3) ** 3 / 100, (x,), order=2)


@each_call
def test_the_pullback_is_the_exact_adjoint(name, options, complex):
    function, x = called(name, options, complex)
    t = RNG.normal(size=x.shape) * (1 + 2j if complex else 1)
    y, pushed = fg.jvp(function, (x,), (t.astype(x.dtype),))
    weights = RNG.normal(size=y.shape) * (1 - 1j if y.dtype.kind == "c" else 1)
    (pulled,) = fg.vjp(function, x)[1](weights.astype(y.dtype))
    transposed = fg.linear_transpose(function, x)(weights.astype(y.dtype))[0]
    want = np.sum(weights * pushed).real

    assert np.sum(pulled * t).real == pytest.approx(want, rel=1e-12, abs=1e-12)
    assert_same(pulled, transposed)


@each_call
def test_a_batch_is_a_loop(name, options, complex):
    function, x = called(name, options, complex)
    batch = np.stack([x, 2 * x, x[::-1]], axis=1)
    loop = np.stack([function(batch[:, i]) for i in range(3)], axis=-1)
    pulls = np.stack([fg.vjp(function, batch[:, i])[1](function(x))[0] for i in range(3)])
    pulled = fg.vmap(lambda x, ct: fg.vjp(function, x)[1](ct)[0], in_axes=(1, None))

    assert_same(loop, fg.vmap(function, in_axes=1, out_axes=-1)(batch), rtol=1e-14, atol=1e-14)
    assert_same(pulls, pulled(batch, function(x)), rtol=1e-14, atol=1e-14)
    assert "scan" not in str(fg.make_jaxpr(fg.vmap(function, in_axes=1))(batch))


@each_call
def test_a_compiled_pullback_is_the_eager_one(name, options, complex):
    function, x = called(name, options, complex)
    pull = lambda x, ct: fg.vjp(function, x)[1](ct)[0]
    want = pull(x, function(x))

    assert_same(want, fg.jit(pull)(x, function(x)), rtol=1e-14, atol=1e-14)


def test_the_source_is_a_line_of_numpy_and_stands_alone(tmp_path):
    spectrum = fg.jit(lambda x: abs(np.fft.rfft(x, norm="ortho")) ** 2)
    gradient = fg.jit(fg.grad(lambda x: np.sum(spectrum(x) ** 2)))
    x = REAL[:, :, 0]
    path = tmp_path / "alone.py"
    path.write_text(gradient.source(x, standalone=True))

    assert "fft.rfft(x, None, 1, 'ortho', out=" in spectrum.source(x)
    assert_same(gradient(x), runpy.run_path(str(path))["lambda_"](x), rtol=1e-14, atol=1e-14)


def test_the_steps_of_a_transform_of_several_axes_share_their_memory():
    source = fg.jit(lambda x: np.fft.ifftn(np.fft.fftn(x) * 2).real).source(COMPLEX)

    assert "out=" in source


# frequencies, and their order


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("axes", [None, 1, -1, (0, 2), [1]])
@pytest.mark.parametrize("x", [REAL, COMPLEX, np.arange(6)], ids=["real", "complex", "integer"])
def test_shifts_move_numbers_as_numpy_does(name, axes, x):
    axes = -1 if x.ndim == 1 else axes
    function = lambda x: getattr(np.fft, name)(x, axes)
    want = function(x)

    assert_same(want, fg.jit(function)(x))
    if x.dtype.kind in "fc":
        fg.check_grads(function, (x,), order=2)
        (pulled,) = fg.vjp(function, x)[1](want)
        assert np.array_equal(pulled, x)  # a permutation is undone by its transpose


def test_frequencies_have_a_derivative_by_the_distance_of_samples():
    for name in ("fftfreq", "rfftfreq"):
        numpys, ours = getattr(np.fft, name), getattr(fg.numpy.fft, name)
        for n in (4, 5, 1):
            want = -numpys(n, 0.5) / 0.5

            for function in (numpys, ours):
                y, t = fg.jvp(lambda d, f=function, n=n: f(n, d), (0.5,), (1.0,))
                assert_same(numpys(n, 0.5), y)
                assert_same(want, t)
            assert_same(numpys(n, 2.0), ours(n, 2.0))
            assert_same(numpys(n, 2.0).astype("f"), ours(n, 2.0, dtype=np.float32))


def test_every_name_of_numpy_fft_is_there():
    names = [n for n in np.fft.__all__ if n != "TestCase"]

    assert len(names) >= 18 and all(callable(getattr(fg.numpy.fft, n)) for n in names)


# identities


def test_a_convolution_is_a_product_of_transforms_also_in_its_gradient():
    x, k = REAL[0, :, 0], REAL[1, :, 1]

    def by_fft(x, k):
        return np.fft.irfft(np.fft.rfft(x, 9) * np.fft.rfft(k, 9), 9)

    for i in (0, 1):
        losses = [lambda *a, f=f: np.sum(np.sin(f(*a))) for f in (by_fft, np.convolve)]
        got, want = (fg.grad(loss, argnums=i)(x, k) for loss in losses)
        assert_same(want, got, rtol=1e-13, atol=1e-13)


def test_energy_is_kept_to_second_order():
    energy = lambda x: np.sum(abs(np.fft.fftn(x, norm="ortho")) ** 2)
    x = REAL[:2, :2, 0]

    np.testing.assert_allclose(fg.grad(energy)(x), 2 * x, rtol=1e-13)
    got = fg.hessian(energy)(x).reshape(4, 4)
    np.testing.assert_allclose(got, 2 * np.eye(4), atol=1e-13)


def test_a_solver_in_frequencies_is_differentiated_through_a_scan():
    k = 2j * np.pi * np.fft.fftfreq(8, 1 / 8)

    def step(u, _):
        return np.fft.ifft(np.exp(0.01 * k**2) * np.fft.fft(u)), None

    def heat(u):
        return np.sum(abs(fg.lax.scan(step, u + 0j, None, length=3)[0]) ** 2)

    x = REAL.reshape(-1)[:8]
    fg.check_grads(heat, (x,), order=2)
    np.testing.assert_allclose(fg.jit(fg.grad(heat))(x), fg.grad(heat)(x), rtol=1e-13)


# refusals

REFUSED = [
    (lambda x: np.fft.fft(x, 0), ValueError, "Invalid number of FFT data points"),
    (lambda x: np.fft.irfft(x, -1), ValueError, "Invalid number of FFT data points"),
    (lambda x: np.fft.irfft(x[:, :1]), ValueError, "Invalid number of FFT data points"),
    (lambda x: np.fft.fft(x, 2.0), TypeError, "integer"),
    (lambda x: np.fft.fft(x, axis=2), IndexError, None),
    (lambda x: np.fft.rfft(x[0, 0]), IndexError, None),
    (lambda x: np.fft.fft2(x[0]), IndexError, None),
    (lambda x: np.fft.fft(x, norm="other"), ValueError, "Invalid norm value other"),
    (lambda x: np.fft.ihfft(x, norm="other"), ValueError, "Invalid norm value other"),
    (lambda x: np.fft.hfft(x, norm="other"), ValueError, "Invalid norm value other"),
    (lambda x: np.fft.fftn(x, (2,), (0, 1)), ValueError, "Shape and axes have different lengths"),
    (lambda x: np.fft.rfft(x + 1j), TypeError, "rfft"),
    (lambda x: np.fft.rfftn(x + 1j), TypeError, "rfft"),
]


@pytest.mark.parametrize(("function", "error", "words"), REFUSED)
def test_what_numpy_refuses_is_refused_alike(function, error, words):
    x = REAL[:, :, 0]
    mapped = lambda x: fg.vmap(function)(np.stack([x, x]))
    for run in (function, fg.jit(function), mapped, lambda x: fg.vjp(function, x)):
        with pytest.raises(error, match=words):
            run(x)


@pytest.mark.parametrize("name", [*LINES, *PLANES, *SPACES])
def test_writing_into_an_ndarray_is_refused(name):
    out = np.empty((4, 5, 3), complex)
    with pytest.raises(MutationError, match=f"{name}: out= would write traced values into"):
        fg.vjp(lambda x: getattr(np.fft, name)(x, out=out), REAL)


def test_what_numpy_deprecates_warns_and_works():
    plan = [{"s": (3, 4)}, {"s": (3, None), "axes": (0, 1)}]
    for options in plan:
        for name in ("fftn", "irfftn"):
            function = lambda x, name=name, options=options: getattr(np.fft, name)(x, **options)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                want = function(REAL)
            with pytest.warns(DeprecationWarning):
                assert_same(want, fg.jit(function)(REAL))


@pytest.mark.peers
@each_call
def test_gradients_are_those_of_jax(name, options, complex, jax):
    if len(set(options.get("axes", ()))) < len(options.get("axes", ())) or "s" in options:
        pytest.skip("an option that JAX lacks")
    _, x = called(name, options, complex)
    loss = lambda fft: lambda x: (abs(getattr(fft, name)(x, **options) + 1) ** 2).sum()
    want = np.asarray(jax.grad(loss(jax.numpy.fft))(x))

    assert_same(want, fg.grad(loss(np.fft))(x), rtol=1e-11, atol=1e-11)
