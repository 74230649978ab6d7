"""The geometry of windows that slide along axes: plain functions of plain tuples and arrays.

Along one axis, element ``k`` of the window takes element ``a`` of the source to element ``b`` of
the result where ``a * source + offset == b * result + k * step``. A window is the tuple
``(n, m, size, source, offset, result, step)``: the lengths of source, result and window, then the
coefficients of the equation. It expresses stride, padding and both dilations. The window of the
transpose has source and result exchanged.
"""

import operator
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.errors import ShapeError
from ..core.lazy import answering

Window: TypeAlias = tuple[int, int, int, int, int, int, int]
Tap: TypeAlias = tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]
Phase: TypeAlias = tuple[tuple[slice, ...], tuple[slice, ...], tuple[Window, ...]]

LINE = 64  # elements in 64 bytes, at most


def product(numbers: Sequence[int]) -> int:
    """math.prod, for compiled programs that import only NumPy."""
    total = 1
    for number in numbers:
        total *= number
    return total


def window(
    n: int, size: int, stride: int, low: int, high: int, dilation: int = 1, base_dilation: int = 1
) -> Window:
    """The window along one axis of n elements, by JAX's parameters."""
    extent = (n - 1) * base_dilation + 1 if n else 0
    reach = (size - 1) * dilation + 1 if size else 0
    room = extent + low + high - reach
    return (n, room // stride + 1 if room >= 0 else 0, size, base_dilation, low, stride, dilation)


def identity_window(n: int) -> Window:
    """The window of one element: the identity along an axis."""
    return (n, n, 1, 1, 0, 1, 1)


def transposed_windows(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The windows of the transpose: source and result exchanged."""
    return tuple((m, n, size, b, -off, a, -step) for n, m, size, a, off, b, step in windows)


def taps(windows: Sequence[Window]) -> list[Tap]:
    """For each element of the window: its index, and the slices of source and result."""
    found: list[Tap] = [((), (), ())]
    for axis in windows:
        along = taps_along(*axis)
        found = [
            ((*ks, k), (*sources, a), (*results, b))
            for ks, sources, results in found
            for k, (a, b) in enumerate(along)
        ]
    return found


def taps_along(
    n: int, m: int, size: int, source: int, offset: int, result: int, step: int
) -> list[tuple[slice, slice]]:
    """The taps along one axis; without elements, two empty slices."""
    pairs = []
    for k in range(size):
        rest = k * step - offset
        # a is an integer for every n-th b; two solutions give both steps
        whole = [b for b in range(2 * source) if (b * result + rest) % source == 0][:2]
        if not whole:
            pairs.append((slice(0, 0), slice(0, 0)))
            continue
        b, b_step = whole[0], whole[1] - whole[0]
        a, a_step = (b * result + rest) // source, b_step * result // source
        late = max(0, -(a // a_step))  # the first solutions lie before the source
        a, b = a + late * a_step, b + late * b_step
        count = max(0, min(-((a - n) // a_step), -((b - m) // b_step)))
        a_end, b_end = a + (count - 1) * a_step + 1, b + (count - 1) * b_step + 1
        if count:
            pairs.append((slice(a, a_end, a_step), slice(b, b_end, b_step)))
        else:
            pairs.append((slice(0, 0), slice(0, 0)))
    return pairs


def extents(windows: Sequence[Window]) -> tuple[int, ...]:
    """The length of the padded source along each axis, over all windows."""
    return tuple(
        max(0, (m - 1) * b + (size - 1) * abs(step) + 1) for _, m, size, _, _, b, step in windows
    )


def with_positive_steps(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The windows with positive steps; ``kernel_flips`` gives the axes of the kernel to reverse."""
    return tuple(
        w if w[6] >= 0 else (*w[:4], w[4] - (w[2] - 1) * w[6], w[5], -w[6]) for w in windows
    )


def kernel_flips(windows: Sequence[Window]) -> tuple[slice, ...]:
    """The index that reverses the axes of a kernel whose windows have negative steps."""
    return tuple(slice(None, None, -1 if w[6] < 0 else 1) for w in windows)


def phases(windows: Sequence[Window]) -> list[Phase]:
    """Windows without dilation of the source that together make up the given ones.

    Of each: the slices of the kernel and of the result that it connects, and the windows. A result
    of a dilated source meets the same elements of the kernel again after a period.
    """
    found: list[Phase] = [((), (), ())]
    for axis in windows:
        along = phases_along(*axis)
        found = [
            ((*kernels, k), (*results, r), (*parts, part))
            for kernels, results, parts in found
            for k, r, part in along
        ]
    return found


def phases_along(
    n: int, m: int, size: int, source: int, offset: int, result: int, step: int
) -> list[tuple[slice, slice, Window]]:
    """The phases along one axis."""
    if source == 1:
        return [(slice(0, None, 1), slice(0, None, 1), (n, m, size, 1, offset, result, step))]
    period, jump = (source // int(np.gcd(source, v)) for v in (result, step))
    parts = []
    for j in range(min(period, m)):
        for k in range(min(jump, size)):
            rest = j * result + k * step - offset
            if rest % source == 0:
                count, taken = -((j - m) // period), -((k - size) // jump)
                steps = period * result // source, jump * step // source
                part = (n, count, taken, 1, -(rest // source), *steps)
                parts.append((slice(k, None, jump), slice(j, None, period), part))
    return parts


def overlap(windows: Sequence[Window]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The slices of the source and of the padded source that hold the same elements."""
    take, put = [], []
    for (n, _, _, _, off, _, _), length in zip(windows, extents(windows), strict=True):
        first, stop = max(0, -off), max(0, -off, min(n, length - off))
        take.append(slice(first, stop))
        put.append(slice(first + off, stop + off))
    return tuple(take), tuple(put)


def view_of(base: np.ndarray, shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """``np.lib.stride_tricks.as_strided``, faster for a contiguous array."""
    if base.flags.c_contiguous:
        return np.ndarray(shape, base.dtype, base, 0, strides)
    return np.lib.stride_tricks.as_strided(base, shape, strides)


def aligned(buffer: np.ndarray, size: int) -> np.ndarray:
    """Elements of a buffer that has 64 / itemsize more, from a multiple of 64 bytes on.

    Products without packed operands take 1.3 times as long where the second is not aligned.
    """
    start = -buffer.__array_interface__["data"][0] % 64 // buffer.itemsize
    return buffer[start : start + size]


def slices(count: int, size: int) -> list[slice]:
    """Slices of at most ``size`` elements that cover an axis, of nearly equal lengths."""
    size = -(-count // -(-count // size))
    return [slice(i, min(i + size, count)) for i in range(0, count, size)]


def padded_sources(
    x: Any, padded: Any, windows: Any, groups: int, sizes: tuple[int, int]
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """All windows on the source, ``[G, N, *result, *window, S]``, by blocks of groups and examples.

    They are views of ``x``, or with padding or groups of a copy in the buffer ``padded``.
    """
    rank, s = len(windows), x.shape[-1] // groups
    lengths, lead = extents(windows), (slice(None),) * 2
    source = x.reshape(*x.shape[:-1], groups, s)
    source = source.transpose(rank + 1, 0, *range(1, rank + 1), rank + 2)
    take, put = overlap(windows)
    copied = groups > 1 or any(p.start for p in put)
    copied = copied or any(p.stop < k for p, k in zip(put, lengths, strict=True))
    source = source[(*lead, *take)]
    blocks = [(g, n) for g in slices(groups, sizes[0]) for n in slices(len(x), sizes[1])]
    if not copied:
        view = windows_on(source, windows)
        for g, n in blocks:
            yield g, n, view[g, n]
        return
    shape = (*sizes, *lengths, s)
    base = padded[: product(shape)].reshape(shape)
    base.fill(0)
    view, inner = windows_on(base, windows), base[(*lead, *put)]
    for g, n in blocks:
        part = source[g, n]
        inner[: len(part), : part.shape[1]] = part
        yield g, n, view[: len(part), : part.shape[1]]


def windows_on(base: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """A view of all windows on a padded source."""
    steps = base.strides[2:-1]
    lengths, sizes = (tuple(w[i] for w in windows) for i in (1, 2))
    along = tuple(w[5] * k for w, k in zip(windows, steps, strict=True))
    window = tuple(w[6] * k for w, k in zip(windows, steps, strict=True))
    shape = (*base.shape[:2], *lengths, *sizes, base.shape[-1])
    return view_of(base, shape, (*base.strides[:2], *along, *window, base.strides[-1]))


# arguments of the public functions


@answering
def padtype_to_pads(
    in_shape: Sequence[int],
    window_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str,
) -> list[tuple[int, int]]:
    """The padding 'SAME', 'SAME_LOWER' or 'VALID' as a pair (low, high) for each axis.

    With 'SAME' the result has ``ceil(n / stride)`` elements; an odd total has the larger half at
    the end, with 'SAME_LOWER' at the start. 'VALID' is no padding.

    >>> padtype_to_pads((28, 28), (5, 4), (1, 1), "SAME")
    [(2, 2), (1, 2)]
    """
    word = padding.upper() if isinstance(padding, str) else padding
    if word == "VALID":
        return [(0, 0)] * len(in_shape)
    if word not in ("SAME", "SAME_LOWER"):
        raise ShapeError(
            f"padding: a string must be 'SAME', 'VALID' or 'SAME_LOWER': got {padding!r}; "
            f"write a pair (low, high) for each axis for others"
        )
    pads = []
    for n, size, stride in zip(in_shape, window_shape, window_strides, strict=True):
        total = max((-(-n // stride) - 1) * stride + size - n, 0)
        less, more = total // 2, total - total // 2
        pads.append((less, more) if word == "SAME" else (more, less))
    return pads


def integers_per_axis(who: str, name: str, given: Any, count: int, least: int) -> tuple[int, ...]:
    """An argument with one integer for each axis; None stands for ones."""
    if given is None:
        return (1,) * count
    try:
        numbers = tuple(map(operator.index, given))
    except TypeError:
        numbers = ()
    if len(numbers) != count or any(v < least for v in numbers):
        raise ShapeError(
            f"{who}: {name} must be {count} integers of at least {least}: got {given!r}; "
            f"write one for each {'axis' if who == 'reduce_window' else 'spatial axis'}"
        )
    return numbers


def windows_of(
    who: str, lengths: Sequence[int], sizes: Sequence[int], strides: Any, padding: Any,
    dilation: Any, spreads: Any,
) -> tuple[Window, ...]:  # fmt: skip
    """The window of each axis, by JAX's parameters."""
    strides, dilation, spreads = (
        integers_per_axis(who, name, given, len(lengths), 1)
        for name, given in zip(_NAMES[who], (strides, dilation, spreads), strict=True)
    )
    if isinstance(padding, str):
        sizes_seen = [(k - 1) * r + 1 if k else 0 for k, r in zip(sizes, dilation, strict=True)]
        padding = padtype_to_pads(lengths, sizes_seen, strides, padding)
    try:
        pads = [(operator.index(low), operator.index(high)) for low, high in padding]
    except (TypeError, ValueError):
        pads = []
    if len(pads) != len(lengths):
        raise ShapeError(
            f"{who}: padding must be 'SAME', 'VALID', 'SAME_LOWER' or {len(lengths)} pairs "
            f"(low, high): got {padding!r}; write one pair for each axis of the window"
        )
    columns = zip(lengths, sizes, strides, pads, dilation, spreads, strict=True)
    return tuple(window(n, k, s, low, high, r, d) for n, k, s, (low, high), r, d in columns)


_NAMES = {
    "conv_general_dilated": ("window_strides", "rhs_dilation", "lhs_dilation"),
    "reduce_window": ("window_strides", "window_dilation", "base_dilation"),
}
