"""Every small program under every transform, batched in every way, against loops and differences.

A cell is a program, a transform and a way to run it on many examples. The transforms of one
example are held against central differences; the many, against a loop over the examples.
"""

import functools

import numpy as np

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.jaxpr import check_jaxpr

from .support.compare import assert_same, slope
from .support.programs import PROGRAMS, TP, TRANSFORMS, TWINS, TX, P, X, cotangent, weighted
from .support.turns import in_turns

STEP = 1e-5


# each takes a function of x and p, and gives its result, and the examples it is of

WAYS = {
    "plain": lambda g: (g(X[0, 0], P[0, 0]), (0, 0)),
    "axis 0": lambda g: (fg.vmap(g)(X[0], P[0]), [(0, j) for j in range(3)]),
    "axis -1": lambda g: (
        last_to_front(fg.vmap(g, -1, -1)(X[0].T, P[0].T)),
        [(0, j) for j in range(3)],
    ),
    "mixed axes": lambda g: (fg.vmap(g, (1, None))(X[0].T, P[0, 0]), [(0, j, 0) for j in range(3)]),
    "nested": lambda g: (
        fg.vmap(fg.vmap(g, (0, 1)), (1, 0))(X.transpose(1, 0, 2), P.transpose(0, 2, 1)),
        [[(i, j) for j in range(3)] for i in range(2)],
    ),
    "staged": lambda g: (staged(g, X[0, 1], P[0, 1]), (0, 1)),
    "staged vmap": lambda g: (staged(fg.vmap(g), X[1], P[1]), [(1, j) for j in range(3)]),
}  # fmt: skip


def last_to_front(out):
    return tree.map(lambda y: np.moveaxis(y, -1, 0), out)


def staged(g, x, p):
    """Return what the program of a call gives."""
    closed, shapes = fg.make_jaxpr(g, return_shape=True)(x, p)
    check_jaxpr(closed.jaxpr)
    return tree.unflatten(tree.structure(shapes), closed(x, p))


# what one example should give


def along_each(f, x, p):
    """Return the slopes of a function of one number along the numbers of x, and of p."""
    along_x = [slope(f, (x, p), (e, 0 * p), STEP) for e in np.eye(3)]
    along_p = [slope(f, (x, p), (0 * x, e), STEP) for e in np.eye(2)]
    return np.stack(along_x), np.stack(along_p)


def paired(f, x, p):
    """Return a function of one number: the pairing of the output with its cotangent."""
    ct = tree.leaves(cotangent(f(x, p)))
    return lambda x, p: sum(np.sum(c * y) for c, y in zip(ct, tree.leaves(f(x, p)), strict=True))


def curvature(f, x, p):
    gradient = fg.grad(lambda x, p: weighted(f(x, p)))
    return np.stack([slope(gradient, (x, p), (e, 0 * p), STEP) for e in np.eye(3)], axis=-1)


EXPECTED = {
    "value": lambda f, x, p: f(x, p),
    "grad": lambda f, x, p: along_each(lambda x, p: weighted(f(x, p)), x, p),
    "jvp": lambda f, x, p: slope(f, (x, p), (TX, TP), STEP),
    "vjp": lambda f, x, p: along_each(paired(f, x, p), x, p),
    "linearize": lambda f, x, p: slope(f, (x, p), (TX, TP), STEP),
    "hessian": curvature,
}


@functools.cache
def expected(name, transform, i, j, k):
    """Return what a transform of one example should give: x of (i, j), p of (i, k)."""
    f = PROGRAMS[name]
    if transform != "hessian":  # which takes differences of gradients
        f = TWINS.get(name, f)
    return EXPECTED[transform](f, X[i, j], P[i, k])


def expected_of(name, transform, examples):
    """Return the same for a nested list of examples, stacked."""
    if isinstance(examples, tuple):
        return expected(name, transform, *examples, *examples[1:][: 3 - len(examples)])
    rows = [expected_of(name, transform, example) for example in examples]
    return tree.map(lambda *leaves: np.stack(leaves), *rows)


def test_there_are_enough_cells():
    assert len(PROGRAMS) * len(TRANSFORMS) * len(WAYS) >= 1500


@in_turns("name, transform, way", PROGRAMS, TRANSFORMS, WAYS, always=["plain"])
def test_cell(name, transform, way):
    got, examples = WAYS[way](TRANSFORMS[transform](PROGRAMS[name]))
    want = expected_of(name, transform, examples)

    rtol = 1e-9 if transform == "value" else 2e-6  # rounding 1e-16 / STEP, and STEP**2
    assert_same(want, got, rtol, 1e-7)
