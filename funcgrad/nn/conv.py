"""Convolution layers, in the layout in which they are computed: channels last."""

import math
from collections.abc import Callable
from dataclasses import field
from typing import Any

import numpy as np

from ..core.avals import Axes, Shape, aval_of, shape_of
from ..core.errors import shown
from ..ops.conv_general_dilated import ConvDimensionNumbers, conv_general_dilated, conv_transpose
from ..random import Key
from . import init
from .annotations import Array
from .apply import complaint, cure_of_axes
from .layers import activate, check_lengths
from .module import Module, module, param
from .spatial import (
    Lengths,
    Padding,
    is_whole,
    lengths_of,
    padding_of,
    pads_of,
    per_axis,
    sizes_of,
)


def channels_last(rank: int) -> ConvDimensionNumbers:
    """The layout with channels last: 'NHWC' and 'HWIO' for two spatial axes."""
    spatial = tuple(range(1, rank + 1))
    window: Axes = tuple(range(rank))
    image = (0, rank + 1, *spatial)
    return ConvDimensionNumbers(image, (rank + 1, rank, *window), image)


def merge_batch_axes(layer: Any, x: Any, channels: int) -> tuple[Any, Shape]:
    """x with its leading axes merged, and their lengths."""
    shape, window = shape_of(x), layer.kernel_size
    if is_whole(window) and len(shape) > 3:  # an image, whose rows are no examples
        raise complaint(
            layer,
            f"a kernel_size of one integer is the window of one spatial axis: got {aval_of(x)}; "
            f"write kernel_size={(window,) * (len(shape) - 2)}",
        )
    rank = len(sizes_of(window))
    if len(shape) < rank + 1 or shape[-1] != channels:
        spatial = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        raise complaint(
            layer,
            f"x must have {spatial} and then {channels} channels, [..., *spatial, {channels}]: got "
            f"{aval_of(x)}; {cure_of_axes(x, channels)}",
        )
    lead = shape[: len(shape) - rank - 1]
    if len(lead) == 1:
        return x, lead
    return np.reshape(x, (math.prod(lead), *shape[len(lead) :])), lead


def split_batch_axes(layer: Any, y: Any, lead: Shape, x: Any) -> Any:
    """Restore the leading axes of x; raise if no window fits into x."""
    shape = shape_of(y)
    if 0 in shape[1:-1]:
        raise complaint(layer, f"the window is larger than x: got {aval_of(x)}; use padding='SAME'")
    return y if len(lead) == 1 else np.reshape(y, (*lead, *shape[1:]))


