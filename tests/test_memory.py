"""Which results share memory with an argument: those of NumPy, seen by what a write changes.

Each function of NumPy, with each keyword, is called; then a result, or an argument, is overwritten.
All results and arguments afterwards are compared with NumPy's. So a result that NumPy computes
anew must be a copy, its view a view, and its read-only view must refuse the write.
"""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import ConversionError, UnsupportedError

from . import test_numpy_keywords as keywords
from .support import probes
from .support.rows import function_of, split
from .support.turns import in_full, share

# fmt: off
VIEWS = """
    m[:]  m[...]  m[()]  m[None]  m[0]  m[:, 0]  x[:0]  m[[0, 1]]  t[0, ..., 1:]  x[..., None]
    m[1:][0, ::2]  m.T[1][::-1]  t.transpose(1, 0, 2)[0].T  x[None, :, None][0, :, 0]
    m.reshape(2, 6)  m.T.reshape(2, 6)  m.T.ravel()  m.ravel()  np.sin(m.T).ravel()  m.T.ravel('F')
    np.ravel(m, 'F')  m.reshape(-1, order='F')  m.T.reshape(12, order='F')  x.reshape(4)
    np.reshape(m, (4, 3), copy=True)  np.reshape(m, (4, 3), copy=False)  np.reshape(m.T, -1, 'F')
    m.squeeze()  np.squeeze(m, ())  x.transpose()  np.moveaxis(m, 0, 0)  np.swapaxes(m, 0, 0)
    np.rollaxis(m, 0)  np.rollaxis(m, 1)  np.permute_dims(m, (0, 1))  np.flip(m, ())
    np.rot90(m, 0)  np.rot90(m, 2)  np.rot90(m, 4)  np.roll(x, 0)  np.roll(m, 4, 1)
    np.repeat(x, 1)  np.tile(x, 1)  np.resize(x, 4)  np.pad(x, 0)  np.delete(x, [])
    np.insert(x, [], 1)  np.append(x, [])  np.concatenate([x])  np.stack([x])  np.hstack(x)
    np.column_stack([m])  np.block(x)  np.block([x])  np.dstack([t])  np.meshgrid(x)
    np.meshgrid(x, copy=False)  np.meshgrid(x, v, sparse=True)  np.atleast_1d(x, m)
    np.trim_zeros(x)  np.ix_(x, v)  np.clip(x, None, None)  np.round(x, 2)  np.real_if_close(x)
    np.nan_to_num(x, copy=False)  np.nan_to_num(gap, copy=False)  np.cumsum(x[:1])  np.diff(x, 0)
    np.sum(m, axis=())  np.add.reduce(m, axis=())  np.max(m, axis=())  np.linalg.matrix_power(sq, 1)
    np.fft.ifftshift(x, ())  np.tril(sq, 9)  np.polyder(x, 0)  np.einsum('ij->ji', m)
    np.einsum('i->i', x)  np.einsum('ij->j', m[:1])  x.astype(float)  x.astype(float, copy=False)
    np.astype(x, float)  np.astype(x, float, copy=False)  np.array(x, like=x)
    np.array(x, copy=None, like=x)  np.array(x, ndmin=2, like=x)  np.asarray(x, like=x)
    np.asarray(x, copy=True, like=x)  np.array([x, y], like=x)  list(m)  list(m.T)
    x.to_device('cpu')  x.__copy__()  x.__deepcopy__({})  x ** 1  x * 1.0  +x  np.positive(x)
    m.flat[:]  m.flat[2:5]  m.T.flat[[0, 1]]  m.flat.copy()
    np.take(x, [0, 1, 2, 3])  np.where(x < 99, x, x)  np.select([x < 99], [x])  np.sort(x[:1])"""
# fmt: on

# by decision: elements that nobody has written, and what NumPy says that it will make read-only
OTHERWISE = ("np.empty_like(", "np.broadcast_arrays(", "np.meshgrid(x, y, copy")
TRANSFORMS = {
    "vjp": lambda f: lambda *xs: fg.vjp(f, *xs)[0],
    "jvp": lambda f: lambda *xs: fg.jvp(f, xs, [np.ones_like(x) for x in xs])[0],
    "jit": fg.jit,
    "vmap": lambda f: (
        lambda *xs: tree.map(
            lambda y: y[0] if np.ndim(y) else y, fg.vmap(f)(*[np.array([x]) for x in xs])
        )
    ),
    "vjp of jit": lambda f: lambda *xs: fg.vjp(fg.jit(f), *xs)[0],
    "vmap of vjp": lambda f: TRANSFORMS["vmap"](lambda *xs: fg.vjp(f, *xs)[0]),
    "vjp of jvp": lambda f: lambda *xs: fg.vjp(TRANSFORMS["jvp"](f), *xs)[0],
}


def calls():
    """Yield lines of NumPy, and the module with their inputs and constants."""
    for row in split(VIEWS) + [row for area in probes.AREAS.values() for row in split(area)]:
        yield row, probes
    for name, function in keywords.functions().items():
        if keywords.call(name, function) is not None:
            yield keywords.row_of(name, keywords.call(name, function)), keywords
    for _, _, row in keywords.rows():
        yield row, keywords
    for method in keywords.methods():
        for row in keywords.method_rows(method):
            yield row, keywords


def overwritten(function, k, results):
    """The function whose k-th result, or argument, is overwritten: all results and arguments."""

    def run(*xs):
        ys = tree.leaves(function(*xs))
        try:
            (ys if results else xs)[k][...] = 7
        except ValueError as err:
            if "read-only" not in str(err):
                raise
            return "read-only"
        return [xs, [y if hasattr(y, "shape") else 0 for y in ys]]

    return run


