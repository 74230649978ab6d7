"""The words of every error a user can cause: who, what came, and the cure.

``MISTAKES`` is the table: a mistake, the class of its error, and what its message must say.
"""

import linecache
import re
import sys
import threading
import traceback
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import (
    ConcretizationError,
    ConversionError,
    DtypeError,
    FuncgradError,
    LeakedTracerError,
    MissingRuleError,
    MutationError,
    NestingError,
    NonScalarError,
    ShapeError,
    TreeError,
    UnsupportedError,
)

X = np.ones(3)
M = np.ones((2, 3))
P = {"w": np.ones((3, 2)), "b": np.ones(2)}


def grad_of(f, *args, **kw):
    return lambda: fg.grad(f, **kw)(*(args or (X,)))


def staged(f, *args):
    return lambda: fg.make_jaxpr(f)(*(args or (X,)))


def resize(x):
    x.resize(2)
    return x.sum()


def add_at(x):
    a = np.zeros(3)
    np.add.at(a, [0], x[0])
    return a.sum()


def put(x):
    a = np.zeros(3)
    np.put(a, [0], x[0])
    return a.sum()


def assign_to_integers(x):
    a = x.astype(int)
    a[0] = x[0]
    return a.sum()


def assign_across_transforms(x):
    y = 2 * x

    def inner(z):
        y[0] = z
        return z

    return fg.grad(inner)(1.0) + y.sum()


def add_into(x):
    a = np.zeros(3)
    a += x
    return a.sum()


def store(x):
    a = np.zeros(3)
    a[:] = x
    return a.sum()


def model(p, x):
    return (x @ p["w"] + p["b"]).sum()


