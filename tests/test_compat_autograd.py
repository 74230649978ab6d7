"""Programs in HIPS autograd's idiom, on funcgrad.compat.autograd."""

import math
import sys

import numpy as onp
import pytest

import funcgrad as fg
import funcgrad.compat.autograd.numpy as np
import funcgrad.compat.autograd.numpy.random as npr
from funcgrad.compat import autograd as ag
from funcgrad.compat.autograd import elementwise_grad, grad, jacobian, value_and_grad
from funcgrad.compat.autograd.extend import (
    Box,
    defjvp,
    defvjp,
    notrace_primitive,
    primitive,
    vspace,
)
from funcgrad.compat.autograd.misc import const_graph, flatten
from funcgrad.compat.autograd.misc.fixed_points import fixed_point
from funcgrad.compat.autograd.misc.optimizers import adam, rmsprop, sgd
from funcgrad.compat.autograd.numpy.numpy_boxes import ArrayBox
from funcgrad.compat.autograd.test_util import check_grads
from funcgrad.compat.autograd.tracer import getval, isbox
from funcgrad.core.errors import DtypeError, MissingRuleError, NonScalarError, UnsupportedError

X = onp.array([0.3, -0.7, 1.1])


@primitive
def logaddexp_of(xs, scale=1.0):
    """A primitive that tracers cannot enter: it converts to Python floats."""
    return scale * math.log(sum(math.exp(float(x)) for x in xs))


defvjp(logaddexp_of, lambda ans, xs, scale=1.0: lambda g: g * scale * np.exp(xs - ans / scale))
defjvp(
    logaddexp_of,
    lambda g, ans, xs, scale=1.0: scale * np.sum(np.exp(xs - ans / scale) * g),
)


@pytest.fixture(autouse=True)
def seed():
    npr.seed(3)


# derivatives by position


def test_gradients_by_lists_of_arguments_are_tuples():
    f = lambda a, b, c=2.0: np.sum(a * np.sin(b)) * c

    got = grad(f, argnum=[1, 0])(X, 2 * X, c=3.0)

    assert isinstance(got, tuple) and grad(f, 1).__name__.endswith("_wrt_argnum_1")
    onp.testing.assert_allclose(got[0], 3 * X * onp.cos(2 * X))
    onp.testing.assert_allclose(got[1], 3 * onp.sin(2 * X))


def test_an_output_of_one_element_has_a_gradient():
    value, got = value_and_grad(lambda x: np.sum(x**2, keepdims=True))(X)

    assert value.shape == (1,)
    onp.testing.assert_allclose(got, 2 * X)


@pytest.mark.parametrize(
    ("fun", "x", "error"),
    [
        (lambda x: x * 2, X, NonScalarError),
        (lambda x: x * 1j, 1.0, NonScalarError),
        (lambda x: x * 2, 3, DtypeError),
        (lambda x: np.allclose(x, 1.0), X, DtypeError),
    ],
)
def test_no_gradient_of_vectors_complex_outputs_and_integers(fun, x, error):
    with pytest.raises(error):
        grad(fun)(x)


def test_containers_and_their_gradients_have_one_structure():
    params = {"w": [X, 2.0], "b": (X,)}

    got = grad(lambda p: np.sum(p["w"][0] * p["b"][0]) * p["w"][1])(params)

    assert isinstance(got["w"], list) and isinstance(got["b"], tuple)
    onp.testing.assert_allclose(got["b"][0], 2 * X)


def test_jacobians_hessians_and_products_agree():
    f = lambda x: np.array([x[0] * x[1], np.sin(x[2]), np.sum(x)])
    scalar = lambda x: np.sum(f(x) ** 2)
    dense, v = jacobian(f)(X), onp.array([1.0, 2.0, -1.0])
    hessian = ag.hessian(scalar)(X)

    onp.testing.assert_allclose(dense @ v, ag.make_jvp(f)(X)(v)[1])
    onp.testing.assert_allclose(v @ dense, ag.vector_jacobian_product(f)(X, v))
    onp.testing.assert_allclose(v @ dense, ag.make_vjp(f)(X)[0](v))
    onp.testing.assert_allclose(hessian @ v, ag.hessian_vector_product(scalar)(X, v))
    onp.testing.assert_allclose(hessian @ v, ag.make_hvp(scalar)(X)[0](v))
    onp.testing.assert_allclose(dense.T @ dense @ v, ag.make_ggnvp(f)(X)(v))


def test_elementwise_gradients_nest():
    third = elementwise_grad(elementwise_grad(elementwise_grad(np.sin)))

    onp.testing.assert_allclose(third(X), -onp.cos(X))
    assert ag.deriv(np.sin)(0.0) == 1.0
    assert ag.grad_named(lambda a, b: a * b, "b")(3.0, 2.0) == 3.0
    assert ag.multigrad_dict(lambda a, b=2.0: a * b)(3.0) == {"a": 2.0, "b": 3.0}
    assert ag.holomorphic_grad(lambda z: z**2)(1 + 2j) == 2 + 4j
    onp.testing.assert_allclose(grad(ag.checkpoint(lambda x: np.sum(x**3)))(X), 3 * X**2)


