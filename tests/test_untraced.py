"""Arguments that a transform does not trace behave as copies: the caller never sees a write.

``test_textbook.py`` runs whole programs that overwrite such arguments. Here are the laws.
"""

import os
import traceback
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import ConversionError, DtypeError, MutatedError, MutationError

from .support.compare import assert_same

X = np.array([0.4, -1.3, 0.9, 2.1])
V = np.array([0.7, 1.2, -0.5, 1.9])
LARGE = 40_000  # elements, which are handed as a view at first

Pair = namedtuple("Pair", ["a", "b"])


def custom(kind, f):
    """A function with rules that call it, so that all of them write."""
    ruled = kind(f)
    if kind is fg.custom_jvp:
        ruled.defjvp(lambda primals, tangents: fg.jvp(f, primals, tangents))
    elif kind is fg.custom_vjp:

        def fwd(x, v):
            kept = x.copy(), v.copy()
            return f(x, v), kept

        ruled.defvjp(fwd, lambda kept, ct: (ct * fg.grad(f)(*kept), None))
    else:
        ruled.def_vmap(lambda size, _, x, v: (np.stack([f(row, v) for row in x]), True))
    return ruled


# each gives the gradient of f(x, v) by x, for a v that the transform does not trace
GRADIENTS = {
    "grad": lambda f: fg.grad(f),
    "value_and_grad": lambda f: lambda x, v: fg.value_and_grad(f)(x, v)[1],
    "by keyword": lambda f: lambda x, v: fg.grad(f)(x, v=v),
    "in a list": lambda f: lambda x, v: fg.grad(lambda x, vs: f(x, vs[0]))(x, [v, 2]),
    "in a dict": lambda f: lambda x, v: fg.grad(lambda x, d: f(x, d["v"]))(x, {"v": v, 1: "name"}),
    "argnums": lambda f: lambda x, v: fg.grad(lambda v, x: f(x, v), argnums=1)(v, x),
    "argnames": lambda f: lambda x, v: fg.grad(lambda v, x: f(x, v), argnames="x")(v, x=x),
    "jacfwd": lambda f: fg.jacfwd(f),
    "jacrev": lambda f: fg.jacrev(f),
    "jit": lambda f: fg.jit(fg.grad(f)),
    "vmap": lambda f: lambda x, v: fg.vmap(fg.grad(f), (0, None))(x[None], v)[0],
    "grad of vmap": lambda f: lambda x, v: fg.grad(
        lambda x: fg.vmap(f, (0, None))(x[None], v)[0])(x),
    "grad of vmap of both": lambda f: fg.grad(lambda x, v: fg.vmap(f, (0, None))(x[None], v)[0]),
    "grad of value_and_grad": lambda f: fg.grad(lambda x, v: fg.value_and_grad(f)(x, v)[0]),
    "grad of jvp of a copy": lambda f: fg.grad(
        lambda x, v: fg.jvp(lambda x: f(x, v.copy()), (x,), (x,))[0]),
    "checkpoint": lambda f: fg.grad(fg.checkpoint(f)),
    "cond": lambda f: fg.grad(lambda x, v: lax.cond(True, f, lambda x, v: x.sum(), x, v)),
    "switch": lambda f: fg.grad(lambda x, v: lax.switch(1, [lambda x, v: x.sum(), f], x, v)),
    "custom_jvp": lambda f: fg.grad(custom(fg.custom_jvp, f)),
    "custom_vjp": lambda f: fg.grad(custom(fg.custom_vjp, f)),
    "custom_batch": lambda f: fg.grad(custom(fg.custom_batch, f)),
    "vmap of custom_batch": lambda f: lambda x, v: fg.grad(
        lambda x: fg.vmap(custom(fg.custom_batch, f), (0, None))(x[None], v)[0])(x),
    "scan": lambda f: fg.grad(lambda x, v: lax.scan(
        lambda c, _: ((c[0] + f(c[1], c[2]), *c[1:]), None), (0.0, x, v), None, 1)[0][0]),
    "fori_loop": lambda f: fg.grad(lambda x, v: lax.fori_loop(
        0, 1, lambda i, c: (c[0] + f(c[1], c[2]), *c[1:]), (0.0, x, v))[0]),
    "while_loop": lambda f: fg.grad(lambda x, v: lax.while_loop(
        lambda c: c[0] < 1, lambda c: (c[0] + 1, f(c[2], c[3]), *c[2:]), (0, 0.0, x, v))[1]),
}  # fmt: skip


