"""Products that contract: matmul and einsum, each multilinear."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.errors import ShapeError
from ..core.trace import Primitive
from .structure import fit, match


class Multilinear(Primitive):
    """Linear in each operand: ``transpose(i, ct, ins, **params)`` is the whole derivative."""

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        terms = []
        for i, t in enumerate(tangents):
            if t is not None:
                operands = [*primals[:i], t, *primals[i + 1 :]]
                terms.append(self(*operands, **params))
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return (fit(total, outs[0]),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        return [
            None if need is None else match(self.transpose(i, cts[0], ins, **params), x)
            for i, (need, x) in enumerate(zip(needs, ins, strict=True))
        ]

    def transpose(self, i: int, ct: Any, ins: Sequence[Any], **params: Any) -> Any:
        """Return the cotangent of operand ``i``, of which only shape and dtype may be read."""
        raise self.missing("transpose")

    @override
    def is_linear(self, operands: frozenset[int]) -> bool:
        return len(operands) == 1


class Matmul(Multilinear):
    """Products of matrices: the last two axes of operands that have at least two."""

    @override
    def run(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (np.matmul(a, b),)

    @override
    def infer(self, a: Aval, b: Aval) -> tuple[Aval, ...]:
        if a.shape[-1] != b.shape[-2]:
            raise ShapeError(
                f"matmul: the columns of the first operand and the rows of the second must be "
                f"as many: got {a} and {b}; a transpose (x.mT) may be missing"
            )
        try:
            batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise ShapeError(
                f"matmul: the axes before the last two do not broadcast: got {a} and {b}"
            ) from None
        dtype = np.matmul(np.ones((1, 1), a.dtype), np.ones((1, 1), b.dtype)).dtype
        return (Aval((*batch, a.shape[-2], b.shape[-1]), dtype),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any) -> Sequence[Any]:
        (ct,), (a, b) = cts, ins
        a_ct = None if needs[0] is None else match(ct @ b.mT, a)
        if needs[1] is None:
            return (a_ct, None)
        if len(b.shape) == 2 < len(a.shape):  # one product for the whole batch
            a, ct = a.reshape(-1, a.shape[-1]), ct.reshape(-1, ct.shape[-1])
        return (a_ct, match(a.mT @ ct, b))


class Einsum(Multilinear):
    """A sum of products over named axes, one name an axis.

    No operand repeats a name, each name has one length, and each name of an operand is also in
    the result or in another operand; ``einsum`` of the face brings every call into this form,
    in which the transpose is again an einsum.
    """

    @override
    def run(self, *xs: Any, names: tuple[str, ...], out: str) -> tuple[Any, ...]:
        return (np.einsum(f"{','.join(names)}->{out}", *xs, optimize=len(xs) > 1),)

    @override
    def infer(self, *xs: Aval, names: tuple[str, ...], out: str) -> tuple[Aval, ...]:
        lengths: dict[str, int] = {}
        for x, axes in zip(xs, names, strict=True):
            for axis, n in zip(axes, x.shape, strict=True):
                if lengths.setdefault(axis, n) != n:
                    raise ShapeError(
                        f"einsum: axis {axis!r} has two lengths, {lengths[axis]} and {n}: "
                        f"got {', '.join(map(str, xs))} for {','.join(names)}->{out}"
                    )
        dtype = np.result_type(*(x.dtype for x in xs))
        return (Aval(tuple(lengths[axis] for axis in out), dtype),)

    @override
    def transpose(
        self, i: int, ct: Any, ins: Sequence[Any], *, names: tuple[str, ...], out: str
    ) -> Any:
        others = [j for j in range(len(ins)) if j != i]
        operands = (ct, *(ins[j] for j in others))
        return einsum_p(*operands, names=(out, *(names[j] for j in others)), out=names[i])


matmul_p = Matmul("matmul")
einsum_p = Einsum("einsum")
