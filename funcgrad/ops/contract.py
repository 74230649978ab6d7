"""Contractions: matmul, einsum and vecdot, which are multilinear."""

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, broadcast_shapes, dtype_of, is_inexact, shape_of
from ..core.companions import Codegen, Masking
from ..core.emitter import Emitter, V
from ..core.errors import ShapeError
from ..core.registry import overrides, primitives
from ..core.trace import Primitive
from .dependences import Contracting
from .families import broadcast_like, unbroadcast
from .operand import operand
from .paths import Masked, product_on_paths
from .structure import (
    Batched,
    axis_to_front,
    batch_at_front,
    drop_axes,
    expand_dims,
    reshape,
    sum_dtype,
    sum_p,
)

SMALL_MATRICES = 8192  # elements of two matrices, up to which the call of their product counts


class Multilinear(Primitive, Masking):
    """Linear in each operand: the tangent is a sum over operands."""

    is_product = True

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        terms = []
        for i, t in enumerate(tangents):
            if t is not None:
                operands = [*primals[:i], t, *primals[i + 1 :]]
                terms.append(self(*operands, **params))
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return (broadcast_like(total, outs[0]),)

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return len(operands) == 1

    def on_paths(self, args: Any, live: Any, **params: Any) -> Masked:
        if sum(mask is not None for mask in live) == 1:
            return product_on_paths(self, args, live, **params)
        return self.bind(*args, **params), (None,)  # no mask: all elements lie on a path


class Matmul(Multilinear, Codegen, Contracting):
    """Products of matrices and vectors; see numpy.matmul."""

    is_smooth = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        overrides[np.matmul] = self.as_ufunc

    def as_ufunc(self, *xs: Any) -> Any:
        """Apply to the arguments of numpy.matmul, nested lists too."""
        return self(*map(operand, xs))

    @override
    def run(self, a: Any, b: Any) -> tuple[Any, ...]:
        if type(a) is type(b) is np.ndarray and a.ndim == b.ndim == 2:
            return (_product(a, b),)
        return (np.matmul(a, b),)

    @override
    def infer(self, a: Aval, b: Aval) -> tuple[Aval, ...]:
        if not a.shape or not b.shape:
            raise ShapeError(
                f"matmul: both operands must have at least one axis: got {a} and {b}; use * "
                f"for a scalar"
            )
        left, right = _lifted(a.shape, 0), _lifted(b.shape, 1)
        if left[-1] != right[-2]:
            raise ShapeError(
                f"matmul: the first operand must have as many columns as the second has rows: got "
                f"{a} and {b}; transpose one of them with x.mT"
            )
        try:
            batch = broadcast_shapes(left[:-2], right[:-2])
        except ValueError:
            raise ShapeError(
                f"matmul: the axes before the last two do not broadcast: got {a} and "
                f"{b}; give them equal lengths or 1"
            ) from None
        rows = () if a.ndim == 1 else left[-2:-1]
        columns = () if b.ndim == 1 else right[-1:]
        dtype = np.matmul(np.ones((1, 1), a.dtype), np.ones((1, 1), b.dtype)).dtype
        return (Aval((*batch, *rows, *columns), dtype),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (a, b) = cts, ins
        plain = type(ct) is type(a) is type(b) is np.ndarray and ct.dtype is a.dtype is b.dtype
        if plain and a.ndim == b.ndim == 2:  # the lines below, for most calls
            a_need, b_need = needs
            a_ct = None if a_need is None else _product(ct, b.T)
            return (a_ct, None if b_need is None else _product(a.T, ct))
        a_rank, b_rank = len(a.shape), len(b.shape)
        if a_rank == 1 or b_rank == 1:
            return _vector_vjp(ct, needs, a, b)
        a_ct = None if needs[0] is None else unbroadcast(ct @ b.mT, a)
        if needs[1] is None:
            return (a_ct, None)
        if b_rank == 2 < a_rank:  # one matrix product for the whole batch
            rows = math.prod(a.shape[:-1])  # -1 fails for an empty axis
            a, ct = a.reshape(rows, a.shape[-1]), ct.reshape(rows, ct.shape[-1])
        return (a_ct, unbroadcast(a.mT @ ct, b))

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        (a, b), (a_axis, b_axis) = args, axes
        a, b = (x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True))
        a_rank, b_rank = len(a.shape) - (a_axis is not None), len(b.shape) - (b_axis is not None)
        if (y := _one_product(a, b, a_rank, b_rank)) is not None:
            return (y,), (0,)
        if not a_rank or not b_rank:
            self.infer(Aval(a.shape[-a_rank:] if a_rank else (), a.dtype),
                       Aval(b.shape[-b_rank:] if b_rank else (), b.dtype))  # fmt: skip
        # vectors become matrices, and all stacks get the same rank
        a = expand_dims(a, (len(a.shape) - 1,)) if a_rank == 1 else a
        b = expand_dims(b, (len(b.shape),)) if b_rank == 1 else b
        rank = max(a_rank, b_rank, 2)
        a, b = (
            x if d is None else expand_dims(x, tuple(range(1, 2 + rank - len(x.shape))))
            for x, d in ((a, a_axis), (b, b_axis))
        )
        y = matmul(a, b)
        drop = [len(y.shape) - 2] * (a_rank == 1) + [len(y.shape) - 1] * (b_rank == 1)
        return (reshape(y, drop_axes(y.shape, tuple(drop))),), (0,)

    @override
    def letters(self, a: Aval, b: Aval) -> tuple[Any, Any]:
        stack = [*range(max(a.ndim, b.ndim) - 2)]
        rows, columns = ["i"] * (a.ndim > 1), ["j"] * (b.ndim > 1)
        of = lambda x: stack[len(stack) - max(x.ndim - 2, 0) :]
        left, right = [*of(a), *rows, "k"], [*of(b), "k", *columns]
        return (left, right), [*stack, *rows, *columns]

    def lower(self, build: Any, a: Any, b: Any) -> Any:
        """One matrix product in place of a stack of matrices times one matrix."""
        *lead, n = a.aval.shape
        if len(lead) < 2 or len(b.aval.shape) != 2:
            return None
        rows = build("reshape", a, shape=(math.prod(lead), n))
        return build("reshape", build("matmul", rows, b), shape=(*lead, b.aval.shape[1]))

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        w.matmul(ins[0], ins[1], outs[0])

    def in_c(self, w: Any, a: Any, b: Any) -> Any:
        return w.matmul(a, b, w.out.dtype)


