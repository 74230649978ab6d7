"""Derivatives of programs that take a derivative themselves, at elements that lie on no path.

A function takes the gradient of a selection of a singular function, inside a loop, a choice, a
checkpoint, a rule of the user's own; another derivative is taken of that. Whether and where
programs are compiled, it is that of the elements that are taken, and 0 at the others.
"""

import random

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.compile.finite_checks import masked_program

from .support.programs import ruled_forward, ruled_reverse

X = np.array([-1.0, 0.0, 0.5, 2.0])
TAKEN = X > 0

# fmt: off
FUNCTIONS = {
    "sqrt": np.sqrt,
    "log": np.log,
    "x**1.5": lambda x: x**1.5,
    "1/x": lambda x: 1 / x,
    "x log(x)": lambda x: x * np.log(x),
}
# of a function: the sum of what is selected of it; and of what is taken, without a selection
SELECTIONS = {
    "where": (lambda y, x: np.where(x > 0, y, 0.0), lambda y, x: y),
    "where, squared": (lambda y, x: np.where(x > 0, y, 0.0) ** 2, lambda y, x: y**2),
    "where of a square": (lambda y, x: np.where(x > 0, y**2, 1.0), lambda y, x: y**2),
    "sine": (lambda y, x: np.sin(np.where(x > 0, y, 0.0)), lambda y, x: np.sin(y)),
    "product": (lambda y, x: np.where(x > 0, y, 0.0) * x * x, lambda y, x: y * x * x),
    "slice": (lambda y, x: y[2:] ** 2, lambda y, x: y**2),
    "at.set": (lambda y, x: fg.at(y)[:2].set(0.0) ** 2, lambda y, x: y**2),
    "sum of some": (lambda y, x: np.sum(y**2, where=TAKEN), lambda y, x: y**2),
}
# fmt: on


def _columns(f, x):
    return fg.vmap(lambda e: fg.jvp(f, (x,), (e,))[1])(np.eye(len(x)))


INNER = {
    "grad": fg.grad,
    "jvp": lambda f: lambda x: _columns(f, x),
    "vjp": lambda f: lambda x: fg.vjp(f, x)[1](1.0)[0],
}


# what may hold the inner derivative; each gives what the function gives


def _scan_carry(f):
    step = lambda c, _: ((c[0] * 1.0, c[1] + f(c[0])), None)
    return lambda x: lax.scan(step, (x, 0 * x), None, length=2)[0][1] / 2


def _while(f):
    def step(c):
        return c[0] + 1, c[1] * 1.0, c[2] + f(c[1])

    return lambda x: lax.while_loop(lambda c: c[0] < x[3], step, (0.0, x, 0 * x))[2] / 2


def _switch(f):
    return lambda x: lax.switch((x[3] > 0) * 1, [lambda v: v, f, lambda v: 2 * v], x)


def _cond_of_each(f):
    one = lambda c, v: lax.cond(c, f, lambda v: v, v)
    return lambda x: fg.vmap(one)(np.array([True, False]), np.stack([x, x]))[0]


HOLDERS = {
    "nothing": lambda f: f,
    "scan": lambda f: lambda x: lax.scan(lambda c, v: (c, f(v)), 0.0, np.stack([x, x]))[1][0],
    "scan of a constant": lambda f: (
        lambda x: lax.scan(lambda c, i: (c, f(x * 1.0)), 0.0, np.arange(2))[1][1]
    ),
    "carry of scan": _scan_carry,
    "map": lambda f: lambda x: lax.map(f, np.stack([x, x]))[0],
    "cond": lambda f: lambda x: lax.cond(x[3] > 0, f, lambda v: v, x),
    "cond of each": _cond_of_each,
    "switch": _switch,
    "while": _while,
    "fori": lambda f: lambda x: lax.fori_loop(0, 2, lambda i, c: c + f(x), 0 * x) / 2,
    "checkpoint": fg.checkpoint,
    "checkpoint of everything": lambda f: fg.checkpoint(f, policy="everything"),
    "custom_vjp": ruled_reverse,
    "custom_jvp": ruled_forward,
    "jit": fg.jit,
    "vmap": lambda f: lambda x: fg.vmap(f)(np.stack([x, x]))[0],
}


def _summed(f):
    return lambda x: np.sum(f(x))


def _pushed(f):
    return lambda x: fg.jvp(f, (x,), (np.ones(len(x)),))[1]


