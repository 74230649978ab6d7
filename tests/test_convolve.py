"""Convolutions and reductions over windows, against loops in which nothing can hide."""

import inspect
import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.avals import Aval
from funcgrad.core.errors import ShapeError
from funcgrad.core.registry import primitives
from funcgrad.ops import (
    bands,
    col2im,
    correlate,
    depthwise,
    im2col,
    patches,
    pooling_kernels,
    products,
    winograd,
)
from funcgrad.ops.convolve import conv_kernel_p, convolve_p
from funcgrad.ops.windows import transposed_windows, window

RNG = np.random.default_rng(0)
NHWC = ("NHWC", "HWIO", "NHWC")


def normal(*shape):
    return RNG.normal(size=shape)


def spread_out(x, pads, dilation, filler):
    """Return an array with fillers between its elements and around them."""
    for d, ((low, high), far) in enumerate(zip(pads, dilation, strict=True)):
        n = x.shape[d]
        length = (n - 1) * far + 1 if n else 0
        x = np.moveaxis(x, d, 0)
        y = np.full((length, *x.shape[1:]), filler)
        y[::far] = x
        edges = [np.full((max(p, 0), *x.shape[1:]), filler) for p in (low, high)]
        y = np.concatenate([edges[0], y, edges[1]])[max(-low, 0) :]
        x = np.moveaxis(y[: len(y) - max(-high, 0)], 0, d)
    return x


