"""Wrong arguments of public functions: errors name the function that was called, and what came."""

import inspect
import random as pseudorandom
import re

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
    "adamw: weight_decay must be a scalar or a schedule: got '0.1'; write float('0.1')": lambda: (
        optim.adamw(0.1, weight_decay="0.1")
    ),
    "adam: eps must be a scalar: got 'small'; give a number": lambda: optim.adam(0.1, eps="small"),
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
    "cummax: reverse must be True or False: got 'no'": lambda: lax.cummax(X, reverse="no"),
    "scan: reverse must be True or False: got []": lambda: lax.scan(
        lambda c, x: (c, x), 0.0, X, reverse=[]
    ),
    "softmax: where must hold numbers: got 'all'": lambda: nn.softmax(X, where="all"),
    "cross_entropy: ignore_index must be an integer or None: got 'a'": lambda: losses.cross_entropy(
        np.eye(2), np.array([0, 1]), ignore_index="a"
    ),
    "zoom: zoom must hold numbers: got '2'; write int('2')": lambda: scipy.ndimage.zoom(
        np.eye(2), "2"
    ),
    "accuracy: ": lambda: fg.train.accuracy("a", "b"),
    "adam: mu_dtype must be a dtype: got 'float31'; write mu_dtype=np.float32": lambda: optim.adam(
        0.1, mu_dtype="float31"
    ),
    "value_and_grad_from_state: value_fn must be a function: got 'loss'": lambda: (
        optim.value_and_grad_from_state("loss")
    ),
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


def test_an_error_of_user_code_stays_as_it_is_but_for_a_note_with_the_cure():
    def body(carry, x):
        return None.missing, x

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'") as err:
        lax.scan(body, 0.0, X)
    (note,) = err.value.__notes__

    assert re.fullmatch(r"body: got carry=f64\[\], x=f64\[\]; None comes from .*", note)


def test_an_error_that_a_user_raises_has_no_note():
    def body(carry, x):
        raise ValueError("the mass is negative")

    with pytest.raises(ValueError, match=r"^the mass is negative$") as err:
        lax.scan(body, 0.0, X)

    assert not hasattr(err.value, "__notes__")


# what Python or NumPy says in user code that a transform runs: the cure
CURES = {
    "write p['w']": lambda: fg.grad(lambda p: np.sum(p["W"]))({"w": X}),
    "write ['w']": lambda: fg.grad(lambda p: np.sum(p.w))({"w": X}),
    "make it an array": lambda: fg.grad(lambda x: np.sum(x**2))([1.0, 2.0]),
    "choose elementwise: np.where": lambda: fg.grad(lambda x: x if x > 0 else -x)(X),
    "write integers: int(n) for a length": lambda: fg.grad(lambda x: np.zeros(2.0).sum() * x)(1.0),
    "give the arrays as one list": lambda: fg.grad(lambda x: np.concatenate(x, X).sum())(X),
    "write np.outer(a, b": lambda: fg.grad(lambda x: np.outer(x).sum())(X),
    "give a shape, and several axes, as one tuple": lambda: fg.grad(lambda x: x.sum(0, 1))(X),
    "index a tuple by brackets": lambda: fg.grad(lambda x: x.shape(0) * x.sum())(X),
    "count from 0 to 0": lambda: scipy.integrate.solve_ivp(lambda t, y: y[1], (0, 1), [1.0]),
}


@pytest.mark.parametrize("cure", CURES)
def test_an_error_in_user_code_has_a_note_of_its_cure(cure):
    with pytest.raises(Exception) as error:
        CURES[cure]()

    assert any(cure in note and ": got " in note for note in error.value.__notes__)


# a function that does not take the arguments of its call
MISCALLED = {
    r"grad: the function does not take .*<lambda>\(\) takes 1 .* parameters, \(x\)$": lambda: (
        fg.grad(lambda x: x)(1.0, 2.0)
    ),
    r"scan: f does not take the arguments .* 2 were given; write f\(carry, x\)$": lambda: lax.scan(
        lambda carry: carry, 0.0, X
    ),
    r"solve_ivp: fun does not take .*; write fun\(t, y": lambda: scipy.integrate.solve_ivp(
        lambda y: -y, (0, 1), [1.0]
    ),
    r"grad: argnums is an option of the transform: .* write grad\(f, argnums=...\)\(x\)": lambda: (
        fg.grad(lambda x: x)(1.0, argnums=0)
    ),
    r"cond: false_fun does not take .* got .*<lambda>\(\) takes 0 ": lambda: fg.jit(
        lambda p: lax.cond(p, lambda x: x, lambda: 0.0, 1.0)
    )(True),
    r"linearize: fun does not take .* its parameters, \(x\)$": lambda: fg.linearize(lambda x: x),
    r"hessian: the function does not take .* its parameters, \(x\)$": lambda: fg.hessian(
        lambda x: x
    )(X, X),
    r"custom_vjp of .*: the rule does not take .*; write bwd\(residuals, ct\)$": lambda: fg.grad(
        with_rule(lambda x: (x, x), lambda ct: (ct,))
    )(1.0),
}