OUTER = {
    "grad": lambda f: fg.grad(_summed(f)),
    "jvp": _pushed,
    "jacfwd": fg.jacfwd,
    "jacrev": fg.jacrev,
    "grad of grad": lambda f: fg.grad(_summed(fg.grad(_summed(f)))),
    "jvp of grad": lambda f: _pushed(fg.grad(_summed(f))),
    "hessian": lambda f: fg.hessian(_summed(f)),
    "grad of jvp": lambda f: fg.grad(_summed(_pushed(f))),
}
FORWARD = frozenset({"jvp", "jacfwd", "jvp of grad", "hessian", "grad of jvp"})
COMPILED = {
    "eager": (lambda f: f, lambda f: f),
    "jit outside": (fg.jit, lambda f: f),
    "jit inside": (lambda f: f, fg.jit),
    "jit both": (fg.jit, fg.jit),
}


def wanted(function, selection, outer):
    """Return the derivative of the elements taken alone, and 0 at the others."""
    f = FUNCTIONS[function]
    taken = lambda x: np.sum(SELECTIONS[selection][1](f(x), x))
    y = OUTER[outer](fg.grad(taken))(X[TAKEN])
    for d in range(np.ndim(y)):
        shape = (*np.shape(y)[:d], len(X), *np.shape(y)[d + 1 :])
        z = np.zeros(shape)
        z[(slice(None),) * d + (TAKEN,)] = y
        y = z
    return y


def check(function, selection, inner, holders, outer, compiled):
    f, select = FUNCTIONS[function], SELECTIONS[selection][0]
    g = INNER[inner](lambda x: np.sum(select(f(x), x)))
    for name in holders:
        g = HOLDERS[name](g)
    outside, inside = COMPILED[compiled]
    with np.errstate(all="ignore"):
        got = outside(OUTER[outer](inside(g)))(X)

    np.testing.assert_allclose(got, wanted(function, selection, outer), 1e-9, 1e-12)


def _allowed(holders, outer):
    """Return whether nobody asks a custom_vjp for its forward derivative."""
    if "custom_vjp" not in holders:
        return True
    around = holders[holders.index("custom_vjp") + 1 :]
    return outer not in FORWARD and "custom_jvp" not in around


