"""Python's containers, which may hold traced values, and types of traced values."""

import builtins
from typing import Any

from ...core import tree
from ...core.lazy import publish as _publish
from .tracer import getval, isbox

list, tuple, dict = builtins.list, builtins.tuple, builtins.dict


def isinstance(x: Any, classes: Any) -> bool:
    """Whether a value, or the value of a traced array, is an instance of a class."""
    return builtins.isinstance(getval(x) if isbox(x) else x, classes)


def type(x: Any) -> Any:
    """The class of a value, or of the value of a traced array."""
    return builtins.type(getval(x) if isbox(x) else x)


class ContainerMeta(builtins.type):
    """Makes containers that hold traced values instances of a class."""

    kinds: Any

    def __instancecheck__(cls, x: Any) -> bool:
        return builtins.isinstance(x, cls.kinds) and any(map(isbox, tree.leaves(x)))


class SequenceBox(metaclass=ContainerMeta):
    """The class of lists and tuples that hold traced values."""

    kinds = (list, tuple)


class DictBox(metaclass=ContainerMeta):
    """The class of dicts that hold traced values."""

    kinds = dict


__all__ = ["DictBox", "SequenceBox", "dict", "isinstance", "list", "tuple", "type"]
_publish(__name__)
