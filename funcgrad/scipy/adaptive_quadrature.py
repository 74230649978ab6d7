"""quad: adaptive quadrature by Gauss and Kronrod, differentiated on the mesh that it finds.

Source: Piessens, de Doncker-Kapenga, Uberhuber & Kahaner 1983, "QUADPACK", 2.2 (QAGE).
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ConcretizationError, ConversionError, ShapeError, UnsupportedError
from ..core.lazy import answering
from ..core.trace import Tracer, is_concrete
from ..ops.operand import operand, strong
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast
from ..transforms.arguments import check_callable
from ..transforms.batching import vmap
from .ivp.equation import Concrete, Staged

# fmt: off
_HALF = (
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452,
    0.930157491355708226001207180059508, 0.865063366688984510732096688423493,
    0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784,
    0.294392862701460198131126603103866, 0.148874338981631210884826001129720,
)
_GAUSS = (
    0.066671344308688137593568809893332, 0.149451349150580593145776339657697,
    0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
    0.295524224714752870173892994651338,
)
_KRONROD = (
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390,
    0.054755896574351996031381300244580, 0.075039674810919952767043140916190,
    0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109831074, 0.134709217311473325928054001771707,
    0.142775938577060080797094273138717, 0.147739104901338491374841515972068,
    0.149445554002916905664936468389821,
)
# fmt: on
_NODES = np.array([*(-x for x in _HALF), 0.0, *_HALF[::-1]])
_WEIGHTS = np.array([*_KRONROD, *_KRONROD[-2::-1]])
_COARSE = np.zeros(21)
_COARSE[1::2] = [*_GAUSS, *_GAUSS[::-1]]


class _Mesh(NamedTuple):
    """Intervals of the unit interval, of which the first ``count`` are used."""

    starts: Any
    widths: Any
    values: Any
    errors: Any
    count: Any


@answering
def quad(
    func: Callable[..., Any], a: Any, b: Any, args: Sequence[Any] = (), full_output: int = 0,
    epsabs: float = 1.49e-8, epsrel: float = 1.49e-8, limit: int = 50,
    points: Sequence[float] | None = None, weight: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Integral of a function of a scalar, and an estimate of its error.

    Args:
        func: ``func(x, *args)`` returns a real scalar.
        a, b: bounds, which may be infinite; the integral is differentiable in them.
        args: further arguments; the integral is differentiable in them, and in closures.
        epsabs, epsrel: the error is at most max(epsabs, epsrel abs(integral)).
        limit: int, the maximal number of intervals.
        points: break points between finite bounds.
        full_output, weight: must be 0 and None.

    Derivatives are those of the sum over the mesh of intervals. Under jit and vmap the search for
    the mesh is part of the program; bounds that are traced count as finite there.

    >>> value, error = quad(lambda x, k: np.exp(-k * x * x), 0.0, np.inf, (1.0,))
    >>> print(value.round(9), error < 1e-7)
    0.886226925 True
    """
    check_callable("quad", func)
    if full_output or weight is not None:
        raise UnsupportedError(
            "quad: full_output and weight are not supported: got one; multiply func by the weight"
        )
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    low, high = (_bound(x) for x in (a, b))
    integrand, sign = _on_unit_interval(lambda x: _scalar(func(x, *args)), low, high)
    breaks = _breaks(points, low, high)
    known = [low, high, integrand(np.float64(0.375))]
    staged = not all(map(is_concrete, known))
    plain = not any(isinstance(x, Tracer) for x in known)
    found = _searched(integrand, breaks, epsabs, epsrel, max(limit, len(breaks) - 1), staged)
    total, error = sign * np.sum(found.values), np.sum(found.errors)
    return (total if plain else sign * _summed(integrand, found)), error


def _bound(x: Any) -> Any:
    x = strong(operand(x))
    x = x if is_inexact(dtype_of(x)) else cast(x, np.float64)
    if shape_of(x):
        raise ShapeError(f"quad: bounds must be scalars: got {aval_of(x)}; use vmap for many")
    return x


def _scalar(y: Any) -> Any:
    y = operand(y)
    if aval_of(y).size != 1 or dtype_of(y).kind == "c":
        raise ShapeError(f"quad: func must return a real scalar: got {aval_of(y)}; use quad_vec")
    return np.reshape(y, ())


def _is_infinite(x: Any, sign: int) -> bool:
    return is_concrete(x) and bool(stop_gradient(x) == sign * np.inf)


