"""``conv_general_dilated`` and JAX's other convolutions, in any layout of axes."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core.avals import Axes, aval_of, shape_of
from ..core.errors import ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from .convolve import convolve_p
from .operand import common_dtype, operand
from .reduce import flip
from .structure import cast, reshape, transpose_p
from .windows import integers_per_axis, windows_of

Padding: TypeAlias = str | Sequence[tuple[int, int]]
_WHO = "conv_general_dilated"


class ConvDimensionNumbers(NamedTuple):
    """The axes of a convolution: batch, channels, spatial; of rhs: out, in, spatial.

    >>> conv_dimension_numbers((8, 28, 28, 1), (3, 3, 1, 4), ("NHWC", "HWIO", "NHWC"))
    ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2))
    """

    lhs_spec: Axes
    rhs_spec: Axes
    out_spec: Axes


@answering
def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """The axes of three layouts such as ('NHWC', 'HWIO', 'NHWC').

    None stands for ('NCHW', 'OIHW', 'NCHW') with any number of spatial axes.

    >>> conv_dimension_numbers((8, 1, 28), (4, 1, 3), None).rhs_spec
    (0, 1, 2)
    """
    rank = len(lhs_shape)
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    if rank != len(rhs_shape) or rank < 2:
        raise ShapeError(
            f"{_WHO}: lhs and rhs must have as many axes, at least two: got shapes "
            f"{tuple(lhs_shape)} and {tuple(rhs_shape)}; write x[None] for one example"
        )
    if dimension_numbers is None:
        return ConvDimensionNumbers(*[tuple(range(rank))] * 3)
    layouts = tuple(dimension_numbers)
    spatial = [
        _spatial_letters(layout, pair)
        for layout, pair in zip(layouts, ("NC", "OI", "NC"), strict=False)
    ]
    if len(layouts) != 3 or None in spatial or len({frozenset(p or "") for p in spatial}) > 1:
        raise _layout_error(dimension_numbers)
    if any(len(layout) != rank for layout in layouts):
        raise ShapeError(
            f"{_WHO}: dimension_numbers must have one letter for each axis: got "
            f"{dimension_numbers!r} for shapes {tuple(lhs_shape)} and {tuple(rhs_shape)}"
        )
    order = spatial[1] or ""  # the kernel gives the order of the spatial axes
    return ConvDimensionNumbers(
        *(
            tuple(layout.index(letter) for letter in (*pair, *order))
            for layout, pair in zip(layouts, ("NC", "OI", "NC"), strict=True)
        )
    )


def _spatial_letters(layout: Any, pair: str) -> str | None:
    """The spatial letters of a layout, None if it is not a layout with this pair."""
    if (
        not isinstance(layout, str)
        or len(set(layout)) < len(layout)
        or not set(pair) <= set(layout)
    ):
        return None
    return "".join(letter for letter in layout if letter not in pair)


def _layout_error(given: Any) -> ShapeError:
    return ShapeError(
        f"{_WHO}: dimension_numbers must be three layouts with N and C, O and I, N and C, and the "
        f"same spatial letters: got {given!r}; write ('NHWC', 'HWIO', 'NHWC'), for example"
    )


@answering
def conv_general_dilated(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The convolution of an array with a kernel (a cross-correlation), as in JAX.

    It is computed in the layout ('NHWC', 'HWIO', 'NHWC'), which is the fastest.

    Args:
        lhs: the array, [N, C, *spatial] unless ``dimension_numbers`` says otherwise.
        rhs: the kernel, [O, I, *spatial]; it is not flipped.
        padding: 'SAME', 'VALID', 'SAME_LOWER', or pairs (low, high), which may be negative.
        lhs_dilation: the distance of the elements of ``lhs``, with zeros between them.
        rhs_dilation: the distance of the elements of the kernel.
        feature_group_count: number of groups of channels, each convolved by itself.
        batch_group_count: number of groups of examples, each convolved by itself.
        precision: ignored; NumPy has only one.
        preferred_element_type: the dtype of the result; None for NumPy's promotion.

    >>> conv_general_dilated(np.ones((1, 1, 3, 3)), np.ones((2, 1, 2, 2)), (1, 1), "VALID").shape
    (1, 2, 2, 2)
    """
    lhs, rhs = operand(lhs), operand(rhs)
    if preferred_element_type is not None:
        wide = np.result_type(common_dtype([lhs, rhs]), preferred_element_type)
        y = conv_general_dilated(
            cast(lhs, wide), cast(rhs, wide), window_strides, padding, lhs_dilation,
            rhs_dilation, dimension_numbers, feature_group_count, batch_group_count,
        )  # fmt: skip
        return cast(y, np.dtype(preferred_element_type))
    lhs_spec, rhs_spec, out_spec = conv_dimension_numbers(
        shape_of(lhs), shape_of(rhs), dimension_numbers
    )
    if isinstance(padding, str) and lhs_dilation is not None and set(lhs_dilation) - {1}:
        raise ShapeError(
            f"{_WHO}: padding must be pairs where lhs_dilation is not 1: got {padding!r} "
            f"and {lhs_dilation}; use conv_transpose"
        )
    x = transposed_to(lhs, (lhs_spec[0], *lhs_spec[2:], lhs_spec[1]))
    w = transposed_to(rhs, (*rhs_spec[2:], rhs_spec[1], rhs_spec[0]))
    lengths, sizes = shape_of(x)[1:-1], shape_of(w)[:-2]
    windows = windows_of(_WHO, lengths, sizes, window_strides, padding, rhs_dilation, lhs_dilation)
    groups = _groups(aval_of(lhs), aval_of(rhs), shape_of(x), shape_of(w),
                     feature_group_count, batch_group_count)  # fmt: skip
    if whole(batch_group_count) > 1:
        x = channels_from_examples(x, whole(batch_group_count))
    y = convolve_p(x, w, windows=windows, groups=groups)
    back = (out_spec[0], *out_spec[2:], out_spec[1])
    return transposed_to(y, tuple(back.index(d) for d in range(len(back))))


