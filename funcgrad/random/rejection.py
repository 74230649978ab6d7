"""Rejection sampling: primitives of keys and parameters.

Each round proposes a value for every pending element from two uniform numbers, and accepts it or
not. Round r of a key reads the stream of ``fold_in(key, r)``: pending elements take its pairs of
words in order. So the samples depend on the key, the parameters and the shape alone, also in a
batch of keys.
"""

import itertools
import math
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ..control.loops import while_loop
from ..core.avals import Aval, Shape, aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.companions import Dependence
from ..core.errors import DtypeError
from ..ops.dependences import Ins, Outs, Sets, union
from ..ops.elementwise import maximum, mul, where
from ..ops.families import broadcast_like, unbroadcast
from ..ops.kernels import BLOCK, flattened
from ..ops.reduce import gather_along_axis
from ..ops.structure import Batched, broadcast_to, cast, cumsum_p, reshape
from .arguments import UNSIGNED
from .generator import Generator
from .primitives import GENERATORS, KeyPrimitive, bits_p, fold_in_p, move_to_front


class Rejection(KeyPrimitive):
    """Array of samples for each key; the parameters have its shape, after batch axes.

    A subclass defines ``attempt(u, v, *params, **rest) -> samples, accepted`` for uniform numbers
    in (0, 1). For parameters out of range it must accept.
    """

    at_once: ClassVar[bool] = False  # True: it accepts all that it proposes

    def attempt(self, u: Any, v: Any, *params: Any, **rest: Any) -> tuple[Any, Any]:
        raise self.missing("attempt")

    def working(self, dtype: np.dtype) -> np.dtype:
        """Dtype of the uniform numbers and the samples before the final cast."""
        return np.dtype(np.float64)

    @override
    def run(
        self, keys: Any, *params: Any, shape: Shape, dtype: np.dtype, impl: str, **rest: Any
    ) -> tuple[Any, ...]:
        check_real(self.name, params)
        keys, whole, flat = flat_operands(keys, params, shape)
        dtype_in = self.working(dtype)
        out = np.empty(math.prod(whole), dtype_in)
        with np.errstate(all="ignore"):  # parameters may be at the ends of their range
            self.fill(out, GENERATORS[impl], keys, flat, **rest)
            self.finish(out, GENERATORS[impl], keys, flat, **rest)
            return (as_dtype(out, dtype).reshape(whole),)

    def decompose(
        self, keys: Any, *params: Any, shape: Shape, dtype: np.dtype, impl: str, **rest: Any
    ) -> Any:
        keys, alike = spread(keys, params, shape)
        whole, n = (*shape_of(keys)[:-1], *shape), math.prod(shape)
        rows, kind = (*shape_of(keys)[:-1], n), self.working(dtype)
        given = [cast(reshape(p, rows), kind) for p in alike]

        def step(state: Any) -> Any:
            r, out, pending = state
            stream = fold_in_p(keys, r, impl=impl)
            words = bits_p(stream, shape=(n, 2), dtype=UNSIGNED[kind.itemsize], impl=impl)
            pairs = [in_order(words[..., j], pending) for j in (0, 1)]
            y, accepted = self.attempt(*[uniform_of(w, kind) for w in pairs], *given, **rest)
            return r + 1, where(pending, y, out), pending & ~accepted

        state = np.ones((), np.uint64), np.zeros(rows, kind), np.ones(rows, bool)
        if self.at_once:
            out = step(state)[1]
        else:
            out = while_loop(lambda state: np.any(state[2]), step, state)[1]
        out = self.finished(out, keys, given, impl, **rest)
        return (reshape(_cast_counts(out, dtype), whole),)

    def finished(self, out: Any, keys: Any, params: list[Any], impl: str, **rest: Any) -> Any:
        """The accepted numbers changed as by ``finish``, of arrays or tracers."""
        return out

    def fill(
        self, out: Any, generator: Generator, keys: Any, params: list[Any], **rest: Any
    ) -> None:
        """Attempt all elements, then the rejected ones, until none is left."""
        n = out.size // max(len(keys), 1)
        counts = np.full(len(keys), n)
        pending: Any = None  # indices of elements without a sample; None: all
        for r in itertools.count(1):
            if not counts.any():
                return
            words = word_pairs(generator, keys, r, counts, out.dtype)
            rejected = []
            for i in range(0, len(words), BLOCK):
                block = slice(i, i + BLOCK)
                at = block if pending is None else pending[block]
                u, v = (open_unit_interval(words[block, j], out.dtype) for j in (0, 1))
                given = [p[at].astype(out.dtype, copy=False) for p in params]
                out[at], accepted = self.attempt(u, v, *given, **rest)
                rejected.append(np.flatnonzero(~accepted) + i)
            again = np.concatenate(rejected)
            pending = again if pending is None else pending[again]
            counts = np.bincount(pending // n, minlength=len(keys))

    def finish(
        self, out: Any, generator: Generator, keys: Any, params: list[Any], **rest: Any
    ) -> None:
        """Transform the accepted samples in place."""

    @override
    def infer(
        self, keys: Aval, *params: Aval, shape: Shape, dtype: np.dtype, **rest: Any
    ) -> tuple[Aval, ...]:
        check_real(self.name, params)
        leads = [p.shape[: len(p.shape) - len(shape)] for p in params]
        return (Aval((*broadcast_shapes(keys.shape[:-1], *leads), *shape), dtype),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        own = [1] + [len(params["shape"])] * (len(args) - 1)
        leads = [
            len(shape_of(x)) - rank - (d is not None)
            for x, rank, d in zip(args, own, axes, strict=True)
        ]
        fronted = [
            x if d is None else move_to_front(x, d, max(leads) - lead)
            for x, d, lead in zip(args, axes, leads, strict=True)
        ]
        return self.bind(*fronted, **params), (0,)


class Reparametrized(Rejection, Dependence):
    """Samples that are differentiable in their parameter a; ``slope(a, y, **rest)`` is dy/da.

    Implicit reparametrization: a sample y solves P(a, y) = u, so dy/da = -(dP/da) / p(y).
    Source: Figurnov et al. 2018, equation 5 (arXiv:1805.08498).
    """

    differentiable = True

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        return [union([ins[1].sets], avals[0].shape)]

    def slope(self, a: Any, y: Any, **rest: Any) -> Any:
        raise self.missing("slope")

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Any:
        t, (y,) = tangents[1], outs
        return (
            None if t is None else broadcast_like(mul(t, self._slope(primals, y, **params)), y),
        )

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Any:
        return None, unbroadcast(mul(cts[0], self._slope(ins, outs[0], **params)), ins[1])

    def _slope(self, ins: Any, y: Any, *, shape: Any, dtype: Any, impl: Any, **rest: Any) -> Any:
        return self.slope(ins[1], y, **rest)


def spread(keys: Any, params: Any, shape: Shape) -> tuple[Any, list[Any]]:
    """Keys with all leading axes, and the parameters in the shape of the result."""
    leads = [shape_of(p)[: len(shape_of(p)) - len(shape)] for p in params]
    lead = broadcast_shapes(shape_of(keys)[:-1], *leads)
    return broadcast_to(keys, (*lead, 2)), [broadcast_to(p, (*lead, *shape)) for p in params]


def in_order(rows: Any, wanted: Any) -> Any:
    """The elements of rows [..., n], of which those wanted take one each in their order."""
    axis = len(shape_of(wanted)) - 1
    order = cumsum_p(wanted, axis=axis, reverse=False) - 1
    return gather_along_axis(rows, maximum(order, 0), axis)


def check_real(who: str, params: Any) -> None:
    if any(dtype_of(p).kind == "c" for p in params):
        listed = " and ".join(str(aval_of(p)) for p in params)
        raise DtypeError(f"{who}: parameters must be real: got {listed}")


def flat_operands(keys: Any, params: Any, shape: Shape) -> tuple[Any, Shape, list[Any]]:
    """Keys [n, 2], the shape of the result, and flat parameters."""
    params = [np.asarray(p) for p in params]
    leads = [p.shape[: p.ndim - len(shape)] for p in params]
    lead = broadcast_shapes(keys.shape[:-1], *leads)
    whole = (*lead, *shape)
    rows = np.broadcast_to(keys, (*lead, 2)).reshape(-1, 2)
    return rows, whole, [flattened(collapse_repeated(p), whole) for p in params]


def collapse_repeated(p: Any) -> Any:
    """One element of an array whose elements share memory (strides 0), else the array."""
    return p[(0,) * p.ndim].reshape(1) if p.size and not any(p.strides) else p


def word_pairs(generator: Generator, keys: Any, r: int, counts: Any, dtype: np.dtype) -> Any:
    """Words [sum(counts), 2]: ``counts`` pairs for each key, from stream r."""
    rows = np.flatnonzero(counts)
    wanted, most = counts[rows], int(counts.max())
    streams = generator.fold_in(keys[rows], np.full(len(rows), r, np.uint64))
    words = generator.bits(streams, 2 * most, UNSIGNED[dtype.itemsize])
    words = words.reshape(len(rows), most, 2)
    if np.all(wanted == most):
        return words.reshape(-1, 2)
    return words[np.arange(most) < wanted[:, None]]


def open_unit_interval(words: Any, dtype: np.dtype) -> Any:
    """Words as numbers in (0, 1): midpoints of equal steps, so that none is 0 or 1."""
    info = np.finfo(dtype)
    u = (words >> words.dtype.type(info.bits - info.nmant)).astype(dtype)
    u += dtype.type(0.5)
    u *= dtype.type(2.0**-info.nmant)
    return u


def uniform_of(words: Any, dtype: np.dtype) -> Any:
    """The same of arrays or tracers."""
    info, word = np.finfo(dtype), dtype_of(words).type
    u = cast(words >> word(info.bits - info.nmant), dtype)
    return (u + dtype.type(0.5)) * dtype.type(2.0**-info.nmant)


def _cast_counts(x: Any, dtype: np.dtype) -> Any:
    """What ``as_dtype`` does, of arrays or tracers."""
    if dtype.kind != "i":
        return cast(x, dtype)
    inside = x < float(np.iinfo(dtype).max)
    y = where(inside, cast(where(inside, x, 0), dtype), np.iinfo(dtype).max)
    return cast(where(np.isnan(x), -1, y), dtype)


def as_dtype(x: Any, dtype: np.dtype) -> Any:
    """Integral floats as integers, clipped to the largest; nan becomes -1."""
    if dtype.kind != "i":
        return x.astype(dtype, copy=False)
    largest = float(np.iinfo(dtype).max)
    inside = x < largest  # as a float, the largest int64 is 2**63
    y = np.where(inside, x, 0).astype(dtype)
    y[~inside] = np.iinfo(dtype).max
    y[np.isnan(x)] = -1
    return y
