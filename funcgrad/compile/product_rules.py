"""Rules for stacks of products: one large product takes less time than many small ones.

Each axis of a product has a letter, and ``contract.py`` multiplies operands with letters.
"""

import math
import string
from collections.abc import Sequence

from ..core.avals import Shape
from ..core.jaxpr import Atom, Eqn, Literal
from ..ops.contract import contraction, einsum_p, matmul, vecdot_p
from ..ops.elementwise import div, mul, square
from ..ops.structure import reshape_p, transpose_p
from .reductions import LIMIT
from .rewrite import Builder
from .sum_rules import is_moderate

STACKED = 4  # vectors from which their product as one matrix pays
WIDE_ROWS = 32  # elements of rows from which vecdot takes less time than a product and a sum
WIDE_COLUMNS = 16  # elements of rows from which einsum takes less time for a sum over columns
LARGE_PRODUCT = 1 << 19  # bytes of an operand from which on a pass over it takes long
LARGE_FACTOR = 1 << 14  # elements of an operand from which on a pass over it takes long
_MANY = 4  # times the elements of a product, from which on it is scaled in place of an operand


def sum_of_products(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_n a_n b_n = [a_1 a_2 ...] [b_1; b_2; ...]: one product for a sum over a stack."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not matmul or not build.read_once(eqn.ins[0]):
        return None
    (a, b), shape = inner.ins, inner.outs[0].aval.shape
    axes = eqn.params["axes"]
    rank = len(shape)
    if a.aval.dtype != b.aval.dtype or a.aval.dtype.kind not in "fc" or axes[-1] >= rank - 2:
        return None
    if not len(a.aval.shape) == len(b.aval.shape) == rank:
        return None
    (rows, along), columns = a.aval.shape[-2:], shape[-1]
    full = all(x.aval.shape[d] == shape[d] for x in (a, b) for d in axes)
    if not full or along * (rows + columns) > 2 * rows * columns:
        return None  # the operands, which may be copied, are larger than the products
    letters = string.ascii_letters[:rank]
    kept = "".join(c for d, c in enumerate(letters) if d not in axes)
    return _contracted(build, a, b, letters, kept, eqn.outs[0].aval.shape)


def sum_of_product(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_j x_ij y_ij by rows, sum_j x_ij y_j = x y, sum_i x_ij y_i = y x: one pass by BLAS."""
    inner, dtype = build.maker(eqn.ins[0]), eqn.outs[0].aval.dtype
    if inner is None or not build.read_once(eqn.ins[0]) or dtype.char not in "fd":
        return None
    x, y = inner.ins * 2 if inner.prim is square else inner.ins
    shape, axes = inner.outs[0].aval.shape, eqn.params["axes"]
    if not x.aval.dtype == y.aval.dtype == dtype or len(axes) != 1:
        return None
    n, last = shape[axes[0]], axes[0] == len(shape) - 1
    if not 1 < n <= LIMIT:  # dot skips single products with 0, of nan too
        return None
    if last and x.aval.shape == y.aval.shape == shape and (n >= WIDE_ROWS or len(shape) == 1):
        return build(vecdot_p, x, y)
    for full, other in ((x, y), (y, x)):
        shapes = ((n,), (1, n)) if last else ((n, 1),)
        if len(shape) == 2 and full.aval.shape == shape and other.aval.shape in shapes:
            v = build(reshape_p, other, shape=(n,))
            return build(matmul, full, v) if last else build(matmul, v, full)
    return None


def sum_of_squares(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_j x_ij**2 by rows, in one pass."""
    return sum_of_product(build, eqn)


def large_sum_of_product(build: Builder, eqn: Eqn) -> Atom | None:
    """sum_j x_ijk y_ijk of large arrays by einsum, which writes no product."""
    (product,), out, axes = eqn.ins, eqn.outs[0].aval, eqn.params["axes"]
    shape, inner = product.aval.shape, build.maker(product)
    if inner is not None and inner.prim is reshape_p and build.read_once(product):
        product = inner.ins[0]
        inner = build.maker(product)
    if inner is None or inner.prim not in (mul, square) or not build.read_once(product):
        return None
    x, y = inner.ins * 2 if inner.prim is square else inner.ins
    if not x.aval == y.aval == product.aval or x.aval.dtype != out.dtype or len(axes) != 1:
        return None
    (axis,) = axes
    row = math.prod(shape[axis + 1 :])
    if x.aval.size * x.aval.dtype.itemsize < LARGE_PRODUCT or row < WIDE_COLUMNS:
        return None
    if not 1 < shape[axis] <= LIMIT or out.dtype.char not in "fd":
        return None
    letters = string.ascii_letters[: len(shape)]
    kept = letters[:axis] + letters[axis + 1 :]
    x, y = (build(reshape_p, v, shape=shape) for v in (x, y))
    return build(einsum_p, x, y, names=(letters, letters), out=kept)


def stack_of_vectors(build: Builder, eqn: Eqn) -> Atom | None:
    """[a b_1, a b_2, ...] = a [b_1 b_2 ...]: one matrix times many vectors is one product."""
    (a, b), shape = eqn.ins, eqn.outs[0].aval.shape
    rank = len(shape)
    if a.aval.dtype != b.aval.dtype or min(len(a.aval.shape), len(b.aval.shape)) < 2:
        return None
    if rank < 3 or a.aval.dtype.kind not in "fc":
        return None
    for many, one, narrow in ((b, a, shape[-1]), (a, b, shape[-2])):
        free = _free_axes(many.aval.shape, one.aval.shape, rank)
        if narrow == 1 and math.prod(shape[d] for d in free) >= STACKED:
            return _contracted(build, a, b, string.ascii_letters[:rank], None, shape)
    return None


def scaled_product(build: Builder, eqn: Eqn) -> Atom | None:
    """(a b) x = (a x) b for a literal x, where a or b has fewer elements than their product."""
    for product, x in (eqn.ins, eqn.ins[::-1])[: 2 if eqn.prim is mul else 1]:
        made = build.maker(product)
        if made is None or made.prim is not matmul or not _scales(x) or product.aval.size == 1:
            continue
        small = min(made.ins, key=lambda a: a.aval.size)
        if small.aval.size >= product.aval.size or not build.read_once(product):
            return None
        if eqn.outs[0].aval.dtype.char not in "fd" or small.aval.dtype != eqn.outs[0].aval.dtype:
            return None  # float16 would overflow early
        scaled = build(eqn.prim, small, x)
        return build(matmul, *[scaled if a is small else a for a in made.ins])
    return None


def product_of_scaled(build: Builder, eqn: Eqn) -> Atom | None:
    """(a x) b = (a b) x for a literal x, where a has many more elements than the product."""
    out = eqn.outs[0].aval
    for i, scaled in enumerate(eqn.ins):
        made = build.maker(scaled)
        if made is None or made.prim not in (mul, div):
            continue
        if scaled.aval.size < max(LARGE_FACTOR, _MANY * out.size):
            continue
        for a, x in (made.ins, made.ins[::-1])[: 2 if made.prim is mul else 1]:
            fits = a.aval == scaled.aval and out.dtype == a.aval.dtype and out.dtype.char in "fd"
            if fits and _scales(x):
                ins = [a if j == i else y for j, y in enumerate(eqn.ins)]
                return build(made.prim, build(matmul, *ins), x)
    return None


def _scales(x: Atom) -> bool:
    return isinstance(x, Literal) and not x.aval.shape and is_moderate(x)


def product_of_transposed(build: Builder, eqn: Eqn) -> Atom | None:
    """A^T B^T = (B A)^T for stacks of matrices, whose transposes BLAS multiplies slowly."""
    swapped = [_before_swap(build, x) for x in eqn.ins]
    if None in swapped or len(eqn.outs[0].aval.shape) < 3:
        return None
    y = build(matmul, *reversed(swapped))
    rank = len(y.aval.shape)
    return build(transpose_p, y, perm=(*range(rank - 2), rank - 1, rank - 2))


def _before_swap(build: Builder, x: Atom) -> Atom | None:
    """The matrices of which ``x`` is the transpose, None if they do not lie in C order."""
    made, rank = build.maker(x), len(x.aval.shape)
    if made is None or made.prim is not transpose_p or rank < 3:
        return None
    perm = made.params["perm"]
    if perm[-2] != rank - 1:  # the last axis in memory is that of the columns
        return None
    if perm[:-2] == tuple(range(rank - 2)):
        return made.ins[0]
    return build(transpose_p, made.ins[0], perm=(*perm[:-2], perm[-1], perm[-2]))


def _free_axes(many: Shape, one: Shape, rank: int) -> list[int]:
    """The stack axes that only one operand has, if it has all of the stack's."""
    if len(many) < rank:
        return []
    one = (*(1,) * (rank - len(one)), *one)
    return [d for d in range(rank - 2) if one[d] == 1 != many[d]]


def _contracted(
    build: Builder, a: Atom, b: Atom, letters: str, kept: str | None, shape: Sequence[int]
) -> Atom:
    """The product of stacks of matrices, summed over the stack axes that are not ``kept``.

    The stack axes of one operand alone become rows of the product.
    """
    rank = len(letters)
    along, rows, columns = string.ascii_letters[rank], letters[-2], letters[-1]
    kept = letters if kept is None else kept
    left = _named(build, a, letters[:-2] + rows + along)
    right = _named(build, b, letters[:-2] + along + columns)
    if any(c in right[1] and c not in left[1] for c in letters[:-2]):
        left, right = right, left
    y, axes = contraction(build, left, right, set(kept))
    order = [c for c in kept if c in axes]  # the others have length 1
    if list(axes) != order:
        y = build(transpose_p, y, perm=tuple(map(axes.index, order)))
    return build(reshape_p, y, shape=tuple(shape))


def _named(build: Builder, x: Atom, letters: str) -> tuple[Atom, str]:
    """An operand without axes of length 1, and the letters of its axes."""
    shape = x.aval.shape
    letters = letters[len(letters) - len(shape) :]
    kept = [d for d, n in enumerate(shape) if n != 1]
    if len(kept) < len(shape):
        x = build(reshape_p, x, shape=tuple([shape[d] for d in kept]))
    return x, "".join(letters[d] for d in kept)
