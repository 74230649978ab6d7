"""What compiled source promises: to be read, to be shipped, and how much memory it takes."""

import gc
import math
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import losses, nn, optim, tree
from funcgrad.core.errors import MemoryLimitError, UnsupportedError
from funcgrad.ops import activations

from .support.compare import assert_same
from .support.processes import peak_of

RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(8, 8)), RNG.normal(size=(32, 8))
IMAGES, KERNEL = RNG.normal(size=(2, 6, 6, 3)), RNG.normal(size=(3, 3, 3, 4))
PARAMS = {
    "w1": RNG.normal(size=(8, 16)), "b1": np.zeros(16),
    "w2": RNG.normal(size=(16, 1)), "b2": np.zeros(1),
}  # fmt: skip


def loss(params, x, y):
    h = np.tanh(x @ params["w1"] + params["b1"])
    return np.mean((h @ params["w2"] + params["b2"] - y) ** 2)


def layers(ws, x):
    for w in ws:
        x = np.tanh(x @ w)
    return np.sum(x * x)


# what the text says


def test_source_is_named_after_the_users_variables_and_quotes_the_users_lines():
    source = fg.jit(fg.grad(loss)).source(PARAMS, X, X[:, :1])

    for words in (
        "tanh(h, h)",
        "d_params_w1 = dot(",
        "# derivative of test_source.py",
        "h_T = h.T",
    ):
        assert words in source
    assert 'h = np.tanh(x @ params["w1"] + params["b1"])' in source and "\0" not in source


def test_each_line_says_the_shape_that_it_gives():
    source = fg.jit(fg.grad(loss)).source(PARAMS, X, X[:, :1])

    assert "tanh(h, h)  # f64[32,16]" in source


# files that need NumPy alone

CONV = {"window_strides": (1, 1), "padding": "SAME", "dimension_numbers": ("NHWC", "HWIO", "NHWC")}
POOL = ((1, 2, 2, 1), (1, 2, 2, 1), "VALID")
SHIPPED = {
    "gradient of a network": (fg.value_and_grad(loss), (PARAMS, X, X[:, :1])),
    "sort": (lambda x: np.sort(x @ W, axis=0)[::-1], (X,)),
    "erf": (lambda x: nn.gelu(x, approximate=False) + nn.sigmoid(x), (X,)),
    "scan": (lambda x: fg.lax.scan(lambda c, t: (c * 0.5 + t, c.sum()), x[0], x), (X,)),
    "random numbers": (
        lambda i: fg.random.normal(fg.random.fold_in(fg.random.key(0), i), (4,)), (np.int64(3),),
    ),
    "fori_loop": (lambda n, x: fg.lax.fori_loop(0, n, lambda i, c: c * i + x, x), (3, X)),
    "convolution": (lambda x, w: fg.lax.conv_general_dilated(x, w, **CONV), (IMAGES, KERNEL)),
    "guarded quotients": (fg.grad(lambda x: np.log(x * x + 1).sum() / np.sqrt(x + 9).sum()), (X,)),
    "without warnings": (fg.hessian(lambda x: np.where(x > 0, np.log(x * x), 0).sum()), (X[0],)),
    "indices": (fg.grad(lambda z: losses.cross_entropy(z, np.array([1, 2]))), (X[:2],)),
    "pooling": (
        fg.grad(lambda x: fg.lax.reduce_window(x, -np.inf, fg.lax.max, *POOL).sum()), (IMAGES,),
    ),
}  # fmt: skip
RUN = """
import sys
sys.modules["funcgrad"] = None
import pickle
import numpy as np, shipped
with open("args.pickle", "rb") as file:
    name, args = pickle.load(file)
out = getattr(shipped, name)(*args)
leaves = lambda x: [y for k in sorted(x) for y in leaves(x[k])] if isinstance(x, dict) else (
    [z for y in x for z in leaves(y)] if isinstance(x, (tuple, list)) else [x])
np.savez("outs.npz", *leaves(out))
"""


