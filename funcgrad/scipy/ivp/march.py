"""Steps over an interval: one after another on known values, or as a program under jit and vmap."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...control.loops import scan, while_loop
from ...core import tree
from ...core.errors import ConcretizationError, ConversionError
from ...ops.stop_gradient import stop_gradient
from ...transforms.arguments import zero_of
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp
from .equation import Counts, Equation, Interpolant
from .events import Event, Found

TOO_SHORT = "Required step size is less than spacing between numbers."


class Steps(NamedTuple):
    """The steps that were taken, with their solution."""

    times: Any  # [T + 1]
    values: Any  # [T + 1, n]
    pieces: Interpolant | None  # with a first axis of T
    counts: Any


class Record:
    """Steps on known values, with all that a later pass needs to repeat them."""

    def __init__(self, method: Any, eq: Equation, t: Any, y: Any, first: Any) -> None:
        self.method, self.eq, self.events = method, eq, Found()
        self.times, self.values = [t], [y]
        self.plans: list[Any] = []
        self.parts: list[Any] = []
        self.pieces: list[Interpolant] = []
        self.failed = self.ended = False
        if t == eq.limits.end or not y.size:
            self.point, self.state, self.counts = None, None, Counts()
            return
        self.point, self.state, self.counts = method.start(eq, t, y, first)
        self.first = getattr(self.state, "h", self.state)

    def advance(self, events: Sequence[Event], dense: bool) -> None:
        """One step, and the events in it."""
        method, eq = self.method, self.eq
        point, state, self.counts, plan, parts = method.search(
            eq, self.point, self.state, self.counts
        )
        if not np.isfinite(plan[0]):
            self.failed = True
            return
        self.point, self.state = point, state
        t, y = method.solution(point)
        self.times.append(t)
        self.values.append(y)
        self.plans.append(plan)
        self.parts.append(parts if dense else None)
        pieces = self.piece if dense else lambda: self.priced(parts)
        self.ended = self.events.seek(events, self.times, self.values, pieces, method.mirrored)

    def priced(self, parts: Any) -> Interpolant:
        """The interpolant of a step, whose evaluations are counted."""
        self.counts = self.counts.plus(self.method.cost)
        return self.method.interpolant(self.eq, parts)  # type: ignore[no-any-return]

    def piece(self) -> Interpolant:
        """The interpolant of the last step."""
        if len(self.pieces) < len(self.parts):
            self.pieces.append(self.priced(self.parts[-1]))
        return self.pieces[-1]

    def run(self, events: Sequence[Event], dense: bool) -> "Record":
        if self.point is None:
            self.still()
            return self
        self.events.start(events, self.times[0], self.values[0])
        while not (self.failed or self.ended or self.times[-1] == self.eq.limits.end):
            self.advance(events, dense)
            if dense and not self.failed:
                self.piece()
        return self

    def still(self) -> None:
        """A step of length 0."""
        y = self.values[0]
        self.times.append(self.eq.limits.end)
        self.values.append(y)
        self.pieces.append(Interpolant(self.times[0], np.float64(1.0), y, y[None] * 0))

    def steps(self) -> Steps:
        pieces = stacked(self.pieces) if self.pieces else None
        return Steps(np.array(self.times), np.stack(self.values), pieces, self.counts)


def stacked(trees: Sequence[Any]) -> Any:
    return tree.map(lambda *xs: np.stack(xs), *trees)


def repeated(record: Record, eq: Equation, t: Any, y: Any, dense: bool, checkpoint: Any) -> Steps:
    """The recorded steps again, as functions of all that the equation depends on."""
    method = record.method
    if record.point is None:
        times, values = np.stack([t, eq.limits.end]), np.stack([y, y])
        return Steps(times, values, stacked([Interpolant(t, np.float64(1.0), y, y[None] * 0)]), 0)

    def again(point: Any, plan: Any) -> tuple[Any, Any]:
        new, parts = method.replay(eq, point, plan)
        return new, (method.solution(new), method.interpolant(eq, parts) if dense else None)

    point = method.begin(eq, t, y, record.first)
    try:
        _, outs = scan(again, point, stacked(record.plans), checkpoint=checkpoint)
    except (ConcretizationError, ConversionError):  # the right-hand side branches on values
        found = []
        for plan in record.plans:
            point, out = again(point, plan)
            found.append(out)
        outs = stacked(found)
    (times, values), pieces = outs
    joined = lambda x, rest: np.concatenate([x[None], rest])
    return Steps(joined(t, times), joined(y, values), pieces, record.counts)


class Program:
    """Steps as a program, of which the search for lengths is not differentiated.

    ``make(frame)`` is the equation for a tree of arrays.
    """

    def __init__(self, method: Any, make: Callable[[Any], Equation], frame: Any) -> None:
        self.method, self.make, self.frame = method, make, frame

    def advance(self, *args: Any) -> Any:
        ruled = custom_jvp(self._advance)  # as an attribute: a reference cycle
        ruled.defjvp(self._rule)
        return ruled(*args)

    def _advance(self, frame: Any, point: Any, state: Any, counts: Any) -> Any:
        new, state, counts, plan, parts = self.method.search(self.make(frame), point, state, counts)
        return (new, parts), (state, counts, plan)

    def _rule(self, primals: Any, tangents: Any) -> Any:
        moved, rest = self.advance(*primals)
        again = lambda frame, point: self.method.replay(self.make(frame), point, rest[2])
        _, slopes = jvp(again, primals[:2], tangents[:2])
        return (moved, rest), (slopes, tree.map(zero_of, rest))

    def run(self, t: Any, y: Any, first: Any, targets: Any) -> tuple[Any, Any, Any]:
        """The solution at the targets, the numbers of evaluations, and whether a step failed."""
        method, eq, frame = self.method, self.make(self.frame), self.frame
        quiet = self.make(stop_gradient(frame))
        _, state, counts = method.start(quiet, stop_gradient(t), stop_gradient(y), first)
        state, counts = stop_gradient((state, counts))
        counts = tree.map(lambda n: np.asarray(n, np.int64), counts)
        point = method.begin(eq, t, y, getattr(state, "h", state))

        def reach(carry: Any, target: Any) -> Any:
            def behind(carry: Any) -> Any:
                (point, _), (_, _, plan) = carry
                left = (target - method.solution(point)[0]) * eq.limits.sign > 0
                return np.logical_and(left, np.isfinite(plan[0]))

            def go_on(carry: Any) -> Any:
                (point, _), (state, counts, _) = carry
                return self.advance(frame, point, state, counts)

            carry = while_loop(behind, go_on, carry)
            (point, parts), (_, _, plan) = carry
            value = method.interpolant(eq, parts).at(target, method.mirrored)
            t, y = method.solution(point)
            value = np.where(t == target, y, value)
            return carry, np.where(np.isfinite(plan[0]), value, np.nan)

        plan = self._no_plan(point, state)
        carry = ((point, method.still(point)), (state, counts, plan))
        carry, ys = scan(reach, carry, targets)
        _, (_, counts, plan) = carry
        return ys, counts, np.logical_not(np.isfinite(plan[0]))

    def _no_plan(self, point: Any, state: Any) -> Any:
        """A plan of length 0, of the structure of the others."""
        return self.method.no_plan(*stop_gradient((point, state)))


def located_on(steps: Steps, t: Any) -> Any:
    """The step in which each time lies; that before, if one ends there."""
    times = np.asarray(stop_gradient(steps.times))
    sign = 1 if times[-1] >= times[0] else -1
    after = np.searchsorted(sign * times[1:], sign * stop_gradient(t), "left")
    return np.minimum(after, len(times) - 2)
