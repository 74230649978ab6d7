"""Arrays that are written to while a derivative still needs them.

The law: a derivative is that of the numbers that the operations read, or MutatedError is raised.
Small arrays are copied, so that the derivative is right; large ones are watched.
"""

import ctypes
import os
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import MutatedError
from funcgrad.core.fingerprint import fingerprint

from .support.compare import assert_same

RNG = np.random.default_rng(0)
SMALL, MEDIUM, LARGE = 4, 4000, 40_000  # 32 B, 32 kB, 320 kB
SIZES = {"small": SMALL, "medium": MEDIUM, "large": LARGE}


def numbers(n):
    return 1.0 + RNG.random(n)


# who holds an array: takes it and a function that writes to it, gives derivatives


def constant(b, write):
    def f(w):
        y = np.sum(np.sin(w * b))
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def argument(b, write):
    def f(x):
        y = np.sum(x * x)
        write()
        return y

    return fg.grad(f)(b)


def view_of_argument(b, write):
    def f(x):
        y = x.T[..., ::-1]
        z = np.sum(y * y)
        write()
        return z

    return fg.grad(f)(b)


def argument_through_identities(b, write):
    def f(x):
        y = np.reshape(x[1:], -1)
        y = np.sum(np.exp(y[::2]) * y[::2])
        write()
        return y

    return fg.grad(f)(b)


def product(b, write):
    def f(w):
        y = np.sum((w @ b) ** 2)
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def stacked_choice(b, write):
    def f(w):
        y = np.sum(np.where(b > 1.5, w * b, np.clip(w, 0.0, b)))
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def second_derivative(b, write):
    def f(w):
        g = fg.grad(lambda v: np.sum(v**3 * b))(w)
        write()
        return np.sum(g * g)

    return fg.grad(f)(np.ones(b.shape))


def argument_of_forward_over_reverse(b, write):
    def f(x):
        y = np.sum(x**3)
        write()
        return y

    return fg.jvp(fg.grad(f), (b,), (np.ones(b.shape),))[1]


def batch_argument(b, write):
    def f(x):
        y = np.sum(x * x * x)
        write()
        return y

    return fg.vmap(fg.grad(f))(b.reshape(1, -1))


def batch_closed_over(b, write):
    def row(x):
        def f(w):
            y = np.sum(w * w * x)
            write()
            return y

        return fg.grad(f)(np.ones(x.shape))

    return fg.vmap(row)(b.reshape(1, -1))


def vmap_inside(b, write):
    def f(w):
        y = np.sum(fg.vmap(lambda v, c: v * v * c)(w, b))
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def compiled_inside(b, write):
    inner = fg.jit(lambda w, c: np.sum(np.sin(w) * c * c))

    def f(w):
        y = inner(w, b)
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def argument_of_compiled(b, write):
    inner = fg.jit(lambda x: np.sum(x**3))

    def f(x):
        y = inner(x)
        write()
        return y

    return fg.grad(f)(b)


def scan_constant(b, write):
    def f(w):
        y = np.sum(lax.scan(lambda c, _: (np.sin(c * b), None), w, None, 2)[0])
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def scanned(b, write):
    def f(w):
        y = lax.scan(lambda c, x: (np.sin(c * w) * x.sum(), None), w, b.reshape(2, -1))[0]
        write()
        return y

    return fg.grad(f)(1.0)


def branch(b, write):
    def f(w):
        y = lax.cond(w[0] > 0, lambda v: np.sum(v * v * b), lambda v: np.sum(v), w)
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def checkpointed(b, write):
    def f(w):
        y = fg.checkpoint(lambda v: np.sum(np.sin(v * b)))(w)
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def argument_of_checkpoint(b, write):
    def f(x):
        y = fg.checkpoint(lambda v: np.sum(np.sin(v)))(x)
        write()
        return y

    return fg.grad(f)(b)


