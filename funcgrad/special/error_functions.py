"""Error functions, and the cumulative normal distribution."""

from typing import Any

from ..core.avals import dtype_of
from ..ops import normal, special
from ..ops.operand import half_in_single, operand
from ..ops.transcendental import faddeeva


@half_in_single
def erf(x: Any) -> Any:
    """Error function 2/sqrt(pi) * integral of exp(-t**2) from 0 to x, real or complex.

    >>> print(erf(0.5))
    0.5204998778130465
    """
    x = operand(x)
    return faddeeva.complex_erf(x) if dtype_of(x).kind == "c" else special.erf(x)


@half_in_single
def erfc(x: Any) -> Any:
    """Complementary error function 1 - erf(x), accurate also where erf(x) is near 1.

    Args:
        x: array, real or complex.

    >>> print(erfc(10.0))
    2.0884875837625...e-45
    """
    x = operand(x)
    return faddeeva.complex_erfc(x) if dtype_of(x).kind == "c" else special.erfc(x)


@half_in_single
def erfcx(x: Any) -> Any:
    """exp(x**2) erfc(x) of real or complex x, without underflow.

    >>> print(erfcx(100.0))
    0.00564161378298943...
    """
    x = operand(x)
    return faddeeva.faddeeva(0, 1j * x) if dtype_of(x).kind == "c" else normal.erfcx(x)


@half_in_single
def erfinv(y: Any) -> Any:
    """Inverse of erf; infinite at 1 and -1, nan outside.

    >>> print(erfinv(0.5))
    0.4769362762044...
    """
    return special.erfinv(operand(y))


@half_in_single
def erfcinv(y: Any) -> Any:
    """Inverse of erfc; infinite at 0 and 2, nan outside.

    >>> print(erfcinv(1e-300))
    26.209469960516...
    """
    return special.erfcinv(operand(y))


@half_in_single
def ndtr(x: Any) -> Any:
    """Cumulative distribution function of the standard normal distribution.

    >>> print(ndtr(0.0))
    0.5
    """
    return normal.ndtr(operand(x))


@half_in_single
def log_ndtr(x: Any) -> Any:
    """log(ndtr(x)), without underflow.

    >>> print(log_ndtr(-1000.0))
    -500007.8266948...
    """
    return normal.log_ndtr(operand(x))


@half_in_single
def ndtri(y: Any) -> Any:
    """Inverse of ndtr: quantiles of the standard normal distribution; nan outside of [0, 1].

    >>> print(ndtri(0.975))
    1.9599639845400...
    """
    return normal.ndtri(operand(y))
