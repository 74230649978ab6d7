"""BDF: backward differentiation formulas of order 1 to 5 for stiff problems.

Source: Shampine & Reichelt 1997, "The MATLAB ODE suite" (SIAM J. Sci. Comput. 18); Byrne &
Hindmarsh 1975, "A polyalgorithm for the numerical solution of ordinary differential equations".
"""

from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.trace import Tracer
from ...ops.structure import cast
from .equation import Counts, Equation, Interpolant, first_length, rms, scaled
from .newton import inverse, progress, solution, tolerance

_MOST, _ITERATIONS, _GROW, _SHRINK = 5, 4, 10.0, 0.2
_KAPPA = np.array([0, -0.1850, -1 / 9, -0.0823, -0.0415, 0])
_GAMMA = np.hstack((0, np.cumsum(1 / np.arange(1, _MOST + 1))))
_ALPHA = (1 - _KAPPA) * _GAMMA
_ERROR = _KAPPA * _GAMMA + 1 / np.arange(1, _MOST + 2)
_numbers = np.arange(_MOST + 3)  # of the differences
# differences 1 to 5 as powers 1 to 5 of (t - t1) / h: the products of (x + i) / (i + 1)
_POWERS = np.zeros((_MOST, _MOST))
for _j in range(_MOST):
    _product = np.poly1d([1.0])
    for _i in range(_j + 1):
        _product = _product * np.poly1d([1.0, _i]) / (_i + 1)
    _POWERS[: _j + 1, _j] = _product.coeffs[-2::-1]


class Differences(NamedTuple):
    """The solution by its backward differences, which derivatives follow."""

    t: Any
    h: Any  # their spacing
    rows: Any  # [8, n]


class Search(NamedTuple):
    """What the search for the next step starts from."""

    h: Any
    order: Any
    equal: Any  # number of steps of this length
    jacobian: Any
    inverse: Any  # of the matrix of Newton's method
    factored: Any  # whether this is valid


class _Iterate(NamedTuple):
    count: Any
    d: Any
    size: Any
    state: Any


class _Attempt(NamedTuple):
    h: Any
    after: Any
    taken: Any
    last: Any
    accepted: Any
    current: Any
    factor: Any
    error: Any
    d: Any
    state: Search
    counts: Counts


def _entry(table: np.ndarray, k: Any) -> Any:
    """An element of a table at a place that may be traced."""
    if not isinstance(k, Tracer):
        return table[k]
    return np.sum(np.where(_numbers[: len(table)] == k, table, 0.0))


def _upto(order: Any, first: int = 0) -> Any:
    """A mask of the rows ``first`` to ``order``."""
    return np.logical_and(_numbers >= first, _numbers <= order)


def _steps(factor: Any) -> Any:
    """The differences of a polynomial at steps that are longer by a factor, as a matrix."""
    i, j = _numbers[1:, None], _numbers[1:]
    first = np.concatenate([np.ones((1, 1)), np.zeros((_MOST + 2, 1))])
    left = np.concatenate([np.ones((1, _MOST + 2)), (i - 1 - factor * j) / i])
    return np.cumprod(np.concatenate([first, left], axis=1), axis=0)


_UNIT = _steps(1.0)


def _change(rows: Any, order: Any, factor: Any) -> Any:
    """Differences for steps that are longer by a factor."""
    if not isinstance(order, Tracer) and not isinstance(factor, Tracer):
        if abs(factor - 1) < 1e-14:  # the same length, but for rounding
            return rows
        k = int(order) + 1
        both = _steps(factor)[:k, :k] @ _UNIT[:k, :k]
        return np.concatenate([cast(both.T, np.finfo(rows.dtype).dtype) @ rows[:k], rows[k:]])
    used = _upto(order)
    block = np.logical_and(used[:, None], used)
    both = np.where(block, _steps(factor), 0.0) @ np.where(block, _UNIT, 0.0)
    both = np.where(block, both, np.eye(_MOST + 3))
    return cast(np.swapaxes(both, 0, 1), np.finfo(dtype_of(rows)).dtype) @ rows


def _predicted(rows: Any, order: Any) -> tuple[Any, Any]:
    """The prediction of the solution, and the sum psi of differences in its equation."""
    real = np.finfo(dtype_of(rows)).dtype
    if not isinstance(order, Tracer):
        k = int(order)
        weights = (_GAMMA[1 : k + 1] / _ALPHA[k]).astype(real)
        return rows[: k + 1].sum(0), weights @ rows[1 : k + 1]
    ahead = cast(_upto(order), real) @ rows
    weights = np.zeros(_MOST + 3)
    weights[: _MOST + 1] = _GAMMA
    psi = cast(np.where(_upto(order, 1), weights, 0.0) / _entry(_ALPHA, order), real) @ rows
    return ahead, psi


