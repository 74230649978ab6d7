"""Collectives over a named axis: values, derivatives, nesting, and another binding of the axis."""

import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.avals import Aval
from funcgrad.core.axes import Axis, bind_axis
from funcgrad.core.errors import AxisNameError, ShapeError
from funcgrad.core.trace import AbstractTracer, Trace

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 4, 2))  # [example, ...]
RING = [(0, 1), (1, 2), (2, 3), (3, 0)]

# a function of one example, and of all of them
# fmt: off
CASES = {
    "psum": (lambda x: lax.psum(x, "i"), lambda xs: [sum(xs)] * 4),
    "pmean": (lambda x: lax.pmean(x, "i"), lambda xs: [sum(xs) / 4] * 4),
    "pmax": (lambda x: lax.pmax(x, "i"), lambda xs: [np.max(xs, 0)] * 4),
    "pmin": (lambda x: lax.pmin(x, "i"), lambda xs: [np.min(xs, 0)] * 4),
    "all_gather": (lambda x: lax.all_gather(x, "i", axis=1),
                   lambda xs: [np.stack(list(xs), 1)] * 4),
    "all_gather tiled": (lambda x: lax.all_gather(x, "i", axis=-1, tiled=True),
                         lambda xs: [np.concatenate(list(xs), 1)] * 4),
    "psum_scatter": (lambda x: lax.psum_scatter(x, "i"), lambda xs: list(sum(xs))),
    "psum_scatter tiled": (
        lambda x: lax.psum_scatter(np.tile(x, 2), "i", scatter_dimension=1, tiled=True),
        lambda xs: np.split(np.tile(sum(xs), 2), 4, 1)),
    "all_to_all": (lambda x: lax.all_to_all(x, "i", 0, 1),
                   lambda xs: [np.stack([x[k] for x in xs], 1) for k in range(4)]),
    "all_to_all tiled": (lambda x: lax.all_to_all(x, "i", 0, 1, tiled=True),
                         lambda xs: [np.concatenate(list(xs[:, k:k + 1]), 1) for k in range(4)]),
    "ppermute": (lambda x: lax.ppermute(x, "i", RING), lambda xs: [xs[3], *xs[:3]]),
    "ppermute, a gap": (lambda x: lax.ppermute(x, "i", [(0, 1), (3, 0)]),
                        lambda xs: [xs[3], xs[0], 0 * xs[0], 0 * xs[0]]),
    "axis_index": (lambda x: x * lax.axis_index("i") + lax.axis_size("i"),
                   lambda xs: [x * k + 4 for k, x in enumerate(xs)]),
    "softmax": (lambda x: np.exp(x) / lax.psum(np.exp(x), "i"),
                lambda xs: [np.exp(x) / sum(map(np.exp, xs)) for x in xs]),
    "in scan": (lambda x: lax.fori_loop(0, 2, lambda i, c: np.sin(c) + lax.pmean(c, "i"), x),
                lambda xs: _twice(lambda ys: [np.sin(y) + sum(ys) / 4 for y in ys], xs)),
    "in cond": (lambda x: lax.cond(lax.axis_index("i") > 1, lambda x: x, np.sin, lax.psum(x, "i")),
                lambda xs: [(np.sin, np.array)[k > 1](sum(xs)) for k in range(4)]),
    "in checkpoint": (fg.checkpoint(lambda x: np.sin(lax.psum(x, "i"))),
                      lambda xs: [np.sin(sum(xs))] * 4),
}
# fmt: on
each = pytest.mark.parametrize("name", CASES)


def _twice(f, xs):
    return f(f(list(xs)))


def run(f, *args, **axes):
    return fg.vmap(f, axis_name="i", **axes)(*args)


@each
def test_values_are_those_of_all_examples(name):
    one, everyone = CASES[name]

    np.testing.assert_allclose(run(one, X), np.stack(everyone(X)), rtol=1e-14)


@each
def test_derivatives_inside_the_map_are_those_of_the_map(name):
    one, _ = CASES[name]
    weights, t = RNG.normal(size=run(one, X).shape), RNG.normal(size=X.shape)
    want = fg.grad(lambda x: (run(one, x) * weights).sum())(X)

    pulled = run(lambda x, w: fg.vjp(one, x)[1](w)[0], X, weights)
    pushed = run(lambda x, t: fg.jvp(one, (x,), (t,))[1], X, t)

    np.testing.assert_allclose(pulled, want, rtol=1e-12, atol=1e-14)
    assert (pushed * weights).sum() == pytest.approx((want * t).sum(), rel=1e-12)
    step = 1e-6
    slope = (run(one, X + step * t) - run(one, X - step * t)) / (2 * step)
    np.testing.assert_allclose(pushed, slope, rtol=1e-6, atol=1e-7)


