"""The named axes: what vmap, or whatever else runs many examples at once, calls theirs.

An axis is known by its token: a tracer whose trace runs the collectives, to which it is an
operand. So they need not know whether the other examples lie along an axis of an array, or in
other processes; and a program that closes over the token has it as an operand like any other.
"""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from .errors import AxisNameError


class Axis(NamedTuple):
    """The number of examples along a named axis, its token, and the number of this example.

    Where the token says itself which example this is, as under vmap, the number is None.
    """

    size: int
    token: Any
    index: Any = None


axis_env: ContextVar[Mapping[Hashable, Axis]] = ContextVar("axis_env")


@contextmanager
def bind_axis(name: Hashable, axis: Axis) -> Iterator[None]:
    """Bind a name for the time of a ``with`` block."""
    with bind_axes({name: axis}):
        yield


@contextmanager
def bind_axes(axes: Mapping[Hashable, Axis]) -> Iterator[None]:
    """Bind names for the time of a ``with`` block."""
    reset = axis_env.set({**axis_env.get({}), **axes})
    try:
        yield
    finally:
        axis_env.reset(reset)


def axis_named(who: str, name: Hashable) -> Axis:
    """Return the axis of this name.

    Raises:
        AxisNameError: if nothing around the call has bound it.
    """
    env = axis_env.get({})
    if name not in env:
        known = ", ".join(map(repr, env)) or "none"
        raise AxisNameError(
            f"{who}: no axis is named {name!r} here: bound are {known}; run the function under "
            f"vmap(f, axis_name={name!r})"
        )
    return env[name]