def with_rule(fwd, bwd):
    f = fg.custom_vjp(lambda x: x)
    f.defvjp(fwd, bwd)
    return f


@pytest.mark.parametrize("words", MISCALLED)
def test_a_function_of_other_arguments_is_named_with_the_form_of_its_call(words):
    with pytest.raises(TypeError, match=words):
        MISCALLED[words]()


# options that are refused where the transform is made
OPTIONS = {
    r"grad: argnums must be integers: got f64\[3\]; .* write grad\(f\)\(x\)": lambda: fg.grad(
        np.sum, X
    ),
    r"grad: argnums must be integers: got 'x'; use argnames": lambda: fg.grad(np.sum, "x"),
    r"grad: argnames must be a string, .*: got 0; give positions as argnums": lambda: fg.grad(
        np.sum, argnames=0
    ),
    r"hessian: has_aux must be True or False: got 'x'; write has_aux=True": lambda: fg.hessian(
        np.sum, has_aux="x"
    ),
    r"jacobian: argnums must be integers": lambda: fg.jacobian(np.sin, X),
    r"laplacian: argnums must be integers": lambda: fg.laplacian(np.sum, X),
    r"sparse.hessian: argnums must be integers": lambda: fg.sparse.hessian(np.sum, X),
    r"make_jaxpr: static_argnums must be integers": lambda: fg.make_jaxpr(np.sum, X),
    r"vmap: in_axes must be integers .* got 'x'; an axis is an integer": lambda: fg.vmap(
        np.sum, in_axes="x"
    ),
    r"vmap: in_axes must be .* got 0.0; write in_axes=0": lambda: fg.vmap(np.sum, in_axes=0.0),
    r"vmap: in_axes must be an integer, None or a tuple": lambda: fg.vmap(np.sum, {"x": 0}),
    r"debug.nans: untaken must be .* write `with debug.nans\(\):`": lambda: fg.debug.nans(np.sum),
    r"config: there is no setting 'dtype'": lambda: fg.config(dtype="float32"),
}


@pytest.mark.parametrize("words", OPTIONS)
def test_an_option_is_refused_where_the_transform_is_made(words):
    with pytest.raises(TypeError, match=words):
        OPTIONS[words]()


def test_an_attribute_that_an_object_lacks_is_answered_by_those_it_has():
    scaler = fg.data.standardizer(np.ones((2, 3)))
    for value, name, words in (
        (scaler, "transform", r"use scaler\(x\)"),
        (fg.train.EarlyStopping(3), "step", r"it has init, min_delta, mode, patience, update"),
        (fg.data.Loader(X, 2), "stat", r"use state$"),
    ):
        with pytest.raises(AttributeError, match=words):
            getattr(value, name)


def test_settings_without_a_with_block_warn():
    with pytest.warns(UserWarning, match=r"disable_jit: it holds in a with block: got a call"):
        fg.disable_jit()