# name: (what a user writes, the class, what the message says)
MISTAKES = {
    # inputs
    "python integer": (
        grad_of(lambda x: x * x, 3), DtypeError,
        r"^grad: argument 0 \('x'\) must be real or complex .*: got 3 of dtype int64; write 3\.0"),
    "integer array": (
        grad_of(lambda w, x: (w * x).sum(), np.arange(3), X), DtypeError,
        r"^grad: argument 0 \('w'\).*got i64\[3\] of dtype int64; .*x\.astype\(float\)"),
    "integer in a tree": (
        grad_of(lambda p: p["w"].sum(), {"w": X, "n": [np.arange(2)]}), DtypeError,
        r"argument 0 \('p'\) at \['n'\]\[0\].*got i64\[2\]"),
    "boolean array": (
        grad_of(lambda x: x.sum(), np.array([True])), DtypeError, r"got bool\[1\] of dtype bool"),
    "integer by name": (
        lambda: fg.grad(lambda x, n: x * n, argnames="n")(1.0, n=2), DtypeError,
        r"argument 'n' must be real .*got 2"),
    "integer primal": (
        lambda: fg.jvp(np.sin, (3,), (1,)), DtypeError, r"^jvp: argument 0.*write 3\.0"),
    "integer in vjp": (
        lambda: fg.vjp(lambda a, b: a * b, np.arange(2), 1), DtypeError,
        r"^vjp: argument 0 \('a'\)"),
    "argnums out of range": (
        grad_of(lambda x: x.sum(), X, argnums=1), TypeError,
        r"^grad: argnums=1 needs 2 positional arguments: got 1; count from 0"),
    "argnames of nothing": (
        grad_of(lambda x: x.sum(), X, argnames="z"), TypeError,
        r"^grad: argnames names 'z', which was not passed"),
    "no function": (lambda: fg.grad(X), TypeError, r"^grad: fun must be a function"),
    # outputs
    "vector loss": (
        grad_of(np.sin), NonScalarError,
        r"^grad: the output must be a scalar: got f64\[3\]; reduce it by sum or mean"),
    "vector loss of value_and_grad": (
        lambda: fg.value_and_grad(np.sin)(X), NonScalarError, r"^value_and_grad: .*f64\[3\]"),
    "no return": (
        grad_of(lambda x: None), NonScalarError,
        r"^grad: the output must be a scalar: got NoneType; add a return statement"),
    "tuple loss": (
        grad_of(lambda x: (x.sum(), x)), NonScalarError, r"got tuple; set has_aux=True"),
    "dict loss": (grad_of(lambda x: {"loss": x.sum()}), NonScalarError, r"got dict; return a sc"),
    "list loss": (grad_of(lambda x: [x.sum()]), NonScalarError, r"got list; return a scalar"),
    "text loss": (grad_of(lambda x: "loss"), NonScalarError, r"got str"),
    "integer loss": (
        grad_of(lambda x: (x > 0).sum()), DtypeError,
        r"^grad: the output must be real: got i64\[\]"),
    "complex loss": (
        grad_of(lambda x: (x * 1j).sum()), DtypeError,
        r"^grad: the output must be real: got c128\[\]; take its real part, or set holomo"),
    "no aux": (
        grad_of(lambda x: x.sum(), X, has_aux=True), TypeError,
        r"^grad: with has_aux=True the function must return \(output, aux\)"),
    "hessian of a vector": (lambda: fg.hvp(np.sin, (X,), (X,)), NonScalarError, r"got f64\[3\]"),
    # trees and shapes of tangents and cotangents
    "tangent's tree": (
        lambda: fg.jvp(lambda p: p["w"], (P,), ({"w": P["w"]},)), TreeError, r"^jvp: tangents"),
    "tangent's shape": (
        lambda: fg.jvp(lambda p: p["w"], (P,), ({"w": X, "b": X},)), ShapeError,
        r"^jvp: the tangent of argument 0 \('p'\) at \['b'\] must have .* f64\[2\]: got f64\[3\]"),
    "tangent's dtype": (
        lambda: fg.jvp(np.sin, (X,), (X.astype("f"),)), DtypeError,
        r"dtype of its primal, f64\[3\]: got f32\[3\]; convert it with astype\('float64'\)"),
    "tangents not a tuple": (
        lambda: fg.jvp(np.sin, X, X), TypeError,
        r"^jvp: primals must be a tuple or list of arguments: got ndarray; write \(primal"),
    "cotangent's tree": (
        lambda: fg.vjp(lambda x: (x, x), X)[1](X), TreeError, r"^vjp: the cotangent"),
    "cotangent's shape": (
        lambda: fg.vjp(np.sin, X)[1](1.0), ShapeError,
        r"^vjp: a cotangent must have the shape of its primal, f64\[3\]: got f64\[\]"),
    "tree.map": (
        lambda: tree.map(np.add, {"w": X, "b": [X, X]}, {"w": X, "b": [X]}), TreeError, r"\['b'\]"),
    # shapes inside the function
    "broadcast": (
        grad_of(lambda x: (x + np.ones(2)).sum()), ShapeError,
        r"^add: the shapes do not broadcast: got f64\[3\] and f64\[2\]"),
    "reflected broadcast": (
        grad_of(lambda x: (np.ones(2) * x).sum()), ShapeError, r"^mul: .*f64\[2\] and f64\[3\]"),
    "broadcast of a ufunc": (
        grad_of(lambda x: np.hypot(x, np.ones(4)).sum()), ShapeError, r"^hypot: .*and f64\[4\]"),
    "matmul": (
        grad_of(lambda p: model(p, np.ones((4, 2))), P), ShapeError,
        r"^matmul: .* got f64\[4,2\] and f64\[3,2\]; transpose one of them with x\.mT"),
    "matmul by a number": (grad_of(lambda x: (x @ 2.0).sum()), ShapeError, r"^matmul: .*use \*"),
    "reshape": (
        grad_of(lambda x: x.reshape(2, 2).sum()), ValueError, r"reshape.*(\(2, 2\)|f64\[3\])"),
    "concatenate": (
        grad_of(lambda x: np.concatenate([x, M]).sum()), ValueError, r"concatenate|dimensions"),
    "stack": (grad_of(lambda x: np.stack([x, np.ones(2)]).sum()), ValueError, r"same shape"),
    "einsum": (
        grad_of(lambda x: np.einsum("ij,j", np.ones((3, 2)), x)), ValueError,
        r"einsum.*(length|'j')"),
    "array of a ragged list": (
        grad_of(lambda x: fg.numpy.array([x, x[:2]]).sum()), ValueError,
        r"^array: the elements of a list must have one shape: got \[\(2,\), \(3,\)\]; pad them"),
    "index": (grad_of(lambda x: x[5]), IndexError,
        r"index 5 is out of bounds for axis 0 with size 3"),
    "index array": (grad_of(lambda x: x[[0, 7]].sum()), IndexError, r"index 7 is out of bounds"),
    "too many indices": (grad_of(lambda x: x[0, 0]), IndexError, r"too many indices .*1-dim"),
    "float index": (grad_of(lambda x: x[x]), IndexError, r"integer or boolean arrays.*f64\[3\]"),
    "boolean index": (
        grad_of(lambda x: x[np.array([True, False])].sum()), IndexError,
        r"boolean index did not match"),
    "axis": (grad_of(lambda x: x.sum(axis=2)), np.exceptions.AxisError, r"axis 2 is out of bounds"),
    "where of a maximum": (
        grad_of(lambda x: np.max(x, where=X > 0)), ValueError, r"^max: where= needs initial="),
    # conversions
    "float()": (
        grad_of(lambda x: float(x[0]) * x.sum()), ConversionError,
        r"^float\(\): a traced value .* derivative would be lost: got f64\[\]; .*stop_gradient"),
    "item": (grad_of(lambda x: x[0].item() * 2), ConversionError, r"^ndarray\.item: "),
    "np.array": (
        grad_of(lambda x: np.array([x[0], 1.0]).sum()), ConversionError,
        r"^NumPy conversion: .*funcgrad\.numpy \(array, asarray, full"),
    "a list for a function of NumPy": (
        grad_of(lambda x: np.diag([x[0], 1.0]).sum()), ConversionError,
        r"^numpy\.diag: a traced value .*; use funcgrad\.numpy\.diag$"),
    "a list for a function of numpy.linalg": (
        grad_of(lambda x: np.linalg.norm([x[0], 1.0])), ConversionError,
        r"^numpy\.linalg\.norm: .*; use funcgrad\.numpy\.linalg\.norm$"),
    "stored": (grad_of(store), ConversionError, r"make x by .*numpy\.zeros\(shape, like=value\)"),
    "range": (grad_of(lambda x: sum(x[i] for i in range(x[0]))), ConversionError,
        r"an index or a size"),
    # mutation
    "augmented": (
        grad_of(add_into), MutationError,
        r"^numpy\.add: out= would write traced values into an ndarray, .*; use the returned value "
        r"\(for x \+= y write x = x \+ y\)"),
    "ufunc.at": (
        grad_of(add_at), MutationError,
        r"^numpy\.add\.at: an ndarray cannot hold .*got f64\[3\]; .*at\(x\)\[index\]\.add"),
    "put": (
        grad_of(put), MutationError,
        r"^put: an ndarray cannot hold traced values: got f64\[3\]; .*at\(x\)\[index\]\.set"),
    "full_like": (
        grad_of(lambda x: np.full_like(np.ones(3), x[0]).sum()), MutationError,
        r"^copyto: an ndarray cannot hold .*; use funcgrad\.numpy\.full_like\(array, value\)"),
    "resize in place": (grad_of(resize), MutationError, r"^ndarray\.resize: .*numpy\.resize"),
    "float into integers": (
        staged(assign_to_integers), DtypeError,
        r"^x\[index\] = value: an array of integers would lose the derivative: got f64\[\] for an "
        r"array of int64; make the array x\.astype\(float\)"),
    "an array of an outer transform": (
        grad_of(assign_across_transforms), MutationError,
        r"^an array made before grad of 'inner' .* began cannot .*got f64\[3\]; .*x = x\.copy\(\)"),
    # what is not there
    "function": (
        grad_of(lambda x: np.busday_count(x, x)), UnsupportedError,
        r"^numpy\.busday_count: it takes dates, and traced values are numbers; call it outside"),
    "ufunc option": (
        grad_of(lambda x: np.add(x, 1, where=X > 0).sum()), UnsupportedError,
        r"^numpy\.add: where= is not supported for traced arrays; write numpy\.where"),
    "order": (
        grad_of(lambda x: np.ravel(x, order="Z").sum()), ValueError, r"^order must be one of 'C'"),
    "no loop": (grad_of(lambda x: (x & 1).sum()), TypeError,
        r"bitwise_and: not defined for these dt"),
    "not linear": (
        lambda: fg.linear_transpose(np.sin, X)(X), MissingRuleError,
        r"^linear_transpose: the function is not linear: sin .*use vjp"),
    # staging
    "staged if": (
        staged(lambda x: x.sum() if x[0] > 0 else -x.sum()), ConcretizationError,
        r"^bool\(\), .*bool\[\].*make_jaxpr of '<lambda>'.* is staged: at .*errors\.py:\d+;"),
    "staged while": (staged(lambda x: 1 if x.any() else 0), ConcretizationError, r"`while x:`"),
    "staged float": (staged(lambda x: float(x[0])), ConcretizationError, r"^float\(\): .*f64\[\]"),
    "staged int": (staged(lambda x: int(x[0])), ConcretizationError, r"^int\(\): .*f64\[\]"),
    "staged range": (
        staged(lambda n: sum(range(n)), 3), ConcretizationError, r"^an index or a size: .*i64\[\]"),
    "staged mask": (
        staged(lambda x: x[x > 0]), ConcretizationError,
        r"^a boolean index: the shape of the result .*bool\[3\]; .*numpy\.where"),
    "staged nonzero": (staged(lambda x: np.nonzero(x)), ConcretizationError,
        r"^nonzero: the shape of the result depends on values"),
    "staged text": (
        staged(lambda x: {"a": "text"}), TypeError,
        r"output must be made of arrays: got str at \['a'\]"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_the_words_of_an_error(name):
    call, kind, words = MISTAKES[name]
    with pytest.raises(kind) as caught:
        call()

    assert re.search(words, str(caught.value)), str(caught.value)
    if isinstance(caught.value, FuncgradError):
        assert len(str(caught.value)) < 420


# eager and staged


INSIDE = {
    "broadcast": lambda x: x + np.ones(2),
    "broadcast of a ufunc": lambda x: np.hypot(x, np.ones(4)),
    "broadcast of three": lambda x: np.where(np.ones(4) > 0, x, 0.0),
    "comparison": lambda x: x < np.ones(2),
    "clip": lambda x: np.clip(x, np.zeros(2), 1),
    "matmul": lambda x: M.T @ x,
    "matmul of a number": lambda x: x @ x.sum(),
    "dot": lambda x: np.dot(x, np.ones(2)),
    "inner": lambda x: np.inner(x, np.ones(2)),
    "tensordot": lambda x: np.tensordot(x, np.ones(2), 1),
    "vecdot": lambda x: np.vecdot(x, np.ones(2)),
    "einsum": lambda x: np.einsum("i,i", x, np.ones(2)),
    "einsum of axes": lambda x: np.einsum("ij", x),
    "reshape": lambda x: x.reshape(2, 2),
    "concatenate": lambda x: np.concatenate([x, M]),
    "concatenate of an axis": lambda x: np.concatenate([x, x], axis=1),
    "stack": lambda x: np.stack([x, np.ones(2)]),
    "array": lambda x: fg.numpy.array([x, x[0]]),
    "index": lambda x: x[5],
    "too many indices": lambda x: x[0, 0],
    "float index": lambda x: x[1.5],
    "boolean index": lambda x: x[np.array([True, False])],
    "shapes of indices": lambda x: np.outer(x, x)[[0, 1], [0, 1, 2]],
    "axis": lambda x: x.sum(axis=2),
    "transpose": lambda x: np.transpose(x, (1, 0)),
    "squeeze": lambda x: np.squeeze(x, 0),
    "expand_dims": lambda x: np.expand_dims(x, 4),
    "broadcast_to": lambda x: np.broadcast_to(x, (3, 4)),
    "split": lambda x: np.split(x, 2),
    "dtype": lambda x: x & 1,
    "dtype of a shift": lambda x: x << 1,
    "unsupported": lambda x: np.is_busday(x),
    "mutation": resize,
    "augmented": add_into,
    "conversion": lambda x: np.array([x[0], 1.0]),
    "item": lambda x: x[0].item(),
    "at": lambda x: fg.at(x)[:2].set(np.ones(3)),
    "at dtype": lambda x: fg.at(np.arange(3))[0].set(x[0]),
}


def raised_by(call):
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("name", INSIDE)
def test_eager_and_staged_code_fail_with_the_same_words(name):
    f = INSIDE[name]
    eager = raised_by(lambda: fg.grad(lambda x: np.sum(f(x)))(X))
    for call in (
        lambda: fg.jvp(f, (X,), (X,)),
        lambda: fg.vjp(f, X),
        lambda: fg.make_jaxpr(f)(X),
        lambda: fg.linearize(f, X),
        lambda: fg.make_jaxpr(fg.grad(lambda x: np.sum(f(x))))(X),
    ):
        err = raised_by(call)

        assert type(err) is type(eager)
        assert str(err) == str(eager)


NUMPYS = {  # errors that NumPy raises for the same code, and that still match
    name: f for name, f in INSIDE.items()
    if name not in {"unsupported", "mutation", "augmented", "conversion", "item", "at", "at dtype"}
}  # fmt: skip


@pytest.mark.parametrize("name", NUMPYS)
def test_numpys_own_exception_type_still_matches(name):
    f = NUMPYS[name]
    if name == "array":
        return  # funcgrad.numpy's own
    plain = raised_by(lambda: f(X))
    kind = next(k for k in (IndexError, ValueError, TypeError) if isinstance(plain, k))

    assert isinstance(raised_by(lambda: fg.grad(lambda x: np.sum(f(x)))(X)), kind)
    assert isinstance(raised_by(lambda: fg.make_jaxpr(f)(X)), kind)


# tracebacks


@pytest.mark.parametrize("transform", ["grad", "jvp", "make_jaxpr", "hessian"])
@pytest.mark.parametrize("name", INSIDE)
def test_few_frames_stand_between_the_users_line_and_the_words(name, transform):
    f = INSIDE[name]
    call = {
        "grad": lambda: fg.grad(lambda x: np.sum(f(x)))(X),
        "jvp": lambda: fg.jvp(f, (X,), (X,)),
        "make_jaxpr": lambda: fg.make_jaxpr(f)(X),
        "hessian": lambda: fg.hessian(lambda x: np.sum(f(x)))(X),
    }[transform]
    frames = traceback.extract_tb(raised_by(call).__traceback__)
    last = max(i for i, frame in enumerate(frames) if frame.filename == __file__)
    below = [frame for frame in frames[last + 1 :] if "/funcgrad/" in frame.filename]

    assert len(below) <= 3, [f"{frame.filename}:{frame.name}" for frame in below]


# what is not ours


class MineError(Exception):
    pass


@pytest.mark.parametrize("err", [MineError("mine"), KeyError("k"), ValueError("v"), TypeError("t")])
def test_a_users_exception_passes_unchanged(err):
    def loss(x):
        raise err

    for call in (
        lambda: fg.grad(loss)(X),
        lambda: fg.jvp(loss, (X,), (X,)),
        lambda: fg.make_jaxpr(loss)(X),
        lambda: fg.hessian(loss)(X),
        lambda: fg.linearize(loss, X),
        lambda: fg.eval_shape(loss, X),
    ):
        assert raised_by(call) is err
        assert err.__cause__ is None and err.__context__ is None


def test_a_users_exception_inside_a_numpy_call_keeps_its_cause_and_frames():
    def part(v):
        try:
            {}["k"]
        except KeyError as err:
            raise ValueError("mine") from err

    for loss in (
        lambda x: np.piecewise(x, [X > 0], [part]).sum(),
        lambda x: fg.at(x)[0].apply(part).sum(),
        lambda x: np.stack([part(v) for v in x]).sum(),
    ):
        err = raised_by(lambda loss=loss: fg.grad(loss)(X))

        assert type(err) is ValueError and isinstance(err.__cause__, KeyError)
        assert "part" in [frame.name for frame in traceback.extract_tb(err.__traceback__)]


@pytest.mark.parametrize("transform", [fg.grad, fg.jit, fg.vmap, fg.jacfwd])
def test_a_users_exception_with_a_cause_of_ours_passes_unchanged(transform):
    mine = ValueError("mine")

    def loss(x):
        try:
            return float(x)
        except ConversionError as err:
            raise mine from err

    call = lambda: transform(loss)(X if transform is fg.vmap else np.ones(()))

    assert raised_by(call) is mine


def test_an_error_caught_by_the_user_is_an_ordinary_one():
    def loss(x):
        try:
            x @ np.ones(5)
        except ValueError as err:
            assert "f64[5]" in str(err)
            return x.sum()

    assert np.array_equal(fg.grad(loss)(X), np.ones(3))
    assert fg.make_jaxpr(loss)(X)(X)[0] == 3.0


# leaked tracers


def kept_from(transform):
    kept = []

    def where_it_was_born(x):
        kept.append(np.sin(x))
        return x.sum()

    transform(where_it_was_born)
    return kept[0], where_it_was_born.__code__.co_firstlineno


LEAKS = {
    "grad": lambda f: fg.grad(f)(X),
    "value_and_grad": lambda f: fg.value_and_grad(f)(X),
    "jvp": lambda f: fg.jvp(f, (X,), (X,)),
    "vjp": lambda f: fg.vjp(f, X),
    "make_jaxpr": lambda f: fg.make_jaxpr(f)(X),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leaked_tracer_says_where_it_was_born(name):
    x, line = kept_from(LEAKS[name])
    words = (
        rf"created in {name} of 'where_it_was_born' \(.*test_errors\.py:{line}\); .*has_aux=True"
    )
    for use in (
        lambda: x + 1,
        lambda: np.sin(x),
        lambda: x[0],
        lambda: np.sum(x),
        lambda: x.sum(),
        lambda: x.fill(0.0),
        lambda: x[:1].fill(0.0),
        lambda: np.sin(X, out=x),
        lambda: fg.grad(lambda y: np.copyto(y, x))(X),
        lambda: fg.grad(lambda y: np.copyto(x, y))(X),
        lambda: fg.grad(lambda y: (x * y).sum())(X),
        lambda: fg.make_jaxpr(lambda y: x * y)(X),
        lambda: fg.grad(lambda y: x[0])(X),
        lambda: fg.jvp(lambda y: x, (X,), (X,)),
        lambda: fg.vjp(lambda y: x, X),
        lambda: fg.make_jaxpr(lambda y: x)(X),
    ):
        with pytest.raises(LeakedTracerError, match=words):
            use()


def test_a_tracer_kept_as_aux_comes_out_as_a_value():
    _, aux = fg.grad(lambda x: (x.sum(), {"h": np.sin(x)}), has_aux=True)(X)

    assert type(aux["h"]) is np.ndarray and np.array_equal(aux["h"] + 1, np.sin(X) + 1)


# the classes


CLASSES = [
    ConcretizationError, ConversionError, DtypeError, LeakedTracerError, MissingRuleError,
    MutationError, NonScalarError, ShapeError, TreeError, UnsupportedError,
]  # fmt: skip


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_class_is_the_builtin_a_numpy_user_expects(kind):
    builtins = (ValueError, TypeError, RuntimeError, NotImplementedError)

    assert issubclass(kind, FuncgradError) and issubclass(kind, builtins)
    assert getattr(fg.errors, kind.__name__) is kind and kind.__doc__


def test_messages_do_not_depend_on_recursion_left():
    def deep(n, x):
        return deep(n - 1, x) if n else x + np.ones(2)

    with pytest.raises(ShapeError, match=r"^add: "):
        fg.grad(lambda x: deep(sys.getrecursionlimit() // 3, x).sum())(X)


# messages of bounded length


LONG = "x" * 1_000_000
WIDE = {f"a long name {i}" * 9: np.ones(2) for i in range(1000)}
LONG_MESSAGES = {
    "structures that differ": lambda: fg.vjp(lambda t: t, WIDE)[1]([1.0]),
    "a tree of keys": lambda: fg.tree.map(lambda a, b: a, WIDE, {**WIDE, "z": 1}),
    "a key": lambda: fg.tree.map(lambda a, b: a, {LONG: [1]}, {LONG: 2}),
    "a static value": lambda: fg.jit(lambda x, s: x, donate_argnames=LONG),
    "an option": lambda: fg.grad(lambda x: fg.losses.mse(x, x, reduction=LONG))(1.0),
    "an argnum": lambda: fg.grad(np.sin, argnums=[LONG])(1.0),
    "a mode": lambda: fg.at(np.ones(3)).__getitem__(0).set(1.0, mode=LONG),
    "a policy": lambda: fg.checkpoint(np.sin, policy=LONG),
    "a function": lambda: fg.grad(LONG),
    "an axis name": lambda: fg.lax.psum(1.0, LONG),
    "an output": lambda: fg.jit(lambda x: {LONG: "no array"})(1.0),
    "an argument": lambda: fg.grad(lambda t: 1.0)({LONG: 3}),
    "a transformation": lambda: fg.optim.chain(LONG),
    "a permutation": lambda: fg.vmap(
        lambda x: fg.lax.ppermute(x, "i", [(0, 9)] * 100_000), axis_name="i"
    )(np.ones(2)),
    "a carry": lambda: fg.lax.scan(lambda c, _: ({LONG: 1.0}, None), {LONG: "a"}, None, length=2),
    "an explanation": lambda: pytest.fail(explained()),
}


def explained():
    f = fg.jit(lambda t: 1.0)
    f(WIDE)
    return f.explain([WIDE])


@pytest.mark.parametrize("name", LONG_MESSAGES)
def test_a_message_shows_the_beginning_and_the_end_of_what_is_long(name):
    with pytest.raises(BaseException) as caught:
        LONG_MESSAGES[name]()

    text = str(caught.value)
    assert 20 < len(text) < 4000 and "characters ..." in text


# errors with NumPy's words have a note of what came


def test_an_error_of_a_numpy_function_has_a_note_of_its_operands():
    with pytest.raises(ValueError, match=r"^all input arrays must have the same shape") as caught:
        fg.grad(lambda x: np.sum(np.stack([x, M])))(X)

    (note,) = caught.value.__notes__
    assert note == "numpy.stack: got f64[3], f64[2,3]; give all one shape but for the axis"


# functions nested deeper than Python can call


def nested(count, wrap):
    f = np.sin
    for _ in range(count):
        f = wrap(lambda x, g=f: 1.01 * g(x))
    return f


NESTED_USES = {
    "call": lambda f: f(1.0),
    "grad": lambda f: fg.grad(f)(1.0),
    "jit of grad": lambda f: fg.jit(fg.grad(f))(1.0),
    "vmap": lambda f: fg.vmap(f)(np.ones(2)),
    "jvp": lambda f: fg.jvp(f, (1.0,), (1.0,)),
    "linearize": lambda f: fg.linearize(f, 1.0),
    "make_jaxpr": lambda f: fg.make_jaxpr(f)(1.0),
}


@pytest.mark.parametrize("name", NESTED_USES)
def test_functions_nested_too_deep_are_refused_with_words(name):
    use = NESTED_USES[name]
    use(nested(20, fg.jit))

    for count in (95, 200):
        f = nested(count, fg.jit)
        try:
            use(f)
        except NestingError as err:
            assert re.search(r"nest deeper than Python's recursion limit of \d+", str(err))
        else:
            assert count == 95
    with pytest.raises(NestingError, match="as in an infinite recursion"):
        use(endless)


@fg.jit
def endless(x):
    return endless(x)


# floating-point warnings


def singular(x):
    return np.sum(np.log(x))  # where NumPy warns


LINE = singular.__code__.co_firstlineno + 1
AT_ZERO = np.array([0.0, 1.0])
WARNING = {
    "grad": lambda: fg.grad(singular)(AT_ZERO),
    "vjp": lambda: fg.vjp(singular, AT_ZERO),
    "jvp": lambda: fg.jvp(singular, (AT_ZERO,), (AT_ZERO,)),
    "linearize": lambda: fg.linearize(singular, AT_ZERO),
    "vmap": lambda: fg.vmap(singular)(AT_ZERO[None]),
    "vmap of grad": lambda: fg.vmap(fg.grad(singular))(AT_ZERO[None]),
    "hessian": lambda: fg.hessian(singular)(AT_ZERO),
    "checkpoint": lambda: fg.grad(fg.checkpoint(singular))(AT_ZERO),
    "grad of vmap": lambda: fg.grad(lambda x: np.sum(fg.vmap(np.log)(x)))(AT_ZERO),
}


@pytest.mark.parametrize("transform", WARNING)
def test_a_warning_points_at_the_users_line(transform):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WARNING[transform]()
    messages = [str(w.message) for w in caught]

    assert "divide by zero encountered in log" in messages
    assert {w.filename for w in caught} == {__file__} and {w.category for w in caught} == {
        RuntimeWarning
    }
    if transform not in (
        "grad of vmap",
        "checkpoint",
    ):  # which runs a program: the line is the call's
        assert LINE in {w.lineno for w in caught}


@pytest.mark.parametrize(
    "loop",
    [
        lambda x: fg.lax.scan(lambda c, _: (np.log(c), None), x, None, 200)[0],
        lambda x: fg.lax.while_loop(lambda c: c[0] > -1e9, lambda c: np.log(c) * 0 - 1e9, x),
        lambda x: fg.lax.scan(lambda c, _: (np.log(c), None), x, None, 200, checkpoint=3)[0],
    ],
)
def test_a_warning_of_a_loop_points_at_the_line_of_its_call(loop):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop(np.zeros(3))

    assert caught and {w.filename for w in caught} == {__file__}


def test_no_warning_of_the_way_back_points_into_the_library():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fg.grad(lambda x: np.sum(1e300 * (1e300 * x)))(AT_ZERO[1:] * 1e-300)
        fg.vjp(np.sqrt, AT_ZERO)[1](np.ones(2))
    assert {w.filename for w in caught} <= {__file__}


def test_a_compiled_line_that_warns_stands_under_the_users_line():
    run = fg.jit(singular)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(AT_ZERO)
    lines = run.source(AT_ZERO).splitlines()

    assert caught[0].filename.startswith("<funcgrad singular")
    assert "np.sum(np.log(x))" in lines[caught[0].lineno - 2]
    shown = linecache.getline(caught[0].filename, caught[0].lineno)
    assert "log(x" in shown and f"test_errors.py:{LINE}" in shown and "np.sum(np.log(x))" in shown


def test_what_is_set_for_floating_errors_stays_set():
    before = np.geterr(), np.geterrcall()
    seen = []
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        fg.grad(singular)(AT_ZERO)
    with np.errstate(all="call", call=lambda kind, _: seen.append(kind)):
        fg.grad(singular)(AT_ZERO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="ignore"):
            fg.grad(singular)(AT_ZERO)
        with pytest.raises(RuntimeWarning, match="divide by zero encountered in log"):
            fg.grad(singular)(AT_ZERO)
    assert seen == ["divide by zero"]
    assert (np.geterr(), np.geterrcall()) == before


def test_a_setting_made_inside_a_traced_function_is_kept():
    def quiet(x):
        np.seterr(divide="ignore")
        return singular(x)

    before = np.geterr()
    try:
        fg.grad(quiet)(AT_ZERO)
        assert np.geterr() == {**before, "divide": "ignore"} and np.geterrcall() is None
    finally:
        np.seterr(**before)


def test_another_thread_keeps_its_settings():
    seen = []

    def asks(x):
        thread = threading.Thread(target=lambda: seen.append(np.geterr()))
        thread.start()
        thread.join()
        return np.sum(x)

    fg.grad(asks)(AT_ZERO)
    assert seen == [np.geterr()]
