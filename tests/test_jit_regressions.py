"""One test for each bug of jit that was found."""

import dataclasses
import pickle

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax

M = np.random.default_rng(0).normal(size=(400, 500))
X = np.array([1.5, -2.0, 3.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sin((x * 2)[::-1] @ x.T)[::-1] * 2 + 1,
        lambda x: np.tanh((x @ x.T)[:, :390]) * 2 + 1,
        fg.grad(lambda x: (np.tanh((x @ x.T / 20).T) ** 2).sum()),
    ],
    ids=["flip", "part", "transpose"],
)
def test_blocks_read_views_of_the_workspace_as_they_are_now(f):
    np.testing.assert_allclose(fg.jit(f)(M), f(M), rtol=1e-9, atol=1e-9)


def test_real_and_imaginary_parts_are_memory_of_their_own():
    f = fg.jit(lambda x: (np.real(x * 1j + x), np.imag(x * 1j)))
    first = f(X)
    f(X * 0)

    np.testing.assert_array_equal(first, [X, X])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: (y, x),
        lambda x, y: (np.sin(y), x),
        lambda x, y: (x[::-1], x),
        lambda x, y: (np.sin(x), x[::-1]),
        lambda x, y: (y[::-1], x[::-1]),
        lambda x, y: {"new": x - 0.1 * y, "old": x},
    ],
    ids=["swap", "beside", "flip", "view", "views", "old and new"],
)
@pytest.mark.parametrize("donated", [(0,), (0, 1)], ids=str)
def test_a_donated_argument_may_be_an_output_too(f, donated):
    want, compiled = f(X, X + 10), fg.jit(f, donate_argnums=donated)
    for _ in range(2):
        got = compiled(X.copy(), X + 10)
        for w, g in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
            np.testing.assert_array_equal(g, w)


def test_a_choice_of_one_value_from_itself_is_that_value():
    f = lambda x: np.where(x > 0, np.sin(x), np.sin(x)) + 0.5

    np.testing.assert_array_equal(fg.jit(f)(X), f(X))


def test_a_program_is_of_the_named_axes_around_its_call():
    f = fg.jit(lambda c: c * lax.psum(1, "i"))
    for n in (3, 5):
        got = fg.vmap(lambda x: x * f(2.0), axis_name="i")(np.ones(n))
        np.testing.assert_array_equal(got, np.full(n, 2.0 * n))
    with pytest.raises(fg.errors.FuncgradError, match="no axis"):
        f(2.0)


def test_arguments_may_be_called_as_numpys_functions_are():
    def f(exp, empty, float64):
        return np.exp(exp) + empty @ empty * float64

    np.testing.assert_array_equal(fg.jit(f)(X, X, X), f(X, X, X))


def test_a_constant_is_a_copy_also_while_an_outer_transform_holds_it():
    w = np.arange(3.0)
    f = fg.jit(lambda x: x * w)
    fg.grad(lambda x: (x * w + f(x)).sum())(X)
    w[:] = 9.0

    np.testing.assert_array_equal(f(X), X * np.arange(3.0))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x * 100 * 100, np.array([1, 2, 3], np.int8)),
        (lambda x: (-x) * 3, np.array([1, 2, 3], np.uint8)),
        (lambda x: x * 300 * 300, np.array([0.001], np.float16)),
        (lambda x: x * 1e30 * 1e30, np.array([1e-30], np.float32)),
        (lambda x: x / 1e-5, np.array([0.1], np.float16)),
        (lambda x: x / 1e-40, np.array([1e-10], np.float32)),
        (lambda x: np.sum(np.broadcast_to(x, (0, 2)), 0), np.array([np.inf, np.nan])),
        (lambda x: x * np.longdouble(0.1), np.ones(2, np.longdouble)),
        (lambda x: x**-5, np.array([1e62])),
    ],
    ids=["int8", "uint8", "f2", "f4", "/f2", "/f4", "empty", "longdouble", "power"],
)
def test_algebra_does_not_leave_the_range_of_a_dtype(f, x):
    want, got = f(x), fg.jit(f)(x)

    assert want.dtype == got.dtype
    np.testing.assert_allclose(got, want, rtol=64 * np.finfo(np.float16).eps if x.dtype == "f2"
                               else 1e-5)  # fmt: skip


