"""The hypergeometric functions 0F1, 1F1 and 2F1 of real arguments, with all first derivatives.

The series are summed in double-double arithmetic where their terms cancel. Kummer's transformation
(DLMF 13.2.39) takes 1F1 to positive arguments, where its terms do not cancel for positive
parameters; for large negative ones there is the expansion DLMF 13.7.2. 2F1 goes to [0, 1) by
Pfaff's transformation (DLMF 15.8.1), and there to c >= a + b by Euler's. From 1/2 on its Taylor
series at one point gives value and slope at the next, halfway to the singularity at 1: unlike the
connection formulas, this has no exceptional parameters.

Derivatives in parameters are by a complex step of 1e-40: f(a + ih) = f(a) + ih f'(a) to rounding.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ..elementwise import add, div, mul
from ..families import Elementwise
from ..gamma import (
    digamma_of,
    from_nearest_integer,
    gamma_of,
    gammaln_of,
    gammasgn_of,
    no_derivative_in,
)
from ..kernels import by_blocks, masked_update, repeated
from . import double_double

COMPLEX_STEP = 1e-40
MOST_TERMS = 4000


def _series(above: tuple[Any, ...], below: tuple[Any, ...], x: Any) -> Any:
    """The sum of (a)_k ... / ((b)_k ... k!) x**k."""

    def step(k: Any, total: Any, term: Any, absolute: Any) -> Any:
        factor = x / (k + 1)
        for a in above:
            factor = factor * (a + k)
        for b in below:
            factor = factor / (b + k)
        term = term * factor
        return total + term, term, absolute + np.abs(term)

    one = np.ones_like(sum(above) + sum(below) + x)
    going = lambda total, term, absolute: np.abs(term) > 1e-17 * np.abs(total)
    total, _, absolute = repeated(step, (one, one, np.abs(one)), 0, MOST_TERMS, going=going)
    if np.iscomplexobj(total):
        return total
    careful = ((absolute > 4 * np.abs(total)) | (np.abs(x) > 30)) & np.isfinite(absolute)

    def carefully(*xs: Any) -> Any:
        parts = xs[: len(above)], xs[len(above) : -1]
        return double_double.series(*parts, xs[-1], MOST_TERMS)

    xs = np.broadcast_arrays(*above, *below, x)
    return masked_update(total, careful, carefully, *xs, idle=0.1)


def _is_pole(b: Any) -> Any:
    """Whether a parameter below is 0, -1, -2, ..."""
    return (b.real <= 0) & (from_nearest_integer(b.real) == 0)


def _finite(a: Any) -> Any:
    """Whether the series ends, because a parameter above is 0, -1, -2, ..."""
    return _is_pole(a) & (a.imag == 0)


def _gamma_ratio(above: tuple[Any, ...], below: tuple[Any, ...]) -> Any:
    """gamma(x) ... / (gamma(y) ...) of real or nearly real numbers."""
    y: Any = 1.0
    small = functools.reduce(operator.and_, [np.abs(x.real) < 30 for x in (*above, *below)])
    log = sum(_log_gamma(x) for x in above) - sum(_log_gamma(x) for x in below)
    sign: Any = 1.0
    for x in (*above, *below):
        sign = sign * gammasgn_of(x.real)
    direct: Any = 1.0
    for x in above:
        direct = direct * gamma_of(x.real)
    for x in below:
        direct = direct / gamma_of(x.real)
    y = np.where(small, direct, sign * np.exp(log.real))
    zero = functools.reduce(operator.or_, map(_is_pole, below))
    y = np.where(zero, 0, y)
    return y * (1 + 1j * log.imag) if np.iscomplexobj(log) else y


def _log_gamma(x: Any) -> Any:
    y = gammaln_of(x.real)
    return y + 1j * x.imag * digamma_of(x.real) if np.iscomplexobj(x) else y


def hyp1f1_of(a: Any, b: Any, x: Any) -> Any:
    negative = (x < 0) & ~_finite(a)
    y = np.full_like(a + b + x, np.nan)
    near = negative & (~_expands(a, b, x) | _finite(b - a))
    kummer = lambda a, b, x: np.exp(x) * _series((b - a,), (b,), -x)
    y = masked_update(y, near, kummer, a, b, x, idle=1)
    y = masked_update(y, negative & ~near, _far_below, a, b, x)
    direct = lambda a, b, x: _series((a,), (b,), x)
    y = masked_update(y, ~negative, direct, a, b, x, idle=1)
    above = ~negative & ~_finite(a) & _expands(b - a, b, -x)
    large = lambda a, b, x: np.exp(0.5 * x) * _far_below(b - a, b, -x) * np.exp(0.5 * x)
    y = masked_update(y, above, large, a, b, x)
    y = np.where(_is_pole(b) & ~(_finite(a) & (a.real >= b.real)), np.inf, y)
    return np.where(np.isnan(a + b + x), np.nan, y)


def _expands(a: Any, b: Any, x: Any) -> Any:
    """Whether the terms of DLMF 13.7.2 fall below 1e-17 for this x < 0."""
    size = np.abs(a.real) + np.abs((a - b + 1).real)
    return (-x > 40 + size * size) | (x < -700)


def _far_below(a: Any, b: Any, x: Any) -> Any:
    """1F1 for large negative x."""

    def step(k: Any, total: Any, term: Any) -> Any:
        new = term * ((a + k) * (a - b + 1 + k) / ((k + 1) * -x))
        term = np.where(np.abs(new) < np.abs(term), new, 0)
        return total + term, term

    one = np.ones_like(a + b + x)
    total, _ = repeated(step, (one, one), 0, 60)
    return _gamma_ratio((b,), (b - a,)) * np.power(-x, -a) * total


def hyp2f1_of(a: Any, b: Any, c: Any, z: Any) -> Any:
    a, b = np.where(a.real > b.real, b, a), np.where(a.real > b.real, a, b)
    y = np.full_like(a + b + c + z, np.nan)
    ends = _finite(a) | _finite(b)
    inside = (np.abs(z) < 0.3) | (ends & (np.abs(z) < 1e3))
    direct = lambda a, b, c, z: _series((a, b), (c,), z)
    y = masked_update(y, inside, direct, a, b, c, z, idle=0.1)
    pfaff = lambda a, b, c, z: np.power(1 - z, -a) * _in_unit(a, c - b, c, z / (z - 1))
    y = masked_update(y, (z < 0) & ~inside, pfaff, a, b, c, z, idle=0.1)
    y = masked_update(y, (z > 0) & (z < 1) & ~inside, _in_unit, a, b, c, z, idle=0.1)
    y = masked_update(y, (z == 1) & ~inside, _at_one, a, b, c)
    y = np.where((z > 1) & ~ends, np.inf, y)
    top = np.where(_finite(b), b.real, a.real)
    return np.where(_is_pole(c) & ~(ends & (top >= c.real)) & (z != 0), np.inf, y)


def _at_one(a: Any, b: Any, c: Any) -> Any:
    """Gauss's sum, DLMF 15.4.20."""
    s = c - a - b
    return np.where(s.real > 0, _gamma_ratio((c, s), (c - a, c - b)), np.inf)


