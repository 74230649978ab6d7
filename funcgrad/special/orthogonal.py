"""Orthogonal polynomials as objects, like those of SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.lazy import answering
from . import gauss, polynomials as of


class OrthogonalPolynomial(np.poly1d):
    """A polynomial that is evaluated by its recurrence; its coefficients are known.

    ``weights`` has a root, its weight, and this over the weight function in each row;
    ``weight_func`` is the weight function, ``limits`` the interval, and ``normcoef`` the root of
    the integral of the weighted square.
    """

    def __init__(self, family: tuple[Any, ...], n: int, parameters: Any, monic: bool) -> None:
        rule, evaluate, weight, self.limits = family
        x, w, _ = rule(n, *parameters, True) if n else (np.zeros(0), np.zeros(0), 0)
        points, all_weights, _ = rule(n + 1, *parameters, True)
        self._evaluate = lambda x: evaluate(n, *parameters, x)
        high = points[-1]  # between the last root and the end
        lead = float(self._evaluate(high) / np.prod(high - x))
        self._scale = 1 / lead if monic else 1.0
        super().__init__(np.poly1d(x, r=True).coeffs * (1.0 if monic else lead))
        self.weight_func = lambda x: weight(x, *parameters)
        self.weights = np.stack([x, w, w / self.weight_func(x)], axis=1)
        squares = (self._scale * self._evaluate(points)) ** 2
        self.normcoef = float(np.sqrt(np.sum(all_weights * squares)))

    def __call__(self, val: Any) -> Any:
        if isinstance(val, np.poly1d):
            return super().__call__(val)
        return self._scale * self._evaluate(val)


# parameters of examples
_PARAMETERS = {"gegenbauer": ", 1.5", "genlaguerre": ", 1.5"}
_PARAMETERS |= {"jacobi": ", 1.5, 1.0", "sh_jacobi": ", 1.5, 1.0"}


def _constructor(name: str, doc: str, *family: Any) -> Callable[..., Any]:
    def polynomial(n: int, *parameters: float, monic: bool = False) -> OrthogonalPolynomial:
        return OrthogonalPolynomial(family, n, parameters, monic)

    polynomial.__name__ = polynomial.__qualname__ = name
    polynomial.__doc__ = f"""{doc}; its first coefficient is 1 if ``monic``.

    >>> {name}(2{_PARAMETERS.get(name, "")}).order
    2
    """
    return answering(polynomial)


_ENDS, _UNIT, _LINE = (-1, 1), (0, 1), (-np.inf, np.inf)
_one = lambda x: 0.0 * x + 1.0
_first = lambda x: 1 / np.sqrt(1 - x * x)
_second = lambda x: np.sqrt(1 - x * x)

# fmt: off
legendre = _constructor("legendre", "Legendre polynomial of degree n on [-1, 1]",
    gauss.roots_legendre, of.eval_legendre, _one, _ENDS)
sh_legendre = _constructor("sh_legendre", "Legendre polynomial of degree n on [0, 1]",
    gauss.roots_sh_legendre, of.eval_sh_legendre, _one, _UNIT)
chebyt = _constructor("chebyt", "Chebyshev polynomial T of degree n on [-1, 1]",
    gauss.roots_chebyt, of.eval_chebyt, _first, _ENDS)
chebyu = _constructor("chebyu", "Chebyshev polynomial U of degree n on [-1, 1]",
    gauss.roots_chebyu, of.eval_chebyu, _second, _ENDS)
chebyc = _constructor("chebyc", "Chebyshev polynomial C of degree n on [-2, 2]",
    gauss.roots_chebyc, of.eval_chebyc, lambda x: _first(0.5 * x), (-2, 2))
chebys = _constructor("chebys", "Chebyshev polynomial S of degree n on [-2, 2]",
    gauss.roots_chebys, of.eval_chebys, lambda x: _second(0.5 * x), (-2, 2))
sh_chebyt = _constructor("sh_chebyt", "Chebyshev polynomial T of degree n on [0, 1]",
    gauss.roots_sh_chebyt, of.eval_sh_chebyt, lambda x: 1 / np.sqrt(x - x * x), _UNIT)
sh_chebyu = _constructor("sh_chebyu", "Chebyshev polynomial U of degree n on [0, 1]",
    gauss.roots_sh_chebyu, of.eval_sh_chebyu, lambda x: np.sqrt(x - x * x), _UNIT)
gegenbauer = _constructor("gegenbauer", "Gegenbauer polynomial of degree n, and alpha",
    gauss.roots_gegenbauer, of.eval_gegenbauer, lambda x, a: (1 - x * x) ** (a - 0.5), _ENDS)
jacobi = _constructor("jacobi", "Jacobi polynomial of degree n, alpha and beta",
    gauss.roots_jacobi, of.eval_jacobi, lambda x, a, b: (1 - x) ** a * (1 + x) ** b, _ENDS)
sh_jacobi = _constructor("sh_jacobi", "Jacobi polynomial on [0, 1], of degree n, p and q",
    gauss.roots_sh_jacobi, of.eval_sh_jacobi,
    lambda x, p, q: (1 - x) ** (p - q) * x ** (q - 1), _UNIT)
laguerre = _constructor("laguerre", "Laguerre polynomial of degree n",
    gauss.roots_laguerre, of.eval_laguerre, lambda x: np.exp(-x), (0, np.inf))
genlaguerre = _constructor("genlaguerre", "Generalized Laguerre polynomial of degree n, and alpha",
    gauss.roots_genlaguerre, of.eval_genlaguerre, lambda x, a: x**a * np.exp(-x), (0, np.inf))
hermite = _constructor("hermite", "Physicist's Hermite polynomial of degree n",
    gauss.roots_hermite, of.eval_hermite, lambda x: np.exp(-x * x), _LINE)
hermitenorm = _constructor("hermitenorm", "Probabilist's Hermite polynomial of degree n",
    gauss.roots_hermitenorm, of.eval_hermitenorm, lambda x: np.exp(-0.5 * x * x), _LINE)
# fmt: on