def test_zero_keeps_its_sign():
    z = np.array([0.0, -0.0, 1.0])
    for f in (lambda x: np.where(x > 0, x * 1.0, -0.0), lambda x: np.copysign(1.0 + x, z),
              lambda x: x * 0.0 + 0, lambda x: 0 - x * 0.0):  # fmt: skip
        np.testing.assert_array_equal(np.signbit(fg.jit(f)(X)), np.signbit(f(X)))


@pytest.mark.parametrize("filename", ["C:\\Users\\x.py", 'a"""b.py'])
def test_any_file_name_may_stand_in_the_source(filename):
    scope = {}
    exec(compile("def f(x):\n    return x * 2\n", filename, "exec"), scope)

    np.testing.assert_array_equal(fg.jit(scope["f"])(X), X * 2)


def test_static_values_that_are_equal_but_not_the_same_are_other_programs():
    f = fg.jit(lambda x, s: x * s[0], static_argnums=1)
    g = fg.jit(np.copysign, static_argnums=1)

    assert [f(np.arange(3), (n,)).dtype.kind for n in (1, 1.0)] == ["i", "f"]
    assert [np.signbit(g(1.0, zero)) for zero in (0.0, -0.0)] == [False, True]


@pytest.mark.parametrize("n", [5, -5])
def test_static_argnums_beyond_the_arguments_are_refused(n):
    with pytest.raises(ValueError, match="static_argnums"):
        fg.jit(lambda x: x, static_argnums=n)


def test_scalar_overflow_of_integers_warns_as_numpy_does():
    f = lambda x: x + x
    for g in (f, fg.jit(f)):
        with pytest.warns(RuntimeWarning, match="overflow"):
            g(np.int8(100))


U, I8 = np.array([1, 2, 200], np.uint8), np.array([-128, 1], np.int8)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda a: np.exp(np.sort(a)[::-1]) * 2, (M,)),
        (lambda a: (lambda d: np.sin(d + d[::-1]) * 2)(a * 2), (M,)),
        (lambda a, i: (a * 2)[i] + 1, (M[:4], 2)),
        (lambda a: lax.fori_loop(0, 3, lambda i, c: c + (c * 2)[i], a), (M[:3, :4],)),
        (lambda f, u: f + (-u), (np.ones(3, "f4"), U)),
        (lambda f, u: (-f) * (-u), (np.ones(3, "f4"), U)),
        (lambda u: (u * 2) * 0.5, (U,)),
        (lambda a: (a * np.uint8(200)) * np.uint8(200), (X,)),
        (lambda c, a: np.where(c, a, np.float64(0.1)), (X, X.astype("f4"))),
        (lambda n: lax.fori_loop(0, n, lambda i, c: c * 2, np.int8(30)), (np.int8(2),)),
        (lambda a: lax.scan(lambda c, r: (c * c + 1, c), np.float32(1.1), a), (np.ones(3, "f4"),)),
        (lambda a: a / np.float32(0.1), (X,)),
        (lambda a: np.sum(np.broadcast_to(a, (100_000,))), (np.float16(0.01),)),
        (lambda a: np.copysign(a, np.array([-0.0, 0.0])), (np.ones(2),)),
        (lambda u: np.clip(u, -1, 1), (U,)),
        (lambda u, e: np.einsum("i,i->", u, e), (np.array([141, 181], "u1"), np.ones(1, "i1"))),
        (lambda a: np.floor(a / 49), (np.array([49.0, 98.0]),)),
        (lambda z: (np.exp(z).imag * 2, z.real), (X + 1j,)),
    ],
)
def test_values_and_dtypes_are_those_of_eager_code(f, args):
    want, got = fg.tree.leaves(f(*args)), fg.tree.leaves(fg.jit(f)(*args))
    for w, g in zip(want, got, strict=True):
        assert np.asarray(w).dtype == np.asarray(g).dtype
        np.testing.assert_allclose(g, w, rtol=1e-6 if w.dtype.itemsize < 8 else 1e-12)
        np.testing.assert_array_equal(np.signbit(np.real(g)), np.signbit(np.real(w)))


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: (b, a),
        lambda a, b: (a + 1, a),
        lambda a, b: (a + 1, a + 1, b),
        lambda a, b: (np.ones(3), a),
        lambda a, b: (a[::-1], a[::-1]),
        lambda a, b: np.where(a > 0, a, a),
    ],
)
def test_donation_leaves_what_is_shown_alone(f):
    compiled = fg.jit(f, donate_argnums=(0, 1))
    for _ in range(3):
        want = fg.tree.leaves(f(X.copy(), 10 * X))
        got = fg.tree.leaves(compiled(X.copy(), 10 * X))
        for w, g in zip(want, got, strict=True):
            np.testing.assert_array_equal(g, w)


