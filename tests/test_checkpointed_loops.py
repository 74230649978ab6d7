"""Checkpointed loops: the numbers of the plain loops, by the fewest steps computed again."""

import functools
import time
import tracemalloc

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree
from funcgrad.c import compiler
from funcgrad.control.revolve import extra_steps, kept_states, online, planned, reversal
from funcgrad.core.errors import MemoryLimitError
from funcgrad.core.registry import primitives

from .support.compare import assert_same

RNG = np.random.default_rng(0)
X, W, XS = RNG.normal(size=3), RNG.normal(size=(3, 3)), RNG.normal(size=(9, 3))
POINT = X, W, XS


def swung(x, w, xs, **options):
    """A scan with a state, a sum, a count, constants and results of each step."""

    def step(carry, t):
        a, total, n, fixed = carry
        a = np.tanh(w @ a + t) * fixed
        return (a, total + np.sum(a * t), n + 1, fixed), np.sin(a)

    (a, total, _, _), ys = lax.scan(step, (x, 0.0, 0, x * x), xs, **options)
    return np.sum(a**2) + total + np.sum(ys * ys * xs)


# the schedule


@functools.cache
def fewest(length, snapshots):
    """The fewest steps computed in addition, over all choices of the second snapshot."""
    if length <= 1 or snapshots == 1:
        return length * (length - 1) // 2
    choices = range(1, length)
    return min(m + fewest(m, snapshots) + fewest(length - m, snapshots - 1) for m in choices)


@pytest.mark.parametrize("snapshots", [1, 2, 3, 5, 9])
def test_a_schedule_computes_the_fewest_steps(snapshots):
    for length in range(1, 33):
        assert fewest(length, snapshots) == extra_steps(length, snapshots)


@pytest.mark.parametrize("snapshots", [1, 2, 3, 5, 9])
def test_a_schedule_makes_the_state_before_each_step(snapshots):
    for length in range(1, 33):
        kept = kept_states(length, snapshots)
        slots = dict(enumerate((0, *kept)))
        computed, order = length - 1, []
        for step, slot, moves in reversal(length - 1, snapshots, kept):
            for j, before, after in moves:
                assert slots[before] == j
                slots[after] = j + 1
                computed += 1
            assert slots[slot] == step
            order.append(step)

        assert order == list(range(length - 1))[::-1]
        assert max(slots) <= snapshots + 1
        assert computed == extra_steps(length, snapshots)


CALLS = []
counted = fg.extend.Elementwise(
    "counted_tanh", lambda x: CALLS.append(1) or np.tanh(x), lambda t, y, x: t * (1 - y * y)
)
del primitives[counted.name]  # other tests look at all that there are


@pytest.mark.parametrize("n, k", [(1, 1), (2, 1), (10, 1), (10, 3), (30, 4), (57, 2), (20, 20)])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_body_runs_once_a_step_and_in_addition_as_often_as_the_bound(n, k, compiled):
    step = lambda c, _: (counted(c), None)
    slope = fg.grad(lambda x: lax.scan(step, x, None, n, checkpoint=k)[0].sum())
    slope = fg.jit(slope) if compiled else slope
    slope(X)
    CALLS.clear()
    slope(X)

    assert n + extra_steps(n, k) == len(CALLS)


def test_a_loop_of_unknown_length_computes_few_steps_in_addition():
    worst = 0.0
    for n in (*range(1, 20), 100, 901):
        for k in (2, 3, 7, 40):
            slot_of, plan_of = online(k)
            slots = {slot: i for i in range(n) if (slot := slot_of()) >= 0}
            plan = plan_of()
            computed = 0
            for step, slot, moves in planned(plan, k):
                for j, before, after in moves:
                    assert slots[before] == j
                    slots[after] = j + 1
                    computed += 1
                assert slots[slot] == step
            # the sweep runs to the end, so the rest of the function is one step more
            worst = max(worst, (2 * n + computed) / (n + extra_steps(n + 1, k)))

    assert plan[0, 0] == n
    assert worst < 1.3  # of the steps that are needed where the number is known


# the numbers


def along(point):
    return tuple([np.cos(x) for x in map(fg.stop_gradient, point)])


