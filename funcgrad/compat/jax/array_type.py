"""``jax.Array``."""

from typing import Any

from .arrays import ConcreteArray, TracedArray
from .keys import KeyArray


class ArrayMeta(type):
    """Makes both kinds of arrays, and keys, instances of ``jax.Array``."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, (ConcreteArray, TracedArray, KeyArray))


class Array(metaclass=ArrayMeta):
    """The class of which ``isinstance`` says that arrays are instances."""
