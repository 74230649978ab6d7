"""Compiled source under hostile names, keys, values and lines: they are text, never code."""

import enum
import linecache
import math
import unicodedata

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import UnsupportedError
from funcgrad.core.registry import primitives

X = np.random.default_rng(0).normal(size=(32, 8))

ENDS = "\0\x01\t\x0b\x0c\r\x1c\x1d\x1e\x85\xa0\u2028\u2029\u202e\ud800"


def quoting(line, filename="<quoted>"):
    """Return a function whose only line is shown as this one."""
    linecache.cache[filename] = (1, None, ["def f(x):\n", f"{line}\n"], filename)
    scope = {"np": np}
    exec(compile("def f(x):\n    return np.sin(x) * 2\n", filename, "exec"), scope)
    return scope["f"]


def test_the_source_names_a_cell_of_a_notebook_as_one():
    f = quoting("    return np.sin(x) * 2", "tmp/ipykernel_7/3141592653.py")
    source = fg.jit(f).source(1.0)

    assert "# cell:2  return np.sin(x) * 2" in source and "f (cell:1)" in source
    assert "3141592653" not in source


def moduled(compiled, args, name):
    """Return what a standalone file gives, run in a module of its own."""
    scope = {}
    exec(compiled.source(*args, standalone=True), scope)
    return scope[name](*args)


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_no_character_ends_a_comment_or_a_title_before_its_line(end, monkeypatch):
    monkeypatch.setattr(math, "tau", 0.0)
    f = quoting(f"    return np.sin(x) * 2  # {end}math.tau = 1 {end}    import math; math.tau = 1")
    part = "" if end in "\0\ud800" else end  # which no name of a file may hold
    g = quoting("    return np.sin(x) * 2", f"<a{part}raise b>")
    g.__name__ = g.__qualname__ = f'a{end}""" + raise'
    for h in (f, g):
        np.testing.assert_array_equal(fg.jit(h)(X), h(X))
        text = fg.jit(h).source(X, standalone=True)
        np.testing.assert_array_equal(fg.jit(h)(X), h(X))
        assert set(text) <= {"\n", *map(chr, range(32, 127))}

    assert math.tau == 0.0


class Loud(str):
    """A string that calls itself something else."""

    def __repr__(self):
        return "math.undefined or 'ortho'"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)


class Count(int):
    """An integer that calls itself something else."""

    def __repr__(self):
        return "math.undefined"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)


class Whole(enum.IntEnum):
    TWO = 2


class Scale(str, enum.Enum):  # noqa: UP042 - StrEnum is of Python 3.11
    ORTHO = "ortho"


@pytest.mark.parametrize("norm", ["ortho", Loud("ortho"), Scale.ORTHO], ids=type)
def test_a_string_that_is_a_parameter_may_be_of_a_subclass(norm):
    f = lambda x: np.fft.fft(x, norm=norm).real

    np.testing.assert_allclose(fg.jit(f)(X), f(X), rtol=1e-12, atol=1e-12)  # rounding


@pytest.mark.parametrize("n", [2, Whole.TWO, Count(2), np.int8(2), np.int64(2)], ids=type)
def test_a_count_that_is_a_parameter_may_be_of_a_subclass(n):
    def f(x):
        x = x[:4, :4]
        loop = fg.lax.scan(lambda c, _: (c * 2, c), x, None, length=n)[1]
        return (x**n, np.roll(x, n), np.reshape(x[:n, :n], (n, n)) * 1, np.repeat(x, n),
                np.sum(x[None, None], axis=n), np.sort(x[None, None], axis=n), loop)  # fmt: skip

    compiled = fg.jit(f)
    for want, got, alone in zip(f(X), compiled(X), moduled(compiled, (X,), "f"), strict=True):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(alone, want)


class Mute:
    """A key without a repr."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __lt__(self, other):
        return id(self) < id(other)


KEYS = [
    ("ﬁ", "fi"), ("²", "2"), ("a b", "a_b"), ("for", "if"), ("__x", "_"), ("", "\n"), ("\0", "'\""),
    ("\\", '"""'), ("\u2028", "\ud800"), ("np", "sin"), ("_run", "_program"), ("self", "args"),
    (1, 2), (1.5, -0.0), (True, None), (Loud("k"),), (Mute(), Mute()), (b"a",), (Whole.TWO,),
    ("x" * 5000,), (10**5000,), (math.nan,), ((1, 2), (3, 4)), (np.int64(3),),
]  # fmt: skip


