"""Calling compiled functions: arguments, trees, calls within calls, closures, and errors."""

import collections
import dataclasses
import functools
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree
from funcgrad.core.errors import ConcretizationError

X = np.array([0.3, -1.2, 2.5])


# static arguments


def scaled(x, n, *rest, flip=False, **more):
    """Return x n times: n and flip are needed as numbers."""
    total = x
    for _ in range(n - 1):
        total = total + x
    return (-total if flip else total) + sum(rest) + sum(more.values())


@pytest.mark.parametrize(
    "options",
    [
        {"static_argnums": 1, "static_argnames": "flip"},
        {"static_argnums": (1,), "static_argnames": ("flip",)},
        {"static_argnums": -1, "static_argnames": ["flip"]},
        {"static_argnames": ("n", "flip")},
    ],
    ids=str,
)
def test_static_arguments_are_known_by_position_and_by_name(options):
    f = fg.jit(scaled, **options)

    for args, kwargs in [((X, 3), {}), ((X, 2, 1.0, X), {"flip": True, "z": X}),
                         ((X,), {"n": 3, "flip": False}), ((), {"x": X, "n": 1})]:  # fmt: skip
        np.testing.assert_array_equal(f(*args, **kwargs), scaled(*args, **kwargs))
        np.testing.assert_array_equal(f(*args, **kwargs), scaled(*args, **kwargs))
    assert f.cache_info()[:2] == (4, 4)


def test_defaults_are_not_arguments():
    f = fg.jit(lambda x, a=2.0, *, b=None: x * a if b is None else b)

    assert f(3.0) == 6.0
    assert f(3.0, b=1.0) == 1.0
    assert (f(3.0, 1.5), f(3.0, a=1.5)) == (4.5, 4.5)


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    @functools.partial(fg.jit, static_argnums=0)
    def method(self, x):
        return x * self.factor

    @staticmethod
    @fg.jit
    def plain(x):
        return x + 1

    def __call__(self, x):
        return x * self.factor


def test_what_can_be_called_can_be_compiled():
    two, three = Scaler(2.0), Scaler(3.0)

    assert (two.method(5.0), three.method(5.0), two.plain(5.0)) == (10.0, 15.0, 6.0)
    assert fg.jit(three)(5.0) == 15.0
    assert fg.jit(three.__call__)(5.0) == 15.0
    assert fg.jit(functools.partial(scaled, n=2, flip=True))(1.5) == -3.0
    assert fg.jit(functools.partial(scaled, 1.5), static_argnums=0)(2) == 3.0
    np.testing.assert_array_equal(fg.jit(np.sin)(X), np.sin(X))


def test_a_decorator_takes_options():
    @fg.jit(static_argnames="n")
    def f(x, n):
        return x if n else -x

    assert (f(1.0, n=0), f.__name__) == (-1.0, "f")


# trees

Pair = collections.namedtuple("Pair", "left right")


@fg.tree.register_dataclass
@dataclasses.dataclass
class Window:
    rows: object
    count: object


