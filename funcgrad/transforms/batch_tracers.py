"""Values under vmap."""

from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of
from ..core.trace import MARK, AbstractTracer, Trace
from .owned_arrays import kept


class BatchTracer(AbstractTracer):
    """The values of all examples in one array, and its batch axis."""

    __slots__ = ()
    axis = MARK
    _uses = ("value", "_note")

    def __init__(self, trace: Trace, value: Any, axis: int) -> None:
        self._trace = trace
        self.value = value
        self._mark = axis
        trace.count += 1
        self._note = trace.count
        self._memory = None

    @property
    def aval(self) -> Aval:
        x, axis = self.value, self.axis
        x = x if type(x) is np.ndarray else aval_of(x)
        shape = x.shape
        return Aval((*shape[:axis], *shape[axis + 1 :]) if axis else shape[1:], x.dtype)

    def __repr__(self) -> str:
        return f"Traced({self.value!r}, batched along axis {self.axis})"

    def __str__(self) -> str:
        return str(self.value)

    @override
    def unknown(self) -> str:
        return f"{self.aval}, which differs from example to example in {self._trace.origin}"


class WrittenBatch(BatchTracer):
    """The values of all examples in an array of the trace, to which it writes in place."""

    __slots__ = ()

    @override
    def _detach(self) -> None:
        self.value = kept(self.value)
        self.__class__ = BatchTracer  # type: ignore[assignment]
