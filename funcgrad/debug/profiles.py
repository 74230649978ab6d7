"""debug.profile: time, bytes and new arrays for each line of user code, forward and backward."""

import linecache
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..compile.clocks import Place
from ..core.lazy import answering
from ..transforms.arguments import check_callable
from ..transforms.jit.api import Compiled
from .compiled_times import add, compiled_costs
from .eager_times import eager_costs, is_user

ROWS = 20  # of the table
CONTEXT = 2  # lines of a listing around those that cost


class Cost(NamedTuple):
    """What a line takes in a call: seconds, bytes read and written, and new arrays.

    >>> import numpy as np, funcgrad as fg
    >>> found = fg.debug.profile(lambda x: np.exp(x), np.ones(1000))
    >>> found.lines[0].forward.arrays >= 0
    True
    """

    seconds: float = 0.0
    bytes: float = 0.0
    arrays: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of user code, and its costs forward and backward.

    >>> import numpy as np, funcgrad as fg
    >>> line = fg.debug.profile(lambda x: np.exp(x), np.ones(1000)).lines[0]
    >>> line.number, line.seconds == line.forward.seconds + line.backward.seconds
    (1, True)
    """

    file: str
    number: int
    forward: Cost
    backward: Cost

    @property
    def text(self) -> str:
        """The source of the line."""
        return linecache.getline(self.file, self.number).rstrip()

    @property
    def seconds(self) -> float:
        """Of both directions."""
        return self.forward.seconds + self.backward.seconds


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """The costs of a call by lines of user code; it prints as a table, the most costly line first.

    ``plain`` is the time of a call, ``total`` what the clocks saw, ``other`` the part of that on no
    line of user code. What arguments and results take is on the line that defines the function.

    >>> import numpy as np, funcgrad as fg
    >>> found = fg.debug.profile(fg.jit(lambda x: np.exp(x)), np.ones(1000))
    >>> found.engine, found.plain > 0, 0 <= found.accounted <= 1
    ('numpy', True, True)
    """

    name: str
    engine: str  # "eager", or the backend
    lines: tuple[Line, ...]
    total: float  # seconds
    plain: float
    slowdown: float  # by the clocks
    calls: int  # that were measured

    @property
    def other(self) -> float:
        """Seconds of a call that belong to no line."""
        return max(self.total - sum(line.seconds for line in self.lines), 0.0)

    @property
    def accounted(self) -> float:
        """The part of the time that the lines take."""
        return 1 - self.other / self.total if self.total else 1.0

    def __repr__(self) -> str:
        rows = [
            self._head(),
            _COLUMNS.format("forward", "backward", "%", "bytes", "arrays", "line"),
        ]
        shown = self.lines[:ROWS]
        for line in shown:
            place = f"{os.path.basename(line.file)}:{line.number}"
            rows.append(f"{self._row(line)}  {place}  {line.text.strip()[:60]}")
        left = sum(line.seconds for line in self.lines[ROWS:])
        if left:
            words = f"{len(self.lines) - ROWS} more lines"
            rows.append(f"{self._of(left, 0.0, left, '', '')}  {words}")
        if self.other > 1e-9 * self.total:
            rows.append(f"{self._of(self.other, 0.0, self.other, '', '')}  (on no line)")
        return "\n".join(rows)

    __str__ = __repr__

    def listing(self) -> str:
        """The user's source around the lines that cost, with their costs in front."""
        rows = [self._head()]
        for file in dict.fromkeys(line.file for line in self.lines):
            found = {line.number: line for line in self.lines if line.file == file}
            rows += ["", file]
            rows.append(_TITLES)
            numbers = sorted({n + d for n in found for d in range(-CONTEXT, CONTEXT + 1)})
            last = 0
            for n in numbers:
                text = linecache.getline(file, n).rstrip()
                if n < 1 or not linecache.getline(file, n):
                    continue
                rows += ["..."] * (last not in (0, n - 1))
                costs = self._row(found[n]) if n in found else " " * _WIDTH
                rows.append(f"{costs}  {n:5} {text}")
                last = n
        return "\n".join(rows)

    def _head(self) -> str:
        engine = self.engine if self.engine == "eager" else f"compiled, backend {self.engine!r}"
        count = f"{len(self.lines)} line{'s' * (len(self.lines) != 1)}"
        return (
            f"profile of {self.name} ({engine}): {_time(self.plain)} a call, {self.slowdown:.2f} "
            f"times that with clocks, {100 * self.accounted:.1f} % of it on {count}"
        )

    def _row(self, line: Line) -> str:
        both = zip(line.forward[1:], line.backward[1:], strict=True)
        size, arrays = (sum(pair) for pair in both)
        seconds = line.forward.seconds, line.backward.seconds
        return self._of(*seconds, line.seconds, _size(size), f"{arrays:.0f}")

    def _of(self, forward: float, backward: float, both: float, size: str, arrays: str) -> str:
        part = f"{100 * both / self.total:.1f}" if self.total else ""
        back = _time(backward) if backward else ""
        return _COLUMNS.format(_time(forward) if forward else "", back, part, size, arrays, "")


