"""Buffers: arrays allocated inside a transform, which behave as ndarrays and take traced values."""

import copy
import math
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, numpy as fnp
from funcgrad.core.buffers import Buffer
from funcgrad.core.errors import ConversionError, DtypeError, MutationError
from funcgrad.transforms.rebinding import rebinding
from tests.support import expressions, probes
from tests.support.compare import assert_same
from tests.support.rows import split

X = np.array([0.5, -1.0, 2.0])
UNWRITTEN = np.nan if sys.flags.dev_mode else 0.0  # elements of empty


def inside(function, *args):
    """The result of a function that is called inside a transform, as it is."""
    results = []

    def f(x):
        results.append(function(*args))
        return x

    fg.grad(f)(1.0)
    return results[0]


def filled(make=fnp.zeros, dtype=float):
    b = make((3, 4), dtype)
    b[...] = np.arange(1, 13).reshape(3, 4)
    return b


# creation

MADE = {
    "zeros": lambda xp: xp.zeros((2, 3)),
    "zeros of integers": lambda xp: xp.zeros(3, int),
    "zeros in Fortran's order": lambda xp: xp.zeros((2, 3), order="F"),
    "ones": lambda xp: xp.ones(2),
    "full": lambda xp: xp.full((2,), 3.5),
    "full of rows": lambda xp: xp.full((2, 3), np.arange(3)),
    "zeros_like": lambda xp: xp.zeros_like(np.ones((2, 2), "f4")),
    "ones_like": lambda xp: xp.ones_like([1, 2]),
    "full_like": lambda xp: xp.full_like(np.arange(3), 2.9),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_allocated_inside_a_transform_is_writable_and_outside_plain(name):
    want = MADE[name](np)
    outside, within = MADE[name](fnp), inside(MADE[name], fnp)

    assert type(outside) is np.ndarray and type(within) is Buffer
    assert_same(want, outside)
    assert_same(want, np.asarray(within))
    assert want.strides == within.strides


@pytest.mark.parametrize("name", ["empty", "empty_like"])
def test_empty_arrays_begin_with_zeros(name):
    made = inside(lambda: getattr(fnp, name)(np.ones(3)) if name == "empty_like" else fnp.empty(3))

    assert type(made) is Buffer
    np.testing.assert_array_equal(made, np.full(3, UNWRITTEN))


def test_empty_arrays_begin_with_nan_in_development_mode():
    program = (
        "import numpy as np, funcgrad as fg\n"
        "from funcgrad import numpy as fnp\n"
        "def f(x):\n"
        "    print(fnp.empty(2), np.empty_like(x), fnp.empty(2, int))\n"
        "    return x.sum()\n"
        "fg.grad(f)(np.ones(2))\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", program], capture_output=True, text=True
    )

    assert done.stdout.splitlines() == ["[nan nan] [nan nan] [0 0]"], done.stderr


@pytest.mark.parametrize(
    "make",
    [
        lambda: fnp.arange(3.0),
        lambda: fnp.eye(2),
        lambda: fnp.identity(2),
        lambda: fnp.array([1.0, 2.0]),
        lambda: fnp.asarray([1.0, 2.0]),
        lambda: fnp.linspace(0, 1, 3),
        lambda: fnp.empty(2, object),
        lambda: fnp.zeros(2, "U3"),
        lambda: fnp.zeros_like(np.zeros(2, "M8[D]")),
        lambda: fnp.zeros(2, [("a", float)]),
    ],
)
def test_constants_and_arrays_of_no_numbers_stay_plain(make):
    assert type(inside(make)) is np.ndarray


LIKE = {
    "zeros": lambda x: np.zeros(3, like=x),
    "ones": lambda x: np.ones((3,), "f4", like=x),
    "empty": lambda x: np.empty(3, like=x),
    "full": lambda x: np.full(3, 2.0, like=x),
    "array": lambda x: np.array([1.0, 2.0, 3.0], like=x),
    "array of an array": lambda x: np.array(X, like=x),
    "arange": lambda x: np.arange(3.0, like=x),
    "identity": lambda x: np.identity(3, like=x)[0],
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "empty_like": np.empty_like,
    "full_like": lambda x: np.full_like(x, 3.0),
    "full_like of rows": lambda x: np.full_like(x, X),
    "ours": lambda x: fnp.zeros(3, like=x),
    "our array": lambda x: fnp.array(X, like=x),
    "our eye": lambda x: fnp.eye(3, like=x)[1],
}


@pytest.mark.parametrize("name", LIKE)
@pytest.mark.parametrize("transform", ["grad", "jit", "vmap"])
def test_arrays_made_like_a_traced_one_are_writable(name, transform):
    def f(x):
        out = LIKE[name](x)
        before = out[1]
        out[0] = x[2]
        return (out[0] - before + out[1]) * x[1]

    first = 0 * UNWRITTEN if name.startswith("empty") else 0.0
    want = {
        "grad": np.array([0, 2.0 + first, -1.0]),
        "jit": -2.0 + first,
        "vmap": np.array([-2.0, -2.0]) + first,
    }
    with np.errstate(invalid="ignore"):
        got = {
            "grad": lambda: fg.grad(f)(X),
            "jit": lambda: fg.jit(f)(X),
            "vmap": lambda: fg.vmap(f)(np.stack([X, X])),
        }[transform]()

    np.testing.assert_allclose(got, want[transform], rtol=1e-6)  # some are float32


