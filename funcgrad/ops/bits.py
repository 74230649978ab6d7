"""Selection without branches, by bit masks; the compiler makes these of where() and similar.

np.where costs as much as 12 passes if its condition is unpredictable. A bit mask, all ones or all
zeros for each element, selects in one pass by ``and`` and in three by ``xor``. A mask is made once
for all its selections.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import dtype_of
from ..core.emitter import Emitter, V
from ..core.registry import primitives
from .families import NonDifferentiable

# integer dtypes by itemsize
INTEGERS: dict[int, np.dtype[Any]] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


class Mask(NonDifferentiable):
    """All ones, -1, where a condition holds, and 0 elsewhere."""

    def __init__(self, name: str, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        whole = lambda c: primitives["truncate"](c, dtype=self.dtype)
        mask = lambda c: np.negative(np.asarray(c).astype(self.dtype))
        super().__init__(name, mask, decompose=lambda c: primitives["neg"](whole(c)))

    @override
    def overwrites(self, operand: int) -> bool:
        return False

    @override
    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        negative = w.numpy("negative")
        if not outs[0].aval.shape:
            w.line(f"{outs[0]} = {negative}({w.dtype(self.dtype)}({ins[0]}))")
            return
        out = w.allocate(outs[0])
        w.line(f"{negative}({w.memory.bits(ins[0], np.dtype(np.int8))}, {out})", outs[0].aval)


class Keep(NonDifferentiable):
    """``t`` where the mask is set, and 0 elsewhere, also for infinite ``t``."""

    def __init__(self, name: str) -> None:
        super().__init__(name, _keep, decompose=lambda t, m: primitives["where"](m, t, 0))
        self.fills = True

    @override
    def overwrites(self, operand: int) -> bool:
        return operand == 0

    @override
    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        (t, m), (out,) = ins, outs
        w.allocate(out)
        integers = INTEGERS[out.aval.dtype.itemsize]
        both = w.numpy("bitwise_and")
        kept, y = (w.memory.bits(x, integers) for x in (t, out))
        w.line(f"{both}({kept}, {m}, {y})", out.aval)


class Blend(NonDifferentiable):
    """``a`` where the mask is set, and ``b`` elsewhere: ((a ^ b) & m) ^ b."""

    def __init__(self, name: str) -> None:
        super().__init__(name, _blend, decompose=True)

    @override
    def overwrites(self, operand: int) -> bool:
        return operand == 1

    @override
    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        (m, a, b), (out,) = ins, outs
        if a.text == b.text:
            if out.text != a.text:
                w.copy(out, a)
            return
        w.allocate(out)
        integers = INTEGERS[out.aval.dtype.itemsize]
        first, second, y = (w.memory.bits(x, integers) for x in (a, b, out))
        xor = w.numpy("bitwise_xor")
        w.line(f"{xor}({first}, {second}, {y})", out.aval)
        w.line(f"{w.numpy('bitwise_and')}({y}, {m}, {y})")
        w.line(f"{xor}({y}, {second}, {y})")


def _keep(t: Any, m: Any) -> Any:
    t = np.asarray(t)
    return np.bitwise_and(t.view(INTEGERS[t.dtype.itemsize]), m).view(t.dtype)


def _blend(m: Any, a: Any, b: Any) -> Any:
    return np.where(m, a, b)


mask32 = Mask("mask32", np.int32)
mask64 = Mask("mask64", np.int64)
keep = Keep("keep")
blend = Blend("blend")


def mask_of(build: Any, condition: Any, like: Any) -> Any:
    """The bit mask of a condition, for elements of the itemsize of ``like``."""
    return build(mask32 if like.aval.dtype.itemsize == 4 else mask64, condition)


def selectable(x: Any, shape: Any, dtype: Any) -> bool:
    """Whether an operand has the full shape, and a dtype that can be viewed as integers."""
    aval = x.aval
    return (
        aval.shape == shape != ()
        and dtype_of(aval) == dtype
        and dtype.kind in "fiu"
        and dtype.itemsize in INTEGERS
    )
