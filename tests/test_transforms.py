"""The transforms' signatures and behaviour: arguments, trees, aux, dtypes, conventions."""

import functools
import inspect
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import (
    ConcretizationError,
    DtypeError,
    MissingRuleError,
    NonScalarError,
    ShapeError,
    TreeError,
)
from funcgrad.core.jaxpr import check_jaxpr
from funcgrad.core.registry import primitives
from funcgrad.core.trace import Tracer
from funcgrad.ops.elementwise import Elementwise
from funcgrad.transforms import jacobian
from tests.support.compare import assert_same

X = np.array([0.7, -0.4, 1.3])
V = np.array([0.5, -1.1, 0.8])
W = np.array([[0.2, -0.5, 0.9], [1.1, 0.3, -0.8]])

BY_ARGUMENT = {  # those that choose arguments, and what each gives of a scalar function
    "grad": fg.grad,
    "value_and_grad": lambda *a, **k: lambda *b, **c: fg.value_and_grad(*a, **k)(*b, **c)[1],
    "jacfwd": fg.jacfwd,
    "jacrev": fg.jacrev,
    "jacobian": fg.jacobian,
}


def three(a, b, c=1.0):
    return a * b**2 * c**3


# choosing arguments


@pytest.mark.parametrize("name", BY_ARGUMENT)
class TestChoosing:
    def test_argnums_and_argnames(self, name):
        d = BY_ARGUMENT[name]
        args = (2.0, 3.0, 5.0)
        da, db, dc = 9 * 125.0, 2 * 6 * 125.0, 2 * 9 * 75.0

        assert d(three)(*args) == da
        assert d(three, 1)(*args) == db
        assert d(three, -1)(*args) == dc
        assert d(three, np.int64(1))(*args) == db
        assert d(three, (0, 2))(*args) == (da, dc)
        assert d(three, [2, 0])(*args) == (dc, da)
        assert d(three, (1,))(*args) == (db,)
        assert d(three, ())(*args) == ()
        assert d(three, (-1, 0))(*args) == (dc, da)
        assert d(three, argnames="c")(2.0, 3.0, c=5.0) == dc
        assert d(three, argnames="b")(*args) == db
        assert d(three, argnames=("b", "c"))(2.0, 3.0, c=5.0) == {"b": db, "c": dc}
        assert d(three, argnames=["c"])(2.0, 3.0, c=5.0) == {"c": dc}
        assert d(three, 0, argnames="c")(2.0, 3.0, c=5.0) == ((da,), dc)
        assert d(three, (0, 1), argnames=("c",))(2.0, 3.0, c=5.0) == ((da, db), {"c": dc})
        assert d(three, argnames=("a", "b"))(a=2.0, b=3.0, c=5.0) == {"a": da, "b": db}

    def test_what_is_not_there(self, name):
        d = BY_ARGUMENT[name]
        with pytest.raises(TypeError, match=r"argnums=2 needs 3 positional .*got 2; count from 0"):
            d(three, 2)(2.0, 3.0)
        with pytest.raises(TypeError, match=r"argnums=-3 needs 3 positional"):
            d(three, -3)(2.0, 3.0)
        with pytest.raises(TypeError, match=r"argnums=0 needs 1 positional arguments: got 0"):
            d(three)(a=2.0, b=3.0)
        with pytest.raises(TypeError, match=r"argnames names 'd', which was not passed"):
            d(three, argnames="d")(2.0, 3.0)
        with pytest.raises(TypeError, match=r"argnames names 'c', which was not passed"):
            d(three, argnames="c")(2.0, 3.0)
        with pytest.raises(TypeError, match=r"argnums must be integers: got 'a'; use argnames"):
            d(three, "a")(2.0, 3.0)
        with pytest.raises(TypeError, match=r"argnums must be integers: got 1.0"):
            d(three, 1.0)(2.0, 3.0)
        with pytest.raises(ValueError, match=r"name an argument twice"):
            d(three, (0, -3))(2.0, 3.0, 5.0)
        with pytest.raises(ValueError, match=r"name an argument twice"):
            d(three, 0, argnames="a")(2.0, 3.0, 5.0)
        with pytest.raises(TypeError, match=r"fun must be a function: got 3; pass the function"):
            d(3)(1.0)

    def test_keyword_arguments_that_are_not_chosen_are_passed(self, name):
        assert BY_ARGUMENT[name](three)(2.0, b=3.0, c=5.0) == 1125.0

    def test_aux(self, name):
        d = BY_ARGUMENT[name]
        f = lambda x: (x.sum() * x[0], {"n": 3, "h": np.sin(x), "s": "text", "none": None})
        if name == "value_and_grad":
            (value, aux), got = fg.value_and_grad(f, has_aux=True)(X)
            assert np.isclose(value, f(X)[0])
        else:
            got, aux = d(f, has_aux=True)(X)

        assert np.allclose(got, fg.grad(lambda x: f(x)[0])(X))
        assert aux["n"] == 3 and aux["s"] == "text" and aux["none"] is None
        assert type(aux["h"]) is np.ndarray and np.array_equal(aux["h"], np.sin(X))

    @pytest.mark.parametrize("out", [2.0, (1.0, 2.0, 3.0), [1.0, 2.0], None])
    def test_aux_that_is_not_a_pair(self, name, out):
        with pytest.raises(TypeError, match=r"with has_aux=True the function must return \(outp"):
            BY_ARGUMENT[name](lambda x: out, has_aux=True)(1.0)

    def test_the_function_is_wrapped(self, name):
        if name == "value_and_grad":
            return
        wrapped = BY_ARGUMENT[name](three)

        assert wrapped.__name__ == "three" and wrapped.__wrapped__ is three
        assert inspect.signature(wrapped) == inspect.signature(three)

    def test_whatever_can_be_called(self, name):
        d = BY_ARGUMENT[name]

        class Scaled:
            def __init__(self, k):
                self.k = k

            def __call__(self, x):
                return self.k * x * x

            def method(self, x):
                return self.k * x

            @staticmethod
            def static(x):
                return x * 3.0

            @classmethod
            def of_class(cls, x):
                return x * 4.0

        obj = Scaled(5.0)

        assert d(obj)(2.0) == 20.0
        assert d(obj.method)(2.0) == 5.0
        assert d(Scaled.static)(2.0) == 3.0 and d(Scaled.of_class)(2.0) == 4.0
        assert d(functools.partial(three, b=3.0, c=5.0))(2.0) == 1125.0
        assert d(functools.partial(three, 2.0, c=5.0))(3.0) == 1500.0
        assert d(np.square)(3.0) == 6.0
        assert d(np.sum)(np.float64(3.0)) == 1.0
        assert d(lambda *args: args[0] * args[1], 1)(2.0, 3.0) == 2.0
        assert d(lambda **k: k["a"] * k["b"], argnames="a")(a=2.0, b=3.0) == 3.0
        assert d(d(lambda x: x**3))(2.0) == 12.0


