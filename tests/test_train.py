"""Pieces of a training loop: averages are exact, the best is kept, history comes back."""

import importlib.util
import io as streams
import json
import math
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import io, nn, optim, random, train, tree
from funcgrad.core.errors import DtypeError, ShapeError
from funcgrad.random import RangeError
from funcgrad.train.history import HistoryError

from .support.compare import assert_same

RNG = np.random.default_rng(0)

# averages


@pytest.mark.parametrize("sizes", [(5, 5), (7, 1, 2), (1,) * 10, (10,)])
def test_averages_over_unequal_batches_are_those_over_all(sizes):
    x = 1e6 + np.random.default_rng(1).normal(size=10)
    whole, means = train.Metrics(), train.Metrics()
    for part in np.split(x, np.cumsum(sizes)[:-1]):
        whole = whole.update(loss=part)
        means = means.update({"loss": part.mean()}, weight=len(part))
    stats = whole["loss"]

    np.testing.assert_allclose([whole["loss"].mean, means["loss"].mean], x.mean(), rtol=1e-15)
    np.testing.assert_allclose(stats.std, x.std(), rtol=1e-9)  # 6 of 16 digits are the offset's
    assert (stats.min, stats.max, stats.weight) == (x.min(), x.max(), 10)


def test_merging_is_gathering_in_one():
    x, w = RNG.normal(size=12), RNG.uniform(size=12)
    parts = [train.Metrics().update(a=x[i::3], weight=w[i::3]) for i in range(3)]
    got = parts[0].merge(parts[1]).merge(parts[2])["a"]
    mean = np.average(x, weights=w)

    np.testing.assert_allclose(got.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(got.std, np.sqrt(np.average((x - mean) ** 2, weights=w)), rtol=1e-14)


def test_what_weighs_nothing_is_not_looked_at():
    mask = np.array([True, False, True])
    metrics = train.Metrics().update(loss=np.array([1.0, np.nan, 3.0]), weight=mask)

    assert metrics["loss"] == train.Stats(2, 4, 2, 1, 3)
    assert np.isnan(train.Metrics.of("loss")["loss"].mean)


def test_a_loss_that_diverges_shows_in_its_mean():
    metrics = train.Metrics().update(a=np.inf, b=1e300).update(a=1.0, b=-1e300)
    metrics = metrics.update(a=np.array([2.0, np.inf]), b=np.nan)

    assert metrics["a"].mean == np.inf and metrics["a"].min == 1 and np.isnan(metrics["b"].mean)


def test_averages_go_through_jit_and_scan_and_files(tmp_path):
    x = RNG.normal(size=(5, 4)).astype(np.float32)
    one = lambda m, row: m.update(loss=row, size=np.max(row), weight=2)
    want = train.Metrics.of("loss", "size")
    for row in x:
        want = one(want, row)
    jitted = train.Metrics.of("loss", "size")
    step = fg.jit(one)
    for row in x:
        jitted = step(jitted, row)
    scanned, _ = fg.lax.scan(
        lambda m, row: (one(m, row), None), train.Metrics.of("loss", "size"), x
    )
    io.save(tmp_path / "m.npz", want)
    loaded = io.load(tmp_path / "m.npz", like=train.Metrics.of("loss", "size"))

    assert step.cache_info().misses == 1
    for got in (jitted, scanned, loaded):
        assert tree.structure(got) == tree.structure(want)
        np.testing.assert_allclose(tree.leaves(got), tree.leaves(want), rtol=1e-13)
        assert all(np.asarray(v).dtype == np.float64 for v in tree.leaves(got))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda m: m.update(a=1.0, weight=-1), ValueError, "not be negative: got -1"),
        (lambda m: m.update(a=1.0, weight=np.ones(3)), ShapeError, "reduction='none'"),
        (lambda m: m.update(a="1"), DtypeError, "a must be real: got"),
        (lambda m: m.update(a=1.0)["b"], KeyError, "unknown name 'b': got a"),
    ],
)
def test_averages_say_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make(train.Metrics())


