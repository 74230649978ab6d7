"""Sorting and searching in C, by calls of functions for each row."""

import numpy as np

from ..core.avals import Aval
from .functions import cast
from .literals import NotInCError, label_of
from .statements import Statements
from .totals import row_of
from .values import Value

INDEX = np.dtype(np.intp)
LONGEST_SORT = 4096  # elements; NumPy sorts more in less time

# fmt: off
SORTS = {
    "argsort": """\
/* The stable order of x: runs of 8 by insertion, merged by pairs; nan is last */
void argsort_{n}(
    int n, const {t} *x, int stride, int64_t *restrict order, int64_t *restrict work
) {{
    for (int begin = 0; begin < n; begin += 8)
        for (int i = begin; i < n && i < begin + 8; i++) {{
            int j = i;
            for (; j > begin && is_before_{n}(x[stride*i], x[stride*order[j - 1]]); j--)
                order[j] = order[j - 1];
            order[j] = i;
        }}
    for (int width = 8; width < n; width *= 2) {{
        for (int begin = 0; begin < n; begin += 2*width) {{
            const int middle = begin + width < n ? begin + width : n;
            const int end = middle + width < n ? middle + width : n;
            int i = begin, j = middle;
            for (int k = begin; k < end; k++)
                if (i == middle ||
                    (j < end && is_before_{n}(x[stride*order[j]], x[stride*order[i]])))
                    work[k] = order[j++];
                else
                    work[k] = order[i++];
        }}
        memcpy(order, work, n * sizeof *order);
    }}
}}""",
    "search": """\
/* The number of elements before x in the sorted array a; of those equal to it too, if right */
int64_t search_{n}(int n, const {t} *a, int stride, {t} x, bool right) {{
    int low = 0, high = n;
    while (low < high) {{
        const int middle = low + (high - low) / 2;
        const {t} y = a[stride*middle];
        if (right ? !is_before_{n}(x, y) : is_before_{n}(y, x))
            low = middle + 1;
        else
            high = middle;
    }}
    return low;
}}""",
}
# fmt: on


def argsort(w: Statements, x: Value, axis: int, kind: str | None) -> Value:
    """The stable order along an axis."""
    n, dtype = x.aval.shape[axis], x.aval.dtype
    if kind not in ("stable", "mergesort") or dtype.kind == "c":
        raise NotInCError(f"argsort of {x.aval} by {kind}: the order of ties is NumPy's")
    if n > LONGEST_SORT:
        raise NotInCError(f"argsort of {n} elements is faster in NumPy")
    out = w.array(Aval(x.aval.shape, INDEX))
    if not out.aval.size:
        return out
    kept = [d for d in range(x.aval.ndim) if d != axis]
    source, sink = (v.viewed(lambda a: a.transpose((*kept, axis))) for v in (w.stored(x), out))
    order, work = (w.scratch(Aval((n,), INDEX), hint) for hint in ("order", "merged"))
    around = w.indices(len(kept))
    with w.loops(sink.aval.shape[:-1], around), w.using(around):
        row, y = (row_of(w, v, len(kept), around) if kept else v for v in (source, sink))
        args = f"{n}, {w.start(row)}, {row.strides[0]}, {w.start(order)}, {w.start(work)}"
        w.line(f"argsort_{label_of(dtype)}({args});")
        w.copy(y, order)
    w.release(order)
    w.release(work)
    return out


def searchsorted(w: Statements, a: Value, v: Value, side: str) -> Value:
    """Where to insert elements into sorted rows."""
    dtype, lead = np.promote_types(a.aval.dtype, v.aval.dtype), a.aval.shape[:-1]
    if dtype.kind == "c":
        raise NotInCError("searchsorted of complex numbers is not written in C")
    out = w.array(Aval(v.aval.shape, INDEX))
    if not out.aval.size:
        return out
    n, a, x = a.aval.shape[-1], w.stored(a), w.stored(v)
    wide = None if a.aval.dtype == dtype else w.scratch(Aval(a.aval.shape, dtype))
    if wide is not None:
        w.copy(wide, a)
        a = wide
    indices = w.indices(v.aval.ndim)
    with w.loops(v.aval.shape, indices), w.using(indices):
        row = row_of(w, a, len(lead), indices[: len(lead)]) if lead else a
        value = cast(x.at(*indices), v, dtype)
        args = f"{n}, {w.start(row)}, {row.strides[0]}, {value}, {str(side == 'right').lower()}"
        w.line(f"{out.at(*indices)} = search_{label_of(dtype)}({args});")
    if wide is not None:
        w.release(wide)
    return out


def running_position(w: Statements, how: str, x: Value, axis: int) -> Value:
    """The index of the running extremum along an axis: the last of ties, and of nan."""
    if how not in ("argcummax", "argcummin") or x.aval.dtype.kind not in "iuf":
        raise NotInCError(f"{how} of {x.aval} is not written in C")
    out = w.array(Aval(x.aval.shape, INDEX))
    if not out.aval.size:
        return out
    kept = [d for d in range(x.aval.ndim) if d != axis]
    source, sink = (v.viewed(lambda a: a.transpose((*kept, axis))) for v in (w.stored(x), out))
    *around, i = indices = w.indices(x.aval.ndim)
    with w.loops(source.aval.shape[:-1], around), w.using(indices):
        best = w.name("best")
        w.line(f"int64_t {best} = 0;")
        now, then = source.at(*indices), source.at(*around, best)
        better = f"{now} {'>=' if how == 'argcummax' else '<='} {then}"
        better += f" || {now} != {now}" if x.aval.dtype.kind == "f" else ""
        with w.loop(i, source.aval.shape[-1]):
            w.line(f"if ({better})")
            w.line(f"    {best} = {i};")
            w.line(f"{sink.at(*indices)} = {best};")
    return out
