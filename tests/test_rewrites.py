"""Every row of the compiler's tables on both sides, over operands of all shapes that broadcast.

Rows are found in the tables, and counted as they are applied: a row that no program below makes
apply fails, and so does one that changes a value, a shape, a dtype or the sign of a zero.
"""

import functools
from collections import Counter

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.linalg
import funcgrad.nn
import funcgrad.random
import funcgrad.scipy
from funcgrad.compile import algebra, product_rules, shared_sums, simplification
from funcgrad.compile.rewrite import Builder
from funcgrad.core.registry import primitives
from funcgrad.ops import elementwise as ew, half_angle
from funcgrad.ops.assign import add_at_p
from funcgrad.ops.choice import gate, hide, wins
from funcgrad.ops.compare import logical_not
from funcgrad.ops.constant import absent_p
from funcgrad.ops.index import ARRAY, Index, scatter_add_p
from funcgrad.ops.structure import broadcast_p, reshape_p, sum_p, transpose_p

from .support.compare import assert_same
from .support.terms import evaluated

REAL_DTYPES = ("f8", "f4", "f2")
DTYPES = (*REAL_DTYPES, "c16", "c8", "i8", "i4", "i1", "u1", "u8", "?")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0)


class Draw:
    """Operands of one random program: shapes that broadcast, of any dtype, Python's and NumPy's."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        base = [(), (1,), (3,), (2, 3), (2, 1, 3), (4, 1), (0, 3), (1, 1)]
        self.shape = base[self.rng.integers(len(base))]

    def pick(self, options):
        return options[self.rng.integers(len(options))]

    def lengths(self):
        """Return a shape that broadcasts with the others."""
        some = [1 if self.rng.random() < 0.3 else n for n in self.shape]
        return tuple(some[self.rng.integers(len(some) + 1) if self.rng.random() < 0.4 else 0 :])

    def array(self, dtypes=DTYPES, shape=None):
        shape = self.lengths() if shape is None else shape
        dtype = np.dtype(self.pick(dtypes))
        x = self.rng.choice(SPECIAL, size=shape) + self.rng.integers(0, 2, size=shape) * 0.75
        if dtype.kind == "c":
            x = x + 1j * self.rng.choice(SPECIAL, size=shape)
        if dtype.kind in "iub":
            x = np.abs(np.trunc(x))
        return np.asarray(np.asarray(x).astype(dtype))

    def value(self, dtypes=DTYPES):
        """Return an array, a NumPy scalar or a Python scalar."""
        x = self.array(dtypes)
        kind = self.rng.random()
        if kind < 0.2:
            x = self.array(dtypes, ())
            return x[()] if kind < 0.1 else x.item()
        return x

    def number(self, among=SPECIAL[2:]):
        """Return a number to be written into the program: Python's, or one of NumPy's."""
        x = self.pick(among)
        kinds = [float, np.float64, np.float32, *([int, np.int64] if x == int(x) else [])]
        return self.pick(kinds)(x)

    def condition(self):
        return self.array("?") if self.rng.random() < 0.7 else self.array()


def wider(draw, x):
    """Return a shape to which an operand may be repeated."""
    have = np.shape(x)
    lead = tuple(draw.pick((1, 2, 0)) for _ in range(draw.pick((0, 1, 2))))
    return (*lead, *(draw.pick((1, 2, 3)) if n == 1 else n for n in have))


def repeated(x, shape):
    """Repeat as ``numpy.broadcast_to`` does: by an equation also for a Python scalar."""
    have = np.shape(x)
    lead = len(shape) - len(have)
    wide = [d for d, n in enumerate(have) if n != shape[lead + d]]
    kept = tuple(n for d, n in enumerate(have) if d not in wide)
    x = reshape_p(x, shape=kept) if kept != have else x
    return broadcast_p(x, shape=shape, axes=(*range(lead), *(lead + d for d in wide)))


BINARY = (np.add, np.multiply, np.less, np.equal, np.greater_equal, np.logical_and, np.maximum,
          np.copysign, np.true_divide, np.not_equal, np.hypot)  # fmt: skip
UNARY = (np.negative, np.sign, np.isnan, np.signbit, np.square, np.absolute)


def over_repeated(draw):
    x, y = draw.value(("f8", "f4", "i8", "i1", "u1")), draw.value(("f8", "f4", "i8", "u1"))
    if draw.rng.random() < 0.3:
        f, shape = draw.pick(UNARY), wider(draw, x)
        return lambda x: f(repeated(x, shape)), (x,)
    f = draw.pick(BINARY)
    shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    if draw.rng.random() < 0.3:
        return lambda x, y: f(repeated(x, shape), repeated(y, shape)), (x, y)
    return lambda x, y: f(repeated(x, shape), y), (x, y)


def no_op(draw):
    x = draw.value()
    shape, dtype = np.shape(x), np.asarray(x).dtype
    same = (
        lambda x: reshape_p(x, shape=shape),
        lambda x: transpose_p(x, perm=tuple(range(len(shape)))),
        lambda x: broadcast_p(x, shape=shape, axes=()),
        lambda x: primitives["convert" if dtype.kind in "fc" else "truncate"](x, dtype=dtype),
    )
    f = draw.pick(same)
    return lambda x: f(x) * np.float32(1.5), (x,)


def reshaped_later(draw):
    shape, wider = draw.pick((((6,), (2, 3)), ((3,), (1, 3)), ((2, 3), (2, 1, 3)), ((1, 4), (4,))))
    x, y = draw.array(shape=shape), draw.array(shape=shape)
    f, number = draw.pick(BINARY), draw.number()
    g = draw.pick((lambda y: y.reshape(wider), lambda y: number))
    return lambda x, y: f(x.reshape(wider), g(y)), (x, y)


def without_ones(draw):
    x, y = draw.array(shape=(3,)), draw.array(shape=draw.pick(((2, 3), (2, 1), (1, 3))))
    f, lead = draw.pick(BINARY), draw.pick(((1,), (1, 1)))
    return lambda x, y: f(x.reshape(*lead, 3), y), (x, y)


def twice(draw):
    x = draw.value()
    rank = np.ndim(x)
    if draw.rng.random() < 0.5:
        p, q = (tuple(map(int, draw.rng.permutation(rank))) for _ in range(2))
        return lambda x: transpose_p(transpose_p(x, perm=p), perm=q) * np.float32(2.5), (x,)
    shape = np.shape(x)
    return lambda x: reshape_p(reshape_p(x, shape=(np.size(x), 1)), shape=shape) + x, (x,)


def moved_ones(draw):
    x = draw.array()
    rank = x.ndim + 2
    perm = tuple(map(int, draw.rng.permutation(rank)))
    return lambda x: np.transpose(x[None, ..., None], perm) * 1.5, (x,)


def cast_of_repeated(draw):
    x, dtype = draw.value(("f8", "i8", "?", "i1")), np.dtype(draw.pick(("f4", "f8", "i8", "u1")))
    x = abs(x) if np.ndim(x) == 0 else abs(x.flat[0]) if x.size else 1
    return lambda x: repeated(x, (2, 3)).astype(dtype) * 1.5, (x,)


def repeated_again(draw):
    x = draw.number()
    moves = (lambda y: y.reshape(6), lambda y: y.T, lambda y: np.broadcast_to(y, (4, 2, 3)))
    move = draw.pick(moves)
    return lambda x: move(repeated(x, (2, 3))), (x,)


def sum_of_repeated(draw):
    x = draw.value()
    shape = wider(draw, x)
    lead = tuple(range(len(shape) - np.ndim(x)))
    return lambda x: sum_p(repeated(x, shape), axes=lead) + np.float32(1), (x,)


def sum_of_one(draw):
    x = draw.value()
    return lambda x: sum_p(x, axes=()), (x,)


def same_choice(draw):
    c, x = draw.condition(), draw.value()
    again = draw.pick((lambda x: x, lambda x: +x, lambda x: x - 0))
    return lambda x: np.where(c, x, again(x)), (x,)


def scattered(v, index):
    """Return zeros but for ``v`` at an index, as the derivative of reading there is."""
    entries = tuple(ARRAY if isinstance(e, np.ndarray) else e for e in index)
    arrays = [e for e in index if isinstance(e, np.ndarray)]
    return scatter_add_p(v, *arrays, shape=(8, 3), index=Index(entries))


def to_part(draw):
    index, other = draw.pick(
        (((slice(1, 3),), (slice(3, 9),)), ((0,), (slice(1, 8, 2),)), ((slice(0, 8), 1), (0, 2)),
         ((np.array([0, 0, 2]),), (slice(1, 2),)), ((slice(0, 8, 2),), (slice(1, 8, 2),)))
    )  # fmt: skip
    x = draw.array(("f8", "f4", "i8", "?"), (8, 3))
    v = draw.array((x.dtype.str[1:],), np.shape(x[index])) + x.dtype.type(0)  # no -0 is added to 0
    u = draw.array((x.dtype.str[1:], "f4"), np.shape(x[other]))
    if draw.rng.random() < 0.5:
        return lambda x, v: x + scattered(v, index), (x, v)
    return lambda u, v: scattered(u, other) + scattered(v, index) * 1, (u, v)


def same_place(draw):
    index = draw.pick(((slice(1, 3),), (0,), (slice(0, 8, 2), slice(1, 3)), (-1, 2)))
    u, v = (draw.array(("f8", "f4", "i8"), np.zeros((8, 3))[index].shape) for _ in range(2))
    u = u + u.dtype.type(0)  # no -0 is added to 0
    return lambda u, v: fg.at(scattered(u, index))[index].add(v), (u, v)


def to_whole(draw):
    axis, k = draw.pick(((0, 3), (1, 1), (0, 8), (1, 2)))
    lead = (slice(None),) * axis
    first, second = (*lead, slice(k)), (*lead, slice(k, 99))
    kind = (draw.pick(("f8", "f4", "i8")),)
    x = draw.array(kind, (8, 3))
    u, v = (draw.array(kind, x[i].shape) + x.dtype.type(0) for i in (first, second))
    if draw.rng.random() < 0.5:
        return lambda u, v: scattered(u, first) + scattered(v, second) * 1, (u, v)
    return lambda x, u, v: (x + scattered(v, second)) + scattered(u, first), (x, u, v)


def to_joined(draw):
    cuts = draw.pick(((3, 8), (1, 2), (5, 5), (2, 4)))
    axis, places = draw.pick((0, 1)), (slice(0, cuts[0]), slice(*cuts), slice(cuts[1], 8))
    kind = (draw.pick(("f8", "f4", "i8")),)
    xs = [draw.array(kind, (e.stop - e.start, 3)[:: 1 - 2 * axis]) for e in places]
    order = [int(i) for i in draw.rng.permutation(3)]
    entries = [Index((*[slice(None)] * axis, places[i])) for i in order]

    def f(*xs):
        shape = (8, 3)[:: 1 - 2 * axis]
        y = scatter_add_p(xs[order[0]], shape=shape, index=entries[0])
        for i, index in zip(order[1:], entries[1:], strict=True):
            y = primitives["set_at"](y, xs[i], index=index)
        return y * np.float32(1.5)

    return f, xs


def to_parts(draw):
    first, second = draw.pick((((0, 1), (0, 1)), ((0,), (slice(1, 8, 4), 2)), ((2, 0), (3,))))
    x = np.abs(draw.array(("f8", "f4"), (8, 3)))  # of one sign, because the order of sums changes
    kind = (x.dtype.str[1:],)
    v, u = (np.abs(draw.array(kind, np.shape(x[i]))) for i in (first, second))
    return lambda x, v, u: x + fg.at(scattered(v, first))[second].add(u), (x, v, u)


def quotient_by_number(draw):
    x, n = draw.value(REAL_DTYPES), draw.number()
    shape = np.shape(x) if draw.rng.random() < 0.7 else wider(draw, x)
    return lambda x: ew.quotient(repeated(x, shape), n), (x,)


def quotient(draw):
    x, a = draw.value(), draw.number((2.0, -4.0, 0.5, 1.0, 3.0, -0.125))
    return lambda x: x / a, (x,)


def scaled_sum(draw):
    x, a = draw.value(REAL_DTYPES), draw.number((2.0, -0.5, 3.0, -1.0))
    shape = (3, *np.shape(x))
    f = draw.pick((lambda x: -x, lambda x: x * a, lambda x: a * x))
    return lambda x, y: sum_p(f(x + y), axes=(0,)) * 1.5, (x, draw.array(REAL_DTYPES, shape))


def summed_sum(draw):
    x = draw.array(shape=draw.pick(((2, 3, 4), (1, 3, 2), (0, 2, 3), (5, 1, 1))))
    first, second = draw.pick(((0, 1), (2, 0), ((0, 2), 0), ((), (0, 1)), (1, ())))
    return lambda x: np.sum(np.sum(x, first), second) * np.float32(1.5), (x,)


def negated_factor(draw):
    x, y = draw.array(shape=(2, 3)), draw.array(shape=draw.pick(((2, 3), (3,), (2, 2, 3))))
    f = draw.pick((
        lambda x, y: -x * y, lambda x, y: y * -x, lambda x, y: -x / (y + 4),
        lambda x, y: ew.quotient(-x, y + 4), lambda x, y: -(x * -y),
    ))  # fmt: skip
    return lambda x, y: f(x, y) * np.float32(1.5), (x, y)


def reduced_transpose(draw):
    function = draw.pick((np.sum, np.max, np.min))
    x = draw.array(("f8", "f4", "i8", "?"), draw.pick(((2, 3), (2, 1, 3), (4, 2, 3))))
    perm = tuple(map(int, draw.rng.permutation(x.ndim)))
    axes = tuple(d for d in range(x.ndim) if draw.rng.random() < 0.5) or (0,)
    return lambda x: function(np.transpose(x, perm), axes) * np.float32(1.5), (x,)


def cast_count(draw):
    x, dtype = draw.array(("?", "i8", "f8"), (4, 3)), draw.pick(("f4", "f8", "f2", "i4"))
    axis = draw.pick((0, 1))
    return lambda x: np.sum(x > 0, axis=axis).astype(dtype) * 1.5, (x,)


def scaled_factor(draw):
    x, y = (
        draw.array(REAL_DTYPES, (3, 1)),
        draw.array(REAL_DTYPES, draw.pick(((3, 4), (4,), (3, 1)))),
    )
    a = draw.number((2.0, -0.5, 3.0))
    return draw.pick((lambda x, y: a * (x * y), lambda x, y: (y * x) * a)), (x, y)


def whole_index(draw):
    x = draw.array(("f8", "i8", "?"), draw.pick(((3, 1), (1, 2, 3), (1, 1), (2, 3))))
    first = (
        draw.pick((0, -1, slice(None))) if len(x) == 1 else draw.pick((slice(None), slice(0, 9)))
    )
    index = (first, None, ...) if draw.rng.random() < 0.5 else (None, first)
    if draw.rng.random() < 0.5:
        return lambda x: x[index] * np.float32(1.5), (x,)
    entries = Index(tuple(e for e in index if e is not ...))
    v = x[index]
    return lambda v: scatter_add_p(v, shape=x.shape, index=entries) * np.float32(1.5), (v,)


FLOATS = ("f8", "f4", "c16", "i8")


def sum_of_product(draw):
    n = draw.pick((1, 2, 5, 40))
    shape, other, axis = draw.pick((
        ((3, n), (3, n), 1), ((3, n), (n,), 1), ((3, n), (1, n), 1), ((n, 3), (n, 1), 0),
        ((n,), (n,), 0), ((2, 3, n), (2, 3, n), 2), ((3, n), (3, 1), 1), ((1, n), (4, n), 1),
    ))  # fmt: skip
    kind = (draw.pick(("f8", "f4", "i8", "c16")),)
    x, y = draw.array(kind, shape), draw.array(kind, other)
    f = draw.pick((lambda x, y: x * y, lambda x, y: y * x))
    return lambda x, y: np.sum(f(x, y), axis) * np.float32(1.5), (x, y)


def sum_of_squares(draw):
    x = draw.array(("f8", "f4", "i8", "c16"), draw.pick(((3, 40), (40,), (2, 3), (2, 2, 32))))
    return lambda x: np.sum(x * x, -1) * np.float32(1.5), (x,)


def large_sum_of_product(draw):
    shape, axis = draw.pick((((40, 3, 600), 1), ((2, 9, 9, 90 * 5), 2), ((2, 2, 17_000), -2)))
    x, y = (draw.array(("f8",), shape) for _ in range(2))
    f = draw.pick((lambda x, y: x * y, lambda x, y: x * x, lambda x, y: x.ravel() * y.ravel()))
    return lambda x, y: np.sum(f(x, y).reshape(shape), axis) * np.float32(1.5), (x, y)


def stacked_products(draw):
    b, m, k, n = (draw.pick((1, 2, 3, 9)) for _ in range(4))
    stack = draw.pick(((b,), (2, b), (b, 2)))
    kind = (draw.pick(FLOATS),)
    x, y = draw.array(kind, (*stack, m, k)), draw.array(kind, (*stack, k, n))
    axes = tuple(d for d in range(len(stack)) if draw.rng.random() < 0.7) or (0,)
    return lambda x, y: np.sum(x @ y, axis=axes) * np.float32(1.5), (x, y)


def stacked_vectors(draw):
    m, k, n = (draw.pick((1, 2, 3)), draw.pick((1, 2, 3)), draw.pick((1, 1, 2)))
    kind = (draw.pick(FLOATS),)
    lead, own = draw.pick(
        (((6,), ()), ((6, 2), (2,)), ((2, 6), (2, 1)), ((5, 1), (1, 1)), ((6,), (1,)))
    )
    many, one = (*lead, k, n), (*own, m, k)
    if draw.rng.random() < 0.5:
        return lambda x, y: (x @ y) * 1.5, (draw.array(kind, one), draw.array(kind, many))
    many, one = (*lead, n, k), (*own, k, m)
    return lambda x, y: (x @ y) * 1.5, (draw.array(kind, many), draw.array(kind, one))


def transposed_products(draw):
    m, k, n = (draw.pick((1, 2, 3)) for _ in range(3))
    kind = (draw.pick(FLOATS),)
    x, y = draw.array(kind, (2, k, m)), draw.array(kind, (2, n, k))
    if draw.rng.random() < 0.5:
        y = draw.array(kind, (n, 2, k))
        return lambda x, y: (x.mT @ y.transpose(1, 2, 0)) * 1.5, (x, y)
    return lambda x, y: (x.mT @ y.mT) * 1.5, (x, y)


def scaled_products(draw):
    stack, m, n, a = draw.pick(((), (2,))), draw.pick((1, 2)), draw.pick((3, 4)), draw.number()
    kind = (draw.pick(("f8", "f4")),)
    x, y = np.abs(draw.array(kind, (*stack, m, 1))), np.abs(draw.array(kind, (*stack, 1, n)))
    f = draw.pick((lambda x, y: (x @ y) * a, lambda x, y: a * (x @ y), lambda x, y: (x @ y) / a))
    return lambda x, y: f(x, y) + np.float32(1.5), (x, y)


def products_of_scaled(draw):
    stack, a = draw.pick(((), (2,))), draw.number((2.0, 3.0, 0.75))
    kind = (draw.pick(("f8", "f4")),)
    x, y = np.abs(draw.array(kind, (*stack, 2, 9))), np.abs(draw.array(kind, (*stack, 9, 1)))
    f = draw.pick((lambda x: x * a, lambda x: a * x, lambda x: x / a))
    if draw.rng.random() < 0.5:
        return lambda x, y: (f(x) @ y) * np.float32(1.5), (x, y)
    return lambda x, y: (y.mT @ f(x).mT.mT.mT) * np.float32(1.5), (x, y)


def summed_multiples(draw):
    shape, axis = draw.pick((((3, 3), 0), ((3, 3), 1), ((2, 3, 4), 1), ((2, 3, 4), (0, 2))))
    kind = (draw.pick(("f8", "f4")),)
    x, y = (np.abs(draw.array(kind, shape)) for _ in range(2))
    c = np.abs(draw.array(kind, np.sum(x, axis, keepdims=True).shape)) + 1
    if draw.rng.random() < 0.3:  # a factor of a product that is read elsewhere too
        return lambda x, y, c: np.sum(x * y, axis) + np.sum((x * c) * y, axis) * 0.5, (x, y, c)
    f = draw.pick((lambda x, c: x * c, lambda x, c: c * x, lambda x, c: x / c, ew.quotient))
    return lambda x, y, c: np.sum(f(x + y, c), axis) * np.float32(1.5), (x, y, c)


def centred(draw):
    shape, axis = draw.pick((((3, 3), 0), ((3, 3), 1), ((2, 3, 4), 1), ((2, 3, 4), (0, 2))))
    kind = (draw.pick(("f8", "f4")),)
    x, w = np.tanh(draw.array(kind, shape)), np.tanh(draw.array(kind, shape))

    def normalized(x):
        y = x - np.mean(x, axis, keepdims=True)
        return np.sum(y / np.sqrt(np.mean(y**2, axis, keepdims=True) + 1.5) * w)

    def standardized(x):
        y = np.var(x, axis, keepdims=True)
        return np.sum((x - np.mean(x, axis, keepdims=True)) / np.sqrt(y + 1.5) * w)

    return fg.grad(draw.pick((normalized, standardized))), (x,)


def positive(draw):
    """Return operands, an axis, and what normalizes exp of the first, or itself, by its sum."""
    kind, shape = (draw.pick(("f8", "f4")),), draw.pick(((3, 3), (2, 4), (2, 3, 3), (1, 5)))
    x, g = (np.tanh(draw.array(kind, shape)) for _ in range(2))
    axis = int(draw.rng.integers(len(shape)))
    return x, g, axis, draw.pick((np.exp, lambda x: 2 + x, np.cosh))


def normalized_slope(draw):
    x, g, axis, f = positive(draw)

    def slope(x, g):
        u = f(x)
        s = np.sum(u, axis, keepdims=True)
        total = ew.neg(np.sum(ew.quotient(g * (u / s), s), axis, keepdims=True))
        return (ew.quotient(g, s) + total) * u

    return slope, (x, g)


def shifted_slope(draw):
    x, g, axis, _ = positive(draw)
    extremum = draw.pick((np.max, np.min))

    def normalized(x, g):
        u = np.exp(x - extremum(x, axis, keepdims=True))
        return np.sum(u / np.sum(u, axis, keepdims=True) * g)

    def logarithm(x, g):
        y = x - extremum(x, axis, keepdims=True)
        return np.sum((y - np.log(np.sum(np.exp(y), axis, keepdims=True))) * g)

    def total(x, g):
        top = extremum(x, axis)
        y = np.log(np.sum(np.exp(x - np.expand_dims(top, axis)), axis))
        return np.sum((y + top) * np.max(g, axis))

    return fg.grad(draw.pick((normalized, logarithm, total))), (x, g)


RULES = {
    "scaled_product": scaled_products,
    "product_of_scaled": products_of_scaled,
    "gradient_of_normalized": normalized_slope,
    "sum_of_multiples": summed_multiples,
    "zero_sum": centred,
    "without_shift": shifted_slope,
    "sum_of_scaled": scaled_sum,
    "sum_of_sum": summed_sum,
    "_negated": negated_factor,
    "reduction_of_transposed": reduced_transpose,
    "cast_of_count": cast_count,
    "_scaled_factor": scaled_factor,
    "reshaped": whole_index,
    "sum_of_products": stacked_products,
    "sum_of_product": sum_of_product,
    "sum_of_squares": sum_of_squares,
    "large_sum_of_product": large_sum_of_product,
    "stack_of_vectors": stacked_vectors,
    "product_of_transposed": transposed_products,
    "same_place": same_place,
    "to_whole": to_whole,
    "to_part": to_part,
    "to_parts": to_parts,
    "to_joined": to_joined,
    "_unrepeated": over_repeated,
    "_division": quotient,
    "_by_number": quotient_by_number,
    "_no_op": no_op,
    "_twice": twice,
    "_reshaped_later": reshaped_later,
    "_without_ones": without_ones,
    "_still_repeated": repeated_again,
    "_moves_ones": moved_ones,
    "_cast_number": cast_of_repeated,
    "sum_of_one": sum_of_one,
    "sum_of_repeated": sum_of_repeated,
    "_same_choice": same_choice,
}


def choice(draw):
    c, x, y = draw.condition(), draw.value(), draw.value()
    return lambda c, x, y: np.where(c, x, y), (c, x, y)


def gated(draw):
    t, c = draw.value(REAL_DTYPES), draw.array("?")
    return lambda t, c: gate(t, c), (t, c)


def hidden(draw):
    t, c = draw.value(REAL_DTYPES), draw.array("?")
    return lambda t, c: hide(t, c), (t, c)


def winning(draw):
    t, x, other = (draw.value(REAL_DTYPES) for _ in range(3))
    return lambda t, x, o: wins(t, x, np.maximum(x, o), o), (t, x, other)


def limited(draw):
    x, low, high = (
        draw.value(("f8", "f4", "i8", "u1")),
        draw.value(("f8", "f4")),
        draw.value(("f8",)),
    )
    return lambda x, low, high: np.clip(x, low, high), (x, low, high)


def power(draw):
    x = draw.value()
    n = draw.pick((0, 1, 2, 3, 5, 0.5, 2.0, 3.0, -1.0, -2, np.float32(2), np.int64(3), True))
    if np.asarray(x).dtype.kind in "iub" and np.asarray(n).dtype.kind == "i":
        n = abs(n)
    if np.asarray(x).dtype.kind == "b" and not np.shape(x):
        x = np.bool_(x)  # its square is int64, an array's without axes int8
    if type(x) in (float, complex):  # whose powers are Python's own: roots of -1, signs of zero
        x = np.asarray(x)[()]
    return lambda x: x**n, (x,)


def products(draw):
    shapes = [((3,), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((1, 2, 2, 3), (3, 1)),
              ((0, 2, 3), (3, 2)), ((5, 2, 3), (5, 3, 2))]  # fmt: skip
    a, b = draw.pick(shapes)
    a, b = draw.array(shape=a), draw.array(shape=b)
    return lambda a, b: a @ b, (a, b)


def einsums(draw):
    text, *shapes = draw.pick(
        [("ij->ji", (2, 3)), ("ij->", (2, 3)), ("i,i->", (3,), (3,)), ("ij,jk->ik", (2, 3), (3, 2)),
         ("bij,bjk->bki", (2, 2, 3), (2, 3, 1)), ("i,j->ij", (2,), (0,)),
         ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), ("ij,ij->i", (2, 3), (2, 3))]
    )  # fmt: skip
    xs = [draw.array(shape=shape) for shape in shapes]
    return lambda *xs: np.einsum(text, *xs), xs


def mean(draw):
    x = draw.value()
    axes = draw.pick((None, *range(np.ndim(x))))
    if not np.size(x):
        x = np.ones((2, 3), x.dtype)
    return lambda x: np.mean(x, axes) if np.ndim(x) > (axes or 0) else np.mean(x), (x,)


def added_at(draw):
    x, v = draw.array(shape=(4,)), draw.array(shape=draw.pick(((), (1,), (2,))))
    if x.dtype.kind != "c":
        v = np.real(v)
    if draw.rng.random() < 0.5:
        index = Index((slice(1, 3),))
        return lambda x, v: add_at_p(x, v, index=index), (x, v)
    places = np.array([0, 0])
    return lambda x, v: add_at_p(x, v, places, index=Index((ARRAY,))), (x, v)


def root(draw):
    x = np.abs(draw.value(REAL_DTYPES))
    return lambda x: ew.root(x), (x,)


def rectified(draw):
    x = draw.value(REAL_DTYPES)
    return lambda x: fg.nn.relu(x), (x,)


def powers(draw):
    x, n = abs(draw.array(("f8",))) + 0.5, draw.array(("f8",), (1,))
    return lambda x, n: ew.power_slope(1, 0, x, n), (x, n)


def logs_of_powers(draw):
    x, n = abs(draw.array(("f8",))) + 0.5, 2.0
    return lambda x: ew.power_log(x**n, x, n), (x,)


def cosines(draw):
    x, y = draw.array(("f8",)), draw.array(("f8",), (1,))
    return lambda x, y: ew.cosine(x, y, np.hypot(x, y)), (x * (x > 0), y * (y > 0))


def nothing(draw):
    x = draw.array(("f8", "f4"))
    return lambda x: absent_p(x, shape=x.shape, dtype=x.dtype) * 1.5, (x,)


def large_angles(function):
    """Return what draws programs of sine or cosine of many angles: at 0, near multiples of pi."""

    def made(draw):
        x = draw.rng.normal(size=(1024,)) * 10.0 ** draw.rng.integers(-9, 12, size=1024)
        x[:8] = 0.0, -0.0, np.pi, np.pi / 2, -3 * np.pi / 2, 1e-300, np.inf, np.nan
        return lambda x: function(x) * 1.5, (x,)

    return made


def passed_on(function):
    """Return what draws programs of a function that gives its operand back."""

    def made(draw):
        x = draw.value()
        return lambda x: function(x) * np.float32(1.5), (x,)

    return made


def logs_of_sums(function):
    """Return what draws programs of the logarithm of a sum of exponentials, or its derivative."""

    def made(draw):
        x, y = draw.value(("f8", "f4", "i4")), draw.value(("f8", "f4"))
        if draw.rng.random() < 0.3:
            x = draw.pick((0.0, -np.inf, 3))
        return function, (x, draw.pick((y, x)))

    return made


def rows_by_rows(draw):
    kind, shape = (
        (draw.pick(("?", "i4", "c16", "i8")),),
        draw.pick(((3,), (2, 3), (2, 1, 2), (0, 2))),
    )
    return primitives["vecdot"], (draw.array(kind, shape), draw.array(kind, shape))


LOWERED = {
    "vecdot": rows_by_rows,
    "sin": large_angles(np.sin),
    "cos": large_angles(np.cos),
    "logaddexp": logs_of_sums(np.logaddexp),
    "share": logs_of_sums(lambda x, y: ew.share(x, y)),
    "name": passed_on(lambda x: fg.checkpoint_name(x, "x")),
    "stop_gradient": passed_on(fg.stop_gradient),
    "debug_cotangent_callback": passed_on(lambda x: fg.debug.callback_cotangent(np.shape, x)),
    "where": choice,
    "gate": gated,
    "hide": hidden,
    "power_slope": powers,
    "power_log": logs_of_powers,
    "cosine": cosines,
    "absent": nothing,
    "wins": winning,
    "clip": limited,
    "pow": power,
    "matmul": products,
    "einsum": einsums,
    "mean": mean,
    "add_at": added_at,
    "root": root,
    "relu": rectified,
}


def identity(row, draw):
    """Return the left side of an identity as a program of X and Y."""
    dtypes = ("?",) if row[0].prim is logical_not and draw.rng.random() < 0.7 else DTYPES
    one = (draw.pick(dtypes),) if draw.rng.random() < 0.7 else dtypes
    a, b = draw.number(), draw.number()

    def left(x, y):
        return evaluated(row[0], {"X": x, "Y": y, "A": a, "B": b})

    return left, (draw.value(one), draw.value(one))


def rows():
    """Return every row of the tables, by name, with what draws programs for it."""
    found = {}
    for i, row in enumerate((*algebra.REAL, *algebra.TABLE)):
        found[f"row {i}"] = functools.partial(identity, row)
    for rule in {
        r for rules in (simplification.ELEMENTWISE, *simplification.RULES.values()) for r in rules
    }:
        found[rule.__name__] = RULES.get(rule.__name__)
    primitives.load()
    for prim in list(primitives.values()):
        if prim.codegen.lower is not None and prim.is_builtin:
            found[f"lower {prim.name}"] = LOWERED.get(prim.name)
    return found


ROWS = rows()
SUMS = (  # in another order, where -0 + 0 = 0; complex powers too
    "lower einsum", "lower matmul", "sum_of_products", "sum_of_product", "sum_of_squares",
    "large_sum_of_product", "stack_of_vectors", "product_of_transposed",
    "scaled_product", "product_of_scaled", "gradient_of_normalized", "without_shift",
    "sum_of_multiples", "zero_sum",
)  # fmt: skip


def named(eqn, rule, args):
    """Return the name of the row that a rule is."""
    if rule is algebra.applied:
        table = (*algebra.REAL, *algebra.TABLE)
        return f"row {next(i for i, row in enumerate(table) if row[0] is args[1])}"
    return rule.__name__ if rule.__name__ in ROWS else f"lower {eqn.prim.name}"


@pytest.fixture
def applied(monkeypatch):
    """Count how often each row replaces an equation."""
    counts, by_rule = Counter(), Builder.by_rule

    def counting(self, eqn, rule, *args, **params):
        found = by_rule(self, eqn, rule, *args, **params)
        if found is not None:
            counts[named(eqn, rule, args)] += 1
        return found

    monkeypatch.setattr(Builder, "by_rule", counting)
    monkeypatch.setattr(shared_sums, "LARGE_SUM", 0)
    monkeypatch.setattr(product_rules, "LARGE_FACTOR", 0)
    monkeypatch.setattr(half_angle, "tan_is_fast", lambda: True)  # as it is by AVX-512
    return counts


def outcome(f, xs):
    """Return the leaves of a result, or the kind of error that it raises."""
    try:
        with np.errstate(all="ignore"):
            return fg.tree.leaves(f(*xs)), None
    except (ArithmeticError, TypeError, ValueError) as err:
        return None, type(err)


def check_compiled(f, xs, told, signs=True):
    want, refused = outcome(f, xs)
    if refused is ZeroDivisionError:  # Python's own, where NumPy warns
        return
    got, failed = outcome(fg.jit(f), xs)
    assert (refused is None) == (failed is None), (told, refused, failed)
    # another order of factors and terms
    assert_same(want or (), got or (), ulps=16, signs=signs, note=told)


def check(name, applied, seeds):
    make = ROWS[name]
    assert make is not None, f"no program makes {name} apply: write one"
    for seed in seeds:
        f, xs = make(Draw(seed))
        signs = name not in SUMS and (name != "lower pow" or np.isrealobj(xs[0]))
        check_compiled(f, xs, f"{name}, seed {seed}, operands {xs}", signs)
    assert applied[name], f"{name} never applied"


@pytest.mark.parametrize("name", ROWS)
def test_a_row_changes_no_value_shape_dtype_or_sign(name, applied):
    check(name, applied, range(40))


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_row_changes_nothing_over_many_programs(name, applied):
    check(name, applied, range(40, 3000))


# rows that changed something

TRUTH = np.array([True, False, True])
NARROW, WORDS = np.array([0.1, 0.2], np.float32), np.array([[True, True], [True, True]])


def chosen(p):
    return np.sum(np.where(TRUTH, p[0], p[0] * 1.0) * p[1])


def chain(a, z):
    return np.einsum("ij,jk,kl->il", a, a, z)


class Scaled(fg.extend.Primitive):
    """``x * by``, of the type that the parameter has."""

    def run(self, x, *, by):
        return (x * by,)

    def infer(self, x, *, by):
        return (fg.extend.aval_of(np.ones(x.shape, x.dtype) * by),)


class Offset(fg.extend.Primitive):
    """An operation whose parameter is called as one of scan's is."""

    def run(self, x, *, num_consts):
        return (x + num_consts,)

    def infer(self, x, *, num_consts):
        return (x,)