def _in_unit(a: Any, b: Any, c: Any, z: Any) -> Any:
    s = c - a - b
    euler = (s.real < 0) & ~_finite(a) & ~_finite(b)
    front = np.where(euler, np.power(1 - z, np.where(euler, s, 0)), 1)
    a, b = np.where(euler, c - a, a), np.where(euler, c - b, b)
    y = _series((a, b), (c,), np.minimum(z, 0.5))
    y = masked_update(y, z > 0.5, _walked, y, a, b, c, z, idle=0.5)
    if np.iscomplexobj(y):  # moved by a complex step, which the formula for integers lacks
        apart = (z > 0.75) & ~_near_integer(c - a - b)
        return front * masked_update(y, apart, _connected, y, a, b, c, z, idle=0.9)
    s = c - a - b
    y = masked_update(y, (z > 0.75) & ~_near_integer(s), _connected, y, a, b, c, z, idle=0.9)
    whole = (z > 0.75) & (s == np.rint(s)) & (s < 30) & ~_finite(a) & ~_finite(b)
    return front * masked_update(y, whole, _logarithmic, y, a, b, z, s, idle=0.9)


def _near_integer(s: Any) -> Any:
    return np.abs(from_nearest_integer(s.real)) < 0.1


def _connected(y: Any, a: Any, b: Any, c: Any, z: Any) -> Any:
    """DLMF 15.8.4, or y where its terms cancel."""
    s, rest = c - a - b, 1 - z
    one = _gamma_ratio((c, s), (c - a, c - b)) * _series((a, b), (1 - s,), rest)
    two = _gamma_ratio((c, -s), (a, b)) * np.power(rest, s)
    two = two * _series((c - a, c - b), (1 + s,), rest)
    return np.where(np.abs(one) + np.abs(two) < 10 * np.abs(one + two), one + two, y)


