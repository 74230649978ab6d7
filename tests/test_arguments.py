"""Wrong arguments of public functions: errors name the function that was called, and what came."""

import inspect
import random as pseudorandom

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, linalg, losses, nn, optim, random, scipy, special
from funcgrad.answers.misfits import ArgumentError, misfit
from funcgrad.core.errors import ShapeError

from .support.calls import public_functions, valid_call, wrong_calls

X = np.ones(3)

WORDS = {
    "softmax: x must hold numbers: got 'text'; give an array": lambda: nn.softmax("text"),
    "softmax: axis must be an integer: got 'a'": lambda: nn.softmax(X, axis="a"),
    "expm: a must hold numbers: got None; return it from its function": lambda: linalg.expm(None),
    "adamw: weight_decay must be a number: got '0.1'; write float('0.1')": lambda: optim.adamw(
        0.1, weight_decay="0.1"
    ),
    "adam: eps must be a number: got 'small'": lambda: optim.adam(0.1, eps="small"),
    "sgd: nesterov must be True or False: got 'no'": lambda: optim.sgd(0.1, nesterov="no"),
    "GRU: dropout must be a number: got 'x'": lambda: nn.GRU(2, 3, dropout="x"),
    "Dense: use_bias must be True or False: got 'False'": lambda: nn.Dense(2, 3, use_bias="False"),
    "Dense: kernel_init must be an Initializer: got 1.0": lambda: nn.Dense(2, 3, kernel_init=1.0),
    "linear_schedule: init_value must hold numbers: got 'high'; give an array": lambda: (
        optim.linear_schedule("high", 0.0, 10)
    ),
    "normal: stddev must be a number: got '1e-2'; write float('1e-2')": lambda: nn.init.normal(
        "1e-2"
    ),
    "uniform: the first argument must be a key: got dict": lambda: random.uniform({}),
    "glu: got x=f64[2,3]": lambda: nn.glu(np.ones((2, 3))),
    "cho_solve: got c_and_lower=": lambda: linalg.cho_solve((np.eye(2), True), X),
    "adam.update: the argument 'state' is missing": lambda: optim.adam(0.1).update(X),
    "write adam.init(params)": lambda: optim.adam(0.1).init(),
    "welch: x must hold numbers: got None": lambda: scipy.signal.welch(None),
    "comb: ": lambda: special.comb("a", 2),
}


@pytest.mark.parametrize("words", WORDS)
def test_an_error_names_the_function_that_was_called_and_what_came(words):
    with pytest.raises((TypeError, ValueError)) as error:
        WORDS[words]()
    said = "\n".join([str(error.value), *getattr(error.value, "__notes__", [])])

    assert words in said


def test_an_argument_of_another_kind_is_a_type_and_a_value_error():
    assert issubclass(ArgumentError, (TypeError, ValueError))
    with pytest.raises(ArgumentError) as error:
        nn.gelu(object())
    assert len(error.traceback) <= 3  # the line here, and functions that answer


def test_an_error_of_user_code_stays_as_it_is():
    def body(carry, x):
        return None.missing, x

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'") as err:
        lax.scan(body, 0.0, X)
    assert not hasattr(err.value, "__notes__")


def test_a_message_that_names_the_function_stays_as_it_is():
    with pytest.raises(ShapeError, match=r"^mse: predictions and targets must") as error:
        losses.mse(np.ones((3, 1)), X)

    assert not hasattr(error.value, "__notes__")


@pytest.mark.parametrize(
    ("takes", "fits", "others"),
    [
        (int, [2, np.int8(2), 2.0, np.array(2), True], ["2", 2.5, None, {}]),
        (float, [2, 2.5, np.float32(1), X], ["2.5", None, [1.0], 1j]),
        (bool, [True, 0, np.False_], ["no", 2, 0.5, None]),
        (int | None, [None, 3], ["3", 2.5]),
        (str, ["mean"], [None, 2]),
        (tuple[int, ...], [(2, 3), ()], ["23", 2, (2, "3")]),
        (np.ndarray, [X, 1.0, [1.0]], ["x", None]),
    ],
)
def test_a_value_fits_an_annotation(takes, fits, others):
    def f(x):
        pass

    f.__annotations__["x"] = takes
    parameters = inspect.signature(f).parameters

    assert [x for x in fits if misfit(parameters, {"x": x}, "")] == []
    assert [x for x in others if not misfit(parameters, {"x": x}, "")] == []


def test_arithmetic_on_a_function_that_was_not_called_says_so():
    with pytest.raises(TypeError, match=r"grad\(sin\): a function has no value .* write f\(x\)"):
        fg.grad(np.sin) + 1.0


def test_a_setting_is_changed_by_a_block():
    with pytest.raises(AttributeError, match=r"with funcgrad.config\(backend='c'\):"):
        fg.config.backend = "c"


FUNCTIONS = public_functions()


@pytest.mark.parametrize("name", pseudorandom.Random(0).sample(sorted(FUNCTIONS), 24))
def test_an_error_of_a_wrong_call_names_the_function(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    function, unnamed = FUNCTIONS[name], []
    call = valid_call(name, function)
    for label, args, kwargs in wrong_calls(*call) if call else ():
        try:
            function(*args, **kwargs)
        except Exception as err:
            said = "\n".join([str(err), *getattr(err, "__notes__", [])])
            if function.__name__ not in said:
                unnamed.append((label, type(err).__name__, said))

    assert unnamed == []