def test_an_augmented_assignment_makes_a_new_array():
    def f(x):
        y = x
        y += 1
        return np.sum(x * y)

    onp.testing.assert_allclose(grad(f)(X), 2 * X + 1)


# primitives


def test_a_primitive_sees_values_and_keeps_its_rules_at_every_order():
    f = lambda x: logaddexp_of(x**2, scale=2.0)
    want = lambda x: 2.0 * np.log(np.sum(np.exp(x**2)))

    onp.testing.assert_allclose(grad(f)(X), grad(want)(X))
    onp.testing.assert_allclose(ag.hessian(f)(X), ag.hessian(want)(X), atol=1e-12)
    check_grads(f)(X)


def test_a_primitive_under_vmap_runs_for_each_example():
    xs = onp.stack([X, 2 * X])

    got = fg.vmap(fg.grad(logaddexp_of))(xs)

    onp.testing.assert_allclose(got, [grad(logaddexp_of)(x) for x in xs])
    with pytest.raises(UnsupportedError, match="needs concrete values"):
        fg.jit(logaddexp_of)(X)


def test_a_primitive_takes_and_gives_containers():
    @primitive
    def swap(pair, sign):
        return {"a": sign * pair[1], "b": pair[0]}

    defvjp(swap, lambda ans, pair, sign: lambda g: (g["b"], sign * g["a"]), None)

    f = lambda x, y: np.sum(swap((x, y), 2.0)["a"] * 3.0) + np.sum(swap([x, y], 1.0)["b"])

    assert grad(f, (0, 1))(1.0, 5.0) == (1.0, 6.0)


def test_a_tangent_by_reverse_mode_needs_no_forward_rules():
    tripled = primitive(lambda x: 3 * x)
    defvjp(tripled, lambda ans, x: lambda g: 3 * g)
    fun = lambda x: np.sin(tripled(x))
    x, v = np.array([0.3, 0.5]), np.array([1.0, -2.0])

    onp.testing.assert_allclose(
        ag.differential_operators.make_jvp_reversemode(fun)(x)(v), 3 * np.cos(3 * x) * v
    )
    onp.testing.assert_allclose(ag.make_ggnvp(fun)(x)(v), (3 * np.cos(3 * x)) ** 2 * v)


def test_an_array_of_integers_has_a_gradient():
    x = onp.array([1, 2])

    assert elementwise_grad(lambda x: x**3)(x).tolist() == [3.0, 12.0]
    assert ag.make_jvp(lambda x: x**3)(x)(onp.ones(2))[1].tolist() == [3.0, 12.0]


def test_missing_rules_are_named():
    f = primitive(lambda x: 2.0 * x)

    with pytest.raises(NotImplementedError, match="define it by defvjp"):
        grad(f)(1.0)
    with pytest.raises(MissingRuleError, match="define it by defjvp"):
        ag.deriv(f)(1.0)
    with pytest.raises(UnsupportedError, match="only a function decorated by primitive"):
        defvjp(onp.sin, None)
    defvjp(lambda x: x, None)  # kept, and never read, as in autograd


def test_boxes_are_traced_values():
    seen = []

    def f(x):
        seen.append((isbox(x), isinstance(x, Box), isinstance(x, ArrayBox), ag.type(x), getval(x)))
        assert ag.isinstance(x, float) and not isbox(getval(x))
        return x * notrace_primitive(lambda v: v + 1.0)(x)

    assert grad(f)(2.0) == 3.0
    grad(lambda p: seen.append(isinstance(p, ag.builtins.DictBox)) or p["a"])({"a": 1.0})
    assert seen.pop() is True and not isinstance({"a": 1.0}, ag.builtins.DictBox)
    assert seen == [(True, True, True, float, 2.0)]


def test_vector_spaces_have_bases_and_inner_products():
    value = {"a": 1.0 + 2j, "b": [X]}
    space = vspace(value)

    assert space.size == 5 and len(list(space.standard_basis())) == 5
    assert space.inner_prod(value, value) == pytest.approx(5 + X @ X)
    assert space == vspace(space.add(value, space.ones())) and vspace(1.0) != vspace(1j)


# NumPy and what stands around


def test_arrays_to_join_may_come_from_a_dict():
    slope = grad(lambda d: np.sum(np.stack(d.values()) ** 2) + np.sum(np.hstack(d.values())))

    assert slope({"a": np.array([1.0]), "b": np.array([2.0])}) == {"a": [3.0], "b": [5.0]}