def transposed_to(x: Any, perm: Axes) -> Any:
    """``x`` transposed, itself if the axes are in order."""
    return x if perm == tuple(range(len(perm))) else transpose_p(x, perm=perm)


def channels_from_examples(x: Any, groups: int) -> Any:
    """Groups of examples as groups of channels: ``[G*N, ..., C] -> [N, ..., G*C]``."""
    count, *spatial, channels = shape_of(x)
    rank = len(spatial)
    x = reshape(x, (groups, count // groups, *spatial, channels))
    x = transpose_p(x, perm=(*range(1, 2 + rank), 0, 2 + rank))
    return reshape(x, (count // groups, *spatial, groups * channels))


def _groups(lhs: Any, rhs: Any, x: Any, w: Any, feature_groups: int, batch_groups: int) -> int:
    """The number of groups, after a check of the numbers of channels and examples."""
    feature_groups, batch_groups = whole(feature_groups), whole(batch_groups)
    for name, groups in (("feature", feature_groups), ("batch", batch_groups)):
        integers_per_axis(_WHO, f"{name}_group_count", (groups,), 1, 1)
    groups = feature_groups * batch_groups
    if feature_groups > 1 and batch_groups > 1:
        raise ShapeError(
            f"{_WHO}: one of both group counts must be 1: got feature_group_count "
            f"{feature_groups} and batch_group_count {batch_groups}; leave one out"
        )
    if x[-1] != w[-2] * feature_groups:
        raise ShapeError(
            f"{_WHO}: lhs must have as many channels as rhs has input channels, times "
            f"feature_group_count: got {x[-1]} in lhs {lhs}, {w[-2]} in rhs {rhs} and "
            f"feature_group_count {feature_groups}; check dimension_numbers"
        )
    if w[-1] % groups or x[0] % batch_groups:
        what = f"rhs {rhs} has {w[-1]} output channels"
        if not w[-1] % groups:
            what = f"lhs {lhs} has {x[0]} examples"
        raise ShapeError(
            f"{_WHO}: the groups must be of equal size: got {groups} groups, but {what}"
        )
    return groups


@answering
def conv(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Padding,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The convolution in the layout ('NCHW', 'OIHW', 'NCHW').

    >>> conv(np.ones((1, 1, 4)), np.ones((1, 1, 2)), (2,), "VALID")
    array([[[2., 2.]]])
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, preferred_element_type=preferred_element_type
    )


@answering
def conv_with_general_padding(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The convolution in the layout ('NCHW', 'OIHW', 'NCHW'), with dilations.

    >>> x, w = np.ones((1, 1, 3)), np.ones((1, 1, 2))
    >>> conv_with_general_padding(x, w, (1,), [(0, 1)], (2,), None)
    array([[[1., 1., 1., 1., 1.]]])
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation,
        preferred_element_type=preferred_element_type,
    )  # fmt: skip


@answering
def conv_transpose(
    lhs: Any,
    rhs: Any,
    strides: Sequence[int],
    padding: Padding,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
) -> Any:
    """The transposed convolution, with fractional strides, as in JAX.

    Args:
        padding: 'SAME' or 'VALID', of the convolution that this one transposes; pairs pad ``lhs``,
            or with ``use_consistent_padding`` are the padding of that convolution.
        dimension_numbers: None for ('NHWC', 'HWIO', 'NHWC'), unlike in the other convolutions.
        transpose_kernel: flip the kernel and swap its channels, as Keras does.

    >>> conv_transpose(np.ones((1, 3, 1)), np.ones((2, 1, 4)), (2,), "SAME").shape
    (1, 6, 4)
    """
    lhs, rhs = operand(lhs), operand(rhs)
    rank = len(shape_of(lhs)) - 2
    if dimension_numbers is None and 0 <= rank <= 3:
        letters = ("", "H", "HW", "HWD")[rank]
        dimension_numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    numbers = conv_dimension_numbers(shape_of(lhs), shape_of(rhs), dimension_numbers)
    strides = integers_per_axis("conv_transpose", "strides", strides, rank, 1)
    if isinstance(padding, str) or use_consistent_padding:
        sizes = [shape_of(rhs)[d] for d in numbers.rhs_spec[2:]]
        dilation = integers_per_axis("conv_transpose", "rhs_dilation", rhs_dilation, rank, 1)
        padding = _transposed_padding(sizes, strides, dilation, padding)
    if transpose_kernel:
        for d in numbers.rhs_spec[2:]:
            rhs = flip(rhs, d)
        out, into, *spatial = numbers.rhs_spec
        numbers = numbers._replace(rhs_spec=(into, out, *spatial))
    return conv_general_dilated(
        lhs, rhs, (1,) * rank, padding, strides, rhs_dilation, numbers,
        preferred_element_type=preferred_element_type,
    )  # fmt: skip


def _transposed_padding(
    sizes: Sequence[int], strides: Sequence[int], dilation: Sequence[int], padding: Padding
) -> list[tuple[int, int]]:
    """The padding of the transposed convolution, given that of the convolution."""
    mode = padding.upper() if isinstance(padding, str) else None
    if mode not in (None, "SAME", "VALID"):
        raise ShapeError(
            f"conv_transpose: padding must be 'SAME', 'VALID' or pairs: got {padding!r}"
        )
    given: Sequence[Any] = [mode] * len(sizes) if mode else padding
    pads = []
    for size, stride, r, pad in zip(sizes, strides, dilation, given, strict=True):
        k = (size - 1) * r + 1 if size else 0
        if pad == "SAME":
            total = k + stride - 2
            low = k - 1 if stride > k - 1 else -(-total // 2)
        elif pad == "VALID":
            total, low = k + stride - 2 + max(k - stride, 0), k - 1
        else:
            total, low = 2 * (k - 1) - pad[0] - pad[1], k - 1 - pad[0]
        pads.append((low, total - low))
    return pads
