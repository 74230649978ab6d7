"""debug.explain: what a call compiles to, of compiled functions and of others."""

import numpy as np

import funcgrad as fg


def square(x):
    y = np.sin(x)
    return y**2


def test_a_function_is_explained_before_and_after_it_compiles():
    f = fg.jit(square)
    before = fg.debug.explain(f, np.ones(3))
    f(np.ones(3))

    assert before.startswith("<jit of square>: it would compile: it is the first call\n")
    assert fg.debug.explain(f, np.ones(3)).startswith("<jit of square>: it is compiled:")
    assert "argument 0 ('x') was f64[3], and is f64[4]" in fg.debug.explain(f, np.ones(4))


def test_operations_lines_and_memory_are_told():
    _, operations, memory, *_ = fg.debug.explain(fg.jit(square), np.ones(3)).splitlines()

    assert operations == "2 operations on 2 lines of user code"
    assert memory.startswith("planned peak ") and "arguments 24 B" in memory


def test_a_function_that_is_not_compiled_is_explained_as_jit_would_make_it():
    told = fg.debug.explain(square, np.ones(3))

    assert "not compiled; jit would compile it" in told and "2 operations" in told


def test_a_function_that_cannot_compile_says_why():
    told = fg.debug.explain(lambda x: x if x > 0 else -x, 1.0)

    assert "jit cannot compile it" in told and "numpy.where" in told


def test_the_backend_is_told():
    assert "; backend 'c': " in fg.debug.explain(fg.jit(square, backend="c"), np.ones(3))
