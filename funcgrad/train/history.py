"""History: named numbers by step, with tables, plots and files."""

import csv
import io as streams
import json
import math
import operator
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import DtypeError, FuncgradError, ShapeError, shown
from ..core.lazy import answering, unknown
from ..core.registry import load
from ..io import runs
from ..io.atomic import replacing
from ..random import RangeError
from .curves import curves
from .metrics import UnknownNameError

_SHOWN = 20  # rows of a printed table; longer tables show both ends
REDRAW = 0.5  # seconds between two pictures of a notebook
_RUN = "funcgrad.run"  # the settings, in JSON
_BARS = "▁▂▃▄▅▆▇█"


class HistoryError(FuncgradError, ValueError):
    """A text or file that is not a history.

    ``History.from_json("[]")`` fails; give the output of ``to_json`` or ``save``.
    """


class History:
    """Named numbers recorded by step; ``print`` shows a table.

    Args:
        rows: pairs of a step and a mapping from names to numbers, to continue a history.
        run: what the run depends on, by name: keys, seeds, a learning rate, names of files. It is
            kept in ``history.run``, with versions, and in JSON, so that the run can be repeated.

    >>> history = History()
    >>> for loss in (1.0, 0.5, 0.25):
    ...     history.record(loss=loss)
    >>> history["loss"], history.steps
    (array([1.  , 0.5 , 0.25]), array([0, 1, 2]))
    >>> history
    History of 3 steps
    loss  1 █▃▁ 0.25
    """

    __getattr__ = unknown("object")

    def __init__(
        self,
        rows: Iterable[tuple[int, Mapping[str, Any]]] = (),
        *,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        self.run = {} if run is None else runs.recorded("History", run)
        self._rows: list[tuple[int, dict[str, float]]] = []
        self._output: Any = None  # of a notebook, and when it was drawn
        self._drawn = 0.0
        for step, numbers in rows:
            self.record(step, numbers)

    @answering
    def record(
        self, step: int | None = None, numbers: Mapping[str, Any] | None = None, **named: Any
    ) -> None:
        """Add numbers to a new step, or to the last one.

        Args:
            step: int, not less than the last; by default the last + 1, from 0.
            numbers: a mapping from names to scalars.
            **named: more numbers.

        Raises:
            RangeError: if the step is less than the last.
            ShapeError: if a number is an array.
        """
        last = self._rows[-1][0] if self._rows else -1
        step = last + 1 if step is None else step_of("History", step)
        if self._rows and step < last:
            raise RangeError(
                f"History: step must not be less than the last, {last}: got {step}; use "
                f"until({step}) to drop later steps"
            )
        row = {name: number("History", name, x) for name, x in {**(numbers or {}), **named}.items()}
        if self._rows and step == last:
            self._rows[-1][1].update(row)
        else:
            self._rows.append((step, row))
        if self._output is not None and time.monotonic() - self._drawn > REDRAW:
            self._draw()

    def live(self) -> "History":
        """Draw the curves in a notebook, and again while numbers are recorded; then itself.

        Elsewhere it does nothing, so a script may call it too. Another call draws the last state.

        >>> history = History().live()
        >>> history.record(loss=1.0)
        """
        notebook = sys.modules.get("IPython")
        if notebook is not None and getattr(notebook.get_ipython(), "kernel", None) is not None:
            if self._output is None:
                self._output = notebook.display.display(self, display_id=True)
            self._draw()
        return self

    def _draw(self) -> None:
        self._output.update(self)
        self._drawn = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_output": None}

    def until(self, step: int) -> "History":
        """The history before a step, to continue from a checkpoint."""
        return _of_run(self.run, ((s, row) for s, row in self._rows if s < step))

    @property
    def names(self) -> list[str]:
        """The names, in the order of their first record."""
        return list(dict.fromkeys(name for _, row in self._rows for name in row))

    @property
    def steps(self) -> np.ndarray:
        """The recorded steps, int64 [N]."""
        return np.array([step for step, _ in self._rows], np.int64)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.names:
            known = ", ".join(self.names) or "no names yet"
            cure = f"; record it first: history.record(step, {name}=value)" * (not self.names)
            raise UnknownNameError(f"History: unknown name {name!r}: got {known}{cure}")
        return np.array([row.get(name, math.nan) for _, row in self._rows])

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def arrays(self) -> dict[str, np.ndarray]:
        """The columns by name, "step" first, nan where nothing was recorded.

        >>> history = History([(10, {"loss": 1.0})])
        >>> history.arrays()
        {'step': array([10]), 'loss': array([1.])}
        """
        return {"step": self.steps, **{name: self[name] for name in self.names}}

    @answering
    def best(self, name: str, mode: str = "min") -> tuple[int, float]:
        """The step with the minimum (or with "max" the maximum), and its value.

        Raises:
            RangeError: if all are nan.

        >>> History([(0, {"loss": 1.0}), (1, {"loss": 0.5}), (2, {"loss": 0.7})]).best("loss")
        (1, 0.5)
        """
        if mode not in ("min", "max"):
            raise ValueError(f"History.best: mode must be 'min' or 'max': got {shown(mode)}")
        column = self[name]
        if np.all(np.isnan(column)):
            raise RangeError(f"History.best: all values of {name!r} are nan; record another name")
        i = int((np.nanargmin if mode == "min" else np.nanargmax)(column))
        return int(self.steps[i]), float(column[i])

    # printing and plotting

    def __str__(self) -> str:
        head = ["step", *self.names]
        rows = [[str(s), *(_text(row.get(n)) for n in self.names)] for s, row in self._rows]
        if len(rows) > _SHOWN:
            rows = [*rows[: _SHOWN // 2], ["..."] * len(head), *rows[-_SHOWN // 2 :]]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
        first = "  ".join(c.rjust(w) for c, w in zip(head, widths, strict=True))
        return "\n".join([first, "-" * len(first), *lines])

    def __repr__(self) -> str:
        width = max(map(len, self.names), default=0)
        lines = [f"{name.ljust(width)}  {_spark(self[name])}" for name in self.names]
        return "\n".join([f"History of {len(self)} steps", *lines])

    def _repr_html_(self) -> str:
        columns = [(name, self.steps, self[name]) for name in self.names]
        return str(load("funcgrad.core.html").page(curves(columns)))

    def plot(self, *names: str, ax: Any = None) -> Any:
        """Plot columns over the steps with matplotlib, and return the axes.

        Args:
            *names: the columns, by default all.
            ax: the axes to draw into, by default those of a new figure.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        columns = {name: self[name] for name in names or self.names}  # raises without a figure
        if ax is None:
            try:
                import matplotlib.pyplot as plt  # type: ignore[import-not-found]
            except ImportError:
                raise ImportError(
                    "History.plot: matplotlib is not installed: run pip install 'funcgrad[plot]'"
                ) from None
            _, ax = plt.subplots()
        for name, column in columns.items():
            there = ~np.isnan(column)
            ax.plot(self.steps[there], column[there], label=name)
        ax.set_xlabel("step")
        if columns:
            ax.legend()
        return ax

    # files

    def to_json(self) -> str:
        """The history as JSON: exact columns by name, null where nothing was recorded.

        >>> History([(0, {"loss": 0.1})]).to_json()
        '{"step": [0], "loss": [0.1]}'
        """
        column = lambda name: [_exact(row.get(name)) for _, row in self._rows]
        columns = {"step": self.steps.tolist(), **{name: column(name) for name in self.names}}
        told = {_RUN: runs.to_text("History", self.run)} if self.run else {}
        return json.dumps({**told, **columns}, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "History":
        """Read the output of ``to_json``, for example from the metadata of a checkpoint.

        Raises:
            HistoryError: if the text is not a history.

        >>> History.from_json(History([(0, {"loss": 0.1})]).to_json())["loss"]
        array([0.1])
        """
        try:
            columns = json.loads(text)
            run = columns.pop(_RUN, None)
            steps = columns.pop("step")
            rows = zip(steps, *columns.values(), strict=True)
            there = lambda row: zip(columns, row, strict=True)
            numbers = (
                (i, {n: float(x) for n, x in there(row) if x is not None}) for i, *row in rows
            )
            return _of_run({} if run is None else runs.from_text(run), numbers)
        except (ValueError, TypeError, KeyError, AttributeError) as err:
            raise HistoryError(f"History.from_json: the text is not a history: {err}") from None

    def save(self, path: Any) -> None:
        """Write a ``.json`` file, or a ``.csv`` file, which has no ``run``, atomically.

        >>> import tempfile, os
        >>> path = os.path.join(tempfile.mkdtemp(), "history.csv")
        >>> History([(0, {"loss": 0.1})]).save(path)
        >>> History.load(path)["loss"]
        array([0.1])
        """
        text = self.to_json() if _ending(path) == ".json" else self._to_csv()
        with replacing(path) as file:
            file.write(text.encode())

    @staticmethod
    def load(path: Any) -> "History":
        """Read a file written by ``save``.

        Raises:
            HistoryError: if the file is not a history.
        """
        ending = _ending(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as err:
            raise HistoryError(f"History.load: the file is not a history: {err}") from None
        return History.from_json(text) if ending == ".json" else _from_csv(text)

    def _to_csv(self) -> str:
        file = streams.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *self.names])
        for step, row in self._rows:
            writer.writerow([step, *(repr(row[n]) if n in row else "" for n in self.names)])
        return file.getvalue()


def _of_run(run: dict[str, Any], rows: Iterable[tuple[int, Mapping[str, Any]]]) -> History:
    """A history of a run that was recorded before, with the versions of that time."""
    history = History(rows)
    history.run = run
    return history


def _from_csv(text: str) -> History:
    try:
        (first, *names), *rows = csv.reader(streams.StringIO(text))
        if first != "step":
            raise ValueError(f"the first column is {shown(first)}, not 'step'")
        return History(
            (int(step), {n: float(x) for n, x in zip(names, row, strict=True) if x})
            for step, *row in rows
        )
    except ValueError as err:
        raise HistoryError(f"History.load: the file is not a history: {err}") from None


def _ending(path: Any) -> str:
    ending = Path(path).suffix
    if ending not in (".json", ".csv"):
        raise ValueError(
            f"History: the path must end in .json or .csv: got {shown(str(path))}; add one"
        )
    return ending


def step_of(who: str, step: Any) -> int:
    """A step; errors name ``who``."""
    try:
        return operator.index(step)
    except TypeError:
        raise DtypeError(f"{who}: step must be an integer: got {step!r}") from None


def number(who: str, name: str, x: Any) -> float:
    """A scalar with a name as a Python scalar; errors name ``who``."""
    if name == "step":
        raise ValueError(f"{who}: the name 'step' is reserved: pass the step as the first argument")
    if shape_of(x):
        raise ShapeError(f"{who}: {name} must be a scalar: got {aval_of(x)}; reduce it")
    return float(x)


def _exact(x: float | None) -> float | str | None:
    """A value for JSON, with nan and infinities as strings."""
    return x if x is None or math.isfinite(x) else str(x)


def _text(x: float | None) -> str:
    return "" if x is None else f"{x:.5g}"


def _spark(column: np.ndarray, width: int = 40) -> str:
    """The first number, a sparkline (of means of neighbours, if long), and the last number."""
    finite = column[np.isfinite(column)]
    if not len(finite):
        return "nan"
    means = [np.mean(part) for part in np.array_split(finite, min(width, len(finite)))]
    low, high = min(means), max(means)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(_BARS[round((m - low) * scale)] for m in means)
    return f"{_text(finite[0])} {bars} {_text(finite[-1])}"
