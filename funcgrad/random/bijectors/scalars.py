"""Bijectors of elements."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.lazy import checking
from ...core.nodes import register_dataclass
from ...ops.logarithms import sigmoid
from ..arguments import RangeError, known
from .bijector import Bijector, as_real, softplus


@register_dataclass
@dataclass(frozen=True, slots=True)
class Identity(Bijector):
    """y = x: of parameters without a constraint.

    >>> Identity().forward_and_log_det(2.0)
    (array(2.), array(0.))
    """

    @override
    def forward(self, x: Any) -> Any:
        return as_real(self, x)

    @override
    def inverse(self, y: Any) -> Any:
        return as_real(self, y)

    @override
    def log_det(self, x: Any) -> Any:
        return np.zeros_like(as_real(self, x))


@checking
@register_dataclass
@dataclass(frozen=True, slots=True)
class Affine(Bijector):
    """y = shift + scale x.

    Args:
        shift, scale: arrays that broadcast to x; the scale is not 0.

    >>> print(Affine(1.0, 2.0).forward(3.0))
    7.0
    """

    shift: Any
    scale: Any

    @override
    def forward(self, x: Any) -> Any:
        return self.shift + self.scale * as_real(self, x)

    @override
    def inverse(self, y: Any) -> Any:
        return (as_real(self, y) - self.shift) / self.scale

    @override
    def log_det(self, x: Any) -> Any:
        return np.log(np.abs(np.zeros_like(as_real(self, x)) + self.scale))


class _Exponential(Bijector):
    """A map whose derivative is exp(x), up to its sign."""

    __slots__ = ()

    @override
    def log_det(self, x: Any) -> Any:
        return as_real(self, x)


@register_dataclass
@dataclass(frozen=True, slots=True)
class Positive(_Exponential):
    """Positive numbers: y = exp(x).

    >>> print(Positive().forward(0.0))
    1.0
    """

    @override
    def forward(self, x: Any) -> Any:
        return np.exp(as_real(self, x))

    @override
    def inverse(self, y: Any) -> Any:
        return np.log(as_real(self, y))


@register_dataclass
@dataclass(frozen=True, slots=True)
class Softplus(Bijector):
    """Positive numbers: y = log(1 + exp(x)), near x for large x.

    >>> print(Softplus().forward(50.0))
    50.0
    """

    @override
    def forward(self, x: Any) -> Any:
        return softplus(as_real(self, x))

    @override
    def inverse(self, y: Any) -> Any:
        y = as_real(self, y)
        return y + np.log(-np.expm1(-y))

    @override
    def log_det(self, x: Any) -> Any:
        return -softplus(-as_real(self, x))


@register_dataclass
@dataclass(frozen=True, slots=True)
class GreaterThan(_Exponential):
    """Numbers above a bound: y = low + exp(x).

    Args:
        low: an array that broadcasts to x.

    >>> print(GreaterThan(2.0).forward(0.0), GreaterThan(2.0).inverse(3.0))
    3.0 0.0
    """

    low: Any

    @override
    def forward(self, x: Any) -> Any:
        return self.low + np.exp(as_real(self, x))

    @override
    def inverse(self, y: Any) -> Any:
        return np.log(as_real(self, y) - self.low)


@register_dataclass
@dataclass(frozen=True, slots=True)
class LessThan(_Exponential):
    """Numbers below a bound: y = high - exp(x).

    Args:
        high: an array that broadcasts to x.

    >>> print(LessThan(2.0).forward(0.0), LessThan(2.0).inverse(1.0))
    1.0 0.0
    """

    high: Any

    @override
    def forward(self, x: Any) -> Any:
        return self.high - np.exp(as_real(self, x))

    @override
    def inverse(self, y: Any) -> Any:
        return np.log(self.high - as_real(self, y))


@checking
@register_dataclass
@dataclass(frozen=True, slots=True)
class Interval(Bijector):
    """Numbers between bounds: y = low + (high - low) sigmoid(x).

    Args:
        low, high: arrays that broadcast to x; low < high.

    >>> print(Interval(0.0, 10.0).forward(0.0))
    5.0
    """

    low: Any
    high: Any

    def __post_init__(self) -> None:
        low, high = known(self.low), known(self.high)
        if low is not None and high is not None and np.any(low >= high):
            raise RangeError(f"Interval: low must be below high: got {low} and {high}")

    @override
    def forward(self, x: Any) -> Any:
        x = as_real(self, x)
        part = (self.high - self.low) * sigmoid(-np.abs(x))
        return np.where(x < 0, self.low + part, self.high - part)  # from the nearer bound

    @override
    def inverse(self, y: Any) -> Any:
        y = as_real(self, y)
        return np.log(y - self.low) - np.log(self.high - y)

    @override
    def log_det(self, x: Any) -> Any:
        x = as_real(self, x)
        return np.log(np.zeros_like(x) + (self.high - self.low)) - softplus(x) - softplus(-x)
