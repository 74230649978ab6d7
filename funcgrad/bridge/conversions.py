"""to_jax and from_jax: functions of NumPy code for JAX arrays, and back."""

from collections.abc import Callable, Hashable, Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ..core.lazy import answering
from ..core.registry import load
from ..transforms.arguments import check_callable


@answering
def to_jax(fun: Callable[..., Any], axis_names: Sequence[Hashable] = ()) -> Callable[..., Any]:
    """The function for JAX arrays: it runs under ``jax.jit``, ``grad``, ``vmap`` and ``shard_map``.

    Args:
        fun: a function of arrays, or of trees of arrays, in NumPy code; it may use transforms of
            this library.
        axis_names: the named axes of an enclosing ``jax.vmap`` or ``jax.shard_map`` that its
            collectives use.

    Custom rules are kept, and derivatives follow the conventions of this library; but as in JAX,
    ``jax.grad`` may give nan for a branch that is not selected, and for equal eigenvalues or
    singular values: ``to_jax(fg.grad(f))`` does not.
    64-bit numbers need ``jax.enable_x64(True)``. An index out of range reads nan, or the least
    integer, and writes nothing.

    Raises:
        ImportError: if JAX is not installed.
        MissingRuleError: at a call, if an operation has no form in JAX.

    >>> import jax, numpy as np
    >>> f = to_jax(lambda x: np.sum(np.sin(x) ** 2))
    >>> print(jax.jit(jax.grad(f))(np.float32([0.0, 0.5])))
    [0.       0.841471]
    """
    check_callable("to_jax", fun)
    return engine("to_jax", "staged").on_jax(fun, tuple(axis_names))  # type: ignore[no-any-return]


@answering
def to_array_api(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function for arrays of a library that follows the Array API standard.

    It takes arrays of CuPy, PyTorch (with array-api-compat), and others, and gives such arrays, on
    the device of the first. Its program is staged for the shapes and dtypes of each call, and runs
    by functions of ``x.__array_namespace__()``; loops and branches are those of Python. Arrays of
    NumPy beside them stay NumPy's until they meet others: so do keys of random numbers.

    Args:
        fun: a function of arrays, or of trees of arrays, in NumPy code; it may use transforms of
            this library. Derivatives are taken inside: ``to_array_api(fg.grad(f))``.

    Raises:
        TypeError: if arrays are of two libraries, or one has no namespace.
        MissingRuleError: at a call, if an operation has no form in the standard.
        UnsupportedError: at a call, if the library lacks an operation or a dtype.

    >>> import array_api_strict as xp, funcgrad as fg
    >>> slope = to_array_api(fg.grad(lambda x: (x**3).sum()))
    >>> slope(xp.asarray([1.0, 2.0]))
    Array([ 3., 12.], dtype=array_api_strict.float64)
    """
    check_callable("to_array_api", fun)
    return load("funcgrad.bridge.array_api.program").on_arrays(fun)  # type: ignore[no-any-return]


@answering
def from_jax(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function of JAX code for NumPy arrays, under all transforms of this library.

    It is traced by ``jax.make_jaxpr`` for the shapes and dtypes of each call, and its program runs
    by NumPy: nothing is compiled by XLA.

    Args:
        fun: a function of JAX arrays, or of trees of them. Where 64-bit numbers come in, it is
            traced with ``jax.enable_x64(True)``. Arguments that are no arrays are static.

    Raises:
        ImportError: if JAX is not installed.
        UnsupportedError: at a call, for an operation of JAX that has no counterpart.

    >>> import jax.numpy as jnp, numpy as np, funcgrad as fg
    >>> f = from_jax(lambda x: jnp.sum(jnp.sin(x) ** 2))
    >>> print(fg.grad(f)(np.array([0.0, 0.5])))
    [0.         0.84147098]
    """
    check_callable("from_jax", fun)
    return engine("from_jax", "jaxprs").by_numpy(fun)  # type: ignore[no-any-return]


def engine(who: str, module: str) -> ModuleType:
    """A module of the bridge.

    Raises:
        ImportError: if JAX is not installed.
    """
    if find_spec("jax") is None:
        raise ImportError(f"{who}: JAX is not installed: run pip install 'funcgrad[jax]'")
    return load(f"funcgrad.bridge.{module}")
