"""Constants of programs, and the zeros of symbolic zero tangents."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, aval_of
from ..core.companions import Codegen, Dependence
from ..core.emitter import Emitter
from ..core.trace import Primitive
from .dependences import Ins, Outs, Sets
from .paths import Gaps, Masked
from .structure import Batched, Linear


class Array:
    """An array as a hashable parameter, compared by identity."""

    __slots__ = ("value",)

    def __init__(self, value: np.ndarray) -> None:
        self.value = value

    def __repr__(self) -> str:
        return str(aval_of(self.value))


class Constant(Primitive, Codegen):
    """An array as an operation without operands."""

    is_view = True

    @override
    def run(self, *, array: Array) -> tuple[Any, ...]:
        return (array.value.copy(),)

    @override
    def infer(self, *, array: Array) -> tuple[Aval, ...]:
        return (aval_of(array.value),)

    def view(self, w: Emitter[Any], *, array: Array) -> tuple[str, bool]:
        return w.bind(array.value), array.value.flags.c_contiguous

    def in_c(self, w: Any, *, array: Array) -> Any:
        return w.constant(array.value)


class Absent(Linear, Codegen, Dependence):
    """Zeros in place of a symbolic zero tangent or cotangent, beside one that is not zero.

    In a map with masks they lie on no path.
    """

    @override
    def run(self, t: Any, *, shape: Shape, dtype: np.dtype) -> tuple[Any, ...]:
        return (np.zeros(shape, dtype),)

    @override
    def infer(self, t: Aval, *, shape: Shape, dtype: np.dtype) -> tuple[Aval, ...]:
        return (Aval(shape, dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        return (None,)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        return (None,)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        return self.bind(*args, **params), (None,)

    @override
    def on_paths(self, args: Any, live: Any, *, shape: Shape, dtype: np.dtype) -> Masked:
        return self.bind(*args, shape=shape, dtype=dtype), (np.zeros(shape, bool),)

    @override
    def gaps(self, gaps: Any, ins: Any, **params: Any) -> Gaps:
        return (True,), False

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        return [None]

    def decompose(self, t: Any, *, shape: Shape, dtype: np.dtype) -> Any:
        return (np.zeros(shape, dtype),)

    def lower(self, build: Any, t: Any, *, shape: Shape, dtype: np.dtype) -> Any:
        if not shape:
            return build.number(dtype.type(0))
        return build("broadcast", dtype.type(0), shape=shape, axes=tuple(range(len(shape))))


constant_p = Constant("constant")
absent_p = Absent("absent")
