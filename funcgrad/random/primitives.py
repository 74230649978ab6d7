"""The primitives of randomness: what a generator makes of keys, whose words may be traced.

Each takes keys with any leading axes, which is also its rule for one more.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, broadcast_shapes, shape_of
from ..core.companions import Codegen
from ..core.trace import Primitive
from ..ops.special import BLOCK, erfinv
from ..ops.structure import expand_dims, transpose_p
from .arguments import UNSIGNED
from .generator import Generator
from .philox import PHILOX
from .threefry import THREEFRY

GENERATORS: dict[str, Generator] = {"philox": PHILOX, "threefry2x32": THREEFRY}
DEFAULT = "philox"


class OfKeys(Primitive, Codegen):
    """A function of keys with any leading axes, to which those of the results correspond."""

    differentiable = False
    is_new = True

    @override
    def batch(
        self, args: Sequence[Any], axes: Sequence[int | None], size: int, **params: Any
    ) -> tuple[Sequence[Any], Sequence[int | None]]:
        ranks = [self.key_rank(i, x, d) for i, (x, d) in enumerate(zip(args, axes, strict=True))]
        fronted = [
            x if d is None else to_front(x, d, max(ranks) - rank)
            for x, d, rank in zip(args, axes, ranks, strict=True)
        ]
        outs = self.bind(*fronted, **params)
        return outs, [0] * len(outs)

    def key_rank(self, i: int, x: Any, axis: int | None) -> int:
        """Return how many of an operand's axes count keys, apart from the batch."""
        return len(shape_of(x)) - (i == 0) - (axis is not None)


def to_front(x: Any, axis: int, missing: int) -> Any:
    """Return ``x`` with this axis first, and then as many of length 1 as are missing."""
    rest = (d for d in range(len(shape_of(x))) if d != axis)
    return expand_dims(transpose_p(x, perm=(axis, *rest)), tuple(range(1, 1 + missing)))


class Seed(OfKeys):
    """Return the words of the keys of these seeds."""

    @override
    def run(self, seeds: Any, *, impl: str) -> tuple[Any, ...]:
        seeds = np.asarray(seeds)
        keys = GENERATORS[impl].seed(seeds.astype(np.uint64).reshape(-1))
        return (keys.reshape(*seeds.shape, 2),)

    @override
    def infer(self, seeds: Aval, *, impl: str) -> tuple[Aval, ...]:
        return (Aval((*seeds.shape, 2), GENERATORS[impl].words),)

    @override
    def key_rank(self, i: int, x: Any, axis: int | None) -> int:
        return len(shape_of(x)) - (axis is not None)


class Split(OfKeys):
    """Return each key's children, in the shape ``shape``."""

    @override
    def run(self, keys: Any, *, shape: Shape, impl: str) -> tuple[Any, ...]:
        children = GENERATORS[impl].split(keys.reshape(-1, 2), math.prod(shape))
        return (children.reshape(*keys.shape[:-1], *shape, 2),)

    @override
    def infer(self, keys: Aval, *, shape: Shape, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape, 2), keys.dtype),)


class FoldIn(OfKeys):
    """Return the keys made of keys and integers, which broadcast."""

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


class Bits(OfKeys):
    """Return for each key an array of unsigned integers, all of whose bits are random."""

    @override
    def run(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Any, ...]:
        drawn = GENERATORS[impl].bits(keys.reshape(-1, 2), math.prod(shape), dtype)
        return (drawn.reshape((*keys.shape[:-1], *shape)),)

    @override
    def infer(self, keys: Aval, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape), dtype),)


class Draw(OfKeys):
    """Return for each key an array of floating numbers; ``law(u)`` makes them, in place.

    The bits become the mantissa of a number in [1, 2), from which 1 is taken: u has even steps
    of the mantissa's last bit, the same on every machine.
    """

    def __init__(self, name: str, law: Callable[[np.ndarray], None]) -> None:
        super().__init__(name)
        self.law = law

    @override
    def run(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Any, ...]:
        unsigned = UNSIGNED[dtype.itemsize]
        drawn = GENERATORS[impl].bits(keys.reshape(-1, 2), math.prod(shape), unsigned)
        flat = drawn.reshape(-1)
        info, one = np.finfo(dtype), np.ones((), dtype).view(unsigned)
        for i in range(0, flat.size, BLOCK):  # so that memory is written once
            part = flat[i : i + BLOCK]
            part >>= unsigned.type(info.bits - info.nmant)
            part |= one
            numbers = part.view(dtype)
            numbers -= 1
            self.law(numbers)
        return (flat.view(dtype).reshape((*keys.shape[:-1], *shape)),)

    @override
    def infer(self, keys: Aval, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape), dtype),)


def _uniform(u: np.ndarray) -> None:
    """Leave u as it is."""


def _normal(u: np.ndarray) -> None:
    """Replace u by sqrt(2) erfinv of a number in (-1, 1)."""
    u *= 2
    u -= 1 - np.finfo(u.dtype).epsneg  # so JAX rounds minval + u (maxval - minval)
    np.multiply(erfinv.function(u), math.sqrt(2), u)


seed_p = Seed("random_seed")
split_p = Split("random_split")
fold_in_p = FoldIn("random_fold_in")
bits_p = Bits("random_bits")
uniform_p = Draw("random_uniform", _uniform)
normal_p = Draw("random_normal", _normal)
