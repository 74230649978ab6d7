"""Grey morphology: extrema of windows to which a structure is added."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.lazy import answering
from ...ops.operand import operand, strong
from .borders import check_output
from .ranks import Origin, elements, ranked, window_of


def _eroded(
    who: str, x: Any, window: Any, structure: Any, mode: Any, cval: Any, shifts: Sequence[int],
    least: bool,
) -> Any:  # fmt: skip
    if structure is None:
        return ranked(who, x, window, 0 if least else -1, mode, cval, shifts)
    found = elements(who, x, window, shifts, mode, cval)
    heights = np.reshape(operand(structure)[window], (-1, *[1] * np.ndim(window)))
    return np.min(found - heights, axis=0) if least else np.max(found + heights, axis=0)


def _prepared(
    who: str, x: Any, size: Any, footprint: Any, structure: Any, output: Any, origin: Origin,
    axes: Any,
) -> tuple[Any, Any, list[int]]:  # fmt: skip
    check_output(who, output)
    x = strong(operand(x))
    if structure is not None and footprint is None:
        footprint = np.ones(np.shape(structure), bool)
    return x, *window_of(who, x, size, footprint, origin, axes)


@answering
def grey_erosion(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The least difference of elements of a window and a structure.

    Args:
        input, size, footprint, output, mode, cval, origin, axes: see :func:`rank_filter`.
        structure: array of the window's shape, which is subtracted; differentiable too.

    >>> print(grey_erosion(np.array([3.0, 1.0, 2.0, 4.0]), 3))
    [1. 1. 1. 2.]
    """
    x, window, shifts = _prepared("grey_erosion", input, size, footprint, structure, output,
                                  origin, axes)  # fmt: skip
    return _eroded("grey_erosion", x, window, structure, mode, cval, shifts, True)


@answering
def grey_dilation(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The greatest sum of elements of a window and a mirrored structure; see :func:`grey_erosion`.

    >>> print(grey_dilation(np.array([3.0, 1.0, 2.0, 4.0]), 3))
    [3. 3. 4. 4.]
    """
    x, window, shifts = _prepared("grey_dilation", input, size, footprint, structure, output,
                                  origin, axes)  # fmt: skip
    back = (slice(None, None, -1),) * window.ndim
    shifts = [-o - (k % 2 == 0) for o, k in zip(shifts, window.shape, strict=True)]
    mirrored = None if structure is None else operand(structure)[back]
    return _eroded("grey_dilation", x, window[back], mirrored, mode, cval, shifts, False)


@answering
def grey_opening(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Erosion, then dilation: peaks that are smaller than the window vanish.

    Args: see :func:`grey_erosion`.

    >>> print(grey_opening(np.array([0.0, 1.0, 0.0, 2.0, 2.0, 2.0]), 3))
    [0. 0. 0. 2. 2. 2.]
    """
    rest = (size, footprint, structure, output, mode, cval, origin)
    return grey_dilation(grey_erosion(input, *rest, axes=axes), *rest, axes=axes)


@answering
def grey_closing(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Dilation, then erosion: gaps that are smaller than the window vanish.

    Args: see :func:`grey_erosion`.

    >>> print(grey_closing(np.array([2.0, 1.0, 2.0, 0.0, 0.0, 0.0]), 3))
    [2. 2. 2. 0. 0. 0.]
    """
    rest = (size, footprint, structure, output, mode, cval, origin)
    return grey_erosion(grey_dilation(input, *rest, axes=axes), *rest, axes=axes)


@answering
def morphological_gradient(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Dilation minus erosion; see :func:`grey_erosion`.

    >>> print(morphological_gradient(np.array([0.0, 0.0, 2.0, 2.0]), 3))
    [0. 2. 2. 0.]
    """
    rest = (size, footprint, structure, output, mode, cval, origin)
    return grey_dilation(input, *rest, axes=axes) - grey_erosion(input, *rest, axes=axes)


@answering
def morphological_laplace(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Dilation plus erosion minus twice the array; see :func:`grey_erosion`.

    >>> print(morphological_laplace(np.array([0.0, 0.0, 2.0, 2.0]), 3))
    [ 0.  2. -2.  0.]
    """
    rest = (size, footprint, structure, output, mode, cval, origin)
    both = grey_dilation(input, *rest, axes=axes) + grey_erosion(input, *rest, axes=axes)
    return both - 2 * operand(input)


@answering
def white_tophat(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The array minus its opening: small peaks; see :func:`grey_opening`.

    >>> print(white_tophat(np.array([0.0, 1.0, 0.0, 2.0, 2.0, 2.0]), 3))
    [0. 1. 0. 0. 0. 0.]
    """
    rest = (size, footprint, structure, output, mode, cval, origin)
    return operand(input) - grey_opening(input, *rest, axes=axes)


@answering
def black_tophat(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The closing of an array minus the array: small gaps; see :func:`grey_closing`.

    >>> print(black_tophat(np.array([2.0, 1.0, 2.0, 0.0, 0.0, 0.0]), 3))
    [0. 1. 0. 0. 0. 0.]
    """
    rest = (size, footprint, structure, output, mode, cval, origin)
    return grey_closing(input, *rest, axes=axes) - operand(input)