def _updated(rows: Any, order: Any, d: Any) -> Any:
    """The differences after a step: D_k(n + 1) = D_k(n) + D_(k + 1)(n + 1)."""
    if not isinstance(order, Tracer):
        k = int(order)
        last = np.stack([d, d - rows[k + 1]])
        sums = np.cumsum(np.concatenate([rows[: k + 1], last[:1]])[::-1], axis=0)[:0:-1]
        return np.concatenate([sums, last, rows[k + 3 :]])
    real = np.finfo(dtype_of(rows)).dtype
    at = lambda k: cast(_numbers == k, real)
    previous = at(order + 1) @ rows
    rows = np.where((_numbers == order + 1)[:, None], d, rows)
    rows = np.where((_numbers == order + 2)[:, None], d - previous, rows)
    sums = cast(np.logical_and(_numbers <= order + 1, _numbers[:, None] <= _numbers), real) @ rows
    return np.where(_upto(order)[:, None], sums, rows)


class BDF:
    """Steps of the method; see ``RungeKutta``."""

    implicit, mirrored, cost = True, False, 0

    def start(self, eq: Equation, t: Any, y: Any, first: Any) -> tuple[Any, Search, Counts]:
        f = eq.slope(t, y)
        h = first_length(eq, 1, t, y, f) if first is None else first + 0.0 * t
        square = np.zeros((shape_of(y)[0],) * 2, dtype_of(y))
        one, zero, no = np.int64(1), np.int64(0), np.bool_(False)
        state = Search(h, one, zero, eq.jacobian(t, y), square, no)
        return self._first(t, y, f, h * eq.limits.sign), state, Counts(1 + (first is None), 1, 0)

    def _first(self, t: Any, y: Any, f: Any, h: Any) -> Differences:
        top = np.stack([y, scaled(h, y) * f])
        zeros = np.zeros((_MOST + 1, *shape_of(y)), dtype_of(y))
        return Differences(t, h, np.concatenate([top, zeros]))

    def begin(self, eq: Equation, t: Any, y: Any, h: Any) -> Differences:
        return self._first(t, y, eq.slope(t, y), h * eq.limits.sign)

    def still(self, point: Differences) -> Any:
        return point, np.int64(1)

    @staticmethod
    def no_plan(point: Differences, state: Search) -> Any:
        return point.t * 0.0, np.bool_(False), state.order, state.order, point.rows[0] * 0

    @staticmethod
    def solution(point: Differences) -> tuple[Any, Any]:
        return point.t, point.rows[0]

    def search(
        self, eq: Equation, point: Differences, state: Search, counts: Counts
    ) -> tuple[Any, Search, Counts, Any, Any]:
        """The step of the first length that is accepted, and its length: nan if there is none."""
        shortest, longest = eq.shortest(point.t), eq.limits.longest
        outside = np.logical_or(state.h > longest, state.h < shortest)
        h = np.fmin(np.fmax(state.h, shortest), longest)
        state = state._replace(equal=np.where(outside, 0, state.equal))
        no, one = np.bool_(False), np.float64(1.0)
        trial = _Attempt(
            h, point.t, h * 0.0, no, no, no, one, one, point.rows[0] * 0, state, counts
        )
        go_on = lambda s: np.logical_and(np.logical_not(s.accepted), s.h >= shortest)
        trial = eq.flow.loop(go_on, lambda s: self._attempt(eq, point, s), trial)
        taken, order = trial.taken, state.order
        rows = _change(point.rows, order, taken / point.h)
        new = Differences(trial.after, taken, _updated(rows, order, trial.d))
        state = self._next(eq, new, trial)
        plan = np.where(trial.accepted, taken, np.nan), trial.last, order, state.order, new.rows[0]
        return new, state, trial.counts, plan, (new, state.order)

    def _attempt(self, eq: Equation, point: Differences, s: _Attempt) -> _Attempt:
        """Solve for the next solution, and find what follows."""
        branch, pick, state = eq.flow.branch, eq.flow.pick, s.state
        order, t = state.order, point.t
        after, last = eq.after(t, s.h)
        h = after - t
        length = np.abs(h)
        cut = (t + s.h * eq.limits.sign - eq.limits.end) * eq.limits.sign > 0
        factored = np.logical_and(state.factored, np.logical_not(cut))
        rows = _change(point.rows, order, h / point.h)
        ahead, psi = _predicted(rows, order)
        c = scaled(h / _entry(_ALPHA, order), ahead)
        unit = lambda: np.eye(shape_of(ahead)[0], dtype=dtype_of(ahead))
        matrix = branch(
            factored, lambda st: st.inverse, lambda st: inverse(unit() - c * st.jacobian), state
        )
        found = _corrected(eq, after, ahead, c, psi, matrix)
        solved, new = found.state == 1, ahead + found.d
        safety = 0.9 * (2 * _ITERATIONS + 1) / (2 * _ITERATIONS + found.count)
        error = rms(scaled(_entry(_ERROR, order), new) * found.d / eq.scale(new))
        accepted = np.logical_and(solved, error <= 1)
        failed = np.logical_not(solved)
        renew = np.logical_and(failed, np.logical_not(s.current))
        power = np.maximum(error, 1e-300) ** (-1 / (order + 1))
        shrink = pick(failed, pick(renew, 1.0, 0.5), np.fmax(_SHRINK, safety * power))
        jacobian = branch(
            renew, lambda st: eq.jacobian(after, ahead), lambda st: st.jacobian, state
        )
        other = np.logical_or(np.logical_not(np.logical_or(accepted, renew)), cut)
        counts = s.counts.plus(found.count, renew * 1, np.logical_not(factored) * 1)
        state = state._replace(
            jacobian=jacobian, inverse=matrix, factored=solved,
            equal=np.where(other, 0, state.equal),
        )  # fmt: skip
        return _Attempt(
            length * pick(accepted, 1.0, shrink), after, h, last, accepted,
            np.logical_or(s.current, renew), safety, error, found.d, state, counts,
        )  # fmt: skip

    def _next(self, eq: Equation, new: Differences, s: _Attempt) -> Search:
        """The order and the length of the next step."""
        state, real = s.state, np.finfo(dtype_of(new.rows)).dtype
        order, equal = state.order, state.equal + 1
        change = equal >= order + 1
        if not isinstance(change, Tracer) and not change:
            return state._replace(h=s.h, equal=equal)
        scale = eq.scale(new.rows[0])
        lower = cast(_numbers == order, real) @ new.rows
        upper = cast(_numbers == order + 2, real) @ new.rows
        of = lambda k, row: rms(scaled(_entry(_ERROR, k), row) * row / scale)
        below = np.where(order > 1, of(np.maximum(order - 1, 0), lower), np.inf)
        above = np.where(order < _MOST, of(np.minimum(order + 1, _MOST), upper), np.inf)
        errors = np.maximum(np.stack([below, s.error, above]), 1e-300)
        factors = errors ** (-1 / (order + np.arange(3)))
        best = np.argmax(factors)
        factor = np.fmin(_GROW, s.factor * np.max(factors))
        return state._replace(
            h=s.h * np.where(change, factor, 1.0),
            order=np.where(change, order + best - 1, order),
            equal=np.where(change, 0, equal),
            factored=np.logical_and(state.factored, np.logical_not(change)),
        )

    def replay(self, eq: Equation, point: Differences, plan: Any) -> tuple[Any, Any]:
        """The step again: the new solution is known, its derivative is that of its equation.

        With a known change d instead, rounding errors would grow: nothing would correct them.
        """
        h, last, order, order_after, y = plan
        h = np.where(last, eq.limits.end - point.t, h)
        after = np.where(last, eq.limits.end, point.t + h)
        rows = _change(point.rows, order, h / point.h)
        ahead, psi = _predicted(rows, order)
        c = scaled(h / _entry(_ALPHA, order), ahead)
        unit = np.eye(shape_of(y)[0], dtype=dtype_of(y))
        gap = lambda y: y - ahead - c * eq.slope(after, y) + psi
        y = solution(gap, lambda y: unit - c * eq.jacobian(after, y), y)
        new = Differences(after, h, _updated(rows, order, y - ahead))
        return new, (new, order_after)

    def interpolant(self, eq: Equation, parts: Any) -> Interpolant:
        new, order = parts
        real = np.finfo(dtype_of(new.rows)).dtype
        used = np.where(_upto(order, 1)[1 : _MOST + 1], _POWERS, 0.0)
        return Interpolant(
            new.t, np.where(new.h == 0, 1.0, new.h), new.rows[0], cast(used, real) @ new.rows[1:6]
        )


def _corrected(eq: Equation, t: Any, ahead: Any, c: Any, psi: Any, matrix: Any) -> _Iterate:
    """Newton's method for c f(t, ahead + d) = psi + d."""
    scale, tol = eq.scale(ahead), tolerance(eq)

    def improve(s: _Iterate) -> _Iterate:
        f = eq.slope(t, ahead + s.d)
        change = matrix @ (c * f - psi - s.d)
        size = rms(change / scale)
        _, state = progress(s.count, s.size, size, tol, _ITERATIONS)
        state = eq.flow.pick(np.all(np.isfinite(f)), state, 2)
        d = eq.flow.pick(state == 2, s.d, s.d + change)
        return _Iterate(s.count + 1, d, size, state)

    start = _Iterate(np.int64(0), ahead * 0, np.float64(np.nan), np.int64(0))
    go_on = lambda s: np.logical_and(s.state == 0, s.count < _ITERATIONS)
    return eq.flow.loop(go_on, improve, start)  # type: ignore[no-any-return]
