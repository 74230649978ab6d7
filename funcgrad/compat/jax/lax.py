"""``jax.lax``: control flow, elementwise functions, slices and reductions."""

import builtins
import enum
import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from ... import lax as ours
from ...core.avals import broadcast_shapes as broadcast_shapes
from ...core.lazy import kept as _kept
from ...core.registry import load
from . import numpy as jnp
from .arrays import Methods, inward, lowered, outward, raised
from .creation import made
from .gathering import (
    GatherDimensionNumbers as GatherDimensionNumbers,
    GatherScatterMode as GatherScatterMode,
    ScatterDimensionNumbers as ScatterDimensionNumbers,
    gather as gather,
    scatter as scatter,
    scatter_add as scatter_add,
    scatter_max as scatter_max,
    scatter_min as scatter_min,
    scatter_mul as scatter_mul,
    scatter_sub as scatter_sub,
)
from .loops import fori_loop as fori_loop, scan as scan, while_loop as while_loop
from .operations import (
    FftType as FftType,
    RoundingMethod as RoundingMethod,
    argmax as argmax,
    argmin as argmin,
    bitcast_convert_type as bitcast_convert_type,
    complex as complex,
    concatenate as concatenate,
    fft as fft,
    reduce as reduce,
    reduce_and as reduce_and,
    reduce_max as reduce_max,
    reduce_min as reduce_min,
    reduce_or as reduce_or,
    reduce_prod as reduce_prod,
    reduce_sum as reduce_sum,
    reduce_xor as reduce_xor,
    rev as rev,
    round as round,
    shift_right_logical as shift_right_logical,
    sort as sort,
    sort_key_val as sort_key_val,
    split as split,
    squeeze as squeeze,
    stack as stack,
    tile as tile,
    transpose as transpose,
)
from .patches import (
    ConvDimensionNumbers as ConvDimensionNumbers,
    conv_general_dilated_local as conv_general_dilated_local,
    conv_general_dilated_patches as conv_general_dilated_patches,
)
from .refusals import refused
from .representation import (
    broadcast_like as broadcast_like,
    clz as clz,
    reduce_precision as reduce_precision,
)
from .scalars import dtype_in
from .shapes import (
    conv_general_permutations as conv_general_permutations,
    conv_general_shape_tuple as conv_general_shape_tuple,
    conv_shape_tuple as conv_shape_tuple,
    conv_transpose_shape_tuple as conv_transpose_shape_tuple,
    reduce_window_shape_tuple as reduce_window_shape_tuple,
)
from .transforms import point
from .weak_types import STRONG, operands_in, weakened

_IGNORED = (
    "precision",
    "preferred_element_type",
    "out_sharding",
    "linear",
    "is_stable",
    "accuracy",
    "check_finite", "overwrite_a", "overwrite_b", "overwrite_c", "overwrite_data", "lapack_driver",
    "lwork", "debug", "turbo", "upper_triangular", "max_squarings",  # of scipy.linalg
)  # fmt: skip
# JAX's names that NumPy or our modules spell otherwise
_NUMPY = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan",
    "atan2": "arctan2", "atanh": "arctanh", "bitwise_not": "invert", "dot": "dot",
    "full_like": "full_like", "is_finite": "isfinite",
    "rem": "fmod", "shift_left": "left_shift",
    "shift_right_arithmetic": "right_shift", "batch_matmul": "matmul",
    "add": "add", "sub": "subtract",
    "mul": "multiply", "div": "divide", "neg": "negative", "pow": "power", "max": "maximum",
    "min": "minimum", "abs": "abs", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos",
    "tanh": "tanh", "sqrt": "sqrt", "eq": "equal", "ne": "not_equal", "lt": "less",
    "le": "less_equal", "gt": "greater", "ge": "greater_equal", "sign": "sign",
    "floor": "floor", "ceil": "ceil", "square": "square", "log1p": "log1p", "expm1": "expm1",
}  # fmt: skip
_SPECIAL = {
    "lgamma": "gammaln", "digamma": "digamma", "igamma": "gammainc", "igammac": "gammaincc",
    "logistic": "expit", "polygamma": "polygamma", "zeta": "zeta", "betainc": "betainc",
    "bessel_i0e": "i0e", "bessel_i1e": "i1e",
}  # fmt: skip
_OF_SOLVERS = ("custom_root", "custom_linear_solve")  # which call functions with functions


