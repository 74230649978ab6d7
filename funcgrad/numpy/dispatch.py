"""Registration of rules: which function runs where NumPy's arguments are traced."""

import inspect
from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeAlias, TypeVar

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, OutError, ShapeError, UnsupportedError, shown
from ..core.registry import overrides
from ..core.trace import Tracer

Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]

NO_VALUE: Any = np._NoValue  # NumPy's default of an argument that may be None

# support of a name for traced arrays; coverage.py prints it
DIFFERENTIABLE = "differentiable"
NO_DERIVATIVE = "no derivative"  # the result is indices, counts, booleans or text
EAGER = "differentiable, eager only"  # the shape of the result depends on values
EAGER_NO_DERIVATIVE = "no derivative, eager only"
REFUSED = "refused: "  # the reason follows

F = TypeVar("F", bound=Callable[..., Any])


def numpy_function(name: str) -> Any:
    """NumPy function of a dotted name, None if this version of NumPy has none."""
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part, None)
    return function


def implements(*names: str, status: str = DIFFERENTIABLE, calls: bool = False) -> Callable[[F], F]:
    """Register a function as the rule of these NumPy functions for traced arguments.

    Args:
        calls: whether it calls a function, whose results may be traced where the arguments are not.
    """

    def register(fun: F) -> F:
        fun.status = status  # type: ignore[attr-defined]
        fun.calls = calls  # type: ignore[attr-defined]
        for name in names:
            function = numpy_function(name)
            if function is not None:  # other versions of NumPy lack some names
                overrides[function] = fun
        return fun

    return register


def refuses(names: str, reason: str, cure: str, error: Any = UnsupportedError) -> None:
    """Let NumPy functions raise for traced arguments, with a reason and a cure."""
    for name in names.split():
        _refuse(name, reason, cure, error)


def _refuse(name: str, reason: str, cure: str, error: Any) -> None:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise error(f"numpy.{name}: {reason}; {cure}")

    refuse.__name__ = refuse.__qualname__ = name.rpartition(".")[2]
    refuse.__doc__ = f"Raise: numpy.{name} cannot take traced arrays."
    implements(name, status=REFUSED + reason)(refuse)


def no_out(who: str, out: Any) -> None:
    """Raise if ``out`` is an array to write the result into."""
    if out is not None:
        error = OutError(
            f"{who}: out= would write traced values into an ndarray, which cannot hold them; use "
            f"the returned value (for x += y write x = x + y)"
        )
        error.out = out
        raise error


def with_out(rule: Callable[..., Any], err: Exception, args: Any, kwargs: Any) -> Any:
    """Call a rule that refused ``out=``, and write its result there.

    Raises:
        OutError: if ``out`` is an ndarray.
    """
    if not isinstance(err, OutError) or not isinstance(err.out, Tracer):
        raise err
    given = inspect.signature(rule).bind(*args, **kwargs)
    out = given.arguments.pop("out")
    y = rule(*given.args, **given.kwargs)
    check_out(rule.__name__, out, y)
    overrides["store"](out, y, rule.__name__)
    return out


def check_out(who: str, out: Any, y: Any) -> None:
    """Raise if ``out=`` has not the shape of a result, which only ufuncs broadcast."""
    if shape_of(out) != shape_of(y) and who not in _ELEMENTWISE:
        raise ShapeError(
            f"{who}: out= must have the shape of the result: got {aval_of(out)} for {aval_of(y)}; "
            f"allocate it with that shape"
        )


_ELEMENTWISE = frozenset({"_numpy_clip", "round", "fix", "isposinf", "isneginf"})


overrides["with_out"] = with_out


def check_device(device: Any) -> None:
    """Raise unless the device is None or ``"cpu"``."""
    if device not in (None, "cpu"):
        raise ValueError(f"device: the only device is 'cpu': got {shown(device)}")


def check_cast(who: str, x: Any, dtype: Any, casting: Casting) -> None:
    """Raise if NumPy's casting rule forbids the cast to ``dtype``.

    Raises:
        ValueError: NumPy's, for an unknown rule.
        DtypeError: if the rule forbids the cast.
    """
    if not np.can_cast(dtype_of(x), dtype, casting):
        raise DtypeError(
            f"{who}: cannot cast {dtype_of(x)} to {np.dtype(dtype)} by the rule "
            f"{casting!r}; write x.astype(dtype)"
        )


def unsupported(who: str, what: str, cure: str) -> UnsupportedError:
    return UnsupportedError(f"{who}: {what} is not supported for traced arrays; {cure}")
