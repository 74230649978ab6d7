"""Second derivatives in one direction."""

import functools
from collections.abc import Callable
from typing import Any

from ..core.lazy import answering
from .arguments import check_callable, check_leaves, check_pair
from .forward import jvp


@answering
def curvature(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Second derivative of a function along a direction v: v' H v, in one forward pass.

    curvature : (a -> b) -> (a, T a) -> b

    Args:
        fun: a function of arrays, or of trees of arrays; the output may be an array or a tree, of
            which each element has its own curvature d^2 fun(x + t v) / dt^2 at t = 0.
        primals: the argument x, or a tuple of several arguments.
        tangents: the direction v, with the structure, shapes and dtypes of ``primals``.
        has_aux: whether ``fun`` returns ``(output, aux)``; the result is then (curvature, aux).

    Raises:
        DtypeError: if no primal is floating or complex, or a tangent differs in dtype.
        ShapeError: if a tangent differs in shape from its primal.
        TreeError: if tangents and primals differ in structure.

    >>> import numpy as np
    >>> print(curvature(lambda x: x[0] ** 2 * x[1], np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    10.0
    """
    check_callable("curvature", fun)
    if not isinstance(primals, tuple):
        primals, tangents = (primals,), (tangents,)
    check_pair("curvature", primals, tangents)
    check_leaves("curvature", fun, range(len(primals)), primals, mixed=True)

    @functools.wraps(fun)
    def slope(*xs: Any) -> tuple[Any, Any]:
        _, t, *aux = jvp(fun, xs, tangents, has_aux)
        return t, aux

    _, curved, aux = jvp(slope, primals, tangents, has_aux=True)
    return (curved, *aux) if has_aux else curved
