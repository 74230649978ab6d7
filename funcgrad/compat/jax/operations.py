"""Functions of ``jax.lax`` whose arguments are not those of NumPy's function."""

import enum
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...control.loops import scan
from . import numpy as jnp, promotion
from .arrays import inward, lowered, lowered_leaf, raised
from .views import complex_of


class RoundingMethod(enum.Enum):
    """To which integer a half is rounded."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


def round(x: Any, rounding_method: Any = RoundingMethod.AWAY_FROM_ZERO) -> Any:
    """The nearest integer; a half by the method."""
    if RoundingMethod(rounding_method) is RoundingMethod.TO_NEAREST_EVEN:
        return jnp.round(x)
    x = jnp.asarray(x)
    away = jnp.trunc(x + jnp.copysign(0.5, x))
    return jnp.where(abs(x - jnp.trunc(x)) == 0.5, away, jnp.round(x))


def _reduction(name: str, lax_name: str) -> Callable[..., Any]:
    def call(operand: Any, axes: Sequence[int], **_: Any) -> Any:
        return getattr(jnp, name)(operand, axis=tuple(axes)).astype(jnp.asarray(operand).dtype)

    call.__name__, call.__doc__ = lax_name, f"See numpy.{name}."
    return call


reduce_sum, reduce_prod = _reduction("sum", "reduce_sum"), _reduction("prod", "reduce_prod")
reduce_max, reduce_min = _reduction("max", "reduce_max"), _reduction("min", "reduce_min")


def _bitwise(ufunc: np.ufunc, name: str) -> Callable[..., Any]:
    def call(operand: Any, axes: Sequence[int], **_: Any) -> Any:
        return raised(ufunc.reduce(lowered_leaf(jnp.asarray(operand)), axis=tuple(axes)))

    call.__name__, call.__doc__ = name, f"See numpy.{ufunc.__name__}."
    return call


reduce_and = _bitwise(np.bitwise_and, "reduce_and")
reduce_or = _bitwise(np.bitwise_or, "reduce_or")
reduce_xor = _bitwise(np.bitwise_xor, "reduce_xor")
_ASSOCIATIVE = (
    np.add, np.multiply, np.maximum, np.minimum, np.bitwise_and, np.bitwise_or, np.bitwise_xor,
)  # fmt: skip


def reduce(
    operands: Any, init_values: Any, computation: Callable[..., Any], dimensions: Sequence[int],
    **_: Any,
) -> Any:  # fmt: skip
    """Fold axes by a function of two values, or of two tuples of them."""
    axes = tuple(dimensions)
    single = not isinstance(operands, (tuple, list))
    ufunc = getattr(computation, "ufunc", None)
    if single and ufunc in _ASSOCIATIVE:
        found = ufunc.reduce(lowered_leaf(jnp.asarray(operands)), axis=axes)
        return computation(raised(found), init_values)

    def rows(x: Any) -> Any:
        x = jnp.moveaxis(jnp.asarray(x), axes, range(len(axes)))
        return lowered(jnp.reshape(x, (-1, *x.shape[len(axes) :])))

    xs = rows(operands) if single else tuple([rows(x) for x in operands])
    each = xs if not single else (xs,)
    starts = (init_values,) if single else init_values
    start = tuple(
        [
            np.broadcast_to(lowered(jnp.asarray(v, x.dtype)), x.shape[1:])
            for v, x in zip(starts, each, strict=True)
        ]
    )
    fold = inward(computation)
    step = lambda carry, x: (fold(carry, x), None)
    return raised(scan(step, start[0] if single else start, xs)[0])


def _arg(name: str) -> Callable[..., Any]:
    def call(operand: Any, axis: int, index_dtype: Any = None) -> Any:
        found = getattr(jnp, name)(operand, axis=axis)
        return found if index_dtype is None else found.astype(index_dtype)

    call.__name__, call.__doc__ = name, f"See numpy.{name}."
    return call


argmax, argmin = _arg("argmax"), _arg("argmin")


def sort(
    operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int | None = 1
) -> Any:
    """The elements in order; of several arrays, in the order of the first ``num_keys``."""
    if not isinstance(operand, (tuple, list)):
        return jnp.sort(operand, axis=dimension)
    arrays = [jnp.asarray(x) for x in operand]
    keys = arrays[: len(arrays) if num_keys is None else num_keys]
    order = jnp.lexsort(tuple(keys[::-1]), axis=dimension)
    return tuple([jnp.take_along_axis(x, order, axis=dimension) for x in arrays])


def sort_key_val(keys: Any, values: Any, dimension: int = -1, is_stable: bool = True) -> Any:
    """Keys in order, and values in the order of the keys."""
    return sort((keys, values), dimension)


def split(operand: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """Parts of given lengths along an axis."""
    return list(jnp.split(operand, np.cumsum(sizes)[:-1].tolist(), axis=axis))


def concatenate(operands: Any, dimension: int) -> Any:
    """See numpy.concatenate."""
    return jnp.concatenate(list(operands), axis=dimension)


def stack(operands: Any, axis: int = 0) -> Any:
    """See numpy.stack."""
    return jnp.stack(list(operands), axis=axis)


def rev(operand: Any, dimensions: Sequence[int]) -> Any:
    """See numpy.flip."""
    return jnp.flip(operand, axis=tuple(dimensions))


def squeeze(array: Any, dimensions: Sequence[int]) -> Any:
    """See numpy.squeeze."""
    return jnp.squeeze(array, axis=tuple(dimensions))


def tile(operand: Any, reps: Sequence[int]) -> Any:
    """See numpy.tile."""
    return jnp.tile(operand, tuple(reps))


def transpose(operand: Any, permutation: Sequence[int]) -> Any:
    """See numpy.transpose."""
    return jnp.transpose(operand, tuple(permutation))


def complex(x: Any, y: Any) -> Any:
    """The complex number of a real and an imaginary part."""
    return raised(complex_of(*promotion.alike(lowered((jnp.asarray(x), jnp.asarray(y))))))


def shift_right_logical(x: Any, y: Any) -> Any:
    """Bits moved to the right, with zeros from the left."""
    x = jnp.asarray(x)
    unsigned = x.astype(f"u{x.dtype.itemsize}")
    return jnp.right_shift(unsigned, jnp.asarray(y).astype(unsigned.dtype)).astype(x.dtype)


def bitcast_convert_type(operand: Any, new_dtype: Any) -> Any:
    """The same bits in another dtype of as many bits, of a known array."""
    return jnp.asarray(operand).view(new_dtype)


class FftType(enum.Enum):
    """Kinds of discrete Fourier transforms."""

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3


def fft(x: Any, fft_type: Any, fft_lengths: Sequence[int]) -> Any:
    """A discrete Fourier transform of the last axes."""
    kind = fft_type if isinstance(fft_type, str) else FftType(fft_type).name
    axes = tuple(range(-len(fft_lengths), 0))
    transform = getattr(jnp.fft, f"{kind.lower().removesuffix('n')}n")
    return transform(x, s=tuple(fft_lengths), axes=axes)
