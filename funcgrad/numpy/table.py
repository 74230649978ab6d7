"""How the face registers what a NumPy function means to a tracer."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import DtypeError, MutationError, UnsupportedError
from ..core.registry import overrides

NO_VALUE: Any = np._NoValue  # NumPy's own mark of an argument that was not given

F = TypeVar("F", bound=Callable[..., Any])


def numpy_function(name: str) -> Any:
    """Return the NumPy function of a dotted name, None where this NumPy lacks it."""
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part, None)
    return function


def implements(*names: str) -> Callable[[F], F]:
    """Let a function stand in for these NumPy functions when tracers are among the arguments."""

    def register(fun: F) -> F:
        for name in names:
            function = numpy_function(name)
            if function is not None:  # a newer NumPy may know more names than this one
                overrides[function] = fun
        return fun

    return register


def no_out(who: str, out: Any) -> None:
    """Raise if the caller wants the result written into an array."""
    if out is not None:
        raise MutationError(
            f"{who}: out= would overwrite an array, and with it the derivative: use the returned "
            f"value instead; for x += y on an ndarray x and a traced y write x = x + y"
        )


def check_cast(who: str, x: Any, dtype: Any, casting: str) -> None:
    """Raise where NumPy's casting rule forbids what ``dtype=`` asks for."""
    if not np.can_cast(dtype_of(x), dtype, casting):
        raise DtypeError(
            f"{who}: cannot cast {dtype_of(x)} to {np.dtype(dtype)} by the rule "
            f"{casting!r}; cast it before, by the rule 'unsafe'"
        )


def unsupported(who: str, what: str, cure: str) -> UnsupportedError:
    return UnsupportedError(f"{who}: {what} is not supported for traced arrays; {cure}")
