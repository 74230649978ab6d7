"""Arrays that a trace owns and writes into: ndarrays, or values of an outer trace.

A trace that writes in place keeps its values in such arrays one level down. If the values are those
of an outer trace, that trace writes in place in its turn.
"""

import operator
from typing import Any

import numpy as np

from ..core.avals import Aval, aval_of
from ..core.buffers import Buffer, new_array
from ..core.memory import Owner, Steps, alias, snapshot
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops import elementwise as ew
from ..ops.index import getitem_p
from ..ops.layout import (
    laid_out,
    new_copy_in,
    strides_in_elements,
    strides_of,
    without_gaps,
    zeros_in_order,
)
from ..ops.structure import reshape_p, transpose_p
from .staging import staged_in

_FOLLOWED = frozenset({getitem_p, reshape_p, transpose_p, ew.real, ew.imag})


def can_follow(steps: Steps) -> bool:
    """Whether the steps lead to a view in a tangent or cotangent as they do in the array."""
    return all(prim in _FOLLOWED for prim, _ in steps)


def in_cotangent(ct: Any, steps: Steps) -> Any:
    """The cotangent of a view, as the view of the cotangent of the array holds it, or from it."""
    # the transpose of imag is t -> -i t, so that the imaginary part is that of -t
    return -ct if any(prim is ew.imag for prim, _ in steps) else ct


def is_writable(x: Any) -> bool:
    """Whether a value can be written in place: an ndarray, or a value of a trace that does so."""
    if not isinstance(x, Tracer):
        return isinstance(x, (np.ndarray, np.generic, bool, int, float, complex))
    return x._trace.writes_in_place and staged_in(x) is None


def kept(x: Any) -> Any:
    """The value as it is now, whatever is written later."""
    if isinstance(x, Tracer):
        return snapshot(x)
    if not isinstance(x, np.ndarray) or x.flags.forc:
        return x.copy("K")
    return new_copy_in(without_gaps(x.shape, strides_in_elements(x)), x)


def own_array(x: Any) -> Any:
    """A copy of the value of a tracer, in which views are views as in the memory that it owns."""
    strides = x._memory.strides if type(x._memory) is Owner else None
    if type(strides) is not tuple or not x.shape:
        return new_copy(x.value)
    if isinstance(x.value, np.ndarray):
        if x.value.flags.forc and strides_in_elements(x.value) == strides:
            return kept(x.value)
        return new_copy_in(without_gaps(x.shape, strides), x.value)
    copy = new_copy(x.value)
    copy._memory.strides = strides
    return copy


def keep_strides(y: Any, x: Any) -> Any:
    """A tracer ``y`` of a copy of ``x``, which may be a view, with the strides of that."""
    if strides_of(y) != (strides := strides_of(x)):
        y._memory = Owner(strides)
    return y


def new_copy(x: Any) -> Any:
    """A copy to write into; of a value of an outer trace, an array made by the one that runs."""
    return new_array(x) if isinstance(x, Tracer) else kept(x)


def avals_of(x: Any, steps: Steps) -> list[Aval]:
    """The avals of an array and of what each step makes of it."""
    avals = [aval_of(x)]
    for prim, params in steps:
        avals += prim.infer(avals[-1], **params)
    return avals


def part_of(x: Any, steps: Steps) -> Any:
    """The view of an array to which the steps lead."""
    for prim, params in steps:
        if isinstance(x, Tracer):
            (y,) = prim.bind(x, **params)
            x = y if y is x else alias(y, x, prim, params)
        else:
            (x,) = prim.run(x, **params)
    return x


def leads_to_view(x: Any, steps: Steps) -> bool:
    """Whether the steps lead to a view of an array: a reshape may copy one in another order."""
    if not steps:
        return True
    base = x if isinstance(x, np.ndarray) else laid_out(x.shape, strides_of(x), x.dtype)
    view = part_of(base, steps)
    return not view.size or np.may_share_memory(view, base)


def put(x: Any, steps: Steps, key: Any, value: Any) -> Any:
    """Write ``view[key] = value`` in the view to which the steps lead; return the array."""
    traced = isinstance(value, Tracer)
    if not isinstance(x, Tracer):
        if not traced:
            # NumPy writes z[::2] = z[:5] element by element, and so reads elements already written
            overlaps = type(value) is np.ndarray and np.may_share_memory(value, x)
            view = part_of(x, steps)
            assert not steps or not view.size or np.may_share_memory(view, x)
            view[key] = value.copy() if overlaps else value
            return x
        x = Buffer(x)  # it becomes a value of the outer trace
        view = x
        for prim, params in steps:
            view = alias(Buffer(prim.run(view.value, **params)[0]), view, prim, params)
    else:
        view = part_of(x, steps)
    overrides[operator.setitem](view, key, value)
    return x


def zeros_in(x: Any) -> np.ndarray:
    """Zeros with the shape, dtype and memory layout of an array."""
    return np.zeros_like(x) if isinstance(x, np.ndarray) and x.flags.forc else zeros_in_order(x)
