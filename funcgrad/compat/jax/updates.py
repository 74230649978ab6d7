"""``x.at[index].set(v)``: copies of arrays with elements replaced."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import dtype_of
from ...core.trace import Tracer
from ...numpy.at import at
from ...ops.structure import cast
from .arrays import Methods, inward, lowered, own, raised
from .indexing import elements, updated
from .weak_types import weakened


class Updates:
    """``x.at``; see funcgrad.at for the methods of its items."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> "Update":
        return Update(self.array, index)


class Update:
    """``x.at[index]``, with the methods set, add, multiply, divide, power, min, max, apply, get."""

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array, self.index = array, index

    def __getattr__(self, name: str) -> Callable[..., Any]:
        x = own(self.array)
        name = {"mul": "multiply", "sub": "subtract"}.get(name, name)
        index = lowered(self.index)

        def call(
            *args: Any, out_sharding: Any = None, wrap_negative_indices: bool = True, **options: Any
        ) -> Any:
            low = [
                inward(a) if callable(a) and not isinstance(a, Methods) else lowered(a)
                for a in args
            ]
            options = lowered(options)
            if name == "get":
                return weakened(raised(_read(x, index, options)), (self.array,))
            if name != "apply":
                low = [_assigned(v, x) for v in low]
            return weakened(raised(updated(x, index, name, low, options)), (self.array,))

        return call


def _read(x: Any, index: Any, options: dict[str, Any]) -> Any:
    if options.get("mode") in (None, "clip"):
        return elements(x, index)
    return at(x)[index].get(**options)


def _assigned(v: Any, x: Any) -> Any:
    """A value in the dtype of the array that it is written to."""
    narrows = isinstance(v, float) and dtype_of(x).kind in "biu"
    kept = isinstance(v, (Tracer, np.ndarray, int, float, complex)) and not narrows
    v = v if kept else np.asarray(v)
    if isinstance(v, (Tracer, np.ndarray)) and dtype_of(v) != dtype_of(x):
        return cast(v, dtype_of(x)) if isinstance(v, Tracer) else v.astype(dtype_of(x))
    return v


Methods.at = property(Updates)  # type: ignore[attr-defined]