def custom(rule):
    """Return w * c with a rule of one kind."""
    if rule == "jvp":
        f = fg.custom_jvp(lambda w, c: w * c)
        f.defjvp(lambda p, t: (p[0] * p[1], t[0] * p[1] + p[0] * t[1]))
    elif rule == "vjp":
        f = fg.custom_vjp(lambda w, c: w * c)
        f.defvjp(lambda w, c: (w * c, (w, c)), lambda r, ct: (ct * r[1], ct * r[0]))
    else:
        f = fg.custom_gradient(lambda w, c: (w * c, lambda ct: (ct * c, ct * w)))
    return f


def with_rule(rule):
    def holder(b, write):
        g = custom(rule)

        def f(w):
            y = np.sum(np.sin(g(w, b)))
            write()
            return y

        return fg.grad(f)(np.ones(b.shape))

    return holder


def residual(b, write):
    """A rule whose residual is an array of the user's."""
    g = fg.custom_vjp(lambda w: w * b)
    g.defvjp(lambda w: (w * b, b), lambda c, ct: (ct * c,))

    def f(w):
        y = np.sum(g(w))
        write()
        return y

    return fg.grad(f)(np.ones(b.shape))


def pullback(b, write):
    y, pull = fg.vjp(lambda w: np.exp(w * b) * w, np.ones(b.shape))
    first = pull(np.ones(y.shape))
    write()
    return first, pull(np.ones(y.shape))


def pullback_of_argument(b, write):
    y, pull = fg.vjp(lambda x: np.exp(x) * x, b)
    write()
    return pull(np.ones(y.shape)), pull(np.ones(y.shape))


def pullback_of_gradient(b, write):
    def f(x):
        y = np.sum(np.sin(x) * x.T[::-1] * x)
        write()
        return y

    return fg.vjp(fg.grad(f), b)[1](np.ones(b.shape))[0]


def linear_map_of_gradient(b, write):
    def f(x):
        y = np.sum(np.sin(x) * x.T[::-1] * x)
        write()
        return y

    return fg.linearize(fg.grad(f), b)[1](np.ones(b.shape))


def gradient_of_gradient(b, write):
    def f(x):
        y = np.sum(np.sin(x) * x.T[::-1] * x)
        write()
        return y

    return fg.grad(lambda x: np.sum(fg.grad(f)(x)))(b)


def linear_map(b, write):
    y, push = fg.linearize(lambda x: np.exp(x) * b, b)
    write()
    return push(np.ones(y.shape)), push(np.ones(y.shape))


def transposed(b, write):
    transpose = fg.linear_transpose(lambda x: x * b, b)
    write()
    return transpose(np.ones(b.shape))


def staged(b, write):
    def f(x):
        y = x * b
        write()
        return y

    return fg.make_jaxpr(f)(np.ones(b.shape))(np.ones(b.shape))


def compiled(b, write):
    f = fg.jit(lambda x: np.sin(x) * b)
    f(np.ones(b.shape))
    write()
    return f(np.ones(b.shape)), fg.grad(lambda x: np.sum(f(x)))(np.ones(b.shape))


def pushed(b, write):
    """Forward mode keeps nothing: what was computed before the write stays."""

    def f(w):
        y = np.sin(w * b)
        write()
        return y

    return fg.jvp(f, (np.ones(b.shape),), (np.ones(b.shape),))


HOLDERS = {
    f.__name__: f
    for f in (
        constant, argument, view_of_argument, argument_through_identities, product, stacked_choice,
        second_derivative, argument_of_forward_over_reverse, batch_argument, batch_closed_over,
        vmap_inside, compiled_inside, argument_of_compiled, scan_constant, scanned, branch,
        checkpointed, argument_of_checkpoint, residual, pullback, pullback_of_argument, linear_map,
        transposed, staged, compiled, pushed, pullback_of_gradient,
        linear_map_of_gradient, gradient_of_gradient,
    )
} | {f"custom_{rule}": with_rule(rule) for rule in ("jvp", "vjp", "gradient")}  # fmt: skip
KEPT = {"pullback", "pullback_of_argument", "linear_map", "transposed", "compiled", "pushed"}


