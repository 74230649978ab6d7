"""Permutations, choices and categories."""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, aval_of, dtype_of, is_arraylike, shape_of
from ..core.companions import Codegen
from ..core.errors import DtypeError, ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from ..core.trace import Primitive, Tracer
from ..ops.compare import gt
from ..ops.elementwise import add, log, mul, neg, sub, where
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.operand import asarray, stacked
from ..ops.reduce import argmax_p, argsort_p, axis_of
from ..ops.search import bisect
from ..ops.structure import (
    Batched,
    axis_to_front,
    batch_at_front,
    cast,
    cumsum_p,
    reshape,
    transpose_p,
    upcast,
)
from .arguments import RangeError, ShapeLike, as_shape, broadcasts_to, check_mode, known
from .draws import bits, gumbel, matches_jax, randint, uniform
from .keys import Key, check_single, split


class StableOrder(Primitive, Codegen):
    """Stable argsort of 32-bit integers along one axis."""

    differentiable = False

    @override
    def run(self, x: Any, *, axis: int) -> tuple[Any, ...]:
        # one sort of (value, index) as 64 bits: 7 times faster than a stable argsort
        shape = [1] * x.ndim
        shape[axis] = -1
        positions = np.arange(x.shape[axis], dtype=np.uint64).reshape(shape)
        pairs = (x.astype(np.uint64) << 32) | positions
        pairs.sort(axis)
        pairs &= 0xFFFFFFFF
        return (pairs.view(np.int64).astype(np.intp, copy=False),)

    def in_c(self, w: Any, x: Any, *, axis: int) -> Any:
        return w.argsort(x, axis, "stable")

    def decompose(self, x: Any, *, axis: int) -> Any:
        return argsort_p.bind(x, axis=axis, kind="stable")

    @override
    def infer(self, x: Aval, *, axis: int) -> tuple[Aval, ...]:
        return (Aval(x.shape, np.dtype(np.intp)),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, axis: int) -> Batched:
        return self.bind(axis_to_front(args[0], axes[0]), axis=axis + 1), (0,)


