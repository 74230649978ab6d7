"""The core: avals, dispatch to the youngest trace, programs, and what becomes of tracers."""

import contextlib
import copy
import functools
import pickle
import sys
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.avals import Aval, aval_of, dtype_of, is_arraylike, shape_of
from funcgrad.core.errors import (
    ConcretizationError,
    ConversionError,
    FuncgradError,
    LeakedTracerError,
    MissingRuleError,
    MutationError,
    ShapeError,
    UnsupportedError,
)
from funcgrad.core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Literal, Var, check_jaxpr, eval_jaxpr
from funcgrad.core.registry import primitives
from funcgrad.core.trace import Primitive, Trace, Tracer, running

F64 = np.dtype("f8")
X = 0.7


def inside(transform, use, x=X):
    """Return what ``use`` makes of a value under a transform."""
    seen = []

    def function(value):
        seen.append(use(value))
        return value * 1.0

    TRANSFORMS[transform](function)(x)
    return seen[0]


TRANSFORMS = {
    "grad": fg.grad,
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (np.ones_like(x),))[1],
    "vjp": lambda f: lambda x: fg.vjp(f, x),
    "make_jaxpr": fg.make_jaxpr,
}
under_every = pytest.mark.parametrize("transform", TRANSFORMS)
under_concrete = pytest.mark.parametrize("transform", ["grad", "jvp", "vjp"])


@pytest.fixture
def unregistered():
    """Let a test define primitives, and forget them afterwards."""
    primitives.load()  # none of the library's is forgotten with them
    known = set(primitives)
    yield
    for name in set(primitives) - known:
        del primitives[name]


# avals


@pytest.mark.parametrize(
    ("want", "aval"),
    [
        ("f32[3,4]", Aval((3, 4), np.dtype("f4"))),
        ("f64[]", Aval((), F64)),
        ("i8[0]", Aval((0,), np.dtype("i1"))),
        ("u16[2,0]", Aval((2, 0), np.dtype("u2"))),
        ("c128[1]", Aval((1,), np.dtype("c16"))),
        ("bool[2]", Aval((2,), np.dtype(bool))),
    ],
)
def test_an_aval_prints_its_short_dtype_and_its_shape(want, aval):
    assert repr(aval) == str(aval) == want


@pytest.mark.parametrize(
    ("x", "want"),
    [
        (np.ones((2, 3), np.float32), Aval((2, 3), np.dtype("f4"))),
        (np.float32(1), Aval((), np.dtype("f4"))),
        (1.0, Aval((), F64, weak=True)),
        (1, Aval((), np.dtype(int), weak=True)),
        (1j, Aval((), np.dtype(complex), weak=True)),
        (fg.ShapeDtypeStruct((2,), np.int8), Aval((2,), np.dtype("i1"))),
        (Aval((5,), F64), Aval((5,), F64)),
        ([1.0, 2.0], Aval((2,), F64)),
    ],
    ids=repr,
)
def test_python_numbers_alone_are_weak(x, want):
    assert (aval_of(x), shape_of(x), dtype_of(x)) == (want, want.shape, want.dtype)


def test_an_aval_counts_its_axes_and_elements():
    aval = Aval((2, 0, 3), F64)

    assert (aval.ndim, aval.size, Aval((), F64).size) == (3, 0, 1)


def test_arrays_numbers_and_tracers_are_arraylike():
    values = [np.ones(2), np.float32(1), 1.0, True, fg.ShapeDtypeStruct((), int)]
    others = ["x", None, [1.0], object()]

    assert all(map(is_arraylike, values)) and inside("grad", is_arraylike)
    assert not any(map(is_arraylike, others))


# dispatch


def test_the_youngest_trace_wins():
    inner = lambda x, y: fg.grad(lambda y: x * y)(y)  # = x
    got = fg.grad(lambda x: x * inner(x, x))(3.0)

    assert got == 6.0


def test_perturbations_are_not_confused():
    got = fg.grad(lambda x: x * fg.grad(lambda y: x + y)(2.0))(1.0)
    pushed = fg.jvp(lambda x: x * fg.jvp(lambda y: x + y, (2.0,), (1.0,))[1], (1.0,), (1.0,))

    assert (got, pushed) == (1.0, (1.0, 1.0))


