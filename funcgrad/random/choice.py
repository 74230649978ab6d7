"""Draws from things that are given: permutations, choices, categories."""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import whole
from ..core.trace import Primitive, Tracer
from ..ops.compare import gt
from ..ops.elementwise import add, log, mul, neg, sub, where
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.operand import asarray, stacked
from ..ops.reduce import argmax_p, argsort_p, axis_of
from ..ops.search import bisected
from ..ops.structure import Batched, cast, cumsum_p, front, reshape, stretched, transpose_p, widened
from .arguments import RangeError, ShapeLike, as_shape, fits, known, mode_of
from .draws import bits, gumbel, is_jaxs, randint, uniform
from .keys import Key, single, split


class StableOrder(Primitive):
    """Where along one axis the numbers of 32 bits stand in order, equal ones in place."""

    differentiable = False

    @override
    def run(self, x: Any, *, axis: int) -> tuple[Any, ...]:
        # one sort of (number, position) as 64 bits: 7 times faster than a stable argsort
        shape = [1] * x.ndim
        shape[axis] = -1
        positions = np.arange(x.shape[axis], dtype=np.uint64).reshape(shape)
        pairs = (x.astype(np.uint64) << 32) | positions
        pairs.sort(axis)
        pairs &= 0xFFFFFFFF
        return (pairs.view(np.int64).astype(np.intp, copy=False),)

    def decompose(self, x: Any, *, axis: int) -> Any:
        return argsort_p.bind(x, axis=axis, kind="stable")

    @override
    def infer(self, x: Aval, *, axis: int) -> tuple[Aval, ...]:
        return (Aval(x.shape, np.dtype(np.intp)),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, axis: int) -> Batched:
        return self.bind(front(args[0], axes[0]), axis=axis + 1), (0,)


