"""Radau: an implicit Runge-Kutta method of order 5 for stiff problems.

Source: Hairer & Wanner 1996, "Solving ordinary differential equations II", IV.8.
"""

from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...ops.structure import cast
from .equation import Counts, Equation, Interpolant, first_length, rms, scaled
from .newton import inverse, progress, solution, tolerance

_ROOT = 6**0.5
_NODES = np.array([(4 - _ROOT) / 10, (4 + _ROOT) / 10, 1.0])
_MATRIX = np.array([
    [(88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225],
    [(296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225],
    [(16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9],
])  # fmt: skip
_ERROR = np.array([-13 - 7 * _ROOT, -13 + 7 * _ROOT, -1]) / 3
# eigenvalues of the inverse of the matrix, and the transformation to them
_REAL = 3 + 3 ** (2 / 3) - 3 ** (1 / 3)
_COMPLEX = 3 + 0.5 * (3 ** (1 / 3) - 3 ** (2 / 3)) - 0.5j * (3 ** (5 / 6) + 3 ** (7 / 6))
_BACK = np.array([
    [0.09443876248897524, -0.14125529502095421, 0.03002919410514742],
    [0.25021312296533332, 0.20412935229379994, -0.38294211275726192],
    [1, 1, 0],
])  # fmt: skip
_TO = np.array([
    [4.17871859155190428, 0.32768282076106237, 0.52337644549944951],
    [-4.17871859155190428, -0.32768282076106237, 0.47662355450055044],
    [0.50287263494578682, -2.57192694985560522, 0.59603920482822492],
])  # fmt: skip
_POWERS = np.array([
    [13 / 3 + 7 * _ROOT / 3, -23 / 3 - 22 * _ROOT / 3, 10 / 3 + 5 * _ROOT],
    [13 / 3 - 7 * _ROOT / 3, -23 / 3 + 22 * _ROOT / 3, 10 / 3 - 5 * _ROOT],
    [1 / 3, -8 / 3, 10 / 3],
])  # fmt: skip
_ITERATIONS, _GROW, _SHRINK = 6, 10.0, 0.2


class State(NamedTuple):
    """What the search for the next step starts from."""

    h: Any
    h_before: Any  # of the step before, nan if unknown, as its error
    error_before: Any
    f: Any
    jacobian: Any
    real: Any  # inverses of the matrices of Newton's method
    complex: Any
    factored: Any  # whether these are valid
    current: Any  # whether the Jacobian is that of the present point
    previous: Interpolant


class _Newton(NamedTuple):
    count: Any
    w: Any
    z: Any
    size: Any  # of the last change
    rate: Any
    state: Any  # 0: go on, 1: converged, 2: failed


class _Trial(NamedTuple):
    h: Any
    after: Any
    taken: Any
    last: Any
    accepted: Any
    rejected: Any
    error: Any
    factor: Any
    count: Any  # of Newton's iterations
    rate: Any
    z: Any
    state: State
    counts: Counts


class Radau:
    """Steps of the method; see ``RungeKutta``."""

    implicit, mirrored, cost = True, False, 0

    def start(self, eq: Equation, t: Any, y: Any, first: Any) -> tuple[Any, State, Counts]:
        f = eq.slope(t, y)
        h = first_length(eq, 3, t, y, f) if first is None else first + 0.0 * t
        n, dtype = shape_of(y)[0], dtype_of(y)
        still = Interpolant(t, h * 0 + 1.0, y, np.zeros((3, n), dtype))
        nan, no, yes = np.float64(np.nan), np.bool_(False), np.bool_(True)
        square, twice = (
            np.zeros((n, n), dtype),
            np.zeros((n, n), np.result_type(dtype, np.complex64)),
        )
        state = State(h, nan, nan, f, eq.jacobian(t, y), square, twice, no, yes, still)
        return (t, y), state, Counts(1 + (first is None), 1, 0)

    def begin(self, eq: Equation, t: Any, y: Any, h: Any) -> tuple[Any, Any]:
        return t, y

    def still(self, point: Any) -> Any:
        t, y = point
        return t, y, t * 0.0, np.zeros((3, *shape_of(y)), dtype_of(y))

    def no_plan(self, point: Any, state: Any) -> Any:
        return point[0] * 0.0, np.bool_(False), self.still(point)[-1]

    @staticmethod
    def solution(point: Any) -> tuple[Any, Any]:
        return point  # type: ignore[no-any-return]

    def search(
        self, eq: Equation, point: Any, state: State, counts: Counts
    ) -> tuple[Any, State, Counts, Any, Any]:
        """The step of the first length that is accepted, and its length: nan if there is none."""
        (t, y), pick, longest = point, eq.flow.pick, eq.limits.longest
        shortest = eq.shortest(t)
        outside = np.logical_or(state.h > longest, state.h < shortest)
        known = state._replace(
            h_before=pick(outside, np.nan, state.h_before),
            error_before=pick(outside, np.nan, state.error_before),
        )
        h = np.fmin(np.fmax(state.h, shortest), longest)
        no, one = np.bool_(False), np.float64(1.0)
        z = np.zeros((3, *shape_of(y)), dtype_of(y))
        trial = _Trial(
            h, t, h * 0.0, no, no, no, one, one, np.int64(0), np.float64(np.nan), z, known, counts
        )
        go_on = lambda s: np.logical_and(np.logical_not(s.accepted), s.h >= shortest)
        trial = eq.flow.loop(go_on, lambda s: self._attempt(eq, point, s), trial)
        new = trial.after, y + trial.z[2]
        found, counts = self._next(eq, point, new, trial, state.h)
        plan = np.where(trial.accepted, trial.taken, np.nan), trial.last, trial.z
        return new, found, counts, plan, (t, y, trial.taken, trial.z)

    def _attempt(self, eq: Equation, point: Any, s: _Trial) -> _Trial:
        """Solve the stages, and find what follows: the step, a new Jacobian or a new length."""
        (t, y), branch, pick = point, eq.flow.branch, eq.flow.pick
        after, last = eq.after(t, s.h)
        h = after - t
        length, state = np.abs(h), s.state
        same = lambda st: (st.real, st.complex)
        real, twice = branch(state.factored, same, lambda st: _inverses(h, st.jacobian), state)
        newton = _stages(eq, point, h, state.previous, real, twice)
        new = y + newton.z[2]
        bend = scaled(_inverted(h), y) * (np.asarray(_ERROR, dtype_of(y)) @ newton.z)
        scale, solved = eq.scale(y, new), newton.state == 1
        error = real @ (state.f + bend)
        size = rms(error / scale)
        again = np.logical_and(np.logical_and(solved, s.rejected), size > 1)
        better = lambda e: rms(real @ (eq.slope(t, y + e) + bend) / scale)
        size = branch(again, better, lambda e: size, error)
        accepted = np.logical_and(solved, size <= 1)
        safety = 0.9 * (2 * _ITERATIONS + 1) / (2 * _ITERATIONS + newton.count)
        factor = safety * _predicted(length, state.h_before, size, state.error_before)
        failed = np.logical_not(solved)
        renew = np.logical_and(failed, np.logical_not(state.current))
        shrink = pick(failed, pick(renew, 1.0, 0.5), np.fmax(_SHRINK, factor))
        jacobian = branch(renew, lambda st: eq.jacobian(t, y), lambda st: st.jacobian, state)
        fresh = np.logical_not(state.factored)
        state = state._replace(
            jacobian=jacobian, real=real, complex=twice, factored=accepted,
            current=np.logical_or(state.current, renew),
        )  # fmt: skip
        counts = s.counts.plus(3 * newton.count + again, renew * 1, 2 * fresh)
        rejected = np.logical_or(s.rejected, np.logical_and(solved, np.logical_not(accepted)))
        h_next = length * pick(accepted, 1.0, shrink)
        return _Trial(
            h_next, after, h, last, accepted, rejected, size, factor, newton.count, newton.rate,
            newton.z, state, counts,
        )  # fmt: skip

    def _next(
        self, eq: Equation, point: Any, new: Any, s: _Trial, h_before: Any
    ) -> tuple[State, Counts]:
        """What the next search starts from."""
        (t, y), pick, state = point, eq.flow.pick, s.state
        renew = np.logical_and(s.count > 2, s.rate > 1e-3)
        factor = np.fmin(_GROW, s.factor)
        keep = np.logical_and(np.logical_not(renew), factor < 1.2)
        factor = pick(keep, 1.0, factor)
        jacobian = eq.flow.branch(
            renew, lambda st: eq.jacobian(*new), lambda st: st.jacobian, state
        )
        state = state._replace(
            h=s.h * factor, h_before=h_before, error_before=s.error, f=eq.slope(*new),
            jacobian=jacobian, factored=np.logical_and(s.accepted, keep), current=renew,
            previous=_interpolant(t, y, s.taken, s.z),
        )  # fmt: skip
        return state, s.counts.plus(1, renew * 1)

    def replay(self, eq: Equation, point: Any, plan: Any) -> tuple[Any, Any]:
        """The step again: the stages are known, their derivative is that of their equations."""
        (t, y), (h, last, z) = point, plan
        h = np.where(last, eq.limits.end - t, h)
        size = scaled(h, y)
        matrix = np.asarray(_MATRIX, dtype_of(y))
        times = [t + c * h for c in _NODES]

        def gaps(z: Any) -> Any:
            slopes = np.stack([eq.slope(s, y + z[k]) for k, s in enumerate(times)])
            return z - size * (matrix @ slopes)

        def slope(z: Any) -> Any:
            each = np.stack([eq.jacobian(s, y + z[k]) for k, s in enumerate(times)])
            whole = size * np.einsum("ij,jab->iajb", matrix, each)
            return np.eye(3 * shape_of(y)[0]) - np.reshape(whole, (3 * shape_of(y)[0],) * 2)

        z = solution(gaps, slope, z)
        return (np.where(last, eq.limits.end, t + h), y + z[2]), (t, y, h, z)

    def interpolant(self, eq: Equation, parts: Any) -> Interpolant:
        return _interpolant(*parts)


def _interpolant(t: Any, y: Any, h: Any, z: Any) -> Interpolant:
    terms = np.asarray(_POWERS.T, dtype_of(y)) @ z
    return Interpolant(t, np.where(h == 0, 1.0, h), y, terms)


def _inverted(h: Any) -> Any:
    """1 / h, for lengths of 0 too: those of examples at their end, under vmap."""
    return 1 / np.where(h == 0, 1.0, h)


def _inverses(h: Any, jacobian: Any) -> tuple[Any, Any]:
    """The inverses of the matrices of Newton's method."""
    n, dtype = shape_of(jacobian)[0], dtype_of(jacobian)
    unit = np.eye(n, dtype=dtype)
    twice = np.result_type(dtype, np.complex64)
    real = inverse(scaled(_REAL * _inverted(h), jacobian) * unit - jacobian)
    return real, inverse(cast(_COMPLEX * _inverted(h), twice) * unit - jacobian)


def _predicted(h: Any, h_before: Any, error: Any, error_before: Any) -> Any:
    """The factor of the next length, by one error or by two.

    Source: Hairer & Wanner 1996, "Solving ordinary differential equations II", IV.8.
    """
    error = np.maximum(error, 1e-300)
    ratio = h / h_before * (error_before / error) ** 0.25
    return np.fmin(1.0, ratio) * error**-0.25  # a ratio that is nan is not known


def _stages(
    eq: Equation, point: Any, h: Any, previous: Interpolant, real: Any, twice: Any
) -> _Newton:
    """Newton's method for the three stages, from the interpolant of the step before."""
    t, y = point
    dtype, tol = dtype_of(y), tolerance(eq)
    step = scaled(_inverted(h), y)
    z = np.stack([previous.at(t + c * h) for c in _NODES]) - y
    to, back = np.asarray(_TO, dtype), np.asarray(_BACK, dtype)
    scale = eq.scale(y)

    def improve(s: _Newton) -> _Newton:
        slopes = np.stack([eq.slope(t + c * h, y + s.z[k]) for k, c in enumerate(_NODES)])
        right = to @ slopes
        one = real @ (right[0] - _REAL * step * s.w[0])
        pair = right[1] + 1j * right[2] - _COMPLEX * step * (s.w[1] + 1j * s.w[2])
        two = twice @ cast(pair, dtype_of(twice))
        change = np.stack([one, two.real, two.imag])
        size = rms(change / scale)
        rate, state = progress(s.count, s.size, size, tol, _ITERATIONS)
        state = np.where(np.all(np.isfinite(slopes)), state, 2)
        w = np.where(state == 2, s.w, s.w + change)
        return _Newton(s.count + 1, w, back @ w, size, rate, state)

    nan = np.float64(np.nan)
    start = _Newton(np.int64(0), to @ z, z, nan, nan, np.int64(0))
    go_on = lambda s: np.logical_and(s.state == 0, s.count < _ITERATIONS)
    return eq.flow.loop(go_on, improve, start)  # type: ignore[no-any-return]
