"""Shapes of convolutions and windows, and axes by the letters of dimension numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...lax import padtype_to_pads

Shape = tuple[int, ...]


def _dilated(n: int, by: int) -> int:
    return 0 if n == 0 else by * (n - 1) + 1


def _windows(n: int, window: int, stride: int, pad: tuple[int, int]) -> int:
    return max((n + sum(pad) - window) // stride + 1, 0)


def _pads(lengths: Any, windows: Any, strides: Any, padding: Any) -> Any:
    return (
        padtype_to_pads(lengths, windows, strides, padding) if isinstance(padding, str) else padding
    )


def reduce_window_shape_tuple(
    operand_shape: Any, window_dimensions: Any, window_strides: Any, padding: Any,
    base_dilation: Any = None, window_dilation: Any = None,
) -> Shape:  # fmt: skip
    """The shape that ``reduce_window`` gives."""
    ones = [1] * len(operand_shape)
    lengths = list(map(_dilated, operand_shape, base_dilation or ones))
    windows = list(map(_dilated, window_dimensions, window_dilation or ones))
    pads = _pads(lengths, windows, window_strides, padding)
    return tuple(map(_windows, lengths, windows, window_strides, pads))


def conv_shape_tuple(
    lhs_shape: Any, rhs_shape: Any, strides: Any, pads: Any, batch_group_count: int = 1
) -> Shape:
    """The shape of a convolution of axes (N, C, spatial) by a kernel (O, I, spatial)."""
    if len(lhs_shape) != len(rhs_shape):
        raise TypeError(
            f"conv_shape_tuple: both shapes must have as many axes: got {lhs_shape}, {rhs_shape}"
        )
    pads = _pads(lhs_shape[2:], rhs_shape[2:], strides, pads)
    spatial = map(_windows, lhs_shape[2:], rhs_shape[2:], strides, pads)
    return (lhs_shape[0] // batch_group_count, rhs_shape[0], *spatial)


class Permutations(NamedTuple):
    """Where axes (batch, features, spatial), or (out, in, spatial), are in each array."""

    lhs: Shape
    rhs: Shape
    out: Shape


def conv_general_permutations(dimension_numbers: Sequence[str]) -> Permutations:
    """The permutations of letters; spatial axes are in the order of the kernel's."""
    lhs, rhs, out = dimension_numbers
    spatial = [c for c in rhs if c not in "OI"]
    order = lambda spec, first: tuple([spec.index(c) for c in [*first, *spatial]])
    return Permutations(order(lhs, "NC"), order(rhs, "OI"), order(out, "NC"))


def _general(lhs_shape: Any, rhs_shape: Any, dimension_numbers: Any, shape_of: Any) -> Shape:
    lhs, rhs, out = conv_general_permutations(dimension_numbers)
    found = shape_of([lhs_shape[d] for d in lhs], [rhs_shape[d] for d in rhs])
    return tuple([found[i] for i in np.argsort(out)])


def conv_general_shape_tuple(
    lhs_shape: Any, rhs_shape: Any, window_strides: Any, padding: Any, dimension_numbers: Any
) -> Shape:
    """The shape that ``conv_general_dilated`` gives."""
    shape_of = lambda a, b: conv_shape_tuple(a, b, window_strides, padding)
    return _general(lhs_shape, rhs_shape, dimension_numbers, shape_of)


def conv_transpose_shape_tuple(
    lhs_shape: Any, rhs_shape: Any, window_strides: Any, padding: Any, dimension_numbers: Any
) -> Shape:
    """The shape that ``conv_transpose`` gives."""

    def length(n: int, k: int, stride: int) -> int:
        return n * stride + (max(k - stride, 0) if padding == "VALID" else 0)

    def shape_of(a: Any, b: Any) -> Any:
        if isinstance(padding, str):
            return (a[0], b[0], *map(length, a[2:], b[2:], window_strides))
        dilated = map(_dilated, a[2:], window_strides)
        return conv_shape_tuple([*a[:2], *dilated], b, [1] * len(a[2:]), padding)

    return _general(lhs_shape, rhs_shape, dimension_numbers, shape_of)
