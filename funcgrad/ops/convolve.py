"""Convolutions as primitives, closed under differentiation.

Source ``x``, kernel ``w`` and result ``y`` meet in one sum over examples, places and channels,
linear in each of the three. Leaving out ``y`` gives the convolution, leaving out ``x`` gives
a convolution again, its windows turned, and leaving out ``w`` gives ``conv_kernel``. Every
derivative of these is one of these, so that the rules below serve to any order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, shape_of
from ..core.companions import Codegen
from ..core.errors import ShapeError
from .contract import Multilinear
from .im2col import cheapest_form, convolve_into, correlate_into, kernel_sizes, scratch_sizes
from .index import Index, getitem_p
from .linear import InBuffers
from .structure import Batched, axis_to_front, reshape, transpose_p, unbroadcast
from .windows import Window, transposed_windows


class Bilinear(InBuffers, Multilinear, Codegen):
    """A sum over windows of products of two operands, computed in given buffers."""

    roles: str  # of the operands and the result, each "x", "w" or "y"

    @override
    def batch(
        self, args: Any, axes: Any, size: int, /, *, windows: tuple[Window, ...], groups: int
    ) -> Batched:
        # two batched operands are as many groups; one batch goes into the axis that its operand
        # shares with the result, and not with the other operand
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

    def scratch(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        """Return the buffers that ``into`` wants."""
        raise self.missing("scratch")

    def into(self, outs: Any, scratch: Any, *ins: Any, **params: Any) -> None:
        """Write the results into ``outs``, which overlap with no operand."""
        raise self.missing("into")


def axis_names(role: str, rank: int) -> list[Any]:
    """Return the axes of an array in this role, with the groups as an axis of their own."""
    places = list(range(rank))
    return {
        "x": ["N", *places, "G", "S"], "w": [*places, "S", "G", "T"], "y": ["N", *places, "G", "T"]
    }[role]  # fmt: skip


def batch_into_axis(x: Any, role: str, label: str, groups: int) -> Any:
    """Return an array, its batch axis in front, with the batch in the axis of this name."""
    batch, *shape = shape_of(x)
    names = axis_names(role, len(shape) - 2)
    split = [*shape[:-1], groups, shape[-1] // groups]
    place = names.index(label)
    order = [*range(1, 1 + place), 0, *range(1 + place, 1 + len(split))]
    x = transpose_p(reshape(x, (batch, *split)), perm=tuple(order))
    split[place] *= batch
    return reshape(x, (*split[:-2], split[-2] * split[-1]))


def batch_from_axis(y: Any, role: str, label: str, size: int, groups: int) -> Any:
    """Return an array with the batch that is in the axis of this name in front."""
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


class Convolve(Bilinear):
    """``y[b] = sum of x[a] * w[k]`` over the channels of a group and over what meets.

    Layouts are ``x [N, *places, G*S]``, ``w [*window, S, G*T]``, ``y [N, *places, G*T]``.
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
        sizes = scratch_sizes(cheapest_form(windows, s, t), x.shape[0], windows, s, t, groups)
        return tuple(Aval((size,), np.result_type(x.dtype, w.dtype)) for size in sizes)

    def into(self, outs: Any, scratch: Any, x: Any, w: Any, **params: Any) -> None:
        convolve_into(x, w, outs[0], scratch, **params)


def _check(who: str, x: Aval, w: Aval, windows: tuple[Window, ...], groups: int) -> None:
    """Raise if operands do not have the shapes that the windows say."""
    lengths, sizes = tuple(a[0] for a in windows), tuple(a[2] for a in windows)
    if x.shape[1:-1] != lengths or w.shape[:-2] != sizes or x.ndim < 2 or w.ndim < 2:
        raise ShapeError(f"{who}: {x} and {w} do not fit windows of {sizes} on {lengths}")
    if w.shape[-1] % groups or x.shape[-1] != w.shape[-2] * groups:
        raise ShapeError(f"{who}: {x} and {w} do not fit {groups} groups of {w.shape[-2]} channels")


def convolve_transposed(y: Any, w: Any, *, windows: tuple[Window, ...], groups: int) -> Any:
    """Return ``x[a] = sum of y[b] * w[k]``: the same windows, seen from the other side."""
    return convolve_p(
        y, swap_channels(w, groups), windows=transposed_windows(windows), groups=groups
    )


def swap_channels(w: Any, groups: int) -> Any:
    """Return the kernel with the channels of source and result exchanged in each group."""
    *sizes, s, channels = shape_of(w)
    rank = len(sizes)
    w = reshape(w, (*sizes, s, groups, channels // groups))
    w = transpose_p(w, perm=(*range(rank), rank + 2, rank + 1, rank))
    return reshape(w, (*sizes, channels // groups, groups * s))


class ConvKernel(Bilinear):
    """``w[k] = sum of x[a] * y[b]`` over examples and over what meets."""

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
        sizes = kernel_sizes(x.shape[0], windows, s, t, groups)
        return tuple(Aval((size,), np.result_type(x.dtype, y.dtype)) for size in sizes)

    def into(self, outs: Any, scratch: Any, x: Any, y: Any, **params: Any) -> None:
        correlate_into(x, y, outs[0], scratch, **params)


def _kernel_by_convolution(
    x: Any, y: Any, *, windows: tuple[Window, ...], groups: int
) -> tuple[Any, ...]:
    """Convolve x with y as the kernel: examples are channels, and places of w those of y."""
    rank = len(windows)
    n, *places, channels = shape_of(x)
    s = channels // groups
    x = reshape(x, (n, *places, groups, s))
    x = transpose_p(x, perm=(rank + 2, *range(1, rank + 1), rank + 1, 0))  # [S, *places, G, N]
    x = reshape(x, (s, *places, groups * n))
    y = transpose_p(y, perm=(*range(1, rank + 1), 0, rank + 1))  # [*places, N, G*T]
    (w,) = convolve_p.bind(x, y, windows=tuple(map(_across, windows)), groups=groups)
    w = transpose_p(w, perm=(*range(1, rank + 1), 0, rank + 1))  # [*window, S, G*T]
    turned_over = [slice(None, None, -1 if axis[-1] < 0 else 1) for axis in windows]
    return (getitem_p(w, index=Index(turned_over)) if rank else w,)


def _across(axis: Window) -> Window:
    """Return the window with its elements as the result, backwards where its step is negative."""
    n, m, size, source, off, b, step = axis
    return (n, size, m, source, off - min(step, 0) * (size - 1), abs(step), b)


convolve_p = Convolve("conv_general_dilated")
conv_kernel_p = ConvKernel("conv_kernel")
