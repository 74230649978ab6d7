"""Gradients, Jacobians and products with them, by autograd's names."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import DtypeError, NonScalarError, UnsupportedError
from .core import make_jvp as _make_jvp, make_vjp as _make_vjp
from .rules import defjvp_argnum, defvjp_argnum
from .tracer import primitive
from .vspaces import ArrayVSpace, vspace
from .wrap_util import get_name, unary_to_nary

make_vjp = unary_to_nary(_make_vjp)
make_jvp = unary_to_nary(_make_jvp)


def _seed(who: str, ans: Any) -> Any:
    """The cotangent 1 of a real output of one element."""
    space = vspace(ans)
    if space.size != 1:
        raise NonScalarError(
            f"{who}: the output must be one real number: got {space}; use jacobian, "
            f"elementwise_grad or holomorphic_grad"
        )
    return space.ones()


@unary_to_nary
def grad(fun: Callable[[Any], Any], x: Any) -> Any:
    """
    Returns a function which computes the gradient by the argument at ``argnum``.

    grad : (a -> R, argnum) -> a -> CT a

    Args:
        fun: a function whose output has one real element, of any number of axes.
        argnum: position of the argument, or a list or tuple of positions, for a tuple of gradients.
    """
    vjp, ans = _make_vjp(fun, x)
    return vjp(_seed("grad", ans))


@unary_to_nary
def value_and_grad(fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The value of a function of one real output, and its gradient."""
    vjp, ans = _make_vjp(fun, x)
    return ans, vjp(_seed("value_and_grad", ans))


@unary_to_nary
def grad_and_aux(fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The gradient of the first output, and the second output."""
    vjp, (ans, aux) = _make_vjp(lambda x: tuple(fun(x)), x)
    return vjp((_seed("grad_and_aux", ans), vspace(aux).zeros())), aux


@unary_to_nary
def elementwise_grad(fun: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of the sum of the outputs: of an elementwise function each derivative."""
    vjp, ans = _make_vjp(fun, x)
    if vspace(ans).iscomplex:
        raise DtypeError("elementwise_grad: the output must be real; use holomorphic_grad")
    return vjp(vspace(ans).ones())


@unary_to_nary
def deriv(fun: Callable[[Any], Any], x: Any) -> Any:
    """The derivative by a scalar, in forward mode."""
    return _make_jvp(fun, x)(vspace(x).ones())[1]


@unary_to_nary
def holomorphic_grad(fun: Callable[[Any], Any], x: Any) -> Any:
    """The derivative of a holomorphic function of one output."""
    if not vspace(x).iscomplex:
        warnings.warn("holomorphic_grad: the input is not complex", stacklevel=2)
    return grad(lambda x: np.real(fun(x)))(x)


@unary_to_nary
def jacobian(fun: Callable[[Any], Any], x: Any) -> Any:
    """The Jacobian, of the shape of the output followed by that of the argument, an array."""
    vjp, ans = _make_vjp(fun, x)
    space = vspace(ans)
    if not isinstance(space, ArrayVSpace) or not isinstance(vspace(x), ArrayVSpace):
        raise UnsupportedError("jacobian: argument and output must be arrays; use grad for trees")
    units = np.eye(int(np.prod(space.shape, dtype=int)), dtype=space.dtype)
    rows = (
        np.stack([vjp(np.reshape(unit, space.shape)) for unit in units])
        if len(units)
        else (np.zeros((0, *shape_of(x)), vspace(x).dtype))
    )
    return np.reshape(rows, (*space.shape, *shape_of(x)))


@unary_to_nary
def hessian(fun: Callable[[Any], Any], x: Any) -> Any:
    """The Jacobian of the Jacobian."""
    return jacobian(jacobian(fun))(x)


@unary_to_nary
def make_hvp(fun: Callable[[Any], Any], x: Any) -> Any:
    """The map from a vector to its product with the Hessian, and the gradient."""
    return _make_vjp(grad(fun), x)


def hessian_tensor_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """Function of the arguments and a tensor: the product of the Hessian and the tensor."""
    gradient = grad(fun, argnum)

    def along(*args: Any, **kwargs: Any) -> Any:
        *given, tensor = args
        return np.tensordot(gradient(*given, **kwargs), tensor, np.ndim(tensor))

    return grad(along, argnum)  # type: ignore[no-any-return]


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """Function of the arguments and a tensor: the product of the tensor and the Jacobian."""

    def along(*args: Any, **kwargs: Any) -> Any:
        *given, tensor = args
        return np.tensordot(tensor, fun(*given, **kwargs), np.ndim(tensor))

    return jacobian(along, argnum)  # type: ignore[no-any-return]


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The map from a tangent of ``x`` to that of ``fun(x)``, without forward rules."""
    return _pushed(fun, x)


def _pushed(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    vjp, ans = _make_vjp(fun, x)
    return _make_vjp(vjp, vspace(ans).zeros())[0]  # the transpose of the pullback, linear in ct


def _half_square(x: Any) -> Any:
    return 0.5 * np.sum(x**2, axis=-1)


def make_ggnvp(
    f: Callable[..., Any], g: Callable[[Any], Any] = _half_square, f_argnum: int = 0
) -> Callable[..., Any]:
    """The map from a vector to J' H J v, with the Jacobian of ``f`` and the Hessian of ``g``."""

    @unary_to_nary
    def ggnvp_of(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
        pull, y = _make_vjp(f, x)
        curve, _ = _make_vjp(grad(g), y)
        push = _pushed(f, x)
        return lambda v: pull(curve(push(v)))

    return ggnvp_of(f, f_argnum)  # type: ignore[no-any-return]


def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    """The gradient by the positional argument of a name."""
    return grad(fun, list(inspect.signature(fun).parameters).index(argname))  # type: ignore[no-any-return]


def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The gradients by all arguments, as a dict of their names."""
    signature = inspect.signature(fun)

    def of_all(*args: Any, **kwargs: Any) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        def call(arguments: dict[str, Any]) -> Any:
            now = inspect.BoundArguments(signature, arguments)  # type: ignore[arg-type]
            return fun(*now.args, **now.kwargs)

        return grad(call)(dict(bound.arguments))  # type: ignore[no-any-return]

    return of_all


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Function whose intermediate values are computed again in the backward pass."""
    wrapped = primitive(fun)
    wrapped.__name__ = get_name(fun)
    defvjp_argnum(wrapped, lambda i, ans, args, kwargs: make_vjp(fun, i)(*args, **kwargs)[0])
    defjvp_argnum(wrapped, lambda i, g, ans, args, kwargs: make_jvp(fun, i)(*args, **kwargs)(g)[1])
    return wrapped
