"""Modified Bessel functions of the first kind."""

from typing import Any

from ..ops import bessel
from ..ops.operand import half_in_single, operand


@half_in_single
def i0(x: Any) -> Any:
    """Modified Bessel function of order 0.

    >>> print(i0(1.0))
    1.26606587775200...
    """
    return bessel.i0(operand(x))


@half_in_single
def i0e(x: Any) -> Any:
    """exp(-|x|) i0(x), without overflow; the derivative at 0 is defined as 0.

    >>> print(i0e(1000.0))
    0.0126172...
    """
    return bessel.i0e(operand(x))


@half_in_single
def i1(x: Any) -> Any:
    """Modified Bessel function of order 1.

    >>> print(i1(1.0))
    0.565159103992485...
    """
    return bessel.i1(operand(x))


@half_in_single
def i1e(x: Any) -> Any:
    """exp(-|x|) i1(x), without overflow.

    >>> print(i1e(1000.0))
    0.0126109...
    """
    return bessel.i1e(operand(x))