class Search(Primitive, Codegen):
    """Indices of the second operand's elements in the first operand, which is sorted."""

    differentiable = False

    @override
    def run(self, steps: Any, x: Any) -> tuple[Any, ...]:
        return (np.asarray(np.searchsorted(steps, x)),)

    def in_c(self, w: Any, steps: Any, x: Any) -> Any:
        return w.searchsorted(steps, x, "left")

    def decompose(self, steps: Any, x: Any) -> Any:
        return (bisect(steps, x, "left"),)

    @override
    def infer(self, steps: Aval, x: Aval) -> tuple[Aval, ...]:
        return (Aval(x.shape, np.dtype(np.intp)),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        if axes[0] is None:
            return self.bind(*args), (axes[1],)
        # a loop, because np.searchsorted takes one sorted array at a time
        steps, x = (batch_at_front(v, d, size) for v, d in zip(args, axes, strict=True))
        one = lambda v, i: getitem_p(v, index=Index((i,)))
        if size == 0:
            return (np.zeros(shape_of(x), np.intp),), (0,)
        return (stacked([self(one(steps, i), one(x, i)) for i in range(size)]),), (0,)


stable_order_p = StableOrder("random_order")
search_p = Search("random_search")


@answering
def permutation(key: Key, x: Any, axis: int = 0, independent: bool = False) -> Any:
    """Random permutation of an array, or of the integers in [0, x).

    Args:
        key: a single key.
        x: array, or an integer.
        axis: axis to permute.
        independent: whether to permute each vector along the axis independently.

    >>> from funcgrad.random import key
    >>> print(permutation(key(0), 5))
    [2 3 0 4 1]
    """
    who = "random.permutation"
    key, x = check_single(who, key), _population(who, x)
    if not shape_of(x):
        return _random_order(key, (int(x),), 0)
    axis = axis_of(axis, len(shape_of(x)))
    if not independent:
        return _take(x, _random_order(key, (shape_of(x)[axis],), 0), axis)
    return _take_along(x, _random_order(key, shape_of(x), axis), axis)


@answering
def choice(
    key: Key,
    a: Any,
    shape: ShapeLike = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: str | None = None,
) -> Any:
    """Random elements of an array.

    Args:
        key: a single key.
        a: array, or an integer n for the integers in [0, n).
        shape: shape of the sample; in the result it replaces ``axis``.
        replace: whether an element may be chosen more than once.
        p: weights of the elements, shape [n], nonnegative, not necessarily normalized.
        axis: axis of ``a`` along which elements are chosen.
        mode: of the Gumbel noise for weighted samples without replacement, see ``gumbel``.

    Raises:
        RangeError: if there are too few elements, or a weight is negative.

    >>> from funcgrad.random import key
    >>> print(choice(key(0), 10, (3,), replace=False))
    [2 8 6]
    """
    who, mode = "random.choice", check_mode("random.choice", mode)
    key, shape, a = check_single(who, key), as_shape(who, shape), _population(who, a)
    whole = shape_of(a)
    axis = axis_of(axis, len(whole)) if whole else 0
    n, num = whole[axis] if whole else int(a), math.prod(shape)
    if num and not n:
        raise RangeError(f"{who}: a must not be empty: got {aval_of(a)} along axis {axis}")
    weights = None if p is None else _weights(who, p, n, 0 if replace else num)
    if not replace and num > n:
        raise RangeError(
            f"{who}: too few elements without replacement: got {n} for {num}; pass replace=True"
        )
    picks = cast(_random_indices(key, n, shape, replace, weights, mode), np.intp)
    return _take(a, picks, axis) if whole else picks


@answering
def categorical(
    key: Key,
    logits: Any,
    axis: int = -1,
    shape: ShapeLike | None = None,
    replace: bool = True,
    mode: str | None = None,
) -> Any:
    """Samples of categories with probabilities ``softmax(logits, axis)``.

    Args:
        key: a single key.
        logits: unnormalized log-probabilities.
        axis: axis of the categories.
        shape: shape of the result, by default that of ``logits`` without ``axis``; axes before
            those are repeated samples.
        replace: whether repeated samples may be equal.
        mode: of the Gumbel noise, see ``gumbel``.

    Source: the Gumbel-max and Gumbel-top-k tricks; Kool et al. 2019, section 2.3
    (arXiv:1903.06059).

    >>> from funcgrad.random import key
    >>> print(categorical(key(0), np.log([0.1, 0.9]), shape=(6,)))
    [1 1 1 1 1 1]
    """
    who = "random.categorical"
    key = check_single(who, key)
    logits = asarray(logits)
    if dtype_of(logits).kind != "f":
        raise DtypeError(
            f"{who}: the logits must be floating: got {aval_of(logits)}; write np.log(p)"
        )
    if not matches_jax(key):
        logits = upcast(logits)  # noise in float16 has ties
    axis = axis_of(axis, len(shape_of(logits)))
    whole = shape_of(logits)
    batch = (*whole[:axis], *whole[axis + 1 :])
    shape = batch if shape is None else as_shape(who, shape)
    lead = len(shape) - len(batch)
    if lead < 0 or not broadcasts_to(batch, shape[lead:]):
        raise ShapeError(
            f"{who}: shape must end in the shape of logits without axis {axis}, "
            f"{batch}: got {shape}"
        )
    if replace:
        drawn = list(shape)
        drawn.insert(lead + axis, whole[axis])
        noise = gumbel(key, drawn, dtype_of(logits), mode)
        return argmax_p(add(noise, logits), axis=lead + axis)
    num = math.prod(shape[:lead])
    if num > whole[axis]:
        raise RangeError(
            f"{who}: too few categories for replace=False: got {whole[axis]} for {num}"
        )
    scores = add(logits, gumbel(key, whole, dtype_of(logits), mode))
    best = _largest(scores, num, axis)
    return reshape(_moved_to_front(best, axis), shape)


def _random_order(key: Key, shape: Shape, axis: int) -> Any:
    """Random order along one axis, by sorting random integers of 32 bits.

    Collisions are resolved by sorting again with new integers, in 3 log(size) / log(2**32) rounds
    as in JAX.
    """
    size = max(1, math.prod(shape))
    order: Any = None
    for _ in range(math.ceil(3 * math.log(size) / math.log(2**32 - 1))):
        key, subkey = split(key)
        by = stable_order_p(bits(subkey, shape), axis=axis)
        order = by if order is None else _take_along(order, by, axis)
    if order is None:  # at most one element
        order = np.zeros(shape, np.intp)
    return order


def _take_along(x: Any, positions: Any, axis: int) -> Any:
    """Elements of ``x`` at indices along an axis, matched along the others."""
    lines: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape_of(x))])
    lines[axis] = positions
    return getitem_p(x, *lines, index=Index([ARRAY] * len(lines)))


