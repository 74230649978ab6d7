"""Products of loops that Python unrolled: many small ones as one.

A call takes 0.5 us, and concatenate 0.05 us for each of its arrays.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.jaxpr import Atom, Eqn, Jaxpr, Var
from ..ops.contract import matmul
from ..ops.elementwise import add
from ..ops.index import Index, concatenate_p, getitem_p
from ..ops.structure import reshape_p, transpose_p
from .rewrite import Builder, over, rewritten

PRODUCTS = 4  # products from which one pays
LITTLE = 4096  # elements of an operand or a result, up to which a call costs more than its work


def join_products(jaxpr: Jaxpr) -> Jaxpr:
    """Join products of the rows of an array by one matrix, and sums of products."""
    return _with_joined_sums(_with_joined_rows(jaxpr))


# x_t w for all t


def _with_joined_rows(jaxpr: Jaxpr) -> Jaxpr:
    """[x_1 w, x_2 w, ...] = [x_1; x_2; ...] w for rows x_t of one array."""
    makers: dict[Any, Eqn] = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    groups: dict[tuple[Atom, Atom], dict[Var, int]] = {}
    for eqn in jaxpr.eqns:
        row = makers.get(eqn.ins[0]) if eqn.prim is matmul else None
        if row is not None and _is_row(row) and eqn.ins[1].aval.ndim == 2 and _is_small(eqn):
            (place,) = row.params["index"]
            groups.setdefault((row.ins[0], eqn.ins[1]), {})[eqn.outs[0]] = place
    groups = {k: g for k, g in groups.items() if max(PRODUCTS, k[0].aval.shape[0] // 2) <= len(g)}
    if not groups:
        return jaxpr
    where = {v: key for key, group in groups.items() for v in group}
    whole: dict[Any, Atom] = {}

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        key = where.get(eqn.outs[0]) if eqn.outs else None
        if key is None:
            return None
        if key not in whole:
            whole[key] = _rows_times(build, *(build.now.get(a, a) for a in key))
        return (build(getitem_p, whole[key], index=Index((groups[key][eqn.outs[0]],))),)

    return rewritten(jaxpr, step)


def _is_row(eqn: Eqn) -> bool:
    """Whether an equation reads one row of an array of vectors or of small matrices."""
    if eqn.prim is not getitem_p or len(eqn.ins) > 1 or eqn.ins[0].aval.ndim not in (2, 3):
        return False
    index = eqn.params["index"]
    return len(index) == 1 and type(index[0]) is int


def _rows_times(build: Builder, x: Atom, w: Atom) -> Atom:
    """The products of all rows of an array and one matrix."""
    *lead, k = x.aval.shape
    if len(lead) == 1:
        return build(matmul, x, w)
    rows = build(reshape_p, x, shape=(lead[0] * lead[1], k))
    return build(reshape_p, build(matmul, rows, w), shape=(*lead, w.aval.shape[1]))


# sums of products


def _with_joined_sums(jaxpr: Jaxpr) -> Jaxpr:
    """a_1 b_1 + a_2 b_2 + ... = [a_1 a_2 ...] [b_1; b_2; ...]."""
    makers: dict[Any, Eqn] = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    readers: dict[Any, list[Any]] = {}
    for eqn in jaxpr.eqns:
        for a in eqn.ins:
            readers.setdefault(a, []).append(eqn.prim)
    for a in jaxpr.outvars:
        readers.setdefault(a, []).append(None)
    sums: dict[Var, tuple[list[Eqn], list[Atom]]] = {}
    for eqn in jaxpr.eqns:
        if eqn.prim is add and readers.get(eqn.outs[0]) != [add] and eqn.outs[0].aval.ndim == 2:
            products, others = _terms(eqn, makers, readers)
            if len(products) >= PRODUCTS:
                sums[eqn.outs[0]] = products, others
    if not sums:
        return jaxpr

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        if not eqn.outs or eqn.outs[0] not in sums:
            return None
        products, others = sums[eqn.outs[0]]
        total: Atom = _joined(build, [over(product, build.now) for product in products])
        for other in others:
            total = build(add, total, build.now.get(other, other))
        return (total,)

    return rewritten(jaxpr, step)


def _terms(
    root: Eqn, makers: Mapping[Any, Eqn], readers: Mapping[Any, list[Any]]
) -> tuple[list[Eqn], list[Atom]]:
    """The small products in a sum of arrays, and its other terms."""
    aval = root.outs[0].aval
    products: list[Eqn] = []
    others: list[Atom] = []
    left = list(root.ins)
    while left:
        a = left.pop()
        made = makers.get(a)
        if made is None or len(readers[a]) > 1 or a.aval != aval or aval.dtype.char not in "fd":
            others.append(a)
        elif made.prim is add:
            left += made.ins
        elif made.prim is matmul and _is_small(made) and _is_plain(made):
            products.append(made)
        else:
            others.append(a)
    return products, others


def _is_small(eqn: Eqn) -> bool:
    avals = [a.aval for a in (*eqn.ins, *eqn.outs)]
    same = len({a.dtype for a in avals}) == 1
    return same and eqn.scope is None and all(a.size <= LITTLE for a in avals)


def _is_plain(eqn: Eqn) -> bool:
    """Whether operands are matrices that together are not larger than two results."""
    if any(a.aval.ndim != 2 for a in eqn.ins):
        return False
    (m, k), n = eqn.ins[0].aval.shape, eqn.ins[1].aval.shape[1]
    return k * (m + n) <= 2 * m * n


def _joined(build: Builder, products: Sequence[tuple[Atom, ...]]) -> Atom:
    """The sum of products of two operands as one product."""
    rows = []
    for a, _ in products:
        made = build.maker(a)
        swapped = made is not None and made.prim is transpose_p and made.params["perm"] == (1, 0)
        rows.append(made.ins[0] if made and swapped else build(transpose_p, a, perm=(1, 0)))
    left = build(transpose_p, build(concatenate_p, *rows, axis=0), perm=(1, 0))
    return build(matmul, left, build(concatenate_p, *(b for _, b in products), axis=0))
