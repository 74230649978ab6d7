"""debug.print, callback and breakpoint: once for each call, in order, under every transform."""

import functools
import itertools
import pickle
import sys

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.effects import has_effects

NUMBERS = np.array([1.0, 2.0])


class Log(list):
    """What was seen, as plain numbers."""

    def see(self, name, *xs):
        self.append((name, *(np.asarray(x).tolist() for x in xs)))

    def __call__(self, name, *xs):
        fg.debug.callback(functools.partial(self.see, name), *xs)


def straight(log, x):
    log("first", x)
    y = np.sin(x)
    log("constant")
    log("second", y)
    return x * y


def scanned(log, x):
    def step(c, t):
        log("step", c, t)
        log("constant")
        return c * np.cos(t), None

    return lax.scan(step, x, np.arange(5.0))[0]


def repeated(log, x):
    return lax.while_loop(lambda c: c < 10.0, lambda c: (log("step", c), c * 1.5)[1], x)


def branched(log, x):
    big = lambda y: (log("big"), np.sin(y))[1]
    return lax.cond(x > 1.5, big, lambda y: (log("small", y), y * y)[1], x)


def rematerialized(log, x):
    return fg.checkpoint(functools.partial(straight, log))(x)


def few_states(log, x):
    step = lambda c, t: ((log("step", c), c * np.cos(t))[1], None)
    return lax.scan(step, x, np.arange(5.0), checkpoint=2)[0]


def few_values(log, x):
    step = lambda c: (log("step", c), c * 1.5)[1]
    return lax.while_loop(lambda c: c < 100.0, step, x, checkpoint=2)


