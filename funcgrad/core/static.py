"""Identity of static values, where ``==`` is not enough."""

from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def typed(value: Any) -> Hashable:
    """A static value with its types: 1, 1.0 and True differ, and so do -0.0 and 0.0.

    >>> typed((1, 0.0)) == typed((1.0, 0.0)), typed(0.0) == typed(-0.0)
    (False, False)
    """
    kind = type(value)
    if kind is float or kind is complex:
        return kind, repr(value)
    if isinstance(value, tuple) and kind.__eq__ is tuple.__eq__:
        return kind, tuple(map(typed, value))
    if isinstance(value, frozenset):
        return kind, frozenset(map(typed, value))
    if isinstance(value, np.generic):  # before float: np.float64 is a subclass of it
        return kind, value.dtype, str(np.asarray(value)[()])
    if isinstance(value, (float, complex)):  # a subclass may have another repr or equality
        base = float if isinstance(value, float) else complex
        return kind, value, base.__repr__(value)
    if is_dataclass(value) and not isinstance(value, type):
        return kind, value, tuple([typed(getattr(value, f.name)) for f in fields(value)])
    return kind, value