def test_an_array_like_a_transposed_one_has_its_order():
    def f(x):
        assert np.zeros_like(x.T).ravel(order="K").base is not None
        out = np.zeros_like(x.T)
        flat = out.reshape(-1)  # a copy, for the elements lie in another order
        flat[:] = 1.0
        out[0, 1] = x[1, 1]
        return out.sum() + flat.sum()

    got = fg.grad(f)(np.ones((3, 2)))

    assert_same(np.array([[0, 0], [0, 1.0], [0, 0]]), got)


def test_a_full_array_of_a_traced_number_is_an_array_of_its_own():
    def f(x):
        out = fnp.full((), x)
        out[...] = 5.0
        return x * out

    assert fg.grad(f)(2.0) == 5.0


def test_without_a_value_traced_a_thread_has_no_transform():
    found = []

    def f(x):
        thread = threading.Thread(target=lambda: found.append(type(fnp.zeros(2))))
        thread.start()
        thread.join()
        return x

    fg.grad(f)(1.0)

    assert found == [np.ndarray]


@pytest.mark.parametrize(
    "run",
    [
        lambda f: fg.jit(f)(X),
        lambda f: fg.vmap(f)(X[None]),
        lambda f: fg.jvp(f, (X,), (X,)),
        lambda f: fg.vjp(f, X),
        lambda f: fg.linearize(f, X),
        lambda f: fg.jacfwd(f)(X),
        lambda f: fg.make_jaxpr(f)(X),
        lambda f: fg.eval_shape(f, X),
        lambda f: fg.grad(lambda x: fg.checkpoint(f)(x).sum())(X),
        lambda f: lax.scan(lambda c, x: (f(c), x), X, X),
        lambda f: lax.fori_loop(0, 2, lambda i, x: f(x), X),
        lambda f: lax.while_loop(lambda x: x[0] < 1, lambda x: f(x) + 1, X),
        lambda f: fg.jit(lambda x: lax.cond(x[0] > 0, f, lambda x: x, x))(X),
        lambda f: fg.hessian(lambda x: f(x).sum())(X),
    ],
)
def test_functions_of_all_transforms_get_buffers(run):
    kinds = []

    def f(x):
        out = fnp.zeros(3)
        kinds.append(type(out))
        for i in range(3):
            out[i] = x[i] * 2
        return out

    run(f)

    assert kinds and set(kinds) == {Buffer}


def test_functions_with_custom_rules_get_buffers():
    kinds = []

    def doubled(x):
        out = fnp.zeros(3)
        kinds.append(type(out))
        out[:] = 2 * x
        return out

    forward = fg.custom_jvp(doubled)
    forward.defjvp(lambda primals, tangents: (doubled(*primals), doubled(*tangents)))
    reverse = fg.custom_vjp(doubled)
    reverse.defvjp(lambda x: (doubled(x), None), lambda _, ct: (doubled(ct),))

    for f in (forward, reverse):
        got = fg.grad(lambda x, f=f: (f(x) ** 2).sum())(X)
        compiled = fg.jit(fg.grad(lambda x, f=f: (f(x) ** 2).sum()))(X)
        assert_same(8 * X, got)
        assert_same(8 * X, compiled)


def test_a_rule_that_fills_a_buffer_keeps_what_lies_on_no_path():
    @fg.custom_vjp
    def square(x):
        return x**2

    def pulled(x, ct):
        out = fnp.zeros(3)
        for i in range(3):
            out[i] = 2 * x[i] * ct[i]
        return (out,)

    square.defvjp(lambda x: (x**2, x), pulled)
    f = lambda x: np.where(x > 0, square(np.sqrt(x)), 0).sum()

    with np.errstate(invalid="ignore"):
        assert_same(np.array([1.0, 0.0, 1.0]), fg.grad(f)(X), rtol=1e-15)
        assert_same(np.array([1.0, 0.0, 1.0]), fg.jit(fg.grad(f))(X), rtol=1e-15)


# as an ndarray

