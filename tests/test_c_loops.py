"""Loops in C: all kinds of them, their derivatives, and the schedules of checkpoints."""

import ctypes
import itertools
import os
import shutil
import subprocess

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.c import compiler, library
from funcgrad.c.kernel import kernel_p
from funcgrad.c.library import Callee, Library
from funcgrad.c.objects import loaded
from funcgrad.c.programs import file_of, function_of, function_parts
from funcgrad.c.regions import parts_of
from funcgrad.compile.passes import optimize
from funcgrad.control.c_reversals import FIRST_PART
from funcgrad.control.checkpointed_while import checkpointed_while_p
from funcgrad.control.revolve import first_part
from funcgrad.core.jaxpr import Jaxpr, Literal, constants_as_inputs, programs_in
from funcgrad.transforms.jit.backends import elementary

from .benchmarks.families import WORKLOADS
from .benchmarks.peers import Funcgrad
from .support.compare import assert_same

pytestmark = pytest.mark.skipif(
    not compiler.is_found(), reason="needs a C compiler: $CC, cc, gcc or clang"
)


@pytest.fixture(autouse=True)
def quick(tmp_path_factory, monkeypatch):
    """A directory of objects for this file, compiled without optimisations."""
    monkeypatch.setenv("FUNCGRAD_C_CACHE", str(tmp_path_factory.getbasetemp() / "loops"))
    monkeypatch.setattr(compiler, "LEVEL", "-O0")


RNG = np.random.default_rng(11)
X, XS, W = RNG.normal(size=6), RNG.normal(size=9), RNG.normal(size=(6, 6)) / 2


def newton(a):
    """A loop whose number of steps depends on values."""
    go = lambda s: np.abs(s[0] * s[0] - a) > 1e-10
    return fg.lax.while_loop(go, lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1), (a, 0))[0]


def nested(x):
    """A loop within each step of a loop, both with rows for their derivatives."""

    def inner(v):
        go = lambda s: np.abs(s[0]).max() < 30 * np.abs(v).max()
        return fg.lax.while_loop(go, lambda s: (s[0] * 1.3 + np.sin(s[0]), s[1] + 1), (v, 0))[0]

    outer = lambda s: (np.tanh(inner(s[0])) + x, s[1] + 1)
    return fg.lax.while_loop(lambda s: s[1] < 4, outer, (x, 0))[0].sum()


def long(a):
    """A loop of more steps than there is memory for at first."""
    body = lambda s: (np.sin(s[0] * a) + a, s[1] + 1)
    return fg.lax.while_loop(lambda s: s[1] < 5000, body, (a, 0))[0]


def branches(x):
    """A branch in each step of a loop, with a loop in one of the branches."""
    halves = lambda v: fg.lax.while_loop(lambda u: np.abs(u).sum() > 1.0, lambda u: u * 0.5, v)
    body = lambda i, v: fg.lax.cond(v[0] > 0.2, lambda u: halves(u) - x, lambda u: np.sin(u) + x, v)
    return (fg.lax.fori_loop(0, 7, body, x) ** 2).sum()


def scanned(slots, reverse=False):
    """A scan that keeps states: carries in registers and in memory, results of both kinds."""

    def run(x, xs):
        def step(carry, v):
            a, b = carry
            a = np.tanh(W @ a + v * b)
            b = np.sin(b) + a[0] * v
            return (a, b), (a * b, b)

        (_, b), ys = fg.lax.scan(step, (x, 0.3), xs, checkpoint=slots, reverse=reverse)
        return (ys[0] ** 2).sum() + ys[1].sum() + b

    return run


def repeated(slots):
    """A while loop that keeps states, and that stops where values say so."""

    def run(x):
        go = lambda s: np.abs(s[0]).max() < 40.0
        body = lambda s: (s[0] * 1.2 + np.sin(s[0]) * x + x, s[1] + 1)
        return fg.lax.while_loop(go, body, (x, 0), checkpoint=slots)[0].sum()

    return run


def both(f, *args):
    """The gradient, and the product of the Hessian with a vector."""
    gradient = fg.grad(f)
    return gradient(*args), fg.jvp(lambda x: gradient(x, *args[1:]), args[:1], args[:1])[1]


