"""Modified Bessel functions of orders 0 and 1, with derivatives of every order.

Up to x = 8 by the power series (DLMF 10.25.2), whose terms are positive; above, sqrt(x) exp(-x)
I(x) is a polynomial in 16/x - 1 fitted with mpmath to 5e-18.

``bessel_ratio(n, x)`` is I_n(x) / x**n, an even function without singularity, with
(I_n / x**n)' = x I_(n+1) / x**(n+1) (DLMF 10.29.4): derivatives of every order are right at 0 too.

``bessel_moment(n, x)`` is the mean of (1 - cos v)**n exp(-|x| (1 - cos v)) over all angles v. Order
0 is exp(-|x|) I_0; the higher orders are its derivatives, up to a sign. exp(-|x|) I_1 is order 0
minus order 1. They are used because differences of Bessel functions cancel for large x.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .elementwise import add, mul, neg, sign, square, sub
from .families import Elementwise
from .gamma import no_derivative_in
from .kernels import by_blocks, masked_update, polynomial


def _i0(x: Any) -> Any:
    size = np.abs(x)
    y = polynomial(I0_NEAR, 0.25 * x * x)
    return masked_update(y, size > 8, functools.partial(_growing, I0_FAR), size)


def _growing(coefficients: Sequence[float], size: Any) -> Any:
    z = np.minimum(size, 1e9)  # where the result is inf
    half = np.exp(0.5 * z)
    return half * polynomial(coefficients, 16 / z - 1) / np.sqrt(z) * half


def _scaled(coefficients: Sequence[float], z: Any) -> Any:
    return polynomial(coefficients, 16 / z - 1) / np.sqrt(z)


def i0e_of(x: Any) -> Any:
    size = np.abs(x)
    y = np.exp(-size) * polynomial(I0_NEAR, 0.25 * np.square(np.minimum(size, 8)))
    return masked_update(y, size > 8, functools.partial(_scaled, I0_FAR), size)


def _i1(x: Any) -> Any:
    size = np.abs(x)
    y = 0.5 * size * polynomial(I1_NEAR, 0.25 * x * x)
    y = masked_update(y, size > 8, functools.partial(_growing, I1_FAR), size)
    return np.copysign(y, x)


def i1e_of(x: Any) -> Any:
    size = np.abs(x)
    z = np.minimum(size, 8)
    y = np.exp(-size) * (0.5 * z) * polynomial(I1_NEAR, 0.25 * z * z)
    y = masked_update(y, size > 8, functools.partial(_scaled, I1_FAR), size)
    return np.copysign(y, x)


def _bessel_ratio(n: Any, x: Any) -> Any:
    z = np.minimum(np.abs(x), 30)
    term = np.power(2.0, -n)
    for k in range(1, int(n.max(initial=0)) + 1):
        term = np.where(k <= n, term / k, term)
    y = term
    for k in range(1, 80):
        term = term * (0.25 * z * z) / (k * (n + k))
        y = y + term
    return masked_update(y, np.abs(x) > 30, _ratio_far, n, np.abs(x))


def _ratio_far(order: Any, z: Any) -> Any:
    total = term = np.ones_like(z)
    for k in range(1, 25):  # DLMF 10.40.1
        term = term * ((2 * k - 1) ** 2 - 4 * order * order) / (8 * k * z)
        total = total + term
    half = np.exp(0.5 * z)  # half of the exponential, which would overflow
    return half * (total / (np.sqrt(2 * math.pi * z) * np.power(z, order))) * half


def _bessel_moment(n: Any, x: Any) -> Any:
    """2**n (1/2)_n / n! M(n + 1/2, n + 1, -2|x|), by Kummer's transformation or DLMF 13.7.1."""
    z = 2 * np.abs(x)
    near, term = np.minimum(z, 80), np.exp(-np.minimum(z, 80))
    for k in range(1, int(n.max(initial=0)) + 1):
        term = np.where(k <= n, term * (2 * k - 1) / k, term)
    y = term
    for k in range(1, 220):
        term = term * near * (k - 0.5) / ((n + k) * k)
        y = y + term
    return masked_update(y, z > 80, _moment_far, n, z)