def test_lists_of_traced_values_are_arrays():
    f = lambda x: np.sum(np.array([[x, 1.0], [2.0, x**2]]) @ np.stack([x, x]))

    assert grad(f)(3.0) == pytest.approx(1 + 2 * 3 + 2 + 3 * 9)
    assert grad(lambda x: np.sum(np.stack(i * x for i in range(3))))(1.0) == 3.0
    assert type(np.where(True, 1, 2)) is int and type(np.zeros(2)) is onp.ndarray


def test_created_arrays_are_plain_inside_of_a_gradient():
    def f(x):
        y = np.zeros_like(x)
        assert type(y) is onp.ndarray and type(np.ones(2)) is onp.ndarray
        return np.sum(x + y + np.full(3, x[0]))

    onp.testing.assert_allclose(grad(f)(X), [4.0, 1.0, 1.0])


def test_optimizers_descend_over_trees():
    loss = lambda p, i: np.sum((p["w"] - 1.0) ** 2) + (p["b"] + 2.0) ** 2
    start = {"w": onp.zeros(3), "b": 0.0}
    calls = []

    for optimizer in (sgd, rmsprop, adam):
        report = lambda p, i, g: calls.append(i)
        found = optimizer(grad(loss), start, report, num_iters=200, step_size=0.05)
        onp.testing.assert_allclose(found["w"], 1.0, atol=0.1)
        assert found["b"] == pytest.approx(-2.0, abs=0.1)
    assert len(calls) == 600


def test_flatten_and_its_inverse():
    value = (1.0, [X, {"k": 2 * X}])
    flat, unflatten = flatten(value)

    assert flat.shape == (7,) and unflatten(flat)[0] == 1.0
    onp.testing.assert_array_equal(unflatten(2 * flat)[1][1]["k"], 4 * X)


def test_a_fixed_point_is_differentiated_implicitly():
    root = lambda a: fixed_point(
        lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: abs(x - y), 1e-12
    )

    assert grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2.0), rel=1e-9)


def test_a_graph_is_traced_once_and_replayed():
    runs = []

    def f(x, y):
        runs.append(1)
        return grad(lambda x: np.sin(x) * y)(x)

    replayed = const_graph(f)

    assert [replayed(0.0, 2.0), replayed(1.0, 3.0)] == [2.0, 3 * onp.cos(1.0)]
    assert len(runs) == 1


def test_check_grads_names_the_function_that_fails():
    wrong = primitive(lambda x: 2.0 * x)
    wrong.__name__ = "wrong"
    defvjp(wrong, lambda ans, x: lambda g: 2.001 * g)

    with pytest.raises(AssertionError, match=r"\(VJP\) check of wrong failed"):
        check_grads(wrong, modes=["rev"])(1.0)


def test_scipys_modules_have_the_distributions_and_bessel_functions():
    pytest.importorskip("scipy")
    import funcgrad.compat.autograd.scipy.stats.norm as norm

    import funcgrad.compat.autograd.scipy.special as special
    from funcgrad.compat.autograd.scipy import stats
    from funcgrad.compat.autograd.scipy.linalg import sqrtm

    assert stats.norm is norm and "funcgrad.compat.autograd.scipy.stats.t" in sys.modules
    check_grads(lambda x: np.sum(norm.logpdf(x, 0.1, 2.0)))(X)
    check_grads(lambda x: special.jn(2, x) + special.j0(x) + special.ive(1.5, x))(onp.abs(X) + 1)
    check_grads(lambda z: special.erf(z), modes=["rev"])(0.3 + 0.1j)
    check_grads(lambda a: sqrtm(a @ a.T - 3 * onp.eye(2)))(onp.array([[1.0, 2.0], [0.5, 1.0]]))


# objects


class Measure:
    """A sum of point masses, by position."""

    def __init__(self, masses):
        self.masses = masses

    @primitive
    def integral(self, power):
        return sum(m * x**power for x, m in self.masses.items())


class MeasureBox(Box, Measure):
    masses = property(lambda self: self._value.masses)


class MeasureSpace(ag.extend.VSpace):
    def zeros(self):
        return Measure({})

    def _add(self, a, b):
        keys = {**a.masses, **b.masses}
        return Measure({k: a.masses.get(k, 0.0) + b.masses.get(k, 0.0) for k in keys})


def test_a_gradient_by_an_object_of_a_boxed_class():
    MeasureBox.register(Measure)
    MeasureSpace.register(Measure)
    pull = lambda ans, m, power: lambda g: Measure({x: g * x**power for x in m.masses})
    defvjp(Measure.integral, pull, None)
    measure = Measure({2.0: 0.5, 3.0: 1.0})

    value, got = value_and_grad(lambda m: m.integral(1) ** 2 + np.sin(m.integral(0)))(measure)

    assert value == 16.0 + math.sin(1.5)
    assert got.masses == pytest.approx({x: 8 * x + math.cos(1.5) for x in (2.0, 3.0)})
