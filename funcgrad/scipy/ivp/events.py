"""Events of an initial value problem: zeros of functions of time and solution."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...control.implicit import custom_root
from ...core.errors import ConcretizationError, shown
from ...core.trace import is_concrete
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ..brackets import brent
from .equation import Interpolant


class Event(NamedTuple):
    """A function of time and solution whose zeros are sought."""

    function: Callable[[Any, Any], Any]
    most: float  # occurrences, the last of which ends the solution
    direction: float  # of the zeros: 1 for those where it grows, -1, or 0 for all

    def value(self, t: Any, y: Any) -> float:
        found = stop_gradient(operand(self.function(t, y)))
        if not is_concrete(found):
            raise ConcretizationError(
                "solve_ivp: the times of events depend on values: got a traced one; call it "
                "outside of jit and vmap"
            )
        return float(np.reshape(np.asarray(found), ()))


def events_of(given: Any, args: Sequence[Any]) -> list[Event] | None:
    """Events with the attributes of SciPy's functions: terminal and direction."""
    if given is None:
        return None
    found = []
    for f in [given] if callable(given) else given:
        terminal = getattr(f, "terminal", None) or 0
        if int(terminal) != terminal or terminal < 0:
            raise ValueError(
                f"solve_ivp: the attribute terminal of an event must be a bool or an integer >= 0: "
                f"got {shown(f.terminal)}"
            )
        call = lambda t, y, f=f: f(t, y, *args)
        found.append(Event(call, terminal or np.inf, getattr(f, "direction", 0)))
    return found


class Found:
    """The events of the steps so far: the event, the step, the time and the solution."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, Any, Any]] = []
        self.before: list[float] = []
        self.counts: list[int] = []

    def start(self, events: Sequence[Event], t: Any, y: Any) -> None:
        self.before = [e.value(t, y) for e in events]
        self.counts = [0] * len(events)

    def seek(
        self, events: Sequence[Event], times: list[Any], values: list[Any],
        piece: Callable[[], Interpolant], mirrored: bool,
    ) -> bool:  # fmt: skip
        """Find the events in the last step; whether one ends the solution."""
        if not events:
            return False
        start, stop = times[-2:]
        now = [e.value(stop, values[-1]) for e in events]
        pairs = zip(events, self.before, now, strict=True)
        active = [i for i, (e, a, b) in enumerate(pairs) if _crosses(a, b, e.direction)]
        self.before = now
        if not active:
            return False
        part = piece()
        roots = []
        for i in active:
            along = lambda t, i=i: events[i].value(t, part.at(t, mirrored))
            roots.append((float(brent(along, float(start), float(stop))), i))
            self.counts[i] += 1
        roots.sort(reverse=bool(stop < start))
        ended = False
        for t, i in roots:
            at = np.float64(t)
            self.rows.append((i, len(times) - 2, at, part.at(at, mirrored)))
            if self.counts[i] >= events[i].most:
                ended = True
                break
        return ended


def _crosses(before: float, after: float, direction: float) -> bool:
    up, down = before <= 0 <= after, before >= 0 >= after
    return (up and direction > 0) or (down and direction < 0) or ((up or down) and direction == 0)


def located(event: Event, t: float, part: Interpolant, mirrored: bool) -> tuple[Any, Any]:
    """The time of an event and the solution there, with derivatives in all that they depend on.

    Source: the implicit function theorem for g(t, y(t)) = 0, y the interpolant of the step.
    """
    along = lambda t: np.reshape(operand(event.function(t, part.at(t, mirrored))), ())
    solve = lambda f, start: start
    t = custom_root(along, np.float64(t), solve, lambda slope, r: r / slope(np.float64(1.0)))
    return t, part.at(t, mirrored)
