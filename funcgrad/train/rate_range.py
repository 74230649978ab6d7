"""The range of useful learning rates: losses while the rate grows."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..core.lazy import answering
from ..core.outline import outlined
from ..optim import adam
from ..optim.base import apply_updates
from ..random import RangeError
from ..transforms.grad import value_and_grad
from ..transforms.jit.api import jit
from .curves import curves

_MEMORY = 0.9  # of the running mean of losses
_BLOWN_UP = 4.0  # times the lowest loss, at which the search ends


@outlined
class RateRange(NamedTuple):
    """Losses by learning rate.

    Args:
        rates: float64 [N], the learning rates, ascending.
        losses: float64 [N], running means of the losses.
        suggested: float, where the loss falls fastest; the largest useful rate is 3 to 10 times it.

    >>> RateRange(np.array([0.1]), np.array([1.0]), 0.1).suggested
    0.1
    """

    rates: np.ndarray
    losses: np.ndarray
    suggested: float

    def _repr_html_(self) -> str:
        return curves([("loss by log10 of the rate", np.log10(self.rates), self.losses)])


@answering
def learning_rate_range(
    loss: Callable[..., Any],
    params: Any,
    batches: Iterable[Any],
    *,
    optimizer: Callable[[Any], Any] = adam,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
) -> RateRange:
    """Train for some steps with a growing learning rate, and suggest one.

    The rate grows geometrically, until the loss is nan, or four times the lowest.

    Args:
        loss: ``loss(params, batch) -> scalar``.
        params: the parameters, or a model.
        batches: an iterable of batches, repeated if it ends early.
        optimizer: a function from a schedule to an optimizer, such as ``optim.adam``.
        low: float > 0, the first rate.
        high: float > low, the last rate.
        steps: int >= 2, the number of rates.

    Raises:
        RangeError: if rates do not ascend, there is no batch, or the first loss is not finite.

    Source: Smith 2017, section 3.3 (arXiv:1506.01186).

    >>> import funcgrad as fg
    >>> x = np.linspace(-1.0, 1.0, 20)
    >>> fit = lambda w, x: np.mean((w * x - 3.0 * x) ** 2)
    >>> found = learning_rate_range(fit, 0.0, [x], optimizer=fg.optim.sgd)
    >>> 0.1 < found.suggested < 5.0
    True
    """
    if not 0 < low < high or not math.isfinite(high) or steps < 2:
        raise RangeError(
            f"learning_rate_range: rates must ascend from low > 0 to high in 2 steps or more: got "
            f"low={low}, high={high}, steps={steps}"
            "; leave low, high and steps out"
        )
    rates = np.geomspace(low, high, steps)
    opt = optimizer(lambda count: low * (high / low) ** (count / (steps - 1)))
    state, losses, mean = opt.init(params), list[float](), 0.0

    @jit
    def step(params: Any, state: Any, batch: Any) -> Any:
        value, grads = value_and_grad(loss)(params, batch)
        updates, state = opt.update(grads, state, params)
        return apply_updates(params, updates), state, value

    for i, batch in enumerate(_repeated(batches, steps)):
        params, state, value = step(params, state, batch)
        mean = _MEMORY * mean + (1 - _MEMORY) * float(value)
        losses.append(mean / (1 - _MEMORY ** (i + 1)))
        if not math.isfinite(losses[-1]) or losses[-1] > _BLOWN_UP * min(losses):
            break
    kept = np.array([x for x in losses if math.isfinite(x)])
    if not len(kept):
        raise RangeError(
            f"learning_rate_range: the loss must be finite: got {value}"
            "; check the loss at the first batch"
        )
    return RateRange(rates[: len(kept)], kept, _steepest(rates, kept))


def _repeated(batches: Iterable[Any], steps: int) -> Iterable[Any]:
    """Yield so many batches, from the start again where they end."""
    left = steps
    while left:
        before = left
        for batch in batches:
            yield batch
            left -= 1
            if not left:
                return
        if left == before:
            raise RangeError(
                "learning_rate_range: there must be a batch: got no item of batches"
                "; give a list or a loader"
            )


def _steepest(rates: np.ndarray, losses: np.ndarray) -> float:
    """The rate at which the loss falls fastest, before its lowest value."""
    end = int(np.argmin(losses)) + 1
    if end < 3:
        return float(rates[0])
    slopes = np.gradient(losses[:end], np.log(rates[:end]))
    return float(rates[int(np.argmin(slopes))])