def _product(a: np.ndarray, b: np.ndarray) -> Any:
    """The product of two matrices; dot takes half of matmul's time for small ones."""
    # of one column and one row it skips products with 0, of nan too
    return a.dot(b) if a.size + b.size <= SMALL_MATRICES and a.shape[1] > 1 else np.matmul(a, b)


def _one_product(a: Any, b: Any, a_rank: int, b_rank: int) -> Any:
    """The products of many vectors with one matrix or vector as one product, or None."""
    if min(a_rank, b_rank) != 1 or max(a_rank, b_rank) > 2 or a.shape[-1] != b.shape[-b_rank:][0]:
        return None
    if a_rank == 1 < len(a.shape) and b_rank == len(b.shape):
        return a @ b
    if b_rank == 1 < len(b.shape) and a_rank == len(a.shape):
        return b @ (a.mT if a_rank == 2 else a)
    return None


def _lifted(shape: Shape, place: int) -> Shape:
    """The shape of a vector as a matrix with one row (place 0) or one column (1)."""
    return shape if len(shape) > 1 else (1, *shape) if place == 0 else (*shape, 1)


def _vector_vjp(ct: Any, needs: Any, a: Any, b: Any) -> Sequence[Any]:
    """The cotangents of a product with a vector, by products of matrices or with the scalar."""
    if needs[1] is None and len(a.shape) == 1 and len(b.shape) == 2:
        return (unbroadcast(ct @ b.mT, a), None)
    if needs[0] is None and len(a.shape) == 2 and len(b.shape) == 1:
        return (None, unbroadcast(ct @ a, b))
    if len(a.shape) == len(b.shape) == 1:
        operands = zip(needs, (b, a), (a, b), strict=True)
        return [None if need is None else unbroadcast(ct * x, y) for need, x, y in operands]
    left, right = _lifted(a.shape, 0), _lifted(b.shape, 1)
    batch = ct.shape[: len(ct.shape) - (len(a.shape) > 1) - (len(b.shape) > 1)]
    ct = reshape(ct, (*batch, left[-2], right[-1]))
    a_ct = b_ct = None
    if needs[0] is not None:
        a_ct = reshape(unbroadcast(ct @ reshape(b, right).mT, Aval(left, a.dtype)), a.shape)
    if needs[1] is not None:
        b_ct = reshape(unbroadcast(reshape(a, left).mT @ ct, Aval(right, b.dtype)), b.shape)
    return (a_ct, b_ct)