@each
def test_maps_nest_and_stage(name):
    one, _ = CASES[name]
    want = run(one, X)

    nested = fg.vmap(lambda x: run(one, x), 1, 1)(np.stack([X, 2 * X], 1))
    swapped = run(fg.vmap(one, -1, -1), np.stack([X, 3 * X], -1))

    np.testing.assert_allclose(nested[:, 0], want, rtol=1e-14)
    np.testing.assert_allclose(swapped[..., 0], want, rtol=1e-14)
    np.testing.assert_allclose(fg.make_jaxpr(lambda x: run(one, x))(X)(X)[0], want, rtol=1e-14)


def test_two_axes_and_what_is_the_same_for_all():
    f = lambda x: lax.psum(x, ("i", "j")) + lax.psum(1, "j") + lax.pmax(x, "i")
    x = RNG.normal(size=(2, 3))

    got = fg.vmap(fg.vmap(f, axis_name="j"), axis_name="i")(x)

    np.testing.assert_allclose(got, x.sum() + 3 + np.broadcast_to(x.max(0), x.shape), rtol=1e-14)


def test_batch_statistics_and_data_parallel_gradients():
    w, x, y = RNG.normal(size=3), RNG.normal(size=(4, 5, 3)), RNG.normal(size=(4, 5))
    loss = lambda w, x, y: np.mean((x @ w - y) ** 2)
    step = lambda w, x, y: lax.pmean(fg.grad(loss)(w, x, y), "i")

    got = run(step, w, x, y, in_axes=(None, 0, 0), out_axes=None)

    np.testing.assert_allclose(got, fg.grad(loss)(w, x.reshape(20, 3), y.ravel()), rtol=1e-12)


class Team:
    """Threads that exchange arrays: an axis whose examples are not in one array."""

    def __init__(self, size):
        self.slots, self.barrier = [None] * size, threading.Barrier(size)

    def exchange(self, rank, x):
        self.slots[rank] = x
        self.barrier.wait()
        values = list(self.slots)
        self.barrier.wait()
        return values


class TeamTrace(Trace):
    """The trace of one member's token: it runs collectives by name, and sees nothing else."""

    def __init__(self, team, rank):
        super().__init__("a team of threads")
        self.team, self.rank = team, rank

    def process(self, prim, args, params):
        values = self.team.exchange(self.rank, args[0])
        return ({"psum": np.sum, "pmax": np.max}[prim.name](values, axis=0),)


class Token(AbstractTracer):
    aval = Aval((), np.dtype(int))
    _uses = ()  # it has no value

    def __init__(self, trace):
        self._trace, self._mark, self._memory = trace, None, None


def test_an_axis_may_be_bound_to_threads_without_touching_a_rule():
    f = lambda x: np.sin(lax.psum(x, "i")) * lax.axis_index("i") + lax.pmax(x, "i")
    want = run(lambda x: fg.vjp(f, x)[1](np.ones((4, 2)))[0], X)
    team, got = Team(4), [None] * 4

    def member(rank):
        with bind_axis("i", Axis(4, Token(TeamTrace(team, rank)), rank)):
            got[rank] = fg.vjp(f, X[rank])[1](np.ones((4, 2)))[0]

    threads = [threading.Thread(target=member, args=(rank,)) for rank in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    np.testing.assert_allclose(np.stack(got), want, rtol=1e-14)


# fmt: off
ERRORS = [
    (lambda: lax.psum(1.0, "j"), AxisNameError,
     r"psum: no axis is named 'j' here: bound are none; run the function under vmap"),
    (lambda: run(lambda x: lax.pmax(x, "j"), X), AxisNameError, "bound are 'i'"),
    (lambda: run(lambda x: lax.psum_scatter(x, "i"), X[:3]), ShapeError,
     "psum_scatter: axis 0 must have length 3, the number of examples"),
    (lambda: run(lambda x: lax.all_to_all(x, "i", 1, 0, tiled=True), X), ShapeError,
     "a multiple of 4"),
    (lambda: run(lambda x: lax.all_gather(x, "i", axis=5), X), ShapeError,
     "the value has no axis 5"),
    (lambda: run(lambda x: lax.ppermute(x, "i", [(0, 1), (2, 1)]), X), ValueError,
     "must be distinct indices from 0 to 3"),
    (lambda: fg.vmap(np.sin, axis_name="i", chunk_size=2), ValueError, "leave chunk_size out"),
]
# fmt: on


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_name_the_axis_and_the_cure(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_name_is_free_again_after_an_exception():
    with pytest.raises(ZeroDivisionError):
        run(lambda x: 1 / 0, X)
    with pytest.raises(AxisNameError):
        lax.axis_index("i")
