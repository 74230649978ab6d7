"""Values on a tape."""

from typing import Any

from typing_extensions import override

from ..core.trace import MARK, ConcreteTracer, Trace
from .owned_arrays import kept


class TapeTracer(ConcreteTracer):
    """A value, and its number on the tape."""

    __slots__ = ()
    number = MARK  # an int; None while an operation is processed of which it is a constant

    def __init__(self, trace: Trace, value: Any, number: Any) -> None:
        self._trace = trace
        self.value = value
        self._mark = number
        self._memory = None


class SharedTracer(TapeTracer):
    """A value in the memory of an argument, to which the user can write."""

    __slots__ = ()


class WrittenTracer(TapeTracer):
    """A value in an array of the tape, to which the function writes in place."""

    __slots__ = ()

    @override
    def _detach(self) -> None:
        self.value = kept(self.value)
        self.__class__ = TapeTracer  # type: ignore[assignment]