PROGRAMS = [straight, scanned, repeated, branched, rematerialized, few_states, few_values]
TRANSFORMS = {
    "grad": fg.grad,
    "jit": fg.jit,
    "jit of grad": lambda f: fg.jit(fg.grad(f)),
    "grad of jit": lambda f: fg.grad(fg.jit(f)),
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (x,)),
    "linearize": lambda f: lambda x: fg.linearize(f, x)[1](x),
    "jit of linearize": lambda f: fg.jit(lambda x: fg.linearize(f, x)[1](x)),
    "grad of grad": lambda f: fg.grad(fg.grad(f)),
    "jit of grad of grad": lambda f: fg.jit(fg.grad(fg.grad(f))),
    "jit with C": lambda f: fg.jit(fg.grad(f), backend="c"),
    "jit by cost": lambda f: fg.jit(f, backend="auto"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_transform_calls_back_as_the_function_itself(program):
    want, log = Log(), Log()
    program(want, 2.0)

    for transform in TRANSFORMS.values():
        g = transform(functools.partial(program, log))
        for _ in range(2):  # the second call is that of a compiled program
            log.clear()
            g(2.0)
            assert want == log


@pytest.mark.parametrize("program", [straight, scanned, few_states, rematerialized])
@pytest.mark.parametrize("transform", [fg.vmap, lambda f: fg.jit(fg.vmap(fg.grad(f)))])
def test_vmap_calls_back_for_each_example_in_order(program, transform):
    one, log = [Log(), Log()], Log()
    for rows, x in zip(one, NUMBERS, strict=True):
        program(rows, x)
    rows = zip(*one, strict=True)
    want = [x for a, b in rows for x in ([a] if a == b and a[1:] == () else [a, b])]

    transform(functools.partial(program, log))(NUMBERS)

    assert want == log


def test_nested_maps_are_nested_loops():
    log = Log()
    f = lambda x, y: (log("pair", x, y), x * y)[1]
    both = fg.vmap(fg.vmap(f, in_axes=(None, 0)), in_axes=(0, None))

    fg.jit(both)(NUMBERS, NUMBERS)

    assert [("pair", x, y) for x, y in itertools.product([1.0, 2.0], repeat=2)] == log


def test_a_batched_condition_calls_back_for_all_examples():
    """As in JAX, where all branches then run."""
    log = Log()
    fg.vmap(functools.partial(branched, log))(NUMBERS)

    assert log == [("small", 1.0), ("small", 2.0), ("big",)]


@pytest.mark.parametrize("transform", [fg.grad, lambda f: fg.jit(fg.grad(f))])
def test_cotangents_are_seen_on_the_way_back(transform):
    log = Log()
    see = functools.partial(log.see, "ct")
    step = lambda c, _: (fg.debug.callback_cotangent(see, c * 1.5), None)

    transform(lambda x: 2 * lax.scan(step, x, None, 3)[0])(1.0)

    assert log == [("ct", 2.0), ("ct", 3.0), ("ct", 4.5)]


@pytest.mark.parametrize("jit", [fg.jit, lambda f: f])
def test_cotangents_under_vmap_are_those_of_each_example(jit):
    log = Log()
    f = lambda x: fg.debug.callback_cotangent(functools.partial(log.see, "ct"), np.sin(x)) ** 2
    want = [("ct", 2 * np.sin(x)) for x in NUMBERS]

    jit(fg.vmap(fg.grad(f)))(NUMBERS)
    jit(fg.grad(lambda x: fg.vmap(f)(x).sum()))(NUMBERS)

    assert want + want == log


@pytest.mark.parametrize("transform", [fg.grad, lambda f: fg.jit(fg.grad(f))])
def test_a_derivative_that_runs_again_with_masks_repeats_no_effect(transform):
    log = Log()

    def f(x):
        log("x", x)
        g = fg.grad(lambda x: (log("inside", x), np.where(x > 0, np.sqrt(x), 0).sum())[1])(x)
        log("g", g)
        return np.sum(g * x)

    transform(f)(np.array([0.0, 4.0]))

    assert log == [("x", [0.0, 4.0]), ("inside", [0.0, 4.0]), ("g", [0.0, 0.25])]


def test_rules_call_back_once():
    log = Log()

    @fg.custom_vjp
    def f(x):
        return np.sin(x)

    f.defvjp(
        lambda x: (log("forward", x), (np.sin(x), x))[1],
        lambda x, ct: (log("back", x, ct), (ct * np.cos(x),))[1],
    )
    want = [("forward", 2.0), ("back", 2.0, 3.0)]

    for g in (fg.grad(lambda x: 3 * f(x)), fg.jit(fg.grad(lambda x: 3 * f(x)))):
        log.clear()
        g(2.0)
        assert want == log


@pytest.mark.parametrize("transform", [fg.grad, lambda f: fg.jit(fg.grad(f))])
def test_a_function_with_a_rule_that_is_computed_again_calls_back_once(transform):
    log = Log()

    @fg.custom_jvp
    def f(x):
        log("function", x)
        return np.sin(x)

    f.defjvp(lambda p, t: (f(p[0]), np.cos(p[0]) * t[0]))

    transform(fg.checkpoint(lambda x: x * f(x)))(2.0)

    assert log == [("function", 2.0)]


def test_a_callback_gets_arrays_of_its_own():
    seen = []

    def f(x):
        y = x + 1.0
        fg.debug.callback(seen.append, y)
        return np.sin(y) * 2.0 + 1.0

    x = np.ones(1000)
    fg.jit(f)(x)
    seen[0][:] = 0.0

    assert np.all(f(x) == fg.jit(f)(x)) and np.all(seen[1] == 2.0) and np.all(seen[2] == 2.0)


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_exceptions_pass_through_unchanged(transform):
    error = KeyError("mine")

    def refuse(x):
        raise error

    with pytest.raises(KeyError) as found:
        transform(lambda x: (fg.debug.callback(refuse, x), x * x)[1])(2.0)
    assert found.value is error


def test_trees_and_static_values_reach_the_callback():
    seen = []
    f = lambda x: fg.debug.callback(
        lambda tree, *, word: seen.append((tree, word)), {"a": x, "b": ("c", 3)}, word="d"
    )
    fg.jit(lambda x: (f(x), x)[1])(2.0)

    assert seen == [({"a": 2.0, "b": ("c", 3)}, "d")]


def test_an_effect_is_no_dead_code_nor_merged():
    f = lambda x: [fg.debug.callback(print, x) for _ in range(2)] and x

    assert has_effects(fg.make_jaxpr(f)(1.0).jaxpr)
    assert fg.jit(f).source(1.0).count("debug_callback(x") == 2


def test_a_compiled_function_of_constants_calls_back_at_each_call():
    log = Log()
    inner = fg.jit(lambda x: (log("inner", x), 2 * x)[1])
    inner(1.0)
    outer = fg.jit(lambda x: x * inner(3.0))
    log.clear()

    assert outer(2.0) == 12.0 and outer(4.0) == 24.0
    assert log == [("inner", 3.0)] * 2


def test_print_formats_fields(capsys):
    def f(x):
        fg.debug.print("{} and {y:.2f} {y.dtype}", x, y=np.sin(x))
        return fg.debug.print_cotangent("ct {}", x) * 3

    fg.jit(fg.grad(f))(2.0)

    assert capsys.readouterr().out == "2.0 and 0.91 float64\nct 3.0\n"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fg.debug.print("{} {}", 1), r"the field '1' has no value: got '\{\} \{\}'"),
        (lambda: fg.debug.print("{}", 1, y=2), "the value 'y' has no field"),
        (lambda: fg.debug.print_cotangent("ct", 1.0), "print_cotangent: the value '0' has no"),
    ],
)
def test_fields_and_values_must_agree(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("transform", [lambda f: f, fg.grad, lambda f: fg.jit(fg.grad(f))])
def test_a_breakpoint_shows_the_callers_variables(transform, monkeypatch):
    stops = []

    def stop():
        frame = sys._getframe(1)
        stops.append((frame.f_code.co_filename, frame.f_lineno, dict(frame.f_locals)))

    monkeypatch.setattr(sys, "breakpointhook", stop)

    def f(x):
        y = np.sin(x), {"a": x, 1: 2}
        fg.debug.breakpoint()
        return x * y[0]

    transform(f)(2.0)

    ((filename, line, names),) = stops
    assert (__file__, f.__code__.co_firstlineno + 2) == (filename, line)
    assert (2.0, np.sin(2.0), 2.0, 2) == (names["x"], names["y"][0], *names["y"][1].values())


def show(x):
    """A function that pickle finds."""
    print(f"shown {x}")


def printing(x):
    fg.debug.callback(show, x)
    return x * 2.0


def test_a_pickled_program_calls_back(capsys):
    again = pickle.loads(pickle.dumps(fg.jit(printing)))

    assert again(2.0) == 4.0 and capsys.readouterr().out == "shown 2.0\n"


def test_languages_without_python_refuse_by_name():
    f = fg.jit(printing)

    with pytest.raises(fg.errors.UnsupportedError, match="debug_callback calls Python"):
        f.source(2.0, lang="c")
    with pytest.raises(fg.errors.UnsupportedError, match="standalone"):
        f.source(2.0, standalone=True)


@pytest.mark.parametrize("program", [straight, scanned, rematerialized])
def test_jax_calls_back_in_order(program):
    pytest.importorskip("jax")
    want, log = Log(), Log()
    program(want, 2.0)

    fg.jit(fg.grad(functools.partial(program, log)), backend="jax")(2.0)

    assert [row[0] for row in want] == [row[0] for row in log]
    for a, b in zip(want, log, strict=True):
        np.testing.assert_allclose(a[1:], b[1:], rtol=1e-14)  # XLA's sine
