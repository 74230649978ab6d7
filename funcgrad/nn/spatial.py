"""Arguments of convolution and pooling: window lengths, strides, dilations and padding."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.errors import shown
from ..core.integers import whole

Lengths: TypeAlias = int | Sequence[int]
Padding: TypeAlias = str | int | Sequence[int | tuple[int, int]]
_WORDS = ("SAME", "VALID", "SAME_LOWER", "CAUSAL")


def is_whole(x: Any, least: int = 0) -> bool:
    """Whether an object is an integer >= ``least``, and not a boolean."""
    x = whole(x)
    return isinstance(x, int) and not isinstance(x, bool) and x >= least


def per_axis(who: str, name: str, given: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """An argument as a tuple of integers, one for each spatial axis."""
    numbers = (given,) * rank if is_whole(given) else given
    if (
        not isinstance(numbers, Sequence | np.ndarray)
        or not np.ndim(numbers)
        or len(numbers) != rank
        or not all(is_whole(n, least) for n in numbers)
    ):
        raise ValueError(
            f"{who}: {name} must be an integer, {least} or more, or {rank} of them, one for "
            f"each spatial axis: got {shown(given)}"
        )
    return tuple(map(whole, numbers))


def lengths_of(who: str, name: str, given: Any) -> tuple[int, ...]:
    """Window lengths as a tuple; their number is that of the spatial axes."""
    sizes = (given,) if is_whole(given) else given
    rank = len(sizes) if isinstance(sizes, Sequence | np.ndarray) and np.ndim(sizes) else 0
    if isinstance(given, str) or not rank or not all(is_whole(n, 1) for n in sizes):
        raise ValueError(
            f"{who}: {name} must be an integer, 1 or more, for each spatial axis: got "
            f"{shown(given)}; write (3, 3) for an image"
        )
    return tuple(map(whole, sizes))


def sizes_of(window: Lengths) -> tuple[int, ...]:
    """Checked window lengths as a tuple: an integer is that of one spatial axis."""
    return (window,) if isinstance(window, int) else tuple(window)


def padding_of(who: str, given: Any, rank: int) -> Any:
    """Padding as a string, or as one pair (before, after) for each spatial axis."""
    if isinstance(given, str) and given.upper() in _WORDS:
        if given.upper() == "CAUSAL" and rank != 1:
            raise ValueError(f"{who}: padding 'CAUSAL' needs one spatial axis: got {rank}")
        return given.upper()
    entries: Any = (given,) * rank if is_whole(given) else given
    if not isinstance(entries, str) and isinstance(entries, Sequence) and len(entries) == rank:
        pairs = tuple((n, n) if is_whole(n) else tuple(n) for n in entries)
        if all(len(pair) == 2 and all(is_whole(n) for n in pair) for pair in pairs):
            return tuple((whole(low), whole(high)) for low, high in pairs)
    raise ValueError(
        f"{who}: padding must be {', '.join(map(repr, _WORDS[:3]))}, 'CAUSAL' for one axis, an "
        f"integer, or {rank} integers or pairs (before, after): got {shown(given)}"
    )


def pads_of(padding: Any, sizes: Sequence[int], dilation: Sequence[int]) -> Any:
    """Padding as ``lax`` takes it; 'CAUSAL' pads before the first element only."""
    if padding != "CAUSAL":
        return padding
    return [((k - 1) * r, 0) for k, r in zip(sizes, dilation, strict=True)]