class Einsum(Multilinear, Codegen, Contracting):
    """A sum of products over named axes, with one letter for each axis.

    No operand repeats a letter, each letter has one length, and each letter of an operand is also
    in the result or in another operand. ``numpy.einsum`` brings every call into this form, in which
    the transpose is an einsum too.
    """

    @override
    def run(self, *xs: Any, names: tuple[str, ...], out: str) -> tuple[Any, ...]:
        return (np.einsum(f"{','.join(names)}->{out}", *xs, optimize=len(xs) > 1),)

    @override
    def infer(self, *xs: Aval, names: tuple[str, ...], out: str) -> tuple[Aval, ...]:
        lengths: dict[str, int] = {}
        for x, axes in zip(xs, names, strict=True):
            for axis, n in zip(axes, x.shape, strict=True):
                if lengths.setdefault(axis, n) != n:
                    raise ShapeError(
                        f"einsum: axis {axis!r} has two lengths, {lengths[axis]} and {n}: "
                        f"got {', '.join(map(str, xs))} for {','.join(names)}->{out}"
                    )
        dtype = np.result_type(*(x.dtype for x in xs))
        return (Aval(tuple(lengths[axis] for axis in out), dtype),)

    @override
    def vjp(
        self, cts: Any, needs: Any, outs: Any, ins: Any, *, names: tuple[str, ...], out: str
    ) -> Sequence[Any]:
        results: list[Any] = []
        for i, (need, x) in enumerate(zip(needs, ins, strict=True)):
            if need is None:
                results.append(None)
                continue
            others = [j for j in range(len(ins)) if j != i]
            operands = (cts[0], *(ins[j] for j in others))
            ct = einsum_p(*operands, names=(out, *(names[j] for j in others)), out=names[i])
            results.append(unbroadcast(ct, x))
        return results

    @override
    def batch(
        self, args: Any, axes: Any, size: int, /, *, names: tuple[str, ...], out: str
    ) -> Batched:
        batch = next(c for c in string.ascii_letters if c not in "".join(names) + out)
        xs = [x if d is None else axis_to_front(x, d) for x, d in zip(args, axes, strict=True)]
        named = tuple(
            axes_of_x if d is None else batch + axes_of_x
            for axes_of_x, d in zip(names, axes, strict=True)
        )
        return self.bind(*xs, names=named, out=batch + out), (0,)

    @override
    def letters(self, *avals: Aval, names: tuple[str, ...], out: str) -> tuple[Any, Any]:
        return names, out

    def decompose(self, *xs: Any, names: tuple[str, ...], out: str) -> Any:
        build = lambda name, *ins, **params: primitives[name](*ins, **params)
        return (self.lower(build, *xs, names=names, out=out),)

    def emit(
        self,
        w: Emitter[V],
        outs: Sequence[V],
        ins: Sequence[V],
        *,
        names: tuple[str, ...],
        out: str,
    ) -> None:
        text = repr(f"{','.join(names)}->{out}")
        w.call(w.numpy("einsum"), [text, *ins], outs[0], keyword=True)

    def lower(self, build: Any, *xs: Any, names: tuple[str, ...], out: str) -> Any:
        """Products of two operands, in the order of numpy.einsum_path."""
        if len(xs) == 1:
            dropped = tuple(d for d, axis in enumerate(names[0]) if axis not in out)
            kept = [axis for axis in names[0] if axis in out]
            x = build("sum", xs[0], axes=dropped) if dropped else xs[0]
            return build("transpose", x, perm=tuple(map(kept.index, out)))
        dtype = np.result_type(*(dtype_of(x) for x in xs))
        cast = "convert" if is_inexact(dtype) else "truncate"  # of two operands it may be narrower
        xs = tuple([x if dtype_of(x) == dtype else build(cast, x, dtype=dtype) for x in xs])
        if len(xs) == 2 and set(names[0]) == set(names[1]) and dtype.kind == "f":
            return _sum_of_product(build, xs, names, out)
        terms = list(zip(xs, names, strict=True))
        shapes = [np.broadcast_to(0.0, shape_of(x)) for x in xs]
        path = np.einsum_path(f"{','.join(names)}->{out}", *shapes, optimize="greedy")[0][1:]
        for places in path if len(xs) > 2 else [(0, 1)]:
            pair = [terms.pop(i) for i in sorted(places, reverse=True)]
            while len(pair) > 1:
                left = {axis for _, axes in (*terms, *pair[:-2]) for axis in axes} | set(out)
                pair[-2:] = [contraction(build, pair[-2], pair[-1], left)]
            terms.append(pair[0])
        ((y, axes),) = terms
        return y if axes == out else build("transpose", y, perm=tuple(map(axes.index, out)))


