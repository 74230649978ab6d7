"""Models of ONNX: run by onnxruntime at several batch sizes from one file, and each primitive."""

import re
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn
from funcgrad.core.errors import FuncgradError, ShapeError, UnsupportedError
from funcgrad.core.registry import primitives

from .support.cases import CASES, F64
from .support.edges import BATCHED, FIXED, batch
from .support.lengths import drawn
from .support.rules import program, turn_of

onnx = pytest.importorskip("onnx", reason="ONNX is an optional extra")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime runs the models in tests")

RNG = np.random.default_rng(0)
KEY = fg.random.key(0)


def session(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    text = model if isinstance(model, str) else model.SerializeToString()
    return ort.InferenceSession(text, options, providers=["CPUExecutionProvider"])


def run(found, leaves):
    single = [np.asarray(x, np.float32) if np.asarray(x).dtype.kind == "f" else x for x in leaves]
    names = [i.name for i in found.get_inputs()]
    return found.run(None, {n: np.asarray(x) for n, x in zip(names, single, strict=True)})


def normal(*shape):
    return lambda n: (RNG.normal(size=(n, *shape)).astype("f4"),)


def mlp():
    hidden = (
        nn.Dense(64, 32, activation=nn.relu),
        nn.Dropout(0.2),
        nn.Dense(32, 8, activation=nn.gelu),
    )
    return nn.Sequential(*hidden, nn.Dense(8, 10)).init(KEY)


def cnn():
    pool = nn.Lambda(lambda x: nn.max_pool(x, (2, 2), (2, 2)))
    first = nn.Conv(1, 4, (3, 3), padding="SAME", activation=nn.relu), nn.BatchNorm(4), pool
    return nn.Sequential(*first, nn.Flatten(), nn.Dense(64, 10)).init(KEY)


def preprocessed():
    model = mlp()
    scaled = lambda x: (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-6)
    return lambda x: nn.softmax(model(scaled(x)))


MODELS = {
    "mlp": (mlp, normal(64)),
    "cnn": (cnn, normal(8, 8, 1)),
    "gru": (lambda: nn.GRU(6, 12).init(KEY), normal(7, 6)),
    "lstm": (lambda: nn.LSTM(6, 12).init(KEY), normal(7, 6)),
    "transformer": (lambda: nn.MultiHeadAttention(16, 4).init(KEY), normal(5, 16)),
    "embedding": (lambda: nn.Embedding(30, 16).init(KEY), lambda n: (RNG.integers(0, 30, (n, 5)),)),
    "preprocessing": (preprocessed, normal(64)),
    "branches": (lambda: lambda x: fg.lax.cond(x.sum() > 0, np.sin, lambda x: 2 * x, x), normal(3)),
    "switch": (
        lambda: lambda x: fg.lax.switch((x[0, 0] > 0) * 2, [np.sin, np.cos, np.tanh], x),
        normal(3)),
    "while": (
        lambda: lambda x: fg.lax.while_loop(lambda s: np.abs(s).max() > 0.5, lambda s: s / 2, x),
        normal(3)),
    "sort": (lambda: lambda x: np.sort(x, -1)[:, ::-1][:, :3] + np.cumsum(x, 1)[:, -1:], normal(6)),
    "derivative": (lambda: lambda x: fg.grad(lambda x: np.sum(np.tanh(x) ** 2))(x), normal(4)),
    "statistics": (lambda: lambda x: (x - x.mean(0)) / (x.std(0) + 1e-3), normal(4)),
}  # fmt: skip
QUICK = ("mlp", "gru", "preprocessing", "while")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]
)
def test_a_model_takes_all_batch_sizes_from_one_file(name, tmp_path):
    build, draw = MODELS[name]
    function, path = build(), tmp_path / "model.onnx"
    fg.export.onnx(lambda x: function(x), *draw(5), batch_axes=0, path=path)
    found = session(str(path))

    for n in (5, 2, 9):
        (x,) = draw(n)
        (got,) = run(found, [x])
        np.testing.assert_allclose(got, np.asarray(function(x)), rtol=1e-5, atol=1e-5)


