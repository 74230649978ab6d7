"""The elementary primitives in JAX: one row each.

A row takes the equation's avals, its operands and its parameters. Operands of elementwise rows are
cast to NumPy's common dtype first, because JAX promotes otherwise: int32 + float32 is float64 in
NumPy, and float32 in JAX. ``replay.py`` casts each result to the dtype of its aval.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special

from ..core.avals import Aval
from ..core.registry import entering
from ..ops.callback import examples
from ..ops.index import ARRAY, Index
from ..ops.windows import Window
from . import order
from .lowering import operand_dtype


class At(NamedTuple):
    """The avals of an equation, and the faults that its row may report."""

    ins: Sequence[Aval]
    outs: Sequence[Aval]
    faults: Any

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the first result."""
        return self.outs[0].dtype


Row = Callable[..., Any]
ROWS: dict[str, Row] = {}  # the name of a primitive -> its row
row = entering(ROWS)


# Elementwise operations


def elementwise(function: Callable[..., Any], keep: Sequence[int] = ()) -> Row:
    """The row of a function of elements; operands ``keep`` are not promoted."""

    def apply(at: At, *xs: Any) -> Any:
        dtype = operand_dtype([a for i, a in enumerate(at.ins) if i not in keep], at.dtype)
        own = [x if i in keep else jnp.asarray(x, dtype) for i, x in enumerate(xs)]
        return function(*own)

    return apply


_SAME = """
    sqrt cbrt hypot exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin
    arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh floor ceil trunc rint conj
    isfinite isinf isnan signbit logical_and logical_or logical_xor logical_not bitwise_and
    bitwise_or bitwise_xor invert bitwise_count copysign nextafter spacing gcd lcm sign
"""
_RENAMED = """
    add:add sub:subtract mul:multiply div:true_divide neg:negative pos:positive eq:equal
    ne:not_equal lt:less le:less_equal gt:greater ge:greater_equal
"""
for _name in _SAME.split():
    ROWS[_name] = elementwise(getattr(jnp, _name))
for _ours, _, _theirs in (_pair.partition(":") for _pair in _RENAMED.split()):
    ROWS[_ours] = elementwise(getattr(jnp, _theirs))
ROWS["where"] = elementwise(jnp.where, keep=[0])
ROWS["exponent"] = elementwise(lambda x: jnp.frexp(x)[1])
ROWS["ldexp"] = elementwise(lambda x, n: jnp.ldexp(x, jnp.asarray(n, jnp.int32)), keep=[1])


def _either(function: Callable[..., Any], beyond: Callable[..., Any]) -> Row:
    return elementwise(
        lambda x, y: order.either(x, y, beyond) if jnp.iscomplexobj(x) else function(x, y)
    )


ROWS["maximum"] = _either(jnp.maximum, jnp.greater)
ROWS["minimum"] = _either(jnp.minimum, jnp.less)


def _of_complex(function: Callable[[Any], Any]) -> Row:
    return lambda at, x: function(jnp.asarray(x, at.ins[0].dtype))


ROWS["abs"] = _of_complex(lambda x: x if x.dtype == bool else jnp.abs(x))
ROWS["real"], ROWS["imag"] = _of_complex(jnp.real), _of_complex(jnp.imag)


def _integer_quotient(function: Callable[..., Any]) -> Row:
    """A quotient or remainder, which NumPy defines as 0 for an integer divisor of 0."""

    def divide(x: Any, y: Any) -> Any:
        if jnp.issubdtype(x.dtype, jnp.floating):
            return function(x, y)
        return jnp.where(y == 0, 0, function(x, jnp.where(y == 0, 1, y)))

    return elementwise(divide)


for _name in ("mod", "fmod", "floor_divide"):
    ROWS[_name] = _integer_quotient(getattr(jnp, _name))


def _shift(function: Callable[..., Any], right: bool) -> Row:
    """A shift; one by as many bits as the integer has leaves 0, or its sign."""

    def shift(x: Any, n: Any) -> Any:
        bits = x.dtype.itemsize * 8
        far = jnp.logical_or(n < 0, n >= bits)
        rest = jnp.where(x < 0, -1, 0).astype(x.dtype) if right else jnp.zeros_like(x)
        return jnp.where(far, rest, function(x, jnp.where(far, 0, n)))

    return elementwise(shift)


ROWS["left_shift"] = _shift(jnp.left_shift, right=False)
ROWS["right_shift"] = _shift(jnp.right_shift, right=True)


@row("pow")
def _pow(at: At, x: Any, n: Any) -> Any:
    if at.ins[1].dtype.kind in "iu" and isinstance(n, int) and at.dtype.kind in "fc":
        return lax.integer_pow(jnp.asarray(x, at.dtype), n)
    if at.dtype.kind == "i":
        at.faults.add("power", jnp.any(jnp.asarray(n) < 0))
    return jnp.power(jnp.asarray(x, at.dtype), jnp.asarray(n, at.dtype))


# Functions that JAX has, and that have a long decomposition