def each_window(x, sizes, strides, dilation):
    """Yield the place of every window and what it sees, by plain indexing."""
    reach = [(k - 1) * r + 1 for k, r in zip(sizes, dilation, strict=True)]
    counts = [max(0, (n - k) // s + 1) for n, k, s in zip(x.shape, reach, strides, strict=True)]
    for place in itertools.product(*map(range, counts)):
        view = [
            slice(p * s, p * s + k, r)
            for p, s, k, r in zip(place, strides, reach, dilation, strict=True)
        ]
        yield place, counts, x[tuple(view)]


def convolution_by_loops(x, w, strides, pads, lhs_dilation, rhs_dilation, groups, batch_groups):
    """Return the convolution of [N, C, *places] with [O, I, *window], one number at a time."""
    (count, _, *_), (outs, ins, *sizes) = x.shape, w.shape
    planes = []
    for n, o in itertools.product(range(count // batch_groups), range(outs)):
        group = o * groups // outs
        example = n + count // batch_groups * (o * batch_groups // outs)
        plane = 0.0
        for i in range(ins):
            source = spread_out(x[example, group * ins + i], pads, lhs_dilation, 0.0)
            windows = list(each_window(source, sizes, strides, rhs_dilation))
            sums = [np.sum(seen * w[o, i]) for _, _, seen in windows]
            plane = plane + np.reshape(sums, windows[0][1] if windows else 0)
        planes.append(plane)
    return np.reshape(planes, (count // batch_groups, outs, *np.shape(planes[0])))


# strides, padding, lhs_dilation, rhs_dilation
SETTINGS = {
    0: [((), (), (), ())],
    1: [((1,), [(1, 1)], (1,), (1,)), ((2,), [(0, 2)], (1,), (2,)), ((3,), [(2, -1)], (2,), (1,)),
        ((1,), [(-1, -2)], (3,), (2,))],
    2: [((1, 1), [(1, 1), (2, 0)], (1, 1), (1, 1)), ((2, 1), [(0, 1), (1, 1)], (1, 2), (1, 1)),
        ((2, 3), [(1, 1), (-1, 2)], (2, 1), (1, 2))],
    3: [((1, 2, 1), [(1, 0), (0, 0), (1, 1)], (1, 1, 2), (1, 1, 1))],
}  # fmt: skip
GROUPS = [(1, 1, 2, 3), (2, 1, 2, 4), (3, 1, 1, 3), (1, 2, 2, 4)]  # feature, batch, ins, outs
EACH = [
    pytest.param(*setting, *groups, id=f"{rank}d-{i}-groups{j}")
    for rank, settings in SETTINGS.items()
    for i, setting in enumerate(settings)
    for j, groups in enumerate(GROUPS)
]
each = pytest.mark.parametrize(
    ("strides", "pads", "lhs_dilation", "rhs_dilation", "groups", "batch_groups", "ins", "outs"),
    EACH,
)


BLOCKS = [
    (im2col, "BLOCK"), (correlate, "SUMMED"), (col2im, "PRODUCTS"), (im2col, "STRIP"),
    (correlate, "STRIP"), (depthwise, "SOURCE"),
]  # fmt: skip


@pytest.fixture(params=[None, 48], ids=["whole", "blocks"])
def block(request, monkeypatch):
    """Also with blocks so small that every array has many."""
    for module, name in BLOCKS if request.param else []:
        monkeypatch.setattr(module, name, request.param)


@each
def test_a_convolution_is_its_loop_and_its_derivatives_are_adjoint(
    block, strides, pads, lhs_dilation, rhs_dilation, groups, batch_groups, ins, outs
):
    rank = len(strides)
    x = normal(2 * batch_groups, ins * groups, *(5, 4, 4)[:rank])
    w = normal(outs, ins, *(3, 2, 2)[:rank])
    options = (strides, pads, lhs_dilation, rhs_dilation)
    f = lambda x, w: lax.conv_general_dilated(
        x, w, *options, feature_group_count=groups, batch_group_count=batch_groups
    )
    want = convolution_by_loops(x, w, *options, groups, batch_groups)
    got, pull = fg.vjp(f, x, w)
    ct, t, u = normal(*got.shape), normal(*x.shape), normal(*w.shape)
    x_ct, w_ct = pull(ct)

    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)  # sums in another order
    pairing = np.sum(ct * f(t, w))
    assert np.sum(x_ct * t) == pytest.approx(pairing, rel=1e-12, abs=1e-12)
    pairing = np.sum(ct * f(x, u))
    assert np.sum(w_ct * u) == pytest.approx(pairing, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(fg.jvp(f, (x, w), (t, u))[1], f(t, w) + f(x, u), rtol=1e-11)


@pytest.mark.parametrize("layout", [NHWC, ("HNWC", "OWHI", "CWHN"), ("CHWN", "IHWO", "NCWH")])
def test_a_layout_is_a_transposition(layout):
    x, w = normal(2, 3, 5, 4), normal(4, 3, 2, 3)
    want = lax.conv_general_dilated(x, w, (1, 2), "SAME")
    turn = lambda z, source, target: np.transpose(z, [source.index(c) for c in target])
    xs, ws = turn(x, "NCHW", layout[0]), turn(w, "OIHW", layout[1])
    strides = [{"H": 1, "W": 2}[c] for c in layout[1] if c in "HW"]  # the kernel names the order
    got = lax.conv_general_dilated(xs, ws, strides, "SAME", dimension_numbers=layout)

    np.testing.assert_allclose(turn(got, layout[2], "NCHW"), want, rtol=1e-12)


FORMS = {
    "im2col": (window(6, 3, 1, 1, 1), window(5, 3, 2, 1, 0)),
    "col2im": transposed_windows((window(6, 3, 3, 1, 1), window(5, 3, 2, 1, 0))),
}


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("form", [*FORMS, "depthwise"])
def test_all_forms_give_the_same_numbers(form, groups, rows, monkeypatch):
    monkeypatch.setattr(im2col, "BLOCK", 40 if rows else im2col.BLOCK)
    for windows in FORMS.values():
        x = normal(3, *(axis[0] for axis in windows), groups)
        w = normal(*(axis[2] for axis in windows), 1, groups)
        want = convolve_p(x, w, windows=windows, groups=groups)
        monkeypatch.setattr(im2col, "cheapest_form", lambda *_: form)
        got = np.empty_like(want)
        sizes = im2col.scratch_sizes(form, 3, windows, 1, 1, groups)
        scratch = [np.full(size, np.nan) for size in sizes]
        plan = im2col.convolve_plan(scratch, x.shape, w.shape, windows=windows, groups=groups)
        im2col.convolve_into(x, w, got, plan, windows=windows, groups=groups)
        monkeypatch.undo()

        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def random_convolution(rng):
    """Shapes and options of a convolution; one in three has one channel in each group."""
    rank = int(rng.integers(1, 4))
    some = lambda low, high: tuple(int(v) for v in rng.integers(low, high, rank))
    groups, batch_groups = [(1, 1), (2, 1), (3, 1), (1, 2)][rng.integers(4)]
    ins, outs = int(rng.choice([1, 2, 9])), int(rng.choice([1, 2, 9, 20])) * groups * batch_groups
    if rng.random() < 0.3:
        ins, outs = 1, groups * batch_groups
    pads = [tuple(int(v) for v in rng.integers(-1, 4, 2)) for _ in range(rank)]
    lhs_dilation = some(1, 4) if rng.random() < 0.5 else (1,) * rank
    x = rng.normal(size=(2 * batch_groups, ins * groups, *some(1, 8 if rank < 3 else 5)))
    w = rng.normal(size=(outs, ins, *some(1, 5)))
    return x, w, (some(1, 4), pads, lhs_dilation, some(1, 3), groups, batch_groups)


@pytest.mark.parametrize("seed", range(60))
def test_all_blocks_and_products_give_the_numbers_of_the_loop(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    for module, name in BLOCKS:
        monkeypatch.setattr(module, name, int(rng.choice([48, 500, 1 << 17])))
    small = int(rng.choice([2000, 10**6]))
    for module in (products, correlate):
        monkeypatch.setattr(module, "SMALL", small)
    few_results, tile = int(rng.choice([4, 64])), int(rng.choice([1, 12]))
    monkeypatch.setattr(products, "FEW_RESULTS", few_results)
    monkeypatch.setattr(products, "TILE", tile)
    fewest_rows = int(rng.choice([1, 48]))
    for module in (products, im2col, correlate):
        monkeypatch.setattr(module, "FEWEST_ROWS", fewest_rows)
    few_channels = int(rng.choice([1, 8]))
    for module in (patches, im2col, correlate):
        monkeypatch.setattr(module, "FEW_CHANNELS", few_channels)
    monkeypatch.setattr(depthwise, "PIECE", int(rng.choice([6, 1 << 11])))
    monkeypatch.setattr(bands, "FEWEST_RESULTS", int(rng.choice([1, 4, 1 << 20])))
    monkeypatch.setattr(bands, "EINSUM", int(rng.choice([35, 1 << 20])))
    monkeypatch.setattr(bands, "MULTIPLICATION", int(rng.choice([0, 6, 100])))
    monkeypatch.setattr(bands, "BLOCK", int(rng.choice([1, 300, 1 << 16])))
    x, w, (strides, pads, lhs_dilation, rhs_dilation, *groups) = random_convolution(rng)
    options = (strides, pads, lhs_dilation, rhs_dilation)
    f = lambda x, w: lax.conv_general_dilated(
        x, w, *options, feature_group_count=groups[0], batch_group_count=groups[1]
    )
    got, pull = fg.vjp(f, x, w)
    ct, t, u = (rng.normal(size=z.shape) for z in (got, x, w))
    x_ct, w_ct = pull(ct)

    if got.size:
        want = convolution_by_loops(x, w, *options, *groups)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)  # sums in another order
    assert np.sum(x_ct * t) == pytest.approx(np.sum(ct * f(t, w)), rel=1e-9, abs=1e-9)
    assert np.sum(w_ct * u) == pytest.approx(np.sum(ct * f(x, u)), rel=1e-9, abs=1e-9)


def test_a_call_finds_no_band_anew(monkeypatch):
    f = lambda x, w: np.sum(np.convolve(x, w) ** 2)
    grad, x, w = fg.jit(fg.grad(f, (0, 1))), np.arange(40.0), np.ones(5)
    want = grad(x, w)
    monkeypatch.setattr(bands, "band_of", None)

    for a, b in zip(want, grad(x, w), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("spot", [None, np.inf, np.nan, 1e30])
@pytest.mark.parametrize("sizes", [(8, 6), (7, 9), (2, 5)])
@pytest.mark.filterwarnings("ignore:invalid value")  # products of infinity in sums
def test_tiles_give_the_numbers_of_windows(sizes, spot, monkeypatch):
    windows = tuple(
        window(n, 3, 1, low, high) for n, low, high in zip(sizes, (1, 3), (1, -1), strict=True)
    )
    x, w = normal(3, *sizes, 4), normal(3, 3, 4, 5)
    if spot is not None:
        x[1, 1, 2, 0] = spot
    for ways in (windows, transposed_windows(windows)):
        x = normal(3, *(a[0] for a in ways), 4) if ways is not windows else x
        y = normal(3, *(a[1] for a in ways), 5)
        want = convolve_p(x, w, windows=ways, groups=1)
        kernel = conv_kernel_p(x, y, windows=ways, groups=1)
        for name, value in {"CHANNELS": 1, "LEAST_TILES": 1, "TILES": 500, "FEW_TILES": 1}.items():
            monkeypatch.setattr(winograd, name, value)
        monkeypatch.setattr(winograd, "WASTED", 1)
        got = convolve_p(x, w, windows=ways, groups=1)
        sums = conv_kernel_p(x, y, windows=ways, groups=1)
        monkeypatch.undo()

        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(sums, kernel, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize(
    "channels", [(1, 1, 1), (3, 16, 1), (16, 8, 1), (16, 3, 1), (8, 8, 8), (16, 16, 4)]
)
@pytest.mark.parametrize("stride", [1, 2])
def test_an_element_that_is_not_finite_stays_in_its_windows(stride, channels, bad):
    ins, outs, groups = channels
    f = lambda x, w: lax.conv_general_dilated(
        x, w, (stride, stride), "SAME", dimension_numbers=NHWC, feature_group_count=groups
    )
    x, w = np.ones((2, 9, 8, ins)), np.ones((3, 3, ins // groups, outs))
    spot = np.zeros_like(x)
    spot[1, 4, 0, -1] = 1.0
    got, pull = fg.vjp(f, np.where(spot == 1, bad, x), w)

    np.testing.assert_array_equal(np.isfinite(got), f(spot, w) == 0)
    far = np.where(f(spot, w) == 0, 1.0, 0.0)  # a cotangent where it is not seen
    np.testing.assert_array_equal(pull(far)[0], fg.vjp(f, x, w)[1](far)[0])
    ct = np.where(np.arange(got.size) == 0, bad, 1.0).reshape(got.shape)
    seen = fg.vjp(f, x, w)[1](np.where(ct == 1, 0.0, 1.0))[0]
    np.testing.assert_array_equal(np.isfinite(pull(ct)[0]), seen == 0)


@pytest.mark.parametrize("name", [n for n in primitives if n.startswith(("conv_", "window_"))])
def test_into_needs_only_the_scratch_that_it_asks_for(name):
    windows = (window(6, 3, 2, 1, 1), window(4, 2, 1, 0, 1))
    params = {"windows": windows, "groups": 2} if name.startswith("conv_") else {"windows": windows}
    x, y, hits = normal(6, 4), normal(3, 4), np.full((3, 4), 2, np.uint8)
    ins = {
        "conv_general_dilated": (normal(2, 6, 4, 4), normal(3, 2, 2, 4)),
        "conv_kernel": (normal(2, 6, 4, 4), normal(2, 3, 4, 4)),
        "window_argmax": (x, y), "window_argmin": (x, y), "window_pick": (x, hits),
        "window_place": (y, hits),
    }.get(name, (x,))  # fmt: skip
    prim, avals = primitives[name], [Aval(z.shape, z.dtype) for z in ins]
    (want,) = prim.run(*ins, **params)
    out = np.full(want.shape, 99, want.dtype)
    scratch = [np.full(a.shape, 99, a.dtype) for a in prim.codegen.scratch(*avals, **params)]
    if prim.codegen.plan is not None:
        scratch = prim.codegen.plan(scratch, *(z.shape for z in ins), **params)
    prim.codegen.into([out], scratch, *ins, **params)

    np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize(
    "function",
    [
        im2col.convolve_plan,
        im2col.convolve_into,
        correlate.correlate_plan,
        correlate.correlate_into,
        pooling_kernels.fold_into,
        pooling_kernels.first_hit_into,
        pooling_kernels.read_hits_into,
        pooling_kernels.add_hits_into,
    ],
)
def test_what_computes_needs_only_numpy_and_plain_functions(function):
    # a compiler can write it into a file of its own
    found, todo = {}, [function]
    while todo:
        globals_, codes = todo[-1].__globals__, [todo.pop().__code__]
        for code in codes:
            codes += [c for c in code.co_consts if inspect.iscode(c)]
            for name in set(code.co_names) & set(globals_) - set(found):
                found[name] = globals_[name]
                todo += [found[name]] if inspect.isfunction(found[name]) else []
    others = {n: v for n, v in found.items() if not inspect.isfunction(v) and v is not np}

    assert all(isinstance(v, int) for v in others.values())


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (3, 1)])
@pytest.mark.parametrize(("groups", "batch_groups"), [(1, 1), (2, 1), (1, 2)])
def test_a_batch_of_convolutions_and_of_their_gradients_is_a_loop(axes, groups, batch_groups):
    def f(x, w):
        y = lax.conv_general_dilated(
            x, w, (2, 1), "SAME", dimension_numbers=NHWC,
            feature_group_count=groups, batch_group_count=batch_groups,
        )  # fmt: skip
        return np.sum(np.sin(y))

    shapes = (2, 4, 3, 2 * groups), (2, 3, 2, 4)
    args = [
        normal(*shape[: d or 0], 3, *shape[d or 0 :]) if d is not None else normal(*shape)
        for d, shape in zip(axes, shapes, strict=True)
    ]
    for g in (f, fg.grad(f), fg.grad(f, argnums=1)):
        one = lambda i, g=g: g(
            *(z if d is None else np.take(z, i, d) for z, d in zip(args, axes, strict=True))
        )
        got = fg.vmap(g, in_axes=axes)(*args)

        np.testing.assert_allclose(got, [one(i) for i in range(3)], rtol=1e-11, atol=1e-12)


def small_network(x, w):
    y = lax.conv_general_dilated(x, w, (1, 2), "SAME_LOWER", dimension_numbers=NHWC)
    y = lax.reduce_window(np.tanh(y), -np.inf, lax.max, (1, 2, 2, 1), (1, 1, 1, 1), "SAME")
    return np.sum(lax.reduce_window(y**2, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1)))


def test_second_derivatives_agree_in_all_orders_of_modes():
    x, w = normal(2, 5, 4, 2), normal(2, 3, 2, 3)
    t, u = normal(*x.shape), normal(*w.shape)
    gradient = fg.grad(small_network, argnums=(0, 1))
    _, (x_want, w_want) = fg.jvp(gradient, (x, w), (t, u))
    along = lambda x, w: fg.jvp(small_network, (x, w), (t, u))[1]
    x_got, w_got = fg.grad(along, argnums=(0, 1))(x, w)
    step = 1e-6
    ahead, behind = (gradient(x + s * t, w + s * u) for s in (step, -step))

    np.testing.assert_allclose(x_got, x_want, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(w_got, w_want, rtol=1e-10, atol=1e-12)
    # central differences of the gradient
    np.testing.assert_allclose((ahead[1] - behind[1]) / (2 * step), w_want, rtol=1e-5, atol=1e-6)


def test_third_derivatives_of_a_convolution_are_those_of_its_polynomial():
    x, w = normal(1, 4, 1), normal(2, 1, 1)
    f = lambda s: np.sum(
        lax.conv_general_dilated(
            s * x, s * w, (1,), "VALID", dimension_numbers=("NHC", "HIO", "NHC")
        )
        ** 2
    )
    third = fg.grad(fg.grad(fg.grad(f)))(0.7)

    assert third == pytest.approx(24 * 0.7 * f(1.0), rel=1e-11)  # f(s) is f(1) s**4


def test_a_staged_network_equals_the_eager_one():
    x, w = normal(2, 5, 4, 2), normal(2, 3, 2, 3)
    gradient = fg.grad(small_network, argnums=(0, 1))
    staged = fg.make_jaxpr(gradient)(x, w)

    for want, got in zip(gradient(x, w), staged(x, w), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("shape", [(0, 4, 2), (2, 0, 2), (2, 4, 0), (2, 1, 2)])
def test_empty_arrays_and_windows_that_see_too_little_give_empty_results(shape):
    x, w = np.ones(shape), np.ones((3, shape[-1], 5))
    numbers = ("NHC", "HIO", "NHC")
    f = lambda x, w: lax.conv_general_dilated(x, w, (1,), "VALID", dimension_numbers=numbers)
    y, pull = fg.vjp(f, x, w)
    x_ct, w_ct = pull(np.ones_like(y))

    assert y.shape == (shape[0], max(shape[1] - 2, 0), 5) and not np.any(y)
    assert x_ct.shape == x.shape and w_ct.shape == w.shape and not np.any(w_ct)


def test_dtypes_are_promoted_as_numpy_does():
    x, w = np.ones((1, 1, 3), np.float32), np.ones((1, 1, 2), np.int8)
    same = lambda **options: lax.conv_general_dilated(x, w, (1,), "VALID", **options).dtype

    assert same() == np.result_type(np.float32, np.int8)
    assert same(preferred_element_type=np.float64) == np.float64
    assert lax.conv(w, w, (1,), "VALID", preferred_element_type=np.int32).dtype == np.int32


@pytest.mark.parametrize("padding", ["SAME", "VALID", [(1, 2)]])
def test_conv_transpose_is_the_transpose_of_a_convolution(padding):
    numbers = ("NHC", "HIO", "NHC")
    x, w = normal(2, 6, 3), normal(3, 3, 4)
    f = lambda x: lax.conv_general_dilated(x, w, (2,), padding, dimension_numbers=numbers)
    y, pull = fg.vjp(f, x)
    got = lax.conv_transpose(
        y, w, (2,), padding, transpose_kernel=True, use_consistent_padding=True
    )

    np.testing.assert_allclose(got[:, :6], pull(y)[0][:, : got.shape[1]], rtol=1e-12)


# windows

POOLS = [
    ((2, 6, 4), (1, 2, 2), (1, 2, 2), [(0, 0)] * 3, (1, 1, 1), (1, 1, 1)),
    ((7,), (3,), (2,), [(1, 1)], (1,), (1,)),
    ((5, 4), (2, 3), (1, 2), [(1, 0), (2, 2)], (1, 1), (2, 1)),
    ((5, 4), (3, 2), (1, 1), [(-1, 0), (0, -1)], (1, 1), (1, 1)),
    ((4, 3), (2, 2), (2, 1), [(0, 1), (1, 1)], (2, 3), (1, 2)),
    ((), (), (), [], (), ()),
]
each_pool = pytest.mark.parametrize("setting", POOLS)
FOLDS = [(lax.max, np.max, -np.inf), (np.minimum, np.min, np.inf), (lax.add, np.sum, 0.0),
         (lax.mul, np.prod, 1.0), (lambda a, b: a + b, np.sum, 0.0)]  # fmt: skip


@each_pool
@pytest.mark.parametrize(("fold", "reduce", "init"), FOLDS)
def test_a_window_reduction_is_its_loop(setting, fold, reduce, init):
    shape, sizes, strides, pads, base, dilation = setting
    x = RNG.permutation(np.arange(float(np.prod(shape, dtype=int)))).reshape(shape) / 7 + 1
    f = lambda x: lax.reduce_window(x, init, fold, sizes, strides, pads, base, dilation)
    source = spread_out(x, pads, base, init)
    want = [reduce(seen) for _, _, seen in each_window(source, sizes, strides, dilation)]
    got = f(x)
    weights, t = normal(*got.shape), normal(*x.shape)
    finite = np.isfinite(got)
    total = lambda x: np.sum(np.where(finite, f(x) * weights, 0.0))
    step = 1e-6
    slope = (total(x + step * t) - total(x - step * t)) / (2 * step)

    np.testing.assert_allclose(np.ravel(got), want, rtol=1e-12)
    assert np.sum(fg.grad(total)(x) * t) == pytest.approx(slope, rel=1e-7, abs=1e-8)
    assert fg.jvp(total, (x,), (t,))[1] == pytest.approx(slope, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("fold", [lax.max, np.maximum, fg.numpy.maximum, lax.min])
def test_the_first_of_equals_has_the_gradient(fold):
    init = np.inf if fold is lax.min else -np.inf
    sign = -1.0 if fold is lax.min else 1.0
    x = sign * np.array([[0.0, 1.0], [1.0, 1.0]])
    f = lambda x: np.sum(lax.reduce_window(x, init, fold, (2, 2)))

    np.testing.assert_array_equal(fg.grad(f)(x), [[0, 1], [0, 0]])
    assert fg.jvp(f, (x,), (np.array([[1.0, 2.0], [3.0, 4.0]]),))[1] == 2.0


def test_a_window_without_an_element_has_no_gradient():
    f = lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (1,), [(3, 0)])
    y, pull = fg.vjp(f, np.array([5.0, 7.0]))

    np.testing.assert_array_equal(y, [-np.inf, -np.inf, 5.0, 7.0])
    np.testing.assert_array_equal(pull(np.arange(1.0, 5.0))[0], [3.0, 4.0])
    np.testing.assert_array_equal(fg.jvp(f, (y[2:],), (np.ones(2),))[1], [0, 0, 1, 1])


def test_windows_may_be_larger_than_a_byte_counts():
    x = normal(20, 16)
    f = lambda x: np.sum(lax.reduce_window(x, -np.inf, lax.max, (18, 16)))
    want = [x[i : i + 18].argmax() + 16 * i for i in range(3)]

    np.testing.assert_array_equal(np.unique(want), np.flatnonzero(fg.grad(f)(x)))


def test_a_window_with_nan_is_nan_and_its_gradient_is_not_lost():
    f = lambda x: lax.reduce_window(x, -np.inf, lax.max, (3,))
    y, pull = fg.vjp(f, np.array([1.0, np.nan, 2.0]))

    assert np.isnan(y[0]) and np.sum(pull(np.ones(1))[0]) == 1.0


def test_infinite_cotangents_stay_where_they_belong():
    f = lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (2,))
    pull = fg.vjp(f, np.array([1.0, 2.0, 3.0, 0.0]))[1]

    np.testing.assert_array_equal(pull(np.array([np.inf, 1.0]))[0], [0, np.inf, 1, 0])


def test_the_initial_value_takes_part_and_has_a_derivative():
    x = np.array([1.0, 4.0, 2.0])
    f = lambda init: lax.reduce_window(x, init, lax.max, (2,))

    np.testing.assert_array_equal(f(3.0), [4.0, 4.0])
    np.testing.assert_array_equal(f(5.0), [5.0, 5.0])
    assert fg.grad(lambda init: np.sum(f(init)))(5.0) == 2.0


@pytest.mark.parametrize("fold", [lax.max, lax.add, lax.mul])
def test_windows_of_integers_keep_their_dtype(fold):
    x = np.arange(1, 5, dtype=np.int8)
    init = {lax.max: -128, lax.add: 0, lax.mul: 1}[fold]

    assert lax.reduce_window(x, init, fold, (2,)).dtype == np.int8


@pytest.mark.parametrize("fold", [lax.max, lax.add, lax.mul])
def test_a_batch_of_window_gradients_is_a_loop(fold):
    xs = normal(3, 4, 5)
    init = {lax.max: -np.inf, lax.add: 0.0, lax.mul: 1.0}[fold]
    f = lambda x: np.sum(lax.reduce_window(x, init, fold, (2, 3), (1, 2), "SAME") ** 2)

    np.testing.assert_allclose(fg.vmap(fg.grad(f))(xs), [fg.grad(f)(x) for x in xs], rtol=1e-12)


# errors

X, W = np.ones((2, 3, 8)), np.ones((4, 3, 2))
ERRORS = [
    (lambda: lax.conv(X, np.ones((4, 2, 2)), (1,), "SAME"),
     r"conv_general_dilated: lhs must have as many channels.*got 3 in lhs f64\[2,3,8\], 2 in rhs"),
    (lambda: lax.conv(X[0], W, (1,), "SAME"), r"as many axes.*\(3, 8\) and \(4, 3, 2\).*x\[None\]"),
    (lambda: lax.conv(X, W, (1, 1), "SAME"), r"window_strides must be 1 integers.*\(1, 1\)"),
    (lambda: lax.conv(X, W, (0,), "SAME"), r"window_strides must be .*at least 1: got \(0,\)"),
    (lambda: lax.conv(X, W, (1,), "FULL"), r"padding: a string must be .*: got 'FULL'; write"),
    (lambda: lax.conv(X, W, (1,), [(1, 1), (1, 1)]), r"padding must be .*1 pairs \(low, high\)"),
    (lambda: lax.conv(X, W, (1,), 1), r"padding must be .*got 1; write one pair"),
    (lambda: lax.conv_general_dilated(X, W, (1,), "SAME", (2,)), r"lhs_dilation is not 1.*\(2,\)"),
    (lambda: lax.conv_general_dilated(X, W, (1,), "SAME", dimension_numbers=("NCH", "OIW", "NCH")),
     r"dimension_numbers must be three layouts.*write \('NHWC'"),
    (lambda: lax.conv_general_dilated(X, W, (1,), "SAME", dimension_numbers=NHWC),
     r"one letter for each axis"),
    (lambda: lax.conv_general_dilated(np.ones((2, 9, 8)), W, (1,), "SAME", feature_group_count=3),
     r"equal size: got 3 groups, but rhs f64\[4,3,2\] has 4 output channels"),
    (lambda: lax.conv_general_dilated(X, W, (1,), "SAME", batch_group_count=4),
     r"equal size: got 4 groups, but lhs f64\[2,3,8\] has 2 examples"),
    (lambda: lax.reduce_window(X, 0.0, lax.add, (2,)), r"window_dimensions must be 3 integers"),
    (lambda: lax.reduce_window(X, X, lax.add, (1, 1, 2)), r"init_value must be a scalar"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), ERRORS)
def test_errors_name_the_argument_and_the_cure(call, words):
    with pytest.raises(ShapeError, match=words):
        call()


def test_the_primitives_explain_operands_that_do_not_fit():
    windows = (window(4, 2, 1, 0, 0),)
    with pytest.raises(ShapeError, match="do not fit"):
        convolve_p(np.ones((1, 5, 1)), np.ones((2, 1, 1)), windows=windows, groups=1)
    with pytest.raises(ShapeError, match="do not fit"):
        conv_kernel_p(np.ones((1, 4, 1)), np.ones((1, 4, 1)), windows=windows, groups=1)
    with pytest.raises(ShapeError, match="do not fit 2 groups"):
        convolve_p(np.ones((1, 4, 1)), np.ones((2, 1, 2)), windows=windows, groups=2)


# JAX


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(60))
def test_values_and_gradients_are_those_of_jax(seed):
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(seed)
    pick = lambda *choices: choices[rng.integers(len(choices))]
    several = lambda *choices: tuple(pick(*choices) for _ in range(2))
    groups = pick(1, 2)
    batch_groups = pick(1, 2) if groups == 1 else 1
    x = rng.normal(size=(6, 5, 2 * batch_groups, 2 * groups)).astype(np.float32)
    w = rng.normal(size=(3, 2, 2, 4)).astype(np.float32)
    options = {
        "window_strides": several(1, 2), "lhs_dilation": several(1, 2),
        "rhs_dilation": several(1, 2), "padding": (several(-1, 0, 2), several(0, 1)),
        "dimension_numbers": ("HWNC", "HWIO", "NHWC"),
        "feature_group_count": groups, "batch_group_count": batch_groups,
    }  # fmt: skip
    f = lambda lax: lambda x, w: lax.conv_general_dilated(x, w, **options)
    want, pull = jax.vjp(f(jax.lax), x, w)
    ct = rng.normal(size=want.shape).astype(np.float32)
    got, mine = fg.vjp(f(lax), x, w)
    for a, b in zip((want, *pull(ct)), (got, *mine(ct)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4)  # float32


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(30))
def test_ties_in_windows_are_broken_as_in_jax(seed):
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (6, 5)).astype(np.float32)
    options = ((2, 3), tuple(rng.integers(1, 3, 2).tolist()), ((1, 0), (1, 1)))
    f = lambda lax: lambda x: lax.reduce_window(x, -np.inf, lax.max, *options)
    want, pull = jax.vjp(f(jax.lax), x)
    ct = rng.normal(size=want.shape).astype(np.float32)

    np.testing.assert_allclose(fg.vjp(f(lax), x)[1](ct)[0], pull(ct)[0], rtol=1e-5, atol=1e-5)