LOOPS = {
    "while": lambda a, x: (both(newton, a), fg.grad(fg.grad(newton))(a), fg.grad(long)(a / 2)),
    "nested": lambda a, x: (both(nested, x), fg.vmap(fg.grad(newton))(x**2 + 1)),
    "branches": lambda a, x: (both(branches, x), fg.vmap(fg.grad(branches))(np.stack([x, -x]))),
    "scan": lambda a, x: (both(scanned(2), x, XS), fg.grad(scanned(3, reverse=True))(x, XS)),
    "vmap": lambda a, x: fg.vmap(fg.grad(scanned(2), argnums=(0, 1)), (0, None))(
        np.stack([x, a * x]), XS
    ),
    "keeping": lambda a, x: [both(repeated(slots), x + 3) for slots in (1, 4)],
    "masked": lambda a, x: fg.vmap(fg.grad(repeated(3)))(np.stack([x + 3, x + 30, x * 60])),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops_and_their_derivatives_are_wholly_in_c(name):
    f = LOOPS[name]
    want = fg.jit(f)(1.7, X)
    compiled = fg.jit(f, backend="c")

    assert_same(want, compiled(1.7, X), 1e-12, 1e-12)
    assert "for " not in compiled.source(1.7, X)


def ring(a, b, i):
    """A row is read at a traced place, while that of another row is written."""
    step = lambda c, _: ((fg.at(c[0])[c[2]].set(c[1] + 1), c[0][c[2]], (c[2] + 1) % 3), c[1])
    return fg.lax.scan(step, (a, b, i), None, length=4)


def turned(a, b, i):
    """A row of an array of which all rows change."""
    step = lambda c: (c[0][::-1] * 2, c[0][c[2]], (c[2] + 1) % 3, c[3] + 1)
    return fg.lax.while_loop(lambda c: c[3] < 4, step, (a, b, i, 0))


@pytest.mark.parametrize("loop", [ring, turned])
def test_a_row_of_an_array_is_carried_before_the_array_changes(loop):
    args = np.arange(1.0, 19.0).reshape(3, 6), np.zeros(6), np.int64(1)

    assert_same(loop(*args), fg.jit(loop, backend="c")(*args))


SHAPES = [(), (3,), (4, 3), (3, 4), (12,), (1, 3)]  # kept in variables, and in buffers
PARTS = [
    lambda x, i: x,
    lambda x, i: x[..., ::-1] if x.ndim else x,
    lambda x, i: x.T,
    lambda x, i: x[i % x.shape[0]] if x.ndim else x,
    lambda x, i: x[-1] if x.ndim else x + 1.0,
]


def exchange(rng):
    """A loop whose next carries are parts of any of the carries, and its first carry."""
    shapes = [SHAPES[k] for k in rng.integers(len(SHAPES), size=rng.integers(2, 5))]
    parts = [(rng.integers(len(shapes)), PARTS[rng.integers(len(PARTS))]) for _ in shapes]

    def fitted(x, shape):
        fits = x.ndim <= len(shape) and x.shape == shape[len(shape) - x.ndim :]
        return np.broadcast_to(x, shape) if fits else np.resize(x, shape)

    def step(carry, i):
        rows = zip(parts, shapes, strict=True)
        return tuple([fitted(part(carry[j], i), shape) for (j, part), shape in rows]), carry[0]

    init = tuple([np.round(rng.normal(size=shape), 2) for shape in shapes])
    return lambda carry: fg.lax.scan(step, carry, np.arange(3)), init


@pytest.mark.parametrize("seed", range(4))
def test_carries_that_are_parts_of_each_other_are_exchanged(seed):
    rng = np.random.default_rng(seed)
    loops, inits = zip(*[exchange(rng) for _ in range(15)], strict=True)
    run = lambda *carries: [loop(carry) for loop, carry in zip(loops, carries, strict=True)]

    assert_same(run(*inits), fg.jit(run, backend="c")(*inits))


def test_results_of_a_branch_keep_their_memory():
    def f(x):  # arrays that are too large for the stack
        y, z = fg.lax.cond(x[0] < 0, lambda x: (x, np.sin(x)), lambda x: (np.cumsum(x), x * 2), x)
        w = np.cumsum(np.cumsum(x[::-1])[::-1])
        return np.cumsum(w + np.cumsum(z)) + y

    x = np.linspace(0, 1, 500)
    for form in (f, fg.grad(lambda x: (f(x) ** 2).sum())):
        assert_same(form(x), fg.jit(form, backend="c")(x), 1e-12)


@pytest.mark.parametrize("checkpoint", [None, 2])
def test_a_condition_that_writes_into_its_copy_of_the_carry_leaves_the_carry(checkpoint):
    goes = lambda c: fg.at(c)[0].set(50.0).sum() < 300
    step = lambda c: c + c[::-1] * 0.1
    f = lambda x: fg.lax.while_loop(goes, step, x, checkpoint=checkpoint)
    x = np.arange(1.0, 10.0)

    for form in (f, fg.grad(lambda x: (f(x) ** 2).sum())):
        assert_same(form(x), fg.jit(form, backend="c")(x), 1e-12)


def test_memory_for_many_steps_is_not_kept(monkeypatch):
    f = fg.jit(fg.grad(long), backend="c")
    want, kept = f(0.3), library.Growing.__call__
    monkeypatch.setattr(library, "KEPT", 0)
    seen = []
    monkeypatch.setattr(
        library.Growing, "__call__", lambda self, args: (seen.append(self), kept(self, args))[1]
    )

    assert want == f(0.3) == f(0.3)
    assert seen[0].free == [] and seen[0].room >= 5000 * 16


def test_a_counter_of_python_beside_float32_is_in_c():
    def f(x):
        body = lambda s: (np.sin(s[0]) * s[1] + x, s[1] * 0.9, s[2] + 1)
        return fg.lax.while_loop(lambda s: s[2] < 5, body, (x, 1.0, 0))[0].sum()

    x = X.astype("f4")
    compiled = fg.jit(fg.grad(f), backend="c")

    assert_same(fg.grad(f)(x), compiled(x), 1e-6, 1e-6)
    assert "for " not in compiled.source(x)


def test_the_cost_of_a_loop_that_keeps_states_is_known():
    f = fg.grad(lambda x: fg.lax.scan(lambda c, t: (repeated(1)(c * t) + x, None), x, XS)[0].sum())

    assert_same(fg.jit(f, backend="auto")(X), fg.jit(f)(X), 1e-12)


def test_a_loop_of_no_steps_has_no_rows():
    f = fg.jit(fg.grad(newton), backend="c")

    assert f(1.0) == 1.0


def test_the_schedule_in_c_is_that_of_numpy():
    text = FIRST_PART.replace("static ", '__attribute__((visibility("default"))) ')
    (library,) = loaded([f"#include <stdint.h>\n{text}\n"])
    call = library.first_part
    call.argtypes, call.restype = [ctypes.c_int64] * 2, ctypes.c_int64

    for length, slots in itertools.product([2, 3, 5, 9, 20, 100, 1000, 54_321], [1, 2, 3, 7, 200]):
        assert first_part(length, slots) == call(length, slots)


@pytest.mark.parametrize("slots", [1, 3])
def test_the_states_kept_of_a_loop_of_unknown_length_are_those_of_numpy(slots):
    program = optimize(fg.make_jaxpr(fg.grad(repeated(slots)))(X + 3).jaxpr)
    (eqn,) = [e for e in program.eqns if e.prim is checkpointed_while_p]
    ins = tuple(dict.fromkeys(a for a in eqn.ins if not isinstance(a, Literal)))
    values = {v: np.zeros(v.aval.shape, v.aval.dtype) + 3 for v in ins}
    alone = Jaxpr(ins, (), (eqn,), eqn.outs)
    parts = function_parts(alone, "f", [f"x{i}" for i in range(len(ins))])
    function = function_of(alone, parts)
    callee = Callee(Library([(file_of([parts], "f"), [function])]), function)

    want = eqn.prim.run(*[values.get(a, getattr(a, "value", None)) for a in eqn.ins], **eqn.params)
    got = kernel_p.run(*values.values(), callee=callee)

    assert want[-1][0, 0] > 3
    assert_same(want[-1], got[-1])


# the programs of the issue

SCANS = ["ode", "kalman", "leapfrog", "neural-ode", "lstm", "gru", "mlp-tiny"]
FORMS = {
    "value and gradient": lambda f, args: (f, args),
    "second derivative": lambda f, args: (
        lambda *a: fg.jvp(lambda x: f(x, *a[1:]), a[:1], a[:1]), args
    ),
    "gradient of the gradient": lambda f, args: (
        fg.grad(lambda *a: sum(np.sum(y * y) for y in tree.leaves(f(*a)))), args
    ),
    "vmap": lambda f, args: (
        fg.vmap(f, (0, *[None] * (len(args) - 1))),
        (tree.map(lambda x: np.stack([x, x * 1.1]), args[0]), *args[1:]),
    ),
}  # fmt: skip
QUICK = [f if f in ("second derivative", "vmap") else pytest.param(f, marks=pytest.mark.slow)
         for f in FORMS]  # fmt: skip


@pytest.mark.parametrize("form", QUICK)
@pytest.mark.parametrize("name", SCANS)
def test_no_loop_of_the_programs_of_the_issue_is_left_to_numpy(name, form):
    workload = WORKLOADS[name]
    f, args = FORMS[form](workload.make(Funcgrad().lib), workload.arguments(workload.tiny, 1))
    program = elementary(optimize(constants_as_inputs(fg.make_jaxpr(f)(*args).jaxpr)))

    left = [eqn for part in parts_of(program) if part.reason for eqn in part.eqns]
    assert not [eqn.prim.name for eqn in left if programs_in(eqn.params)]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SCANS)