# scores


def test_accuracy_takes_classes_and_logits():
    labels = np.array([[0, 1], [2, 2]])
    logits = np.eye(3)[np.array([[0, 1], [2, 0]])]

    assert train.accuracy(logits, labels) == 0.75
    assert train.accuracy(np.argmax(logits, -1), labels) == 0.75
    assert train.accuracy(logits[..., 0] > 0, labels == 0) == 0.75
    assert train.accuracy(logits, labels, where=np.array([[True], [False]])) == 1.0
    assert fg.jit(train.accuracy)(logits, labels) == 0.75
    with pytest.raises(DtypeError, match="for logits write x > 0"):
        train.accuracy(np.array([0.2, 3.0]), np.array([0, 1]))
    with pytest.raises(IndexError, match="label 3 at"):
        train.accuracy(logits, labels + 1)


def test_top_k_agrees_with_a_sort():
    logits = np.round(RNG.normal(size=(50, 6)), 1)  # with ties
    labels = RNG.integers(0, 6, 50)
    order = np.argsort(-logits, axis=-1, kind="stable")
    for k in range(1, 7):
        want = np.mean([label in row[:k] for label, row in zip(labels, order, strict=True)])
        assert train.top_k_accuracy(logits, labels, k) == want
        assert fg.jit(lambda x, y, k=k: train.top_k_accuracy(x, y, k))(logits, labels) == want

    assert train.top_k_accuracy(np.array([[np.nan, 1.0]]), np.array([0]), 1) == 0
    with pytest.raises(ValueError, match="k must be from 1 to 6, the number of classes: got 7"):
        train.top_k_accuracy(logits, labels, 7)


def test_confusion_counts_every_pair():
    x, y = RNG.integers(0, 4, (2, 100))
    want = np.array([[np.sum((y == i) & (x == j)) for j in range(4)] for i in range(4)])

    np.testing.assert_array_equal(train.confusion_matrix(x, y), want)
    np.testing.assert_array_equal(fg.jit(lambda x, y: train.confusion_matrix(x, y, 4))(x, y), want)
    assert train.confusion_matrix(x.reshape(10, 10) > 1, y.reshape(10, 10) > 1).shape == (2, 2)
    with pytest.raises(IndexError, match="labels must be from 0 to 1"):
        train.confusion_matrix(x * 0, y, 2)
    with pytest.raises(DtypeError, match="num_classes must be given"):
        fg.jit(train.confusion_matrix)(x, y)


MATRIX = np.array([[5, 1, 0], [2, 3, 0], [1, 1, 0]])  # the last class is never given


def test_precision_recall_and_f1_by_hand():
    p, r = np.array([5 / 8, 3 / 5, 0]), np.array([5 / 6, 3 / 5, 0])
    f = np.array([10 / 14, 6 / 10, 0])
    for fun, each in ((train.precision, p), (train.recall, r), (train.f1, f)):
        np.testing.assert_allclose(fun(MATRIX, "none"), each, rtol=1e-15)
        np.testing.assert_allclose(fun(MATRIX), each.mean(), rtol=1e-15)
        np.testing.assert_allclose(fun(MATRIX, "micro"), 8 / 13, rtol=1e-15)
        np.testing.assert_allclose(fun(MATRIX, "weighted"), each @ [6, 5, 2] / 13, rtol=1e-15)
    with pytest.raises(ValueError, match="average must be"):
        train.f1(MATRIX, "mean")
    with pytest.raises(ShapeError, match=r"recall\(confusion_matrix"):
        train.recall(np.ones(3))


def test_auc_counts_the_pairs_in_order():
    scores = np.round(RNG.normal(size=60), 1)
    labels = RNG.integers(0, 2, 60)
    apart = scores[labels == 1][:, None] - scores[labels == 0]

    np.testing.assert_allclose(
        train.roc_auc(scores, labels), np.mean((np.sign(apart) + 1) / 2), rtol=1e-14
    )
    with pytest.raises(ValueError, match="contain both"):
        train.roc_auc(scores, labels * 0)


