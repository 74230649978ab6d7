"""Programs on JAX: primitives, loops, derivatives of both libraries, the backend "jax" of jit."""

import pickle
import re
import socket
import subprocess
import sys
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import dist
from funcgrad.core.errors import MissingRuleError, UnsupportedError
from funcgrad.core.registry import primitives

from .benchmarks.families import WORKLOADS
from .benchmarks.peers import FuncgradXla, Jax
from .benchmarks.timing import in_turns
from .support.cases import CASES, F64
from .support.compare import assert_same
from .support.edges import FIXED
from .support.house import ROOT
from .support.rules import program, sweep

jax = pytest.importorskip("jax", reason="JAX is an optional extra")

from funcgrad.bridge import to_jax  # noqa: E402
from funcgrad.bridge.replay import ROWS  # noqa: E402
from funcgrad.ops.elementary import ELEMENTARY, REFUSED  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:jax")

F32 = np.dtype("f4")
RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3))

# results that are right in another order, or up to a phase
LOOSE = {"eig": "up to order and phase", "eig_of_rules": "up to order and phase"}


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def on_jax(name, case, dtype):
    """The results of a primitive by its rule and by JAX, and the operands."""
    operands = case.operands(dtype)
    places = [i for i, x in enumerate(operands) if isinstance(x, np.ndarray)]
    function, arrays = program(name, case, operands, places)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = tuple(map(np.asarray, primitives[name].run(*operands, **case.params)))
        got = tuple(map(np.asarray, to_jax(function)(*arrays)))
    return want, got


SWEEP = sweep(8, lambda name, case: name in LOOSE)


@pytest.mark.parametrize(("name", "case", "dtype"), SWEEP)
def test_a_primitive_gives_its_own_results(name, case, dtype):
    if name in REFUSED and name not in ROWS:
        with pytest.raises(MissingRuleError, match=f"{name} at .*it has no form in JAX: "):
            on_jax(name, case, dtype)
        return
    want, got = on_jax(name, case, dtype)
    wide = all(y.dtype.itemsize >= 8 or y.dtype.kind not in "fc" for y in want)
    slack = 1e-12 if dtype != F32 and wide else 2e-6

    assert_same(want, got, slack, slack)


@pytest.mark.parametrize("name", ["eig", "eig_of_rules"])
def test_eigenvalues_agree_up_to_their_order(name):
    want, got = on_jax(name, CASES[name][0], F64)

    assert_same(np.sort_complex(want[0]), np.sort_complex(got[0]), 1e-12, 1e-12)


def test_each_elementary_primitive_has_a_row():
    left = ELEMENTARY - ROWS.keys()

    assert not left


def layered(w, x):
    """A function that nests jit, scan, cond and checkpoint."""
    step = lambda h, row: (np.tanh(h @ w) + fg.nn.gelu(row), fg.nn.softmax(h))
    h, rows = fg.lax.scan(fg.checkpoint(step), x[0], x)
    h = fg.lax.cond(h.sum() > 0, lambda h: fg.nn.sigmoid(h), lambda h: h**3, h)
    return np.mean(fg.jit(np.var)(rows)) + np.linalg.det(w) * fg.losses.huber(h, x[0])


@fg.custom_jvp
def straight(x):
    return np.round(x)


straight.defjvp(lambda xs, ts: (straight(*xs), 3 * ts[0]))


@fg.custom_vjp
def clipped(x):
    return x**2


clipped.defvjp(lambda x: (x**2, x), lambda x, ct: (np.clip(ct * x, -0.1, 0.1),))


def counted(x):
    step = lambda s: (s[0] + 1, np.sin(s[1]))
    return fg.lax.while_loop(lambda s: s[0] < 3, step, (0, x))[1].sum()


