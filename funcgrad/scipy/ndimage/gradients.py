"""Filters made of derivatives along each axis, and filters by a function of the user."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.lazy import answering
from ...ops.reduce import axis_of
from ..floating import as_floating
from .borders import check_mode, check_output, extended
from .filters import gaussian_filter
from .ranks import Origin, elements, window_of

Mode = str | Sequence[str]


def _modes(mode: Mode, rank: int) -> list[str]:
    return [mode] * rank if isinstance(mode, str) else list(mode)


@answering
def generic_laplace(
    input: Any, derivative2: Callable[..., Any], output: Any = None, mode: Mode = "reflect",
    cval: Any = 0.0, extra_arguments: Sequence[Any] = (),
    extra_keywords: Mapping[str, Any] | None = None, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Sum of second derivatives along the axes, by a function of the user.

    Args:
        input: array; integers give float64.
        derivative2: ``derivative2(input, axis, output, mode, cval, *extra_arguments,
            **extra_keywords)``, where the output is None.
        output: must be None.
        mode, cval: see :func:`correlate1d`; one mode, or one for each axis.
        axes: the axes, by default all.

    >>> second = lambda x, axis, output, mode, cval: np.roll(x, 1) + np.roll(x, -1) - 2 * x
    >>> print(generic_laplace(np.array([0.0, 1.0, 4.0, 9.0]), second)[1:3])
    [2. 2.]
    """
    check_output("generic_laplace", output)
    x = as_floating(input)
    chosen = range(len(shape_of(x))) if axes is None else np.atleast_1d(axes)
    more = extra_keywords or {}
    rows = [
        derivative2(x, int(d), None, how, cval, *extra_arguments, **more)
        for d, how in zip(chosen, _modes(mode, len(chosen)), strict=True)
    ]
    return sum(rows[1:], rows[0])