# how an array is written to: makes one of n numbers, and what writes to it


def plain(n):
    b = numbers(n)
    return b, lambda: b.fill(7.0)


def in_place(n):
    b = numbers(n)
    return b, lambda: np.add(b, 1.0, out=b)


def one_element(n):
    b = numbers(n)
    return b, lambda: b.__setitem__(n // 2, 9.0)


def exchanged(n):
    b = numbers(n)

    def write():
        b[[0, n - 1]] = b[[n - 1, 0]]

    return b, write


def shuffled(n):
    b = numbers(n)
    return b, lambda: np.random.default_rng(1).shuffle(b)


def through_the_base(n):
    base = numbers(n + 4)
    return base[2:-2], lambda: base.__setitem__(slice(3, 5), 7.0)


def through_an_older_view(n):
    base = numbers(n)
    older = base[1:]
    return base[:], lambda: older.fill(7.0)


def through_a_view_of_a_read_only_array(n):
    b = numbers(n)
    older = b[:]
    b.flags.writeable = False
    return b, lambda: older.fill(7.0)


def memory_map(n, path):
    b = np.memmap(path / "numbers", float, "w+", shape=n)
    b[:] = numbers(n)
    return b, lambda: b.fill(7.0)


def subclass(n):
    kind = type("Tagged", (np.ndarray,), {})
    b = numbers(n).view(kind)
    return b, lambda: b.fill(7.0)


def from_buffer(n):
    memory = bytearray(numbers(n).tobytes())
    return np.frombuffer(memory), lambda: memory.__setitem__(slice(8, 16), b"\0" * 8)


def unaligned(n):
    memory = bytearray(b"." + numbers(n).tobytes())
    b = np.frombuffer(memory, offset=1)
    return b, lambda: memory.__setitem__(slice(9, 17), b"\0" * 8)


def by_address(n):
    b = numbers(n)
    return b, lambda: ctypes.memset(b.ctypes.data, 0, 16)


def reversed_view(n):
    base = numbers(n)
    return base[::-1], lambda: base.__setitem__(1, 7.0)


def strided(n):
    base = numbers(3 * n)
    return base[1::3], lambda: base.__setitem__(4, 7.0)


def broadcast(n):
    base = numbers(1)
    return np.broadcast_to(base, (n,)), lambda: base.fill(7.0)


def by_another_thread(n):
    b = numbers(n)

    def write():
        thread = threading.Thread(target=lambda: b.fill(7.0))
        thread.start()
        thread.join()

    return b, write


def donated(n):
    b = numbers(n)
    update = fg.jit(lambda x: x * 2.0, donate_argnums=0)
    return b, lambda: update(b)


WRITES = {
    f.__name__: f
    for f in (
        plain, in_place, one_element, exchanged, shuffled, through_the_base, through_an_older_view,
        through_a_view_of_a_read_only_array, memory_map, subclass, from_buffer, unaligned,
        by_address, reversed_view, strided, broadcast, by_another_thread, donated,
    )
}  # fmt: skip


def made(write, n, path):
    return WRITES[write](n, path) if write == "memory_map" else WRITES[write](n)


CELLS = [
    (holder, write, size)
    for holder in HOLDERS
    for write in WRITES
    for size in SIZES
    if size == "large" or write in ("plain", "one_element", "strided", "memory_map", "broadcast")
]


@pytest.mark.parametrize(("holder", "write", "size"), CELLS)
def test_a_derivative_is_right_or_refused(holder, write, size, tmp_path):
    b, change = made(write, SIZES[size], tmp_path)
    want = HOLDERS[holder](np.array(b, order="K"), lambda: None)
    try:
        got = HOLDERS[holder](b, change)
    except MutatedError:
        assert size == "large" and holder not in KEPT
    else:
        assert_same(want, got, 1e-13)  # layouts differ, and so do NumPy's loops


@pytest.mark.parametrize("size", ["medium", "large"])
@pytest.mark.parametrize("write", ["plain", "memory_map", "unaligned", "strided", "broadcast"])
@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_not_written_to_raises_nothing_and_keeps_its_flags(holder, write, size, tmp_path):
    b, _ = made(write, SIZES[size], tmp_path)
    before, flags, seen = np.array(b), b.flags.writeable, []

    HOLDERS[holder](b, lambda: seen.append(b.flags.writeable))

    assert set(seen) == {flags} and b.flags.writeable == flags
    np.testing.assert_array_equal(b, before)


@pytest.mark.parametrize("dtype", ["f4", "f2", "c16", "i4", "u1", "?"])
@pytest.mark.parametrize("n", [5, 9_000, 600_000])
def test_constants_of_every_dtype_are_copied_or_watched(dtype, n):
    b = (RNG.random(n) > 0.5).astype(dtype)
    want = fg.grad(lambda w: np.sum(np.real(w * b)))(np.ones(n))

    def f(w):
        y = np.sum(np.real(w * b))
        b[0] = 1 - int(b[0].real)
        return y

    try:
        np.testing.assert_array_equal(fg.grad(f)(np.ones(n)), want)
    except MutatedError:
        assert b.nbytes > 2**18


@pytest.mark.parametrize("n", SIZES.values())
@pytest.mark.parametrize("values", [(0.0, 1.0, 0.0), (0.0, -0.0, 0.0), (1.0, np.nan, 1.0)])
def test_a_buffer_that_is_changed_and_changed_back_is_seen(n, values):
    def f(w, b):
        total = 0.0
        for value in values:
            b[:] = value
            total = total + np.sum(np.where(np.isnan(w * b), w, np.copysign(1.0, b) * w * w))
        return total

    w = np.full(n, 2.0)
    want = sum(1.0 if np.isnan(v) else np.copysign(4.0, v) for v in values)
    try:
        np.testing.assert_array_equal(fg.grad(f)(w, np.zeros(n)), np.full(n, want))
    except MutatedError:
        assert n == LARGE


def test_the_error_names_the_array_the_operation_and_its_line():
    buffer = np.ones(LARGE)

    def loss(w):
        total = np.sum(w * buffer)
        buffer[:] += 1.0
        return total

    words = (
        r"grad of 'loss' .*: an array was changed .*: f64\[40000\], operand 1 of mul, at .*test_m"
    )
    with pytest.raises(MutatedError, match=words):
        fg.grad(loss)(np.ones(LARGE))
    with pytest.raises(ValueError, match="an array was changed"):
        fg.grad(loss)(np.ones(LARGE))


def test_an_index_that_was_changed_is_named_before_it_is_out_of_range():
    index = np.arange(LARGE)

    def f(w):
        y = np.sum(w[index] ** 2)
        index[:] = 10**9
        return y

    with pytest.raises(MutatedError, match="an array was changed"):
        fg.grad(f)(np.ones(LARGE))


@pytest.mark.parametrize(
    "read",
    [
        lambda w, b: np.sum(w + b), lambda w, b: np.sum(b - 2 * w), lambda w, b: np.sum(w[1:]),
        lambda w, b: np.sum(np.concatenate([w, b])), lambda w, b: np.sum(w @ np.ones(w.shape)),
        lambda w, b: np.sum(np.reshape(w, (2, -1)).T + np.reshape(b, (2, -1)).T),
    ],
)  # fmt: skip
def test_what_no_derivative_reads_may_be_written_to(read):
    w, b = np.ones(LARGE), np.ones(LARGE)
    want = fg.grad(read)(w, b)

    def f(v, c):
        y = read(v, c)
        w.fill(3.0)
        b.fill(3.0)
        return y

    np.testing.assert_array_equal(fg.grad(f)(w, b), want)


# what the user gets out of a derivative, and what rules of the user's get and give


def exp_with(fwd=None, bwd=None):
    """Return exp with a rule in two parts."""
    f = fg.custom_vjp(np.exp)
    f.defvjp(fwd or (lambda x: (np.exp(x), np.exp(x))), bwd or (lambda y, ct: (ct * y,)))
    return f


def writing(x):
    y = np.exp(x)
    x *= 5.0
    return y, y


def writing_to_residual(y, ct):
    y *= ct
    return (y,)


def writing_to_cotangent(y, ct):
    ct *= y
    return (ct,)


def reusing(n):
    """Return a rule that works in one buffer, and gives it away."""
    work = np.empty(n)

    def bwd(y, ct):
        return (np.multiply(ct, y, out=work),)

    return exp_with(bwd=bwd)


def reusing_forward(n):
    work = np.empty(n)

    def fwd(x):
        y = np.exp(x, out=work)
        return y, y

    return exp_with(fwd)


RULES = {
    "writes to its operand": lambda n: exp_with(writing),
    "writes to its residual": lambda n: exp_with(bwd=writing_to_residual),
    "writes to its cotangent": lambda n: exp_with(bwd=writing_to_cotangent),
    "gives its residual": lambda n: exp_with(bwd=lambda y, ct: (y,)),
    "works in a buffer": reusing,
    "gives a buffer": reusing_forward,
}


@pytest.mark.parametrize("n", SIZES.values())
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_may_write_to_what_it_gets_and_gives(rule, n):
    """Where it is large, it is told not to."""

    def f(x):
        y = np.sin(x)
        return np.sum(g(y) + y * y + g(y * 1.0))

    x, g = RNG.random(n), exp_with()
    want = fg.grad(f)(x) if rule != "gives its residual" else None
    g = RULES[rule](n)
    try:
        got = fg.grad(f)(x)
        _, pull = fg.vjp(f, x)
        twice = [pull(1.0)[0] for _ in range(2)]
    except MutatedError:
        assert n == LARGE and rule != "writes to its cotangent" and rule != "works in a buffer"
        return
    for result in (got, *twice):
        np.testing.assert_allclose(result, twice[0] if want is None else want, rtol=1e-14)


@pytest.mark.parametrize("n", SIZES.values())
def test_what_pullbacks_give_and_get_is_no_part_of_them(n):
    f = exp_with(bwd=lambda y, ct: (y,))
    x = RNG.random(n)
    (y, aux), pull = fg.vjp(lambda x: (f(x), x * 2), x)
    y2, pull2, aux2 = fg.vjp(lambda x: (x * np.exp(x), np.exp(x)), x, has_aux=True)
    ct, want = np.ones(n), np.exp(x) + 2
    want2 = (1 + x) * np.exp(x)
    for array in (y, aux, y2, aux2):
        array[:] = 7.0
    for _ in range(2):
        (got,), (got2,) = pull((ct, ct)), pull2(ct)
        np.testing.assert_allclose(got, want, rtol=1e-14)
        np.testing.assert_allclose(got2, want2, rtol=1e-14)
        got[:] = got2[:] = -1.0

    np.testing.assert_array_equal(ct, np.ones(n))


@pytest.mark.parametrize("n", SIZES.values())
def test_what_stop_gradient_gives_is_the_users(n):
    def f(x):
        y = np.exp(x)
        fg.stop_gradient(y)[:] = 7.0
        fg.stop_gradient(x)[:] = 7.0
        return np.sum(y * x)

    x = RNG.random(n)

    np.testing.assert_allclose(fg.grad(f)(x), (1 + x) * np.exp(x), rtol=1e-14)


@pytest.mark.parametrize("n", SIZES.values())
def test_integers_that_a_compiled_function_gives_are_the_users(n):
    inner = fg.jit(lambda x: (np.argsort(x), np.sort(x)[np.argsort(x)] ** 2))

    def f(x):
        order, y = inner(x)
        order[:] = 0
        return np.sum(y * np.arange(n))

    x = RNG.random(n)
    want = fg.grad(lambda x: np.sum(inner(x)[1] * np.arange(n)))(x)

    np.testing.assert_array_equal(fg.grad(f)(x), want)


@pytest.mark.parametrize("n", [3, 300])
def test_a_solver_may_write_to_the_right_side_and_to_its_solution(n):
    a, work = np.eye(n) * 2 + RNG.random((n, n)) / n, np.empty(n)

    def solve(matvec, b):
        b -= 0.0
        work[:] = np.linalg.solve(a, b)
        b[:] = 0.0
        return work

    def f(v):
        x = lax.custom_linear_solve(
            lambda x: a @ x, v * v, solve, lambda _, b: np.linalg.solve(a.T, b)
        )
        y = lax.custom_linear_solve(
            lambda x: a @ x, v * x, solve, lambda _, b: np.linalg.solve(a.T, b)
        )
        return np.sum(x * y)

    inverse = np.linalg.inv(a)
    g = lambda v: np.sum((inverse @ (v * v)) * (inverse @ (v * (inverse @ (v * v)))))
    v = RNG.random(n)

    np.testing.assert_allclose(fg.grad(f)(v), fg.grad(g)(v), rtol=1e-10)  # condition below 10


def test_a_donated_array_that_is_closed_over_stays_in_the_program():
    b = np.ones(LARGE)
    f = fg.jit(lambda x: x * 2.0 + b, donate_argnums=0)
    f(b)
    np.testing.assert_array_equal(f(np.ones(LARGE)), np.full(LARGE, 3.0))


def test_a_function_that_runs_again_for_masks_must_give_what_it_gave():
    """With a selection in a derivative within, where its own derivative is not finite."""

    def f(x):
        within = fg.grad(lambda v: np.sum(np.maximum(v, -1.0) * v * c))(x)
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0) * c + within)

    c, x = np.ones(2), np.array([0.0, 4.0])
    _, pull = fg.vjp(f, x)
    _, push = fg.linearize(f, x)

    np.testing.assert_allclose(pull(1.0)[0], [2.0, 2.25])
    np.testing.assert_allclose(push(np.ones(2)), 4.25)

    _, pull = fg.vjp(f, x)
    c[:] = 3.0

    np.testing.assert_allclose(push(np.ones(2)), 4.25)  # it has the program
    with pytest.raises(MutatedError, match="its outputs differ"):
        pull(1.0)


