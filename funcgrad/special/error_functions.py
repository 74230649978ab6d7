"""The error function and the normal distribution."""

from typing import Any

from ..ops import normal, special
from ..ops.operand import half_in_single, operand


@half_in_single
def erf(x: Any) -> Any:
    """Return the error function: 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x.

    >>> print(erf(0.5))
    0.5204998778130465
    """
    return special.erf(operand(x))


@half_in_single
def erfc(x: Any) -> Any:
    """Return 1 - erf(x), accurate also where erf(x) is nearly 1.

    >>> print(erfc(10.0))
    2.0884875837625...e-45
    """
    return special.erfc(operand(x))


@half_in_single
def erfcx(x: Any) -> Any:
    """Return exp(x**2) erfc(x), which does not underflow.

    >>> print(erfcx(100.0))
    0.00564161378298943...
    """
    return normal.erfcx(operand(x))


@half_in_single
def erfinv(y: Any) -> Any:
    """Return the x for which erf(x) is y; infinite at 1 and -1, nan outside.

    >>> print(erfinv(0.5))
    0.4769362762044...
    """
    return special.erfinv(operand(y))


@half_in_single
def erfcinv(y: Any) -> Any:
    """Return the x for which erfc(x) is y; infinite at 0 and 2, nan outside.

    >>> print(erfcinv(1e-300))
    26.209469960516...
    """
    return special.erfcinv(operand(y))


@half_in_single
def ndtr(x: Any) -> Any:
    """Return the probability that a standard normal number is below x.

    >>> print(ndtr(0.0))
    0.5
    """
    return normal.ndtr(operand(x))


@half_in_single
def log_ndtr(x: Any) -> Any:
    """Return the logarithm of ``ndtr``; its derivative approaches -x far below 0.

    >>> print(log_ndtr(-1000.0))
    -500007.8266948...
    """
    return normal.log_ndtr(operand(x))


@half_in_single
def ndtri(y: Any) -> Any:
    """Return the x for which ndtr(x) is y; infinite at 0 and 1, nan outside.

    >>> print(ndtri(0.975))
    1.9599639845400...
    """
    return normal.ndtri(operand(y))