def __getattr__(name: str) -> Any:
    if name in _NUMPY:
        value = getattr(jnp, _NUMPY[name])
    elif name in _SPECIAL:
        value = outward(getattr(load("funcgrad.special"), _SPECIAL[name]))
    elif not name.startswith("__") and hasattr(ours, name):
        value = function(getattr(ours, name))
    else:
        raise refused("jax.lax", name)
    return _kept(__name__, name, value)


class Precision(enum.Enum):
    """Precisions of products, all of which are the dtype's own here."""

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2


PrecisionLike = ConvGeneralDilatedDimensionNumbers = DotDimensionNumbers = Any


def function(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of funcgrad.lax for JAX's arrays and for functions of them."""

    own_given = _given_solver if getattr(fun, "__name__", "") in _OF_SOLVERS else _given

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs = {k: own_given(v) for k, v in kwargs.items() if k not in _IGNORED}
        with np.errstate(all="ignore"):
            found = fun(*builtins.map(own_given, args), **kwargs)
        if type(found) is float or getattr(fun, "__name__", "") in ("cond", "switch"):
            return made(raised(found))
        if isinstance(found, FunctionType) or type(found).__module__ == "funcgrad.nn.init":
            return outward(found)
        found = raised(found)
        strong = getattr(fun, "__name__", "") in STRONG
        return found if strong else weakened(found, tuple(operands_in(args)))

    call.__doc__ = f"See {fun.__module__}.{getattr(fun, '__name__', 'call')}."
    return call


def _given(x: Any) -> Any:
    if isinstance(x, (list, tuple)) and x and builtins.all(builtins.map(_is_function, x)):
        return [_given(f) for f in x]
    if _is_function(x):
        return inward(x)
    return lowered(dtype_in(x))


def _given_solver(x: Any) -> Any:
    """An argument that may be a function of functions: of the equation that it solves."""
    if not _is_function(x):
        return point(x)
    across = lambda arg: outward(arg) if isinstance(arg, FunctionType) else raised(arg)
    return functools.wraps(x)(lambda *args: lowered(x(*builtins.map(across, args))))


def _is_function(x: Any) -> bool:
    return callable(x) and not isinstance(x, (type, Methods)) and not hasattr(x, "tree_flatten")


_cond = function(ours.cond)


def cond(pred: Any, *args: Any, operand: Any = ..., **options: Any) -> Any:
    """``cond(pred, true_fun, false_fun, *operands)``, and JAX's older forms of it."""
    if operand is not ...:
        true_fun, false_fun = args
        return _cond(pred, true_fun, false_fun, operand)
    if (
        len(args) == 4
        and not _is_function(args[0])
        and _is_function(args[1])
        and _is_function(args[3])
    ):
        x, true_fun, y, false_fun = args
        return _cond(pred, lambda x, y: true_fun(x), lambda x, y: false_fun(y), x, y)
    return _cond(pred, *args)


def reduce_window(
    operand: Any, init_value: Any, computation: Any, *args: Any, **kwargs: Any
) -> Any:
    """See funcgrad.lax.reduce_window; ``computation`` is lax.add, max or min."""
    ufuncs = {
        "add": ours.add,
        "maximum": ours.max,
        "minimum": ours.min,
        "max": ours.max,
        "min": ours.min,
    }
    named = ufuncs.get(getattr(computation, "__name__", ""), computation)
    return raised(ours.reduce_window(lowered(operand), lowered(init_value), named, *args, **kwargs))


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """Elements of two arrays by a mask."""
    return jnp.where(pred, on_true, on_false)


def select_n(which: Any, *cases: Any) -> Any:
    """Elements of one of several arrays, by index or mask."""
    which = jnp.asarray(which)
    found = cases[0]
    for i, case in enumerate(cases[1:], 1):
        found = jnp.where(which == i, case, found)
    return found


def clamp(min: Any, x: Any, max: Any) -> Any:
    """Elements limited to bounds."""
    return jnp.clip(x, min, max)


def population_count(x: Any) -> Any:
    """The number of bits that are 1."""
    x = jnp.asarray(x)
    return jnp.bitwise_count(x).astype(x.dtype)


def iota(dtype: Any, size: int) -> Any:
    """0, 1, ... in a dtype."""
    return jnp.arange(size, dtype=dtype)


def broadcasted_iota(dtype: Any, shape: Sequence[int], dimension: int, **_: Any) -> Any:
    """The index along an axis, in each element."""
    along = [n if d == dimension else 1 for d, n in enumerate(shape)]
    return jnp.broadcast_to(jnp.arange(shape[dimension], dtype=dtype).reshape(along), shape)


def convert_element_type(operand: Any, new_dtype: Any) -> Any:
    """The array in another dtype."""
    return jnp.asarray(operand).astype(new_dtype)


def full(shape: Sequence[int], fill_value: Any, dtype: Any = None, **_: Any) -> Any:
    """An array of one value."""
    return jnp.full(shape, fill_value, dtype)


def reshape(operand: Any, new_sizes: Sequence[int], dimensions: Any = None, **_: Any) -> Any:
    """The elements in another shape."""
    return jnp.reshape(operand, new_sizes)


def slice(
    operand: Any, start_indices: Sequence[int], limit_indices: Sequence[int], strides: Any = None
) -> Any:
    """A slice with static bounds."""
    steps = strides or [1] * len(start_indices)
    rows = zip(start_indices, limit_indices, steps, strict=True)
    return jnp.asarray(operand)[tuple([builtins.slice(*row) for row in rows])]


def slice_in_dim(
    operand: Any, start_index: int, limit_index: int, stride: int = 1, axis: int = 0
) -> Any:
    """A slice along one axis."""
    index = [builtins.slice(None)] * jnp.ndim(operand)
    index[axis] = builtins.slice(start_index, limit_index, stride)
    return jnp.asarray(operand)[tuple(index)]


def index_in_dim(operand: Any, index: int, axis: int = 0, keepdims: bool = True) -> Any:
    """An item along one axis."""
    found = jnp.take(operand, index, axis=axis)
    return jnp.expand_dims(found, axis) if keepdims else found


def integer_pow(x: Any, y: int) -> Any:
    """``x**y`` for a static integer."""
    return jnp.asarray(x) ** y


def broadcast(operand: Any, sizes: Sequence[int], **_: Any) -> Any:
    """The array, repeated along new axes in front."""
    return jnp.broadcast_to(operand, (*sizes, *jnp.shape(operand)))


def broadcast_to_rank(x: Any, rank: int) -> Any:
    """The array with axes of length 1 in front, up to a number of axes."""
    return jnp.expand_dims(x, tuple(range(rank - jnp.ndim(x))))


def collapse(operand: Any, start_dimension: int, stop_dimension: int | None = None) -> Any:
    """The array with axes joined into one."""
    shape = jnp.shape(operand)
    stop = len(shape) if stop_dimension is None else stop_dimension
    return jnp.reshape(operand, (*shape[:start_dimension], -1, *shape[stop:]))


def approx_max_k(operand: Any, k: int, reduction_dimension: int = -1, **_: Any) -> Any:
    """The k largest elements and their indices; exact here."""
    moved = jnp.moveaxis(operand, reduction_dimension, -1)
    return [jnp.moveaxis(x, -1, reduction_dimension) for x in __getattr__("top_k")(moved, k)]


def approx_min_k(operand: Any, k: int, reduction_dimension: int = -1, **_: Any) -> Any:
    """The k smallest elements and their indices; exact here."""
    values, places = approx_max_k(-jnp.asarray(operand), k, reduction_dimension)
    return [-values, places]


def with_sharding_constraint(x: Any, shardings: Any) -> Any:
    """Pass a tree through: one process computes."""
    return x


def platform_dependent(*args: Any, default: Any = None, cpu: Any = None, **_: Any) -> Any:
    """The function for the CPU, or the default one, of the arguments."""
    return (cpu or default)(*args)


optimization_barrier = lambda operand: operand


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The items along an axis."""
    return tuple(jnp.moveaxis(x, axis, 0))


def pswapaxes(x: Any, axis_name: Any, axis: int, **_: Any) -> Any:
    """Exchange the named axis and an axis of the array."""
    return function(ours.all_to_all)(x, axis_name, axis, axis)


def empty(shape: Sequence[int], dtype: Any, **_: Any) -> Any:
    """An array of zeros."""
    return jnp.zeros(shape, dtype)


def dtype(x: Any) -> Any:
    """The dtype of an array or scalar."""
    return jnp.result_type(x)