# no state is left behind


def test_an_interrupted_derivative_leaves_nothing_behind():
    b = np.ones(LARGE)

    def f(w):
        y = np.sum(w * b)
        raise KeyboardInterrupt(y)

    for transform in (fg.grad, fg.make_jaxpr, lambda f: lambda w: fg.vjp(f, w)):
        with pytest.raises(KeyboardInterrupt):
            transform(f)(np.ones(LARGE))
        assert b.flags.writeable
        b += 1.0


def test_threads_share_arrays_that_they_read_and_write_to_their_own():
    shared, failed = np.ones(LARGE), []
    product = lambda w, own: np.sum(w * shared * own)

    def work(k):
        own = np.full(LARGE, float(k))
        try:
            for _ in range(5):
                got = fg.grad(product)(np.ones(LARGE), own)
                assert np.all(got == own), k
                own += 1.0
        except Exception as err:  # in a thread: told to the test
            failed.append(err)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failed and shared.flags.writeable


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_while_a_thread_differentiates_finds_arrays_as_they_were():
    shared, go_on = np.ones(LARGE), threading.Event()

    def work():
        while not go_on.is_set():
            fg.grad(lambda w: np.sum(w * shared))(np.ones(LARGE))

    thread = threading.Thread(target=work)
    thread.start()
    codes = []
    for _ in range(10):
        child = os.fork()
        if not child:
            os._exit(0 if shared.flags.writeable else 1)
        codes.append(os.waitpid(child, 0)[1])
    go_on.set()
    thread.join()

    assert not any(codes)


