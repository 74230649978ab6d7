"""The Array API namespace of the arrays of a call, its dtypes and its device."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import PYTHON_SCALARS, Aval
from ...core.jaxpr import Jaxpr


class LackError(Exception):
    """The library lacks a function or a dtype; the operation that asked is not known here."""


def is_numpys(x: Any) -> bool:
    """Whether a value is an array or a scalar of NumPy, or a Python scalar."""
    return isinstance(x, (np.ndarray, np.generic)) or type(x) in PYTHON_SCALARS


def namespace_of(x: Any) -> ModuleType:
    """The Array API namespace of an array.

    Raises:
        TypeError: if its library has none.
    """
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__()  # type: ignore[no-any-return]
    if find_spec("array_api_compat") is None:
        raise TypeError(
            f"to_array_api: {type(x).__module__}.{type(x).__qualname__} has no "
            f"__array_namespace__; run pip install array-api-compat"
        )
    import array_api_compat

    return array_api_compat.array_namespace(x)  # type: ignore[no-any-return]


class Namespace:
    """The namespace and the device of arrays; NumPy where all are NumPy's.

    Args:
        arrays: the arguments of a call.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        foreign = [x for x in arrays if not is_numpys(x)]
        self.device = foreign[0].device if foreign else "cpu"
        self.xp: Any = namespace_of(foreign[0]) if foreign else np
        for x in foreign:
            other = namespace_of(x)
            if other is not self.xp:
                names = f"{self.xp.__name__} and {other.__name__}"
                raise TypeError(f"to_array_api: got arrays of {names}; convert some of them")

    def find(self, name: str) -> Callable[..., Any]:
        """A function of the namespace, such as "linalg.qr".

        Raises:
            LackError: if it has none of this name.
        """
        found: Any = self.xp
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is None:
            raise LackError(f"{self.xp.__name__} has no {name}")
        return found  # type: ignore[no-any-return]

    def dtype(self, dtype: np.dtype) -> Any:
        """A dtype of NumPy's in the library.

        Raises:
            LackError: if it has none.
        """
        found = getattr(self.xp, dtype.name, None)
        if found is None:
            raise LackError(f"{self.xp.__name__} has no dtype {dtype}")
        return found

    def array(self, x: Any, dtype: np.dtype) -> Any:
        """A value as an array of the library, in a dtype of NumPy's."""
        if self.xp is np:
            return np.asarray(x, dtype)
        own = self.dtype(dtype)
        if is_numpys(x):  # a copy, which is contiguous and may be written
            return self.xp.asarray(np.array(x, dtype, order="C"), device=self.device)
        return x if x.dtype == own else self.xp.astype(x, own)


class Operation(NamedTuple):
    """The namespace in which an equation runs, and the avals of the equation."""

    space: Namespace
    ins: Sequence[Aval]
    outs: Sequence[Aval]
    evaluate: Callable[[Jaxpr, Sequence[Any], Namespace], list[Any]]

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the first result."""
        return self.outs[0].dtype

    def __call__(self, name: str, *args: Any, **options: Any) -> Any:
        """Apply a function of the namespace."""
        return self.space.find(name)(*args, **options)

    def array(self, x: Any, dtype: Any) -> Any:
        """A value as an array of the library."""
        return self.space.array(x, np.dtype(dtype))

    def own(self, *xs: Any) -> list[Any]:
        """Operands as arrays of the library, in their dtypes."""
        return [self.space.array(x, a.dtype) for x, a in zip(xs, self.ins, strict=True)]

    def run(self, jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
        """The outputs of a program that the equation holds."""
        return self.evaluate(jaxpr, args, self.space)