def _logarithmic(y: Any, a: Any, b: Any, z: Any, m: Any) -> Any:
    """DLMF 15.8.10, for an integer m = c - a - b, or y where its terms cancel."""
    rest, c = 1 - z, a + b + m

    def lower(k: Any, one: Any, term: Any) -> Any:  # (a)_k (b)_k (m-k-1)! / k! (z-1)^k / (m-1)!
        factor = np.where(k < m - 1, (a + k) * (b + k) / ((k + 1) * (m - k - 1)) * -rest, 0)
        return one + np.where(k < m, term, 0), term * factor

    def upper(k: Any, two: Any, term: Any, psi: Any) -> Any:
        two = two + term * (log + psi)
        term = term * (a + m + k) * (b + m + k) / ((k + 1) * (k + m + 1)) * rest
        return two, term, psi + 1 / (a + m + k) + 1 / (b + m + k) - 1 / (k + 1) - 1 / (k + m + 1)

    zero, unit = np.zeros_like(z), np.ones_like(z)
    one, _ = repeated(lower, (zero, unit), 0, m.max(initial=0))
    one = one * np.where(m > 0, _gamma_ratio((c, np.maximum(m, 1)), (a + m, b + m)), 0)
    log = np.log(rest)
    psi = digamma_of(a + m) + digamma_of(b + m) - digamma_of(m + 1) + np.euler_gamma
    two, *_ = repeated(upper, (zero, unit, psi), 0, 60)
    sign = np.where(np.mod(m, 2) == 1, 1, -1)
    two = sign * np.power(rest, m) * _gamma_ratio((c,), (a, b, m + 1)) * two
    return np.where(np.abs(one) + np.abs(two) < 10 * np.abs(one + two), one + two, y)


def _walked(y: Any, a: Any, b: Any, c: Any, z: Any) -> Any:
    """The value at z from that at 1/2, by Taylor series of the differential equation."""

    def step(k: Any, y: Any, slope: Any, here: Any) -> Any:
        rest = 1 - here
        h = np.minimum(z - here, 0.5 * rest)
        h = np.where(z - here < 0.6 * rest, z - here, h)
        y, slope = _taylor(y, slope, a, b, c, here, h)
        return y, slope, np.where(h == z - here, z, here + h)

    half = np.full_like(z, 0.5)
    start = (y, a * b / c * _series((a + 1, b + 1), (c + 1,), half), half)
    return repeated(step, start, 0, 100, going=lambda y, slope, here: here < z)[0]


def _taylor(y: Any, slope: Any, a: Any, b: Any, c: Any, z: Any, h: Any) -> tuple[Any, Any]:
    """Value and slope at z + h."""
    rest = 1 - z
    lead = c - (a + b + 1) * z
    size = np.where(h == 0, 1, h)

    def step(k: Any, before: Any, now: Any, value: Any, moved: Any) -> Any:
        up = (k + 1) * ((1 - 2 * z) * k + lead)
        new = (h * h * (k + a) * (k + b) * before - h * up * now) / (z * rest * (k + 2) * (k + 1))
        return now, new, value + new, moved + (k + 2) * new / size

    def going(before: Any, now: Any, value: Any, moved: Any) -> Any:
        end = np.abs(value)
        return ~((np.abs(now) <= 1e-17 * end) & (np.abs(before) <= 1e-16 * end))

    # the terms of h**k and of h**(k + 1)
    start: Any = (y, slope * h, y + slope * h, slope)
    start = repeated(step, start, 0, 5)  # the first terms may be small by chance
    _, _, value, moved = repeated(step, start, 5, 400, going=going)
    return value, moved


