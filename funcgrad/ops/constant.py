"""An array as an operation without operands, for a program that cannot close over one."""

from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.trace import Primitive


class Array:
    """An array as a hashable parameter: two are the same only if they are one object."""

    __slots__ = ("value",)

    def __init__(self, value: np.ndarray) -> None:
        self.value = value

    def __repr__(self) -> str:
        return str(aval_of(self.value))


class Constant(Primitive):
    """Give an array."""

    @override
    def run(self, *, array: Array) -> tuple[Any, ...]:
        return (array.value.copy(),)

    @override
    def infer(self, *, array: Array) -> tuple[Aval, ...]:
        return (aval_of(array.value),)

    def emit(self, w: Any, outs: Any, ins: Any, *, array: Array) -> None:
        w.assign_view(outs[0], w.bind(array.value))


constant_p = Constant("constant")