FUNCTIONS = {
    "layered": lambda x: layered(W, x),
    "solve": lambda x: np.linalg.solve(W @ W.T + np.diag(x[0] ** 2), x.T).sum(),
    "fori": lambda x: fg.lax.fori_loop(0, 3, lambda i, s: np.sin(s) * (i + 1), x).sum(),
    "switch": lambda x: fg.lax.switch(1, [np.sin, np.cos, np.tan], x).sum(),
    "map": lambda x: fg.lax.map(lambda row: np.sin(row) @ row, x).sum(),
    "checkpointed": lambda x: fg.lax.scan(
        lambda c, r: (np.sin(c * r), None), x[0], x, checkpoint=2)[0].sum(),
    "custom_jvp": lambda x: (straight(x) * x).sum(),
    "ties": lambda x: np.maximum(x, x).sum() + np.max(0 * x) + np.linalg.norm(0 * x[0]),
    "sort": lambda x: (np.sort(x, 0) * X).sum(),
    "fft": lambda x: np.abs(np.fft.fft(x, axis=0)).sum(),
    "draws": lambda x: (x * fg.random.normal(fg.random.key(0), x.shape, dtype=x.dtype)).sum(),
    "threefry": lambda x: (
        x * fg.random.uniform(fg.random.key(0, impl="threefry2x32"), x.shape, dtype=x.dtype)).sum(),
    "implicit": lambda x: fg.lax.custom_linear_solve(
        lambda v: v * (1 + x[0] ** 2), x[1], lambda f, b: b / (1 + x[0] ** 2),
        symmetric=True).sum(),
}  # fmt: skip
WAYS = {
    "value": (lambda f: f, lambda f: to_jax(f)),
    "to_jax of grad": (fg.grad, lambda f: to_jax(fg.grad(f))),
    "jax.grad": (fg.grad, lambda f: jax.grad(to_jax(f))),
    "fg.vmap": (lambda f: f, lambda f: lambda x: to_jax(fg.vmap(f))(x[None])[0]),
    "jax.vmap": (lambda f: f, lambda f: lambda x: jax.vmap(to_jax(f))(x[None])[0]),
    "hvp": (
        lambda f: lambda x: fg.hvp(f, (x,), (X,)),
        lambda f: lambda x: jax.jvp(jax.grad(to_jax(f)), (x,), (X,))[1],
    ),
    "backend": (fg.grad, lambda f: fg.jit(fg.grad(f), backend="jax")),
    "grad of backend": (fg.grad, lambda f: fg.grad(fg.jit(f, backend="jax"))),
}
QUICK = {("layered", "jax.grad"), ("custom_jvp", "jax.grad"), ("ties", "jax.grad"),
         ("draws", "value"), ("implicit", "to_jax of grad"),
         ("checkpointed", "backend")}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "way"),
    [
        pytest.param(n, w, marks=() if (n, w) in QUICK else pytest.mark.slow)
        for n in FUNCTIONS
        for w in WAYS
    ],
)
def test_a_program_and_its_derivatives(name, way):
    function, (ours, theirs) = FUNCTIONS[name], WAYS[way]
    want = np.asarray(ours(function)(X))

    got = np.asarray(theirs(function)(X))

    assert_same(want, got, 1e-11, 1e-11)


def test_a_rule_of_reverse_mode_alone_is_kept():
    want = fg.grad(lambda x: clipped(x).sum())(X)

    assert_same(want, np.asarray(jax.grad(to_jax(lambda x: clipped(x).sum()))(X)), 1e-12)
    assert_same(want, fg.jit(fg.grad(lambda x: clipped(x).sum()), backend="jax")(X), 1e-12)


def test_a_while_loop_runs_forward_and_refuses_reverse():
    tangent = fg.jvp(counted, (X,), (X,))[1]

    assert_same(counted(X), np.asarray(to_jax(counted)(X))[()], 1e-12, kinds=False, dtypes=False)
    assert_same(np.asarray(tangent), np.asarray(jax.jvp(to_jax(counted), (X,), (X,))[1]), 1e-12)
    with pytest.raises(UnsupportedError, match=r"while_loop: XLA has no reverse .*; write a scan"):
        to_jax(fg.grad(counted))(X)


def test_an_unselected_branch_gives_no_nan():
    loss = lambda x: np.where(x > 0, np.log(x), 0.0).sum()
    x = np.array([0.0, 1.0, 2.0])
    want = np.array([0.0, 1.0, 0.5])

    assert_same(want, np.asarray(to_jax(fg.grad(loss))(x)))
    with np.errstate(divide="ignore"):
        assert_same(want, fg.jit(fg.grad(loss), backend="jax")(x))


def test_faults_are_numpys_errors():
    take = fg.jit(lambda x, i: fg.lax.scan(lambda c, k: (c, x[k]), 0.0, i)[1], backend="jax")

    assert_same(np.array([2.0, 0.0]), take(np.arange(3.0), np.array([-1, 0])))
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 0 with size 3"):
        take(np.arange(3.0), np.array([0, 3]))
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        fg.jit(np.linalg.cholesky, backend="jax")(-np.eye(2))


