"""Truncated power series: coefficients that are computed when asked, and their products."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Curve:
    """The coefficients of a value: ``terms`` as far as they are known; None is zero."""

    __slots__ = ("extend", "terms")

    def __init__(self, terms: list[Any], extend: Callable[[], None] | None = None) -> None:
        self.terms = terms
        self.extend = extend  # computes one more; None: all further ones are zero

    def __getitem__(self, k: int) -> Any:
        while len(self.terms) <= k:
            if self.extend is None:
                return None
            self.extend()
        return self.terms[k]

    @property
    def is_constant(self) -> bool:
        return self.extend is None and all(x is None for x in self.terms[1:])


def convolution(apply: Callable[..., Any], curves: Sequence[Curve], k: int, least: int = 0) -> Any:
    """Coefficient k of a product; that of the first factor is at least ``least``."""
    total = None
    for ks in parts(k, len(curves)):
        terms = [] if ks[0] < least else [c[j] for c, j in zip(curves, ks, strict=True)]
        if terms and not any(x is None for x in terms):
            y = apply(*terms)
            total = y if total is None else total + y
    return total


def solved(multiply: Any, solve: Any, a: Curve, b: Curve, ys: Sequence[Curve], k: int) -> Any:
    """Coefficient k of the y with ``multiply(a, y)`` = b; ``solve`` divides by a[0]."""
    (y,) = ys
    rest = convolution(multiply, (a, y), k, 1)
    right = b[k] if rest is None else -rest if b[k] is None else b[k] - rest
    return None if right is None else solve(right)


def square(apply: Callable[..., Any], curve: Curve, k: int) -> Any:
    """Coefficient k of a square: half of the products."""
    total = None
    for j in range((k + 1) // 2):
        if curve[j] is not None and curve[k - j] is not None:
            y = apply(curve[j], curve[k - j])
            total = y if total is None else total + y
    total = None if total is None else 2 * total
    if k % 2 == 0 and curve[k // 2] is not None:
        y = apply(curve[k // 2], curve[k // 2])
        total = y if total is None else total + y
    return total


def parts(k: int, count: int) -> Iterator[tuple[int, ...]]:
    """The tuples of ``count`` numbers with sum k."""
    if count == 1:
        yield (k,)
        return
    for i in range(k + 1):
        for rest in parts(k - i, count - 1):
            yield (i, *rest)
