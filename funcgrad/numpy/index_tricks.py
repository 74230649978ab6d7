"""Arrays made by index syntax (``r_``, ``c_``), and indices made from shapes and vectors.

NumPy does not dispatch ``r_[...]`` and ``c_[...]`` to tracers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, dtype_of, shape_of
from ..core.errors import shown
from ..ops.operand import asarray, holds_tracer, operand, strong
from ..ops.structure import cast, reshape
from .aliasing import reshaped
from .dispatch import NO_DERIVATIVE, implements, numpy_function, unsupported
from .indexing import concrete, placeholder

s_, index_exp = np.s_, np.index_exp


def ndenumerate(arr: Any) -> Any:
    """Iterate over pairs of an index and an element, which may be traced; see numpy.ndenumerate.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: sum((i + j) * v for (i, j), v in ndenumerate(x)))(np.ones((2, 2)))
    array([[0., 1.],
           [1., 2.]])
    """
    if not holds_tracer(arr):
        return np.ndenumerate(arr)
    x = asarray(arr)
    return ((index, x[index]) for index in np.ndindex(*shape_of(x)))


ndenumerate.__wrapped__ = np.ndenumerate  # type: ignore[attr-defined]  # whose signature this has


class IndexConcatenator:
    """Type of ``r_`` and ``c_``: indexing joins the parts in brackets along an axis.

    Parts are arrays, tracers, scalars, and slices, which mean ranges. A first part
    ``"axis,ndmin,start"`` gives the axis, the rank, and the position of a smaller part's axes.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: (fg.numpy.r_[x, 1:3, 5.0] ** 2).sum())(np.ones(2))
    array([2., 2.])
    """

    __slots__ = ("axis", "ndmin", "numpys", "start")

    def __init__(self, numpys: Any, axis: int, ndmin: int, start: int) -> None:
        self.numpys = numpys
        self.axis, self.ndmin, self.start = axis, ndmin, start

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not holds_tracer(parts):
            return self.numpys[key]
        how = self
        if isinstance(parts[0], str):
            how, parts = self._directed(parts[0]), parts[1:]
        dtype = np.result_type(*(p if type(p) in PYTHON_SCALARS else _as_part(p) for p in parts))
        return np.concatenate([how._padded(_as_part(p)).astype(dtype) for p in parts], how.axis)

    def _directed(self, directive: str) -> "IndexConcatenator":
        """Concatenator with the options of a first part that is a string."""
        if directive in ("r", "c"):
            raise unsupported("r_", "a matrix", "write the string '0,2', or '0,2,0' for a column")
        try:
            given = [int(n) for n in directive.split(",")]
        except ValueError:
            raise ValueError(f"r_: unknown special directive: got {shown(directive)}") from None
        return IndexConcatenator(
            self.numpys, *given, *(self.axis, self.ndmin, self.start)[len(given) :]
        )

    def _padded(self, part: Any) -> Any:
        """Part with axes of length 1 inserted up to ``ndmin``."""
        shape = shape_of(part)
        missing = self.ndmin - len(shape)
        if missing <= 0:
            return part
        before = self.start if self.start >= 0 else self.start + missing + 1
        return reshape(part, (1,) * before + shape + (1,) * (missing - before))


def _as_part(part: Any) -> Any:
    """Part as an array; a slice is a range, whose imaginary step is its number of elements."""
    if isinstance(part, str):
        raise ValueError("r_: special directives must be the first entry")
    if not isinstance(part, slice):
        return asarray(part)
    start, step = part.start or 0, 1 if part.step is None else part.step
    if isinstance(step, complex):
        return np.linspace(start, part.stop, int(abs(step)))
    return np.arange(start, part.stop, step)


r_ = IndexConcatenator(np.r_, 0, 1, -1)
c_ = IndexConcatenator(np.c_, -1, 2, 0)


def _indices_from(name: str) -> Callable[..., Any]:
    """Rule of a NumPy function that gives indices into an array of some shape."""
    function = numpy_function(name)

    def of_shape(arr: Any, *args: Any, **kwargs: Any) -> Any:
        return function(placeholder(arr), *args, **kwargs)

    of_shape.__name__ = of_shape.__qualname__ = name
    of_shape.__doc__ = f"Indices that depend on the shape alone; see numpy.{name}."
    return of_shape


for _name in ("tril_indices_from", "triu_indices_from", "diag_indices_from"):
    implements(_name, status=NO_DERIVATIVE)(_indices_from(_name))


@implements("ix_")
def ix_(*args: Any) -> tuple[Any, ...]:
    """Vectors reshaped to index a grid; see numpy.ix_."""
    results = []
    for k, x in enumerate(args):
        x = strong(operand(x))
        if len(shape_of(x)) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if dtype_of(x).kind == "b":
            (x,) = concrete("ix_", x).nonzero()
        elif not isinstance(args[k], np.ndarray) and shape_of(x) == (0,):
            x = cast(x, np.intp)  # NumPy takes an empty list as integers
        shape = (*[1] * k, shape_of(x)[0], *[1] * (len(args) - k - 1))
        results.append(reshaped(x, shape))
    return tuple(results)
