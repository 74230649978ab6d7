"""Objects as text: one screen, without addresses, as the call that makes them."""

import pickle
import sys
import tempfile
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, optim
from funcgrad.core.html import tree_html
from funcgrad.core.outline import LINES, WIDTH, outline

KEY = fg.random.key(0)
PARAMS = {"w": np.ones((3, 2)), "b": np.zeros(2)}
DEEP = nn.Sequential(*[nn.TransformerBlock(8, 2) for _ in range(50)])
ADAM = optim.chain(
    optim.clip_by_global_norm(1.0), optim.adamw(optim.cosine_decay_schedule(1e-3, 100))
)
X = np.arange(5.0)

OBJECTS = {
    "model": lambda: nn.MLP(4, 8, 1).init(KEY),
    "deep model": lambda: DEEP.init(KEY),
    "model without parameters": lambda: DEEP,
    "optimizer": lambda: ADAM,
    "state": lambda: ADAM.init(PARAMS),
    "state of a model": lambda: optim.adam(0.1).init(nn.MLP(4, 8, 1).init(KEY)),
    "schedule": lambda: optim.cosine_decay_schedule(1e-3, 100),
    "loader": lambda: fg.data.Loader(PARAMS["w"], 2, key=KEY),
    "checkpoints": lambda: fg.io.CheckpointManager(tempfile.gettempdir()),
    "spline": lambda: fg.scipy.interpolate.CubicSpline(X, X**2),
    "grid": lambda: fg.scipy.interpolate.RegularGridInterpolator((X,), X),
    "custom rule": lambda: fg.custom_jvp(np.sin),
    "gradient": lambda: fg.grad(np.sin),
    "compiled": lambda: fg.jit(fg.grad(np.sin)),
    "memory": lambda: fg.jit(np.sin).memory(X),
    "program": lambda: fg.make_jaxpr(fg.grad(np.sin))(1.0),
    "summary": lambda: nn.summary(nn.MLP(4, 8, 1), np.ones((2, 4), np.float32)),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_shown_on_one_screen(name):
    shown = OBJECTS[name]()
    lines = repr(shown).splitlines()

    assert len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH or type(shown) is tuple  # whose repr is Python's
    assert not [line for line in lines if " at 0x" in line]


@pytest.mark.parametrize(
    "text",
    [
        "adam(learning_rate=0.001, b1=0.9, b2=0.999, eps=1e-08)",
        "sgd(learning_rate=0.1, momentum=0.9)",
        "chain(clip(max_delta=1.0), scale(step_size=-0.1))",
        "adam(learning_rate=linear_schedule(init_value=1.0, end_value=0.1, transition_steps=10))",
        "yogi(learning_rate=0.1)",
    ],
)
def test_an_optimizer_is_shown_as_the_call_that_makes_it(text):
    names = {**vars(optim), **vars(optim.contrib)}
    made = eval(text, names)
    again = eval(repr(made), names)

    assert repr(again) == repr(made) == repr(pickle.loads(pickle.dumps(made)))
    assert repr(made).split("(")[0] == text.split("(")[0]


def test_what_makes_a_function_is_shown():
    assert repr(fg.grad(np.sin)) == "grad(sin)"
    assert repr(fg.vmap(fg.grad(np.dot), in_axes=(None, 0))) == "vmap(grad(dot), in_axes=(None, 0))"


def test_layers_that_do_not_fit_are_counted():
    lines = repr(DEEP.init(KEY)).splitlines()

    assert lines[1] == "    TransformerBlock(...),  # 872 elements"
    assert "    ...  # 32 more" in lines


def random_tree(rng, depth):
    kind = rng.integers(5) if depth else 4
    parts = [random_tree(rng, depth - 1) for _ in range(rng.integers(4) if depth else 0)]
    keys = [str(i) * int(rng.integers(1, 9)) for i in range(len(parts))]
    named = dict(zip(keys, parts, strict=True))
    return [parts, tuple(parts), named, None, round(rng.normal(), 3)][kind]


@pytest.mark.parametrize("seed", range(20))
def test_a_tree_of_plain_numbers_is_shown_as_python_reads_it(seed):
    value = random_tree(np.random.default_rng(seed), 4)

    assert eval(outline(value)) == value


def test_a_model_is_shown_while_it_is_traced():
    model, seen = nn.Dense(2, 1).init(KEY), []
    fg.jit(lambda m: seen.append(repr(m)) or m(np.ones(2)))(model)

    assert seen == [repr(model)]


def test_a_class_with_a_repr_of_its_own_keeps_it():
    @nn.module
    class Named:
        inner: nn.Dense

        def __repr__(self):
            return "mine"

    assert repr([Named(nn.Dense(1, 1))]) == "[mine]"
    assert repr(nn.Sequential(Named(nn.Dense(1, 1)))) == "Sequential(mine)"


# notebooks

HISTORY = fg.train.History(
    (i, {"loss": np.exp(-i), "odd": np.nan, "<b>": float(i)}) for i in range(9)
)
BROKEN = {"w": np.array([1.0, np.nan]), "<script>": np.zeros(3)}
HTML = {
    "model": lambda: nn.MLP(4, 8, 1).init(KEY),
    "deep model": lambda: DEEP.init(KEY),
    "program": lambda: fg.make_jaxpr(fg.grad(lambda x: np.sum(np.tanh(x) ** 2)))(X),
    "program of constants": lambda: fg.make_jaxpr(lambda: 1.0)(),
    "long program": lambda: fg.make_jaxpr(lambda x: sum(np.sin(x * k) for k in range(99)))(X),
    "compiled": lambda: called(fg.jit(np.sin)),
    "memory": lambda: fg.jit(np.sin).memory(X),
    "summary": lambda: nn.summary(nn.MLP(4, 8, 1), np.ones((2, 4), np.float32)),
    "history": lambda: HISTORY,
    "empty history": lambda: fg.train.History(),
}


def called(f):
    for n in range(6):
        f(np.ones(n))
    return f


@pytest.mark.parametrize("name", HTML)
def test_the_html_of_a_notebook_is_well_formed(name):
    text = HTML[name]()._repr_html_().replace("class=text", 'class="text"').replace(" open>", ">")

    ET.fromstring(f"<page>{text}</page>")
    assert len(text) < 200_000


def test_the_graph_of_a_program_has_a_box_for_each_equation_and_value():
    program = fg.make_jaxpr(lambda x, y: np.sin(x) * y + 2.0)(1.0, 2.0)
    text = program._repr_html_()

    assert [text.count(f"<{tag} ") for tag in ("rect", "path")] == [6, 5]
    assert ">add 2.0<" in text


def test_statistics_name_what_is_not_finite_and_names_are_escaped():
    text = tree_html(BROKEN)

    assert "mean 1, std 0" in text and "1 nan or inf" in text
    assert "&lt;script&gt;" in text and "<script>" not in text


def test_a_history_is_drawn_again_while_it_is_recorded(monkeypatch):
    shown, times = [], iter(np.arange(0.0, 9.0, 0.3))
    output = SimpleNamespace(update=lambda history: shown.append(len(history)))
    notebook = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object()),
        display=SimpleNamespace(display=lambda history, display_id: output),
    )
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setattr("funcgrad.train.history.time.monotonic", lambda: next(times))
    history = fg.train.History().live()
    for loss in range(4):
        history.record(loss=loss)

    assert shown == [0, 2, 4]
    assert len(pickle.loads(pickle.dumps(history))) == 4
