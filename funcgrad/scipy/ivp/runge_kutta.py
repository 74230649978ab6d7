"""Explicit Runge-Kutta steps: RK23, RK45 and DOP853."""

from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of
from .equation import Counts, Equation, Interpolant, first_length, rms, scaled, weighted
from .tableaus import Tableau

_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0


class Point(NamedTuple):
    """What the derivative of a step follows: the solution, and its slope."""

    t: Any
    y: Any
    f: Any


class _Trial(NamedTuple):
    h: Any  # length of the next trial, or of the next step
    taken: Any
    accepted: Any
    rejected: Any
    last: Any
    point: Point
    slopes: Any
    counts: Counts


class Parts(NamedTuple):
    """What an interpolant is made of."""

    before: Point
    after: Point
    h: Any
    slopes: Any


class RungeKutta:
    """Steps of an explicit method, with its tableau.

    ``search`` finds the length of a step on values; ``replay`` repeats the step of this length, and
    is what derivatives see.
    """

    implicit = False

    def __init__(self, tableau: Tableau) -> None:
        self.tableau, self.mirrored = tableau, tableau.mirrored
        self.exponent = -1 / (tableau.order + 1)
        self.cost = len(tableau.more_nodes)  # evaluations for an interpolant

    def start(self, eq: Equation, t: Any, y: Any, first: Any) -> tuple[Point, Any, Counts]:
        f = eq.slope(t, y)
        if first is not None:
            return Point(t, y, f), first, Counts(1)
        return Point(t, y, f), first_length(eq, self.tableau.order, t, y, f), Counts(2)

    def begin(self, eq: Equation, t: Any, y: Any, h: Any) -> Point:
        """The first point, which derivatives follow; ``h`` is the length of the first step."""
        return Point(t, y, eq.slope(t, y))

    def still(self, point: Point) -> Parts:
        """The parts of a step of length 0."""
        slopes = [point.f] * len(self.tableau.nodes)
        return Parts(point, point, point.t * 0.0, slopes)

    @staticmethod
    def no_plan(point: Point, state: Any) -> Any:
        return point.t * 0.0, np.bool_(False)

    @staticmethod
    def solution(point: Point) -> tuple[Any, Any]:
        return point.t, point.y

    def step(self, eq: Equation, point: Point, h: Any) -> tuple[Point, list[Any]]:
        """The solution after a step, and the slopes of the stages."""
        t, y, f = point
        size = scaled(h, y)
        slopes = [f]
        for node, row in zip(self.tableau.nodes[1:], self.tableau.stages[1:], strict=True):
            new = y + size * weighted(row, slopes)
            slopes.append(eq.slope(t + node * h, new))
        return Point(t + h, new, slopes[-1]), slopes

    def error(self, h: Any, slopes: list[Any], scale: Any) -> Any:
        """The error relative to the tolerance, accepted below 1."""
        found = [weighted(row, slopes) / scale for row in self.tableau.errors]
        if len(found) == 1:
            return rms(scaled(h, scale) * found[0])
        five, three = (rms(x) ** 2 for x in found)  # DOP853 damps the estimate of order 5
        total = five + 0.01 * three
        return np.abs(h) * five / np.sqrt(np.where(total == 0, 1.0, total))

    def search(
        self, eq: Equation, point: Point, h: Any, counts: Counts
    ) -> tuple[Point, Any, Counts, Any, Parts]:
        """The step of the first length that is accepted, and its length: nan if there is none."""
        pick, shortest = eq.flow.pick, eq.shortest(point.t)
        h = np.fmin(np.fmax(h, shortest), eq.limits.longest)

        def go_on(s: _Trial) -> Any:
            return np.logical_and(np.logical_not(s.accepted), s.h >= shortest)

        def attempt(s: _Trial) -> _Trial:
            after, last = eq.after(point.t, s.h)
            taken = after - point.t
            new, slopes = self.step(eq, point, taken)
            size = self.error(taken, slopes, eq.scale(point.y, new.y))
            accepted = size < 1
            power = np.maximum(size, 1e-300) ** self.exponent
            grow = np.fmin(pick(s.rejected, 1.0, _GROW), _SAFETY * power)
            factor = pick(accepted, grow, np.fmax(_SHRINK, _SAFETY * power))
            h = np.abs(taken) * factor
            counts = s.counts.plus(len(slopes) - 1)
            rejected = np.logical_not(accepted)
            return _Trial(
                h, taken, accepted, rejected, last, Point(after, *new[1:]), slopes, counts
            )

        slopes = self.still(point).slopes
        no = np.bool_(False)
        trial = _Trial(h, h * 0.0, no, no, no, point, slopes, counts)
        trial = eq.flow.loop(go_on, attempt, trial)
        plan = np.where(trial.accepted, trial.taken, np.nan), trial.last
        parts = Parts(point, trial.point, trial.taken, trial.slopes)
        return trial.point, trial.h, trial.counts, plan, parts

    def replay(self, eq: Equation, point: Point, plan: Any) -> tuple[Point, Parts]:
        h, last = plan
        h = np.where(last, eq.limits.end - point.t, h)
        new, slopes = self.step(eq, point, h)
        new = new._replace(t=np.where(last, eq.limits.end, new.t))
        return new, Parts(point, new, h, slopes)

    def interpolant(self, eq: Equation, parts: Parts) -> Interpolant:
        (t, y, _), h, slopes = parts.before, parts.h, list(parts.slopes)
        size = scaled(h, y)
        for node, row in zip(self.tableau.more_nodes, self.tableau.more_stages, strict=True):
            slopes.append(eq.slope(t + node * h, y + size * weighted(row, slopes)))
        columns = zip(*self.tableau.interpolant, strict=True)
        terms = np.stack([size * weighted(weights, slopes) for weights in columns])
        return Interpolant(t, np.where(h == 0, 1.0, h), y, terms.astype(dtype_of(y)))
