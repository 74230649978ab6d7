"""Known faults of writes, planted one at a time to see that random programs find them."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from funcgrad.core import memory
from funcgrad.core.registry import overrides
from funcgrad.numpy import aliasing, shapes
from funcgrad.ops.index import Getitem
from funcgrad.ops.structure import Transpose
from funcgrad.transforms import tape_writes


def _nothing(*_: Any) -> None:
    """Do nothing."""


def _unlinked(y: Any, *_: Any) -> Any:
    return y


def _always(*_: Any) -> bool:
    return True


def _never(*_: Any) -> bool:
    return False


def _same(a: Any, *_: Any, **__: Any) -> Any:
    return a


def _transposed_again(self: Any, x: Any, part: Any, *, perm: Any) -> Any:
    return Transpose.bind(self, part, perm=perm)[0]


def _first_only(self: Any, x: Any, part: Any, *, index: Any) -> Any:
    return x


PLANTS: dict[str, tuple[Any, Any, Any]] = {
    "views are not forgotten": (memory, "_forget_views", _nothing),
    "views have no owner": (aliasing, "alias", _unlinked),
    "transposes have no owner": (shapes, "viewed", _unlinked),
    "copies are the array": (overrides, np.copy, _same),
    "scalars are arrays": (overrides, "is_scalar", _never),
    "arrays are scalars": (overrides, "is_scalar", _always),
    "a transpose is put back as it is": (Transpose, "put", _transposed_again),
    "a part is not put back": (Getitem, "put", _first_only),
    "copies see writes": (tape_writes, "keep_lent", _nothing),
    "ravel never copies": (aliasing, "is_contiguous", _always),
}


@contextlib.contextmanager
def planted(name: str) -> Iterator[None]:
    """Put a fault in the library's place."""
    owner, attribute, fault = PLANTS[name]
    if isinstance(owner, dict):
        before = owner[attribute]  # which is loaded now, if it was not
        owner[attribute] = fault
        try:
            yield
        finally:
            owner[attribute] = before
        return
    with patch.object(owner, attribute, fault):
        yield
