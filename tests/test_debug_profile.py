"""debug.profile: the costs of a call belong to the lines of user code that cause them."""

import sys

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile.clocks import Clocked, Place, places
from funcgrad.debug import compiled_times

X = np.random.default_rng(0).normal(size=(120, 120))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(compiled_times, "SECONDS", 0.05)


def cheap_and_dear(x):
    y = x * 2.0  # cheap
    z = np.exp(np.sin(y @ y @ y))  # dear
    return np.sum(z)


def line_of(found, word):
    (line,) = [line for line in found.lines if line.text.endswith(f"# {word}")]
    return line


ENGINES = {
    "eager": fg.grad,
    "numpy": lambda f: fg.jit(fg.grad(f)),
    "c": lambda f: fg.jit(fg.grad(f), backend="c"),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_dear_line_costs_most_in_both_directions(engine):
    found = fg.debug.profile(ENGINES[engine](cheap_and_dear), X)

    dear, cheap = line_of(found, "dear"), line_of(found, "cheap")
    assert dear is found.lines[0] and dear.file == __file__
    assert dear.forward.seconds > cheap.forward.seconds
    assert dear.backward.seconds > cheap.backward.seconds
    assert dear.forward.bytes + dear.backward.bytes > cheap.forward.bytes > 0 or engine == "c"


@pytest.mark.parametrize("engine", ENGINES)
def test_lines_and_the_call_are_the_whole_time(engine):
    found = fg.debug.profile(ENGINES[engine](cheap_and_dear), X)

    np.testing.assert_allclose(
        found.total, sum(line.seconds for line in found.lines) + found.other, rtol=1e-9
    )  # sums of the same clocks
    assert found.accounted > 0.95


@pytest.mark.parametrize("engine", ENGINES)
def test_arguments_and_results_belong_to_the_line_that_defines_the_function(engine):
    def tiny(x):  # def
        return x * x

    found = fg.debug.profile(ENGINES[engine](tiny), 3.0)

    assert line_of(found, "def").seconds > 0
    assert found.accounted > 0.95


def test_a_function_without_user_code_has_no_line():
    found = fg.debug.profile(fg.jit(fg.vmap(np.sin)), X)

    assert all(line.file == __file__ for line in found.lines)
    assert found.other > 0 and "(on no line)" in repr(found)


def test_the_trace_of_library_calls_is_not_a_cost_of_lines():
    def calls(x):
        for _ in range(200):
            x = x + 1.0
        return x

    found = fg.debug.profile(fg.grad(calls), 1.0)

    assert found.total < 0.95 * found.slowdown * found.plain


def test_loops_belong_to_the_lines_of_their_steps():
    def f(x):
        def step(c, _):
            c = np.tanh(c @ x)  # step
            return c, None

        return fg.lax.scan(step, x, None, 20)[0].sum()

    found = fg.debug.profile(fg.jit(fg.grad(f)), X)

    step = line_of(found, "step")
    assert step.forward.bytes > 0 and step.backward.bytes > 0
    assert step.seconds > 0.1 * found.total  # the rest is a product for all steps


def test_new_arrays_are_counted():
    def f(x):
        a = x + 1.0  # new
        b = a.T  # view
        return (a * b).sum()

    found = fg.debug.profile(fg.grad(f), X)

    assert line_of(found, "new").forward.arrays == 1
    assert line_of(found, "new").forward.bytes == 2 * X.nbytes
    assert line_of(found, "view").forward.arrays == 0


def test_a_profile_prints_as_a_table_and_as_a_listing():
    found = fg.debug.profile(fg.jit(fg.grad(cheap_and_dear)), X)

    head, titles, first, *_ = repr(found).splitlines()
    assert "profile of cheap_and_dear (compiled, backend 'numpy')" in head
    assert titles.split() == ["forward", "backward", "%", "bytes", "arrays", "line"]
    assert first.endswith("z = np.exp(np.sin(y @ y @ y))  # dear")
    assert "    return np.sum(z)" in found.listing() and __file__ in found.listing()


def test_tracing_ends_with_the_profile():
    before = sys.gettrace()

    def fail(x):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        fg.debug.profile(fail, X)
    fg.debug.profile(np.sum, X)

    assert sys.gettrace() is before


def test_a_compiled_function_inside_eager_code_shows_its_own_lines():
    inner = fg.jit(cheap_and_dear)
    found = fg.debug.profile(lambda x: inner(x) * 2.0, X)

    assert line_of(found, "dear").forward.seconds > line_of(found, "cheap").forward.seconds


# clocks in source

TEXT = """
def main(x):
    # a.py:1  y = x + 1
    y = x + 1
    z = y
    # derivative of a.py:2  for
    for i in range(3):
        # a.py:3  step
        z = z + i
    return z
"""


def test_places_are_read_from_the_comments_of_the_source():
    found = places(TEXT)

    assert [None, Place("a.py", 1, False), Place("a.py", 2, True), Place("a.py", 3, False)] == [
        found[n] for n in (2, 4, 7, 9)
    ]


def test_clocked_source_computes_the_same_and_reports_each_group():
    lines = places(TEXT)
    seen = []
    clocked = Clocked(lambda node: lines[node.lineno], lambda key, nodes: f"_see({key!r})", "")
    scope = {"_see": seen.append, "Place": Place}
    exec(compile(clocked.module(TEXT), "<clocked>", "exec"), scope)

    assert scope["main"](1) == 5
    assert seen == [Place("a.py", 1, False), *[Place("a.py", 3, False)] * 3]