@pytest.mark.parametrize("outer", ["grad", "jvp"])
@pytest.mark.parametrize("inner", ["grad", "jvp"])
@pytest.mark.parametrize("innermost", ["grad", "jvp"])
def test_third_derivatives_nest_in_every_order(outer, inner, innermost):
    f = functools.reduce(
        lambda f, t: TRANSFORMS[t](f), [innermost, inner, outer], lambda x: np.sin(x) * x
    )

    # (x sin x)''' = -3 sin x - x cos x
    assert f(X) == pytest.approx(-3 * np.sin(X) - X * np.cos(X), rel=1e-14)


def test_eight_threads_differentiate_at_once():
    wants = [n * X ** (n - 1) for n in range(1, 9)]
    gots = [[] for _ in wants]
    barrier = threading.Barrier(len(wants))

    def work(n, got):
        barrier.wait()
        for _ in range(50):
            got.append(fg.grad(lambda x: functools.reduce(lambda a, _: a * x, range(n), 1.0))(X))

    threads = [threading.Thread(target=work, args=(n + 1, gots[n])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for want, got in zip(wants, gots, strict=True):
        assert len(got) == 50 and np.allclose(got, want, rtol=1e-14, atol=0)


def test_generators_may_be_interleaved():
    def powers(x):
        y = x
        while True:
            yield y
            y = y * x

    def f(x, y):
        left, right = powers(x), powers(y)
        return sum(next(left) * next(right) for _ in range(3))

    want = sum(n * X ** (n - 1) * 0.3**n for n in (1, 2, 3))

    assert fg.grad(f)(X, 0.3) == pytest.approx(want, rel=1e-14)


def test_a_generator_suspended_inside_one_gradient_may_go_on_inside_another():
    def squares():
        x = yield
        while True:
            x = yield x**2

    def squared(x, generator):
        next(generator)
        return generator.send(x)

    first, second = squares(), squares()

    def f(x):
        return squared(x, first) * fg.grad(lambda y: squared(y, second))(x)

    assert fg.grad(f)(2.0) == pytest.approx(6 * 2.0**2)  # (x**2 2x)'


@under_every
def test_a_user_exception_passes_through_and_leaves_nothing_behind(transform):
    class MineError(Exception):
        pass

    kept = []

    def failing(x):
        kept.append(x * 2.0)
        raise MineError("unchanged", 1)

    with pytest.raises(MineError) as caught:
        TRANSFORMS[transform](failing)(X)
    assert caught.value.args == ("unchanged", 1) and type(caught.value) is MineError

    with pytest.raises(LeakedTracerError):
        kept[0] + 1.0
    assert fg.grad(np.sin)(X) == np.cos(X)


def test_an_exception_of_an_inner_transform_leaves_the_outer_one_whole():
    def f(x):
        with contextlib.suppress(ZeroDivisionError):
            fg.grad(lambda y: 1 / 0)(x)
        return x**2

    assert fg.grad(f)(X) == 2 * X


def test_a_differentiated_function_may_differentiate_itself():
    def f(x, depth):
        return np.exp(2.0 * x) if depth == 0 else fg.grad(f)(x, depth - 1)

    assert fg.grad(f)(X, 4) == pytest.approx(2**5 * np.exp(2 * X), rel=1e-13)


def test_python_control_flow_follows_the_values():
    def newton(a):
        x = a
        while abs(x * x - a) > 1e-12:
            x = (x + a / x) / 2 if x > 0 else -x
        return x

    assert fg.grad(newton)(2.0) == pytest.approx(0.5 / np.sqrt(2.0), rel=1e-10)


def test_comparisons_give_plain_booleans_of_pythons_or_numpys_numbers():
    assert type(inside("grad", lambda x: x > 0, 2.0)) is bool
    assert type(inside("grad", lambda x: x > 0, np.float64(2.0))) is np.bool_
    assert type(inside("jvp", lambda x: np.ones(2) * x > 0)) is np.ndarray


def test_an_operation_on_constants_runs_at_once_while_staging():
    def f(x):
        kept.append(np.sin(np.ones(2)))
        return x + kept[-1]

    kept = []
    closed = fg.make_jaxpr(f)(np.ones(2))

    assert type(kept[0]) is np.ndarray
    assert [eqn.prim.name for eqn in closed.eqns] == ["add"]


# staged programs and what they close over


@under_concrete
def test_a_program_takes_outer_tracers_as_constants(transform):
    def f(z):
        return fg.make_jaxpr(lambda x: np.sin(x) * z)(1.0)(z)[0]

    got = TRANSFORMS[transform](f)(X)
    got = got[1](1.0)[0] if transform == "vjp" else got

    assert got == pytest.approx(np.cos(X) * X + np.sin(X), rel=1e-14)


def test_a_linear_program_takes_outer_tracers_as_constants():
    pushed = lambda z: fg.linearize(lambda x: np.sin(x) * z, z)[1](z)  # z**2 cos z
    pulled = lambda z: fg.linear_transpose(lambda x: x * z, 1.0)(z)[0]  # z**2

    assert fg.grad(pushed)(X) == pytest.approx(2 * X * np.cos(X) - X**2 * np.sin(X), rel=1e-14)
    assert fg.grad(pulled)(X) == pytest.approx(2 * X, rel=1e-14)


def test_a_program_inside_a_program_takes_its_variables_as_constants():
    closed = fg.make_jaxpr(lambda z: fg.make_jaxpr(lambda x: x * z)(2.0)(z + 1.0)[0])(3.0)

    assert closed(5.0) == (30.0,)


def test_the_program_of_a_gradient_is_a_program():
    closed = fg.make_jaxpr(fg.grad(lambda x: np.sin(x) * x))(X)
    check_jaxpr(closed.jaxpr)

    assert closed(0.3)[0] == pytest.approx(np.sin(0.3) + 0.3 * np.cos(0.3), rel=1e-14)


def test_an_array_closed_over_twice_is_one_constant():
    a, b = np.ones(2), np.full(2, 2.0)
    closed = fg.make_jaxpr(lambda x: x * a + a - b)(np.ones(2))

    a += 1  # the program has copies of its own

    np.testing.assert_array_equal(closed.consts, [[1.0, 1.0], [2.0, 2.0]])


# leaked tracers


@under_every
def test_a_leaked_tracer_says_where_it_was_born(transform):
    leaked = inside(transform, lambda x: x * 2.0)
    who = r"(grad|jvp|vjp|make_jaxpr) of 'function' \(.*test_core\.py:\d+\)"

    with pytest.raises(LeakedTracerError, match=f"created in {who}; return it .*has_aux=True"):
        leaked + 1.0


@pytest.mark.parametrize(
    "use",
    [np.sin, lambda x: 1.0 - x, lambda x: np.sum(x), lambda x: x[()], lambda x: np.stack([x, x])],
)
def test_a_leaked_tracer_raises_whatever_is_done_with_it(use):
    leaked = inside("grad", lambda x: x)

    with pytest.raises(LeakedTracerError):
        use(leaked)


def test_a_leaked_tracer_may_not_be_returned_from_another_transform():
    leaked = inside("grad", lambda x: x)

    with pytest.raises(LeakedTracerError):
        fg.grad(lambda x: leaked)(X)
    with pytest.raises(LeakedTracerError):
        fg.make_jaxpr(lambda x: leaked)(X)


# programs


def test_a_program_prints_as_in_jax():
    def f(params, x):
        return {"y": np.tanh(x @ params["w"] + 1.5) * table, "n": x.sum(axis=1)}

    table = np.ones(2)
    got = str(fg.make_jaxpr(f)({"w": np.ones((3, 2))}, np.ones((4, 3))))
    want = """\
{ lambda a:f64[2]; b:f64[3,2] c:f64[4,3]. let
    d:f64[4,2] = matmul c b
    e:f64[4,2] = add d 1.5
    f:f64[4,2] = tanh e
    g:f64[4,2] = mul f a
    h:f64[4] = sum[axes=(1,)] c
  in (h, g) }"""

    assert got == want


def test_an_index_prints_as_it_is_written():
    program = fg.make_jaxpr(lambda x: x[::2, None, [0, 1], -1, 1:])(np.ones((4, 3, 2, 5)))

    assert "getitem[index=(::2, None, array, -1, 1:)] b a" in str(program)


def test_a_program_without_equations_prints():
    assert str(fg.make_jaxpr(lambda x: x)(1.0)) == "{ lambda ; a:f64[]. let\n  in (a,) }"
    assert str(fg.make_jaxpr(lambda: 2.0)()) == "{ lambda ; . let\n  in (2.0,) }"


def test_a_program_with_more_than_26_variables_goes_on_with_two_letters():
    text = str(fg.make_jaxpr(lambda x: functools.reduce(lambda y, _: -y, range(27), x))(1.0))

    assert "aa:f64[] = neg z" in text and "bb:f64[] = neg ba" not in text
    assert text.endswith("in (ab,) }")


def test_a_nested_program_prints_indented(unregistered):
    inner = fg.make_jaxpr(lambda x: np.sin(x))(1.0)

    class Call(Primitive):
        def infer(self, x, *, program, n):
            return program.out_avals

        def run(self, x, *, program, n):
            return program(x)

    call = Call("call")
    text = str(fg.make_jaxpr(lambda x: call(x, program=inner, n=3))(1.0))
    want = """\
{ lambda ; a:f64[]. let
    b:f64[] = call[
      program={ lambda ; a:f64[]. let
          b:f64[] = sin a
        in (b,) }
      n=3
    ] a
  in (b,) }"""

    assert text == want


def test_each_equation_remembers_the_users_line():
    closed = fg.make_jaxpr(lambda x: np.sin(x))(1.0)
    line = test_each_equation_remembers_the_users_line.__code__.co_firstlineno + 1

    assert closed.eqns[0].source == f"{__file__}:{line}"


def test_a_program_runs_under_any_transform():
    closed = fg.make_jaxpr(lambda x: np.sin(x) * 2.0)(1.0)
    (got,) = eval_jaxpr(closed.jaxpr, closed.consts, (X,))

    assert got == 2 * np.sin(X)
    assert fg.grad(lambda x: closed(x)[0])(X) == 2 * np.cos(X)


# the type checker

VECTOR, SCALAR = Aval((3,), F64), Aval((), F64)


def ill_typed(change):
    """Return a small program after a change of its variables ``a``, ``b``, its equation, ..."""
    a, b, c = Var(VECTOR), Var(VECTOR), Var(SCALAR)
    sin = Eqn(primitives["sin"], (a,), (b,), {})
    total = Eqn(primitives["sum"], (b,), (c,), {"axes": (0,)})
    parts = {"invars": (a,), "constvars": (), "eqns": (sin, total), "outvars": (c,)}
    return Jaxpr(**{**parts, **change(a, b, c, sin, total)})


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (
            r"equation 0 \(sum\) reads a variable before it is bound",
            lambda a, b, c, sin, total: {"eqns": (total, sin)},
        ),
        (
            r"equation 1 \(sin\) binds a variable for the second time",
            lambda a, b, c, sin, total: {"eqns": (sin, sin, total)},
        ),
        (
            r"equation 0 \(sin\) binds a variable for the second time",
            lambda a, b, c, sin, total: {"constvars": (b,)},
        ),
        (
            "an input binds a variable for the second time",
            lambda a, b, c, sin, total: {"constvars": (a,)},
        ),
        (
            r"equation 0 \(sin\) should give \(f64\[3\],\): its outputs are \(f64\[\],\)",
            lambda a, b, c, sin, total: {"eqns": (Eqn(sin.prim, (a,), (c,), {}),)},
        ),
        (
            r"equation 0 \(sin\) should give \(f64\[3\],\): its outputs are \(f64\[3\], f64\[\]\)",
            lambda a, b, c, sin, total: {"eqns": (Eqn(sin.prim, (a,), (b, c), {}),)},
        ),
        ("an output is never bound", lambda a, b, c, sin, total: {"eqns": (sin,)}),
        (
            r"add: the shapes do not broadcast",
            lambda a, b, c, sin, total: {
                "eqns": (
                    sin,
                    Eqn(primitives["add"], (b, Literal(np.ones(2))), (c,), {}),
                )
            },
        ),
    ],
)
def test_an_ill_typed_program_is_rejected(words, change):
    check_jaxpr(ill_typed(lambda *_: {}))

    with pytest.raises(FuncgradError, match=words):
        check_jaxpr(ill_typed(change))


