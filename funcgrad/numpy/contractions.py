"""Sums of products over named axes: einsum."""

import string
from collections import Counter
from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError, shown
from ..ops.contract import einsum_p
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.operand import common_dtype, operand, strong
from ..ops.structure import cast, reshape, sum_p, transpose_p
from .aliasing import Viewed, as_scalar
from .dispatch import NO_DERIVATIVE, Casting, check_cast, implements, no_out
from .indexing import placeholder


@implements("einsum")
def einsum(
    *operands: Any,
    out: Any = None,
    dtype: Any = None,
    order: str = "K",
    casting: Casting = "safe",
    optimize: Any = False,
) -> Any:
    """Sum of products over named axes; see numpy.einsum for the notation.

    The call is normalized for the ``einsum`` primitive: diagonals are taken, axes of length 1 that
    broadcast are dropped, and axes that occur once are summed.
    """
    no_out("einsum", out)
    xs, names, result = _parsed(operands)
    if len(xs) == 1 and dtype is None and set(names[0]) == set(result):
        return as_scalar(_PERMUTED(strong(xs[0]), names=names[0], result=result))
    return as_scalar(_contracted(xs, names, result, dtype, casting))


def _contracted(
    xs: list[Any], names: list[str], result: str, dtype: Any = None, casting: Casting = "safe"
) -> Any:
    if dtype is not None:
        for x in xs:
            check_cast("einsum", x, dtype, casting)
        xs = [cast(x, dtype) for x in xs]
    pairs = [_diagonal(x, axes) for x, axes in zip(xs, names, strict=True)]
    xs, names = [x for x, _ in pairs], [axes for _, axes in pairs]
    lengths: dict[str, int] = {}
    for x, axes in zip(xs, names, strict=True):
        for axis, n in zip(axes, shape_of(x), strict=True):
            lengths[axis] = n if lengths.get(axis, 1) == 1 else lengths[axis]
    pairs = [_drop_broadcast_axes(x, axes, lengths) for x, axes in zip(xs, names, strict=True)]
    counts = Counter(result + "".join(axes for _, axes in pairs))
    dtype = common_dtype(xs)  # NumPy sums in it, also over axes of a single operand
    pairs = [_sum_unshared(x, axes, counts, dtype) for x, axes in pairs]
    if len(pairs) == 1:
        ((x, axes),) = pairs
        return transpose_p(x, perm=tuple(map(axes.index, result)))
    return einsum_p(*(x for x, _ in pairs), names=tuple(axes for _, axes in pairs), out=result)


_PERMUTED = Viewed(  # without sums: a view
    lambda x, names, result: _contracted([x], [names], result),
    lambda x, names, result: np.einsum(f"{names}->{result}", x),
    writeable=True,
)


def _parsed(operands: tuple[Any, ...]) -> tuple[list[Any], list[str], str]:
    """Operands, and the axis letters of operands and result; an ellipsis gets unused letters."""
    if isinstance(operands[0], str):
        text, xs = operands[0].replace(" ", ""), [operand(x) for x in operands[1:]]
    else:  # operand, list of integers, operand, list of integers, ..., [result]
        count = len(operands) // 2 * 2
        xs = [operand(x) for x in operands[:count:2]]
        text = ",".join(map(_letters, operands[1:count:2]))
        text += "".join(f"->{_letters(names)}" for names in operands[count:])
    left, arrow, result = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(xs):
        raise ValueError(f"einsum: the subscripts name {len(terms)} operands: got {len(xs)}")
    extra = []  # axes of each operand under its ellipsis
    for x, term in zip(xs, terms, strict=True):
        extra.append(len(shape_of(x)) - len(term.replace("...", "")))
        if extra[-1] < 0 or (extra[-1] and "..." not in term):
            raise ValueError(
                f"einsum: the subscripts {shown(term)} do not fit an operand with "
                f"{len(shape_of(x))} axes: got {aval_of(x)}"
            )
    spare = [c for c in string.ascii_letters if c not in text]
    dots = "".join(spare[: max(extra)])
    names = [t.replace("...", dots[max(extra) - n :]) for t, n in zip(terms, extra, strict=True)]
    if not arrow:
        counts = Counter(left.replace(",", "").replace(".", ""))
        result = "..." + "".join(sorted(axis for axis, n in counts.items() if n == 1))
    if arrow and dots and "..." not in result:
        raise ValueError(
            f"einsum: the result must have the axes of an ellipsis: got {shown(result)}; write "
            f"{'...' + result!r}, and sum over the axes that it stands for"
        )
    result = result.replace("...", dots)
    if len(set(result)) < len(result) or not set(result) <= set("".join(names)):
        raise ValueError(
            f"einsum: the result must name axes of the operands, each once: got {shown(result)}"
        )
    return xs, names, result


def _letters(names: Any) -> str:
    return "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in names)


def _diagonal(x: Any, names: str) -> tuple[Any, str]:
    """Operand with diagonals taken, so that no axis letter repeats."""
    for axis in dict.fromkeys(names):
        positions = [d for d, name in enumerate(names) if name == axis]
        if len(positions) > 1:
            rest = [d for d in range(len(names)) if d not in positions]
            x = transpose_p(x, perm=(*positions, *rest))
            if len({shape_of(x)[d] for d in range(len(positions))}) > 1:
                raise ShapeError(
                    f"einsum: axis {axis!r} has two lengths in one operand: got {aval_of(x)}"
                )
            along = np.arange(shape_of(x)[0])
            x = getitem_p(x, *[along] * len(positions), index=Index([ARRAY] * len(positions)))
            names = axis + "".join(names[d] for d in rest)
    return x, names


def _drop_broadcast_axes(x: Any, names: str, lengths: dict[str, int]) -> tuple[Any, str]:
    """Operand without the axes of length 1 that broadcast."""
    kept = [d for d, axis in enumerate(names) if shape_of(x)[d] != 1 or lengths[axis] == 1]
    return reshape(x, tuple(shape_of(x)[d] for d in kept)), "".join(names[d] for d in kept)


def _sum_unshared(x: Any, names: str, counts: Counter[str], dtype: np.dtype) -> tuple[Any, str]:
    """Operand summed over the axes that only it names."""
    alone = tuple(d for d, axis in enumerate(names) if counts[axis] == 1)
    rest = "".join(axis for axis in names if counts[axis] > 1)
    return (cast(sum_p(cast(x, dtype), axes=alone), dtype) if alone else x), rest


@implements("einsum_path", status=NO_DERIVATIVE)
def einsum_path(*operands: Any, **options: Any) -> Any:
    """Cheapest order of contraction; see numpy.einsum_path."""
    return np.einsum_path(*(placeholder(x) for x in operands), **options)
