"""StableHLO: the text of a program that XLA and other compilers read."""

from collections.abc import Callable
from typing import Any

from ..core.lazy import answering
from ..transforms.jit.api import jit


@answering
def stablehlo(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The text of a function in StableHLO, for arguments with these shapes and dtypes.

    It is made by JAX, which ``pip install 'funcgrad[jax]'`` installs.

    Args:
        fun: a function of arrays, or of trees of arrays.
        *args: arguments, or ShapeDtypeStructs for the arrays.
        **kwargs: keyword arguments.

    Raises:
        ImportError: if JAX is not installed.
        MissingRuleError: if an operation has no form in JAX.
    """
    return jit(fun, backend="jax").source(*args, **kwargs)