TRANSFORMS = {
    "value": lambda f: f,
    "gradient": lambda f: fg.value_and_grad(f, argnums=(0, 1, 2)),
    "tangent": lambda f: lambda *a: fg.jvp(f, a, along(a)),
    "linearized": lambda f: lambda *a: fg.linearize(f, *a)[1](*along(a)),
    "tangent of gradient": lambda f: lambda *a: fg.jvp(fg.grad(f, (0, 1, 2)), a, along(a)),
    "gradient of gradient": lambda f: fg.grad(
        lambda *a: sum(np.sum(np.sin(g)) for g in fg.grad(f, (0, 1, 2))(*a)), (0, 1, 2)
    ),
    "gradient of tangent": lambda f: fg.grad(lambda *a: fg.jvp(f, a, along(a))[1], (0, 1, 2)),
    "hessian": fg.hessian,
    "jacobian": lambda f: fg.jacrev(fg.grad(f, 2)),
    "batch": lambda f: (
        lambda x, w, xs: fg.vmap(fg.grad(f, (0, 1, 2)), (0, None, None))(
            np.stack([x, 2 * x]), w, xs
        )
    ),
    "batch of xs": lambda f: (
        lambda x, w, xs: fg.grad(
            lambda w: fg.vmap(f, (None, None, 1))(x, w, np.stack([xs, 2 * xs], 1)).sum()
        )(w)
    ),
    "checkpoint": lambda f: fg.grad(fg.checkpoint(f), (0, 1)),
}


@pytest.mark.parametrize("reverse, n", [(False, 9), (True, 9), (False, 3)])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_checkpointed_scan_gives_the_numbers_of_the_plain_one(name, reverse, n):
    transform, point = TRANSFORMS[name], (X, W, XS[:n])
    want = transform(lambda *a: swung(*a, reverse=reverse))(*point)
    saving = transform(lambda *a: swung(*a, reverse=reverse, checkpoint=2))

    assert_same(want, saving(*point))
    # sums of the products of the steps, in another order
    assert_same(want, fg.jit(saving)(*point), rtol=1e-13, atol=1e-14)


def grown(x, w, n, **options):
    """A while loop of n steps with a state, a sum and a count."""

    def step(carry):
        a, total, i = carry
        return np.tanh(w @ a) + 0.1 * a, total + np.sum(a * a) * w[0, 0], i + 1

    a, total, _ = lax.while_loop(lambda carry: carry[2] < n, step, (x, 0.0, 0), **options)
    return np.sum(a**2) + total


WHILE = {
    **{name: TRANSFORMS[name] for name in ("tangent", "linearized", "checkpoint")},
    "gradient": lambda f: fg.value_and_grad(f, (0, 1)),
    "tangent of gradient": lambda f: lambda *a: fg.jvp(fg.grad(f, (0, 1)), a, along(a)),
    "gradient of gradient": lambda f: fg.grad(
        lambda *a: sum(np.sum(np.sin(g)) for g in fg.grad(f, (0, 1))(*a)), (0, 1)
    ),
    "hessian": fg.hessian,
}


@pytest.mark.parametrize("n, k", [(0, 1), (1, 2), (9, 1), (12, 3)])
@pytest.mark.parametrize("name", WHILE)
def test_a_checkpointed_while_loop_gives_the_numbers_of_the_plain_one(name, n, k):
    transform = WHILE[name]
    want = transform(lambda x, w: grown(x, w, n))(X, W)
    saving = transform(lambda x, w: grown(x, w, n, checkpoint=k))

    assert_same(want, saving(X, W))
    assert_same(want, fg.jit(saving)(X, W), rtol=1e-13, atol=1e-14)  # sums in another order