# a cure for messages without one: from the requirement and the value
COMPLETED = {
    "must be 'mean', 'sum' or 'none': got 'avg'; write reduction='mean'": lambda: losses.mse(
        X, X, reduction="avg"
    ),
    "must be 'min' or 'max': got 'maximum'; write mode='max'": lambda: fg.train.EarlyStopping(
        3, mode="maximum"
    ),
    "Dropout: rate must be in [0, 1]: got 50; write rate=0.5": lambda: nn.Dropout(50),
    "sgd: momentum must be in [0, 1): got 1.5; write momentum=0.5": lambda: optim.sgd(0.1, 1.5),
    "Dense: out_features must be an integer, 0 or more: got -3; write out_features=3": lambda: (
        nn.Dense(2, -3)
    ),
    "Dense: use_bias must be True or False: got 'relu'; write activation=nn.relu": lambda: nn.Dense(
        2, 3, "relu"
    ),
    "Dense: kernel_init must be an Initializer: got 'he'; write nn.init.he_normal()": lambda: (
        nn.Dense(2, 3, kernel_init="he")
    ),
    "while_loop: body_fun must be a function: got 0; write while_loop(cond_fun, body_fun, "
    "init_val)": lambda: lax.while_loop(lambda i: i < 3, 0, lambda i: i + 1),
    "jvp: fun must be a function: got f64[3]; pass the function itself": lambda: fg.jvp(
        X, (X,), (X,)
    ),
    "clip_by_global_norm: max_norm must not be negative: got -1.0; write 1.0": lambda: (
        optim.clip_by_global_norm(-1.0)
    ),
    "adam: b1 must be in [0, 1): got 1.0; write b1=0.9": lambda: optim.adam(0.1, b1=1.0),
    "adam: eps must not be negative: got -1e-08; write 1e-08": lambda: optim.adam(0.1, eps=-1e-8),
    "normal: dtype must be a dtype: got 'float31'; write dtype=np.float32": lambda: random.normal(
        random.key(0), dtype="float31"
    ),
    "CubicSpline: x must be strictly ascending": lambda: scipy.interpolate.CubicSpline(X, X),
    "norm.pdf: the argument 'x' is missing": lambda: scipy.stats.norm.pdf(),
    "multivariate_normal: x must be [..., 3]: got f64[2]": lambda: (
        scipy.stats.multivariate_normal.logpdf(np.ones(2), X, np.eye(3))
    ),
    "map_coordinates: coordinates must be [2, ...]: got f64[3]; give coordinates as "
    "documented: places": lambda: scipy.ndimage.map_coordinates(np.eye(2), X),
    "uniform: maxval must be a number: got '1'; write int('1')": lambda: random.uniform(
        random.key(0), maxval="1"
    ),
    "Conv: stride must be an integer, 1 or more, or 2 of them": lambda: nn.Conv(
        3, 8, (3, 3), stride=(1, 2, 3)
    ),
    "Conv: the field 'activation' must be a function: got f64[3]; give the function": lambda: (
        nn.Conv(3, 8, 3, activation=nn.relu(X))
    ),
    "one_hot: num_classes must not be negative: got -3; write num_classes=3": lambda: nn.one_hot(
        np.arange(3), -3
    ),
    "jacfwd: the output must be an array or a tree: got None": lambda: fg.jacfwd(lambda x: None)(X),
    "uniform: dtype must be a dtype: got 0.0; name what follows it": lambda: random.uniform(
        random.key(0), (3,), 0.0, 1.0
    ),
    "join_schedules: schedules must be functions of the count": lambda: optim.join_schedules(
        [0.1, 0.2], [10]
    ),
    "binary_cross_entropy: targets must be in [0, 1]: got 2.0 to 2.0": lambda: (
        losses.binary_cross_entropy(X / 2, 2 * X)
    ),
    "the key must be a single key: got one of its words": lambda: fg.vmap(
        lambda k, x: random.normal(k) + x
    )(random.key(0), np.ones(2)),
}


@pytest.mark.parametrize("words", COMPLETED)
def test_a_message_ends_with_what_to_write(words):
    with pytest.raises((TypeError, ValueError)) as error:
        COMPLETED[words]()

    assert words in str(error.value)


def test_a_message_that_names_the_function_stays_as_it_is():
    with pytest.raises(ShapeError, match=r"^mse: predictions and targets must") as error:
        losses.mse(np.ones((3, 1)), X)

    assert not hasattr(error.value, "__notes__")


def test_a_path_among_the_arguments_is_asked_for_by_its_name():
    pytest.importorskip("onnx")
    with pytest.raises(ArgumentError, match=r"onnx: path must be .* write path='m.onnx'"):
        fg.export.onnx(np.sin, "m.onnx")


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

    assert [x for x in fits if misfit("f", parameters, {"x": x}, "")] == []
    assert [x for x in others if not misfit("f", parameters, {"x": x}, "")] == []


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


SCALARS = (bool, int, float, bool | None, int | None, float | None)
SAMPLE = pseudorandom.Random(1).sample(sorted(FUNCTIONS), 100)


def takes_scalars(function):
    """The signature of a function that checks, and its parameters of scalars."""
    made = getattr(function, "__init__", None) if isinstance(function, type) else function
    if not hasattr(made, "answers"):  # a record of results, which the library makes
        return None, []
    signature = inspect.signature(function)
    rows = signature.parameters.items()
    return signature, [p for p, x in rows if x.annotation in SCALARS and x.kind != x.VAR_POSITIONAL]


@pytest.mark.parametrize(
    "names",
    [SAMPLE, pytest.param(sorted(FUNCTIONS), marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_no_text_and_no_container_is_taken_for_a_scalar(names, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    silent = []
    for name in names:
        signature, parameters = takes_scalars(FUNCTIONS[name])
        call = parameters and valid_call(name, FUNCTIONS[name])
        for parameter in parameters if call else ():
            for value in ("no", "2", {}, ["a"]):
                bound = signature.bind(*call[0], **call[1])
                bound.arguments[parameter] = value
                try:
                    FUNCTIONS[name](*bound.args, **bound.kwargs)
                except Exception as err:
                    assert str(err)
                else:
                    silent.append((name, parameter, value))

    assert silent == []