@module
class Conv(Module):
    """Convolution along one or more spatial axes; channels are the last axis.

    Args:
        in_features: the number of channels of x, shape [..., *spatial, in_features].
        out_features: the number of channels of the result.
        kernel_size: tuple of int, the window length of each spatial axis; an int is that of one
            axis, and takes x [T, in_features] or [B, T, in_features] alone.
        stride: int, the step of the window, or one int for each spatial axis.
        padding: 'SAME', 'VALID', 'SAME_LOWER', 'CAUSAL' (one spatial axis; an output depends on
            no later input), an int, or for each spatial axis an int or a pair (before, after).
        dilation: int, the distance of window elements, or one int for each spatial axis.
        groups: number of groups of channels that are convolved separately.
        use_bias: whether a bias is added.
        activation: elementwise function, applied to the result.
        kernel_init: draws ``kernel``, shape [*kernel_size, in_features / groups, out_features].
        bias_init: draws ``bias``, shape [out_features].

    Raises (on call):
        ShapeError: if x has other channels, too few axes, or no room for the window.

    >>> from funcgrad import random
    >>> Conv(3, 8, (3, 3), stride=2).init(random.key(0))(np.ones((4, 32, 32, 3))).shape
    (4, 16, 16, 8)
    """

    in_features: int
    out_features: int
    kernel_size: Lengths
    stride: Lengths = 1
    padding: Padding = "SAME"
    dilation: Lengths = 1
    groups: int = 1
    use_bias: bool = True
    activation: Callable[[Any], Any] | None = None
    kernel_init: init.Initializer = field(default=init.lecun_normal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    kernel: Array = param("kernel_init", lambda self: self.kernel_shape())
    bias: Array | None = param(
        "bias_init", lambda self: (self.out_features,) if self.use_bias else None
    )

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "out_features", "groups", least=1)
        normalize_window(self)
        if self.in_features % self.groups or self.out_features % self.groups:
            raise ValueError(
                f"Conv: groups must divide in_features and out_features: got {self.groups} groups "
                f"of {self.in_features} and {self.out_features} features"
                "; write groups=1"
            )

    def kernel_shape(self) -> Shape:
        return (*sizes_of(self.kernel_size), self.in_features // self.groups, self.out_features)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        sizes = sizes_of(self.kernel_size)
        dilation: Any = self.dilation
        xs, lead = merge_batch_axes(self, x, self.in_features)
        y = conv_general_dilated(
            xs,
            self.kernel,
            self.stride,  # type: ignore[arg-type]
            pads_of(self.padding, sizes, dilation),
            rhs_dilation=dilation,
            dimension_numbers=channels_last(len(sizes)),
            feature_group_count=self.groups,
        )
        return activate(split_batch_axes(self, y, lead, x), self.bias, self.activation)


def normalize_window(layer: Any) -> None:
    """Convert the window arguments of a layer to tuples, but for a kernel size of one integer."""
    who = type(layer).__name__
    sizes = lengths_of(who, "kernel_size", layer.kernel_size)
    layer.kernel_size = sizes[0] if is_whole(layer.kernel_size) else sizes
    layer.stride = per_axis(who, "stride", layer.stride, len(sizes))
    layer.dilation = per_axis(who, "dilation", layer.dilation, len(sizes))
    layer.padding = padding_of(who, layer.padding, len(sizes))


@module
class ConvTranspose(Module):
    """Transposed convolution: spatial axes grow by ``stride``; channels are the last axis.

    It has the shapes of the transpose of the ``Conv`` with the same window, stride, dilation and
    padding. With ``transpose_kernel`` it is that transpose.

    Args:
        in_features: the number of channels of x, shape [..., *spatial, in_features].
        out_features: the number of channels of the result.
        kernel_size: tuple of int, the window length of each spatial axis; an int is that of one
            axis, and takes x [T, in_features] or [B, T, in_features] alone.
        stride: int, the factor by which spatial axes grow, or one int for each of them.
        padding: padding of the convolution that this one transposes: 'SAME', 'VALID', an int,
            or for each axis an int or a pair. (p, p - 1) gives one element more than p.
        dilation: int, the distance of window elements, or one int for each spatial axis.
        use_bias: whether a bias is added.
        transpose_kernel: whether the kernel is that of the convolution, as in PyTorch and Keras:
            reversed, with shape [*kernel_size, out_features, in_features].
        activation, kernel_init, bias_init: as in ``Conv``; the kernel is [*kernel_size, in, out].

    >>> from funcgrad import random
    >>> ConvTranspose(8, 3, (2, 2), stride=2).init(random.key(0))(np.ones((4, 16, 16, 8))).shape
    (4, 32, 32, 3)
    """

    in_features: int
    out_features: int
    kernel_size: Lengths
    stride: Lengths = 1
    padding: Padding = "SAME"
    dilation: Lengths = 1
    use_bias: bool = True
    activation: Callable[[Any], Any] | None = None
    transpose_kernel: bool = False
    kernel_init: init.Initializer = field(default=init.lecun_normal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    kernel: Array = param("kernel_init", lambda self: self.kernel_shape())
    bias: Array | None = param(
        "bias_init", lambda self: (self.out_features,) if self.use_bias else None
    )

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "out_features", least=1)
        normalize_window(self)
        if self.padding in ("CAUSAL", "SAME_LOWER"):
            raise ValueError(
                f"ConvTranspose: padding must be 'SAME', 'VALID', a number, or numbers or pairs: "
                f"got {shown(self.padding)}"
            )

    def kernel_shape(self) -> Shape:
        ends = self.in_features, self.out_features
        return (*sizes_of(self.kernel_size), *(ends[::-1] if self.transpose_kernel else ends))

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        xs, lead = merge_batch_axes(self, x, self.in_features)
        y = conv_transpose(
            xs,
            self.kernel,
            self.stride,  # type: ignore[arg-type]
            self.padding,  # type: ignore[arg-type]
            rhs_dilation=self.dilation,  # type: ignore[arg-type]
            dimension_numbers=channels_last(len(sizes_of(self.kernel_size))),
            transpose_kernel=self.transpose_kernel,
            use_consistent_padding=True,
        )
        return activate(split_batch_axes(self, y, lead, x), self.bias, self.activation)
