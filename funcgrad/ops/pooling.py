"""Reductions over windows: sums, extrema, and any other function, folded.

A sum over windows is linear, and its transpose is a sum over the windows turned. An extremum hands
its derivative to the first element of the window that attains it, in C order, as in JAX and torch
(where the extremum of an axis, ``max``, shares between ties).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, aval_of, dtype_of, shape_of
from ..core.companions import Codegen
from ..core.errors import ShapeError
from ..core.registry import overrides
from ..core.trace import Tracer
from .assign import set_at_p
from .elementwise import add, maximum, minimum
from .index import Index, getitem_p
from .linear import InBuffers
from .operand import operand as array_of, strong
from .pooling_decompositions import add_hits, count_misses, fold_by_slices, read_hits
from .pooling_kernels import add_hits_into, first_hit_into, fold_into, fold_order, read_hits_into
from .structure import Batched, Linear, batch_at_front, broadcast_to, cast
from .windows import (
    Window,
    identity_window,
    integers_per_axis,
    product,
    taps,
    transposed_windows,
    windows_of,
)


class Windowed(InBuffers, Codegen):
    """An operation on the windows of its operands' leading axes, computed in given buffers."""

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        ins = [batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)]
        return self.bind(*ins, windows=(identity_window(size), *params["windows"])), (0,)

    def scratch(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        """Return the buffers that ``into`` wants."""
        raise self.missing("scratch")

    def into(self, outs: Any, scratch: Any, *ins: Any, **params: Any) -> None:
        """Write the results into ``outs``, which overlap with no operand."""
        raise self.missing("into")

    def check(self, *avals: Aval, windows: tuple[Window, ...], sides: Sequence[int]) -> None:
        """Raise if an operand is not the source (0) or the result (1) of the windows."""
        for x, side in zip(avals, sides, strict=True):
            want = tuple(axis[side] for axis in windows)
            if x.shape != want:
                raise ShapeError(f"{self.name}: the windows are for shape {want}: got {x}")


def results(windows: Sequence[Window]) -> tuple[int, ...]:
    """Return the shape of the result."""
    return tuple(axis[1] for axis in windows)


class Fold(Windowed):
    """Fold each window by a function that has a neutral element."""

    def __init__(self, name: str, function: np.ufunc, start: Callable[[np.dtype], Any]) -> None:
        super().__init__(name)
        self.function = function
        self.start = start

    @override
    def infer(self, x: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        self.check(x, windows=windows, sides=(0,))
        return (Aval(results(windows), x.dtype),)

    def decompose(self, x: Any, *, windows: tuple[Window, ...]) -> Any:
        return (fold_by_slices(x, windows, self.function, self.start(dtype_of(x))),)

    def scratch(self, x: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        shape, shapes = list(x.shape), []
        for d in fold_order(windows):
            shape[d] = windows[d][1]
            shapes.append(tuple(shape))
        return tuple(Aval(s, x.dtype) for s in shapes[:-1])

    def into(self, outs: Any, scratch: Any, x: Any, *, windows: tuple[Window, ...]) -> None:
        start = self.start(x.dtype)
        fold_into(x, outs[0], scratch, windows=windows, function=self.function, start=start)


class WindowSum(Fold, Linear):
    """The sum of each window; its transpose is the sum over the windows turned."""

    pads = True

    @override
    def transpose(self, ct: Any, x: Any, *, windows: tuple[Window, ...]) -> Any:
        return window_sum_p(ct, windows=transposed_windows(windows))


class WindowExtremum(Fold):
    """The largest or smallest element of each window; the first of ties has the derivative."""

    def __init__(
        self, name: str, function: np.ufunc, start: Callable[[np.dtype], Any], first: "FirstHit"
    ) -> None:
        super().__init__(name, function, start)
        self.first = first

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, **params: Any) -> Sequence[Any]:
        hits = self.first(primals[0], outs[0], **params)
        return (window_pick_p(tangents[0], hits, **params),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        hits = self.first(ins[0], outs[0], **params)
        return (window_place_p(cts[0], hits, **params),)


class FirstHit(Windowed):
    """Which element of each window equals its extremum first, in C order."""

    differentiable = False

    def __init__(self, name: str, misses: np.ufunc) -> None:
        super().__init__(name)
        self.misses = misses

    @override
    def infer(self, x: Aval, y: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        self.check(x, y, windows=windows, sides=(0, 1))
        count = product([axis[2] for axis in windows])
        return (Aval(y.shape, np.dtype(np.uint8 if count < 256 else np.intp)),)

    def decompose(self, x: Any, y: Any, *, windows: tuple[Window, ...]) -> Any:
        (hits,) = self.infer(aval_of(x), aval_of(y), windows=windows)
        return (cast(count_misses(x, y, windows, self.misses), hits.dtype),)

    def scratch(self, x: Aval, y: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        return (Aval(y.shape, np.dtype(bool)),) * 2

    def into(self, outs: Any, scratch: Any, x: Any, y: Any, **params: Any) -> None:
        first_hit_into(x, y, outs[0], scratch, misses=self.misses, **params)


class WindowPick(Windowed, Linear):
    """Read the element of each window that was hit."""

    @override
    def infer(self, x: Aval, hits: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        self.check(x, hits, windows=windows, sides=(0, 1))
        return (Aval(hits.shape, x.dtype),)

    def decompose(self, x: Any, hits: Any, *, windows: tuple[Window, ...]) -> Any:
        return (read_hits(x, hits, windows),)

    def scratch(self, x: Aval, hits: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        return (Aval(hits.shape, np.dtype(np.intp)),)

    def into(self, outs: Any, scratch: Any, x: Any, hits: Any, **params: Any) -> None:
        read_hits_into(x, hits, outs[0], scratch, **params)

    @override
    def transpose(self, ct: Any, x: Any, hits: Any, **params: Any) -> Any:
        return window_place_p(ct, hits, **params)


class WindowPlace(Windowed, Linear):
    """Add each element to the one of its window that was hit: the transpose of the pick."""

    pads = True

    @override
    def infer(self, y: Aval, hits: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        self.check(y, hits, windows=windows, sides=(1, 1))
        return (Aval(tuple(axis[0] for axis in windows), y.dtype),)

    def decompose(self, y: Any, hits: Any, *, windows: tuple[Window, ...]) -> Any:
        return (add_hits(y, hits, windows),)

    def scratch(self, y: Aval, hits: Aval, *, windows: tuple[Window, ...]) -> tuple[Aval, ...]:
        return (Aval(hits.shape, np.dtype(np.intp)),)

    def into(self, outs: Any, scratch: Any, y: Any, hits: Any, **params: Any) -> None:
        add_hits_into(y, hits, outs[0], scratch, **params)

    @override
    def transpose(self, ct: Any, y: Any, hits: Any, **params: Any) -> Any:
        return window_pick_p(ct, hits, **params)


def lowest(dtype: np.dtype) -> Any:
    """Return what is below every number of a dtype."""
    if dtype.kind == "c":
        return complex(-np.inf, -np.inf)
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """Return what is above every number of a dtype."""
    if dtype.kind == "c":
        return complex(np.inf, np.inf)
    return np.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max


window_argmax_p = FirstHit("window_argmax", np.less)
window_argmin_p = FirstHit("window_argmin", np.greater)
window_max_p = WindowExtremum("window_max", np.maximum, lowest, window_argmax_p)
window_min_p = WindowExtremum("window_min", np.minimum, highest, window_argmin_p)
window_sum_p = WindowSum("window_sum", np.add, lambda dtype: 0)
window_pick_p = WindowPick("window_pick")
window_place_p = WindowPlace("window_place")


# the function of JAX's name


def reduce_window(
    operand: Any,
    init_value: Any,
    computation: Callable[[Any, Any], Any],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Return the windows of an array, each reduced to one element, as in JAX.

    The derivative of ``max`` and ``min`` goes to the first element of a window that attains it.

    Args:
        init_value: what each window starts from; padding adds nothing to it.
        computation: ``max``, ``min`` and ``add`` of ``lax``, or numpy's maximum, minimum and add;
            any other function of two arrays is folded over the elements of the windows.
        window_dimensions: one length for each axis of the array.
        padding: 'SAME', 'VALID', 'SAME_LOWER', or pairs (low, high), which may be negative.
        base_dilation: how far apart the elements of the array stand.
        window_dilation: how far apart those of the window stand.

    >>> reduce_window(np.arange(6.0), -np.inf, np.maximum, (2,), (2,))
    array([1., 3., 5.])
    """
    x = strong(array_of(operand))
    lengths = shape_of(x)
    sizes = integers_per_axis(
        "reduce_window", "window_dimensions", window_dimensions, len(lengths), 1
    )
    windows = windows_of("reduce_window", lengths, sizes, window_strides, padding,
                         window_dilation, base_dilation)  # fmt: skip
    if aval_of(init_value).shape:
        raise ShapeError(f"reduce_window: init_value must be one number: got {aval_of(init_value)}")
    init = cast(strong(array_of(init_value)), dtype_of(x))
    fold = _fold_of(computation)
    if fold is None:
        return _folded(x, init, computation, windows)
    if isinstance(fold, WindowExtremum):
        x, windows = _dilated(x, fold.start(dtype_of(x)), windows)
    y = fold(x, windows=windows)
    neutral = not isinstance(init, Tracer) and init == fold.start(dtype_of(x))
    return y if neutral else computation(y, init)


def _fold_of(computation: Any) -> Fold | None:
    """Return the primitive for a function that has one, by whatever name it is given."""
    if getattr(computation, "__hash__", None):
        computation = overrides.get(computation, computation)
    function = getattr(computation, "__self__", computation)  # of the table: a bound method
    known = {id(add): window_sum_p, id(maximum): window_max_p, id(minimum): window_min_p}
    return known.get(id(function))


def _dilated(x: Any, filler: Any, windows: Sequence[Window]) -> tuple[Any, tuple[Window, ...]]:
    """Return an array with fillers between its elements, and the windows that find it so."""
    if all(axis[3] == 1 for axis in windows):
        return x, tuple(windows)
    far = tuple((n - 1) * a + 1 if n else 0 for n, _, _, a, *_ in windows)
    apart = Index(slice(None, None, axis[3]) for axis in windows)
    x = set_at_p(np.full(far, filler, dtype_of(x)), x, index=apart)
    return x, tuple((n, w[1], w[2], 1, *w[4:]) for n, w in zip(far, windows, strict=True))


def _folded(x: Any, init: Any, function: Any, windows: Sequence[Window]) -> Any:
    """Return windows reduced by any function: it never meets the padding."""
    y = broadcast_to(init, results(windows))
    for _, a, b in taps(windows):
        part = getitem_p(x, index=Index(a))
        if shape_of(part) == shape_of(y):
            y = function(y, part)
        elif 0 not in shape_of(part):
            y = set_at_p(y, function(getitem_p(y, index=Index(b)), part), index=Index(b))
    return y