def test_integers_and_casts_have_numpys_meaning():
    x = np.array([7, -7, 5], np.int32)
    far = np.array([np.nan, np.inf, -np.inf, 3e9, -1.5, 300.0])
    with np.errstate(all="ignore"):
        for function in (lambda x: x // 0, lambda x: x % 0, lambda x: x << 40, lambda x: x >> 40):
            assert_same(function(x), np.asarray(to_jax(function)(x)))
        for dtype in (np.int64, np.int32):
            assert_same(far.astype(dtype), np.asarray(to_jax(lambda x, d=dtype: x.astype(d))(far)))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (lambda b: (-b, b - b, b + 1), (True,)),
        (np.logaddexp2, (True, np.array(2, np.uint64))),
        (np.logaddexp2, (np.ones(2, bool), np.ones(2, bool))),
        (lambda u: np.clip(u, -1, 300), (np.array([1, 200], np.uint8),)),
        (np.sin, (np.array([1.0, 2.0], ">f8"),)),
    ],
    ids=["booleans", "logaddexp2", "logaddexp2 of booleans", "clip", "byte order"],
)
def test_operands_are_cast_as_in_numpy(function, args):
    want = function(*args)

    assert_same(want, fg.jit(function, backend="jax")(*args), 1e-3)


@pytest.mark.parametrize("index", [np.array([1, -1, 100], "i1"), np.array([1, 200], "u1")])
def test_indices_of_narrow_dtypes_reach_along_long_axes(index):
    x = np.arange(5000.0)
    for function in (lambda x, i: x[i], lambda x, i: fg.at(x)[i].add(1.0)):
        assert_same(function(x, index), fg.jit(function, backend="jax")(x, index))


@pytest.mark.parametrize("function", [np.max, np.min])
def test_an_extremum_of_elements_with_nan_is_nan(function):
    x = RNG.normal(size=(40, 7, 9))
    x[3, 4, 5] = np.nan
    for axis in (None, 0, 1, 2, (0, 2)):
        f = lambda x, axis=axis: function(x * 1.5, axis=axis)

        assert_same(np.asarray(f(x)), np.asarray(fg.jit(f, backend="jax")(x)))


def test_half_precision_takes_the_special_functions_of_single():
    x = np.array([0.5, 1.5], "f2")

    assert_same(fg.special.log_ndtr(x), fg.jit(fg.special.log_ndtr, backend="jax")(x), 1e-3)


def test_special_functions_have_their_limits_at_poles_and_infinity():
    x = np.array([0.0, -0.0, np.inf, -np.inf, 1.0])
    functions = {
        "digamma": fg.special.digamma, "i0": fg.special.i0, "i1": fg.special.i1,
        "zeta": lambda x: fg.special.zeta(4.0, x),
    }  # fmt: skip
    with np.errstate(all="ignore"):
        for name, function in functions.items():
            assert_same(function(x), fg.jit(function, backend="jax")(x), 1e-12, note=name)


@pytest.mark.parametrize("solve", [np.linalg.inv, lambda a: np.linalg.solve(a, a[0])])
def test_a_singular_matrix_is_numpys_error(solve):
    f = fg.jit(solve, backend="jax")

    assert_same(solve(W), f(W), 1e-12)
    for singular in (np.ones((3, 3)), np.stack([W, np.zeros((3, 3))])):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            fg.jit(np.linalg.inv, backend="jax")(singular)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        f(np.ones((3, 3)))


def test_a_python_scalar_is_weak_under_transforms_of_jax_too():
    step = lambda x, rate, n: (x - rate * fg.grad(lambda x: (x**n).sum())(x), rate * n + 1)
    x, on_jax = np.ones(3, "f4"), fg.bridge.to_jax(step)
    want = step(x, 0.5, 2)

    for got in (on_jax(x, 0.5, 2), jax.jit(on_jax)(x, 0.5, 2)):
        assert_same(want[0], np.asarray(got[0]), 1e-6)
        assert float(got[1]) == want[1]
    assert jax.vmap(on_jax, (0, None, None))(x, 0.5, 2)[0].dtype == np.float32
    assert float(jax.grad(lambda rate: on_jax(x, rate, 2)[0].sum())(0.5)) == -6.0