def test_r2_at_its_edges():
    y = RNG.normal(size=(20, 2))
    constant = np.ones(4, np.float32)

    assert train.r2(y, y) == 1 and train.r2(constant, constant).dtype == np.float32
    np.testing.assert_allclose(train.r2(np.broadcast_to(y.mean(axis=0), y.shape), y), 0, atol=1e-15)
    assert train.r2(constant, constant) == 1 and train.r2(constant + 1, constant) == 0
    with pytest.raises(ShapeError, match="the same shape"):
        train.r2(y, y[:, 0])


def test_errors_are_in_the_units_of_the_targets():
    x, y = np.array([1.0, 2.0, np.nan]), np.array([2.0, 4.0, 0.0])
    where = np.array([True, True, False])

    assert train.mean_absolute_error(x, y, where=where) == 1.5
    assert train.root_mean_squared_error(x, y, where=where) == math.sqrt(2.5)


# early stopping


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_the_best_is_kept_and_patience_ends(mode, jit):
    sign = 1 if mode == "min" else -1
    stopping = train.EarlyStopping(patience=2, min_delta=0.1, mode=mode)
    update = fg.jit(stopping.update) if jit else stopping.update
    state = stopping.init({"w": np.zeros(2)})
    told = []
    for value in (3.0, 1.0, 0.95, np.nan, 0.1):
        state = update(state, sign * value, {"w": np.full(2, value)})
        told.append((bool(state.stop), int(state.best_step), float(state.best["w"][0])))

    assert told == [(False, 0, 3), (False, 1, 1), (False, 1, 1), (True, 1, 1), (False, 4, 0.1)]


def test_the_best_outlives_donation_and_files(tmp_path):
    stopping = train.EarlyStopping(patience=3)
    model = {"w": np.ones(3)}
    state = stopping.update(stopping.init(model), 1.0, model)
    model["w"][:] = 7  # what a step with donated arguments may do
    io.save(tmp_path / "s.npz", state)
    again = io.load(tmp_path / "s.npz", like=stopping.init(model))

    assert again.best["w"].tolist() == [1, 1, 1] and again[1:] == state[1:] == (1.0, 0, 1, 0, False)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: train.EarlyStopping(0), ValueError, "patience must be at least 1: got 0"),
        (lambda: train.EarlyStopping(1, -1.0), ValueError, "min_delta must not be negative"),
        (lambda: train.EarlyStopping(1, mode="low"), ValueError, "mode must be 'min' or 'max'"),
        (
            lambda: (s := train.EarlyStopping(1)).update(s.init(), np.ones(3)),
            ShapeError,
            r"must be a scalar: got f64\[3\]",
        ),
    ],
)
def test_early_stopping_says_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()


# history


def made():
    history = train.History()
    for i in range(30):
        history.record(10 * i, loss=1 / (i + 1), rate=np.float32(0.1))
        if i % 10 == 9:
            history.record(10 * i, {"accuracy": i / 30})
    return history


def test_history_is_a_table_of_numbers_by_steps():
    history = made()
    columns = history.arrays()

    assert list(columns) == ["step", "loss", "rate", "accuracy"] and len(history) == 30
    np.testing.assert_array_equal(columns["step"], 10 * np.arange(30))
    np.testing.assert_array_equal(columns["loss"], 1 / (np.arange(30) + 1))
    assert np.sum(~np.isnan(columns["accuracy"])) == 3
    assert history.best("accuracy", "max") == (290, 29 / 30)
    assert history.until(100).steps.tolist() == list(range(0, 100, 10))