def _sum_of_product(build: Any, xs: Sequence[Any], names: Sequence[str], out: str) -> Any:
    """The contraction of two operands with the same axes, which are no rows and no columns."""
    x, axes = xs[0], names[0]
    y = build("transpose", xs[1], perm=tuple(map(names[1].index, axes)))
    summed = tuple(d for d, axis in enumerate(axes) if axis not in out)
    left = [axis for axis in axes if axis in out]
    z = build("sum", build("mul", x, y), axes=summed)
    return build("transpose", z, perm=tuple(map(left.index, out)))


class Vecdot(Multilinear, Codegen, Contracting):
    """The sum over the last axis of the product of two arrays of one shape, without conjugation."""

    @override
    def run(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (np.vecdot(a, b) if _are_real(a, b) else np.add.reduce(a * b, -1),)

    @override
    def infer(self, a: Aval, b: Aval) -> tuple[Aval, ...]:
        if not a.shape or a.shape != b.shape:
            raise ShapeError(f"vecdot: both operands must have one shape: got {a} and {b}")
        return (Aval(a.shape[:-1], sum_dtype(np.result_type(a.dtype, b.dtype))),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        ct, (a, b) = expand_dims(cts[0], (len(shape_of(ins[0])) - 1,)), ins
        rows = zip(needs, (b, a), ins, strict=True)
        return [None if n is None else unbroadcast(ct * y, x) for n, y, x in rows]

    @override
    def batch(self, args: Any, axes: Any, size: int, /) -> Batched:
        xs = [batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)]
        return self.bind(*xs), (0,)

    @override
    def letters(self, a: Aval, b: Aval) -> tuple[Any, Any]:
        axes = [*range(a.ndim)]
        return (axes, axes), axes[:-1]

    def decompose(self, a: Any, b: Any) -> Any:
        return (sum_p(a * b, axes=(len(shape_of(a)) - 1,)),)

    def lower(self, build: Any, a: Any, b: Any) -> Any:
        """The sum of the product where NumPy would give booleans, or conjugate."""
        if _are_real(a, b):
            return None
        return build("sum", build("mul", a, b), axes=(len(shape_of(a)) - 1,))

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        w.call(w.numpy("vecdot" if outs[0].aval.shape else "dot"), list(ins), outs[0])

    def in_c(self, w: Any, a: Any, b: Any) -> Any:
        return w.vecdot(a, b, w.out.dtype)


def _are_real(*xs: Any) -> bool:
    return all(dtype_of(x).kind == "f" for x in xs)


def contraction(build: Any, a: Any, b: Any, left: set[str]) -> tuple[Any, str]:
    """The product of two operands, each with its letters, by matmul; the axes ``left`` remain."""
    (x, x_axes), (y, y_axes) = a, b
    lengths = dict(zip(x_axes + y_axes, shape_of(x) + shape_of(y), strict=True))
    both = [axis for axis in x_axes if axis in y_axes]
    batch = "".join(axis for axis in both if axis in left)
    summed = "".join(axis for axis in both if axis not in left)
    rows = "".join(axis for axis in x_axes if axis not in both)
    columns = "".join(axis for axis in y_axes if axis not in both)

    def matrix(value: Any, axes: str, first: str, second: str) -> Any:
        order = batch + first + second
        value = build("transpose", value, perm=tuple(map(axes.index, order)))
        sizes = [math.prod(lengths[axis] for axis in part) for part in (first, second)]
        return build("reshape", value, shape=(*(lengths[axis] for axis in batch), *sizes))

    product = build("matmul", matrix(x, x_axes, rows, summed), matrix(y, y_axes, summed, columns))
    axes = batch + rows + columns
    return build("reshape", product, shape=tuple(lengths[axis] for axis in axes)), axes


matmul = Matmul("matmul")
einsum_p = Einsum("einsum")
vecdot_p = Vecdot("vecdot")
