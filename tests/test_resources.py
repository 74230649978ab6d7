"""Memory, threads and signals: what is taken is given back, and an interruption spoils nothing."""

import contextlib
import gc
import os
import random
import signal
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax

RNG = np.random.default_rng(0)
W = RNG.normal(size=(40, 40)) / 6
X = RNG.normal(size=40)
BIG = RNG.uniform(0.1, 1.0, size=300_007)  # no even number of blocks


def loss(w, x=X):
    for _ in range(4):
        x = np.tanh(w @ x)
    return np.sum(x * x)


def wave(x):
    return np.tanh(x) * np.exp(-x * x) + 0.5 * x / (1 + x * x)


def rolled(w):
    return np.sum(lax.scan(lambda h, _: (np.tanh(w @ h), None), X, None, length=8)[0])


def traced_bytes():
    return tracemalloc.get_traced_memory()[0]


@pytest.fixture
def counted():
    """Count the bytes that are allocated, with the garbage collector off."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield traced_bytes
    tracemalloc.stop()
    gc.enable()


# what is not used any more goes at once


DROPPED = {
    "jit": lambda: fg.jit(lambda w: loss(w))(W),
    "jit of a tree": lambda: fg.jit(lambda p: {"a": loss(p["w"]), "b": [p["x"]]})({"w": W, "x": X}),
    "jit in threads": lambda: fg.jit(lambda x: np.sum(wave(x)), threads=2)(BIG),
    "jit of grad": lambda: fg.jit(fg.grad(lambda w: loss(w)))(W),
    "grad of jit": lambda: fg.grad(fg.jit(lambda w: loss(w)))(W),
    "vmap of grad of jit": lambda: fg.vmap(fg.grad(fg.jit(lambda w: loss(w))))(np.stack([W, W])),
    "jvp of jit": lambda: fg.jvp(fg.jit(lambda w: loss(w)), (W,), (W,)),
    "linearize of jit": lambda: fg.linearize(fg.jit(lambda w: loss(w)), W)[1](W),
    "jit of jit": lambda: fg.jit(lambda w: fg.jit(lambda v: loss(v))(w) * 2)(W),
    "jit of scan": lambda: fg.jit(fg.grad(lambda w: rolled(w)))(W),
    "jit of cond": lambda: fg.jit(lambda x: lax.cond(x[0] > 0, np.sin, np.cos, x))(X),
    "donated": lambda: fg.jit(lambda x: 2 * x + 1, donate_argnums=0)(X.copy()),
    "an error while staged": lambda: fg.jit(lambda w: w @ np.ones(3))(W),
    "vjp": lambda: fg.vjp(loss, W),
    "hessian": lambda: fg.hessian(lambda x: loss(W, x))(X),
    "scan": lambda: fg.grad(rolled)(W),
    "block": lambda: fg.grad(lambda x: np.sum(np.block([[x], [x * x]])))(X),
    "source": lambda: fg.jit(lambda w: loss(w)).source(W, standalone=True),
}


@pytest.mark.parametrize("name", DROPPED)
def test_nothing_waits_for_the_garbage_collector(name):
    def run():
        with contextlib.suppress(ValueError):
            DROPPED[name]()

    gc.freeze()  # what there is already need not be looked at
    run()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        run()
        gc.collect()
        left = [*gc.garbage]
    finally:
        gc.garbage.clear()
        gc.set_debug(0)
        gc.enable()

    assert not left


def resident():
    """Return the bytes of this process that are in memory."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pytest.skip("no /proc")


# nothing that is called once leaves a reference cycle


def ruled_jvp():
    f = fg.custom_jvp(np.sin)
    f.defjvp(lambda p, t: (np.sin(p[0]), np.cos(p[0]) * t[0]))
    return f


def ruled_vjp():
    f = fg.custom_vjp(np.sin)
    f.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (ct * np.cos(x),))
    return f