def test_a_program_refuses_the_wrong_number_of_arguments():
    closed = fg.make_jaxpr(lambda x, y: x + y)(1.0, 2.0)

    assert isinstance(closed, ClosedJaxpr)
    with pytest.raises(ValueError, match="zip"):
        closed(1.0)


# long chains


@under_concrete
def test_a_chain_of_100_000_operations_needs_no_recursion(transform):
    def chain(x):
        for _ in range(50_000):
            x = np.negative(x) + 1e-5
        return x

    result = TRANSFORMS[transform](chain)(X)
    got = result[1](1.0)[0] if transform == "vjp" else result

    assert got == 1.0


def test_the_tape_grows_by_one_record_an_operation(monkeypatch):
    counts = []
    backward = fg.transforms.reverse.backward

    def counting(records, cts, drop):
        counts.append(len(records))
        return backward(records, cts, drop)

    monkeypatch.setattr(fg.transforms.reverse, "backward", counting)
    for n in (10, 20):
        fg.grad(lambda x, n=n: functools.reduce(lambda y, _: np.sin(y), range(n), x))(X)

    assert counts == [10, 20]


def test_what_does_not_depend_on_the_input_is_not_on_the_tape(monkeypatch):
    lengths = []
    count = lambda records, cts, drop: lengths.append(len(records))
    monkeypatch.setattr(fg.transforms.reverse, "backward", count)
    fg.grad(lambda x: x * np.sin(np.ones(())) + (x > 0))(X)

    assert lengths == [2]


