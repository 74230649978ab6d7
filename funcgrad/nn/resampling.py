"""Resampling: weights of old cells in new ones, by a kernel for each axis."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..ops.operand import operand


class Kernel(NamedTuple):
    """Weight of a cell by its distance; 0 from the radius on."""

    radius: int
    weight: Callable[[Any], Any]


def _triangle(x: Any) -> Any:
    return np.maximum(0, 1 - x)


def _cubic(a: float) -> Callable[[Any], Any]:
    """Cubic convolution. Source: Keys 1981, equation 15 (doi:10.1109/TASSP.1981.1163711)."""

    def weight(x: Any) -> Any:
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return np.where(x < 1, near, np.where(x < 2, far, 0))

    return weight


def _lanczos(radius: int) -> Callable[[Any], Any]:
    """sinc(x) sinc(x / radius). Source: Duchon 1979, equation 10."""

    def weight(x: Any) -> Any:
        near = x <= 1e-3  # where it is 1 up to 2e-6
        t = np.pi * np.where(near, 1.0, x)
        return np.where(
            x > radius, 0, np.where(near, 1, radius * np.sin(t) * np.sin(t / radius) / t**2)
        )

    return weight


KERNELS = {
    "linear": Kernel(1, _triangle),
    "cubic": Kernel(2, _cubic(-0.5)),
    "cubic-pytorch": Kernel(2, _cubic(-0.75)),
    "lanczos3": Kernel(3, _lanczos(3)),
    "lanczos5": Kernel(5, _lanczos(5)),
}
METHODS = ("nearest", *KERNELS, "area")


def weights(n: int, m: int, scale: Any, translation: Any, method: str, antialias: bool) -> Any:
    """Weights of n old cells in m new ones, shape [m, n]; rows sum to 1, or are 0 outside.

    Args:
        scale, translation: old position x has the new one ``scale * x + translation``.
        antialias: widen the kernel by 1 / scale where the axis shrinks.
    """
    step = 1.0 / scale
    edges = (np.arange(m)[:, None] - translation) * step  # the left edges of new cells
    centres = edges + 0.5 * step - 0.5
    if method == "area":
        low, k = edges, np.arange(n)
        w = np.maximum(0, np.minimum(low + step, k + 1) - np.maximum(low, k))
        return _inside(_normalised(w), centres, n)
    if method == "cubic-pytorch" and antialias:
        method = "cubic"
    kernel = KERNELS[method]
    width = np.maximum(step, 1.0) if antialias else 1.0
    if method != "cubic-pytorch":
        w = kernel.weight(np.abs(centres - np.arange(n)) / width)
        return _inside(_normalised(w), centres, n)
    k = np.arange(-kernel.radius, n + kernel.radius)
    to_edge = np.clip(k, 0, n - 1)[:, None] == np.arange(n)  # cells at the edges are repeated
    return _normalised(kernel.weight(np.abs(centres - k)) @ to_edge.astype(float))


def _normalised(w: Any) -> Any:
    total = np.sum(w, axis=1, keepdims=True)
    small = np.abs(total) <= 1000 * float(np.finfo(np.float32).eps)
    return np.where(small, 0, w / np.where(small, 1, total))


def _inside(w: Any, centres: Any, n: int) -> Any:
    """The weights, 0 of new cells whose centre is outside of the old ones."""
    return np.where((centres >= -0.5) & (centres <= n - 0.5), w, 0)


def along(x: Any, matrix: Any, axis: int) -> Any:
    """Multiply all vectors along an axis by a matrix."""
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)


def checked_method(who: str, method: str, known: Sequence[str] = METHODS) -> str:
    """The name of a method; raise if there is none."""
    if method not in known:
        names = ", ".join(map(repr, known))
        raise ValueError(f"{who}: method must be one of {names}: got {shown(method)}")
    return method


@answering
def scale_and_translate(
    image: Any, shape: Sequence[int], spatial_dims: Sequence[int], scale: Any, translation: Any,
    method: str, antialias: bool = True,
) -> Any:  # fmt: skip
    """Resample some axes of an array: old position x has the new one ``scale * x + translation``.

    Cells have width 1, and cell i its centre at i + 0.5. New cells whose centre is outside of the
    old ones are 0. It is differentiable in the image, scale and translation.

    Args:
        image: array of any shape.
        shape: one length for each axis of the result.
        spatial_dims: the K axes that are resampled.
        scale, translation: arrays of shape [K].
        method: see ``resize``; without "nearest".
        antialias: whether kernels are wider where an axis shrinks.

    Raises:
        ShapeError: if ``shape`` has not one length for each axis.

    >>> print(scale_and_translate(np.arange(4.0), (4,), (0,), [1.0], [1.0], "linear"))
    [0. 0. 1. 2.]
    """
    checked_method("scale_and_translate", method, METHODS[1:])
    x, scale, translation = operand(image), operand(scale), operand(translation)
    if len(shape) != len(shape_of(x)):
        raise ShapeError(
            f"scale_and_translate: shape must have one length for each axis of the image: got "
            f"{tuple(shape)} for {aval_of(x)}"
        )
    x = x if dtype_of(x).kind in "fc" else x.astype(float)
    for i, d in enumerate(spatial_dims):
        axis = np.lib.array_utils.normalize_axis_index(d, len(shape))
        n, m = shape_of(x)[axis], shape[axis]
        w = weights(n, m, scale[i], translation[i], method, antialias)
        x = along(x, w.astype(dtype_of(x)), axis)
    return x
