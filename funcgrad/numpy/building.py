"""What NumPy builds by Python loops of its own, which call nothing that a tracer could answer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.trace import ConcreteTracer, Tracer
from ..ops.operand import holds_tracer
from ..ops.structure import cast, reshape
from ..transforms.batching import vmap
from .shapes import broadcast_arrays, stack


class vectorize(np.vectorize):  # noqa: N801, NumPy's name
    """Return a function of numbers as one of arrays, traced or not; see numpy.vectorize.

    Tracers whose numbers are known are taken one by one, as NumPy does; others at once by vmap,
    so that the function must not ask for their truth. Without tracers NumPy runs.

    >>> import funcgrad as fg
    >>> half = vectorize(lambda a: a / 2 if a > 0 else 0 * a)
    >>> fg.grad(lambda x: half(x).sum())(np.array([3.0, -1.0]))
    array([0.5, 0. ])
    """

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if not holds_tracer([*args, *kwargs.values()]):
            return super().__call__(*args, **kwargs)
        if self.signature is not None or self.excluded or kwargs:
            raise TypeError(
                "vectorize: signature=, excluded= and keyword arguments do not go with traced "
                "arrays; write vmap, whose in_axes says what is mapped"
            )
        arrays = broadcast_arrays(*args)
        shape = shape_of(arrays[0])
        results = _mapped(self.pyfunc, [reshape(x, (x.size,)) for x in arrays])
        several = isinstance(results, tuple)
        made = [reshape(y, shape) for y in (results if several else (results,))]
        if self.otypes is not None:
            made = [cast(y, dtype) for y, dtype in zip(made, self.otypes, strict=True)]
        return tuple(made) if several else made[0]


def _mapped(function: Callable[..., Any], flat: list[Any]) -> Any:
    """Return a function of elements mapped over vectors."""
    if not all(isinstance(x, ConcreteTracer) for x in flat if isinstance(x, Tracer)):
        return vmap(function)(*flat)
    if not shape_of(flat[0])[0]:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    results = [function(*xs) for xs in zip(*flat, strict=True)]
    if isinstance(results[0], tuple):
        return tuple(stack(column) for column in zip(*results, strict=True))
    return stack(results)