def is_written(x):
    return isinstance(x, np.ndarray) and x.dtype.kind in "biufc"


def differences_in(row, source, transforms):
    """Yield the transforms under which a write after the call changes something else."""
    function, inputs = function_of(row, source.INPUTS, source.CONSTANTS)
    try:
        leaves = tree.leaves(function(*map(np.copy, inputs)))
    except Exception:  # a call that NumPy refuses
        return
    targets = [(k, True) for k, y in enumerate(leaves) if is_written(y) and inputs]
    if targets:
        targets += [(k, False) for k, x in enumerate(inputs) if is_written(x)]
    for k, results in targets:
        changed = overwritten(function, k, results)
        want = changed(*[x.copy() for x in inputs])
        for name in transforms:
            if name != "jit" and any(x.dtype.kind in "biu" for x in inputs):
                continue
            try:
                got = TRANSFORMS[name](changed)(*[x.copy() for x in inputs])
            except (ConversionError, UnsupportedError):
                continue
            except TypeError as err:
                if "got str" not in str(err):
                    raise
                got = "read-only"
            if not are_equal(want, got):
                yield f"{row}: {'result' if results else 'argument'} {k} under {name}"


def are_equal(want, got):
    if isinstance(want, str) or isinstance(got, str):
        return isinstance(want, str) and isinstance(got, str)
    pairs = zip(tree.leaves(want), tree.leaves(got), strict=True)
    return all(np.allclose(x, y, 1e-6, 1e-9, equal_nan=True) for x, y in pairs)


def quick(rows, full):
    """The rows, or the first and a part of the others."""
    few = 0 if full else len(split(VIEWS))
    return [*rows[:few], *share(rows[few:], 0, 1 if full else 9)]


@in_full
@pytest.mark.filterwarnings("ignore")
def test_a_write_changes_what_it_changes_in_numpy(full):
    rows = [call for call in dict.fromkeys(calls()) if not any(c in call[0] for c in OTHERWISE)]
    found, names = [], list(TRANSFORMS)
    for turn, (row, source) in enumerate(quick(rows, full)):
        transforms = names if full else share(names, turn, len(names))
        found += differences_in(row, source, transforms)

    assert found == []


# whether a reshape is a view depends on the order of the elements in memory

# rows whose result may be in another order than NumPy's: einsum of several operands, and constants
# that are made from arrays in Fortran order
OTHER_ORDER = (
    "np.einsum(", "matrix_power(sq, 0", "np.imag(m", "shape=(2, 2)",
    "_like(m, s, dtype=int", "np.broadcast_arrays(x, m", "np.empty_like(",
)  # fmt: skip


def reshaped(function, k, transposed):
    """The function whose k-th result is reshaped and then overwritten: that result."""

    def run(*xs):
        y = tree.leaves(function(*xs))[k]
        try:
            (y.T if transposed else y).reshape(-1)[...] = 7
        except ValueError as err:
            if "read-only" not in str(err):
                raise
            return [0]
        return [y]

    return run


def other_layouts(row, source, name, order):
    """Yield the results of which a reshape is a view, and none in NumPy, or the other way round."""
    function, inputs = function_of(row, source.INPUTS, source.CONSTANTS)
    copies = lambda: [x.copy(order) if np.ndim(x) else x for x in inputs]
    try:
        leaves = tree.leaves(function(*copies()))
    except Exception:  # a call that NumPy refuses
        return
    for k, y in enumerate(leaves):
        if not is_written(y) or y.ndim < 2 or not inputs:
            continue
        for transposed in (False, True):
            changed = reshaped(function, k, transposed)
            if name != "jit" and any(x.dtype.kind in "biu" for x in inputs):
                continue
            try:
                got = TRANSFORMS[name](changed)(*copies())
            except (ConversionError, UnsupportedError):
                continue
            if not are_equal(changed(*copies()), got):
                yield f"{row}: result {k} in order {order} under {name}"


@in_full
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_reshape_is_a_view_where_it_is_one_in_numpy(order, full):
    rows = [call for call in dict.fromkeys(calls()) if not any(c in call[0] for c in OTHER_ORDER)]
    found, names = [], ["vjp", "jvp", "jit"]
    for turn, (row, source) in enumerate(quick(rows, full)):
        for name in names if full else share(names, turn, len(names)):
            found += other_layouts(row, source, name, order)

    assert found == []


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_order_of_a_copy_is_not_that_of_the_array(transform):
    def writes(x):
        y = x * 1.0
        z = y.T * 2.0
        copies = [z.copy(), np.copy(z), np.array(z, like=z), z.copy("F")]
        for c in [*copies, z]:
            c.reshape(-1)[0] = 7.0
            c.T.reshape(-1)[1] = 8.0
        return [*copies, y, z]

    x = np.arange(6.0).reshape(2, 3)

    assert are_equal(writes(x), TRANSFORMS[transform](writes)(x))


@pytest.mark.parametrize("first", ["C", "F"])
def test_a_compiled_program_tells_the_orders_of_its_arguments_apart(first):
    def writes(x):
        x.reshape(-1)[1] = 7.0
        return x

    reads, given = fg.jit(lambda x: x.reshape(-1) * 2.0), np.arange(6.0).reshape(2, 3)
    compiled = fg.jit(writes)
    for order in (first, "C", "F", "C"):
        x = given.copy(order)
        assert np.array_equal(compiled(x), writes(x.copy(order)))
        assert np.array_equal(x, given) and np.array_equal(reads(x), given.reshape(-1) * 2.0)

    assert compiled.cache_info().misses <= 3 and reads.cache_info().misses == 1