def test_views_that_do_not_tell_their_base_are_seen():
    compiled = fg.jit(lambda a, w: (a + 1, w * 2), donate_argnums=0)
    for _ in range(2):
        a = np.arange(4.0)
        rows = np.lib.stride_tricks.sliding_window_view(a, 2)
        want = rows * 2

        np.testing.assert_array_equal(compiled(a, rows)[1], want)


def test_donation_goes_on_from_step_to_step():
    def step(state):
        return [np.tanh(x.reshape(-1)).reshape(x.shape) * 0.5 for x in state]

    compiled = fg.jit(step, donate_argnums=0)
    state = [np.ones((3, 4)) for _ in range(6)]
    owners = list(map(id, state))
    for _ in range(4):
        want = step(state)
        state = compiled(state)
        for w, g in zip(want, state, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-12)

    assert list(map(id, state)) == owners


def test_what_jit_returns_owns_its_memory():
    outs = fg.jit(lambda x: (x * 2, (x * 3).reshape(-1), (x @ x).reshape(4, 4, 1), x[1:]))(
        np.ones((4, 4))
    )

    assert all(y.base is None for y in outs)


@dataclasses.dataclass(frozen=True)
class Scaled:
    by: float

    @fg.jit
    def apply(self, x):
        return x * self.by


def test_static_objects_that_are_equal_may_hold_numbers_of_other_types():
    whole = np.arange(3)

    assert [Scaled(2).apply(whole).dtype.kind, Scaled(2.0).apply(whole).dtype.kind] == ["i", "f"]
    assert np.signbit(Scaled(-0.0).apply(1.0)) and not np.signbit(Scaled(0.0).apply(1.0))


def test_a_compiled_function_of_a_compiled_lambda_pickles():
    pytest.importorskip("cloudpickle", reason="a lambda has no name to be found by")
    twice = fg.jit(fg.jit(lambda x: x * 2))
    want = twice(X)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(twice))(X), want)


def test_loops_nest_deeper_than_python_lets_blocks():
    def nested(depth, x):
        if depth == 0:
            return np.sin(x)
        return lax.scan(lambda c, _: (nested(depth - 1, c), None), x, None, 1)[0]

    np.testing.assert_allclose(fg.jit(lambda x: nested(25, x))(X), np.sin(X), rtol=1e-12)


@pytest.mark.parametrize("limit", ["a", 1.5, -1, True])
def test_a_memory_limit_is_a_number_of_bytes(limit):
    with pytest.raises(ValueError, match="memory_limit must be a whole number"):
        fg.jit(np.sin, memory_limit=limit)