SWEEP = [
    pytest.param(
        name, case, id=f"{name}-{i}",
        marks=() if i == 0 and turn_of(name, case) % 8 == 0 else pytest.mark.slow,
    )
    for name, cases in CASES.items()
    for i, case in enumerate(cases)
    if name in primitives and i < 4
]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), SWEEP)
def test_a_primitive_is_right_or_refused_by_name(name, case):
    operands = case.operands(F64)
    places = [i for i, x in enumerate(operands) if isinstance(x, np.ndarray)]
    function, arrays = program(name, case, operands, places)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = fg.export.onnx(function, *arrays)
        except FuncgradError as err:
            assert re.match(r"[\w.]+: ", str(err))
            return
        want = primitives[name].run(*operands, **case.params)
        try:
            found = session(model)
        except Exception as err:
            assert "NOT_IMPLEMENTED" in str(err)  # a kernel that onnxruntime lacks
            return
        got = run(found, arrays)
    for x, y in zip(want, got, strict=True):
        np.testing.assert_allclose(y, np.asarray(x), rtol=1e-4, atol=1e-4)


def test_inputs_are_called_by_argument_and_tree_path():
    model = fg.export.onnx(lambda p, x: p["w"] * x, {"w": np.ones(3)}, np.ones(3))

    assert [i.name for i in model.graph.input] == ["p['w']", "x"]
    assert {i.type.tensor_type.elem_type for i in model.graph.input} == {onnx.TensorProto.FLOAT}


def test_double_precision_is_kept_if_asked():
    model = fg.export.onnx(lambda x: x + 1e-12, np.ones(3), dtype=None)

    (got,) = session(model).run(None, {"x": np.ones(3)})
    np.testing.assert_array_equal(got, np.ones(3) + 1e-12)


def test_a_form_that_onnx_lacks_is_named():
    with pytest.raises(
        UnsupportedError, match=r"export\.onnx: eigh at .*test_export_onnx.* no form"
    ):
        fg.export.onnx(lambda x: np.linalg.eigh(x)[0], np.eye(3))


def test_a_batch_that_selects_elements_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(UnsupportedError, match="depends on the batch size; leave batch_axes out"):
        fg.export.onnx(
            lambda x: x * np.eye(len(x))[:, :1], np.ones((2, 2)), path=path, batch_axes=0
        )
    assert not path.exists()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.ones(len(x) ** 2) * x.sum(),
        lambda x: np.cumsum(x[:, :1] * x[:, 0]),
        lambda x: x * (len(x) % 3),
    ],
)
def test_a_size_that_is_no_linear_function_of_the_batch_is_refused(function):
    with pytest.raises(UnsupportedError, match=r"for a batch of|no linear function of the batch"):
        fg.export.onnx(function, np.ones((4, 3)), batch_axes=0)


def test_batch_axes_have_one_length():
    with pytest.raises(ShapeError, match=r"the same length in all arguments: got 3, 4"):
        fg.export.onnx(lambda x, y: x @ y.T, np.ones((3, 2)), np.ones((4, 2)), batch_axes=0)
    with pytest.raises(ShapeError, match=r"an axis of each array, or None: got 2 for f64\[3,2\]"):
        fg.export.onnx(lambda x: x, np.ones((3, 2)), batch_axes=2)


def test_python_scalars_and_empty_trees_stand_beside_a_batch():
    model = fg.export.onnx(
        lambda p, s, x: x * s, {}, 2.0, np.ones((4, 3)), batch_axes=(None, None, 0)
    )

    (got,) = run(session(model), [3.0, np.ones((6, 3))])
    np.testing.assert_array_equal(got, np.full((6, 3), 3.0))


@pytest.mark.parametrize("length", [4, None])
def test_a_loop_may_have_no_rows_and_no_outputs_of_steps(length):
    def function(x):
        steps = None if length else x
        body = lambda c, row: (np.tanh(c) + (0.0 if row is None else row), None)
        return fg.lax.scan(body, np.ones(3) * x.sum(), steps, length=length)[0]

    found = session(fg.export.onnx(function, np.ones((4, 3)), batch_axes=0))
    for n in (1, 6):
        x = RNG.normal(size=(n, 3)).astype("f4")
        np.testing.assert_allclose(run(found, [x])[0], function(x), rtol=1e-5)


