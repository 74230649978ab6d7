"""Products of matrices in C."""

import numpy as np

from ..core.avals import Aval, broadcast_shapes
from .functions import cast, product, sum_of, wraps
from .literals import ctype
from .statements import Statements
from .tiles import ROWS
from .totals import LANES, row_of, total_of_products
from .values import TINY, Value

FOR_BLAS = 1 << 15  # multiplications, from which BLAS is faster than tiles
UNROLLED = 64  # multiplications up to which a small product is written out


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
        return w.filled(aval, 0)
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
                texts.append(sum_of([product(pair, aval.dtype) for pair in pairs], aval.dtype))
    return w.define(aval, texts, w.wanted[0][1])


def _by_loops(w: Statements, a: Value, b: Value, out: Value) -> None:
    """Products of stacks of matrices."""
    (*lead, m, n), p = a.aval.shape, b.aval.shape[-1]
    by_dots = p == 1 and _are_floats(a, b, out) and n >= 2 * LANES and a.strides[-1] == 1
    if by_dots and b.strides[-2] == 1:
        around = w.indices(len(lead))
        with w.loops(lead, around), w.using(around):
            x, y, z = (row_of(w, v, len(lead), around) if lead else v for v in (a, b, out))
            starts = [w.start(v) for v in (x, y, z)]
            sizes = f"{m}, {n}, {starts[0]}, {x.strides[0]}, {starts[1]}, {starts[2]}"
            w.line(f"matvec_{ctype(out.aval.dtype)}({sizes}, {z.strides[0]});")
        return
    if p == 1 and m > 1:  # the transposed product: its rows are long
        a, b = (x.viewed(lambda v: v.swapaxes(-1, -2)) for x in (b, a))
        out, m, p = out.viewed(lambda v: v.swapaxes(-1, -2)), 1, m
    scratch = w.scratch(Aval((n, p), b.aval.dtype)) if m >= ROWS and not _is_by_rows(b) else None
    around = w.indices(len(lead))
    with w.loops(lead, around), w.using(around):
        x, y, z = (row_of(w, v, len(lead), around) if lead else v for v in (a, b, out))
        if scratch is not None:
            w.copy(scratch, y)
            y = scratch
        if p == 1 and n >= 2 * LANES:
            _by_columns(w, x, y, z)
        elif _is_by_rows(y) and (p == 1 or z.strides[-1] == 1):
            _by_tiles(w, x, y, z)
        elif _is_by_rows(y) or n < 2 * LANES:
            _by_rows(w, x, y, z)
        else:
            _by_columns(w, x, y, z)
    if scratch is not None:
        w.release(scratch)


def _is_by_rows(b: Value) -> bool:
    """Whether the elements of a row lie side by side."""
    return b.aval.shape[-1] == 1 or b.strides[-1] == 1


def _by_tiles(w: Statements, a: Value, b: Value, out: Value) -> None:
    """Tiles of the result in registers, by a function."""
    (m, n), p, kind = a.aval.shape, b.aval.shape[-1], ctype(out.aval.dtype)
    if not _are_floats(a, b, out) or n == 1:
        return _by_rows(w, a, b, out)
    where = [w.start(x) for x in (a, b, out)]
    strides = f"{a.strides[0]}, {a.strides[1]}, {where[1]}, {b.strides[0]}, {where[2]}"
    name = "gemm" if _is_for_blas(a, b, out) else "matmul"
    w.line(f"{name}_{kind}({m}, {n}, {p}, {where[0]}, {strides}, {out.strides[0]});")
    return None


def _are_floats(*xs: Value) -> bool:
    """Whether all values are of one floating dtype."""
    return len({x.aval.dtype for x in xs}) == 1 and xs[0].aval.dtype.kind == "f"


def _is_for_blas(a: Value, b: Value, out: Value) -> bool:
    """Whether a product is large, and of strides that BLAS takes."""
    (m, n), p = a.aval.shape, b.aval.shape[-1]
    by_rows = a.strides[1] == 1 and a.strides[0] >= n
    by_columns = a.strides[0] == 1 and a.strides[1] >= m
    others = all(x.strides[1] == 1 and x.strides[0] >= p for x in (b, out))
    return m * n * p >= FOR_BLAS and m > 1 and (by_rows or by_columns) and others


def _by_rows(w: Statements, a: Value, b: Value, out: Value) -> None:
    """Rows of the result as sums of rows of ``b``."""
    (m, n), p, dtype = a.aval.shape, b.aval.shape[-1], out.aval.dtype
    i, j, k = indices = w.indices(3)
    with w.loop(i, m), w.using(indices):
        row, at = out.at(i, j), w.name("factor")
        with w.loop(j, p):
            w.line(f"{row} = 0;")
        with w.loop(k, n):
            w.line(f"const {ctype(dtype)} {at} = {cast(a.at(i, k), a, dtype)};")
            with w.loop(j, p):
                term = product([at, cast(b.at(k, j), b, dtype)], dtype)
                total = sum_of([row, term], dtype) if wraps(dtype) else ""
                w.line(f"{row} = {total};" if total else f"{row} += {term};")


def _by_columns(w: Statements, a: Value, b: Value, out: Value) -> None:
    """Elements of the result as sums of products: the columns of ``b`` are contiguous."""
    m, p, dtype = a.aval.shape[0], b.aval.shape[-1], out.aval.dtype
    i, j, _ = indices = w.indices(3)
    columns = b.viewed(lambda v: v.swapaxes(0, 1))
    with w.loops([m, p], [i, j]), w.using(indices):
        pair = [row_of(w, a, 1, [i]), row_of(w, columns, 1, [j])]
        w.line(f"{out.at(i, j)} = {total_of_products(w, pair, dtype)};")
