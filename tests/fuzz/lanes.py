"""The rows of ``vmap``, and the loop over them."""

from typing import Any

import numpy as np

from .compare import Case, arrays


def lanes(case: Case) -> tuple[list[Any], tuple[int | None, ...]]:
    """Return inputs with one more axis for some of them: shuffled values of the first lane.

    A lane that NumPy refuses by itself is the first lane again.
    """
    mapped, axes = list(case.inputs), [None] * len(case.inputs)
    places = [i for i, x in enumerate(case.inputs) if isinstance(x, np.ndarray)]
    chosen = [i for i in places if case.rng.random() < 0.7] or places[:1]
    count = int(case.rng.integers(1, 4))
    rows = {}
    for i in chosen:
        x = case.inputs[i]
        more = [case.rng.permutation(x.ravel()).reshape(x.shape) for _ in range(count - 1)]
        axes[i], rows[i] = int(case.rng.integers(x.ndim + 1)), [x, *more]
    for lane in range(1, count):
        if not case.runs([rows[i][lane] if i in rows else x for i, x in enumerate(case.inputs)]):
            for i in chosen:
                rows[i][lane] = case.inputs[i]
    for i in chosen:
        mapped[i] = np.stack(rows[i], axis=axes[i])
    return (mapped if chosen else []), tuple(axes)


def looped(fun: Any, mapped: list[Any], axes: tuple[int | None, ...]) -> list[np.ndarray]:
    """Return what ``vmap`` should: the results of one lane at a time, stacked."""
    size = next(x.shape[d] for x, d in zip(mapped, axes, strict=True) if d is not None)
    pick = lambda i: [
        x if d is None else np.take(x, i, axis=d) for x, d in zip(mapped, axes, strict=True)
    ]
    outs = [arrays(fun(*pick(i))) for i in range(size)]
    return [np.stack(column) for column in zip(*outs, strict=True)]
