"""Pooling: reductions over windows by a sum, an extremum, or another function.

The transpose of a sum over windows is a sum over the transposed windows. The derivative of an
extremum goes to the first tie in the window, in C order, as in JAX and torch. (Ties of ``max``
over an axis share it.)
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, aval_of, dtype_of, shape_of
from ..core.companions import Codegen, Dependence
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..core.registry import overrides
from ..core.trace import Tracer
from .assign import set_at_p
from .dependences import Ins, Outs, Sets, union
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
    taps_along,
    transposed_windows,
    windows_of,
)


class Windowed(InBuffers, Codegen, Dependence):
    """An operation on windows of the leading axes of its operands, computed in given buffers.

    ``to_source``: whether it takes elements of the result to those of the source.
    """

    to_source: ClassVar[bool] = False

    def depend(self, ins: Ins, avals: Outs, *, windows: tuple[Window, ...]) -> list[Sets]:
        """Each element depends on all of its window, or of the windows that it is in."""
        sets, shape = ins[0].sets, list(ins[0].aval.shape)
        for d, axis in enumerate(windows):  # one axis after another: a window is a product
            if sets is None:
                break
            shape[d] = axis[0 if self.to_source else 1]
            found: list[Sets] = []
            for pair in taps_along(*axis):
                of, to = pair[::-1] if self.to_source else pair
                found.append(sets.moved(functools.partial(_placed, tuple(shape), d, to, of)))
            sets = union(found, tuple(shape))
        return [sets]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        ins = [batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)]
        return self.bind(*ins, windows=(identity_window(size), *params["windows"])), (0,)

    def scratch(self, *avals: Aval, **params: Any) -> tuple[Aval, ...]:
        """The avals of the scratch buffers of ``into``."""
        raise self.missing("scratch")

    def into(self, outs: Any, scratch: Any, *ins: Any, **params: Any) -> None:
        """Write the results into ``outs``, which alias no operand."""
        raise self.missing("into")

    def check(self, *avals: Aval, windows: tuple[Window, ...], sides: Sequence[int]) -> None:
        """Raise if an operand is not of the shape of the source (0) or the result (1)."""
        for x, side in zip(avals, sides, strict=True):
            want = tuple(axis[side] for axis in windows)
            if x.shape != want:
                raise ShapeError(f"{self.name}: the windows are for shape {want}: got {x}")


def _placed(shape: Shape, axis: int, to: slice, of: slice, part: np.ndarray) -> np.ndarray:
    """Zeros with a part of the elements, along an axis."""
    out = np.zeros(shape, part.dtype)
    lead = (slice(None),) * axis
    out[(*lead, to)] = part[(*lead, of)]
    return out


def results(windows: Sequence[Window]) -> tuple[int, ...]:
    """The shape of the result."""
    return tuple(axis[1] for axis in windows)


class Fold(Windowed):
    """Reduce each window by a ufunc with an identity element."""

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
    """The sum of each window; its transpose is the sum over the transposed windows."""

    pads = True

    @override
    def transpose(self, ct: Any, x: Any, *, windows: tuple[Window, ...]) -> Any:
        return window_sum_p(ct, windows=transposed_windows(windows))


class WindowExtremum(Fold):
    """The maximum or minimum of each window; the first tie has the derivative."""

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
    """The index, in each window, of its maximum or minimum; the first tie in C order."""

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
    """The element of each window at an index, its hit."""

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
    """Add each element to its window at an index: the transpose of ``WindowPick``."""

    to_source = True
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
    """The identity of maximum: -inf, or the least integer."""
    if dtype.kind == "c":
        return complex(-np.inf, -np.inf)
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """The identity of minimum: inf, or the greatest integer."""
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


# the public function


@answering
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
    """Reduce each window of an array to one element, as in JAX.

    The derivative of ``max`` and ``min`` goes to the first tie in a window.

    Args:
        init_value: scalar, the initial value of each window; padding is skipped.
        computation: ``max``, ``min`` or ``add`` of ``lax``, or of NumPy; another function of two
            arrays is applied to the elements one after the other.
        window_dimensions: one length for each axis of the array.
        padding: 'SAME', 'VALID', 'SAME_LOWER', or pairs (low, high), which may be negative.
        base_dilation: the distance of the elements of the array, at least 1.
        window_dilation: the distance of the elements of the window, at least 1.

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
        raise ShapeError(f"reduce_window: init_value must be a scalar: got {aval_of(init_value)}")
    init = cast(strong(array_of(init_value)), dtype_of(x))
    fold = _primitive_of(computation)
    if fold is None:
        return _fold_any(x, init, computation, windows)
    if isinstance(fold, WindowExtremum):
        x, windows = _dilated(x, fold.start(dtype_of(x)), windows)
    y = fold(x, windows=windows)
    neutral = not isinstance(init, Tracer) and init == fold.start(dtype_of(x))
    return y if neutral else computation(y, init)


def _primitive_of(computation: Any) -> Fold | None:
    """The primitive of a function: of lax, of NumPy, or of funcgrad.numpy."""
    if getattr(computation, "__hash__", None):
        computation = overrides.get(computation, computation)
    function = getattr(computation, "__self__", computation)  # of a bound method
    known = {id(add): window_sum_p, id(maximum): window_max_p, id(minimum): window_min_p}
    return known.get(id(function))


def _dilated(x: Any, filler: Any, windows: Sequence[Window]) -> tuple[Any, tuple[Window, ...]]:
    """A dilated array, and the windows on it."""
    if all(axis[3] == 1 for axis in windows):
        return x, tuple(windows)
    far = tuple((n - 1) * a + 1 if n else 0 for n, _, _, a, *_ in windows)
    spaced = Index(slice(None, None, axis[3]) for axis in windows)
    x = set_at_p(np.full(far, filler, dtype_of(x)), x, index=spaced)
    return x, tuple((n, w[1], w[2], 1, *w[4:]) for n, w in zip(far, windows, strict=True))


def _fold_any(x: Any, init: Any, function: Any, windows: Sequence[Window]) -> Any:
    """Windows reduced by any function, without the padding."""
    y = broadcast_to(init, results(windows))
    for _, a, b in taps(windows):
        part = getitem_p(x, index=Index(a))
        if shape_of(part) == shape_of(y):
            y = function(y, part)
        elif 0 not in shape_of(part):
            y = set_at_p(y, function(getitem_p(y, index=Index(b)), part), index=Index(b))
    return y