CONTAINERS = {
    "dict": {"b": X, "a": [X, (1.0,)]},
    "numbers for keys": {3: X, 1: 2.0},
    "ordered": collections.OrderedDict(b=X, a=2.0),
    "default": collections.defaultdict(list, b=X, a=2.0),
    "named": Pair(X, Pair(1, None)),
    "empty": {"a": [], "b": (), "c": {}, "d": None},
    "deep": functools.reduce(lambda inner, _: [inner, (X,)], range(60), X),
    "registered": Window(X, 3),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_trees_of_every_kind_go_in_and_come_out(kind):
    given = CONTAINERS[kind]
    f = fg.jit(lambda x: (x, tree.map(lambda leaf: leaf * 2, x)))
    for _ in range(2):
        same, twice = f(given)
        assert tree.structure(same) == tree.structure(twice) == tree.structure(given)
        assert type(same) is type(given)
        for a, b, c in zip(*map(tree.leaves, (given, same, twice)), strict=True):
            np.testing.assert_array_equal(b, a)
            np.testing.assert_array_equal(c, np.multiply(a, 2))
    assert f.cache_info()[:2] == (1, 1)


def test_disable_jit_is_undone_after_an_exception_and_nests():
    f = fg.jit(lambda x: x if x > 0 else -x)
    with pytest.raises(ZeroDivisionError), fg.disable_jit():
        assert f(-2.0) == 2.0
        with fg.disable_jit(False), pytest.raises(ConcretizationError):
            f(-2.0)
        assert f(-2.0) == 2.0
        raise ZeroDivisionError

    with pytest.raises(ConcretizationError):
        f(-2.0)


# calls within calls, and beside one another


def test_threads_agree():
    f = fg.jit(lambda x: np.tanh(x @ x.T) @ x + np.where(x > 0, x, 0.1 * x))
    xs = [np.random.default_rng(i).normal(size=(8 + i % 2, 8)) for i in range(8)]
    want, got = [f.fun(x) for x in xs], [[] for _ in xs]

    def work(i):
        got[i].extend(f(xs[i]) for _ in range(50))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for w, many in zip(want, got, strict=True):
        assert len(many) == 50
        for g in many:
            np.testing.assert_allclose(g, w, rtol=1e-12)


def test_an_exception_inside_leaves_the_function_usable():
    f = fg.jit(lambda x, i: (np.log(x) * 2)[i])
    want = (np.log(np.abs(X)) * 2)[[1]]
    for _ in range(3):
        with pytest.raises(IndexError, match="out of bounds"):
            f(np.abs(X), np.array([9]))
        with pytest.raises(FloatingPointError), np.errstate(all="raise"):
            f(np.zeros(3), np.array([1]))
        np.testing.assert_allclose(f(np.abs(X), np.array([1])), want, rtol=1e-12)


def test_a_function_may_call_itself():
    @fg.jit
    def total(x):
        return x if x.ndim == 0 else total(x.sum(0)) + 1

    assert total(np.ones((2, 3, 2))) == 15.0
    assert fg.grad(lambda x: total(x * 2))(np.ones((2, 3)))[0, 0] == 2.0


def test_a_custom_rule_may_call_the_function_it_is_of():
    inner = fg.jit(lambda x: np.sin(x) * 2)
    f = fg.custom_vjp(lambda x: inner(x))
    f.defvjp(lambda x: (inner(x), x), lambda x, ct: (ct * inner(x),))

    assert fg.jit(fg.grad(lambda x: f(x)))(1.0) == pytest.approx(inner(1.0))
    assert fg.jit(fg.grad(fg.jit(lambda x: f(x) * f(2 * x))))(1.0) == pytest.approx(
        3 * inner(1.0) * inner(2.0)
    )


def test_generators_interleave():
    f = fg.jit(lambda x: np.cumsum(x) * 2)

    def run(x):
        for _ in range(4):
            x = f(x)
            yield x

    pairs = list(zip(run(X), run(-X), strict=True))

    for a, b in pairs:
        np.testing.assert_array_equal(a, -b)
    assert len({id(y) for pair in pairs for y in pair}) == 8


# closures


def test_an_array_closed_over_is_a_constant_from_the_first_call_on():
    w = np.arange(3.0)
    f = fg.jit(lambda x: x * w)
    f(X)
    w[:] = 9.0

    np.testing.assert_array_equal(f(X), X * np.arange(3.0))


@pytest.mark.parametrize(
    ("transform", "want"),
    [
        (fg.grad, lambda z: np.sin(z) + z * np.cos(z)),
        (lambda f: lambda z: fg.jvp(f, (z,), (1.0,))[1], lambda z: np.sin(z) + z * np.cos(z)),
        (lambda f: fg.grad(fg.grad(f)), lambda z: 2 * np.cos(z) - z * np.sin(z)),
        (lambda f: lambda z: fg.vmap(f)(np.full(2, z))[1], lambda z: z * np.sin(z)),
        (fg.jit, lambda z: z * np.sin(z)),
    ],
    ids=["grad", "jvp", "grad of grad", "vmap", "jit"],
)
def test_what_is_traced_outside_is_never_a_constant(transform, want):
    f = transform(lambda z: fg.jit(lambda x: np.sin(x) * z)(z))
    shared = []

    def through_one_function(z):
        shared[:] = [z]
        return kept(z)

    kept = fg.jit(lambda x: np.sin(x) * shared[0])
    g = transform(through_one_function)

    for z in (0.7, 0.9):
        assert f(z) == pytest.approx(want(z), rel=1e-12)
        assert g(z) == pytest.approx(want(z), rel=1e-12)


# words and warnings


def refusals():
    def choosing(x):
        if x > 0:
            return x
        return -x

    yield (
        choosing,
        {},
        (1.0,),
        ConcretizationError,
        (
            r"bool\(\).*jit of 'choosing'.*test_jit_calls.py:\d+; use numpy.where to "
            r"choose"
        ),
    )
    yield lambda x: float(x), {}, (1.0,), ConcretizationError, r"float\(\).*static"
    yield lambda x: x, {}, (object(),), TypeError, r"argument 0 \('x'\) is no array.*static_argnums"
    yield lambda x: x, {}, ({1, 2},), TypeError, r"\('x'\) is no array.*got set"
    yield lambda x: x, {}, ([bytearray()],), TypeError, r"\('x'\) at \[0\] is no array"
    yield lambda x, n: x, {"static_argnums": 1}, (X, [1]), TypeError, r"'n'\) is static.*got list"
    yield lambda x: "a", {}, (X,), TypeError, "must be made of arrays: got str"


@pytest.mark.parametrize("case", [*refusals()], ids=range(7))
def test_a_refusal_says_what_and_where_and_the_cure(case):
    function, options, args, kind, words = case
    f = fg.jit(function, **options)
    for _ in range(2):
        with pytest.raises(kind, match=words):
            f(*args)


def test_options_that_fit_no_argument_are_refused():
    with pytest.raises(TypeError, match=r"jit: fun must be a function or None: got 3"):
        fg.jit(3)
    with pytest.raises(ValueError, match=r"static_argnames names 'z', which is no argument"):
        fg.jit(lambda x: x, static_argnames="z")
    with pytest.raises(ValueError, match=r"both static and donated"):
        fg.jit(lambda x: x, static_argnums=0, donate_argnames="x")


def silenced(x):
    with np.errstate(all="ignore"):
        y = np.exp(x) * np.exp(x) - np.exp(x)
    return y * 0.5


SILENCED = {
    "itself": silenced,
    "in jit": fg.jit(silenced),
    "in vmap": fg.vmap(silenced),
    "in scan": lambda x: fg.lax.scan(lambda c, v: (c + silenced(v), silenced(v)), 0.0, x)[1],
    "in while": lambda x: fg.lax.while_loop(
        lambda s: s[1] < 2, lambda s: (silenced(s[0]), s[1] + 1), (x, 0)
    )[0],
    "in cond": lambda x: fg.lax.cond(x.sum() > 0, silenced, lambda x: x, x),
    "its slope": fg.vmap(fg.grad(silenced)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("where", SILENCED)
def test_a_block_of_errstate_is_silent_when_compiled(where):
    f, x = SILENCED[where], np.array([0.5, 700.0, 1e6])
    if where == "itself":
        x = np.linspace(0.5, 900.0, 100_000)  # in blocks
    for g in (f, fg.jit(f), fg.jit(fg.jit(f))):
        assert np.isfinite(g(x)[0]) and not np.isfinite(g(x)[-1])


def test_what_is_outside_of_a_block_of_errstate_warns():
    x = np.array([0.5, 1e6])
    both = lambda x: silenced(x) + np.exp(x)
    with np.errstate(all="ignore"):
        first = fg.jit(np.exp)
        first(x)  # the settings of the call are not those of the program
    for f in (fg.jit(both), first):
        with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
            f(x)


@pytest.mark.parametrize(
    ("function", "x", "words"),
    [
        (lambda x: 1 / x, np.zeros(2), "divide by zero encountered in divide"),
        (lambda x: np.log(x), np.zeros(2), "divide by zero encountered in log"),
        (lambda x: np.sqrt(x) * 2, -np.ones(2), "invalid value encountered in sqrt"),
        (lambda x: np.exp(x), np.full(2, 1e3), "overflow encountered in exp"),
        (lambda x: 1 / x, np.float64(0), "divide by zero"),
        (lambda x: x // 0, np.ones(2, int), "divide by zero encountered in floor_divide"),
    ],
    ids=["1/0", "log", "sqrt", "exp", "number", "//"],
)
def test_warnings_are_those_of_numpy(function, x, words):
    for f in (function, fg.jit(function)):
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match=words):
                f(x)


def test_loops_nest_deeper_than_python_lets_blocks():
    def nested(depth, x):
        if depth == 0:
            return np.sin(x)
        return lax.scan(lambda c, _: (nested(depth - 1, c), None), x, None, 1)[0]

    np.testing.assert_allclose(fg.jit(lambda x: nested(25, x))(X), np.sin(X), rtol=1e-12)


def test_what_has_no_numbers_is_refused():
    with pytest.raises(TypeError, match="which has no numbers"):
        fg.jit(lambda x: x * 2)(fg.ShapeDtypeStruct((3,), "f8"))
    with pytest.raises(TypeError, match="must hold numbers"):
        fg.jit(lambda x: x[0])(np.array(["a"]))