class Search(Primitive):
    """Where the second operand's numbers stand in the first, which is sorted."""

    differentiable = False

    @override
    def run(self, steps: Any, x: Any) -> tuple[Any, ...]:
        return (np.asarray(np.searchsorted(steps, x)),)

    def decompose(self, steps: Any, x: Any) -> Any:
        return (bisected(steps, x, "left"),)

    @override
    def infer(self, steps: Aval, x: Aval) -> tuple[Aval, ...]:
        return (Aval(x.shape, np.dtype(np.intp)),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        if axes[0] is None:
            return self.bind(*args), (axes[1],)
        # a loop, because np.searchsorted knows one sorted array at a time
        steps, x = (stretched(v, d, size) for v, d in zip(args, axes, strict=True))
        one = lambda v, i: getitem_p(v, index=Index((i,)))
        return (stacked([self(one(steps, i), one(x, i)) for i in range(size)]),), (0,)


stable_order_p = StableOrder("random_order")
search_p = Search("random_search")


def permutation(key: Key, x: Any, axis: int = 0, independent: bool = False) -> Any:
    """Return an array in random order, or the integers below ``x`` if it is one.

    Args:
        key: a single key.
        x: an array, or how many integers from 0.
        axis: the axis to reorder.
        independent: whether each line along the axis gets an order of its own.

    >>> from funcgrad.random import key
    >>> print(permutation(key(0), 5))
    [2 3 0 4 1]
    """
    who = "random.permutation"
    key, x = single(who, key), _population(who, x)
    if not shape_of(x):
        return _order(key, (int(x),), 0)
    axis = axis_of(axis, len(shape_of(x)))
    if not independent:
        return _take(x, _order(key, (shape_of(x)[axis],), 0), axis)
    return _take_along(x, _order(key, shape_of(x), axis), axis)


def choice(
    key: Key,
    a: Any,
    shape: ShapeLike = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: str | None = None,
) -> Any:
    """Return elements picked at random from an array.

    Args:
        key: a single key.
        a: the array, or an integer n for the integers below it.
        shape: how many, in which shape; in the result it replaces the axis.
        replace: whether an element may be picked more than once.
        p: the weights of the elements, shape [n], not negative; they need not add up to 1.
        axis: the axis of ``a`` that is picked from.
        mode: of the Gumbel noise by which weighted elements are picked once, see ``gumbel``.

    Raises:
        RangeError: if there are too few elements, or a weight is negative.

    >>> from funcgrad.random import key
    >>> print(choice(key(0), 10, (3,), replace=False))
    [2 8 6]
    """
    who, mode = "random.choice", mode_of("random.choice", mode)
    key, shape, a = single(who, key), as_shape(who, shape), _population(who, a)
    whole = shape_of(a)
    axis = axis_of(axis, len(whole)) if whole else 0
    n, num = whole[axis] if whole else int(a), math.prod(shape)
    if num and not n:
        raise RangeError(f"{who}: nothing to pick from: got {aval_of(a)} along axis {axis}")
    weights = None if p is None else _weights(who, p, n, 0 if replace else num)
    if not replace and num > n:
        raise RangeError(
            f"{who}: too few elements: got {n} for {num} picks; pass replace=True, or pick fewer"
        )
    picks = cast(_picks(key, n, shape, replace, weights, mode), np.intp)
    return _take(a, picks, axis) if whole else picks


def categorical(
    key: Key,
    logits: Any,
    axis: int = -1,
    shape: ShapeLike | None = None,
    replace: bool = True,
    mode: str | None = None,
) -> Any:
    """Return categories, drawn with the probabilities ``softmax(logits, axis)``.

    Args:
        key: a single key.
        logits: logarithms of weights that need not add up to 1.
        axis: the axis of the categories.
        shape: the shape of the result, which ends in that of ``logits`` without the axis
            (None); the lengths before are repetitions.
        replace: whether the repetitions may agree.
        mode: how far the Gumbel noise reaches, see ``gumbel``.

    Source: the Gumbel-max and Gumbel-top-k tricks; Kool et al. 2019, section 2.3
    (arXiv:1903.06059).

    >>> from funcgrad.random import key
    >>> print(categorical(key(0), np.log([0.1, 0.9]), shape=(6,)))
    [1 1 1 1 1 1]
    """
    who = "random.categorical"
    key = single(who, key)
    logits = asarray(logits)
    if dtype_of(logits).kind != "f":
        raise DtypeError(f"{who}: the logits must be floating: got {aval_of(logits)}")
    if not is_jaxs(key):
        logits = widened(logits)  # noise in float16 would tie
    axis = axis_of(axis, len(shape_of(logits)))
    whole = shape_of(logits)
    batch = (*whole[:axis], *whole[axis + 1 :])
    shape = batch if shape is None else as_shape(who, shape)
    lead = len(shape) - len(batch)
    if lead < 0 or not fits(batch, shape[lead:]):
        raise ShapeError(
            f"{who}: the shape must end in that of the logits without their axis {axis}, "
            f"{batch}: got {shape}"
        )
    if replace:
        drawn = list(shape)
        drawn.insert(lead + axis, whole[axis])
        noise = gumbel(key, drawn, dtype_of(logits), mode)
        return argmax_p(add(noise, logits), axis=lead + axis)
    num = math.prod(shape[:lead])
    if num > whole[axis]:
        raise RangeError(f"{who}: too few categories: got {whole[axis]} for {num} without repeats")
    scores = add(logits, gumbel(key, whole, dtype_of(logits), mode))
    best = _largest(scores, num, axis)
    return reshape(_moved_to_front(best, axis), shape)


def _order(key: Key, shape: Shape, axis: int) -> Any:
    """Return a random order along one axis, by sorting random numbers of 32 bits.

    They may collide; sorting the result again, by new numbers, leaves only what collides each
    time. JAX takes 3 log(size) / log(2**32) rounds; so do we.
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
    """Return ``x`` with each line along the axis read at its own positions."""
    lines: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape_of(x))])
    lines[axis] = positions
    return getitem_p(x, *lines, index=Index([ARRAY] * len(lines)))


def _take(x: Any, positions: Any, axis: int) -> Any:
    return getitem_p(x, positions, index=Index((*[slice(None)] * axis, ARRAY)))


def _picks(key: Key, n: int, shape: Shape, replace: bool, weights: Any, mode: str | None) -> Any:
    """Return positions below n."""
    num = math.prod(shape)
    if not num:
        return np.zeros(shape, np.intp)
    if weights is None and replace:
        return randint(key, shape, 0, n, np.int32 if n < 2**31 else np.int64)
    if weights is None:
        first = getitem_p(_order(key, (n,), 0), index=Index((slice(0, num),)))
        return reshape(first, shape)
    if replace:
        if not is_jaxs(key):
            weights = cast(weights, np.dtype(float))  # a sum in float32 loses the rare
        steps = cumsum_p(weights, axis=0, reverse=False)
        u = uniform(key, shape, dtype_of(weights))
        total = getitem_p(steps, index=Index((n - 1,)))
        return search_p(steps, mul(total, sub(1, u)))
    positive = gt(weights, 0)
    logs = where(positive, log(where(positive, weights, 1)), -np.inf)
    scores = add(gumbel(key, (n,), dtype_of(weights), mode), logs)
    return reshape(_largest(scores, num, 0), shape)


def _largest(x: Any, num: int, axis: int) -> Any:
    """Return the positions of the ``num`` largest, the largest first."""
    order = argsort_p(neg(x), axis=axis, kind="stable")
    return getitem_p(order, index=Index((*[slice(None)] * axis, slice(0, num))))


def _moved_to_front(x: Any, axis: int) -> Any:
    rest = (d for d in range(len(shape_of(x))) if d != axis)
    return transpose_p(x, perm=(axis, *rest))


def _population(who: str, x: Any) -> Any:
    """Return an array of at least one axis, or one known integer that is not negative."""
    x = asarray(x if is_arraylike(x) else whole(x))
    if shape_of(x):
        return x
    if isinstance(x, Tracer) or x.dtype.kind not in "iu":
        raise DtypeError(
            f"{who}: an array, or how many integers, is needed: got {aval_of(x)}"
            + ("; a count must not be traced" if isinstance(x, Tracer) else "")
        )
    if x < 0:
        raise RangeError(f"{who}: the number of integers is not negative: got {x}")
    return x


def _weights(who: str, p: Any, n: int, num: int) -> Any:
    """Return the weights of n elements, of which at least ``num`` are positive."""
    p = asarray(p)
    if dtype_of(p).kind != "f":
        p = cast(p, np.float32)
    if shape_of(p) != (n,):
        raise ShapeError(f"{who}: p must have one weight an element, {n}: got {aval_of(p)}")
    value = known(p)
    if value is not None:
        if not (np.all(value >= 0) and 0 < value.sum() < np.inf):
            raise RangeError(f"{who}: weights are finite, not negative, and not all 0: got {value}")
        if np.count_nonzero(value) < num:
            raise RangeError(
                f"{who}: too few elements have a positive weight: got "
                f"{np.count_nonzero(value)} for {num} picks without replacement"
            )
    return p