def test_the_programs_of_the_issue_give_what_numpy_gives(name, form):
    workload = WORKLOADS[name]
    f, args = FORMS[form](workload.make(Funcgrad().lib), workload.arguments(workload.tiny, 1))

    slack = 1e-5 if workload.dtype == "float32" else 1e-10  # Adam's first step divides by itself
    got = fg.jit(f, backend="c")(*args)

    for x, y in zip(tree.leaves(fg.jit(f)(*args)), tree.leaves(got), strict=True):
        assert np.max(np.abs(x - y)) <= slack * np.max(np.abs(x))


def test_a_branch_does_not_free_the_memory_of_the_results_for_the_next_one():
    def f(p, x):
        def busy(x):
            y = np.cumsum(x)
            z = np.cumsum(x * y)  # y is read after it
            return y, np.sum(np.cumsum(z + 1) * y)

        y, total = fg.lax.cond(p, busy, lambda x: (2 * x, 0.0), x)
        return np.cumsum(y)[-1] + total

    x = np.linspace(0.0, 1.0, 2000)
    for p in (True, False):
        assert fg.jit(f, backend="c")(p, x) == pytest.approx(f(p, x), rel=1e-12)


@pytest.mark.skipif(not shutil.which("gcc"), reason="asks gcc which loops run in vectors")
@pytest.mark.parametrize("marked", [True, False])
def test_a_step_that_reads_many_arrays_runs_in_vectors(tmp_path, marked):
    lstm = WORKLOADS["lstm"]
    made = fg.make_jaxpr(lstm.make(Funcgrad().lib))(*lstm.arguments(32, 0)).jaxpr
    program = elementary(optimize(constants_as_inputs(made)))
    inputs = [f"x{i}" for i in range(len(program.invars))]
    text = file_of([function_parts(program, "step", inputs, polls=True)], "step")
    loops = [i for i, x in enumerate(text.splitlines(), 2) if x.strip() == "INDEPENDENT"]
    source = tmp_path / "step.c"
    source.write_text(text if marked else text.replace('_Pragma("GCC ivdep")', ""))
    level = ["-O2", "-fopt-info-vec", "-o", os.devnull, str(source)]
    told = subprocess.run(["gcc", *compiler.FLAGS, *level], capture_output=True, text=True).stderr

    assert loops
    assert all(f"step.c:{i}:" in told for i in loops) == marked