def _in_single(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, by way of single precision for half precision, which JAX may refuse."""
    half = lambda x: x.astype(jnp.float32) if x.dtype == jnp.float16 else x
    return lambda *xs: function(*map(half, xs))


_SPECIAL = "gammaln gammainc gammaincc betainc erf erfc erfinv log_ndtr i0e i1e"
for _name in _SPECIAL.split():
    ROWS[_name] = elementwise(_in_single(getattr(special, _name)))
# JAX gives nan at these poles
ROWS["digamma"] = elementwise(
    lambda x: jnp.where(x == 0, -jnp.copysign(jnp.inf, x), special.digamma(x))
)
ROWS["i0"] = elementwise(lambda x: jnp.where(jnp.isinf(x), jnp.abs(x), special.i0(x)))
ROWS["i1"] = elementwise(lambda x: jnp.where(jnp.isinf(x), x, special.i1(x)))
ROWS["sigmoid"], ROWS["relu"] = elementwise(jax.nn.sigmoid), elementwise(jax.nn.relu)
ROWS["logaddexp"] = elementwise(jnp.logaddexp)


# Casts


@row("convert", "truncate")
def _convert(at: At, x: Any, *, dtype: np.dtype) -> Any:
    """A cast with the results of NumPy on x86-64 and ARM for numbers in range; see README."""
    x = jnp.asarray(x)
    if jnp.iscomplexobj(x) and dtype.kind != "c":
        x = jnp.real(x) if dtype.kind != "b" else x != 0
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return x.astype(dtype)
    # C casts by way of int32 or int64, whose least number stands for one out of range
    long = dtype.itemsize == 8 or dtype == np.uint32
    wide = np.int64 if long else np.int32
    least = int(np.iinfo(wide).min)
    inside = (x >= float(least)) & (x < -float(least))
    small = jnp.where(inside, x, 0).astype(wide)
    cast = jnp.where(inside, small, least).astype(dtype)
    if dtype == np.uint64:
        half = 2.0**63
        cast = jnp.where((x >= half) & (x < 2 * half), x.astype(dtype), cast)
    return cast


@row("weaken")
def _weaken(at: At, x: Any) -> Any:
    return x


# Structure


@row("constant")
def _constant(at: At, *, array: Any) -> Any:
    return jnp.asarray(array.value)


@row("stop_gradient")
def _stop_gradient(at: At, x: Any) -> Any:
    return x  # rules of derivatives are those of this library


@row("debug_callback")
def _debug_callback(at: At, *xs: Any, target: Any, batches: Any) -> Any:
    def call(*xs: Any) -> None:
        for values in examples([np.asarray(x)[()] for x in xs], batches):
            target(values)

    jax.debug.callback(call, *xs, ordered=True)
    return ()


@row("broadcast")
def _broadcast(at: At, x: Any, *, shape: Sequence[int], axes: Sequence[int]) -> Any:
    own = [1 if d in axes else n for d, n in enumerate(shape)]
    return jnp.broadcast_to(jnp.reshape(x, own), shape)


@row("reshape")
def _reshape(at: At, x: Any, *, shape: Sequence[int]) -> Any:
    return jnp.reshape(x, shape)


@row("transpose")
def _transpose(at: At, x: Any, *, perm: Sequence[int]) -> Any:
    return jnp.transpose(x, perm)


@row("concatenate")
def _concatenate(at: At, *xs: Any, axis: int) -> Any:
    return jnp.concatenate([jnp.asarray(x, at.dtype) for x in xs], axis)


# Reading and writing elements


def key_of(at: At, x: Any, index: Index, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The index with its arrays; one out of range is a fault."""
    rest, found, axis = iter(arrays), list[Any](), 0
    for entry in index:
        if entry is ARRAY:
            n, given = x.shape[axis], next(rest)
            # in a dtype that holds the length of the axis
            i = jnp.asarray(given, jax.dtypes.canonicalize_dtype(np.intp))
            if type(given) is not np.ndarray or np.any((given < -n) | (given >= n)):
                at.faults.add("index", jnp.any((i < -n) | (i >= n)))
            entry = jnp.where(i < 0, i + n, i)
        axis += entry is not None and entry is not Ellipsis
        found.append(entry)
    return tuple(found)


@row("getitem")
def _getitem(at: At, x: Any, *arrays: Any, index: Index) -> Any:
    x = jnp.asarray(x)
    return x.at[key_of(at, x, index, arrays)].get(mode="fill" if arrays else None)


def cast_to(v: Any, dtype: np.dtype) -> Any:
    """The value in a dtype; of a complex number for a real one, the real part."""
    v = jnp.asarray(v)
    return (v.real if jnp.iscomplexobj(v) and dtype.kind != "c" else v).astype(dtype)


def _writing(how: str) -> Row:
    def write(at: At, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
        x, v = jnp.asarray(x, at.dtype), cast_to(v, at.dtype)
        key = key_of(at, x, index, arrays)
        if how in ("max", "min") and at.dtype.kind == "c":
            return order.extremum_at(x, key, v, how)
        # a sum of booleans is a logical or
        how_here = "max" if how == "add" and x.dtype == bool else how
        return getattr(x.at[key], how_here)(v, mode="drop")

    return write


for _name, _how in {"set_at": "set", "add_at": "add", "max_at": "max", "min_at": "min"}.items():
    ROWS[_name] = _writing(_how)


# Reductions and order


def _reduction(function: Callable[..., Any], cast: bool) -> Row:
    def reduce(at: At, x: Any, *, axes: Sequence[int]) -> Any:
        return function(jnp.asarray(x, at.dtype) if cast else jnp.asarray(x), axis=tuple(axes))

    return reduce


def _extremum_of(function: Callable[..., Any]) -> Row:
    """An extremum along axes; a nan among the elements, which XLA may lose, is the result."""

    def reduce(at: At, x: Any, *, axes: Sequence[int]) -> Any:
        x, axes = jnp.asarray(x), tuple(axes)
        if jnp.iscomplexobj(x):
            return order.extremum(x, axes, largest=function is jnp.max)
        y = function(x, axis=axes)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return y
        return jnp.where(jnp.any(jnp.isnan(x), axis=axes), jnp.nan, y)

    return reduce


for _name in ("sum", "prod", "any", "all"):
    ROWS[_name] = _reduction(getattr(jnp, _name), cast=_name in ("sum", "prod"))
ROWS["max"], ROWS["min"] = _extremum_of(jnp.max), _extremum_of(jnp.min)


@row("cumsum")
def _cumsum(at: At, x: Any, *, axis: int, reverse: bool) -> Any:
    return lax.cumsum(jnp.asarray(x, at.dtype), axis, reverse)


ROWS["argmax"] = lambda at, x, *, axis: order.position(jnp.asarray(x), axis, largest=True)
ROWS["argmin"] = lambda at, x, *, axis: order.position(jnp.asarray(x), axis, largest=False)
ROWS["argsort"] = lambda at, x, *, axis, kind=None: order.argsort(jnp.asarray(x), axis)
# any order within the parts is right, so that of the sorted array too
ROWS["argpartition"] = lambda at, x, *, axis, **params: order.argsort(jnp.asarray(x), axis)


# Contraction


@row("matmul")
def _matmul(at: At, a: Any, b: Any) -> Any:
    a, b = jnp.asarray(a, at.dtype), jnp.asarray(b, at.dtype)
    return jnp.matmul(a, b, precision="highest")


@row("conv_general_dilated")
def _conv(at: At, x: Any, w: Any, *, windows: Sequence[Window], groups: int) -> Any:
    """Windows as strides, paddings and dilations; one that runs backwards reverses the kernel."""
    x, w = jnp.asarray(x, at.dtype), jnp.asarray(w, at.dtype)
    if 0 in (x.size, w.size, *at.outs[0].shape):
        return jnp.zeros(at.outs[0].shape, at.dtype)
    w = jnp.flip(w, [d for d, axis in enumerate(windows) if axis[6] < 0])
    padding, strides, spread, dilation = [], [], [], []
    for n, m, size, source, offset, result, step in windows:
        low = offset if step > 0 else offset - (size - 1) * step
        reach, extent = (size - 1) * abs(step) + 1, (n - 1) * source + 1
        padding.append((low, (m - 1) * result + reach - extent - low))
        strides.append(result)
        spread.append(source)
        dilation.append(abs(step))
    axes = "".join(chr(ord("a") + d) for d in range(len(windows)))
    layout = (f"N{axes}C", f"{axes}IO", f"N{axes}C")
    return lax.conv_general_dilated(
        x, w, strides, padding, spread, dilation, layout, groups, precision="highest"
    )


# Named axes: the token of an axis stands for its name


class Token(NamedTuple):
    """The operand of a collective that says along which axis it runs."""

    name: Any

    @property
    def index(self) -> Any:
        """The index of this example along the axis."""
        return lax.axis_index(self.name)


def _extremum(function: Callable[..., Any]) -> Row:
    return lambda at, x, token, *, size: function(jnp.asarray(x), token.name)


@row("psum")
def _psum(at: At, x: Any, token: Token, *, size: int) -> Any:
    return lax.psum(jnp.asarray(x, at.dtype), token.name)


ROWS["pmax"], ROWS["pmin"] = _extremum(lax.pmax), _extremum(lax.pmin)


@row("all_gather")
def _all_gather(at: At, x: Any, token: Token, *, size: int, axis: int, tiled: bool) -> Any:
    return lax.all_gather(x, token.name, axis=axis, tiled=tiled)


@row("psum_scatter")
def _psum_scatter(at: At, x: Any, token: Token, *, size: int, axis: int, tiled: bool) -> Any:
    return lax.psum_scatter(x, token.name, scatter_dimension=axis, tiled=tiled)


@row("all_to_all")
def _all_to_all(
    at: At, x: Any, token: Token, *, size: int, split: int, concat: int, tiled: bool
) -> Any:
    return lax.all_to_all(x, token.name, split, concat, tiled=tiled)


@row("ppermute")
def _ppermute(at: At, x: Any, token: Token, *, size: int, perm: Any) -> Any:
    return lax.ppermute(x, token.name, perm)
