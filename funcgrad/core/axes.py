"""Named axes: the names by which collectives address the axis of a vmap, or of parallel ranks.

A named axis holds a token: a tracer that is an operand of each collective, so that its trace runs
them. A collective does not depend on where the other examples are, along an axis of an array or
in other processes; and a program that closes over the token has it as an ordinary operand.
"""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from .errors import AxisNameError


class Axis(NamedTuple):
    """Size of a named axis, its token, and the index of this example along it.

    ``index`` is None where the trace of the token gives it, as under vmap.
    """

    size: int
    token: Any
    index: Any = None


axis_env: ContextVar[Mapping[Hashable, Axis]] = ContextVar("axis_env")


@contextmanager
def bind_axis(name: Hashable, axis: Axis) -> Iterator[None]:
    """Bind a name in a ``with`` block."""
    with bind_axes({name: axis}):
        yield


@contextmanager
def bind_axes(axes: Mapping[Hashable, Axis]) -> Iterator[None]:
    """Bind names in a ``with`` block."""
    reset = axis_env.set({**axis_env.get({}), **axes})
    try:
        yield
    finally:
        axis_env.reset(reset)


def axis_named(who: str, name: Hashable) -> Axis:
    """The axis of a name.

    Raises:
        AxisNameError: if no enclosing transform has bound the name.
    """
    env = axis_env.get({})
    if name not in env:
        known = ", ".join(map(repr, env)) or "none"
        raise AxisNameError(
            f"{who}: no axis is named {name!r} here: bound are {known}; run the function under "
            f"vmap(f, axis_name={name!r})"
        )
    return env[name]