def test_a_memory_limit_holds_for_many_small_values():
    def chain(x):
        for _ in range(1010):
            x = np.sin(x)
        return np.sum(x)

    x = np.ones(500)
    free = fg.jit(fg.grad(chain)).memory(x).workspace
    bound = fg.jit(fg.grad(chain), memory_limit=free // 3)

    assert bound.memory(x).workspace <= free // 3


def test_what_has_no_numbers_is_refused():
    with pytest.raises(TypeError, match="which has no numbers"):
        fg.jit(lambda x: x * 2)(fg.ShapeDtypeStruct((3,), "f8"))
    with pytest.raises(TypeError, match="must hold numbers"):
        fg.jit(lambda x: x[0])(np.array(["a"]))


@fg.tree.register_dataclass
@dataclasses.dataclass
class Factor:
    x: object
    by: object = dataclasses.field(metadata={"static": True})


class Plain(float):
    """A number that does not show its digits."""

    def __repr__(self):
        return "a number"


KINDS = {
    "a field":            (lambda f: f.x * f.by, [Factor(X, n) for n in (2, 2.0, True)]),
    "a field's part":     (lambda f: f.x * f.by[0][1], [Factor(X, ((0, n),)) for n in (2, 2.0)]),
    "a field's sign":     (lambda f: np.copysign(f.x, f.by), [Factor(X, z) for z in (0.0, -0.0)]),
    "a key":              (lambda d: [x * k for k, x in d.items()], [{1: X}, {1.0: X}, {True: X}]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_static_data_that_is_equal_but_of_other_types_is_another_program(kind):
    f, arguments = KINDS[kind]
    whole = lambda tree: fg.tree.map(lambda x: np.arange(3), tree)
    compiled = fg.jit(f)
    for argument in [*arguments, *arguments]:
        for x in (argument, whole(argument)):
            want, got = fg.tree.leaves(f(x)), fg.tree.leaves(compiled(x))
            for w, g in zip(want, got, strict=True):
                assert w.dtype == g.dtype
                np.testing.assert_array_equal(np.signbit(g), np.signbit(w))


@pytest.mark.parametrize(
    "values", [(2.0, 3.0), (np.float32(0.0), np.float32(-0.0)), (Plain(2), Plain(3))]
)
def test_static_numbers_are_told_apart_by_their_digits(values):
    f = fg.jit(np.copysign if values[0] == 0 else np.multiply, static_argnums=1)

    assert f(1.0, values[0]) != f(1.0, values[1])


@pytest.mark.parametrize("name", ["self", "fun", "args", "kwargs", "func", "model", "MISS", "who"])
def test_an_argument_may_be_called_as_one_of_the_librarys_is(name):
    scope = {"np": np}
    exec(f"def f({name}):\n    return np.sum({name} * 2.0)", scope)
    f, given = scope["f"], {name: X}
    ruled = fg.custom_jvp(f)
    ruled.defjvp(lambda primals, tangents: (f(*primals), np.sum(tangents[0]) * 2.0))
    functions = [fg.jit(f), fg.vmap(lambda **xs: f(**xs)), fg.checkpoint(f), ruled, fg.jit(ruled),
                 fg.tree.Partial(f)]  # fmt: skip

    for function in functions:
        np.testing.assert_array_equal(np.sum(function(**given)), f(X))
    for ask in (fg.jit(f).source, fg.jit(f).jaxpr, fg.jit(f).memory, fg.jit(f).explain,
                lambda **xs: fg.eval_shape(f, **xs), fg.make_jaxpr(f),
                fg.grad(f, argnames=name)):  # fmt: skip
        ask(**given)


def ruled_forward(f):
    rule = fg.custom_jvp(f)
    rule.defjvp(lambda primals, tangents: fg.jvp(f, primals, tangents))
    return rule


def ruled_reverse(f):
    rule = fg.custom_vjp(f)
    rule.defvjp(lambda x: (f(x), x), lambda x, ct: fg.vjp(f, x)[1](ct))
    return rule


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("hold", [ruled_forward, ruled_reverse, fg.checkpoint, fg.jit])
def test_a_program_of_numbers_alone_has_a_derivative(hold, shape, dtype):
    slope = hold(fg.grad(lambda x: np.sum(np.real(x))))
    x, zero = np.ones(shape, dtype), np.zeros(shape, dtype)
    back = lambda f: lambda x: fg.vjp(f, x)[1](x)[0]
    ways = [back(fg.jit(slope)), fg.jit(back(slope)), back(fg.checkpoint(slope)),
            back(fg.jit(fg.checkpoint(slope))), back(lambda x: fg.lax.map(slope, x[None])[0]),
            lambda x: fg.vmap(back(fg.jit(slope)))(x[None])[0]]  # fmt: skip

    for way in ways:
        got = way(x)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, zero)