# fingerprints

LAYOUTS = {
    "dense": lambda x: x,
    "part": lambda x: x.reshape(-1, 8)[:, 1:6],
    "turned": lambda x: x.reshape(-1, 8).T,
    "backward": lambda x: x[::-1],
    "steps": lambda x: x[::-3],
    "odd": lambda x: x[1:],
    "repeated": lambda x: np.broadcast_to(x, (3, *x.shape)),
}


@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "u1", "c16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fingerprint_sees_every_element_and_every_exchange(dtype, layout):
    rng = np.random.default_rng(0)
    for n in (8, 1016, 8168, 16_336, 300_000):
        base = rng.integers(1, 200, n).astype(dtype)
        x = LAYOUTS[layout](base)
        before, flat = fingerprint(x), LAYOUTS[layout](np.arange(n)).ravel()
        assert fingerprint(x) == before
        for i in (flat[0], flat[-1], *rng.choice(flat, 5)):
            kept, base[i] = base[i], 0
            assert fingerprint(x) != before
            base[i] = kept
        for step in (1, 1019, 1021, 2 * 1021, 1019 * 8, n // 2):
            i = rng.choice(flat)
            j = (i + step) % n
            if j in flat and base[i] != base[j]:
                base[[i, j]] = base[[j, i]]
                assert fingerprint(x) != before, (n, i, j)
                base[[i, j]] = base[[j, i]]
        assert fingerprint(x) == before


def test_a_fingerprint_sees_words_exchanged_that_are_blocks_apart():
    x = np.arange(1_200_000.0)
    before = fingerprint(x)
    for i, j in ((0, 1019 * 1021), (5, 128 * 1021 + 5), (7, 1021 * 200 + 7), (3, 1_199_999)):
        x[[i, j]] = x[[j, i]]
        assert fingerprint(x) != before
        x[[i, j]] = x[[j, i]]
    for value in (np.nan, -0.0):
        x[0] = value
        assert fingerprint(x) != before
    signalling = np.array([0x7FF8000000000001], np.uint64).view(float)
    x[0] = np.nan
    quiet = fingerprint(x)
    x[:1] = signalling
    assert fingerprint(x) != quiet


@pytest.mark.parametrize("derivative", [fg.grad, fg.value_and_grad])
def test_an_argument_that_was_changed_is_named_with_its_tree_path(derivative):
    params_of_the_user = {"w": [np.ones(LARGE), np.ones(LARGE)]}
    view = np.ones((2, LARGE))

    def loss(scale, params):
        total = np.sum(params["w"][0] * params["w"][0]) * scale
        params_of_the_user["w"][0][:] += 1.0
        return total

    def through_a_view(x):
        y = np.sum(x * x)
        view[0, -1] += 5.0
        return y

    by_position = lambda scale: derivative(loss, argnums=(0, 1))(scale, params_of_the_user)
    with pytest.raises(MutatedError, match=r"argument 1 \('params'\) at \['w'\]\[0\], operand 0"):
        by_position(1.0)
    with pytest.raises(MutatedError, match=r"argument 1 \('params'\) at \['w'\]\[0\], operand 0"):
        fg.jvp(lambda scale: derivative(loss, 1)(scale, params_of_the_user), (1.0,), (1.0,))
    with pytest.raises(MutatedError, match=r"argument 'params' at \['w'\]\[0\], operand"):
        derivative(loss, argnames="params")(1.0, params=params_of_the_user)
    with pytest.raises(MutatedError, match=r"argument 0 \('x'\), operand"):
        derivative(through_a_view)(view[0])