def test_history_prints_its_ends_and_draws_bars():
    lines = str(made()).splitlines()

    assert lines[0].split() == ["step", "loss", "rate", "accuracy"] and len(lines) == 2 + 20 + 1
    assert lines[-1].split() == ["290", "0.033333", "0.1", "0.96667"]
    assert len({len(line.rstrip()) for line in lines[:2]}) == 1
    assert re.search(r"loss +1 █[▁-█]{28}▁ 0\.033333", repr(made()))
    assert str(train.History()).startswith("step") and len(repr(train.History())) > 0


@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_history_comes_back_exactly(tmp_path, ending):
    history = made()
    history.record(1000, loss=math.inf, rate=-math.inf, accuracy=math.nan)
    history.save(tmp_path / f"h{ending}")
    again = train.History.load(tmp_path / f"h{ending}")

    assert again == history and again.names == history.names
    json.loads(history.to_json(), parse_constant=pytest.fail)  # no NaN, which JSON has not


def test_history_travels_in_the_metadata_of_a_checkpoint(tmp_path):
    checkpoints = io.CheckpointManager(tmp_path)
    checkpoints.save(1, {"w": np.ones(1)}, metadata={"history": made().to_json()})

    assert train.History.from_json(checkpoints.metadata()["history"]) == made()


# the seeds and settings of a run


def descended(run):
    """The losses of a noisy descent that depends on its settings alone."""
    history, x = train.History(run=run), np.float64(3.0)
    for step in range(5):
        noise = random.normal(random.fold_in(run["key"], step), (), np.float64)
        x = x - run["rate"] * (fg.grad(np.square)(x) + noise)
        history.record(loss=x**2)
    return history


@pytest.mark.parametrize("impl", ["philox", "threefry2x32"])
def test_a_run_is_repeated_from_the_file_of_its_history(tmp_path, impl):
    first = descended({"key": random.key(2**31, impl=impl), "rate": 0.1, "data": ["a.csv", None]})
    first.save(tmp_path / "history.json")
    told = train.History.load(tmp_path / "history.json")
    again = descended(told.run)

    assert_same(first["loss"], again["loss"])
    assert told == first and told.until(2).run == told.run
    assert told.run["versions"]["numpy"] == np.__version__
    old = train.History.from_json(first.to_json().replace(np.__version__, "0.1"))
    assert old.run["versions"]["numpy"] == "0.1"
    assert train.History(run=old.run).run["versions"]["numpy"] == np.__version__


def test_a_checkpoint_records_the_run_and_warns_of_another(tmp_path):
    run = {"key": random.split(random.key(0), 3), "rate": np.float32(0.5)}
    io.CheckpointManager(tmp_path, run=run).save(1, {"w": np.ones(2)}, {"note": "mine"})
    saved = io.CheckpointManager(tmp_path)

    assert saved.metadata() == {"note": "mine"}
    assert np.all(saved.run()["key"] == run["key"]) and saved.run()["rate"] == 0.5
    io.CheckpointManager(tmp_path, run=run).restore()
    other = io.CheckpointManager(tmp_path, run={**run, "rate": 0.1})
    with pytest.warns(RuntimeWarning, match=r'saved with "rate": 0\.5: got "rate": 0\.1; take'):
        other.restore()
    with pytest.raises(DtypeError, match=r"run\['w'\]\[0\] must be a key, a scalar, .*its shape"):
        train.History(run={"w": [np.ones(2)]})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"step": [0], "a": []}', '{"step": ["x"]}'])
def test_what_is_no_history_is_refused(text):
    with pytest.raises(ValueError, match="is not a history"):
        train.History.from_json(text)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "step,a\n1\n", "step,a\n1,x\n"])