def writes_numbers(x, v):
    name, part, whole = v, v[1:3], v.reshape(2, -1)
    v[0] = 5.0
    part *= 2.0
    np.multiply.at(whole, (1, 0), 3.0)
    return (x * name[:4]).sum() + np.sin(x[:2] * part).sum() + (x[:2] * whole[1, :2]).sum()


def writes_traced(x, v):
    name, part, whole = v, v[1:3], v.reshape(2, -1)
    v[0] = x[1]
    part *= x[:2]
    np.sin(x[:2], out=whole[1, :2])
    return (x * name[:4]).sum() + np.sin(x[:2] * part).sum() + (x[:2] * whole[1, :2]).sum()


def writes_into_a_copy(x, v):
    w, u = v.copy(), 2 * v
    w[:4] += x
    u[1:3] = x[:2] * w[2:4]
    return (w[:4] * u[:4]).sum() + v[0] * x[0]


WRITERS = (writes_numbers, writes_traced, writes_into_a_copy)


def differences(f, v, h=1e-6):
    near = [[f(X + s * h * e, v.copy()) for s in (1, -1)] for e in np.eye(4)]
    return np.array([(a - b) / (2 * h) for a, b in near])


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("transform", GRADIENTS)
def test_a_write_is_seen_by_all_names_and_not_by_the_caller(transform, write, large):
    v = np.resize(V, LARGE) if large else V.copy()
    before = v.copy()
    gradient = GRADIENTS[transform](write)
    got = gradient(X, v)

    np.testing.assert_allclose(got, differences(write, v), rtol=1e-7, atol=1e-9)  # of differences
    assert_same(before, v)
    assert v.flags.writeable
    assert_same(got, gradient(X, v))
    if transform == "grad":
        assert_same(got, fg.jit(gradient)(X, v), 1e-15)


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_second_derivatives_are_those_of_the_compiled_program(write):
    assert_same(fg.jit(fg.hessian(write))(X, V), fg.hessian(write)(X, V), 1e-14, 1e-15)
    inner = lambda x, v: fg.grad(write)(x, v).sum()
    assert_same(fg.jit(fg.grad(inner))(X, V), fg.grad(inner)(X, V), 1e-14, 1e-15)
    batch = np.stack([X, X[::-1]])
    want = [fg.jit(fg.grad(write))(x, V) for x in batch]
    assert_same(np.stack(want), fg.vmap(fg.grad(write), (0, None))(batch, V), 1e-14)


COUNTS = {
    "vjp": lambda f, *args: fg.vjp(f, *args)[0],
    "jvp": lambda f, x, n: fg.jvp(f, (x, n), (x, np.zeros_like(n)))[0],
    "linearize": lambda f, *args: fg.linearize(f, *args)[0],
    "grad with allow_int": lambda f, *args: fg.value_and_grad(f, (0, 1), allow_int=True)(*args)[0],
}


@pytest.mark.parametrize("size", [4, LARGE])
@pytest.mark.parametrize("transform", COUNTS)
def test_integers_among_the_primals_behave_as_copies(transform, size):
    def counted(x, counts):
        counts[:4] += 1
        counts[0] *= 3
        return (x * counts[:4]).sum()

    counts = np.arange(size)
    got = COUNTS[transform](counted, X, counts)

    assert_same(X @ [3, 2, 3, 4], got, 1e-15)
    assert_same(np.arange(size), counts)


def test_an_outer_value_that_an_inner_function_overwrites_stays():
    def outer(x):
        y, buffer = 2 * x, np.zeros_like(x)
        buffer[1:] = x[1:]
        inner = fg.grad(lambda z, y, b: writes_traced(z, y) + writes_numbers(z, b))(x, y, buffer)
        return (inner * y * buffer).sum()

    want = fg.jit(fg.grad(outer))(X)

    assert_same(want, fg.grad(outer)(X), 1e-14, 1e-15)
    assert_same(fg.jit(outer)(X), fg.vjp(outer, X)[0], 1e-14)


