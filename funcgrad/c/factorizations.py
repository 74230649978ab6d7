"""Small dense algebra in C: calls of the functions of ``lapack.py`` for each matrix of a stack."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ..core.avals import Aval, Shape, broadcast_shapes
from .functions import product
from .literals import NotInCError, ctype, label_of, part_of
from .statements import Statements
from .totals import row_of
from .values import Value

SINGULAR = "SINGULAR_MATRIX"
NOT_POSITIVE = "NOT_POSITIVE_DEFINITE"
MOST_ROWS = 48  # rows; LAPACK takes less time for larger matrices
MOST_ROWS_QR = 32
INT32 = np.dtype(np.int32)


def _check(name: str, a: Value, dtype: np.dtype, largest: int = MOST_ROWS) -> None:
    if max(a.aval.shape[-2:]) > largest:
        raise NotInCError(f"{name} of {a.aval} is faster by LAPACK")
    assert dtype.kind in "fc"


@contextmanager
def _each(w: Statements, lead: Shape, *values: Value) -> Iterator[list[Value]]:
    """A loop over the matrices of stacks of one shape, as values of their last axes."""
    indices = w.indices(len(lead))
    stored = [w.stored(x) for x in values]
    with w.loops(lead, indices), w.using(indices):
        yield [row_of(w, x, len(lead), indices) if lead else x for x in stored]


def _turned(x: Value) -> Value:
    """The transposed matrices."""
    return x.viewed(lambda v: v.swapaxes(-1, -2))


def solve(w: Statements, a: Value, b: Value, dtype: np.dtype) -> Value:
    """Solve systems of linear equations by elimination."""
    _check("solve", a, dtype)
    (*lead, n, _), p = a.aval.shape, b.aval.shape[-1]
    shape = broadcast_shapes(tuple(lead), b.aval.shape[:-2])
    out = w.array(Aval((*shape, n, p), dtype))
    if out.aval.size:
        w.copy(out, b)
        _solve(w, a.broadcast((*shape, n, n)), out, _raise_singular)
    return out


def inv(w: Statements, a: Value, dtype: np.dtype) -> Value:
    """Invert matrices."""
    _check("inv", a, dtype)
    *lead, n, _ = a.aval.shape
    out = w.array(Aval(a.aval.shape, dtype))
    if out.aval.size:
        with _each(w, tuple(lead), out) as (y,):
            i, j = indices = w.indices(2)
            with w.loops([n, n], indices):
                w.line(f"{y.at(i, j)} = {i} == {j};")
        _solve(w, a, out, _raise_singular)
    return out


def _raise_singular(w: Statements, condition: str) -> None:
    w.fail_if(condition, SINGULAR)


def _solve(
    w: Statements, a: Value, out: Value, otherwise: Callable[[Statements, str], None]
) -> None:
    """Replace right-hand sides by the solutions."""
    *lead, n, p = out.aval.shape
    dtype = out.aval.dtype
    left = w.scratch(Aval((n, n), dtype), "lu")
    with _each(w, tuple(lead), a, out) as (x, y):
        w.copy(left, x)
        call = f"solve_{label_of(dtype)}({n}, {p}, {w.start(left)}, {w.start(y)})"
        otherwise(w, f"!{call}")
    w.release(left)


def solve_triangular(
    w: Statements, a: Value, b: Value, dtype: np.dtype, lower: bool, unit: bool
) -> Value:
    """Solve triangular systems by substitution."""
    _check("solve_triangular", a, dtype)
    n, p = b.aval.shape[-2:]
    lead = broadcast_shapes(a.aval.shape[:-2], b.aval.shape[:-2])
    out = w.array(Aval((*lead, n, p), dtype))
    if not out.aval.size:
        return out
    w.copy(out, b)
    a, x = a.broadcast((*lead, n, n)), out
    if not lower:  # a lower triangle of rows and columns in reverse
        a, x = a.viewed(lambda v: v[..., ::-1, ::-1]), x.viewed(lambda v: v[..., ::-1, :])
    other = None if a.aval.dtype == dtype else w.scratch(Aval((n, n), dtype))
    with _each(w, lead, a, x) as (left, y):
        if other is not None:
            w.copy(other, left)
            left = other
        args = f"{n}, {p}, {str(unit).lower()}, {w.start(left)}, {left.strides[0]}, "
        args += f"{left.strides[1]}, {w.start(y)}, {y.strides[0]}"
        w.fail_if(f"!substitute_{label_of(dtype)}({args})", SINGULAR)
    if other is not None:
        w.release(other)
    return out


def cholesky(w: Statements, a: Value, dtype: np.dtype, upper: bool) -> Value:
    """The Cholesky factors of one triangle of matrices."""
    _check("cholesky", a, dtype)
    *lead, n, _ = a.aval.shape
    out = w.array(Aval(a.aval.shape, dtype))
    if not out.aval.size:
        return out
    # the transposed lower triangle is the upper one of conj(A) = U* U, so that A = U^T conj(U)
    turned = None if upper else w.scratch(Aval((n, n), dtype))
    with _each(w, tuple(lead), a, out) as (x, y):
        factor = y if turned is None else turned
        w.copy(factor, x if upper else _turned(x))
        w.fail_if(f"!cholesky_{label_of(dtype)}({n}, {w.start(factor)})", NOT_POSITIVE)
        if turned is not None:
            w.copy(y, _turned(turned))
    if turned is not None:
        w.release(turned)
    return out


def lu(w: Statements, a: Value, dtype: np.dtype) -> list[Value]:
    """The factors L and U, the pivots, and the permutation."""
    _check("lu", a, dtype)
    *lead, m, n = a.aval.shape
    shape = tuple(lead)
    out, pivots = w.array(Aval(a.aval.shape, dtype)), w.array(Aval((*shape, min(m, n)), INT32), 1)
    rows = w.array(Aval((*shape, m), np.dtype(np.intp)), 2)
    if out.aval.size:
        w.copy(out, a)
        with _each(w, shape, out, pivots) as (x, p):
            w.line(f"lu_{label_of(dtype)}({m}, {n}, {w.start(x)}, {w.start(p)});")
    _permute(w, pivots, rows)
    return [out, pivots, rows]


def permutation(w: Statements, pivots: Value, size: int) -> Value:
    """The order of rows after the exchanges that pivots tell."""
    out = w.array(Aval((*pivots.aval.shape[:-1], size), np.dtype(np.intp)))
    _permute(w, pivots, out)
    return out


def _permute(w: Statements, pivots: Value, out: Value) -> None:
    *lead, size = out.aval.shape
    if not out.aval.size:
        return
    with _each(w, tuple(lead), pivots, out) as (p, order):
        (k,) = w.indices(1)
        with w.loop(k, size):
            w.line(f"{order.at(k)} = {k};")
        with w.loop(k, p.aval.shape[0]), w.using([k]):
            row, other = w.name("row"), order.at(f"{p.at(k)}")
            w.line(f"const int64_t {row} = {order.at(k)};")
            w.line(f"{order.at(k)} = {other};")
            w.line(f"{other} = {row};")


def slogdet(w: Statements, a: Value, dtype: np.dtype) -> list[Value]:
    """The signs of determinants, and the logarithms of their absolute values."""
    _check("slogdet", a, dtype)
    lead = a.aval.shape[:-2]
    sign, logdet = w.array(Aval(lead, dtype)), w.array(Aval(lead, part_of(dtype)), 1)
    if sign.aval.size:
        _slogdet(w, a, sign, logdet)
    return [sign, logdet]


def det(w: Statements, a: Value, dtype: np.dtype) -> Value:
    """Determinants: the sign times the exponential of the logarithm, as in NumPy."""
    _check("det", a, dtype)
    lead, part = a.aval.shape[:-2], part_of(dtype)
    out, log = w.array(Aval(lead, dtype)), w.scratch(Aval(lead, part), "logdet")
    if out.aval.size:
        _slogdet(w, a, out, log)
        indices = w.indices(len(lead))
        with w.loops(lead, indices), w.using(indices):
            size = f"exp_{label_of(part)}({log.at(*indices)})"
            size = size if dtype == part else f"({ctype(dtype)}){size}"
            w.line(f"{out.at(*indices)} = {product([out.at(*indices), size], dtype)};")
    w.release(log)
    return out


def _slogdet(w: Statements, a: Value, sign: Value, logdet: Value) -> None:
    n, lead, dtype = a.aval.shape[-1], a.aval.shape[:-2], sign.aval.dtype
    factors = w.scratch(Aval((n, n), dtype), "lu")
    pivots = w.scratch(Aval((n,), INT32), "pivots")
    with _each(w, lead, a, sign, logdet) as (x, s, y):
        w.copy(factors, x)
        lu_of = f"{w.start(factors)}, {w.start(pivots)}"
        w.line(f"lu_{label_of(dtype)}({n}, {n}, {lu_of});")
        w.line(f"slogdet_{label_of(dtype)}({n}, {lu_of}, {w.start(s)}, {w.start(y)});")
    w.release(factors)
    w.release(pivots)


def qr(w: Statements, a: Value, dtype: np.dtype, complete: bool) -> list[Value]:
    """The factors Q and R, with LAPACK's signs."""
    _check("qr", a, dtype, MOST_ROWS_QR)
    *lead, m, n = a.aval.shape
    k = m if complete else min(m, n)
    q, r = w.array(Aval((*lead, m, k), dtype)), w.array(Aval((*lead, k, n), dtype), 1)
    if not m or not n:
        raise NotInCError("qr of an empty matrix")
    if not q.aval.size:
        return [q, r]
    work, tau = w.scratch(Aval((m, n), dtype)), w.scratch(Aval((min(m, n),), dtype), "tau")
    with _each(w, tuple(lead), a, q, r) as (x, left, right):
        w.copy(work, x)
        args = [w.start(v) for v in (work, left, tau)]
        w.line(f"qr_{label_of(dtype)}({m}, {n}, {k}, {', '.join(args)});")
        i, j = indices = w.indices(2)
        with w.loops([k, n], indices):
            w.line(f"{right.at(i, j)} = {j} < {i} ? 0 : {work.at(i, j)};")
    w.release(work)
    w.release(tau)
    return [q, r]


def cofactor(w: Statements, a: Value, directions: Sequence[Value], dtype: np.dtype) -> Value:
    """The derivatives of determinants of up to 3 rows."""
    *lead, n, _ = a.aval.shape
    if directions or not 0 < n <= 3:
        raise NotInCError(f"cofactor of {a.aval} is not written in C")
    out = w.array(Aval(a.aval.shape, dtype))
    if not out.aval.size:
        return out
    matrix = w.scratch(Aval((n, n), dtype))
    with _each(w, tuple(lead), a, out) as (x, y):
        w.copy(matrix, x)
        w.line(f"cofactor_{label_of(dtype)}({n}, {w.start(matrix)}, {w.start(y)});")
    w.release(matrix)
    return out
