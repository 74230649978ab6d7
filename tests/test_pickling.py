"""Functions that functions return reach another process by pickle, without cloudpickle or with."""

import copy
import functools
import inspect
import pickle
import subprocess
import sys

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import optim

from .support.compare import assert_same

X = np.array([0.3, -1.2, 2.5])
P = {"a": np.ones(3), "b": np.full((2, 2), 2.0)}
G = {"a": np.full(3, 0.1), "b": np.full((2, 2), -0.3)}


def loss(x):
    return np.sum(np.tanh(x) ** 2)


@fg.custom_jvp
def ruled(x):
    return x * x


ruled.defjvp(lambda primals, tangents: (primals[0] ** 2, 5 * tangents[0]))

MADE = {
    "vmap": fg.vmap(loss),
    "jacrev": fg.jacrev(np.tanh),
    "jacfwd": fg.jacfwd(np.tanh, argnums=(0,)),
    "hessian": fg.hessian(loss),
    "checkpoint": fg.checkpoint(loss, policy="dots"),
    "of one another": fg.jit(fg.vmap(fg.jacrev(fg.jit(loss)))),
    "a rule": ruled,
    "a schedule": optim.join_schedules(
        [optim.linear_schedule(0.0, 1.0, 5), optim.cosine_decay_schedule(1.0, 9)], [5]
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_a_function_that_was_made_pickles(name):
    made = MADE[name]
    x = X[:, None] if name in ("vmap", "of one another") else X
    again = pickle.loads(pickle.dumps(made))

    np.testing.assert_array_equal(again(x), made(x))
    assert again.__name__ == made.__name__
    assert copy.deepcopy(made)(x) is not None


def test_gradients_pickle():
    for made in (fg.grad(loss), fg.value_and_grad(loss), fg.jit(fg.grad(loss))):
        again = pickle.loads(pickle.dumps(made))

        assert_same(made(X), again(X))


def test_what_is_made_still_looks_like_a_function():
    class Model:
        def __init__(self, scale):
            self.scale = scale

        def value(self, x):
            """Say what it is."""
            return self.scale * np.tanh(x)

        slope = fg.jacrev(value, argnums=1)

    assert Model.slope.__doc__ == "Say what it is." and Model.slope.__wrapped__ is Model.value
    assert list(inspect.signature(Model.slope).parameters) == ["self", "x"]
    assert Model(2.0).slope(0.0) == 2.0
    assert repr(Model.slope) == "jacrev(Model.value, argnums=1)"


def constructors():
    """Yield the optimizers, and the parts of them, that numbers alone make."""
    numbers = {"learning_rate": 0.1, "decay": 0.9, "rate": 0.1, "max_norm": 1.0, "max_delta": 1.0,
               "threshold": 1.0, "power": 1.0, "step_size": 0.1, "weight_decay": 0.1}  # fmt: skip
    for name, function in [*vars(optim).items(), *vars(optim.contrib).items()]:
        if not inspect.isfunction(function):
            continue
        needed = [
            p for p in inspect.signature(function).parameters.values() if p.default is p.empty
        ]
        if all(p.name in numbers for p in needed):
            yield name, functools.partial(function, **{p.name: numbers[p.name] for p in needed})


@pytest.mark.parametrize(("name", "make"), list(constructors()))
def test_optimizers_pickle(name, make):
    opt = make()
    if not isinstance(opt, optim.GradientTransformation):
        pytest.skip("makes something else")
    again = pickle.loads(pickle.dumps(opt))
    extra = isinstance(opt, optim.GradientTransformationExtraArgs)
    more = {"value": 1.0, "grad": G, "value_fn": lambda p: 1.0} if extra else {}
    want, got = (o.update(G, o.init(P), P, **more) for o in (opt, again))

    assert type(again) is type(opt)
    assert_same(want, got)


def loaded_elsewhere(value, expression):
    """Return what another process, which has not loaded this module, computes with a value."""
    script = f"import pickle, numpy as np\nf = pickle.loads({pickle.dumps(value)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}print({expression})"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_another_process_finds_the_functions_of_an_optimizer():
    opt = optim.chain(
        optim.clip_by_global_norm(1.0), optim.sgd(optim.cosine_decay_schedule(0.5, 9))
    )
    step = "f.update(np.array([3.0, 4.0]), f.init(np.zeros(2)))[0][1]"

    assert loaded_elsewhere(opt, step) == -0.4


def test_a_compiled_lambda_meets_a_new_shape_in_another_process():
    pytest.importorskip("cloudpickle")
    scale = 3.0
    f = fg.jit(lambda x: scale * np.sum(x))
    f(X)
    sgd = optim.sgd(lambda count: scale * count)

    assert loaded_elsewhere(f, "f(np.ones(7))") == 21.0
    assert loaded_elsewhere(fg.vmap(lambda x: scale * x), "f(np.ones(7))[6]") == 3.0
    assert loaded_elsewhere(sgd, "f.update(1.0, f.init(0.0))[0]") == 0.0


def test_joblib_runs_compiled_lambdas_on_new_shapes():
    joblib = pytest.importorskip("joblib")
    scale = 3.0
    f = fg.jit(lambda x: scale * np.sum(x))
    f(X)
    parallel = joblib.Parallel(n_jobs=2)

    assert parallel(joblib.delayed(f)(np.ones(n)) for n in (1, 2, 3)) == [3.0, 6.0, 9.0]


def test_a_compiled_lambda_without_cloudpickle_keeps_its_programs(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    f = fg.jit(lambda x: 3 * x)
    f(X)
    again = pickle.loads(pickle.dumps(f))

    np.testing.assert_array_equal(again(X), 3 * X)
    with pytest.raises(TypeError, match="install cloudpickle, or pickle a function that a module"):
        again(np.ones(2))


def test_a_compiled_function_of_a_script_is_found_by_name_until_it_has_programs(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    def fit(x):
        return 2 * x

    fit.__module__, fit.__qualname__ = "__main__", "fit_of_a_script"
    compiled = fg.jit(fit)
    monkeypatch.setattr(sys.modules["__main__"], "fit_of_a_script", compiled, raising=False)

    assert pickle.loads(pickle.dumps(compiled)) is compiled
    compiled(1.0)
    assert pickle.loads(pickle.dumps(compiled))(3.0) == 6.0


def test_a_compiled_function_of_a_compiled_lambda_pickles():
    pytest.importorskip("cloudpickle", reason="a lambda has no name to be found by")
    twice = fg.jit(fg.jit(lambda x: x * 2))
    want = twice(X)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(twice))(X), want)