@pytest.mark.parametrize("in_axes", [(0, None), (0, 0)])
def test_examples_that_overwrite_an_argument_do_not_see_each_other(in_axes):
    batch, v = np.stack([X, 2 * X, X[::-1]]), V if in_axes[1] is None else np.stack([V, V, -V])
    rows = [v] * 3 if in_axes[1] is None else v
    want = np.stack([writes_traced(x, row.copy()) for x, row in zip(batch, rows, strict=True)])

    assert_same(want, fg.vmap(writes_traced, in_axes)(batch, v), 1e-15)


# how often a function runs


def counting(f):
    runs = []

    def counted(*args, **kwargs):
        runs.append(1)
        return f(*args, **kwargs)

    return counted, runs


@pytest.mark.parametrize("size", [4, LARGE])
def test_a_function_that_only_reads_runs_once(size):
    f, runs = counting(lambda x, v: (x * v[:4]).sum())
    v = np.resize(V, size)
    fg.grad(f)(X, v)
    fg.vmap(f, (0, None))(X[None], v)
    fg.jacfwd(f)(X, v)

    assert len(runs) == 3


def test_a_transform_remembers_that_its_function_writes():
    small, large = V, np.resize(V, LARGE)
    for write, v, first_runs in (
        (writes_numbers, small, 1), (writes_numbers, large, 2), (writes_traced, small, 2),
        (writes_traced, large, 3),
    ):  # fmt: skip
        f, runs = counting(write)
        for make in (fg.grad, fg.jacrev, fg.jacfwd):
            gradient = make(f)
            gradient(X, v)
            assert len(runs) == first_runs
            gradient(X, v)
            gradient(X, v)
            assert len(runs) == first_runs + 2
            runs.clear()