scaled, offset = Scaled("scaled_by_a_parameter"), Offset("offset_by_num_consts")
for prim in (scaled, offset):
    del primitives[prim.name]  # other tests look at all that there are

# fmt: off
CHANGED = {
    "a choice of one scalar": (lambda x: np.where(TRUTH, x, x), (2.0,)),
    "its gradient":           (fg.grad(chosen), (np.array([2.0, 3.0]),)),
    "its tangent":            (lambda p: fg.jvp(chosen, (p,), (p,)), (np.array([2.0, 3.0]),)),
    "its batch":              (fg.vmap(lambda x: np.where(TRUTH, x, x * 1.0)), (np.ones(4),)),
    "select":                 (lambda x: np.select([TRUTH], [x], x), (2.0,)),
    "x - (-0.0)":             (lambda x: x - (-0.0), (np.array([-0.0]),)),
    "a sum of one":           (lambda x: [np.sum(x), np.sum(x, axis=())], (np.array(-0.0),)),
    "a sum by BLAS of one":   (lambda x: np.sum(x * 2, axis=0), (np.array([[-0.0]]),)),
    "a sum of a repeated":    (lambda x: np.sum(np.broadcast_to(x, (3,))), (np.array(-0.0),)),
    "a repeated 0.1":         (lambda s, y: repeated(s, (2,)) == y, (0.1, NARROW)),
    "einsum of truths":       (chain, (WORDS, 1j * np.ones((2, 2)))),
    "einsum of bytes":        (chain, (np.full((2, 2), 100, np.int8), np.ones((2, 2)))),
    "equal parameters":       (lambda x: [scaled(x, by=b) for b in (1, 1.0)], (np.arange(3),)),
    "parameters of zero":     (lambda x: [scaled(x, by=by) for by in (0.0, -0.0)], (np.ones(3),)),
    "a parameter's name":     (lambda x: offset(x, num_consts=2), (np.arange(3),)),
}
# fmt: on


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_rewrite_once_changed_is_what_eager_code_gives(name):
    check_compiled(*CHANGED[name], name)


@pytest.mark.parametrize("number", [1e300, -1e300, np.inf, -np.inf])
@pytest.mark.parametrize("function", [np.logaddexp, ew.share], ids=["logaddexp", "share"])
def test_a_number_beyond_the_range_of_a_dtype_is_infinite_in_logs_of_sums(function, number):
    x = np.array([1, np.inf, -np.inf], np.float32)
    for f in (lambda x: function(x, number), lambda x: function(number, x)):
        with np.errstate(over="ignore"):
            got, want = fg.jit(f)(x), f(x)

        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_a_number_for_an_empty_array_is_not_computed():
    f = fg.jit(lambda x: np.concatenate([x / np.zeros(0), np.ones(2) * x]))

    assert f(2.0).tolist() == [2.0, 2.0]  # 2 / 0 would warn, which is an error here
