"""Convolutions as primitives, closed under differentiation.

The sum of products x * w * y over examples, positions and channels is linear in the source ``x``,
the kernel ``w`` and the result ``y``. Its gradient in ``y`` is the convolution, in ``x`` a
convolution with transposed windows, and in ``w`` ``conv_kernel``. The derivatives of these are
again among them, so that the rules below hold to any order.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, aval_of, shape_of
from ..core.companions import Codegen, Dependence
from ..core.errors import ShapeError
from .contract import Multilinear
from .correlate import correlate_into, correlate_plan, kernel_sizes
from .dependences import Ins, Outs, Sets, contracted, union
from .families import unbroadcast
from .im2col import cheapest_form, convolve_into, convolve_plan, largest_sizes, scratch_sizes
from .index import Index, getitem_p
from .linear import InBuffers, drop_axes
from .structure import Batched, axis_to_front, reshape, transpose_p
from .windows import Window, taps, transposed_windows
from .winograd import in_tiles, tile_sizes
from .winograd_sums import tile_sum_sizes


class Bilinear(InBuffers, Multilinear, Codegen):
    """A sum of products of two operands over windows, computed in given buffers."""

    roles: str  # the roles of the operands and the result, each "x", "w" or "y"

    @override
    def batch(
        self, args: Any, axes: Any, size: int, /, *, windows: tuple[Window, ...], groups: int
    ) -> Batched:
        if size == 0:
            return self._of_no_examples(args, axes, windows=windows, groups=groups)
        # two batched operands: the batch multiplies the groups. One: the batch goes into the axis
        # that its operand shares with the result, and not with the other operand
        batched = [role for role, d in zip(self.roles[:2], axes, strict=True) if d is not None]
        shared = "".join(sorted({*batched, self.roles[2]}))
        label = {"xy": "N", "wx": "S", "wy": "T", "wxy": "G"}[shared]
        ins = [
            x if d is None else batch_into_axis(axis_to_front(x, d), role, label, groups)
            for x, d, role in zip(args, axes, self.roles[:2], strict=True)
        ]
        many = groups * size if label == "G" else groups
        (y,) = self.bind(*ins, windows=windows, groups=many)
        return (batch_from_axis(y, self.roles[2], label, size, groups),), (0,)

    def _of_no_examples(self, args: Any, axes: Any, **params: Any) -> Batched:
        """An empty batch, whose examples cannot be counted by the lengths of the result."""
        avals = [
            a if d is None else Aval(drop_axes(a.shape, (d,)), a.dtype)
            for a, d in zip(map(aval_of, args), axes, strict=True)
        ]
        (example,) = self.infer(*avals, **params)
        return (np.zeros((0, *example.shape), example.dtype),), (0,)

    def scratch(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        """The avals of the scratch buffers of ``into``."""
        raise self.missing("scratch")

    def plan(self, scratch: Any, *shapes: Any, **params: Any) -> Any:
        """What ``into`` does in these buffers with operands of these shapes."""
        raise self.missing("plan")

    def into(self, outs: Any, plan: Any, *ins: Any, **params: Any) -> None:
        """Write the results into ``outs``, which alias no operand."""
        raise self.missing("into")


def axis_names(role: str, rank: int) -> list[Any]:
    """The axes of an array in this role, with a separate axis for the groups."""
    spatial = list(range(rank))
    return {
        "x": ["N", *spatial, "G", "S"],
        "w": [*spatial, "S", "G", "T"],
        "y": ["N", *spatial, "G", "T"],
    }[role]


def batch_into_axis(x: Any, role: str, label: str, groups: int) -> Any:
    """An array with its leading batch axis merged into the axis of this name."""
    batch, *shape = shape_of(x)
    names = axis_names(role, len(shape) - 2)
    split = [*shape[:-1], groups, shape[-1] // groups]
    place = names.index(label)
    order = [*range(1, 1 + place), 0, *range(1 + place, 1 + len(split))]
    x = transpose_p(reshape(x, (batch, *split)), perm=tuple(order))
    split[place] *= batch
    return reshape(x, (*split[:-2], split[-2] * split[-1]))


def batch_from_axis(y: Any, role: str, label: str, size: int, groups: int) -> Any:
    """An array with the batch split from the axis of this name, as the leading axis."""
    shape = list(shape_of(y))
    names = axis_names(role, len(shape) - 2)
    lengths = [*shape[:-1], groups, shape[-1] // groups]
    place = names.index(label)
    if label in "NS":
        lengths[place] //= size
    else:
        lengths[-1] = shape[-1] // groups // size
    split = [*lengths[:place], size, *lengths[place:]]
    y = axis_to_front(reshape(y, tuple(split)), place)
    return reshape(y, (size, *lengths[:-2], lengths[-2] * lengths[-1]))


class Convolve(Bilinear, Dependence):
    """``y[b] = sum of x[a] * w[k]`` over the channels of a group and the window.

    Layouts are ``x [N, *spatial, G*S]``, ``w [*window, S, G*T]``, ``y [N, *spatial, G*T]``.
    """

    roles = "xwy"

    @override
    def infer(
        self, x: Aval, w: Aval, *, windows: tuple[Window, ...], groups: int
    ) -> tuple[Aval, ...]:
        _check(self.name, x, w, windows, groups)
        channels = w.shape[-1]
        shape = (x.shape[0], *(axis[1] for axis in windows), channels)
        return (Aval(shape, np.result_type(x.dtype, w.dtype)),)

    def depend(
        self, ins: Ins, avals: Outs, *, windows: tuple[Window, ...], groups: int
    ) -> list[Sets]:
        return [convolved(ins[0], ins[1], avals[0].shape, windows, groups)]

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        (ct,), (x, w) = cts, ins
        x_ct = w_ct = None
        if needs[0] is not None:
            x_ct = unbroadcast(convolve_transposed(ct, w, **params), x)
        if needs[1] is not None:
            w_ct = unbroadcast(conv_kernel_p(x, ct, **params), w)
        return x_ct, w_ct

    def scratch(
        self, x: Aval, w: Aval, *, windows: tuple[Window, ...], groups: int
    ) -> tuple[Aval, ...]:
        s, t = w.shape[-2], w.shape[-1] // groups
        dtype, form = np.result_type(x.dtype, w.dtype), cheapest_form(windows, s, t)
        sizes = scratch_sizes(form, x.shape[0], windows, s, t, groups)
        if in_tiles(x.shape[0], windows, s, t, groups, dtype):
            sizes = largest_sizes([sizes, tile_sizes(x.shape[0], windows, s, t)])
        return tuple(Aval((size,), dtype) for size in sizes)

    def plan(self, scratch: Any, x: Any, w: Any, **params: Any) -> Any:
        return convolve_plan(scratch, x, w, **params)

    def into(self, outs: Any, plan: Any, x: Any, w: Any, **params: Any) -> None:
        convolve_into(x, w, outs[0], plan, **params)


def convolved(x: Any, w: Any, shape: Shape, windows: tuple[Window, ...], groups: int) -> Sets:
    """The sets of a convolution: for each element of the window those of a sum of products."""
    rank = len(windows)
    found: list[Sets] = []
    names = [axis_names(role, rank) for role in "xwy"]
    for k, sources, results in taps(windows):
        left = part_of(x, (slice(None), *sources), groups)
        right = part_of(w, k, groups)
        target = (shape[0], *np.empty(shape[1:-1], bool)[results].shape)
        grid = (*target, groups, shape[-1] // groups)
        sets = contracted([left, right], [names[0], names[1][rank:]], names[2], grid)
        if sets is not None:
            flat = sets.reshaped((*target, shape[-1]))
            found.append(flat.moved(functools.partial(_placed, shape, results)))
    return union(found, shape)


def _placed(shape: Shape, at: Any, part: np.ndarray) -> np.ndarray:
    out = np.zeros(shape, part.dtype)
    out[(slice(None), *at)] = part
    return out


def part_of(x: Any, index: Any, groups: int) -> Any:
    """A part of an operand, whose channels are split in groups as its last axis but one."""

    def cut(a: np.ndarray) -> np.ndarray:
        y = a[index]
        return y.reshape(*y.shape[:-1], groups, y.shape[-1] // groups)

    aval = Aval(cut(np.empty(x.aval.shape, bool)).shape, x.aval.dtype)
    if x.is_known:
        return x._replace(aval=aval, value=cut(x.value))
    return x.mapped(aval, lambda sets: sets.moved(cut))


def _check(who: str, x: Aval, w: Aval, windows: tuple[Window, ...], groups: int) -> None:
    """Raise if the shapes of the operands do not match the windows."""
    lengths, sizes = tuple(a[0] for a in windows), tuple(a[2] for a in windows)
    if x.shape[1:-1] != lengths or w.shape[:-2] != sizes or x.ndim < 2 or w.ndim < 2:
        raise ShapeError(f"{who}: {x} and {w} do not fit windows of {sizes} on {lengths}")
    if w.shape[-1] % groups or x.shape[-1] != w.shape[-2] * groups:
        raise ShapeError(f"{who}: {x} and {w} do not fit {groups} groups of {w.shape[-2]} channels")


def convolve_transposed(y: Any, w: Any, *, windows: tuple[Window, ...], groups: int) -> Any:
    """``x[a] = sum of y[b] * w[k]``: the convolution with transposed windows."""
    return convolve_p(
        y, swap_channels(w, groups), windows=transposed_windows(windows), groups=groups
    )


def swap_channels(w: Any, groups: int) -> Any:
    """The kernel with its input and output channels exchanged in each group."""
    *sizes, s, channels = shape_of(w)
    rank = len(sizes)
    w = reshape(w, (*sizes, s, groups, channels // groups))
    w = transpose_p(w, perm=(*range(rank), rank + 2, rank + 1, rank))
    return reshape(w, (*sizes, channels // groups, groups * s))


class ConvKernel(Bilinear):
    """``w[k] = sum of x[a] * y[b]`` over examples and positions."""

    roles = "xyw"

    @override
    def infer(
        self, x: Aval, y: Aval, *, windows: tuple[Window, ...], groups: int
    ) -> tuple[Aval, ...]:
        lengths, results = tuple(a[0] for a in windows), tuple(a[1] for a in windows)
        if x.shape[1:-1] != lengths or y.shape[1:-1] != results or x.shape[0] != y.shape[0]:
            raise ShapeError(f"{self.name}: {x} and {y} do not fit {lengths} and {results}")
        shape = (*(a[2] for a in windows), x.shape[-1] // groups, y.shape[-1])
        return (Aval(shape, np.result_type(x.dtype, y.dtype)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        (ct,), (x, y) = cts, ins
        x_ct = y_ct = None
        if needs[0] is not None:
            x_ct = unbroadcast(convolve_transposed(y, ct, **params), x)
        if needs[1] is not None:
            y_ct = unbroadcast(convolve_p(x, ct, **params), y)
        return x_ct, y_ct

    def decompose(self, x: Any, y: Any, **params: Any) -> Any:
        return _kernel_by_convolution(x, y, **params)

    def scratch(
        self, x: Aval, y: Aval, *, windows: tuple[Window, ...], groups: int
    ) -> tuple[Aval, ...]:
        s, t = x.shape[-1] // groups, y.shape[-1] // groups
        sizes, dtype = (
            kernel_sizes(x.shape[0], windows, s, t, groups),
            np.result_type(x.dtype, y.dtype),
        )
        if in_tiles(x.shape[0], windows, s, t, groups, dtype):
            sizes = largest_sizes([sizes, tile_sum_sizes(x.shape[0], windows, s, t)])
        return tuple(Aval((size,), dtype) for size in sizes)

    def plan(self, scratch: Any, x: Any, y: Any, **params: Any) -> Any:
        return correlate_plan(scratch, x, y, **params)

    def into(self, outs: Any, plan: Any, x: Any, y: Any, **params: Any) -> None:
        correlate_into(x, y, outs[0], plan, **params)


def _kernel_by_convolution(
    x: Any, y: Any, *, windows: tuple[Window, ...], groups: int
) -> tuple[Any, ...]:
    """Convolve x with y as the kernel: examples become channels."""
    rank = len(windows)
    n, *spatial, channels = shape_of(x)
    s = channels // groups
    x = reshape(x, (n, *spatial, groups, s))
    x = transpose_p(x, perm=(rank + 2, *range(1, rank + 1), rank + 1, 0))  # [S, *spatial, G, N]
    x = reshape(x, (s, *spatial, groups * n))
    y = transpose_p(y, perm=(*range(1, rank + 1), 0, rank + 1))  # [*spatial, N, G*T]
    (w,) = convolve_p.bind(x, y, windows=tuple(map(_across, windows)), groups=groups)
    w = transpose_p(w, perm=(*range(1, rank + 1), 0, rank + 1))  # [*window, S, G*T]
    turned_over = [slice(None, None, -1 if axis[-1] < 0 else 1) for axis in windows]
    return (getitem_p(w, index=Index(turned_over)) if rank else w,)


def _across(axis: Window) -> Window:
    """The window with its elements and the result exchanged; reversed if its step is negative."""
    n, m, size, source, off, b, step = axis
    return (n, size, m, source, off - min(step, 0) * (size - 1), abs(step), b)


convolve_p = Convolve("conv_general_dilated")
conv_kernel_p = ConvKernel("conv_kernel")
