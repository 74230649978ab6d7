"""What was made before, by key, up to a number."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from .config import config

T = TypeVar("T")


class Cache(Generic[T]):
    """A mapping that keeps the ``config.jit_cache_size`` values that were used last.

    Threads may share it without a lock, which a fork could leave locked for ever: each step is one
    operation of a dict, and at worst a value that two threads ask for at once is made twice.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, T] = {}

    def get(self, key: Hashable) -> T | None:
        """Return a value, which is then the one that was used last, None where there is none."""
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value
        return value

    def put(self, key: Hashable, value: T) -> None:
        self._values[key] = value
        excess = len(self._values) - config.jit_cache_size
        if excess > 0:
            for old in list(self._values)[:excess]:
                self._values.pop(old, None)

    def values(self) -> list[T]:
        """Return the values, the one that was used last at the end."""
        return list(self._values.values())

    def __len__(self) -> int:
        return len(self._values)


class lazy(Generic[T]):  # noqa: N801, a decorator
    """A property that is computed when it is first asked for, and then is an attribute.

    It is ``functools.cached_property`` without a lock, which that has before Python 3.12, and
    which a fork while another thread compiles would leave locked in the child.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute, self.name, self.__doc__ = compute, compute.__name__, compute.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        value = self.compute(instance)
        return instance.__dict__.setdefault(self.name, value)
