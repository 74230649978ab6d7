"""Progress bars, drawn by tqdm if it is installed."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import suppress
from typing import Any, Generic, TextIO, TypeVar

from ..core.lazy import answering

T = TypeVar("T")

_REDRAW, _LINE = 0.1, 10.0  # seconds between updates on a terminal, in a file


@answering
def progress(
    items: Iterable[T],
    total: int | None = None,
    *,
    label: str = "",
    show: bool | None = None,
    file: TextIO | None = None,
) -> "Progress[T]":
    """Iterate over items, and show the progress and the remaining time.

    Args:
        items: an iterable.
        total: int, the number of items, by default ``len(items)`` if it has a length.
        label: str, before the bar.
        show: whether the bar is shown; by default if the file is a terminal or a notebook.
        file: the output, by default standard error.

    >>> import sys
    >>> for x in progress(range(3), label="epoch", show=False):
    ...     loss = x / 2
    >>> loss
    1.0
    """
    file = sys.stderr if file is None else file
    if total is None and isinstance(items, Sized):
        with suppress(TypeError):  # a loader of an iterable has no length
            total = len(items)
    shown = _is_watched(file) if show is None else show
    if not shown:
        return Progress(items, None)
    return Progress(items, _bar(total, label, file))


class Progress(Generic[T]):
    """An iterable with a progress bar; ``note`` shows numbers beside the bar.

    Args:
        items: an iterable.
        bar: the bar, or None to show nothing.

    >>> bar = progress(range(2), show=False)
    >>> for x in bar:
    ...     bar.note(loss=0.5)
    """

    def __init__(self, items: Iterable[T], bar: Any) -> None:
        if not hasattr(items, "__iter__"):
            given = repr(items) if isinstance(items, int) else "n"
            raise TypeError(
                f"progress: items must be an iterable: got {items!r}; write range({given})"
            )
        self._items, self._bar = items, bar

    def __iter__(self) -> Iterator[T]:
        if self._bar is None:
            yield from self._items
            return
        try:
            for item in self._items:
                yield item
                self._bar.update()
        finally:
            self._bar.close()

    def note(self, **numbers: Any) -> None:
        """Show named numbers beside the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str("  ".join(f"{n} {float(x):.4g}" for n, x in numbers.items()))


class Line:
    """The bar without tqdm: one line that is overwritten; in a file, a line now and then.

    Args:
        total: the number of items, or None.
        label: str, before the count.
        file: the output.

    >>> line = Line(2, "epoch", sys.stdout)
    >>> line.update()
    >>> line.close()
    epoch  1/2  50%  0:0... left
    """

    def __init__(self, total: int | None, label: str, file: TextIO) -> None:
        self._total, self._label, self._file = total, label, file
        self._note, self._done, self._width = "", 0, 0
        self._start = self._drawn = time.perf_counter()
        self._terminal = _is_watched(file)

    def update(self) -> None:
        self._done += 1
        now = time.perf_counter()
        if now - self._drawn >= (_REDRAW if self._terminal else _LINE):
            self._drawn = now
            self._draw("" if self._terminal else "\n")

    def set_postfix_str(self, text: str) -> None:
        self._note = text

    def close(self) -> None:
        self._draw("\n")

    def _draw(self, end: str) -> None:
        text = "  ".join(part for part in (self._label, *self._facts(), self._note) if part)
        blank = " " * (self._width - len(text)) if self._terminal else ""
        self._width = len(text)
        self._file.write(("\r" if self._terminal else "") + text + blank + end)
        self._file.flush()

    def _facts(self) -> list[str]:
        seconds = time.perf_counter() - self._start
        if not self._total:
            return [str(self._done), f"{_clock(seconds)} so far"]
        left = seconds / max(self._done, 1) * (self._total - self._done)
        time_left = f"{_clock(left)} left" if self._done < self._total else _clock(seconds)
        count = f"{self._done:{len(str(self._total))}d}/{self._total}"
        return [count, f"{self._done / self._total:.0%}", time_left]


def _is_watched(file: TextIO) -> bool:
    """Whether a file is a terminal, or the output of a notebook's cell."""
    return file.isatty() or type(file).__module__.partition(".")[0] in ("ipykernel", "pyodide")


def _bar(total: int | None, label: str, file: TextIO) -> Any:
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return Line(total, label, file)
    return tqdm(total=total, desc=label or None, file=file, dynamic_ncols=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
