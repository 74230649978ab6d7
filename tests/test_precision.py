"""Half precision and extreme magnitudes: sums, counts and norms that would leave the range."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import losses, nn, optim, special
from funcgrad.ops import half_angle

from .support.compare import assert_same

HALF = np.float16


def agrees(got, want, dtype, ulps=4):
    """Compare with a float64 result, as far as the dtype can hold it."""
    got, info = np.asarray(got, np.float64), np.finfo(dtype)
    with np.errstate(over="ignore"):
        want = np.asarray(want).astype(dtype).astype(np.float64)
    assert_same(want, got, ulps * float(info.eps), 2 * float(info.smallest_subnormal))


# norms

EXTREMES = {
    "overflow": [1e200, 1.0],
    "overflow32": [3e20, 4e20],
    "overflow16": [300.0, 400.0],
    "underflow": [3e-200, 4e-200],
    "underflow32": [3e-30, 4e-30],
    "mixed": [1e-30, 1e-8],
    "zero": [0.0, 0.0],
    "usual": [3.0, -4.0],
}


def fitting(numbers, dtype):
    with np.errstate(over="ignore"):
        return np.isfinite(np.array(numbers).astype(dtype)).all()


CASES = [
    (k, t) for k in EXTREMES for t in (np.float16, np.float32, np.float64)
    if fitting(EXTREMES[k], t)
]  # fmt: skip


@pytest.mark.parametrize("ord", [None, 1, 1.5, 3, np.inf])
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_norms_of_extreme_vectors(name, dtype, ord):
    x = np.array(EXTREMES[name]).astype(dtype)
    y = x.astype(np.longdouble)  # whose range is 4932 decades
    p = 2 if ord is None else ord
    peak = np.max(np.abs(y)) or np.longdouble(1)
    z = np.abs(y) / peak
    size = np.max(z) if p == np.inf else np.sum(z**p) ** (1 / np.longdouble(p))
    if not np.any(x):
        slope = 0 * y
    elif p == np.inf:
        slope = np.sign(y) * (z == 1)
    else:
        slope = np.sign(y) * (z / size) ** (p - 1)
    value, grad = fg.value_and_grad(lambda v: np.linalg.norm(v, ord))(x)
    _, push = fg.jvp(lambda v: np.linalg.norm(v, ord), (x,), (np.array([1, 0], dtype),))

    agrees(value, size * peak, dtype)
    room = {"rtol": 8 * float(np.finfo(dtype).eps), "atol": float(np.finfo(dtype).tiny)}
    np.testing.assert_allclose(grad.astype(float), slope.astype(float), **room)
    np.testing.assert_allclose(float(push), float(slope[0]), **room)
    assert value.dtype == grad.dtype == dtype


@pytest.mark.parametrize("transform", [lambda f: f, fg.jit, fg.checkpoint])
def test_norms_along_axes_under_transforms(transform):
    x = np.array([[1e200, 1.0], [3e-200, 4e-200], [0.0, 0.0], [3.0, 4.0]])
    rows = lambda m: np.sum(np.linalg.norm(m, axis=1) / np.array([1e200, 1e-200, 1.0, 1.0]))
    want = np.array([[1, 1e-200], [0.6, 0.8], [0, 0], [0.6, 0.8]]) / np.array(
        [[1e200], [1e-200], [1], [1]]
    )

    np.testing.assert_allclose(transform(fg.grad(rows))(x), want, rtol=1e-15)
    np.testing.assert_allclose(
        fg.vmap(transform(np.linalg.norm))(x), [1e200, 5e-200, 0, 5], rtol=1e-15
    )


def test_second_derivatives_of_norms():
    x = np.array([[0.3, -1.2], [0.7, 0.4]])
    for f in (np.linalg.norm, lambda m: np.sum(np.linalg.norm(m, 3, axis=1))):
        fg.check_grads(f, (x,), order=3)

    assert not np.any(fg.hessian(np.linalg.norm)(np.zeros(2)))


# counts and sums in half precision


@pytest.mark.parametrize("reduce", [np.max, np.min])
def test_ties_in_half_precision_share_the_derivative(reduce):
    x = np.ones(70000, HALF)
    share = np.float16(1 / 70000)

    assert np.array_equal(fg.grad(reduce)(x), np.full(70000, share))
    assert fg.jvp(reduce, (x,), (x,))[1] == 1
    assert np.array_equal(fg.jit(fg.grad(reduce))(x), np.full(70000, share))


LONG = 2**17
SUMS = {
    "softmax": (nn.softmax, 1 / LONG),
    "special.softmax": (special.softmax, 1 / LONG),
    "log_softmax": (nn.log_softmax, -np.log(LONG)),
    "logsumexp": (nn.logsumexp, np.log(LONG)),
    "standardize": (nn.standardize, 0.0),
    "mean": (np.mean, 0.0),
    "var": (np.var, 0.0),
    "norm": (np.linalg.norm, 0.0),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("transform", [lambda f: f, fg.jit])
def test_sums_over_many_elements_in_half_precision(name, transform):
    f, want = SUMS[name]
    got = transform(f)(np.zeros(LONG, HALF))

    assert got.dtype == HALF
    agrees(got, np.full(np.shape(got), want), HALF)


@pytest.mark.parametrize("name", ["var", "standardize", "norm"])
def test_squares_of_large_elements_in_half_precision(name):
    f, x = SUMS[name][0], np.array([300.0, -400.0, 100.0], HALF) / (2 if name == "var" else 1)
    total = lambda v: np.sum(f(v) / np.arange(6.0, 9.0, dtype=v.dtype))
    want = fg.grad(total)(x.astype(float))

    agrees(fg.grad(total)(x), want, HALF, 64)


# losses

PAIRS = {
    "mse": losses.mse,
    "l1": losses.l1,
    "huber": losses.huber,
    "log_cosh": lambda x, y: np.mean(losses.log_cosh(x, y)),
    "l2_loss": lambda x, y: np.mean(losses.l2_loss(x, y)),
    "squared_error": lambda x, y: np.mean(losses.squared_error(x, y)),
    "cosine": lambda x, y: np.mean(losses.cosine_similarity(x, y)),
    "cross_entropy": lambda x, y: losses.cross_entropy(x, np.full(y.shape, 0.25, y.dtype)),
    "labels": lambda x, y: losses.cross_entropy(x, np.array([1, 3])),
    "bce": lambda x, y: losses.binary_cross_entropy_with_logits(x, np.abs(np.sign(y))),
    "focal": lambda x, y: np.mean(losses.sigmoid_focal_loss(x, np.abs(np.sign(y)))),
    "hinge": lambda x, y: losses.hinge(x, np.sign(y) + (y == 0)),
    "poly": lambda x, y: np.mean(losses.poly_loss_cross_entropy(x, np.full_like(y, 0.25))),
}
OF_CLASSES = {"cross_entropy", "labels", "poly"}  # whose slopes are differences of probabilities
MAGNITUDES = (0.0, 6e-8, 1e-30, 1e-8, 1.0, 300.0, 6e4, 3e20)
ROWS = np.array([[0.3, -1.0, 0.5, 0.9], [-0.2, 0.4, 1.0, -0.7]])
LOSS_CASES = [
    (t, m) for t in (np.float16, np.float32, np.float64) for m in MAGNITUDES if fitting([m], t)
]


@pytest.mark.parametrize(("dtype", "magnitude"), LOSS_CASES)
@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_extreme_numbers(name, dtype, magnitude):
    f = PAIRS[name]
    x, y = (ROWS * magnitude).astype(dtype), (ROWS[::-1] * magnitude / 3).astype(dtype)
    want, slope = fg.value_and_grad(f)(x.astype(float), y.astype(float))
    with np.errstate(over="ignore"):  # the loss itself may be too large a number
        got, grad = fg.value_and_grad(f)(x, y)

    assert got.dtype == grad.dtype == dtype and np.all(np.isfinite(slope))
    if np.isfinite(got) or want > np.finfo(dtype).max:  # elements may be where their mean is not
        agrees(got, want, dtype, 32)
    scale = float(np.max(np.abs(slope))) or 1.0  # of a difference the smaller side is rounding
    scale = max(scale, 0.25) if name in OF_CLASSES else scale
    room = 64 * float(np.finfo(dtype).eps) * scale + 2 * float(np.finfo(dtype).smallest_subnormal)
    np.testing.assert_allclose(grad.astype(float), slope, rtol=0, atol=room)


def test_cosine_similarity_broadcasts_before_it_takes_norms():
    x, y = np.array([[1.0], [2.0]]), np.array([[3.0, 4.0, 0.0]])
    want = 7 / (5 * np.sqrt(3))

    np.testing.assert_allclose(losses.cosine_similarity(x, y), [want, want], rtol=1e-15)
    np.testing.assert_allclose(losses.cosine_similarity(y, x), [want, want], rtol=1e-15)
    assert losses.cosine_similarity(np.ones(1), np.ones(5)) == pytest.approx(1.0)


# optimizers

MAKE = {
    name: (lambda make: lambda: make(0.1))(make)
    for name in [
        "sgd",
        "adam",
        "adamw",
        "adamax",
        "adamaxw",
        "nadam",
        "nadamw",
        "amsgrad",
        "rmsprop",
        "adagrad",
        "lamb",
        "lars",
        "lion",
        "novograd",
        "radam",
        "adabelief",
        "yogi",
        "adan",
        "rprop",
        "fromage",
        "sm3",
        "adafactor",
        "sign_sgd",
        "adadelta",
        "optimistic_adam",
    ]
    if (make := getattr(optim, name, None) or getattr(optim.contrib, name, None))
}
MAKE |= {
    "nesterov": lambda: optim.sgd(0.1, momentum=0.9, nesterov=True),
    "centered": lambda: optim.rmsprop(0.1, centered=True, momentum=0.9),
    "ema": lambda: optim.ema(0.9),
    "MultiSteps": lambda: optim.MultiSteps(optim.adam(0.1), 2),
    "scale_by_adam": lambda: optim.scale_by_adam(),
    "clip": lambda: optim.clip_by_global_norm(1.0),
    "clip to 0": lambda: optim.clip_by_global_norm(0.0),
    "rms": lambda: optim.clip_by_block_rms(1.0),
    "rms to 0": lambda: optim.clip_by_block_rms(0.0),
    "adaptive": lambda: optim.adaptive_grad_clip(0.1),
    "trust": lambda: optim.scale_by_trust_ratio(),
}
BY_NORMS = {"lamb", "lars", "novograd", "adaptive", "trust", "clip", "clip to 0", "rms"}
BY_MEAN_SQUARES = {"adam", "adamw", "nadam", "radam", "yogi", "adabelief"}  # up to 5e20 in float32
GRADIENTS = np.array([[1.0, -0.5, 0.25], [0.3, -1.0, 0.7], [-0.2, 0.9, 1.0], [0.5, 0.5, -0.5]])
START = np.array([1.0, -0.5, 0.25])
SIZES = (0.0, 1e-310, 1e-40, 1e-30, 6e-8, 1e-8, 1e-4, 1.0, 300.0, 6e4)
OPT_CASES = [
    (name, t, m)
    for name in MAKE for t in (np.float16, np.float32, np.float64) for m in (*SIZES, 3e20)
    if fitting([m], t) and (t != np.float32 or m < 1e19 or name in BY_NORMS | BY_MEAN_SQUARES)
]  # fmt: skip


def updates_of(opt, gradients, start):
    state, found = opt.init(start), []
    for g in gradients:
        updates, state = opt.update(g, state, start)
        found.append(updates)
    return np.array(found)


@pytest.mark.parametrize(("name", "dtype", "size"), OPT_CASES)
def test_updates_of_extreme_gradients(name, dtype, size):
    gradients, start = (GRADIENTS * size).astype(dtype), START.astype(dtype)
    want = updates_of(MAKE[name](), gradients.astype(float), start.astype(float))
    with np.errstate(over="ignore"):
        got = updates_of(MAKE[name](), gradients, start)

    assert got.dtype == dtype and np.all(np.isfinite(want))
    info, largest = np.finfo(dtype), np.max(np.abs(want))
    lost = 0.0 if size == 0 else 64 * float(info.smallest_subnormal) / size  # of what is denormal
    room = (64 * float(info.eps) + min(lost, 1e-3)) * largest + 4 * float(info.smallest_subnormal)
    np.testing.assert_allclose(got.astype(float), want.astype(dtype).astype(float), 0, room)


@pytest.mark.parametrize("name", ["adam", "lamb", "novograd", "adagrad", "nesterov", "MultiSteps"])
def test_half_precision_trains_under_jit_and_scan(name):
    start, opt = np.array([1.0, -0.5, 0.25], HALF), MAKE[name]()
    loss = lambda p: np.sum(np.square(p)) * HALF(1e-3)  # gradients near 1e-3, squares near 1e-6

    def step(carry, _):
        p, state = carry
        updates, state = opt.update(fg.grad(loss)(p), state, p)
        return (optim.apply_updates(p, updates), state), None

    (p, _), _ = fg.lax.scan(step, (start, opt.init(start)), length=20)
    (q, _), _ = fg.jit(lambda c: fg.lax.scan(step, c, length=20))((start, opt.init(start)))

    assert p.dtype == HALF and np.all(np.isfinite(p)) and loss(p) < loss(start)
    agrees(q, p, HALF)


def test_states_of_half_precision_are_single_unless_asked_otherwise():
    p = {"w": np.ones(2, HALF), "b": np.ones(2, np.float64)}
    state, asked = optim.scale_by_adam().init(p), optim.scale_by_adam(mu_dtype=HALF).init(p)

    assert state.mu["w"].dtype == state.nu["w"].dtype == np.float32
    assert state.mu["b"].dtype == state.nu["b"].dtype == np.float64
    assert asked.mu["w"].dtype == HALF and asked.nu["w"].dtype == np.float32


@pytest.mark.parametrize(
    ("x", "want"),
    [
        ([np.float32([3e20, 4e20])], 5e20),
        ([np.float32([3e-30, 4e-30])], 5e-30),
        ([np.float64([3e200]), np.float64([4e200])], 5e200),
        ([np.float16([6e4, 6e4]), np.float16([6e4])], 6e4 * np.sqrt(3)),
        ([np.float32([0.0])], 0.0),
    ],
)
def test_global_norms_stay_in_range(x, want):
    x = [np.asarray(v) for v in x]
    got, grads = fg.value_and_grad(optim.global_norm)(x)

    np.testing.assert_allclose(got, want, rtol=1e-3 if x[0].dtype == HALF else 1e-6)
    np.testing.assert_allclose(
        np.concatenate(grads) * (want or 1), np.concatenate(x).astype(float), rtol=1e-3
    )
    assert got.dtype == max(x[0].dtype, np.dtype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("make", [optim.clip_by_global_norm, optim.clip_by_block_rms])
def test_clipping_at_0_has_no_nan(make, dtype):
    for g in (np.zeros(3, dtype), np.ones(3, dtype)):
        got, _ = fg.jit(make(0.0).update)({"w": g}, make(0.0).init({"w": g}))

        assert not np.any(got["w"]) and np.all(np.isfinite(got["w"]))


# rounding must not leave the range of a function


def test_a_probability_of_labels_is_at_most_1():
    logits = np.float32([[[-9.770709, 2.0928972], [-9.770709, 2.3879292]]])
    loss = lambda x: losses.ctc_loss(x, np.zeros((1, 2)), np.array([[1]]), np.zeros((1, 1)))[0]
    rng = np.random.default_rng(0)
    worst = min(loss(np.float32(rng.uniform([-12, 0], [0, 8], (1, 2, 2)))) for _ in range(100))

    assert loss(logits) >= 0 and worst >= 0
    want = fg.grad(loss)(logits.astype(float))
    np.testing.assert_allclose(fg.grad(loss)(logits), want, rtol=1e-2, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_cosine_of_an_angle_has_an_angle(dtype):
    x = np.random.default_rng(0).normal(size=(1000, 3)).astype(dtype)
    near = losses.cosine_similarity(x, 2 * x), losses.cosine_similarity(x, -x)

    assert np.all(near[0] <= 1) and np.all(near[1] >= -1)
    assert np.all(losses.cosine_distance(x, x) >= 0)
    y = x[::-1] + x
    total = lambda v: np.sum(losses.cosine_similarity(v, y.astype(v.dtype)))
    np.testing.assert_allclose(
        fg.grad(total)(x), fg.grad(total)(x.astype(float)), rtol=0.1, atol=64 * np.finfo(dtype).eps
    )


# tails of derivatives

SLOPES = {
    "arcsinh": (np.arcsinh, lambda x: 1 / np.hypot(1, x)),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "expm1": (np.expm1, np.exp),
    "log10": (np.log10, lambda x: np.where(x > 0, 1 / (np.abs(x) * np.log(10)), np.nan)),
    "elu": (nn.elu, lambda x: np.exp(np.minimum(x, 0))),
    "squareplus": (nn.squareplus, lambda x: nn.squareplus(x) / np.hypot(x, 2)),
}
TAILS = np.array([-6e4, -3e4, -1000, -300, -100, -20, -12, -7, -1, 1, 7, 100, 300, 1000, 3e4, 6e4])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_far_out_keep_their_digits(name, dtype):
    f, slope = SLOPES[name]
    x = TAILS[TAILS < 7.5] if name == "expm1" else TAILS[TAILS > 0] if name == "log10" else TAILS
    x = x.astype(dtype)
    got = fg.vmap(fg.grad(f))(x)

    agrees(got, slope(x.astype(float)), dtype, 16)


@pytest.mark.parametrize("x", [-1e8, -1e4, -3.0, 0.0, 3.0, 1e4, 1e200, -1e200])
def test_squareplus_does_not_cancel(x):
    want = float(4 / (2 * (np.longdouble(abs(x)) + np.sqrt(np.longdouble(x) ** 2 + 4))))
    want = want if x < 0 else x + want

    np.testing.assert_allclose(nn.squareplus(x), want, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", ["gelu", "mish", "squareplus"])
def test_activations_in_half_precision_have_no_nan(name, dtype):
    f = getattr(nn, name)
    x = TAILS.astype(dtype)
    got = fg.grad(lambda v: np.sum(f(v) / 100))(x)

    assert f(x).dtype == got.dtype == dtype and np.all(np.isfinite(got))


N = 8000  # a share of which, added to itself in float16, stands still at 0.5

FANS = {
    "take": lambda s: np.take(s[None], np.zeros(N, int)),
    "index": lambda s: s[None][np.zeros((N, 1), int)][:, 0],
    "repeat": lambda s: np.repeat(s[None], N),
    "take_along_axis": lambda s: np.take_along_axis(s[None], np.zeros(N, int), 0),
    "rows": lambda s: (np.stack([s, s])[None] + np.zeros((N, 2), np.float16))[:, 0],
    "broadcast rows": lambda s: np.broadcast_to(np.stack([s, s]), (N, 2))[:, 0],
    "cumsum": lambda s: np.cumsum(np.concatenate([s[None], np.zeros(N - 1, np.float16)])),
    "scan": lambda s: fg.lax.scan(lambda c, x: (c, x * s), 0, np.ones(N, np.float16))[1],
    "map": lambda s: fg.lax.map(lambda x: x * s, np.ones(N, np.float16)),
    "at max": lambda s: fg.at(np.zeros((N, 1), np.float16))[:].max(s)[:, 0],
}


@pytest.mark.parametrize("name", FANS)
def test_sums_within_rules_of_half_precision_lose_nothing(name):
    s, share = np.float16(1), np.full(N, 1 / N, np.float16)
    loss = lambda s: np.sum(FANS[name](s) * share)
    want = np.sum(share, dtype=float)
    for run in (fg.grad(loss), fg.jit(fg.grad(loss)), fg.grad(fg.jit(loss))):
        assert run(s) == pytest.approx(want, rel=2e-3)
    for run in (fg.vmap(fg.grad(loss)), fg.jit(fg.vmap(fg.grad(loss)))):
        assert run(np.ones(2, np.float16)) == pytest.approx(want, rel=2e-3)


@pytest.mark.parametrize("loop", ["while_loop", "fori_loop"])
def test_a_constant_of_a_loop_in_half_precision_loses_nothing(loop):
    share = np.full(N, 1 / N, np.float16)
    term = lambda s, i: np.float32(1) * (s * fg.numpy.take(share, i))

    def total(s):
        if loop == "fori_loop":
            return fg.lax.fori_loop(0, N, lambda i, y: y + term(s, i), np.float32(0))
        step = lambda c: (c[0] + term(s, c[1]), c[1] + 1)
        return fg.lax.while_loop(lambda c: c[1] < N, step, (np.float32(0), 0))[0]

    for gradient in (fg.grad(total), fg.jit(fg.grad(total))):
        got = gradient(np.float16(1))
        assert got == pytest.approx(1, rel=4e-3) and got.dtype == np.float16
    varied = fg.vmap(fg.grad(total))(np.ones(2, np.float16))
    np.testing.assert_allclose(varied, 1, rtol=4e-3)


@pytest.mark.parametrize("method", ["max", "min"])
def test_many_that_tie_in_an_update_of_half_precision_share_all(method):
    places, v = np.zeros(5000, int), np.ones(5000, np.float16)
    update = lambda v: getattr(fg.at(np.ones(1, np.float16))[places], method)(v)[0]
    for run in (fg.grad(update), fg.jit(fg.grad(update))):
        assert np.sum(run(v), dtype=float) == pytest.approx(5000 / 5001, rel=2e-3)
    assert fg.jvp(update, (v,), (v,))[1] == pytest.approx(5000 / 5001, rel=2e-3)


def test_compiled_sines_and_cosines_are_not_above_one(monkeypatch):
    monkeypatch.setattr(half_angle, "tan_is_fast", lambda: True)  # as it is by AVX-512
    x = np.arange(-600, 600) * (np.pi / 2)

    sine, cosine = fg.jit(lambda x: (np.sin(x), np.cos(x)))(x)

    assert np.isfinite(np.arcsin(sine)).all() and np.isfinite(np.arccos(cosine)).all()
    np.testing.assert_allclose(sine, np.sin(x), rtol=2e-15, atol=0)
    np.testing.assert_allclose(cosine, np.cos(x), rtol=2e-15, atol=0)
