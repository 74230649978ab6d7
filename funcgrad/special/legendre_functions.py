"""Legendre functions of all orders and degrees, and their derivatives, stacked as in SciPy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import shown
from ..core.lazy import answering
from ..ops.operand import half_in_single
from ..transforms.forward import jvp
from .harmonics import floating, known_orders, legendre_on_sphere, lpmv, sph_harm_y
from .polynomials import eval_legendre


def _with_slopes(f: Callable[[Any], Any], z: Any, count: int) -> Any:
    """The values and the first ``count`` derivatives of a function of each element, stacked."""
    z, values = floating(z), []
    for _ in range(int(count) + 1):
        values.append(f(z))
        f = lambda z, f=f: jvp(f, (z,), (np.ones_like(z),))[1]  # type: ignore[misc]
    return np.stack(values)


def _of_degrees(f: Callable[..., Any], n: int, *orders: int) -> Any:
    """All degrees to n and, if given, orders 0, 1, ..., m, -m, ..., -1, stacked."""
    if not orders:
        return np.stack([f(k) for k in range(int(n) + 1)])
    (m,) = map(int, orders)
    signed = [*range(m + 1), *range(-m, 0)]
    return np.stack([np.stack([f(k, j) for j in signed]) for k in range(int(n) + 1)])


@half_in_single
def legendre_p(n: Any, z: Any, *, diff_n: int = 0) -> Any:
    """Legendre polynomials, and their first ``diff_n`` derivatives: shape [diff_n + 1, ...].

    >>> print(legendre_p(2, 0.5, diff_n=1))
    [-0.125  1.5  ]
    """
    return _with_slopes(lambda z: eval_legendre(n, z), z, diff_n)


@answering
def legendre_p_all(n: int, z: Any, *, diff_n: int = 0) -> Any:
    """Legendre polynomials of all degrees to n: shape [diff_n + 1, n + 1, ...].

    >>> print(legendre_p_all(2, 0.5))
    [[ 1.     0.5   -0.125]]
    """
    return _with_slopes(lambda z: _of_degrees(lambda k: eval_legendre(k, z), n), z, diff_n)


def _on_sphere(n: Any, m: Any, theta: Any) -> Any:
    n, m = np.broadcast_arrays(*known_orders("sph_legendre_p", n, m))
    sign = np.where((m < 0) & (m % 2 == 1), -1.0, 1.0).astype(dtype_of(theta))
    return sign * legendre_on_sphere(n, np.abs(m), np.cos(theta), np.sin(theta))


@half_in_single
def sph_legendre_p(n: Any, m: Any, theta: Any, *, diff_n: int = 0) -> Any:
    """Spherical Legendre functions sph_harm_y(n, m, theta, 0), real: shape [diff_n + 1, ...].

    >>> print(sph_legendre_p(1, 0, 0.0).round(12))
    [0.48860251]
    """
    return _with_slopes(lambda theta: _on_sphere(n, m, theta), theta, diff_n)


@answering
def sph_legendre_p_all(n: int, m: int, theta: Any, *, diff_n: int = 0) -> Any:
    """Spherical Legendre functions of all degrees to n and orders to m.

    The shape is [diff_n + 1, n + 1, 2 m + 1, ...], with order -k at index -k.

    >>> print(sph_legendre_p_all(1, 1, 0.0).shape)
    (1, 2, 3)
    """
    every = lambda theta: _of_degrees(lambda k, j: _on_sphere(k, j, theta), n, m)
    return _with_slopes(every, theta, diff_n)


@answering
def sph_harm_y_all(n: int, m: int, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    """Spherical harmonics of all degrees to n and orders to m: shape [n + 1, 2 m + 1, ...].

    Order -k is at index -k of the second axis. ``diff_n`` must be 0: differentiate by jvp.

    >>> print(sph_harm_y_all(1, 1, 0.0, 0.0).shape)
    (2, 3)
    """
    return _of_degrees(lambda k, j: sph_harm_y(k, j, theta, phi, diff_n=diff_n), n, m)


def _associated(n: Any, m: Any, z: Any, branch_cut: int, norm: bool) -> Any:
    if branch_cut != 2:
        raise ValueError(f"assoc_legendre_p: branch_cut must be 2: got {shown(branch_cut)}")
    if not norm:
        return lpmv(m, n, z)
    n, m = np.broadcast_arrays(*known_orders("assoc_legendre_p", n, m))
    scale = np.where((m < 0) & (m % 2 == 1), -1.0, 1.0) * math.sqrt(2 * math.pi)
    y = legendre_on_sphere(n, np.abs(m), z, np.sqrt(1 - z * z))
    return scale.astype(dtype_of(z)) * y


@half_in_single
def assoc_legendre_p(
    n: Any, m: Any, z: Any, *, branch_cut: int = 2, norm: bool = False, diff_n: int = 0
) -> Any:
    """Associated Legendre functions of real z between -1 and 1: shape [diff_n + 1, ...].

    Args:
        norm: whether the integral of the square over [-1, 1] is 1.
        branch_cut: 2; the other one is that of complex numbers.

    >>> print(assoc_legendre_p(2, 1, 0.5).round(12))
    [-1.29903811]
    """
    return _with_slopes(lambda z: _associated(n, m, z, branch_cut, norm), z, diff_n)


@answering
def assoc_legendre_p_all(
    n: int, m: int, z: Any, *, branch_cut: int = 2, norm: bool = False, diff_n: int = 0
) -> Any:
    """Associated Legendre functions of all degrees to n and orders to m.

    The shape is [diff_n + 1, n + 1, 2 m + 1, ...], with order -k at index -k.

    >>> print(assoc_legendre_p_all(1, 1, 0.5)[0, 1].round(6))
    [ 0.5      -0.866025  0.433013]
    """
    every = lambda z: _of_degrees(lambda k, j: _associated(k, j, z, branch_cut, norm), n, m)
    return _with_slopes(every, z, diff_n)
