"""Writers of numbers while a training runs: rows of a CSV file, and events of TensorBoard."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..core import tree
from ..core.errors import shown
from ..core.lazy import answering
from .history import HistoryError, number, step_of


class _Writer:
    """A context manager that takes numbers by step, as ``History.record`` does."""

    def record(self, step: int, numbers: Mapping[str, Any] | None = None, **named: Any) -> None:
        """Write numbers of a step.

        Args:
            step: int, the step.
            numbers: a mapping from names to scalars.
            **named: more numbers.

        Raises:
            ShapeError: if a number is an array.
        """
        who = type(self).__name__
        row = {name: number(who, name, x) for name, x in {**(numbers or {}), **named}.items()}
        self._write(step_of(who, step), row)

    def _write(self, step: int, row: dict[str, float]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@answering
class CsvWriter(_Writer):
    """Append rows to a CSV file as they are recorded; ``History.load`` reads it.

    The columns are those of the file, or of the first record. A row is on disk when ``record``
    returns, so a killed run loses none.

    Args:
        path: the file, which is continued if it exists.

    Raises:
        HistoryError: if the file is not a history; in ``record``, if there is a name that is not a
            column.

    >>> import tempfile, funcgrad as fg
    >>> path = tempfile.mkdtemp() + "/run.csv"
    >>> with CsvWriter(path) as log:
    ...     for step in range(3):
    ...         log.record(step, loss=1.0 / (step + 1))
    >>> fg.train.History.load(path)["loss"].round(2)
    array([1.  , 0.5 , 0.33])
    """

    def __init__(self, path: Any) -> None:
        path = Path(path)
        self._columns: list[str] = []
        if path.exists() and path.stat().st_size:
            with path.open(newline="", encoding="utf-8") as file:
                first, *self._columns = next(csv.reader(file), [""])
            if first != "step":
                raise HistoryError(
                    f"CsvWriter: the file must begin with a column 'step': got {shown(first)} in "
                    f"{path}; give another path"
                )
        self._file = path.open("a", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")

    def _write(self, step: int, row: dict[str, float]) -> None:
        if not self._columns:
            self._columns = list(row)
            self._rows.writerow(["step", *self._columns])
        others = [name for name in row if name not in self._columns]
        if others:
            raise HistoryError(
                f"CsvWriter: the columns are {', '.join(self._columns)}: got {others[0]!r}; name "
                f"all numbers in the first record"
            )
        self._rows.writerow([step, *(repr(row[n]) if n in row else "" for n in self._columns)])
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@answering
class TensorBoardWriter(_Writer):
    """Write numbers and histograms that TensorBoard shows, by the package tensorboardX.

    Args:
        directory: the folder of the run, created if missing: ``tensorboard --logdir runs``.

    Raises:
        ImportError: if tensorboardX is not installed.

    ::

        with fg.train.TensorBoardWriter("runs/first") as log:
            log.record(step, loss=loss)
            log.histograms(step, model)
    """

    def __init__(self, directory: Any) -> None:
        try:
            from tensorboardX import SummaryWriter  # type: ignore[import-not-found]
        except ImportError:
            raise ImportError(
                "TensorBoardWriter: tensorboardX is not installed: run pip install "
                "'funcgrad[tensorboard]'"
            ) from None
        self._events = SummaryWriter(str(directory))

    def _write(self, step: int, row: dict[str, float]) -> None:
        for name, x in row.items():
            self._events.add_scalar(name, x, step)

    def histograms(self, step: int, values: Any, name: str = "") -> None:
        """Write a histogram of each array of a tree, by its path: of a model, or of gradients.

        Args:
            step: int, the step.
            values: a tree of arrays.
            name: str, before the paths.
        """
        step = step_of("TensorBoardWriter", step)
        for path, x in tree.leaves_with_path(values):
            array = np.asarray(x, np.float64).ravel()
            finite = array[np.isfinite(array)]
            if len(finite):
                key = f"{name}{tree.keystr(path)}".strip(".") or "values"
                self._events.add_histogram(key, finite, step)

    def close(self) -> None:
        """Write what is left, and close the files."""
        self._events.close()
