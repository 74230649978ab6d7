"""Products of matrices in C, and small systems of linear equations."""

import numpy as np

from ..core.avals import Aval, broadcast_shapes
from .functions import cast
from .literals import NotInCError, ctype
from .statements import Statements
from .totals import row_of
from .values import TINY, Value, registers

SINGULAR = "SINGULAR_MATRIX"
UNROLLED = 64  # multiplications up to which a small product is written out
LARGEST_SYSTEM = 16  # equations; LAPACK solves larger ones faster


def matmul(w: Statements, a: Value, b: Value, dtype: np.dtype) -> Value:
    """Multiply matrices, or stacks of them."""
    a_rank, b_rank = a.aval.ndim, b.aval.ndim
    left = a.viewed(lambda v: v[None, :]) if a_rank == 1 else a
    right = b.viewed(lambda v: v[:, None]) if b_rank == 1 else b
    (*a_lead, m, n), (*b_lead, _, p) = left.aval.shape, right.aval.shape
    lead = broadcast_shapes(tuple(a_lead), tuple(b_lead))
    left, right = left.broadcast((*lead, m, n)), right.broadcast((*lead, n, p))
    shape = (*lead, *((m,) if a_rank > 1 else ()), *((p,) if b_rank > 1 else ()))
    aval = Aval(shape, dtype)
    if not aval.size:
        return w.array(aval)
    if not n:
        return w.filled(aval, "0")
    if aval.size <= TINY and aval.size * n <= UNROLLED:
        return _written_out(w, left, right, aval)
    out = w.array(aval)
    whole = out.reshaped((*lead, m, p))
    _by_loops(w, w.stored(left), w.stored(right), whole)
    return out


def _written_out(w: Statements, a: Value, b: Value, aval: Aval) -> Value:
    """Each element of a small product as an expression."""
    (*_, m, n), p = a.aval.shape, b.aval.shape[-1]
    texts = []
    xs = np.array(a.items, object).reshape(-1, m, n)
    ys = np.array(b.items, object).reshape(-1, n, p)
    kinds = (a, b)
    for x, y in zip(xs, ys, strict=True):
        for i in range(m):
            for j in range(p):
                pairs = [[cast(t, v, aval.dtype) for t, v in zip(pair, kinds, strict=True)]
                         for pair in zip(x[i], y[:, j], strict=True)]  # fmt: skip
                texts.append(" + ".join(" * ".join(pair) for pair in pairs))
    return w.define(aval, texts, w.wanted[0][1])


def _by_loops(w: Statements, a: Value, b: Value, out: Value) -> None:
    """Rows of the result as sums of rows of ``b``; sums of products where it is one column."""
    (*lead, m, n), p = a.aval.shape, b.aval.shape[-1]
    dtype, indices = out.aval.dtype, w.indices(len(lead) + 3)
    *around, i, j, k = indices
    kind = ctype(dtype)
    with w.loops([*lead, m], [*around, i]), w.using(indices):
        term = f"{cast(a.at(*around, i, k), a, dtype)} * {cast(b.at(*around, k, j), b, dtype)}"
        if p > 1 and abs(b.strides[-1]) <= abs(b.strides[-2]):
            zero = registers(Aval((), dtype), ["0"])
            row = out.at(*around, i, j)
            with w.loop(j, p):
                w.line(f"{row} = {zero.items[0]};")
            with w.loops([n, p], [k, j]):
                w.line(f"{row} += {term};")
            return
        with w.loop(j, p):
            total = w.name("total")
            w.line(f"{kind} {total} = 0;")
            with w.loop(k, n):
                w.line(f"{total} += {term};")
            w.line(f"{out.at(*around, i, j)} = {total};")


def solve(w: Statements, a: Value, b: Value, dtype: np.dtype) -> Value:
    """Solve a small system of linear equations, or a stack of them, by elimination."""
    (*lead, n, _), p = a.aval.shape, b.aval.shape[-1]
    if n > LARGEST_SYSTEM or dtype.kind != "f":
        raise NotInCError(f"solve of {n} equations is faster by LAPACK")
    shape = broadcast_shapes(tuple(lead), b.aval.shape[:-2])
    out = w.array(Aval((*shape, n, p), dtype))
    if not out.aval.size:
        return out
    left = w.scratch(Aval((n, n), dtype), "lu")
    wide = a.broadcast((*shape, n, n))
    indices = w.indices(len(shape))
    w.copy(out, b)
    kind = ctype(dtype)
    source = w.stored(wide)
    with w.loops(shape, indices), w.using(indices):
        w.copy(left, row_of(w, source, len(shape), indices) if shape else source)
        assert out.memory is not None and left.memory is not None
        at = " + ".join(
            [out.memory.name, *[f"{s}*{i}" for s, i in zip(out.strides, indices, strict=False)]]
        )
        called = f"solve_{kind}({n}, {p}, {left.memory.name}, {at})"
        w.fail_if(f"!{called}", SINGULAR)
    w.release(left)
    return out