def test_what_is_no_table_is_refused(tmp_path, text):
    (tmp_path / "h.csv").write_text(text)
    with pytest.raises(ValueError, match="is not a history"):
        train.History.load(tmp_path / "h.csv")
    (tmp_path / "h.csv").write_bytes(b"step,\xff")
    with pytest.raises(ValueError, match="is not a history"):
        train.History.load(tmp_path / "h.csv")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda h: h.record(3, loss=1.0), ValueError, "not be less than the last, 290: got 3"),
        (lambda h: h.record(loss=np.ones(2)), ShapeError, r"loss must be a scalar: got f64\[2\]"),
        (lambda h: h.record(numbers={"step": 1}), ValueError, "the name 'step' is reserved"),
        (lambda h: h.record(300.5, loss=1.0), DtypeError, "step must be an integer: got 300.5"),
        (lambda h: h["lose"], KeyError, "unknown name 'lose': got loss, rate, accuracy"),
        (lambda h: h.save("h.txt"), ValueError, "must end in .json or .csv"),
    ],
)
def test_history_says_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make(made())


def test_a_traced_number_is_refused():
    def loss(x):
        train.History().record(loss=x)
        return x

    with pytest.raises(TypeError):
        fg.jit(loss)(1.0)


def test_drawing_needs_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'funcgrad\[plot\]'"):
        made().plot()


class Axes:
    """What a history asks of matplotlib's axes."""

    def __init__(self):
        self.lines, self.legends = {}, 0

    def plot(self, x, y, label):
        self.lines[label] = (x, y)

    def set_xlabel(self, text):
        assert text == "step"

    def legend(self):
        self.legends += 1


def test_curves_are_drawn_where_there_are_numbers():
    ax = Axes()

    assert made().plot(ax=ax) is ax and set(ax.lines) == {"loss", "rate", "accuracy"}
    assert ax.lines["accuracy"][0].tolist() == [90, 190, 290] and ax.legends == 1
    assert set(made().plot("loss", ax=Axes()).lines) == {"loss"}


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib not installed")
def test_matplotlib_draws(monkeypatch, tmp_path):
    import matplotlib

    matplotlib.use("Agg")
    ax = made().plot()
    ax.figure.savefig(tmp_path / "h.png")

    assert len(ax.lines) == 3 and (tmp_path / "h.png").stat().st_size > 1000


# progress


class Terminal(streams.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)


def test_progress_is_silent_where_nobody_looks(without_tqdm):
    file = streams.StringIO()

    assert list(train.progress(range(3), file=file)) == [0, 1, 2] and file.getvalue() == ""
    assert list(train.progress(range(3), file=Terminal(), show=False)) == [0, 1, 2]


def test_a_terminal_has_one_line(without_tqdm, monkeypatch):
    monkeypatch.setattr("funcgrad.train.progress_bar._REDRAW", 0.0)
    file = Terminal()
    bar = train.progress(range(3), label="epoch", file=file)
    for x in bar:
        bar.note(loss=np.float32(x / 4))
    text = file.getvalue()

    assert text.count("\n") == 1 and text.count("\r") == 4
    assert re.search(r"\repoch  1/3  33%  \d:\d\d left  loss 0 *\r", text)
    assert re.search(r"\repoch  3/3  100%  \d:\d\d  loss 0\.5 *\n$", text)


def test_a_file_gets_a_line_at_the_end_when_asked(without_tqdm):
    file = streams.StringIO()
    list(train.progress((x for x in range(7)), label="steps", file=file, show=True))

    assert re.fullmatch(r"steps  7  \d:\d\d so far\n", file.getvalue())


def test_progress_ends_its_line_when_the_loop_breaks(without_tqdm):
    file = Terminal()
    with pytest.raises(RuntimeError, match="mine"):
        for _ in train.progress(range(3), file=file):
            raise RuntimeError("mine")

    assert file.getvalue().endswith("\n") and "0/3" in file.getvalue()


def test_tqdm_draws_where_it_is_installed(monkeypatch):
    calls = []

    class Bar:
        def __init__(self, total, desc, file, dynamic_ncols):
            calls.append((total, desc))

        def update(self):
            calls.append("update")

        def set_postfix_str(self, text):
            calls.append(text)

        def close(self):
            calls.append("close")

    monkeypatch.setitem(sys.modules, "tqdm", type(sys)("tqdm"))
    sys.modules["tqdm"].tqdm = Bar
    bar = train.progress(range(2), label="x", show=True)
    for i in bar:
        bar.note(loss=i)

    assert calls == [(2, "x"), "loss 0", "update", "loss 1", "update", "close"]