# what may be differentiated


@pytest.mark.parametrize("flag", ["relu", None, True, False, np.tanh, int, ...])
def test_leaves_that_are_no_arrays_pass_through(flag):
    params = {"w": X, "kind": flag, "deep": [flag, 2.0]}

    def loss(p):
        assert p["kind"] is flag
        return (p["w"] ** 2).sum() * p["deep"][1]

    got = fg.grad(loss)(params)
    pulled = fg.vjp(loss, params)[1](1.0)[0]
    _value, tangent = fg.jvp(loss, (params,), (params,))

    assert got["kind"] is flag and got["deep"][0] is flag and pulled["kind"] is flag
    assert np.allclose(got["w"], 4 * X) and np.isclose(got["deep"][1], X @ X)
    assert np.isclose(tangent, 4 * X @ X + 2 * X @ X)
    assert fg.hvp(loss, (params,), (params,))["kind"] is flag


@pytest.mark.parametrize(
    "x", [3, np.int32(3), np.array([1, 2]), np.array([True]), np.uint8(1), np.True_]
)
def test_integers_are_refused_or_have_zero_gradient(x):
    f = lambda x: np.sum(x) * 2.0
    for call in (
        lambda: fg.grad(f)(x),
        lambda: fg.jvp(f, (x,), (x,)),
        lambda: fg.vjp(f, x),
        lambda: fg.jacfwd(f)(x),
        lambda: fg.linearize(f, x),
    ):
        with pytest.raises(DtypeError, match=r"argument 0 \('x'\) must be real or complex"):
            call()
    got = fg.grad(f, allow_int=True)(x)

    assert np.shape(got) == np.shape(x) and not np.any(got)
    assert np.asarray(got).dtype == np.asarray(x).dtype


def test_integers_inside_a_tree_are_named_by_path():
    params = {"layers": [{"w": X}, {"steps": np.arange(3)}]}
    f = lambda p: p["layers"][0]["w"].sum()
    with pytest.raises(DtypeError, match=r"at \['layers'\]\[1\]\['steps'\].*got i64\[3\]"):
        fg.grad(f)(params)
    got = fg.grad(f, allow_int=True)(params)

    assert np.array_equal(got["layers"][0]["w"], np.ones(3))


def test_integers_that_are_not_chosen_are_fine():
    assert fg.grad(lambda x, n: x**n)(2.0, 3) == 12.0
    assert fg.jacrev(lambda x, i: x[i])(X, np.array([0, 2])).shape == (2, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_gradient_has_the_dtype_of_its_argument(dtype):
    x, y = X.astype(dtype), np.ones(3)
    gx, gy = fg.grad(lambda x, y: (x * y).sum(), (0, 1))(x, y)

    assert gx.dtype == dtype and gy.dtype == np.float64
    assert fg.grad(lambda x: (x * 2).sum())(x).dtype == dtype
    assert fg.jvp(lambda x: x * 2, (x,), (x,))[1].dtype == dtype
    assert fg.jacfwd(lambda x: x * 2)(x).dtype == fg.jacrev(lambda x: x * 2)(x).dtype == dtype


@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array(2.0), np.float32(2.0)])
def test_the_gradient_of_a_number_is_a_number(x):
    got = fg.grad(lambda x: x * x)(x)

    assert got == 4.0 and np.shape(got) == ()
    assert np.asarray(got).dtype == np.asarray(x).dtype
    assert isinstance(got, np.ndarray) == isinstance(x, np.ndarray)


