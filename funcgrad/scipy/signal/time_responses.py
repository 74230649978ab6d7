"""Responses of linear systems over time, differentiable in the arrays of the system."""

from typing import Any

import numpy as np

from ...control.loops import scan
from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...linalg import expm
from ...numpy.indexing import known
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating
from .discretisation import arrays_of, blocks, space_of


@answering
def lsim(
    system: Any, U: Any, T: Any, X0: Any = None, interp: bool = True,  # noqa: N803
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Response of a continuous system to an input.

    Args:
        system: see :func:`lti`.
        U: the input at each time, shape [n] or [n, inputs]; 0 or None for no input.
        T: times with equal steps, from 0, shape [n].
        X0: the initial state, by default 0.
        interp: whether the input is linear between the times, or held.

    Returns:
        Times [n], outputs [n] or [n, outputs], and states.

    >>> t, y, x = lsim((np.array([1.0]), np.array([1.0, 1.0])), np.ones(3), np.arange(3.0))
    >>> print(y.round(4))
    [0.     0.6321 0.8647]
    """
    a, b, c, d = space_of(arrays_of("lsim", system, False)[0])
    t = as_floating(T)
    count, (n, m) = shape_of(t)[0], shape_of(b)
    x0 = np.zeros(n) if X0 is None else np.reshape(as_floating(X0), (n,))
    dt = t[1] - t[0] if count > 1 else np.ones(())
    _check_times(t)
    u = _input("lsim", U, count, m)
    if interp:
        rows = [[a * dt, b * dt, None], [None, None, np.eye(m)], [None, None, None]]
        whole = expm(blocks(rows, (n, m, m), (n, m, m)))[:n]
        late = whole[:, n + m :]
        pushed = u[:-1] @ (whole[:, n : n + m] - late).T + u[1:] @ late.T
    else:
        whole = expm(blocks([[a * dt, b * dt], [None, None]], (n, m), (n, m)))[:n]
        pushed = u[:-1] @ whole[:, n : n + m].T
    first = x0 if known(t) is None or not np.any(known(t[0])) else expm(a * t[0]) @ x0
    x = _states(whole[:, :n], first, pushed)
    return t, _squeezed(x @ c.T + u @ d.T), _squeezed(x)


def _input(who: str, u: Any, count: int, m: int) -> Any:
    if u is None or (np.ndim(operand(u)) == 0 and np.all(known(operand(u)) == 0)):
        return np.zeros((count, m))
    u = as_floating(u)
    u = u[:, None] if len(shape_of(u)) == 1 else u
    if shape_of(u) != (count, m):
        raise ShapeError(f"{who}: U must be [{count}, {m}], an input for each time: got "
                         f"{aval_of(u)}")  # fmt: skip
    return u


def _check_times(t: Any) -> None:
    values = known(t)
    if values is not None and not np.allclose(np.diff(values), np.diff(values[:2])):
        raise ValueError(f"lsim: times must have equal steps: got {shown(values)}")


def _states(step: Any, start: Any, pushed: Any) -> Any:
    """The states x[k + 1] = step x[k] + pushed[k]."""

    def forward(x: Any, more: Any) -> tuple[Any, Any]:
        x = step @ x + more
        return x, x

    start = start + pushed[:1].sum(axis=0) * 0 if shape_of(pushed)[0] else start
    rest = scan(forward, start, pushed)[1]
    return np.concatenate([start[None], rest])


def _squeezed(x: Any) -> Any:
    return np.reshape(x, tuple(n for n in shape_of(x) if n != 1))


def _times(a: Any, n: int | None) -> Any:
    """Times until a system has settled: 7 times the slowest time constant."""
    poles = np.abs(np.linalg.eigvals(a).real)
    slowest = np.min(poles)
    end = 7 / np.where(slowest == 0, 1.0, slowest)
    return np.linspace(0.0, 1.0, 100 if n is None else n) * end


@answering
def impulse(
    system: Any, X0: Any = None, T: Any = None, N: int | None = None,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Response of a continuous system to an impulse.

    Args:
        system, X0: see :func:`lsim`.
        T: times; by default N = 100 of them, until the system has settled.

    >>> print(impulse((np.array([1.0]), np.array([1.0, 1.0])), T=np.arange(3.0))[1].round(4))
    [1.     0.3679 0.1353]
    """
    space = space_of(arrays_of("impulse", system, False)[0])
    start = space[1][:, 0] if X0 is None else space[1][:, 0] + operand(X0)
    t = _times(space[0], N) if T is None else as_floating(T)
    return t, lsim(space, 0.0, t, start, interp=False)[1]


@answering
def step(
    system: Any, X0: Any = None, T: Any = None, N: int | None = None,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Response of a continuous system to a step; see :func:`impulse`.

    >>> print(step((np.array([1.0]), np.array([1.0, 1.0])), T=np.arange(3.0))[1].round(4))
    [0.     0.6321 0.8647]
    """
    space = space_of(arrays_of("step", system, False)[0])
    t = _times(space[0], N) if T is None else as_floating(T)
    pushed = np.ones((shape_of(t)[0], shape_of(space[1])[1]))
    return t, lsim(space, pushed, t, X0, interp=False)[1]


# of systems of differences


@answering
def dlsim(system: Any, u: Any, t: Any = None, x0: Any = None) -> Any:
    """Response of a discrete system to an input.

    Args:
        system: a tuple that ends with its step, or an object; see :func:`dlti`.
        u: the input at each time, shape [n] or [n, inputs].
        t: times of the input, by default those of the system; between them it is linear.
        x0: the initial state, by default 0.

    Returns:
        Times [m], outputs [m, outputs]; and states [m, n] of a state space.

    >>> print(dlsim((np.array([1.0]), np.array([1.0, -0.5]), 1.0), np.ones(3))[1][:, 0])
    [0.  1.  1.5]
    """
    arrays, dt = arrays_of("dlsim", system, True)
    a, b, c, d = space_of(arrays)
    u = as_floating(u)
    u = u[:, None] if len(shape_of(u)) == 1 else u
    if t is None:
        count = shape_of(u)[0]
        times = np.arange(count) * float(dt)
    else:
        given = as_floating(t)
        end = float(stop_gradient(given[-1]))
        count = int(np.floor(end / float(dt))) + 1
        times = np.linspace(0.0, end, count)
        u = np.stack([np.interp(times, given, u[:, j]) for j in range(shape_of(u)[1])], axis=1)
    start = np.zeros(shape_of(a)[0]) if x0 is None else as_floating(x0)
    x = _states(a, start, u[:-1] @ b.T)
    y = x @ c.T + u @ d.T
    return (times, y, x) if len(arrays) == 4 else (times, y)


def _responses(who: str, system: Any, x0: Any, t: Any, n: int | None, pulse: bool) -> Any:
    arrays, dt = arrays_of(who, system, True)
    space = space_of(arrays)
    times = np.arange(100 if n is None else n) * float(dt) if t is None else as_floating(t)
    rows = []
    for j in range(shape_of(space[1])[1]):
        u = np.zeros((shape_of(times)[0], shape_of(space[1])[1]))
        u[0 if pulse else slice(None), j] = 1.0
        found = dlsim((*space, dt), u, None if t is None else times, x0)
        rows.append(found[1])
    return found[0], tuple(rows)


@answering
def dimpulse(system: Any, x0: Any = None, t: Any = None, n: int | None = None) -> Any:
    """Responses of a discrete system to an impulse, one for each input; see :func:`dlsim`.

    Args:
        t: times; by default n = 100 of them.

    >>> print(dimpulse((np.array([1.0]), np.array([1.0, -0.5]), 1.0), n=3)[1][0][:, 0])
    [0.  1.  0.5]
    """
    return _responses("dimpulse", system, x0, t, n, True)


@answering
def dstep(system: Any, x0: Any = None, t: Any = None, n: int | None = None) -> Any:
    """Responses of a discrete system to a step, one for each input; see :func:`dimpulse`.

    >>> print(dstep((np.array([1.0]), np.array([1.0, -0.5]), 1.0), n=3)[1][0][:, 0])
    [0.  1.  1.5]
    """
    return _responses("dstep", system, x0, t, n, False)