@pytest.mark.parametrize("view", [lambda a: a, np.transpose, np.flipud, lambda a: a[1:, :-1]])
def test_a_matrix_that_many_steps_read_is_copied_to_whole_lines_once(view):
    a = RNG.normal(size=(50, 50)) / 30

    def loss(a, steps):
        step = lambda h, _: (np.tanh(view(a) @ h) + h @ view(a), None)
        return np.sum(fg.lax.scan(step, np.ones(len(view(a))), None, length=steps)[0])

    f = fg.jit(fg.value_and_grad(loss), static_argnums=1, backend="c")

    for steps, copies in ((15, 0), (16, 1)):
        assert_same(fg.value_and_grad(loss)(a, steps), f(a, steps), 1e-9, 1e-12)  # sums reordered
        assert f.source(a, steps, lang="c").count("memcpy(a_2, a, 2500") == copies


def test_small_steps_that_python_repeats_are_a_loop():
    def loss(x, times):
        angle, speed, seen = x[0], x[1], []
        for t in times:
            speed = speed - 0.05 * (np.sin(angle) + 0.1 * speed) + t
            angle = angle + 0.05 * speed
            seen.append(angle)
        return np.sum(np.stack(seen) ** 2)

    times = np.linspace(0, 0.1, 30)
    f = fg.jit(fg.value_and_grad(loss), backend="c")

    assert_same(fg.value_and_grad(loss)(X[:2], times), f(X[:2], times), 1e-12)
    text = f.source(X[:2], times, lang="c")
    assert text.count("for (int step") == 2
    wide = f.source(RNG.normal(size=(2, 65)), times, lang="c")
    assert "for (int step" not in wide