# outputs


@pytest.mark.parametrize(
    "out", [X, [1.0], (1.0, 2.0), {"loss": 1.0}, None, "text", np.ones((1, 1))]
)
def test_the_output_of_grad_is_one_number(out):
    with pytest.raises(NonScalarError, match=r"grad: the output must be a scalar: got"):
        fg.grad(lambda x: out)(1.0)
    with pytest.raises(TypeError):
        fg.value_and_grad(lambda x: out)(1.0)


def test_an_integer_output_has_no_gradient():
    with pytest.raises(DtypeError, match=r"the output must be real: got i64"):
        fg.grad(lambda x: (x > 0).sum())(X)
    with pytest.raises(DtypeError, match=r"real or complex.*: got i64"):
        fg.jacrev(lambda x: np.argsort(x))(X)


# jvp and vjp


def test_jvp_checks_what_it_is_given():
    f = lambda a, b: a["w"].sum() * b
    p = {"w": X}
    with pytest.raises(TypeError, match=r"jvp: primals must be a tuple or list .*write \(primal"):
        fg.jvp(f, X, (X,))
    with pytest.raises(TypeError, match=r"jvp: tangents must be a tuple or list .* got ndarray"):
        fg.jvp(f, (p, 1.0), X)
    with pytest.raises(TreeError, match=r"jvp: tangents"):
        fg.jvp(f, (p, 1.0), (p,))
    with pytest.raises(TreeError, match=r"jvp: tangents"):
        fg.jvp(f, (p, 1.0), ({"v": X}, 1.0))
    with pytest.raises(
        ShapeError, match=r"tangent of argument 0 \('a'\) at \['w'\].*f64\[3\].*f64\[2\]"
    ):
        fg.jvp(f, (p, 1.0), ({"w": X[:2]}, 1.0))
    with pytest.raises(DtypeError, match=r"tangent of argument 0 .*f64\[3\]: got f32\[3\]"):
        fg.jvp(f, (p, 1.0), ({"w": X.astype("f")}, 1.0))
    with pytest.raises(DtypeError, match=r"tangent of argument 0 .*got i64\[3\]"):
        fg.jvp(f, (p, 1.0), ({"w": np.arange(3)}, 1.0))
    with pytest.raises(TypeError, match=r"jvp: fun must be a function"):
        fg.jvp(X, (X,), (X,))


def test_jvp_takes_lists_python_numbers_and_aux():
    y, t, aux = fg.jvp(lambda x: (x * x, x + 1), [3.0], [2.0], has_aux=True)

    assert (y, t, aux) == (9.0, 12.0, 4.0)
    assert fg.jvp(lambda x: x * 2, (np.float32(3),), (1,))[1] == 2
    with pytest.raises(TypeError, match=r"jvp: with has_aux=True"):
        fg.jvp(lambda x: x, (1.0,), (1.0,), has_aux=True)


def test_vjp_always_gives_a_tuple_and_may_be_called_again():
    y, pull = fg.vjp(lambda x: x**2, 3.0)
    assert y == 9.0 and pull(1.0) == (6.0,) and pull(2.0) == (12.0,) and pull(1.0) == (6.0,)

    _y, pull, aux = fg.vjp(lambda x, y: ({"s": x * y}, x), 3.0, 2.0, has_aux=True)
    assert aux == 3.0 and pull({"s": 1.0}) == (2.0, 3.0)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda k: pull({"s": float(k)}), range(9))) == [
            (2.0 * k, 3.0 * k) for k in range(9)
        ]
    assert fg.vjp(lambda: 3.0)[0] == 3.0 and fg.vjp(lambda: 3.0)[1](1.0) == ()


def test_vjp_checks_its_cotangent():
    _, pull = fg.vjp(lambda x: {"a": x, "b": (x[0], None)}, X)
    good = {"a": X, "b": (1.0, None)}
    assert np.allclose(pull(good)[0], X + [1, 0, 0])

    with pytest.raises(TreeError, match=r"vjp: the cotangent"):
        pull(X)
    with pytest.raises(TreeError, match=r"vjp: the cotangent.*"):
        pull({"a": X, "c": (1.0, None)})
    with pytest.raises(ShapeError, match=r"cotangent must have the shape of its primal, f64\[3\]"):
        pull({"a": X[:2], "b": (1.0, None)})
    with pytest.raises(DtypeError, match=r"cotangent must have the dtype of its primal.*got f32"):
        pull({"a": X.astype("f"), "b": (1.0, None)})
    assert np.allclose(pull(good)[0], X + [1, 0, 0])