def batched_by_hand():
    f = fg.custom_batch(np.sin)
    f.def_vmap(lambda size, flags, x: (np.sin(x), True))
    return f


def square_root(a):
    newton = lambda f, y: y - f(y) / (2 * y)
    return lax.custom_root(lambda y: y * y - a, a / 2, lambda f, y: newton(f, newton(f, y)),
                           lambda g, t: t / g(1.0))  # fmt: skip


def closed_root(a):
    """Return the same by a solver that closes over a traced value."""
    near = fg.stop_gradient(np.sqrt(a))
    return lax.custom_root(lambda y: y * y - a, 1.0, lambda f, y: near, lambda g, t: t / g(1.0))


def checked_gradient():
    with fg.debug.nans():
        return fg.grad(lambda a: np.sum(np.sin(a)))(V)


V = np.array([0.3, 0.5, 0.7])
total = lambda f: lambda *xs: np.sum(f(*xs))
ONCE = {
    "grad": lambda: fg.grad(total(np.sin))(V),
    "value_and_grad": lambda: fg.value_and_grad(total(np.sin))(V),
    "vjp": lambda: fg.vjp(np.sin, V)[1](V),
    "jvp": lambda: fg.jvp(np.sin, (V,), (V,)),
    "linearize": lambda: fg.linearize(np.sin, V)[1](V),
    "linear_transpose": lambda: fg.linear_transpose(lambda a: 2 * a, V)(V),
    "jacfwd": lambda: fg.jacfwd(np.sin)(V),
    "jacrev": lambda: fg.jacrev(np.sin)(V),
    "jacobian": lambda: fg.jacobian(np.sin)(V),
    "hessian": lambda: fg.hessian(total(np.sin))(V),
    "hvp": lambda: fg.hvp(total(np.sin), (V,), (V,)),
    "gnvp": lambda: fg.gnvp(np.sin, total(np.cos), (V,), (V,)),
    "jet": lambda: fg.jet(np.sin, (V,), ((V, V),)),
    "taylor": lambda: fg.taylor(np.sin, 3)(V),
    "curvature": lambda: fg.curvature(np.sin, V, V),
    "laplacian": lambda: fg.laplacian(lambda a: np.sin(a) @ np.linalg.inv(np.outer(a, a) + 1))(V),
    "value_grad_laplacian": lambda: fg.value_grad_laplacian(total(np.sin))(V),
    "transposed linearize": lambda: fg.linearize(np.sin, V)[1].transpose(V),
    "jacfwd of many": lambda: fg.jacfwd(lambda a: np.sin(a) * a[::-1])(np.ones(9)),
    "vmap": lambda: fg.vmap(np.sin)(V),
    "jit": lambda: fg.jit(lambda a: np.sin(a))(V),
    "jit of grad": lambda: fg.jit(fg.grad(total(np.sin)))(V),
    "grad of jit": lambda: fg.grad(fg.jit(total(np.sin)))(V),
    "source": lambda: fg.jit(lambda a: np.sin(a)).source(V),
    "checkpoint": lambda: fg.grad(fg.checkpoint(total(np.sin)))(V),
    "make_jaxpr": lambda: str(fg.make_jaxpr(np.sin)(V)),
    "eval_shape": lambda: fg.eval_shape(np.sin, V),
    "closure_convert": lambda: fg.closure_convert(lambda a: np.sin(a), V)[0](V),
    "check_grads": lambda: fg.check_grads(np.sin, (V,)),
    "custom_jvp": lambda: fg.grad(total(ruled_jvp()))(V),
    "custom_jvp, compiled": lambda: fg.jit(fg.grad(total(ruled_jvp())))(V),
    "custom_vjp": lambda: fg.grad(total(ruled_vjp()))(V),
    "custom_vjp, compiled": lambda: fg.jit(fg.grad(total(ruled_vjp())))(V),
    "custom_gradient": lambda: fg.grad(
        total(fg.custom_gradient(lambda x: (np.sin(x), lambda ct: ct * np.cos(x)))))(V),
    "custom_batch": lambda: fg.vmap(batched_by_hand())(V),
    "stop_gradient": lambda: fg.grad(total(lambda a: fg.stop_gradient(a) * a))(V),
    "ravel_pytree": lambda: fg.ravel_pytree({"a": V})[1](V),
    "debug.nans": checked_gradient,
    "debug_nans": lambda: fg.jit(lambda a: np.sin(a), debug_nans=True)(V),
    "masks": lambda: fg.grad(total(lambda a: np.where(a > 0, np.sqrt(a), 0)))(np.zeros(3)),
    "eigh": lambda: fg.grad(total(lambda a: (lambda v: v @ v.T)(np.linalg.eigh(a)[1])))(np.eye(3)),
    # control flow
    "scan": lambda: fg.grad(lambda a: lax.scan(lambda c, t: (c * t, c), 1.0, a)[0])(V),
    "scan, compiled": lambda: fg.jit(lambda a: lax.scan(lambda c, t: (c * t, c), 1.0, a))(V),
    "fori_loop": lambda: fg.grad(lambda z: lax.fori_loop(0, 3, lambda i, c: c * z, 1.0))(2.0),
    "while_loop": lambda: fg.jvp(
        lambda z: lax.while_loop(lambda c: c < 5.0, lambda c: c * 2.0, z), (1.0,), (1.0,)),
    "while_loop, compiled": lambda: fg.jit(
        lambda z: lax.while_loop(lambda c: c < 5.0, lambda c: c * 2.0, z))(1.0),
    "cond": lambda: fg.grad(lambda a: np.sum(
        lax.cond(np.sum(a) > 0, lambda a: a * a, lambda a: 2 * a, a)))(V),
    "switch": lambda: lax.switch(1, [lambda a: a, lambda a: 2 * a], V),
    "map": lambda: lax.map(lambda a: a * 2, V),
    "associative_scan": lambda: fg.grad(total(lambda a: lax.associative_scan(np.multiply, a)))(V),
    "custom_root": lambda: fg.grad(square_root)(2.0),
    "custom_root, compiled": lambda: fg.jit(fg.grad(square_root))(2.0),
    "custom_root that closes over tracers": lambda: fg.grad(closed_root)(2.0),
    "fixed_point": lambda: fg.grad(
        lambda a: lax.fixed_point(lambda y, a: np.cos(y) * a, 0.5, a))(0.5),
    "custom_linear_solve": lambda: fg.grad(total(lambda b: lax.custom_linear_solve(
        lambda v: 2 * v, b, lambda mv, b: b / 2, symmetric=True)))(V),
    "collectives": lambda: fg.vmap(lambda a: a - lax.pmean(a, "i"), axis_name="i")(V),
    "odeint": lambda: fg.grad(lambda y: np.sum(
        fg.scipy.integrate.odeint(lambda y, t: -y, y, np.array([0.0, 0.1]))))(V),
}  # fmt: skip
# what there is to be called, but for what holds no function, and what another row is made of
NOT_CALLED = {
    "checkpoint_name", "checkpoint_policies", "Compiled", "disable_jit", "remat",
    "ShapeDtypeStruct",
}  # fmt: skip


