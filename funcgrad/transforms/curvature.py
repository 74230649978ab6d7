"""Second derivatives along a direction: a scalar, or a product of a matrix with a vector."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core.lazy import answering
from .arguments import check_callable, check_leaves
from .forward import jvp
from .grad import grad, vjp
from .options import check_pair


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


@answering
def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Product of the Hessian with a vector, without the Hessian.

    hvp : (a -> R) -> (a, T a) -> CT a

    Args:
        fun: a function with a real scalar output.
        primals: tuple of the arguments at which to differentiate.
        tangents: tuple of the vector: structure, shapes and dtypes of ``primals``.

    Returns:
        A tree like the argument; for several arguments, a tuple of trees.

    Raises:
        NonScalarError: if the output is not a scalar.

    >>> import numpy as np
    >>> print(hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),)))
    [ 6. 12.]
    """
    check_pair("hvp", primals, tangents)
    argnums = tuple(range(len(primals))) if len(primals) > 1 else 0
    check_leaves("hvp", fun, range(len(primals)), tuple(primals), mixed=True)
    return jvp(grad(fun, argnums, allow_int=True), tuple(primals), tuple(tangents))[1]


def gnvp(
    fun: Callable[..., Any],
    loss: Callable[[Any], Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
) -> Any:
    """Gauss-Newton product of ``loss(fun(...))`` with a vector v: J' H J v.

    gnvp : (a -> b) -> (b -> R) -> (a, T a) -> CT a

    Args:
        fun: the model, a function from the arguments to predictions, with the Jacobian J.
        loss: a convex function of predictions with a real scalar output, with the Hessian H; J' H J
            is positive semidefinite, unlike the Hessian of the composition.
        primals: tuple of the arguments at which to differentiate.
        tangents: tuple of the vector: structure, shapes and dtypes of ``primals``.

    Returns:
        A tree like the argument; for several arguments, a tuple of trees.

    Source: Schraudolph 2002, "Fast curvature matrix-vector products", section 3.

    >>> import numpy as np
    >>> square = lambda r: (r**2).sum()
    >>> print(gnvp(np.sin, square, (np.array([0.0, 1.0]),), (np.array([1.0, 1.0]),)).round(3))
    [2.    0.584]
    """
    check_callable("gnvp", fun)
    check_callable("gnvp", loss)
    check_pair("gnvp", primals, tangents)
    out, pushed = jvp(fun, tuple(primals), tuple(tangents))
    curved = jvp(grad(loss), (out,), (pushed,))[1]
    product = vjp(fun, *primals)[1](curved)
    return product if len(primals) > 1 else product[0]
