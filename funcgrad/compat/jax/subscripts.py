"""Subscripts of ``jax.numpy.einsum``, in NumPy's notation."""

import string
from collections.abc import Sequence
from typing import Any

from ...core.avals import shape_of
from .arrays import lowered


def sums_of_ellipsis(subscripts: Any, operands: Sequence[Any]) -> Any:
    """Letters for an ellipsis that the result lacks: JAX sums over its axes, NumPy refuses it."""
    if not isinstance(subscripts, str):
        return subscripts
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow or "..." in result or "..." not in left or len(terms) != len(operands):
        return subscripts
    spare = [c for c in string.ascii_letters if c not in subscripts]
    ranks = [len(shape_of(lowered(x))) for x in operands]
    extra = [max(n - len(t.replace("...", "")), 0) for t, n in zip(terms, ranks, strict=True)]
    letters = [
        t.replace("...", "".join(spare[:n][::-1])) for t, n in zip(terms, extra, strict=True)
    ]
    return ",".join(letters) + arrow + result
