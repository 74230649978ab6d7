"""Arrays made of the parts of others: real and imaginary, or the same bytes in another dtype."""

from typing import Any

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.trace import Tracer


def complex_of(x: Any, y: Any) -> Any:
    """The complex number of a real and an imaginary part, of one dtype."""
    dtype = np.result_type(dtype_of(x), np.complex64)
    if isinstance(x, Tracer) or isinstance(y, Tracer):
        return x + dtype.type(1j) * y
    z = np.empty(np.broadcast_shapes(shape_of(x), shape_of(y)), dtype)
    z.real, z.imag = x, y
    return z


def view(x: Any, dtype: np.dtype[Any]) -> Any:
    """The bytes in another dtype; of a traced array only between complex and its real pairs."""
    given, shape = dtype_of(x), shape_of(x)
    if not isinstance(x, Tracer):
        return np.ascontiguousarray(x).view(dtype) if shape else np.asarray(x).view(dtype)
    if given == dtype:
        return x
    if given.kind == "f" and dtype.kind == "c" and dtype.itemsize == 2 * given.itemsize:
        pairs = np.reshape(x, (*shape[:-1], -1, 2))
        return complex_of(pairs[..., 0], pairs[..., 1])
    if given.kind == "c" and dtype.kind == "f" and given.itemsize == 2 * dtype.itemsize:
        pairs = np.stack([np.real(x), np.imag(x)], axis=-1)
        return np.reshape(pairs, (*shape[:-1], -1))
    return x.view(dtype)