@pytest.mark.skipif(not importlib.util.find_spec("tqdm"), reason="tqdm is not installed")
def test_the_real_tqdm_takes_what_it_is_given():
    file = streams.StringIO()
    bar = train.progress(range(2), label="epoch", show=True, file=file)
    for i in bar:
        bar.note(loss=i)

    assert "epoch: 100%" in file.getvalue() and "loss 1" in file.getvalue()


# together


def test_a_loop_of_these_pieces_can_be_broken_anywhere(tmp_path):
    keys = random.split(random.key(0), 3)
    x = RNG.normal(size=(40, 3)).astype(np.float32)
    rows, valid = fg.data.train_test_split((x, np.float32(x.sum(axis=1) > 0)), 0.25, key=keys[0])
    logits = lambda m, x: m(x)[:, 0]
    loss = lambda m, x, y: fg.losses.binary_cross_entropy_with_logits(logits(m, x), y)
    optimizer, stopping = optim.adam(0.05), train.EarlyStopping(patience=3)
    step = fg.jit(fg.value_and_grad(loss))

    def run(folder, die_at=None):
        """Train from the last checkpoint on; stop dead after so many steps."""
        loader = fg.data.Loader(rows, 8, key=keys[1], prefetch=1)
        model = nn.Sequential(nn.Dense(3, 4, activation=nn.tanh), nn.Dense(4, 1)).init(keys[2])
        state = {
            "model": model,
            "opt": optimizer.init(model),
            "at": loader.state(),
            "metrics": train.Metrics.of("loss"),
            "stopping": stopping.init(model),
        }
        history, saved, n = train.History(), io.CheckpointManager(folder), 0
        if saved.latest() is not None:
            n, state, metadata = saved.read(like=state)
            history = train.History.from_json(metadata["history"])
            loader.restore(state["at"])
        while loader.epoch < 6 and not state["stopping"].stop:
            for batch in loader:
                value, grads = step(state["model"], *batch)
                updates, opt = optimizer.update(grads, state["opt"], state["model"])
                model = optim.apply_updates(state["model"], updates)
                metrics = state["metrics"].update(loss=value, weight=len(batch[1]))
                state = state | {"model": model, "opt": opt, "metrics": metrics}
                state["at"], n = loader.state(), n + 1
                saved.save(n, state, metadata={"history": history.to_json()})
                if n == die_at:
                    return None
            score = train.accuracy(logits(state["model"], valid[0]) > 0, valid[1] == 1)
            history.record(loss=state["metrics"]["loss"].mean, accuracy=score)
            best = stopping.update(state["stopping"], 1 - score, state["model"])
            state = state | {"metrics": train.Metrics.of("loss"), "stopping": best}
        return state, history

    want, want_history = run(tmp_path / "unbroken")
    for die_at in (3, 4, 9):
        assert run(tmp_path / "broken", die_at) is None
    got, got_history = run(tmp_path / "broken")

    assert got_history == want_history and len(want_history) > 1
    assert_same(want, got)


def test_classes_may_be_bytes():
    x, y = np.array([0, 200], np.uint8), np.array([0, 3], np.uint8)

    np.testing.assert_array_equal(
        train.confusion_matrix(x, y), train.confusion_matrix(x.astype(int), y.astype(int))
    )
    assert train.confusion_matrix(x[:0], y[:0]).shape == (0, 0)


def test_progress_shows_in_a_notebook():
    class OutStream(streams.StringIO):
        """What a kernel of Jupyter has for standard error: no terminal."""

    OutStream.__module__ = "ipykernel.iostream"
    file, plain = OutStream(), streams.StringIO()
    for out in (file, plain):
        assert list(train.progress(range(3), label="epoch", file=out)) == [0, 1, 2]

    assert "epoch" in file.getvalue() and "3/3" in file.getvalue() and not plain.getvalue()


