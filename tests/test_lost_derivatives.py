"""The paths on which a derivative could be lost: each carries it, or raises and names the cure.

The list is NumPy's own: what its two protocols hand over, what goes through ``__array__`` and
``__float__`` instead, and what would write into an array.
"""

import array
import copy
import io
import math
import operator
import pickle
import re
import struct

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import (
    ConcretizationError,
    ConversionError,
    FuncgradError,
    MutationError,
    UnsupportedError,
)

X = np.array([0.3, 1.2, -0.7])
A = np.array([1.5, -0.4, 0.8])
RNG = np.random.default_rng(0)


def numeric(f, x, eps=1e-6):
    def at(i, step):
        moved = x.copy()
        moved[i] += step
        return float(f(moved))

    return np.array([(at(i, eps) - at(i, -eps)) / (2 * eps) for i in range(len(x))])


# what NumPy hands over: works, with the right derivative

CARRIED = {
    "ndarray op tracer": lambda x: (A + x - A * x / (A + 3) ** 2).sum(),
    "ndarray @ tracer": lambda x: A @ x + (np.eye(3) @ x).sum(),
    "np.float64 op tracer": lambda x: (np.float64(2) * x + np.float64(1) / (x + 2)).sum(),
    "np.float64 op element": lambda x: np.float64(2) * x[0] - np.float64(1) ** x[1],
    "python op tracer": lambda x: (2 * x - 1 + 3 / (x + 2)).sum(),
    "reduce": lambda x: np.add.reduce(x * x),
    "accumulate": lambda x: np.multiply.accumulate(x).sum(),
    "outer": lambda x: np.multiply.outer(x, A).sum(),
    "linear algebra of a list": lambda x: np.stack([x, A]).sum(),
    "concatenate of mixed": lambda x: (np.concatenate([A, x]) ** 2).sum(),
    "block": lambda x: np.block([[x], [A]])[0, 1] * 3,
    "asarray like": lambda x: np.asarray(x, like=x).sum() * 2,
    "array of a list like": lambda x: np.array([x[0], x[1] * 2], like=x).sum(),
    "full_like of a tracer": lambda x: np.full_like(x, x[0]).sum(),
    "builtin sum": lambda x: sum(x) + sum(v * v for v in x),
    "builtin abs": lambda x: abs(x).sum(),
    "builtin pow": lambda x: pow(x + 2, 1.5).sum(),
    "builtin max": lambda x: max(x) * 2 + min(*x),
    "sorted": lambda x: sorted(x)[0] * 2,
    "iteration": lambda x: list(iter(x))[2] * 3,
    "unpacking": lambda x: (lambda a, b, c: a * b * c)(*x),
    "enumerate and zip": lambda x: sum(
        i * v * a for (i, v), a in zip(enumerate(x), A, strict=True)
    ),
    "map": lambda x: sum(map(np.sin, x)),
    "flat": lambda x: sum(x.reshape(3, 1).flat),
    "operator module": lambda x: operator.mul(x, operator.neg(x)).sum(),
    "itemgetter": lambda x: operator.itemgetter(1)(x) * 2,
    "copy": lambda x: copy.copy(x).sum() * x[0],
    "deepcopy": lambda x: copy.deepcopy({"a": [x, 1]})["a"][0].sum() * x[0],
    "copy method": lambda x: x.copy().sum() * x[0],
    "np.copy": lambda x: np.copy(x).sum() * x[0],
    "augmented assignment": lambda x: _augmented(x),
    "in-place on a constant of a tracer": lambda x: np.where(x > 0, x, 0 * x).sum(),
    "argsort": lambda x: (x[np.argsort(x)] * A).sum(),
    "boolean index": lambda x: x[x > 0].sum(),
    "range of a shape": lambda x: sum(x[i] for i in range(len(x))),
    "array indexed by an argmax": lambda x: A[np.argmax(x)] * x.sum(),
    "choice by a comparison": lambda x: x.sum() if x[0] > 0 else -x.sum(),
    "bincount": lambda x: (np.bincount([0, 1, 0], weights=x) * [1, 2]).sum(),
    "dot method": lambda x: x.dot(A),
    "fg.numpy.array": lambda x: (fg.numpy.array([x[0], 1.0, [2.0, x[2]][1]]) ** 2).sum(),
    "fg.numpy.asarray": lambda x: fg.numpy.asarray([[x[0], x[1]], [1, 2]]).sum() * x[2],
    "fg.numpy.full": lambda x: fg.numpy.full((2, 3), x).sum(),
    "fg.numpy.full_like": lambda x: fg.numpy.full_like(A, x).sum() * 2,
    "fg.numpy.sum of a list": lambda x: fg.numpy.sum([x[0], x[1] * 2, 3.0]),
    "fg.numpy.max of a list": lambda x: fg.numpy.max([x[0], x[1] * 2, 3.0]) + x[0],
    "fg.numpy.mean of a list": lambda x: fg.numpy.mean([x[0], x[1] * 2, 3.0]),
    "ndarray.clip": lambda x: A.clip(x - 1, x).sum(),
    "full like": lambda x: np.full((2, 3), x, like=x).sum(),
    "zeros like": lambda x: (np.zeros(3, like=x) + np.ones(3, like=x) * x).sum(),
}


