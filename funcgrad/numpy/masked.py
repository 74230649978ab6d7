"""Elements ``x[mask]`` under a mask that is not known: how many there are depends on its values.

``x[mask] *= 2``, ``x[mask] = y[mask] + 1`` and ``x[mask].sum()`` need no array of them. All of
``x`` takes part in the operation, and the mask selects afterwards.
"""

from typing import Any, NoReturn

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.buffers import settled
from ..core.errors import ConcretizationError
from ..core.registry import overrides
from ..ops.operand import operand
from ..ops.structure import cast
from ..transforms.sameness import have_same_elements

_REDUCTIONS = (np.sum, np.prod, np.mean, np.any, np.all)


class Masked(np.lib.mixins.NDArrayOperatorsMixin):
    """The elements of an array under an unknown mask of its first axes.

    Args:
        x: traced array, of which all elements are kept.
        mask: traced boolean array.
    """

    __slots__ = ("mask", "values")

    def __init__(self, x: Any, mask: Any) -> None:
        self.values, self.mask = settled(x), settled(mask)

    @property
    def dtype(self) -> np.dtype:
        return dtype_of(self.values)

    @property
    def aval(self) -> NoReturn:
        self._refuse()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._refuse()

    def __getitem__(self, index: Any) -> NoReturn:
        self._refuse()

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        self._refuse()

    def __iter__(self) -> NoReturn:
        self._refuse()

    def __len__(self) -> NoReturn:
        self._refuse()

    def __bool__(self) -> NoReturn:
        self._refuse()

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        if method != "__call__" or ufunc.signature or kwargs or (out and out != (self,)):
            self._refuse()
        found = ufunc(*map(self._operand, inputs))
        if out:
            self.values = _cast(ufunc, found, self.dtype)
            return self
        return tuple(map(self._with, found)) if isinstance(found, tuple) else self._with(found)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        alone = args == (self,) and not kwargs
        if function not in _REDUCTIONS or not alone or self.mask.ndim != len(shape_of(self.values)):
            self._refuse()
        return function(self.values, where=self.mask)

    def copy(self) -> "Masked":
        return self._with(self.values)

    def astype(self, dtype: Any) -> "Masked":
        return self._with(self.values.astype(dtype))

    def sum(self) -> Any:
        return np.sum(self)  # type: ignore[call-overload]

    def mean(self) -> Any:
        return np.mean(self)  # type: ignore[call-overload]

    def _with(self, values: Any) -> "Masked":
        return Masked(values, self.mask)

    def _operand(self, x: Any) -> Any:
        """All elements of an operand; an array that is not masked has none of the masked axes."""
        if isinstance(x, Masked):
            if not have_same_elements(self.mask, x.mask):
                refuse_other_mask()
            return x.values
        x = operand(x)
        if len(shape_of(x)) > len(shape_of(self.values)) - self.mask.ndim:
            self._refuse()
        return x

    def _refuse(self) -> NoReturn:
        raise ConcretizationError(
            f"a boolean index: the shape of the result depends on values, which are unknown for "
            f"the traced {self.mask.aval}; write numpy.where(mask, x, 0) for x[mask]"
        )


def refuse_other_mask() -> NoReturn:
    raise ConcretizationError(
        "x[mask] with y[other]: two masks whose values are unknown may select different elements; "
        "give the mask a name: m = x > 0, then x[m] = y[m]"
    )


def _cast(ufunc: np.ufunc, x: Any, dtype: np.dtype) -> Any:
    """A result as an array of this dtype holds it.

    Raises:
        TypeError: NumPy's, if it cannot.
    """
    if not np.can_cast(dtype_of(x), dtype, "same_kind"):
        np.add(np.zeros(0, dtype_of(x)), 0, out=np.zeros(0, dtype))  # raises
    return cast(x, dtype)


overrides["masked"] = Masked