def test_vjp_can_be_differentiated_after_the_fact():
    def f(x):
        _, pull = fg.vjp(lambda v: np.sin(v) * v, x)
        return pull(np.cos(x))[0].sum()

    fg.check_grads(f, (X,), order=2)


INTEGERS = {
    "a number": 3,
    "an array": np.arange(2),
    "an index": np.array(1),
    "booleans": np.array([True, False]),
    "an uint8": np.array([2, 3], np.uint8),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_beside_floats_have_zero_tangents(name):
    n, x = INTEGERS[name], np.array([0.5, 2.0])
    f = lambda x, rest: {"y": x**2 * rest["n"] + x[rest["n"] * 0], "n": rest["n"]}
    rest, real = {"n": n, "z": None}, lambda x: x**2 * n + x[np.asarray(n) * 0]
    if np.asarray(n).dtype == bool:
        f = lambda x, rest: {"y": np.where(rest["n"], x**2, x), "n": rest["n"]}
        real = lambda x: np.where(n, x**2, x)
    want, slope = fg.jvp(real, (x,), (np.ones(2),))
    float0 = np.zeros(np.shape(n), [("float0", np.void, 0)])
    for zero in (np.zeros_like(n), np.zeros(np.shape(n)), np.zeros(np.shape(n), bool), float0):
        tangents = (np.ones(2), {"n": zero, "z": None})
        y, t = fg.jvp(f, (x, rest), tangents)
        linear = fg.linearize(f, x, rest)[1](*tangents)
        for got in (t, linear):
            np.testing.assert_allclose(got["y"], slope, rtol=1e-14)
            assert np.asarray(got["n"]).dtype == np.asarray(n).dtype and not np.any(got["n"])
    np.testing.assert_allclose(y["y"], want)
    _, pullback = fg.vjp(f, x, rest)
    ct, of_rest = pullback({"y": np.ones(2), "n": n})

    np.testing.assert_allclose(ct, fg.vjp(real, x)[1](np.ones(2))[0])
    assert np.shape(of_rest["n"]) == np.shape(n) and not np.any(of_rest["n"])
    assert np.asarray(of_rest["n"]).dtype == np.asarray(n).dtype and of_rest["z"] is None
    fg.check_grads(f, (x, rest), order=2)
    staged = fg.jit(lambda x, rest: fg.jvp(f, (x, rest), (x, tree.map(np.zeros_like, rest)))[1])
    np.testing.assert_allclose(staged(x, rest)["y"], fg.jvp(real, (x,), (x,))[1])
    product = fg.hvp(
        lambda x, r: np.sum(f(x, r)["y"]), (x, rest), (x, tree.map(np.zeros_like, rest))
    )
    np.testing.assert_allclose(product[0], fg.hvp(lambda x: np.sum(real(x)), (x,), (x,)))
    rows = fg.jacrev(lambda r: f(r["x"], r)["y"], allow_int=True)({"x": x, **rest})
    assert rows["n"].shape == (2, *np.shape(n)) and not rows["n"].any()


def test_a_tangent_of_an_integer_is_zero():
    for call in (
        lambda t: fg.jvp(np.multiply, (2.0, 3), (1.0, t)),
        lambda t: fg.linearize(np.multiply, 2.0, 3)[1](1.0, t),
        lambda t: fg.jvp(lambda t: fg.jvp(np.multiply, (2.0, 3), (1.0, t)), (0.5,), (1.0,)),
    ):
        with pytest.raises(
            DtypeError, match=r"the tangent of .*, an integer i64\[\], must be zero"
        ):
            call(1.0)


# linearize and linear_transpose


MATRIX = np.array([[3.0, 1.0], [0.5, 2.0]])
LOOP = lambda v: fg.lax.while_loop(
    lambda s: s[2] < 1, lambda s: (s[0] * s[0], MATRIX @ s[1], s[2] + 1), (v, v, 0)
)
# linear functions of v, MATRIX @ v but for the gradients, in which something dead is not linear
DEAD = {
    "an output": lambda v: (np.sum(v**2), MATRIX @ v)[1],
    "of jit": lambda v: fg.jit(lambda v: (np.sum(v**2), MATRIX @ v))(v)[1],
    "of checkpoint": lambda v: fg.checkpoint(lambda v: (np.sin(v), MATRIX @ v))(v)[1],
    "a result of scan": lambda v: fg.lax.scan(lambda c, _: (MATRIX @ c, c * c), v, None, 1)[0],
    "a carry of scan": lambda v: fg.lax.scan(
        lambda c, _: ((c[0] * c[0], MATRIX @ c[1]), None), (v, v), None, 1)[0][1],
    "in a step": lambda v: fg.lax.scan(
        lambda c, _: ((np.sin(c), MATRIX @ c)[1], None), v, None, 1)[0],
    "a carry of while": lambda v: LOOP(v)[1],
    "of cond": lambda v: fg.jit(lambda p: fg.lax.cond(
        p > 0, lambda v: (v * v, MATRIX @ v), lambda v: (v, v), v)[1])(1.0),
    "a value": fg.grad(lambda v: 0.5 * v @ (MATRIX + MATRIX.T) @ v),
    "a value of jit": fg.grad(fg.jit(lambda v: 0.5 * v @ (MATRIX + MATRIX.T) @ v)),
    "a primal": lambda v: fg.jvp(np.sin, (np.zeros(2),), (MATRIX @ v,))[1],
}  # fmt: skip


@pytest.mark.parametrize("name", DEAD)
def test_dead_code_need_not_be_linear(name):
    f, ct = DEAD[name], np.array([1.0, -2.0])
    matrix = np.stack([f(e) for e in np.eye(2)], axis=1)
    solve = lambda mv, b: np.linalg.solve(np.stack([mv(e) for e in np.eye(2)], axis=1), b)
    solved = lambda b: fg.lax.custom_linear_solve(f, b, solve, solve)
    back = lambda ct: fg.linear_transpose(f, ct)(ct)[0]

    for got in (back(ct), fg.jit(back)(ct), fg.vmap(back)(ct[None])[0]):
        np.testing.assert_allclose(got, matrix.T @ ct, rtol=1e-12)
    np.testing.assert_allclose(solved(ct), np.linalg.solve(matrix, ct), rtol=1e-12)
    pulled = fg.vjp(solved, ct)[1](ct)[0]
    np.testing.assert_allclose(pulled, np.linalg.solve(matrix.T, ct), rtol=1e-12)


def test_linearize_is_jvp_run_once():
    calls = []

    def f(x, p):
        calls.append(1)
        return {"y": np.sin(x) * p["k"], "n": 3}

    _y, push = fg.linearize(f, X, {"k": 2.0})
    for v in (V, X, 0 * X):
        want = fg.jvp(f, (X, {"k": 2.0}), (v, {"k": 1.0}))[1]
        got = push(v, {"k": 1.0})
        assert np.allclose(got["y"], want["y"], rtol=1e-14) and tree.structure(
            got
        ) == tree.structure(want)
    assert len(calls) == 4  # once for linearize, once for each jvp

    *_, aux = fg.linearize(lambda x: (x * 2, "aux"), 1.0, has_aux=True)
    assert aux == "aux"
    with pytest.raises(ShapeError, match=r"linearize: the tangent of argument 0 \('x'\)"):
        push(X[:2], {"k": 1.0})
    with pytest.raises(TreeError, match=r"linearize: the tangents"):
        push(X)


def test_linearize_knows_the_values():
    y, push = fg.linearize(lambda x: x * 2 if x > 0 else -x, 3.0)

    assert (y, push(1.0)) == (6.0, 2.0)


LINEAR = {
    "matmul": (lambda x: W @ x, (X,)),
    "two": (lambda x, y: 2 * x - W.T @ y, (X, np.ones(2))),
    "tree": (lambda p: {"s": p["a"].sum(), "t": p["b"][::-1] * 3}, ({"a": X, "b": V},)),
    "gather": (lambda x: x[np.array([0, 0, 2])], (X,)),
    "reshape": (lambda x: np.pad(x.reshape(1, 3), 1).T, (X,)),
    "unused": (lambda x, y: x * 1.0, (X, V)),
    "where": (lambda x: np.where(V > 0, x, 0.0), (X,)),
    "cumsum": (lambda x: np.cumsum(x) + np.roll(x, 1), (X,)),
    "einsum": (lambda x: np.einsum("ij,j->i", W, x), (X,)),
    "nothing": (lambda x: np.zeros(2), (X,)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_transpose_is_the_adjoint(name):
    f, args = LINEAR[name]
    rng = np.random.default_rng(0)
    y = f(*args)
    ct = tree.map(lambda v: rng.normal(size=np.shape(v))[()], y)
    shapes = tree.map(lambda v: fg.ShapeDtypeStruct(np.shape(v), np.float64), args)
    inner = lambda a, b: sum(
        np.sum(u * v) for u, v in zip(tree.leaves(a), tree.leaves(b), strict=True)
    )

    for given in (args, shapes):
        back = fg.linear_transpose(f, *given)(ct)
        assert isinstance(back, tuple) and tree.structure(back) == tree.structure(args)
        assert np.isclose(inner(y, ct), inner(args, back), rtol=1e-12)
    twice = fg.linear_transpose(lambda c: fg.linear_transpose(f, *args)(c), ct)(args)[0]
    assert np.isclose(inner(twice, ct), inner(y, ct), rtol=1e-12)


def test_what_is_not_linear_has_no_transpose():
    with pytest.raises(
        MissingRuleError, match=r"not linear: sin .*test_transforms.py:\d+; use vjp"
    ):
        fg.linear_transpose(np.sin, X)(X)
    with pytest.raises(MissingRuleError, match=r"not linear: mul"):
        fg.linear_transpose(lambda x: x * x, X)(X)
    with pytest.raises(ConcretizationError):
        fg.linear_transpose(lambda x: x if x[0] > 0 else -x, X)


# jacobians and hessians


SHAPES = {
    "vector to vector": (lambda x: np.sin(x) * x[0], X),
    "matrix to scalar": (lambda x: (x @ x.T).sum(), W),
    "scalar to matrix": (lambda x: np.outer(X, X) * x, 2.0),
    "matrix to matrix": (lambda x: np.tanh(x @ x.T), W),
    "scalar to scalar": (np.tanh, 0.3),
    "tree to tree": (lambda p: {"y": p["a"] * p["b"], "z": p["b"] ** 2}, {"a": X, "b": 2.0}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_both_jacobians_are_one(name):
    f, x = SHAPES[name]
    fwd, rev = fg.jacfwd(f)(x), fg.jacrev(f)(x)
    y = f(x)

    assert tree.structure(fwd) == tree.structure(rev)
    for a, b in zip(tree.leaves(fwd), tree.leaves(rev), strict=True):
        assert np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12)
    if not isinstance(x, dict):
        assert np.shape(fwd) == np.shape(y) + np.shape(x)
        column = fg.jvp(f, (x,), (np.ones_like(x),))[1]
        axes = tuple(range(np.ndim(y), np.ndim(fwd)))
        assert np.allclose(np.sum(fwd, axis=axes), column, rtol=1e-12)


@pytest.mark.parametrize("transform", [fg.jacfwd, fg.jacrev, fg.hessian])
@pytest.mark.parametrize("name", SHAPES)
def test_derivatives_one_by_one_are_those_of_a_batch(transform, name, monkeypatch):
    f, x = SHAPES[name]
    g = (lambda x: sum(np.sum(y**3) for y in tree.leaves(f(x)))) if transform is fg.hessian else f
    monkeypatch.setattr(jacobian, "_FEW", 0)
    batched = transform(g)(x)
    monkeypatch.setattr(jacobian, "_FEW", 100)
    single = transform(g)(x)

    assert_same(batched, single, rtol=1e-13, kinds=True)  # reordered sums


def test_a_hessian_of_trees_is_a_tree_of_trees():
    f = lambda p: (p["a"] ** 2).sum() * p["b"] ** 3
    h = fg.hessian(f)({"a": X, "b": 2.0})

    assert np.allclose(h["a"]["a"], 16 * np.eye(3)) and np.allclose(h["a"]["b"], 24 * X)
    assert np.allclose(h["b"]["a"], 24 * X) and np.isclose(h["b"]["b"], 12 * X @ X)


def test_hessian_argnums_and_aux():
    f = lambda x, y: (x**2).sum() * y
    h = fg.hessian(f, (0, 1))(X, 3.0)

    assert np.allclose(h[0][0], 6 * np.eye(3)) and np.allclose(h[0][1], 2 * X)
    assert np.allclose(h[1][0], 2 * X) and h[1][1] == 0
    assert fg.hessian(f, argnames="y")(X, y=3.0) == 0
    got, aux = fg.hessian(lambda x: ((x**3).sum(), x), has_aux=True)(X)
    assert np.allclose(got, np.diag(6 * X)) and np.array_equal(aux, X)


def test_hvp_is_the_hessian_times_the_vector():
    f = lambda x: np.exp(x * x[::-1]).sum()

    assert np.allclose(fg.hvp(f, (X,), (V,)), fg.hessian(f)(X) @ V, rtol=1e-12)
    g = lambda x, y: (x**2).sum() * y
    a, b = fg.hvp(g, (X, 3.0), (V, 1.0))
    assert np.allclose(a, 6 * V + 2 * X) and np.isclose(b, 2 * X @ V)
    with pytest.raises(NonScalarError):
        fg.hvp(np.sin, (X,), (V,))


# complex numbers


def test_the_gradient_of_abs_squared_is_jaxs():
    assert fg.grad(lambda z: abs(z) ** 2)(1 + 2j) == 2 - 4j
    assert fg.grad(lambda z: np.real(z * np.conj(z)))(1 + 2j) == 2 - 4j
    assert fg.grad(np.real)(1 + 2j) == 1 and fg.grad(np.imag)(1 + 2j) == -1j


def test_holomorphic():
    f = lambda z: z**3 + np.exp(z)
    z = 0.3 + 0.4j
    want = 3 * z**2 + np.exp(z)

    assert np.isclose(fg.grad(f, holomorphic=True)(z), want)
    assert np.isclose(fg.jacfwd(f, holomorphic=True)(z), want)
    assert np.isclose(fg.jacrev(f, holomorphic=True)(z), want)
    assert np.isclose(fg.hessian(f, holomorphic=True)(z), 6 * z + np.exp(z))
    with pytest.raises(DtypeError, match=r"output must be real: got c128\[\]; .*holomorphic=True"):
        fg.grad(f)(z)
    with pytest.raises(DtypeError, match=r"output must be complex: got f64\[\]"):
        fg.grad(abs, holomorphic=True)(z)
    with pytest.raises(DtypeError, match=r"arguments must be complex"):
        fg.grad(lambda x: x * 1j, holomorphic=True)(1.0)
    with pytest.raises(DtypeError, match=r"complex argument .*holomorphic=True"):
        fg.jacfwd(f)(z)


def test_complex_inside_a_real_function():
    f = lambda x: np.abs(np.exp(1j * x) + 1).sum()

    fg.check_grads(f, (X,), order=2)
    assert fg.grad(f)(X).dtype == np.float64


def test_check_grads_of_complex_functions():
    fg.check_grads(lambda z: z * np.sin(z), (np.array([0.3 + 1j, -1 + 0.2j]),), order=2)
    fg.check_grads(lambda z: np.abs(z) ** 2, (np.array([0.3 + 1j]),), order=2)


# check_grads


def sine(x):  # no ufunc, or the rules would become those of np.sin
    return np.sin(x)


wrong_value = Elementwise("wrong_sin", sine, lambda t, y, x: t * np.cos(x) * 1.01)
wrong_twice = Elementwise("wrong_twice", sine, lambda t, y, x: t * fg.stop_gradient(np.cos(x)))


class HalfRight(Elementwise):
    """Right forward, wrong in reverse."""

    def vjp(self, cts, needs, outs, ins):
        return (cts[0] * 2.0,)


half_right = HalfRight("half_right", sine, lambda t, y, x: t * np.cos(x))
for prim in (wrong_value, wrong_twice, half_right):
    del primitives[prim.name]  # they are nobody else's


def test_check_grads_catches_a_wrong_rule():
    fg.check_grads(np.sin, (X,), order=3)
    with pytest.raises(AssertionError, match=r"'fwd' differs .* by .*: got .* differences give"):
        fg.check_grads(wrong_value, (X,))
    with pytest.raises(AssertionError, match="'rev'"):
        fg.check_grads(wrong_value, (X,), modes=["rev"])
    fg.check_grads(wrong_twice, (X,), order=1)
    with pytest.raises(AssertionError, match="'fwd fwd'"):
        fg.check_grads(wrong_twice, (X,), order=2)
    fg.check_grads(half_right, (X,), modes=["fwd"])
    with pytest.raises(AssertionError, match="'rev'"):
        fg.check_grads(half_right, (X,))


def test_check_grads_says_what_it_does_not_take():
    with pytest.raises(ValueError, match=r"modes must be 'fwd' or 'rev'"):
        fg.check_grads(np.sin, (X,), modes=["backward"])
    with pytest.raises(ValueError, match=r"order at least 1"):
        fg.check_grads(np.sin, (X,), order=0)
    with pytest.raises(DtypeError):
        fg.check_grads(np.sin, (np.arange(3),))
    with pytest.raises(TypeError):
        fg.check_grads(3, (X,))


def test_check_grads_of_trees_float32_and_tolerances():
    f = lambda p, y: {"s": p["w"] @ y, "t": [np.tanh(y)]}
    fg.check_grads(f, ({"w": W, "name": "x"}, X), order=2)
    fg.check_grads(lambda x: x**2, (X.astype("f"),), order=1)
    fg.check_grads(lambda x: fg.numpy.asarray(x, np.float32) ** 2, (1.0,))
    fg.check_grads(wrong_value, (X,), rtol=0.1)
    fg.check_grads(np.abs, (X,), eps=1e-3)


def test_check_grads_moves_a_scalar_by_eps():
    seen = []
    f = lambda x: x * x if isinstance(x, Tracer) else seen.append(float(x)) or x * x
    fg.check_grads(f, (np.float32(2.0),), modes=["rev"], eps=0.5)

    assert sorted(set(seen)) == [1.5, 2.0, 2.5]  # by a small part of it, rounding errors remain


# shapes and programs


def test_eval_shape():
    calls = []

    def f(x, p, k=2):
        calls.append(1)
        return {"y": x @ p["w"], "n": None, "k": x.sum() * k}

    x = fg.ShapeDtypeStruct((5, 3), np.float32)
    got = fg.eval_shape(f, x, {"w": fg.ShapeDtypeStruct((3, 4), "f4")}, k=3)

    assert got["y"] == fg.ShapeDtypeStruct((5, 4), np.float32) and got["n"] is None
    assert got["k"].shape == () and got["k"].dtype == np.float32
    assert fg.eval_shape(lambda x: (x, 1.0, np.ones(2)), 3) == (
        fg.ShapeDtypeStruct((), np.int64),
        fg.ShapeDtypeStruct((), np.float64),
        fg.ShapeDtypeStruct((2,), np.float64),
    )
    assert calls == [1]
    huge = fg.ShapeDtypeStruct((10**6, 10**6), np.float64)
    assert fg.eval_shape(lambda x: np.tanh(x).sum(0), huge).shape == (10**6,)
    with pytest.raises(ShapeError, match=r"f32\[5,3\] and f32\[4,3\]"):
        fg.eval_shape(lambda x, y: x @ y, x, fg.ShapeDtypeStruct((4, 3), "f4"))
    with pytest.raises(ConcretizationError):
        fg.eval_shape(lambda x: x if x[0, 0] > 0 else -x, x)


def test_a_shape_dtype_struct_is_a_value():
    s = fg.ShapeDtypeStruct([2, 3], "float32")

    assert s == fg.ShapeDtypeStruct((2, 3), np.float32) and hash(s) == hash(s)
    assert (s.ndim, s.size, s.shape, s.dtype) == (2, 6, (2, 3), np.dtype("f4"))
    assert repr(s) == "ShapeDtypeStruct(shape=(2, 3), dtype=float32)"


def test_make_jaxpr():
    def f(x, n, p):
        return {"y": x**n * p["k"], "n": None}

    closed, shape = fg.make_jaxpr(f, static_argnums=1, return_shape=True)(X, 3, {"k": 2.0})
    check_jaxpr(closed.jaxpr)

    assert np.allclose(closed(X, 2.0)[0], f(X, 3, {"k": 2.0})["y"])
    assert shape == {"y": fg.ShapeDtypeStruct((3,), np.float64), "n": None}
    assert len(closed.in_avals) == 2 and str(closed.out_avals[0]) == "f64[3]"
    assert fg.make_jaxpr(f, static_argnums=(-2,))(X, 3, {"k": 2.0}).in_avals == closed.in_avals
    assert "lambda" in str(closed) and "mul" in str(closed)
    assert fg.make_jaxpr(f).__name__ == "f"
    assert fg.make_jaxpr(lambda x, kind: x if kind == "id" else -x)(X, "id")(X)[0] is X


def test_make_jaxpr_keeps_what_it_closes_over():
    w = W.copy()
    closed = fg.make_jaxpr(lambda x: w @ x + w @ x)(X)

    assert len(closed.consts) == 1 and np.allclose(closed(V)[0], 2 * W @ V)


def test_make_jaxpr_of_what_is_no_array():
    with pytest.raises(TypeError, match=r"output must be made of arrays: got str at \['s'\]"):
        fg.make_jaxpr(lambda x: {"s": "text", "x": x})(X)
    with pytest.raises(TypeError):
        fg.make_jaxpr(3)


def test_a_weak_number_stays_weak_while_staged():
    f = lambda x, y: x * y

    assert fg.eval_shape(f, 2.0, np.ones(3, "f")).dtype == np.float32
    assert fg.eval_shape(f, np.float64(2.0), np.ones(3, "f")).dtype == np.float64
    assert fg.eval_shape(lambda x: x * np.ones(3, "f"), 2).dtype == np.float32


# stop_gradient


def test_stop_gradient_stops_every_derivative():
    f = lambda x: (fg.stop_gradient({"a": x, "b": "text"})["a"] * x).sum()

    assert np.allclose(fg.grad(f)(X), X)
    assert np.isclose(fg.jvp(f, (X,), (V,))[1], X @ V)
    assert np.allclose(fg.hessian(f)(X), 0)  # the inner derivative's x is stopped as well
    assert fg.stop_gradient(X) is X and fg.stop_gradient(3.0) == 3.0
    assert fg.stop_gradient(("text", None)) == ("text", None)
    assert fg.grad(lambda x: x * fg.grad(lambda y: fg.stop_gradient(x) * y)(1.0))(3.0) == 3.0
    closed = fg.make_jaxpr(f)(X)
    assert np.allclose(fg.grad(lambda x: closed(x)[0])(X), X)


def test_straight_through():
    f = lambda x: (x + fg.stop_gradient(np.round(x) - x)).sum()

    assert f(X) == np.round(X).sum() and np.array_equal(fg.grad(f)(X), np.ones(3))


# signatures


def test_signatures_are_jaxs_with_argnames():
    names = lambda f: list(inspect.signature(f).parameters)

    assert names(fg.grad) == ["fun", "argnums", "has_aux", "holomorphic", "allow_int", "argnames"]
    assert names(fg.value_and_grad) == names(fg.grad)
    assert names(fg.jacfwd) == ["fun", "argnums", "has_aux", "holomorphic", "argnames"]
    assert names(fg.jacrev) == names(fg.grad) and names(fg.hessian) == names(fg.jacfwd)
    assert names(fg.jvp) == ["fun", "primals", "tangents", "has_aux"]
    assert names(fg.vjp) == names(fg.linearize) == ["fun", "primals", "has_aux"]
    assert names(fg.linear_transpose) == ["fun", "primals"]
    assert names(fg.check_grads) == ["fun", "args", "order", "modes", "atol", "rtol", "eps"]
    assert names(fg.jacobian) == names(fg.jacrev)
