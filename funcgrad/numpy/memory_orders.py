"""Arrays with requirements on their memory: require, asfortranarray."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.memory import View
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops.layout import laid_out, strides_of
from ..ops.operand import holds_tracer
from .aliasing import contiguous, copied_in
from .creation import asarray
from .dispatch import implements

_KINDS = {"CONTIGUOUS": "C", "FORTRAN": "F", "ENSUREARRAY": "E", "OWNDATA": "O"}


def asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    """Array in F order: itself, or a copy; see numpy.asfortranarray. ``like`` has no effect.

    >>> asfortranarray(np.ones((2, 3))).flags.f_contiguous
    True
    """
    if not holds_tracer(a):
        return np.asfortranarray(a, dtype)
    x = asarray(a, dtype)
    if laid_out(x.shape, strides_of(x)).flags.f_contiguous:
        return x
    return copied_in(overrides[np.copy](x), x, "F")


def require(
    a: Any, dtype: Any = None, requirements: str | Iterable[str] | None = None, *, like: Any = None
) -> Any:
    """Array with these requirements: itself, or a copy; see numpy.require.

    Args:
        a: an array, a tracer, or a list of these.
        dtype: of the result, if it is another.
        requirements: of ``"C"``, ``"F"``, ``"O"``, ``"W"``, ``"A"``, ``"E"`` or their long names.
        like: an array that stands for NumPy's own; it has no effect.

    Raises:
        ValueError: NumPy's, for both ``"C"`` and ``"F"``.

    >>> require(np.ones((2, 3)), np.float32, ["F"]).flags.f_contiguous
    True
    """
    kinds: Any = requirements
    if not holds_tracer(a):
        return np.require(a, dtype, kinds)
    np.require(np.empty(0), None, kinds)  # its errors
    names = [name.upper().removesuffix("_CONTIGUOUS") for name in requirements or ()]
    kinds = {_KINDS.get(name, name[:1]) for name in names}
    x = asfortranarray(a, dtype) if "F" in kinds else asarray(a, dtype)
    x = contiguous(x) if "C" in kinds else x
    shared = isinstance(x, Tracer) and type(x._memory) is View
    return overrides[np.copy](x) if "O" in kinds and shared else x


@implements("require")
def _require_like(a: Any, dtype: Any = None, requirements: Any = None, **options: Any) -> Any:
    """Rule of numpy.require(..., like=tracer)."""
    return require(a, dtype, requirements)
