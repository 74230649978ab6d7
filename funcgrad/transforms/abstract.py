"""Functions on shapes and dtypes alone: make_jaxpr, eval_shape, closure_convert."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import Aval, aval_of, is_arraylike
from ..core.errors import ConversionError, TreeError
from ..core.integers import several, whole
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.lazy import answering
from ..core.lists import compress
from ..core.pickling import picklable
from ..core.registry import overrides
from ..core.trace import Tracer
from .arguments import Origin, check_callable
from .options import check_flags, check_positions
from .staging import stage

# NumPy functions that need only shape and dtype: they create an array, or query one
_LIKE = frozenset({np.zeros_like, np.ones_like, np.empty_like, np.full_like})
_ASKING = frozenset(
    {np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.common_type}
)


@answering
@dataclass(frozen=True, slots=True)
class ShapeDtypeStruct:
    """An array's shape and dtype, without the array.

    >>> ShapeDtypeStruct((2, 3), np.float32)
    ShapeDtypeStruct(shape=(2, 3), dtype=float32)
    """

    shape: tuple[int, ...]
    dtype: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(map(whole, self.shape)))
        object.__setattr__(self, "dtype", np.dtype(self.dtype))

    @property
    def aval(self) -> Aval:
        return Aval(self.shape, self.dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise ConversionError(
            f"{self!r} has no elements, so it cannot become an array; pass it to eval_shape, "
            f"make_jaxpr or lower"
        )

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        if func in _LIKE:
            return overrides[func](*args, **kwargs)
        if func in _ASKING:
            return func._implementation(*args, **kwargs)  # type: ignore[attr-defined]
        return self.__array__()

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype})"


def _staged(
    who: str, fun: Callable[..., Any], static: Sequence[int], args: Any, kwargs: Any
) -> tuple[ClosedJaxpr, tree.TreeDef]:
    """Stage a call; static arguments, and leaves that are not arrays, are not traced."""
    kept = {n % len(args) for n in static if -len(args) <= n < len(args)}
    leaves, treedef = tree.flatten(([None if i in kept else x for i, x in enumerate(args)], kwargs))
    abstract = [is_arraylike(x) for x in leaves]

    def on_leaves(tracers: list[Any]) -> Any:
        rest = iter(tracers)
        values = [next(rest) if a else x for a, x in zip(abstract, leaves, strict=True)]
        given, keywords = tree.unflatten(treedef, values)
        return fun(*(args[i] if i in kept else x for i, x in enumerate(given)), **keywords)

    operands = compress(leaves, abstract)
    return stage(Origin(who, fun), on_leaves, list(map(aval_of, operands)), operands=operands)


def _struct(aval: Aval) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(aval.shape, aval.dtype)


@picklable
@answering
def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    return_shape: bool = False,
) -> Callable[..., Any]:
    """Trace a function to its program: the new function returns the program of a call.

    make_jaxpr : (a -> b) -> a -> Jaxpr

    Args:
        fun: a function of arrays, or of trees of arrays.
        static_argnums: positions of arguments that are not traced.
        return_shape: whether to return also the shapes and dtypes of the output, a tree.

    Raises:
        ConcretizationError: if ``fun`` needs the concrete value of a traced array.

    >>> print(make_jaxpr(lambda x: 2 * np.sin(x))(np.ones(3)))
    { lambda ; a:f64[3]. let
        b:f64[3] = sin a
        c:f64[3] = mul 2 b
      in (c,) }
    """
    check_callable("make_jaxpr", fun)
    check_positions("make_jaxpr", "static_argnums", static_argnums)
    check_flags("make_jaxpr", return_shape=return_shape)
    static = several(static_argnums)

    @functools.wraps(fun)
    def jaxpr_of(*args: Any, **kwargs: Any) -> Any:
        closed, treedef = _staged("make_jaxpr", fun, static, args, kwargs)
        if return_shape:
            return closed, tree.unflatten(treedef, map(_struct, closed.out_avals))
        return closed

    return jaxpr_of


@answering
def eval_shape(fun: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Shapes and dtypes of the output of a call, without computing it.

    Args:
        fun: a function of arrays, or of trees of arrays.
        *args: its arguments; a ShapeDtypeStruct may replace an array.
        **kwargs: its keyword arguments.

    >>> eval_shape(lambda x: x @ x.T, ShapeDtypeStruct((2, 3), np.float32))
    ShapeDtypeStruct(shape=(2, 2), dtype=float32)
    """
    check_callable("eval_shape", fun)
    closed, treedef = _staged("eval_shape", fun, (), args, kwargs)
    return tree.unflatten(treedef, map(_struct, closed.out_avals))


@answering
def closure_convert(fun: Callable[..., Any], *example_args: Any) -> tuple[Any, list[Any]]:
    """Closure conversion: make the traced values that ``fun`` closes over arguments.

    Args:
        fun: a function of arrays, or of trees of arrays.
        *example_args: arguments of the shapes and dtypes with which it will be called.

    Returns:
        ``(converted, hoisted)``: ``converted(*args, *hoisted)`` is ``fun(*args)``, and closes over
        no tracer.

    Raises:
        TreeError: if ``converted`` is called with arguments of another structure.

    >>> converted, hoisted = closure_convert(lambda x: x + 1, 2.0)
    >>> print(converted(3.0, *hoisted))
    4.0
    """
    check_callable("closure_convert", fun)
    in_tree = tree.structure(example_args)
    closed, out_tree = _staged("closure_convert", fun, (), example_args, {})
    traced = [isinstance(x, Tracer) for x in closed.consts]
    hoisted = [x for x, t in zip(closed.consts, traced, strict=True) if t]

    def converted(*args: Any) -> Any:
        given = args[: len(args) - len(hoisted)] if hoisted else args
        rest = iter(args[len(given) :])
        leaves, treedef = tree.flatten(given)
        if treedef != in_tree:
            raise TreeError(
                f"closure_convert: arguments must have the structure {in_tree}: got {treedef}"
                "; give a tree like it"
            )
        consts = [next(rest) if t else x for x, t in zip(closed.consts, traced, strict=True)]
        operands = [x for x in leaves if is_arraylike(x)]
        return tree.unflatten(out_tree, eval_jaxpr(closed.jaxpr, consts, operands))

    return converted, hoisted
