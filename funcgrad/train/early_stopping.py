"""Early stopping: keep the best model, and stop when it no longer improves."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering, unknown
from ..core.outline import outlined
from ..core.parameters import check_initialized
from ..core.trace import Tracer
from ..random import RangeError


@outlined
class StoppingState(NamedTuple):
    """The state of early stopping, a tree.

    Args:
        best: the best model, or another tree.
        value: its value.
        best_step: the index of its update, -1 for none yet.
        step: the number of updates.
        waited: the number of updates since the best.
        stop: whether ``waited`` has reached the patience.

    >>> StoppingState(best=None, value=0.5, best_step=0, step=3, waited=2, stop=False).waited
    2
    """

    best: Any
    value: Any
    best_step: Any
    step: Any
    waited: Any
    stop: Any


@answering
@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop a training when its value has not improved for some updates.

    A pair of functions ``(init, update)`` on a state, like an optimizer.

    Args:
        patience: int >= 1, the number of updates without improvement until ``stop`` is true.
        min_delta: float, the smallest difference that counts as an improvement.
        mode: "min" or "max", the direction of improvement.

    >>> stopping = EarlyStopping(patience=2)
    >>> state = stopping.init({"w": np.zeros(2)})
    >>> for value in (3.0, 1.0, 2.0, 1.5):
    ...     state = stopping.update(state, value, {"w": np.full(2, value)})
    >>> state.stop, state.best_step, state.best
    (True, 1, {'w': array([1., 1.])})
    """

    __getattr__ = unknown("object")

    patience: int
    min_delta: float = 0.0
    mode: str = "min"

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'min' or 'max': got {shown(self.mode)}")
        if not self.patience >= 1:
            raise RangeError(f"EarlyStopping: patience must be at least 1: got {self.patience}")
        if not self.min_delta >= 0:
            raise RangeError(f"EarlyStopping: min_delta must not be negative: got {self.min_delta}")

    def init(self, model: Any = None) -> StoppingState:
        """The initial state; the model gives the structure of ``best``."""
        check_initialized(model)
        worst = math.inf if self.mode == "min" else -math.inf
        return StoppingState(_copied(model), worst, -1, 0, 0, False)

    @answering
    def update(self, state: StoppingState, value: Any, model: Any = None) -> StoppingState:
        """The state after one more value; nan is never an improvement.

        The best model is copied, so that its arrays may be donated afterwards.

        Args:
            value: a scalar.
            model: a tree like that of ``init``.

        Raises:
            ShapeError: if the value is not a scalar.
        """
        if shape_of(value):
            raise ShapeError(
                f"EarlyStopping: value must be a scalar: got {aval_of(value)}; reduce it with "
                f"np.mean"
            )
        if any(isinstance(x, Tracer) for x in (value, *state[1:])):
            return self._staged(state, value, model)
        value = float(value)
        better = bool(self._better(value, float(state.value)))
        if better:
            return StoppingState(_copied(model), value, int(state.step), state.step + 1, 0, False)
        waited = state.waited + 1
        stop = bool(waited >= self.patience)
        return state._replace(step=state.step + 1, waited=waited, stop=stop)

    def _better(self, value: Any, best: Any) -> Any:
        # not by a difference, because the initial value is infinite
        if self.mode == "min":
            return value < best - self.min_delta
        return value > best + self.min_delta

    def _staged(self, state: StoppingState, value: Any, model: Any) -> StoppingState:
        """``update`` for traced values, where both cases are computed."""
        better = self._better(value, state.value)
        waited = np.where(better, 0, state.waited + 1)
        best = tree.map(lambda new, old: np.where(better, new, old), model, state.best)
        return StoppingState(
            best=best,
            value=np.where(better, value, state.value),
            best_step=np.where(better, state.step, state.best_step),
            step=state.step + 1,
            waited=waited,
            stop=waited >= self.patience,
        )


def _copied(model: Any) -> Any:
    return tree.map(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, model)