def _on_unit_interval(
    f: Callable[[Any], Any], a: Any, b: Any
) -> tuple[Callable[[Any], Any], float]:
    """The integrand as a function of u from 0 to 1, and its sign."""
    ends = [next((s for s in (1, -1) if _is_infinite(x, s)), 0) for x in (a, b)]
    if ends == [0, 0]:
        return (lambda u: f(a + (b - a) * u) * (b - a)), 1.0
    if ends[0] == ends[1]:
        return (lambda u: f(a * 0 + 1.0) * 0.0), 1.0
    far = lambda u: u / (1 - u)
    if all(ends):
        return (lambda u: (f(far(u)) + f(-far(u))) / (1 - u) ** 2), float(ends[1])
    end, way = (b, ends[0]) if ends[0] else (a, ends[1])
    sign = float(way if ends[1] else -way)
    return (lambda u: f(end + way * far(u)) / (1 - u) ** 2), sign


def _breaks(points: Any, a: Any, b: Any) -> list[float]:
    if points is None:
        return [0.0, 1.0]
    ends = [float(stop_gradient(x)) for x in (a, b)]
    if not np.all(np.isfinite(ends)):
        raise ValueError("quad: points need finite bounds: got an infinite one")
    inner = sorted((float(p) - ends[0]) / (ends[1] - ends[0]) for p in points)
    return [0.0, *(u for u in inner if 0 < u < 1), 1.0]


def _searched(
    f: Callable[[Any], Any], breaks: list[float], epsabs: float, epsrel: float, limit: int,
    staged: bool,
) -> _Mesh:  # fmt: skip
    """The mesh on which the error is as small as asked: the worst interval is halved in turn."""
    flow = Staged if staged else Concrete
    quiet = lambda u: stop_gradient(f(u))
    first = [_measured(quiet, a, b - a, staged) for a, b in itertools.pairwise(breaks)]
    used = len(first)
    empty = np.zeros(limit)
    filled = lambda xs: np.concatenate([np.stack(xs), empty[used:]])
    mesh = _Mesh(
        filled(breaks[:-1]), filled(list(np.diff(breaks))), filled([v for v, _ in first]),
        filled([e for _, e in first]), used,
    )  # fmt: skip

    def go_on(m: _Mesh) -> Any:
        bound = np.maximum(epsabs, epsrel * np.abs(np.sum(m.values)))
        return np.logical_and(np.sum(m.errors) > bound, m.count < limit)

    def halve(m: _Mesh) -> _Mesh:
        k = np.argmax(m.errors)
        at, new = np.arange(limit) == k, np.arange(limit) == m.count
        start, half = np.sum(np.where(at, m.starts, 0.0)), np.sum(np.where(at, m.widths, 0.0)) / 2
        left, right = (_measured(quiet, s, half, staged) for s in (start, start + half))
        put = lambda x, u, v: np.where(at, u, np.where(new, v, x))
        return _Mesh(
            put(m.starts, start, start + half), put(m.widths, half, half),
            put(m.values, left[0], right[0]), put(m.errors, left[1], right[1]), m.count + 1,
        )  # fmt: skip

    return flow.loop(go_on, halve, mesh)  # type: ignore[no-any-return]


def _measured(f: Callable[[Any], Any], start: Any, width: Any, staged: bool) -> tuple[Any, Any]:
    """The integral over an interval, and its error."""
    u = start + width * (1 + _NODES) / 2
    values = vmap(f)(u) if staged else np.array([f(x) for x in u], float)
    half = width / 2
    fine, coarse = half * (values @ _WEIGHTS), half * (values @ _COARSE)
    spread = half * (np.abs(values - fine / np.where(width > 0, width, 1.0)) @ _WEIGHTS)
    error = np.abs(fine - coarse)
    small = np.minimum(1.0, (200 * error / np.where(spread > 0, spread, 1.0)) ** 1.5)
    error = np.where(np.logical_and(spread > 0, error > 0), spread * small, error)
    size = half * (np.abs(values) @ _WEIGHTS)
    return fine, np.maximum(error, 50 * np.finfo(float).eps * size)


def _summed(f: Callable[[Any], Any], mesh: _Mesh) -> Any:
    """The sum over the mesh, which derivatives follow."""
    starts, widths = mesh.starts, mesh.widths
    if is_concrete(mesh.count):
        used = int(mesh.count)
        starts, widths = starts[:used], widths[:used]
    u = np.reshape(starts[:, None] + widths[:, None] * (1 + _NODES) / 2, (-1,))
    weights = np.reshape(widths[:, None] / 2 * _WEIGHTS, (-1,))
    try:
        values = vmap(f)(u)
    except (ConcretizationError, ConversionError):  # it branches on values
        values = np.stack([f(x) for x in np.asarray(u)])
    return np.sum(weights * values)
