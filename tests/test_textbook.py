"""Textbook programs that write into arrays: every transform, with at most the import changed."""

import functools

import numpy as np
import pytest

import funcgrad as fg
from tests.support.compare import assert_same
from tests.support.textbook import Program, programs

PROGRAMS = {program.name: program for program in programs()}
STEP = 1e-6  # of central differences; their error is about STEP**2 * f''' + 1e-16 * f / STEP


@pytest.fixture(params=list(PROGRAMS))
def program(request) -> Program:
    return PROGRAMS[request.param]


def summed(function):
    """The results as one number, with weights that tell the elements apart."""

    def total(*args):
        result = function(*args)
        results = result if isinstance(result, tuple) else (result,)
        terms = [
            np.where(np.isfinite(y), y, 0) * np.cos(np.arange(y.size)).reshape(y.shape)
            for y in results
        ]
        return sum(np.sum(t) for t in terms)

    return total


@functools.cache
def differences(name):
    """The gradient of ``summed`` by central differences of the NumPy program."""
    program = PROGRAMS[name]
    f = summed(program.original)
    gradients = []
    for k, x in enumerate(program.args):
        gradient = np.empty(np.shape(x))
        for i in np.ndindex(np.shape(x)):
            shift = np.zeros(np.shape(x))
            shift[i] = STEP
            near = [(*program.args[:k], x + s * shift, *program.args[k + 1 :]) for s in (1, -1)]
            gradient[i] = (f(*near[0]) - f(*near[1])) / (2 * STEP)
        gradients.append(gradient)
    return gradients


def gradient_of(program):
    return fg.grad(summed(program.changed), tuple(range(len(program.args))))


def assert_near(want, got, rtol=2e-7):
    for w, g in zip(want, got, strict=True):
        np.testing.assert_allclose(g, w, rtol, atol=rtol * max(1, np.max(np.abs(w))))


def leaves(result):
    return result if isinstance(result, tuple) else (result,)


def test_there_are_twenty_five_programs():
    assert len(PROGRAMS) >= 25


def test_programs_give_the_same_without_a_transform(program):
    want = program.original(*program.args)
    got = program.changed(*program.args)

    for w, g in zip(leaves(want), leaves(got), strict=True):
        assert type(g) is type(w)
        np.testing.assert_array_equal(g, w)


def test_values_under_a_transform_are_those_of_numpy(program):
    want = program.original(*program.args)
    got, _ = fg.vjp(program.changed, *program.args)

    for w, g in zip(leaves(want), leaves(got), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-13, atol=1e-14)  # the same operations


def test_gradients_are_those_of_central_differences(program):
    got = gradient_of(program)(*program.args)

    assert_near(differences(program.name), got)


def test_gradients_by_one_argument_are_those_of_central_differences(program):
    f, args = summed(program.changed), program.args
    gradients = [fg.grad(f, k) for k in range(len(args))]
    got = [gradient(*args) for gradient in gradients]

    assert_near(differences(program.name), got)
    assert_same(list(program.given), list(args))
    assert_near(got, [gradient(*args) for gradient in gradients], rtol=0)
    assert_near(got, [fg.jit(gradient)(*args) for gradient in gradients])


def test_forward_derivatives_are_those_of_central_differences(program):
    f = summed(program.changed)
    tangents = [np.sin(1 + np.arange(np.size(x)).reshape(np.shape(x))) for x in program.args]
    tangents = [t[()] for t in tangents]
    _, got = fg.jvp(f, program.args, tuple(tangents))

    want = sum(np.sum(g * t) for g, t in zip(differences(program.name), tangents, strict=True))
    assert_near([want], [got])


def test_compiled_programs_give_the_values_of_numpy(program):
    want = program.original(*program.args)
    got = fg.jit(program.changed)(*program.args)

    for w, g in zip(leaves(want), leaves(got), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13)  # the compiler reorders


def test_compiled_gradients_are_those_of_central_differences(program):
    got = fg.jit(gradient_of(program))(*program.args)

    assert_near(differences(program.name), got)


def test_batched_programs_are_loops_of_numpy(program):
    batches = [np.stack([x, 1.01 * x, 0.98 * x]) for x in program.args]
    if program.name == "histogram":
        batches[0] = np.stack([program.args[0]] * 3)  # cells must not depend on the example
    got = leaves(fg.vmap(program.changed)(*batches))

    for k in range(3):
        want = leaves(program.original(*(x[k] for x in batches)))
        for w, g in zip(want, got, strict=True):
            np.testing.assert_allclose(g[k], w, rtol=1e-11, atol=1e-12)  # sums in other orders