def hyp0f1_of(b: Any, x: Any) -> Any:
    y = _series((), (b,), np.clip(x, -1e4, 1.2e5))
    return np.where(_is_pole(b), np.inf, np.where(np.isnan(x), np.nan, y))


def _slope_of(f: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel of the derivative of f in its parameter number k."""

    def slope(k: Any, *xs: Any) -> Any:
        moved = list(xs)
        i = int(k.flat[0]) if k.size else 0
        moved[i] = xs[i] + 1j * COMPLEX_STEP
        return f(*moved).imag / COMPLEX_STEP

    return slope


def _second(name: str) -> Callable[..., Any]:
    def rule(t: Any, y: Any, *xs: Any) -> Any:
        raise UnsupportedError(
            f"{name}: its parameters have first derivatives alone; use stop_gradient on them in "
            f"the first derivative"
        )

    return rule


# the rules above use these names
hyp0f1: Elementwise
hyp1f1: Elementwise
hyp2f1: Elementwise
hyp1f1_slope: Elementwise
hyp2f1_slope: Elementwise


def _slope_in_x(t: Any, y: Any, k: Any, a: Any, b: Any, x: Any) -> Any:
    """The derivative in x of that in a or b: of (a/b) M(a + 1, b + 1, x)."""
    up = hyp1f1(add(a, 1), add(b, 1), x)
    direct = div(up, b) if k == 0 else -div(mul(a, up), mul(b, b))
    return mul(t, direct + div(a, b) * hyp1f1_slope(k, add(a, 1), add(b, 1), x))


def _slope_in_z(t: Any, y: Any, k: Any, a: Any, b: Any, c: Any, z: Any) -> Any:
    up = hyp2f1(add(a, 1), add(b, 1), add(c, 1), z)
    direct = (div(b, c), div(a, c), -div(mul(a, b), mul(c, c)))[int(k)] * up
    more = hyp2f1_slope(k, add(a, 1), add(b, 1), add(c, 1), z)
    return mul(t, direct + div(mul(a, b), c) * more)


def _in_parameter(name: str, k: int) -> Callable[..., Any]:
    slope = lambda *xs: (hyp1f1_slope if name == "hyp1f1" else hyp2f1_slope)(k, *xs)
    return lambda t, y, *xs: mul(t, slope(*xs))


# fmt: off
hyp0f1 = Elementwise("hyp0f1", by_blocks(hyp0f1_of), no_derivative_in("hyp0f1", "v"),
    lambda t, y, b, x: mul(t, div(hyp0f1(add(b, 1), x), b)))
hyp1f1 = Elementwise("hyp1f1", by_blocks(hyp1f1_of),
    _in_parameter("hyp1f1", 0), _in_parameter("hyp1f1", 1),
    lambda t, y, a, b, x: mul(t, mul(div(a, b), hyp1f1(add(a, 1), add(b, 1), x))))
hyp1f1_slope = Elementwise("hyp1f1_slope", by_blocks(_slope_of(hyp1f1_of)),
    *[_second("hyp1f1")] * 3, _slope_in_x)
hyp2f1 = Elementwise("hyp2f1", by_blocks(hyp2f1_of),
    *[_in_parameter("hyp2f1", k) for k in range(3)],
    lambda t, y, a, b, c, z: mul(t, mul(div(mul(a, b), c),
                                        hyp2f1(add(a, 1), add(b, 1), add(c, 1), z))))
hyp2f1_slope = Elementwise("hyp2f1_slope", by_blocks(_slope_of(hyp2f1_of)),
    *[_second("hyp2f1")] * 4, _slope_in_z)
# fmt: on