@answering
def generic_gradient_magnitude(
    input: Any, derivative: Callable[..., Any], output: Any = None, mode: Mode = "reflect",
    cval: Any = 0.0, extra_arguments: Sequence[Any] = (),
    extra_keywords: Mapping[str, Any] | None = None, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Root of the sum of squared derivatives along the axes; see :func:`generic_laplace`.

    >>> first = lambda x, axis, output, mode, cval: np.gradient(x, axis=axis)
    >>> print(generic_gradient_magnitude(np.add.outer(3 * np.arange(3.0), 4 * np.arange(3.0)),
    ...                                  first)[1, 1])
    5.0
    """
    squared = lambda *args, **options: derivative(*args, **options) ** 2
    total = generic_laplace(input, squared, output, mode, cval, extra_arguments, extra_keywords,
                            axes=axes)  # fmt: skip
    return np.sqrt(total)


def _gaussian_derivative(
    x: Any, axis: int, output: Any, mode: str, cval: Any, order: int, sigma: Any, **options: Any
) -> Any:
    orders = [0] * len(shape_of(x))
    orders[axis] = order
    return gaussian_filter(x, sigma, orders, output, mode, cval, **options)


@answering
def gaussian_laplace(
    input: Any, sigma: Any, output: Any = None, mode: Mode = "reflect", cval: Any = 0.0, *,
    axes: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """Laplacian of the array after a Gaussian filter, differentiable in ``sigma`` too.

    Args:
        input, sigma, output, mode, cval: see :func:`gaussian_filter`.
        options: ``truncate`` and ``radius`` of that function.

    >>> print(gaussian_laplace(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), 1.0).round(3))
    [ 0.197  0.002 -0.399  0.002  0.197]
    """
    return generic_laplace(input, _gaussian_derivative, output, mode, cval, (2, sigma), options,
                           axes=axes)  # fmt: skip


@answering
def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any = None, mode: Mode = "reflect", cval: Any = 0.0, *,
    axes: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """Length of the gradient after a Gaussian filter; see :func:`gaussian_laplace`.

    >>> print(gaussian_gradient_magnitude(np.arange(9.0), 1.0)[4].round(3))
    1.0
    """
    return generic_gradient_magnitude(input, _gaussian_derivative, output, mode, cval, (1, sigma),
                                      options, axes=axes)  # fmt: skip


# functions of windows


@answering
def vectorized_filter(
    input: Any, function: Callable[..., Any], *, size: Any = None, footprint: Any = None,
    output: Any = None, mode: Mode = "reflect", cval: Any = 0.0, origin: Origin = 0,
    axes: Any = None, batch_memory: int = 2**30,
) -> Any:  # fmt: skip
    """A function of the elements of each window, called once for all.

    Args:
        input, size, footprint, output, mode, cval, origin, axes: see :func:`rank_filter`.
        function: ``function(windows, axis=axes)``, which reduces these axes, as ``np.mean``.
        batch_memory: ignored, for compatibility with SciPy.

    >>> print(vectorized_filter(np.array([3.0, 1.0, 2.0]), np.sum, size=3))
    [7. 6. 5.]
    """
    check_output("vectorized_filter", output)
    x = as_floating(input)
    window, shifts = window_of("vectorized_filter", x, size, footprint, origin, axes)
    found = elements("vectorized_filter", x, window, shifts, mode, cval)
    return function(np.moveaxis(found, 0, -1), axis=-1)


@answering
def generic_filter(
    input: Any, function: Callable[..., Any], size: Any = None, footprint: Any = None,
    output: Any = None, mode: Mode = "reflect", cval: Any = 0.0, origin: Origin = 0,
    extra_arguments: Sequence[Any] = (), extra_keywords: Mapping[str, Any] | None = None, *,
    axes: Any = None,
) -> Any:  # fmt: skip
    """A function of the elements of each window, which is called for each element.

    Args:
        input, size, footprint, output, mode, cval, origin, axes: see :func:`rank_filter`.
        function: ``function(elements, *extra_arguments, **extra_keywords)``, a scalar.

    >>> print(generic_filter(np.array([3.0, 1.0, 2.0]), np.sum, 3))
    [7. 6. 5.]
    """
    check_output("generic_filter", output)
    x = as_floating(input)
    window, shifts = window_of("generic_filter", x, size, footprint, origin, axes)
    found = elements("generic_filter", x, window, shifts, mode, cval)
    flat = np.moveaxis(np.reshape(found, (shape_of(found)[0], -1)), 0, -1)
    more = extra_keywords or {}
    rows = [function(flat[i], *extra_arguments, **more) for i in range(shape_of(flat)[0])]
    return np.reshape(np.stack(rows), shape_of(x)) if rows else x


@answering
def generic_filter1d(
    input: Any, function: Callable[..., Any], filter_size: int, axis: int = -1,
    output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0,
    extra_arguments: Sequence[Any] = (), extra_keywords: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """A function of each line along an axis, continued at both ends, which it fills.

    Args:
        input, output, mode, cval, origin: see :func:`rank_filter`.
        function: ``function(line, out, *extra_arguments, **extra_keywords)``, which writes the
            results into ``out``.
        filter_size: int, the number of elements by which a line is longer, and 1.
        axis: the axis of the lines.

    >>> def sums(line, out):
    ...     out[...] = line[:-2] + line[1:-1] + line[2:]
    >>> print(generic_filter1d(np.array([3.0, 1.0, 2.0]), sums, 3))
    [7. 6. 5.]
    """
    check_output("generic_filter1d", output)
    check_mode("generic_filter1d", mode)
    x = as_floating(input)
    axis = axis_of(axis, len(shape_of(x)))
    n, before = shape_of(x)[axis], filter_size // 2 + origin
    if not 0 <= before < filter_size:
        raise ValueError(f"generic_filter1d: origin must keep the center in the window: got "
                         f"{origin}")  # fmt: skip
    wide = np.moveaxis(extended(x, axis, before, filter_size - 1 - before, mode, cval), axis, -1)
    lead, more = shape_of(wide)[:-1], extra_keywords or {}
    lines = np.reshape(wide, (-1, shape_of(wide)[-1]))
    rows = []
    for i in range(shape_of(lines)[0]):
        out = np.zeros_like(lines[i, :n])
        function(lines[i], out, *extra_arguments, **more)
        rows.append(out)
    return np.moveaxis(np.reshape(np.stack(rows), (*lead, n)), -1, axis)
