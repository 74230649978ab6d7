"""``jax.numpy.vectorize``: a function of cores, mapped over the other axes."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...transforms.batching import vmap
from .arrays import inward, outward
from .creation import asarray


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = frozenset(), signature: str | None = None
) -> Callable[..., Any]:
    """Function that applies ``pyfunc`` to cores of its arguments, and broadcasts over other axes.

    Args:
        pyfunc: a function of cores: scalars, unless there is a signature.
        excluded: positions and names of arguments that are passed as they are.
        signature: axes of the cores, as in "(n,m),(m)->(n)".
    """
    cores = None if signature is None else _cores(signature)

    @functools.wraps(pyfunc)
    def call(*args: Any, **kwargs: Any) -> Any:
        places = [i for i, x in enumerate(args) if i not in excluded and x is not None]
        arrays = [asarray(args[i]) for i in places]
        ranks = [0] * len(places) if cores is None else cores

        def of_arrays(*xs: Any) -> Any:
            given = list(args)
            for i, x in zip(places, xs, strict=True):
                given[i] = x
            return pyfunc(*given, **kwargs)

        lead = [x.shape[: x.ndim - rank] for x, rank in zip(arrays, ranks, strict=True)]
        loop = np.broadcast_shapes(*lead)
        mapped = of_arrays
        for k in range(len(loop)):  # the innermost axis of the loop is the last
            own = [0 if len(shape) > k and shape[-1 - k] != 1 else None for shape in lead]
            mapped = _vmap(mapped, tuple(own), loop[-1 - k])
        long = [tuple([d for d, n in enumerate(shape) if n == 1]) for shape in lead]
        return mapped(*[x.squeeze(axes) for x, axes in zip(arrays, long, strict=True)])

    return call


def _vmap(fun: Callable[..., Any], axes: Any, size: int) -> Callable[..., Any]:
    return outward(vmap(inward(fun), in_axes=axes, axis_size=size))


def _cores(signature: str) -> list[int]:
    inputs = signature.replace(" ", "").split("->")[0][1:-1]
    return [len(part.split(",")) if part else 0 for part in inputs.split("),(")]
