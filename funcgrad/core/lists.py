"""Lists of leaves: split one by counts, compress and expand one by flags."""

from collections.abc import Sequence
from typing import Any, TypeAlias

Flags: TypeAlias = Sequence[bool]


def split_list(xs: Sequence[Any], *counts: int) -> list[list[Any]]:
    """Split a list into parts of these lengths, and the rest."""
    parts, start = [], 0
    for n in counts:
        parts.append(list(xs[start : start + n]))
        start += n
    return [*parts, list(xs[start:])]


def compress(xs: Sequence[Any], flags: Flags) -> list[Any]:
    return [x for x, flag in zip(xs, flags, strict=True) if flag]


def expand(xs: Sequence[Any], flags: Flags) -> list[Any]:
    """The inverse of ``compress``, with None where not flagged."""
    rest = iter(xs)
    return [next(rest) if flag else None for flag in flags]