_COLUMNS = "{:>10} {:>10} {:>6} {:>10} {:>7}  {}"
_TITLES = _COLUMNS.format("forward", "backward", "%", "bytes", "arrays", "line")
_WIDTH = len(_COLUMNS.format("", "", "", "", "", "")) - 2


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.4g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _size(count: float) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B" if count else ""


@answering
def profile(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Profile:
    """Measure a function line by line: time, bytes and new arrays, forward and backward apart.

    Args:
        f: a function, a derivative as ``grad(loss)``, or a compiled function. It is called
            several times, for about a second; its effects happen each time.
        *args: its arguments.
        **kwargs: its keyword arguments.

    Returns:
        A ``Profile``: its repr is a table, ``listing()`` the user's source with the costs in front,
        ``lines`` the numbers. Bytes are those that operations read and write; arrays are those that
        NumPy allocates. Time in C is divided by the model of costs that ``backend="auto"`` has.

    The first call is not measured, so that no compilation is.

    >>> import numpy as np, funcgrad as fg
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x @ w))
    >>> found = fg.debug.profile(fg.jit(fg.grad(loss)), np.ones((50, 50)), np.ones((50, 50)))
    >>> found.lines[0].text.strip(), found.accounted > 0.5
    ('return np.sum(np.tanh(x @ w))', True)
    """
    check_callable("debug.profile", f)
    f(*args, **kwargs)
    measure: Any = compiled_costs if isinstance(f, Compiled) else eager_costs
    engine, costs, times = measure(f, args, kwargs)
    name = getattr(f, "__qualname__", type(f).__name__)
    total = times.total if isinstance(f, Compiled) else sum(times.parts.values())
    add(costs, definition(f), costs.pop(None, [0.0] * 3))  # arguments and results
    lines = tuple(_lines(costs))
    return Profile(name, engine, lines, total, times.plain, times.slowdown, times.calls)


def definition(f: Any) -> Place | None:
    """The line of user code that defines a function, or the one within transforms; None if none."""
    while inner := getattr(f, "__wrapped__", None) or getattr(f, "func", None):
        f = inner
    code = getattr(f, "__code__", None)
    if code is None or not is_user(code.co_filename):
        return None
    return Place(code.co_filename, code.co_firstlineno, False)


def _lines(costs: Mapping[Place | None, Iterable[float]]) -> list[Line]:
    """Both directions of each line, the most costly line first."""
    keys = dict.fromkeys((place.file, place.line) for place in costs if place is not None)
    cost = lambda file, line, back: Cost(*costs.get(Place(file, line, back), ()))
    found = [Line(*key, cost(*key, False), cost(*key, True)) for key in keys]
    return sorted(found, key=lambda line: -line.seconds)