@pytest.mark.parametrize("keys", KEYS, ids=range(len(KEYS)))
def test_any_key_of_a_dictionary_may_name_an_argument(keys):
    def f(d):
        return {k: np.sin(v) * 2 for k, v in d.items()}

    d = {k: X[i] for i, k in enumerate(keys)}
    compiled = fg.jit(f)
    results = [compiled(d)]
    if all(type(k) in (str, int, bool) for k in keys):
        results.append(moduled(compiled, (d,), "f"))
    else:
        with pytest.raises(UnsupportedError, match="a standalone file cannot spell"):
            compiled.source(d, standalone=True)
    for got in results:
        for k in keys:
            np.testing.assert_array_equal(got[k], f(d)[k])


@pytest.mark.parametrize("keys", [k for k in KEYS if all(type(x) is str for x in k)], ids=ascii)
def test_any_string_may_be_a_keyword(keys):
    def f(**kwargs):
        return {k: np.sin(v) * 2 for k, v in kwargs.items()}

    given = {k: X[i] for i, k in enumerate(keys)}
    compiled, scope = fg.jit(f), {}
    exec(compiled.source(**given, standalone=True), scope)
    for got in (compiled(**given), scope["f"](**given)):
        for k in keys:
            np.testing.assert_array_equal(got[k], f(**given)[k])


