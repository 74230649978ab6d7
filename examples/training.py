"""The training loop of the longer examples, with checkpoints from which a killed run resumes.

A checkpoint holds everything that a step depends on: the model, the optimizer state, the number of
steps and the position of the loader; all random numbers derive from a key and the step. So a killed
and resumed run ends with the same bits as an uninterrupted one.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import funcgrad as fg


def train(
    step: Callable[..., Any],
    state: Any,
    loader: fg.data.Loader,
    steps: int,
    *,
    folder: str | None,
    every: int,
    report: Callable[[int, Any, float], None],
) -> Any:
    """The state after ``steps`` steps, resumed from a checkpoint if there is one.

    Args:
        step: ``step(state, batch, i) -> (state, loss)``, compiled.
        state: a tree, the initial state.
        loader: the loader of batches, whose position is saved too.
        steps: the total number of steps.
        folder: the folder of checkpoints, or None.
        every: the number of steps between checkpoints, and between reports.
        report: called with the step, the state and the mean loss since the last report.
    """
    done, saved = 0, None
    if folder is not None:
        saved = fg.io.CheckpointManager(Path(folder), keep=2)
        if saved.latest() is not None:
            done, (state, position), _ = saved.read(like=(state, loader.state()))
            loader.restore(position)
            print(f"resuming after step {done}, from {folder}", flush=True)
    batches, metrics = loader.stream(), fg.train.Metrics()
    while done < steps:
        state, loss = step(state, next(batches), done)
        metrics, done = metrics.update(loss=loss), done + 1
        if done % every == 0 or done == steps:
            if saved is not None:
                saved.save(done, (state, loader.state()))
            report(done, state, metrics.means()["loss"])
            metrics = fg.train.Metrics()
    return state


class Report:
    """Print a line for each report: step, loss, measures, and time."""

    def __init__(self, steps: int, **measures: Callable[[Any], float]) -> None:
        self.steps, self.measures, self.start = steps, measures, time.perf_counter()

    def __call__(self, done: int, state: Any, loss: float) -> None:
        scores = {name: f(state) for name, f in self.measures.items()}
        shown = (f"{name} {value:.4f}" for name, value in scores.items())
        count = f"step {done:{len(str(self.steps))}d}/{self.steps}"
        seconds = f"{time.perf_counter() - self.start:.0f} s"
        print(count, f"loss {loss:.4f}", *shown, seconds, sep="   ", flush=True)


def digest(state: Any) -> str:
    """A hash of the bits of a state."""
    sums = hashlib.sha256()
    for x in fg.tree.leaves(state):
        sums.update(np.ascontiguousarray(x).tobytes())
    return sums.hexdigest()[:16]
