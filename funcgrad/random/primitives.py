"""Primitives of keys: seed, split, fold_in, and draws of bits and floating numbers.

They take keys with any leading axes, so that their batch rule moves the new axis to the front.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, broadcast_shapes, dtype_of, shape_of
from ..core.companions import Codegen
from ..core.trace import Primitive
from ..ops.index import concatenate_p
from ..ops.special import BLOCK, erfinv
from ..ops.structure import cast, expand_dims, transpose_p
from .arguments import UNSIGNED
from .generator import Generator
from .philox import PHILOX
from .threefry import THREEFRY

GENERATORS: dict[str, Generator] = {"philox": PHILOX, "threefry2x32": THREEFRY}
DEFAULT = "philox"


class KeyPrimitive(Primitive, Codegen):
    """Function of keys with any leading axes, which are those of the results."""

    differentiable = False
    is_new = True

    @override
    def batch(
        self, args: Sequence[Any], axes: Sequence[int | None], size: int, **params: Any
    ) -> tuple[Sequence[Any], Sequence[int | None]]:
        ranks = [self.key_rank(i, x, d) for i, (x, d) in enumerate(zip(args, axes, strict=True))]
        fronted = [
            x if d is None else move_to_front(x, d, max(ranks) - rank)
            for x, d, rank in zip(args, axes, ranks, strict=True)
        ]
        outs = self.bind(*fronted, **params)
        return outs, [0] * len(outs)

    def key_rank(self, i: int, x: Any, axis: int | None) -> int:
        """Number of an operand's axes of keys, without the batch axis."""
        return len(shape_of(x)) - (i == 0) - (axis is not None)


def move_to_front(x: Any, axis: int, missing: int) -> Any:
    """``x`` with this axis first, followed by ``missing`` axes of length 1."""
    rest = (d for d in range(len(shape_of(x))) if d != axis)
    return expand_dims(transpose_p(x, perm=(axis, *rest)), tuple(range(1, 1 + missing)))


class Seed(KeyPrimitive):
    """Words of the keys from seeds."""

    @override
    def run(self, seeds: Any, *, impl: str) -> tuple[Any, ...]:
        seeds = np.asarray(seeds)
        keys = GENERATORS[impl].seed(seeds.astype(np.uint64).reshape(-1))
        return (keys.reshape(*seeds.shape, 2),)

    def decompose(self, seeds: Any, *, impl: str) -> Any:
        seeds = cast(seeds, np.uint64)
        if impl == "philox":
            words: Any = seeds, np.zeros(shape_of(seeds), np.uint64)
        else:
            words = cast(seeds >> np.uint64(32), np.uint32), cast(seeds, np.uint32)
        rank = len(shape_of(seeds))
        return (concatenate_p(*(expand_dims(w, (rank,)) for w in words), axis=rank),)

    @override
    def infer(self, seeds: Aval, *, impl: str) -> tuple[Aval, ...]:
        return (Aval((*seeds.shape, 2), GENERATORS[impl].words),)

    @override
    def key_rank(self, i: int, x: Any, axis: int | None) -> int:
        return len(shape_of(x)) - (axis is not None)


class Split(KeyPrimitive):
    """Children of each key, with axes ``shape``."""

    in_c = staticmethod(lambda w, keys, **params: w.random_split(keys, **params))

    @override
    def run(self, keys: Any, *, shape: Shape, impl: str) -> tuple[Any, ...]:
        children = GENERATORS[impl].split(keys.reshape(-1, 2), math.prod(shape))
        return (children.reshape(*keys.shape[:-1], *shape, 2),)

    @override
    def infer(self, keys: Aval, *, shape: Shape, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape, 2), keys.dtype),)


class FoldIn(KeyPrimitive):
    """Keys folded with integers, which broadcast."""

    in_c = staticmethod(lambda w, keys, data, **params: w.random_fold_in(keys, data, **params))

    @override
    def run(self, keys: Any, data: Any, *, impl: str) -> tuple[Any, ...]:
        data = np.asarray(data).astype(np.uint64)
        shape = broadcast_shapes(keys.shape[:-1], data.shape)
        keys = np.broadcast_to(keys, (*shape, 2)).reshape(-1, 2)
        folded = GENERATORS[impl].fold_in(keys, np.broadcast_to(data, shape).reshape(-1))
        return (folded.reshape(*shape, 2),)

    @override
    def infer(self, keys: Aval, data: Aval, *, impl: str) -> tuple[Aval, ...]:
        return (Aval((*broadcast_shapes(keys.shape[:-1], data.shape), 2), keys.dtype),)


class Bits(KeyPrimitive):
    """Array of random unsigned integers for each key."""

    in_c = staticmethod(lambda w, keys, **params: w.random_bits(keys, **params))

    @override
    def run(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Any, ...]:
        drawn = GENERATORS[impl].bits(keys.reshape(-1, 2), math.prod(shape), dtype)
        return (drawn.reshape((*keys.shape[:-1], *shape)),)

    @override
    def infer(self, keys: Aval, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape), dtype),)


class FloatDraw(KeyPrimitive):
    """Array of floating numbers for each key, made in place by ``law(u)`` from a uniform u.

    The bits are the mantissa of a number in [1, 2), from which 1 is subtracted: u is a multiple of
    eps, the same on every machine.
    """

    def __init__(
        self, name: str, law: Callable[[np.ndarray], None], anew: Callable[[Any], Any]
    ) -> None:
        super().__init__(name)
        self.law = law
        self.anew = anew  # the law as a function of arrays or tracers

    @override
    def run(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Any, ...]:
        unsigned = UNSIGNED[dtype.itemsize]
        drawn = GENERATORS[impl].bits(keys.reshape(-1, 2), math.prod(shape), unsigned)
        flat = drawn.reshape(-1)
        info, one = np.finfo(dtype), np.ones((), dtype).view(unsigned)
        for i in range(0, flat.size, BLOCK):  # blocks, so that memory is written once
            part = flat[i : i + BLOCK]
            part >>= unsigned.type(info.bits - info.nmant)
            part |= one
            values = part.view(dtype)
            values -= 1
            self.law(values)
        return (flat.view(dtype).reshape((*keys.shape[:-1], *shape)),)

    def decompose(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> Any:
        unsigned, info = UNSIGNED[dtype.itemsize], np.finfo(dtype)
        bits = bits_p(keys, shape=shape, dtype=unsigned, impl=impl)
        steps = cast(bits >> unsigned.type(info.bits - info.nmant), dtype)
        return (self.anew(steps * dtype.type(2.0**-info.nmant)),)

    @override
    def infer(self, keys: Aval, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape), dtype),)


def _uniform(u: np.ndarray) -> None:
    """No change: u is uniform."""


def _normal(u: np.ndarray) -> None:
    """Replace u by sqrt(2) erfinv of a number in (-1, 1)."""
    u *= 2
    u -= 1 - np.finfo(u.dtype).epsneg  # so JAX rounds minval + u (maxval - minval)
    np.multiply(erfinv.function(u), math.sqrt(2), u)


def _normal_of(u: Any) -> Any:
    return erfinv(u * 2 - (1 - np.finfo(dtype_of(u)).epsneg)) * math.sqrt(2)


seed_p = Seed("random_seed")
split_p = Split("random_split")
fold_in_p = FoldIn("random_fold_in")
bits_p = Bits("random_bits")
uniform_p = FloatDraw("random_uniform", _uniform, lambda u: u)
normal_p = FloatDraw("random_normal", _normal, _normal_of)
