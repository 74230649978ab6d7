"""Interpolation along a map of the user, rotations, and filters of splines along an axis."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import shown
from ...core.lazy import answering
from ...core.trace import is_concrete
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.stop_gradient import stop_gradient
from ...transforms.batching import vmap
from .resampling import affine_transform, filtered_along, map_coordinates, prepared_array


@answering
def geometric_transform(
    input: Any, mapping: Callable[..., Any], output_shape: Sequence[int] | None = None,
    output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0,
    prefilter: bool = True, extra_arguments: Sequence[Any] = (),
    extra_keywords: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """The array at places that a function gives, differentiable in all that the function reads.

    Args:
        input, output, order, mode, cval, prefilter: see :func:`map_coordinates`.
        mapping: ``mapping(index, *extra_arguments, **extra_keywords)`` of the indices of an element
            of the result, a tuple of numbers, to a place. It is called once, for all elements.
        output_shape: the shape of the result, by default that of ``input``.

    >>> print(geometric_transform(np.arange(4.0), lambda i: (i[0] - 0.5,), order=1))
    [0.  0.5 1.5 2.5]
    """
    x = operand(input)
    shape = tuple(shape_of(x) if output_shape is None else output_shape)
    flat = [np.ravel(i).astype(float) for i in np.indices(shape)]
    more = extra_keywords or {}
    place = lambda *i: tuple(mapping(i, *extra_arguments, **more))
    rows = vmap(place)(*flat)
    places = np.stack([np.reshape(row, shape) for row in rows])
    return map_coordinates(x, places, output, order, mode, cval, prefilter)


@answering
def rotate(
    input: Any, angle: Any, axes: tuple[int, int] = (1, 0), reshape: bool = True,
    output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:  # fmt: skip
    """An array turned in the plane of two axes, differentiable in the angle.

    Args:
        input, output, order, mode, cval, prefilter: see :func:`map_coordinates`.
        angle: in degrees.
        axes: the two axes.
        reshape: whether the result is so large that it contains all of the input; the angle must
            then be known.

    >>> print(rotate(np.array([[1.0, 2.0], [3.0, 4.0]]), 90.0, order=1).round(9))
    [[2. 4.]
     [1. 3.]]
    """
    x = operand(input)
    rank = len(shape_of(x))
    one, two = sorted(axis_of(d, rank) for d in axes)
    if one == two:
        raise ValueError(f"rotate: axes must differ: got {shown(axes)}; write (1, 0)")
    turned = operand(angle) * (math.pi / 180)
    c, s = np.cos(turned), np.sin(turned)
    matrix = np.stack([np.stack([c, s]), np.stack([-s, c])])
    size = np.array([shape_of(x)[one], shape_of(x)[two]])
    new = size
    if reshape:
        if not is_concrete(angle):
            raise ValueError("rotate: a shape needs a known angle; pass reshape=False")
        ends = np.asarray(stop_gradient(matrix)) @ np.array(
            [[0, 0, size[0], size[0]], [0, size[1], 0, size[1]]]
        )
        new = (np.ptp(ends, axis=1) + 0.5).astype(int)
    offset = (size - 1) / 2 - matrix @ ((new - 1) / 2)
    plane = np.moveaxis(x, (one, two), (-2, -1))
    lead = shape_of(plane)[:-2]
    each = lambda image: affine_transform(
        image, matrix, offset, tuple(int(n) for n in new), output, order, mode, cval, prefilter
    )
    if not lead:
        found = each(plane)
    else:
        found = vmap(each)(np.reshape(plane, (math.prod(lead), *shape_of(plane)[-2:])))
        found = np.reshape(found, (*lead, *shape_of(found)[-2:]))
    return np.moveaxis(found, (-2, -1), (one, two))


@answering
def spline_filter1d(
    input: Any, order: int = 3, axis: int = -1, output: Any = None, mode: str = "mirror"
) -> Any:
    """The coefficients of the B-splines through the elements of each line along an axis.

    Args:
        input, order, output, mode: see :func:`map_coordinates`.
        axis: the axis.

    >>> print(spline_filter1d(np.array([0.0, 1.0, 0.0])).round(6))
    [-1.  2. -1.]
    """
    x = prepared_array("spline_filter1d", input, None if output is np.float64 else output, order,
                       mode)  # fmt: skip
    return filtered_along(x, order, mode, axis_of(axis, len(shape_of(x)))) if order > 1 else x