# tracers as objects


@under_every
def test_a_copy_of_a_tracer_is_another_array(transform):
    def copies(x):
        found = copy.copy(x), copy.deepcopy([x])[0], x.copy(), np.copy(x)
        return all(y is not x and type(y) is type(x) for y in found)

    assert inside(transform, copies)


def test_the_gradient_passes_through_copies():
    assert fg.grad(lambda x: copy.deepcopy({"x": x})["x"] * x.copy())(X) == 2 * X


@under_every
def test_a_tracer_is_not_hashable_and_does_not_pickle(transform):
    with pytest.raises(TypeError, match="unhashable"):
        inside(transform, hash)
    with pytest.raises(ConversionError, match=r"pickle: a traced value .*got f64\[\]; pickle what"):
        inside(transform, pickle.dumps)


def test_primitives_pickle_by_name():
    assert pickle.loads(pickle.dumps(primitives["sin"])) is primitives["sin"]


def test_a_tracer_prints_its_value():
    assert inside("grad", lambda x: (repr(x), str(x), f"{x:.2f}")) == ("Traced(0.7)", "0.7", "0.70")
    assert inside("make_jaxpr", lambda x: (repr(x), str(x), f"{x}")) == ("Traced(f64[])",) * 3


@under_every
def test_a_tracer_has_the_attributes_of_its_array(transform):
    x = np.ones((2, 3), np.float32)
    names = ["shape", "dtype", "ndim", "size", "itemsize", "nbytes"]

    def function(t):
        seen.extend([getattr(t, n) for n in names] + [len(t)])
        return t.sum()

    seen = []
    fun = TRANSFORMS[transform](function)
    fun(x)

    assert seen == [*(getattr(x, n) for n in names), 2]


