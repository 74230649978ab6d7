"""Orthogonal polynomials of known degree, by their recurrences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.operand import half_in_single, operand
from .combinations import binom
from .harmonics import floating, known_orders


def _by_recurrence(
    name: str, first: Callable[..., Any], step: Callable[..., tuple[Any, Any, Any]], doc: str
) -> Callable[..., Any]:
    """A polynomial of degree n by p(k+1) = (a x + b) p(k) - c p(k-1), from p(0) = 1 and p(1)."""

    def evaluate(n: Any, *args: Any) -> Any:
        (n,) = known_orders(name, n)
        *parameters, x = (floating(v) for v in args)
        before, now = 1.0 + 0.0 * x, first(x, *parameters)
        y = np.where(n == 0, before, now)
        for k in range(1, int(n.max(initial=0))):
            a, b, c = step(k, *parameters)
            before, now = now, (a * x + b) * now - c * before
            y = np.where(n == k + 1, now, y)
        return np.where(n < 0, np.nan, y)

    evaluate.__name__ = evaluate.__qualname__ = name
    evaluate.__doc__ = doc
    return half_in_single(evaluate)


def _of_jacobi(k: int, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """DLMF 18.9.2."""
    s = 2 * k + a + b
    low = 2 * (k + 1) * (k + a + b + 1)
    first = (s + 1) * (s + 2) / low
    second = (a * a - b * b) * (s + 1) / (low * s)
    return first, second, 2 * (k + a) * (k + b) * (s + 2) / (low * s)


# fmt: off
eval_legendre = _by_recurrence("eval_legendre", lambda x: x,
    lambda k: ((2 * k + 1) / (k + 1), 0.0, k / (k + 1)), "Legendre polynomial P_n(x).")
eval_chebyt = _by_recurrence("eval_chebyt", lambda x: x,
    lambda k: (2.0, 0.0, 1.0), "Chebyshev polynomial of the first kind T_n(x).")
eval_chebyu = _by_recurrence("eval_chebyu", lambda x: 2 * x,
    lambda k: (2.0, 0.0, 1.0), "Chebyshev polynomial of the second kind U_n(x).")
eval_hermite = _by_recurrence("eval_hermite", lambda x: 2 * x,
    lambda k: (2.0, 0.0, 2.0 * k), "Physicist's Hermite polynomial H_n(x).")
eval_hermitenorm = _by_recurrence("eval_hermitenorm", lambda x: x,
    lambda k: (1.0, 0.0, float(k)), "Probabilist's Hermite polynomial He_n(x).")
eval_laguerre = _by_recurrence("eval_laguerre", lambda x: 1 - x,
    lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1)), "Laguerre polynomial L_n(x).")
eval_genlaguerre = _by_recurrence("eval_genlaguerre", lambda x, a: 1 + a - x,
    lambda k, a: (-1 / (k + 1), (2 * k + 1 + a) / (k + 1), (k + a) / (k + 1)),
    "Generalized Laguerre polynomial L_n^(alpha)(x), of the arguments n, alpha, x.")
eval_gegenbauer = _by_recurrence("eval_gegenbauer", lambda x, a: 2 * a * x,
    lambda k, a: (2 * (k + a) / (k + 1), 0.0, (k + 2 * a - 1) / (k + 1)),
    "Gegenbauer polynomial C_n^(alpha)(x), of the arguments n, alpha, x.")
eval_jacobi = _by_recurrence("eval_jacobi", lambda x, a, b: a + 1 + 0.5 * (a + b + 2) * (x - 1),
    _of_jacobi, "Jacobi polynomial P_n^(alpha, beta)(x), of the arguments n, alpha, beta, x.")
# fmt: on


@half_in_single
def eval_chebyc(n: Any, x: Any) -> Any:
    """Chebyshev polynomial C_n(x) = 2 T_n(x / 2), of the first kind on [-2, 2].

    >>> print(eval_chebyc(2, 1.0))
    -1.0
    """
    return 2 * eval_chebyt(n, 0.5 * floating(x))


@half_in_single
def eval_chebys(n: Any, x: Any) -> Any:
    """Chebyshev polynomial S_n(x) = U_n(x / 2), of the second kind on [-2, 2].

    >>> print(eval_chebys(2, 1.0))
    0.0
    """
    return eval_chebyu(n, 0.5 * floating(x))


@half_in_single
def eval_sh_chebyt(n: Any, x: Any) -> Any:
    """Chebyshev polynomial T_n(2 x - 1), on [0, 1].

    >>> print(eval_sh_chebyt(2, 0.75))
    -0.5
    """
    return eval_chebyt(n, 2 * floating(x) - 1)


@half_in_single
def eval_sh_chebyu(n: Any, x: Any) -> Any:
    """Chebyshev polynomial U_n(2 x - 1), on [0, 1].

    >>> print(eval_sh_chebyu(2, 0.75))
    0.0
    """
    return eval_chebyu(n, 2 * floating(x) - 1)


@half_in_single
def eval_sh_legendre(n: Any, x: Any) -> Any:
    """Legendre polynomial P_n(2 x - 1), on [0, 1].

    >>> print(eval_sh_legendre(2, 0.75))
    -0.125
    """
    return eval_legendre(n, 2 * floating(x) - 1)


@half_in_single
def eval_sh_jacobi(n: Any, p: Any, q: Any, x: Any) -> Any:
    """Jacobi polynomial P_n^(p - q, q - 1)(2 x - 1) over binom(2 n + p - 1, n).

    >>> print(eval_sh_jacobi(1, 2.0, 1.0, 0.5).round(12))
    0.166666666667
    """
    p, q = floating(p), floating(q)
    scale = binom(2 * operand(n) + p - 1, n)
    return eval_jacobi(n, p - q, q - 1, 2 * floating(x) - 1) / scale


@half_in_single
def assoc_laguerre(x: Any, n: Any, k: Any = 0.0) -> Any:
    """Generalized Laguerre polynomial L_n^(k)(x).

    >>> print(assoc_laguerre(1.0, 1, 2.0))
    2.0
    """
    return eval_genlaguerre(n, k, x)
