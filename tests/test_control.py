"""Control flow: what JAX's users know of it, dtypes, trees, programs, and errors by their words.

That every derivative and every batching of it is right, ``test_nesting.py`` shows.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree
from funcgrad.core.errors import ConcretizationError, DtypeError, ShapeError, TreeError
from funcgrad.core.jaxpr import check_jaxpr

from .support.compare import assert_same
from .support.programs import ruled_forward

X = np.array([0.3, -0.7, 1.2])
RNG = np.random.default_rng(0)


class State(NamedTuple):
    h: object
    rest: object


@tree.register_dataclass
@dataclass
class Point:
    x: object
    y: object


def counted(f):
    """Return a function and the list of its calls."""
    calls = []

    def counting(*args):
        calls.append(args)
        return f(*args)

    return counting, calls


def once_by_while(f, x):
    return lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, f(s[1])), (0, x))[1]


def staged_choice(f, x):
    return fg.make_jaxpr(lambda p, x: lax.cond(p, f, np.cos, x))(True, x)(True, x)[0]


# how often a body is called


def test_a_loop_traces_its_body_once():
    step, calls = counted(lambda c, x: (c * x, c))
    lax.scan(step, np.float64(1.5), np.ones(100))
    body, more = counted(lambda s: s * 2)
    lax.while_loop(lambda s: s < 1e6, body, np.float64(1.0))

    assert len(calls) == len(more) == 1


def test_a_known_predicate_calls_the_branch_taken_alone():
    yes, taken = counted(np.sin)
    no, other = counted(np.cos)

    got = fg.grad(lambda x: lax.cond(x > 0, yes, no, x))(0.5)

    assert (len(taken), len(other)) == (1, 0) and got == np.cos(0.5)
    assert lax.switch(np.int64(-4), [yes, no], 0.5) == np.sin(0.5)
    assert not other


def test_a_known_predicate_is_found_under_transforms():
    f = lambda n, x: lax.cond(n > 2, np.sin, lambda x: "no array", x)

    assert fg.vmap(f, (None, 0))(3, X).shape == (3,)
    assert fg.jvp(lambda x: f(3, x), (0.0,), (1.0,))[1] == 1.0


# values


def test_python_numbers_take_the_dtype_of_the_steps():
    x = np.ones(3, np.float32)

    total, sums = lax.scan(lambda c, t: (c + t, c), 0, x)

    assert total.dtype == sums.dtype == np.float32
    assert lax.fori_loop(0, 3, lambda i, v: v * 2 + i, x).dtype == np.float32
    assert type(lax.while_loop(lambda v: v < 5, lambda v: v * 1.5, 1)) is float
    assert lax.while_loop(lambda v: v < 5, lambda v: v * np.array(1.5), 1).dtype == np.float64
    assert fg.vmap(lambda n: lax.fori_loop(0, n, lambda i, v: v + i, x))(np.arange(3)).dtype == "f4"


def test_a_narrow_bound_counts_as_far_as_a_wide_one():
    count = lambda n: lax.fori_loop(n, 300, lambda i, c: c + 1, 0)

    assert count(np.int8(-5)) == 305
    assert fg.vmap(count)(np.array([100, -100], np.int8)).tolist() == [200, 400]


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "i4", "?", "u4"])
def test_a_carry_keeps_its_dtype(dtype):
    x = np.ones(2, dtype)

    last, ys = lax.scan(lambda c, t: (t, c), x, np.ones((3, 2), dtype))

    assert last.dtype == ys.dtype == x.dtype


@pytest.mark.parametrize(
    "carry",
    [
        {"a": X, "b": (X[0], None)}, State(X, [X]), Point(X, 2.0), (), None, [X, ()],
    ],
)  # fmt: skip
def test_any_tree_may_be_carried(carry):
    double = lambda c: tree.map(lambda v: 2 * v, c)
    want = double(double(carry))

    last, ys = lax.scan(lambda c, _: (double(c), c), carry, None, 2)
    fori = lax.fori_loop(0, 2, lambda i, c: double(c), carry)

    for got in (last, fori):
        assert_same(want, got)
    assert tree.structure(ys) == tree.structure(carry)


def test_keys_are_carried():
    def step(key, _):
        key, used = fg.random.split(key)
        return key, fg.random.normal(used, (2,))

    key, draws = fg.random.key(0), []
    for _ in range(3):
        key, used = fg.random.split(key)
        draws.append(fg.random.normal(used, (2,)))

    np.testing.assert_array_equal(lax.scan(step, fg.random.key(0), None, 3)[1], np.stack(draws))


def test_loops_of_no_steps():
    last, ys = lax.scan(lambda c, x: (c * x, c), 2.0, np.ones((0,)))
    grads = fg.grad(lambda c, x: lax.scan(lambda c, x: (c * x, c), c, x)[0], (0, 1))(
        2.0, np.ones(0)
    )

    assert last == 2.0 and ys.shape == (0,)
    assert grads[0] == 1.0 and grads[1].shape == (0,)
    assert lax.fori_loop(3, 1, lambda i, v: v + 1, 2.0) == 2.0
    assert fg.grad(lambda v: lax.while_loop(lambda s: s < 0, lambda s: s * 2, v))(3.0) == 1.0


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("unroll", [1, 2, 3, 5, 7, True])
def test_unrolling_changes_no_result(unroll, reverse):
    xs = RNG.normal(size=(5, 3))
    f = lambda x, unroll: lax.scan(
        lambda c, t: (np.sin(c) * t, {"y": c + t}), x, xs, reverse=reverse, unroll=unroll
    )
    want, want_grad = f(X, 1), fg.grad(lambda x: f(x, 1)[1]["y"].sum())(X)

    got, got_grad = f(X, unroll), fg.grad(lambda x: f(x, unroll)[1]["y"].sum())(X)

    np.testing.assert_allclose(got[0], want[0], rtol=1e-14)
    np.testing.assert_allclose(got[1]["y"], want[1]["y"], rtol=1e-14)
    np.testing.assert_allclose(got_grad, want_grad, rtol=1e-12)


def test_results_may_be_changed_without_changing_what_went_in():
    x, w = X.copy(), np.ones((2, 3))
    loops = [
        lambda: lax.associative_scan(np.add, w[:1]),
        lambda: fg.vmap(lambda t: t)(w),
        lambda: fg.ravel_pytree({"a": x, "b": 1.0})[1](np.append(x, 1.0)),
        lambda: fg.ravel_pytree(x)[1](x),
        lambda: lax.scan(lambda c, t: (c, t), x, w),
        lambda: lax.scan(lambda c, t: (t, c), x, w),
        lambda: (lax.fori_loop(0, 0, lambda i, c: c, x),),
        lambda: (lax.while_loop(lambda c: False, lambda c: c, x),),
        lambda: (lax.map(lambda t: t, w),),
        lambda: lax.scan(lambda c, t: (x, w), x, None, 1),
    ]
    for loop in loops:
        for y in tree.leaves(loop()):
            y += 1

    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(w, 1)


@pytest.mark.parametrize(
    "f",
    [
        fg.checkpoint(lambda x: x),
        lambda x: lax.scan(lambda c, _: (c, None), x, None, 2)[0],
        lambda x: lax.while_loop(lambda c: c[0] > 9, lambda c: c, x),
        lambda x: staged_choice(lambda x: x, x),
    ],
)
def test_results_of_transforms_are_not_what_went_in(f):
    x, t = X.copy(), X.copy()
    for y in (
        fg.jvp(f, (x,), (t,)),
        fg.linearize(f, x)[0],
        fg.vjp(f, x)[0],
        fg.make_jaxpr(f)(x)(x),
    ):
        for leaf in tree.leaves(y):
            assert not np.shares_memory(leaf, x) and not np.shares_memory(leaf, t)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: lax.fori_loop(0, 1, lambda i, c: c, x),
        lambda x: lax.while_loop(lambda s: s[0] < 0, lambda s: (s[0] + 1, s[1]), (0, x))[1],
        lambda x: lax.cond(True, lambda x: x, lambda x: 2 * x, x),
        lambda x: x,
        lambda x: x[::-1],
        lambda x: x.copy(),
        lambda x: np.roll(x[:1], 1, axis=0),
    ],
)
def test_values_beside_derivatives_are_not_what_went_in(f):
    x = X.copy()
    with_aux = lambda x: (np.sum(x), f(x))
    values = (
        fg.jvp(f, (x,), (x,))[0],
        fg.linearize(f, x)[0],
        fg.vjp(f, x)[0],
        fg.jvp(with_aux, (x,), (x,), True)[2],
        fg.value_and_grad(with_aux, has_aux=True)(x)[0][1],
    )
    for value in values:
        assert not np.shares_memory(value, x)


def test_an_exception_in_a_body_leaves_arrays_writeable():
    x = X.copy()

    def step(c, _):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fg.grad(lambda v: lax.scan(lambda c, t: step(c * x, t), v, None, 2)[0].sum())(X)
    x[0] = 5.0


# derivatives


def gru(params, h, xs):
    """Return the states of a GRU; params are (input, state, bias) for its three gates."""

    def step(h, x):
        sigmoid = lambda v: 1 / (1 + np.exp(-v))
        (wz, uz, bz), (wr, ur, br), (wn, un, bn) = params
        z = sigmoid(x @ wz + h @ uz + bz)
        r = sigmoid(x @ wr + h @ ur + br)
        n = np.tanh(x @ wn + (r * h) @ un + bn)
        h = (1 - z) * n + z * h
        return h, h

    return step, h, xs


def by_hand(step, h, xs):
    hs = []
    for x in xs:
        h, y = step(h, x)
        hs.append(y)
    return h, np.stack(hs)


@pytest.mark.parametrize("mode", [fg.grad, lambda f: fg.jacrev(f), lambda f: fg.jacfwd(f)])
def test_a_gru_by_scan_is_the_gru_of_a_python_loop(mode):
    shapes = [((2, 4), (4, 4), (4,))] * 3
    params = [tuple(RNG.normal(size=s) for s in gate) for gate in shapes]
    h, xs = np.zeros(4), RNG.normal(size=(7, 2))
    loss = lambda loop: lambda params: np.sum(np.sin(loop(*gru(params, h, xs))[1]))

    want, got = mode(loss(by_hand))(params), mode(loss(lax.scan))(params)

    assert_same(want, got, 1e-12, 1e-14)  # the same sums, another order


def newton(a):
    step = lambda y: y - (y**3 - a) / (3 * y * y)
    return lax.while_loop(lambda y: np.abs(y**3 - a) > 1e-12, step, 2.0)


def test_newton_in_a_while_loop_has_the_implicit_derivative():
    slope = lambda a: 1 / (3 * a ** (2 / 3))  # of the cube root
    a = np.array([0.3, 5.0, 50.0])  # which take different numbers of steps

    np.testing.assert_allclose(fg.grad(newton)(5.0), slope(5.0), rtol=1e-12)
    np.testing.assert_allclose(fg.vmap(fg.grad(newton))(a), slope(a), rtol=1e-10)
    np.testing.assert_allclose(fg.grad(lambda a: fg.vmap(newton)(a).sum())(a), slope(a), rtol=1e-10)
    staged = fg.make_jaxpr(fg.grad(newton))(5.0)
    np.testing.assert_allclose(staged(7.0)[0], slope(7.0), rtol=1e-12)


def test_third_derivatives_of_loops():
    f = lambda x: lax.while_loop(lambda s: s < 9, lambda s: s * s * x, x)
    g = lambda x: lax.scan(lambda s, _: (s * s * x, None), x, None, 3)[0]
    third = fg.grad(fg.grad(fg.grad(lambda x: x**15)))

    for h in (g, lambda x: lax.fori_loop(0, 3, lambda i, s: s * s * x, x)):
        assert fg.grad(fg.grad(fg.grad(h)))(1.1) == pytest.approx(third(1.1), rel=1e-12)
    # 1.7, 4.9, 40.9: two squarings, which make x**7
    want = fg.grad(fg.grad(fg.grad(lambda x: x**7)))(1.7)
    assert fg.grad(fg.grad(fg.grad(f)))(1.7) == pytest.approx(want, rel=1e-12)
    assert fg.jvp(fg.grad(fg.grad(f)), (1.7,), (1.0,))[1] == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize(
    "loop",
    [
        lambda z: lax.scan(lambda x, _: (np.sin(x) * z, None), z, None, 1)[0],
        lambda z: once_by_while(lambda x: np.sin(x) * z, z),
        lambda z: lax.cond(z > 0, lambda x: np.sin(x) * z, np.cos, z),
        lambda z: staged_choice(lambda x: np.sin(x) * z, z),
        lambda z: fg.checkpoint(lambda x: np.sin(x) * z)(z),
        lambda z: lax.map(lambda x: np.sin(x) * z, z * np.ones(1))[0],
    ],
)  # fmt: skip
def test_what_a_body_closes_over_has_its_part_in_the_derivative(loop):
    want = np.cos(0.7) * 0.7 + np.sin(0.7)

    assert fg.grad(loop)(0.7) == pytest.approx(want, rel=1e-14)
    assert fg.jvp(loop, (0.7,), (1.0,))[1] == pytest.approx(want, rel=1e-14)
    assert fg.make_jaxpr(fg.grad(loop))(0.7)(0.7)[0] == pytest.approx(want, rel=1e-14)
    assert fg.vmap(fg.grad(loop))(np.array([0.7]))[0] == pytest.approx(want, rel=1e-14)


def eqn_of(closed, name):
    return [eqn for eqn in closed.eqns if eqn.prim.name == name]


def test_the_reverse_pass_of_a_scan_saves_what_it_reads_and_no_more():
    w, xs = RNG.normal(size=(3, 3)), RNG.normal(size=(5, 3))
    f = lambda w, h: lax.scan(lambda h, x: (np.tanh(w @ h + x), None), h, xs)[0].sum()
    closed = fg.make_jaxpr(fg.grad(f))(w, X)
    there, back = eqn_of(closed, "scan")
    saved = there.outs[there.params["num_carry"] :]

    assert all(v in back.ins for v in saved)
    assert [v.aval.shape for v in saved] == [(5, 3), (5, 3)]  # 1 - tanh**2, and h: never w
    check_jaxpr(closed.jaxpr)


@pytest.mark.parametrize("in_axes", [(0, None), (None, 1), (0, 1), (0, 2)])
def test_a_scan_of_all_examples_is_the_scan_of_each(in_axes):
    f = lambda c, xs: lax.scan(lambda c, x: (c * 0.5 + x, (np.sin(c), x.sum())), c, xs)
    rng = np.random.default_rng(0)
    size, where = 3, in_axes[1]
    carries = rng.normal(size=(size, 4) if in_axes[0] == 0 else 4)
    rows = rng.normal(size=(5, 4) if where is None else np.insert((5, 4), where, size))
    one = lambda i: f(carries[i] if in_axes[0] == 0 else carries,
                      rows if where is None else np.take(rows, i, where))  # fmt: skip

    want = tree.map(lambda *leaves: np.stack(leaves), *map(one, range(size)))
    for way in (fg.vmap(f, in_axes), fg.jit(fg.vmap(f, in_axes))):
        tree.map(np.testing.assert_allclose, way(carries, rows), want)


def test_a_linear_scan_transposes():
    f = lambda x: lax.scan(lambda c, t: (c * 2 + t, c - t), x[0], x)
    weights = (1.5, RNG.normal(size=3))
    transpose = fg.linear_transpose(f, X)

    got = transpose((np.float64(weights[0]), weights[1]))[0]

    out = f(X)
    assert got @ X == pytest.approx(weights[0] * out[0] + weights[1] @ out[1], rel=1e-12)


def test_a_batch_of_predicates_selects():
    p, xs = np.array([True, False, True]), np.stack([X, 2 * X, 3 * X])

    got = fg.vmap(lambda p, x: lax.cond(p, np.sin, np.cos, x))(p, xs)

    np.testing.assert_array_equal(got, np.where(p[:, None], np.sin(xs), np.cos(xs)))


def test_maps_in_batches_give_what_one_by_one_gives():
    xs = {"a": RNG.normal(size=(7, 2)), "b": np.arange(7)}
    f = lambda x: {"y": np.sin(x["a"]) * x["b"]}

    for size in (1, 3, 7, 9):
        np.testing.assert_allclose(
            lax.map(f, xs, batch_size=size)["y"], lax.map(f, xs)["y"], rtol=1e-14
        )


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6, 9])
@pytest.mark.parametrize("reverse", [False, True])
def test_an_associative_scan_is_the_loop(n, reverse):
    rows = RNG.normal(size=(n, 2, 2))
    product = lambda a, b: b @ a
    order = range(n)[:: -1 if reverse else 1]
    want, total = np.zeros((n, 2, 2)), np.eye(2)
    for i in order:
        want[i] = total = rows[i] @ total

    got = lax.associative_scan(product, rows, reverse=reverse)

    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    add = lambda a, b: {"x": a["x"] + b["x"]}
    got = lax.associative_scan(add, {"x": rows.T}, axis=-1)["x"]
    np.testing.assert_allclose(got, np.cumsum(rows.T, -1), rtol=1e-12, atol=1e-14)


def test_an_associative_scan_takes_a_sequence_for_a_named_tuple():
    start = State(X, np.ones(3))
    step = lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1])
    want = lax.associative_scan(lambda a, b: State(*step(a, b)), start)

    for made in (tuple, list):
        got = lax.associative_scan(lambda a, b, made=made: made(step(a, b)), start)
        assert type(got) is State
        assert all(map(np.array_equal, got, want))
        assert type(lax.associative_scan(lambda a, b, m=made: m(step(a, b)), (X, X))) is tuple
    for other in (lambda a: a[:1], lambda a: {"h": a[0], "rest": a[1]}, lambda a: (a, a[0])):
        with pytest.raises(TreeError, match="associative_scan: the output of fn"):
            lax.associative_scan(lambda a, b, other=other: other(step(a, b)), start)


# of a step and a number: the number after two steps of some construct
STEPS = {
    "while": lambda f: lambda s: lax.while_loop(
        lambda c: c[1] < 2, lambda c: (f(c[0]), c[1] + 1), (s, 0))[0],
    "scan": lambda f: lambda s: lax.scan(lambda c, _: (f(c), None), s, None, 2)[0],
    "unrolled": lambda f: lambda s: lax.scan(lambda c, _: (f(c), None), s, None, 3, unroll=2)[0],
    "fori": lambda f: lambda s: lax.fori_loop(0, 2, lambda i, c: f(c), s),
    "cond": lambda f: lambda s: fg.jit(lambda p, s: lax.cond(p, f, f, s))(True, s),
    "jit": lambda f: lambda s: fg.jit(f)(s),
    "checkpoint": lambda f: lambda s: fg.checkpoint(f)(s),
    "custom": lambda f: lambda s: ruled_forward(f)(s),
}  # fmt: skip
# what a step makes of the number, and the dtype of its product with an array of float32
MADE = {
    "itself": (lambda s: s, np.float32),
    "twice": (lambda s: 2 * s, np.float32),
    "an array of float32": (lambda s: np.float32(2) * s, np.float32),
    "an array of float64": (lambda s: np.float64(2) * s, np.float64),
    "another number": (lambda s: 1.5, np.float32),
    "an int32": (lambda s: np.asarray(2, np.int32) + 0 * np.asarray(2, np.int32), np.float64),
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("outer", [*STEPS, None])
@pytest.mark.parametrize("inner", STEPS)
def test_a_number_stays_weak_through_what_holds_programs(outer, inner, made):
    step, want = MADE[made]
    g = STEPS[inner](step)
    g = g if outer is None else STEPS[outer](g)
    x = np.ones(3, np.float32)
    f = lambda s, x: g(s) * x
    start = 0 if made == "an int32" else 0.5
    flat = lambda s, x: f(s, x).sum()

    assert f(start, x).dtype == want
    assert fg.jit(f)(start, x).dtype == want
    assert fg.make_jaxpr(f)(start, x).out_avals[0].dtype == want
    assert fg.vjp(lambda x: f(start, x), x)[0].dtype == want
    assert fg.grad(flat, 1)(start, x).dtype == np.float32
    if start:
        assert fg.jvp(f, (start, x), (1.0, x))[0].dtype == want
        slope = {"itself": 1.0, "twice": 2.0}.get(made)
        if slope and outer is None and inner in ("while", "scan", "fori"):
            np.testing.assert_allclose(fg.grad(flat)(start, x), 3 * slope**2)


# one level of a nest: of a function of a number, another
LEVELS = {
    "scan": lambda g: lambda c: lax.scan(lambda c, _: (g(c), None), c, None, 1)[0],
    "scan over rows": lambda g: lambda c: lax.scan(lambda c, t: (g(c * t), c), c, np.ones(1))[0],
    "with a closure": lambda g: lambda c: lax.scan(lambda d, _: (g(d) * c, None), c, None, 1)[0],
    "from a number": lambda g: lambda c: lax.fori_loop(0, 1, lambda i, s: s + g(c + i), 0.0),
    "while": lambda g: lambda c: lax.while_loop(
        lambda s: s[1] < 1, lambda s: (g(s[0]), s[1] + 1), (c, 0))[0],
    "cond": lambda g: lambda c: lax.cond(c > -9.0, g, lambda c: 2 * c, c),
    "checkpoint": lambda g: fg.checkpoint(g),
    "jit": lambda g: fg.jit(g),
    "custom": lambda g: ruled_forward(g),
}  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("transform", ["value", "grad", "jvp"])
def test_the_cost_of_a_nest_is_polynomial_in_its_depth(transform, level):
    def seconds(depth):
        g = lambda c: c * np.cos(c)
        for _ in range(depth):
            g = LEVELS[level](g)
        run = {"value": g, "grad": fg.grad(g), "jvp": lambda c: fg.jvp(g, (c,), (1.0,))}[transform]
        start = time.process_time()
        run(0.5)
        return time.process_time() - start

    short = min(seconds(6) for _ in range(3))

    # of the third degree at most; 2**10 is 1024
    assert min(seconds(16) for _ in range(2)) < 60 * short + 0.02


def test_a_literal_in_a_carry_has_the_dtype_of_the_carry():
    step = lambda c, x: (0.0, c * x)
    xs = np.full(3, 0.1, np.float32)

    _, ys = lax.scan(step, np.float64(1.0), xs)

    assert ys.dtype == np.float64
    np.testing.assert_array_equal(ys, [np.float64(np.float32(0.1)), 0, 0])
    third = lambda c, x: (1 / 3, c * x)
    assert lax.scan(third, np.float64(1.0), xs)[1][2] == 1 / 3 * np.float64(xs[0])


def test_what_a_loop_makes_of_one_number_changes_another():
    step = lambda s: (s[0] + np.ones(()), s[1] + s[0], s[2] + 1)
    for start in ((0.0, 0.0, 0), (0, 0, 0)):
        a, b, n = lax.while_loop(lambda s: s[2] < 2, step, start)

        assert a.dtype == b.dtype == np.float64 and type(n) is int
        assert (a, b, n) == (2.0, 1.0, 2)


def test_a_gradient_passes_through_numbers_that_stay_numbers():
    f = lambda s: lax.fori_loop(0, 3, lambda i, c: c * c * s, s)  # s**15
    for g in (f, fg.jit(f), lambda s: lax.scan(lambda c, _: (c * c * s, c), s, None, 3)[0]):
        assert np.isclose(fg.grad(g)(1.1), 15 * 1.1**14)
        assert np.isclose(fg.jvp(g, (1.1,), (1.0,))[1], 15 * 1.1**14)
        assert np.isclose(fg.grad(fg.grad(g))(1.1), 15 * 14 * 1.1**13)
        assert np.allclose(
            fg.vmap(fg.grad(g))(np.array([1.1, 0.9])), 15 * np.array([1.1, 0.9]) ** 14
        )
        assert np.isclose(fg.jit(fg.grad(fg.grad(g)))(1.1), 15 * 14 * 1.1**13)


def test_programs_print_nested():
    text = str(fg.make_jaxpr(lambda p, x: lax.cond(p, np.sin, lambda x: x * 2, x))(True, X))

    assert "branches=(\n" in text and "mul c 2" in text.replace("a 2", "c 2")
    assert text.count("lambda") == 3


# errors, by their words

# fmt: off
ERRORS = [
    (lambda: lax.scan(lambda c, x: (c[:1], x), X, X), ShapeError,
     r"scan: a step must keep the shapes and dtypes of the carry: it went in as f64\[3\] and "
     r"came out as f64\[1\]"),
    (lambda: lax.scan(lambda c, x: ({"a": c["a"].astype("f4")}, x), {"a": X}, X), DtypeError,
     r"\['a'\] went in as f64\[3\] and came out as f32\[3\]; convert it: x.astype\('float64'\)"),
    (lambda: lax.while_loop(lambda c: c[0] < 1, lambda c: (c[0],), (1.0, X)), TreeError,
     r"while_loop: the carry that a step returns: the trees differ at the root"),
    (lambda: lax.scan(lambda c, x: c, X, X), TypeError,
     r"scan: the function must return a pair \(carry, y\)"),
    (lambda: lax.scan(lambda c, x: (c, x), X, {"a": X, "b": X[:2]}), ShapeError,
     r"scan: the first axes must have equal length: xs\['a'\] has 3; xs\['b'\] has 2"),
    (lambda: lax.scan(lambda c, x: (c, x), X), ValueError, "give length"),
    (lambda: lax.scan(lambda c, x: (c, x), X, 3.0), ShapeError, "no first axis to scan over"),
    (lambda: lax.scan(lambda c, x: (c, x), "c", X), TypeError, "must be made of arrays"),
    (lambda: lax.scan(lambda c, x: (c, x), X, X, unroll=0), ValueError, "unroll must be"),
    (lambda: lax.scan(lambda c, x: (c if c > 0 else -c, x), 1.0, X), ConcretizationError,
     "are known while scan of '<lambda>'"),
    (lambda: lax.cond(X > 0, np.sin, np.cos, X), ShapeError,
     r"cond: the predicate must be a scalar: got bool\[3\]; .* numpy.where"),
    (lambda: lax.cond("yes", np.sin, np.cos, X), TypeError, "must be a scalar"),
    (lambda: staged_cond(lambda: X, lambda: X[:2]), ShapeError, "the branches differ in shape"),
    (lambda: staged_cond(lambda: {"u": X}, lambda: {"u": X > 0}), DtypeError,
     r"cond: the branches differ at \['u'\] in dtype"),
    (lambda: staged_cond(lambda: {"u": X}, lambda: {"v": X}), TreeError,
     r"cond: the outputs of branch 0 and branch 1: the trees differ"),
    (lambda: lax.switch(0, [], X), ValueError, "at least one function"),
    (lambda: lax.switch(0.5, [np.sin], X), DtypeError, "the index must be an integer"),
    (lambda: lax.while_loop(lambda c: c > 0, lambda c: c, X), ShapeError,
     r"cond_fun must return a scalar boolean: got bool\[3\]"),
    (lambda: lax.fori_loop(0.0, 3, lambda i, c: c, X), DtypeError, "lower must be an integer"),
    (lambda: lax.map(np.sin, X, batch_size=0), ValueError, "batch_size must be at least 1"),
    (lambda: lax.select(X > 0, X, X[:2]), ShapeError, "select: the shapes must agree"),
    (lambda: lax.associative_scan(np.add, 1.0), ShapeError, "must be arrays with an axis"),
    (lambda: lax.associative_scan(lambda a, b: a.sum(), X), ShapeError,
     r"associative_scan: fn must return the shape .* operands, f64\[1\]: got f64\[\]"),
    (lambda: lax.associative_scan(lambda a, b: a + b * 0.5, np.arange(6)), DtypeError,
     "fn must return the shape and dtype of its operands, i64"),
    (lambda: lax.map(np.sin, X, batch_size=2.0), TypeError, "integer"),
    (lambda: fg.vmap(lambda x: x if x > 0 else -x)(X), ConcretizationError,
     "differs from example to example"),
]
# fmt: on


def staged_cond(yes, no):
    return fg.make_jaxpr(lambda p: lax.cond(p, yes, no))(True)


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_name_the_place_and_the_cure(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


SOLVES = {
    "solve": lambda a, b: np.linalg.solve(a, b), "inv": lambda a, b: np.linalg.inv(a) @ b,
    "triangle": lambda a, b: fg.linalg.solve_triangular(a, b, lower=True),
    "logdet": lambda a, b: b * np.linalg.slogdet(a)[1], "det": lambda a, b: b * np.linalg.det(a),
    "cholesky": lambda a, b: np.linalg.cholesky(a @ a.T) @ b,
    "eigh": lambda a, b: np.linalg.eigh(a + a.T)[1] @ b,
    "svd": lambda a, b: np.linalg.svd(a)[0] @ b, "qr": lambda a, b: np.linalg.qr(a)[0] @ b,
}  # fmt: skip


@pytest.mark.parametrize("name", SOLVES)
def test_in_a_batch_the_branch_of_another_example_refuses_no_matrix(name):
    rng = np.random.default_rng(0)
    index, b = np.array([0, 1, 2, 1]), rng.normal(size=(4, 3))
    a = rng.normal(size=(4, 3, 3)) + np.diag([2.0, 4.0, 7.0])
    solve = SOLVES[name]

    def loss(a, b, i):
        branches = [
            lambda a, b: b * a[0],
            lambda a, b: solve(np.tanh(a) + 3 * a, b),
            lambda a, b: b,
        ]
        return np.sum(np.sin(fg.lax.switch(i, branches, a, b)))

    slope = fg.grad(loss, argnums=(0, 1))
    want = [np.stack(x) for x in zip(*map(slope, a, b, index), strict=True)]
    for way in (fg.vmap(slope), fg.jit(fg.vmap(slope)), fg.vmap(fg.jit(slope)),
                fg.grad(lambda *xs: np.sum(fg.vmap(loss)(*xs)), argnums=(0, 1))):  # fmt: skip
        for w, g in zip(want, way(a, b, index), strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-12)  # LAPACK on other stacks


def test_a_python_int_of_more_than_64_bits_is_refused():
    def step(i, total):
        return lax.scan(lambda c, x: (i * -(2**63), x), total, X)[0]

    with pytest.raises(OverflowError, match=r"must fit 64 bits: got -18446744073709551616; use"):
        lax.fori_loop(0, 3, step, np.int64(0))