BATCHES = {
    "of gradients": lambda f: fg.vmap(fg.grad(f, (0, 1)), (0, None, 0)),
    "of hessians": lambda f: fg.vmap(fg.hessian(f), (0, None, 0)),
    "gradient of it": lambda f: (
        lambda x, w, n: fg.grad(lambda x, w: fg.vmap(f, (0, None, 0))(x, w, n).sum(), (0, 1))(x, w)
    ),
    "of batches": lambda f: (
        lambda x, w, n: fg.vmap(fg.vmap(fg.grad(f), (0, None, 0)), (None, None, 0))(
            x, w, np.stack([n, n[::-1]])
        )
    ),
    "gradient of compiled": lambda f: (
        lambda x, w, n: fg.grad(
            lambda x: np.sum(np.sin(fg.jit(fg.vmap(fg.grad(f), (0, None, 0)))(x, w, n)))
        )(x)
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_each_example_of_a_batch_stops_by_itself(name):
    transform, args = BATCHES[name], (np.stack([X, 2 * X, -X]), W, np.array([3, 0, 11]))
    want, saving = transform(grown)(*args), transform(functools.partial(grown, checkpoint=2))

    if "compiled" not in name:
        assert_same(want, saving(*args))
    assert_same(want, fg.jit(saving)(*args), rtol=1e-13, atol=1e-14)


def test_a_loop_with_a_traced_bound_is_checkpointed():
    f = lambda x, n, k=None: lax.fori_loop(0, n, lambda i, c: np.sin(c) * i, x, checkpoint=k).sum()
    want, got = (fg.jit(fg.grad(functools.partial(f, k=k))) for k in (None, 3))

    assert_same(want(X, 13), got(X, 13), rtol=1e-14)
    assert "planned" in got.source(X, 13)


def test_a_derivative_of_a_compiled_gradient_is_that_of_the_plain_one():
    outer = lambda f: fg.grad(lambda *a: np.sum(np.sin(fg.jit(fg.grad(f))(*a))), (0, 1))
    saving = outer(lambda *a: swung(*a, checkpoint=3))

    assert_same(outer(swung)(*POINT), saving(*POINT), rtol=1e-13, atol=1e-14)


def mixed(options):
    """Loops in a loop, of which each may be checkpointed."""

    def step(x, t):
        x = lax.fori_loop(0, 5, lambda i, x: np.sin(x) + 0.1 * x, x, **options[1])
        return fg.checkpoint(lambda x: np.cos(x * t))(x), x.sum()

    return lambda x: sum(map(np.sum, lax.scan(step, x, XS, **options[0])))


@pytest.mark.parametrize(
    "options", [({"checkpoint": 2}, {}), ({"checkpoint": 3}, {"checkpoint": 2})]
)
def test_loops_in_loops_are_checkpointed(options):
    saving, plain = mixed(options), mixed(({}, {}))

    assert_same(fg.grad(plain)(X), fg.grad(saving)(X))
    assert_same(fg.hessian(plain)(X), fg.hessian(saving)(X))
    assert_same(fg.jacrev(fg.grad(plain))(X), fg.jacrev(fg.grad(saving))(X))
    assert_same(fg.grad(plain)(X), fg.jit(fg.grad(saving))(X), rtol=1e-14, atol=1e-15)


def test_a_step_back_that_reads_no_state_keeps_none():
    def total(x, **options):
        return lax.fori_loop(0, 9, lambda i, c: 0.9 * c + x, x, **options).sum()

    outer = lambda f: fg.grad(lambda x: np.sum(np.sin(fg.jit(fg.grad(lambda x: f(x) ** 2))(x))))
    want, got = (outer(functools.partial(total, **o)) for o in ({}, {"checkpoint": 2}))

    assert_same(want(X), got(X), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["f2", "f4", "c8", "c16"])
def test_a_checkpointed_scan_keeps_dtypes(dtype):
    x = (X + (1j * X[::-1] if dtype[0] == "c" else 0)).astype(dtype)

    def total(x, w, **options):
        return lax.scan(lambda c, _: (np.sin(c * w), None), x, None, 9, **options)[0].sum().real

    slopes = [fg.grad(functools.partial(total, **o), (0, 1)) for o in ({}, {"checkpoint": 2})]
    want, got = (slope(x, x[0]) for slope in slopes)

    assert_same(want, got)
    ulps = 8 if dtype != "f2" else 2  # float16 is summed in float32
    assert_same(want, fg.jit(slopes[1])(x, x[0]), ulps=ulps)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_steps_are_checkpointed(n):
    f = lambda x, **options: lax.scan(lambda c, t: (c * np.sin(t), c), x, XS[:n], **options)
    cts = tree.map(np.ones_like, f(X))
    want, got = (fg.vjp(lambda x, o=o: f(x, **o), X) for o in ({}, {"checkpoint": 3}))

    assert_same(want[0], got[0])
    assert_same(want[1](cts), got[1](cts))


def test_a_pullback_may_be_called_twice_and_the_value_be_overwritten():
    f = lambda x: lax.scan(lambda c, _: (np.tanh(c), None), x, None, 9, checkpoint=3)[0]
    y, pull = fg.vjp(f, X)
    want = fg.vjp(lambda x: lax.scan(lambda c, _: (np.tanh(c), None), x, None, 9)[0], X)[1](X)
    y[:] = 0

    assert_same(want, pull(X))
    assert_same(want, pull(X))


def test_a_step_that_is_not_finite_gives_the_slope_of_the_plain_loop():
    step = lambda c, t: (np.where(t > 0, c * 2, np.sqrt(c - c)), None)
    total = lambda x, **o: lax.scan(step, x, np.array([1.0, 2.0, -1.0, 3.0]), **o)[0].sum()
    want, got = (fg.grad(functools.partial(total, **o)) for o in ({}, {"checkpoint": 2}))

    assert_same(want(X), got(X))
    assert_same(want(X), fg.jit(got)(X))


# what is kept


def eqns_of(f, *args):
    return {eqn.prim.name: eqn for eqn in fg.make_jaxpr(f)(*args).eqns}


def test_only_states_that_a_step_back_needs_are_kept():
    (sweep, back) = (eqns_of(fg.grad(lambda *a: swung(*a, checkpoint=3)), *POINT)[name]
                     for name in ("sweep", "reversal"))  # fmt: skip

    assert sweep.params["kept_carry"] == (0,)  # neither the sum, nor the count, nor the constant
    assert back.params["num_state"] == 1


def test_loop_invariants_of_a_step_back_leave_the_loop():
    f = lambda w: lax.scan(lambda c, _: (np.sin(np.exp(w) * c), None), X, None, 9, checkpoint=2)
    back = eqns_of(fg.grad(lambda w: f(w)[0].sum()), 0.3)["reversal"]
    steps = [eqn.prim.name for name in ("up", "down") for eqn in back.params[name].eqns]

    assert "exp" not in steps


def test_log_keeps_as_many_states_as_the_number_of_steps_has_bits():
    f = lambda x: lax.scan(lambda c, _: (np.sin(c), None), x, None, 1000, checkpoint="log")[0]

    assert eqns_of(fg.grad(f), 1.0)["sweep"].params["checkpoint"] == 10


# a memory limit


def deep(x, w, xs):
    """A loop in a loop, and results of each step that are summed."""

    def step(c, t):
        inner = lax.fori_loop(0, 20, lambda i, c: np.tanh(w @ c) + t, c)
        return inner + c, np.sum(inner)

    c, ys = lax.scan(step, x, xs)
    return np.sum(c * c) + np.sum(np.sin(ys))


LIMITED = {
    "gradient": lambda f: fg.value_and_grad(f, (0, 1, 2)),
    "tangent of gradient": lambda f: lambda *a: fg.jvp(fg.grad(f, (0, 1)), a, along(a)),
    "batch": lambda f: (
        lambda x, w, xs: fg.vmap(fg.grad(f), (0, None, None))(np.stack([x, -x]), w, xs)
    ),
}


@pytest.mark.parametrize("part", [3, 12])
@pytest.mark.parametrize("name", LIMITED)
def test_a_memory_limit_makes_loops_keep_states(name, part):
    f, args = LIMITED[name](deep), (X, W, RNG.normal(size=(60, 3)))
    plain = fg.jit(f)
    free = plain.memory(*args).workspace
    bound = fg.jit(f, memory_limit=free // part)

    assert bound.memory(*args).workspace <= free // part
    assert "reversal(" in bound.source(*args)
    assert_same(plain(*args), bound(*args), rtol=1e-12, atol=1e-14)  # sums in another order


def test_a_memory_limit_keeps_as_many_states_as_fit():
    f = fg.grad(lambda x: lax.scan(lambda c, _: (np.sin(c * x), None), x, None, 500)[0].sum())
    bound = fg.jit(f, memory_limit="100 kB")

    assert 97_000 < bound.memory(np.ones(100)).workspace <= 100_000


def test_a_memory_limit_that_loops_cannot_meet_says_by_how_much():
    words = r"at least \d+ bytes, \d+ more, also with loops that keep one state"
    with pytest.raises(MemoryLimitError, match=words):
        fg.jit(fg.grad(deep), memory_limit=300)(X, W, XS)


@pytest.mark.parametrize("limit", ["", "12", "1 XB", "-1 MB", "1,5 MB", "nan MB"])
def test_a_memory_limit_in_words_is_a_size(limit):
    with pytest.raises(ValueError, match="memory_limit must be an integer, or a size such as"):
        fg.jit(np.sin, memory_limit=limit)


@pytest.mark.slow
def test_a_long_scan_takes_the_memory_of_its_states():
    x = np.linspace(0, 1, 10_000)
    step = lambda x: lambda c, _: (np.tanh(c * x) + 0.1, None)
    slope = fg.grad(lambda x: lax.scan(step(x), x, None, 20_000)[0].sum())
    bound = fg.jit(slope, memory_limit="20 MB")
    bound.source(x)
    tracemalloc.start()
    got = bound(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert np.isfinite(got).all()
    assert peak <= 20_000_000  # the residuals take 1.6 GB


@pytest.mark.slow
def test_a_checkpointed_loop_takes_the_time_of_its_steps(capsys):
    n, k, x = 2_000, 20, np.linspace(0, 1, 10_000)
    step = lambda x: lambda c, _: (np.tanh(c * x) + 0.1, None)
    total = lambda x, k=None: lax.scan(step(x), x, None, n, checkpoint=k)[0].sum()
    compiled = [fg.jit(f) for f in (total, fg.grad(total), fg.grad(lambda x: total(x, k)))]
    times = np.full((3, 5), np.inf)
    for turn in range(5):
        for i, f in enumerate(compiled):
            f(x)
            start = time.process_time()
            f(x)
            times[i, turn] = time.process_time() - start
    forward, plain, saving = times.min(axis=1)
    bound = plain + forward / n * extra_steps(n, k)
    memory = [f.memory(x).workspace / 1e6 for f in compiled[1:]]
    with capsys.disabled():
        print(f"\n{n} steps, {k} states: {saving:.2f} s and {memory[1]:.1f} MB; without, ", end="")
        print(f"{plain:.2f} s and {memory[0]:.1f} MB; time / bound {saving / bound:.2f}")

    assert saving <= 1.1 * bound


# errors


@pytest.mark.parametrize("checkpoint", [0, -1, 1.5, True, "all", np.True_, [2]])
@pytest.mark.parametrize("who", ["scan", "fori_loop"])
def test_a_checkpoint_is_a_number_of_states(who, checkpoint):
    loop = lambda: lax.scan(lambda c, _: (c, None), X, None, 3, checkpoint=checkpoint)
    if who == "fori_loop":
        loop = lambda: lax.fori_loop(0, 3, lambda i, c: c, X, checkpoint=checkpoint)
    with pytest.raises(
        ValueError, match=f'{who}: checkpoint must be an integer >= 1 or "log": got'
    ):
        loop()


def test_a_checkpoint_needs_a_loop_of_single_steps():
    with pytest.raises(ValueError, match="scan: checkpoint needs single steps: got unroll=2"):
        lax.scan(lambda c, _: (c, None), X, None, 4, unroll=2, checkpoint=2)
    with pytest.raises(
        ValueError, match="while_loop: checkpoint must be an integer >= 1: got 'log'"
    ):
        lax.while_loop(lambda c: c < 0, lambda c: c, 1.0, checkpoint="log")


# source


@pytest.mark.parametrize(
    "f",
    [
        lambda x: lax.scan(lambda c, _: (np.sin(c), None), x, None, 30, checkpoint=4)[0].sum(),
        lambda x: grown(x, W, 30, checkpoint=4),
    ],
)
def test_a_checkpointed_loop_is_exported_to_a_file_that_needs_only_numpy(f):
    slope, module = fg.jit(fg.grad(f)), {}
    exec(slope.source(X, standalone=True), module)

    assert_same(slope(X), module["lambda_"](X), rtol=1e-14)  # constants are aligned differently


@pytest.mark.skipif(not compiler.is_found(), reason="needs a C compiler")
def test_checkpointed_loops_run_beside_kernels_in_c():
    for f in (swung, functools.partial(swung, checkpoint=2)):
        slope, bound = (fg.jit(fg.grad(f), backend="c", memory_limit=m) for m in (None, 1500))

        assert_same(fg.grad(swung)(*POINT), slope(*POINT), rtol=1e-13, atol=1e-14)
        assert_same(fg.grad(swung)(*POINT), bound(*POINT), rtol=1e-13, atol=1e-14)


def test_branches_of_a_batch_may_hold_checkpointed_while_loops():
    def f(x, w, k):
        def loop(n, scale):
            step = lambda s: (s[0] + 1, np.sin(s[1]) * w * scale + x)
            goes = lambda s: s[0] < n
            return lambda: lax.while_loop(goes, step, (0, x), checkpoint=2)[1]

        return lax.switch(k, [loop(3, 1.0), loop(2 * k, 0.5), lambda: x * w]).sum()

    xs = np.outer([1.0, 0.5, 0.3, 0.1], [0.2, -0.4, 0.7])
    ks = np.array([0, 1, 2, 1])
    want = [fg.grad(f)(x, 0.7 * x, k) for x, k in zip(xs, ks, strict=True)]

    for way in (lambda g: g, fg.jit):
        of_all = way(fg.vmap(fg.grad(f)))
        np.testing.assert_allclose(of_all(xs, 0.7 * xs, ks), want, rtol=1e-14)
        nested = way(fg.vmap(fg.vmap(fg.grad(f))))
        got = nested(*(np.stack([a, a[::-1]]) for a in (xs, 0.7 * xs, ks)))
        np.testing.assert_allclose(got, [want, want[::-1]], rtol=1e-14)