def _moment_far(order: Any, z: Any) -> Any:
    term = np.exp2(order) / np.sqrt(math.pi * z)
    for k in range(1, int(order.max(initial=0)) + 1):
        term = np.where(k <= order, term * (k - 0.5) / z, term)
    y = term
    for k in range(1, 25):
        term = term * (order + k - 0.5) * (k - 0.5) / (k * z)
        y = y + term
    return y


def _i1_slope(x: Any) -> Any:
    """The derivative of I_1 = x (I_1 / x)."""
    return add(bessel_ratio(1, x), mul(square(x), bessel_ratio(2, x)))


# the rules above use these names
i1: Elementwise
i1e: Elementwise
bessel_ratio: Elementwise
bessel_moment: Elementwise

# fmt: off
I0_NEAR = tuple([1 / math.factorial(k) ** 2 for k in range(25, -1, -1)])
I1_NEAR = tuple([1 / (math.factorial(k) * math.factorial(k + 1)) for k in range(25, -1, -1)])
I0_FAR = (2.0820835852793106e-11, -5.905024573995148e-11, -1.5066113686101474e-10,
    4.4789181847911815e-10, 5.122212147228388e-10, -1.5930354799216344e-09,
    -1.1448789558755036e-09, 3.5985362919394714e-09, 2.1053080134403423e-09,
    -5.91556056510856e-09, -3.905230623712341e-09, 7.406235049001522e-09, 7.737147033780934e-09,
    -5.394456734259438e-09, -1.346629294837396e-08, -6.750552282740284e-09, 7.566352487698237e-09,
    2.15488936175863e-08, 3.932437699533459e-08, 8.872214307451732e-08, 2.9735996224521226e-07,
    1.4838475687894938e-06, 1.1143033787545386e-05, 0.00013621607439186705, 0.0033605519836678944,
    0.4021765094450081)
I1_FAR = (-1.9677083272584384e-11, 6.135932778393812e-11, 1.417650842869536e-10,
    -4.6561597954216946e-10, -4.798751536934023e-10, 1.657764699456319e-09,
    1.0715528639398075e-09, -3.75344338735913e-09, -1.992076551203188e-09, 6.202984113000443e-09,
    3.803814960536081e-09, -7.863004697555056e-09, -7.816968266767898e-09, 5.963645798166707e-09,
    1.408852075202545e-08, 6.737493433374833e-09, -8.43880090582137e-09, -2.337446787242448e-08,
    -4.312778920167609e-08, -1.0001282610189342e-07, -3.4838567401229716e-07,
    -1.8349101357991557e-06, -1.5038547197358572e-05, -0.00021923576383382282,
    -0.009749577193235768, 0.38939845902587233)

i0  = Elementwise("i0", by_blocks(_i0), lambda t, y, x: mul(t, i1(x)))
i1  = Elementwise("i1", by_blocks(_i1),
    lambda t, y, x: mul(t, _i1_slope(x)))
i0e = Elementwise("i0e", by_blocks(i0e_of),
    lambda t, y, x: neg(mul(t, mul(sign(x), bessel_moment(1, x)))))
i1e = Elementwise("i1e", by_blocks(i1e_of),
    lambda t, y, x: mul(t, sub(bessel_moment(2, x), bessel_moment(1, x))))
bessel_moment = Elementwise("bessel_moment", by_blocks(_bessel_moment),
    no_derivative_in("bessel_moment", "n"),
    lambda t, y, n, x: neg(mul(t, mul(sign(x), bessel_moment(n + 1, x)))))
bessel_ratio = Elementwise("bessel_ratio", by_blocks(_bessel_ratio),
    no_derivative_in("bessel_ratio", "n"),
    lambda t, y, n, x: mul(t, mul(x, bessel_ratio(n + 1, x))))
# fmt: on