READ = {
    "element": lambda b: b[1, 2],
    "fancy": lambda b: b[[0, 2]],
    "mask": lambda b: b[b > 3],
    "item": lambda b: b.item(3),
    "tolist": lambda b: b.tolist(),
    "bytes": lambda b: b.tobytes(),
    "sum": lambda b: b.sum(),
    "mean over an axis": lambda b: b.mean(axis=0),
    "numpy sum": lambda b: np.sum(b, axis=1),
    "operator": lambda b: 2 * b + b / 3 - 1,
    "reflected": lambda b: 1 - b,
    "power": lambda b: b**2,
    "matrix product": lambda b: b @ b.T,
    "ndarray first": lambda b: np.ones((3, 4)) * b,
    "comparison": lambda b: b > 5,
    "divmod": lambda b: divmod(b, 4),
    "ufunc": lambda b: np.sin(b),
    "reduce": lambda b: np.add.reduce(b, axis=1),
    "outer": lambda b: np.multiply.outer(b[0], b[1]),
    "two results": lambda b: np.modf(b / 2),
    "concatenate": lambda b: np.concatenate([b, b], axis=1),
    "stack": lambda b: np.stack([b[0], b[2]]),
    "where": lambda b: np.where(b > 3, b, 0),
    "einsum": lambda b: np.einsum("ij,kj->ik", b, b),
    "solve": lambda b: np.linalg.svd(b, compute_uv=False),
    "sort": lambda b: np.sort(-b),
    "argmax": lambda b: (b.argmax(), np.argmin(b, axis=1)),
    "cumsum": lambda b: b.cumsum(),
    "searchsorted": lambda b: np.searchsorted(b[0], 2.5),
    "isin": lambda b: 5.0 in b,
    "float": lambda b: float(b[1, 1:2].sum()),
    "len": lambda b: len(b),
    "iteration": lambda b: [x for row in b for x in row],
    "unpacking": lambda b: [*b[0]],
    "repr": lambda b: repr(b),
    "str": lambda b: str(b[0]),
    "format": lambda b: f"{b[0, 0]:.2f} {fnp.full((), 2.0):.3f}",
    "shape": lambda b: (b.shape, b.ndim, b.size, b.dtype, b.itemsize, b.nbytes),
    "strides": lambda b: (b.strides, b.T.strides, b[::2].strides),
    "flags": lambda b: (b.flags.c_contiguous, b.T.flags.c_contiguous, b.flags.writeable),
    "numpy queries": lambda b: (np.shape(b), np.ndim(b), np.size(b), np.result_type(b)),
    "shares memory": lambda b: (np.shares_memory(b, b[1]), np.shares_memory(b, b.copy())),
    "equal": lambda b: np.array_equal(b, b.copy()),
    "allclose": lambda b: np.allclose(b, b + 1e-12),
    "asarray": lambda b: np.asarray(b),
    "array": lambda b: np.array(b, "f4"),
    "list of them": lambda b: np.array([b, b]),
    "index of an array": lambda b: np.arange(20)[b.astype(int)],
    "math": lambda b: math.sqrt(b[0, 1]),
    "pad": lambda b: np.pad(b, 1),
    "fft": lambda b: np.fft.fft(b),
    "polyfit": lambda b: np.polyfit(b[0], b[1], 1),
    "interp": lambda b: np.interp([1.5, 2.5], b[0], b[1]),
    "deep copy": lambda b: np.asarray(copy.deepcopy(b)),
    "pickle": lambda b: pickle.loads(pickle.dumps(b)),
    "byteswap": lambda b: b.byteswap(),
    "choose": lambda b: np.choose(b[0].astype(int) % 2, [b[1], b[2]]),
    "nonzero": lambda b: b.nonzero(),
    "ours": lambda b: fnp.sin(b) + fnp.linalg.norm(b),
    "our list": lambda b: fnp.stack([b[0], b[1]]),
    "our array": lambda b: fnp.array(b),
    "our where": lambda b: fnp.where(b > 3, b, 0.0),
    "our sort": lambda b: fnp.sort(-b),
    "our clip": lambda b: fnp.clip(b, 2, 5),
    "special function": lambda b: fg.special.expit(b) * 0 + b,
    "our arange": lambda b: fnp.arange(b[0, 3]),
}


MADE_PLAIN = {"asarray", "array", "list of them", "pickle", "deep copy", "our arange"}


def plain(x):
    if isinstance(x, (list, tuple)):
        return type(x)(*map(plain, x)) if hasattr(x, "_fields") else type(x)(map(plain, x))
    return np.asarray(x) if type(x) is Buffer else x


@pytest.mark.parametrize("name", READ)
def test_results_without_traced_values_are_those_of_numpy(name):
    """New floating arrays are buffers, all else is plain."""
    want = READ[name](filled(np.zeros))
    got = inside(lambda: READ[name](filled()))

    if type(want) is np.ndarray and name not in MADE_PLAIN:
        assert type(got) is (Buffer if want.dtype.kind in "fc" else np.ndarray)
    assert_same(want, plain(got))


def values(row, xp, module, wrap):
    """The result of a row of NumPy, or the class of its error."""
    given = {name: x.copy() for name, x in module.INPUTS.items()}
    arrays = {name: wrap(x) if type(x) is np.ndarray else x for name, x in given.items()}
    try:
        return plain(eval(row, {**module.CONSTANTS, **arrays, "np": xp}))
    except Exception as err:
        return type(err)


