"""Zeros of Bessel functions of integer order, which are constants."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import ConcretizationError, DtypeError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from .bessel import jv, jvp, yv, yvp

STEP = 0.5  # of the search; two zeros are at least 2 apart


def _zeros(who: str, f: Callable[..., Any], slope: Callable[..., Any], n: int, nt: int) -> Any:
    """The first zeros above 0 of a function of order n, by Newton's method in brackets."""
    for given in (n, nt):
        if isinstance(given, Tracer):
            raise ConcretizationError(f"{who}: n and nt must be known: got a traced value; pass "
                                      f"ints")  # fmt: skip
        if int(given) != given or given < 0:
            raise DtypeError(f"{who}: n and nt must be ints >= 0: got {shown(given)}")
    count = int((n + 4 * n ** (1 / 3) + math.pi * (nt + 2)) / STEP)
    x = STEP * (np.arange(count) + 0.5)
    y = np.asarray(f(n, x))
    at = np.flatnonzero(y[1:] * y[:-1] < 0)[: int(nt)]
    low, high, below = x[at], x[at + 1], y[at]
    z = 0.5 * (low + high)
    for _ in range(60):
        value = np.asarray(f(n, z))
        same = value * below > 0
        low, high = np.where(same, z, low), np.where(same, high, z)
        step = value / np.asarray(slope(n, z))
        inside = (z - step > low) & (z - step < high)
        near = np.abs(step) < 1e-9  # the next error is its square
        z = np.where(inside | near, z - step, 0.5 * (low + high))
        if near.all():
            break
    return z


@answering
def jn_zeros(n: int, nt: int) -> Any:
    """The first nt zeros above 0 of the Bessel function J of order n.

    >>> print(jn_zeros(0, 2).round(6))
    [2.404826 5.520078]
    """
    return _zeros("jn_zeros", jv, jvp, n, nt)


@answering
def jnp_zeros(n: int, nt: int) -> Any:
    """The first nt zeros above 0 of the derivative of the Bessel function J of order n.

    >>> print(jnp_zeros(1, 2).round(6))
    [1.841184 5.331443]
    """
    return _zeros("jnp_zeros", jvp, lambda n, x: jvp(n, x, 2), n, nt)


@answering
def yn_zeros(n: int, nt: int) -> Any:
    """The first nt zeros of the Bessel function Y of order n.

    >>> print(yn_zeros(0, 2).round(6))
    [0.893577 3.957678]
    """
    return _zeros("yn_zeros", yv, yvp, n, nt)


@answering
def ynp_zeros(n: int, nt: int) -> Any:
    """The first nt zeros of the derivative of the Bessel function Y of order n.

    >>> print(ynp_zeros(0, 2).round(6))
    [2.197141 5.429681]
    """
    return _zeros("ynp_zeros", yvp, lambda n, x: yvp(n, x, 2), n, nt)


@answering
def jnyn_zeros(n: int, nt: int) -> tuple[Any, Any, Any, Any]:
    """The first nt zeros of J, its derivative, Y and its derivative, of order n.

    >>> print(jnyn_zeros(0, 1)[2].round(6))
    [0.893577]
    """
    return jn_zeros(n, nt), jnp_zeros(n, nt), yn_zeros(n, nt), ynp_zeros(n, nt)
