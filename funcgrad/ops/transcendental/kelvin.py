"""Modified Bessel functions of integer order n on the ray x exp(i pi/4): Kelvin functions.

They are turned so that derivatives are real sums: F_n = exp(-i pi n/4) I_n with F_n' = (F_{n-1} +
i F_{n+1}) / 2, and G_n = exp(i pi n/4) K_n with G_n' = -(i G_{n-1} + G_{n+1}) / 2. By power series,
by the trapezoidal rule for DLMF 10.32.3 and 10.32.9, which converges exponentially, and by the
asymptotic series DLMF 10.40.1 and 10.40.2.
"""

import math
from typing import Any

import numpy as np

from ..elementwise import add, mul, neg, sub
from ..families import Elementwise
from ..gamma import no_derivative_in
from ..kernels import by_blocks, masked_update, masked_updates, repeated

TURN = complex(math.sqrt(0.5), math.sqrt(0.5))
GAMMA = 0.5772156649015329  # Euler's constant
CIRCLE = 64  # points on it


def _first_series(n: int, x: Any) -> Any:
    t = 0.25j * x * x
    start = (0.5 * x) ** n / math.factorial(n) + 0j

    def step(k: Any, total: Any, term: Any) -> Any:
        term = term * t / (k * (k + n))
        return total + term, term

    return repeated(step, (start, start), 1, 30)[0]


def _first_circle(n: int, x: Any) -> Any:
    z, total = x * TURN, 0
    for k in range(CIRCLE // 4 + 1):
        angle = 2 * math.pi * k / CIRCLE
        weight = math.cos(n * angle) * (1 if k in (0, CIRCLE // 4) else 2)
        wave = z * math.cos(angle)
        total = total + weight * (np.cosh(wave) if n % 2 == 0 else np.sinh(wave))
    return total * (2 / CIRCLE) * TURN.conjugate() ** n


def _expansion(n: int, z: Any, sign: int) -> Any:
    def step(k: Any, total: Any, term: Any) -> Any:
        term = term * (sign * (4 * n * n - (2 * k + 1) ** 2)) / (8 * (k + 1) * z)
        return total + term, term

    return repeated(step, (np.ones_like(z), np.ones_like(z)), 0, 32)[0]


def _first_far(n: int, x: Any) -> Any:
    z = x * TURN
    wave = np.exp(z) / np.sqrt(2 * math.pi * z)
    return wave * _expansion(n, z, -1) * TURN.conjugate() ** n


def _first(n: int, x: Any) -> Any:
    size = np.abs(x)
    y = np.full(x.shape, complex(np.nan, np.nan))
    y = masked_update(y, size <= 6, lambda x: _first_series(n, x), size)
    y = masked_update(y, (size > 6) & (size < 26), lambda x: _first_circle(n, x), size)
    y = masked_update(y, size >= 26, lambda x: _first_far(n, x), size)
    return np.where(x < 0, (-1) ** n * y, y)


def _second_series(x: Any) -> tuple[Any, Any]:
    """DLMF 10.31.1 and 10.31.2."""
    t, log = 0.25j * x * x, np.log(0.5 * x) + 0.25j * math.pi
    term = np.ones_like(t)
    even = 0 * t
    odd = term * (1 - 2 * GAMMA)  # psi(k + 1) + psi(k + 2)
    harmonic = 0.0
    for k in range(1, 14):
        term = term * t / (k * k)
        harmonic += 1 / k
        even = even + harmonic * term
        odd = odd + (2 * harmonic + 1 / (k + 1) - 2 * GAMMA) * term / (k + 1)
    g0 = even - (log + GAMMA) * _first_series(0, x)
    return g0, 1 / x + 1j * (log * _first_series(1, x) - 0.25 * x * odd)


def _second_line(x: Any) -> tuple[Any, Any]:
    step, z = 0.075, x * TURN
    g0, g1 = 0.5 * step, 0.5 * step
    for k in range(1, 56):
        decay = step * np.exp(-2 * math.sinh(0.5 * k * step) ** 2 * z)
        g0, g1 = g0 + decay, g1 + math.cosh(k * step) * decay
    front = np.exp(-z)
    return front * g0, TURN * front * g1


def _second_far(x: Any) -> tuple[Any, Any]:
    z = x * TURN
    front = np.exp(-z) * np.sqrt(0.5 * math.pi / z)
    return front * _expansion(0, z, 1), TURN * front * _expansion(1, z, 1)


def _second(n: int, x: Any) -> Any:
    low, far = x <= 2, x >= 18
    now: Any = [np.full(x.shape, complex(np.nan, np.nan)) for _ in range(2)]
    forms = (x > 0) & low, _second_series, (x > 2) & ~far, _second_line, far, _second_far
    for mask, form in zip(forms[::2], forms[1::2], strict=True):
        now = masked_updates(now, mask, form, x)
    before, y = now if n else now[::-1]
    for k in range(1, n):
        before, y = y, 1j * before + 2 * k / x * y
    return y


def _order(n: Any) -> int:
    return abs(int(n.flat[0])) if n.size else 0


def _kelvin_first(part: Any, n: Any, x: Any) -> Any:
    y = _first(_order(n), x)
    return np.where(part > 0, y.imag, y.real)


def _kelvin_second(part: Any, n: Any, x: Any) -> Any:
    order = _order(n)
    y = _second(order, x)
    end = (np.where(part > 0, -0.25 * math.pi, np.inf), np.where(part > 0, 0.0, np.inf))[
        min(order, 1)
    ]
    return np.where(x == 0, end, np.where(x == np.inf, 0.0, np.where(part > 0, y.imag, y.real)))


def _first_slope(t: Any, y: Any, part: Any, n: Any, x: Any) -> Any:
    high = kelvin_first(1 - part, n + 1, x)
    high = high if part else neg(high)
    return mul(t, mul(0.5, add(kelvin_first(part, n - 1, x), high)) if n else high)


def _second_slope(t: Any, y: Any, part: Any, n: Any, x: Any) -> Any:
    high = kelvin_second(part, n + 1, x)
    if not n:
        return neg(mul(t, high))
    low = kelvin_second(1 - part, n - 1, x)
    return mul(t, mul(-0.5, add(high, low) if part else sub(high, low)))


kelvin_first: Elementwise
kelvin_second: Elementwise

# the part, 0 for the real one and 1 for the imaginary, and n >= 0 are Python scalars
# fmt: off
kelvin_first = Elementwise("kelvin_first", by_blocks(_kelvin_first),
    no_derivative_in("kelvin_first", "part"), no_derivative_in("kelvin_first", "n"), _first_slope)
kelvin_second = Elementwise("kelvin_second", by_blocks(_kelvin_second),
    no_derivative_in("kelvin_second", "part"), no_derivative_in("kelvin_second", "n"),
    _second_slope)
# fmt: on
