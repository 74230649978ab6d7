"""The cost of writes in place: linear in their number, and no copy of an array in a loop."""

import re
import tracemalloc

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, numpy as fnp
from funcgrad.numpy import assignment

RNG = np.random.default_rng(0)


def elements(x):
    y = fnp.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = x[i] ** 2 + 0.5 * y[i - 1]
    return np.sum(y)


def rows(x):
    a = fnp.zeros((len(x), 3))
    for i in range(len(x)):
        row = a[i]
        row[0] = x[i]
        row[1:] += row[:-1] * x[i]
        if i:
            row -= 0.5 * a[i - 1]
    return np.sum(a**2)


def views(x):
    a = fnp.zeros((len(x), 2))
    turned, flat = a.T, a.reshape(-1)
    for i in range(len(x)):
        turned[0, i] = x[i]
        flat[2 * i + 1] = a[i, 0] * x[i] + turned[1, i - 1]
    return np.sum(a**2)


TRANSFORMS = {
    "grad": fg.grad,
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (x,)),
    "vmap": lambda f: lambda x: fg.vmap(f)(np.stack([x, x])),
    "grad of vmap": lambda f: fg.grad(lambda x: np.sum(fg.vmap(f)(np.stack([x, 2 * x])))),
    "jvp of grad": lambda f: lambda x: fg.jvp(fg.grad(f), (x,), (x,)),
}


def peak(function, n):
    """Return the most bytes that a call with n elements holds."""
    x = RNG.normal(size=n) * 0.5
    tracemalloc.start()
    function(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_grows_with_the_number_of_writes():
    function = fg.grad(elements)
    function(RNG.normal(size=4))  # loads what it needs

    # 8 times, and what is free from before; with a copy a write 64 times
    assert peak(function, 1600) < 24 * peak(function, 200)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("program", [elements, rows, views])
def test_no_write_computes_the_whole_array_anew(program, transform, monkeypatch):
    found, by_operations = [], assignment.write_content
    monkeypatch.setattr(
        assignment, "write_content", lambda *a: found.append(a) or by_operations(*a)
    )
    TRANSFORMS[transform](program)(RNG.normal(size=6))

    assert not found


def in_loop(x):
    def step(i, state):
        y, total = state
        y[i] = x[i] * y[i - 1] + 1.0
        y[i - 1] *= 0.5
        return y, total + y[i]

    y, total = lax.fori_loop(1, len(x), step, (fnp.zeros(len(x)), 0.0))
    return np.sum(y) + total


@pytest.mark.parametrize("compiled", [fg.jit(in_loop), fg.jit(fg.grad(in_loop))])
def test_a_step_of_a_compiled_loop_copies_no_array(compiled):
    text = compiled.source(RNG.normal(size=50))
    bodies = re.findall(r"\n( *)for .*:\n((?:\1 +.*\n)+)", text)

    assert bodies
    assert not any("copyto" in body or ".copy()" in body for _, body in bodies)
    assert not any(".fill(" in body for _, body in bodies)