COMPLEX = "of complex numbers, which ONNX lacks"
DATA = "writes at indices that are data"
BATCH = "for a batch of|depends on the batch size|no linear function of the batch"
# programs of the tables that are refused -> the words
REFUSED = {
    **{name: COMPLEX for name in FIXED if name.endswith((" of c8", " of c16"))},
    "complex numbers": COMPLEX,
    "writes at indices": DATA,
    "a traced mask": "a boolean index: the shape of the result depends on values",
}
REFUSED_BATCHES = {
    "a square of the length": BATCH,
    "one less than the length": BATCH,
    "half of the batch": "which is no multiple of the batch",
    "a parity": BATCH,
    "a comparison with the length": BATCH,
    "the last five": BATCH,
    "two rows or more": BATCH,
    "less than three": BATCH,
    "exactly one": "the program for a batch of 1 is another one than for 37",
    "more than six hundred": BATCH,
    "multiples of four": BATCH,
    "the second row": "does not take a batch of 1, as it does 6: index 1 is out of bounds",
    "an extremum of no rows": "the program for a batch of 1 is|max at .* is of no elements",
    "batches of even length": "does not take a batch of 37, as it does 6: cannot reshape",
    "the identity": "a constant of the program depends on the batch size",
}


def model_or_refusal(words, function, *args, **options):
    """The model, or None where it is refused by these words."""
    if words is None:
        return fg.export.onnx(function, *args, dtype=None, **options)
    with pytest.raises(FuncgradError, match=words):
        fg.export.onnx(function, *args, dtype=None, **options)
    return None


def assert_gives(found, args, want):
    """The outputs of a model are those of a function, with dtypes."""
    names = [i.name for i in found.get_inputs()]
    got = found.run(None, dict(zip(names, map(np.asarray, fg.tree.leaves(args)), strict=True)))
    for x, y in zip(fg.tree.leaves(want), got, strict=True):
        x, slack = np.asarray(x), 2e-3 if np.asarray(x).dtype == np.float16 else 1e-5
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_allclose(y, x, rtol=slack, atol=slack)


def thinned(names, one_in):
    """The names as parameters, of which one in so many is quick."""
    marks = lambda i: () if i % one_in == 0 else pytest.mark.slow
    return [pytest.param(name, marks=marks(i)) for i, name in enumerate(names)]


@pytest.mark.parametrize("name", thinned(FIXED, 8))
def test_a_program_at_the_edges_gives_the_numbers_of_numpy_or_is_refused_in_words(name):
    function, *args = FIXED[name]
    model = model_or_refusal(REFUSED.get(name), function, *args)
    if model is not None:
        with np.errstate(all="ignore"):
            assert_gives(session(model), args, function(*args))


@pytest.mark.parametrize("name", thinned(BATCHED, 4))
def test_a_use_of_the_batch_is_right_for_all_sizes_or_refused_in_words(name):
    function, axis, *_ = BATCHED[name]
    model = model_or_refusal(REFUSED_BATCHES.get(name), function, *batch(name, 6), batch_axes=axis)
    if model is not None:
        found = session(model)
        for n in (6, 1, 2, 9):
            assert_gives(found, batch(name, n), function(*batch(name, n)))


@pytest.mark.parametrize(
    "seeds", [range(20), pytest.param(range(20, 1000), marks=pytest.mark.slow)], ids=str
)
def test_random_uses_of_the_length_are_right_for_all_sizes_or_refused(seeds):
    rows = lambda n, seed: np.random.default_rng([n, seed]).normal(size=(2, n, 4)).astype("f4")
    accepted = 0
    for seed in seeds:
        function, source = drawn(seed)
        given = rows((6, 1, 3, 64)[seed % 4], seed)
        try:
            model = fg.export.onnx(function, *given, batch_axes=0, dtype=None)
        except (FuncgradError, IndexError, ValueError):  # the latter of the function itself
            continue
        accepted, found = accepted + 1, session(model)
        for n in (1, 2, 3, 5, 8, 64):
            x, y = rows(n, seed)
            feed = {"x": x, "y": y}
            got = found.run(None, {i.name: feed[i.name] for i in found.get_inputs()})
            for a, b in zip(fg.tree.leaves(function(x, y)), got, strict=True):
                size = np.abs(a).max(initial=1)
                np.testing.assert_allclose(b, a, 1e-4, 1e-4 * size, err_msg=f"{n}\n{source}")

    assert accepted > len(seeds) / 5  # the others are refused


def test_a_function_without_outputs_is_refused():
    with pytest.raises(UnsupportedError, match="has no outputs; return an array"):
        fg.export.onnx(lambda x: {}, np.ones(3))


def test_integers_of_64_bits_without_sign_are_refused_where_order_counts():
    with pytest.raises(UnsupportedError, match=r"max at .* is of uint64, which ONNX lacks; conv"):
        fg.export.onnx(lambda x: x.max(), np.ones(3, np.uint64))