def _augmented(x):
    y = 1.0 * x
    y += 1.0
    y *= x
    y **= 2
    y -= A
    y @= np.eye(3)
    return y.sum()


NEED_NUMBERS = {"builtin max", "sorted", "boolean index", "choice by a comparison"}
NEED_NUMBERS |= {"array indexed by an argmax"}


@pytest.mark.parametrize("name", CARRIED)
def test_what_numpy_hands_over_keeps_its_derivative(name):
    f = CARRIED[name]
    want = numeric(f, X)
    value, got = fg.value_and_grad(f)(X)
    y, t = fg.jvp(f, (X,), (A,))

    assert np.isclose(value, f(X), rtol=1e-12) and np.isclose(y, f(X), rtol=1e-12)
    assert np.allclose(got, want, atol=1e-7)  # differences of step 1e-6
    assert np.isclose(t, want @ A, atol=1e-6)


@pytest.mark.parametrize("name", set(CARRIED) - NEED_NUMBERS)
def test_what_numpy_hands_over_can_be_staged(name):
    f = CARRIED[name]
    closed = fg.make_jaxpr(f)(X)

    assert np.isclose(closed(X)[0], f(X), rtol=1e-12)
    assert np.allclose(fg.grad(lambda x: closed(x)[0])(X), numeric(f, X), atol=1e-7)


# what NumPy does not hand over: raises, and names what to write instead


def _stored(x):
    a = np.zeros(3)
    a[0] = x[0]
    return a.sum()


def _stored_whole(x):
    a = np.zeros(3)
    a[:] = x
    return a.sum()


def _stored_by_index(x):
    a = np.zeros(3)
    a[np.array([0, 1])] = x[:2]
    return a.sum()


