"""Derivatives of orders 1 to 4 of every elementwise primitive, at special points, against mpmath.

The wanted numbers are central differences in mpmath, with so many digits and so small a step that
they are exact to more digits than float64 has; two steps must agree. Points where a function has
an edge (abs, relu and root at 0, ties of maximum) follow conventions, and are tested in
``test_conventions.py``.
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.losses
import funcgrad.nn
import funcgrad.random
import funcgrad.special
from funcgrad import contents
from funcgrad.core.registry import primitives
from funcgrad.ops.elementwise import Elementwise

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp
INF = math.inf

SMALL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 7.0]
TINY = [5e-324, -5e-324, 1e-310, 1e-160, -1e-30, 1e-8, -1e-3]
LARGE = [-1e3, 1e10, -1e160, 1e300]
TAILS = [12.0, -12.0, 40.0, -40.0, 300.0, -300.0]
LINE = [*SMALL, *TINY, *TAILS, *LARGE]
MIDDLE = [*SMALL, *TINY, 12.0, -12.0]
POSITIVE = [x for x in LINE if x > 0]
UNIT = [0.0, -0.0, 0.5, -0.5, 0.9375, -0.9375, 1 - 2**-20, 2**-20 - 1, *TINY]
SHARES = [0.5, 0.25, 0.75, 1 - 2**-20, *(x for x in TINY if x > 0)]
PAIRS = [(a, b) for a in (0.0, 1.0, -1.0, 2.0, 0.5, -3.0) for b in (1.0, -1.0, 2.0, 0.5, 3.0)]
POSITIVE_PAIRS = [(a, b) for a in (1.0, 2.0, 0.5, 3.0, 1e-8, 40.0) for b in (1.0, 2.0, 0.5, 7.0)]


@dataclass(frozen=True)
class Row:
    """A function of mpmath, points inside its domain, and what is singular near them.

    ``near`` lists the singular numbers of an operand, which no step may reach; ``given`` are
    leading operands without a derivative. Errors are bounded by ``ulps`` units in the last place
    of the derivative, or of ``absolute`` where that is more.
    """

    exact: Callable[..., Any]
    points: list[Any]
    near: tuple[float, ...] = ()
    given: tuple[Any, ...] = ()
    ulps: float = 1000  # a hundred roundings, multiplied by orders and powers
    absolute: float = 0.0

    @property
    def operands(self) -> list[tuple[float, ...]]:
        return [p if isinstance(p, tuple) else (p,) for p in self.points]


def without(points: list[Any], *dropped: float) -> list[Any]:
    return [x for x in points if x not in dropped]


def reals(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: mp.re(f(*xs))


def beta_inc(a: Any, b: Any, x: Any) -> Any:
    return mp.betainc(a, b, 0, x, regularized=True)


def scaled_bessel(n: int) -> Callable[..., Any]:
    return lambda x: mp.exp(-abs(x)) * mp.besseli(n, x)


def moment(x: Any) -> Any:
    return mp.exp(-abs(x)) * (mp.besseli(0, x) - mp.sign(x) * mp.besseli(1, x))


def log_add(base: Any) -> Callable[..., Any]:
    return lambda a, b: mp.log(base**a + base**b) / mp.log(base)


def angle(a: Any, b: Any) -> Any:
    """Return arctan2 but for a constant, without its cut."""
    return mp.atan2(a, b) if b > -0.1 else mp.atan2(-a, -b)


def erfcx_integral(x: Any) -> Any:
    return mp.exp(x * x) * (mp.exp(-x * x) / mp.sqrt(mp.pi) - x * mp.erfc(x))


def of_bits(p: Any, y: Any) -> Any:
    return -y * mp.log(p) - (1 - y) * mp.log(1 - p)


def of_sign(x: Any, y: Any) -> Any:
    return mp.log1p(mp.exp(x)) - x * y


EVEN = [x for x in MIDDLE if abs(x) > 1e-9]  # away from a kink at 0
KINKED = [x for x in LINE if x]
# whole and other powers of positive numbers; negative ones have derivatives in the base alone
POWERS = [
    (b, y)
    for b in (1.0, 2.0, 0.5, 3.0, 1e-8, 1e10)
    for y in (0.0, -0.0, 1.0, 2.0, 3.0, 4.0, -1.0, -2.0, 0.5, 5e-324, 1e-310, 1e-8, -1e-160)
]

# 1 - tanh(x)**2 and y (1 - y) of a sigmoid y cancel where these are saturated. Digits there would
# cost a second exponential, and x kept for it: a compiled step of a small network takes 20 % more.
# So errors of a few units in the last place of 1 are left, in the derivatives of these two alone.
SATURATED = 0.02

TABLE: dict[str, Row] = {
    "add": Row(lambda a, b: a + b, PAIRS),
    "sub": Row(lambda a, b: a - b, PAIRS),
    "mul": Row(lambda a, b: a * b, PAIRS),
    "div": Row(lambda a, b: a / b, PAIRS, (0,)),
    "quotient": Row(lambda a, b: a / b, PAIRS, (0,)),
    "pow": Row(mp.power, POWERS),
    "float_power": Row(mp.power, POWERS),
    "mod": Row(lambda a, b: a - b * mp.floor(a / b), [(2.5, 1.0), (-2.5, 2.0), (7.0, -3.0)]),
    "fmod": Row(
        lambda a, b: a - b * (mp.floor(a / b) if a * b > 0 else mp.ceil(a / b)),
        [(2.5, 1.0), (-2.5, 2.0), (7.0, -3.0)],
    ),
    "neg": Row(lambda x: -x, LINE),
    "pos": Row(lambda x: x, LINE),
    "abs": Row(abs, KINKED, (0,)),
    "fabs": Row(abs, KINKED, (0,)),
    "square": Row(lambda x: x * x, LINE),
    "reciprocal": Row(lambda x: 1 / x, KINKED, (0,)),
    "sqrt": Row(mp.sqrt, POSITIVE, (0,)),
    "root": Row(mp.sqrt, POSITIVE, (0,)),
    "cbrt": Row(lambda x: mp.sign(x) * mp.cbrt(abs(x)), KINKED, (0,)),
    "exp": Row(mp.exp, LINE),
    "exp2": Row(lambda x: mp.mpf(2) ** x, LINE),
    "expm1": Row(lambda x: mp.exp(x) - 1, LINE),
    "log": Row(mp.log, POSITIVE, (0,)),
    "log2": Row(lambda x: mp.log(x, 2), POSITIVE, (0,)),
    "log10": Row(lambda x: mp.log(x, 10), POSITIVE, (0,)),
    "log1p": Row(lambda x: mp.log(1 + x), [x for x in LINE if x > -1] + [-0.9375], (-1,)),
    "logaddexp": Row(
        log_add(mp.e),
        [*PAIRS, (0.0, 40.0), (-40.0, 0.0), (300.0, -300.0), (1e-310, 0.0), (1e-8, 0.0)],
    ),
    "logaddexp2": Row(
        log_add(mp.mpf(2)),
        [*PAIRS, (0.0, 40.0), (-40.0, 0.0), (300.0, -300.0), (1e-310, 0.0)],
    ),
    "power_slope": Row(
        lambda x, y: (
            (2 * y - 1) * mp.power(x, y - 2) + y * (y - 1) * mp.power(x, y - 2) * mp.log(x)
        ),
        POWERS,
        given=(2, 1),
    ),
    "share": Row(
        lambda a, b: 1 / (1 + mp.exp(b - a)),
        [*PAIRS, (0.0, 40.0), (-40.0, 0.0), (300.0, -300.0), (1e-310, 0.0)],
    ),
    "share2": Row(
        lambda a, b: 1 / (1 + mp.mpf(2) ** (b - a)),
        [*PAIRS, (0.0, 40.0), (-40.0, 0.0), (300.0, -300.0), (1e-310, 0.0)],
    ),
    "cos_of_arcsin": Row(lambda x: mp.sqrt(1 - x * x), UNIT, (1, -1)),
    "sin": Row(mp.sin, LINE),
    "cos": Row(mp.cos, LINE),
    "tan": Row(mp.tan, LINE),
    "arcsin": Row(reals(mp.asin), UNIT, (1, -1)),
    "arccos": Row(reals(mp.acos), UNIT, (1, -1)),
    "arctan": Row(mp.atan, LINE),
    "sinh": Row(mp.sinh, LINE),
    "cosh": Row(mp.cosh, LINE),
    "tanh": Row(mp.tanh, LINE, absolute=SATURATED),
    "tailed_tanh": Row(mp.tanh, LINE),
    "sech_square": Row(lambda x: 1 / mp.cosh(x) ** 2, LINE),
    "arcsinh": Row(mp.asinh, LINE),
    "arccosh": Row(reals(mp.acosh), [2.0, 3.0, 1 + 2**-20, 1.5, 40.0, 1e10, 1e160, 1e300], (1,)),
    "arctanh": Row(reals(mp.atanh), UNIT, (1, -1)),
    "sinc": Row(mp.sincpi, [*MIDDLE, 0.03, 0.029, -0.1, 0.06, 40.0, 300.0]),
    "fraction": Row(lambda x: x, [0.5, -0.5, 2.5]),
    **{name: Row(lambda x: x * mp.pi / 180, LINE) for name in ("deg2rad", "radians")},
    **{name: Row(lambda x: x * 180 / mp.pi, LINE) for name in ("rad2deg", "degrees")},
    "arctan2": Row(
        angle,
        [*PAIRS, (1.0, 0.0), (-2.0, 0.0), (1e-8, 1.0), (1e160, 1.0), (1.0, 1e160), (1e-310, 1.0)],
    ),
    "hypot": Row(
        mp.hypot,
        [*PAIRS, (1e-8, 1.0), (1e-310, 1.0), (1e160, 1.0), (3e160, 4e160), (3e-160, 4e-160)],
        (0,),
    ),
    "copysign": Row(
        lambda a, b: abs(a) * mp.sign(b), [(2.0, -1.0), (-0.5, -1.0), (3.0, 2.0)], (0,)
    ),
    "ldexp": Row(lambda x, n: x * mp.mpf(2) ** int(n), [(x, 3) for x in SMALL]),
    "maximum": Row(max, [(a, b) for a, b in PAIRS if a != b]),
    "fmax": Row(max, [(a, b) for a, b in PAIRS if a != b]),
    "minimum": Row(min, [(a, b) for a, b in PAIRS if a != b]),
    "fmin": Row(min, [(a, b) for a, b in PAIRS if a != b]),
    "clip": Row(
        lambda x, lo, hi: min(max(x, lo), hi), [(x, -1.5, 2.5) for x in SMALL] + [(0.0, 2.0, -2.0)]
    ),
    "where": Row(lambda a, b: a, PAIRS, given=(True,)),
    "gate": Row(lambda x, c: x if c else 0 * x, [(2.0, True), (2.0, False)]),
    "relu": Row(lambda x: max(x, 0), KINKED, (0,)),
    "heaviside": Row(
        lambda a, b: b if a == 0 else mp.mpf(a > 0), [(a, 0.5) for a in (0.0, 1.0, -1.0)]
    ),
    "gamma": Row(
        mp.gamma,
        [0.5, 1.0, 2.0, 3.0, 7.0, 12.0, 40.0, 150.0, -0.5, -1.5, -7.5, 1e-8, 1e-30, 1e-160],
        (0, -1, -2, -7, -8),
    ),
    "gammaln": Row(
        lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 100 else mp.loggamma(x),
        [0.5, 1.0, 2.0, 3.0, 7.0, 12.0, 40.0, 300.0, -0.5, -1.5, -7.5, 1e-8, 1e-30, 1e10],
        (0, -1, -2, -7, -8),
    ),
    "digamma": Row(
        mp.digamma,
        [0.5, 1.0, 2.0, 3.0, 7.0, 12.0, 40.0, 300.0, -0.5, -1.5, -7.5, 1e-8, 1e-30, 1e10],
        (0, -1, -2, -7, -8),
    ),
    "polygamma": Row(
        lambda x: mp.psi(2, x),
        [0.5, 1.0, 2.0, 7.0, 12.0, 300.0, -0.5, -1.5, 1e-8],
        (0, -1, -2),
        (2,),
    ),
    "zeta": Row(
        lambda q: mp.zeta(2.5, q), [0.5, 1.0, 2.0, 3.0, 12.0, 40.0, 300.0, 1e-8], (0,), (2.5,)
    ),
    "beta": Row(mp.beta, [*POSITIVE_PAIRS, (1e-30, 0.5), (1e-30, 7.0), (7.0, 1e-30)], (0,)),
    "betaln": Row(lambda a, b: mp.log(mp.beta(a, b)), POSITIVE_PAIRS, (0,)),
    "gammainc": Row(
        lambda a, x: mp.gammainc(a, 0, x, regularized=True),
        [(a, x) for a in (1.0, 2.0, 0.5) for x in (1.0, 0.5, 3.0, 1e-8)],
        (0,),
    ),
    "gammaincc": Row(
        lambda a, x: mp.gammainc(a, x, regularized=True),
        [(a, x) for a in (1.0, 2.0, 0.5) for x in (1.0, 0.5, 3.0)],
        (0,),
    ),
    "gamma_density": Row(
        lambda a, x: x ** (a - 1) * mp.exp(-x) / mp.gamma(a),
        [(a, x) for a in (1.0, 2.0, 3.0, 0.5) for x in (1.0, 0.5, 3.0, 1e-8, 40.0)],
        (0,),
    ),
    "betainc": Row(
        beta_inc,
        [(1.0, 1.0, 0.5), (2.0, 3.0, 0.5), (0.5, 0.5, 0.25), (1.0, 2.0, 1e-8)],
        (0, 1),
        ulps=1e6,
    ),
    "betaincc": Row(
        lambda a, b, x: 1 - beta_inc(a, b, x), [(1.0, 1.0, 0.5), (2.0, 3.0, 0.5)], (0, 1), ulps=1e6
    ),
    "beta_density": Row(
        lambda a, b, x: x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b),
        [(1.0, 1.0, 0.5), (2.0, 3.0, 0.5), (0.5, 0.5, 0.25), (1.0, 2.0, 1e-8)],
        (0, 1),
    ),
    "i0": Row(lambda x: mp.besseli(0, x), MIDDLE + [40.0, -300.0]),
    "i1": Row(lambda x: mp.besseli(1, x), MIDDLE + [40.0, -300.0]),
    "i0e": Row(scaled_bessel(0), EVEN + [40.0, -300.0], (0,)),
    "i1e": Row(scaled_bessel(1), EVEN + [40.0, -300.0], (0,)),
    "bessel_ratio": Row(lambda x: mp.besseli(1, x) / x, EVEN + [40.0, -300.0], given=(1,)),
    "bessel_moment": Row(
        lambda x: mp.exp(-abs(x)) * (mp.besseli(0, x) - mp.besseli(1, abs(x))),
        EVEN + [40.0, -300.0],
        (0,),
        (1,),
    ),
    "sigmoid": Row(lambda x: 1 / (1 + mp.exp(-x)), LINE, absolute=SATURATED),
    "tailed_sigmoid": Row(lambda x: 1 / (1 + mp.exp(-x)), LINE),
    "logit": Row(lambda p: mp.log(p / (1 - p)), SHARES, (0, 1)),
    "xlogy": Row(
        lambda x, y: x * mp.log(y),
        [(a, b) for a, b in PAIRS if b > 0] + [(0.0, 1e-8), (1.0, 1e-8)],
        (0,),
    ),
    "xlog1py": Row(
        lambda x, y: x * mp.log(1 + y),
        [(a, b) for a, b in PAIRS if b > -1] + [(2.0, 0.0), (0.0, 0.0), (1.0, 1e-310)],
        (-1,),
    ),
    "entr": Row(lambda x: -x * mp.log(x), POSITIVE, (0,)),
    "rel_entr": Row(lambda x, y: x * mp.log(x / y), POSITIVE_PAIRS, (0,)),
    "kl_div": Row(lambda x, y: x * mp.log(x / y) - x + y, POSITIVE_PAIRS, (0,)),
    "erf": Row(mp.erf, [*MIDDLE, 20.0, 300.0]),
    "erfc": Row(mp.erfc, [*MIDDLE, 20.0, 300.0]),
    "erfinv": Row(reals(mp.erfinv), UNIT, (1, -1)),
    "erfcinv": Row(lambda p: mp.erfinv(1 - p), [1.0, 0.5, 1.5, 0.25, 1e-3], (0, 2)),
    "erfcx": Row(lambda x: mp.exp(x * x) * mp.erfc(x), [*MIDDLE, 20.0, 40.0, 1e10]),
    "erfcx_integral": Row(erfcx_integral, [*MIDDLE, 20.0], given=(1,)),
    "ndtr": Row(mp.ncdf, [*MIDDLE, 20.0, -20.0]),
    "log_ndtr": Row(lambda x: mp.log(mp.ncdf(x)), [*MIDDLE, 20.0, -19.0, -21.0, -300.0, -1e3]),
    "ndtri": Row(
        lambda p: -mp.sqrt(2) * mp.erfinv(1 - 2 * p), [0.5, 0.25, 0.75, 1e-3, 0.9375], (0, 1)
    ),
    "clamped_log": Row(mp.log, [1.0, 2.0, 0.5, 1e-8, 1e10], (0,)),
    "log_cosh": Row(lambda x: mp.log(mp.cosh(x)), LINE[:-3]),
    "binary_cross_entropy_slope": Row(
        lambda p, y: (p - y) / (p * (1 - p)),
        [(p, y) for p in (0.5, 0.25, 0.75, 1e-3) for y in (0.0, 1.0, 0.5)],
        (0, 1),
    ),
    "binary_cross_entropy": Row(
        of_bits, [(p, y) for p in (0.5, 0.25, 0.75, 1e-3, 1e-8) for y in (0.0, 1.0, 0.5)], (0, 1)
    ),
    "sigmoid_binary_cross_entropy": Row(
        of_sign, [(x, y) for x in (*SMALL, 12.0, -40.0) for y in (0.0, 1.0, 0.5)]
    ),
}

# mpmath takes a second for these at all points
COSTLY = {
    *(
        "gamma",
        "gammaln",
        "digamma",
        "polygamma",
        "zeta",
        "beta",
        "betaln",
        "gammainc",
        "gammaincc",
    ),
    *("gamma_density", "betainc", "betaincc", "beta_density", "power_slope", "float_power"),
    *("i0", "i1", "i0e", "i1e", "bessel_ratio", "bessel_moment", "erfinv", "erfcinv", "ndtri"),
    *("erf", "erfc", "erfcx", "erfcx_integral", "ndtr", "log_ndtr"),
}

TRANSCENDENTAL = frozenset(
    name
    for home, names in contents.PRIMITIVES.items()
    if home.startswith("ops.transcendental")
    for name in names.split()
)

# primitives that are left out, each with its reason
LEFT_OUT = {
    "unit": "the derivative of abs of complex numbers",
    "conj": "linear, of complex numbers", "real": "linear, of complex numbers",
    "imag": "linear, of complex numbers", "hide": "its derivative is not that of its value",
    "wins": "linear; maximum binds it", "nextafter": "its derivative is 1 by convention",
    "power_log": "the derivative of pow in the exponent, which is tested",
    "sinc_derivative": "derivatives of sinc, which are tested",
    "gap": "its derivative at equal operands is not that of its value",
    "cosine": "derivatives of hypot, which are tested",
    "hazard_in_tail": "derivatives of log_ndtr, which are tested",
    "beta_slope": "derivatives of beta, which are tested",
    "polygamma_difference": "derivatives of beta, which are tested",
    "gammainc_slope": "derivatives of gammainc, which are tested",
    "betainc_slope": "derivatives of betainc, which are tested",
    **dict.fromkeys(TRANSCENDENTAL, "tests/test_transcendental.py"),
}  # fmt: skip

EXACT: dict[Any, Any] = {}


def differences(row: Row, orders: tuple[int, ...], xs: tuple[float, ...], digits: int) -> Any:
    """Return the derivative by central differences with this many digits to spare."""
    pick = [i for i, n in enumerate(orders) if n]
    spread = max(abs(math.log10(abs(x))) for x in (*xs, 1.0) if x)
    with mp.workdps(digits + int((1 + sum(orders)) * spread)):
        points = [mp.mpf(x) for x in xs]
        steps = []
        for i in pick:
            gaps = [abs(points[i] - s) for s in row.near if points[i] != s]
            steps.append(min([mp.mpf(1), *gaps]) * mp.mpf(10) ** -(digits // 6))
        total = mp.mpf(0)
        for ks in itertools.product(*(range(orders[i] + 1) for i in pick)):
            at, weight = list(points), 1
            for i, k, h in zip(pick, ks, steps, strict=True):
                at[i] += (orders[i] - 2 * k) * h
                weight *= (-1) ** k * math.comb(orders[i], k)
            total += weight * row.exact(*at)
        for i, h in zip(pick, steps, strict=True):
            total /= (2 * h) ** orders[i]
        return mp.re(total)


def wanted(name: str, orders: tuple[int, ...], xs: tuple[float, ...]) -> float:
    """Return the exact derivative, rounded once: two differences agree."""
    key = name, orders, xs
    if key not in EXACT:
        digits = 600 if any(15 < abs(x) < 2e3 for x in xs) else 150  # exp(-300) shows in 1 + it
        last = differences(TABLE[name], orders, xs, digits)
        while digits < 5000:
            digits *= 2
            now = differences(TABLE[name], orders, xs, digits)
            if abs(now - last) <= abs(now) * mp.mpf(10) ** -18:
                break
            # errors of the step, and of rounding over its powers
            left = digits // (3 if sum(orders) < 5 else 6) - 20
            if abs(now) < mp.mpf(10) ** -left and abs(last) < mp.mpf(10) ** -30:
                now = mp.mpf(0)  # it shrinks with the step: the error of the difference alone
                break
            last = now
        else:
            raise AssertionError(f"no digits: {name} {orders} {xs}")
        EXACT[key] = float(now) if abs(now) < 2 * mp.mpf(2) ** 1023 else float(mp.sign(now)) * INF
    return EXACT[key]


def sensitivity(name: str, orders: tuple[int, ...], xs: tuple[float, ...]) -> float:
    """Return how much the derivative changes with a relative change of the operands."""
    more = [tuple(n + (i == j) for j, n in enumerate(orders)) for i in range(len(xs))]
    return sum(
        abs(x * wanted(name, m, xs))
        for x, m, i in zip(xs, more, range(len(xs)), strict=True)
        if x and i in free(name)
    )


def by_grad(f: Any, places: tuple[int, ...]) -> Any:
    """Return a derivative of an elementwise function by nested reverse mode."""

    def slope(g: Any, i: int) -> Any:
        return fg.grad(lambda *xs: np.sum(g(*xs)), argnums=i)

    return functools.reduce(slope, places, f)


def by_jvp(f: Any, places: tuple[int, ...]) -> Any:
    """Return a derivative of an elementwise function by nested forward mode."""

    def slope(g: Any, i: int) -> Any:
        def of(*xs: Any) -> Any:
            one = lambda x: g(*xs[:i], x, *xs[i + 1 :])
            return fg.jvp(one, (xs[i],), (np.ones_like(xs[i]),))[1]

        return of

    return functools.reduce(slope, places, f)


def free(name: str) -> list[int]:
    """Return the operands that have a derivative, without those that are given."""
    rules = primitives[name].rules
    lead = len(TABLE[name].given)
    return [i - lead for i, rule in enumerate(rules) if i >= lead and rule is not None]


def right(name: str, orders: tuple[int, ...], xs: tuple[float, ...], want: Any, got: Any) -> bool:
    """Return whether a derivative is accurate, or exact for operands that differ in rounding."""
    if got == want or (np.isinf(want) and np.isnan(got)):  # a derivative that overflows
        return True
    row = TABLE[name]
    bound = row.ulps * 2.0**-52
    error = abs(got - want)
    if error <= bound * (abs(want) + row.absolute) + 1e-307:
        return True
    return bool(error <= bound * sensitivity(name, orders, xs))


def mismatches(name: str, orders: range, every: bool) -> list[str]:
    """Return where derivatives of these orders are wrong, at few or at all points."""
    row, prim = TABLE[name], primitives[name]
    points = row.operands
    if name in COSTLY and not every:
        points = [xs for xs in points if max(map(abs, xs)) < 15][:3]
    columns = [np.array(c) for c in zip(*points, strict=True)]
    f = lambda *xs: prim(*row.given, *xs)
    bad = []
    for order in orders:
        for places in itertools.combinations_with_replacement(free(name), order):
            counts = tuple(places.count(i) for i in range(len(columns)))
            want = np.array([wanted(name, counts, xs) for xs in points])
            paths = sorted(set(itertools.permutations(places))) if every else [places]
            for path in paths:
                for mode in (by_grad, by_jvp):
                    turned = path if every or mode is by_grad else path[::-1]
                    with np.errstate(all="ignore"):
                        got = mode(f, turned)(*columns)
                    for x, y, z in zip(points, want, np.broadcast_to(got, want.shape), strict=True):
                        if not right(name, counts, x, y, z):
                            bad.append(f"{name} {mode.__name__} {turned} at {x}: got {z}, want {y}")
    return bad


def test_every_elementwise_primitive_is_here():
    names = {
        n for n, p in primitives.items()
        if isinstance(p, Elementwise) and p.differentiable and p.is_builtin
    }  # fmt: skip

    assert names - set(TABLE) - set(LEFT_OUT) == set()


@pytest.mark.parametrize("name", TABLE)
def test_derivatives_to_order_2_are_those_of_mpmath(name):
    assert mismatches(name, range(1, 3), every=False) == []


def hessian(f: Any, *x: float) -> Any:
    with np.errstate(all="ignore"):
        return fg.hessian(lambda v: f(v[0], v[1]))(np.array(x))


@pytest.mark.parametrize("f", [np.power, np.float_power])
def test_derivatives_of_powers_do_not_depend_on_their_order_at_whole_exponents(f):
    d = lambda places, *x: by_grad(f, places)(*map(np.array, x))
    log2 = math.log(2.0)

    np.testing.assert_allclose(hessian(f, 2.0, 0.0), [[0, 0.5], [0.5, log2**2]], rtol=1e-15)
    assert d((0, 0, 1), 2.0, 1.0) == pytest.approx(0.5, rel=1e-15)
    assert d((0, 0, 0, 1), 2.0, 2.0) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("f", [np.power, np.float_power])
def test_derivatives_of_powers_of_0_are_limits_that_do_not_depend_on_their_order(f):
    assert hessian(f, 0.0, 2.0).tolist() == [[2, 0], [0, 0]]
    assert hessian(f, 0.0, 1.0).tolist() == [[0, -INF], [-INF, 0]]
    assert hessian(f, 0.0, 0.0).tolist() == [[0, INF], [INF, INF]]
    assert hessian(f, 0.0, 1.5).tolist() == [[INF, 0], [0, 0]]
    zero, two = np.zeros(1), np.full(1, 2.0)
    with np.errstate(all="ignore"):
        for places in itertools.permutations((0, 0, 1)):
            assert by_grad(f, places)(zero, two) == by_jvp(f, places)(zero, two) == -INF


def test_derivatives_of_betaln_keep_their_digits_beside_a_small_operand():
    got = fg.grad(fg.special.betaln, argnums=1)(1e-20, 1.0)

    assert got == pytest.approx(-1e-20 * math.pi**2 / 6, rel=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_derivatives_to_order_4_are_those_of_mpmath_in_every_order_of_operands(name):
    assert mismatches(name, range(1, 5), every=True) == []


def test_sigmoid_keeps_its_digits_where_it_is_small():
    for x in (-40.0, -300.0, -700.0):
        for order in (1, 2, 3):
            got = by_grad(primitives["sigmoid"], (0,) * order)(np.array(x))
            assert got == pytest.approx(math.exp(x), rel=1e-14)
