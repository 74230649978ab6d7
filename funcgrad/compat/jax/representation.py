"""Functions of ``jax.lax`` of bits and of the precision of floating-point numbers."""

from typing import Any

import numpy as np

from ...ops.stop_gradient import stop_gradient
from . import numpy as jnp
from .arrays import lowered, raised
from .transforms import custom_jvp


def clz(x: Any) -> Any:
    """The number of leading bits that are 0."""
    x = jnp.asarray(x)
    bits, dtype = 8 * x.dtype.itemsize, x.dtype
    y = x.astype(f"u{dtype.itemsize}")
    for shift in (1, 2, 4, 8, 16, 32):  # ones below the leading one
        y = y | (y >> min(shift, bits - 1))
    return (bits - jnp.bitwise_count(y)).astype(dtype)


def reduce_precision(operand: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """Numbers rounded to fewer bits, half to even; their derivative is that of the identity."""

    @custom_jvp
    def rounded(x: Any) -> Any:
        low = stop_gradient(lowered(x))
        part, exponent = np.frexp(low)
        digits = np.round(np.ldexp(part, mantissa_bits + 1))
        y = np.ldexp(digits, exponent - mantissa_bits - 1)
        top = 2 ** (exponent_bits - 1) - 1
        y = np.where(np.abs(y) >= 2.0 ** (top + 1), np.copysign(np.inf, low), y)
        y = np.where(np.abs(y) < 2.0 ** (1 - top), np.copysign(0.0, low), y)
        return raised(np.where(np.isfinite(low), y, low).astype(low.dtype))

    rounded.defjvp(lambda primals, tangents: (rounded(*primals), *tangents))
    return rounded(jnp.asarray(operand))


def broadcast_like(arr: Any, like_arr: Any) -> Any:
    """The array in the shape of another."""
    return jnp.broadcast_to(arr, jnp.shape(like_arr))