# errors of the core, by their words


def assigned(x):
    x[()] = 1.0


def shaped(x):
    x.shape = (1,)


def mismatched(x):
    return np.ones(3) * x + np.ones(2)


@pytest.mark.parametrize(
    ("error", "words", "use"),
    [
        (ConversionError, r"float\(\): .*got f64\[\]; keep it an array, or write stop_", float),
        (ConversionError, r"int\(\): a traced value cannot become plain data", int),
        (ConversionError, r"complex\(\): ", complex),
        (ConversionError, r"an index or a size: .*from stop_gradient\(x\)", range),
        (ConversionError, r"ndarray\.item: ", lambda x: x.item()),
        (ConversionError, r"ndarray\.tolist: .*list\(x\)", lambda x: x.tolist()),
        (ConversionError, r"NumPy conversion: .*funcgrad\.numpy", np.asarray),
        (ConversionError, r"NumPy conversion: ", lambda x: np.array([x, 1.0])),
        (TypeError, r"'numpy\.float64' object does not support item assignment", assigned),
        (MutationError, r"x\.shape = shape: .*fixed; write x = x\.reshape\(shape\)", shaped),
        (MutationError, r"ndarray\.resize: .*use numpy\.resize\(x, shape\)", lambda x: x.resize(1)),
        (UnsupportedError, r"numpy\.is_busday: it takes dates", np.is_busday),
        (ShapeError, r"add: the shapes do not broadcast: got f64\[3\] and f64\[2\]", mismatched),
    ],
)  # fmt: skip
def test_what_would_lose_the_gradient_raises_and_names_the_cure(error, words, use):
    with pytest.raises(error, match=words):
        inside("grad", use)