@pytest.mark.parametrize("xp", [np, fnp], ids=["numpy", "funcgrad.numpy"])
@pytest.mark.parametrize(
    ("module", "family"),
    [(expressions, name) for name in expressions.ROWS] + [(probes, name) for name in probes.AREAS],
)
@pytest.mark.filterwarnings("ignore")
def test_every_expression_of_numpy_has_the_same_value_for_buffers(module, family, xp):
    table = expressions.ROWS if module is expressions else probes.AREAS

    def check():
        for row in split(table[family]):
            want = values(row, np, module, lambda x: x)
            got = values(row, xp, module, Buffer)
            if not (callable(want) or "layout" in row):
                assert_same(want, got)

    inside(check)


VIEWS = {
    "row": lambda b: b[1],
    "slice": lambda b: b[::2, 1:-1],
    "ellipsis": lambda b: b[..., 0],
    "new axis": lambda b: b[:, None],
    "element as an array": lambda b: b[1, 1, ...],
    "T": lambda b: b.T,
    "transpose": lambda b: np.transpose(b),
    "reshape": lambda b: b.reshape(2, 6),
    "numpy reshape": lambda b: np.reshape(b, (4, 3)),
    "ravel": lambda b: b.ravel(),
    "swapaxes": lambda b: b.swapaxes(0, 1),
    "squeeze": lambda b: b[:, :1].squeeze(),
    "row of an iteration": lambda b: list(b)[2],
    "real": lambda b: b.real,
    "ours": lambda b: fnp.transpose(b),
    "view of a view": lambda b: b[1:].T[0],
    "order": lambda b: b.T.ravel(order="F"),
}
COPIES = {
    "copy": lambda b: b.copy(),
    "copy of a view": lambda b: b.T.copy(),
    "numpy copy": lambda b: np.copy(b),
    "flatten": lambda b: b.flatten(),
    "astype": lambda b: b.astype(float),
    "copy module": lambda b: copy.copy(b),
    "deep copy": lambda b: copy.deepcopy(b),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_buffers_are_buffers_and_share_memory(name):
    """Both ways, before and after a traced value is written."""

    def f(s, xp):
        b = filled(xp.zeros)
        v = VIEWS[name](b)
        first = v.ravel().copy()
        b[...] = 2 * b
        second = v.ravel().copy()
        v[...] = v + 1
        third = b.copy()
        b[1, 1] = s
        fourth = v.copy()
        v[...] = 3 * s
        return first, second, third, fourth, b

    want = f(0.5, np)
    got, tangents = fg.jvp(lambda s: f(s, fnp), (0.5,), (1.0,))

    assert_same(want, got)
    step = 1e-3
    ahead = f(0.5 + step, np)
    for w, a, t in zip(want, ahead, tangents, strict=True):
        np.testing.assert_allclose(t, (a - w) / step, atol=1e-11)  # f is linear in s


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_buffers_are_buffers_with_their_own_memory(name):
    def f(s):
        b = filled()
        c = COPIES[name](b)
        assert type(c) is Buffer
        c[...] = s
        return b.sum() + c.sum()

    assert_same((78.0 + 12 * 0.5, 12.0), tuple(map(float, fg.jvp(f, (0.5,), (1.0,)))))


def test_out_gives_the_buffer_back():
    def f():
        b, c = fnp.zeros(3), fnp.zeros(3)
        assert np.sin(X, out=b) is b
        assert np.add(b, 1, b) is b
        assert fnp.multiply(b, 2, out=b) is b
        assert np.sum(np.ones((2, 3)), axis=0, out=c) is c
        q, r = np.divmod(X, 1, out=(b, c))
        assert q is b and r is c
        plain = np.zeros(3)
        assert np.add(b, c, out=plain) is plain
        b += c
        return np.asarray(b), plain

    assert_same((X, X), inside(f))


WRITES = [
    "b[0] = [5, 6, 7, 8]",
    "b[[0, 2], 1] = 9",
    "b[b > 4] = 0",
    "b += 1",
    "b[1] *= 2",
    "b.T[0] -= 1",
    "b @= np.eye(4)",
    "b.sort()",
    "b.fill(3)",
    "b.put([1, 5], [7, 8])",
    "b.partition(2)",
    "b.flat[3] = 1; b.T.flat[1] = 6",
    "b.flat = 4",
    "b.real = 7",
    "np.put(b, [0], 5)",
    "np.copyto(b, 2 * b)",
    "np.fill_diagonal(b, 0)",
    "np.place(b, b > 3, [1, 2])",
    "np.putmask(b, b > 3, -b)",
    "np.add.at(b, ([0, 0], [1, 1]), 1)",
    "np.put_along_axis(b, np.array([[0], [1], [2]]), 9, 1)",
    "np.sin(b, out=b); np.negative(b, b, where=b > 0)",
    "b[0], b[1] = b[1].copy(), b[0].copy()",
    "b[[0, 1]] = b[[1, 0]]",
    "for row in b: row -= row.mean()",
    "np.asarray(b)[1] = 5",
    "b.resize(3, 4)",
]


@pytest.mark.parametrize("statement", WRITES)
def test_plain_writes_are_those_of_numpy(statement):
    def f(make):
        b = make((3, 4))
        b[...] = np.arange(12.0).reshape(3, 4)
        v = b[1:]
        names = {"np": np, "b": b}
        exec(statement, names)
        return np.asarray(names["b"]), np.asarray(v), type(names["b"])

    want, view, _ = f(np.zeros)
    got, seen, kind = inside(f, fnp.zeros)

    assert kind is Buffer
    assert_same(want, got)
    assert_same(view, seen)


@pytest.mark.parametrize(
    "statement",
    ["b[5] = 1", "b[0] = [1, 2]", "b += 1.5", "b['a'] = 1", "float(b)", "b[0.5]"],
)
def test_errors_of_plain_operations_are_those_of_numpy(statement):
    errors = []
    for make in (np.zeros, fnp.zeros):

        def f(make=make):
            with pytest.raises(Exception) as caught:
                exec(statement, {"b": make(3, int)})
            errors.append((caught.type, str(caught.value)))

        inside(f)

    assert errors[0] == errors[1]


def test_hidden_attributes_of_tracers_are_those_of_ndarrays():
    def f():
        b = fnp.zeros((2, 3))
        assert not hasattr(b, "nothing")
        assert b.base is None and b[0].base is not None
        assert b.ctypes.shape[0] == 2 and b.data.shape == (2, 3)
        assert np.from_dlpack(b).shape == (2, 3)
        assert b.view(np.int64).dtype == np.int64
        b.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            b[0] = 1

    inside(f)


# traced values

WRITTEN = {
    "elements": lambda xp, x: _elements(xp, x),
    "rows": lambda xp, x: _rows(xp, x),
    "slices": lambda xp, x: _slices(xp, x),
    "augmented": lambda xp, x: _augmented(xp, x),
    "views": lambda xp, x: _views(xp, x),
    "functions": lambda xp, x: _functions(xp, x),
    "twice": lambda xp, x: _twice(xp, x),
    "operand": lambda xp, x: _operand(xp, x),
    "list": lambda xp, x: _list(xp, x),
    "own index": lambda xp, x: _own_index(xp, x),
    "enumerated": lambda xp, x: _enumerated(xp, x),
    "fancy": lambda xp, x: _fancy(xp, x),
    "results": lambda xp, x: _results(xp, x),
    "no axis": lambda xp, x: _no_axis(xp, x),
}


def _elements(xp, x):
    out = xp.zeros(3)
    for i in range(3):
        out[i] = x[i] ** 2 + out[i - 1]
    return out


def _rows(xp, x):
    out = xp.empty((2, 3))
    out[0] = x
    out[1] = x * out[0]
    return out


def _slices(xp, x):
    out = xp.ones(6)
    out[::2] = x
    out[1:4] -= out[3:0:-1]
    out[[0, 5]] = out[[5, 0]]
    return out


def _augmented(xp, x):
    out = same = xp.full(3, 2.0)
    out *= x
    out += 1
    return same / 2


def _views(xp, x):
    out = xp.zeros((3, 2))
    flat, column, row = out.reshape(-1), out.T[0], out[2]
    column[:] = x
    flat[1] = 7.0
    row += flat[:2]
    return xp.concatenate([out.ravel(), flat, column, row])


def _functions(xp, x):
    out = xp.zeros((3, 3))
    np.fill_diagonal(out, x)
    np.add.at(out, ([0, 0], [1, 1]), x[0])
    np.copyto(out[1], x)
    np.multiply(out, 2, out=out)
    xp.sin(x, out=out[2])
    np.put(out, [3], x[2] ** 2)
    return out


def _twice(xp, x):
    first, second = xp.zeros(3), xp.zeros(3)
    first[:] = x
    second[:] = first
    first[0] = second[2] * first[1]
    return first * second


def _operand(xp, x):
    table = xp.zeros((3, 3))
    for i in range(3):
        table[i, i] = i + 1
    y = table @ x
    table[0] = 5.0
    return table @ y + table.sum() * x


def _list(xp, x):
    out = xp.zeros((2, 2))
    out[0] = [x[0], x[1]]
    out[:, 1] = (x[2], 1.0)
    return xp.array([out[0], out[1], xp.ones(2)])


def _own_index(xp, x):
    order = xp.zeros(3, int)
    order[0], order[1] = 2, 1
    out = xp.zeros(3)
    out[order] = x
    return out + x[order]


def _enumerated(xp, x):
    out = xp.zeros((3, 1))
    for (i, j), v in xp.ndenumerate(x[:, None]):
        out[i, j] = i * v
    return out


def _fancy(xp, x):
    out, mask = xp.ones(4), np.array([True, False, True, False])
    out[[0, 3]] *= x[:2]
    out[mask] += x[2]
    out[~mask][0] = 5.0  # a copy
    return out


def _no_axis(xp, x):
    total, count = xp.zeros(()), xp.zeros(1)
    for v in x:
        total += v**2
        count[0] += total * total[()]
        total[...] *= total[...] + v
    return total * count


def _results(xp, x):
    out = xp.zeros(3) + 0.5
    out += x
    total = xp.sqrt(xp.full((3, 3), 4.0)) @ xp.ones(3)
    total[1:] -= x[1:]
    return out * total


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("compiled", [False, True])
def test_traced_writes_are_those_of_numpy(name, compiled):
    f = WRITTEN[name]
    want = f(np, X)
    step = 1e-6
    slopes = [(f(np, X + d) - f(np, X - d)) / (2 * step) for d in step * np.eye(3)]
    ours = lambda x: f(fnp, x)
    wrap = fg.jit if compiled else lambda f: f

    assert_same(want, wrap(ours)(X), rtol=1e-15)
    for jacobian in (fg.jacfwd(ours), fg.jacrev(ours)):
        np.testing.assert_allclose(wrap(jacobian)(X), np.stack(slopes, -1), rtol=1e-8, atol=1e-9)
    batch = np.stack([X, 2 * X])
    np.testing.assert_allclose(
        wrap(fg.vmap(ours))(batch), [f(np, x) for x in batch], rtol=1e-13, atol=1e-13
    )


def test_a_buffer_joins_the_trace_of_what_is_written_into_it():
    """Of two transforms, the inner one where its values are written, the outer one otherwise."""

    def outer(x):
        kept = fnp.zeros(2)
        kept[0] = x

        def inner(y):
            own, other = fnp.zeros(2), fnp.zeros(2)
            own[0] = x * y
            own[1] = y
            other[0] = x
            other[1] = kept[0] ** 2
            return own[0] * own[1] * other.sum()

        return fg.grad(inner)(x)

    # d/dy of x y^2 (x + x^2) at y = x is 2 x^3 + 2 x^4
    for transform in (fg.grad(outer), fg.jit(fg.grad(outer)), fg.grad(fg.jit(outer))):
        np.testing.assert_allclose(transform(1.5), 6 * 1.5**2 + 8 * 1.5**3, rtol=1e-14)


@pytest.mark.parametrize("inner", [fg.grad, fg.jit, lambda f: lambda x: lax.scan(f, x, None, 2)])
def test_a_buffer_of_an_outer_function_refuses_inner_values(inner):
    def outer(x):
        out = fnp.zeros(2)

        def f(y, *_):
            out[0] = y
            return (y, y) if _ else y

        inner(f)(x)
        return out[0]

    with pytest.raises(MutationError, match=r"made before .* began .*: got f64\[2\]; write into"):
        fg.grad(outer)(1.0)


def test_a_buffer_outlives_its_transform_as_an_array():
    kept = []

    def f(x):
        kept.append(fnp.zeros(2))
        kept[0][0] = 3.0
        return x

    fg.grad(f)(1.0)

    assert_same(np.array([3.0, 0.0]), kept[0] + 0)


def test_integers_do_not_take_traced_floats():
    def f(x):
        out = fnp.zeros(2, int)
        out[0] = x
        return out.sum()

    with pytest.raises(DtypeError, match="would lose the derivative"):
        fg.grad(f)(1.0)


ALIASES = {
    "asarray": lambda b: np.asarray(b),
    "a view of that": lambda b: np.asarray(b)[1:].T,
    "view": lambda b: b.view(np.int64),
    "sliding windows": lambda b: np.lib.stride_tricks.as_strided(b, (2,), (8,)),
    "memoryview": lambda b: b.data,
    "dlpack": lambda b: np.from_dlpack(b),
}


@pytest.mark.parametrize("name", ALIASES)
def test_a_write_that_would_not_reach_an_ndarray_is_refused(name):
    def f(x, keep):
        out = fnp.zeros(3)
        alias = ALIASES[name](out)
        out[1] = 2.0
        if not keep:
            del alias
        out[0] = x
        return out.sum()

    assert fg.grad(f)(1.0, False) == 1.0
    with pytest.raises(MutationError, match=r"would not reach an ndarray .*numpy.asarray\(x.copy"):
        fg.grad(f)(1.0, True)


def test_operations_use_the_elements_of_their_time():
    """Operations keep a copy of a buffer, and plain writes of every kind end its use."""

    def f(x, xp=fnp):
        b, total = xp.zeros(3), 0.0
        for k in range(3):
            total = total + (b * x).sum()
            b[k] = 1.0
            total = total + (b[1:] * x[1:]).sum()
            b += 1
            total = total + (b * x).sum()
            np.add(b, 1, out=b)
            b.T[0] = 4.0
            total = total + (b * x).sum() + (b * x).sum()
            np.asarray(b)[1] = 5.0
            total = total + (b * x).sum()
        return total

    g = lambda x: f(x, np)

    np.testing.assert_allclose(fg.grad(f)(X), fg.grad(g)(X), rtol=1e-15)
    np.testing.assert_allclose(fg.jit(fg.grad(f))(X), fg.grad(g)(X), rtol=1e-15)
    np.testing.assert_allclose(fg.jvp(f, (X,), (X,))[1], g(X), rtol=1e-14)


# results

RESULTS = {
    "grad aux": lambda f: fg.grad(lambda x: (x.sum(), f(x)), has_aux=True)(X)[1],
    "value_and_grad aux": lambda f: fg.value_and_grad(lambda x: (x.sum(), f(x)), has_aux=True)(X)[
        0
    ][1],
    "jvp": lambda f: fg.jvp(f, (X,), (X,))[0],
    "jvp aux": lambda f: fg.jvp(lambda x: (x, f(x)), (X,), (X,), has_aux=True)[2],
    "vjp": lambda f: fg.vjp(f, X)[0],
    "vjp aux": lambda f: fg.vjp(lambda x: (x, f(x)), X, has_aux=True)[2],
    "linearize": lambda f: fg.linearize(f, X)[0],
    "jit": lambda f: fg.jit(f)(X),
    "jit again": lambda f: [g := fg.jit(f), g(X), g(X)][2],
    "jit of grad": lambda f: fg.jit(fg.grad(lambda x: (x.sum(), f(x)), has_aux=True))(X)[1],
    "vmap": lambda f: fg.vmap(f)(X[None])[0],
    "vmap without axis": lambda f: fg.vmap(f, out_axes=None)(X[None]),
    "checkpoint": lambda f: fg.checkpoint(f)(X),
    "checkpoint in grad": lambda f: fg.vjp(fg.checkpoint(f), X)[0],
    "scan": lambda f: lax.scan(lambda c, x: (c, f(X)), 0.0, None, 1)[1][0],
    "scan carry": lambda f: lax.scan(lambda c, x: (f(c), None), X, None, 1)[0],
    "fori": lambda f: lax.fori_loop(0, 1, lambda i, c: f(c), X),
    "jitted cond": lambda f: fg.jit(lambda x: lax.cond(x[0] > 0, f, f, x))(X),
    "jacobian aux": lambda f: fg.jacrev(lambda x: (x, f(x)), has_aux=True)(X)[1],
    "in grad": lambda f: inside(lambda: fg.vjp(f, X)[0]),
}


@pytest.mark.parametrize("name", RESULTS)
def test_buffers_leave_a_transform_as_ndarrays(name):
    def f(x):
        out = fnp.zeros(3)
        out[1] = 2.0
        return out

    got = RESULTS[name](f)

    assert type(got) is np.ndarray
    assert_same(np.array([0.0, 2.0, 0.0]), got)
    got[0] = 1.0  # it is the caller's
    assert_same(np.array([0.0, 2.0, 0.0]), RESULTS[name](f))


def test_buffers_are_leaves_and_arguments():
    def f(x):
        b = fnp.zeros(3)
        b[1] = 2.0
        assert fg.tree.leaves({"a": b})[0] is b
        assert repr(fg.make_jaxpr(np.sin)(b)) == repr(fg.make_jaxpr(np.sin)(np.zeros(3)))
        assert fg.eval_shape(np.sin, b).shape == (3,)
        assert_same(np.array([0.0, 4.0, 0.0]), fg.grad(lambda b: (b**2).sum())(b))
        assert_same(np.array([1.0, 3.0, 1.0]), fg.jit(lambda b: b + 1)(b))
        assert_same(np.array([4.0, 6.0, 4.0]), lax.fori_loop(0, 4, lambda i, b: b + 1, b))
        assert_same(np.array([0.0, 4.0, 0.0]), fg.vmap(lambda b: 2 * b)(b))
        assert_same(np.array([0.0, 2.0, 0.0]), fg.stop_gradient(b))
        mutated = fg.jit(lambda b: _changed(b))(b)
        assert_same(np.array([9.0, 2.0, 0.0]), mutated)
        assert b[0] == 0
        return (x * b).sum()

    assert_same(np.array([0.0, 2.0, 0.0]), fg.grad(f)(X))


def _changed(b):
    b[0] = 9.0
    return b


def test_a_buffer_in_a_loop_is_its_carry():
    def f(x):
        out = fnp.zeros(4)
        out[0] = 1.0
        return lax.fori_loop(1, 4, lambda i, out: _step(i, out, x), out)

    for g in (fg.jacfwd(f), fg.jacrev(f), fg.jit(fg.jacrev(f))):
        np.testing.assert_allclose(g(2.0), [0, 1, 4, 12], rtol=1e-15)


def _step(i, out, x):
    out[i] = out[i - 1] * x
    return out


# errors

STORED = [
    "out = np.zeros(3); out[0] = x[1]",
    "out = np.arange(3.0); out[2] = x.sum()",
    "out = fnp.eye(3); out[2, 1] = x[0]",
    "out = fnp.array([1.0, 2.0]); out[1] *= x[0]",
]
REFUSED = [
    ("out += x", MutationError, r"write x = x \+ y"),
    ("out[1:] *= x[1:]", MutationError, "use the returned value"),
    ("np.sin(x, out=out)", MutationError, "use the returned value"),
    ("np.sum(x, out=out[0, ...])", MutationError, "use the returned value"),
    ("np.copyto(out, x)", MutationError, r"funcgrad\.numpy\.full_like"),
    ("np.add.at(out, [0], x[1:2])", MutationError, r"funcgrad\.at\(x\)\[index\]\.add"),
    ("out.fill(x[1])", ConversionError, r"function of the same name from funcgrad\.numpy"),
    ("np.fromiter(x, float)", ConversionError, r"function of the same name from funcgrad\.numpy"),
    ("out[:] = x", ConversionError, r"make x by .*numpy\.zeros\(shape, like=value\)"),
    ("out[:2] = [x[0], 1.0]", ConversionError, r"make x by .*numpy\.zeros\(shape, like=value\)"),
]
TRANSFORMS = {
    "grad": lambda f: fg.grad(f)(X),
    "jit": lambda f: fg.jit(f)(X),
    "vmap": lambda f: fg.vmap(f)(X[None]),
    "jvp": lambda f: fg.jvp(f, (X,), (X,)),
    "nested": lambda f: fg.grad(lambda x: fg.jit(fg.grad(f))(x).sum())(X),
    "scan": lambda f: lax.scan(lambda c, x: (c, f(c)), X, None, 2),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("statements", STORED)
def test_a_traced_value_stored_into_an_ndarray_says_how_to_make_it(statements, transform):
    def f(x):
        exec(compile(statements, "program.py", "exec"), {"np": np, "fnp": fnp, "x": x})
        return x.sum()

    with pytest.raises(ConversionError) as caught:
        TRANSFORMS[transform](f)

    text = str(caught.value)
    assert "numpy.zeros(shape, like=value) or numpy.array(x, like=value)" in text
    assert "from funcgrad import numpy as np" in text
    assert str(caught.traceback[-1].path).endswith("program.py")  # the user's line


@pytest.mark.parametrize(("statement", "kind", "cure"), REFUSED)
def test_other_writes_into_an_ndarray_name_a_cure(statement, kind, cure):
    def f(x):
        exec(statement, {"np": np, "out": np.zeros(3), "x": x})
        return x.sum()

    for run in TRANSFORMS.values():
        with pytest.raises(kind, match=cure):
            run(f)


def test_the_users_function_may_catch_numpys_error_inside():
    def f(x):
        out = np.zeros(2)
        with pytest.raises(ValueError, match="setting an array element"):
            out[0] = x
        return fg.grad(lambda y: y * _tried(y))(x)

    def _tried(y):
        try:
            np.zeros(2)[0] = y
        except ValueError:
            return y
        raise AssertionError

    assert fg.grad(f)(2.0) == 2.0


# rebinding


def test_a_rebinding_function_gives_new_arrays():
    def f(x):
        y = x
        y += 1
        out = same = np.zeros_like(x)
        out += x
        z = x * 1
        z *= y
        return (x * y + same * out + z).sum()

    want = 4 * X + 2  # of 2 x (x + 1)

    for wrap in (
        lambda f: fg.grad(rebinding(f)),
        lambda f: fg.jit(fg.grad(rebinding(f))),
        lambda f: fg.grad(rebinding(lambda x: fg.jit(f)(x))),
        lambda f: fg.grad(rebinding(fg.checkpoint(f))),
        lambda f: fg.grad(lambda x: fg.vmap(rebinding(f))(x[None]).sum()),
        lambda f: lambda x: fg.jvp(fg.grad(rebinding(f)), (x,), (x,))[0],
        lambda f: fg.jacfwd(rebinding(f)),
    ):
        np.testing.assert_allclose(wrap(f)(X), want, rtol=1e-15)
    np.testing.assert_allclose(fg.grad(f)(X), 6 * (X + 1), rtol=1e-15)  # of 3 (x + 1)**2


def test_a_transform_after_a_rebinding_one_writes_in_place():
    def f(x):
        y = x * 1
        z = y
        z += 1
        return (y * z).sum()

    fg.grad(rebinding(f))(X)

    assert_same(2 * (X + 1), fg.grad(f)(X))


def test_a_compiled_function_reads_a_buffer_around_it_at_each_call():
    def f(x):
        b = fnp.zeros(2)
        b[0] = 2.0
        direct, derived = fg.jit(lambda z: (z * b).sum()), fg.jit(lambda z: (z * (b + 1)).sum())
        before = direct(x) + derived(x)
        b[1] = x[0]
        return before + direct(x) + derived(x)

    x0, x1 = x = np.array([1.0, 3.0])

    for value, gradient in (fg.value_and_grad(f)(x), fg.jit(fg.value_and_grad(f))(x)):
        np.testing.assert_allclose(value, 10 * x0 + 2 * x1 + 2 * x0 * x1, rtol=1e-14)
        np.testing.assert_allclose(gradient, [10 + 2 * x1, 2 + 2 * x0], rtol=1e-14)
