"""Caches: a bounded one by key, and a property computed once."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from .config import current

T = TypeVar("T")


class Cache(Generic[T]):
    """A least-recently-used cache of ``config.jit_cache_size`` values.

    Threads share it without a lock, which a fork could leave locked forever: each step is one
    operation of a dict, and at worst two threads compute the same value.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, T] = {}

    def get(self, key: Hashable) -> T | None:
        """Look up a value and mark it as most recently used; None if it is missing."""
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value
        return value

    def put(self, key: Hashable, value: T) -> None:
        self._values[key] = value
        excess = len(self._values) - current.get().jit_cache_size
        if excess > 0:
            for old in list(self._values)[:excess]:
                self._values.pop(old, None)

    def values(self) -> list[T]:
        """The values, the most recently used last."""
        return list(self._values.values())

    def __len__(self) -> int:
        return len(self._values)


class lazy(Generic[T]):  # noqa: N801, a decorator
    """A property computed at first access, then stored as an attribute.

    It is ``functools.cached_property`` without the lock of Python 3.11, which a fork while another
    thread compiles would leave locked in the child.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute, self.name, self.__doc__ = compute, compute.__name__, compute.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        value = self.compute(instance)
        return instance.__dict__.setdefault(self.name, value)
