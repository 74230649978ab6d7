"""Identity of static values, where ``==`` is not enough."""

import functools
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any, cast

import numpy as np

from .avals import is_foreign
from .nodes import Keys

_PLAIN = frozenset({int, str, bool, type(None)})


@functools.lru_cache(1024)
def _names(kind: Any) -> tuple[str, ...]:
    """The names of the fields of a dataclass."""
    return tuple([f.name for f in fields(kind)])


def typed(value: Any) -> Hashable:
    """A static value with its types: 1, 1.0 and True differ, and so do -0.0 and 0.0.

    >>> typed((1, 0.0)) == typed((1.0, 0.0)), typed(0.0) == typed(-0.0)
    (False, False)
    """
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if kind is float or kind is complex:
        return kind, repr(value)
    if kind is Keys:
        return kind, tuple(map(typed, value.order))
    if isinstance(value, tuple) and kind.__eq__ is tuple.__eq__:
        own = kind is tuple and set(map(type, value)) == {int}  # a shape, or axes
        return kind, value if own else tuple(map(typed, value))
    if isinstance(value, frozenset):
        return kind, frozenset(map(typed, value))
    if isinstance(value, np.generic):  # before float: np.float64 is a subclass of it
        return kind, value.dtype, str(np.asarray(value)[()])
    if isinstance(value, (float, complex)):  # a subclass may have another repr or equality
        base = float if isinstance(value, float) else complex
        return kind, value, base.__repr__(value)
    if is_dataclass(value) and not isinstance(value, type):
        return kind, value, tuple([typed(getattr(value, name)) for name in _names(cast(Any, kind))])
    return kind, value


def holds_foreign(value: Any) -> bool:
    """Whether a static value holds an array of another library: it has a hash, but may change."""
    if isinstance(value, (tuple, frozenset)):
        return any(map(holds_foreign, value))
    if is_dataclass(value) and not isinstance(value, type):
        return any(holds_foreign(getattr(value, name)) for name in _names(cast(Any, type(value))))
    return is_foreign(value)