@pytest.mark.parametrize("name", ONCE)
def test_what_is_called_once_and_dropped_leaves_no_cycle(name):
    gc.disable()
    gc.freeze()  # what there is already need not be looked at
    try:
        ONCE[name]()  # what is imported and cached stays
        gc.collect()
        ONCE[name]()
        assert gc.collect() == 0
    finally:  # frozen it stays: else all that there is would be looked at again
        gc.enable()


def test_every_transform_and_control_function_is_called_once():
    modules = ("funcgrad.transforms.", "funcgrad.control.")
    names = {
        name for space in (fg, lax) for name in dir(space)
        if getattr(getattr(space, name), "__module__", "").startswith(modules)
    }  # fmt: skip
    names -= {"select", *(n for n in dir(lax) if n.startswith(("p", "all_", "axis_")))}

    assert names - set(ONCE) - NOT_CALLED == set()


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_compiled_lambdas_give_their_memory_back(count):
    call = lambda: fg.jit(lambda x: np.cumsum(np.tanh(x)) @ np.cumsum(x * x))(BIG)
    call()
    gc.collect()
    gc.disable()
    before = resident()
    for _ in range(count):
        call()
    grown = resident() - before
    gc.enable()

    assert grown < 50_000_000  # a workspace is 7 MB


def test_the_workspaces_of_threads_go_with_them(counted):
    f = fg.jit(lambda x: np.cumsum(np.tanh(x)) @ np.cumsum(x * x))
    f(BIG)
    before, together = counted(), threading.Barrier(8)

    def work():
        together.wait()
        f(BIG)
        f(BIG)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted() - before < 1_000_000
    assert f(BIG) == f.fun(BIG)