NAMES = [
    "_", "__x", "_run", "_program", "bool_", "main", "numpy", "base64", "functools", "types",
    "float", "float64", "sin", "self", "args", "kwargs", "fun", "space", "spaces", "workspace",
    "constants", "given", "wanted", "fixed", "run", "parts", "x1", "y0", "t0", "k1", "MISS",
    "entry", "leaves", "statics", "print", "type", "zip", "repr", "TypeError", "match", "ª", "β",
    "share", "primitive", "local", "free", "empty", "arena",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_may_be_one_of_a_parameter_and_of_the_function(name):
    scope = {"np": np}
    exec(f"def {name}_({name}):\n    return np.sort({name} * 2), np.exp({name}).sum()", scope)
    f = scope[unicodedata.normalize("NFKC", f"{name}_")]
    f.__name__ = f.__code__.co_varnames[0]
    compiled, alone = fg.jit(f), {}
    exec(compiled.source(X, standalone=True), alone)
    (called,) = (v for k, v in alone.items() if callable(v) and "_program" not in k
                 and not k.startswith("_run"))  # fmt: skip
    for got in (compiled(X), compiled(**{f.__name__: X}), called(X), called(**{f.__name__: X})):
        for g, w in zip(got, f(X), strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-12)  # a sum


class Tagged(fg.extend.Primitive):
    """An operation that takes parameters of any name and value."""

    def run(self, x, **params):
        return (x * len(params),)

    def infer(self, x, **params):
        return (x,)


PRIMITIVES = ["a b", "for", "'); raise\n", "math", "numpy", "²", "\0", "", "1a"]


@pytest.mark.parametrize("name", PRIMITIVES, ids=ascii)
def test_a_primitive_and_its_parameters_may_have_any_names(name, request):
    prim = Tagged(name)
    request.addfinalizer(lambda: primitives.pop(name))  # other tests look at all that there are
    params = {name: 1, "ok": Loud("x"), "class": (1, -0.0), "__debug__": 2.5}

    np.testing.assert_array_equal(fg.jit(lambda x: prim(x, **params) + np.sort(x))(X),
                                  X * 4 + np.sort(X))  # fmt: skip


NUMBERS = [
    math.nan, math.inf, -math.inf, -0.0, 5e-324, complex(-0.0, 1), complex(0, -1), complex(1, -0.0),
    complex(-0.0, -0.0), complex(math.inf, math.nan), 2**62, -(2**63), np.float32(0.1),
    np.longdouble("0.1"), np.uint64(2**64 - 1), np.complex64(1 - 0j), np.int8(-128), True,
]  # fmt: skip


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_a_number_in_the_source_is_the_same_to_the_sign_of_zero(value):
    f = lambda x: (value, np.where(x > 0, x, value), np.multiply(value, x))
    x = np.array([1.0, 0.0])
    with np.errstate(all="ignore"):
        for want, got in zip(f(x), fg.jit(f)(x), strict=True):
            want, got = np.asarray(want), np.asarray(got)
            assert want.dtype == got.dtype
            for part in (np.real, np.imag):
                np.testing.assert_array_equal(part(got), part(want))
                known = ~np.isnan(part(want))
                negative = np.signbit(part(got))[known], np.signbit(part(want))[known]
                np.testing.assert_array_equal(*negative)


# what a standalone file takes


def scaled(x, n=2, *, shift=1.0, by=3):
    return x * n + shift + by


def test_a_standalone_file_refuses_what_it_was_not_written_for():
    scope = {}
    text = fg.jit(scaled, static_argnames=("by", "n")).source(X, by=5, standalone=True)
    exec(text, scope)
    run = scope["scaled"]

    np.testing.assert_array_equal(run(X, by=5), scaled(X, by=5))
    for args, given, words in [
        ((X[:1],), {"by": 5}, "x must be float64 of shape"),
        ((np.float32(X),), {"by": 5}, "x must be float64"),
        ((X.tolist(),), {"by": 5}, "x must be float64"),
        ((X,), {"by": 5.0}, "by is fixed"),
        ((X, 3), {"by": 5}, "positional argument"),
        ((X,), {"by": 5, "shift": 2.0}, "unexpected keyword"),
    ]:
        with pytest.raises((TypeError, ValueError), match=words):
            run(*args, **given)


def test_arguments_after_one_that_is_left_out_are_taken_by_name():
    def f(a, b=1.0, c=2.0, /, d=3.0, *rest, e=4.0, **more):
        return a + b + c + d + sum(rest) + e + sum(more.values())

    for args, given in [((X,), {}), ((X, X), {"d": X}), ((X, X, X, X, X), {"e": X, "z": X})]:
        scope = {}
        exec(fg.jit(f).source(*args, **given, standalone=True), scope)

        np.testing.assert_allclose(scope["f"](*args, **given), f(*args, **given), rtol=1e-12)


def test_arguments_may_be_called_as_numpys_functions_are():
    def f(exp, empty, float64):
        return np.exp(exp) + empty @ empty * float64

    x = X[0]
    np.testing.assert_array_equal(fg.jit(f)(x, x, x), f(x, x, x))


@pytest.mark.parametrize("filename", ["C:\\Users\\x.py", 'a"""b.py'])
def test_any_file_name_may_stand_in_the_source(filename):
    scope = {}
    exec(compile("def f(x):\n    return x * 2\n", filename, "exec"), scope)

    np.testing.assert_array_equal(fg.jit(scope["f"])(X), X * 2)


@pytest.mark.parametrize("name", ["self", "fun", "args", "kwargs", "func", "model", "MISS", "who"])
def test_an_argument_may_be_called_as_one_of_the_librarys_is(name):
    scope = {"np": np}
    exec(f"def f({name}):\n    return np.sum({name} * 2.0)", scope)
    x = np.array([1.5, -2.0, 3.0])
    f, given = scope["f"], {name: x}
    ruled = fg.custom_jvp(f)
    ruled.defjvp(lambda primals, tangents: (f(*primals), np.sum(tangents[0]) * 2.0))
    functions = [fg.jit(f), fg.vmap(lambda **xs: f(**xs)), fg.checkpoint(f), ruled, fg.jit(ruled),
                 fg.tree.Partial(f)]  # fmt: skip

    for function in functions:
        np.testing.assert_array_equal(np.sum(function(**given)), f(x))
    for ask in (fg.jit(f).source, fg.jit(f).jaxpr, fg.jit(f).memory, fg.jit(f).explain,
                lambda **xs: fg.eval_shape(f, **xs), fg.make_jaxpr(f),
                fg.grad(f, argnames=name)):  # fmt: skip
        ask(**given)
