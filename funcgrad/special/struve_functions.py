"""Struve functions of real order, with derivatives of every order in x and none in the order."""

from typing import Any

from ..ops.operand import half_in_single, operand
from ..ops.transcendental import struve as ops


@half_in_single
def struve(v: Any, x: Any) -> Any:
    """Struve function H of real order v; nan for x < 0 unless v is an integer.

    >>> print(struve(1.0, 2.0).round(12))
    0.646763728284
    """
    return ops.struve(operand(v), operand(x))


@half_in_single
def modstruve(v: Any, x: Any) -> Any:
    """Modified Struve function L of real order v; nan for x < 0 unless v is an integer.

    >>> print(modstruve(1.0, 2.0).round(12))
    1.102759787368
    """
    return ops.modstruve(operand(v), operand(x))
