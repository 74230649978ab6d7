"""Settings for a ``with`` block: a call without the block warns, since it changes nothing."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from .errors import shown
from .frames import warn

Called = TypeVar("Called", bound=Callable[..., Any])


class Block:
    """A context manager, and decorator, that may be entered again and again.

    Args:
        who: the function that returns it.
        make: makes the context manager of one entry.
    """

    def __init__(self, who: str, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self.who, self.make, self.used = who, make, False

    def __enter__(self) -> Any:
        self.used = True
        self.manager = self.make()
        return self.manager.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        return self.manager.__exit__(*error)

    def __call__(self, function: Called) -> Called:
        """The function, of which each call runs in a block."""
        self.used = True

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.make():
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    def __del__(self) -> None:
        if not getattr(self, "used", True):
            warn(
                f"{self.who}: it holds in a with block: got a call without one, which changes "
                f"nothing; write `with {self.who}(...):`",
                UserWarning,
            )


def check_switch(who: str, name: str, value: Any) -> None:
    """Raise unless the option of a block is True or False; a function is to be called in it."""
    if type(value) is not bool:
        cure = f"write `with {who}():` around its call" if callable(value) else f"write {name}=True"
        raise TypeError(f"{who}: {name} must be True or False: got {shown(value)}; {cure}")