def shipped(function, args, tmp_path):
    """Return what a standalone file gives in an interpreter without this library."""
    compiled = fg.jit(function)
    text = compiled.source(*args, standalone=True)
    (tmp_path / "shipped.py").write_text(text, encoding="utf-8")
    name = "lambda_" if function.__name__ == "<lambda>" else function.__name__
    with (tmp_path / "args.pickle").open("wb") as file:
        pickle.dump((name, args), file)
    subprocess.run([sys.executable, "-c", RUN], check=True, cwd=tmp_path)
    with np.load(tmp_path / "outs.npz") as got:
        return tree.leaves(compiled(*args)), [got[f"arr_{i}"] for i in range(len(got.files))]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_standalone_file_gives_the_same_without_this_library(name, tmp_path):
    want, got = shipped(*SHIPPED[name], tmp_path)

    assert len(want) == len(got)
    for w, g in zip(want, got, strict=True):
        np.testing.assert_array_equal(g, w)


def main(constant0, spaces, *, add=2.0):
    return {"sin": np.sin(W @ constant0) * add, "rest": [spaces, np.array([np.nan, 1.0])]}


def test_no_name_of_the_users_meets_one_of_the_file(tmp_path):
    want, got = shipped(main, (X[0], X[1]), tmp_path)
    for w, g in zip(want, got, strict=True):
        np.testing.assert_array_equal(g, w)


def test_what_cannot_be_shipped_is_named():
    slow_erf = fg.extend.Elementwise("slow_erf", np.vectorize(math.erf), lambda t, y, x: t)
    with pytest.raises(UnsupportedError, match=r"standalone file cannot hold .*vectorize"):
        fg.jit(lambda x: slow_erf(x)).source(X, standalone=True)


@fg.jit
def twice(x):
    return 2 * x


def test_compiled_functions_pickle():
    assert pickle.loads(pickle.dumps(twice)) is twice
    assert pickle.loads(pickle.dumps(fg.jit(loss)))(PARAMS, X, X[:, :1]) == loss(
        PARAMS, X, X[:, :1]
    )