def _sampled(count, seed, depth):
    """Return cases in which each entry of each table occurs about equally often."""
    rng = random.Random(seed)
    tables = FUNCTIONS, SELECTIONS, INNER, *[HOLDERS] * depth, OUTER, COMPILED
    columns = [[*t] * (count // len(t) + 1) for t in tables]
    for column in columns:
        rng.shuffle(column)
    rows = zip(*(column[:count] for column in columns), strict=True)
    cases = [(*row[:3], row[3:-2], *row[-2:]) for row in rows]
    return [case for case in cases if _allowed(case[3], case[4])]


def _name(case):
    function, selection, inner, holders, outer, compiled = case
    return ", ".join((function, selection, inner, *holders, outer, compiled))


@pytest.mark.parametrize("case", _sampled(64, 1, 1), ids=_name)
def test_derivatives_of_derivatives_that_programs_take(case):
    check(*case)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("holder", HOLDERS)
def test_derivatives_of_derivatives_that_any_program_takes(holder, outer, compiled):
    if not _allowed((holder,), outer):
        pytest.skip("a custom_vjp has no forward derivative")
    for function in FUNCTIONS:
        for selection in SELECTIONS:
            for inner in INNER:
                check(function, selection, inner, (holder,), outer, compiled)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_derivatives_of_derivatives_that_programs_in_programs_take(seed):
    for case in _sampled(100, seed, 2):
        check(*case)


# maps whose function has run before


def f(x):
    return np.sum(np.where(x > 0, x**1.5, 0.0))


BENDS = np.array([0.0, 0.0, 0.75 / np.sqrt(0.5), 0.75 / np.sqrt(2.0)])
EDGE = X[1:]  # where the inner derivative is finite, and the outer one is not
_PUSH = lambda t: fg.jvp(fg.grad(f), (EDGE,), (t,))[1]
BEFORE = {
    "jit of a pullback": lambda t: fg.jit(fg.vjp(fg.grad(f), EDGE)[1])(t)[0],
    "jit of jvp": lambda t: fg.jit(_PUSH)(t),
    "jit of linearize": lambda t: fg.jit(fg.linearize(fg.grad(f), EDGE)[1])(t),
    "linear_transpose": lambda t: fg.linear_transpose(_PUSH, EDGE)(t)[0],
    "jit of linear_transpose": fg.jit(lambda t: fg.linear_transpose(_PUSH, EDGE)(t)[0]),
    "grad of jvp": lambda t: fg.grad(lambda t: np.sum(_PUSH(t)))(t),
}


@pytest.mark.parametrize("mode", BEFORE)
def test_a_map_within_a_function_that_has_run_before_has_masks(mode):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(BEFORE[mode](np.ones(3)), BENDS[1:], 1e-12)


# what a program with masks keeps, and what others do not


def _reversed_vjp():
    g = fg.custom_vjp(lambda x: x)
    g.defvjp(lambda x: (x, None), lambda _, ct: (-ct,))
    return g


def _reversed_jvp():
    g = fg.custom_jvp(lambda x: x)
    g.defjvp(lambda primals, tangents: (primals[0], -tangents[0]))
    return g


@pytest.mark.parametrize("holder", ["nothing", "scan", "cond", "while", "checkpoint"])
@pytest.mark.parametrize("rule", [_reversed_vjp, _reversed_jvp])
@pytest.mark.parametrize("compiled", COMPILED)
def test_a_rule_of_the_users_stays_where_derivatives_run_with_masks(compiled, rule, holder):
    own = rule()
    both = HOLDERS[holder](lambda x: own(x) + fg.grad(f)(x))
    outside, inside = COMPILED[compiled]

    with np.errstate(all="ignore"):
        got = outside(fg.grad(inside(lambda x: np.sum(both(x)))))(X)
    np.testing.assert_allclose(got, BENDS - 1, 1e-12)


@pytest.mark.parametrize("holder", ["scan", "carry of scan", "cond", "while", "fori", "checkpoint"])
def test_masks_are_saved_by_programs_with_masks_alone(holder):
    g = HOLDERS[holder](fg.grad(f))
    source = fg.jit(fg.grad(lambda x: np.sum(g(x)))).source(X)

    assert "masked(" in source
    assert "True)" not in source


@pytest.mark.parametrize("outer", OUTER)
def test_maps_of_programs_that_stand_in_another_are_seen(outer):
    """The branches of a cond of each example run as they are."""
    check("x log(x)", "where", "grad", ("cond of each",), outer, "jit outside")


@pytest.mark.parametrize("rule", ["custom_vjp", "custom_jvp"])
def test_maps_of_programs_that_stand_in_a_rule_have_masks(rule):
    check("x**1.5", "where, squared", "vjp", ("cond of each", rule), "grad", "jit inside")


@pytest.mark.parametrize("loop", ["scan", "fori", "while"])
def test_a_check_that_each_step_makes_alike_is_made_before_the_loop(loop):
    matrix = np.arange(6.0).reshape(2, 3) - 2.5  # of fewer elements than the results
    slope = fg.grad(lambda w: np.sum(np.maximum(matrix @ w, 0.0) ** 2))
    step = lambda w: w - 0.01 * slope(w)
    runs = {
        "scan": lambda w: lax.scan(lambda w, _: (step(w), None), w, None, length=3)[0],
        "fori": lambda w: lax.fori_loop(0, 3, lambda i, w: step(w), w),
        "while": lambda w: lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, step(c[1])), (0, w)
        )[1],
    }
    f = fg.grad(lambda w: np.sum(runs[loop](w) ** 2))
    w = np.cos(np.arange(12.0)).reshape(3, 4)

    np.testing.assert_allclose(fg.jit(f)(w), f(w), 1e-12)


def test_cotangents_that_no_leg_of_a_loop_gets_lie_on_no_path():
    log = lambda x: np.where(x > 0, np.log(x), 0.0)
    loop = lambda x: lax.while_loop(lambda c: c[0] < 1, lambda c: (c[0] + 1, c[1] + log(x)), (0, x))
    twice = fg.grad(_summed(fg.grad(lambda x: np.sum(loop(x)[1]))))

    with np.errstate(all="ignore"):
        for run in (twice, fg.jit(twice)):
            np.testing.assert_allclose(run(X), [0.0, 0.0, -4.0, -0.25], 1e-12)


def test_the_masks_of_n_gradients_one_after_the_other_are_less_than_n_cubed():
    def descended(steps):
        def run(x):
            for _ in range(steps):
                x = x - 0.1 * fg.grad(lambda y: np.sum(np.where(y > 0, np.sqrt(y), y**2)))(x)
            return np.sum(x)

        return run

    def equations(steps):
        program = fg.make_jaxpr(fg.grad(descended(steps)))(X).jaxpr
        return len(masked_program(program).eqns)

    with np.errstate(all="ignore"):
        want = [fg.grad(descended(4))(X), fg.jit(fg.grad(descended(4)))(X)]

        assert equations(8) < 6 * equations(4)  # they grew 18 times
        np.testing.assert_allclose(*want, 1e-12)