# caches


@pytest.mark.parametrize("count", [180, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_new_shape_costs_the_same_time_and_memory_is_bounded(count):
    f, times = fg.jit(lambda x: np.sum(np.tanh(x) * x)), []
    f(np.ones(count + 1))
    with fg.config(jit_cache_size=30):
        for n in range(1, count + 1):
            start = time.perf_counter()
            f(np.ones(n))
            times.append(time.perf_counter() - start)
            if n == count // 3:
                before = resident()
    grown = resident() - before

    assert f.cache_info() == (0, count + 1, 30)
    first, last = (np.quantile(part, 0.25) for part in (times[:50], times[-50:]))
    assert last < 2 * first  # it was 5 times at 600 shapes
    assert grown < 30 * 8 * count + 20_000_000  # the workspaces of longer arrays


def test_a_program_that_is_kept_is_small(counted):
    g = fg.jit(lambda x: np.tanh(x * 2.0) + np.sum(np.exp(-x * x)))
    call = lambda sizes: [g(np.ones(n)) for n in sizes] and None
    call(range(5, 10))
    before = counted()
    call(range(10, 40))
    gc.collect()

    assert (counted() - before) / 30 < 16_000  # 13.5 kB: jaxpr, source and code


def test_the_programs_called_last_are_kept():
    f = fg.jit(lambda x: 2 * x)
    with fg.config(jit_cache_size=6):
        for n in range(1, 30):
            f(np.ones(n))
            f(np.ones(1))
        assert f.cache_info() == (29, 29, 6)
        for n in (1, 29, 28, 27, 26, 25):
            f(np.ones(n))

    assert f.cache_info() == (35, 29, 6)
    with fg.config(jit_cache_size=1):
        for n in (1, 2, 1, 2):
            np.testing.assert_array_equal(f(np.ones(n)), np.full(n, 2.0))
        assert f.cache_info().currsize == 1


def test_the_reason_of_a_miss_is_told_though_its_neighbours_were_dropped():
    f = fg.jit(lambda x: 2 * x)
    with fg.config(jit_cache_size=2):
        for n in (1, 2, 3):
            f(np.ones(n))

    assert "argument 0 ('x') was f64[2], and is f64[3]" in f.explain()
    assert "are not kept any more: see config.jit_cache_size" in f.explain(np.ones(2))
    assert "it would compile: argument 0 ('x') was f64" in f.explain(np.ones(7))


def test_what_is_derived_of_a_compiled_function_is_bounded():
    f = fg.jit(lambda x: np.sin(x) * x)
    with fg.config(jit_cache_size=5):
        for n in range(1, 30):
            fg.vmap(f)(np.ones((n, 3)))
    (signature,) = f._signatures.values()

    assert len(signature.jaxpr.memo["derived"]) == 5


def test_idle_workspaces_are_freed_beyond_a_limit(counted):
    f = fg.jit(lambda x: np.cumsum(np.tanh(x)) @ np.cumsum(x * x))
    size = f.memory(BIG).workspace
    with fg.config(jit_workspace_bytes=3 * size):
        for n in range(16):
            f(BIG[n:])
        kept = counted()
    assert 2 * size < kept < 5 * size  # with the one that is new
    assert f(BIG) == f.fun(BIG) and f.cache_info().misses == 16


def test_every_cache_of_the_library_is_bounded():
    modules = [m for name, m in sys.modules.items() if name.startswith("funcgrad.")]
    caches = {
        f"{module.__name__}.{name}": value.cache_parameters()["maxsize"]
        for module in modules
        for name, value in vars(module).items()
        if callable(getattr(value, "cache_parameters", None))
    }

    assert caches and None not in caches.values(), caches


def test_settings_hold_for_a_block_and_refuse_what_they_do_not_know():
    default = fg.config.jit_cache_size
    with pytest.raises(KeyError), fg.config(jit_cache_size=3):
        assert fg.config.jit_cache_size == 3 and "jit_cache_size=3" in repr(fg.config)
        raise KeyError
    assert fg.config.jit_cache_size == default
    with pytest.raises(TypeError, match="config: there is no setting 'cache'"), fg.config(cache=1):
        pass
    with pytest.raises(AttributeError, match="no setting 'cache': there are jit_cache_size, "):
        fg.config.cache  # noqa: B018
    for value in (0, -1, 2.0, True, None):
        with pytest.raises(ValueError, match="jit_cache_size must be an integer >= 1"):
            fg.config(jit_cache_size=value).__enter__()


def test_a_compiled_function_with_collectives_is_staged_once():
    staged = []

    def centred(x):
        staged.append(x)
        return (x - lax.pmean(x, "i")) * (1 + lax.axis_index("i"))

    f, x = fg.jit(centred), RNG.normal(size=(4, 3))
    want = fg.vmap(centred, axis_name="i")(x)
    twice = fg.vmap(lambda x: 2 * centred(x), axis_name="i")(x)
    staged.clear()
    for _ in range(3):
        np.testing.assert_allclose(fg.vmap(f, axis_name="i")(x), want, rtol=1e-14)
    outer = fg.jit(lambda x: 2 * f(x))
    for _ in range(3):
        np.testing.assert_allclose(fg.vmap(outer, axis_name="i")(x), twice, rtol=1e-14)
    loss = lambda x: np.sum(f(x) ** 2)
    for _ in range(2):
        fg.vmap(fg.grad(loss), axis_name="i")(x)
    assert len(staged) == 1
    fg.vmap(f, axis_name="i")(x[:2])

    assert len(staged) == 2 and f.cache_info().currsize == 2


# signals


class Interrupts:
    """Raise KeyboardInterrupt at random moments of calls of a function."""

    def __init__(self, function):
        self.function, self.random, self.armed = function, random.Random(0), False
        function()
        start = time.perf_counter()
        function()
        self.seconds = time.perf_counter() - start
        signal.signal(signal.SIGALRM, self.handle)

    def handle(self, number, frame):
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt

    def interrupted(self):
        """Call the function; return whether it was interrupted."""
        self.armed = True
        try:
            signal.setitimer(signal.ITIMER_REAL, self.random.uniform(1e-6, self.seconds))
            self.function()
        except KeyboardInterrupt:
            self.seconds *= 1.02
            return True
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.seconds = max(0.98 * self.seconds, 1e-5)  # the first calls were slow
        return False

    def times(self, count):
        """Yield after each of as many interruptions."""
        for _ in range(20 * count):
            if self.interrupted():
                count -= 1
                yield
            if not count:
                return
        raise AssertionError(f"{count} interruptions came too late")


@pytest.fixture
def alarm():
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timers that signal")
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def pulled(w):
    out, pull = fg.vjp(loss, w)
    return pull(np.ones_like(out))[0]


SHARED = fg.jit(lambda x: np.cumsum(wave(x)) + wave(x), threads=2)
GIVEN = fg.jit(lambda x: wave(x) + 1.0, threads=2, donate_argnums=0)
INTERRUPTED = {
    "eager": (fg.grad(loss), W),
    "jit": (fg.jit(fg.grad(loss)), W),
    "jit anew": (lambda w: fg.jit(fg.grad(lambda w: loss(w)))(w), W),
    "jit in threads": (SHARED, BIG),
    "jit in threads, donated": (lambda x: GIVEN(x.copy()), BIG),
    "grad of jit": (fg.grad(fg.jit(loss)), W),
    "vjp": (pulled, W),
    "scan": (fg.grad(rolled), W),
}


# Python itself cannot raise what hits a __del__
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("count", [25, pytest.param(600, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", INTERRUPTED)
def test_an_interruption_spoils_no_array_and_no_later_result(name, count, alarm):
    f, x = INTERRUPTED[name]
    want = np.array(f(x))
    for _ in Interrupts(lambda: f(x)).times(count):
        np.testing.assert_array_equal(f(x), want)


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_an_interruption_locks_no_array(count, alarm):
    w, x = W.copy(), X.copy()
    for _ in Interrupts(lambda: fg.grad(loss)(w, x)).times(count):
        w[0, 0] += 0.0
        x[0] += 0.0


def test_an_interrupted_call_stops_writing_to_what_it_was_given(alarm):
    f = fg.jit(lambda x, y: np.sum(x) + wave(y), threads=2, donate_argnums=0)
    x, y = np.tile(BIG, 5).copy(), np.tile(BIG, 5)  # a view is not donated
    for _ in Interrupts(lambda: f(x, y)).times(10):
        x[:] = 7.0
        time.sleep(0.002)

        assert (x == 7.0).all()


# processes and threads


def exits(check, seconds=20):
    """Fork, and return the exit status of a child that runs a function, None if it hangs."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if check() else 1)
        except BaseException:
            os._exit(2)
    for _ in range(int(seconds / 0.005)):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_processes_forked_while_threads_differentiate_work(count):
    compiled, stop = fg.jit(fg.grad(loss)), threading.Event()
    want = fg.grad(loss)(W)
    works = [fg.grad(loss), compiled, fg.jit(lambda w: fg.grad(loss)(w), threads=2)]
    np.testing.assert_allclose(compiled(W), want, rtol=1e-12)  # the same sums, reordered

    def work(f):
        while not stop.is_set():
            f(W)

    def check():
        got = [fg.grad(loss)(W), compiled(W), fg.jit(fg.grad(lambda w: loss(w)))(W)]
        W[0, 0] += 0.0  # raises if it is locked
        return all(np.allclose(g, want, rtol=1e-12) for g in got)

    threads = [threading.Thread(target=work, args=(f,)) for f in works]
    for thread in threads:
        thread.start()
    try:
        statuses = [exits(check) for _ in range(count)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert statuses == [0] * count


@pytest.mark.parametrize("seconds", [0.3, pytest.param(20.0, marks=pytest.mark.slow)])
def test_threads_may_write_to_their_own_arrays_while_others_differentiate_shared_ones(seconds):
    want, wanted_step = fg.grad(loss)(W), fg.grad(rolled)(W)
    compiled, end, errors = fg.jit(fg.grad(loss)), time.monotonic() + seconds, []

    def differentiate(f, want):
        while time.monotonic() < end:
            np.testing.assert_allclose(f(W), want, rtol=1e-10)

    def write(own):
        k = 0
        while time.monotonic() < end:
            k += 1
            own[:] = k
            assert fg.grad(lambda x: np.sum(x * x))(own)[0] == 2.0 * k

    def noted(function, *args):
        try:
            function(*args)
        except BaseException as err:
            errors.append(err)

    jobs = [(differentiate, fg.grad(loss), want), (differentiate, compiled, want),
            (differentiate, pulled, want), (differentiate, fg.grad(rolled), wanted_step),
            (write, np.zeros(40)), (write, np.zeros(4000))]  # fmt: skip
    threads = [threading.Thread(target=noted, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
