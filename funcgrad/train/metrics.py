"""Running metrics over batches: mean, standard deviation, minimum and maximum in one pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import DtypeError, FuncgradError, ShapeError
from ..core.lazy import answering, unknown
from ..core.nodes import register_dataclass
from ..core.trace import Tracer
from ..ops.operand import asarray, operand
from ..ops.structure import cast
from ..random import RangeError


class UnknownNameError(FuncgradError, KeyError):
    """A name that was never recorded.

    ``Metrics().update(loss=1.0)["lose"]`` fails; ask for one of the names that the message lists.
    """

    __str__ = Exception.__str__  # KeyError would show the text in quotes


class Stats(NamedTuple):
    """Statistics of weighted numbers; each field is a float64.

    Args:
        weight: the sum of the weights.
        total: the weighted sum.
        spread: the weighted sum of squared deviations from the mean.
        min: the minimum, inf if empty.
        max: the maximum, -inf if empty.

    >>> stats = Stats(2.0, 6.0, 8.0, 1.0, 5.0)
    >>> stats.mean, stats.std
    (np.float64(3.0), np.float64(2.0))
    """

    weight: Any
    total: Any
    spread: Any
    min: Any
    max: Any

    @property
    def mean(self) -> Any:
        """The weighted mean, nan if empty."""
        return np.where(self.weight > 0, self.total / _divisor(self.weight), np.nan)[()]

    @property
    def std(self) -> Any:
        """The population standard deviation."""
        return np.sqrt(self.spread / _divisor(self.weight))

    def merge(self, other: "Stats") -> "Stats":
        """Combine the statistics of two sets of numbers.

        Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance",
        equation 2.1, with weights in place of counts.
        """
        weight = self.weight + other.weight
        apart = other.total / _divisor(other.weight) - self.total / _divisor(self.weight)
        between = apart * apart * (self.weight * other.weight / _divisor(weight))
        low, high = np.minimum(self.min, other.min), np.maximum(self.max, other.max)
        spread = self.spread + other.spread + between
        return Stats(weight, self.total + other.total, spread, low, high)


@answering
@register_dataclass
@dataclass(frozen=True, repr=False)
class Metrics:
    """Running averages by name; each update returns a new object.

    It is a tree of float64 scalars, for use in ``jit``, ``scan`` and checkpoints. If its structure
    must not change, declare the names: ``Metrics.of("loss", "accuracy")``.

    Args:
        stats: a dict from names to statistics, by default empty.

    >>> metrics = Metrics().update(loss=2.0, weight=64).update(loss=1.0, weight=32)
    >>> metrics, metrics["loss"].max
    (Metrics(loss=1.667), np.float64(2.0))
    """

    __getattr__ = unknown("object")

    stats: dict[str, Stats] = field(default_factory=dict)

    @staticmethod
    def of(*names: str) -> "Metrics":
        """Empty averages with these names."""
        return Metrics({name: _nothing() for name in names})

    @answering
    def update(
        self, values: Mapping[str, Any] | None = None, /, *, weight: Any = 1, **named: Any
    ) -> "Metrics":
        """Add numbers to the averages.

        Args:
            values: a mapping from names to scalars, or to arrays whose elements each count.
            weight: array or scalar, not negative: the number of rows of a batch, or a mask [N].
            **named: more values.

        Raises:
            ShapeError: if the weight does not broadcast to the values.
            RangeError: if a known weight is negative.
        """
        given = {**(values or {}), **named}
        new = {name: _stats_of(name, x, weight) for name, x in given.items()}
        return self.merge(Metrics(new))

    def merge(self, other: "Metrics") -> "Metrics":
        """Combine two objects, for example of two processes."""
        names = [*self.stats, *(n for n in other.stats if n not in self.stats)]
        nothing = _nothing()
        get = lambda m, n: m.stats.get(n, nothing)
        with np.errstate(over="ignore", invalid="ignore"):  # of a diverged loss the mean is inf
            return Metrics({n: get(self, n).merge(get(other, n)) for n in names})

    def means(self) -> dict[str, Any]:
        """The means by name, nan if empty."""
        return {name: self[name].mean for name in self.stats}

    def __getitem__(self, name: str) -> Stats:
        if name not in self.stats:
            raise UnknownNameError(
                f"Metrics: unknown name {name!r}: got {', '.join(self.stats) or 'no names yet'}"
                "; use one of these"
            )
        return self.stats[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stats)

    def __len__(self) -> int:
        return len(self.stats)

    def __repr__(self) -> str:
        shown = (f"{name}={_text(x)}" for name, x in self.means().items())
        return f"Metrics({', '.join(shown)})"


def _nothing() -> Stats:
    return Stats(*map(np.float64, (0, 0, 0, np.inf, -np.inf)))


def _stats_of(name: str, values: Any, weight: Any) -> Stats:
    """The statistics of the elements of an array; elements of weight 0 are ignored."""
    x, w = _real(name, values), _real("weight", weight)
    if not isinstance(w, Tracer) and not np.all(w >= 0):
        raise RangeError(
            f"Metrics: weight must not be negative: got {weight}; leave weight out for 1"
        )
    if np.float64 is type(x) is type(w) and w > 0:  # a scalar, the usual case
        return Stats(w, w * x, np.float64(0), x, x)
    try:
        w = np.broadcast_to(w, shape_of(x))
    except ValueError:
        raise ShapeError(
            f"Metrics: weight must broadcast to {name!r}: got {aval_of(w)} and {aval_of(x)}; for "
            f"weights of rows use a loss with reduction='none'"
        ) from None
    counts = w > 0
    x = np.where(counts, x, 0)
    weight, total = np.sum(w), np.sum(w * x)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.sum(w * (x - total / _divisor(weight)) ** 2)
    low = np.min(np.where(counts, x, np.inf), initial=np.inf)
    high = np.max(np.where(counts, x, -np.inf), initial=-np.inf)
    return Stats(weight, total, spread, low, high)


def _real(name: str, x: Any) -> Any:
    """Cast real numbers to float64, in which small terms are not lost in large sums."""
    x = operand(x)
    kind = aval_of(x).dtype.kind
    if kind not in "biuf":
        raise DtypeError(f"Metrics: {name} must be real: got {aval_of(x)}; convert it by float()")
    return cast(x, np.float64) if isinstance(x, Tracer) else asarray(x, np.float64)[()]


def _divisor(weight: Any) -> Any:
    return weight + (weight == 0)


def _text(x: Any) -> str:
    return str(aval_of(x)) if isinstance(x, Tracer) or np.ndim(x) else f"{float(x):.4g}"