ERRORS = (
    ValueError("negative"), TypeError("a"), KeyError("read-only"), DtypeError("float"),
    OSError("read-only file system"),
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_other_errors_end_the_first_run(error):
    def fails(x, v):
        raise error

    f, runs = counting(fails)
    with pytest.raises(type(error)):
        fg.grad(f)(X, np.resize(V, LARGE))

    assert len(runs) == 1


def test_conversions_to_numbers_end_the_first_run():
    f, runs = counting(lambda x, v: float(x[0]) + np.asarray(x).sum())
    with pytest.raises(ConversionError, match="float"):
        fg.grad(f)(X, V)
    f, runs = counting(lambda x, v: np.array([x[0], 1.0]).sum())
    with pytest.raises(ConversionError, match="NumPy conversion"):
        fg.grad(f)(X, V)

    assert len(runs) == 1


def test_a_function_without_other_arguments_runs_once():
    plain = np.zeros(4)

    def writes(x, *names):
        plain[0] = x[0]
        return x.sum()

    f, runs = counting(writes)
    for args in ((X,), (X, "name", 3, None)):
        with pytest.raises(ConversionError, match="an ndarray cannot hold a traced value"):
            fg.grad(f)(*args)
        assert len(runs) == 1
        runs.clear()


def test_the_innermost_transform_runs_its_function_again():
    f, runs = counting(writes_traced)
    gradient = fg.grad(f)
    outer, outer_runs = counting(lambda x, v: gradient(x, v).sum() + v[0] * x[0])
    fg.grad(outer)(X, V)

    assert len(outer_runs) == 1 and len(runs) == 2


# results


@pytest.mark.parametrize("size", [4, LARGE])
@pytest.mark.parametrize("part", [lambda v: v, lambda v: v[1:], lambda v: v.reshape(2, -1).T])
def test_an_argument_that_is_returned_is_an_array_of_its_own(size, part):
    v = np.resize(V, size)
    f = lambda x, v: ((x * v[:4]).sum(), part(v))
    found = [
        fg.grad(f, has_aux=True)(X, v)[1],
        fg.value_and_grad(f, has_aux=True)(X, v)[0][1],
        fg.jacrev(f, has_aux=True)(X, v)[1],
        fg.jacfwd(f, has_aux=True)(X, v)[1],
        fg.vmap(f, (0, None), (0, None))(X[None], v)[1],
        lax.cond(True, f, f, X, v)[1],
        lax.switch(0, [f], X, v)[1],
    ]
    n = np.resize(np.arange(4), size)
    integers = [
        fg.vjp(lambda x, n: (x, part(n)), X, n)[0][1],
        fg.jvp(lambda x, n: (x, part(n)), (X, n), (X, 0 * n))[0][1],
        fg.linearize(lambda x, n: (x, part(n)), X, n)[0][1],
        fg.vjp(lambda x, n: (x, part(n)), X, n, has_aux=True)[2],
        fg.jvp(lambda x, n: (x, part(n)), (X, n), (X, 0 * n), has_aux=True)[2],
    ]

    for given, results in ((v, found), (n, integers)):
        for y in results:
            assert_same(part(given), y)
            assert type(y) is np.ndarray and y.flags.writeable
            assert not np.may_share_memory(y, given)


@pytest.mark.parametrize("size", [4, LARGE])
def test_a_rule_may_return_its_argument(size):
    v = np.resize(V, size)
    same = fg.custom_jvp(lambda v: v)
    same.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    twin = fg.custom_vjp(lambda v: v)
    twin.defvjp(lambda v: (v, v), lambda v, ct: (ct,))
    for y in (same(v), twin(v), *fg.jvp(same, (v,), (v,)), fg.vjp(twin, v)[0], fg.vmap(twin)(v)):
        assert y.flags.writeable and not np.may_share_memory(y, v)


def test_containers_without_arrays_are_handed_as_they_are():
    options, names, order = {"b": 1, "a": [2, "c"]}, ("x", None), OrderedDict(z=1, y=V)

    def f(x, *given, pair):
        assert given[0] is options and given[1] is names and list(given[2]) == ["z", "y"]
        assert type(given[2]) is OrderedDict and type(pair) is Pair and pair.b == "b"
        given[2]["y"][0] = 9.0
        pair.a[0] = 9.0
        return x.sum()

    fg.grad(f)(X, options, names, order, pair=Pair(V, "b"))

    assert V[0] == 0.7


def test_a_memory_map_is_not_written(tmp_path):
    path = os.fspath(tmp_path / "v.npy")
    np.save(path, np.resize(V, LARGE))
    given = np.load(path, mmap_mode="r+")
    want = differences(writes_traced, np.array(given))

    for write in (writes_numbers, writes_traced):
        got = fg.grad(write)(X, given)
    np.testing.assert_allclose(got, want, rtol=1e-7)
    assert_same(np.resize(V, LARGE), np.load(path))


def test_an_array_that_is_read_only_is_copied_too():
    v = np.broadcast_to(0.7, (LARGE,))

    assert_same(fg.grad(writes_traced)(X, np.array(v)), fg.grad(writes_traced)(X, v))


@pytest.mark.parametrize("write", [
    lambda v: np.random.default_rng(0).shuffle(v), lambda v: memoryview(v).__setitem__(0, 1.0),
    lambda v: v.sort(), lambda v: v.fill(2.0), lambda v: np.copyto(v, 1.0),
    lambda v: np.nan_to_num(v, copy=False), lambda v: np.putmask(v, v > 1, 1.0),
    lambda v: np.place(v, v > 1, 1.0), lambda v: v.put([0], 1.0), lambda v: v.partition(2),
    lambda v: v.flat.__setitem__(0, 1.0), lambda v: np.clip(v, 0, 1, out=v),
    lambda v: v.byteswap(True), lambda v: np.cumsum(v, out=v),
    lambda v: np.random.default_rng(0).random(out=v),
])  # fmt: skip
def test_functions_that_write_get_copies(write):
    def f(x, v):
        write(v)
        return (x * v[:4]).sum()

    for size in (4, LARGE):
        v = np.resize(V, size)
        after = v.copy()
        write(after)
        got = fg.grad(f)(X, v)

        assert_same(after[:4], got)
        assert_same(np.resize(V, size), v)


@pytest.mark.parametrize("write", [
    lambda v, x: v.fill(x), lambda v, x: v.put([0, 1], x), lambda v, x: v.__setitem__(0, x),
    lambda v, x: v.flat.__setitem__(1, x), lambda v, x: np.fill_diagonal(v.reshape(2, 2), x),
    lambda v, x: np.copyto(v, x), lambda v, x: np.put(v, [0], x), lambda v, x: v.__imul__(x),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [float, complex, np.float32])
def test_every_way_to_write_a_traced_number_is_known(write, dtype):
    def f(x, v):
        write(v, x)
        return np.sum(np.abs(v) ** 2)

    v = V.astype(dtype)
    want = fg.jit(fg.grad(f))(dtype(2.0) if dtype is np.float32 else 2.0, v)

    assert_same(want, fg.grad(f)(dtype(2.0) if dtype is np.float32 else 2.0, v), 1e-6)


@pytest.mark.xfail(np.lib.NumpyVersion(np.__version__) >= "2.0.0", strict=True, reason="NumPy's "
                   "ufunc.at writes into a read-only array")  # fmt: skip
def test_ufunc_at_writes_into_a_copy_of_a_large_array():
    def f(x, v):
        np.add.at(v, np.array([0, 1]), np.ones(2))
        return (x * v[:4]).sum()

    v = np.resize(V, LARGE)
    fg.grad(f)(X, v)

    assert_same(np.resize(V, LARGE), v)


# errors


def test_an_error_of_the_second_run_is_at_the_users_line():
    def f(x, v, n):
        v[0] = 1.0
        n[0] = x[0]  # the line
        return x.sum()

    for v in (V, np.resize(V, LARGE)):
        with pytest.raises(ConversionError, match="would be lost") as caught:
            fg.grad(f)(X, v, np.arange(4))
        lines = [frame.line for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert "n[0] = x[0]  # the line" in lines
        assert caught.value.__context__ is None


def test_an_error_of_an_array_from_outside_is_that_of_the_last_run():
    outside = np.zeros(4)
    constant = np.broadcast_to(1.0, 4)

    def holds(x, v):
        outside[0] = x[0]
        return x.sum()

    def adds(x, v):
        v += x
        np.add(x, x, out=outside)
        return x.sum()

    def is_constant(x, v):
        v[0] = 1.0
        constant[0] = 2.0
        return x.sum()

    with pytest.raises(ConversionError, match=r"x\[index\] = value: an ndarray cannot hold"):
        fg.grad(holds)(X, V)
    with pytest.raises(MutationError, match="out= would write traced values into an ndarray"):
        fg.grad(adds)(X, V)
    with pytest.raises(ValueError, match="assignment destination is read-only"):
        fg.grad(is_constant)(X, V)
    with pytest.raises(MutationError, match=r"copy made inside, x = x.copy\(\)"):
        fg.grad(lambda x, v: fg.grad(lambda z: adds(z, v))(x).sum())(X, V)


@pytest.mark.parametrize("write", [
    lambda y, z: y.__setitem__(0, 2.0), lambda y, z: y.__iadd__(1.0), lambda y, z: y.sort(),
])  # fmt: skip
@pytest.mark.parametrize("make", [lambda x: 2 * x, fg.numpy.zeros_like])
def test_an_inner_function_that_writes_outside_does_not_run_twice(make, write):
    def outer(x, both):
        y = make(x)

        def inner(z, v):
            mine = 1.0 * z
            mine[0] = 3.0
            write(y, z)
            v[0] = z[0] if both else 1.0
            return (z * v * mine).sum()

        return (fg.grad(inner)(x, V) * y).sum()

    fg.grad(outer)(X, False)
    with pytest.raises(MutationError, match="written into an array made outside too") as caught:
        fg.grad(outer)(X, True)
    lines = [frame.line for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "v[0] = z[0] if both else 1.0" in lines


def test_a_large_array_that_others_write_is_still_watched():
    v = np.resize(V, LARGE)

    def f(x, w):
        y = (x * w).sum()
        v[0] += 1.0  # the caller's own array, from outside
        return y

    with pytest.raises(MutatedError, match="an array was changed in place"):
        fg.grad(f)(np.ones(LARGE), v)


def test_a_large_argument_may_change_after_it_was_read():
    def f(x, v):
        y = (x * v[:4] * v[4]).sum()
        v[:] = 2.0
        return y + (x * v[:4]).sum()

    v = np.resize(V, LARGE)

    np.testing.assert_allclose(fg.grad(f)(X, v), V * V[0] + 2.0, rtol=1e-15)
    assert_same(np.resize(V, LARGE), v)


# functions that are no differentiated function: steps, right sides, objectives


def overwrites(x, v):
    v += 1.0
    x *= 2.0
    return x * v


FUNCTIONS = {
    "associative_scan": lambda x, v: lax.associative_scan(overwrites, x),
    "fixed_point": lambda x, v: fg.lax.fixed_point(
        lambda y, v: 1.0 + 0.1 * overwrites(y, v), x, v),
    "odeint": lambda x, v: fg.scipy.integrate.odeint(
        lambda y, t, v: overwrites(y, v), x, np.linspace(0.0, 0.1, 3), v),
    "minimize": lambda x, v: fg.scipy.optimize.minimize(
        lambda y, v: (overwrites(y, v) ** 2).sum(), x, args=(v,)).x,
    "root": lambda x, v: fg.scipy.optimize.root(
        lambda y, v: overwrites(y, v) - 1.0, x, args=(v,)).x,
    "disable_jit": lambda x, v: uncompiled(fg.jit(overwrites), x, v),
    "disable_jit, gradient": lambda x, v: fg.grad(
        lambda x: (uncompiled(fg.jit(overwrites), x, v) + x).sum())(x),
}  # fmt: skip


def uncompiled(f, *args):
    with fg.disable_jit():
        return f(*args)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_overwrites_is_one_that_does_not(name, monkeypatch):
    if name in ("minimize", "root"):
        pytest.importorskip("scipy")  # which does the work
    x, v = X.copy(), V.copy()
    got = FUNCTIONS[name](x, v)

    assert_same([X, V], [x, v])
    monkeypatch.setitem(globals(), "overwrites", lambda x, v: 2.0 * x * (v + 1.0))
    assert_same(FUNCTIONS[name](x, v), got, 1e-14)


INNER = {
    "grad": lambda v: fg.grad(lambda v: np.sum(np.sin(v)))(v),
    "vjp": lambda v: fg.vjp(np.sin, v)[0],
    "pullback": lambda v: fg.vjp(np.sin, v)[1](v)[0],
    "jvp": lambda v: sum(fg.jvp(np.sin, (v,), (v,))),
    "linearize": lambda v: fg.linearize(np.sin, v)[1](v),
    "vmap": lambda v: fg.vmap(np.sin)(v),
    "jacfwd": lambda v: fg.jacfwd(np.sin)(v)[0],
    "jacrev": lambda v: fg.jacrev(np.sin)(v)[0],
    "hessian": lambda v: fg.hessian(lambda v: np.sum(np.sin(v)))(v)[1],
    "jit": lambda v: fg.jit(np.sin)(v),
    "jit of grad": lambda v: fg.jit(fg.grad(lambda v: np.sum(np.sin(v))))(v),
    "checkpoint": lambda v: fg.checkpoint(np.sin)(v),
    "cond": lambda v: lax.cond(True, np.sin, np.cos, v),
    "scan": lambda v: lax.scan(lambda c, _: (np.sin(c), None), v, None, 2)[0],
    "custom_jvp": lambda v: custom(fg.custom_jvp, lambda v: np.sin(v))(v),
}


@pytest.mark.parametrize("name", INNER)
def test_the_result_of_an_inner_transform_takes_traced_values(name):
    def f(x, v):
        w = INNER[name](v)
        w[0] = x[0]
        w += x
        return (x * w).sum()

    assert_same(fg.jit(fg.grad(f))(X, V), fg.grad(f)(X, V), 1e-14)


@pytest.mark.parametrize("call", [
    lambda f: lax.cond(True, f, f, X), lambda f: lax.switch(0, [f], X), lambda f: fg.jit(f)(X),
    lambda f: fg.checkpoint(f)(X),
])  # fmt: skip
def test_a_body_that_returns_an_array_from_outside_gives_a_copy(call):
    v = V.copy()
    got = call(lambda x: v)
    v[0] = 5.0

    assert_same(V, got)
