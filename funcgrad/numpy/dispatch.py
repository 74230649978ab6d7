"""How the face registers what a NumPy function means to a tracer."""

from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeAlias, TypeVar

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import DtypeError, MutationError, UnsupportedError, shown
from ..core.registry import overrides

Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]

NO_VALUE: Any = np._NoValue  # NumPy's own mark of an argument that was not given

# what a name means to a traced array; see coverage.py, which prints it
DIFFERENTIABLE = "differentiable"
NO_DERIVATIVE = "no derivative"  # its result is positions, counts, truth or text
EAGER = "differentiable, eager only"  # the shape of its result depends on the numbers
EAGER_NO_DERIVATIVE = "no derivative, eager only"
REFUSED = "refused: "  # and the reason

F = TypeVar("F", bound=Callable[..., Any])


def numpy_function(name: str) -> Any:
    """Return the NumPy function of a dotted name, None where this NumPy lacks it."""
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part, None)
    return function


def implements(*names: str, status: str = DIFFERENTIABLE) -> Callable[[F], F]:
    """Let a function stand in for these NumPy functions when tracers are among the arguments."""

    def register(fun: F) -> F:
        fun.status = status  # type: ignore[attr-defined]
        for name in names:
            function = numpy_function(name)
            if function is not None:  # a newer NumPy may know more names than this one
                overrides[function] = fun
        return fun

    return register


def refuses(names: str, reason: str, cure: str, error: Any = UnsupportedError) -> None:
    """Let NumPy functions raise where tracers are among the arguments, and say why."""
    for name in names.split():
        _refuse(name, reason, cure, error)


def _refuse(name: str, reason: str, cure: str, error: Any) -> None:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise error(f"numpy.{name}: {reason}; {cure}")

    refuse.__name__ = refuse.__qualname__ = name.rpartition(".")[2]
    refuse.__doc__ = f"Raise: numpy.{name} cannot take traced arrays."
    implements(name, status=REFUSED + reason)(refuse)


def no_out(who: str, out: Any) -> None:
    """Raise if the caller wants the result written into an array."""
    if out is not None:
        raise MutationError(
            f"{who}: out= would overwrite an array, and with it the derivative: use the returned "
            f"value instead; for x += y on an ndarray x and a traced y write x = x + y"
        )


def check_device(device: Any) -> None:
    """Raise for a device that there is not."""
    if device not in (None, "cpu"):
        raise ValueError(f"device: arrays lie on the one device 'cpu': got {shown(device)}")


def check_cast(who: str, x: Any, dtype: Any, casting: Casting) -> None:
    """Raise where NumPy's casting rule forbids what ``dtype=`` asks for.

    Raises:
        ValueError: NumPy's own, for a rule that there is not.
        DtypeError: if the rule forbids the cast.
    """
    if not np.can_cast(dtype_of(x), dtype, casting):
        raise DtypeError(
            f"{who}: cannot cast {dtype_of(x)} to {np.dtype(dtype)} by the rule "
            f"{casting!r}; cast it before, by the rule 'unsafe'"
        )


def unsupported(who: str, what: str, cure: str) -> UnsupportedError:
    return UnsupportedError(f"{who}: {what} is not supported for traced arrays; {cure}")
