"""Objects as text: one screen, without addresses, as the call that makes them."""

import pickle
import tempfile

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, optim
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