def test_a_dtype_that_jax_lacks_is_refused():
    words = r"convert at .*test_bridge.*: JAX has no \S*; convert it to a narrower dtype"
    x = np.ones(2, np.longdouble)
    if x.dtype.itemsize == 8:
        pytest.skip("long double is double on this platform")
    with pytest.raises(UnsupportedError, match="an argument: JAX has no "):
        fg.jit(np.sin, backend="jax")(x)
    with pytest.raises(UnsupportedError, match=words):
        fg.jit(lambda y: np.sin(y.astype(x.dtype)), backend="jax")(np.ones(2))


def test_constants_follow_the_width_of_jax():
    f = to_jax(lambda x: x * np.full(3, 1 / 3))
    x = np.ones(3, "float32")

    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX warns that it makes float64 narrower
        assert f(x).dtype == "float32"
    with jax.enable_x64(True):
        assert_same(np.full(3, 1 / 3), f(x))


def test_small_constants_are_part_of_the_program_and_large_ones_arguments():
    table, order = np.arange(20_000.0), np.array([2, 0, 1])
    f = fg.jit(lambda x: np.sum(x[order]) * fg.numpy.take(table, x.astype(int)), backend="jax")
    x = np.array([1.0, 2.0, 3.0])

    assert_same(6 * table[1:4], f(x))
    (line,) = [line for line in f.source(x).splitlines() if "@main" in line]
    assert re.findall(r"%arg\d: tensor<([^>]*)>", line) == ["20000xf64", "3xf64"]
    with pytest.raises(IndexError, match="index 2 is out of bounds"):
        f(x[:2])


def test_results_are_new_arrays_that_can_be_written():
    x = np.ones(3)
    y = fg.jit(lambda x: x, backend="jax")(x)

    y[0] = 5

    assert x[0] == 1


def test_collectives_run_under_the_axes_of_jax():
    mean = to_jax(lambda x: fg.lax.pmean(x**2, "i") + fg.lax.axis_index("i"), axis_names=["i"])
    want = np.mean(X**2, 0) + np.arange(4)[:, None]

    got = np.asarray(jax.vmap(mean, axis_name="i")(X))

    assert_same(want, got, 1e-12)


def test_a_form_that_jax_lacks_is_named():
    function = lambda x: fg.linalg.matrix_function(np.sin, x + x.T)

    with pytest.raises(MissingRuleError, match=r"matrix_function at .*: it has no form in JAX"):
        to_jax(function)(W)


@pytest.mark.slow  # XLA takes seconds to compile three loops in one another
@pytest.mark.parametrize("name", ["schur", "hessenberg", "column_pivots"])
def test_a_form_of_matrices_is_that_of_numpy(name):
    stack = RNG.normal(size=(2, 5, 5))
    prim = primitives[name]

    got = fg.jit(lambda a: tuple(prim.bind(a)), backend="jax")(stack)

    assert_same(prim.run(stack), got, 1e-12, 1e-12)


def test_a_placement_needs_the_backend():
    with pytest.raises(ValueError, match=r"jit: device is an option of XLA; give backend='jax'"):
        fg.jit(np.sin, device="cpu")

    assert_same(np.sin(X), fg.jit(np.sin, backend="jax", device="cpu")(X), 1e-15)


def test_one_option_places_arrays():
    rows = jax.sharding.SingleDeviceSharding(jax.devices()[0])

    with pytest.raises(ValueError, match=r"device and in_shardings both .*; leave out device"):
        fg.jit(np.sin, backend="jax", device="cpu", in_shardings=rows)


def test_a_placement_by_objects_does_not_pickle():
    device = jax.devices()[0]

    assert pickle.loads(pickle.dumps(fg.jit(np.sin, backend="jax", device="cpu")))(0.0) == 0
    with pytest.raises(TypeError, match=r"sin has device=, whose devices .*; pickle the function"):
        pickle.dumps(fg.jit(np.sin, backend="jax", device=device))


def test_the_source_is_stablehlo():
    compiled = fg.jit(np.sin, backend="jax")
    compiled(X)

    assert "stablehlo.sine" in fg.export.stablehlo(np.sin, X)
    assert compiled.explain(X).endswith("backend 'jax': all by XLA")


def test_exported_text_has_the_leaves_as_inputs_and_outputs_and_holds_constants():
    table = np.arange(7.0)
    text = fg.export.stablehlo(lambda p, i: {"y": table + p["a"]}, {"a": 1.5, "b": 2}, 3)
    ins, outs = re.search(r"@main\((.*)\) -> \((.*?\S)\)", text).groups()

    assert [ins.count("%arg"), outs.count("tensor<")] == [3, 1]
    assert "dense<[0.0" in text


