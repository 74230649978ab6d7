"""One program on several ranks: alone, in processes of one machine, and under MPI."""

import subprocess
import sys
import time

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import dist
from funcgrad.core.errors import ShapeError, UnsupportedError
from funcgrad.dist.replication import is_replicated

from .dist_programs import PART, WHOLE, collectives, failing, resumed, training
from .support.house import ROOT

X = np.arange(8.0).reshape(4, 2)


def test_one_rank_is_a_serial_program():
    assert collectives() < 1e-12
    assert training(5)[0] < 1e-15


@pytest.mark.slow
def test_a_step_of_one_rank_takes_the_time_of_a_serial_one():
    w, x = np.ones((2, 3)), np.ones((64, 2))
    loss = lambda w, x: np.mean(np.tanh(x @ w) ** 2)
    step = lambda w, x, mean: w - 0.1 * mean(fg.grad(loss)(w, x))
    serial = fg.jit(lambda w, x: step(w, x, lambda grads: grads))
    on_rank = dist.spmd(
        lambda w, x: step(w, x, lambda grads: fg.lax.pmean(grads, "data")),
        in_specs=(WHOLE, PART), out_specs=WHOLE,
    )  # fmt: skip
    ratios = []
    for _ in range(20):
        taken = []
        for f in (serial, on_rank):
            start = time.process_time()
            for _ in range(500):
                f(w, x)
            taken.append(time.process_time() - start)
        ratios.append(taken[1] / taken[0])

    assert np.median(ratios) < 1.2


def test_a_rank_compiles_once_for_a_signature():
    step = dist.spmd(lambda x: fg.lax.pmean(x.sum(), "data"), in_specs=PART, out_specs=WHOLE)

    first, again = step(X), step(2 * X)

    assert (first, again) == (28.0, 56.0)
    assert step.step.cache_info().misses == 1


def test_arguments_and_output_may_be_trees():
    step = dist.spmd(
        lambda p, x: {"y": x["a"] * p["w"], "n": fg.lax.psum(x["b"].sum(), "data")},
        in_specs=(WHOLE, {"a": PART, "b": dist.P(None, "data")}),
        out_specs={"y": PART, "n": WHOLE},
    )

    out = step({"w": 2.0}, {"a": X, "b": X})

    np.testing.assert_array_equal(out["y"], 2 * X)
    assert out["n"] == X.sum()


class Two(dist.Ranks):
    """The second of two ranks that hold the same."""

    rank, size = 1, 2

    def gathered(self, x):
        return np.stack([x, x])

    def texts(self, text):
        return [text, text]


def test_an_output_that_differs_between_ranks_is_no_common_one():
    loss = lambda p, x: fg.lax.pmean(np.mean(p * x), "data")
    options = {"in_specs": (WHOLE, PART), "axes": {"data": Two()}}

    with pytest.raises(UnsupportedError, match=r"declared P\(\), .* its mean, lax\.pmean\(y, 'dat"):
        dist.spmd(fg.grad(loss), out_specs=WHOLE, **options)(2.0, X)

    mean = lambda p, x: fg.lax.pmean(fg.grad(loss)(p, x), "data")
    assert dist.spmd(mean, out_specs=WHOLE, **options)(2.0, X) == np.mean(X[2:])


@pytest.mark.parametrize(
    ("function", "want"),
    [
        (lambda x: fg.lax.psum(x, "i"), True),
        (lambda x: x + fg.lax.psum(x, "i"), False),
        (lambda x: fg.lax.scan(lambda c, r: (fg.lax.pmean(c + r, "i"), None), 0.0, x)[0], True),
        (lambda x: fg.lax.scan(lambda c, r: (c + r, None), 0.0, x)[0], False),
        (lambda x: fg.lax.cond(True, lambda: 1.0, lambda: 2.0), True),
        (lambda x: fg.jit(lambda x: fg.lax.pmax(x, "i"))(x), True),
        (lambda x: fg.lax.psum_scatter(np.stack([x, x]), "i"), False),
    ],
)
def test_replication_is_followed_through_programs(function, want):
    from funcgrad.core.axes import bind_axes
    from funcgrad.dist.ranks import axis_of

    with bind_axes({"i": axis_of(Two())}):
        closed = fg.jit(function).jaxpr(np.arange(2.0))

    assert is_replicated(closed, [True]) == [want]


def test_an_index_differs_between_ranks():
    place = lambda x: fg.lax.axis_index("data") + 0 * fg.lax.psum(x.sum(), "data")
    options = {"in_specs": PART, "axes": {"data": Two()}}

    with pytest.raises(UnsupportedError, match="depends on the part of each"):
        dist.spmd(place, out_specs=WHOLE, **options)(X)
    add = dist.spmd(lambda x: fg.lax.axis_index("data") + x, out_specs=PART, **options)
    np.testing.assert_array_equal(add(X), np.concatenate([X[2:] + 1] * 2))


def test_bad_arguments_are_refused():
    mean = lambda x: fg.lax.pmean(x.sum(), "data")
    with pytest.raises(ShapeError, match=r"axis 0 must be shared by 2 ranks: got shape \(3,\)"):
        dist.spmd(mean, in_specs=PART, out_specs=WHOLE, axes={"data": Two()})(np.ones(3))
    with pytest.raises(ValueError, match=r"in_specs names 'rows'"):
        dist.spmd(mean, in_specs=dist.P("rows"), out_specs=WHOLE)(X)
    with pytest.raises(TypeError, match=r"out_specs must be made of dist\.P"):
        dist.spmd(mean, in_specs=PART, out_specs="data")(X)
    with pytest.raises(ValueError, match=r"launch: ranks must be an integer"):
        dist.launch(training, ranks=0)


