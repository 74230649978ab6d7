"""numpy.vectorize, whose function may take and give traced values."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import Shape, dtype_of, shape_of
from ..core.trace import ConcreteTracer, Tracer, running
from ..ops.operand import asarray, holds_tracer, operand, strong
from ..ops.structure import broadcast_to, cast, reshape
from ..transforms.batching import vmap
from .aliasing import as_array
from .joining import stack

_CORE = re.compile(r"\(([^()]*)\)")


class vectorize(np.vectorize):  # noqa: N801, NumPy's name
    """Function of scalars, applied to arrays element by element; see numpy.vectorize.

    Traced arrays with known values are processed one element at a time, as in NumPy, which gives
    the result the dtype of the first element. Others are mapped by ``vmap``, so that the function
    may not branch on its argument.

    >>> import funcgrad as fg
    >>> half = vectorize(lambda a: a / 2 if a > 0 else 0 * a)
    >>> fg.grad(lambda x: half(x).sum())(np.array([3.0, -1.0]))
    array([0.5, 0. ])
    """

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        plain = running.get() is None and not holds_tracer([*args, *kwargs.values()])
        if plain or not callable(self.pyfunc) or not (args or kwargs):
            return super().__call__(*args, **kwargs)
        function, given = self._of_arrays(args, kwargs)
        arrays = [asarray(x) for x in given]
        inputs, outputs = self._cores(len(arrays))
        loop = _loop_shape([shape_of(x) for x in arrays], inputs)
        if 0 in loop:
            if self.otypes is None or any(outputs or ()):
                raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
            made = tuple([np.zeros(loop, dtype) for dtype in self.otypes])
            return made if len(made) > 1 else made[0]
        rows = [_rows(x, loop, len(core)) for x, core in zip(arrays, inputs, strict=True)]
        columns = _mapped(function, rows)
        several = isinstance(columns, tuple)
        made = tuple(
            [
                as_array(reshape(y, (*loop, *shape_of(y)[1:])))
                for y in (columns if several else (columns,))
            ]
        )
        if self.otypes is not None:
            pairs = zip(made, self.otypes, strict=True)
            made = tuple([cast(y, np.dtype(dtype)) for y, dtype in pairs])
        return made if several else made[0]

    def _of_arrays(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Callable[..., Any], list]:
        """The function of those arguments that are not excluded, and these arguments."""
        places = [i for i in range(len(args)) if i not in self.excluded]
        names = [name for name in kwargs if name not in self.excluded]

        def function(*values: Any) -> Any:
            given, named = list(args), dict(kwargs)
            for i, value in zip(places, values[: len(places)], strict=True):
                given[i] = value
            named.update(zip(names, values[len(places) :], strict=True))
            return self.pyfunc(*given, **named)

        return function, [*(args[i] for i in places), *(kwargs[name] for name in names)]

    def _cores(self, count: int) -> tuple[list[list[str]], list[list[str]] | None]:
        """Names of the core axes of each argument; with a signature, of each result too."""
        if self.signature is None:
            return [[]] * count, None
        sides = (_CORE.findall(side) for side in self.signature.split("->"))
        inputs, outputs = ([re.findall(r"\w+", core) for core in side] for side in sides)
        if len(inputs) != count:
            raise TypeError(
                f"wrong number of positional arguments: expected {len(inputs)}, got {count}"
            )
        return inputs, outputs


def _loop_shape(shapes: Sequence[Shape], cores: Sequence[Sequence[str]]) -> Shape:
    """Shape over which the function is applied: that of the leading axes, broadcast."""
    sizes: dict[str, int] = {}
    leads = []
    for shape, core in zip(shapes, cores, strict=True):
        lead = len(shape) - len(core)
        if lead < 0:
            raise ValueError(
                f"vectorize: an argument has fewer axes than the signature: got shape {shape} for "
                f"({', '.join(core)})"
            )
        leads.append(shape[:lead])
        for name, size in zip(core, shape[lead:], strict=True):
            if sizes.setdefault(name, size) != size:
                raise ValueError(
                    f"vectorize: axes of one name differ in length: {name!r} is {size} and "
                    f"{sizes[name]}"
                )
    return np.broadcast_shapes(*leads)


def _rows(x: Any, loop: Shape, rank: int) -> Any:
    """The cores of an array, one for each element of the loop."""
    core = shape_of(x)[len(shape_of(x)) - rank :]
    return reshape(broadcast_to(x, (*loop, *core)), (int(np.prod(loop)), *core))


def _mapped(function: Callable[..., Any], rows: list[Any]) -> Any:
    """Results of a function for each row, stacked; of the dtype of the first if they are known."""
    if not all(isinstance(x, ConcreteTracer) for x in rows if isinstance(x, Tracer)):
        return vmap(function)(*rows)
    results = [function(*(x[i] for x in rows)) for i in range(shape_of(rows[0])[0])]
    if isinstance(results[0], tuple):
        return tuple([_stacked(column) for column in zip(*results, strict=True)])
    return _stacked(results)


def _stacked(results: Sequence[Any]) -> Any:
    arrays = [strong(operand(y)) for y in results]
    return stack([cast(y, dtype_of(arrays[0])) for y in arrays])
