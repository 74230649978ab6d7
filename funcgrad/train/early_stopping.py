"""Early stopping: keep the best model, and say when it has not become better for long."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.parameters import check_initialized
from ..core.trace import Tracer
from ..random import RangeError


class StoppingState(NamedTuple):
    """What early stopping remembers; a tree, to be saved with the rest.

    Args:
        best: the best model, or whatever tree was given.
        value: its value.
        best_step: the number of the update that gave it, from 0; -1 for none yet.
        step: how many updates there were.
        waited: how many of them since the best.
        stop: whether that is enough.

    >>> StoppingState(best=None, value=0.5, best_step=0, step=3, waited=2, stop=False).waited
    2
    """

    best: Any
    value: Any
    best_step: Any
    step: Any
    waited: Any
    stop: Any


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop a training when its value has not become better for some updates.

    A pair of functions, like an optimizer: the state is what changes, and may be saved.

    Args:
        patience: updates without a better value after which ``stop`` is true, from 1 on.
        min_delta: a value is better if it is so by more than this.
        mode: "min" if less is better, "max" if more is.

    >>> stopping = EarlyStopping(patience=2)
    >>> state = stopping.init({"w": np.zeros(2)})
    >>> for value in (3.0, 1.0, 2.0, 1.5):
    ...     state = stopping.update(state, value, {"w": np.full(2, value)})
    >>> state.stop, state.best_step, state.best
    (True, 1, {'w': array([1., 1.])})
    """

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
        """The first state; the model gives the structure of the best one."""
        check_initialized(model)
        worst = math.inf if self.mode == "min" else -math.inf
        return StoppingState(_copied(model), worst, -1, 0, 0, False)

    def update(self, state: StoppingState, value: Any, model: Any = None) -> StoppingState:
        """The state after one more value; nan is no better than any.

        The best model is copied, so its arrays may be donated afterwards.

        Args:
            value: a scalar.
            model: a tree like that of ``init``.

        Raises:
            ShapeError: if the value is not a scalar.
        """
        if shape_of(value):
            raise ShapeError(
                f"EarlyStopping: value must be a scalar: got {aval_of(value)}; reduce it, say by "
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
        # compared so, and not by a difference, because the first best is infinite
        if self.mode == "min":
            return value < best - self.min_delta
        return value > best + self.min_delta

    def _staged(self, state: StoppingState, value: Any, model: Any) -> StoppingState:
        """The same under jit, where both states are computed."""
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