def _take(x: Any, positions: Any, axis: int) -> Any:
    return getitem_p(x, positions, index=Index((*[slice(None)] * axis, ARRAY)))


def _random_indices(
    key: Key, n: int, shape: Shape, replace: bool, weights: Any, mode: str | None
) -> Any:
    """Random indices in [0, n)."""
    num = math.prod(shape)
    if not num:
        return np.zeros(shape, np.intp)
    if weights is None and replace:
        return randint(key, shape, 0, n, np.int32 if n < 2**31 else np.int64)
    if weights is None:
        first = getitem_p(_random_order(key, (n,), 0), index=Index((slice(0, num),)))
        return reshape(first, shape)
    if replace:
        if not matches_jax(key):
            weights = cast(weights, np.dtype(float))  # a sum in float32 loses small weights
        steps = cumsum_p(weights, axis=0, reverse=False)
        u = uniform(key, shape, dtype_of(weights))
        total = getitem_p(steps, index=Index((n - 1,)))
        return search_p(steps, mul(total, sub(1, u)))
    positive = gt(weights, 0)
    logs = where(positive, log(where(positive, weights, 1)), -np.inf)
    scores = add(gumbel(key, (n,), dtype_of(weights), mode), logs)
    return reshape(_largest(scores, num, 0), shape)


def _largest(x: Any, num: int, axis: int) -> Any:
    """Indices of the ``num`` largest elements, in descending order."""
    order = argsort_p(neg(x), axis=axis, kind="stable")
    return getitem_p(order, index=Index((*[slice(None)] * axis, slice(0, num))))


def _moved_to_front(x: Any, axis: int) -> Any:
    rest = (d for d in range(len(shape_of(x))) if d != axis)
    return transpose_p(x, perm=(axis, *rest))


def _population(who: str, x: Any) -> Any:
    """Array of at least one axis, or one known nonnegative integer."""
    x = asarray(x if is_arraylike(x) else whole(x))
    if shape_of(x):
        return x
    if isinstance(x, Tracer) or x.dtype.kind not in "iu":
        raise DtypeError(
            f"{who}: the population must be an array or a concrete integer: got {aval_of(x)}; "
            f"write int(n) for the integers below n"
        )
    if x < 0:
        raise RangeError(
            f"{who}: the number of integers must be nonnegative: got {x}; give n of at least 0"
        )
    return x


def _weights(who: str, p: Any, n: int, num: int) -> Any:
    """Weights of n elements, of which at least ``num`` are positive."""
    p = asarray(p)
    if dtype_of(p).kind != "f":
        p = cast(p, np.float32)
    if shape_of(p) != (n,):
        raise ShapeError(f"{who}: p must have shape [{n}]: got {aval_of(p)}; give one for each")
    value = known(p)
    if value is not None:
        if not (np.all(value >= 0) and 0 < value.sum() < np.inf):
            raise RangeError(f"{who}: p must be finite, nonnegative, and not all 0: got {value}")
        if np.count_nonzero(value) < num:
            raise RangeError(
                f"{who}: too few elements have a positive weight: got "
                f"{np.count_nonzero(value)} for {num} without replacement"
            )
    return p
