"""The Airy functions Ai and Bi and their derivatives, by Bessel functions of orders 1/3 and 2/3.

Source: DLMF 9.6; the power series DLMF 9.4 for |x| < 1.
"""

import math
from typing import Any

import numpy as np

from ..elementwise import mul
from ..families import Elementwise
from ..gamma import no_derivative_in
from ..kernels import by_blocks, masked_update
from .bessel_orders import ive_of, jv_of, kve_of, yv_of
from .double_double import two_product

AI, SLOPE = 0.3550280538878172, 0.2588194037928068  # Ai(0) and -Ai'(0)
ROOT_3 = math.sqrt(3)


def _near(k: int, x: Any) -> Any:
    """Ai, Ai', Bi, Bi' for k = 0, 1, 2, 3 and |x| < 1."""
    cube, slope = x * x * x, k % 2
    f, g = np.ones_like(x), np.ones_like(x) if slope else x
    one, two = (0.5 * x * x, g) if slope else (f, g)
    if slope:
        f = 0.5 * x * x
    for n in range(1, 10):
        if slope:
            f = f * cube / (3 * n * (3 * n + 2))
            g = g * cube / (3 * n * (3 * n - 2))
        else:
            f = f * cube / (3 * n * (3 * n - 1))
            g = g * cube / (3 * n * (3 * n + 1))
        one, two = one + f, two + g
    return AI * one - SLOPE * two if k < 2 else ROOT_3 * (AI * one + SLOPE * two)


def _zeta(x: Any) -> tuple[Any, Any]:
    """2/3 x**(3/2) and what its rounding left."""
    root = np.sqrt(x)
    square, low = two_product(root, root)
    product, rest = two_product(x, root)
    rest = rest + x * ((x - square) - low) / (2 * root)
    z = 2 * product / 3
    triple, low = two_product(z, np.full_like(z, 3))
    return z, ((2 * product - triple) - low + 2 * rest) / 3


def _right(k: int, x: Any) -> Any:
    z, rest = _zeta(x)
    v = np.full_like(x, (k % 2 + 1) / 3)
    front = x / ROOT_3 if k % 2 else np.sqrt(x / 3)
    if k < 2:
        return (-1) ** k * front / math.pi * kve_of(v, z) * np.exp(-z) * (1 - rest)
    half = np.exp(0.5 * z)
    small = ROOT_3 / math.pi * kve_of(v, z) * np.exp(-np.minimum(2 * z, 1e3))
    return front * half * (2 * ive_of(v, z) + small) * half * (1 + rest)


def _left(k: int, x: Any) -> Any:
    t = -x
    z, rest = _zeta(t)
    v = np.full_like(x, (k % 2 + 1) / 3)
    j, y = jv_of(v, z), yv_of(v, z)
    j, y = j - rest * y, y + rest * j  # to first order the derivative of H is iH
    front = 0.5 * t if k % 2 else 0.5 * np.sqrt(t)
    waves = (j - y / ROOT_3, j + y / ROOT_3, -j / ROOT_3 - y, j / ROOT_3 - y)[k]
    return front * waves


def _airy(k: Any, x: Any) -> Any:
    which = int(k.flat[0]) if k.size else 0
    y = np.full_like(x, np.nan)
    y = masked_update(y, np.abs(x) < 1, lambda x: _near(which, x), x)
    y = masked_update(y, x >= 1, lambda x: _right(which, np.minimum(x, 1e3)), x)
    y = masked_update(y, (x <= -1) & (x > -np.inf), lambda x: _left(which, x), x)
    return np.where(x == np.inf, (0.0, 0.0, np.inf, np.inf)[which], y)


def _slope(t: Any, y: Any, k: Any, x: Any) -> Any:
    """Ai'' = x Ai."""
    return mul(t, airy(k + 1, x) if k % 2 == 0 else mul(x, airy(k - 1, x)))


airy: Elementwise
# which one is a Python scalar: 0, 1, 2, 3 for Ai, Ai', Bi, Bi'
airy = Elementwise("airy", by_blocks(_airy), no_derivative_in("airy", "k"), _slope)
