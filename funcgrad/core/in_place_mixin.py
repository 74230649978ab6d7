"""Writes in place by the ndarray interface of tracers: assignment, ``+=``, and methods as sort."""

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .errors import MutationError
from .flat_iterator import FlatIterator
from .ndarray_mixin import NDArrayMixin, binary, function, marked
from .registry import overrides


def _augmented(name: str) -> Callable[..., Any]:
    """The operator of an augmented assignment: it writes in place, but rebinds a scalar."""
    apply = binary(name)[0]

    def method(self: Any, other: Any) -> Any:
        if self._trace.rebinds or overrides["is_scalar"](self):
            return NotImplemented
        y = apply(self, other)
        return y if y is NotImplemented else overrides["in_place"](self, y, name)

    return marked(method, name, primitive=name)


def _refused(name: str, cure: str) -> Callable[..., NoReturn]:
    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise MutationError(f"ndarray.{name}: {_FIXED}; {cure}")

    return marked(method, name, refusal=_FIXED)


def refuse_shape(x: Any, shape: Any) -> NoReturn:
    raise MutationError(f"x.shape = shape: {_FIXED}; write x = x.reshape(shape)")


_FIXED = "shape and dtype of a traced array are fixed"


class InPlaceMixin(NDArrayMixin):
    """The writes of an ndarray into itself."""

    __slots__ = ()

    __setitem__ = function(operator.setitem)
    __iadd__, __isub__, __imul__ = _augmented("add"), _augmented("sub"), _augmented("mul")
    __itruediv__, __ifloordiv__ = _augmented("div"), _augmented("floor_divide")
    __imod__, __ipow__, __imatmul__ = _augmented("mod"), _augmented("pow"), _augmented("matmul")
    __iand__, __ior__ = _augmented("bitwise_and"), _augmented("bitwise_or")
    __ixor__ = _augmented("bitwise_xor")
    __ilshift__, __irshift__ = _augmented("left_shift"), _augmented("right_shift")

    shape = NDArrayMixin.shape.setter(refuse_shape)  # type: ignore[attr-defined]

    @property
    def flat(self) -> Any:
        return FlatIterator(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    def fill(self, value: Any) -> None:
        self[...] = value

    def partition(self, kth: Any, axis: int = -1, kind: str = "introselect") -> None:
        self[...] = overrides[np.partition](self, kth, axis, kind)

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        overrides[np.put](self, indices, values, mode)

    def sort(self, axis: int = -1, **options: Any) -> None:
        self[...] = overrides[np.sort](self, axis, **options)

    __delitem__ = _refused("__delitem__", "use numpy.delete(x, index)")
    itemset = _refused("itemset", "write x[index] = value")
    resize = _refused("resize", "use numpy.resize(x, shape)")
    setfield = _refused("setfield", "write x[...] = value, or x.real, x.imag")
    byteswap = _refused("byteswap", "do it outside the traced function")
