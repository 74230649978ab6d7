"""Kernels of reductions: sums by BLAS, extrema along short axes, accumulation.

NumPy reduces with an inner loop over the reduced axis or over the axes behind it, and each turn of
its outer loop costs some 10 ns. Where the inner loop is short, a sum is a product with ones, and an
extremum is taken of slices or of a transposed copy.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from ..core.avals import Aval
from .statements import Statements
from .text import lengths
from .values import Value

LIMIT = 4096  # terms that BLAS adds: above, add.reduce adds float32 more exactly
CHUNK = 2048  # terms of each part of a longer sum
NARROW = 256  # elements behind an axis, below which its sum is taken in parts
FEW = 8  # slices that take less time than a transposed copy
SHORT = 96  # the longest axis of which a transposed copy takes less time than NumPy's reduction
MANY = 16  # turns of the outer loop from which it matters


class Block(NamedTuple):
    """The lengths of the axes before, along and behind a reduction."""

    outer: int
    along: int
    inner: int


def reduce(w: Statements, ufunc: np.ufunc, x: Value, axes: Sequence[int], out: Value) -> None:
    """Reduce along axes by a ufunc, along the last group of adjacent axes first."""
    certain = out.aval.shape and (out.certain or not out.allocated)
    if not certain or not x.contiguous or not x.aval.size or x.aval.dtype != out.aval.dtype:
        return _plain(w, ufunc, x, axes, out)
    blocks = _blocks(x.aval.shape, axes)
    if not any(_is_faster(ufunc, block, x.aval.dtype) for block in blocks):
        return _plain(w, ufunc, x, axes, out)
    *first, last = blocks
    with ExitStack() as stack:
        for block in first:
            aval = Aval((block.outer * block.inner,), x.aval.dtype)
            (part,) = stack.enter_context(w.memory.scratch(aval))
            _along(w, ufunc, x, block, part)
            x = part
        _along(w, ufunc, x, last, out)


def _plain(w: Statements, ufunc: np.ufunc, x: Value, axes: Sequence[int], out: Value) -> None:
    """Reduce along axes by the ``reduce`` of a ufunc."""
    name = f"{w.numpy(ufunc.__name__)}.reduce"
    if not axes:  # nothing to reduce: a copy, or a cast
        return w.call(name, [x, "()", None], out)
    every = len(axes) == len(x.aval.shape)
    along = None if every else axes[0] if len(axes) == 1 else lengths(axes)
    if out.allocated and out.aval.shape:
        return w.call(name, [x, along, None], out)
    return w.call(name, [x, along], out)


def _blocks(shape: Sequence[int], axes: Sequence[int]) -> list[Block]:
    """The blocks of the groups of adjacent axes, of the last group first."""
    blocks: list[Block] = []
    left = list(axes)
    while left:
        start = stop = left.pop()
        while left and left[-1] == start - 1:
            start = left.pop()
        along = math.prod(shape[start : stop + 1])
        blocks.append(Block(math.prod(shape[:start]), along, math.prod(shape[stop + 1 :])))
        shape = (*shape[:start], *shape[stop + 1 :])
    return blocks


def _is_faster(ufunc: np.ufunc, block: Block, dtype: np.dtype) -> bool:
    """Whether ``_along`` takes less time than the ``reduce`` of the ufunc."""
    outer, along, inner = block
    if ufunc is np.add:  # BLAS gives -0.0 for a sum of one -0.0
        fits = along <= LIMIT or (outer == 1 and inner < NARROW)
        return dtype.char in "fd" and dtype.isnative and along > 1 and fits
    if ufunc not in (np.maximum, np.minimum) or dtype.kind not in "fiu":
        return False
    if inner == 1:
        return 1 < along <= SHORT and outer >= MANY
    if _is_sliced(block):
        return outer >= MANY
    return inner < MANY <= min(along, outer * inner)


def _is_sliced(block: Block) -> bool:
    """Whether an extremum is taken slice by slice, not of a copy."""
    return 1 < block.along <= FEW and block.inner <= 2 * SHORT


def _along(w: Statements, ufunc: np.ufunc, x: Value, block: Block, out: Value) -> None:
    """Reduce one block of contiguous memory."""
    if not _is_faster(ufunc, block, x.aval.dtype):
        y = _shaped(w, out, (block.outer, block.inner))
        return w.call(f"{w.numpy(ufunc.__name__)}.reduce", [_shaped(w, x, block), 1, None], y)
    if ufunc is np.add:
        return _sum(w, x, block, out)
    if _is_sliced(block):
        return _by_slices(w, ufunc, x, block, out)
    return _of_copy(w, ufunc, x, block, out)


# sums


def _sum(w: Statements, x: Value, block: Block, out: Value) -> None:
    """A sum as a product with ones."""
    outer, along, inner = block
    dtype = x.aval.dtype
    if along > LIMIT:
        return _sum_in_parts(w, x, block, out)
    if inner == 1 and x.aval.shape != (along, inner):
        args = [_shaped(w, x, (outer, along)), _ones(w, along, dtype)]
        return w.call(w.numpy("dot"), args, _shaped(w, out, (outer,)))
    if outer == 1:
        args = [_ones(w, along, dtype), _shaped(w, x, (along, inner))]
        return w.call(w.numpy("dot"), args, _shaped(w, out, (inner,)))
    if along <= 4 and along * inner <= 64 * (1 + (along == 2)):
        return _by_slices(w, np.add, x, block, out)
    args = [_ones(w, along, dtype), _shaped(w, x, block)]
    return w.call(w.numpy("matmul"), args, _shaped(w, out, (outer, inner)))


def _sum_in_parts(w: Statements, x: Value, block: Block, out: Value) -> None:
    """A long sum along the first axis, as the sum of sums of its parts."""
    _, along, inner = block
    dtype, ones = x.aval.dtype, _ones(w, CHUNK, x.aval.dtype)
    count, rest = divmod(along, CHUNK)
    flat = _shaped(w, x, (along, inner))
    with w.memory.scratch(Aval((count + bool(rest), inner), dtype)) as (sums,):
        parts = f"{flat}[:{count * CHUNK}].reshape({count}, {CHUNK}, {inner})"
        w.line(f"{w.numpy('matmul')}({ones}, {parts}, {sums}[:{count}])", sums.aval)
        if rest:
            tail = f"{_ones(w, rest, dtype)}, {flat}[{count * CHUNK}:], {sums}[{count}]"
            w.line(f"{w.numpy('dot')}({tail})")
        w.call(f"{w.numpy('add')}.reduce", [sums, 0, None], _shaped(w, out, (inner,)))


def _ones(w: Statements, n: int, dtype: np.dtype) -> str:
    expression = f"{w.numpy('ones')}({n}, {w.dtype(dtype)})"
    return w.memory.constant(expression, f"ones_{n}")


# extrema


def _by_slices(w: Statements, ufunc: np.ufunc, x: Value, block: Block, out: Value) -> None:
    """Reduce a short axis slice by slice."""
    shape = (block.outer, block.inner) if block.inner > 1 else (block.outer,)
    whole = _shaped(w, x, (block.outer, block.along, *shape[1:]))
    y = _shaped(w, out, shape)
    slices = [
        w.view(whole, f"{whole}[:, {i}]", Aval(shape, x.aval.dtype), False)
        for i in range(block.along)
    ]
    for i, part in enumerate(slices[1:]):
        w.call(w.numpy(ufunc.__name__), [y if i else slices[0], part], y, keyword=True)


def _of_copy(w: Statements, ufunc: np.ufunc, x: Value, block: Block, out: Value) -> None:
    """Reduce a copy in which the inner loop is long."""
    outer, along, inner = block
    perm, axis = ((1, 0), 0) if inner == 1 else ((0, 2, 1), 2)
    shape = (outer, along) if inner == 1 else block
    whole = _shaped(w, x, shape)
    copied = Aval(tuple([shape[d] for d in perm]), x.aval.dtype)
    with w.memory.scratch(copied) as (work,):
        w.line(f"{work}[...] = {whole.transposed(perm)}", work.aval)
        y = _shaped(w, out, (outer, inner) if inner > 1 else (outer,))
        w.call(f"{w.numpy(ufunc.__name__)}.reduce", [work, axis, None], y)


def _shaped(w: Statements, x: Value, shape: Sequence[int]) -> Value:
    """An array in C order as one of another shape: no elements are moved."""
    shape = tuple(shape)
    if x.aval.shape == shape:
        return x
    w.allocate(x)
    return w.view(x, x.reshaped(shape), Aval(shape, x.aval.dtype), True)


def accumulate(
    w: Statements, name: str, x: Value, axis: int, out: Value, reverse: bool = False
) -> None:
    """Accumulate along an axis, from its end if ``reverse``."""
    function = f"{w.numpy(name)}.accumulate"
    if not reverse:
        return w.call(function, [x, axis, None] if out.allocated else [x, axis], out)
    w.allocate(out)
    back = f"[{':, ' * axis}::-1]"
    w.line(f"{function}({x}{back}, {axis}, None, {out}{back})", out.aval)
    return None