KEEP = r"keep it an array|stop_gradient"
FACE = r"funcgrad\.numpy"
MADE = r"numpy\.zeros\(shape, like="
REFUSED = {
    "float(x)": (lambda x: float(x[0]) * x.sum(), KEEP),
    "int(x)": (lambda x: int(x[0]) * x.sum(), KEEP),
    "complex(x)": (lambda x: complex(x[0]) * x.sum(), KEEP),
    "item": (lambda x: x[0].item() * x.sum(), KEEP),
    "item of a position": (lambda x: x.item(0) * x.sum(), KEEP),
    "tolist": (lambda x: sum(x.tolist()), r"list\(x\)"),
    "tobytes": (lambda x: x.tobytes(), KEEP),
    "dumps": (lambda x: x.dumps(), KEEP),
    "dump": (lambda x: x.dump("unused"), KEEP),
    "tofile": (lambda x: x.tofile("unused"), KEEP),
    "view": (lambda x: x.view(np.int64), "astype"),
    "getfield": (lambda x: x.getfield(np.float32), "real"),
    "math.sin": (lambda x: math.sin(x[0]) * x.sum(), r"use numpy\.sin"),
    "math.floor": (lambda x: math.floor(x[0]) * x.sum(), r"use numpy\.floor"),
    "math.isclose": (lambda x: math.isclose(x[0], 1.0), r"use numpy\.isclose"),
    "math.fsum": (lambda x: math.fsum(x), r"use numpy\.sum"),
    "math.hypot": (lambda x: math.hypot(x[0], x[1]), r"use numpy\.hypot"),
    "np.array": (lambda x: np.array(x).sum(), FACE),
    "np.asarray": (lambda x: np.asarray(x).sum(), FACE),
    "np.array of a list": (lambda x: np.array([x[0], 1.0]).sum(), FACE),
    "np.array of tracers": (lambda x: np.array([x, x]).sum(), FACE),
    "np.asarray with a dtype": (lambda x: np.asarray(x, dtype=float).sum(), FACE),
    "np.ascontiguousarray": (lambda x: np.ascontiguousarray(x).sum(), FACE),
    "np.require": (lambda x: np.require(x).sum(), FACE),
    "np.array object": (lambda x: np.array([x, None], dtype=object), FACE),
    "np.full": (lambda x: np.full(3, x[0]).sum(), FACE),
    "np.full of a vector": (lambda x: np.full(3, x).sum(), FACE),
    "np.arange": (lambda x: np.arange(x[1]).sum(), FACE),
    "np.sum of a list": (lambda x: np.sum([x[0], x[1]]), FACE),
    "np.mean of a list": (lambda x: np.mean([x, x]), FACE),
    "np.max of a list": (lambda x: np.max([x[0], x[1]]), FACE),
    "np.float64(x)": (lambda x: np.float64(x[0]) * x.sum(), f"{FACE}|{KEEP}"),
    "np.float32(x)": (lambda x: np.float32(x[0]) * x.sum(), f"{FACE}|{KEEP}"),
    "np.fromiter": (lambda x: np.fromiter(x, float).sum(), KEEP),
    "stored into an array": (_stored, MADE),
    "stored into a slice": (_stored_whole, MADE),
    "stored by an index array": (_stored_by_index, MADE),
    "ndarray.dot": (lambda x: A.dot(x), FACE),
    "ndarray.fill": (lambda x: np.zeros(3).fill(x[0]), KEEP),
    "ndarray.put": (lambda x: np.zeros(3).put([0], x[0]), f"{FACE}|{KEEP}"),
    "ndarray.searchsorted": (lambda x: A.searchsorted(x), FACE),
    "ndarray.choose": (lambda x: np.array([0, 1, 1]).choose([x, A]).sum(), FACE),
    "np.vectorize": (lambda x: np.vectorize(math.sin)(x).sum(), f"{FACE}|{KEEP}"),
    "np.frompyfunc": (lambda x: np.frompyfunc(math.sin, 1, 1)(x).sum(), "the ufunc"),
    "np.random.normal": (lambda x: np.random.normal(x).sum(), f"{FACE}|{KEEP}"),
    "np.random.uniform": (lambda x: np.random.uniform(0, x[1]), f"{FACE}|{KEEP}"),
    "Generator.normal": (lambda x: RNG.normal(x).sum(), f"{FACE}|{KEEP}"),
    "Generator.permutation": (lambda x: RNG.permutation(x).sum(), FACE),
    "Generator.choice": (lambda x: RNG.choice(x), FACE),
    "np.broadcast": (lambda x: next(np.broadcast(x, A))[0], FACE),
    "np.nditer": (lambda x: sum(v for v in np.nditer(x)), FACE),
    "np.ndenumerate": (lambda x: sum(v for _, v in np.ndenumerate(x)), FACE),
    "np.r_": (lambda x: np.r_[x, 1.0].sum(), FACE),
    "np.c_": (lambda x: np.c_[x, x].sum(), FACE),
    "np.testing": (lambda x: np.testing.assert_array_equal(x, X), f"{FACE}|bool"),
    "np.ma": (lambda x: np.ma.array(x).sum(), FACE),
    "np.polynomial": (lambda x: np.polynomial.Polynomial(x)(2.0), FACE),
    "structured array": (lambda x: np.array([(x[0], 1)], dtype="f8,i8"), KEEP),
    "pickle": (lambda x: pickle.loads(pickle.dumps(x)).sum(), "pickle what the transform returns"),
    "pickle in a dict": (lambda x: pickle.dumps({"x": x}), "pickle what"),
    "memoryview": (lambda x: memoryview(x), ""),
    "bytes": (lambda x: bytes(x[0]), "index"),
    "struct.pack": (lambda x: struct.pack("d", x[0]), KEEP),
    "array.array": (lambda x: array.array("d", x), KEEP),
    "np.save": (lambda x: np.save(io.BytesIO(), x), "numpy.*save"),
    "np.savez": (lambda x: np.savez(io.BytesIO(), x), "numpy.*savez"),
    "np.savetxt": (lambda x: np.savetxt(io.StringIO(), x), "numpy.*savetxt"),
    "range(x)": (lambda x: list(range(x[1])), "index or a size"),
    "array[x]": (lambda x: A[x[1]], FACE),
    "list[x]": (lambda x: [1.0, 2.0][x[1]], "index or a size"),
    "x[x]": (lambda x: x[x].sum(), "integer or boolean arrays"),
    "np.zeros(x)": (lambda x: np.zeros(x[1]), "index or a size"),
    "np.ones of a shape": (lambda x: np.ones((2, x[1])), "index or a size"),
    "reshape to x": (lambda x: x.reshape(x[1]), "index or a size|iterat"),
    "axis x": (lambda x: x.sum(axis=x[1]), "index or a size"),
    "repeat x times": (lambda x: np.repeat(x, x), f"{FACE}|index or a size"),
    "hash": (lambda x: hash(x), "unhashable"),
    "in a set": (lambda x: {x}, "unhashable"),
    "save": (lambda x: np.save("unused", x), r"numpy\.save: .*stop_gradient"),
    "ufunc where": (lambda x: np.add(x, 1, where=[True, False, True]).sum(), "numpy.where"),
    "complex discarded": (lambda x: np.add(x * 1j, 0, dtype=float).sum(), "cast"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_does_not_hand_over_raises(name):
    f, cure = REFUSED[name]
    for transform in (
        lambda: fg.grad(f)(X),
        lambda: fg.jvp(f, (X,), (A,)),
        lambda: fg.make_jaxpr(f)(X),
        lambda: fg.hessian(f)(X),
    ):
        with pytest.raises((TypeError, ValueError, IndexError, struct.error)) as caught:
            transform()
        told = [caught.value, caught.value.__cause__, caught.value.__context__]
        told = [err for err in told if isinstance(err, FuncgradError)]
        if not told:  # Python's and NumPy's own refusals
            assert name in {
                "memoryview", "hash", "in a set", "x[x]", "bytes", "struct.pack", "np.zeros(x)",
                "np.ones of a shape", "np.nditer", "repeat x times", "complex discarded",
            }  # fmt: skip
        elif not isinstance(told[0], ConcretizationError):
            assert any(re.search(cure, str(err)) for err in told), str(told[0])


# what cannot write into an array: the rest is in test_writes.py

ARR = np.ones(3)


def _iadd(x):
    a = np.ones(3)
    a += x
    return a.sum()


def _imul(x):
    a = np.ones(3)
    a *= x
    return a.sum()


def _delitem(x):
    del x[0]
    return x.sum()


AT = r"funcgrad\.at\(x\)\[index\]\.set\(value\)"
WRITTEN = {
    "del x[0]": (_delitem, r"numpy\.delete"),
    "arr += x": (_iadd, r"write x = x \+ y"),
    "arr *= x": (_imul, r"use the returned value"),
    "np.add.at": (lambda x: np.add.at(np.zeros(3), [0], x[:1]), r"funcgrad\.at\(x\).*add\(value\)"),
    "np.hypot.at": (lambda x: np.hypot.at(np.zeros(3), [0], x[:1]), r"apply\(function\)"),
    "np.copyto": (lambda x: np.copyto(np.zeros(3), x), r"funcgrad\.numpy\.full_like"),
    "np.full_like": (lambda x: np.full_like(A, x).sum(), r"funcgrad\.numpy\.full_like"),
    "np.put": (lambda x: np.put(np.zeros(3), [0], x), AT),
    "np.place": (lambda x: np.place(np.zeros(3), A > 0, x), AT),
    "np.putmask": (lambda x: np.putmask(np.zeros(3), A > 0, x), AT),
    "np.put_along_axis": (lambda x: np.put_along_axis(np.zeros(3), np.array([0]), x[:1], 0), AT),
    "out": (lambda x: np.sin(x, out=np.zeros(3)).sum(), "returned value"),
    "out of a reduction": (lambda x: np.sum(x, out=np.zeros(())), "returned value"),
    "x.resize": (lambda x: x.resize(2), r"numpy\.resize"),
    "x.itemset": (lambda x: x.itemset(0, 1.0), r"x\[index\] = value"),
    "x.setfield": (lambda x: x.setfield(0, float), r"x\[\.\.\.\] = value"),
    "x.byteswap": (lambda x: x.byteswap(True), "outside"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_cannot_write_into_an_array_raises(name):
    f, cure = WRITTEN[name]
    for transform in (
        lambda: fg.grad(f)(X),
        lambda: fg.jvp(f, (X,), (A,)),
        lambda: fg.make_jaxpr(f)(X),
        lambda: fg.hessian(f)(X),
    ):
        with pytest.raises(MutationError, match=cure):
            transform()


# what only looks


def test_numbers_are_seen_while_a_derivative_is_taken():
    seen = []

    def f(x):
        seen.extend([str(x), f"{x[0]:.3f}", repr(x), f"{x}", np.array_str(x), f"{x[1]!s:>8}"])
        return (x**2).sum()

    fg.grad(f)(X)
    fg.jvp(f, (X,), (A,))
    fg.hessian(f)(X)
    first = seen[:6]

    assert first == [str(X), "0.300", f"Traced({X!r})", f"{X}", np.array_str(X), f"{X[1]!s:>8}"]
    assert seen[6:12] == first
    assert "0.3" in seen[-1] or "1.2" in seen[-1]


def test_a_staged_value_shows_its_shape():
    seen = []
    fg.make_jaxpr(lambda x: seen.extend([str(x), repr(x), f"{x:.3f}"]) or x)(X)

    assert seen == ["Traced(f64[3])"] * 3


def test_truth_is_known_and_carries_no_derivative():
    def f(x):
        total = x[0] if x[0] > 0 and not x[2] > 0 else 0.0 * x[0]
        while total < 2:
            total = total * 2
        assert bool(x[0]) and x[1] and (x[0] in x) and 9.0 not in x
        return total

    assert np.isclose(fg.grad(f)(X)[0], 8.0)


def test_a_comparison_is_numpys_own():
    seen = []
    fg.grad(lambda x: seen.extend([x > 0, x[0] == 0.3, np.argmax(x), x.argsort()]) or x.sum())(X)

    assert [type(v) for v in seen] == [np.ndarray, np.bool_, np.int64, np.ndarray]


def test_integers_made_from_a_tracer_are_plain():
    def f(x):
        n = int(np.sum(x > 0))
        return sum(x[i] for i in range(n)) + A[np.argmax(x)] * x.sum() + [1.0, 2.0, 3.0][x.argmin()]

    assert np.allclose(fg.grad(f)(X), numeric(f, X), atol=1e-7)  # step 1e-6


def test_stop_gradient_is_the_way_out():
    f = lambda x: float(fg.stop_gradient(x[0])) * x.sum()

    assert np.allclose(fg.grad(f)(X), X[0])
    with pytest.raises(ConversionError):
        fg.make_jaxpr(f)(X)


def test_deepcopy_of_a_model_of_tracers_keeps_the_derivative():
    f = lambda p: (copy.deepcopy(p)["w"] * p["w"]).sum()

    assert np.allclose(fg.grad(f)({"w": X})["w"], 2 * X)


def test_an_object_array_is_no_way_around():
    def f(x):
        a = np.empty(2, object)
        a[0] = x[0]
        return a[0] * 2.0

    assert np.allclose(fg.grad(f)(X), [2.0, 0, 0])  # an object array holds the tracer itself

    def g(x):
        a = np.empty(2, object)
        a[0], a[1] = x[0], x[1] * 3
        return np.sum(a)

    assert np.allclose(fg.grad(g)(X), [1.0, 3.0, 0])


def test_an_unsupported_option_names_itself():
    with pytest.raises(UnsupportedError, match=r"numpy\.add: where="):
        fg.grad(lambda x: np.add(x, 1, where=A > 0).sum())(X)


# arrays that change under a derivative


def changing(w):
    """Add to an array that a product has read."""
    state = np.zeros(3)
    total = 0.0
    for _ in range(3):
        state += 1.0
        total = total + (w * state).sum()
    return total


def test_a_derivative_is_that_of_the_numbers_that_were_read():
    w, want = np.ones(3), np.full(3, 6.0)

    np.testing.assert_array_equal(fg.grad(changing)(w), want)
    np.testing.assert_array_equal(fg.vjp(changing, w)[1](1.0)[0], want)
    assert fg.jvp(changing, (w,), (w,)) == (18.0, 18.0)
    assert fg.make_jaxpr(changing)(w)(w)[0] == fg.jit(changing)(w) == 18.0


def test_an_array_can_be_changed_again_when_the_derivative_is_there():
    array = np.ones((2, 3))
    row = array[0]
    f = lambda x: (x * row).sum() + fg.grad(lambda y: (y * array[0] * row).sum())(x).sum()

    fg.hessian(f)(np.ones(3))

    array += 1
    row += 1

    assert row[0] == 3


def test_an_array_can_be_changed_again_after_an_exception():
    array = np.ones(3)

    def fails(x):
        raise ZeroDivisionError((x * array).sum())

    with pytest.raises(ZeroDivisionError):
        fg.grad(fails)(np.ones(3))

    array += 1


def test_what_outlives_a_function_keeps_copies():
    x, c = np.ones(3), np.ones(3)
    y, pullback = fg.vjp(lambda x: np.exp(x * c), x)
    _, f_jvp = fg.linearize(lambda x: x * x * c, x)
    transpose = fg.linear_transpose(lambda x: x * c, x)
    want = pullback(np.ones(3))[0], f_jvp(np.ones(3)), transpose(np.ones(3))[0]
    x *= 10
    c *= 10
    y *= 10

    got = pullback(np.ones(3))[0], f_jvp(np.ones(3)), transpose(np.ones(3))[0]

    np.testing.assert_array_equal(got, want)


class Bag:
    def __init__(self, w):
        self.w = w


@pytest.mark.parametrize("value", [Bag(np.ones(2)), True, "text", {1.0, 2.0}, [None, "a"]])
def test_an_argument_without_numbers_raises(value):
    with pytest.raises(TypeError, match=r"has no array to differentiate|is a set"):
        fg.grad(lambda p: 1.0)(value)


MADE = [
    lambda: np.ma.array([[1.0, 2.0]], mask=[[0, 1]]),
    lambda: np.asarray([[1.0, 2.0]]).view(np.matrix),
]


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("transform", [fg.grad, fg.make_jaxpr])
def test_arrays_with_rules_of_their_own_raise(make, transform):
    with pytest.raises(TypeError, match="traced code does not follow its rules"):
        transform(lambda x: (x * 2).sum())(make())
    with pytest.raises(TypeError, match="traced code does not follow its rules"):
        transform(lambda x: (x * make()).sum())(np.ones((1, 2)))


class Metres(np.ndarray):
    """An array with a unit, which calculates by its own rules."""

    def __array_ufunc__(self, ufunc, method, *xs, **kwargs):
        plain = [np.asarray(x) for x in xs]
        return getattr(ufunc, method)(*plain, **kwargs).view(Metres)


OWN_RULES = {
    "mask": lambda: np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]),
    "unit": lambda: np.array([1.0, 2.0, 3.0]).view(Metres),
}
X3, KEY = np.array([1.0, 2.0, 3.0]), fg.random.key(0)
square = lambda x: np.sum(x * x)
SGD, ADAM = fg.optim.sgd(0.1), fg.optim.adam(0.1)
# fmt: off
ENTRIES = {
    "value_and_grad": lambda m: fg.value_and_grad(square)(m),
    "vjp": lambda m: fg.vjp(square, m),
    "cotangent": lambda m: fg.vjp(lambda x: x * 2, X3)[1](m),
    "jvp": lambda m: fg.jvp(square, (m,), (X3,)),
    "tangent": lambda m: fg.jvp(square, (X3,), (m,)),
    "linearize": lambda m: fg.linearize(square, m),
    "jacfwd": lambda m: fg.jacfwd(square)(m),
    "hessian": lambda m: fg.hessian(square)(m),
    "vmap": lambda m: fg.vmap(square)(m),
    "vmap shared": lambda m: fg.vmap(lambda x, y: np.sum(x * y), in_axes=(0, None))(X3, m),
    "vmap closure": lambda m: fg.vmap(lambda x: np.sum(x * m))(X3),
    "jit": lambda m: fg.jit(square)(m),
    "jit closure": lambda m: fg.jit(lambda x: np.sum(x * m))(X3),
    "eval_shape": lambda m: fg.eval_shape(square, m),
    "scan": lambda m: fg.lax.scan(lambda c, x: (c + x, x), 0.0, m),
    "scan carry": lambda m: fg.lax.scan(lambda c, x: (c + x, x), m, X3),
    "associative_scan": lambda m: fg.lax.associative_scan(np.add, m),
    "map": lambda m: fg.lax.map(np.sin, m),
    "cond": lambda m: fg.lax.cond(True, np.sin, np.cos, m),
    "switch": lambda m: fg.lax.switch(0, [np.sin, np.cos], m),
    "while_loop": lambda m: fg.lax.while_loop(lambda x: np.sum(x) < 9, lambda x: x * 2, m),
    "fori_loop": lambda m: fg.lax.fori_loop(0, 2, lambda i, x: x * 2, m),
    "checkpoint": lambda m: fg.checkpoint(square)(m),
    "ravel_pytree": lambda m: fg.ravel_pytree({"a": m}),
    "at": lambda m: fg.at(m)[0].set(1.0),
    "at values": lambda m: fg.at(X3)[:].set(m),
    "permutation": lambda m: fg.random.permutation(KEY, m),
    "choice": lambda m: fg.random.choice(KEY, m),
    "choice weights": lambda m: fg.random.choice(KEY, 3, p=m),
    "categorical": lambda m: fg.random.categorical(KEY, m),
    "gamma": lambda m: fg.random.gamma(KEY, m),
    "poisson": lambda m: fg.random.poisson(KEY, m),
    "mse": lambda m: fg.losses.mse(m, X3),
    "mse targets": lambda m: fg.losses.mse(X3, m),
    "cross_entropy": lambda m: fg.losses.softmax_cross_entropy(X3, m),
    "softmax": lambda m: fg.nn.softmax(m),
    "relu": lambda m: fg.nn.relu(m),
    "layer": lambda m: fg.nn.Dense(3, 1).init(KEY)(m),
    "erf": lambda m: fg.special.erf(m),
    "lax.erf": lambda m: fg.lax.erf(m),
    "logsumexp": lambda m: fg.special.logsumexp(m),
    "state": lambda m: ADAM.init({"w": m}),
    "gradient": lambda m: ADAM.update(m, ADAM.init(X3), X3),
    "parameters": lambda m: SGD.update(X3, SGD.init(X3), m),
    "apply_updates": lambda m: fg.optim.apply_updates(m, X3),
    "global_norm": lambda m: fg.optim.global_norm([m]),
    "Loader": lambda m: list(fg.data.Loader(m, 2)),
    "data.stack": lambda m: fg.data.stack([m, m]),
    "pad_sequences": lambda m: fg.data.pad_sequences([m, m]),
    "windows": lambda m: fg.data.windows(m, 2),
    "roc_auc": lambda m: fg.train.roc_auc(m, np.array([0, 1, 1])),
    "r2": lambda m: fg.train.r2(X3, m),
}
# fmt: on


@pytest.mark.parametrize("make", OWN_RULES.values(), ids=OWN_RULES)
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_every_entry_refuses_arrays_with_rules_of_their_own(entry, make):
    with pytest.raises(UnsupportedError, match="does not follow its rules"):
        entry(make())


class Foreign:
    """Memory that is another library's: NumPy cannot ask whether it may be written to."""

    def __init__(self, x):
        self.x = x
        self.__array_interface__ = x.__array_interface__


def test_memory_of_other_libraries_stays_writeable():
    x = np.asarray(Foreign(np.ones((3, 2))))
    for given in (x, x.T, x[1:]):
        grad = fg.grad(lambda y: np.sum(np.sin(y) * fg.grad(lambda z: np.sum(z**3))(y)))(given)

        np.testing.assert_allclose(grad, (6 * np.sin(1) + 3 * np.cos(1)) * np.ones(given.shape))
    x[0, 0] = 2.0

    assert x.flags.writeable
