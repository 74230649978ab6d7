"""Windows of spatial axes as features, and convolutions whose kernel differs by position."""

from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...ops.conv_general_dilated import conv_general_dilated
from .arrays import lowered, raised
from .shapes import conv_general_permutations


class ConvDimensionNumbers(NamedTuple):
    """Letters of the axes of operand, kernel and result."""

    lhs: str
    rhs: str
    out: str


def _letters(rank: int, dimension_numbers: Any) -> ConvDimensionNumbers:
    axes = "HWDXYZ"[: rank - 2]
    given = dimension_numbers or (f"NC{axes}", f"OI{axes}", f"NC{axes}")
    return ConvDimensionNumbers(*given)


def _patches(
    x: Any, filter_shape: Any, strides: Any, padding: Any, lhs_dilation: Any, rhs_dilation: Any,
    numbers: ConvDimensionNumbers,
) -> Any:  # fmt: skip
    channels, size = shape_of(x)[numbers.lhs.index("C")], int(np.prod(filter_shape))
    kernel = np.tile(np.eye(size, dtype=dtype_of(x)), (channels, 1))  # one element of a window each
    kernel = kernel.reshape(channels * size, 1, *filter_shape)
    spatial = "".join(c for c in numbers.rhs if c not in "OI")
    return conv_general_dilated(
        x, kernel, strides, padding, lhs_dilation, rhs_dilation,
        dimension_numbers=(numbers.lhs, f"OI{spatial}", numbers.out),
        feature_group_count=channels,
    )  # fmt: skip


def conv_general_dilated_patches(
    lhs: Any, filter_shape: Any, window_strides: Any, padding: Any, lhs_dilation: Any = None,
    rhs_dilation: Any = None, dimension_numbers: Any = None, precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:  # fmt: skip
    """The elements of each window as features: channels are slow, positions fast."""
    x = lowered(lhs)
    numbers = _letters(len(shape_of(x)), dimension_numbers)
    steps = (filter_shape, window_strides, padding, lhs_dilation, rhs_dilation)
    return raised(_patches(x, *steps, numbers))


def conv_general_dilated_local(
    lhs: Any, rhs: Any, window_strides: Any, padding: Any, filter_shape: Any,
    lhs_dilation: Any = None, rhs_dilation: Any = None, dimension_numbers: Any = None,
    precision: Any = None,
) -> Any:  # fmt: skip
    """A convolution without shared weights: a kernel for each position of the result."""
    x, kernels = lowered((lhs, rhs))
    numbers = _letters(len(shape_of(x)), dimension_numbers)
    steps = (filter_shape, window_strides, padding, lhs_dilation, rhs_dilation)
    windows = _patches(x, *steps, numbers)
    _, of_kernels, of_result = conv_general_permutations(numbers)
    windows, kernels = np.transpose(windows, of_result), np.transpose(kernels, of_kernels)
    y = np.einsum("nk...,ok...->no...", windows, kernels)
    return raised(np.transpose(y, np.argsort(of_result)))
