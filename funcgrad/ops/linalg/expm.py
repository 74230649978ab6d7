"""The number of squarings of the matrix exponential."""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval
from ..structure import cast
from .matrices import MatrixPrimitive


class Squarings(MatrixPrimitive):
    """The number of halvings of a matrix after which the Padé approximant of exp is accurate.

    Source: Al-Mohy & Higham 2009, A new scaling and squaring algorithm for the matrix exponential,
    algorithm 5.1, for order 13; for order 7, in single precision, Higham 2005.
    """

    differentiable = False

    @override
    def run(self, a: Any, *, order: int) -> tuple[Any, ...]:
        return (np.asarray(_squarings(a, order), np.int32),)

    def decompose(self, a: Any, *, order: int) -> Any:
        return (cast(_squarings(a, order), np.int32),)

    @override
    def infer(self, a: Aval, *, order: int) -> tuple[Aval, ...]:
        return (Aval(a.shape[:-2], np.dtype(np.int32)),)


def _squarings(a: Any, order: int) -> Any:
    size = np.abs(a)
    norm = size.sum(axis=-2).max(axis=-1)
    # a large finite norm is scaled first, so that powers do not overflow
    finite = np.isfinite(norm)
    first = np.maximum(np.frexp(np.where(finite, norm, 1))[1], 0)
    a, size = (np.ldexp(1.0, -first)[..., None, None] * np.where(finite[..., None, None], x, 0)
               for x in (a, size))  # fmt: skip
    if order == 7:
        return _halvings(size.sum(axis=-2).max(axis=-1) / 3.92, first)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a2 @ a4
    roots = [
        np.abs(power).sum(axis=-2).max(axis=-1) ** (1 / p)
        for power, p in ((a6, 6), (a4 @ a4, 8), (a4 @ a6, 10))
    ]
    eta = np.minimum(np.maximum(roots[0], roots[1]), np.maximum(roots[1], roots[2]))
    s = _halvings(eta / 4.25, first)
    # the truncation error relative to A, |c| times the norm of |A|^27, may increase s
    row = np.ones((*a.shape[:-2], 1, a.shape[-1]))
    for _ in range(27):
        row = row @ size
    power = np.log2(np.maximum(row.max(axis=(-2, -1)), 1e-300)) + 27.0 * (first - s)
    size_log = np.log2(np.maximum(size.sum(axis=-2).max(axis=-1), 1e-300)) + first - s
    excess = power - size_log - math.log2(1.1325077560602111e35) + 53
    return s + np.maximum(np.ceil(excess / 26), 0)


def _halvings(ratio: Any, before: Any) -> Any:
    """The number of halvings until ratio times 2**before is at most 1."""
    mantissa, exponent = np.frexp(ratio)
    exponent = exponent - (mantissa == 0.5)
    return np.where(ratio == 0, 0, np.maximum(exponent + before, 0))


squarings_p = Squarings("expm_squarings")
