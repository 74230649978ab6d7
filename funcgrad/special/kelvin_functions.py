"""Kelvin functions: Bessel functions of order 0 on a ray, by their real and imaginary parts."""

from typing import Any

from ..ops.operand import half_in_single, operand
from ..ops.transcendental.kelvin import kelvin_first, kelvin_second


@half_in_single
def ber(x: Any) -> Any:
    """Real part of I_0(x exp(i pi / 4)).

    >>> print(ber(1.0).round(12))
    0.984381781213
    """
    return kelvin_first(0, 0, operand(x))


@half_in_single
def bei(x: Any) -> Any:
    """Imaginary part of I_0(x exp(i pi / 4)).

    >>> print(bei(1.0).round(12))
    0.249566040037
    """
    return kelvin_first(1, 0, operand(x))


@half_in_single
def berp(x: Any) -> Any:
    """Derivative of ber.

    >>> print(berp(1.0).round(12))
    -0.062445752179
    """
    return -kelvin_first(1, 1, operand(x))


@half_in_single
def beip(x: Any) -> Any:
    """Derivative of bei.

    >>> print(beip(1.0).round(12))
    0.497396511468
    """
    return kelvin_first(0, 1, operand(x))


@half_in_single
def ker(x: Any) -> Any:
    """Real part of K_0(x exp(i pi / 4)), for x > 0.

    >>> print(ker(1.0).round(12))
    0.286706208728
    """
    return kelvin_second(0, 0, operand(x))


@half_in_single
def kei(x: Any) -> Any:
    """Imaginary part of K_0(x exp(i pi / 4)), for x > 0.

    >>> print(kei(1.0).round(12))
    -0.494994636519
    """
    return kelvin_second(1, 0, operand(x))


@half_in_single
def kerp(x: Any) -> Any:
    """Derivative of ker.

    >>> print(kerp(1.0).round(12))
    -0.694603891101
    """
    return -kelvin_second(0, 1, operand(x))


@half_in_single
def keip(x: Any) -> Any:
    """Derivative of kei.

    >>> print(keip(1.0).round(12))
    0.352369913336
    """
    return -kelvin_second(1, 1, operand(x))


@half_in_single
def kelvin(x: Any) -> tuple[Any, Any, Any, Any]:
    """Kelvin functions as complex numbers.

    Returns:
        (ber + i bei, ker + i kei), and the derivatives of both.

    >>> print(kelvin(1.0)[0].round(6))
    (0.984382+0.249566j)
    """
    return (
        ber(x) + 1j * bei(x), ker(x) + 1j * kei(x), berp(x) + 1j * beip(x), kerp(x) + 1j * keip(x),
    )  # fmt: skip