# files that are written while a training runs


def test_rows_of_a_csv_file_are_on_disk_at_once_and_continued(tmp_path):
    path = tmp_path / "run.csv"
    log = train.CsvWriter(path)
    log.record(0, loss=1.0, accuracy=0.1)
    first = train.History.load(path)
    with train.CsvWriter(path) as again:
        again.record(1, {"loss": np.float32(0.5)})

    assert (first["loss"].tolist(), first["accuracy"].tolist()) == ([1.0], [0.1])
    assert train.History.load(path).arrays()["loss"].tolist() == [1.0, 0.5]
    with pytest.raises(HistoryError, match=r"columns are loss, accuracy: got 'rate'"):
        log.record(2, rate=1.0)
    with pytest.raises(ShapeError, match=r"CsvWriter: loss must be a scalar: got f64\[2\]"):
        log.record(2, loss=np.ones(2))
    log.close()
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(HistoryError, match="begin with a column 'step': got 'a'"):
        train.CsvWriter(tmp_path / "other.csv")


def test_events_of_tensorboard_hold_numbers_and_histograms(monkeypatch, tmp_path):
    events = []
    writer = SimpleNamespace(
        add_scalar=lambda *row: events.append(row),
        add_histogram=lambda name, x, step: events.append((name, x.tolist(), step)),
        close=lambda: events.append("closed"),
    )
    monkeypatch.setitem(
        sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=lambda folder: writer)
    )
    with train.TensorBoardWriter(tmp_path) as log:
        log.record(3, loss=0.5)
        log.histograms(3, {"w": np.array([1.0, np.nan])}, name="grads")

    assert events == [("loss", 0.5, 3), ("grads['w']", [1.0], 3), "closed"]


def test_tensorboard_needs_its_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)

    with pytest.raises(ImportError, match=r"pip install 'funcgrad\[tensorboard\]'"):
        train.TensorBoardWriter(tmp_path)


# learning rates


@pytest.mark.parametrize("curvature", [1e-2, 1.0, 1e2])
def test_the_suggested_rate_follows_the_curvature(curvature):
    loss = lambda w, _: curvature * w * w / 2
    found = train.learning_rate_range(loss, 1.0, [None], optimizer=optim.sgd, high=1e5, low=1e-5)

    assert 0.05 < found.suggested * curvature < 2  # gradient descent diverges from 2 on
    assert len(found.losses) < 100 and found.losses[-1] > found.losses.min()


def test_rates_are_the_same_as_by_hand():
    batches = [np.float64(k) for k in range(3)]
    loss = lambda w, b: np.sum((w - b) ** 2)
    found = train.learning_rate_range(
        loss, np.ones(2), batches, optimizer=optim.sgd, low=1e-3, high=1e-1, steps=5
    )
    w, mean, losses = np.ones(2), 0.0, []
    for i, rate in enumerate(np.geomspace(1e-3, 1e-1, 5)):
        value, grads = fg.value_and_grad(loss)(w, batches[i % 3])
        mean = 0.9 * mean + 0.1 * value
        losses.append(mean / (1 - 0.9 ** (i + 1)))
        w = w - rate * grads

    assert np.allclose(found.rates, np.geomspace(1e-3, 1e-1, 5), rtol=1e-15)
    assert np.allclose(found.losses, losses, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"low": 0.0}, "ascend from low > 0"),
        ({"steps": 1}, "2 steps or more"),
        ({"batches": []}, "must be a batch"),
        ({"loss": lambda w, b: np.log(w - w)}, "must be finite: got"),
    ],
)
def test_a_range_that_cannot_be_searched_is_refused(options, words):
    given = {"loss": lambda w, b: w * w, "batches": [None], **options}

    with np.errstate(all="ignore"), pytest.raises(RangeError, match=words):
        train.learning_rate_range(given.pop("loss"), 1.0, given.pop("batches"), **given)
