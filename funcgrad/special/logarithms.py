"""Logarithms, entropies and the logistic function."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of
from ..core.errors import DtypeError
from ..ops import logarithms
from ..ops.operand import half_in_single, operand
from ..ops.structure import cast


@half_in_single
def xlogy(x: Any, y: Any) -> Any:
    """x log(y), and 0 where x is 0.

    The derivative in x is log(y), also at 0; in y it is x/y, and 0 where x is 0.

    >>> print(xlogy(np.array([0.0, 2.0]), np.array([0.0, np.e])))
    [0. 2.]
    """
    return logarithms.xlogy(operand(x), operand(y))


@half_in_single
def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 where x is 0.

    >>> print(xlog1py(np.array([0.0, 1e10]), np.array([-1.0, 1e-10])))
    [0. 1.]
    """
    return logarithms.xlog1py(operand(x), operand(y))


@half_in_single
def entr(x: Any) -> Any:
    """Entropy -x log(x), 0 at 0, and -infinity below.

    >>> print(entr(np.array([0.0, 0.5, 1.0])).sum())
    0.34657359027997...
    """
    return logarithms.entr(operand(x))


@half_in_single
def rel_entr(x: Any, y: Any) -> Any:
    """Relative entropy x log(x / y), 0 where x is 0 and y >= 0, infinity outside.

    >>> print(rel_entr(0.5, 0.25))
    0.34657359027997...
    """
    return logarithms.rel_entr(operand(x), operand(y))


@half_in_single
def kl_div(x: Any, y: Any) -> Any:
    """x log(x / y) - x + y, accurate also where x is near y; see ``rel_entr``.

    >>> print(kl_div(1.0, 1.0 + 2**-30))
    4.33680868...e-19
    """
    return logarithms.kl_div(operand(x), operand(y))


def expit(x: Any) -> Any:
    """Logistic sigmoid 1 / (1 + exp(-x)), also of complex x.

    >>> print(expit(np.array([-1e4, 0.0, 1e4])))
    [0.  0.5 1. ]
    """
    return logarithms.sigmoid(_floating(operand(x)))


def log_expit(x: Any) -> Any:
    """log(expit(x)) = -log(1 + exp(-x)), accurate where expit(x) is 0 or 1.

    Raises:
        DtypeError: if ``x`` is complex.

    >>> print(log_expit(np.array([-1e4, 1e4])))
    [-10000.     -0.]
    """
    x = _floating(operand(x))
    if dtype_of(x).kind == "c":
        raise DtypeError(f"log_expit: x must be real: got {aval_of(x)}; write log(expit(x))")
    return -np.logaddexp(-x, 0)


@half_in_single
def logit(x: Any) -> Any:
    """log(x / (1 - x)), the inverse of ``expit``; infinite at 0 and 1, nan outside.

    >>> print(logit(np.array([0.0, 0.5, 1.0])))
    [-inf   0.  inf]
    """
    return logarithms.logit(operand(x))


def _floating(x: Any) -> Any:
    """Integers in the dtype of their exponential, because small ones overflow when negated."""
    dtype = dtype_of(x)
    return cast(x, np.result_type(dtype, np.float16)) if dtype.kind in "biu" else x