def test_sums_of_a_tree_take_one_exchange_for_each_dtype():
    counted = Two()
    calls = []
    counted.psum = lambda x: calls.append(x.shape) or 2 * x
    tree = {"a": np.ones((2, 2)), "b": np.ones(3), "c": np.ones(2, np.float32)}
    step = dist.spmd(
        lambda t: fg.lax.psum(t, "data"), in_specs=WHOLE, out_specs=WHOLE, axes={"data": counted}
    )

    out = step(tree)

    assert calls == [(7,), (2,)]
    np.testing.assert_array_equal(out["b"], 2 * np.ones(3))
    assert out["c"].dtype == np.float32


def test_processes_of_one_machine_are_ranks():
    assert max(dist.launch(collectives, ranks=2)) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 4])
def test_training_on_processes_equals_serial_training(ranks):
    for difference, calls in dist.launch(training, ranks=ranks):
        assert difference < 1e-12
        assert calls == 100


@pytest.mark.slow
def test_a_run_resumes_from_the_checkpoint_of_one_rank(tmp_path):
    assert dist.launch(resumed, str(tmp_path), ranks=2) == [0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", r"rank 1 failed:\n(.|\n)*ValueError: no data"),
        ("die", r"rank 1 died with exit code 7"),
        ("collectives", r"rank 0 runs .*, rank 1 runs"),
        ("sizes", r"rank 0 runs <lambda>\(f64\[4\]\).*, rank 1 runs <lambda>\(f64\[2\]\)"),
        ("fewer", r"rank 0 runs .*, rank 1 ended"),
        ("trees", r"rank 0 runs .*\(f64\[\], f64\[\]\), program .*, rank 1 runs"),
        ("arguments", r"spmd: argument 0 at \['w'\] is declared P\(\), .* that of rank 1 is not"),
        ("order", r"called psum of .* in <lambda>.*, program .*, rank 1 called psum of .* in"),
    ],
)
def test_a_rank_that_fails_is_named(how, words):
    start = time.monotonic()

    with pytest.raises(dist.RankFailedError, match=words):
        dist.launch(failing, how, ranks=2)
    assert time.monotonic() - start < 10


def under_mpi(ranks, what):
    pytest.importorskip("mpi4py", reason="MPI is an optional extra")
    mpiexec = f"{sys.prefix}/bin/mpiexec"
    command = [mpiexec, "-n", str(ranks), sys.executable, "-m", "tests.dist_programs", what]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 4])
def test_training_under_mpi_equals_serial_training(ranks):
    done = under_mpi(ranks, "all")
    rows = sorted(line.split() for line in done.stdout.splitlines())

    assert done.returncode == 0, done.stderr
    for rank, (_, number, collective, difference, calls) in enumerate(rows):
        assert int(number) == rank
        assert float(collective) < 1e-12
        assert float(difference) < 1e-12
        assert calls == "100"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", "rank 1 failed"),
        ("die", "rank 1 died"),
        ("collectives", "rank 1 runs"),
        ("sizes", "rank 1 runs <lambda>(f64[2])"),
        ("fewer", "rank 1 ended"),
        ("arguments", "argument 0 at ['w'] is declared P()"),
        ("order", "rank 1 called psum"),
    ],
)
def test_a_rank_that_fails_under_mpi_is_named(how, words):
    start = time.monotonic()
    done = under_mpi(2, how)

    assert done.returncode != 0
    assert words in done.stderr
    assert time.monotonic() - start < 15  # of which 3 start Python


@pytest.mark.parametrize("transform", [fg.grad, fg.jit, fg.vmap])
def test_a_call_is_not_transformed_from_outside(transform):
    f = dist.spmd(lambda x: np.sum(x**2), in_specs=dist.P("data"), out_specs=dist.P())
    g = dist.spmd(lambda x: np.sum(x**2), in_specs=dist.P(), out_specs=dist.P())
    for function in (f, g):
        with pytest.raises(
            UnsupportedError, match="apply grad, vmap or jit to the function inside"
        ):
            transform(function)(np.ones((4, 2)) if transform is fg.vmap else np.ones(4))


def test_a_scalar_lies_on_all_ranks():
    f = lambda spec, out: dist.spmd(lambda x: x * 2, in_specs=spec, out_specs=out)
    with pytest.raises(ShapeError, match=r"P\('data'\) splits axis 0: got shape \(\); give it P"):
        f(dist.P("data"), dist.P())(3.0)
    with pytest.raises(ShapeError, match=r"declared P\('data'\), but has no axis 0: got f64\[\]"):
        f(dist.P(), dist.P("data"))(3.0)


def test_axes_are_ranks_and_arguments_positional():
    with pytest.raises(TypeError, match=r"axes must be a dict of names and dist\.Ranks"):
        dist.spmd(np.sin, in_specs=dist.P(), out_specs=dist.P(), axes={"data": 3})
    with pytest.raises(TypeError, match="positional arguments: got the keyword 'x'"):
        dist.spmd(lambda x: x, in_specs=dist.P(), out_specs=dist.P())(x=1.0)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "?"])
def test_small_integers_are_added_in_the_dtype_of_numpys_sum(dtype):
    class Narrow(Two):
        def psum(self, x):
            return (x + x).astype(x.dtype)  # as MPI adds

    x = np.full(3, True if dtype == "?" else np.iinfo(dtype).max, dtype)
    f = dist.spmd(
        lambda x: fg.lax.psum(x, "data"), in_specs=dist.P(), out_specs=dist.P(),
        axes={"data": Narrow()},
    )  # fmt: skip

    want = np.sum([x, x], axis=0)
    np.testing.assert_array_equal(f(x), want)
    assert f(x).dtype == want.dtype
