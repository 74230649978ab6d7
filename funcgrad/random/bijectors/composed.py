"""Bijectors made of others: one after the other, and side by side in a tree."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from ...core import tree
from ...core.avals import shape_of
from ...core.lazy import checking
from ...core.nodes import register_dataclass
from .bijector import Bijector


@checking
@register_dataclass
@dataclass(frozen=True, slots=True, init=False)
class Chain(Bijector):
    """One bijector after the other: ``Chain(f, g).forward(x)`` is f(g(x)).

    Args:
        *bijectors: the last one is applied first.

    The log-determinant has the batch axes of the largest event.

    >>> from funcgrad.random.bijectors import Affine, Positive
    >>> print(Chain(Affine(1.0, 2.0), Positive()).forward(0.0))
    3.0
    """

    bijectors: tuple[Bijector, ...]

    def __init__(self, *bijectors: Bijector) -> None:
        object.__setattr__(self, "bijectors", bijectors)

    @override
    def forward(self, x: Any) -> Any:
        for bijector in reversed(self.bijectors):
            x = bijector.forward(x)
        return x

    @override
    def inverse(self, y: Any) -> Any:
        for bijector in self.bijectors:
            y = bijector.inverse(y)
        return y

    @override
    def log_det(self, x: Any) -> Any:
        terms = []
        for bijector in reversed(self.bijectors):
            terms.append(bijector.log_det(x))
            x = bijector.forward(x)
        batch = min(len(shape_of(term)) for term in terms)
        return sum(np.sum(t, axis=tuple(range(batch, len(shape_of(t))))) for t in terms)


@checking
@register_dataclass
@dataclass(frozen=True, slots=True)
class JointMap(Bijector):
    """A bijector for each part of a tree.

    Args:
        bijectors: a tree of bijectors, whose structure begins that of the values.

    ``forward`` and ``inverse`` take batch axes; the log-determinant is the scalar sum of all, so
    ``vmap`` maps it over batches.

    >>> from funcgrad.random.bijectors import Interval, Positive
    >>> space = JointMap({"a": Positive(), "b": Interval(0.0, 1.0)})
    >>> x, log_det = space.forward_and_log_det({"a": 0.0, "b": np.zeros(2)})
    >>> print(x["b"], log_det.round(4))
    [0.5 0.5] -2.7726
    """

    bijectors: Any

    @override
    def forward(self, x: Any) -> Any:
        return self._mapped("forward", x)

    @override
    def inverse(self, y: Any) -> Any:
        return self._mapped("inverse", y)

    @override
    def log_det(self, x: Any) -> Any:
        return sum(np.sum(term) for term in tree.leaves(self._mapped("log_det", x)))

    def _mapped(self, name: str, x: Any) -> Any:
        is_leaf = lambda node: isinstance(node, Bijector)
        call = lambda bijector, part: getattr(bijector, name)(part)
        return tree.map(call, self.bijectors, x, is_leaf=is_leaf)