@pytest.mark.parametrize("use", [bool, float, int, range, lambda x: 1 if x > 0 else 0], ids=repr)
def test_a_number_asked_of_a_staged_value_names_the_users_line(use):
    words = r"must be concrete: got (f64|bool)\[\].* 'function' .*staged: at .*test_core\.py:\d+; "

    with pytest.raises(ConcretizationError, match=words):
        inside("make_jaxpr", use)


def test_a_missing_rule_names_the_place_to_write_it(unregistered):
    class Odd(Primitive):
        def run(self, x):
            return (x,)

    odd = Odd("odd")
    words = "primitive 'odd' has no '{}' rule: define Odd.{} in " + __name__.replace(".", r"\.")

    with pytest.raises(MissingRuleError, match=words.format("jvp", "jvp")):
        fg.jvp(odd, (X,), (1.0,))
    with pytest.raises(MissingRuleError, match=words.format("infer", "infer")):
        fg.make_jaxpr(odd)(X)
    with pytest.raises(MissingRuleError, match=words.format("batch", "batch")):
        odd.batch((X,), (0,), 1)
    with pytest.raises(MissingRuleError, match=r"Trace defines no process\(\)"):
        Trace("a test").process(odd, (X,), {})


def test_a_jvp_that_cannot_be_transposed_asks_for_a_vjp(unregistered):
    class Cubed(Primitive):
        def run(self, x):
            return (x**3,)

        def infer(self, x):
            return (x,)

        def jvp(self, primals, tangents, outs):
            return (np.cbrt(outs[0]) * cubed(tangents[0]),)  # of itself

    cubed = Cubed("cubed")

    with pytest.raises(
        MissingRuleError,
        match=r"grad: the jvp of primitive 'cubed' is not linear: cubed .*; define Cubed\.vjp in ",
    ):
        fg.grad(cubed)(X)


def test_at_most_three_frames_of_the_library_stand_between_the_user_and_the_words():
    def function(x):
        return x + np.ones(2)

    for transform in ("grad", "jvp", "make_jaxpr"):
        with pytest.raises(ShapeError) as caught:
            TRANSFORMS[transform](function)(np.ones(3))
        names = [entry.path.name for entry in caught.traceback]
        below = names[len(names) - names[::-1].index("test_core.py") :]

        assert len(below) <= 3, below


def test_the_children_of_errors_are_what_numpys_user_expects():
    assert issubclass(ShapeError, ValueError) and issubclass(ConversionError, TypeError)
    assert issubclass(MissingRuleError, NotImplementedError)
    assert issubclass(LeakedTracerError, RuntimeError)
    assert not isinstance(X, Tracer)


@pytest.mark.parametrize(
    "transform",
    [
        fg.grad,
        fg.make_jaxpr,
        lambda f: lambda x: fg.jvp(f, (x,), (x,)),
        lambda f: lambda x: fg.vjp(f, x),
        lambda f: lambda x: fg.vmap(f, axis_size=2, in_axes=None)(x),
    ],
)
def test_no_transform_is_left_running_by_an_interrupt(transform):
    class InterruptError(BaseException):
        pass

    def interrupt(frame, event, _):
        nonlocal left
        if event in ("call", "return"):  # where Python looks for signals
            left -= 1
            if not left:
                raise InterruptError
        return interrupt

    run, before = transform(lambda x: fg.numpy.zeros(2) @ [x, x]), sys.gettrace()
    run(1.0)
    for events in range(1, 1000):
        left = events
        sys.settrace(interrupt)
        try:
            run(1.0)
        except InterruptError:
            assert running.get() is None
        else:
            break
        finally:
            sys.settrace(before)

    assert left > 0  # the last run was not interrupted