NUMBERS = [1 + 2j, 1 + 3j, complex(np.nan, 0), complex(2, np.nan), -0.0j, 9j]
COMPLEX = np.array([NUMBERS, NUMBERS[::-1], [1 + 3j, 1 + 2j, 1 + 3j, 3, 0, -1]])
ORDERED = {
    "extrema": lambda x: (x.max(0), x.min((0, 1)), x[2].max(), np.maximum(x, x[::-1])),
    "smaller": lambda x: (np.minimum(x, x[::-1]), np.sort(x, 1)),
    "places": lambda x: (np.argmax(x, 0), np.argmin(x, -1), np.argsort(x, 1, kind="stable")),
    "writes": lambda x: (
        fg.at(x)[[0, 0, 2], [1, 1, 5]].max(x[:, 3]), fg.at(x)[2, [0, 0, 2, 2]].min(x[0, 1:5])),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERED)
def test_complex_numbers_have_the_order_of_numpy(name):
    want, got = ORDERED[name](COMPLEX), fg.jit(ORDERED[name], backend="jax")(COMPLEX)

    for x, y in zip(want, got, strict=True):
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("ord", [None, 3])
def test_norms_of_the_largest_and_smallest_numbers_are_right(ord, dtype):
    top, least = 0.9 * np.finfo(dtype).max, np.finfo(dtype).tiny
    x = np.array([[top, 0], [top / 4, top / 4], [least, 0], [4 * least, least], [0, 0]], dtype)
    norm = lambda x: np.linalg.norm(x, ord, axis=1)

    assert_same(fg.jit(norm)(x), fg.jit(norm, backend="jax")(x), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("index", [np.array([0, 2, 0]), (np.array([1, 1]), slice(None, None, 2))])
def test_jax_differentiates_writes_to_an_element_twice(index):
    v = np.sin(np.arange(X[index].size)).reshape(X[index].shape)
    f = lambda x, v: (fg.at(x)[index].set(v) * X).sum()

    want = fg.grad(f, (0, 1))(X, v)
    assert_same(want, jax.grad(to_jax(f), (0, 1))(X, v), 1e-15)
    assert want[1].all(axis=-1).tolist() != [True] * len(
        v
    )  # an element that is lost counts nothing


EDGES = [
    pytest.param(name, marks=() if i % 40 == 0 else pytest.mark.slow)
    for i, name in enumerate(FIXED)
]


@pytest.mark.parametrize("name", EDGES)
def test_a_program_at_the_edges_gives_the_numbers_of_numpy(name):
    function, *args = FIXED[name]
    if name == "a traced mask":
        with pytest.raises(TypeError, match="a boolean index: the shape of the result depends"):
            fg.jit(function, backend="jax")(*args)
        return
    with np.errstate(all="ignore"):
        want = function(*args)
        for got in (fg.jit(function, backend="jax")(*args), to_jax(function)(*args)):
            for x, y in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
                x, y = np.asarray(x), np.asarray(y)
                slack = 2e-3 if x.dtype == np.float16 else 1e-5
                assert (x.dtype, x.shape) == (y.dtype, y.shape)
                np.testing.assert_allclose(y, x, rtol=slack, atol=slack)


def test_scalars_are_those_of_numpys_source():
    f = lambda x, n: (x.sum(), n * 2, x)
    want = fg.jit(f)(np.ones(2), 3)

    got = fg.jit(f, backend="jax")(np.ones(2), 3)
    assert got[:2] == want[:2]
    assert list(map(type, got)) == list(map(type, want))


def test_a_negative_integer_power_is_numpys_error():
    with pytest.raises(ValueError, match="Integers to negative integer powers"):
        fg.jit(lambda x, n: x**n, backend="jax")(np.arange(1, 4), np.array(-1))


def test_a_collective_of_ranks_is_refused_by_xla():
    ranks = dist.Ranks()
    ranks.size = 2
    f = dist.spmd(
        lambda x: fg.lax.psum(x, "data"),
        in_specs=dist.P(),
        out_specs=dist.P(),
        axes={"data": ranks},
    )
    match = r"psum: XLA cannot run a collective of dist\.spmd; leave out backend='jax'"
    with fg.config(backend="jax"), pytest.raises(UnsupportedError, match=match):
        f(np.ones(3))


@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.linalg.slogdet(a)[1],
        lambda a: np.sum(np.linalg.eigh(a)[0] ** 3),
        lambda a: np.sum(np.linalg.svd(a)[1] ** 3),
    ],
)
def test_jax_transposes_derivatives_that_check_their_tangent(function):
    a = W @ W.T + np.eye(3)
    want, hessian = fg.grad(function)(a), fg.hessian(function)(a)
    f = to_jax(function)

    np.testing.assert_allclose(jax.grad(f)(a), want, rtol=1e-10)
    np.testing.assert_allclose(jax.hessian(f)(a), hessian, rtol=1e-7, atol=1e-9)


