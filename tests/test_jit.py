"""jit gives what eager code gives: every rule, every small program, every nesting."""

import re

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile import passes
from funcgrad.core.avals import PYTHON_SCALARS, aval_of
from funcgrad.core.registry import primitives

from .support.cases import CASES
from .support.compare import assert_same
from .support.programs import PROGRAMS, TRANSFORMS, P, X
from .support.rules import (
    BY_VALUE,
    derived_rows,
    every_row,
    ignores_complex_warning,
    normal_like,
    outcome,
    problems,
    program,
    turn_of,
)
from .support.turns import in_full, in_turns, share

ROUNDING = {"rtol": 1e-9, "atol": 1e-11}  # the same arithmetic, in another order


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    """Run the type checker after each pass, as ``python -X dev`` does."""
    monkeypatch.setattr(passes.optimize, "__defaults__", (True,))


# every rule


DTYPES = [("f4",), ("f8",), ("c16",), ("c8",), ("i4",), ("i1",), ("?",), ("f2",),
          ("f4", "f8"), ("i4", "f4"), ("f8", "c8")]  # fmt: skip


@ignores_complex_warning
@in_full
@every_row
def test_a_compiled_primitive_gives_the_values_and_dtypes_of_numpy(name, case, full):
    prim = primitives[name]
    # between them, three rows of a primitive give all dtypes
    turns = share(DTYPES, turn_of(name, case), min(len(CASES[name]), 3))
    for dtypes in DTYPES if full else turns:
        operands = case.operands(*dtypes)
        refused = outcome(prim.run, *operands, **case.params) in (TypeError, ValueError)
        if refused or (name, *dtypes) in BY_VALUE:
            continue
        arrays = [i for i, x in enumerate(operands) if type(x) not in PYTHON_SCALARS]
        function, xs = program(name, case, operands, arrays)
        with np.errstate(all="ignore"):
            want, got = function(*xs), fg.jit(function)(*xs)
        # sums by BLAS, powers by squaring and quotients by a reciprocal differ in the last digits
        eps = np.finfo(want[0].dtype).eps if want[0].dtype.kind in "fc" else 0
        for w, g in zip(want, got, strict=True):
            assert aval_of(w) == aval_of(g), dtypes
            np.testing.assert_allclose(g, w, rtol=64 * eps, atol=64 * eps)


@in_full
@derived_rows
def test_compiled_derivatives_equal_eager_ones(name, case, full):
    for turn, (function, xs, ts, _) in enumerate(problems(name, case), turn_of(name, case)):
        with np.errstate(all="ignore"):
            outs = fg.jvp(function, tuple(xs), tuple(ts))
            weights = normal_like(outs[0])
            back = lambda *xs, f=function, w=weights: fg.vjp(f, *xs)[1](w)
            push = lambda *xs, f=function, ts=ts: fg.jvp(f, xs, tuple(ts))
            compiled, cts = fg.jit(function), back(*xs)

            if full or turn % 2 == 0:
                assert_same(outs, fg.jit(push)(*xs), **ROUNDING)
                assert_same(cts, fg.vjp(compiled, *xs)[1](weights), **ROUNDING)
            if full or turn % 2 == 1:
                assert_same(outs, fg.jvp(compiled, tuple(xs), tuple(ts)), **ROUNDING)
                assert_same(cts, fg.jit(back)(*xs), **ROUNDING)


@every_row
def test_a_compiled_batch_equals_an_eager_one(name, case):
    if not case.free or name in ("random_seed",):
        return
    operands = (
        case.operands("f8")
        if outcome(primitives[name].run, *case.operands("f8"), **case.params)
        not in (TypeError, ValueError)
        else case.operands("i4")
    )
    if outcome(primitives[name].run, *operands, **case.params) in (TypeError, ValueError):
        return
    function, xs = program(name, case, operands, case.free)
    many = [np.stack([x, np.flip(x)]) for x in xs]  # flipped, a definite matrix stays so
    with np.errstate(all="ignore"):
        want = fg.vmap(function)(*many)

        assert_same(want, fg.jit(fg.vmap(function))(*many), **ROUNDING)
        assert_same(want, fg.vmap(fg.jit(function))(*many), **ROUNDING)


# every nesting

COMPILED = {
    "jit of the transform": lambda transform, f: fg.jit(transform(f)),
    "transform of jit": lambda transform, f: transform(fg.jit(f)),
    "jit of the transform of jit": lambda transform, f: fg.jit(transform(fg.jit(f))),
}


@in_turns("name, transform, way", PROGRAMS, TRANSFORMS, COMPILED)
def test_a_compiled_program_equals_an_eager_one(name, transform, way):
    one, many = (X[0, 0], P[0, 0]), (X[0], P[0])
    eager = TRANSFORMS[transform](PROGRAMS[name])
    got = COMPILED[way](TRANSFORMS[transform], PROGRAMS[name])
    want, wants = eager(*one), fg.vmap(eager)(*many)

    assert_same(want, got(*one), **ROUNDING)
    assert_same(want, got(*one), **ROUNDING)  # from the cache
    assert_same(wants, fg.vmap(got)(*many), **ROUNDING)
    assert_same(wants, fg.jit(fg.vmap(got))(*many), **ROUNDING)


def test_a_transposed_matrix_of_all_steps_is_copied_before_the_loop():
    def states(w, x):
        step = lambda h, row: (np.tanh(row + h @ w.T) * np.exp(row @ w), h)
        return fg.lax.scan(step, np.zeros((2, 3)), x)

    w, x = np.sin(np.arange(9.0)).reshape(3, 3), np.cos(np.arange(60.0)).reshape(10, 2, 3)
    f = fg.jit(states)
    source = f.source(w, x)
    before, loop = re.split(" for .*:\n", source, maxsplit=1)
    copied = re.search(r"(\w+)\[\.\.\.\] = .*  # f64\[3,3\]", before)

    for a, b in zip(states(w, x), f(w, x), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-13)
    assert copied and re.search(rf"dot\(\w+, {copied[1]}, ", loop)


def test_a_constant_gradient_keeps_its_dtype_beside_one_that_is_checked():
    x, seed = np.float32(1.0), np.array(0.3, np.float32)
    both = lambda x, y: (np.where(x > 0, np.log(x), 0), y)
    back = lambda x, y: fg.vjp(both, x, y)[1]((seed, seed))

    assert [g.dtype for g in fg.jit(back)(x, x)] == [np.float32, np.float32]


def test_the_tangent_of_a_captured_number_may_be_a_python_complex():
    closing = lambda x: fg.jit(lambda y: np.array(-1.0) + 1j * x)(x)
    value, tangent = fg.jvp(closing, (-1.5,), (1.0,))

    assert (value, tangent) == (-1 - 1.5j, 1j)


def test_a_map_that_occurs_twice_in_a_program_is_checked_at_each_end():
    def f(a):
        mixed = lambda y: np.stack([a * y[0] / y[1], y[0] * np.exp(y[1])])
        slope, consts = fg.closure_convert(fg.jacfwd(mixed), np.ones(2))
        first = slope(a * np.ones(2), *consts)
        return slope(first @ np.ones(2), *consts)

    np.testing.assert_allclose(fg.jit(f)(1.5), f(1.5), rtol=1e-14)
