"""StableHLO: the text of a program that XLA and other compilers read."""

from collections.abc import Callable
from typing import Any

from ..core.lazy import answering
from ..core.registry import load
from ..transforms.jit.api import Compiled, jit


@answering
def stablehlo(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The text of a function in StableHLO, for arguments with these shapes and dtypes.

    Its inputs are the leaves of the arguments, in order, and its outputs those of the result.
    Arrays that the function closes over are constants of it. It is made by JAX, which
    ``pip install 'funcgrad[jax]'`` installs. An element at an index out of range is nan, or the
    least integer.

    Args:
        fun: a function of arrays, or of trees of arrays.
        *args: arguments, or ShapeDtypeStructs for the arrays.
        **kwargs: keyword arguments.

    Raises:
        ImportError: if JAX is not installed.
        MissingRuleError: if an operation has no form in JAX.
    """
    made = load("funcgrad.bridge.conversions").engine("export.stablehlo", "program")
    compiled = fun if isinstance(fun, Compiled) else jit(fun, backend="jax")
    signature = compiled._signature(args, kwargs)[0]
    return made.stablehlo(signature.whole(), signature.name)  # type: ignore[no-any-return]