def test_jax_gives_nan_for_the_derivative_of_equal_eigenvalues():
    f = lambda a: np.sum(np.linalg.eigvalsh(a) ** 3)

    assert np.isnan(np.diagonal(jax.grad(to_jax(f))(np.eye(2)))).all()
    np.testing.assert_allclose(to_jax(fg.grad(f))(np.eye(2)), 3 * np.eye(2))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_training_on_eight_devices_equals_that_on_one(processes):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.bridge_devices"]
    started = [
        subprocess.Popen(
            [*command, *([str(rank), port] if processes > 1 else [])],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    try:
        for process in started:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
            rows = dict(line.split() for line in out.splitlines() if not line.startswith("["))
            assert max(float(rows[way]) for way in ("jit", "to_jax", "shard_map")) < 1e-5
            assert (int(rows["reductions"]), float(rows["split"])) == (1, 0.0)
    finally:
        for process in started:
            process.kill()


def test_jax_differentiates_and_maps_programs_that_check_their_derivatives():
    def f(x):
        root = np.where(x > 0, np.sqrt(np.abs(x)), 0.0)
        return np.sum(root * np.log(np.sum(np.exp(x))))

    push = to_jax(fg.grad(f))
    rows = np.array([[0.5, 1.5], [0.0, -1.0], [0.0, 0.7]])  # a root at 0 is not selected

    want = np.stack([fg.grad(f)(x) for x in rows])
    assert_same(want, np.stack([push(x) for x in rows]), 1e-12)
    assert_same(want, jax.vmap(push)(rows), 1e-12)
    assert_same(fg.hvp(f, (rows[0],), (rows[2],)), jax.vjp(push, rows[0])[1](rows[2])[0], 1e-12)
    assert_same(fg.hvp(f, (rows[0],), (rows[2],)), jax.jvp(push, (rows[0],), (rows[2],))[1], 1e-12)


STEPS = {"mlp-mnist": 256, "transformer": 32}  # workloads of the benchmark, and their sizes


def steps_of(peer, workload, size):
    """A function that runs the next step of a workload by a library."""
    step, args = peer.step(workload), peer.arrays(workload.arguments(size, 0))

    def run():
        nonlocal args
        out = peer.ready(step(*args))
        args = (out[0], *args[1:]) if workload.carried else args

    return run


def beside_jax(name, rounds):
    """The time of a step that funcgrad stages for XLA, over that of one written for JAX."""
    peers = (FuncgradXla(), Jax())
    ours, theirs = in_turns([steps_of(p, WORKLOADS[name], STEPS[name]) for p in peers], rounds)
    return np.median(np.divide(ours, theirs))


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_a_step_on_a_gpu_takes_the_time_of_one_written_for_jax(name):
    if jax.default_backend() == "cpu":
        pytest.skip("did not run: JAX finds no GPU or TPU")

    assert beside_jax(name, 20) <= 1.05


@pytest.mark.parametrize(("dtype", "slack"), [("f8", 1e-12), ("f4", 5e-4)])
def test_a_hundred_steps_of_adam_equal_those_of_numpys_source(dtype, slack):
    rng = np.random.default_rng(1)
    x, start = rng.normal(size=(32, 8)).astype(dtype), {"w": rng.normal(size=(8, 3)).astype(dtype)}
    optimizer = fg.optim.adam(1e-2)

    def step(p, state, x):
        loss = lambda p: np.mean((np.tanh(x @ p["w"]) - np.sin(x[:, :3])) ** 2)
        value, grads = fg.value_and_grad(loss)(p)
        updates, state = optimizer.update(grads, state, p)
        return fg.optim.apply_updates(p, updates), state, value

    def trained(step):
        p, state = start, optimizer.init(start)
        for _ in range(100):
            p, state, value = step(p, state, x)
        return p["w"], value

    assert_same(trained(fg.jit(step)), trained(fg.jit(step, backend="jax")), slack, slack)