def test_a_lambda_pickles_as_the_programs_there_are(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # no cloudpickle
    compiled = fg.jit(lambda x: nn.gelu(x @ W, approximate=False))
    want = compiled(X)
    got = pickle.loads(pickle.dumps(compiled))

    np.testing.assert_array_equal(got(X), want)
    with pytest.raises(TypeError, match="pickled without its function"):
        got(X[:3])


# memory


def test_steady_state_allocates_nothing():
    step = fg.jit(
        lambda p, x, y: tree.map(lambda p, g: p - 0.1 * g, p, fg.grad(loss)(p, x, y)),
        donate_argnums=0,
    )
    params, x = tree.map(np.copy, PARAMS), RNG.normal(size=(8192, 8))
    y = x[:, :1].copy()
    for _ in range(3):
        params = step(params, x, y)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    for _ in range(100):
        params = step(params, x, y)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # views, tuples and NumPy's own buffers come and go; a temporary would be a million bytes
    assert after - before < 1024 and peak - before < 131_072


def test_memory_says_where_it_is_needed():
    report = fg.jit(fg.grad(loss)).memory(PARAMS, X, X[:, :1])

    assert report.outputs == sum(x.nbytes for x in PARAMS.values())
    assert report.arguments == report.outputs + X.nbytes + 32 * 8
    assert 0 < report.peak <= report.workspace < 16_384 and "matmul" in str(report)


def measured_peak(limit, *args):
    """Return the most bytes that a first call allocates at once, apart from compiling."""
    compiled = fg.jit(fg.grad(layers), memory_limit=limit)
    compiled.source(*args)
    gc.collect()
    return peak_of(compiled, *args)[1]


@pytest.mark.parametrize("part", [2, 3])
def test_a_memory_limit_is_kept_by_computing_again(part, capsys):
    ws = [RNG.normal(size=(32, 32)) / 6 for _ in range(50)]
    x = RNG.normal(size=(2000, 32))
    free = fg.jit(fg.grad(layers))
    limit = free.memory(ws, x).workspace // part
    bound = fg.jit(fg.grad(layers), memory_limit=limit)
    before, after = measured_peak(None, ws, x), measured_peak(limit, ws, x)
    with capsys.disabled():
        print(f"\n50 layers in 1/{part} of the workspace: measured peak / {before / after:.1f}")

    assert bound.memory(ws, x).workspace <= limit
    assert after < 1.2 * before / part  # the rest: programs, outputs, what is not temporary
    for want, got in zip(free(ws, x), bound(ws, x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def test_a_memory_limit_that_cannot_be_kept_says_by_how_much():
    with pytest.raises(MemoryLimitError, match=r"memory_limit=100 .* at least \d+ bytes, \d+ more"):
        fg.jit(fg.grad(loss), memory_limit=100)(PARAMS, X, X[:, :1])


# many small arrays


def test_an_optimizers_update_runs_once_over_all_parameters():
    model = nn.Sequential(*(nn.Dense(8, 8, activation=nn.tanh) for _ in range(6)))
    model = model.init(fg.random.key(0))
    optimizer = optim.adam(1e-2)

    def step(model, state, x):
        grads = fg.grad(lambda m: np.mean(m(x) ** 2))(model)
        updates, state = optimizer.update(grads, state, model)
        return optim.apply_updates(model, updates), state

    state, x = optimizer.init(model), np.float32(X)
    compiled = fg.jit(step)
    lines = compiled.source(model, state, x).splitlines()
    for _ in range(5):
        want, got = step(model, state, x), compiled(model, state, x)
        assert_same(want, got, 2e-5, 1e-6)  # float32
        model, state = got

    assert sum(line.strip().startswith("sqrt(") for line in lines) == 1  # and one of a scalar


def test_threads_share_the_blocks_of_big_arrays():
    wave = lambda x: np.tanh(x) * np.exp(-x * x) + 0.5 * x / (1 + x * x)
    x = RNG.normal(size=600_007)  # no even number of blocks
    alone, shared = fg.jit(wave), fg.jit(wave, threads=2)

    np.testing.assert_array_equal(shared(x), alone(x))
    assert "share(part" in shared.source(x)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        fg.jit(lambda x: np.log(x) * x, threads=2)(-np.abs(x))


def test_what_is_pickled_finds_primitives_of_parts_that_are_not_loaded():
    data = pickle.dumps(activations.relu_p)
    script = (
        "import pickle, sys, funcgrad\n"
        "assert 'funcgrad.nn' not in sys.modules\n"
        f"print(pickle.loads({data!r}).name, funcgrad.nn.relu(-1.0), 'nn' in dir(funcgrad))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout == "relu 0.0 True\n", done.stderr


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "c8"])
@pytest.mark.parametrize(
    "number", [2, -0.1, 0.0, 1e300, 1e-40, (1 << 24) + 1, 2 - 1j, np.float32(7)]
)
def test_a_scalar_operand_is_converted_as_numpy_converts_it(number, dtype):
    x = np.array([0.3, -2.7, 5.0]).astype(dtype)
    f = lambda x: (number * x, x + number, np.equal(x, number))
    with np.errstate(all="ignore"):
        want, got = f(x), fg.jit(f)(x)

        for a, b in zip(want, got, strict=True):
            assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


def test_a_scalar_operand_is_made_once_for_the_module():
    half = 0.5
    text = fg.jit(lambda x: half * x + half).source(np.float32(X))

    assert text.count("c0_5 = array(0.5, float32)\n") == 1 == text.count("0.5")


KEPT_ELSEWHERE = """
import warnings, numpy as np
del np._core.umath._extobj_contextvar
import funcgrad as fg
warnings.simplefilter("error")
f = lambda x: np.sum(np.where(x > 0, np.log(x), 0.0))
second = fg.jit(fg.hessian(f))
x = np.array([0.5, -2.0])
with np.errstate(divide="raise", over="ignore"):
    before = np.geterr()
    with np.errstate(divide="ignore", invalid="ignore"):
        second(np.array([0.0, np.inf]))
    assert np.geterr() == before
assert fg.grad(f)(np.array([0.5, 2.0])).tolist() == [2.0, 0.5]
assert "settings.set(quiet)" in second.source(x)
"""


def test_settings_of_floating_errors_may_lie_outside_of_a_context_variable():
    subprocess.run([sys.executable, "-c", KEPT_ELSEWHERE], check=True)


def test_settings_of_floating_errors_are_restored_after_a_derivative():
    second = fg.jit(fg.hessian(lambda x: np.sum(np.where(x > 0, x * np.log(x), 0.0))))
    with np.errstate(divide="ignore", invalid="ignore", over="raise"):
        want = np.geterr()
        second(np.array([0.0, 2.0]))  # the program with masks runs
        second(np.array([1.0, 2.0]))

        assert want == np.geterr()
